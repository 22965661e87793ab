"""Random weights for the golden models."""

import numpy as np
import torch

from reference_nets import autoencoder_layers, encoded_shape
from reference_steps import factorise


class Weights:
    """Random weights with nothing left at its default, yet well conditioned."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors = {}

    def normal(self, name, shape, scale, mean=0.0):
        self.tensors[name] = mean + scale * torch.randn(shape, generator=self.generator)

    def uniform(self, name, shape, low, high):
        self.tensors[name] = low + (high - low) * torch.rand(shape, generator=self.generator)

    def negate_last(self, name):
        self.tensors[name][-1] *= -1

    def norm(self, name, net, channels):
        if net["batch_norm"]:
            self.uniform(name + ".gain", (channels,), 0.5, 1.2)
            self.normal(name + ".bias", (channels,), 0.3)
            self.normal(name + ".mean", (channels,), 0.3)
            self.uniform(name + ".variance", (channels,), 0.5, 2.0)

    def conv(self, name, net, output, inputs, kernel, bias=True, gain=1.0):
        spread = (inputs * kernel * kernel) ** -0.5
        if net.get("weight_norm", False):
            self.normal(name + ".weight_v", (output, inputs, kernel, kernel), spread)
            self.uniform(name + ".weight_g", (output,), 0.5 * gain, gain)
        else:
            self.normal(name + ".weight", (output, inputs, kernel, kernel), gain * spread)
        if bias:
            self.normal(name + ".bias", (output,), 0.2)

    def linear(self, name, output, inputs):
        self.normal(name + ".weight", (output, inputs), inputs ** -0.5)
        self.normal(name + ".bias", (output,), 0.2)

    def orthogonal(self, size):
        return torch.linalg.qr(torch.randn(size, size, generator=self.generator, dtype=torch.float64))[0]

    # ---- st-networks

    def resnet(self, name, net, shape, output):
        mid, channels = net["channels"], shape[0]
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
        if net.get("latent", 0):
            flat = mid * shape[1] * shape[2]
            self.linear(name + ".bottleneck.0", net["latent"], flat)
            self.linear(name + ".bottleneck.1", flat, net["latent"])

    def convnet(self, name, net, shape, output):
        mid = net["channels"]
        for layer in range(net["blocks"] + 1):
            self.conv(f"{name}.convs.{layer}", net, mid, mid if layer else shape[0], 3)
        self.conv(name + ".out_conv", net, output, mid, 1, gain=0.7)

    def glow(self, name, net, shape, output):
        mid = net["channels"]
        self.conv(name + ".in_conv", net, mid, shape[0], 3, gain=1.4)
        self.conv(name + ".mid_conv", net, mid, mid, 1, gain=1.4)
        self.conv(name + ".out_conv", net, output, mid, 3, gain=0.7)

    def highway(self, name, net, shape, output):
        mid = net["channels"]
        self.conv(name + ".in_conv", net, mid, shape[0], 3)
        for block in range(net["blocks"]):
            self.conv(f"{name}.blocks.{block}.value_conv", net, mid, mid, 3)
            self.conv(f"{name}.blocks.{block}.gate_conv", net, mid, mid, 3)
        self.conv(name + ".out_conv", net, output, mid, 1, gain=0.7)

    def autoencoder(self, name, net, shape, output):
        channels = autoencoder_layers(net["layout"], shape[2])[0]
        for layer, (inputs, mid) in enumerate(zip((shape[0],) + channels, channels)):
            self.conv(f"{name}.encoder.{layer}", net, mid, inputs, 4, gain=1.4)
        c, h, w = encoded_shape(net, *shape[1:])
        self.linear(name + ".encode", net["latent"], c * h * w)
        self.linear(name + ".decode", c * h * w, net["latent"])
        back = channels[::-1] + (output,)
        for layer, (inputs, outputs) in enumerate(zip(back, back[1:])):
            # A transposed convolution's weight is [in, out, 4, 4], so that its inputs lie where a convolution's outputs do.
            self.normal(f"{name}.decoder.{layer}.weight", (inputs, outputs, 4, 4), (inputs * 4) ** -0.5)
            self.normal(f"{name}.decoder.{layer}.bias", (outputs,), 0.2)

    def mlp(self, name, net, shape, output):
        sizes = [shape[0]] + [net["hidden"]] * (net["layers"] + 1) + [output]
        for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            self.linear(f"{name}.layers.{layer}", outputs, inputs)

    # ---- steps

    def coupling(self, name, step, shape):
        mask = step["mask"]
        if mask["type"] == "channel":
            shape = (shape[0] // 2,) + shape[1:]
        elif mask["type"] == "sub_quadrant":
            shape = (shape[0], shape[1] // mask["factor"], shape[2] // mask["factor"])
        channels = shape[0]
        output = 2 * channels
        if step["transform"] == "additive":
            output = channels
        else:
            self.uniform(name + ".gain", (channels,), 0.3, 0.9)
            self.negate_last(name + ".gain")
        getattr(self, step["net"]["type"])(name + ".net", step["net"], shape, output)

    def affine(self, name, step, shape):
        self.normal(name + ".mean", shape[:1], 2.0)
        self.uniform(name + ".scale", shape[:1], 0.5, 4.0)

    def actnorm(self, name, step, shape):
        self.normal(name + ".bias", shape[:1], 0.3)
        self.normal(name + ".log_scale", shape[:1], 0.3)

    def conv1x1(self, name, step, shape):
        noise = torch.randn(shape[0], shape[0], generator=self.generator)
        weight = (self.orthogonal(shape[0]) + 0.1 * noise).float()
        lu, pivots = factorise(weight)
        self.tensors.update({name + ".weight": weight, name + ".lu": lu, name + ".pivots": pivots})

    def rotation(self, name, step, shape):
        self.tensors[name + ".weight"] = self.orthogonal(shape[0]).float()

    def prior(self, prior, dims):
        if prior["type"] == "learned_normal":
            self.normal("prior.mean", (dims,), 0.5)
            self.normal("prior.log_scale", (dims,), 0.2)
        elif prior["type"] == "gaussian_mixture":
            self.normal("prior.means", (prior["components"], dims), 0.7)
            self.normal("prior.raw_scales", (prior["components"],), 0.3, mean=0.7)


def generated(count, seed, mean, spread):
    """Numbers between mean - spread and mean + spread that a test in any language can make for itself: the i-th is, in double and then
    rounded, mean + spread u, where u = top / 2^23 - 1 and top holds the upper 24 bits of SplitMix64's output for state seed 2^32 + i."""
    with np.errstate(over="ignore"):
        state = (np.uint64(seed) << np.uint64(32)) + np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    unit = (state >> np.uint64(40)).astype(np.float64) / 2 ** 23 - 1
    return torch.from_numpy((mean + spread * unit).astype(np.float32))


class GeneratedWeights(Weights):
    """The same by `generated`, remembering how: rules[name] = (seed, mean, spread)."""

    def __init__(self, seed):
        super().__init__(seed)
        self.seed, self.rules = 1000 * seed, {}

    def uniform(self, name, shape, low, high):
        self.seed += 1
        self.rules[name] = (self.seed, (low + high) / 2, (high - low) / 2)
        self.tensors[name] = generated(torch.Size(shape).numel(), *self.rules[name]).reshape(shape)

    def negate_last(self, name):
        pass

    def normal(self, name, shape, scale, mean=0.0):
        width = scale * 3 ** 0.5
        self.uniform(name, shape, mean - width, mean + width)


def make_model(case, seed):
    """(description, tensors, rules of generated tensors or none)"""
    weights, shape = GeneratedWeights(seed) if case.generated else Weights(seed), case.shape
    for index, step in enumerate(case.steps):
        make = getattr(weights, step["op"], None)  # none for steps without tensors
        if make:
            make(f"steps.{index}", step, shape)
        elif step["op"] == "squeeze":
            shape = (4 * shape[0], shape[1] // 2, shape[2] // 2)
        elif step["op"] == "factor_out":
            shape = (step["keep"],) + shape[1:]
    weights.prior(case.prior, torch.Size(case.shape).numel())
    levels = 256 if len(case.shape) == 3 else 0
    spec = {"version": 1, "input": {"shape": list(case.shape), "levels": levels}, "prior": case.prior, "steps": case.steps}
    return spec, weights.tensors, getattr(weights, "rules", {})
