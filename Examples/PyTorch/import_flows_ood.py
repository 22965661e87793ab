#!/usr/bin/env python3
"""Turns a checkpoint of the authors' PyTorch code (PolinaKirichenko/flows_ood) into a Weir model file.

    python3 import_flows_ood.py --checkpoint 80.pt --flow RealNVP --image-shape 1,28,28 --num-scales 2 --num-mid-channels 64 \\
        --num-blocks 6 --st-type resnet --output fashion.safetensors

The checkpoint holds weights but not the architecture, so the arguments say how it was trained (the names are those of the training
script, with dashes). Every tensor is checked against them; nothing is guessed, skipped or left over. Weights are stored as float32.
Needs torch, numpy and safetensors; the authors' code is not needed and pickled code is never run.
"""

import argparse
import hashlib
import json
import os
import re
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

FLOWS = ("RealNVP", "RealNVP8Layers", "RealNVPCycleMask", "RealNVPMaskHorizontal", "RealNVPTabular")
MARGIN = 0.9


class ImportFailure(Exception):
    pass


class Size:
    """An expected size along one axis, with the argument it follows from: value = factor * argument."""

    def __init__(self, value, argument=None, factor=1):
        self.value, self.argument, self.factor = value, argument, factor

    def __mul__(self, factor):
        return Size(self.value * factor, self.argument, self.factor * factor)


ONE, THREE = Size(1), Size(3)


class Importer:
    """Walks the couplings in order, taking each tensor out of the checkpoint under its place in the Weir model."""

    def __init__(self, state, options):
        self.state, self.options = state, options
        self.taken, self.tensors, self.steps = set(), {}, []

    def fail_absent(self, name, coupling):
        """Says which argument promises a tensor that is not there."""
        options, names = self.options, [key for key in self.state if key.startswith(coupling + ".")]
        if not names:
            depth = {"RealNVPTabular": "--num-coupling-layers", "RealNVP": "--num-scales"}.get(options.flow)
            why = f"the checkpoint has no such coupling: --flow {options.flow}"
            why += f" or {depth} does not fit it" if depth else " does not fit it"
        elif re.search(r"\.(blocks|skips)\.\d", name) and self.blocks(names) != options.num_blocks:
            why = f"--num-blocks says {options.num_blocks}, the checkpoint has {self.blocks(names)}"
        elif re.search(r"\.(in_skip|skips)\.", name):
            why = "it belongs to the skip connections; was the flow trained with --no-skip?"
        elif "_norm." in name:
            why = "it belongs to batch norm; was the flow trained with --no-batchnorm?"
        else:
            why = f"a coupling of --flow {options.flow} has one"
        raise ImportFailure(f"{name} is missing: {why}")

    @staticmethod
    def blocks(names):
        found = [int(match.group(1)) for match in (re.search(r"\.blocks\.(\d+)\.", name) for name in names) if match]
        return max(found) + 1 if found else 0

    def take(self, coupling, source, target, sizes, flat=False):
        """Moves coupling.source to target after checking its shape; `flat` stores it with one axis."""
        name = f"{coupling}.{source}"
        if name not in self.state:
            self.fail_absent(name, coupling)
        value = self.state[name]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.layout != torch.strided:
            raise ImportFailure(f"{name} is not a dense tensor of real numbers")
        shape, expected = tuple(value.shape), tuple(size.value for size in sizes)
        if shape != expected:
            raise ImportFailure(f"{name} has shape {list(shape)} where the arguments give {list(expected)}{self.blame(shape, sizes)}")
        value = value.detach().to(torch.float32).numpy()
        if not np.isfinite(value).all():
            raise ImportFailure(f"{name} holds NaN or Inf")
        self.taken.add(name)
        if target:
            self.tensors[target] = np.ascontiguousarray(value.reshape(-1) if flat else value)
        return value

    @staticmethod
    def blame(shape, sizes):
        if len(shape) == len(sizes):
            for actual, size in zip(shape, sizes):
                if actual != size.value and size.argument:
                    fits = f", {actual // size.factor} would fit" if actual % size.factor == 0 else ""
                    return f": {size.argument} says {size.value // size.factor}{fits}"
        return ""

    def norm(self, coupling, source, target, channels):
        for theirs, ours in (("weight", "gain"), ("bias", "bias"), ("running_mean", "mean"), ("running_var", "variance")):
            value = self.take(coupling, f"{source}.{theirs}", f"{target}.{ours}", (channels,))
            if ours == "variance" and (value < 0).any():
                raise ImportFailure(f"{coupling}.{source}.running_var is negative somewhere")
        self.taken.add(f"{coupling}.{source}.num_batches_tracked")

    def conv(self, coupling, source, target, output, inputs, kernel, bias=True):
        direction = self.take(coupling, f"{source}.conv.weight_v", f"{target}.weight_v", (output, inputs, kernel, kernel))
        if (np.square(direction.astype(np.float64)).sum((1, 2, 3)) == 0).any():
            raise ImportFailure(f"{coupling}.{source}.conv.weight_v has an output channel of zeros, so it gives no direction")
        self.take(coupling, f"{source}.conv.weight_g", f"{target}.weight_g", (output, ONE, ONE, ONE), flat=True)
        if bias:
            self.take(coupling, f"{source}.conv.bias", f"{target}.bias", (output,))

    def gain(self, coupling, target, channels, axes):
        """The authors' gain is itself weight-normed, one number per direction: gain = weight_g * sign(weight_v)."""
        sizes = (channels,) + (ONE,) * (axes - 1)
        gain, direction = (self.take(coupling, f"rescale.{part}", None, sizes) for part in ("weight_g", "weight_v"))
        if (direction == 0).any():
            raise ImportFailure(f"{coupling}.rescale.weight_v is zero somewhere, so it gives no sign")
        self.tensors[target] = (gain * np.sign(direction)).reshape(-1)

    def resnet(self, coupling, target, channels, mid):
        options = self.options
        if options.batchnorm:
            self.norm(coupling, "st_net.in_norm", f"{target}.in_norm", channels)
        self.conv(coupling, "st_net.in_conv", f"{target}.in_conv", mid, channels * 2, THREE)
        if options.skip:
            self.conv(coupling, "st_net.in_skip", f"{target}.in_skip", mid, mid, ONE)
        for block in range(options.num_blocks):
            source, place = f"st_net.blocks.{block}", f"{target}.blocks.{block}"
            for part, bias in (("in", False), ("out", True)):
                if options.batchnorm:
                    self.norm(coupling, f"{source}.{part}_norm", f"{place}.{part}_norm", mid)
                self.conv(coupling, f"{source}.{part}_conv", f"{place}.{part}_conv", mid, mid, THREE, bias)
            if options.skip:
                self.conv(coupling, f"st_net.skips.{block}", f"{target}.skips.{block}", mid, mid, ONE)
        if options.batchnorm:
            self.norm(coupling, "st_net.out_norm", f"{target}.out_norm", mid)
        self.conv(coupling, "st_net.out_conv", f"{target}.out_conv", channels * 2, mid, ONE)

    def image_coupling(self, coupling, mask, channels, mid):
        options, place = self.options, f"steps.{len(self.steps)}"
        if mask["type"] == "channel":
            channels = Size(channels.value // 2, channels.argument, channels.factor // 2)
        net = {"type": "resnet", "channels": mid.value, "blocks": options.num_blocks, "skip": options.skip,
               "batch_norm": options.batchnorm, "weight_norm": True}
        if mask["type"] == "checkerboard" and options.batchnorm:
            net["input_scale"] = 2
        self.resnet(coupling, f"{place}.net", channels, mid)
        self.gain(coupling, f"{place}.gain", channels, 3)
        self.steps.append({"op": "coupling", "transform": "affine", "mask": mask, "net": net})

    def tabular_coupling(self, coupling, reverse):
        options, place = self.options, f"steps.{len(self.steps)}"
        dims, hidden = Size(options.in_dim, "--in-dim"), Size(options.hidden_dim, "--hidden-dim")
        # In their list: 0 linear, 1 ReLU, 2 dropout, then pairs of linear and ReLU, then the last linear.
        layers = [0] + [3 + 2 * layer for layer in range(options.num_layers + 1)]
        found = sum(bool(re.fullmatch(re.escape(coupling) + r"\.st_net\.\d+\.weight", name)) for name in self.state)
        if found and found != len(layers):
            fits = f"--num-layers says {options.num_layers}, {found - 2} would fit"
            raise ImportFailure(f"{coupling}.st_net has {found} linear layers: {fits}")
        for layer, source in enumerate(layers):
            output = dims * 2 if layer == len(layers) - 1 else hidden
            inputs = dims if layer == 0 else hidden
            self.take(coupling, f"st_net.{source}.weight", f"{place}.net.layers.{layer}.weight", (output, inputs))
            self.take(coupling, f"st_net.{source}.bias", f"{place}.net.layers.{layer}.bias", (output,))
        self.gain(coupling, f"{place}.gain", dims, 1)
        net = {"type": "mlp", "hidden": options.hidden_dim, "layers": options.num_layers}
        self.steps.append({"op": "coupling", "transform": "affine", "mask": {"type": "tabular", "reverse": reverse}, "net": net})

    def multiscale(self, channels, mid):
        def three(body, kind):
            for index, reverse in enumerate((False, True, False)):
                self.image_coupling(f"body.{body}.{index}.module1", {"type": kind, "reverse": reverse}, channels, mid)

        body = 2
        for scale in range(self.options.num_scales):
            three(body, "checkerboard")
            if scale == self.options.num_scales - 1:
                self.image_coupling(f"body.{body + 1}.0.module1", {"type": "checkerboard", "reverse": True}, channels, mid)
                break
            self.steps.append({"op": "squeeze"})
            channels, mid = channels * 4, mid * 2
            three(body + 2, "channel")
            channels = Size(channels.value // 2, channels.argument, channels.factor // 2)
            self.steps.append({"op": "factor_out", "keep": channels.value})
            body += 4

    def run(self):
        options = self.options
        if options.flow == "RealNVPTabular":
            for layer in range(options.num_coupling_layers):
                self.tabular_coupling(f"body.{layer}", layer % 2 == 1)
        else:
            self.steps += [{"op": "dequantize"}, {"op": "logit", "margin": MARGIN}]
            channels, mid = Size(options.image_shape[0], "--image-shape"), Size(options.num_mid_channels, "--num-mid-channels")
            if options.flow == "RealNVP":
                self.multiscale(channels, mid)
            else:
                for layer in range(8):
                    if options.flow == "RealNVPCycleMask":
                        mask = {"type": "cycle", "from": layer % 4, "to": (layer + 1) % 4}
                    else:
                        kind = "checkerboard" if options.flow == "RealNVP8Layers" else "horizontal"
                        mask = {"type": kind, "reverse": layer % 2 == 1}
                    self.image_coupling(f"body.{layer + 2}.0.module1", mask, channels, mid)
        self.refuse_leftovers()

    def refuse_leftovers(self):
        left = sorted(name for name in self.state if name not in self.taken)
        if not left:
            return
        name, options = left[0], self.options
        coupling = re.match(r"body\.\d+(\.\d+\.module1)?", name)
        known = coupling and any(taken.startswith(coupling.group() + ".") for taken in self.taken)
        if coupling and not known:
            depth = "--num-coupling-layers" if options.flow == "RealNVPTabular" else "--num-scales"
            why = f"the arguments give no coupling there: does --flow {options.flow} or {depth} fit the checkpoint?"
        elif (match := re.search(r"\.(?:blocks|skips)\.(\d+)\.", name)) and int(match.group(1)) >= options.num_blocks:
            has = self.blocks([key for key in left if key.startswith(coupling.group() + ".")])
            why = f"--num-blocks says {options.num_blocks}, the checkpoint has {max(has, options.num_blocks + 1)}"
        elif re.search(r"\.(in_skip|skips)\.", name) and not options.skip:
            why = "--no-skip says that there are no skip connections"
        elif "_norm." in name and not options.batchnorm:
            why = "--no-batchnorm says that there is no batch norm"
        elif ".bottleneck." in name:
            why = "bottleneck networks (--st-type resnet_ae) can't be imported"
        else:
            why = "no part of this flow uses it"
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise ImportFailure(f"{name}{more} is left over: {why}")


def read_state(path):
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
    if not any(name.startswith("body.") for name in state):
        raise ImportFailure(f'{path}: no tensor is called "body. ...", so this is not a flow of the authors\' code')
    return state


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def image_shape(text):
    try:
        shape = [positive(part) for part in text.split(",")]
    except (ValueError, argparse.ArgumentTypeError):
        shape = []
    if len(shape) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not C,H,W, for example 1,28,28")
    return shape


def parse_arguments():
    parser = argparse.ArgumentParser(description="Turns a checkpoint of the authors' PyTorch code (flows_ood) into a Weir model.",
                                     epilog="Defaults are those of the authors' classes.")
    parser.add_argument("--checkpoint", required=True, help='torch.save of {"net": state_dict} or of the state_dict')
    parser.add_argument("--flow", required=True, choices=FLOWS)
    parser.add_argument("--image-shape", type=image_shape, metavar="C,H,W", help="image flows only")
    parser.add_argument("--num-scales", type=positive, default=2, help="RealNVP only; default 2")
    parser.add_argument("--num-mid-channels", type=positive, default=64, help="default 64")
    parser.add_argument("--num-blocks", type=positive, default=8, help="default 8")
    parser.add_argument("--st-type", choices=("resnet",), default="resnet")
    parser.add_argument("--no-skip", dest="skip", action="store_false", help="trained without skip connections")
    parser.add_argument("--no-batchnorm", dest="batchnorm", action="store_false", help="trained without batch norm")
    parser.add_argument("--in-dim", type=positive, help="RealNVPTabular only: columns of the table")
    parser.add_argument("--hidden-dim", type=positive, default=256, help="RealNVPTabular only; default 256")
    parser.add_argument("--num-layers", type=positive, default=2, help="RealNVPTabular only; default 2")
    parser.add_argument("--num-coupling-layers", type=positive, default=6, help="RealNVPTabular only; default 6")
    parser.add_argument("--output", required=True, help="the model file to write, .safetensors")
    options = parser.parse_args()
    if options.flow == "RealNVPTabular":
        if options.in_dim is None:
            parser.error("--flow RealNVPTabular needs --in-dim")
    elif options.image_shape is None:
        parser.error(f"--flow {options.flow} needs --image-shape")
    elif options.flow == "RealNVP" and any(size % 2 ** (options.num_scales - 1) for size in options.image_shape[1:]):
        parser.error(f"--num-scales {options.num_scales} halves the image {options.num_scales - 1} times, which --image-shape does not allow")
    return options


def write_model(options, importer):
    with open(options.checkpoint, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    tabular = options.flow == "RealNVPTabular"
    spec = {
        "version": 1,
        "input": {"shape": [options.in_dim], "levels": 0} if tabular else {"shape": options.image_shape, "levels": 256},
        "prior": {"type": "standard_normal"},
        "steps": importer.steps,
        "provenance": {"source": "flows_ood", "flow": options.flow, "checkpoint": os.path.basename(options.checkpoint), "sha256": digest},
    }
    temporary = f"{options.output}.{os.getpid()}.tmp"
    try:
        save_file(importer.tensors, temporary, metadata={"weir": json.dumps(spec, separators=(",", ":"))})
        os.replace(temporary, options.output)
    except Exception as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise ImportFailure(f"{options.output}: can't be written ({error})") from None


def main():
    options = parse_arguments()
    try:
        importer = Importer(read_state(options.checkpoint), options)
        importer.run()
        write_model(options, importer)
    except ImportFailure as failure:
        sys.exit(f"import_flows_ood: {failure}")  # exit status 1
    numbers = sum(value.size for value in importer.tensors.values())
    print(f"{options.output}: {options.flow}, {len(importer.steps)} steps, {len(importer.tensors)} tensors, {numbers:,} numbers")


if __name__ == "__main__":
    main()
