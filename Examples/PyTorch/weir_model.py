"""What the importers share: a checkpoint whose every tensor is accounted for, and the model file that it becomes.

A model file is a safetensors file whose metadata entry "weir" describes input, prior and steps; tensors are float32.
"""

import hashlib
import json
import os
import re

import numpy as np
import torch
from safetensors.numpy import save_file


class ImportFailure(Exception):
    pass


class Size:
    """An expected size along one axis, with the argument it follows from: value = factor * argument."""

    def __init__(self, value, argument=None, factor=1):
        self.value, self.argument, self.factor = value, argument, factor

    def __mul__(self, factor):
        return Size(self.value * factor, self.argument, self.factor * factor)

    def half(self):
        return Size(self.value // 2, self.argument, self.factor // 2)


ONE, THREE, FOUR = Size(1), Size(3), Size(4)


class Checkpoint:
    """The tensors of a state_dict, each to be taken once and checked on the way."""

    def __init__(self, state):
        self.state, self.taken = state, set()

    def names_under(self, place):
        return [name for name in self.state if name.startswith(place + ".")]

    def untaken(self):
        return sorted(name for name in self.state if name not in self.taken)

    def skip(self, name):
        """For a tensor that no density depends on, such as a count of batches."""
        self.taken.add(name)

    def array(self, name):
        """A tensor of real numbers as it is, not taken yet."""
        value = self.state[name]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.layout != torch.strided:
            raise ImportFailure(f"{name} is not a dense tensor of real numbers")
        return value

    def size(self, name, axis, rank):
        """A size that the weights alone know, such as the width of a bottleneck."""
        shape = self.array(name).shape
        if len(shape) != rank or shape[axis] < 1:
            raise ImportFailure(f"{name} has shape {list(shape)} where {rank} axes are expected")
        return Size(shape[axis])

    def take(self, name, sizes):
        """The float32 values of a tensor, its shape checked against sizes."""
        value = self.array(name)
        shape, expected = tuple(value.shape), tuple(size.value for size in sizes)
        if shape != expected:
            raise ImportFailure(f"{name} has shape {list(shape)} where the arguments give {list(expected)}{blame(shape, sizes)}")
        value = value.detach().to(torch.float32).cpu().numpy()
        if not np.isfinite(value).all():
            raise ImportFailure(f"{name} holds NaN or Inf")
        self.taken.add(name)
        return np.ascontiguousarray(value)


def blame(shape, sizes):
    """Which argument says otherwise, and what would fit."""
    if len(shape) == len(sizes):
        for actual, size in zip(shape, sizes):
            if actual != size.value and size.argument:
                fits = f", {actual // size.factor} would fit" if actual % size.factor == 0 and actual else ""
                return f": {size.argument} says {size.value // size.factor}{fits}"
    return ""


def factorise(weight, name):
    """The lu and pivots of a 1x1 convolution: P weight = L U in one matrix, in double, and the row exchanged with row i."""
    lu, pivots, info = torch.linalg.lu_factor_ex(torch.from_numpy(weight).double())
    if info != 0 or not torch.isfinite(lu).all():
        raise ImportFailure(f"{name} is singular, so the flow can't be inverted")
    return lu.float().contiguous().numpy(), (pivots - 1).float().numpy()  # LAPACK leaves columns side by side, a file has rows


def read_state(path):
    """The state_dict of a checkpoint, without what DataParallel puts before each name. Pickled code is never run."""
    try:
        loaded = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        raise ImportFailure(f"{path}: there is no such file") from None
    except OSError as error:
        raise ImportFailure(f"{path}: {error.strerror}") from None
    except Exception:  # a damaged pickle fails in any way it likes
        why = "damaged, or with other Python objects, which are never loaded"
        raise ImportFailure(f"{path}: not a checkpoint of plain tensors: {why}") from None
    state = loaded.get("net", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(name, str) for name in state):
        raise ImportFailure(f'{path}: holds neither {{"net": state_dict}} nor a state_dict')
    if all(name.startswith("module.") for name in state):
        state = {name[len("module."):]: value for name, value in state.items()}
    return state


def read_mixture(path, dims):
    """(prior, tensors) of a Gaussian mixture kept beside a flow: an .npz with `means` [components, dims] and, where the deviations are
    not 1, `inv_cov_stds` [components], whose softplus is each component's deviation."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ImportFailure(f"{path}: there is no such file") from None
    except Exception:  # numpy fails in many ways on what is no archive
        raise ImportFailure(f"{path}: not an .npz archive of plain arrays") from None
    if extra := set(arrays) - {"means", "inv_cov_stds"}:
        raise ImportFailure(f"{path}: holds {', '.join(sorted(extra))}, but only means and inv_cov_stds are known")
    if "means" not in arrays:
        raise ImportFailure(f"{path}: holds no array called means")
    means = arrays["means"]
    if means.ndim != 2 or len(means) < 1 or means.shape[1] != dims:
        raise ImportFailure(f"{path}: means has shape {list(means.shape)} where the flow needs [components, {dims}]")
    scales = arrays.get("inv_cov_stds", np.full(len(means), np.log(np.expm1(1.0))))
    if scales.shape != means.shape[:1]:
        raise ImportFailure(f"{path}: inv_cov_stds has shape {list(scales.shape)} where means give [{len(means)}]")
    tensors = {"prior.means": means, "prior.raw_scales": scales}
    for name, value in tensors.items():
        if value.dtype.kind != "f" or not np.isfinite(value).all():
            raise ImportFailure(f"{path}: {name[len('prior.'):]} is not all finite real numbers")
        tensors[name] = np.ascontiguousarray(value, dtype=np.float32)
    return {"type": "gaussian_mixture", "components": len(means), "trainable": False}, tensors


def write_model(path, spec, tensors, checkpoint, source):
    """Writes a model file in one go: either all of it is there, or what was there before."""
    with open(checkpoint, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    provenance = {**source, "checkpoint": os.path.basename(checkpoint), "sha256": digest}
    spec = {"version": 1, **spec, "provenance": provenance}
    for name, value in tensors.items():
        assert value.dtype == np.float32 and value.flags.c_contiguous, name  # safetensors writes the memory as it lies
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        save_file(tensors, temporary, metadata={"weir": json.dumps(spec, separators=(",", ":"))})
        os.replace(temporary, path)
    except Exception as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise ImportFailure(f"{path}: can't be written ({error})") from None
    numbers = sum(value.size for value in tensors.values())
    print(f"{path}: {len(spec['steps'])} steps, {len(tensors)} tensors, {numbers:,} numbers")


def highest(names, pattern):
    """One more than the largest number that `pattern` captures in names; 0 when none matches."""
    found = [int(match.group(1)) for match in (re.search(pattern, name) for name in names) if match]
    return max(found) + 1 if found else 0
