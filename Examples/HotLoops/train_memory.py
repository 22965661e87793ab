#!/usr/bin/env python3
"""Peak memory of `weir train` with twice the couplings, beside what their parameters alone take.

    python3 Examples/HotLoops/train_memory.py --weir .build/release/weir

Flows of 8 and of 16 checkerboard couplings (resnet, 64 channels, 6 blocks) train for three steps of 32 FashionMNIST images, each in a process
of its own. A trainer holds a trainable number several times (weight, gradient, two moments of Adam, the guard's copies, two packings): the
last line gives what more couplings took beyond that, measured by the same flows with a batch of two images (batch norm needs two) and no activations kept.
"""

import argparse
import os
import sys
import tempfile

from train_vs_pytorch import FASHION_MNIST, run, write_images

RECIPE = """\
data: {{train: {data}}}
flow:
  steps:
    - {{op: dequantize}}
    - {{op: logit, margin: 0.9}}
{couplings}
train: {{epochs: 1, batch: {batch}, learning_rate: 1e-5, threads: {threads}, batch_norm_reestimate: 0{budget}}}
"""
COUPLING = "    - {{op: coupling, mask: {{type: checkerboard, reverse: {reverse}}}, net: {{type: resnet, channels: 64, blocks: 6}}}}"
BATCH, STEPS = 32, 3


def peak(weir, folder, couplings, batch, threads):
    """MB."""
    data, recipe, model, out = (os.path.join(folder, name) for name in ("train-idx3-ubyte", "recipe.yaml", "model", "out"))
    write_images(FASHION_MNIST, data, batch * STEPS)
    steps = "\n".join(COUPLING.format(reverse=str(index % 2 == 1).lower()) for index in range(couplings))
    with open(recipe, "w") as file:
        file.write(RECIPE.format(data=data, couplings=steps, batch=batch, threads=threads,
                                 budget=", memory_budget: 0" if batch < BATCH else ""))
    return run([weir, "train", recipe, "--output", model], out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=".build/release/weir")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not os.access(options.weir, os.X_OK):
        sys.exit(f"there is no {options.weir}; swift build -c release --product weir --static-swift-stdlib makes it")
    with tempfile.TemporaryDirectory() as folder:
        peaks = {(couplings, batch): peak(options.weir, folder, couplings, batch, options.threads)
                 for couplings in (8, 16) for batch in (2, BATCH)}
    for (couplings, batch), megabytes in peaks.items():
        print(f"{couplings:2} couplings, batch {batch:2}: {megabytes:6.0f} MB")
    more, parameters = peaks[16, BATCH] - peaks[8, BATCH], peaks[16, 2] - peaks[8, 2]
    print(f"8 couplings more take {more:.0f} MB; with a batch of 2, {parameters:.0f} MB. "
          f"Beyond parameters: {100 * (more - parameters) / peaks[8, BATCH]:.1f} % of the peak")


if __name__ == "__main__":
    main()
