"""Flows over tables as nflows and normflows compute them, from their formulas: names and shapes of their tensors, and log p(x) in float64.

A maker adds a part's random tensors to a state under `place`; the map of the same name takes x [n, dims] to (y, log|det dy/dx|), from data
to latents, reading them there. The libraries themselves are not needed.
"""

import math

import torch
import torch.nn.functional as F


class Maker:
    def __init__(self, seed):
        self.generator, self.state = torch.Generator().manual_seed(seed), {}

    def normal(self, name, *shape, scale=0.3):
        self.state[name] = scale * torch.randn(shape, generator=self.generator)

    def linear(self, name, output, inputs):
        self.normal(f"{name}.weight", output, inputs, scale=0.5 * inputs ** -0.5)
        self.normal(f"{name}.bias", output)

    def positive(self, name, *shape):
        self.state[name] = 0.5 + torch.rand(shape, generator=self.generator)

    def order(self, name, dims):
        self.state[name] = torch.randperm(dims, generator=self.generator)

    def square(self, name, dims):
        normal = torch.randn(dims, dims, generator=self.generator)
        self.state[name] = torch.linalg.qr(normal)[0] + 0.05 * normal

    # ---- nflows

    def coupling(self, place, dims, seen, blocks=2, hidden=9, batch_norm=False, outputs=1):
        seen = torch.tensor(seen)
        changed = torch.tensor([index for index in range(dims) if index not in seen])
        net = f"{place}.transform_net"
        self.state.update({f"{place}.identity_features": seen, f"{place}.transform_features": changed})
        self.linear(f"{net}.initial_layer", hidden, len(seen))
        for block in range(blocks):
            for layer in range(2):
                self.linear(f"{net}.blocks.{block}.linear_layers.{layer}", hidden, hidden)
                if batch_norm:
                    norm = f"{net}.blocks.{block}.batch_norm_layers.{layer}"
                    self.normal(f"{norm}.weight", hidden, scale=1.0)
                    self.normal(f"{norm}.bias", hidden)
                    self.normal(f"{norm}.running_mean", hidden)
                    self.positive(f"{norm}.running_var", hidden)
                    self.state[f"{norm}.num_batches_tracked"] = torch.tensor(7)
        self.linear(f"{net}.final_layer", outputs * len(changed), hidden)

    def batchnorm(self, place, dims):
        for leaf in ("unconstrained_weight", "bias", "running_mean"):
            self.normal(f"{place}.{leaf}", dims)
        self.positive(f"{place}.running_var", dims)

    def lu(self, place, dims):
        for leaf, size in (("lower_entries", dims * (dims - 1) // 2), ("upper_entries", dims * (dims - 1) // 2),
                           ("unconstrained_upper_diag", dims), ("bias", dims)):
            self.normal(f"{place}.{leaf}", size, scale=0.15)

    # ---- normflows

    def mlp(self, place, *sizes, gap=False):
        for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            late = gap and layer == len(sizes) - 2  # dropout stands before the last layer
            self.linear(f"{place}.net.{2 * layer + late}", outputs, inputs)

    def constant(self, place, dims):
        self.normal(f"{place}.s", 1, dims)
        self.normal(f"{place}.t", 1, dims)

    def linear_by_lu(self, place, dims):
        lower, upper = torch.randn(2, dims, dims, generator=self.generator) * 0.1
        order = torch.eye(dims)[torch.randperm(dims, generator=self.generator)]
        sign = torch.where(torch.rand(dims, generator=self.generator) < 0.5, -1.0, 1.0)
        parts = {"P": order, "L": lower, "U": upper, "sign_S": sign, "eye": torch.eye(dims)}
        self.state.update({f"{place}.{leaf}": value for leaf, value in parts.items()})
        self.normal(f"{place}.log_S", dims)


def leaves(state, place):
    return {name[len(place) + 1:]: value for name, value in state.items() if name.startswith(place + ".")}


def zeros(x):
    return torch.zeros(len(x), dtype=x.dtype)


def lu_map(p, x):
    dims = x.shape[1]
    lower, upper = torch.eye(dims, dtype=x.dtype), torch.diag(F.softplus(p["unconstrained_upper_diag"]) + 1e-3)
    lower[tuple(torch.tril_indices(dims, dims, -1))] = p["lower_entries"]
    upper[tuple(torch.triu_indices(dims, dims, 1))] = p["upper_entries"]
    return x @ upper.T @ lower.T + p["bias"], zeros(x) + torch.log(torch.diagonal(upper)).sum()


def residual_net(p, x):
    x, block = F.linear(x, p["initial_layer.weight"], p["initial_layer.bias"]), 0
    while f"blocks.{block}.linear_layers.0.weight" in p:
        u = x
        for layer in range(2):
            norm = leaves(p, f"blocks.{block}.batch_norm_layers.{layer}")
            if norm:
                u = F.batch_norm(u, norm["running_mean"], norm["running_var"], norm["weight"], norm["bias"], eps=1e-3)
            part = leaves(p, f"blocks.{block}.linear_layers.{layer}")
            u = F.linear(F.relu(u), part["weight"], part["bias"])
        x, block = x + u, block + 1
    return F.linear(x, p["final_layer.weight"], p["final_layer.bias"])


def nflows_map(kind, p, x):
    if kind == "coupling":
        y = x.clone()
        y[:, p["transform_features"]] += residual_net(leaves(p, "transform_net"), x[:, p["identity_features"]])
        return y, zeros(x)
    if kind == "batchnorm":
        weight = F.softplus(p["unconstrained_weight"]) + 1e-5
        y = weight * (x - p["running_mean"]) / torch.sqrt(p["running_var"] + 1e-5) + p["bias"]
        return y, zeros(x) + (torch.log(weight) - 0.5 * torch.log(p["running_var"] + 1e-5)).sum()
    if kind == "actnorm":
        return torch.exp(p["log_scale"]) * x + p["shift"], zeros(x) + p["log_scale"].sum()
    if kind == "lu":
        return lu_map(p, x)
    if kind == "linear":
        return F.linear(x, p["_weight"], p["bias"]), zeros(x) + torch.linalg.slogdet(p["_weight"])[1]
    if kind == "householder":
        for v in p["q_vectors"]:
            x = x - 2 * torch.outer(x @ v, v) / (v @ v)
        return x, zeros(x)
    if kind == "permutation":
        return x[:, p["_permutation"]], zeros(x)
    if kind == "affine":
        return x * p["_scale"] + p["_shift"], zeros(x) + torch.log(p["_scale"]).sum()
    return x, zeros(x)  # identity


def perceptron(p, x):
    places = sorted(int(name.split(".")[1]) for name in p if name.endswith("weight"))
    for place in places:
        x = F.linear(x if place == 0 else F.relu(x), p[f"net.{place}.weight"], p[f"net.{place}.bias"])
    return x


def normflows_map(kind, p, x):
    """The inverse of their flow, which goes from latents to data."""
    half = (x.shape[1] + 1) // 2
    if kind.startswith("coupling"):
        seen, change = (x[:, half:], x[:, :half]) if kind.endswith(":inv") else (x[:, :half], x[:, half:])
        out = perceptron(leaves(p, "flows.1.param_map"), seen)
        shift, scale = (out[:, 0::2], out[:, 1::2]) if ":exp" in kind else (out, torch.zeros_like(change))
        change = (change - shift) * torch.exp(-scale)
        return torch.cat((change, seen) if kind.endswith(":inv") else (seen, change), 1), -scale.sum(1)
    if kind == "masked":
        b = p["b"]
        scale, shift = (perceptron(leaves(p, leaf), b * x) if leaves(p, leaf) else torch.zeros_like(x) for leaf in ("s", "t"))
        return b * x + (1 - b) * (x - shift) * torch.exp(-scale), -((1 - b) * scale).sum(1)
    if kind == "permute":
        return x[:, p["inv_perm"]], zeros(x)
    if kind == "swap":
        return torch.cat((x[:, half:], x[:, :half]), 1), zeros(x)
    if kind in ("actnorm", "const"):
        return (x - p["t"]) * torch.exp(-p["s"]), zeros(x) - p["s"].sum()
    if kind == "linear":
        if "W" in p:
            weight = p["W"]
        else:
            weight = p["P"] @ (torch.tril(p["L"], -1) + p["eye"])
            weight = weight @ (torch.triu(p["U"], 1) + torch.diag(p["sign_S"] * torch.exp(p["log_S"])))
        return x @ weight, zeros(x) + torch.linalg.slogdet(weight)[1]
    return lu_map(leaves(p, "linear"), x[:, p["permutation._permutation"]])  # lu


def log_density(library, kinds, state, x):
    """log p(x), nats, of a state whose parts are `kinds` in the library's own order."""
    state = {name: value.double() if value.is_floating_point() else value for name, value in state.items()}
    x, logdet = torch.as_tensor(x).double(), 0.0
    base, part = ("_transform._transforms", nflows_map) if library == "nflows" else ("flows", normflows_map)
    order = range(len(kinds)) if library == "nflows" else reversed(range(len(kinds)))
    for index in order:
        x, change = part(kinds[index], leaves(state, f"{base}.{index}"), x)
        logdet = logdet + change
    names = ("_distribution.mean_", "_distribution.log_std_") if library == "nflows" else ("q0.loc", "q0.log_scale")
    mean, log_scale = (state.get(name, torch.zeros(1, x.shape[1]).double()) for name in names)
    x = (x - mean) * torch.exp(-log_scale)
    return -0.5 * (x * x).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi) - log_scale.sum() + logdet
