#!/usr/bin/env python3
"""Checks the whole way from a PyTorch checkpoint to scores: import_flows_ood.py, the model file, and `weir score`.

    python3 Tests/Golden/check_import.py --weir .build/release/weir

For every flow, mask and st-network of the authors' code that go together it makes a checkpoint with random weights under the names and
shapes that their code gives, imports it, scores the same images with reference_flow.py in float64 and with `weir score --noise
midpoint`, and prints the worst difference in nats per 1000 dims. The bar is 2e-3, or twice what PyTorch's own float32 differs where
that is more. Then it imports with wrong arguments, each of which must be named. Without --weir only the import is checked.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

from public_states import FIXED_CHAINS, ST, random_state, state_shapes
from reference_flow import ReferenceFlow

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Examples", "PyTorch"))
import import_flows_ood  # noqa: E402

BAR = 2e-3
SAMPLES = 4


def image(flow, st, shape=(1, 28, 28), mid=8, blocks=2, **more):
    return {**dict(flow=flow, st=st, shape=shape, mid=mid, blocks=blocks, scales=2, skip=True, batchnorm=True, latent=7, per_scale=2,
                   multi_scale=True, prior=0), **more}


def table(dims, hidden, layers, couplings, **more):
    return dict(flow="RealNVPTabular", st="mlp", dims=dims, hidden=hidden, layers=layers, couplings=couplings, prior=0, **more)


# Every mask; tiles of 14 and, where the network takes any size, of 7.
ALL_MASKS = ("checkerboard,checkerboard:reverse,horizontal,vertical,vertical:reverse,quadrant:3:1,sub_quadrant:0:1@9,sub_quadrant:2:3:2,"
             "center,center:3@20")
FEW_MASKS = "vertical:reverse,quadrant:1:3,sub_quadrant:0:1,center:5"
MIXED = "sub_quadrant:1:2:4@8,squeeze,channel,channel:reverse,keep:2,center:2,squeeze,checkerboard"
ANY_SIZE = ("resnet", "highway", "convnet", "glow_convnet")


def all_cases():
    cases = []
    for flow in ("RealNVP", *FIXED_CHAINS):
        for st in ST:
            # The old autoencoder fits where a quarter of the size is whole.
            shape = (3, 32, 32) if flow == "RealNVP" and st == "autoencoder_old" else (1, 28, 28)
            # Only their RealNVP passes the width of its bottlenecks on.
            cases.append(image(flow, st, shape, **({} if flow == "RealNVP" else {"latent": 100, "mid": 4})))
    cases += [image("Chain", st, masks=ALL_MASKS) for st in ST if not st.startswith("autoencoder")]
    cases += [image("Chain", "autoencoder", masks=FEW_MASKS), image("Chain", "autoencoder_old", masks=FEW_MASKS, shape=(1, 24, 24))]
    cases += [image("Chain", st, masks=MIXED, shape=(1, 16, 16)) for st in (*ANY_SIZE, "resnet_ae")]
    for st in ANY_SIZE:
        cases += [image("Glow", st), image("Glow", st, (3, 24, 24), multi_scale=False, blocks=1)]
    cases += [image("GlowMNIST", "resnet", blocks=1), image("GlowMNIST", "resnet", (2, 16, 16))]
    # Their Glow builds these for maps of 28x28 only.
    cases += [image("Glow", st, (1, 56, 56), scales=1, per_scale=1, latent=100, mid=4)
              for st in ("resnet_ae", "autoencoder", "autoencoder_old")]
    cases += [
        image("Glow", "highway", (3, 32, 32), scales=3, mid=20, blocks=3, per_scale=3, prior=4),
        image("RealNVP", "resnet", (3, 32, 32), scales=3, mid=16),
        image("RealNVP", "resnet", scales=1, mid=24, blocks=1, prior=10),
        image("RealNVP", "resnet_ae", scales=3, shape=(3, 32, 32), mid=8),
        image("RealNVP", "autoencoder", (3, 32, 32), latent=100),
        image("RealNVP", "resnet", skip=False),
        image("RealNVP", "resnet", batchnorm=False),
        image("RealNVP", "resnet", skip=False, batchnorm=False, mid=20),
        image("RealNVP", "resnet_ae", batchnorm=False, blocks=1),
        image("RealNVPCycleMask", "resnet", (3, 32, 32), mid=20, blocks=1),
        table(21, 64, 2, 6),
        table(512, 100, 1, 8),
        {**table(9, 16, 1, 3), "prior": 3},
    ]
    return cases


CASES = all_cases()


def title(case):
    if "dims" in case:
        text = f"{case['flow']}, {case['dims']} dims"
    else:
        text = f"{case['flow']} {case['st']} {'x'.join(map(str, case['shape']))}"
        text += f", {case['scales']} scales" if case["flow"] in ("RealNVP", "Glow") else ""
        text += ", one latent" * (not case["multi_scale"]) + ", no skip" * (not case["skip"]) + ", no batch norm" * (not case["batchnorm"])
        text += {ALL_MASKS: ", all masks", FEW_MASKS: ", some masks", MIXED: ", masks mixed"}.get(case.get("masks"), "")
    return text + (f", mixture of {case['prior']}" if case["prior"] else "")


def inputs(case, seed):
    """Images from smooth to noisy, with empty, full and saturated ones; or rows of a standardised table."""
    generator = np.random.default_rng(seed)
    if "dims" in case:
        return generator.standard_normal((SAMPLES, case["dims"])).astype(np.float32)
    channels, height, width = case["shape"]
    row, column = np.mgrid[0:height, 0:width] / max(height, width)
    images = np.empty((SAMPLES, channels, height, width))
    for index in range(SAMPLES):
        for channel in range(channels):
            a, b, phase = generator.uniform(-6, 6, 3)
            images[index, channel] = 128 + 127 * np.sin(a * row + b * column + phase)
        images[index] += generator.normal(0, 10 * index, images[index].shape)
    images[0], images[1] = 0, 255
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def import_arguments(case):
    if "dims" in case:
        return ["--in-dim", case["dims"], "--hidden-dim", case["hidden"], "--num-layers", case["layers"],
                "--num-coupling-layers", case["couplings"]]
    arguments = ["--image-shape", ",".join(map(str, case["shape"])), "--num-scales", case["scales"],
                 "--num-mid-channels", case["mid"], "--num-blocks", case["blocks"], "--st-type", case["st"]]
    arguments += ["--masks", case["masks"]] if case["flow"] == "Chain" else []
    arguments += ["--num-coupling-layers-per-scale", case["per_scale"]] if case["flow"] == "Glow" else []
    return (arguments + ["--no-skip"] * (not case["skip"]) + ["--no-batchnorm"] * (not case["batchnorm"])
            + ["--no-multi-scale"] * (not case["multi_scale"]))


def run_import(arguments, importer=import_flows_ood):
    """What the importer says on failure; None when it succeeds."""
    said, before = io.StringIO(), sys.argv
    sys.argv = [importer.__name__, *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            importer.main()
    except SystemExit as failure:
        return said.getvalue() + str(failure.code)
    finally:
        sys.argv = before
    return None


def weir_scores(weir, model, data, folder):
    source, target = os.path.join(folder, "inputs.npy"), os.path.join(folder, "scores.npy")
    np.save(source, data)
    command = [weir, "score", model, source, "--output", target, "--noise", "midpoint"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        print(result.stderr.strip())
        return np.full(len(data), np.nan)
    scores = np.load(target)
    assert scores.dtype == np.float64 and scores.shape == (len(data),), (scores.dtype, scores.shape)
    return scores


def per_1000_dims(scores, expected, data):
    difference = np.abs(np.asarray(scores) - np.asarray(expected)).max()
    return 1000 * float(difference) / data[0].size if np.isfinite(difference) else float("inf")


def write_mixture(case, seed, folder):
    generator, path = np.random.default_rng(seed), os.path.join(folder, "means.npz")
    dims = case["dims"] if "dims" in case else int(np.prod(case["shape"]))
    means = generator.normal(0, 1, (case["prior"], dims)).astype(np.float32)
    stds = {"inv_cov_stds": generator.normal(0.7, 0.2, case["prior"]).astype(np.float32)} if case["prior"] > 3 else {}
    np.savez(path, means=means, **stds)
    return path


def check(case, state, seed, weir, folder, expected=None):
    """One line of the table; returns whether the case holds. `expected` is what another judge gives."""
    checkpoint, model = os.path.join(folder, "checkpoint.pt"), os.path.join(folder, "model.safetensors")
    # The four shapes a checkpoint comes in.
    if seed % 2:
        state = {f"module.{name}": value for name, value in state.items()}
    torch.save(state if seed % 4 > 1 else {"net": state, "epoch": 80}, checkpoint)
    arguments = ["--checkpoint", checkpoint, "--flow", case["flow"], *import_arguments(case), "--output", model]
    arguments += ["--prior-means", write_mixture(case, seed, folder)] if case["prior"] else []
    failure = run_import(arguments)
    if failure:
        print(f"{title(case):58} FAILED {failure.strip()}")
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
    line = f"{title(case):58} mean {expected.mean():11.2f} nats   float32 {float32:.1e}   round trip {turned:.0e}"
    holds = own < BAR / 100 and turned < 1e-6
    if weir:
        difference = per_1000_dims(weir_scores(weir, model, data, folder), expected, data)
        holds = holds and difference <= bar
        line += f"   weir {difference:.1e} of {bar:.1e}"
    print(f"{line}   {'ok' if holds else f'FAILED (the reference is {own:.1e} off)'}", flush=True)
    return holds


def told(case, **other):
    """The importer's arguments for a case, some of them wrong."""
    return ["--flow", other.get("flow", case["flow"]), *import_arguments({**case, **other})]


RESNET, AUTOENCODER = image("RealNVP", "resnet"), image("RealNVPSmall", "autoencoder", latent=100)
BOTTLENECK = image("RealNVP", "resnet_ae")
GLOW, CHAIN = image("Glow", "highway"), image("Chain", "convnet", masks="vertical,squeeze,channel,keep:2,center:2")
ROWS = table(9, 16, 1, 3)
# What is told wrongly or damaged: (case, arguments, what becomes of its state, what must be said)
REFUSED = [
    ("mid channels", RESNET, told(RESNET, mid=9), {}, "--num-mid-channels says 9, 8 would fit"),
    ("blocks", RESNET, told(RESNET, blocks=3), {}, "--num-blocks says 3, the checkpoint has 2"),
    ("scales", RESNET, told(RESNET, scales=1), {}, "--num-scales"),
    ("more scales", RESNET, told(RESNET, scales=3), {}, "--num-scales"),
    ("skip connections", RESNET, told(RESNET, skip=False), {}, "--no-skip says"),
    ("no skip connections", image("RealNVP", "resnet", skip=False), told(RESNET), {}, "--no-skip"),
    ("batch norm", RESNET, told(RESNET, batchnorm=False), {}, "--no-batchnorm says"),
    ("no batch norm", image("RealNVP", "resnet", batchnorm=False), told(RESNET), {}, "--no-batchnorm"),
    ("channels", RESNET, told(RESNET, shape=(3, 28, 28)), {}, "--image-shape says 3, 1 would fit"),
    ("size", AUTOENCODER, told(AUTOENCODER, shape=(1, 30, 30)), {}, "--image-shape"),
    ("size of a bottleneck", BOTTLENECK, told(BOTTLENECK, shape=(1, 24, 24)), {}, "st_net.bottleneck"),
    ("st-network", GLOW, told(GLOW, st="resnet"), {}, "--st-type highway would fit"),
    ("another st-network", AUTOENCODER, told(AUTOENCODER, st="autoencoder_old"), {}, "--st-type autoencoder would fit"),
    ("flow", RESNET, told(RESNET, flow="RealNVP8Layers"), {}, "--flow RealNVP8Layers"),
    ("steps per scale", GLOW, told(GLOW, per_scale=3), {}, "--num-coupling-layers-per-scale"),
    ("one latent", GLOW, told(GLOW, multi_scale=False), {}, "--no-multi-scale"),
    ("masks", CHAIN, told(CHAIN, masks="vertical,squeeze,channel,keep:2"), {}, "--masks fit"),
    ("a mask that does not fit", CHAIN, told(CHAIN, masks="vertical,squeeze,channel,keep:2,center:7"), {}, "the centre mask does not fit"),
    ("a mask that is none", CHAIN, told(CHAIN, masks="diagonal"), {}, "'diagonal' is no mask"),
    ("columns", ROWS, told(ROWS, dims=8), {}, "--in-dim says 8, 9 would fit"),
    ("layers", ROWS, told(ROWS, layers=2), {}, "--num-layers says 2, 1 would fit"),
    ("couplings", ROWS, told(ROWS, couplings=4), {}, "--num-coupling-layers"),
    ("a tensor too many", ROWS, told(ROWS), {"body.0.more": torch.zeros(1)}, "body.0.more is left over"),
    ("NaN", ROWS, told(ROWS), {"body.1.rescale.weight_g": torch.full((9,), torch.nan)}, "holds NaN"),
    ("a singular weight", GLOW, told(GLOW), {"body.3.1.module1.weight": torch.ones(4, 4)}, "singular"),
]


def check_refusal(name, case, arguments, changes, pattern, folder):
    checkpoint, model = os.path.join(folder, "checkpoint.pt"), os.path.join(folder, "refused.safetensors")
    torch.save({**random_state(state_shapes(case), 0), **changes}, checkpoint)
    said = run_import(["--checkpoint", checkpoint, *arguments, "--output", model]) or "nothing"
    holds = pattern in said and not os.path.exists(model)
    print(f"refused: {name:49} {'ok' if holds else f'FAILED, it says: {said.strip()}'}")
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", help="the weir program; without it only the import is checked")
    options = parser.parse_args()
    torch.set_num_threads(1)  # these networks are too small to share
    print("Worst difference from PyTorch float64, nats per 1000 dims, noise u = 1/2")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for seed, case in enumerate(CASES):
            results.append(check(case, random_state(state_shapes(case), seed), seed, options.weir, folder))
        results += [check_refusal(*case, folder) for case in REFUSED]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
