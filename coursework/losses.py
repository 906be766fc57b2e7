"""Losses for two classes: binary cross-entropy of a probability, and of a logit."""

from numpy import ndarray

from checker import Float, Int, below, task


def bce_forward(p: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean over n of -y log p - (1 - y) log(1 - p): return (loss, cache), for labels y of 0 or 1. Lecture S0-10."""
    raise NotImplementedError  # your answer goes here


@task(
    bce_forward,
    points=2,
    rows=("S0-10", "S2-02"),
    draw={"p": (0.05, 0.95), "y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}},
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
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}},
    overflow={"logits of 1000": {"z": (900, 1100)}, "logits of -1000": {"z": (-1100, -900)}},
)
def bce_with_logits_backward(dout, cache):
    """Gradient of the mean binary cross-entropy of sigmoid(z): return dz of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-03, where this is the local error delta.
    """
    raise NotImplementedError  # your answer goes here
