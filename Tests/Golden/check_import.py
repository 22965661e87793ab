#!/usr/bin/env python3
"""Checks the whole way from a PyTorch checkpoint to scores: import_flows_ood.py, the model file, and `weir score`.

    python3 Tests/Golden/check_import.py --weir .build/release/weir

For each flow it makes a checkpoint with random weights under the names and shapes that the authors' code gives, imports it, scores the
same images with reference_flow.py in float64 and with `weir score --noise midpoint`, and prints the worst difference in nats per 1000
dims. The bar is 2e-3, or twice what PyTorch's own float32 differs where that is more. Without --weir only the import is checked.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

from reference_flow import ReferenceFlow

IMPORTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Examples", "PyTorch", "import_flows_ood.py")
BAR = 2e-3
SAMPLES = 12


def image_case(name, flow, shape, mid, blocks, scales=2, skip=True, batchnorm=True):
    return dict(name=name, flow=flow, shape=shape, mid=mid, blocks=blocks, scales=scales, skip=skip, batchnorm=batchnorm)


CASES = [
    image_case("1x28x28, 2 scales", "RealNVP", (1, 28, 28), 32, 2),
    image_case("3x32x32, 3 scales", "RealNVP", (3, 32, 32), 16, 2, scales=3),
    image_case("1x28x28, 1 scale", "RealNVP", (1, 28, 28), 24, 1, scales=1),
    image_case("cycle", "RealNVPCycleMask", (1, 28, 28), 32, 2),
    image_case("cycle, 3x32x32", "RealNVPCycleMask", (3, 32, 32), 20, 1),
    image_case("horizontal", "RealNVPMaskHorizontal", (1, 28, 28), 32, 2),
    image_case("8 layers", "RealNVP8Layers", (1, 28, 28), 32, 2),
    image_case("no skip", "RealNVP", (1, 28, 28), 32, 2, skip=False),
    image_case("no batch norm", "RealNVP", (1, 28, 28), 32, 2, batchnorm=False),
    image_case("neither", "RealNVP", (1, 28, 28), 20, 2, skip=False, batchnorm=False),
    dict(name="tabular, 21 dims", flow="RealNVPTabular", dims=21, hidden=64, layers=2, couplings=6),
    dict(name="tabular, 512 dims", flow="RealNVPTabular", dims=512, hidden=100, layers=1, couplings=8),
]


def conv_shapes(output, inputs, kernel, bias=True):
    shapes = {"conv.weight_v": (output, inputs, kernel, kernel), "conv.weight_g": (output, 1, 1, 1)}
    return {**shapes, "conv.bias": (output,)} if bias else shapes


def norm_shapes(channels):
    return {**{name: (channels,) for name in ("weight", "bias", "running_mean", "running_var")}, "num_batches_tracked": ()}


def under(place, shapes):
    return {f"{place}.{name}": shape for name, shape in shapes.items()}


def coupling_shapes(place, channels, mid, case):
    net, shapes = f"{place}.st_net", under(f"{place}.rescale", {"weight_g": (channels, 1, 1), "weight_v": (channels, 1, 1)})
    parts = {"in_conv": conv_shapes(mid, 2 * channels, 3), "out_conv": conv_shapes(2 * channels, mid, 1)}
    if case["skip"]:
        parts["in_skip"] = conv_shapes(mid, mid, 1)
    if case["batchnorm"]:
        parts.update({"in_norm": norm_shapes(channels), "out_norm": norm_shapes(mid)})
    for block in range(case["blocks"]):
        parts[f"blocks.{block}.in_conv"] = conv_shapes(mid, mid, 3, bias=False)
        parts[f"blocks.{block}.out_conv"] = conv_shapes(mid, mid, 3)
        if case["skip"]:
            parts[f"skips.{block}"] = conv_shapes(mid, mid, 1)
        if case["batchnorm"]:
            parts.update({f"blocks.{block}.{side}_norm": norm_shapes(mid) for side in ("in", "out")})
    for part, inner in parts.items():
        shapes.update(under(f"{net}.{part}", inner))
    return shapes


def state_shapes(case):
    """Every name and shape in the authors' state_dict of this flow."""
    shapes = {}
    if case["flow"] == "RealNVPTabular":
        dims, hidden = case["dims"], case["hidden"]
        for coupling in range(case["couplings"]):
            last = 3 + 2 * case["layers"]
            sizes = {0: (hidden, dims), **{index: (hidden, hidden) for index in range(3, last, 2)}, last: (2 * dims, hidden)}
            for index, size in sizes.items():
                shapes.update(under(f"body.{coupling}.st_net.{index}", {"weight": size, "bias": size[:1]}))
            shapes.update(under(f"body.{coupling}.rescale", {"weight_g": (dims,), "weight_v": (dims,)}))
        return shapes
    channels, mid = case["shape"][0], case["mid"]
    if case["flow"] != "RealNVP":
        for index in range(2, 10):
            shapes.update(coupling_shapes(f"body.{index}.0.module1", channels, mid, case))
        return shapes
    body = 2
    for scale in range(case["scales"]):
        for index in range(3):
            shapes.update(coupling_shapes(f"body.{body}.{index}.module1", channels, mid, case))
        if scale == case["scales"] - 1:
            shapes.update(coupling_shapes(f"body.{body + 1}.0.module1", channels, mid, case))
        else:
            mid *= 2
            for index in range(3):
                shapes.update(coupling_shapes(f"body.{body + 2}.{index}.module1", 2 * channels, mid, case))
        channels, body = 2 * channels, body + 4
    return shapes


def random_value(name, shape, generator):
    """Weights that leave nothing at its default: gains away from 1, batch-norm statistics away from (0, 1), some signs turned."""
    normal, uniform = torch.randn(shape, generator=generator), torch.rand(shape, generator=generator)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    if name.endswith("running_var"):
        return 0.5 + 1.5 * uniform
    if name.endswith("running_mean"):
        return 0.3 * normal
    if "_norm" in name:
        return 0.5 + 0.7 * uniform if name.endswith("weight") else 0.2 * normal
    if "rescale" in name:
        return 0.1 + 0.4 * uniform if name.endswith("weight_g") else normal.sign() * (0.5 + uniform)
    if name.endswith("st_net.out_conv.conv.weight_g"):
        return 0.1 + 0.3 * uniform
    if name.endswith("weight_g"):
        return 0.5 + 0.5 * uniform
    if name.endswith("bias"):
        return 0.2 * normal
    return normal / max(1, normal[0].numel()) ** 0.5


def random_state(shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: random_value(name, shape, generator) for name, shape in shapes.items()}


def inputs(case, seed):
    """Images from smooth to noisy, with empty, full and saturated ones; or rows of a standardised table."""
    generator = np.random.default_rng(seed)
    if case["flow"] == "RealNVPTabular":
        return generator.standard_normal((SAMPLES, case["dims"])).astype(np.float32)
    channels, height, width = case["shape"]
    row, column = np.mgrid[0:height, 0:width] / max(height, width)
    images = np.empty((SAMPLES, channels, height, width))
    for index in range(SAMPLES):
        for channel in range(channels):
            a, b, phase = generator.uniform(-6, 6, 3)
            images[index, channel] = 128 + 127 * np.sin(a * row + b * column + phase)
        images[index] += generator.normal(0, 4 * index, images[index].shape)
    images[0], images[1] = 0, 255
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def import_arguments(case):
    if case["flow"] == "RealNVPTabular":
        return ["--in-dim", case["dims"], "--hidden-dim", case["hidden"], "--num-layers", case["layers"],
                "--num-coupling-layers", case["couplings"]]
    arguments = ["--image-shape", ",".join(map(str, case["shape"])), "--num-scales", case["scales"],
                 "--num-mid-channels", case["mid"], "--num-blocks", case["blocks"], "--st-type", "resnet"]
    return arguments + ["--no-skip"] * (not case["skip"]) + ["--no-batchnorm"] * (not case["batchnorm"])


def run_import(case, checkpoint, model):
    arguments = ["--checkpoint", checkpoint, "--flow", case["flow"], *import_arguments(case), "--output", model]
    return subprocess.run([sys.executable, IMPORTER, *map(str, arguments)], capture_output=True, text=True)


def weir_scores(weir, model, data, folder):
    source, target = os.path.join(folder, "inputs.npy"), os.path.join(folder, "scores.npy")
    np.save(source, data)
    command = [weir, "score", model, source, "--output", target, "--noise", "midpoint"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    scores = np.load(target)
    assert scores.dtype == np.float64 and scores.shape == (len(data),), (scores.dtype, scores.shape)
    return scores


def per_1000_dims(scores, expected, data):
    difference = np.abs(np.asarray(scores) - np.asarray(expected)).max()
    return 1000 * float(difference) / data[0].size if np.isfinite(difference) else float("inf")


def check(case, state, seed, weir, folder, expected=None):
    """One line of the table; returns whether the case holds. `expected` replaces the reference's scores when given."""
    checkpoint, model = os.path.join(folder, "checkpoint.pt"), os.path.join(folder, "model.safetensors")
    # The four shapes a checkpoint comes in.
    if seed % 2:
        state = {f"module.{name}": value for name, value in state.items()}
    torch.save(state if seed % 4 > 1 else {"net": state, "epoch": 80}, checkpoint)
    result = run_import(case, checkpoint, model)
    if result.returncode != 0:
        print(f"{case['name']:20} {result.stderr.strip()}")
        return False
    data = inputs(case, seed)
    reference = ReferenceFlow.load(model)
    scores = reference.score(data).numpy()
    own = per_1000_dims(scores, expected, data) if expected is not None else 0.0
    expected = scores if expected is None else expected
    float32 = per_1000_dims(ReferenceFlow.load(model, torch.float32).score(data).double().numpy(), expected, data)
    with torch.no_grad():
        turned = np.abs(reference.inverse(reference.forward(data)[0])[0].numpy() - data).max()
    bar = max(BAR, 2 * float32)
    line = f"{case['name']:20} mean {expected.mean():12.3f} nats   float32 {float32:.2e}   round trip {turned:.1e}"
    holds = own < BAR / 100 and turned < 1e-6
    if weir:
        difference = per_1000_dims(weir_scores(weir, model, data, folder), expected, data)
        holds = holds and difference <= bar
        line += f"   weir {difference:.2e} of {bar:.2e}"
    print(f"{line}   {'ok' if holds else 'FAILED'}", flush=True)
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", help="the weir program; without it only the import is checked")
    options = parser.parse_args()
    print("Worst difference from PyTorch float64, nats per 1000 dims, noise u = 1/2")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for seed, case in enumerate(CASES):
            results.append(check(case, random_state(state_shapes(case), seed), seed, options.weir, folder))
    sys.exit(0 if all(results) else f"{results.count(False)} of {len(results)} cases failed")


if __name__ == "__main__":
    main()
