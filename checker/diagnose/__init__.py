"""Why a gradient is wrong, in words: `diagnose(case)` names a cause only if the numbers establish it.

Each relation is a small function that looks at one wrong gradient and returns a `Cause` or None. They are tried in
order, from what explains everything to what only says where to look; the first that holds at every point is given.
A wrong name is worse than none, so a relation predicts your gradient to within the error, at every point and (where
the Jacobian is known) for every upstream gradient, or it says nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from . import hidden, local, parts, places, residual, shapes, upstream, whole
from .case import Case, Cause
from .view import Point, View

Relation = Callable[[View], Cause | None]

RELATIONS: tuple[Relation, ...] = (
    whole.zero,
    whole.absolute,
    upstream.clipped,
    upstream.ignored,
    upstream.squared,
    upstream.normalised,
    upstream.constant_term,
    whole.float32,
    upstream.nonlinear,
    whole.small,
    whole.sign,
    whole.factor,
    parts.needless,
    whole.order,
    shapes.shape,
    whole.transpose,
    shapes.not_spread,
    shapes.summed_own_axes,
    shapes.other_sums,
    shapes.broadcast_copy,
    whole.reshaped,
    whole.moved,
    whole.swapped,
    hidden.hidden,
    hidden.activation_used,
    places.entry,
    parts.extra,
    parts.mask_reversed,
    whole.repeated,
    upstream.part_of_dout,
    upstream.turned_jacobian,
    upstream.half_of_two,
    parts.part,
    places.threshold,
    residual.penalty,
    residual.penalty_and_factor,
    residual.skip,
    residual.direct_path,
    residual.other_gradient,
    whole.varying_factor,
    local.derivative,
    residual.path,
    residual.symmetric,
    residual.changed_input,
    residual.through,
    local.entry_factor,
    local.output_factor,
    local.input_factor,
    places.carried,
    local.passed_on,
    parts.overwritten_pattern,
    parts.pattern_only,
    parts.mixes,
    parts.misrouted,
    places.border,
    places.some_outputs,
    places.place,
)


def diagnose(case: Case, others: Sequence[Case] = ()) -> tuple[Cause, ...]:
    """Name why the gradients of `case` are wrong: at most one cause for each wrong input, the most telling first.

    `others` are the same pair at other points (their shapes may differ); what is named holds at every one. One cause
    that explains every wrong gradient is given once, with the subject "". What is not established is not named.
    """
    point, elsewhere = Point(case), [Point(other) for other in others if comparable(case, other)]
    found = []
    with np.errstate(all="ignore"):
        for k, wrong in enumerate(case.wrong):
            if not (np.any(wrong) or case.claimed[k].shape != case.numeric[k].shape):
                continue
            view = View(point, k)
            view.others = tuple(v for other in elsewhere if tells(v := View(other, k), view))
            if (ranked := first(view)) is not None:
                found.append(ranked)
    causes = [cause for _, cause in sorted(found, key=lambda ranked: ranked[0])]
    number = sum(
        bool(np.any(w)) or c.shape != n.shape for w, c, n in zip(case.wrong, case.claimed, case.numeric, strict=True)
    )
    return merged(causes, number)


def comparable(case: Case, other: Case) -> bool:
    """Is it the same pair, and no axis shrunk to length 1? There means, variances and paths degenerate and prove "
    "nothing.
    """
    arrays, others = (*case.inputs, *case.outs), (*other.inputs, *other.outs)
    if other.names != case.names or len(arrays) != len(others):
        return False
    return all(
        a.ndim == b.ndim and all(m > 1 or n == 1 for n, m in zip(a.shape, b.shape, strict=True))
        for a, b in zip(arrays, others, strict=True)
    )


def tells(other: View, view: View) -> bool:
    """Does the other point show the mistake clearly: not saturated, not nearly right, not at a corner?"""
    if other.shaped != view.shaped:
        return False
    clear = other.noise <= max(1e-6 * other.extent, 30 * view.noise * other.extent / max(view.extent, 1e-300))
    return not other.shaped or (clear and other.settled and other.gap >= min(1e-3, 0.03 * view.gap))


def first(view: View) -> tuple[int, Cause] | None:
    """The first relation that holds, with its rank."""
    if not view.everywhere(lambda v: bool(np.all(np.isfinite(v.yours)) and np.all(np.isfinite(v.truth)))):
        return None
    if not view.settled:
        return None
    for rank, relation in enumerate(RELATIONS):
        try:
            cause = relation(view)
        except (ValueError, IndexError, np.linalg.LinAlgError):  # shapes that do not fit: it does not hold
            continue
        if cause is not None:
            return rank, cause
    return None


def merged(causes: list[Cause], number: int) -> tuple[Cause, ...]:
    """One cause without a subject if all wrong gradients (more than one) have the same, word for word."""
    same = {(cause.name, cause.message, cause.advice) for cause in causes}
    if len(same) == 1 and len(causes) == number > 1:
        return (replace(causes[0], subject=""),)
    return tuple(causes)


__all__ = ["RELATIONS", "Case", "Cause", "diagnose"]
