"""Normalisation written with autograd, and by torch's own layers."""

import autograd.numpy as anp
import numpy as np


def normalised(x, axes, eps):
    centred = x - anp.mean(x, axis=axes, keepdims=True)
    return centred * (anp.mean(centred * centred, axis=axes, keepdims=True) + eps) ** -0.5


def layernorm(x, gamma, beta, eps):
    return normalised(x, 1, eps) * gamma + beta


def along_channels(image, gamma, beta):
    return anp.einsum("nchw,c->nchw", image, gamma) + anp.reshape(beta, (1, -1, 1, 1))


def spatial_batchnorm(x, gamma, beta, eps):
    return along_channels(normalised(x, (0, 2, 3), eps), gamma, beta)


def groupnorm(x, gamma, beta, groups, eps):
    size = x.shape[1] // groups
    parts = [normalised(x[:, start : start + size], (1, 2, 3), eps) for start in range(0, x.shape[1], size)]
    return along_channels(anp.concatenate(parts, axis=1), gamma, beta)


def whiten(x, eps):
    """By the singular values of the centred data: U S V^T becomes U S (S^2/N + eps)^(-1/2) V^T."""
    u, s, vt = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return u * (s / np.sqrt(s**2 / len(x) + eps)) @ vt


def torch_layernorm(x, gamma, beta, eps):
    import torch

    return torch.nn.functional.layer_norm(x, gamma.shape, gamma, beta, eps)


def torch_spatial_batchnorm(x, gamma, beta, eps):
    import torch

    if x.numel() == x.shape[1]:  # torch refuses to normalise one number
        return torch.zeros_like(x) * gamma[:, None, None] + beta[:, None, None]
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def torch_groupnorm(x, gamma, beta, groups, eps):
    import torch

    return torch.nn.functional.group_norm(x, groups, gamma, beta, eps)


AUTOGRAD = {
    "layernorm_backward": layernorm,
    "spatial_batchnorm_backward": spatial_batchnorm,
    "groupnorm_backward": groupnorm,
}
VALUES = {"whiten": whiten}
TORCH = {
    "layernorm_backward": torch_layernorm,
    "spatial_batchnorm_backward": torch_spatial_batchnorm,
    "groupnorm_backward": torch_groupnorm,
}
