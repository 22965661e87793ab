"""The st-networks of the authors' code (flows_ood) and their gains, moved tensor by tensor under their places in a Weir model."""

import re

import numpy as np

from weir_model import FOUR, ONE, THREE, ImportFailure, Size, highest

ST_TYPES = ("resnet", "resnet_ae", "highway", "convnet", "glow_convnet", "autoencoder", "autoencoder_old")


def st_type_of(leaves):
    """Which --st-type gives a network with these tensor names, as far as they tell."""
    if any(leaf.startswith("bottleneck.") for leaf in leaves):
        return "resnet_ae"
    if "encoder.0.0.weight" in leaves:
        return "autoencoder" if "encoder.3.0.weight" in leaves else "autoencoder_old"
    if "in_conv.conv.weight_v" in leaves:
        return "resnet"
    if "in_conv.conv.weight" in leaves:
        return "highway"
    if any(leaf.startswith("layers.") for leaf in leaves):
        return "convnet"
    return "glow_convnet" if "0.conv.weight" in leaves else None


class StNetworks:
    """Takes the st-network of one coupling after the other. `depth` names the arguments that say how many couplings there are."""

    def __init__(self, checkpoint, options, depth):
        self.checkpoint, self.options, self.depth = checkpoint, options, depth
        self.tensors = {}

    # ---- one tensor

    def why_missing(self, name, coupling):
        if not self.checkpoint.names_under(coupling):
            return f"the checkpoint has no such coupling: --flow {self.options.flow} or {self.depth} does not fit it"
        if re.search(r"\.(in_skip|skips)\.", name):
            return "it belongs to the skip connections; was the flow trained with --no-skip?"
        if "_norm." in name:
            return "it belongs to batch norm; was the flow trained with --no-batchnorm?"
        return f"a coupling of --flow {self.options.flow} has one"

    def take(self, coupling, source, target, sizes, flat=False):
        """Moves coupling.source to target, or only checks it when target is None; `flat` stores it with one axis."""
        name = f"{coupling}.{source}"
        if name not in self.checkpoint.state:
            raise ImportFailure(f"{name} is missing: {self.why_missing(name, coupling)}")
        value = self.checkpoint.take(name, sizes)
        if target:
            self.tensors[target] = value.reshape(-1) if flat else value
        return value

    # ---- parts of networks

    def norm(self, coupling, source, target, channels):
        for theirs, ours in (("weight", "gain"), ("bias", "bias"), ("running_mean", "mean"), ("running_var", "variance")):
            value = self.take(coupling, f"{source}.{theirs}", f"{target}.{ours}", (channels,))
            if ours == "variance" and (value < 0).any():
                raise ImportFailure(f"{coupling}.{source}.running_var is negative somewhere")
        self.checkpoint.skip(f"{coupling}.{source}.num_batches_tracked")

    def plain(self, coupling, source, target, sizes, bias):
        """A linear layer or a convolution without weight norm."""
        self.take(coupling, f"{source}.weight", f"{target}.weight", sizes)
        self.take(coupling, f"{source}.bias", f"{target}.bias", (bias,))

    def conv(self, coupling, source, target, output, inputs, kernel):
        self.plain(coupling, f"{source}.conv", target, (output, inputs, kernel, kernel), output)

    def normed_conv(self, coupling, source, target, output, inputs, kernel, bias=True):
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

    # ---- whole networks: what the net sees is [channels, height, width], out come 2 channels; each returns the "net" of the coupling

    def image_net(self, coupling, target, shape, mid, checkerboard):
        options, names = self.options, self.checkpoint.names_under(f"{coupling}.st_net")
        found = st_type_of({name[len(coupling) + len(".st_net."):] for name in names})
        if found and found != options.st_type:
            raise ImportFailure(f"{coupling}.st_net is no {options.st_type} network: --st-type {found} would fit")
        has = highest(names, r"\.(?:blocks|layers)\.(\d+)\.") - (2 if found == "convnet" else 0)
        if options.st_type in ("resnet", "resnet_ae", "highway", "convnet") and has > 0 and has != options.num_blocks:
            raise ImportFailure(f"{coupling}.st_net: --num-blocks says {options.num_blocks}, the checkpoint has {has}")
        if options.st_type in ("resnet", "resnet_ae"):
            return self.resnet(coupling, target, shape, mid, checkerboard)
        if options.st_type in ("autoencoder", "autoencoder_old"):
            return self.autoencoder(coupling, target, shape)
        return {"highway": self.highway, "convnet": self.convnet, "glow_convnet": self.glow}[options.st_type](
            coupling, target, shape[0], mid)

    def resnet(self, coupling, target, shape, mid, checkerboard):
        options, (channels, height, width) = self.options, shape
        skip = options.skip and options.st_type == "resnet"  # the bottleneck network has none
        net = {"type": "resnet", "channels": mid.value, "blocks": options.num_blocks, "skip": skip,
               "batch_norm": options.batchnorm, "weight_norm": True}
        if checkerboard and options.batchnorm:
            net["input_scale"] = 2
        if options.batchnorm:
            self.norm(coupling, "st_net.in_norm", f"{target}.in_norm", channels)
        self.normed_conv(coupling, "st_net.in_conv", f"{target}.in_conv", mid, channels * 2, THREE)
        if skip:
            self.normed_conv(coupling, "st_net.in_skip", f"{target}.in_skip", mid, mid, ONE)
        for block in range(options.num_blocks):
            source, place = f"st_net.blocks.{block}", f"{target}.blocks.{block}"
            for part, bias in (("in", False), ("out", True)):
                if options.batchnorm:
                    self.norm(coupling, f"{source}.{part}_norm", f"{place}.{part}_norm", mid)
                self.normed_conv(coupling, f"{source}.{part}_conv", f"{place}.{part}_conv", mid, mid, THREE, bias)
            if skip:
                self.normed_conv(coupling, f"st_net.skips.{block}", f"{target}.skips.{block}", mid, mid, ONE)
        if options.st_type == "resnet_ae":
            latent = self.width(coupling, "st_net.bottleneck.0.weight")
            flat = mid * (height * width)
            # With one block alone the authors' code has a bottleneck that it never runs: checked, and left out.
            used = options.num_blocks >= 2
            for layer, sizes in enumerate(((latent, flat), (flat, latent))):
                source, place = f"st_net.bottleneck.{layer}", f"{target}.bottleneck.{layer}"
                self.take(coupling, f"{source}.weight", f"{place}.weight" if used else None, sizes)
                self.take(coupling, f"{source}.bias", f"{place}.bias" if used else None, sizes[:1])
            net["latent"] = latent.value if used else 0
        if options.batchnorm:
            self.norm(coupling, "st_net.out_norm", f"{target}.out_norm", mid)
        self.normed_conv(coupling, "st_net.out_conv", f"{target}.out_conv", channels * 2, mid, ONE)
        return net

    def width(self, coupling, source):
        """Of a bottleneck: some of the authors' classes ignore latent_dim, so the weights say it."""
        name = f"{coupling}.{source}"
        if name not in self.checkpoint.state:
            raise ImportFailure(f"{name} is missing: {self.why_missing(name, coupling)}")
        return self.checkpoint.size(name, 0, 2)

    def highway(self, coupling, target, channels, mid):
        self.conv(coupling, "st_net.in_conv", f"{target}.in_conv", mid, channels, THREE)
        for block in range(self.options.num_blocks):
            for theirs, ours in (("conv_h", "value_conv"), ("conv_t", "gate_conv")):
                self.conv(coupling, f"st_net.layers.{block}.{theirs}", f"{target}.blocks.{block}.{ours}", mid, mid, THREE)
        self.conv(coupling, "st_net.out_conv", f"{target}.out_conv", channels * 2, mid, ONE)
        return {"type": "highway", "channels": mid.value, "blocks": self.options.num_blocks}

    def convnet(self, coupling, target, channels, mid):
        last = self.options.num_blocks + 1
        for layer in range(last):
            self.normed_conv(coupling, f"st_net.layers.{layer}", f"{target}.convs.{layer}", mid, mid if layer else channels, THREE)
        self.normed_conv(coupling, f"st_net.layers.{last}", f"{target}.out_conv", channels * 2, mid, ONE)
        return {"type": "convnet", "channels": mid.value, "blocks": self.options.num_blocks, "weight_norm": True}

    def glow(self, coupling, target, channels, mid):
        self.conv(coupling, "st_net.0", f"{target}.in_conv", mid, channels, THREE)
        self.conv(coupling, "st_net.2", f"{target}.mid_conv", mid, mid, ONE)
        self.conv(coupling, "st_net.4", f"{target}.out_conv", channels * 2, mid, THREE)
        return {"type": "glow", "channels": mid.value}

    def autoencoder(self, coupling, target, shape):
        layout = "valid" if self.options.st_type == "autoencoder" else "padded"
        sizes = self.encoder_sizes(coupling, layout, *shape[1:])
        hidden = [Size(channels) for channels in ((32, 64, 64, 128) if layout == "valid" else (32, 32, 64))]
        for layer, (inputs, output) in enumerate(zip([shape[0]] + hidden, hidden)):
            self.plain(coupling, f"st_net.encoder.{layer}.0", f"{target}.encoder.{layer}", (output, inputs, FOUR, FOUR), output)
        latent = self.width(coupling, "st_net.fc_z.weight")
        # The authors' code derives it from the image's width, so an image that is not square does not fit.
        flat = Size(hidden[-1].value * sizes[0] * sizes[1], "the map's size")
        self.plain(coupling, "st_net.fc_z", f"{target}.encode", (latent, flat), latent)
        self.plain(coupling, "st_net.decoder_input", f"{target}.decode", (flat, latent), flat)
        back = hidden[::-1] + [shape[0] * 2]
        for layer, (inputs, output) in enumerate(zip(back, back[1:])):
            # A transposed convolution's weight is [in, out, 4, 4] here and there.
            self.plain(coupling, f"st_net.decoder.{layer}.0", f"{target}.decoder.{layer}", (inputs, output, FOUR, FOUR), output)
        return {"type": "autoencoder", "latent": latent.value, "layout": layout}

    def encoder_sizes(self, coupling, layout, height, width):
        """(height, width) between encoder and decoder, if the decoder gives back the size that it had before."""
        stride = width // 14
        strides, paddings, extra = ((1, 1, stride, stride), (0,) * 4, (0,) * 4) if layout == "valid" else ((1, 2, 2), (2, 1, 1), (0, 1, 0))
        inner = []
        for size in (height, width):
            now = size
            for step, padding in zip(strides, paddings):
                now = (now + 2 * padding - 4) // step + 1 if step and now + 2 * padding >= 4 else 0
            inner.append(now)
            for step, padding, more in zip(strides[::-1], paddings[::-1], extra):
                now = (now - 1) * step - 2 * padding + 4 + more if now > 0 else 0
            if now != size:
                raise ImportFailure(f"{coupling}: --st-type {self.options.st_type} does not fit its {height}x{width} map, which "
                                    "follows from --image-shape: the decoder gives back another size")
        return inner

    def mlp(self, coupling, target, dims):
        options = self.options
        hidden = Size(options.hidden_dim, "--hidden-dim")
        # In their list: 0 linear, 1 ReLU, 2 dropout, then pairs of linear and ReLU, then the last linear.
        layers = [0] + [3 + 2 * layer for layer in range(options.num_layers + 1)]
        found = sum(bool(re.search(r"\.st_net\.\d+\.weight$", name)) for name in self.checkpoint.names_under(coupling))
        if found and found != len(layers):
            fits = f"--num-layers says {options.num_layers}, {found - 2} would fit"
            raise ImportFailure(f"{coupling}.st_net has {found} linear layers: {fits}")
        for layer, source in enumerate(layers):
            output = dims * 2 if layer == len(layers) - 1 else hidden
            inputs = dims if layer == 0 else hidden
            self.plain(coupling, f"st_net.{source}", f"{target}.layers.{layer}", (output, inputs), output)
        return {"type": "mlp", "hidden": options.hidden_dim, "layers": options.num_layers}
