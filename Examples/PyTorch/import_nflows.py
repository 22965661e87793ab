#!/usr/bin/env python3
"""Turns a checkpoint of a flow over tables made with nflows (bayesiains/nflows, 0.14) into a Weir model file.

    python3 import_nflows.py --checkpoint flow.pt --dims 21 --transforms coupling,batchnorm,coupling,batchnorm --output flow.safetensors

The checkpoint is torch.save of the state_dict of a Flow whose transform is a CompositeTransform. It does not say what the transforms are,
so --transforms lists them in order, and every tensor is checked against the list; nothing is guessed, skipped or left over.

    coupling       AdditiveCouplingTransform with a ResidualNet of ReLUs without context, with batch norm or without; dropout is no matter
                   (it is off in scoring). SimpleRealNVP with use_volume_preserving=True is couplings, or coupling,batchnorm by turns.
    batchnorm      BatchNorm between transforms: its stored statistics become fixed numbers
    actnorm        ActNorm
    lu             LULinear (eps 1e-3)
    linear         NaiveLinear
    householder    HouseholderSequence
    permutation    Permutation, RandomPermutation, ReversePermutation
    affine         PointwiseAffineTransform
    identity       IdentityTransform, which has no tensors

The base distribution is StandardNormal or DiagonalNormal. All of these are the same map in a Weir flow, up to float32's rounding. What is
not: AffineCouplingTransform, whose scale is sigmoid(u + 2) + 0.001 and no Weir coupling's; spline and autoregressive transforms; other
activations than ReLU; couplings that pass on another number of dims than half of them; flows over images; conditional flows.
"""


import numpy as np

from table_flow import Net, TableImporter, import_checkpoint
from weir_model import ImportFailure, Size, highest

TRANSFORMS = ("coupling", "batchnorm", "actnorm", "lu", "linear", "householder", "permutation", "affine", "identity")
SIGNS = {"coupling": "transform_net.initial_layer.weight", "batchnorm": "unconstrained_weight", "actnorm": "log_scale",
         "lu": "lower_entries", "linear": "_weight", "householder": "q_vectors", "permutation": "_permutation", "affine": "_scale"}


def softplus(x):
    return np.logaddexp(0.0, x)


class NflowsImporter(TableImporter):
    def __init__(self, state, options):
        super().__init__(state, options, "--transforms")

    def whole_numbers(self, place, leaf, count=None):
        """The indices in a buffer: each below dims and none twice."""
        name = self.present(place, leaf)
        value = self.checkpoint.state[name]
        numbers = value.tolist() if value.dim() == 1 and not value.is_floating_point() else None
        if numbers is None or len(set(numbers)) != len(numbers) or not all(0 <= number < self.dims.value for number in numbers):
            raise ImportFailure(f"{name} does not hold different whole numbers below --dims {self.dims.value}")
        if count is not None and len(numbers) != count:
            raise ImportFailure(f"{name} holds {len(numbers)} numbers where --dims says {count}")
        self.checkpoint.skip(name)
        return numbers

    # ---- transforms

    def coupling(self, place):
        seen, changed = (self.whole_numbers(place, f"{side}_features") for side in ("identity", "transform"))
        if sorted(seen + changed) != list(range(self.dims.value)):
            raise ImportFailure(f"{place}: identity and transform features are not all dims, each once: --dims does not fit")
        net, source = f"{place}.transform_net", self.checkpoint.state
        names = self.checkpoint.names_under(net)
        if any(".context_layer." in name for name in names):
            raise ImportFailure(f"{net} takes a context: conditional flows can't be imported")
        if f"{net}.initial_layer.weight" not in source or source[f"{net}.initial_layer.weight"].dim() != 2:
            raise ImportFailure(f"{net} is no ResidualNet over tables: only those can be imported")
        outputs = f"{net}.final_layer.weight"
        if outputs in source and len(source[outputs]) == 2 * len(changed):
            raise ImportFailure(f"{place} is an AffineCouplingTransform: its scale sigmoid(u + 2) + 0.001 is no Weir coupling's, only "
                                "AdditiveCouplingTransform (use_volume_preserving=True) can be imported")
        hidden = self.checkpoint.size(f"{net}.initial_layer.weight", 0, 2)

        def linear(part, output, inputs):
            return self.take(net, f"{part}.weight", output, inputs), self.take(net, f"{part}.bias", output)

        blocks = []
        for block in range(highest(names, r"\.blocks\.(\d+)\.")):
            inner, outer = (linear(f"blocks.{block}.linear_layers.{layer}", hidden, hidden) for layer in (0, 1))
            before = None
            if any(f".blocks.{block}.batch_norm_layers." in name for name in names):
                before, between = (self.inner_norm(f"{net}.blocks.{block}.batch_norm_layers.{layer}", hidden) for layer in (0, 1))
                inner = (between[0][:, None] * inner[0], between[0] * inner[1] + between[1])
            blocks.append((before, inner, outer))
        first = linear("initial_layer", hidden, Size(len(seen)))
        shift = Net.residual(first, blocks, linear("final_layer", Size(len(changed)), hidden))
        self.flow.coupling(seen, shift, False, place)

    def inner_norm(self, place, size):
        """(factor, shift) of a BatchNorm1d(eps=1e-3) inside a ResidualNet, with its stored statistics."""
        gain, bias, mean, variance = (self.take(place, leaf, size) for leaf in ("weight", "bias", "running_mean", "running_var"))
        if (variance < 0).any():
            raise ImportFailure(f"{place}.running_var is negative somewhere")
        self.checkpoint.skip(f"{place}.num_batches_tracked")
        factor = gain / np.sqrt(variance + 1e-3)
        return factor, bias - factor * mean

    def batchnorm(self, place):
        raw, bias, mean, variance = (self.take(place, leaf, self.dims)
                                     for leaf in ("unconstrained_weight", "bias", "running_mean", "running_var"))
        if (variance < 0).any():
            raise ImportFailure(f"{place}.running_var is negative somewhere")
        scale = np.sqrt(variance + 1e-5) / (softplus(raw) + 1e-5)
        self.flow.standardise(mean - bias * scale, scale)

    def actnorm(self, place):
        self.checkpoint.skip(f"{place}.initialized")
        log_scale, shift = self.take(place, "log_scale", self.dims), self.take(place, "shift", self.dims)
        self.flow.scale_after_shift(shift * np.exp(-log_scale), log_scale)

    def lu(self, place):
        dims = self.dims.value
        triangle = Size(dims * (dims - 1) // 2)
        lower, upper = np.eye(dims), np.diag(softplus(self.take(place, "unconstrained_upper_diag", self.dims)) + 1e-3)
        lower[np.tril_indices(dims, -1)] = self.take(place, "lower_entries", triangle)
        upper[np.triu_indices(dims, 1)] = self.take(place, "upper_entries", triangle)
        self.flow.linear(lower @ upper, self.take(place, "bias", self.dims), place)

    def linear(self, place):
        self.flow.linear(self.take(place, "_weight", self.dims, self.dims), self.take(place, "bias", self.dims), f"{place}._weight")

    def householder(self, place):
        if f"{place}.q_vectors" not in self.checkpoint.state:
            raise ImportFailure(f"{place}.q_vectors is missing: --transforms does not fit the checkpoint")
        weight = np.eye(self.dims.value)
        for vector in self.take(place, "q_vectors", self.checkpoint.size(f"{place}.q_vectors", 0, 2), self.dims):
            if not vector.any():
                raise ImportFailure(f"{place}.q_vectors holds a vector of zeros, which gives no reflection")
            weight -= np.outer(2 / (vector @ vector) * vector, vector @ weight)
        self.flow.linear(weight, None, f"{place}.q_vectors")

    def permutation(self, place):
        self.flow.permute(self.whole_numbers(place, "_permutation", self.dims.value))

    def affine(self, place):
        parts = []
        for leaf in ("_shift", "_scale"):
            name = f"{place}.{leaf}"
            single = name in self.checkpoint.state and self.checkpoint.state[name].dim() == 0
            parts.append(self.take(place, leaf, *(() if single else (self.dims,))) + np.zeros(self.dims.value))
        shift, scale = parts
        self.flow.standardise(-shift / scale, 1 / scale)

    def identity(self, place):
        pass

    # ---- the flow

    def run(self):
        base = "_transform._transforms"
        has = highest(self.checkpoint.state, r"^_transform\._transforms\.(\d+)\.")
        if has == 0:
            raise ImportFailure('no tensor is called "_transform._transforms. ...", so this is no nflows Flow of a CompositeTransform')
        for index, kind in enumerate(self.options.transforms):
            place = f"{base}.{index}"
            names = {name[len(place) + 1:] for name in self.checkpoint.names_under(place)}
            if (kind == "identity") == bool(names) or (names and SIGNS[kind] not in names and kind != "coupling"):
                fits = [other for other, sign in SIGNS.items() if sign in names]
                found = f"it looks like {fits[0]}" if fits else "it has no tensors" if not names else f"it has {sorted(names)[0]}"
                raise ImportFailure(f"{place} is no {kind}, as --transforms says: {found}")
            getattr(self, kind)(place)
        if "_distribution.mean_" in self.checkpoint.state:
            parts = [self.take("_distribution", leaf, Size(1), self.dims) for leaf in ("mean_", "log_std_")]
            self.flow.learned_normal(*parts)
        left = [name for name in self.checkpoint.untaken() if name != "_distribution._log_z"]  # a constant
        if left:
            count, more = len(self.options.transforms), f" (and {len(left) - 1} more)" if len(left) > 1 else ""
            why = f"--transforms lists {count}, the checkpoint has {has} or more" if has > count else "no part of this flow uses it"
            raise ImportFailure(f"{left[0]}{more} is left over: {why}")


def main():
    import_checkpoint("nflows", __doc__, NflowsImporter, "--transforms", TRANSFORMS, "an nflows flow")


if __name__ == "__main__":
    main()
