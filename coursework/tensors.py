"""Derivatives of vectors by matrices: tensors of three and four axes, their contraction, and what takes their place."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, task


def product(w: Float[ndarray, "M N"], x: Float[ndarray, "N"]):
    """A matrix times a column: return z = W x, of shape (M,). Lecture S3-13."""
    expect_shapes(product, w, x)
    return w @ x


@task(
    product,
    kind="jacobian",
    wrt=("w",),
    points=3,
    rows=("S3-13",),
    edges={"one output": {"M": 1}, "one input": {"N": 1}},
)
def dWx_dW(w, x):
    """The derivative of z = W x by W in denominator layout: return T of shape (M, N, M), T[i, j, k] = dz[k]/dw[i, j].

    Lecture S3-13.
    """
    raise NotImplementedError  # your answer goes here


def preactivation(w: Float[ndarray, "M N"], a: Float[ndarray, "N"], b: Float[ndarray, "M"]):
    """The preactivations of a layer: return z = W a + b, of shape (M,). Lecture S0-04."""
    expect_shapes(preactivation, w, a, b)
    return w @ a + b


@task(
    preactivation,
    kind="jacobian",
    wrt=("w",),
    layout="numerator",
    points=2,
    rows=("S0-04",),
    edges={"one unit": {"M": 1}, "one input": {"N": 1}},
)
def dz_dW_tensor(w, a, b):
    """The derivative of z = W a + b by W, z's index first: return T of shape (M, M, N), T[k, i, j] = dz[k]/dw[i, j].

    Lecture S0-04, where the second statement should have z_k too: its cases ask whether i is k.
    """
    raise NotImplementedError  # your answer goes here


def residual(w: Float[ndarray, "M N"], x: Float[ndarray, "N"], y: Float[ndarray, "M"], k: int = 0):
    """One entry of z = y - W x, that of the index k: return a number. Lecture S3-15."""
    expect_shapes(residual, w, x, y)
    return y[k] - w[k] @ x


@task(
    residual,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-15",),
    edges={"the second entry": {"k": 1}, "one output": {"M": 1}, "one input": {"N": 1}},
)
def dz_dW(w, x, y, k=0):
    """The derivative of z[k], an entry of z = y - W x, by W: return an array of shape (M, N).

    Lecture S3-15, which starts at k = 1. Its text forgets the sign that its matrices show.
    """
    raise NotImplementedError  # your answer goes here


def bilinear(w: Float[ndarray, "M N"], u: Float[ndarray, "P M"], v: Float[ndarray, "P N"]):
    """One number for each pair of rows: return z with z[p] = u[p]^T W v[p], of shape (P,). Lecture S3-13."""
    expect_shapes(bilinear, w, u, v)
    return np.sum(u @ w * v, axis=1)


@task(
    bilinear,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-13",),
    edges={"one output": {"P": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def bilinear_tensor(w, u, v):
    """The derivative of z = bilinear(w, u, v) by W in denominator layout: return an array of shape (M, N, P).

    Lecture S3-13's general case: W of shape (M, N), z of shape (P,), and a matrix for each entry of z.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-16",),
    edges={"one output": {"P": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def tensor_contract(dz_dw: Float[ndarray, "M N P"], dz: Float[ndarray, "P"]):
    """The chain rule W -> z -> loss with the whole tensor: return dL/dW of shape (M, N), given dz = dL/dz.

    dz_dw[i, j, k] = dz[k]/dw[i, j], from any function. Lecture S3-16, whose handwritten line should begin with dz/dW.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", rows=("S3-13", "S4-01"), edges={"one output": {"P": 1}, "one column": {"N": 1}})
def to_numerator_layout(dz_dw: Float[ndarray, "M N P"]):
    """A derivative of z by W in the other layout: return an array of shape (P, M, N), given one of shape (M, N, P).

    Lectures S3-13 (the axes of W first) and S4-01 (the output's first; there with one output, a row).
    """
    raise NotImplementedError  # your answer goes here


def rows_product(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"]):
    """Each row of x through a matrix: return y = x w^T, of shape (N, M). Lecture S3-13, for a batch."""
    expect_shapes(rows_product, x, w)
    return x @ w.T


@task(
    rows_product,
    kind="jacobian",
    points=4,
    rows=("S3-09", "S3-13"),
    edges={"a batch of 1": {"N": 1}, "one unit": {"M": 1}, "one feature": {"D": 1}},
)
def rows_tensors(x, w):
    """The derivatives of y = x w^T: return (dy/dx, dy/dw) in denominator layout, (N, D, N, M) and (M, D, N, M).

    Lectures S3-09 and S3-13, for a batch: entry [i, d, n, m] of the first is dy[n, m]/dx[i, d], and likewise for w.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", points=2, rows=("S3-16",), edges={"a batch of 1": {"N": 1}, "one unit": {"P": 1}})
def batch_contract(dy_dw: Float[ndarray, "M D N P"], dout: Float[ndarray, "N P"]):
    """The chain rule W -> y -> loss for an output with two axes: return dL/dW of shape (M, D), given dout = dL/dy.

    dy_dw[i, d, n, p] = dy[n, p]/dw[i, d]. Lecture S3-16, for a batch.
    """
    raise NotImplementedError  # your answer goes here


def product_forward(w: Float[ndarray, "M N"], x: Float[ndarray, "N"]):
    """A matrix times a column: return (z, cache) with z = W x of shape (M,). Lecture S3-19."""
    raise NotImplementedError  # your answer goes here


@task(
    product_forward,
    points=2,
    memory=True,
    rows=("S3-16", "S3-19"),
    edges={"one output": {"M": 1}, "one input": {"N": 1}},
)
def product_backward(dz, cache):
    """Gradients of z = W x without any tensor: return (dw, dx) of shapes (M, N) and (N,), given dz of shape (M,).

    Lecture S3-19, where both lines are labelled as the gradient by W: the one with W^T is that by x. Keep in the cache
    what the backward needs, and no tensor.
    """
    raise NotImplementedError  # your answer goes here
