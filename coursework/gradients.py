"""Gradients of one number by a vector or a matrix: each has the shape of what it is taken by (denominator layout)."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, task


def squared_distance(x: Float[ndarray, "D"], c: Float[ndarray, "D"]):
    """The sum of (x[i] - c[i])^2 over all i: return a number. Lecture S3-06."""
    expect_shapes(squared_distance, x, c)
    return np.sum((x - c) ** 2)


@task(squared_distance, kind="jacobian", rows=("S3-06",), edges={"one entry": {"D": 1}, "c at 0": {"c": (0, 0)}})
def squared_distance_gradient(x, c):
    """The gradients of the squared distance by x and by c: return (dx, dc), both of shape (D,). Lecture S3-06."""
    raise NotImplementedError  # your answer goes here


def variance(x: Float[ndarray, "N"]):
    """The variance of the entries of x, the mean of (x[i] - mean)^2: return a number. Lecture S3-06."""
    expect_shapes(variance, x)
    return np.mean((x - np.mean(x)) ** 2)


@task(
    variance,
    kind="jacobian",
    points=2,
    rows=("S3-06",),
    edges={"one entry": {"N": 1}, "two entries": {"N": 2}, "entries far from 0": {"x": (4, 9)}},
)
def variance_gradient(x):
    """The gradient of the variance by x: return an array of shape (N,). Lecture S3-06.

    The mean moves with every entry; find out what becomes of that path.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-06",),
    draw={"h": (0.05, 0.5)},
    edges={"one entry": {"N": 1}, "a step down": {"h": (-0.5, -0.05)}},
)
def measured_gradient(x: Float[ndarray, "N"], h: float):
    """The gradient of the variance of x, measured with steps of h: return an array of shape (N,). Lecture S3-06.

    Entry i is the rise of variance(x) when x[i] alone is raised by h, divided by h.
    """
    raise NotImplementedError  # your answer goes here


def bilinear(x: Float[ndarray, "M"], w: Float[ndarray, "M N"], y: Float[ndarray, "N"]):
    """The bilinear form x^T W y, the sum of x[i] w[i, j] y[j] over all i and j: return a number. Lecture S3-07."""
    expect_shapes(bilinear, x, w, y)
    return x @ w @ y


@task(bilinear, kind="jacobian", points=3, rows=("S3-06", "S3-07"), edges={"one row": {"M": 1}, "one column": {"N": 1}})
def bilinear_gradient(x, w, y):
    """The gradients of x^T W y: return (dx, dw, dy) of shapes (M,), (M, N) and (N,). Lectures S3-06 and S3-07."""
    raise NotImplementedError  # your answer goes here


def frobenius(w: Float[ndarray, "M N"]):
    """The sum of the squares of all entries of W, its squared Frobenius norm: return a number. Lecture S3-07."""
    expect_shapes(frobenius, w)
    return np.sum(w**2)


@task(frobenius, kind="jacobian", rows=("S3-07",), edges={"one row": {"M": 1}, "all entries negative": {"w": (-3, -1)}})
def frobenius_gradient(w):
    """The gradient of the sum of squares of W's entries: return an array of W's shape, (M, N). Lecture S3-07."""
    raise NotImplementedError  # your answer goes here


def trace_of_product(a: Float[ndarray, "N M"], w: Float[ndarray, "M N"]):
    """The trace of A W, the sum of the entries on its diagonal: return a number. Lecture S3-07."""
    expect_shapes(trace_of_product, a, w)
    return np.trace(a @ w)


@task(
    trace_of_product,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-07",),
    edges={"one row": {"M": 1}, "one column": {"N": 1}},
)
def trace_gradient(a, w):
    """The gradient of tr(A W) by W: return an array of W's shape, (M, N). Lecture S3-07."""
    raise NotImplementedError  # your answer goes here


def trace_of_three(a: Float[ndarray, "K M"], w: Float[ndarray, "M N"], b: Float[ndarray, "N K"]):
    """The trace of A W B: return a number. Lecture S3-07."""
    expect_shapes(trace_of_three, a, w, b)
    return np.trace(a @ w @ b)


@task(
    trace_of_three,
    kind="jacobian",
    wrt=("w",),
    points=3,
    rows=("S3-07",),
    edges={"one term in each sum": {"K": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def trace_of_three_gradient(a, w, b):
    """The gradient of tr(A W B) by W: return an array of W's shape, (M, N). Lecture S3-07."""
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S3-06", "S3-07"),
    draw={"step": (-0.1, 0.1)},
    edges={"one row": {"M": 1}, "a single entry": {"M": 1, "N": 1}},
)
def change_by_matrix(gradient: Float[ndarray, "M N"], step: Float[ndarray, "M N"]):
    """How much the number y changes, to first order, when the matrix A moves by `step`: return a number.

    `gradient` is the gradient of y by A, of A's shape (M, N). Lectures S3-06 and S3-07.
    """
    raise NotImplementedError  # your answer goes here


def product(x: Float[ndarray, "N"]):
    """The product of all entries of x, as an array of one number: return it, of shape (1,). Lecture S4-01."""
    expect_shapes(product, x)
    return np.prod(x, keepdims=True)


@task(
    product,
    kind="jacobian",
    layout="numerator",
    points=2,
    rows=("S4-01", "S4-02"),
    edges={
        "one entry": {"N": 1},
        "an entry of 0": {"x": lambda rng, sizes: np.arange(sizes["N"]) + 0.0},
        "two entries of 0": {"x": lambda rng, sizes: np.maximum(np.arange(sizes["N"]) - 1.0, 0)},
    },
)
def product_gradient(x):
    """The gradient of the product of all entries by x: return it as a row, of shape (1, N). Lectures S4-01 and S4-02.

    S4-01 writes gradients as rows (numerator layout), where S3-06 writes columns; entries of 0 are allowed.
    """
    raise NotImplementedError  # your answer goes here
