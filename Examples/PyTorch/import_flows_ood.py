#!/usr/bin/env python3
"""Turns a checkpoint of the authors' PyTorch code (PolinaKirichenko/flows_ood) into a Weir model file.

    python3 import_flows_ood.py --checkpoint 80.pt --flow RealNVP --image-shape 1,28,28 --num-scales 2 --num-mid-channels 64 \\
        --num-blocks 6 --st-type resnet --output fashion.safetensors

The checkpoint holds weights but not the architecture, so the arguments say how it was trained (the names are those of the training
script, with dashes). Every tensor is checked against them; nothing is guessed, skipped or left over. Weights are stored as float32.
Widths of bottlenecks are read off the weights. Needs torch, numpy and safetensors; the authors' code is not needed and pickled code is
never run.

`--flow Chain --masks LIST` imports a flow built by hand from the authors' couplings; flows_ood_masks.py says how.
"""

import argparse
import re
import sys

import numpy as np

import flows_ood_masks
from flows_ood_masks import CHAINS, link, positive, reversible
from flows_ood_nets import ST_TYPES, StNetworks
from weir_model import ONE, Checkpoint, ImportFailure, Size, factorise, read_mixture, read_state, write_model

MARGIN = 0.9
FLOWS = ("RealNVP", *CHAINS, "Glow", "GlowMNIST", "Chain", "RealNVPTabular")
# What says how many couplings a flow has.
DEPTHS = {"RealNVP": "--num-scales", "Glow": "--num-scales, --num-coupling-layers-per-scale or --no-multi-scale",
          "Chain": "--masks", "RealNVPTabular": "--num-coupling-layers"}


class Importer:
    """Walks the steps in order, taking each tensor out of the checkpoint under its place in the Weir model."""

    def __init__(self, state, options):
        self.options, self.checkpoint, self.steps = options, Checkpoint(state), []
        self.nets = StNetworks(self.checkpoint, options, DEPTHS.get(options.flow, "--image-shape"))
        if options.flow != "RealNVPTabular":
            channels, self.height, self.width = options.image_shape
            self.channels = Size(channels, "--image-shape")

    # ---- steps

    def squeeze(self):
        if self.height % 2 or self.width % 2:
            raise ImportFailure(f"a {self.height}x{self.width} map can't be squeezed: --image-shape or {self.nets.depth} does not fit")
        self.channels, self.height, self.width = self.channels * 4, self.height // 2, self.width // 2
        self.steps.append({"op": "squeeze"})

    def keep(self, channels):
        if not 0 < channels.value < self.channels.value:
            raise ImportFailure(f"keep:{channels.value} does not fit a map of {self.channels.value} channels: --masks is wrong")
        self.steps.append({"op": "factor_out", "keep": channels.value})
        self.channels = channels

    def seen_shape(self, mask, coupling):
        """[c, h, w] of what the st-network sees, if the mask fits the map."""
        channels, height, width = self.channels, self.height, self.width
        smallest, kind = min(height, width), mask["type"]
        fits = smallest >= 2
        if kind == "channel":
            fits, channels = channels.value % 2 == 0, channels.half()
        elif kind == "centre":
            fits = smallest > 2 * mask["margin"]
        elif kind == "sub_quadrant":
            fits = height % mask["factor"] == 0 and width % mask["factor"] == 0 and smallest // mask["factor"] >= 2
            height, width = height // mask["factor"], width // mask["factor"]
        if not fits:
            place = f"a map of {self.channels.value}x{self.height}x{self.width}"
            raise ImportFailure(f"{coupling}: the {kind} mask does not fit {place}: --image-shape, --flow or --masks is wrong")
        return channels, height, width

    def coupling(self, coupling, mask, mid):
        place, shape = f"steps.{len(self.steps)}", self.seen_shape(mask, coupling)
        net = self.nets.image_net(coupling, f"{place}.net", shape, mid, mask["type"] == "checkerboard")
        self.nets.gain(coupling, f"{place}.gain", shape[0], 3)
        self.steps.append({"op": "coupling", "transform": "affine", "mask": mask, "net": net})

    def actnorm(self, source, bias="bias", log_scale="logs"):
        place = f"steps.{len(self.steps)}"
        for theirs, ours in ((bias, "bias"), (log_scale, "log_scale")):
            self.nets.take(source, theirs, f"{place}.{ours}", (ONE, self.channels, ONE, ONE), flat=True)
        self.steps.append({"op": "actnorm"})

    def conv1x1(self, source, more_axes=()):
        place, channels = f"steps.{len(self.steps)}", self.channels
        weight = self.nets.take(source, "weight", None, (channels, channels, *more_axes)).reshape(channels.value, channels.value)
        lu, pivots = factorise(weight, f"{source}.weight")
        self.nets.tensors.update({f"{place}.weight": weight, f"{place}.lu": lu, f"{place}.pivots": pivots})
        self.steps.append({"op": "conv1x1"})

    # ---- flows

    def multiscale(self, mid):
        body = 2
        for scale in range(self.options.num_scales):
            self.three(body, "checkerboard", mid)
            if scale == self.options.num_scales - 1:
                self.coupling(f"body.{body + 1}.0.module1", reversible("checkerboard", True), mid)
                break
            self.squeeze()
            if self.options.st_type != "autoencoder":
                mid = mid * 2
            self.three(body + 2, "channel", mid)
            self.keep(self.channels.half())
            body += 4

    def three(self, body, kind, mid):
        for index, reverse in enumerate((False, True, False)):
            self.coupling(f"body.{body}.{index}.module1", reversible(kind, reverse), mid)

    def glow(self, mid):
        options, body = self.options, 2
        for scale in range(options.num_scales):
            self.squeeze()
            body += 1
            for _ in range(options.num_coupling_layers_per_scale):
                self.actnorm(f"body.{body}.0.module1")
                self.conv1x1(f"body.{body}.1.module1")
                self.coupling(f"body.{body}.2.module1", reversible("channel", False), mid)
                body += 1
            if options.multi_scale and scale < options.num_scales - 1:
                self.keep(self.channels.half())
                body += 1

    def glow_mnist(self, mid):
        """glow_model.py's flow: another actnorm, 1x1 convolutions with a bias, and checkerboards."""
        channels = self.channels
        level = ["checkerboard"] * 3 + ["squeeze"] + ["channel"] * 2
        for body, kind in enumerate([*level, 2, *level, 4, *["checkerboard"] * 3, "channel"], 2):
            if kind == "squeeze":
                self.squeeze()
            elif isinstance(kind, int):
                self.keep(channels * kind)
            else:
                self.actnorm(f"body.{body}.0.module1", "0.shift", "1.log_scale")
                self.conv1x1(f"body.{body}.1.module1", (ONE, ONE))
                place = f"steps.{len(self.steps)}"
                bias = self.nets.take(f"body.{body}.1.module1", "bias", f"{place}.bias", (self.channels,))
                self.nets.tensors[f"{place}.log_scale"] = np.zeros_like(bias)
                self.steps.append({"op": "actnorm"})
                self.coupling(f"body.{body}.2.module1", reversible(kind, False), mid)

    def chain(self, links, mid):
        for body, link in enumerate(links, 2):
            if link.get("op") == "squeeze":
                self.squeeze()
            elif link.get("op") == "factor_out":
                self.keep(Size(link["keep"], "--masks"))
            else:
                mask = {name: value for name, value in link.items() if name != "mid"}
                self.coupling(f"body.{body}.0.module1", mask, Size(link["mid"], "--masks") if "mid" in link else mid)

    def tabular(self):
        dims = Size(self.options.in_dim, "--in-dim")
        for layer in range(self.options.num_coupling_layers):
            coupling, place = f"body.{layer}", f"steps.{len(self.steps)}"
            net = self.nets.mlp(coupling, f"{place}.net", dims)
            self.nets.gain(coupling, f"{place}.gain", dims, 1)
            mask = reversible("tabular", layer % 2 == 1)
            self.steps.append({"op": "coupling", "transform": "affine", "mask": mask, "net": net})

    def run(self):
        options = self.options
        if options.flow == "RealNVPTabular":
            self.tabular()
        else:
            self.steps += [{"op": "dequantize"}, {"op": "logit", "margin": MARGIN}]
            mid = Size(options.num_mid_channels, "--num-mid-channels")
            if options.flow == "RealNVP":
                self.multiscale(mid)
            elif options.flow == "Glow":
                self.glow(mid)
            elif options.flow == "GlowMNIST":
                self.glow_mnist(mid)
            else:
                self.chain(CHAINS.get(options.flow, options.masks), mid)
        self.refuse_leftovers()

    def refuse_leftovers(self):
        left = self.checkpoint.untaken()
        if not left:
            return
        name, options = left[0], self.options
        part = re.match(r"body\.\d+(\.\d+\.module1)?", name)
        known = part and any(taken.startswith(part.group() + ".") for taken in self.checkpoint.taken)
        if part and not known:
            why = f"the arguments give no step there: does --flow {options.flow} or {self.nets.depth} fit the checkpoint?"
        elif re.search(r"\.(in_skip|skips)\.", name) and not options.skip:
            why = "--no-skip says that there are no skip connections"
        elif "_norm." in name and not options.batchnorm:
            why = "--no-batchnorm says that there is no batch norm"
        else:
            why = "no part of this flow uses it"
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise ImportFailure(f"{name}{more} is left over: {why}")


# ---- the command line

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
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Defaults are those of the authors' training script.\n\n" + flows_ood_masks.__doc__)
    parser.add_argument("--checkpoint", required=True, help='torch.save of {"net": state_dict} or of the state_dict')
    parser.add_argument("--flow", required=True, choices=FLOWS)
    parser.add_argument("--image-shape", type=image_shape, metavar="C,H,W", help="image flows only")
    parser.add_argument("--num-scales", type=positive, default=2, help="RealNVP and Glow; default 2")
    parser.add_argument("--num-coupling-layers-per-scale", type=positive, default=8, help="Glow only; default 8")
    parser.add_argument("--no-multi-scale", dest="multi_scale", action="store_false", help="Glow only: nothing is factored out")
    parser.add_argument("--masks", type=lambda text: [link(part.strip()) for part in text.split(",")], metavar="LIST",
                        help="Chain only")
    parser.add_argument("--num-mid-channels", type=positive, default=64, help="default 64")
    parser.add_argument("--num-blocks", type=positive, default=8, help="default 8")
    parser.add_argument("--st-type", choices=ST_TYPES, default="resnet", help="default resnet")
    parser.add_argument("--no-skip", dest="skip", action="store_false", help="trained without skip connections")
    parser.add_argument("--no-batchnorm", dest="batchnorm", action="store_false", help="trained without batch norm")
    parser.add_argument("--in-dim", type=positive, help="RealNVPTabular only: columns of the table")
    parser.add_argument("--hidden-dim", type=positive, default=256, help="RealNVPTabular only; default 256")
    parser.add_argument("--num-layers", type=positive, default=2, help="RealNVPTabular only; default 2")
    parser.add_argument("--num-coupling-layers", type=positive, default=6, help="RealNVPTabular only; default 6")
    parser.add_argument("--prior-means", metavar="FILE.npz", help="the prior is a Gaussian mixture (SSLGaussMixture): its means "
                        "[components, dims] and, unless all deviations are 1, inv_cov_stds [components]")
    parser.add_argument("--output", required=True, help="the model file to write, .safetensors")
    options = parser.parse_args()
    if options.flow == "RealNVPTabular":
        if options.in_dim is None:
            parser.error("--flow RealNVPTabular needs --in-dim")
    elif options.image_shape is None:
        parser.error(f"--flow {options.flow} needs --image-shape")
    if (options.flow == "Chain") != (options.masks is not None):
        parser.error("--flow Chain needs --masks, and no other flow takes it")
    halvings = {"RealNVP": options.num_scales - 1, "Glow": options.num_scales, "GlowMNIST": 2}.get(options.flow, 0)
    if halvings and any(size % 2 ** halvings for size in options.image_shape[1:]):
        parser.error(f"--flow {options.flow} halves the image {halvings} times (--num-scales), which --image-shape does not allow")
    return options


def main():
    options = parse_arguments()
    shape = [options.in_dim] if options.flow == "RealNVPTabular" else options.image_shape
    try:
        state = read_state(options.checkpoint)
        if not any(name.startswith("body.") for name in state):
            raise ImportFailure(f'{options.checkpoint}: no tensor is called "body. ...", so this is not a flow of the authors\' code')
        importer = Importer(state, options)
        importer.run()
        prior, tensors = {"type": "standard_normal"}, importer.nets.tensors
        if options.prior_means:
            dims = 1
            for size in shape:
                dims *= size
            prior, mixture = read_mixture(options.prior_means, dims)
            tensors = {**tensors, **mixture}
        spec = {"input": {"shape": shape, "levels": 0 if len(shape) == 1 else 256}, "prior": prior, "steps": importer.steps}
        write_model(options.output, spec, tensors, options.checkpoint, {"source": "flows_ood", "flow": options.flow})
    except ImportFailure as failure:
        sys.exit(f"import_flows_ood: {failure}")  # exit status 1


if __name__ == "__main__":
    main()
