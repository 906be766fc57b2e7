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
    """All gradients of batchnorm_graph_forward, given dout (N, D): return them in a dict, by name.

    Those of the nodes are "dx_hat", "da", "db", "dc", "de" of shape (N, D), "dsigma2" and "dmu" of shape (D,), those of
    the inputs "dx" (N, D), "dgamma" and "dbeta" (D,). "db" belongs to the node b = 1/c and not to a bias.
    Lectures S3-37 to S3-42. The first term of dmu should read minus on the handwritten page (S3-39), and the derivative
    of sigma2 by mu lacks a factor 1/m (S3-41).
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
    points={"x": 3, "gamma": 1, "beta": 1},
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


@task(
    kind="value",
    points=2,
    rows=("S3-34",),
    edges={"eps of 0.1": {"eps": 0.1}, "a batch of 1": {"N": 1}, "small spread": {"x": (1.0, 1.01)}},
)
def undo_batchnorm(x: Float[ndarray, "N D"], eps: float = 1e-5):
    """What undoes batch norm: return (gamma, beta), both (D,), with which batchnorm_forward gives x itself.

    Lecture S3-34, which leaves eps out: gamma = sigma is exact for eps = 0 alone.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S3-33",),
    draw={"running_var": (0.5, 2.0)},
    edges={
        "test mode": {"mode": "test"},
        "test mode with eps of 0.1": {"mode": "test", "eps": 0.1},
        "eps of 0.1": {"eps": 0.1},
        "momentum 0": {"momentum": 0.0},
        "momentum 0.3": {"momentum": 0.3},
        "a batch of 1": {"N": 1},
        "a batch of 1 in test mode": {"N": 1, "mode": "test"},
    },
)
def batchnorm_modes(
    x: Float[ndarray, "N D"],
    gamma: Float[ndarray, "D"],
    beta: Float[ndarray, "D"],
    running_mean: Float[ndarray, "D"],
    running_var: Float[ndarray, "D"],
    mode: str = "train",
    momentum: float = 0.9,
    eps: float = 1e-5,
):
    """Batch norm with running statistics: return (out, new_mean, new_var) of shapes (N, D), (D,) and (D,).

    In mode "train" x is normalised with the batch's own mean and variance (of 1/N), and new_mean is momentum times
    running_mean plus (1 - momentum) times the batch's mean; new_var likewise. In mode "test" x is normalised with the
    running statistics, which are returned as they are. Leave the inputs themselves unchanged.
    Lecture S3-33, which covers training alone. Source: Ioffe and Szegedy 2015, section 3.1.
    """
    raise NotImplementedError  # your answer goes here


def batchnorm_test_forward(
    x: Float[ndarray, "N D"],
    gamma: Float[ndarray, "D"],
    beta: Float[ndarray, "D"],
    running_mean: Float[ndarray, "D"],
    running_var: Float[ndarray, "D"],
    eps: float = 1e-5,
):
    """Batch norm at test time: return (out, cache), out = gamma (x - running_mean) / sqrt(running_var + eps) + beta.

    out has x's shape (N, D). The statistics are given, and no example depends on another. Lecture S3-33, which covers
    training alone.
    """
    raise NotImplementedError  # your answer goes here


@task(
    batchnorm_test_forward,
    wrt=("x", "gamma", "beta"),
    points=2,
    rows=("S3-33",),
    draw={"running_var": (0.5, 2.0)},
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "a small variance": {"running_var": (1e-3, 2e-3)},
    },
)
def batchnorm_test_backward(dout, cache):
    """Gradients at test time: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    They serve to fine-tune with frozen statistics, or to ask which input matters. Lecture S3-33.
    """
    raise NotImplementedError  # your answer goes here


def affine_bn_relu_forward(
    h: Float[ndarray, "N K"],
    w: Float[ndarray, "M K"],
    b: Float[ndarray, "M"],
    gamma: Float[ndarray, "M"],
    beta: Float[ndarray, "M"],
    eps: float = 1e-5,
):
    """A layer with batch norm before the nonlinearity: return (out, cache), out = relu(batchnorm(h w^T + b)) (N, M).

    The batch norm is that of training, with gamma, beta and eps. Lecture S3-44.
    """
    raise NotImplementedError  # your answer goes here


@task(
    affine_bn_relu_forward,
    points=3,
    rows=("S3-44",),
    edges={
        "a batch of 1": {"N": 1},
        "eps of 0.1": {"eps": 0.1},
        "one unit": {"M": 1},
        "beta below 0": {"beta": (-1.0, -0.5)},
        "a large bias": {"b": (3.0, 6.0)},
    },
)
def affine_bn_relu_backward(dout, cache):
    """Gradients of the layer: return (dh, dw, db, dgamma, dbeta), each of its input's shape, given dout (N, M).

    Lecture S3-44. b is superfluous before a batch norm, and its gradient shows it. At an output of exactly 0 any slope
    of the ReLU from 0 to 1 is accepted.
    """
    raise NotImplementedError  # your answer goes here
