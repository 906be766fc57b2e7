"""Batch norm written with autograd, and by torch's own layer."""

import autograd.numpy as anp
import numpy as np


def batchnorm(x, gamma, beta, eps):
    mean = anp.mean(x, axis=0)
    return gamma * (x - mean) / anp.sqrt(anp.mean((x - mean) ** 2, axis=0) + eps) + beta


def batchnorm_graph(x, gamma, beta, eps, node):
    ones = anp.ones((x.shape[0], 1))
    mu = node("mu", anp.sum(x, axis=0) / x.shape[0])
    sigma2 = node("sigma2", anp.sum((x - mu) * (x - mu), axis=0) / x.shape[0])
    e = node("e", ones * sigma2 + eps)
    c = node("c", e**0.5)
    b = node("b", c**-1.0)
    return gamma * node("x_hat", node("a", x - mu) * b) + beta


def torch_batchnorm(x, gamma, beta, eps):
    import torch

    if len(x) == 1:  # torch refuses to normalise one number
        return 0 * x + beta + 0 * gamma
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


AUTOGRAD = {
    "batchnorm_graph_backward": batchnorm_graph,
    "spread_backward": lambda x, mu: anp.einsum("nd,nd->d", x - mu, x - mu) / x.shape[0],
    "batchnorm_backward": batchnorm,
}
VALUES = {}
TORCH = {"batchnorm_backward": torch_batchnorm}
