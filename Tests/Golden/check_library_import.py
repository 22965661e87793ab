#!/usr/bin/env python3
"""Checks import_nflows.py and import_normflows.py against those libraries' formulas, as check_import.py does for the authors' code.

    python3 Tests/Golden/check_library_import.py --weir .build/release/weir
"""

import argparse
import os
import sys
import tempfile

import numpy as np
import torch

from check_import import BAR, per_1000_dims, run_import, weir_scores
from library_flows import Maker, log_density
from reference_flow import ReferenceFlow

import import_nflows
import import_normflows

ROWS = 40


def simple_realnvp(dims, batch_norm, between, seed):
    """nflows' SimpleRealNVP(use_volume_preserving=True), 4 layers."""
    make, kinds = Maker(seed), []
    for layer in range(4):
        make.coupling(f"_transform._transforms.{len(kinds)}", dims, list(range(layer % 2, dims, 2)), batch_norm=batch_norm)
        kinds.append("coupling")
        if between:
            make.batchnorm(f"_transform._transforms.{len(kinds)}", dims)
            kinds.append("batchnorm")
    return make.state, kinds


def nflows_mixture(dims, seed, base):
    """Every transform that can be imported."""
    make, place = Maker(seed), "_transform._transforms"
    kinds = ["actnorm", "lu", "coupling", "permutation", "linear", "coupling", "permutation", "householder", "affine", "identity"]
    make.normal(f"{place}.0.log_scale", dims)
    make.normal(f"{place}.0.shift", dims)
    make.state[f"{place}.0.initialized"] = torch.tensor(True)
    make.lu(f"{place}.1", dims)
    make.coupling(f"{place}.2", dims, [1, 3, 4], blocks=1)
    make.order(f"{place}.3._permutation", dims)
    make.square(f"{place}.4._weight", dims)
    make.normal(f"{place}.4.bias", dims)
    make.coupling(f"{place}.5", dims, [0, 2, 5, 6], blocks=3, hidden=5, batch_norm=True)
    make.state[f"{place}.6._permutation"] = torch.arange(dims - 1, -1, -1)
    make.normal(f"{place}.7.q_vectors", 3, dims, scale=1.0)
    make.normal(f"{place}.8._shift", dims)
    make.positive(f"{place}.8._scale", dims)
    if base:
        make.normal("_distribution.mean_", 1, dims)
        make.normal("_distribution.log_std_", 1, dims)
    return make.state, kinds


def normflows_base(make, dims):
    make.normal("q0.loc", 1, dims)
    make.normal("q0.log_scale", 1, dims)
    return make.state


def coupling_blocks(dims, kind, seed):
    make, kinds = Maker(seed), [kind, "permute", kind, "swap"] * 2
    first, second = (dims + 1) // 2, dims // 2
    seen, changed = (second, first) if kind.endswith(":inv") else (first, second)
    for index in range(0, len(kinds), 2):
        make.mlp(f"flows.{index}.flows.1.param_map", seen, 16, 12, changed * (2 if ":exp" in kind else 1), gap=index == 2)
        if kinds[index + 1] == "permute":
            make.order(f"flows.{index + 1}.perm", dims)
            make.state[f"flows.{index + 1}.inv_perm"] = torch.argsort(make.state[f"flows.{index + 1}.perm"])
    return normflows_base(make, dims), kinds


def masked_flows(dims, seed):
    make, kinds = Maker(seed), ["masked", "actnorm", "linear", "lu", "const"] * 3
    for round_ in range(3):
        place, mask = 5 * round_, torch.arange(dims) % 2 == round_ % 2
        make.state[f"flows.{place}.b"] = mask.float()[None]
        for leaf, sizes in (("t", (dims, 11, 7, dims)), ("s", (dims, 8, dims) if round_ else (dims, dims))):
            if not (leaf == "t" and round_ == 1) and not (leaf == "s" and round_ == 2):
                make.mlp(f"flows.{place}.{leaf}", *sizes)
        make.constant(f"flows.{place + 1}", dims)
        make.state[f"flows.{place + 1}.data_dep_init_done"] = torch.tensor(1.0)
        if round_ % 2:
            make.linear_by_lu(f"flows.{place + 2}", dims)
        else:
            make.square(f"flows.{place + 2}.W", dims)
        make.order(f"flows.{place + 3}.permutation._permutation", dims)
        make.lu(f"flows.{place + 3}.linear", dims)
        make.constant(f"flows.{place + 4}", dims)
    return normflows_base(make, dims), kinds


# name: (library, dims, (state, kinds))
CASES = {
    "nflows SimpleRealNVP, 6 dims": ("nflows", 6, simple_realnvp(6, False, False, 0)),
    "nflows SimpleRealNVP, 7 dims, batch norm everywhere": ("nflows", 7, simple_realnvp(7, True, True, 1)),
    "nflows SimpleRealNVP, 2 dims, batch norm between": ("nflows", 2, simple_realnvp(2, False, True, 2)),
    "nflows, every transform": ("nflows", 7, nflows_mixture(7, 3, False)),
    "nflows, every transform, DiagonalNormal": ("nflows", 7, nflows_mixture(7, 4, True)),
    "normflows coupling:exp, 2 dims": ("normflows", 2, coupling_blocks(2, "coupling:exp", 5)),
    "normflows coupling:exp, 9 dims": ("normflows", 9, coupling_blocks(9, "coupling:exp", 6)),
    "normflows coupling:exp:inv, 7 dims": ("normflows", 7, coupling_blocks(7, "coupling:exp:inv", 7)),
    "normflows coupling, 6 dims": ("normflows", 6, coupling_blocks(6, "coupling", 8)),
    "normflows coupling:inv, 5 dims": ("normflows", 5, coupling_blocks(5, "coupling:inv", 9)),
    "normflows masked and the rest": ("normflows", 6, masked_flows(6, 10)),
}


def arguments(library, dims, kinds, checkpoint, model):
    lists = ["--transforms" if library == "nflows" else "--flows", ",".join(kinds)]
    return ["--checkpoint", checkpoint, "--dims", dims, *lists, "--output", model]


def importer(library):
    return import_nflows if library == "nflows" else import_normflows


def check(name, library, dims, state, kinds, weir, folder, seed):
    checkpoint, model = os.path.join(folder, "checkpoint.pt"), os.path.join(folder, "model.safetensors")
    torch.save(state, checkpoint)
    failure = run_import(arguments(library, dims, kinds, checkpoint, model), importer(library))
    if failure:
        print(f"{name:52} FAILED {failure.strip()}")
        return False
    data = np.random.default_rng(seed).normal(0, 1.5, (ROWS, dims)).astype(np.float32)
    expected = log_density(library, kinds, state, data).numpy()
    reference = ReferenceFlow.load(model)
    own = per_1000_dims(reference.score(data).numpy(), expected, data)
    float32 = per_1000_dims(ReferenceFlow.load(model, torch.float32).score(data).double().numpy(), expected, data)
    with torch.no_grad():
        turned = np.abs(reference.inverse(reference.forward(data)[0])[0].numpy() - data).max()
    bar = max(BAR, 2 * float32)
    # Weights that are products of others are rounded to float32 once more.
    holds = own <= bar and turned < 1e-6
    line = f"{name:52} mean {expected.mean():8.2f} nats   reference {own:.0e}   float32 {float32:.1e}"
    if weir:
        difference = per_1000_dims(weir_scores(weir, model, data, folder), expected, data)
        holds = holds and difference <= bar
        line += f"   weir {difference:.1e} of {bar:.1e}"
    print(f"{line}   {'ok' if holds else 'FAILED'}", flush=True)
    return holds


def changed(case, **tensors):
    """A case with tensors replaced, or taken away where the value is None."""
    library, dims, (state, kinds) = CASES[case]
    state = {**state, **tensors}
    return library, dims, ({name: value for name, value in state.items() if value is not None}, kinds)


def affine_nflows():
    make = Maker(20)
    make.coupling("_transform._transforms.0", 6, [0, 2, 4], outputs=2)
    return "nflows", 6, (make.state, ["coupling"])


# What is refused, and what must be said of it.
REFUSED = {
    "a scale by sigmoid": (affine_nflows(), "AffineCouplingTransform"),
    "a missing tensor": (changed("nflows SimpleRealNVP, 6 dims", **{"_transform._transforms.1.transform_net.final_layer.bias": None}),
                         "final_layer.bias is missing"),
    "a tensor too many": (changed("nflows, every transform", extra=torch.zeros(2)), "extra is left over"),
    "another number of dims": (("nflows", 6, CASES["nflows, every transform"][2]), "--dims says 6, 7 would fit"),
    "a wrong list": (("nflows", 7, (CASES["nflows, every transform"][2][0], ["lu"] * 10)), "is no lu, as --transforms says"),
    "a short list": (("normflows", 6, (CASES["normflows coupling, 6 dims"][2][0], ["coupling"])), "--flows lists 1"),
    "additive for exp": (("normflows", 2, (CASES["normflows coupling:exp, 2 dims"][2][0], ["coupling", "permute", "coupling", "swap"] * 2)),
                         "coupling:exp"),
    "a singular weight": (changed("normflows masked and the rest", **{"flows.2.W": torch.ones(6, 6)}), "singular"),
    "NaN": (changed("normflows masked and the rest", **{"flows.1.s": torch.full((1, 6), torch.nan)}), "flows.1.s holds NaN"),
}


def check_refusal(name, case, pattern, folder):
    library, dims, (state, kinds) = case
    checkpoint = os.path.join(folder, "checkpoint.pt")
    torch.save(state, checkpoint)
    said = run_import(arguments(library, dims, kinds, checkpoint, os.path.join(folder, "refused")), importer(library)) or "nothing"
    holds = pattern in said and not os.path.exists(os.path.join(folder, "refused"))
    print(f"refused: {name:43} {'ok' if holds else f'FAILED, it says: {said}'}")
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", help="the weir program; without it only the import is checked")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("Worst difference from the library's formulas in float64, nats per 1000 dims")
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, library, dims, *parts, options.weir, folder, seed)
                   for seed, (name, (library, dims, parts)) in enumerate(CASES.items())]
        results += [check_refusal(name, *case, folder) for name, case in REFUSED.items()]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
