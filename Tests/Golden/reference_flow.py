"""The Weir model format in plain PyTorch: what the engine must compute, written from the formulas and nothing else.

A model file is a safetensors file whose metadata entry "weir" describes the steps. `ReferenceFlow` reads one and gives the forward map,
the inverse, scores, the training loss and, through autograd, the gradient of every trainable tensor, in float64 (the judge) or float32
(to measure what float32 costs).

    flow = ReferenceFlow.load("model.safetensors")
    z, logdet = flow.forward(x)              # x [n, c, h, w], image values 0..255; or [n, dims]
    log_likelihood = flow.score(x)           # nats

Conventions. Images: y = (v + u) / 256 with noise u (1/2 unless told); log-dets are those of dz/dv, so scores are log P(v).
Coupling: s = gain * tanh(raw s), y = (x + t) exp(s). Quadrants run 0 top-left, 1 top-right, 2 bottom-right, 3 bottom-left.
The net of an additive coupling gives t alone, and such a coupling has no gain.
"""

import json
import math

import torch
import torch.nn.functional as F
from safetensors import safe_open

FIXED = (".mean", ".variance", ".scale")


def trainable(name):
    return not name.endswith(FIXED)


def decayed(name):
    """Weight decay acts on the gains of weight-normed convolutions and of couplings, not on those of batch norm."""
    return name.endswith(".weight_g") or (name.endswith(".gain") and not name.endswith("_norm.gain"))


def quadrant(index, height, width):
    mask = torch.zeros(1, 1, height, width)
    rows = slice(0, height // 2) if index in (0, 1) else slice(height // 2, None)
    columns = slice(0, width // 2) if index in (0, 3) else slice(width // 2, None)
    mask[..., rows, columns] = 1
    return mask


def masks(mask, shape):
    """(seen, changed): 1 where the net sees the input, 1 where the coupling changes it. Not for the channel mask."""
    kind = mask["type"]
    if kind == "cycle":
        return quadrant(mask["from"], *shape[1:]), quadrant(mask["to"], *shape[1:])
    if kind == "tabular":
        index = torch.arange(shape[0])[None]
        seen = index < shape[0] // 2
    else:
        rows = torch.arange(shape[1])[:, None].expand(shape[1], shape[2])[None, None]
        columns = torch.arange(shape[2])[None, :].expand(shape[1], shape[2])[None, None]
        seen = {
            "checkerboard": (rows + columns) % 2 == 1,
            "horizontal": rows < shape[1] // 2,
            "vertical": columns < shape[2] // 2,
        }[kind]
    if mask.get("reverse", False):
        seen = ~seen
    return seen.double(), (~seen).double()


class ReferenceFlow:
    def __init__(self, spec, tensors, dtype=torch.float64):
        self.spec, self.dtype = spec, dtype
        self.tensors = {name: value.detach().to(dtype).clone() for name, value in tensors.items()}
        self.parameters = {name: value.requires_grad_() for name, value in self.tensors.items() if trainable(name)}
        self.shapes, self.masks = [], {}
        shape = tuple(spec["input"]["shape"])
        self.dims = math.prod(shape)
        for index, step in enumerate(spec["steps"]):
            self.shapes.append(shape)
            if step["op"] == "squeeze":
                shape = (4 * shape[0], shape[1] // 2, shape[2] // 2)
            elif step["op"] == "factor_out":
                shape = (step["keep"],) + shape[1:]
            elif step["op"] == "coupling" and step["mask"]["type"] != "channel":
                self.masks[index] = tuple(m.to(dtype) for m in masks(step["mask"], shape))
        self.latent_shape = shape

    @classmethod
    def load(cls, path, dtype=torch.float64):
        with safe_open(path, framework="pt") as file:
            return cls(json.loads(file.metadata()["weir"]), {name: file.get_tensor(name) for name in file.keys()}, dtype)

    # ---- the st-networks

    def conv(self, name, x):
        if name + ".weight_v" in self.tensors:
            v, g = self.tensors[name + ".weight_v"], self.tensors[name + ".weight_g"]
            weight = v * (g / v.flatten(1).norm(dim=1)).reshape(-1, 1, 1, 1)
        else:
            weight = self.tensors[name + ".weight"]
        return F.conv2d(x, weight, self.tensors.get(name + ".bias"), padding=weight.shape[-1] // 2)

    def norm(self, name, x, training):
        if name + ".gain" not in self.tensors:
            return x
        gain, bias = self.tensors[name + ".gain"], self.tensors[name + ".bias"]
        if training:
            return F.batch_norm(x, None, None, gain, bias, training=True, eps=1e-5)
        return F.batch_norm(x, self.tensors[name + ".mean"], self.tensors[name + ".variance"], gain, bias, eps=1e-5)

    def resnet(self, name, net, x, training):
        x = self.norm(name + ".in_norm", x, training)
        if net.get("input_scale", 1) != 1:
            x = x * net["input_scale"]
        x = self.conv(name + ".in_conv", F.relu_(torch.cat((x, -x), 1)))
        skips = net.get("skip", True)
        total = self.conv(name + ".in_skip", x) if skips else None
        for block in range(net["blocks"]):
            part = f"{name}.blocks.{block}"
            # The residual needs x again, so without batch norm the ReLU must not write into it.
            u = self.norm(part + ".in_norm", x, training)
            u = self.conv(part + ".in_conv", F.relu(u) if u is x else F.relu_(u))
            u = self.norm(part + ".out_norm", u, training)
            x = self.conv(part + ".out_conv", F.relu_(u)) + x
            if skips:
                total = total + self.conv(f"{name}.skips.{block}", x)
        x = self.norm(name + ".out_norm", total if skips else x, training)
        return self.conv(name + ".out_conv", F.relu(x))

    def mlp(self, name, net, x):
        for layer in range(net["layers"] + 2):
            part = f"{name}.layers.{layer}"
            x = F.linear(x if layer == 0 else F.relu(x), self.tensors[part + ".weight"], self.tensors[part + ".bias"])
        return x

    def scale_and_shift(self, index, step, x, training):
        """(s, t) of what the net sees, before masking."""
        name = f"steps.{index}.net"
        raw = self.resnet(name, step["net"], x, training) if step["net"]["type"] == "resnet" else self.mlp(name, step["net"], x)
        if step["transform"] == "additive":
            return torch.zeros_like(raw), raw
        s, t = raw.chunk(2, 1)
        gain = self.tensors[f"steps.{index}.gain"]
        return gain.reshape((-1,) + (1,) * (x.dim() - 2)) * torch.tanh(s), t

    def coupling(self, index, step, x, training, inverse):
        if step["mask"]["type"] == "channel":
            reverse = step["mask"].get("reverse", False)
            first, second = x.chunk(2, 1)
            seen, change = (first, second) if reverse else (second, first)
            s, t = self.scale_and_shift(index, step, seen, training)
            change = change * torch.exp(-s) - t if inverse else (change + t) * torch.exp(s)
            x = torch.cat((seen, change) if reverse else (change, seen), 1)
        else:
            visible, changed = self.masks[index]
            s, t = self.scale_and_shift(index, step, x * visible, training)
            s, t = s * changed, t * changed
            x = x * torch.exp(-s) - t if inverse else (x + t) * torch.exp(s)
        return x, s.flatten(1).sum(1)

    def affine(self, index):
        """Mean and scale of a standardising step, one per channel or dimension."""
        shape = (-1,) + (1,) * (len(self.shapes[index]) - 1)
        return (self.tensors[f"steps.{index}.{part}"].reshape(shape) for part in ("mean", "scale"))

    # ---- the whole map

    def forward(self, x, noise=0.5, training=False):
        """Latents [n, dims] (factored-out parts in order, then what is left) and log|det dz/dx| [n]."""
        x = torch.as_tensor(x).to(self.dtype)
        logdet = torch.zeros(len(x), dtype=self.dtype)
        parts = []
        for index, step in enumerate(self.spec["steps"]):
            op = step["op"]
            if op == "dequantize":
                levels = self.spec["input"]["levels"]
                x = (x + noise) / levels
                logdet = logdet - self.dims * math.log(levels)
            elif op == "logit":
                p = ((2 * x - 1) * step["margin"] + 1) / 2
                x = torch.log(p) - torch.log(1 - p)
                logdet = logdet + (F.softplus(x) + F.softplus(-x) + math.log(step["margin"])).flatten(1).sum(1)
            elif op == "coupling":
                x, change = self.coupling(index, step, x, training, False)
                logdet = logdet + change
            elif op == "squeeze":
                x = F.pixel_unshuffle(x, 2)  # channel c*4 + dy*2 + dx
            elif op == "factor_out":
                parts.append(x[:, step["keep"]:].flatten(1))
                x = x[:, :step["keep"]]
            elif op == "affine":
                mean, scale = self.affine(index)
                x = (x - mean) / scale
                logdet = logdet - torch.log(torch.abs(scale)).sum() * (math.prod(x.shape[1:]) // len(scale))
            else:
                raise ValueError(f"unknown op {op}")
        return torch.cat(parts + [x.flatten(1)], 1), logdet

    def inverse(self, z, noise=0.5):
        """x from latents, and log|det dx/dz|."""
        z = torch.as_tensor(z).to(self.dtype)
        logdet = torch.zeros(len(z), dtype=self.dtype)
        latent = math.prod(self.latent_shape)
        rest, x = z[:, :-latent], z[:, -latent:].reshape((-1,) + self.latent_shape)
        for index, step in reversed(list(enumerate(self.spec["steps"]))):
            op, shape = step["op"], self.shapes[index]
            if op == "dequantize":
                levels = self.spec["input"]["levels"]
                x = x * levels - noise
                logdet = logdet + self.dims * math.log(levels)
            elif op == "logit":
                logdet = logdet - (F.softplus(x) + F.softplus(-x) + math.log(step["margin"])).flatten(1).sum(1)
                x = ((2 * torch.sigmoid(x) - 1) / step["margin"] + 1) / 2
            elif op == "coupling":
                x, change = self.coupling(index, step, x, False, True)
                logdet = logdet - change
            elif op == "squeeze":
                x = F.pixel_shuffle(x, 2)
            elif op == "factor_out":
                size = math.prod(shape) - math.prod((step["keep"],) + shape[1:])
                rest, part = rest[:, :rest.shape[1] - size], rest[:, rest.shape[1] - size:]
                x = torch.cat((x, part.reshape((-1, shape[0] - step["keep"]) + shape[1:])), 1)
            elif op == "affine":
                mean, scale = self.affine(index)
                logdet = logdet + torch.log(torch.abs(scale)).sum() * (math.prod(x.shape[1:]) // len(scale))
                x = x * scale + mean
        return x, logdet

    def log_likelihood(self, z, logdet):
        return -0.5 * (z * z).sum(1) - 0.5 * self.dims * math.log(2 * math.pi) + logdet

    def score(self, x, noise=0.5):
        with torch.no_grad():
            return self.log_likelihood(*self.forward(x, noise))

    def loss(self, x, noise=0.5):
        """Mean negative log-likelihood in nats, batch norm using the batch's own statistics."""
        return -self.log_likelihood(*self.forward(x, noise, training=True)).mean()

    def gradients(self, x, noise=0.5):
        loss = self.loss(x, noise)
        names = list(self.parameters)
        values = torch.autograd.grad(loss, [self.parameters[name] for name in names])
        return loss.detach(), dict(zip(names, values))

    def adam(self, weight_decay=5e-5):
        gains = [value for name, value in self.parameters.items() if decayed(name)]
        others = [value for name, value in self.parameters.items() if not decayed(name)]
        groups = [{"params": others}, {"params": gains, "weight_decay": weight_decay}]
        return torch.optim.Adam([group for group in groups if group["params"]], lr=0.0)

    def step(self, optimizer, x, learning_rate, noise=0.5, clip_norm=100.0):
        """One training step: clip the gradient's norm, add weight decay, Adam. Returns the loss before the update."""
        optimizer.zero_grad()
        loss = self.loss(x, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        return loss.item()
