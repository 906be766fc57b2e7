"""Relations of a whole wrong gradient with the right one: zero, sign, a factor, the order of axes, another input's."""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from collections.abc import Callable
from itertools import combinations, permutations

import numpy as np

from .case import Cause
from .constants import recognise
from .view import FORM, ROUGH, View, join, known, size_of

#: What adding and taking away may leave of numbers of size 1.
ROUNDING = 1e-13


def zero(view: View) -> Cause | None:
    """Nothing but zeros."""

    def nothing(v: View, rounding: float) -> bool:
        return size_of(v.yours) <= rounding * v.scale and (v.C is None or size_of(v.C) <= rounding * size_of(v.J))

    if not view.everywhere(lambda v: nothing(v, ROUNDING)):
        return None
    exactly = view.everywhere(lambda v: nothing(v, 0.0))
    return view.cause(
        "zero",
        f"Yours is all zeros{'' if exactly else ' but for rounding'}, and the output does depend on this input.",
        "Look for zeros that are never filled, a gradient computed and not returned, or a factor that is 0 here.",
    )


def float32(view: View) -> Cause | None:
    """Computed in low precision."""

    def rounded(v: View) -> bool:
        off = size_of(v.yours - v.truth) if v.shaped else np.inf
        return bool(off <= 1e-5 * v.scale and np.all(v.yours == v.yours.astype(np.float32)) and v.yours.size > 1)

    if not view.everywhere(rounded):
        return None
    return view.cause(
        "float32",
        "Yours is right to about 7 digits, and every number in it is a float32: the formula is right, the precision "
        "is lost.",
        "Keep float64 throughout: look for astype(np.float32) or an array created with dtype=np.float32.",
    )


def small(view: View) -> Cause | None:
    """A tiny relative difference nearly everywhere: no path is missing."""

    def compared(v: View) -> tuple[np.ndarray, np.ndarray] | None:
        if not v.shaped or size_of(v.yours - v.truth) > SMALL * v.scale:
            return None
        right, yours, _ = v.pair
        speaks = np.abs(right) > 1e-3 * size_of(right)
        off = (yours[speaks] - right[speaks]) / size_of(right)
        if size_of(yours - right) > SMALL * size_of(right) or np.mean(np.abs(off) > 1e-10) < 0.5:
            return None
        return off, yours[speaks] / right[speaks] - 1

    if (found := known(compared(v) for v in view.points)) is None:
        return None
    worst = max(size_of(off) for off, _ in found)
    ratios = np.concatenate([ratio for _, ratio in found])
    if np.ptp(ratios) <= 1e-2 * size_of(ratios) + 1e-8 and ratios.size > 1:
        return view.cause(
            "rounded-constant",
            f"Yours is {1 + float(np.median(ratios)):.8g} times the right gradient everywhere.",
            "A constant is probably rounded or slightly off: write it in full, or compute it.",
        )
    eps = [f"{name} = {value:g}" for name, value in view.case.constants.items() if "eps" in name.lower()]
    if not eps and worst > 1e-4:
        return None
    hint = f" ({join(eps)})" if eps else ""
    return view.cause(
        "epsilon",
        f"Yours agrees with the right gradient to within {worst:.1e} of its size, nearly everywhere, but not exactly.",
        f"Something small is left out, added twice or in another place than in the forward: usually eps{hint}.",
    )


#: A difference below this part of the gradient's size is a small one.
SMALL = 2e-3


def absolute(view: View) -> Cause | None:
    """The absolute value."""
    if not view.shaped:
        return None
    negative = sum(int(np.sum(v.truth < -FORM * v.scale)) for v in view.points)
    positive = sum(int(np.sum(v.truth > FORM * v.scale)) for v in view.points)
    if min(negative, positive) < 3 or not view.everywhere(lambda v: v.is_yours(np.abs(v.truth))):
        return None
    return view.cause(
        "lost-sign",
        "Yours is the absolute value of the right gradient: every size is right, and every negative entry lost its "
        "sign.",
        "Look for abs() or a square root of a square on the way.",
    )


def sign(view: View) -> Cause | None:
    """Times -1."""
    if (view.numbers() < 3 and view.x.size > 1) or not view.everywhere(lambda v: v.is_mapped(lambda g: -g)):
        return None
    return view.cause(
        "sign",
        "Yours is exactly -1 times the right gradient, in every entry.",
        "One minus sign is missing or too many: follow the signs backwards from dout, and look at each subtraction "
        "in the forward.",
    )


def ratio(view: View) -> float | None:
    """The one number c with yours = c * right at this point, or None."""
    if view.scale == 0 or not view.shaped or size_of(view.yours) == 0:
        return None
    c = float(np.sum(view.yours * view.truth) / np.sum(view.truth * view.truth))
    if c == 0 or not np.all(np.abs(view.yours - c * view.truth) <= max(abs(c), 1) * view.slack):
        return None
    if view.C is None or view.noise > ROUGH * size_of(view.J):
        return c
    if size_of(view.C - c * view.J) > max(abs(c), 1) * (2e-6 * size_of(view.J) + view.noise):
        return None
    return c


def factor(view: View) -> Cause | None:
    """Times one constant, named if it is a known one."""
    if (values := known(ratio(v) for v in view.points)) is None:
        return None
    if (name := recognise(view, values)) is not None and (view.numbers() > 1 or name in ("2", "1/2")):
        return view.cause(
            "factor",
            f"Yours is the right gradient times {name}, in every entry.",
            "One constant factor is missing, extra or inverted: compare the constants of the forward with yours, one "
            "by one.",
        )
    constant = np.ptp(values) <= 3e-6 * abs(values[0])
    if not constant or view.numbers() < 3 or len(values) < 2:  # at one point alone, any scalar of it may be the factor
        return None
    if (named := value_of_an_input(view)) is not None:
        return view.cause(
            "factor",
            f"Yours is the right gradient times {named} ({shown(values[0])} here), in every entry.",
            "That input is a factor too many, or was left out: derive the step that multiplies or divides by it again.",
        )
    return view.cause(
        "factor",
        f"Yours is the right gradient times {shown(values[0])}, in every entry"
        + (f" and at every one of {len(values)} points tried." if len(values) > 1 else "."),
        "Everything but one constant is right: look for a number, a length or a hyperparameter that forward and "
        "backward do not share.",
    )


def varying_factor(view: View) -> Cause | None:
    """One factor for all entries, which changes from point to point."""
    values = known(ratio(v) for v in view.points)
    if values is None or len(values) < 2:
        return None
    if any(np.sum(np.abs(v.truth) > FORM * v.scale) < 3 for v in view.points):
        return None
    if np.ptp(values) <= 1e-5 * size_of(np.array(values)):
        return None
    if (text := by_lengths(view, values)) is not None:
        return view.cause(
            "factor",
            f"Yours is the right gradient times {text}{'; the sign is wrong too' if values[0] < 0 else ''}.",
            "Everything but one factor is right, and it depends on the lengths of axes alone: an n, a mean, a sum.",
        )
    named = as_scalar([*SCALARS.items(), *numbers_among(view)], view.points, values)
    other = max(values, key=lambda value: abs(value - values[0]))
    what = (
        f"{named} ({shown(values[0])} here)"
        if named
        else f"one number ({shown(values[0])} here, {shown(other)} at another point)"
    )
    return view.cause(
        "varying-factor",
        f"Yours is the right gradient times {what}, the same in every entry.",
        "The direction is right; a scalar that depends on the inputs is missing or extra: a norm, a sum, the loss "
        "itself.",
    )


def by_lengths(view: View, values: list[float]) -> str | None:
    """Words for a factor that is the same wherever the shapes are, and differs where they do."""
    groups: dict[tuple[object, ...], list[float]] = {}
    for v, value in zip(view.points, values, strict=True):
        groups.setdefault((v.shape, v.out_shape), []).append(value)
    first, *rest = groups.values()
    if len(first) < 2 or not rest or any(np.ptp(group) > 1e-5 * size_of(np.array(group)) for group in groups.values()):
        return None
    return f"{shown(first[0])} here and {shown(rest[-1][0])} where the shapes are longer"


def shown(value: float) -> str:
    """A number as it is read: 1/64 rather than 0.015625."""
    whole = round(1 / abs(value)) if 1e-4 <= abs(value) < 0.75 else 0
    if whole and abs(abs(value) * whole - 1) < 1e-5:
        return f"{'-' if value < 0 else ''}1/{whole}"
    return f"{value:.6g}"


def value_of_an_input(view: View) -> str | None:
    """A factor that was the same wherever that input was: is it that input's value where it moves?"""
    if not (numbers := numbers_among(view)):
        return None
    near = [v for point in view.point.near if (v := View(point, view.k)).shaped and ratio(v) is not None]
    values = known(ratio(v) for v in (view, *near))
    if values is None or len(near) < 3 or np.ptp(values) <= 1e-3 * size_of(np.array(values)):
        return None
    return as_scalar(numbers, (view, *near), values)


def as_scalar(
    scalars: list[tuple[str, Callable[[View], float]]], points: tuple[View, ...], values: list[float]
) -> str | None:
    """The first of the scalars that `values` are, or their reciprocals or squares, at every point."""
    for text, value in scalars:
        for form, power in (("{}", 1), ("1/{}", -1), ("({})^2", 2), ("1/({})^2", -2)):
            try:
                made = [value(v) ** power for v in points]
            except (ValueError, ZeroDivisionError, FloatingPointError):  # of another shape, or 0
                continue
            if all(abs(m - c) <= 3e-6 * abs(c) for m, c in zip(made, values, strict=True)):
                return form.format(text)
    return None


def numbers_among(view: View) -> list[tuple[str, Callable[[View], float]]]:
    """The inputs that are one number, by name."""
    return [
        (name, lambda v, j=j: one_value(v.case.inputs[j]))
        for j, name in enumerate(view.case.names)
        if view.case.inputs[j].size == 1
    ]


def one_value(array: np.ndarray) -> float:
    """The number in an array of one."""
    if array.size != 1:
        raise ValueError
    return float(array.reshape(-1)[0])


SCALARS: dict[str, Callable[[View], float]] = {
    "the output": lambda v: one_value(v.out),
    "dout": lambda v: one_value(v.dout),
    "the norm of this input": lambda v: float(np.linalg.norm(v.x)),
    "the sum of this input": lambda v: float(np.sum(v.x)),
    "the mean of this input": lambda v: float(np.mean(v.x)),
    "the standard deviation of this input": lambda v: float(np.std(v.x)),
    "the determinant of this input": lambda v: float(np.linalg.det(v.x)),
    "the sum of exp of this input": lambda v: float(np.sum(np.exp(np.minimum(v.x, 700)))),
    "exp(output)": lambda v: float(np.exp(one_value(v.out))),
    "(1 - output)": lambda v: 1 - one_value(v.out),
}


def order(view: View) -> Cause | None:
    """Your gradient of this input is the right one of another input; whose own may be right, or wrong too."""
    for j, other in enumerate(view.case.names):
        if j == view.k:
            continue

        def taken(v: View, j: int = j) -> bool:
            right = v.case.numeric[j]
            if right.shape != v.yours.shape or size_of(right) == 0 or not same_as(v, right):
                return False
            J = v.case.jacobian[j]
            return v.C is None or J is None or size_of(J.reshape(v.C.shape) - v.C) <= 2e-6 * size_of(J)

        both = bool(np.any(view.case.wrong[j])) or view.case.claimed[j].shape != view.case.numeric[j].shape
        if not both and view.truth.size < 2:
            continue
        if (view.truth.size > 1 or view.others) and view.everywhere(taken):
            what = f"What you return for {view.name} is, number for number, the gradient of {other}"
            if not both:
                return view.cause(
                    "another-gradient",
                    f"{what}, which is right.",
                    f"{view.name} does not enter the forward as {other} does: the factor or the step that makes the "
                    "difference is left out, or a line was copied.",
                )
            return view.cause(
                "order",
                f"{what}.",
                "Return the gradients in the inputs' order; if the order is right, the two inputs are mixed up in "
                "the formulas.",
            )
    return None


def same_as(view: View, right: np.ndarray) -> bool:
    """Is yours the gradient `right`, to within the error?"""
    slack = 1e-6 * size_of(right) + 4 * size_of(view.error)
    return bool(size_of(right - view.yours) <= slack)


def transpose(view: View) -> Cause | None:
    """The right numbers with the axes in another order."""
    n = len(view.shape)
    if not 2 <= n <= 5:
        return None
    for axes in permutations(range(n)):
        if axes == tuple(range(n)):
            continue
        for c in (1, -1):
            if view.everywhere(lambda v, a=axes, c=c: v.x.ndim == n and v.is_mapped(lambda g: c * g.transpose(*a, n))):
                how = (
                    "the right gradient transposed"
                    if n == 2
                    else f"the right gradient with its axes in the order {axes}"
                )
                return view.cause(
                    "transpose",
                    f"Yours is {how}{' and times -1' if c < 0 else ''}: shape {view.yours.shape} for {view.shape}."
                    if view.yours.shape != view.shape
                    else f"Yours is {how}{' and times -1' if c < 0 else ''}.",
                    "Look for a missing or extra .T (or transpose): an outer product or a matrix product taken the "
                    "other way round.",
                )
    return None


def reshaped(view: View) -> Cause | None:
    """The right numbers, flattened in another order of the axes."""
    n = len(view.shape)
    if not 2 <= n <= 5 or not view.shaped:
        return None
    for axes in permutations(range(n)):
        if axes == tuple(range(n)):
            continue
        forms = (
            lambda g, a=axes: g.transpose(*a, n).reshape(g.shape),
            lambda g, a=axes: g.reshape(*[g.shape[i] for i in a], g.shape[n]).transpose(*np.argsort(a), n),
        )
        for form in forms:
            if view.everywhere(lambda v, f=form: v.is_mapped(f)):
                return view.cause(
                    "reshape",
                    "Yours holds the right numbers in the wrong places: it was reshaped where its axes had to be "
                    "transposed.",
                    "reshape keeps the order of the numbers and never undoes a transpose: transpose back, then "
                    "reshape.",
                )
    return None


def moved(view: View) -> Cause | None:
    """Shifted or reversed along an axis."""
    if not view.shaped:
        return None
    n = len(view.shape)
    for axes in (a for size in (1, 2) for a in combinations(range(n), size)):
        if any(view.shape[a] < 2 for a in axes) or view.numbers() < 3:
            continue
        if view.everywhere(lambda v, a=axes: v.is_mapped(lambda g: np.flip(g, a))):
            two = len(axes) == 1 and max(v.shape[axes[0]] for v in view.points) == 2
            how = "with its two indices exchanged" if two else "in reverse"
            return view.cause(
                "reversed",
                f"Yours is the right gradient {how} along {view.axes(axes)}.",
                "A loop runs from the wrong end, or a flip in the forward was not undone (or undone twice).",
            )
    for axes in (a for size in (1, 2) for a in combinations(range(n), size)):
        for step in (1, -1, 2, -2):
            if view.numbers() > 5 and view.everywhere(lambda v, a=axes, s=step: shifted(v, a, s)):
                places = "one place" if abs(step) == 1 else "two places"
                start = ", ".join(["0"] * len(axes))
                there = start.replace("0", str(abs(step)))
                yours, right = (there, start) if step > 0 else (start, there)
                return view.cause(
                    "shift",
                    f"Yours is the right gradient {places} too {'far' if step > 0 else 'early'} along "
                    f"{view.axes(axes)}: "
                    f"at index {yours} it has what belongs at index {right}, and so on.",
                    "An index is off: check which entry of the forward each step of the backward belongs to, and how "
                    "padding is cropped.",
                )
    return None


def shifted(view: View, axes: tuple[int, ...], step: int) -> bool:
    """Is your entry t + step (along each of the axes) the right entry t, wherever both exist (whatever fills the "
    "end)?
    """
    if not view.shaped or len(view.shape) <= max(axes) or any(view.shape[a] < abs(step) + 2 for a in axes):
        return False
    right, yours, _ = view.pair
    earlier: list[slice] = [slice(None)] * right.ndim
    later = list(earlier)
    for axis in axes:
        earlier[axis], later[axis] = slice(None, -abs(step)), slice(abs(step), None)
    source, target = (tuple(earlier), tuple(later)) if step > 0 else (tuple(later), tuple(earlier))
    varies = size_of(right[tuple(later)] - right[tuple(earlier)]) > 1e-3 * size_of(right)
    speaks = int(np.sum(np.abs(right[source]) > 1e-3 * size_of(right)))
    return bool(varies and speaks > 1 and size_of(yours[target] - right[source]) <= np.max(view.pair_slack))


def repeated(view: View) -> Cause | None:
    """Summed or averaged over one of the input's own axes, and spread back."""
    if not view.shaped:
        return None
    n = len(view.shape)
    for axes in (a for size in range(1, n + 1) for a in combinations(range(n), size)):
        if any(view.shape[a] < 2 for a in axes):
            continue
        for what, make in (("sum", np.sum), ("mean", np.mean)):
            if view.everywhere(
                lambda v, a=axes, f=make: v.is_mapped(lambda g: np.broadcast_to(f(g, axis=a, keepdims=True), g.shape))
            ):
                return view.cause(
                    "extra-sum",
                    f"Yours is the {what} of the right gradient over {view.axes(axes)}, repeated: every entry there "
                    "is the same.",
                    f"The input has one number for each index there, so nothing is summed over it: drop that {what}.",
                )
    return None


def swapped(view: View) -> Cause | None:
    """Two entries changed places."""
    if not view.shaped or view.truth.size < 4:
        return None

    def two(v: View) -> bool:
        right, yours = v.truth.ravel(), v.yours.ravel()
        wrong = np.flatnonzero(np.abs(right - yours) > v.slack.ravel())
        return len(wrong) == 2 and bool(np.all(np.abs(right[wrong[::-1]] - yours[wrong]) <= v.slack.ravel()[wrong]))

    if not view.everywhere(two):
        return None
    places = [tuple(int(i) for i in place) for place in np.argwhere(np.abs(view.truth - view.yours) > view.slack)]
    return view.cause(
        "swapped",
        f"Two entries changed places, {places[0]} and {places[1]}; all the others are right.",
        "Two assignments are exchanged.",
    )
