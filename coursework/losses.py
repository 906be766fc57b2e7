"""Losses: squared errors, cross-entropy for two classes and for many, and its softmax node by node."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, expect_labels, expect_shapes, keep, task


def squared_error_forward(h: Float[ndarray, "N D"], z: Float[ndarray, "N D"]):
    """Each example's squared distance |h[n] - z[n]|^2: return (losses, cache) with losses of shape (N,).

    Lecture S3-20, which writes (h - z)^2: for vectors, read the sum of the squares of all entries.
    """
    raise NotImplementedError  # your answer goes here


@task(
    squared_error_forward,
    wrt=("h",),
    points=2,
    rows=("S3-20",),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"D": 1},
        "as many examples as units": {"D": 3},
        "no error": {"h": (0.5, 0.5), "z": (0.5, 0.5)},
    },
)
def squared_error_backward(dout, cache):
    """Gradient of the squared distances with respect to h: return dh of shape (N, D), given dout (N,).

    Lecture S3-20.
    """
    raise NotImplementedError  # your answer goes here


def half_squared_error_forward(y: Float[ndarray, "N K"], target: Float[ndarray, "N K"]):
    """One half of the sum over n and k of (y[n, k] - target[n, k])^2: return (loss, cache). Lecture S1-10."""
    raise NotImplementedError  # your answer goes here


@task(
    half_squared_error_forward,
    wrt=("y",),
    rows=("S1-10",),
    edges={"one example": {"N": 1}, "one output": {"K": 1}, "no error": {"y": (0.5, 0.5), "target": (0.5, 0.5)}},
)
def half_squared_error_backward(dout, cache):
    """Gradient of half the sum of squares: return dy of shape (N, K), given the scalar dout. Lecture S1-10."""
    raise NotImplementedError  # your answer goes here


def bce_forward(p: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean over n of -y log p - (1 - y) log(1 - p): return (loss, cache), for labels y of 0 or 1. Lecture S0-10."""
    raise NotImplementedError  # your answer goes here


@task(
    bce_forward,
    points=2,
    rows=("S0-10", "S2-02"),
    draw={"p": (0.05, 0.95), "y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}, "label 1 only": {"y": (1, 1)}},
)
def bce_backward(dout, cache):
    """Gradient of the mean binary cross-entropy: return dp of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-02.
    """
    raise NotImplementedError  # your answer goes here


def bce_with_logits_forward(z: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean binary cross-entropy of sigmoid(z) with labels y of 0 or 1: return (loss, cache). Lecture S0-10.

    Write it so that logits of 1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    bce_with_logits_forward,
    points=3,
    rows=("S0-10", "S2-03"),
    draw={"y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}, "label 1 only": {"y": (1, 1)}},
    overflow={"logits of 1000": {"z": (900, 1100)}, "logits of -1000": {"z": (-1100, -900)}},
)
def bce_with_logits_backward(dout, cache):
    """Gradient of the mean binary cross-entropy of sigmoid(z): return dz of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-03. S2-03 prints the local error, delta, like an integral sign, and leaves its formula to you.
    """
    raise NotImplementedError  # your answer goes here


def softmax_ce_forward(z: Float[ndarray, "N C"], y: Int[ndarray, "N"]):
    """The mean over n of -log p[n, y_n], p being the softmax of each row of z: return (loss, cache).

    The labels y run from 0 to C - 1. Write it so that logits of 1000 do no harm, nor probabilities that round to 0.
    Source: Bridle 1990.
    """
    raise NotImplementedError  # your answer goes here


def _far_apart(rng, sizes):
    """Rows of logits that differ by thousands from one another."""
    return rng.normal(size=(sizes["N"], sizes["C"])) + 2000.0 * np.arange(sizes["N"])[:, None]


@task(
    softmax_ce_forward,
    points=3,
    draw={"y": below("C")},
    edges={
        "one example": {"N": 1},
        "one class": {"C": 1},
        "two classes": {"C": 2},
        "as many examples as classes": {"C": 3},
        "label 0 only": {"y": below(1)},
        "equal logits": {"z": (0.7, 0.7)},
    },
    overflow={
        "logits of 1000": {"z": (999, 1001)},
        "logits of -1000": {"z": (-1001, -999)},
        "logits far apart": {"z": (-1000, 1000)},
        "rows far apart": {"z": _far_apart},
    },
)
def softmax_ce_backward(dout, cache):
    """Gradient of the mean cross-entropy of the softmax: return dz of shape (N, C), given the scalar dout.

    Source: Bridle 1990.
    """
    raise NotImplementedError  # your answer goes here


def softmax_ce_graph_forward(z: Float[ndarray, "N C"], y: Int[ndarray, "N"], node=keep):
    """The mean cross-entropy of the softmax step by step, with labels y from 0 to C - 1: return (loss, cache).

    The maximum that is subtracted counts as a constant: the loss is the same whatever is subtracted from a row.
    Source: Bridle 1990.
    """
    expect_shapes(softmax_ce_graph_forward, z, y)
    expect_labels("y", y, z.shape[1])
    s = node("s", z - z.max(axis=1, keepdims=True))
    e = node("e", np.exp(s))
    total = node("total", e.sum(axis=1))
    log_total = node("log_total", np.log(total))
    logp = node("logp", s - log_total[:, None])
    nll = node("nll", -logp[np.arange(len(y)), y])
    return nll.mean(), (y, e, total)


@task(
    softmax_ce_graph_forward,
    nodes={"nll": "N", "logp": "N C", "log_total": "N", "total": "N", "e": "N C", "s": "N C"},
    points=4,
    draw={"y": below("C")},
    edges={
        "one example": {"N": 1},
        "one class": {"C": 1},
        "two classes": {"C": 2},
        "label 0 only": {"y": below(1)},
    },
    overflow={"logits of 1000": {"z": (999, 1001)}, "logits far apart": {"z": (-1000, 1000)}},
)
def softmax_ce_graph_backward(dout, cache):
    """The gradient at every node of the softmax's cross-entropy: return a dict, given the scalar dout.

    Its keys are "dnll", "dlog_total" and "dtotal", of shape (N,), and "dlogp", "de", "ds" and "dz", of shape (N, C).
    Source: Bridle 1990.
    """
    raise NotImplementedError  # your answer goes here
