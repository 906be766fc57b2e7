"""Relations of a gradient of the wrong shape: the right numbers, or a sum too few, too many or over another axis."""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from itertools import combinations
from typing import Any

import numpy as np

from .case import Cause
from .view import View, join, size_of


def shape(view: View) -> Cause | None:
    """The right numbers in the right order; only the shape differs."""

    def right_numbers(v: View) -> bool:
        return (
            v.yours.shape != v.shape
            and v.yours.size == v.truth.size
            and v.is_mapped(lambda g: g.reshape(*v.yours.shape, -1))
        )

    if view.shaped or not view.everywhere(lambda v: v.shaped or right_numbers(v)) or not right_numbers(view):
        return None
    advice = "A gradient has exactly the shape of the thing that it is the gradient of: "
    ones = [n for n in view.yours.shape if n != 1] == [n for n in view.shape if n != 1]
    how = "drop keepdims=True, or reshape at the end." if ones else "undo the forward's reshape: dx.reshape(x.shape)."
    return view.cause(
        "shape", f"The numbers are right; the shape is {view.yours.shape} and must be {view.shape}.", advice + how
    )


def not_spread(view: View) -> Cause | None:
    """One number for a whole axis, which broadcasts to the right gradient."""

    def spreads(v: View) -> bool:
        try:
            return v.yours.size < v.truth.size and bool(
                np.all(np.abs(np.broadcast_to(fit(v.yours, v.shape), v.shape) - v.truth) <= v.slack)
            )
        except ValueError:
            return False

    if view.shaped or not view.everywhere(spreads):
        return None
    return view.cause(
        "not-spread",
        f"The numbers are right, but there is one for each of {view.yours.shape} where the input has {view.shape}.",
        "A sum or mean in the forward spreads its gradient over everything that it added: broadcast to the input's "
        "shape.",
    )


def fit(values: np.ndarray, target: tuple[int, ...]) -> np.ndarray:
    """`values` with length-1 axes put where they make it broadcast to `target`, the first way that works."""
    if values.ndim >= len(target):
        return values
    for kept in combinations(range(len(target)), values.ndim):
        if tuple(target[axis] for axis in kept) == values.shape:
            return values.reshape([target[axis] if axis in kept else 1 for axis in range(len(target))])
    return values


def summed_own_axes(view: View) -> Cause | None:
    """Summed (or averaged) over axes that the input has."""
    if view.shaped or view.yours.ndim > view.truth.ndim:
        return None
    for n in range(1, view.truth.ndim + 1):
        for axes in combinations(range(view.truth.ndim), n):
            for what, make in (("sum", np.sum), ("mean", np.mean)):
                for keep in (False, True):
                    if view.everywhere(
                        lambda v, a=axes, f=make, k=keep: (
                            len(v.shape) == len(view.shape) and v.is_mapped(lambda g: f(g, axis=a, keepdims=k))
                        )
                    ):
                        where = "all axes" if n == view.truth.ndim and n > 1 else view.axes(axes)
                        return view.cause(
                            "extra-sum",
                            f"Yours is the {what} of the right gradient over {where}: shape {view.yours.shape} for "
                            f"{view.shape}.",
                            "The input has one number for each index there, so nothing is summed over it: give the "
                            f"{what} its axis.",
                        )
    return None


def contributions(view: View) -> np.ndarray | None:
    """What each output adds to this input's gradient, all its entries together: the output's shape."""
    if view.J is None:
        return None
    return (view.J.reshape(-1, view.point.dout.size).sum(0) * view.point.dout).reshape(view.out_shape)


def other_sums(view: View) -> Cause | None:
    """The outputs' contributions, summed over other axes than the right ones (or not at all)."""
    parts = contributions(view)
    if view.shaped or parts is None:
        return None
    every = range(parts.ndim)
    for n in range(parts.ndim + 1):
        for axes in combinations(every, n):
            for what, make in (("sum", np.sum), ("mean", np.mean)):

                def summed(v: View, axes: tuple[int, ...] = axes, make: Any = make) -> bool:
                    own = contributions(v)
                    if own is None or own.ndim != parts.ndim:
                        return False
                    made = make(own, axis=axes) if axes else own
                    squeezed = [n for n in v.yours.shape if n != 1] == [n for n in made.shape if n != 1]
                    return squeezed and close_enough(v, v.yours.reshape(made.shape), made)

                if view.everywhere(summed):
                    return sum_cause(view, axes, what)
    return None


def sum_cause(view: View, axes: tuple[int, ...], what: str) -> Cause:
    """The sentence for a sum over other axes."""
    whole = len(view.out_shape)
    if not axes:
        return view.cause(
            "missing-sum",
            f"Yours has one number for each output, shape {view.yours.shape}; summed to the input's shape "
            f"{view.shape} they are right.",
            "The input is used by many outputs (it is broadcast): sum dout's contributions over the axes that the "
            "input lacks.",
        )
    names = join([view.out_axis(axis) for axis in axes])
    if len(axes) == whole:
        return view.cause(
            "extra-sum",
            f"Yours is one number, the {what} over all outputs; the input has shape {view.shape}.",
            f"Give the {what} its axis: sum only over the axes that the input lacks.",
        )
    return view.cause(
        "wrong-axis",
        f"Yours is the right contributions' {what} over {names}: shape {view.yours.shape} for {view.shape}.",
        "Sum over the axes that the input lacks (usually the batch), and keep the input's own.",
    )


def close_enough(view: View, a: np.ndarray, b: np.ndarray) -> bool:
    """Equal within the error, whatever the shapes were."""
    return bool(size_of(a - b) <= 1e-6 * max(size_of(b), view.scale) + 4 * size_of(view.error))


def broadcast_copy(view: View) -> Cause | None:
    """The right gradient repeated over an axis too many, or terms that sum to it."""
    if view.shaped or (view.yours.ndim <= view.truth.ndim and view.yours.size <= view.truth.size):
        return None
    for n in range(1, view.yours.ndim + 1):
        for axes in combinations(range(view.yours.ndim), n):

            def reduces(v: View, axes: tuple[int, ...] = axes) -> bool:
                if v.yours.ndim != view.yours.ndim:
                    return False
                total = v.yours.sum(axis=axes)
                same = [n for n in total.shape if n != 1] == [n for n in v.shape if n != 1]
                return same and close_enough(v, total.reshape(v.shape), v.truth)

            if view.everywhere(reduces):
                return view.cause(
                    "missing-sum",
                    f"Yours has shape {view.yours.shape}; summed over its axis {join([str(a) for a in axes])} it is "
                    "right.",
                    "The input is used by many outputs (it is broadcast): sum dout's contributions over the axes "
                    "that the input lacks.",
                )
    return None
