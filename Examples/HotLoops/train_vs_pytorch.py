#!/usr/bin/env python3
"""Training speed and peak memory of `weir train` beside PyTorch's, on the same machine at the same time.

    python3 Examples/HotLoops/train_vs_pytorch.py --weir .build/release/weir

Both train the same RealNVP (2 scales, 64 channels and 6 blocks unless told otherwise, 1x28x28, batch 32, Adam, clipping, weight decay on
gains, fresh noise) on the same FashionMNIST images with the same number of threads. Each run is a process of its own, so its peak memory is its own; runs
alternate, so that both meet the same machine; a run's speed is that of its steps after the warm-up, and figures are medians over the
rounds. PyTorch runs Tests/Golden/reference_flow.py in float32, which is as fast as the authors' code. Leave the machine alone meanwhile:
two threads slow down far more than twofold when other work takes one of the cores.
"""

import argparse
import gzip
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

# Nothing large may be imported here: on Linux a child's peak memory starts from its parent's.

FASHION_MNIST = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
SCALES, BATCH, LEARNING_RATE = 2, 32, 5e-5
WARM_UP = 2

RECIPE = """\
data:
  train: {data}
flow:
  preset: realnvp
  scales: {scales}
  channels: {channels}
  blocks: {blocks}
train:
  epochs: 1
  batch: {batch}
  learning_rate: {learning_rate}
  log_every: 1
"""


def pytorch(data, channels, blocks, threads):
    """The PyTorch process: for every step a line of JSON like one of Weir's log, with images_per_second since the first step began."""
    import torch
    from compared_flows import Case, make_model, realnvp
    from reference_flow import ReferenceFlow

    torch.set_num_threads(threads)
    spec, tensors, _ = make_model(Case((1, 28, 28), realnvp(SCALES, channels, blocks), BATCH), 0)
    flow = ReferenceFlow(spec, tensors, torch.float32)
    with open(data, "rb") as file:
        file.seek(16)
        images = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).reshape(-1, 1, 28, 28)
    optimizer = flow.adam()
    start = time.perf_counter()
    for step, batch in enumerate(images.split(BATCH), 1):
        loss = flow.step(optimizer, batch.float(), LEARNING_RATE, noise=torch.rand(batch.shape))
        seconds = time.perf_counter() - start
        print(json.dumps({"step": step, "loss": loss, "images_per_second": step * BATCH / seconds}), flush=True)


def run(command, output):
    """Runs a command with its standard output in a file; returns its peak memory in MB."""
    with open(output, "w") as file:
        child = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}")
    return usage.ru_maxrss / 1024


def images_per_second(log):
    """Speed between the end of the warm-up and the last step. The log's figure counts from the beginning, so it gives the time too."""
    with open(log) as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    seconds = {line["step"]: line["step"] * BATCH / line["images_per_second"] for line in lines if "images_per_second" in line}
    last = max(seconds, default=0)
    if WARM_UP not in seconds or last == WARM_UP:
        sys.exit(f"{log}: no images_per_second for step {WARM_UP} and one after it")
    return (last - WARM_UP) * BATCH / (seconds[last] - seconds[WARM_UP])


def write_images(source, target, count):
    with gzip.open(source, "rb") as file:
        header, pixels = file.read(16), file.read(count * 784)
    with open(target, "wb") as file:
        file.write(struct.pack(">IIII", struct.unpack(">I", header[:4])[0], count, 28, 28) + pixels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=".build/release/weir")
    parser.add_argument("--data", default=FASHION_MNIST, help="28x28 images, .gz IDX")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12, help="of one run")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pytorch", metavar="IDX", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pytorch:
        return pytorch(options.pytorch, options.channels, options.blocks, options.threads)
    with tempfile.TemporaryDirectory() as folder:
        names = ("train-idx3-ubyte", "recipe.yaml", "model.safetensors", "log.jsonl", "out")
        data, recipe, model, log, out = (os.path.join(folder, name) for name in names)
        write_images(options.data, data, options.steps * BATCH)
        with open(recipe, "w") as file:
            file.write(RECIPE.format(data=data, scales=SCALES, channels=options.channels, blocks=options.blocks, batch=BATCH,
                                     learning_rate=LEARNING_RATE))
        threads = ["--threads", str(options.threads)]
        size = ["--channels", str(options.channels), "--blocks", str(options.blocks)]
        commands = {
            "PyTorch": [sys.executable, os.path.abspath(__file__), "--pytorch", data, *size, *threads],
            "Weir": [options.weir, "train", recipe, "--output", model, "--log", log, *threads],
        }
        speed, memory = {name: [] for name in commands}, {name: [] for name in commands}
        if os.getloadavg()[0] > 0.5:
            print(f"Other work is running here (load {os.getloadavg()[0]:.1f}): the figures will be off", file=sys.stderr)
        print(f"RealNVP 1x28x28, {SCALES} scales, {options.channels} channels, {options.blocks} blocks, batch {BATCH}, {options.threads} threads, "
              f"{options.steps} steps a run")
        for turn in range(options.rounds):
            for name in sorted(commands, reverse=bool(turn % 2)):
                if os.path.exists(log):
                    os.remove(log)
                memory[name].append(run(commands[name], out))
                speed[name].append(images_per_second(log if name == "Weir" else out))
            figures = (f"{name} {speed[name][-1]:.1f} images/s {memory[name][-1]:.0f} MB" for name in commands)
            print(f"  round {turn + 1}: {', '.join(figures)}", flush=True)
    middle = {name: (statistics.median(speed[name]), statistics.median(memory[name])) for name in commands}
    for name, (images, peak) in middle.items():
        print(f"{name:8} {images:7.1f} images/s   peak {peak:6.0f} MB")
    ratios = sorted(ours / theirs for ours, theirs in zip(speed["Weir"], speed["PyTorch"]))
    print(f"Weir / PyTorch: speed {statistics.median(ratios):.2f} (rounds {ratios[0]:.2f} to {ratios[-1]:.2f}), "
          f"memory {middle['Weir'][1] / middle['PyTorch'][1]:.2f}")


if __name__ == "__main__":
    main()
