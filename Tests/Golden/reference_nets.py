"""The st-networks in plain PyTorch, from their formulas. `apply(tensors, name, net, x, training)` runs the net described by `net`,
whose tensors are called `name`.LEAF, on what the coupling lets it see. Dropout is never on here: it has no expected value to compare.
"""

import torch
import torch.nn.functional as F


def autoencoder_layers(layout, width):
    """(channels, strides, paddings, output paddings of the decoder's convolutions) of an autoencoder's 4x4 convolutions."""
    if layout == "padded":
        return (32, 32, 64), (1, 2, 2), (2, 1, 1), (0, 1, 0)
    return (32, 64, 64, 128), (1, 1, width // 14, width // 14), (0, 0, 0, 0), (0, 0, 0, 0)


def encoded_shape(net, height, width):
    """[c, h, w] between encoder and decoder."""
    channels, strides, paddings, _ = autoencoder_layers(net.get("layout", "valid"), width)
    for stride, padding in zip(strides, paddings):
        height, width = ((size + 2 * padding - 4) // stride + 1 for size in (height, width))
    return channels[-1], height, width


def weight(tensors, name):
    if name + ".weight_v" in tensors:
        v, g = tensors[name + ".weight_v"], tensors[name + ".weight_g"]
        return v * (g / v.flatten(1).norm(dim=1)).reshape(-1, 1, 1, 1)
    return tensors[name + ".weight"]


def conv(tensors, name, x):
    """A "same" convolution, 3x3 or 1x1."""
    w = weight(tensors, name)
    return F.conv2d(x, w, tensors.get(name + ".bias"), padding=w.shape[-1] // 2)


def linear(tensors, name, x):
    return F.linear(x, tensors[name + ".weight"], tensors[name + ".bias"])


def norm(tensors, name, x, training):
    if name + ".gain" not in tensors:
        return x
    gain, bias = tensors[name + ".gain"], tensors[name + ".bias"]
    if training:
        return F.batch_norm(x, None, None, gain, bias, training=True, eps=1e-5)
    return F.batch_norm(x, tensors[name + ".mean"], tensors[name + ".variance"], gain, bias, eps=1e-5)


def resnet(tensors, name, net, x, training):
    x = norm(tensors, name + ".in_norm", x, training)
    if net.get("input_scale", 1) != 1:
        x = x * net["input_scale"]
    x = conv(tensors, name + ".in_conv", F.relu_(torch.cat((x, -x), 1)))
    skips = net.get("skip", True)
    total = conv(tensors, name + ".in_skip", x) if skips else None
    for block in range(net["blocks"]):
        part = f"{name}.blocks.{block}"
        # The residual needs x again, so without batch norm the ReLU must not write into it.
        u = norm(tensors, part + ".in_norm", x, training)
        u = conv(tensors, part + ".in_conv", F.relu(u) if u is x else F.relu_(u))
        u = norm(tensors, part + ".out_norm", u, training)
        x = conv(tensors, part + ".out_conv", F.relu_(u)) + x
        if skips:
            total = total + conv(tensors, f"{name}.skips.{block}", x)
        if net.get("latent", 0) and block == net["blocks"] // 2 - 1:
            code = linear(tensors, name + ".bottleneck.0", x.flatten(1))
            x = linear(tensors, name + ".bottleneck.1", code).reshape(x.shape)
    x = norm(tensors, name + ".out_norm", total if skips else x, training)
    return conv(tensors, name + ".out_conv", F.relu(x))


def convnet(tensors, name, net, x, training):
    for layer in range(net["blocks"] + 1):
        x = conv(tensors, f"{name}.convs.{layer}", x)
    return conv(tensors, name + ".out_conv", x)


def glow(tensors, name, net, x, training):
    x = F.relu(conv(tensors, name + ".in_conv", x))
    return conv(tensors, name + ".out_conv", F.relu(conv(tensors, name + ".mid_conv", x)))


def highway(tensors, name, net, x, training):
    x = conv(tensors, name + ".in_conv", x)
    for block in range(net["blocks"]):
        part = f"{name}.blocks.{block}"
        gate = torch.sigmoid(conv(tensors, part + ".gate_conv", x))
        x = gate * conv(tensors, part + ".value_conv", x) + (1 - gate) * x
    return conv(tensors, name + ".out_conv", x)


def autoencoder(tensors, name, net, x, training):
    channels, strides, paddings, extra = autoencoder_layers(net.get("layout", "valid"), x.shape[3])
    shape, last = encoded_shape(net, *x.shape[2:]), len(channels) - 1
    for layer, (stride, padding) in enumerate(zip(strides, paddings)):
        part = f"{name}.encoder.{layer}"
        x = F.leaky_relu(F.conv2d(x, tensors[part + ".weight"], tensors[part + ".bias"], stride, padding), 0.01)
    x = linear(tensors, name + ".decode", linear(tensors, name + ".encode", x.flatten(1))).reshape((-1,) + shape)
    for layer in range(last + 1):
        part, mirror = f"{name}.decoder.{layer}", last - layer
        w, bias = tensors[part + ".weight"], tensors[part + ".bias"]
        x = F.conv_transpose2d(x, w, bias, strides[mirror], paddings[mirror], output_padding=extra[layer])
        if layer < last:
            x = F.leaky_relu(x, 0.01)
    return x


def mlp(tensors, name, net, x, training):
    for layer in range(net["layers"] + 2):
        x = linear(tensors, f"{name}.layers.{layer}", x if layer == 0 else F.relu(x))
    return x


NETS = {"resnet": resnet, "convnet": convnet, "glow": glow, "highway": highway, "autoencoder": autoencoder, "mlp": mlp}


def apply(tensors, name, net, x, training=False):
    return NETS[net["type"]](tensors, name, net, x, training)
