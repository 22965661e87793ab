#!/usr/bin/env python3
"""From nothing to the first score: a whole process that opens a model, scores one image and ends, Weir beside ONNX Runtime and OpenVINO.

    peers/bin/python Examples/HotLoops/compare_start.py --weir .build/release/weir   # the environment that compare.py describes

With `--c-program`, the README's C program (compiled and linked as it says there) is timed too: it loads less than the command line tool.
The RealNVP of compare.py (59 MB). Processes take turns; figures are medians over the rounds, lowest and highest in brackets: wall time, the
same without starting Python and importing the runtime (which a C++ program would not do either), and the peak of resident memory. Files
lie in the page cache: a round that is not counted comes first.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

NATS_APART = 5e-3  # for 784 dims
MODEL, INPUT, GRAPH = "realnvp.safetensors", "one.npy", "realnvp.onnx"


def prepare(folder):
    """Writes the model, its graph and one image."""
    from compared_flows import FLOWS, samples, write_flow
    from compared_runtimes import onnx_graph

    model = os.path.join(folder, MODEL)
    write_flow(FLOWS["realnvp"], model)
    one = samples(FLOWS["realnvp"], 1)
    np.save(os.path.join(folder, INPUT), one.numpy().astype(np.uint8))
    os.replace(onnx_graph(model, one), os.path.join(folder, GRAPH))


def run(command, pixels):
    """(seconds, MiB, output) of a process that may read pixels from its standard input."""
    start = time.perf_counter()
    with open(pixels, "rb") as stdin:
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    return took, usage.ru_maxrss / 1024, output


def span(values, text):
    return f"{text.format(statistics.median(values))} ({text.format(min(values))} to {text.format(max(values))})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=".build/release/weir", help="the command line program (default: %(default)s)")
    parser.add_argument("--c-program", help="the README's C program, compiled")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prepare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare)
        return
    if not os.access(options.weir, os.X_OK):
        parser.error(f"there is no {options.weir}; swift build -c release --product weir --static-swift-stdlib makes it")
    with tempfile.TemporaryDirectory() as folder:
        # By another process: a child's peak of memory begins with that of the process it comes from.
        subprocess.run([sys.executable, os.path.abspath(__file__), "--prepare", folder], check=True)
        model, inputs, graph, scores = (os.path.join(folder, name) for name in (MODEL, INPUT, GRAPH, "scores.npy"))
        pixels = os.path.join(folder, "one.raw")
        np.load(inputs).tofile(pixels)
        once = os.path.join(os.path.dirname(os.path.abspath(__file__)), "score_once.py")
        threads = str(options.threads)
        commands = {"Weir": [options.weir, "score", model, inputs, "--threads", threads, "--output", scores]}
        if options.c_program:
            commands["Weir, C program"] = [options.c_program, model]
        for name in ("onnxruntime", "openvino"):
            commands[name] = [sys.executable, once, name, graph, inputs, threads]
        wall, memory, inner = ({name: [] for name in commands} for _ in range(3))
        for turn in range(options.rounds + 1):
            for name, command in commands.items():
                took, peak, output = run(command, pixels)
                nats = np.load(scores)[0] if name == "Weir" else float(output.split()[0])
                if turn == 0:
                    first = nats if name == "Weir" else first
                    if abs(nats - first) > NATS_APART:
                        sys.exit(f"{name} scores {nats}, Weir {first}")
                    continue
                wall[name].append(took)
                memory[name].append(peak)
                inner[name].append(took if name.startswith("Weir") else float(output.split()[1]))
    print("| process | wall, s | without Python and imports, s | peak memory, MiB | wall / Weir's |\n|---|---|---|---|---|")
    for name in commands:
        ratio = statistics.median(theirs / ours for theirs, ours in zip(wall[name], wall["Weir"]))
        cells = span(wall[name], "{:.3f}"), span(inner[name], "{:.3f}"), span(memory[name], "{:.0f}")
        print(f"| {name} | {' | '.join(cells)} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
