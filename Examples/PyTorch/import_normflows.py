#!/usr/bin/env python3
"""Turns a checkpoint of a flow over tables made with normflows (VincentStimper/normalizing-flows, 1.7) into a Weir model file.

    python3 import_normflows.py --checkpoint flow.pt --dims 2 --flows 'coupling:exp,swap*32' --output flow.safetensors

The checkpoint is torch.save of the state_dict of a NormalizingFlow (what its save() writes). It does not say what the flows are, so
--flows lists them in the order in which they were given to NormalizingFlow, and every tensor is checked against the list; nothing is
guessed, skipped or left over.

    coupling          AffineCouplingBlock with scale=False
    coupling:exp      AffineCouplingBlock with scale_map="exp"
                      either may end in :inv for split_mode="channel_inv" (else "channel")
    masked            MaskedAffineFlow, with t, s or both
    permute           Permute with mode="shuffle"
    swap              Permute with mode="swap", which has no tensors
    actnorm, const    ActNorm, AffineConstFlow
    linear            InvertibleAffine, with LU or without
    lu                LULinearPermute

Networks are nets.MLP with ReLU (leaky=0.0, which the checkpoint does not show) and no function on the output; dropout is no matter (it is
off in scoring). The base is DiagGaussian. All of these are the same map in a Weir flow, up to float32's rounding: a scale exp(u) is stored
as exp(g tanh(u / g)) with g = 65536, which is fit for scoring and sampling, less for training on. What is not the same map:
scale_map="sigmoid" and "sigmoid_inv", spline, planar, radial, residual and autoregressive flows, BatchNorm (it normalises by the batch
that it scores), couplings that pass on another number of dims than half of them, mixtures as base, flows over images, conditional flows.
"""

import re

import numpy as np

from table_flow import Net, TableImporter, import_checkpoint
from weir_model import ONE, ImportFailure, Size, highest

FLOWS = ("coupling", "coupling:exp", "coupling:inv", "coupling:exp:inv", "masked", "permute", "swap", "actnorm", "const", "linear", "lu")


class NormflowsImporter(TableImporter):
    """Their flows map latents to data; from data to latents they are passed backwards, each by its inverse."""

    def __init__(self, state, options):
        super().__init__(state, options, "--flows")

    def order(self, place, leaf):
        name = self.present(place, leaf)
        value = self.checkpoint.state[name]
        if value.is_floating_point() or sorted(value.reshape(-1).tolist()) != list(range(self.dims.value)):
            raise ImportFailure(f"{name} is no order of --dims {self.dims.value} dims")
        self.checkpoint.skip(name)
        return value.reshape(-1).tolist()

    def mlp(self, place, inputs, outputs, why):
        """The perceptron under place.net: linear layers at whatever places of the list, as dropout may stand between."""
        names = self.checkpoint.names_under(f"{place}.net")
        found = sorted({int(match.group(1)) for match in (re.search(r"\.net\.(\d+)\.weight$", name) for name in names) if match})
        gaps = [b - a for a, b in zip(found, found[1:])]
        if not found or found[0] != 0 or any(gap != 2 for gap in gaps[:-1]) or gaps[-1:] not in ([], [2], [3]):
            raise ImportFailure(f"{place} is no nets.MLP: only those can be imported")
        layers, size = [], inputs
        for layer in found:
            name = f"{place}.net.{layer}.weight"
            output = self.checkpoint.size(name, 0, 2)
            if layer == found[-1] and output.value != outputs:
                raise ImportFailure(f"{name} gives {output.value} numbers where {outputs} are expected: {why(output.value)}")
            layers.append((self.take(place, f"net.{layer}.weight", output, size), self.take(place, f"net.{layer}.bias", output)))
            size = output
        return Net(layers) if len(layers) > 1 else Net.linear(*layers[0])

    # ---- flows, each from data to latents

    def coupling(self, place, kind):
        scaled, half = ":exp" in kind, (self.dims.value + 1) // 2  # chunk gives the first part one more of an odd number
        first, second = list(range(half)), list(range(half, self.dims.value))
        seen, changed = (second, first) if kind.endswith(":inv") else (first, second)

        def why(found):
            if found == 2 * len(changed) and not scaled:
                return 'it has scales; with scale_map="exp" it is coupling:exp, with "sigmoid" it can\'t be imported'
            return "--flows or --dims does not fit"

        net = self.mlp(f"{place}.flows.1.param_map", Size(len(seen)), len(changed) * (2 if scaled else 1), why)
        count = len(changed)
        if scaled:  # shifts and scales by turns, where ours come one after the other
            weight, bias = net.layers[-1]
            order = np.concatenate((np.arange(1, 2 * count, 2), np.arange(0, 2 * count, 2)))
            net = Net(net.layers[:-1] + [(weight[order], bias[order])])
        self.flow.coupling(seen, net.scaled_outputs(-np.ones(len(net.layers[-1][1]))), scaled, place)

    def masked(self, place):
        mask = self.take(place, "b", ONE, self.dims)[0]
        if not np.isin(mask, (0, 1)).all():
            raise ImportFailure(f"{place}.b holds other numbers than 0 and 1")
        seen, changed = np.flatnonzero(mask == 1), np.flatnonzero(mask == 0)
        nets = {}
        for leaf in ("s", "t"):
            if self.checkpoint.names_under(f"{place}.{leaf}"):
                net = self.mlp(f"{place}.{leaf}", self.dims, self.dims.value, lambda found: "--dims does not fit")
                weight, bias = net.layers[-1]
                net = Net([(net.layers[0][0][:, seen], net.layers[0][1])] + net.layers[1:-1] + [(-weight[changed], -bias[changed])])
                nets[leaf] = net
        if not nets:
            raise ImportFailure(f"{place} has neither s nor t: --flows does not fit the checkpoint")
        if "s" not in nets:
            self.flow.coupling(seen, nets["t"], False, place)
            return
        shift = nets.get("t") or nets["s"].scaled_outputs(np.zeros(len(changed)))
        self.flow.coupling(seen, Net.beside(nets["s"], shift), True, place)

    def permute(self, place):
        forwards, backwards = self.order(place, "perm"), self.order(place, "inv_perm")
        if [forwards[index] for index in backwards] != list(range(self.dims.value)):
            raise ImportFailure(f"{place}: perm and inv_perm are not each other's inverse")
        self.flow.permute(backwards)

    def swap(self, place):
        split = (self.dims.value + 1) // 2
        self.flow.permute([*range(split, self.dims.value), *range(split)])

    def constant(self, place):
        log_scale, shift = (self.take(place, leaf, ONE, self.dims)[0] for leaf in ("s", "t"))
        self.flow.scale_after_shift(-shift, -log_scale)
        if f"{place}.data_dep_init_done" in self.checkpoint.state:
            self.checkpoint.skip(f"{place}.data_dep_init_done")

    def linear(self, place):
        square = (self.dims, self.dims)
        if f"{place}.W" in self.checkpoint.state:
            weight = self.take(place, "W", *square)
        else:
            order, lower, upper = (self.take(place, leaf, *square) for leaf in ("P", "L", "U"))
            sign, log_diagonal = (self.take(place, leaf, self.dims) for leaf in ("sign_S", "log_S"))
            self.take(place, "eye", *square)
            weight = order @ (np.tril(lower, -1) + np.eye(len(lower))) @ (np.triu(upper, 1) + np.diag(sign * np.exp(log_diagonal)))
        self.flow.linear(weight.T, None, place)  # theirs multiplies rows from the right

    def lu(self, place):
        dims, part = self.dims.value, f"{place}.linear"
        triangle = Size(dims * (dims - 1) // 2)
        self.flow.permute(self.order(place, "permutation._permutation"))
        raw = self.take(part, "unconstrained_upper_diag", self.dims)
        lower, upper = np.eye(dims), np.diag(np.logaddexp(0, raw) + 1e-3)
        lower[np.tril_indices(dims, -1)] = self.take(part, "lower_entries", triangle)
        upper[np.triu_indices(dims, 1)] = self.take(part, "upper_entries", triangle)
        self.flow.linear(lower @ upper, self.take(part, "bias", self.dims), place)

    # ---- the flow

    def run(self):
        has = highest(self.checkpoint.state, r"^flows\.(\d+)\.")
        if has == 0:
            raise ImportFailure('no tensor is called "flows. ...", so this is no normflows NormalizingFlow')
        kinds = self.options.flows
        if has > len(kinds):
            raise ImportFailure(f"--flows lists {len(kinds)} flows, the checkpoint has {has} or more")
        for index in reversed(range(len(kinds))):
            place, kind = f"flows.{index}", kinds[index]
            if (kind == "swap") == bool(self.checkpoint.names_under(place)):
                raise ImportFailure(f"{place} has {'tensors' if kind == 'swap' else 'no tensors'}, so it is no {kind} as --flows says")
            if kind.startswith("coupling"):
                self.coupling(place, kind)
            else:
                {"masked": self.masked, "permute": self.permute, "swap": self.swap, "actnorm": self.constant, "const": self.constant,
                 "linear": self.linear, "lu": self.lu}[kind](place)
        if "q0.loc" in self.checkpoint.state:
            self.flow.learned_normal(*(self.take("q0", leaf, ONE, self.dims) for leaf in ("loc", "log_scale")))
        elif self.checkpoint.names_under("q0"):
            raise ImportFailure("q0 is no DiagGaussian: no other base can be imported")
        if left := self.checkpoint.untaken():
            more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
            raise ImportFailure(f"{left[0]}{more} is left over: no part of this flow uses it; does --flows fit?")


def main():
    import_checkpoint("normflows", __doc__, NormflowsImporter, "--flows", FLOWS, "a normflows flow")


if __name__ == "__main__":
    main()
