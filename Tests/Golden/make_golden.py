#!/usr/bin/env python3
"""Writes the golden files in Tests/Golden/data: small models, inputs, and what float64 PyTorch makes of them.

    python3 Tests/Golden/make_golden.py

CASE.model.safetensors is a model file. CASE.expect.safetensors holds, for it (image values and batches are midpoint-noise ones, so a
fractional value v + u - 1/2 encodes any noise u):

    input                       f32 [n, ...]
    z, logdet, score            f64, batch norm with the stored statistics
    loss, gradient_norm         f64 [1], training mode: batch norm with the batch's statistics, mean negative log-likelihood in nats
    gradient.TENSOR             f64, of that loss, for every trainable tensor
    batches, losses, learning_rate   f32 [steps, n, ...], f64 [steps], f64 [1]: losses of Adam steps from the model's weights (some cases)
    deviation.NAME              f64 [1], how far PyTorch's float32 is from float64 on the same thing: the largest difference, or for
                                gradients the norm of the difference; for loss the root mean square over its samples, whose errors may cancel
                                in the mean by luck; for losses the largest relative one. The worst of several equivalent ways of
                                computing (batch order, one at a time, convolution library), since one way may be lucky too.

A gradient whose true value is zero (a bias in front of batch norm) is rounding noise: compare gradients with an allowance that grows
with gradient_norm.
"""

import json
import os
import warnings

import torch
from safetensors.torch import save_file

from reference_flow import ReferenceFlow

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
STEPS = 20


def resnet(channels, blocks, **switches):
    return {"type": "resnet", "channels": channels, "blocks": blocks, "skip": True, "batch_norm": True, "weight_norm": True, **switches}


def coupling(mask, net, transform="affine"):
    if mask["type"] == "checkerboard" and net.get("batch_norm"):
        net = {**net, "input_scale": 2}
    return {"op": "coupling", "transform": transform, "mask": mask, "net": net}


def reversible(kind, reverse):
    return {"type": kind, "reverse": reverse}


def cycle(start):
    return {"type": "cycle", "from": start, "to": (start + 1) % 4}


IMAGE = [{"op": "dequantize"}, {"op": "logit", "margin": 0.9}]

# name: (input shape, steps, samples, whether training steps are recorded)
CASES = {
    "checkerboard_odd": ((1, 7, 5), IMAGE + [coupling(reversible("checkerboard", r), resnet(5, 2)) for r in (False, True)], 6, False),
    "channel": ((4, 5, 6), IMAGE + [coupling(reversible("channel", r), resnet(17, 1)) for r in (False, True)], 5, False),
    "halves": ((2, 5, 7), IMAGE + [coupling(reversible(kind, r), resnet(6, 1, skip=False))
                                   for kind in ("horizontal", "vertical") for r in (False, True)], 5, False),
    "cycle": ((1, 6, 7), IMAGE + [coupling(cycle(start), resnet(7, 1)) for start in range(4)], 6, False),
    "wide": ((3, 4, 6), IMAGE + [coupling(reversible("checkerboard", False), resnet(33, 1))], 4, False),
    "additive": ((3, 6, 4), IMAGE + [{"op": "affine"}, coupling(reversible("checkerboard", False), resnet(8, 1), "additive"),
                                     coupling(reversible("horizontal", True), resnet(5, 1), "additive"),
                                     {"op": "squeeze"},
                                     coupling(reversible("channel", False), resnet(9, 1), "additive")], 5, False),
    "bare": ((1, 6, 6), IMAGE + [coupling(reversible("checkerboard", r), resnet(8, 2, skip=False, batch_norm=False, weight_norm=False))
                                 for r in (False, True)], 5, False),
    "no_batch_norm": ((2, 4, 4), IMAGE + [coupling(reversible("channel", False), resnet(7, 2, batch_norm=False)),
                                          coupling(reversible("checkerboard", True), resnet(7, 2, batch_norm=False))], 5, False),
    "no_weight_norm": ((1, 5, 6), IMAGE + [coupling(reversible("checkerboard", r), resnet(9, 2, weight_norm=False))
                                           for r in (False, True)], 5, False),
    "multiscale": ((1, 8, 8), IMAGE + [coupling(reversible("checkerboard", r), resnet(6, 2)) for r in (False, True)]
                   + [{"op": "squeeze"}] + [coupling(reversible("channel", r), resnet(8, 1)) for r in (False, True)]
                   + [{"op": "factor_out", "keep": 2}] + [coupling(reversible("checkerboard", r), resnet(7, 1)) for r in (False, True)]
                   + [{"op": "squeeze"}, coupling(reversible("channel", True), resnet(6, 1)), {"op": "factor_out", "keep": 4}]
                   + [coupling(reversible("vertical", False), resnet(6, 1))], 8, True),
    "tabular": ((7,), [{"op": "affine"}] + [coupling(reversible("tabular", r), {"type": "mlp", "hidden": 19, "layers": 2})
                                           for r in (False, True, False)]
                + [coupling(reversible("tabular", True), {"type": "mlp", "hidden": 6, "layers": 1}, "additive")], 9, True),
    "tabular_pair": ((2,), [coupling(reversible("tabular", r), {"type": "mlp", "hidden": 33, "layers": 1})
                            for r in (False, True)], 5, False),
}


class Weights:
    """Random weights with nothing left at its default, yet well conditioned."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors = {}

    def normal(self, name, shape, scale, mean=0.0):
        self.tensors[name] = mean + scale * torch.randn(shape, generator=self.generator)

    def uniform(self, name, shape, low, high):
        self.tensors[name] = low + (high - low) * torch.rand(shape, generator=self.generator)

    def norm(self, name, net, channels):
        if net["batch_norm"]:
            self.uniform(name + ".gain", (channels,), 0.5, 1.2)
            self.normal(name + ".bias", (channels,), 0.3)
            self.normal(name + ".mean", (channels,), 0.3)
            self.uniform(name + ".variance", (channels,), 0.5, 2.0)

    def conv(self, name, net, output, inputs, kernel, bias=True, gain=1.0):
        spread = (inputs * kernel * kernel) ** -0.5
        if net["weight_norm"]:
            self.normal(name + ".weight_v", (output, inputs, kernel, kernel), spread)
            self.uniform(name + ".weight_g", (output,), 0.5 * gain, gain)
        else:
            self.normal(name + ".weight", (output, inputs, kernel, kernel), gain * spread)
        if bias:
            self.normal(name + ".bias", (output,), 0.2)

    def resnet(self, name, net, channels, output):
        mid = net["channels"]
        self.norm(name + ".in_norm", net, channels)
        self.conv(name + ".in_conv", net, mid, 2 * channels, 3)
        if net["skip"]:
            self.conv(name + ".in_skip", net, mid, mid, 1)
        for block in range(net["blocks"]):
            part = f"{name}.blocks.{block}"
            self.norm(part + ".in_norm", net, mid)
            self.conv(part + ".in_conv", net, mid, mid, 3, bias=False)
            self.norm(part + ".out_norm", net, mid)
            self.conv(part + ".out_conv", net, mid, mid, 3)
            if net["skip"]:
                self.conv(f"{name}.skips.{block}", net, mid, mid, 1)
        self.norm(name + ".out_norm", net, mid)
        self.conv(name + ".out_conv", net, output, mid, 1, gain=0.7)

    def mlp(self, name, net, dims, output):
        sizes = [dims] + [net["hidden"]] * (net["layers"] + 1) + [output]
        for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            self.normal(f"{name}.layers.{layer}.weight", (outputs, inputs), inputs ** -0.5)
            self.normal(f"{name}.layers.{layer}.bias", (outputs,), 0.2)

    def coupling(self, index, step, channels):
        if step["mask"]["type"] == "channel":
            channels //= 2
        output = 2 * channels
        if step["transform"] == "additive":
            output = channels
        else:
            self.uniform(f"steps.{index}.gain", (channels,), 0.3, 0.9)
            self.tensors[f"steps.{index}.gain"][-1] *= -1
        getattr(self, step["net"]["type"])(f"steps.{index}.net", step["net"], channels, output)


def make_model(shape, steps, seed):
    weights, channels = Weights(seed), shape[0]
    for index, step in enumerate(steps):
        if step["op"] == "squeeze":
            channels *= 4
        elif step["op"] == "factor_out":
            channels = step["keep"]
        elif step["op"] == "affine":
            weights.normal(f"steps.{index}.mean", (channels,), 2.0)
            weights.uniform(f"steps.{index}.scale", (channels,), 0.5, 4.0)
        elif step["op"] == "coupling":
            weights.coupling(index, step, channels)
    levels = 256 if len(shape) == 3 else 0
    spec = {"version": 1, "input": {"shape": list(shape), "levels": levels}, "prior": {"type": "standard_normal"}, "steps": steps}
    return spec, weights.tensors


def make_inputs(shape, count, generator):
    if len(shape) == 1:
        return 1.0 + 2.0 * torch.randn((count,) + shape, generator=generator)
    # Pixels that depend on their neighbours, with black and white ones; every second image with its own noise.
    field = torch.randn((count,) + shape, generator=generator)
    field = field + field.roll(1, -1) + field.roll(1, -2)
    pixels = (128 + 90 * field).clamp(0, 255).round()
    noise = torch.rand((count,) + shape, generator=generator) * 0.98 - 0.49
    noise[::2] = 0
    return pixels + noise


def largest(a, b):
    return (a.double() - b).abs().max()


def ways(count):
    """Equivalent ways of computing a batch in float32: (order of the samples, convolution library on)."""
    forwards = torch.arange(count)
    return [(forwards, True), (forwards, False), (forwards.flip(0), True), (forwards.roll(1), False)]


def expected(spec, tensors, x):
    exact = ReferenceFlow(spec, tensors)
    with torch.no_grad():
        z, logdet = exact.forward(x)
        score = exact.log_likelihood(z, logdet)
        turned = exact.inverse(z)[0]
        samples = exact.log_likelihood(*exact.forward(x, training=True))
    assert largest(turned, x.double()) < 1e-9, "the reference does not invert itself"
    loss, gradients = exact.gradients(x)
    norm = torch.sqrt(sum((value ** 2).sum() for value in gradients.values()))
    results = {"z": z, "logdet": logdet, "score": score, "loss": loss.reshape(1), "gradient_norm": norm.reshape(1)}
    results.update({f"gradient.{name}": value for name, value in gradients.items()})

    single = ReferenceFlow(spec, tensors, torch.float32)
    deviations = {name: torch.zeros(1, dtype=torch.float64) for name in results}

    def note(name, value):
        deviations[name] = torch.maximum(deviations[name], value.detach().double().reshape(1))

    for order, library in ways(len(x)):
        with torch.backends.mkldnn.flags(enabled=library):
            for batch in (order, *order[:, None]):
                with torch.no_grad():
                    z32, logdet32 = single.forward(x[batch])
                note("z", largest(z32, z[batch]))
                note("logdet", largest(logdet32, logdet[batch]))
                note("score", largest(single.log_likelihood(z32, logdet32), score[batch]))
            with torch.no_grad():
                samples32 = single.log_likelihood(*single.forward(x[order], training=True))
            note("loss", (samples32.double() - samples[order]).square().mean().sqrt())
            gradients32 = single.gradients(x[order])[1]
            note("gradient_norm", (torch.sqrt(sum((value.double() ** 2).sum() for value in gradients32.values())) - norm).abs())
            for name, value in gradients32.items():
                note(f"gradient.{name}", (value.double() - gradients[name]).norm())
    return results, deviations


def train(spec, tensors, batches, learning_rate, dtype, order=None):
    flow = ReferenceFlow(spec, tensors, dtype)
    optimizer = flow.adam()
    order = slice(None) if order is None else order
    return torch.tensor([flow.step(optimizer, batch[order], learning_rate) for batch in batches], dtype=torch.float64)


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="TF32")
    os.makedirs(DATA, exist_ok=True)
    total = 0
    for seed, (name, (shape, steps, count, training)) in enumerate(CASES.items()):
        spec, tensors = make_model(shape, steps, seed)
        generator = torch.Generator().manual_seed(1000 + seed)
        x = make_inputs(shape, count, generator)
        results, deviations = expected(spec, tensors, x)
        assert all(torch.isfinite(value).all() for value in results.values()), name
        if training:
            learning_rate = 2e-3
            batches = torch.stack([make_inputs(shape, count, generator) for _ in range(STEPS)])
            losses = train(spec, tensors, batches, learning_rate, torch.float64)
            relative = torch.zeros(1, dtype=torch.float64)
            for order, library in ways(count):
                with torch.backends.mkldnn.flags(enabled=library):
                    single = train(spec, tensors, batches, learning_rate, torch.float32, order)
                relative = torch.maximum(relative, ((single - losses) / losses).abs().max().reshape(1))
            rate = torch.tensor([learning_rate], dtype=torch.float64)
            results.update({"batches": batches, "losses": losses, "learning_rate": rate})
            deviations["losses"] = relative
        apart = {f"deviation.{key}": value for key, value in deviations.items()}
        files = {"model": tensors, "expect": {"input": x, **results, **apart}}
        for kind, content in files.items():
            path = os.path.join(DATA, f"{name}.{kind}.safetensors")
            metadata = {"weir": json.dumps(spec, separators=(",", ":"))} if kind == "model" else {"case": name}
            save_file({key: value.contiguous() for key, value in content.items()}, path, metadata=metadata)
            total += os.path.getsize(path)
        worst = max(value for key, value in deviations.items() if key.startswith("gradient.")) / results["gradient_norm"]
        line = f"{name:18} score {results['score'].mean():10.3f}   float32 apart: gradient {worst.item():.1e} of its norm"
        line += "".join(f", {key} {deviations[key].item():.1e}" for key in ("z", "score", "loss", "losses") if key in deviations)
        print(line)
    print(f"{total:,} bytes in {DATA}")


if __name__ == "__main__":
    main()
