"""Masks of couplings: what the st-network sees and what the coupling changes, as arrays of ones and zeros that broadcast over samples.

The channel mask is no array: there the net sees half of the channels only. The sub-quadrant mask is the cycle mask of one tile; `tiles`
and `whole` cut a map into tiles and put it together again, each tile a sample of its own.
"""

import torch


def quadrant(index, height, width):
    """Quadrants run 0 top-left, 1 top-right, 2 bottom-right, 3 bottom-left."""
    mask = torch.zeros(1, 1, height, width)
    rows = slice(0, height // 2) if index in (0, 1) else slice(height // 2, None)
    columns = slice(0, width // 2) if index in (0, 3) else slice(width // 2, None)
    mask[..., rows, columns] = 1
    return mask


def masks(mask, shape):
    """(seen, changed) on a map or table of this shape, or on a tile of it for the sub-quadrant mask. Not for the channel mask."""
    kind = mask["type"]
    if kind == "cycle":
        return quadrant(mask["from"], *shape[1:]), quadrant(mask["to"], *shape[1:])
    if kind == "sub_quadrant":
        tile = (shape[1] // mask["factor"], shape[2] // mask["factor"])
        return quadrant(mask["from"], *tile), quadrant(mask["to"], *tile)
    if kind == "tabular":
        index = torch.arange(shape[0])[None]
        seen = index < shape[0] // 2
    else:
        height, width = shape[1:]
        rows = torch.arange(height)[:, None].expand(height, width)[None, None]
        columns = torch.arange(width)[None, :].expand(height, width)[None, None]
        if kind == "checkerboard":
            seen = (rows + columns) % 2 == 1
        elif kind == "horizontal":
            seen = rows < height // 2
        elif kind == "vertical":
            seen = columns < width // 2
        elif kind == "centre":
            margin = mask.get("margin", 4)
            seen = (torch.minimum(rows, height - 1 - rows) < margin) | (torch.minimum(columns, width - 1 - columns) < margin)
        else:
            raise ValueError(f"unknown mask {kind}")
    if mask.get("reverse", False):
        seen = ~seen
    return seen.double(), (~seen).double()


def tiles(x, factor):
    """[n, c, h, w] to [n factor^2, c, h / factor, w / factor]; the tiles of a sample follow each other row by row."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, factor, h // factor, factor, w // factor).permute(0, 2, 4, 1, 3, 5)
    return x.reshape(n * factor * factor, c, h // factor, w // factor)


def whole(x, factor):
    """The inverse of `tiles`."""
    n, c, h, w = x.shape
    x = x.reshape(n // (factor * factor), factor, factor, c, h, w).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(n // (factor * factor), c, h * factor, w * factor)
