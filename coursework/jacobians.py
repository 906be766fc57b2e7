"""Derivatives of vectors by vectors: Jacobians in both layouts, and the chain rules that multiply them."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, task


def neighbours(x: Float[ndarray, "D+1"]):
    """Each entry's square times the next entry: return y with y[i] = x[i]^2 x[i+1], of shape (D,). Lecture S3-08."""
    expect_shapes(neighbours, x)
    return x[:-1] ** 2 * x[1:]


@task(
    neighbours,
    kind="jacobian",
    layout="numerator",
    points=2,
    rows=("S3-08",),
    edges={"one output": {"D": 1}, "zeros among the inputs": {"x": lambda rng, sizes: np.arange(sizes["D"] + 1.0)}},
)
def neighbours_jacobian(x):
    """The Jacobian of y = neighbours(x): return J of shape (D, D+1) with J[i, j] = dy[i]/dx[j].

    Lecture S3-08: one row for each output (numerator layout). Where the lecture writes J before its rows, those are
    J already.
    """
    raise NotImplementedError  # your answer goes here


@task(neighbours, kind="jacobian", rows=("S3-08",), edges={"one output": {"D": 1}})
def neighbours_gradient(x):
    """The derivative of y = neighbours(x) in denominator layout: return g of shape (D+1, D), g[j, i] = dy[i]/dx[j].

    Lecture S3-08, where the entries of dy_1/dx should go down to x_m, the last entry of x.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", rows=("S3-06", "S3-08"), edges={"one input": {"M": 1}, "one output": {"N": 1}})
def first_order_change(dy_dx: Float[ndarray, "M N"], step: Float[ndarray, "M"]):
    """By how much y moves, to first order, when x moves by `step`: return an array of shape (N,).

    dy_dx is in denominator layout, dy_dx[j, i] = dy[i]/dx[j]. Lectures S3-06 and S3-08.
    """
    raise NotImplementedError  # your answer goes here


def matvec(w: Float[ndarray, "H N"], x: Float[ndarray, "N"]):
    """The product of a matrix and a column: return y = W x, of shape (H,). Lecture S3-09."""
    expect_shapes(matvec, w, x)
    return w @ x


@task(
    matvec,
    kind="jacobian",
    wrt=("x",),
    rows=("S3-08", "S3-09"),
    edges={"one output": {"H": 1}, "one input": {"N": 1}},
)
def matvec_jacobian(w, x):
    """The derivative of y = W x by x: return dy/dx in denominator layout, of shape (N, H).

    Lecture S3-09: its last line is right; the matrix displayed just before it should be transposed.
    """
    raise NotImplementedError  # your answer goes here


def elementwise(q: Float[ndarray, "N"]):
    """The hyperbolic tangent of each entry: return y of shape (N,). Lecture S1-06."""
    expect_shapes(elementwise, q)
    return np.tanh(q)


@task(
    elementwise,
    kind="jacobian",
    rows=("S1-06",),
    edges={"one entry": {"N": 1}},
    overflow={"inputs of 1000": {"q": (900, 1100)}, "inputs of -1000": {"q": (-1100, -900)}},
)
def elementwise_jacobian(q):
    """The derivative of y = tanh(q), entry by entry: return dy/dq of shape (N, N), the same in both layouts.

    Lecture S1-06, where this is the factor that rescales columns.
    """
    raise NotImplementedError  # your answer goes here


def layer(h: Float[ndarray, "D"], w: Float[ndarray, "M D"]):
    """A fully connected layer: return sigmoid(W h), entry by entry, of shape (M,). Lecture S2-08."""
    expect_shapes(layer, h, w)
    return (1 + np.tanh(w @ h / 2)) / 2


@task(
    layer,
    kind="jacobian",
    wrt=("h",),
    points=3,
    rows=("S2-08", "S2-09"),
    edges={"one unit": {"M": 1}, "one input": {"D": 1}},
    overflow={
        "sums of 1000": {"h": (900, 1100), "w": (1, 2)},
        "sums of -1000": {"h": (900, 1100), "w": (-2, -1)},
    },
)
def layer_jacobian(h, w):
    """The derivative of layer(h, w) by h, rows for inputs (denominator layout): return an array of shape (D, M).

    Lectures S2-08 and S2-09: the matrix's first entry should be that of h_1 in the next layer, and the sum of unit 2
    depends on h_1 with the weight W_21, not W_22.
    """
    raise NotImplementedError  # your answer goes here


def softmax(z: Float[ndarray, "K"]):
    """Exponentials divided by their sum: return p of shape (K,), p[i] = exp(z[i]) / (sum over k of exp(z[k])).

    Source: Bridle 1990.
    """
    expect_shapes(softmax, z)
    grown = np.exp(z - z.max())
    return grown / grown.sum()


@task(
    softmax,
    kind="jacobian",
    points=3,
    edges={"one class": {"K": 1}, "two classes": {"K": 2}, "equal logits": {"z": (1, 1)}},
    overflow={"logits of 1000": {"z": (999, 1001)}, "logits of -1000": {"z": (-1001, -999)}},
)
def softmax_jacobian(z):
    """The derivative of softmax(z) by z: return an array of shape (K, K), the same in both layouts.

    A product of two numbers per unit, as for elementwise activations, would not do here. Source: Bridle 1990.
    """
    raise NotImplementedError  # your answer goes here


def length(x: Float[ndarray, "N"]):
    """The Euclidean length of x, as an array of one number: return it, of shape (1,). Lecture S4-01."""
    expect_shapes(length, x)
    size = np.max(np.abs(x))
    return size * np.sqrt(np.sum((x / size) ** 2, keepdims=True)) if size else np.zeros(1)


@task(
    length,
    kind="jacobian",
    layout="numerator",
    rows=("S4-01",),
    draw={"x": lambda rng, sizes: rng.choice([-1.0, 1.0], sizes["N"]) * rng.uniform(0.5, 2, sizes["N"])},
    edges={
        "one entry": {"N": 1},
        "a negative entry alone": {"N": 1, "x": (-2, -1)},
        "entries of 0": {"x": lambda rng, sizes: np.arange(sizes["N"]) % 2 + 1.0 * (sizes["N"] == 1)},
    },
    overflow={"entries of 1e200": {"x": (1e200, 2e200)}, "entries of 1e-200": {"x": (1e-200, 2e-200)}},
)
def length_gradient(x):
    """The gradient of the length of x, where x is not 0: return it as a row, of shape (1, N).

    Lecture S4-01 writes gradients as rows (numerator layout), where S3-06 writes columns. Entries may be as large as
    1e200: their squares are not.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S3-12", "S4-10"),
    edges={"one number between": {"N": 1}, "a scalar at the end": {"P": 1}, "one input": {"M": 1}},
)
def vector_chain(dy_dx: Float[ndarray, "M N"], dz_dy: Float[ndarray, "N P"]):
    """The chain rule for vectors x -> y -> z in denominator layout: return dz/dx of shape (M, P).

    dy_dx[i, j] = dy[j]/dx[i], dz_dy[j, k] = dz[k]/dy[j]. Lecture S3-12 (it runs from right to left), and what S4-10
    points to.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", rows=("S1-03", "S1-04"), edges={"one output": {"M": 1}, "one number between": {"N": 1}})
def one_input_chain(dy_dq: Float[ndarray, "M N"], dq_dx: Float[ndarray, "N"]):
    """The chain rule from one number x through N numbers q to M outputs y: return dy/dx of shape (M,).

    dy_dq[i, k] = dy[i]/dq[k], rows for outputs (numerator layout). Lecture S1-04.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S1-05",),
    edges={"one number between": {"N": 1}, "one input": {"P": 1}, "one output": {"M": 1}},
)
def jacobian_chain(dq_dx: Float[ndarray, "N P"], dy_dq: Float[ndarray, "M N"]):
    """The chain rule for vectors x -> q -> y in numerator layout: return dy/dx of shape (M, P).

    dq_dx[k, j] = dq[k]/dx[j], dy_dq[i, k] = dy[i]/dq[k], in the order in which the forward meets them. Lecture S1-05.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S1-06",),
    edges={
        "one number between": {"N": 1},
        "a unit that is off": {"phi_prime": lambda rng, sizes: np.arange(sizes["N"]) % 2 + 0.0},
    },
)
def elementwise_chain(j_y: Float[ndarray, "M N"], phi_prime: Float[ndarray, "N"], j_q: Float[ndarray, "N P"]):
    """The chain rule x -> q -> phi(q) -> y with an elementwise phi, in numerator layout: return dy/dx of shape (M, P).

    j_y[i, k] = dy[i]/dphi[k], phi_prime[k] is phi's slope at q[k], j_q[k, j] = dq[k]/dx[j]. Build no N by N matrix.
    Lecture S1-06.
    """
    raise NotImplementedError  # your answer goes here


def between(x: Float[ndarray, "P"], v: Float[ndarray, "M N"], w: Float[ndarray, "N P"]):
    """Two matrices with a tanh between them: return y = V tanh(W x), of shape (M,). Lecture S1-06."""
    expect_shapes(between, x, v, w)
    return v @ np.tanh(w @ x)


@task(
    between,
    kind="jacobian",
    wrt=("x",),
    layout="numerator",
    points=2,
    rows=("S1-05", "S1-06"),
    edges={"one unit between": {"N": 1}, "one output": {"M": 1}, "one input": {"P": 1}},
)
def between_jacobian(x, v, w):
    """The derivative of y = V tanh(W x) by x in numerator layout: return dy/dx of shape (M, P). Lecture S1-06."""
    raise NotImplementedError  # your answer goes here
