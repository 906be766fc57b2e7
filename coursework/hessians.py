"""Gradients and Hessians of scalar functions: quadratic forms, log-sum-exp, a curved valley, logistic regression."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, expect_labels, expect_shapes, task

_LARGE = {"entries of 1000": {"x": (999, 1001)}, "entries of -1000": {"x": (-1001, -999)}}
_VALLEY = {"one term": {"D": 1}, "a flat valley": {"steep": 0.0}, "at the lowest point": {"x": (1, 1)}}


def quadratic(x: Float[ndarray, "D"], a: Float[ndarray, "D D"], b: Float[ndarray, "D"]):
    """The quadratic function x^T A x + b^T x: return a number. A need not be symmetric. Lecture S3-10."""
    expect_shapes(quadratic, x, a, b)
    return x @ a @ x + b @ x


def _symmetric(rng, sizes):
    """A matrix that equals its transpose."""
    drawn = rng.standard_normal((sizes["D"], sizes["D"]))
    return drawn + drawn.T


@task(
    quadratic,
    kind="jacobian",
    wrt=("x",),
    points=2,
    rows=("S3-06", "S3-10"),
    edges={"one variable": {"D": 1}, "a symmetric matrix": {"a": _symmetric}},
)
def quadratic_gradient(x, a, b):
    """The gradient of x^T A x + b^T x by x, for any square A: return an array of shape (D,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10.
    """
    raise NotImplementedError  # your answer goes here


@task(quadratic, kind="jacobian", wrt=("a",), rows=("S3-07",), edges={"one variable": {"D": 1}})
def quadratic_by_matrix(x, a, b):
    """The gradient of x^T A x + b^T x by A: return an array of A's shape, (D, D). Lecture S3-07."""
    raise NotImplementedError  # your answer goes here


@task(
    quadratic,
    kind="hessian",
    wrt=("x",),
    rows=("S3-10",),
    edges={"one variable": {"D": 1}, "a symmetric matrix": {"a": _symmetric}},
)
def quadratic_hessian(x, a, b):
    """The Hessian of x^T A x + b^T x by x, for any square A: return an array of shape (D, D).

    Lecture S3-10, in whose matrix the numerators should read the second power of the d as well.
    """
    raise NotImplementedError  # your answer goes here


def logsumexp(x: Float[ndarray, "K"]):
    """The logarithm of the sum of exp(x[k]), a smooth maximum of x: return a number. Lecture S3-10."""
    expect_shapes(logsumexp, x)
    largest = x.max()
    return largest + np.log(np.sum(np.exp(x - largest)))


@task(
    logsumexp,
    kind="jacobian",
    points=2,
    rows=("S3-06", "S3-10"),
    edges={"one entry": {"K": 1}, "equal entries": {"x": (1, 1)}},
    overflow=_LARGE,
)
def logsumexp_gradient(x):
    """The gradient of log(sum of exp(x[k])): return an array of shape (K,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10. Write it so that entries of 1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    logsumexp,
    kind="hessian",
    points=3,
    rows=("S3-10",),
    edges={"one entry": {"K": 1}, "equal entries": {"x": (1, 1)}},
    overflow=_LARGE,
)
def logsumexp_hessian(x):
    """The Hessian of log(sum of exp(x[k])): return an array of shape (K, K).

    Lecture S3-10. Write it so that entries of 1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-10",),
    edges={"two entries": {"K": 2}, "a step in one entry": {"v": lambda rng, sizes: np.eye(sizes["K"])[0]}},
    overflow=_LARGE,
)
def logsumexp_curvature(x: Float[ndarray, "K"], v: Float[ndarray, "K"]):
    """The Hessian of log(sum of exp(x[k])) times v, without any K by K matrix: return an array of shape (K,).

    It is how fast the gradient changes along v. Lecture S3-10. Write it so that entries of 1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


def valley(x: Float[ndarray, "D+1"], steep: float = 100.0):
    """A long curved valley: return the sum over i of steep (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, for i from 0 to D - 1.

    Its lowest point is where every x[i] is 1. Lecture S3-10 (this function: Rosenbrock 1960).
    """
    expect_shapes(valley, x)
    return np.sum(steep * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@task(valley, kind="jacobian", points=3, rows=("S3-06", "S3-10"), edges=_VALLEY)
def valley_gradient(x, steep=100.0):
    """The gradient of valley(x, steep) by x: return an array of shape (D+1,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10.
    """
    raise NotImplementedError  # your answer goes here


@task(valley, kind="hessian", points=4, rows=("S3-10",), edges=_VALLEY)
def valley_hessian(x, steep=100.0):
    """The Hessian of valley(x, steep) by x: return an array of shape (D+1, D+1). Lecture S3-10."""
    raise NotImplementedError  # your answer goes here


def logistic_loss(w: Float[ndarray, "D"], x: Float[ndarray, "N D"], y: Int[ndarray, "N"]):
    """The mean binary cross-entropy of sigmoid(x w), for labels y of 0 or 1: return a number.

    Source: Bishop 2006, section 4.3.2.
    """
    expect_shapes(logistic_loss, w, x, y)
    expect_labels("y", y, 2)
    z = x @ w
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))


@task(
    logistic_loss,
    kind="hessian",
    wrt=("w",),
    points=3,
    draw={"y": below(2)},
    edges={"one example": {"N": 1}, "one weight": {"D": 1}, "label 0 only": {"y": below(1)}},
    overflow={
        "logits of 1000": {"x": (900, 1100), "w": (1, 2)},
        "logits of -1000": {"x": (900, 1100), "w": (-2, -1)},
    },
)
def logistic_hessian(w, x, y):
    """The Hessian of logistic_loss(w, x, y) by w: return an array of shape (D, D).

    Source: Bishop 2006, eq. 4.97 (there of the sum over the examples; here of their mean).
    """
    raise NotImplementedError  # your answer goes here
