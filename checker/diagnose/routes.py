"""Relations of where dout is sent: to entries that it does not belong to, or only along a part of its routes."""

# Loop variables are bound by default arguments, for which mypy infers no lambda.
# mypy: disable-error-code="misc"

from itertools import combinations

import numpy as np

from .case import Cause
from .parts import Split, keeps_one, not_carried, one_way, patterns, written_over
from .places import near_threshold
from .view import FORM, View, join, size_of


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


def one_index(view: View) -> Cause | None:
    """Yours uses dout at the first or last index of an axis alone, and not rightly either."""
    outs = view.pair[2]
    for axis in range(len(outs)):
        for index, which in ((0, "first"), (-1, "last")):
            if view.numbers() > 5 and view.everywhere(lambda v, a=axis, i=index: uses_only(v, a, i)):
                return view.cause(
                    "part-of-upstream",
                    f"Yours uses only the {which} index of dout along {view.out_axis(axis)}; the input reaches all of "
                    "them.",
                    "Every step contributes: add up over the loop (+=), starting from zeros, and carry on what comes "
                    "from later steps.",
                )
    return None


def uses_only(view: View, axis: int, index: int) -> bool:
    """Is yours zero for all outputs but those at one index of an axis, while the right one is not?"""
    right, yours, outs = view.pair
    if len(outs) <= axis or outs[axis] < 2 or not view.shaped:
        return False
    k = len(view.shape)
    left = np.delete(np.arange(outs[axis]), index)
    others, needed = yours.take(left, k + axis), right.take(left, k + axis)
    return size_of(others) == 0 and size_of(yours) > 0 and size_of(needed) > 1e-3 * size_of(right)


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
    if found[0].axes and (mixed := mixed_axis(view)) is not None:
        return view.cause(
            "wrong-axis",
            f"Yours changes with dout at other indices of {view.axis(mixed)}, where the right one changes with dout "
            "at other "
            f"indices of {view.axis(found[0].axes[0])}.",
            "A sum, mean or product runs over the wrong axis: use the axis that the forward normalises or sums over.",
        )
    if (way := one_way(view, found[0].axes)) is not None:
        return not_carried(view, where, way)
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
