"""Relations that show in how a claim changes with dout: ignored, squared, something added, a wrong part of it used."""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from itertools import combinations, permutations
from typing import Any

import numpy as np

from .case import Cause
from .view import View, join, size_of


def spread(values: np.ndarray) -> float:
    """The largest less the smallest."""
    return float(np.ptp(values)) if values.size else 0.0


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to rounding."""
    return bool(size_of(a - b) <= 1e-9 * (size_of(a) + size_of(b)))


def ignored(view: View) -> Cause | None:
    """The claim is the same for any dout."""

    def deaf(v: View) -> bool:
        twice, minus = v.point.doubled, v.point.negated
        return (
            twice is not None
            and minus is not None
            and size_of(v.yours) > 0
            and same(twice[v.k], v.yours)
            and same(minus[v.k], v.yours)
        )

    if not view.everywhere(deaf):
        return None

    def local(v: View) -> bool:
        return (
            v.J is not None
            and v.shaped
            and bool(size_of(v.J.sum(-1) - v.yours) <= 1e-6 * size_of(v.J.sum(-1)) + v.noise)
        )

    what = "Yours does not change with dout"
    if view.everywhere(local):
        what += ": it is the local derivative alone, as if every upstream gradient were 1"
    return view.cause("upstream-ignored", what + ".", "Chain rule: multiply the local derivative by dout, always.")


def squared(view: View) -> Cause | None:
    """Dout is in it twice."""

    def fourfold(v: View) -> bool:
        twice, minus = v.point.doubled, v.point.negated
        return twice is not None and minus is not None and same(twice[v.k], 4 * v.yours) and same(minus[v.k], v.yours)

    if not view.everywhere(lambda v: size_of(v.yours) > 0 and fourfold(v)):
        return None
    return view.cause(
        "upstream-squared",
        "Doubling dout makes yours four times as large: dout is in it twice.",
        "Multiply by dout once: something that already holds dout is multiplied by it again.",
    )


def clipped(view: View) -> Cause | None:
    """Large entries are cut."""

    def cut(v: View) -> bool:
        if not v.shaped or v.truth.size < 4:
            return False
        top = size_of(v.yours)
        wrong = np.abs(v.yours - v.truth) > v.slack
        if not np.any(np.abs(v.yours[~wrong]) > 1e-3 * top) or spread(np.abs(v.truth[wrong])) < 1e-3 * top:
            return False
        at_top = np.abs(np.abs(v.yours) - top) <= 1e-9 * top
        beyond = np.all((np.abs(v.truth) > top)[wrong] & (v.truth * v.yours > 0)[wrong])
        return bool(np.all(at_top[wrong]) and beyond and 2 <= wrong.sum() < wrong.size)

    if not view.everywhere(cut):
        return None
    return view.cause(
        "clipped",
        f"Every entry of size below {size_of(view.yours):.6g} is right, and all larger ones are cut to that size.",
        "Clipping belongs to the training loop: the gradient itself is not clipped.",
    )


def normalised(view: View) -> Cause | None:
    """The right direction at a fixed length."""

    def unit(v: View) -> bool:
        twice = v.point.doubled
        size = float(np.linalg.norm(v.truth)) if v.shaped and v.truth.size > 1 else 0.0
        return (
            twice is not None
            and size > 0
            and same(twice[v.k], v.yours)
            and v.is_yours(v.truth * float(np.linalg.norm(v.yours)) / size)
        )

    if not view.everywhere(unit):
        return None
    return view.cause(
        "normalised",
        "Yours has the right direction but always the same length: it does not grow with dout.",
        "Do not divide the gradient by its own norm (or by dout's): it must double when dout doubles.",
    )


def constant_term(view: View) -> Cause | None:
    """A part that does not depend on dout, beside one that does."""

    def affine(v: View) -> bool:
        rest, twice, minus = v.point.zero, v.point.doubled, v.point.negated
        if rest is None or twice is None or minus is None or size_of(rest[v.k]) == 0 or size_of(v.yours) == 0:
            return False
        r = rest[v.k]
        return same(twice[v.k] - r, 2 * (v.yours - r)) and same(minus[v.k] - r, -(v.yours - r)) and not same(r, v.yours)

    if not view.everywhere(affine):
        return None

    def only_that(v: View) -> bool:
        return v.point.zero is not None and v.shaped and v.is_yours(v.truth + v.point.zero[v.k])

    def penalty(v: View) -> bool:
        if v.point.zero is None:
            return False
        rest = v.point.zero[v.k]
        c = float(np.sum(rest * v.x) / np.sum(v.x * v.x)) if v.shaped and v.x.size > 1 and size_of(v.x) else 0.0
        return c != 0 and same(rest, c * v.x)

    text = "Yours has a part that does not change with dout (it is there even for dout = 0)"
    if view.everywhere(penalty):
        text += ", proportional to the input itself, like a regularisation term"
    if view.everywhere(only_that):
        text += "; the rest is right"
    return view.cause(
        "constant-term",
        text + ".",
        "Every term of a gradient is multiplied by dout: find the term that is added without it.",
    )


def nonlinear(view: View) -> Cause | None:
    """Last word on a claim that is not linear in dout."""

    def bent(v: View) -> bool:
        twice, minus = v.point.doubled, v.point.negated
        if twice is None or minus is None:
            return False
        return not v.linear and not (same(twice[v.k], 2 * v.yours) and same(minus[v.k], -v.yours))

    if not view.everywhere(bent):
        return None
    even = view.everywhere(lambda v: v.point.negated is not None and same(v.point.negated[v.k], v.yours))
    if even:
        text = "Yours is the same for dout and for -dout."
    else:
        text = "Yours does not double when dout doubles: a backward is linear in dout, whatever the forward is."
    return view.cause(
        "nonlinear",
        text,
        "dout may only be multiplied by things that do not depend on it, and added up: look for a function applied "
        "to dout.",
    )


def part_of_dout(view: View) -> Cause | None:
    """The right backward, fed a wrong dout: summed, averaged, transposed, reversed, shifted, ignored for some "
    "outputs.
    """
    if view.J is None or not view.shaped or not any(n > 1 for n in view.out_shape):
        return None
    k = len(view.shape)
    advice = "Use dout at each output's own place: look at the indices, sums and reshapes of dout."
    for n in range(1, len(view.out_shape) + 1):
        for axes in combinations(range(len(view.out_shape)), n):
            if any(view.out_shape[a] < 2 for a in axes):
                continue
            shifted = tuple(k + a for a in axes)
            where = "all its axes" if n == len(view.out_shape) > 1 else join([view.out_axis(a) for a in axes])
            for what, make in (("sum", np.sum), ("mean", np.mean)):

                def spread(g: np.ndarray, make: Any = make, axes: tuple[int, ...] = shifted) -> np.ndarray:
                    return np.broadcast_to(make(g, axis=axes, keepdims=True), g.shape)

                if view.everywhere(lambda v, f=spread: v.is_fed(f)):
                    return view.cause(
                        "upstream-summed",
                        f"Yours uses only the {what} of dout over {where}, not dout itself.",
                        advice,
                    )
    return turned_dout(view, k, advice)


def turned_dout(view: View, k: int, advice: str) -> Cause | None:
    """Dout reversed, shifted, transposed or reshaped."""
    axes_of = range(len(view.out_shape))
    for axis in axes_of:
        if view.out_shape[axis] < 2:
            continue
        if view.everywhere(lambda v, a=axis: v.is_fed(lambda g: np.flip(g, k + a))):
            return view.cause(
                "upstream-reversed",
                f"Yours uses dout in reverse along {view.out_axis(axis)}; all else is right.",
                advice,
            )
        for step in (1, -1):
            if view.out_shape[axis] > 2 and view.everywhere(lambda v, a=axis, s=step: dout_shifted(v, k + a, s)):
                way = "late" if step < 0 else "early"
                text = f"Yours uses dout one place too {way} along {view.out_axis(axis)}; all else is right."
                return view.cause("upstream-shifted", text, advice)
    for axes in permutations(axes_of):
        if axes == tuple(axes_of):
            continue
        order = tuple(range(k)) + tuple(k + a for a in axes)
        if view.everywhere(lambda v, o=order: v.is_fed(lambda g: g.transpose(o))):
            if tuple(view.out_shape[a] for a in axes) == view.out_shape:
                return view.cause("upstream-transposed", "Yours is right for dout transposed.", advice)
            return view.cause(
                "upstream-reshaped",
                "Yours is right for dout reshaped where it had to be transposed.",
                "reshape keeps the order of the numbers: move dout's axes with transpose first, then reshape.",
            )
    return None


def dout_shifted(view: View, axis: int, step: int) -> bool:
    """Is your use of dout at t the right use at t - step, wherever both exist (whatever happens at the end)?"""
    right, yours, outs = view.pair
    if not outs or right.shape[axis] < 3:
        return False
    length = right.shape[axis] - (2 if right.shape[axis] > 3 else 1)
    source, target = np.arange(length), np.arange(length) + 1
    if step < 0:
        source, target = right.shape[axis] - 1 - source, right.shape[axis] - 1 - target
    there, here = right.take(source, axis), yours.take(target, axis)
    varies = size_of(right.take(target, axis) - there) > 1e-3 * size_of(right)
    speaks = int(np.sum(np.abs(there) > 1e-3 * size_of(right)))
    return bool(varies and speaks > 3 and size_of(here - there) <= view.pair_slack)


TURN = (
    "The backward applies the forward's steps in reverse order, each transposed: y = W x gives W.T dout, "
    "and a factor applied last comes first."
)


def half_of_two(view: View) -> Cause | None:
    """Right with two equally long axes of dout (or of the gradient) exchanged and averaged, or added."""
    right, _, outs = view.pair
    k = len(view.shape)
    n = right.ndim if outs else k
    pairs = [(a, b) for a, b in combinations(range(k), 2)] + [(a, b) for a, b in combinations(range(k, n), 2)]
    for a, b in pairs:
        for share in (0.5, 1.0):
            if right.shape[a] == right.shape[b] > 1 and view.everywhere(
                lambda v, s=share, a=a, b=b: halves(v, a, b, s)
            ):
                of_dout = a >= k
                what = "dout" if of_dout else "your gradient"
                if share == 0.5:
                    return view.cause(
                        "symmetric-only",
                        f"Yours is right only where {what} is symmetric: averaged with itself transposed, it is right "
                        "for every dout.",
                        "Two terms that are each other's transpose are taken for equal: keep both, as in (A + A.T) x "
                        "or X (dout + dout.T).",
                    )
                return view.cause(
                    "half-of-two",
                    f"Yours is one of two terms: the other is the same with {what} transposed.",
                    "The forward uses this input twice, the second time transposed: add the gradients of both uses.",
                )
    return None


def halves(view: View, a: int, b: int, share: float) -> bool:
    """Is the right one yours plus (or averaged with) yours with two axes exchanged?"""
    right, yours, _ = view.pair
    if not view.shaped or right.ndim <= max(a, b) or right.shape[a] != right.shape[b]:
        return False
    turned = yours.swapaxes(a, b)
    return bool(np.all(np.abs(share * (yours + turned) - right) <= view.pair_slack)) and size_of(
        turned - yours
    ) > 1e-3 * size_of(yours)


def turned_jacobian(view: View) -> Cause | None:
    """The Jacobian transposed, whole or between one axis of the input and one of the output."""
    right, yours, outs = view.pair
    if not outs:
        return None
    k = len(view.shape)

    def whole(v: View) -> bool:
        if v.shape != v.out_shape or not v.pair[2]:
            return False
        T, Y, _ = v.pair
        n = T.size and v.x.size
        return size_of(Y.reshape(n, n) - T.reshape(n, n).T) <= v.pair_slack

    if view.everywhere(whole):
        return view.cause(
            "jacobian-transposed",
            "Yours multiplies dout by the Jacobian where its transpose is needed (backwards, W becomes W.T).",
            TURN,
        )
    for a in range(k):
        for b in range(len(outs)):
            if view.shape[a] != outs[b] or outs[b] < 2:
                continue

            def turned(v: View, a: int = a, b: int = b) -> bool:
                T, Y, there = v.pair
                if len(there) <= b or len(v.shape) != k or v.shape[a] != there[b]:
                    return False
                return size_of(Y - T.swapaxes(a, k + b)) <= v.pair_slack

            if view.everywhere(turned):
                return view.cause(
                    "jacobian-transposed",
                    f"Yours is right with {view.axis(a)} and {view.out_axis(b)} exchanged: a matrix is used where its "
                    "transpose is needed.",
                    TURN,
                )
    return None
