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


def batchnorm_test(x, gamma, beta, running_mean, running_var, eps):
    slope = gamma * (running_var + eps) ** -0.5
    return x * slope + (beta - running_mean * slope)


def affine_bn_relu(h, w, b, gamma, beta, eps):
    return anp.maximum(batchnorm(anp.einsum("nk,mk->nm", h, w) + b, gamma, beta, eps), 0)


def undo_batchnorm(x, eps):
    mean = np.array([sum(column) / len(column) for column in x.T])
    square = np.array([sum((number - m) ** 2 for number in column) / len(column) for column, m in zip(x.T, mean)])
    return (square + eps) ** 0.5, mean


def batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps):
    if mode == "test":
        return batchnorm_test(x, gamma, beta, running_mean, running_var, eps), running_mean, running_var
    deviation, mean = undo_batchnorm(x, 0.0)
    new_mean = mean + momentum * (running_mean - mean)
    new_var = deviation**2 + momentum * (running_var - deviation**2)
    return batchnorm(x, gamma, beta, eps), new_mean, new_var


def torch_batchnorm(x, gamma, beta, eps):
    import torch

    if len(x) == 1:  # torch refuses to normalise one number
        return 0 * x + beta + 0 * gamma
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def torch_batchnorm_test(x, gamma, beta, running_mean, running_var, eps):
    import torch

    return torch.nn.functional.batch_norm(x, running_mean, running_var, gamma, beta, training=False, eps=eps)


def torch_affine_bn_relu(h, w, b, gamma, beta, eps):
    import torch

    return torch.relu(torch_batchnorm(torch.nn.functional.linear(h, w, b), gamma, beta, eps))


AUTOGRAD = {
    "batchnorm_graph_backward": batchnorm_graph,
    "spread_backward": lambda x, mu: anp.einsum("nd,nd->d", x - mu, x - mu) / x.shape[0],
    "batchnorm_backward": batchnorm,
    "batchnorm_test_backward": batchnorm_test,
    "affine_bn_relu_backward": affine_bn_relu,
}
VALUES = {"undo_batchnorm": undo_batchnorm, "batchnorm_modes": batchnorm_modes}
TORCH = {
    "batchnorm_backward": torch_batchnorm,
    "batchnorm_test_backward": torch_batchnorm_test,
    "affine_bn_relu_backward": torch_affine_bn_relu,
}
