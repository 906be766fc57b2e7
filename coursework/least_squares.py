"""Least squares Y ~ W X with one example in each column: the loss, its gradients, and the weights that minimise it."""

import numpy as np
from numpy import ndarray

from checker import Float, task


def lsq_forward(w: Float[ndarray, "M D"], x: Float[ndarray, "D N"], y: Float[ndarray, "M N"]):
    """Half the sum over the N columns of ||y - W x||^2: return (loss, cache).

    Lecture S3-14, where some lines leave out the half: with it the gradients have no factor of 2.
    """
    raise NotImplementedError  # your answer goes here


@task(
    lsq_forward,
    points=3,
    rows=("S3-14", "S3-16", "S3-17"),
    edges={
        "one example": {"N": 1},
        "one feature": {"D": 1},
        "one output": {"M": 1},
        "residuals of 0": {"w": (0, 0), "y": (0, 0)},
    },
)
def lsq_backward(dout, cache):
    """Gradients of lsq_forward: return (dw, dx, dy) of shapes (M, D), (D, N) and (M, N), given the scalar dout.

    Lecture S3-17 for all columns together (there for one, and for dw).
    """
    raise NotImplementedError  # your answer goes here


def _spanning(rng, sizes):
    """At least as many examples as features, far from dependent: the first of them nearly twice the unit vectors."""
    shape = sizes["D"], sizes["D"] + sizes["E"]
    return 2 * np.eye(*shape) + 0.5 * rng.uniform(-1, 1, shape) / max(1, sizes["D"])


@task(
    kind="value",
    points=3,
    rows=("S3-18",),
    arguments={"x": Float[ndarray, "D D+E"], "y": Float[ndarray, "M D+E"]},
    draw={"x": _spanning},
    edges={"as many examples as features": {"E": 0}, "one feature": {"D": 1}, "one output": {"M": 1}},
)
def lsq_solve(x: Float[ndarray, "D N"], y: Float[ndarray, "M N"]):
    """The W that minimises the sum over the columns of ||y - W x||^2: return an array of shape (M, D).

    Lecture S3-18, where X X^T has no inverse for one example: it takes D independent columns of x at least. Raise
    ValueError where there are fewer.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    rows=("S3-18",),
    edges={"one feature": {"D": 1}, "one output": {"M": 1}, "an example of zeros": {"x": (0, 0)}},
)
def lsq_one_example(x: Float[ndarray, "D"], y: Float[ndarray, "M"]):
    """Of all W that minimise ||y - W x||^2 for a single example, the smallest: return an array of shape (M, D).

    Smallest by the sum of its squared entries; for x = 0 that is W = 0. Lecture S3-18 inverts x x^T here, which has
    rank 1 and no inverse: the pseudo-inverse should stand in its place.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S3-17", "S3-21"),
    draw={"rate": (0.01, 0.1), "steps": (2, 6), "x": (-1, 1)},
    edges={
        "one step": {"steps": (1, 1)},
        "no steps": {"steps": (0, 0)},
        "one example": {"N": 1},
        "one feature": {"D": 1},
    },
)
def lsq_descend(w: Float[ndarray, "M D"], x: Float[ndarray, "D N"], y: Float[ndarray, "M N"], rate: float, steps: int):
    """Gradient descent on half the sum of ||y - W x||^2, from w: return W after `steps` steps, of shape (M, D).

    A step takes from W rate times the gradient there. Lectures S3-17 (the gradient) and S3-21 (the step).
    """
    raise NotImplementedError  # your answer goes here
