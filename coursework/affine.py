"""The affine layer out = x W^T + b, with weights of shape (out, in) as in the lectures, and a step of its weights."""

import numpy as np
from numpy import ndarray

from checker import Float, task


def affine_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """Each row of x times the transpose of w, plus b: return (out, cache) with out of shape (N, M). Lecture S0-03."""
    raise NotImplementedError  # your answer goes here


@task(
    affine_forward,
    points=2,
    rows=("S0-03", "S0-05", "S0-06", "S2-04", "S3-19"),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
        "one feature": {"D": 1},
        "as many units as features": {"M": 5},
    },
)
def affine_backward(dout, cache):
    """Gradients of out = x w^T + b: return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lectures S0-05, S2-04 and S3-19; the gradient of b (S0-06) is left to you there. S3-19 labels two of its lines
    dL/dw: read dL/dx in the one with W^T.
    """
    raise NotImplementedError  # your answer goes here


def affine_flat_forward(x: Float[ndarray, "N H W"], w: Float[ndarray, "M H*W"], b: Float[ndarray, "M"]):
    """An affine layer over pictures: return (out, cache) with out of shape (N, M). Lecture S0-03.

    Each picture of x is flattened, row after row, to H*W numbers; out is those times the transpose of w, plus b.
    """
    raise NotImplementedError  # your answer goes here


@task(
    affine_flat_forward,
    points=2,
    rows=("S0-03", "S0-05", "S0-06"),
    edges={
        "a batch of 1": {"N": 1},
        "pictures of one row": {"H": 1},
        "pictures of one column": {"W": 1},
        "one unit": {"M": 1},
    },
)
def affine_flat_backward(dout, cache):
    """Gradients of an affine layer over pictures: return (dx, dw, db), each of its input's shape, given dout (N, M).

    dx is (N, H, W), dw (M, H*W), db (M,). Lectures S0-05 and S0-06, for one vector.
    """
    raise NotImplementedError  # your answer goes here


def affine_relu_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """The layer h = ReLU(x w^T + b): return (out, cache) with out of shape (N, M). Lecture S3-20."""
    raise NotImplementedError  # your answer goes here


@task(
    affine_relu_forward,
    points=3,
    rows=("S3-20",),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
        "one feature": {"D": 1},
        "every unit on": {"b": (60, 80)},
        "every unit off": {"b": (-80, -60)},
    },
)
def affine_relu_backward(dout, cache):
    """Gradients of h = ReLU(x w^T + b): return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lecture S3-20; in its handwritten line for dL/da the last factor should read dL/dh. Where x w^T + b is exactly 0
    the lecture takes the slope 0; any slope from 0 to 1 is accepted there.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S3-21",),
    edges={
        "inputs that are 0": {"h": (0, 0)},
        "one input that is 0": {
            "h": lambda rng, sizes: rng.normal(size=(sizes["N"], sizes["D"])) * (np.arange(sizes["D"]) > 0)
        },
        "a batch of 1": {"N": 1},
        "rate of 1": {"rate": 1.0},
        "rate of 0": {"rate": 0.0},
    },
)
def sgd_step(w: Float[ndarray, "M D"], h: Float[ndarray, "N D"], dz: Float[ndarray, "N M"], rate: float = 0.1):
    """A step of gradient descent for the weights of z = h w^T: return the new weights, of shape (M, D).

    dz (N, M) is the gradient of the loss with respect to z, h (N, D) what the layer below gives. w itself stays as it
    is. Lecture S3-21: where h is 0 the step is 0, however large the error is.
    """
    raise NotImplementedError  # your answer goes here
