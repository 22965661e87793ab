"""Densities of the latents, from their formulas: log p(z) in nats for z [n, dims]."""

import math

import torch
import torch.nn.functional as F


def class_log_densities(tensors, z):
    """Gaussian mixture: log N(z; mean_k, sigma_k^2 I) for each component, [n, components]."""
    means, sigma = tensors["prior.means"], F.softplus(tensors["prior.raw_scales"])
    squares = ((z[:, None] - means[None]) / sigma[:, None]).square().sum(2)
    return -0.5 * squares - z.shape[1] * (torch.log(sigma) + 0.5 * math.log(2 * math.pi))


def log_density(prior, tensors, z, labels=None):
    """`labels` [n], whole numbers: a sample with label y >= 0 has the density of component y alone, -1 that of the mixture."""
    if prior["type"] == "gaussian_mixture":
        each = class_log_densities(tensors, z)
        mixture = torch.logsumexp(each, 1) - math.log(prior["components"])
        if labels is None:
            return mixture
        labels = torch.as_tensor(labels).long()
        return torch.where(labels >= 0, each.gather(1, labels.clamp(min=0)[:, None])[:, 0], mixture)
    assert labels is None, "only a gaussian_mixture prior has classes"
    if prior["type"] == "learned_normal":
        log_scale = tensors["prior.log_scale"]
        z = (z - tensors["prior.mean"]) * torch.exp(-log_scale)
        return -0.5 * (z * z).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi) - log_scale.sum()
    assert prior["type"] == "standard_normal", prior
    return -0.5 * (z * z).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)
