"""One input's gradient at one point, as the relations look at it: the right one beside the claimed one."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from .case import Arrays, Case, Cause

T = TypeVar("T")

#: Two gradients are the same if they differ by less than this part of their scale (besides the error bar).
SAME = 1e-6
#: What differs from the right gradient must have the named form to this part of its own size.
FORM = 1e-5
#: A claimed Jacobian costs one call of the author's backward an output: not asked for beyond this many.
MOST_OUTPUTS = 400
#: With more noise than this part of its size, a Jacobian is too rough to confirm what the gradient itself shows.
ROUGH = 1e-6
#: How many further points a function of a few numbers is looked at.
MORE = 9


def size_of(values: np.ndarray) -> float:
    """The largest magnitude in `values`, 0 for an empty array."""
    return float(np.max(np.abs(values))) if np.size(values) else 0.0


def along(values: np.ndarray, axis: int, index: int) -> np.ndarray:
    """The slice of `values` at `index` along `axis`."""
    return values[(slice(None),) * axis + (index,)]


class Point:
    """One case, with the author's backward asked for as many upstream gradients as needed (each asked once)."""

    def __init__(self, case: Case) -> None:
        self.case = case

    @cached_property
    def near(self) -> "tuple[Point, ...]":
        """Further points near this one, where they can be had: for functions of a few numbers."""
        if self.case.at is None:
            return ()
        rng, found = np.random.default_rng(11), []
        for turn in range(MORE):  # every other one with signs changed: |x| and x are not the same thing
            try:
                signs = rng.choice([-1.0, 1.0], len(self.case.inputs)) if turn % 2 else np.ones(len(self.case.inputs))
                scaled = zip(signs, self.case.inputs, strict=True)
                moved = tuple(np.asarray(sign * x * rng.uniform(0.7, 1.3, np.shape(x))) for sign, x in scaled)
                found.append(Point(self.case.at(moved)))
            except Exception:  # outside of the function's domain: that point does not speak
                continue
        return tuple(found)

    @cached_property
    def dout(self) -> np.ndarray:
        """The upstream gradients used, concatenated flat: (m,)."""
        return np.concatenate([np.ravel(dout) for dout in self.case.douts]) if self.case.douts else np.zeros(0)

    @cached_property
    def out(self) -> np.ndarray:
        """The outputs, concatenated flat: (m,)."""
        return np.concatenate([np.ravel(out) for out in self.case.outs]) if self.case.outs else np.zeros(0)

    def claim(self, dout: np.ndarray) -> Arrays | None:
        """The author's gradients for a flat upstream gradient, or None if they cannot be had."""
        if self.case.vjp is None:
            return None
        ends = np.cumsum([np.size(out) for out in self.case.outs])[:-1]
        parts = [part.reshape(np.shape(out)) for part, out in zip(np.split(dout, ends), self.case.outs, strict=True)]
        try:
            gradients = tuple(np.asarray(g, float) for g in self.case.vjp(tuple(parts)))
        except Exception:  # the author's code on a dout that it never met: whatever it raises, there is no claim
            return None
        shapes = [np.shape(g) for g in self.case.claimed]
        return gradients if [np.shape(g) for g in gradients] == shapes else None

    @cached_property
    def zero(self) -> Arrays | None:
        """The claim for an upstream gradient of zeros."""
        return self.claim(np.zeros_like(self.dout))

    @cached_property
    def doubled(self) -> Arrays | None:
        """The claim for twice the upstream gradient."""
        return self.claim(2 * self.dout)

    @cached_property
    def negated(self) -> Arrays | None:
        """The claim for the upstream gradient times -1."""
        return self.claim(-self.dout)

    @cached_property
    def linear(self) -> tuple[bool, ...]:
        """Per input: is the claim linear in dout, to float32's precision? (False also where that cannot be tried.)"""
        case = self.case
        if case.vjp is None:  # a gradient function: its claim is for dout = 1 and scales with it
            return (self.dout.size == 1,) * len(case.claimed)
        other = np.random.default_rng(5).uniform(0.5, 1.5, self.dout.shape) * np.where(self.dout < 0, 1.0, -1.0)
        left, right = self.claim(other), self.claim(self.dout + 2 * other)
        if left is None or right is None:
            return (False,) * len(case.claimed)
        pairs = zip(case.claimed, left, right, strict=True)
        return tuple(
            bool(size_of(a + 2 * b - c) <= 2e-6 * (size_of(a) + size_of(b) + size_of(c)) + 1e-300) for a, b, c in pairs
        )

    @cached_property
    def jacobians(self) -> Arrays | None:
        """The claimed Jacobians, one per input: claimed shape + (m,)."""
        m = self.dout.size
        if self.case.vjp is None and m == 1 and self.dout[0] != 0:
            return tuple(np.asarray(g, float)[..., None] / self.dout[0] for g in self.case.claimed)
        if m > MOST_OUTPUTS or self.case.vjp is None:
            return None
        if (columns := known(self.claim(row) for row in np.eye(m))) is None:
            return None
        return tuple(np.stack([column[k] for column in columns], -1) for k in range(len(self.case.claimed)))


class View:
    """The gradient of input `k` at one point; `others` are the views of the same input at the other points.

    `truth` and `yours` are the gradients for the case's dout; `J` and `C` the true and the claimed Jacobian, input
    shape + (m,), each None where unknown.
    """

    def __init__(self, point: Point, k: int, others: "tuple[View, ...]" = ()) -> None:
        self.point, self.case, self.k, self.others = point, point.case, k, others
        case = point.case
        self.name = case.names[k]
        self.x = np.asarray(case.inputs[k], float)
        self.yours = np.asarray(case.claimed[k], float)
        self.truth = np.asarray(case.numeric[k], float)
        self.error = np.asarray(case.error[k], float)
        self.shape = self.x.shape
        self.shaped = self.yours.shape == self.shape

    @property
    def points(self) -> "tuple[View, ...]":
        """The views of all points, the first one included."""
        return (self, *self.others)

    def everywhere(self, holds: "Callable[[View], bool]") -> bool:
        """Does it hold at this point and at each other one?"""
        return all(holds(view) for view in self.points)

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """The output's shape if there is one output, else (m,): all of them concatenated."""
        return np.shape(self.case.outs[0]) if len(self.case.outs) == 1 else (self.point.dout.size,)

    @cached_property
    def out(self) -> np.ndarray:
        """The output, or all of them concatenated."""
        return np.asarray(self.point.out, float).reshape(self.out_shape)

    @cached_property
    def dout(self) -> np.ndarray:
        """The upstream gradient, of the shape of `out`."""
        return self.point.dout.reshape(self.out_shape)

    @cached_property
    def linear(self) -> bool:
        """Is the claim linear in dout?"""
        return self.point.linear[self.k]

    @cached_property
    def J(self) -> Any:
        """The right Jacobian, input shape + (m,), or None."""
        jacobian = self.case.jacobian[self.k]
        if jacobian is None or not np.all(np.isfinite(jacobian)):
            return None
        return np.asarray(jacobian, float).reshape(*self.shape, -1)

    @cached_property
    def C(self) -> Any:
        """The claimed Jacobian, claimed shape + (m,), or None."""
        if self.J is None or not self.linear or self.point.jacobians is None:
            return None
        claimed = self.point.jacobians[self.k]
        return claimed if np.all(np.isfinite(claimed)) else None

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        """(right, yours, output axes): both of shape input axes + output axes.

        The Jacobians where they are known, else the gradients, with no output axis.
        """
        if self.C is None or not self.shaped:
            return self.truth, self.yours, ()
        shape = self.shape + self.out_shape
        return self.J.reshape(shape), self.C.reshape(shape), self.out_shape

    @cached_property
    def scale(self) -> float:
        """The size of the right gradient."""
        return size_of(self.truth)

    @cached_property
    def slack(self) -> np.ndarray:
        """How far each entry of a gradient may be from a predicted one."""
        return SAME * self.scale + 4 * self.error

    @cached_property
    def pair_slack(self) -> Any:
        """How far each entry of `pair` may be from a predicted one."""
        return self.slack if self.C is None or not self.shaped else SAME * size_of(self.J) + self.noise

    @cached_property
    def noise(self) -> float:
        """What rounding alone may make of an entry of the Jacobian (or of the gradient)."""
        if self.C is None:
            return 4 * self.usual_error + 1e-8 * self.scale
        typical = float(np.sqrt(np.mean(self.point.dout**2))) if self.point.dout.size else 1.0
        return 4 * self.usual_error / max(typical, 1e-300) + 1e-8 * size_of(self.J)

    @cached_property
    def usual_error(self) -> float:
        """The error bar of most entries: at a corner of the function a single entry's may be as large as the entry."""
        return float(np.quantile(self.error, 0.75)) if self.error.size else 0.0

    @cached_property
    def extent(self) -> float:
        """The size of the right Jacobian (or gradient)."""
        return size_of(self.pair[0])

    @cached_property
    def gap(self) -> float:
        """How far yours is from the right one, as a part of its size."""
        right, yours, _ = self.pair
        return size_of(yours - right) / max(self.extent, 1e-300) if self.shaped else np.inf

    @cached_property
    def settled(self) -> bool:
        """Is some entry wrong by much more than its error bar? Else the point is a corner, and relations prove "
        "nothing.
        """
        if not self.shaped:
            return True
        off = np.abs(self.yours - self.truth)
        return bool(np.any((off > 100 * self.error) & np.asarray(self.case.wrong[self.k], bool).reshape(self.shape)))

    def is_yours(self, predicted: np.ndarray) -> bool:
        """Is `predicted` your gradient, within the error?"""
        if np.shape(predicted) != self.yours.shape:
            return False
        error = self.error if self.shaped else self.usual_error
        return bool(np.all(np.abs(predicted - self.yours) <= SAME * max(self.scale, 1e-300) + 4 * error))

    def is_mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Is your gradient `change` of the right one, for every upstream gradient?

        `change` is linear and takes an array of the input's shape with one more axis at its end.
        """
        try:
            predicted = change(self.truth[..., None])
            if predicted.shape[:-1] != self.yours.shape or not self.is_yours(predicted[..., 0]):
                return False
            if self.C is None or self.noise > ROUGH * size_of(self.J):
                return True
            return bool(size_of(change(self.J) - self.C) <= SAME * size_of(self.J) + self.noise)
        except (ValueError, IndexError):  # an axis that this point does not have
            return False

    def is_fed(self, change: Callable[[np.ndarray], np.ndarray]) -> bool:
        """Is your gradient the right one of a changed dout? `change` acts on the output axes, which come last."""
        if self.J is None:
            return False
        try:
            changed = change(self.J.reshape(self.shape + self.out_shape)).reshape(self.J.shape)
        except (ValueError, IndexError):
            return False
        if not self.is_yours(changed @ self.point.dout):
            return False
        return self.C is None or bool(size_of(changed - self.C) <= SAME * size_of(self.J) + self.noise)

    def is_right(self, j: int) -> bool:
        """Is the gradient of input `j` right at this point?"""
        return self.case.claimed[j].shape == self.case.numeric[j].shape and not np.any(self.case.wrong[j])

    def numbers(self) -> int:
        """How many non-zero numbers speak, at all points."""
        return sum(int(np.sum(np.abs(view.pair[0]) > FORM * size_of(view.pair[0]))) for view in self.points)

    def cause(self, name: str, message: str, advice: str) -> Cause:
        """A cause with this input as its subject."""
        return Cause(name, self.name, message, advice)

    # Names of things, as a reader meets them.

    def axis(self, axis: int) -> str:
        """An axis of the input, as a reader meets it."""
        return axis_name(self.name, axis, self.shape, self.case)

    def out_axis(self, axis: int) -> str:
        """An axis of the output, as a reader meets it."""
        name = self.case.out_names[0] if len(self.case.outs) == 1 and self.case.out_names else "out"
        return axis_name(name, axis, self.out_shape, self.case)

    def axes(self, axes: Iterable[int]) -> str:
        """Several axes of the input."""
        return join([self.axis(axis) for axis in axes])


def axis_name(array: str, axis: int, shape: tuple[int, ...], case: Case) -> str:
    """`axis 0 of x (N = 8)` where the length has one declared name, else `axis 0 of x (length 8)`."""
    named = [name for name, length in case.axes.items() if length == shape[axis] and not name.startswith("axis ")]
    length = f"{named[0]} = {shape[axis]}" if len(named) == 1 else f"length {shape[axis]}"
    return f"axis {axis} of {array} ({length})"


def known(values: "Iterable[T | None]") -> "list[T] | None":
    """The values as a list, or None if one of them is not known."""
    found = list(values)
    return None if any(value is None for value in found) else [value for value in found if value is not None]


def join(words: list[str], last: str = "and") -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
