"""A network of two layers for pictures: its gradients, its training, and what it makes of pictures it has not seen."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, task


def network_forward(
    x: Float[ndarray, "N D"],
    w1: Float[ndarray, "H D"],
    b1: Float[ndarray, "H"],
    w2: Float[ndarray, "C H"],
    b2: Float[ndarray, "C"],
    y: Int[ndarray, "N"],
):
    """The loss of a two-layer classifier: return (loss, cache), with labels y from 0 to C - 1.

    h = ReLU(x w1^T + b1), the scores are h w2^T + b2, and the loss is the mean over n of -log p[n, y_n], p being the
    softmax of each row of scores. Source: Rumelhart, Hinton and Williams 1986, with ReLU and softmax.
    """
    raise NotImplementedError  # your answer goes here


@task(
    network_forward,
    wrt=("w1", "b1", "w2", "b2"),
    points=3,
    draw={"y": below("C")},
    edges={
        "one picture": {"N": 1},
        "one hidden unit": {"H": 1},
        "two classes": {"C": 2},
        "as many hidden units as pixels": {"H": 5},
        "every hidden unit off": {"b1": (-80, -60)},
    },
    overflow={"scores of 1000": {"b2": (999, 1001)}},
)
def network_backward(dout, cache):
    """Gradients of the network's loss: return (dw1, db1, dw2, db2), each of its parameter's shape, given a scalar dout.

    Source: Rumelhart, Hinton and Williams 1986.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=2,
    draw={"y": below("C"), "rate": (0.1, 0.5), "steps": (3, 6)},
    edges={
        "no steps": {"steps": (0, 0)},
        "one step": {"steps": (1, 1)},
        "twenty steps": {"steps": (20, 20)},
        "one picture": {"N": 1},
        "two classes": {"C": 2},
    },
)
def train(
    x: Float[ndarray, "N D"],
    y: Int[ndarray, "N"],
    w1: Float[ndarray, "H D"],
    b1: Float[ndarray, "H"],
    w2: Float[ndarray, "C H"],
    b2: Float[ndarray, "C"],
    rate: float,
    steps: int,
):
    """Gradient descent on the network's loss: return (w1, b1, w2, b2) after `steps` steps, each of the shape it had.

    A step takes from every parameter rate times its gradient; all pictures are used in every step, and the arrays that
    come in stay as they are. Source: Rumelhart, Hinton and Williams 1986.
    """
    raise NotImplementedError  # your answer goes here


CLASSES = 3
NOISE = 0.15


def _patterns(rng, sizes):
    """The patterns of the classes, at right angles to one another: the same for all pictures that rng draws."""
    seeds = np.ravel(rng.bit_generator.seed_seq.entropy)
    drawn = np.random.default_rng([*map(int, seeds), 1]).normal(size=(sizes["D"] + 8, CLASSES))
    return np.sqrt(sizes["D"] + 8) * np.linalg.qr(drawn)[0].T


def _labels(rng, sizes):
    return np.arange(sizes["N"] + 30) % CLASSES


def _seen(rng, sizes, forms=1):
    """Pictures to learn from, in the order of their labels; if in two forms, every other one is a negative."""
    place = np.arange(sizes["N"] + 30)
    shown = (1 - 2 * (place // CLASSES % forms))[:, None] * _patterns(rng, sizes)[place % CLASSES]
    return shown + NOISE * rng.normal(size=shown.shape)


def _unseen(rng, sizes, forms=1):
    """Pictures of classes in any order."""
    shape = sizes["M"] + 20, sizes["D"] + 8
    sign = 1 - 2 * rng.integers(0, forms, shape[0])
    chosen = _patterns(rng, sizes)[rng.integers(0, CLASSES, shape[0])]
    return sign[:, None] * chosen + NOISE * rng.normal(size=shape)


def _seen_in_two_forms(rng, sizes):
    return _seen(rng, sizes, 2)


def _unseen_in_two_forms(rng, sizes):
    return _unseen(rng, sizes, 2)


@task(
    kind="value",
    points=4,
    arguments={
        "x": Float[ndarray, "N+30 D+8"],
        "y": Int[ndarray, "N+30"],
        "x_new": Float[ndarray, "M+20 D+8"],
    },
    draw={"x": _seen, "y": _labels, "x_new": _unseen},
    edges={
        "classes that come in two forms": {"x": _seen_in_two_forms, "x_new": _unseen_in_two_forms},
        "one new picture": {"x_new": lambda rng, sizes: _unseen(rng, sizes)[:1]},
        "more pictures": {"N": 60},
    },
)
def classify(x: Float[ndarray, "N D"], y: Int[ndarray, "N"], x_new: Float[ndarray, "M D"]):
    """Train a network on the pictures x with their labels y, and return the labels that it gives to x_new: M integers.

    The labels run from 0 to C - 1, and each of them occurs in y. The pictures of a class resemble each other closely;
    the weights to start from, the number of hidden units, the rate and the number of steps are yours to choose. All of
    the new pictures should be recognised. Source: Rumelhart, Hinton and Williams 1986.
    """
    raise NotImplementedError  # your answer goes here
