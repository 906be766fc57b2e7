"""Regularisation: penalties on the weights (L2 and L1), alone and in a linear classifier, and dropout."""

import numpy as np
from numpy import ndarray

from checker import Bool, Float, Int, below, task


def l2_forward(w: Float[ndarray, "M D"], reg: float = 0.3):
    """The penalty reg times the sum of the squares of w: return (loss, cache). Lecture S3-46 names it.

    There is no factor of one half here; many texts have one, and their gradient differs by it.
    """
    raise NotImplementedError  # your answer goes here


@task(
    l2_forward,
    rows=("S3-46",),
    edges={"reg of 0": {"reg": 0.0}, "reg of 2": {"reg": 2.0}, "one weight": {"M": 1, "D": 1}},
)
def l2_backward(dout, cache):
    """Gradient of the penalty reg sum(w^2): return dw of shape (M, D), given the scalar dout. Lecture S3-46."""
    raise NotImplementedError  # your answer goes here


def l1_forward(w: Float[ndarray, "M D"], reg: float = 0.3):
    """The penalty reg times the sum of the absolute values of w: return (loss, cache). Lecture S3-46 names it."""
    raise NotImplementedError  # your answer goes here


@task(
    l1_forward,
    rows=("S3-46",),
    edges={
        "reg of 0": {"reg": 0.0},
        "small weights": {"w": (-0.02, 0.02)},
        "zeros among the weights": {
            "w": lambda rng, sizes: rng.integers(-1, 2, (sizes["M"], sizes["D"])).astype(float)
        },
    },
)
def l1_backward(dout, cache):
    """Gradient of the penalty reg sum(|w|): return dw of shape (M, D), given the scalar dout. Lecture S3-46.

    At a weight of 0 any slope from -reg to reg is accepted; this takes 0.
    """
    raise NotImplementedError  # your answer goes here


def softmax_l2_forward(
    x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"], y: Int[ndarray, "N"], reg: float = 0.3
):
    """A linear classifier's loss with L2 regularisation: return (loss, cache), with labels y from 0 to M - 1.

    The scores are x w^T + b. The loss is the mean over n of -log p[n, y_n], p the softmax of each row of scores, plus
    reg times the sum of the squares of w; the bias is not penalised, and there is no factor of one half.
    Lecture S3-46 names it. Write it so that scores of 1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    softmax_l2_forward,
    wrt=("w", "b"),
    points=4,
    rows=("S3-46",),
    draw={"y": below("M")},
    edges={
        "reg of 0": {"reg": 0.0},
        "reg of 2": {"reg": 2.0},
        "one example": {"N": 1},
        "two classes": {"M": 2},
        "label 0 only": {"y": below(1)},
        "a large bias": {"b": (2.0, 5.0)},
    },
    overflow={"scores of 1000": {"b": (900, 1100)}, "inputs of 1000": {"x": (-1000, 1000)}},
)
def softmax_l2_backward(dout, cache):
    """Gradients of the regularised loss: return (dw, db) of shapes (M, D) and (M,), given the scalar dout.

    Lecture S3-46.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="initialiser",
    points=2,
    rows=("S3-46",),
    arguments={"rng": None},
    draw={"n": (60, 80), "d": (150, 200)},
    edges={"p of 0.25": {"p": 0.25}, "p of 0.6": {"p": 0.6}, "a small batch": {"n": (8, 12), "d": (18, 24)}},
)
def dropout_factors(n: int, d: int, rng, p: float = 0.4):
    """The factors of inverted dropout for n examples of d units: return an array of shape (n, d).

    Each entry is 0 with probability p, independently of all others. The rest get the one number that keeps the mean of
    the layer's output what it would be without dropout. Draw from rng, a numpy.random.Generator, and from nothing else.
    Lecture S3-46 names it. Source: Srivastava et al. 2014.
    """
    raise NotImplementedError  # your answer goes here


def dropout_forward(x: Float[ndarray, "N D"], keep: Bool[ndarray, "N D"], p: float = 0.4, mode: str = "train"):
    """Inverted dropout with a given mask: return (out, cache) with out of shape (N, D).

    In mode "train", units where keep is False give 0 and the others x / (1 - p), p being the probability of dropping;
    in mode "test" nothing is dropped or scaled. Lecture S3-46 names it. Source: Srivastava et al. 2014.
    """
    raise NotImplementedError  # your answer goes here


@task(
    dropout_forward,
    points=2,
    rows=("S3-46",),
    edges={
        "test mode": {"mode": "test"},
        "p of 0": {"p": 0.0},
        "p of 0.9": {"p": 0.9},
        "everything kept": {"keep": lambda rng, sizes: np.ones((sizes["N"], sizes["D"]), dtype=bool)},
        "zeros among the inputs": {"x": lambda rng, sizes: rng.integers(-1, 2, (sizes["N"], sizes["D"])).astype(float)},
    },
)
def dropout_backward(dout, cache):
    """Gradient of dropout with a given mask: return dx of shape (N, D), given dout (N, D). Lecture S3-46."""
    raise NotImplementedError  # your answer goes here
