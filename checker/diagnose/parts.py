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
from .places import describe, near_threshold
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
            "own index, "
            "and the right gradient also has what comes from the other indices.",
            "Each input there moves every output (through a sum, mean or normalisation): the full Jacobian has terms "
            "off the diagonal.",
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
    if len(both) < len(view.points) or (place := describe(view, rows[0][1], view.name, view.axis)) is None:
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
        "Those entries are left out or treated apart: look at the slices, masks and loop bounds that reach them.",
    )


def of_places(view: View, both: list[tuple[View, Split]], what: str, name: str) -> Cause | None:
    """Only the number of the wrong contributions can be told."""
    k = len(view.shape)
    rows = [by_entry(s, tuple(range(k, s.wrong.ndim))) for _, s in both]
    if all(pure for _, _, pure in rows):
        wrong = rows[0][0]
        return zero_in_part(view, f"{int(wrong.sum())} of {wrong.size} entries", verb_of(what, name), name)
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


def extra(view: View) -> Cause | None:
    """Non-zero where the output does not depend on the input; right everywhere else."""

    def holds(v: View) -> bool:
        if not v.shaped:
            return False
        right, yours, _ = v.pair
        wrong = np.abs(yours - right) > v.pair_slack
        flat = np.abs(right) <= np.minimum(v.pair_slack, 1e-7 * size_of(right) + 4 * size_of(v.error))
        return bool(np.all(flat[wrong]) and (wrong.any() or v is not view) and not flat.all())

    if not view.everywhere(holds):
        return None
    right, yours, outs = view.pair
    wrong = np.abs(yours - right) > view.pair_slack
    k = len(view.shape)
    rows = wrong.any(tuple(range(k, wrong.ndim))) if outs else wrong
    flat = np.abs(right) <= 1e-7 * size_of(right)
    dead = flat.all(tuple(range(k, wrong.ndim))) if outs else flat
    if np.all(dead[rows]):
        found = []
        for v in view.points:
            T, Y, there = v.pair
            w = np.abs(Y - T) > v.pair_slack
            w = w.any(tuple(range(k, w.ndim))) if there else w
            found.append((v, w, np.ones(w.shape, bool)))
        edge = near_threshold(view, found)
        where = (
            f"where {edge}"
            if edge
            else f"at {int(rows.sum())} of {rows.size} entries, where the output does not depend on it"
        )
        return view.cause(
            "mask-missing",
            f"Yours is not zero {where}: the right gradient is zero there. Everywhere else it is right.",
            "The forward cuts those entries off (a ReLU, a max, a clip, a mask): multiply dout by the same mask.",
        )
    if (cause := mixes(view)) is not None:
        return cause
    return view.cause(
        "leak",
        "Yours passes gradient between entries and outputs that do not depend on each other; every real contribution "
        "is right.",
        "Only the entries that the forward used for an output get its dout: look at the mask, the window or the "
        "index used.",
    )


def pattern_only(view: View) -> Cause | None:
    """Off the diagonal nothing where there should be something, whatever the diagonal holds."""
    right, yours, outs = view.pair
    if not outs or not view.shaped:
        return None
    keys = None
    for v in view.points:
        T, Y, there = v.pair
        if not there:
            return None
        here = set()
        for p in patterns(v):
            if p.kind not in ("other entries", "different"):
                continue
            off = np.broadcast_to(p.mask, T.shape)
            if size_of(Y[off]) <= 1e-12 * size_of(Y) and np.mean(np.abs(T[off]) > 1e-4 * size_of(T)) > 0.05:
                here.add(p.key)
        keys = here if keys is None else keys & here
    found = [p for p in patterns(view) if p.key in (keys or ())]
    if not found or view.numbers() < 6:
        return None
    where = f" along {view.axis(found[0].axes[0])}" if found[0].axes else ""
    if (way := one_way(view, found[0].axes)) is not None:
        return not_carried(view, where, way)
    if found[0].axes and (mixed := mixed_axis(view)) is not None:
        return view.cause(
            "wrong-axis",
            f"Yours changes with dout at other indices of {view.axis(mixed)}, where the right one changes with dout "
            "at other "
            f"indices of {view.axis(found[0].axes[0])}.",
            "A sum, mean or product runs over the wrong axis: use the axis that the forward normalises or sums over.",
        )
    return view.cause(
        "diagonal",
        f"Yours at an index uses dout at that index alone{where}, and the outputs at the other indices depend on it "
        "too.",
        "Each input there moves every output (through a sum, mean, normalisation or recurrence): those terms are not "
        "on the diagonal.",
    )


def mixed_axis(view: View) -> int | None:
    """An axis along which yours uses dout at other indices although no output there depends on the entry."""
    keys = None
    for v in view.points:
        T, Y, outs = v.pair
        if not outs or not v.shaped:
            return None
        here = set()
        for p in patterns(v):
            if p.kind != "different":
                continue
            off = np.broadcast_to(p.mask, T.shape)
            if size_of(T[off]) <= 1e-8 * size_of(T) and size_of(Y[off]) > 1e-3 * size_of(Y):
                here.add(p.key)
        keys = here if keys is None else keys & here
    if not keys or view.numbers() < 6:
        return None
    return min(keys)[1][0]


def mixes(view: View) -> Cause | None:
    """Yours depends on dout at indices that the entry does not reach."""
    if (axis := mixed_axis(view)) is None:
        return None
    return view.cause(
        "mixed-axis",
        f"Yours at an index of {view.axis(axis)} changes with dout at other indices, which that entry never reaches.",
        "The forward keeps those indices apart (examples of a batch, say): a sum, mean or product of yours runs over "
        "them.",
    )


def needless(view: View) -> Cause | None:
    """The output does not depend on the input at all, and yours is not zero."""

    def flat(v: View) -> bool:
        return (
            v.shaped
            and v.J is not None
            and size_of(v.J) <= v.noise
            and size_of(v.yours) > 1e3 * (v.noise + size_of(v.error))
        )

    if not view.everywhere(flat):
        return None
    return view.cause(
        "mask-missing",
        "Yours is not zero, and the output does not depend on this input here: the right gradient is zero.",
        "What the forward cut off (the loser of a max, a masked or dropped entry) gets no gradient.",
    )


def mask_reversed(view: View) -> Cause | None:
    """Zero exactly where the right gradient is not, and the other way round."""

    def turned(v: View) -> bool:
        if not v.shaped:
            return False
        right, yours, _ = v.pair
        dead = np.abs(right).max(tuple(range(len(v.shape), right.ndim))) <= 1e-8 * size_of(right)
        mine = np.abs(yours).max(tuple(range(len(v.shape), right.ndim))) == 0
        return bool(np.all(dead != mine) and dead.any() and mine.any())

    if view.x.size < 4 or not view.everywhere(turned):
        return None
    found = [(v, np.abs(v.truth) > v.slack, np.ones(v.shape, bool)) for v in view.points]
    edge = near_threshold(view, found)
    where = f"where {edge}" if edge else "where the right one is not"
    return view.cause(
        "mask-reversed",
        f"Yours is zero exactly {where}, and not zero exactly where the right gradient is.",
        "The mask is the wrong way round: the gradient passes where the forward lets the value pass.",
    )


def overwritten_pattern(view: View) -> Cause | None:
    """Like `overwritten`, where the contribution that is kept is not right either."""
    outs = view.pair[2]
    for n in range(1, len(outs) + 1):
        for axes in combinations(range(len(outs)), n):
            for last in (True, False):
                if view.everywhere(lambda v, a=axes, f=last: only_one(v, a, f)):
                    where = "the outputs" if n == len(outs) else join([view.out_axis(a) for a in axes])
                    return written_over(view, where, "last" if last else "first")
    return None


def only_one(view: View, axes: tuple[int, ...], last: bool) -> bool:
    """Where the right gradient has contributions from several places, has yours just the last (or first) one's?"""
    right, yours, outs = view.pair
    if not outs or not view.shaped or len(outs) <= max(axes):
        return False
    speaks = np.abs(right) > FORM * size_of(right)
    used = np.abs(yours) > 1e-9 * size_of(yours)
    lost = speaks & ~used
    if np.any(used & ~speaks) or lost.sum() < 3:
        return False
    return keeps_one(view, Split(0.0, lost, speaks), axes, last)


def misrouted(view: View) -> Cause | None:
    """For each output the right numbers, sent to other entries; or the right total, shared out in another way."""
    if not view.everywhere(lambda v: v.C is not None and v.shaped):
        return None
    k = len(view.shape)

    def columns(v: View) -> tuple[np.ndarray, np.ndarray]:
        m = v.point.dout.size
        return v.J.reshape(-1, m), v.C.reshape(-1, m)

    def elsewhere(v: View) -> bool:
        right, yours = columns(v)
        return size_of(np.sort(right, 0) - np.sort(yours, 0)) <= v.pair_slack

    def total(v: View) -> bool:
        right, yours = columns(v)
        whole = right.sum(0)
        return (
            bool(np.min(np.abs(whole)) > 1e-3 * size_of(right))
            and size_of(whole - yours.sum(0)) <= len(right) * v.pair_slack
        )

    def number(v: View) -> int:
        right, yours = columns(v)
        return int(np.sum(np.max(np.abs(right - yours), 0) > 1e-3 * size_of(right)))

    if k == 0 or view.x.size < 3 or sum(number(v) for v in view.points) < 4:
        return None
    if view.everywhere(elsewhere):
        return view.cause(
            "misrouted",
            "Each output's dout comes back with the right numbers, but to other entries than those it came from.",
            "Look at the index: where an entry went in the forward (a window's start, a stride, an argmax, a sort), "
            "its gradient returns.",
        )
    if not view.everywhere(total):
        return None
    right, yours = columns(view)
    strong, used = np.abs(right) > 1e-6 * size_of(right), np.abs(yours) > 1e-6 * size_of(yours)
    if np.all(strong.sum(0) == 1) and np.all(used.sum(0) >= strong.sum(0)):
        how = "Each output comes from one entry, and yours shares its dout among several"
    elif np.all(used.sum(0) == 1):
        how = "Each output comes from several entries, and yours gives its dout to one of them"
    else:
        how = "Each output's dout comes back with the right total, but is shared out wrongly among the entries"
    return view.cause(
        "shared-out",
        how + ".",
        "An average gives every entry its share, a maximum gives all to the largest, a weighted sum gives each its "
        "weight.",
    )
