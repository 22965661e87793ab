"""Names and shapes in the state_dicts of the authors' code (flows_ood), and random checkpoints of them; their code is not needed.

A case says what import_flows_ood.py is told: flow, st (--st-type), shape, mid, blocks, scales, and so on.
"""

import re

import torch

FIXED_CHAINS = {"RealNVPSmall": 2, "RealNVP8Layers": 8, "RealNVPCycleMask": 8, "RealNVPMaskHorizontal": 8,
                "RealNVPMaskHorizontal3Layers": 3}


def under(place, shapes):
    return {f"{place}.{name}": shape for name, shape in shapes.items()}


def normed_conv(output, inputs, kernel, bias=True):
    shapes = {"conv.weight_v": (output, inputs, kernel, kernel), "conv.weight_g": (output, 1, 1, 1)}
    return {**shapes, "conv.bias": (output,)} if bias else shapes


def layer(*size):
    return {"weight": size, "bias": size[:1]}


def conv(output, inputs, kernel):
    return under("conv", layer(output, inputs, kernel, kernel))


def norm(channels):
    return {**{name: (channels,) for name in ("weight", "bias", "running_mean", "running_var")}, "num_batches_tracked": ()}


def resnet(channels, mid, width, case):
    skip, blocks = case["skip"] and case["st"] == "resnet", range(case["blocks"])
    parts = {"in_conv": normed_conv(mid, 2 * channels, 3), "out_conv": normed_conv(2 * channels, mid, 1)}
    if skip:
        parts["in_skip"] = normed_conv(mid, mid, 1)
    if case["batchnorm"]:
        parts.update({"in_norm": norm(channels), "out_norm": norm(mid)})
    for block in blocks:
        parts[f"blocks.{block}.in_conv"] = normed_conv(mid, mid, 3, bias=False)
        parts[f"blocks.{block}.out_conv"] = normed_conv(mid, mid, 3)
        if skip:
            parts[f"skips.{block}"] = normed_conv(mid, mid, 1)
        if case["batchnorm"]:
            parts.update({f"blocks.{block}.{side}_norm": norm(mid) for side in ("in", "out")})
    if case["st"] == "resnet_ae":
        flat = mid * width * width
        parts.update({"bottleneck.0": layer(case["latent"], flat), "bottleneck.1": layer(flat, case["latent"])})
    return parts


def highway(channels, mid, width, case):
    parts = {"in_conv": conv(mid, channels, 3), "out_conv": conv(2 * channels, mid, 1)}
    parts.update({f"layers.{block}.{side}": conv(mid, mid, 3) for block in range(case["blocks"]) for side in ("conv_h", "conv_t")})
    return parts


def convnet(channels, mid, width, case):
    parts = {f"layers.{index}": normed_conv(mid, mid if index else channels, 3) for index in range(case["blocks"] + 1)}
    return {**parts, f"layers.{case['blocks'] + 1}": normed_conv(2 * channels, mid, 1)}


def glow_convnet(channels, mid, width, case):
    return {"0": conv(mid, channels, 3), "2": conv(mid, mid, 1), "4": conv(2 * channels, mid, 3)}


def autoencoder(channels, mid, width, case):
    if case["st"] == "autoencoder":
        hidden, strides, padding = [32, 64, 64, 128], [1, 1, width // 14, width // 14], [0] * 4
    else:
        hidden, strides, padding = [32, 32, 64], [1, 2, 2], [2, 1, 1]
    for stride, pad in zip(strides, padding):
        width = (width + 2 * pad - 4) // stride + 1
    flat, parts = hidden[-1] * width * width, {}
    for index, (inputs, output) in enumerate(zip([channels] + hidden, hidden)):
        parts[f"encoder.{index}.0"] = layer(output, inputs, 4, 4)
    back = hidden[::-1] + [2 * channels]
    for index, (inputs, output) in enumerate(zip(back, back[1:])):
        parts[f"decoder.{index}.0"] = {"weight": (inputs, output, 4, 4), "bias": (output,)}
    return {**parts, "fc_z": layer(case["latent"], flat), "decoder_input": layer(flat, case["latent"])}


ST = {"resnet": resnet, "resnet_ae": resnet, "highway": highway, "convnet": convnet, "glow_convnet": glow_convnet,
      "autoencoder": autoencoder, "autoencoder_old": autoencoder}


def coupling_shapes(place, channels, mid, width, case):
    shapes = under(f"{place}.rescale", {"weight_g": (channels, 1, 1), "weight_v": (channels, 1, 1)})
    for part, inner in ST[case["st"]](channels, mid, width, case).items():
        shapes.update(under(f"{place}.st_net.{part}", inner))
    return shapes


def tabular_shapes(case):
    dims, hidden, last, shapes = case["dims"], case["hidden"], 3 + 2 * case["layers"], {}
    for coupling in range(case["couplings"]):
        sizes = {0: (hidden, dims), **{index: (hidden, hidden) for index in range(3, last, 2)}, last: (2 * dims, hidden)}
        for index, size in sizes.items():
            shapes.update(under(f"body.{coupling}.st_net.{index}", layer(*size)))
        shapes.update(under(f"body.{coupling}.rescale", {"weight_g": (dims,), "weight_v": (dims,)}))
    return shapes


def realnvp_shapes(case):
    (channels, _, width), mid, body, shapes = case["shape"], case["mid"], 2, {}
    for scale in range(case["scales"]):
        for index in range(3):
            shapes.update(coupling_shapes(f"body.{body}.{index}.module1", channels, mid, width, case))
        if scale == case["scales"] - 1:
            shapes.update(coupling_shapes(f"body.{body + 1}.0.module1", channels, mid, width, case))
        else:
            width, mid = width // 2, mid if case["st"] == "autoencoder" else 2 * mid
            for index in range(3):
                shapes.update(coupling_shapes(f"body.{body + 2}.{index}.module1", 2 * channels, mid, width, case))
        channels, body = 2 * channels, body + 4
    return shapes


def glow_shapes(case):
    (channels, _, width), body, shapes = case["shape"], 2, {}
    for scale in range(case["scales"]):
        channels, width, body = 4 * channels, width // 2, body + 1
        for _ in range(case["per_scale"]):
            shapes.update(under(f"body.{body}.0.module1", {"bias": (1, channels, 1, 1), "logs": (1, channels, 1, 1)}))
            shapes[f"body.{body}.1.module1.weight"] = (channels, channels)
            shapes.update(coupling_shapes(f"body.{body}.2.module1", channels // 2, case["mid"], width, case))
            body += 1
        if case["multi_scale"] and scale < case["scales"] - 1:
            channels, body = channels // 2, body + 1
    return shapes


def glow_mnist_shapes(case):
    channels, shapes = case["shape"][0], {}
    level = ["checkerboard"] * 3 + ["squeeze"] + ["channel"] * 2
    now = channels
    for body, kind in enumerate(level + [2] + level + [4] + ["checkerboard"] * 3 + ["channel"], 2):
        if kind == "squeeze":
            now *= 4
        elif isinstance(kind, int):
            now = kind * channels
        else:
            place, size = f"body.{body}", (1, now, 1, 1)
            shapes.update({f"{place}.0.module1.0.shift": size, f"{place}.0.module1.1.log_scale": size})
            shapes.update(under(f"{place}.1.module1", layer(now, now, 1, 1)))
            seen = now // 2 if kind == "channel" else now
            shapes.update(coupling_shapes(f"{place}.2.module1", seen, case["mid"], 0, case))
    return shapes


def chain_shapes(case):
    (channels, _, width), shapes = case["shape"], {}
    for body, link in enumerate(case["masks"].split(","), 2):
        kind, *words = link.split("@")[0].split(":")
        if kind == "squeeze":
            channels, width = 4 * channels, width // 2
        elif kind == "keep":
            channels = int(words[0])
        else:
            factor = int((words + ["2"])[2]) if kind == "sub_quadrant" else 1
            mid = int(link.split("@")[1]) if "@" in link else case["mid"]
            seen = channels // 2 if kind == "channel" else channels
            shapes.update(coupling_shapes(f"body.{body}.0.module1", seen, mid, width // factor, case))
    return shapes


def state_shapes(case):
    """Every name and shape in the authors' state_dict of this flow."""
    flow = case["flow"]
    if flow in FIXED_CHAINS:
        channels, _, width = case["shape"]
        places = [f"body.{index}.0.module1" for index in range(2, 2 + FIXED_CHAINS[flow])]
        return {name: size for place in places for name, size in coupling_shapes(place, channels, case["mid"], width, case).items()}
    return {"RealNVP": realnvp_shapes, "Glow": glow_shapes, "GlowMNIST": glow_mnist_shapes, "Chain": chain_shapes,
            "RealNVPTabular": tabular_shapes}[flow](case)


def random_value(name, shape, generator):
    """Weights that leave nothing at its default: gains away from 1, batch-norm statistics away from (0, 1), some signs turned."""
    normal, uniform = torch.randn(shape, generator=generator), torch.rand(shape, generator=generator)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(1000)
    if name.endswith("running_var"):
        return 0.5 + 1.5 * uniform
    if name.endswith("running_mean"):
        return 0.3 * normal
    if "_norm" in name:
        return 0.5 + 0.7 * uniform if name.endswith("weight") else 0.2 * normal
    if "rescale" in name:
        return 0.1 + 0.4 * uniform if name.endswith("weight_g") else normal.sign() * (0.5 + uniform)
    if re.search(r"st_net\.(out_conv|layers\.3)\.conv\.weight_g$", name):
        return 0.1 + 0.3 * uniform
    if name.endswith("weight_g"):
        return 0.5 + 0.5 * uniform
    if name.endswith(".1.module1.weight"):  # of an invertible 1x1 convolution
        square = normal.reshape(shape[:2])
        return (torch.linalg.qr(square)[0] + 0.1 * square / shape[0] ** 0.5).reshape(shape)
    if name.endswith(("logs", "log_scale")):
        return 0.1 * normal
    if name.endswith(("bias", "shift")):
        return 0.2 * normal
    last = 0.2 if re.search(r"st_net\.(out_conv\.conv|4\.conv|decoder\.[23]\.0)\.weight$", name) else 1.0  # keeps flows tame
    if ".decoder." in name:
        return last * normal / (4 * shape[0]) ** 0.5  # [in, out, 4, 4]: a cell hears from a quarter of the kernel or so
    return last * normal / max(1, normal[0].numel()) ** 0.5


def random_state(shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: random_value(name, shape, generator) for name, shape in shapes.items()}
