"""A Weir flow over tables, built from the parts that other libraries' flows consist of; import_nflows.py and import_normflows.py share it.

Everything is computed in double and stored as float32. Nothing here approximates, with one exception that is below float32's rounding:
a scale exp(u) without tanh becomes exp(g tanh(u / g)) with g = 65536, which differs from it by less than u^3 / 1e10 in the exponent.
"""

import argparse
import sys

import numpy as np

from weir_model import Checkpoint, ImportFailure, Size, factorise, read_state, write_model

WIDE_GAIN = 65536.0


class Net:
    """A perceptron as its linear layers, with ReLU between them: layers = [(weight [out, in], bias [out]), ...], double."""

    def __init__(self, layers):
        self.layers = layers

    @staticmethod
    def residual(first, blocks, last):
        """last(x) after x = first(input) and x = x + outer(relu(inner(relu(x)))) for each block; `blocks` holds (before, inner, outer),
        where before = (factor, shift) of a normalisation in front of the block's first ReLU or None.

        x is carried through ReLUs as relu(x) - relu(-x), beside what the blocks compute, so the layers are three times as wide."""
        (weight, bias), layers = first, []
        size = len(weight)
        eye, none = np.eye(size), np.zeros((size, size))
        for before, inner, outer in blocks:
            factor, shift = before or (np.ones(size), np.zeros(size))
            # From the pre-activation of x: relu of the block's input, relu(x), relu(-x).
            layers.append((np.vstack((factor[:, None] * weight, weight, -weight)), np.concatenate((factor * bias + shift, bias, -bias))))
            rows = (np.hstack((inner[0], none, none)), np.hstack((none, eye, none)), np.hstack((none, none, eye)))
            layers.append((np.vstack(rows), np.concatenate((inner[1], np.zeros(2 * size)))))
            weight, bias = np.hstack((outer[0], eye, -eye)), outer[1]
        layers.append((np.vstack((weight, -weight)), np.concatenate((bias, -bias))))
        layers.append((np.hstack((last[0], -last[0])), last[1]))
        return Net(layers)

    @staticmethod
    def linear(weight, bias):
        eye = np.eye(weight.shape[1])
        return Net([(np.vstack((eye, -eye)), np.zeros(2 * len(eye))), (np.hstack((weight, -weight)), bias)])

    def deepened(self, count):
        """With `count` layers: relu(relu(x)) = relu(x), so identities after the first layer change nothing."""
        size = len(self.layers[0][0])
        more = [(np.eye(size), np.zeros(size))] * (count - len(self.layers))
        return Net(self.layers[:1] + more + self.layers[1:])

    @staticmethod
    def beside(one, other):
        """Both on the same input, the outputs of one before those of the other."""
        count = max(len(one.layers), len(other.layers))
        layers = []
        for index, ((a, b), (c, d)) in enumerate(zip(one.deepened(count).layers, other.deepened(count).layers)):
            if index == 0:
                weight = np.vstack((a, c))
            else:
                weight = np.block([[a, np.zeros((len(a), c.shape[1]))], [np.zeros((len(c), a.shape[1])), c]])
            layers.append((weight, np.concatenate((b, d))))
        return Net(layers)

    def placed(self, seen, dims, rows):
        """On all dims, of which it reads those in `seen`, in order; its outputs become the given rows, the others zero."""
        layers = list(self.layers)
        weight, bias = layers[0]
        wide = np.zeros((len(weight), dims))
        wide[:, seen] = weight
        layers[0] = (wide, bias)
        weight, bias = layers[-1]
        count, places = rows
        tall, long = np.zeros((count, weight.shape[1])), np.zeros(count)
        tall[places], long[places] = weight, bias
        layers[-1] = (tall, long)
        return Net(layers)

    def scaled_outputs(self, factors):
        weight, bias = self.layers[-1]
        return Net(self.layers[:-1] + [(factors[:, None] * weight, factors * bias)])


class TableFlow:
    """Steps from data to latents, over rows of `dims` numbers."""

    def __init__(self, dims):
        self.dims, self.steps, self.tensors, self.prior = dims, [], {}, {"type": "standard_normal"}

    def add(self, step, **tensors):
        for leaf, value in tensors.items():
            with np.errstate(over="ignore"):
                stored = np.ascontiguousarray(value, dtype=np.float32)
            if not np.isfinite(stored).all():
                raise ImportFailure(f"a number of step {len(self.steps)} ({step['op']}) is beyond float32")
            self.tensors[f"steps.{len(self.steps)}.{leaf}"] = stored
        self.steps.append(step)

    def permute(self, order):
        """y[k] = x[order[k]]"""
        order = [int(index) for index in order]
        if order == list(range(self.dims)):
            return
        backwards = order == list(range(self.dims))[::-1]
        self.add({"op": "reverse"} if backwards else {"op": "permute", "order": order})

    def scale_after_shift(self, bias, log_scale):
        """y = (x + bias) exp(log_scale)"""
        self.add({"op": "actnorm"}, bias=bias, log_scale=log_scale)

    def standardise(self, mean, scale):
        """y = (x - mean) / scale, fixed numbers"""
        self.add({"op": "affine"}, mean=mean, scale=scale)

    def linear(self, weight, bias, name):
        """y = weight x + bias"""
        weight = np.ascontiguousarray(weight, dtype=np.float32)
        lu, pivots = factorise(weight, name)
        self.add({"op": "conv1x1"}, weight=weight, lu=lu, pivots=pivots)
        if bias is not None and np.any(bias != 0):
            self.scale_after_shift(bias, np.zeros(self.dims))

    def coupling(self, seen, net, scaled, name):
        """x[changed] = (x[changed] + t) exp(s), where (s, t), or t alone unless scaled, are the outputs of net on x[seen]."""
        seen = [int(index) for index in seen]
        changed = [index for index in range(self.dims) if index not in seen]
        half = self.dims // 2
        if len(seen) not in (half, self.dims - half) or not changed:
            raise ImportFailure(f"{name} passes {len(seen)} of {self.dims} dims on unchanged; only half of them (rounded either way) fits")
        # The tabular mask passes the first half on, or in reverse what lies behind it.
        options = [(reverse, changed + seen if reverse else seen + changed) for reverse in (False, True)
                   if len(seen) == (self.dims - half if reverse else half)]
        reverse, order = min(options, key=lambda option: option[1] != list(range(self.dims)))
        inside = [order.index(index) for index in seen]
        outside = [order.index(index) for index in changed]
        places = outside + [self.dims + place for place in outside] if scaled else outside
        net = net.placed(inside, self.dims, (self.dims * (2 if scaled else 1), places))
        self.permute(order)
        tensors = {}
        if scaled:
            net = net.scaled_outputs(np.repeat([1 / WIDE_GAIN, 1.0], self.dims))
            tensors["gain"] = np.full(self.dims, WIDE_GAIN)
        hidden = max(len(bias) for _, bias in net.layers[:-1])
        for index, (weight, bias) in enumerate(net.layers):
            rows = hidden if index < len(net.layers) - 1 else len(weight)
            columns = hidden if index else weight.shape[1]
            tensors[f"net.layers.{index}.weight"] = np.pad(weight, ((0, rows - len(weight)), (0, columns - weight.shape[1])))
            tensors[f"net.layers.{index}.bias"] = np.pad(bias, (0, rows - len(bias)))
        self.add({"op": "coupling", "transform": "affine" if scaled else "additive", "mask": {"type": "tabular", "reverse": reverse},
                  "net": {"type": "mlp", "hidden": hidden, "layers": len(net.layers) - 2}}, **tensors)
        self.permute(np.argsort(order))

    def learned_normal(self, mean, log_scale):
        self.prior = {"type": "learned_normal"}
        for leaf, value in (("mean", mean), ("log_scale", log_scale)):
            self.tensors[f"prior.{leaf}"] = np.ascontiguousarray(value.reshape(-1), dtype=np.float32)

    def description(self):
        return {"input": {"shape": [self.dims], "levels": 0}, "prior": self.prior, "steps": self.steps}


def repeated(text, known):
    """The words of a command line's LIST, or of LIST*COUNT, which repeats it."""
    text, _, count = text.partition("*")
    words = [part.strip() for part in text.split(",")] * (int(count) if count.isdigit() else 0 if count else 1)
    if not words or not set(words) <= set(known):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of {', '.join(known)}")
    return words


class TableImporter:
    """What the importers share: the checkpoint, the flow that comes of it, and tensors taken by name. `option` is what lists the parts."""

    def __init__(self, state, options, option):
        self.checkpoint, self.options, self.dims = Checkpoint(state), options, Size(options.dims, "--dims")
        self.flow, self.option = TableFlow(options.dims), option

    def present(self, place, leaf, also=""):
        """The tensor's name, once it is sure to be there."""
        name = f"{place}.{leaf}"
        if name not in self.checkpoint.state:
            raise ImportFailure(f"{name} is missing: {self.option}{also} does not fit the checkpoint")
        return name

    def take(self, place, leaf, *sizes):
        return self.checkpoint.take(self.present(place, leaf, " or --dims"), sizes).astype(np.float64)


def import_checkpoint(library, document, importer, kinds, known, noun):
    """The command line of an importer: `--kinds LIST` says what the checkpoint's parts are. importer(state, options) has run() and flow."""
    parser = argparse.ArgumentParser(description=f"Turns a checkpoint of {noun} over tables into a Weir model.",
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=document[document.index("The checkpoint"):])
    parser.add_argument("--checkpoint", required=True, help="torch.save of the flow's state_dict")
    parser.add_argument("--dims", required=True, type=int, help="columns of the table")
    parser.add_argument(kinds, required=True, type=lambda text: repeated(text, known), metavar="LIST",
                        help="in order; LIST*COUNT for one that repeats")
    parser.add_argument("--output", required=True, help="the model file to write, .safetensors")
    options = parser.parse_args()
    if options.dims < 2:
        parser.error("--dims must be 2 or more")
    try:
        made = importer(read_state(options.checkpoint), options)
        made.run()
        write_model(options.output, made.flow.description(), made.flow.tensors, options.checkpoint, {"source": library})
    except ImportFailure as failure:
        sys.exit(f"import_{library}: {failure}")
