"""The steps that are linear in the data, the same way for every sample: standardising, actnorm, 1x1 convolutions, permutations, rotation.

`forward(tensors, name, step, x)` and `inverse(...)` give the new x and log|det| of the map that was applied, one number for all samples.
Channels are axis 1; a dimension of a table is a channel of a 1x1 map.
"""

import math

import torch


def over_channels(values, x):
    return values.reshape((-1,) + (1,) * (x.dim() - 2))


def pixels(x):
    return math.prod(x.shape[2:])


def affine(tensors, name, step, x, inverse):
    mean, scale = tensors[name + ".mean"], tensors[name + ".scale"]
    logdet = -torch.log(torch.abs(scale)).sum() * pixels(x)
    mean, scale = over_channels(mean, x), over_channels(scale, x)
    return (x * scale + mean, -logdet) if inverse else ((x - mean) / scale, logdet)


def actnorm(tensors, name, step, x, inverse):
    bias, log_scale = over_channels(tensors[name + ".bias"], x), over_channels(tensors[name + ".log_scale"], x)
    logdet = log_scale.sum() * pixels(x)
    return (x * torch.exp(-log_scale) - bias, -logdet) if inverse else ((x + bias) * torch.exp(log_scale), logdet)


def conv1x1(tensors, name, step, x, inverse):
    weight = tensors[name + ".weight"]
    logdet = torch.linalg.slogdet(weight)[1] * pixels(x)
    return (torch.einsum("oi,ni...->no...", torch.linalg.inv(weight) if inverse else weight, x), -logdet if inverse else logdet)


def permute(tensors, name, step, x, inverse):
    order = torch.tensor(step["order"])
    return x[:, torch.argsort(order) if inverse else order], 0.0


def reverse(tensors, name, step, x, inverse):
    return x.flip(1), 0.0


def rotation(tensors, name, step, x, inverse):
    weight = tensors[name + ".weight"]
    return x @ (weight if inverse else weight.T), 0.0


LINEAR = {"affine": affine, "actnorm": actnorm, "conv1x1": conv1x1, "permute": permute, "reverse": reverse, "rotation": rotation}


def factorise(weight):
    """What a model keeps beside the weight of a 1x1 convolution: `lu`, L below and U on and above the diagonal of one matrix, and
    `pivots`, the row exchanged with row i (from 0), so that P weight = L U. LAPACK's getrf in double, rounded to float32."""
    lu, pivots = torch.linalg.lu_factor(weight.double())
    return lu.float(), (pivots - 1).float()
