"""A flow built by hand from the authors' couplings, iSequential(addZslot(), passThrough(iLogits()), passThrough(CouplingLayer(...)), ...,
FlatJoin()), is --flow Chain with what stands between logits and join in --masks, separated by commas:

    checkerboard, channel, horizontal, vertical      each also with :reverse (reverse_mask=True)
    quadrant:IN:OUT                                  MaskQuadrant
    sub_quadrant:IN:OUT or sub_quadrant:IN:OUT:FACTOR    MaskSubQuadrant, factor 2 unless told
    center or center:MARGIN                          MaskCenter, margin 4 unless told; its `reverse` has no effect in the authors' code
    squeeze, keep:CHANNELS                           SqueezeLayer(2), keepChannels

A mask may end in @CHANNELS where that coupling has other mid channels than --num-mid-channels: sub_quadrant:0:1:4@16.
"""

import argparse


def reversible(kind, reverse):
    return {"type": kind, "reverse": reverse}


def alternating(kind, count):
    return [reversible(kind, layer % 2 == 1) for layer in range(count)]


# Flows that are couplings on the whole image, one after the other.
CHAINS = {
    "RealNVPSmall": alternating("checkerboard", 2),
    "RealNVP8Layers": alternating("checkerboard", 8),
    "RealNVPCycleMask": [{"type": "cycle", "from": layer % 4, "to": (layer + 1) % 4} for layer in range(8)],
    "RealNVPMaskHorizontal": alternating("horizontal", 8),
    "RealNVPMaskHorizontal3Layers": alternating("horizontal", 3),
}


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def number(text):
    return int(text) if text.isdigit() else -1


def link(text):
    """One entry of --masks: a mask, with `mid` where it ends in @CHANNELS, or a step."""
    entry, _, mid = text.partition("@")
    kind, *words = entry.split(":")
    numbers, found = [number(word) for word in words], None
    quadrants = len(numbers) >= 2 and set(numbers[:2]) <= {0, 1, 2, 3} and numbers[0] != numbers[1]
    if kind in ("checkerboard", "channel", "horizontal", "vertical") and words in ([], ["reverse"]):
        found = reversible(kind, bool(words))
    elif kind == "quadrant" and quadrants and len(numbers) == 2:
        found = {"type": "cycle", "from": numbers[0], "to": numbers[1]}
    elif kind == "sub_quadrant" and quadrants and len(numbers) <= 3 and 2 <= (numbers + [2])[2] <= 64:
        found = {"type": "sub_quadrant", "factor": (numbers + [2])[2], "from": numbers[0], "to": numbers[1]}
    elif kind == "center" and len(numbers) <= 1 and min(numbers + [4]) > 0:
        found = {"type": "centre", "margin": (numbers + [4])[0], "reverse": True}
    elif entry == "squeeze":
        found = {"op": "squeeze"}
    elif kind == "keep" and len(numbers) == 1 and numbers[0] > 0:
        found = {"op": "factor_out", "keep": numbers[0]}
    if found is None or ("@" in text and not (number(mid) > 0 and "type" in found)):
        raise argparse.ArgumentTypeError(f"{text!r} is no mask or step that is known here; --help lists them")
    return {**found, "mid": int(mid)} if mid else found
