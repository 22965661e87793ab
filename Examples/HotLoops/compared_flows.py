"""The flows that the measurements here build, as Weir model files with random weights, and inputs for them.

Importing this makes the reference flow of Tests/Golden importable too.
"""

import json
import os
import sys

import torch
from safetensors.torch import save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "Golden"))

from golden_cases import IMAGE, SQUEEZE, Case, coupling, cycle, glow_step, highway, mlp, resnet, reversible  # noqa: E402
from golden_weights import make_model  # noqa: E402
from make_golden import make_inputs  # noqa: E402


def realnvp(scales, channels, blocks):
    """The steps of the realnvp preset for 1x28x28 images."""
    steps, image_channels = list(IMAGE), 1
    for scale in range(scales):
        steps += [coupling(reversible("checkerboard", r), resnet(channels, blocks)) for r in (False, True, False)]
        if scale == scales - 1:
            steps.append(coupling(reversible("checkerboard", True), resnet(channels, blocks)))
        else:
            channels *= 2
            steps += SQUEEZE + [coupling(reversible("channel", r), resnet(channels, blocks)) for r in (False, True, False)]
            steps.append({"op": "factor_out", "keep": 2 * image_channels})
            image_channels *= 2
    return steps


def glow(scales, steps_per_scale, net):
    """The steps of the glow preset for 1x28x28 images."""
    steps = list(IMAGE)
    for scale in range(1, scales + 1):
        steps += SQUEEZE + glow_step(net) * steps_per_scale
        if scale < scales:
            steps.append({"op": "factor_out", "keep": 1 << scale})
    return steps


def embedding(couplings, hidden, layers):
    return [coupling(reversible("tabular", bool(index % 2)), mlp(hidden, layers)) for index in range(couplings)]


FLOWS = {
    "realnvp": Case((1, 28, 28), realnvp(2, 64, 6), 32),
    "cycle": Case((1, 28, 28), IMAGE + [coupling(cycle(index % 4), resnet(64, 6)) for index in range(8)], 32),
    "glow": Case((1, 28, 28), glow(2, 16, highway(200, 3)), 8),
    "embedding": Case((512,), embedding(8, 512, 2), 256),
}


def write_flow(flow, path):
    """A model file whose couplings change the data as little as trained ones: golden weights would let long flows blow it up."""
    spec, tensors, _ = make_model(flow, 0)
    for index, step in enumerate(spec["steps"]):
        name = f"steps.{index}"
        if step["op"] == "actnorm":
            quiet = (f"{name}.bias", f"{name}.log_scale")
        elif step["op"] == "coupling":
            last = f"{name}.net." + (f"layers.{step['net']['layers'] + 1}" if step["net"]["type"] == "mlp" else "out_conv")
            quiet = (f"{last}.weight", f"{last}.weight_g", f"{last}.bias")
        else:
            continue
        for leaf in quiet:
            if leaf in tensors:
                tensors[leaf] *= 0.1
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata={"weir": json.dumps(spec)})


def samples(flow, count):
    """f32 [count, ...]: whole pixel values, or embeddings. The first of them do not depend on the count's rest."""
    generator = torch.Generator().manual_seed(1)
    if len(flow.shape) == 1:
        return make_inputs(flow.shape, count, generator).float()
    return torch.cat([make_inputs(flow.shape, 1, generator) for _ in range(count)]).round().clamp(0, 255).float()
