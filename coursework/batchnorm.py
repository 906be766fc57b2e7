"""Batch normalisation: every feature has mean 0 and variance 1 over the batch, then gamma and beta."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, keep, task


def batchnorm_graph_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5, node=keep
):
    """Batch norm as the lecture's graph: return (out, cache), with the values of all nodes in the cache by name.

    mu and sigma2 are one number per feature; from e on, every example has a copy of its own, as in the lecture. sigma2
    is taken of x and mu, not of a. Lectures S3-33 and S3-37.
    """
    expect_shapes(batchnorm_graph_forward, x, gamma, beta)
    mu = node("mu", x.mean(axis=0))
    sigma2 = node("sigma2", ((x - mu) ** 2).mean(axis=0))
    e = node("e", np.tile(sigma2 + eps, (len(x), 1)))
    c = node("c", np.sqrt(e))
    b = node("b", 1 / c)
    a = node("a", x - mu)
    x_hat = node("x_hat", a * b)
    out = gamma * x_hat + beta
    nodes = {"mu": mu, "sigma2": sigma2, "e": e, "c": c, "b": b, "a": a, "x_hat": x_hat}
    return out, {**nodes, "x": x, "gamma": gamma}


@task(
    batchnorm_graph_forward,
    nodes={"x_hat": "N D", "a": "N D", "b": "N D", "c": "N D", "e": "N D", "sigma2": "D", "mu": "D"},
    points=6,
    rows=("S3-37", "S3-38", "S3-39", "S3-40", "S3-41", "S3-42"),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def batchnorm_graph_backward(dout, cache):
    """All gradients of the graph, given dout (N, D): return a dict with dx_hat, da, db, dc, de, dsigma2, dmu, dx, ...

    ..., dgamma and dbeta, each of its node's or input's shape: dx_hat, da, db, dc, de and dx (N, D), the others (D,).

    Lectures S3-37 to S3-42. The first term of dmu should read minus on the handwritten page (S3-39), and the derivative
    of sigma2 by mu lacks a factor 1/m (S3-41). db is the gradient of the node b = 1/c, not that of a bias.
    """
    raise NotImplementedError  # your answer goes here


def spread_forward(x: Float[ndarray, "N D"], mu: Float[ndarray, "D"]):
    """The mean over the batch of (x - mu)^2, for any mu: return (out, cache) with out of shape (D,). Lecture S3-33.

    At mu = the mean of x it is the variance.
    """
    raise NotImplementedError  # your answer goes here


@task(spread_forward, points=2, rows=("S3-41",), edges={"a batch of 1": {"N": 1}, "mu far away": {"mu": (5.0, 9.0)}})
def spread_backward(dout, cache):
    """Gradients of the mean of (x - mu)^2: return (dx, dmu) of shapes (N, D) and (D,), given dout (D,).

    Lecture S3-41, where the derivative by mu should have a factor 1/m.
    """
    raise NotImplementedError  # your answer goes here


def batchnorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """The batch, normalised: return (out, cache) with out = gamma (x - mean) / sqrt(var + eps) + beta of shape (N, D).

    Mean and variance (of 1/N) are those of each feature over the batch. Lecture S3-33.
    """
    raise NotImplementedError  # your answer goes here


@task(
    batchnorm_forward,
    points=5,
    rows=("S3-33", "S3-35", "S3-43"),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def batchnorm_backward(dout, cache):
    """Gradients of batchnorm_forward: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    Lectures S3-37 to S3-42, in one formula (S3-43). In S3-39 the first term of the mean's gradient should read minus.
    """
    raise NotImplementedError  # your answer goes here
