"""Batch normalisation with a mistake in it: the backward treats the variance as a constant.

See what is said of it: `python -m checker gradcheck examples/batchnorm.py::batchnorm_backward`.
"""

import numpy as np

from checker.inputs import Float


def batchnorm_forward(
    x: Float[np.ndarray, "N D"], gamma: Float[np.ndarray, "D"], beta: Float[np.ndarray, "D"], eps: float = 1e-5
):
    """Normalise each column of x to mean 0 and variance 1, then scale by gamma and shift by beta."""
    xc = x - x.mean(axis=0)
    std = np.sqrt((xc**2).mean(axis=0) + eps)
    xhat = xc / std
    return gamma * xhat + beta, (xhat, std, gamma)


def batchnorm_backward(dout, cache):
    """The gradients of x, gamma and beta. Wrong: the variance depends on x too."""
    xhat, std, gamma = cache
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0)) / std
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)
