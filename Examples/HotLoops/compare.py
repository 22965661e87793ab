#!/usr/bin/env python3
"""Weir's scoring speed beside PyTorch, ONNX Runtime, OpenVINO and ncnn: the same flows from the same model files, at the same time.

    python3 -m venv peers
    peers/bin/pip install torch==2.13.0+cpu --index-url https://download.pytorch.org/whl/cpu
    peers/bin/pip install numpy safetensors onnxruntime openvino onnx ncnn pnnx
    swift build -c release --product weir --static-swift-stdlib
    peers/bin/python Examples/HotLoops/compare.py                                             # everything, an hour
    peers/bin/python Examples/HotLoops/compare.py --case embedding --rounds 3 --seconds 0.2   # a minute

The flows have random weights. Before anything is timed, every runtime's f32 log-likelihoods (midpoint noise) of the first samples must
lie within 5e-3 nats per 1000 dims of PyTorch's in float64, and Weir's within 2e-3; for bf16 the table says how far they are. Then the
runtimes take turns, round after round, forwards and backwards. A turn is calls for `--seconds` after one that is not counted, and its
figure their median. The table has medians over the rounds, lowest and highest in brackets. Of a peer it has first the ratio of its time
to Weir's in the same round: above 1 Weir is faster.

What each runs: PyTorch eager; ONNX Runtime and OpenVINO a graph of the very batch size, OpenVINO in one stream; ncnn, which has no
batches, one sample after another. A missing runtime is left out. Leave the machine alone meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Callable, NamedTuple

import numpy as np
import torch

from compared_flows import FLOWS, samples, write_flow
from compared_runtimes import RUNTIMES, Unsupported
from reference_flow import ReferenceFlow

BATCHES = {"realnvp": (1, 32), "cycle": (1, 32), "glow": (1, 8), "embedding": (1, 256)}
CHECKED = 8  # samples; float64 is slow
NATS_PER_DIM = {"Weir": 2e-6}  # most that f32 may be from float64
PEER_NATS_PER_DIM = 5e-6
PAUSE = 0.3  # seconds between turns, for the threads of the one before to fall asleep
PRECISIONS = ("f32", "bf16")


class Work(NamedTuple):
    name: str
    model: str
    inputs: str  # .npy of the samples, for Weir
    samples: torch.Tensor
    threads: int
    precision: str


def weir(program, work):
    """A turn of Weir: seconds to (median seconds of a call, log-likelihoods)."""
    def turn(seconds):
        command = [program, "bench", work.model, "--inputs", work.inputs, "--batch", str(len(work.samples)), "--threads",
                   str(work.threads), "--precision", work.precision, "--rounds", "1", "--seconds", str(seconds), "--json", "--scores"]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if ran.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {ran.returncode}")
        case = json.loads(ran.stdout)["cases"][0]
        scores = [-np.inf if score is None else score for score in case["log_likelihoods"]]
        return case["median_seconds"], np.array(scores, np.float64)

    return turn


def peer(build, work):
    """The same of another runtime."""
    score = build(work.model, work.samples, work.threads, work.precision)

    def turn(seconds):
        scores, took = score(), []
        end = time.perf_counter() + seconds
        while not took or time.perf_counter() < end:
            start = time.perf_counter()
            score()
            took.append(time.perf_counter() - start)
        return statistics.median(took), scores

    return turn


def turns_of(work, program, names):
    """Two dictionaries by runtime: its turn, or the reason why it has none."""
    turns: dict[str, Callable] = {}
    absent = {}
    for name in names:
        try:
            turns[name] = weir(program, work) if name == "Weir" else peer(RUNTIMES[name], work)
        except Unsupported as reason:
            absent[name] = str(reason)
        except ImportError as missing:
            absent[name] = f"{missing.name} is not installed"
    return turns, absent


def check(work, turns, exact):
    """Mean distance from float64 by runtime, in bits per dimension. Ends the program when f32 is too far away."""
    dims, away = work.samples[0].numel(), {}
    for name, turn in turns.items():
        nats = np.abs(turn(0)[1][:len(exact)] - exact[:len(work.samples)])
        away[name] = nats.mean() / dims / np.log(2)
        allowed = dims * NATS_PER_DIM.get(name, PEER_NATS_PER_DIM)
        if work.precision == "f32" and not nats.max() <= allowed:
            sys.exit(f"{name}, {work.name}, batch {len(work.samples)}: {nats.max():.2g} nats from float64, more than {allowed:.2g}")
    return away


def measure(turns, rounds, seconds):
    """Seconds of a call in each round, by runtime."""
    figures = {name: [] for name in turns}
    for turn in range(rounds):
        for name in reversed(turns) if turn % 2 else turns:
            time.sleep(PAUSE)
            figures[name].append(turns[name](seconds)[0])
    return figures


def span(values, show):
    values = sorted(values)
    return f"{show(statistics.median(values))} ({show(values[0])} to {show(values[-1])})"


def duration(seconds):
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def cell(name, figures, count, away, precision):
    """What the table says of a runtime's seconds a call of `count` samples."""
    each = [seconds / count for seconds in figures[name]]
    accuracy = f"; {away[name]:.2g} bits/dim off" if precision != "f32" else ""
    if name == "Weir" or "Weir" not in figures:
        return span(each, duration) + accuracy
    ratios = [theirs / ours for theirs, ours in zip(figures[name], figures["Weir"])]
    return f"{span(ratios, '{:.2f}'.format)}; {duration(statistics.median(each))}{accuracy}"


def compare(name, folder, options):
    """Prints the table's rows of a flow."""
    flow = FLOWS[name]
    model, inputs = (os.path.join(folder, name + suffix) for suffix in (".safetensors", ".npy"))
    batches = options.batches or BATCHES[name]
    write_flow(flow, model)
    everything = samples(flow, max(batches))
    np.save(inputs, everything.numpy().astype(np.uint8 if len(flow.shape) == 3 else np.float32))
    exact = ReferenceFlow.load(model).score(everything[:CHECKED]).numpy()
    for precision in options.precisions:
        for batch in batches:
            for threads in options.threads:
                work = Work(name, model, inputs, everything[:batch], threads, precision)
                turns, absent = turns_of(work, options.weir, options.runtimes)
                away = check(work, turns, exact)
                figures = measure(turns, options.rounds, options.seconds)
                cells = [cell(each, figures, batch, away, precision) if each in figures else absent[each]
                         for each in options.runtimes]
                print(f"| {name} | {precision} | {batch} | {threads} | {' | '.join(cells)} |", flush=True)


def numbers(text):
    values = tuple(int(part) for part in text.split(","))
    if min(values) < 1:
        raise ValueError
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=".build/release/weir", help="the command line (default: %(default)s)")
    parser.add_argument("--case", action="append", choices=FLOWS, help="may be given several times; default: all")
    parser.add_argument("--peer", action="append", choices=RUNTIMES, help="may be given several times; default: all")
    parser.add_argument("--batches", type=numbers, help="as 1,8,32,256; default: those that matter for each flow")
    parser.add_argument("--threads", type=numbers, default=(1, 2), help="default: 1,2")
    parser.add_argument("--precision", action="append", dest="precisions", choices=PRECISIONS, help="default: both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one turn (default: %(default)s)")
    options = parser.parse_args()
    options.precisions = options.precisions or PRECISIONS
    options.runtimes = ["Weir"] + (options.peer or list(RUNTIMES))
    if not os.access(options.weir, os.X_OK):
        parser.error(f"there is no {options.weir}; how to make it is at the top of {os.path.basename(__file__)}")
    if os.getloadavg()[0] > 0.5:
        print(f"Other work is running here (load {os.getloadavg()[0]:.1f}): the figures will be off", file=sys.stderr)
    print("Time a sample; for the peers first the ratio to Weir's: above 1 Weir is faster.\n")
    print(f"| flow | precision | batch | threads | {' | '.join(options.runtimes)} |")
    print("|" + "---|" * (4 + len(options.runtimes)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.case or FLOWS:
            compare(name, folder, options)


if __name__ == "__main__":
    main()
