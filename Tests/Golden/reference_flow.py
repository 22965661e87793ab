"""The Weir model format in plain PyTorch: what the engine must compute, written from the formulas and nothing else.

A model file is a safetensors file whose metadata entry "weir" describes the steps. `ReferenceFlow` reads one and gives the forward map,
the inverse, scores, the training loss and, through autograd, the gradient of every trainable tensor, in float64 (the judge) or float32
(to measure what float32 costs).

    flow = ReferenceFlow.load("model.safetensors")
    z, logdet = flow.forward(x)              # x [n, c, h, w], image values 0..255; or [n, dims]
    log_likelihood = flow.score(x)           # nats
    by_class = flow.score_classes(x)         # nats [n, components], with a gaussian_mixture prior

Conventions. Images: y = (v + u) / 256 with noise u (1/2 unless told); log-dets are those of dz/dv, so scores are log P(v).
Coupling: s = gain * tanh(raw s), y = (x + t) exp(s). The net of an additive coupling gives t alone, and such a coupling has no gain.
"""

import json
import math

import torch
import torch.nn.functional as F
from safetensors import safe_open

import reference_nets
import reference_priors
from reference_masks import masks, tiles, whole
from reference_steps import LINEAR


def trainable(spec, name):
    """Statistics, standardising and rotation are fixed, and what the description says is."""
    if name.startswith("prior."):
        return spec["prior"].get("trainable", True)
    step, leaf = spec["steps"][int(name.split(".")[1])], name.rsplit(".", 1)[1]
    if step["op"] == "conv1x1":
        return leaf == "weight" and step.get("trainable", True)
    return step["op"] not in ("affine", "rotation") and leaf not in ("mean", "variance")


def decayed(name):
    """Weight decay acts on the gains of weight-normed convolutions and of couplings, not on those of batch norm."""
    return name.endswith(".weight_g") or (name.endswith(".gain") and not name.endswith("_norm.gain"))


class ReferenceFlow:
    def __init__(self, spec, tensors, dtype=torch.float64):
        self.spec, self.dtype = spec, dtype
        self.tensors = {name: value.detach().to(dtype).clone() for name, value in tensors.items()}
        self.parameters = {name: value.requires_grad_() for name, value in self.tensors.items() if trainable(spec, name)}
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

    def scale_and_shift(self, index, step, x, training):
        """(s, t) of what the net sees, before masking."""
        name = f"steps.{index}.net"
        raw = reference_nets.apply(self.tensors, name, step["net"], x, training)
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
            factor = step["mask"]["factor"] if step["mask"]["type"] == "sub_quadrant" else 1
            if factor > 1:
                x = tiles(x, factor)
            s, t = self.scale_and_shift(index, step, x * visible, training)
            s, t = s * changed, t * changed
            x = x * torch.exp(-s) - t if inverse else (x + t) * torch.exp(s)
            if factor > 1:
                x, s = whole(x, factor), whole(s, factor)
        return x, s.flatten(1).sum(1)

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
            else:
                x, change = LINEAR[op](self.tensors, f"steps.{index}", step, x, False)
                logdet = logdet + change
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
            else:
                x, change = LINEAR[op](self.tensors, f"steps.{index}", step, x, True)
                logdet = logdet + change
        return x, logdet

    def log_likelihood(self, z, logdet, labels=None):
        return reference_priors.log_density(self.spec["prior"], self.tensors, z, labels) + logdet

    def score(self, x, noise=0.5, labels=None):
        with torch.no_grad():
            return self.log_likelihood(*self.forward(x, noise), labels)

    def score_classes(self, x, noise=0.5):
        """log p(x | class), nats [n, components]."""
        with torch.no_grad():
            z, logdet = self.forward(x, noise)
            return reference_priors.class_log_densities(self.tensors, z) + logdet[:, None]

    # ---- training

    def training_likelihoods(self, x, noise=0.5, labels=None, negative=None):
        """Log-likelihoods of x [n] and of the negative samples [m] (none: empty), which pass forward together: batch norm uses the
        statistics of both."""
        x = torch.as_tensor(x)
        together = x if negative is None else torch.cat((x, torch.as_tensor(negative).to(x)))
        z, logdet = self.forward(together, noise, training=True)
        n = len(x)
        return self.log_likelihood(z[:n], logdet[:n], labels), self.log_likelihood(z[n:], logdet[n:])

    def loss(self, x, noise=0.5, labels=None, negative=None, floor=None):
        """Mean negative log-likelihood in nats. With negative samples half of it plus half the mean log-likelihood of those above the
        floor, when there are any."""
        inside, outside = self.training_likelihoods(x, noise, labels, negative)
        counted = outside if floor is None else outside[outside > floor]
        return -inside.mean() if len(counted) == 0 else 0.5 * (counted.mean() - inside.mean())

    def gradients(self, x, noise=0.5, **batch):
        loss = self.loss(x, noise, **batch)
        names = list(self.parameters)
        values = torch.autograd.grad(loss, [self.parameters[name] for name in names])
        return loss.detach(), dict(zip(names, values))

    def optimizer(self, kind, weight_decay=5e-5):
        """Adam, AdamW or RMSprop with PyTorch's defaults and weight decay on the gains only."""
        gains = [value for name, value in self.parameters.items() if decayed(name)]
        others = [value for name, value in self.parameters.items() if not decayed(name)]
        groups = [{"params": others, "weight_decay": 0.0}, {"params": gains, "weight_decay": weight_decay}]
        return getattr(torch.optim, kind)([group for group in groups if group["params"]], lr=0.0)

    def adam(self, weight_decay=5e-5):
        return self.optimizer("Adam", weight_decay)

    def step(self, optimizer, x, learning_rate, noise=0.5, clip_norm=100.0):
        """One training step: clip the gradient's norm, add weight decay, update. Returns the loss before the update."""
        optimizer.zero_grad()
        loss = self.loss(x, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        return loss.item()
