"""The golden cases: small flows in which every step, mask, st-network and prior appears."""

from typing import NamedTuple


class Case(NamedTuple):
    shape: tuple
    steps: list
    samples: int
    training: bool = False  # are training steps recorded?
    prior: dict = {"type": "standard_normal"}
    labels: bool = False
    negatives: int = 0
    generated: bool = False  # are the weights too many to keep? Then the tests make them by golden_weights.generated


def resnet(channels, blocks, **switches):
    return {"type": "resnet", "channels": channels, "blocks": blocks, "skip": True, "batch_norm": True, "weight_norm": True, **switches}


def convnet(channels, blocks, **switches):
    return {"type": "convnet", "channels": channels, "blocks": blocks, "weight_norm": True, **switches}


def glow(channels):
    return {"type": "glow", "channels": channels}


def highway(channels, blocks):
    return {"type": "highway", "channels": channels, "blocks": blocks}


def autoencoder(latent, layout="valid"):
    return {"type": "autoencoder", "latent": latent, "layout": layout}


def mlp(hidden, layers):
    return {"type": "mlp", "hidden": hidden, "layers": layers}


def coupling(mask, net, transform="affine"):
    if mask["type"] == "checkerboard" and net.get("batch_norm"):
        net = {**net, "input_scale": 2}
    return {"op": "coupling", "transform": transform, "mask": mask, "net": net}


def reversible(kind, reverse):
    return {"type": kind, "reverse": reverse}


def cycle(start):
    return {"type": "cycle", "from": start, "to": (start + 1) % 4}


def sub_quadrant(factor, start, to):
    return {"type": "sub_quadrant", "factor": factor, "from": start, "to": to}


def centre(reverse, **margin):
    return {**reversible("centre", reverse), **margin}


def glow_step(net, reverse=False):
    return [{"op": "actnorm"}, {"op": "conv1x1"}, coupling(reversible("channel", reverse), net)]


def mixture(components, **switches):
    return {"type": "gaussian_mixture", "components": components, **switches}


IMAGE = [{"op": "dequantize"}, {"op": "logit", "margin": 0.9}]
SQUEEZE = [{"op": "squeeze"}]

# A case's seed is its place, so new ones come last.
CASES = {
    "checkerboard_odd": Case((1, 7, 5), IMAGE + [coupling(reversible("checkerboard", r), resnet(5, 2)) for r in (False, True)], 6),
    "channel": Case((4, 5, 6), IMAGE + [coupling(reversible("channel", r), resnet(17, 1)) for r in (False, True)], 5),
    "halves": Case((2, 5, 7), IMAGE + [coupling(reversible(kind, r), resnet(6, 1, skip=False))
                                       for kind in ("horizontal", "vertical") for r in (False, True)], 5),
    "cycle": Case((1, 6, 7), IMAGE + [coupling(cycle(start), resnet(7, 1)) for start in range(4)], 6),
    "wide": Case((3, 4, 6), IMAGE + [coupling(reversible("checkerboard", False), resnet(33, 1))], 4),
    "additive": Case((3, 6, 4), IMAGE + [{"op": "affine"}, coupling(reversible("checkerboard", False), resnet(8, 1), "additive"),
                                         coupling(reversible("horizontal", True), resnet(5, 1), "additive")]
                     + SQUEEZE + [coupling(reversible("channel", False), resnet(9, 1), "additive")], 5),
    "bare": Case((1, 6, 6), IMAGE + [coupling(reversible("checkerboard", r),
                                              resnet(8, 2, skip=False, batch_norm=False, weight_norm=False))
                                     for r in (False, True)], 5),
    "no_batch_norm": Case((2, 4, 4), IMAGE + [coupling(reversible("channel", False), resnet(7, 2, batch_norm=False)),
                                              coupling(reversible("checkerboard", True), resnet(7, 2, batch_norm=False))], 5),
    "no_weight_norm": Case((1, 5, 6), IMAGE + [coupling(reversible("checkerboard", r), resnet(9, 2, weight_norm=False))
                                               for r in (False, True)], 5),
    "multiscale": Case((1, 8, 8), IMAGE + [coupling(reversible("checkerboard", r), resnet(6, 2)) for r in (False, True)]
                       + SQUEEZE + [coupling(reversible("channel", r), resnet(8, 1)) for r in (False, True)]
                       + [{"op": "factor_out", "keep": 2}]
                       + [coupling(reversible("checkerboard", r), resnet(7, 1)) for r in (False, True)]
                       + SQUEEZE + [coupling(reversible("channel", True), resnet(6, 1)), {"op": "factor_out", "keep": 4}]
                       + [coupling(reversible("vertical", False), resnet(6, 1))], 8, True),
    "tabular": Case((7,), [{"op": "affine"}] + [coupling(reversible("tabular", r), mlp(19, 2)) for r in (False, True, False)]
                    + [coupling(reversible("tabular", True), mlp(6, 1), "additive")], 9, True),
    "tabular_pair": Case((2,), [coupling(reversible("tabular", r), mlp(33, 1)) for r in (False, True)], 5),

    "glow": Case((1, 8, 8), IMAGE + SQUEEZE + glow_step(glow(9)) + glow_step(glow(17)) + [{"op": "factor_out", "keep": 2}]
                 + SQUEEZE + glow_step(highway(8, 2)), 8, True),
    "glow_rgb": Case((3, 4, 6), IMAGE + SQUEEZE + glow_step(highway(11, 1), True)
                     + [{"op": "permute", "order": [3, 0, 7, 11, 2, 10, 1, 9, 4, 8, 6, 5]}, {"op": "reverse"},
                        {"op": "conv1x1", "trainable": False}, coupling(reversible("channel", False), glow(8), "additive")], 5),
    "table_mixing": Case((7,), [{"op": "affine"}, {"op": "rotation"}, {"op": "affine"}, {"op": "actnorm"},
                                coupling(reversible("tabular", False), mlp(13, 1)), {"op": "conv1x1"}, {"op": "reverse"},
                                coupling(reversible("tabular", True), mlp(13, 1)),
                                {"op": "permute", "order": [2, 5, 0, 6, 4, 1, 3]},
                                coupling(reversible("tabular", True), mlp(8, 1))], 9, True, prior={"type": "learned_normal"}),
    "mixture_labels": Case((5,), [coupling(reversible("tabular", r), mlp(9, 1)) for r in (False, True)], 10,
                           prior=mixture(3), labels=True),
    "mixture_fixed": Case((1, 4, 6), IMAGE + [coupling(reversible("horizontal", r), convnet(6, 1)) for r in (False, True)], 5,
                          prior=mixture(2, trainable=False)),
    "mixture": Case((2, 4, 4), IMAGE + SQUEEZE + glow_step(glow(7)) + [{"op": "factor_out", "keep": 3}], 6, True, prior=mixture(4)),
    "sub_quadrant": Case((1, 8, 12), IMAGE + [coupling(sub_quadrant(2, 0, 1), resnet(7, 1)), coupling(sub_quadrant(4, 3, 0), glow(6)),
                                              coupling(sub_quadrant(2, 2, 0), resnet(6, 2, skip=False, latent=5)),
                                              coupling(sub_quadrant(2, 1, 2), highway(5, 1), "additive")], 6, True),
    "sub_quadrant_odd": Case((2, 9, 15), IMAGE + [coupling(sub_quadrant(3, 1, 2), convnet(5, 1))], 4),
    "centre": Case((1, 9, 10), IMAGE + [coupling(centre(False), resnet(6, 1)), coupling(centre(True, margin=2), highway(6, 2)),
                                        coupling(centre(False, margin=3), convnet(5, 2)), coupling(centre(True), glow(7))], 5),
    "bottleneck": Case((1, 6, 5), IMAGE + [coupling(reversible("checkerboard", False), resnet(6, 2, skip=False, latent=3)),
                                           coupling(reversible("horizontal", True),
                                                    resnet(5, 4, skip=False, batch_norm=False, latent=17)),
                                           coupling(cycle(2), resnet(4, 3, skip=False, latent=1))], 6, True),
    "convnet": Case((2, 5, 6), IMAGE + [coupling(reversible("channel", False), convnet(9, 2)),
                                        coupling(reversible("checkerboard", True), convnet(17, 1, weight_norm=False)),
                                        coupling(reversible("vertical", False), convnet(6, 3), "additive")], 5, True),
    "highway": Case((1, 7, 6), IMAGE + [coupling(reversible("checkerboard", False), highway(9, 3)), {"op": "actnorm"},
                                        coupling(cycle(1), highway(16, 1))], 5, True),
    "negative": Case((1, 6, 6), IMAGE + [coupling(reversible("checkerboard", r), resnet(6, 1)) for r in (False, True)], 5,
                     negatives=6),
    "negative_glow": Case((3, 4, 4), IMAGE + SQUEEZE + glow_step(highway(6, 1)), 4, prior=mixture(2), labels=True, negatives=3),
    "autoencoder_padded": Case((2, 8, 12), IMAGE + [coupling(reversible("vertical", False), autoencoder(6, "padded"))], 3,
                               generated=True),
    "autoencoder_small": Case((1, 13, 14), IMAGE + [coupling(reversible("checkerboard", True), autoencoder(5))], 3, generated=True),
    "autoencoder": Case((1, 16, 28), IMAGE + [coupling(reversible("horizontal", False), autoencoder(9), "additive")], 2,
                        generated=True),
}
