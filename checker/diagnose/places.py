"""Where the wrong entries are: one entry, one row, a border, one side of a threshold."""

from collections.abc import Callable
from math import comb

import numpy as np

from .case import Cause
from .view import View, along, size_of


def describe(wrong: np.ndarray, axis_name: Callable[[int], str]) -> str | None:
    """Words for a set of entries, or None if it has no simple form."""
    if wrong.sum() == 1:
        return f"the one entry {tuple(int(i) for i in np.argwhere(wrong)[0])}"
    for axis in range(wrong.ndim):
        n = wrong.shape[axis]
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        some, every = wrong.any(others), wrong.all(others)
        if n < 2 or some.all() or np.any(some != every):
            if n > 1 and some.sum() == 1 and wrong.ndim > 1:
                return f"index {int(np.argmax(some))} of {axis_name(axis)}, in {int(wrong.sum())} entries"
            continue
        places = np.flatnonzero(some)
        if len(places) == 1:
            return f"index {places[0]} of {axis_name(axis)}"
        if len(places) == n - 1:
            return f"every index but {int(np.argmin(some))} of {axis_name(axis)}"
        if places[-1] - places[0] == len(places) - 1:
            return f"indices {places[0]} to {places[-1]} of {axis_name(axis)}"
        if list(places) == [0, n - 1]:
            return f"the first and last index of {axis_name(axis)}"
        return f"indices {ranges(places)} of {axis_name(axis)}"
    if wrong.ndim == 2 and wrong.shape[0] == wrong.shape[1] > 2:
        n = wrong.shape[0]
        i, j = np.indices((n, n))
        for words, mask in (
            ("the diagonal", i == j),
            ("the entries off the diagonal", i != j),
            ("the entries above the diagonal", i < j),
            ("the entries below the diagonal", i > j),
        ):
            if np.array_equal(mask, wrong):
                return words
    for axis in range(wrong.ndim):
        n = wrong.shape[axis]
        if n > 2 and wrong.ndim > 1 and wrong.size // n > 2:
            if np.all(wrong.sum(axis) == 1):
                return f"exactly one entry along {axis_name(axis)} for each index of the others"
            if np.all(wrong.sum(axis) == n - 1):
                return f"all entries but one along {axis_name(axis)} for each index of the others"
            if n > 3 and np.all(wrong.sum(axis) == 2):
                return f"exactly two entries along {axis_name(axis)} for each index of the others"
    return None


def ranges(places: np.ndarray) -> str:
    """`0 to 3, 8 to 11` for sorted indices."""
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def variables(view: View) -> dict[str, np.ndarray]:
    """What a condition on an entry could be about."""
    found = {view.name: view.x, f"|{view.name}|": np.abs(view.x)}
    if view.out_shape == view.shape:
        found["the output"] = view.out
    for j, other in enumerate(view.case.inputs):
        if j != view.k and other.shape == view.shape:
            found[f"{view.name} - {view.case.names[j]}"] = view.x - other
            found[f"|{view.name} - {view.case.names[j]}|"] = np.abs(view.x - other)
            found[view.case.names[j]] = np.asarray(other, float)
    return found


def near_threshold(view: View, found: list[tuple[View, np.ndarray, np.ndarray]]) -> str | None:
    """`x > 0.5` if that parts the wrong entries from the right ones at every point; chance must be excluded."""
    for name in variables(view):
        inside, outside = [], []
        for v, wrong, speaks in found:
            values = variables(v).get(name)
            if values is None or values.shape != wrong.shape:
                break
            inside.append(values[wrong])
            outside.append(values[speaks & ~wrong])
        else:
            a, b = np.concatenate(inside), np.concatenate(outside)
            if len(a) and len(b) and comb(len(a) + len(b), len(a)) > 5000:
                if a.min() > b.max():
                    return f"{name} > {level(b.max(), a.min())}"
                if a.max() < b.min():
                    return f"{name} < {level(a.max(), b.min())}"
    return None


def level(low: float, high: float) -> str:
    """The plainest number between two."""
    for plain in (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0):
        if low <= plain <= high:
            return f"{plain:g}"
    for digits in range(1, 6):
        middle = float(f"{(low + high) / 2:.{digits}g}")
        if low <= middle <= high:
            return f"about {middle:g}"
    return f"about {(low + high) / 2:.6g}"


def wrong_entries(view: View) -> np.ndarray:
    """The entries judged wrong."""
    return np.asarray(view.case.wrong[view.k], bool).reshape(view.shape)


def threshold(view: View) -> Cause | None:
    """Wrong only on one side of a number."""
    if not view.everywhere(lambda v: v.shaped):
        return None
    found = [(v, wrong_entries(v), np.ones(v.shape, bool)) for v in view.points]
    if wrong_entries(view).all() or not view.everywhere(abrupt) or (edge := near_threshold(view, found)) is None:
        return None
    return view.cause(
        "threshold",
        f"Yours is wrong exactly where {edge}, and right everywhere else.",
        "The forward treats that side in its own way: derive its gradient for that side separately.",
    )


def abrupt(view: View) -> bool:
    """Are the wrong entries clearly wrong and the others right? An error that fades out has no side where it ends."""
    off, wrong = np.abs(view.yours - view.truth), wrong_entries(view)
    return not wrong.any() or bool(np.min(off[wrong]) > 1e-4 * np.max(off[wrong]))


def fixed(view: View, wrong: Callable[[View], np.ndarray]) -> bool:
    """Are the same places wrong at each other point? Else the values decide, and the places are a coincidence."""
    named = known_places(wrong(view))
    return bool(view.others) and all(named & known_places(wrong(v)) for v in view.others)


def known_places(wrong: np.ndarray) -> set[tuple[object, ...]]:
    """What a set of entries may be called whatever the lengths are: counted from the start, from the end, in parts."""
    if not wrong.any() or wrong.all():
        return set()
    found: set[tuple[object, ...]] = set()
    for axis in range(wrong.ndim):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        some, n = wrong.any(others), wrong.shape[axis]
        counts = np.unique(wrong.sum(axis))
        if n > 2 and wrong.ndim > 1 and len(counts) == 1:  # labels, say: so many along the axis, wherever they are
            found.add(("count", axis, int(counts[0]) if counts[0] < n - 2 else int(counts[0]) - n))
        for kind, marked in (("at", some), ("but", ~some)):
            places = np.flatnonzero(marked)
            if 0 < len(places) < n:
                found |= {(kind, axis, "start", *places), (kind, axis, "end", *(places - n))}
                if len(places) > 1 and places[-1] - places[0] == len(places) - 1:
                    found.add((kind, axis, "part", round(places[0] / n, 6), round(len(places) / n, 6)))
    if (words := describe(wrong, str)) is not None:
        found.add((words,))
    return found


def entry(view: View) -> Cause | None:
    """One entry alone."""
    if not view.shaped or view.truth.size < 3:
        return None

    def one(v: View) -> bool:
        return v.shaped and int(wrong_entries(v).sum()) <= 1

    wrong = wrong_entries(view)
    if wrong.sum() != 1 or not view.everywhere(one):
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    yours, right = view.yours[place], view.truth[place]
    how = (
        "it is zero" if yours == 0 else f"it is {yours / right:.6g} times the right one" if right else "it must be zero"
    )
    where = f"{place if len(place) > 1 else place[0]} of {wrong.size}"
    if fixed(view, wrong_entries):
        return view.cause(
            "one-entry",
            f"Only the entry {where} is wrong ({how}); all others are right.",
            "Look at what is special about that place: the first or last of a loop, a border, one index left out.",
        )
    return view.cause(
        "one-entry",
        f"Only one entry is wrong, here {where} ({how}); all others are right.",
        "Look at what is special about it: its place, or its value (the largest, the smallest, a label, a tie).",
    )


def place(view: View) -> Cause | None:
    """A row, a column, a slice, a border."""
    if not view.shaped or view.truth.size < 4:
        return None
    wrong = wrong_entries(view)
    if wrong.all() or wrong.sum() < 2:
        return None
    for v in view.others:
        if not v.shaped or wrong_entries(v).all():
            return None
    if (where := describe(wrong, view.axis)) is None or not fixed(view, wrong_entries):
        return None
    return view.cause(
        "place",
        f"Yours is wrong only at {where}; everywhere else it is right.",
        "Look at what the code does differently there: slices, loop bounds, one block of a concatenation, the "
        "label's column.",
    )


def border(view: View) -> Cause | None:
    """Right inside, wrong along the border (padding)."""
    wrong = wrong_entries(view) if view.shaped else np.zeros(0, bool)
    if not 0 < wrong.sum() < wrong.size:
        return None

    def ring(v: View) -> tuple[int, ...] | None:
        """The axes on whose first and last index everything wrong lies, each of them needed to say so."""
        if not v.shaped or not wrong_entries(v).any():
            return None
        bad = wrong_entries(v)
        axes = [a for a in range(bad.ndim) if v.shape[a] > 2 and not along(bad, a, v.shape[a] // 2).all()]
        if bad[inner(v.shape, axes)].any() or not inner(v.shape, axes).any():
            return None
        return tuple(a for a in axes if bad[inner(v.shape, [b for b in axes if b != a])].any())

    rings = [ring(v) for v in view.points]
    if rings[0] is None or len(rings[0]) < 2 or any(r != rings[0] for r in rings):
        return None
    return view.cause(
        "border",
        f"Yours is right inside and wrong only along the border of {view.axes(rings[0])}.",
        "Look at the padding: how it is added in the forward and sliced off in the backward.",
    )


def inner(shape: tuple[int, ...], axes: list[int]) -> np.ndarray:
    """All but the first and last index of each of the axes."""
    inside = np.ones(shape, bool)
    for axis in axes:
        cut = np.moveaxis(inside, axis, 0)
        cut[0] = cut[-1] = False
    return inside


def wrong_outputs(view: View) -> np.ndarray:
    """Which outputs' contributions are wrong somewhere: the output's shape."""
    right, yours, outs = view.pair
    return (np.abs(yours - right) > view.pair_slack).any(tuple(range(len(view.shape)))) if outs else np.ones(1, bool)


def carried(view: View) -> Cause | None:
    """The first step along an axis of the output is right, all later ones are wrong."""
    outs = view.pair[2]
    if not outs or not view.shaped:
        return None
    k = len(view.shape)

    wrong = wrong_outputs(view)
    if len(view.case.outs) > 1 or wrong.all():
        return None
    for axis in range(wrong.ndim):
        longest = max(v.out_shape[axis] if len(v.out_shape) > axis else 0 for v in view.points)
        if longest > 2 and all(first_right(v, wrong_outputs(v), axis, k) for v in view.points):
            return view.cause(
                "carried-wrongly",
                f"Yours is right for dout at index 0 of {view.out_axis(axis)} and wrong for every later one.",
                "Look at what the later ones use that the first does not: a state that is carried along, what reaches "
                "back to earlier entries, an index that moves on, or a sum over the steps (+=, not =).",
            )
    return None


def first_right(view: View, wrong: np.ndarray, axis: int, k: int) -> bool:
    """Right at index 0 (which does depend on the input), wrong at all later indices."""
    if wrong.ndim <= axis or wrong.shape[axis] < 2 or along(wrong, axis, 0).any():
        return False
    later = [along(wrong, axis, t).any() for t in range(1, wrong.shape[axis])]
    right = view.pair[0]
    return all(later) and size_of(along(right, k + axis, 0)) > 1e-3 * size_of(right)


def some_outputs(view: View) -> Cause | None:
    """Right for some outputs, wrong for the others."""
    if not view.pair[2] or not view.shaped or len(view.case.outs) > 1:
        return None
    wrong = wrong_outputs(view)
    if wrong.all() or wrong.size < 4 or any(wrong_outputs(v).all() for v in view.others):
        return None
    if (where := describe(wrong, view.out_axis)) is None or not fixed(view, wrong_outputs):
        return None
    return view.cause(
        "some-outputs",
        f"Yours is wrong only for dout at {where}; for all other outputs it is right.",
        "Look at what the forward does differently for those outputs.",
    )
