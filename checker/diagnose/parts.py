"""Relations in which a part of the contributions is right and the rest is missing, negated, doubled or extra.

A contribution is one entry of the Jacobian: what output j adds to the gradient of input entry i. Where the Jacobian
is not known, the gradient's own entries take its place.
"""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .case import Cause
from .constants import recognise
from .places import describe, fixed, near_threshold
from .view import FORM, View, join, size_of

Key = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Pattern:
    """A set of contributions: `kind` and `axes` are its name at every point, `mask` what it is at one."""

    kind: str
    axes: tuple[int, ...]
    mask: np.ndarray

    @property
    def key(self) -> Key:
        """The name at every point."""
        return self.kind, self.axes


def grid(shape: tuple[int, ...], axis: int) -> np.ndarray:
    """The indices along one axis, ready to broadcast."""
    return np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])


def patterns(view: View) -> Iterator[Pattern]:
    """The sets of contributions that have a name: by output, by input, by where input and output index meet."""
    right, _, outs = view.pair
    ins = view.shape
    k = len(ins)
    full = right.shape
    for b in range(len(outs)):
        if outs[b] > 1:
            j = grid(full, k + b)
            yield Pattern("outputs but first", (b,), j > 0)
            yield Pattern("outputs but last", (b,), j < outs[b] - 1)
            yield Pattern("first output", (b,), j == 0)
            yield Pattern("last output", (b,), j == outs[b] - 1)
    if len(view.case.outs) > 1 and outs:
        ends = np.cumsum([out.size for out in view.case.outs])
        for number, (end, out) in enumerate(zip(ends, view.case.outs, strict=True)):
            j = np.arange(outs[0])
            yield Pattern("one output", (number,), ((j >= end - out.size) & (j < end)).reshape((1,) * k + (-1,)))
            yield Pattern(
                "all but one output", (number,), ((j < end - out.size) | (j >= end)).reshape((1,) * k + (-1,))
            )
    for a in range(k):
        for b in range(len(outs)):
            if ins[a] == outs[b] > 1:
                i, j = grid(full, a), grid(full, k + b)
                yield Pattern("different", (a, b), i != j)
                yield Pattern("same", (a, b), i == j)
                yield Pattern("later", (a, b), j > i)
                yield Pattern("earlier", (a, b), j < i)
                for reach in range(1, min(ins[a] - 1, 8)):
                    yield Pattern(f"beyond {reach}", (a, b), np.abs(j - i) > reach)
    if ins == outs and k:
        size = view.x.size
        yield Pattern("other entries", (), ~np.eye(size, dtype=bool).reshape(ins + outs))
        yield Pattern("same entry", (), np.eye(size, dtype=bool).reshape(ins + outs))
    yield Pattern("negative", (), right < 0)


@dataclass(frozen=True)
class Split:
    """Where yours is not the right contribution: there it is `c` times it."""

    c: float
    wrong: np.ndarray
    speaks: np.ndarray


def split(view: View) -> Split | None:
    """Right contributions, and others that are all one multiple of the right ones; None if it is not so."""
    if not view.shaped:
        return None
    right, yours, _ = view.pair
    slack = view.pair_slack
    speaks = np.abs(right) > np.maximum(30 * slack, FORM * size_of(right))
    off = np.abs(yours - right) > slack
    wrong = off & speaks
    if not wrong.any():
        return None
    c = float(np.median(yours[wrong] / right[wrong]))
    if np.any(np.abs(yours - c * right)[off] > max(1, abs(c)) * np.broadcast_to(slack, right.shape)[off]):
        return None
    return Split(c, wrong, speaks)


def all_right(view: View) -> bool:
    """Is there nothing wrong at this point?"""
    right, yours, _ = view.pair
    return view.shaped and bool(np.all(np.abs(yours - right) <= view.pair_slack))


def splits(view: View) -> list[Split | None] | None:
    """A split at every point (None where all is right), or None if some point has no such form."""
    found = [split(v) for v in view.points]
    fits = all(s is not None or all_right(v) for s, v in zip(found, view.points, strict=True))
    return found if fits and found[0] is not None else None


def fits(pattern: Pattern, part: Split) -> bool:
    """Are the wrong contributions those of the pattern?"""
    return bool(np.all((np.broadcast_to(pattern.mask, part.wrong.shape) & part.speaks) == part.wrong))


def part(view: View) -> Cause | None:
    """Some contributions right, the rest c times what they should be (0: missing; -1: wrong sign; 2: twice)."""
    found = splits(view)
    if found is None:
        return None
    both = [(v, s) for v, s in zip(view.points, found, strict=True) if s is not None]
    values = [s.c for _, s in both]
    if sum(int(s.wrong.sum()) for _, s in both) < 3:
        return None
    if all(abs(c) < 1e-5 for c in values):
        what, name = "missing", "missing-contributions"
    elif all(abs(c + 1) < 1e-5 for c in values):
        what, name = "there with the wrong sign", "sign-of-part"
    else:
        counts = [int(s.wrong.sum()) for s in found if s is not None]
        if sum(counts) < 3 and len(counts) < 2:
            return None
        constant = recognise(view, values) if len(values) == len(view.points) else None
        if constant is None and (np.ptp(values) > 1e-5 * abs(values[0]) or sum(counts) < 4):
            return None
        what, name = f"{constant or format(values[0], '.6g')} times what they should be", "factor-of-part"
    if view.everywhere(lambda v: bool(np.all(s.wrong[s.speaks])) if (s := split(v)) else False):
        return None  # everything is wrong alike: a plain factor
    if (cause := of_entries(view, both, what, name)) is not None:
        return cause
    keys = None
    for v, s in both:
        here = {p.key for p in patterns(v) if fits(p, s)}
        keys = here if keys is None else keys & here
    main = {p.key: p for p in patterns(view) if p.key in (keys or ())}
    if main:
        return of_pattern(view, next(iter(main.values())), main, what, name)
    if name == "missing-contributions" and (cause := overwritten(view, found)) is not None:
        return cause
    return of_places(view, both, what, name)


def of_pattern(view: View, pattern: Pattern, main: dict[Key, Pattern], what: str, name: str) -> Cause:
    """The sentence for a named set of contributions."""
    kind, axes = pattern.key
    missing = name == "missing-contributions"
    if "one output" in kind:
        return of_output(view, kind, axes[0], what, name)
    if kind.startswith(("outputs", "first", "last")):
        axis = view.out_axis(axes[0])
        index = "first" if "first" in kind else "last"
        if missing:
            used = f"only the {index} index" if "but" in kind else f"everything but the {index} index"
            return view.cause(
                "part-of-upstream",
                f"Yours uses {used} of dout along {axis}: the other contributions are missing, those there are right.",
                "Every output that the input reaches contributes: sum over all of them (+=, not the first or last of "
                "a loop).",
            )
        those = f"all but the {index} index" if "but" in kind else f"the {index} index"
        return view.cause(
            name,
            f"The contributions of dout at {those} along {axis} are {what}; all others are right.",
            "Look at how the loop's first or last step differs from the others.",
        )
    if kind == "negative":
        return view.cause(
            "lost-sign" if name == "sign-of-part" else name,
            f"Every contribution that should be negative is {what}; the positive ones are right.",
            "Look for abs(), maximum(..., 0) or a square root of a square on the way.",
        )
    return of_indices(view, pattern, what, name)


def of_output(view: View, kind: str, number: int, what: str, name: str) -> Cause:
    """The sentence for a whole output, of several."""
    output = view.case.out_names[number]
    if kind == "one output":
        return view.cause(
            "output-ignored" if name == "missing-contributions" else name,
            f"The contribution of the output {output} is {what}; the others are right.",
            f"The function has several outputs, and this input reaches {output} too: add dout of {output} through it.",
        )
    return view.cause(
        "output-ignored" if name == "missing-contributions" else name,
        f"Only the contribution of the output {output} is right; those of the other outputs are {what}.",
        "The function has several outputs, and this input reaches more than one: add what comes back from each.",
    )


def of_indices(view: View, pattern: Pattern, what: str, name: str) -> Cause:
    """The sentence for a relation between the input's and the output's index."""
    kind, axes = pattern.key
    where = "" if not axes else f" along {view.axis(axes[0])}"
    missing = name == "missing-contributions"
    if kind in ("other entries", "different") and missing:
        if (way := one_way(view, axes)) is not None:
            return not_carried(view, where, way)
        return view.cause(
            "diagonal",
            f"Yours has only the diagonal of the Jacobian{where}: each entry gets what comes from the output at its "
            "own index, and nothing from the others.",
            "Each input there moves every output (through a sum, mean or normalisation): add those terms.",
        )
    if kind in ("later", "earlier") and missing:
        return not_carried(view, where, kind)
    if kind.startswith("beyond") and missing:
        reach = kind.split()[1]
        return view.cause(
            "truncated",
            f"Contributions are right up to {reach} steps apart{where}, and missing beyond.",
            "Something is carried for a fixed number of steps only: carry it all the way back.",
        )
    which = {
        "other entries": "from other entries (off the diagonal of the Jacobian)",
        "same entry": "from the same entry (the diagonal of the Jacobian)",
        "different": f"from another index{where} (off the diagonal of the Jacobian)",
        "same": f"from the same index{where} (the diagonal of the Jacobian)",
        "later": f"from later indices{where}",
        "earlier": f"from earlier indices{where}",
    }.get(kind, f"from more than {kind.split()[-1]} steps away{where}")
    return view.cause(
        "off-diagonal" if kind in ("same", "same entry") and missing else name,
        f"The contributions {which} are {what}; all others are right.",
        "Derive the two cases apart, same index (i = j) and different index (i != j), and compare each with your code.",
    )


def one_way(view: View, axes: tuple[int, ...]) -> str | None:
    """Does the right Jacobian reach only later (or only earlier) outputs along an axis, as a recurrence does?"""
    if not axes or max(v.shape[axes[0]] for v in view.points) < 3:
        return None

    def none(v: View, later: bool) -> bool:
        right = v.pair[0]
        i, j = grid(right.shape, axes[0]), grid(right.shape, len(v.shape) + axes[1])
        return not np.any((np.abs(right) > 1e-8 * size_of(right)) & (j > i if later else j < i))

    if view.everywhere(lambda v: none(v, later=False)):
        return "later"
    return "earlier" if view.everywhere(lambda v: none(v, later=True)) else None


def not_carried(view: View, where: str, kind: str) -> Cause:
    """The sentence for a recurrence that is cut."""
    return view.cause(
        "not-carried-back",
        f"Nothing is carried back{where}: each index gets what comes from its own step, and what comes from {kind} "
        "ones is missing.",
        "In the backward loop, add the gradient that comes from the step after to the one that comes from this "
        "step's output.",
    )


def overwritten(view: View, found: list[Split | None]) -> Cause | None:
    """Each input entry keeps one contribution of those that a loop over some output axes adds up."""
    outs = view.pair[2]
    for n in range(1, len(outs) + 1):
        for axes in combinations(range(len(outs)), n):
            for last in (True, False):
                if all(s is None or keeps_one(v, s, axes, last) for v, s in zip(view.points, found, strict=True)):
                    where = "the outputs" if n == len(outs) else join([view.out_axis(a) for a in axes])
                    return written_over(view, where, "last" if last else "first")
    if windows(view, found):
        return written_over(view, "the window's positions", "last")
    return None


def written_over(view: View, where: str, which: str) -> Cause:
    """The sentence for = where += belongs."""
    return view.cause(
        "overwritten",
        f"Where several outputs add to one entry, yours keeps only the {which} contribution over {where}; the others "
        "are lost.",
        "Accumulate: += (or np.add.at for repeated indices) instead of =, starting from zeros.",
    )


def keeps_one(view: View, part: Split, axes: tuple[int, ...], last: bool) -> bool:
    """Is what is missing all but the last (or first) contribution along the axes?"""
    outs, k = view.pair[2], len(view.shape)
    if len(outs) <= max(axes) or all(outs[a] < 2 for a in axes):
        return False
    place = np.zeros((1,) * part.wrong.ndim, int)
    for a in axes:
        place = place * outs[a] + grid(part.wrong.shape, k + a)
    place = np.broadcast_to(place, part.wrong.shape)
    out_axes = tuple(range(k, k + len(outs)))
    if last:
        kept = np.where(part.speaks, place, -1).max(out_axes, keepdims=True)
    else:
        kept = np.where(part.speaks, place, place.max() + 1).min(out_axes, keepdims=True)
    return bool(np.all((part.speaks & (place != kept)) == part.wrong))


def windows(view: View, found: list[Split | None]) -> bool:
    """Is every loss explained by a window that a later one wrote over (also where that one wrote a zero)?"""
    outs, ins = view.pair[2], view.shape
    if len(outs) != len(ins):
        return False
    axes = [a for a in range(len(ins)) if ins[a] != outs[a] or ins[a] > 1]
    for n in (1, 2):
        for chosen in combinations(axes, n):
            for stride in (1, 2, 3):
                if all(
                    s is None or window_explains(v, s, chosen, stride) for v, s in zip(view.points, found, strict=True)
                ):
                    return True
    return False


def window_explains(view: View, part: Split, axes: tuple[int, ...], stride: int) -> bool:
    """Is what is missing what a later window of this stride wrote over?"""
    outs, ins, k = view.pair[2], view.shape, len(view.shape)
    if len(outs) != k:
        return False
    kept = np.ones((1,) * part.wrong.ndim, bool)
    for a in axes:
        width = ins[a] - stride * (outs[a] - 1)
        if width <= stride:
            return False
        i, j = grid(part.wrong.shape, a), grid(part.wrong.shape, k + a)
        kept = kept & (j == np.minimum(i // stride, outs[a] - 1))
    return bool(np.all((part.speaks & ~kept) == part.wrong))


def of_entries(view: View, both: list[tuple[View, Split]], what: str, name: str) -> Cause | None:
    """Some entries wholly wrong, the others wholly right, parted by a threshold or forming a row, a column, a block."""
    k = len(view.shape)
    rows = [(v, *by_entry(s, tuple(range(k, s.wrong.ndim)))) for v, s in both]
    if not all(pure for _, _, _, pure in rows):
        return None
    verb = verb_of(what, name)
    if (edge := near_threshold(view, [(v, wrong, speaks) for v, wrong, speaks, _ in rows])) is not None:
        return view.cause(
            "mask-too-wide" if name == "missing-contributions" else name,
            f"Yours is {verb} where {edge}; everywhere else it is right.",
            "The forward treats that side in its own way: compare the condition (and its direction) with the one "
            "that you use.",
        )
    if len(both) < len(view.points):
        return None
    wrong = {id(v): entries for v, entries, _, _ in rows}
    if (place := describe(wrong[id(view)], view.axis)) is None or not fixed(view, lambda v: wrong[id(v)]):
        return None
    return zero_in_part(view, place, verb, name)


def verb_of(what: str, name: str) -> str:
    """What yours is, where it is wrong."""
    return {"missing-contributions": "zero", "sign-of-part": "right but for the sign"}.get(
        name, what.replace("they", "it")
    )


def zero_in_part(view: View, place: str, verb: str, name: str) -> Cause:
    """The sentence for a set of entries."""
    return view.cause(
        "zero-in-part" if name == "missing-contributions" else name,
        f"Yours is {verb} at {place}; everywhere else it is right.",
        "Those entries are left out or treated apart: look at the slices, masks, labels and loop bounds there.",
    )


def of_places(view: View, both: list[tuple[View, Split]], what: str, name: str) -> Cause | None:
    """Only the number of the wrong contributions can be told."""
    k = len(view.shape)
    rows = [by_entry(s, tuple(range(k, s.wrong.ndim))) for _, s in both]
    if all(pure for _, _, pure in rows):
        wrong = rows[0][0]
        return view.cause(
            "zero-in-part" if name == "missing-contributions" else name,
            f"Yours is {verb_of(what, name)} in {int(wrong.sum())} of {wrong.size} entries; everywhere else it is "
            "right.",
            "Look for what these entries share: a label, a mask, a condition on a value, or a loop that skips them.",
        )
    wrong, speaks = both[0][1].wrong, both[0][1].speaks
    return view.cause(
        name,
        f"{int(wrong.sum())} of the {int(speaks.sum())} contributions of an output to an entry are {what}; all others "
        "are right.",
        "A path from input to output is left out or counted differently: list every place where the forward uses "
        "this input.",
    )


def by_entry(part: Split, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Wrong and speaking entries once `axes` are taken together, and whether all along `axes` agree."""
    if not axes:
        return part.wrong, part.speaks, True
    some = part.wrong.any(axes, keepdims=True)
    pure = bool(np.all((some & part.speaks) == part.wrong))
    return np.any(part.wrong, axes), np.any(part.speaks, axes), pure
