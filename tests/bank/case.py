"""What a labelled pair is, and the few helpers with which the topics of the bank are written."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partialmethod
from typing import Any

import numpy as np

#: What a checker must say of a case. See `tests/test_bank.py` for the verdict that each one asks for.
LABELS = {
    "right": "a right backward at an ordinary point",
    "nasty": "a right backward at a point that is hard for finite differences",
    "wrong": "a wrong backward, and the point shows it",
    "elsewhere": "right at the point given, wrong at another label, region, shape or hyperparameter",
    "edge": "right at the point given, wrong in an ordinary corner case (padding 0, one row, one step, test mode)",
    "unstable": "right at the point given, overflows where a stable form does not",
    "shape": "the right numbers in the wrong shape",
    "contract": "a breach of the layer contract",
    "forward": "the gradient of the author's own forward, which is not the function asked for",
    "error": "code that raises",
    "unattempted": "a stub",
}

Inputs = Callable[[], tuple]


@dataclass(frozen=True)
class Case:
    """One forward/backward pair, the point at which it is shown, and what is true of it."""

    name: str
    forward: Callable
    backward: Callable | None
    inputs: Inputs
    label: str
    cause: str = ""  # words of which a good diagnosis says at least one, separated by "|"; "" if no relation has a name
    note: str = ""
    style: str = "cache"  # how the two halves are called: see `oracle.claim`
    outs: int = 1
    parameters: tuple[str, ...] = ()  # of a layer: attributes W that backward leaves a gradient dW for
    wrt: tuple[int, ...] | None = None  # positions of the differentiated inputs; None: every float
    oracle: Callable | None = None  # the same function of the same inputs, in a form that autograd can trace
    vjp: Callable | None = None  # or its derivative in closed form: vjp(dout, *inputs) -> gradients
    elsewhere: Inputs | None = None  # the point that shows it, for the labels that are right at `inputs`
    corner: bool = False  # the function has no derivative at `inputs`: any subgradient is right
    tolerance: float = 1e-9  # of the gradient's scale: how well the oracle and the claim agree
    floor: float = 0.0  # an absolute gap that the rounding inside a right formula explains
    options: dict[str, Any] = field(default_factory=dict)  # further keywords of the check


class Bank(list[Case]):
    """A topic's cases."""

    def add(self, label: str, name: str, forward: Callable, backward: Callable | None, inputs: Inputs, **more) -> None:
        """File one case under `label`."""
        assert label in LABELS, label
        self.append(Case(name, forward, backward, inputs, label, **more))

    right = partialmethod(add, "right")
    nasty = partialmethod(add, "nasty")
    wrong = partialmethod(add, "wrong")
    elsewhere = partialmethod(add, "elsewhere")
    edge = partialmethod(add, "edge")
    unstable = partialmethod(add, "unstable")
    shape = partialmethod(add, "shape")
    contract = partialmethod(add, "contract")
    forward = partialmethod(add, "forward")
    error = partialmethod(add, "error")
    unattempted = partialmethod(add, "unattempted")


def drawn(draw: Callable[[np.random.Generator], tuple], seed: int = 0) -> Inputs:
    """The inputs that `draw` makes from a generator of a fixed seed."""
    return lambda: draw(np.random.default_rng(seed))


def normal(*shapes: Sequence[int], seed: int = 0, scale: float = 1.0) -> Inputs:
    """One standard normal array for each shape."""
    return drawn(lambda rng: tuple(scale * rng.standard_normal(shape) for shape in shapes), seed)


def positive(*shapes: Sequence[int], seed: int = 0) -> Inputs:
    """One array between 0.3 and 2 for each shape."""
    return drawn(lambda rng: tuple(rng.uniform(0.3, 2.0, shape) for shape in shapes), seed)


def point(*values: Any) -> Inputs:
    """These very inputs; lists become arrays."""

    def fresh() -> tuple:
        return tuple(np.array(value) if isinstance(value, list) else deepcopy(value) for value in values)

    return fresh


def variant(function: Callable, **switches: Any) -> Callable:
    """`function(dout, cache)` with its switches set: one way of getting it wrong."""

    def backward(dout, cache):
        return function(dout, cache, **switches)

    return backward


def edited(function: Callable, which: int, edit: Callable[[Any], Any]) -> Callable:
    """`function(dout, cache)` with its gradient number `which` passed through `edit`."""

    def backward(dout, cache):
        grads = list(function(dout, cache))
        grads[which] = edit(grads[which])
        return tuple(grads)

    return backward


def nudged(index: Any, factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """An edit that multiplies the entries at `index`."""

    def edit(grad: np.ndarray) -> np.ndarray:
        grad = np.array(grad)
        grad[index] *= factor
        return grad

    return edit


def elementwise(function: Callable, derivative: Callable) -> tuple[Callable, Callable]:
    """The layer of an elementwise function, with the input as its cache."""

    def forward(x):
        return function(x), x

    def backward(dout, x):
        return (dout * derivative(x),)

    return forward, backward
