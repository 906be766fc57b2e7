"""Why a gradient is wrong, in words: `diagnose(case)` names a cause only if the numbers establish it.

Each relation is a small function that looks at one wrong gradient and returns a `Cause` or None. They are tried in
order, from what explains everything to what only says where to look; the first that holds at every point is given.
A wrong name is worse than none, so a relation predicts your gradient to within the error, at every point and (where
the Jacobian is known) for every upstream gradient, or it says nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from . import hidden, local, parts, places, residual, routes, shapes, upstream, whole
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
    routes.needless,
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
    routes.extra,
    routes.mask_reversed,
    whole.repeated,
    upstream.part_of_dout,
    upstream.turned_jacobian,
    upstream.half_of_two,
    parts.part,
    residual.skip,
    residual.direct_path,
    places.threshold,
    residual.penalty,
    residual.penalty_and_factor,
    residual.other_gradient,
    whole.varying_factor,
    residual.same_number,
    local.derivative,
    residual.path,
    residual.one_number,
    residual.symmetric,
    residual.changed_input,
    residual.through,
    local.entry_factor,
    local.output_factor,
    local.input_factor,
    places.carried,
    local.passed_on,
    routes.overwritten_pattern,
    routes.pattern_only,
    routes.one_index,
    routes.mixes,
    routes.misrouted,
    places.border,
    places.some_outputs,
    local.elementwise,
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
            around = [View(other, k) for other in elsewhere]
            for noise in (1e-4, 1e-6):  # where a rough point lets nothing hold, those that are known well decide
                telling = tuple(v for v in around if tells(v, view, noise))
                if noise < 1e-4 and telling == view.others:
                    break
                view.others = telling
                if (ranked := best(view)) is not None:
                    found.append(ranked)
                    break
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


def tells(other: View, view: View, noise: float) -> bool:
    """Does the other point show the mistake clearly: not saturated, not nearly right, not at a corner?"""
    if other.shaped != view.shaped:
        return False
    clear = other.noise <= max(noise * other.extent, 30 * view.noise * other.extent / max(view.extent, 1e-300))
    return not other.shaped or (clear and other.settled and other.gap >= min(1e-3, 0.03 * view.gap))


def best(view: View) -> tuple[int, Cause] | None:
    """The first relation that holds at every point, or before it one of contributions wherever these are known."""
    ranked = first(view, RELATIONS)
    if (ranked is not None and RELATIONS[ranked[0]] in OF_JACOBIANS) or all(v.C is not None for v in view.others):
        return ranked
    known = fully_known(view)
    other = first(known, OF_JACOBIANS) if view.C is not None and known.others else None
    return min((r for r in (ranked, other) if r is not None), key=lambda r: r[0], default=None)


def first(view: View, relations: Sequence[Relation]) -> tuple[int, Cause] | None:
    """The first of the relations that holds, with its rank among all."""
    if not view.everywhere(lambda v: bool(np.all(np.isfinite(v.yours)) and np.all(np.isfinite(v.truth)))):
        return None
    if not view.settled:
        return None
    for relation in relations:
        try:
            cause = relation(view)
        except (ValueError, IndexError, np.linalg.LinAlgError):  # shapes that do not fit: it does not hold
            continue
        if cause is not None:
            return RELATIONS.index(relation), cause
    return None


#: Relations that look at single contributions. The others need every point, these every point with a Jacobian: where
#: the outputs are many, only some of the points have one.
OF_JACOBIANS: tuple[Relation, ...] = (
    routes.extra,
    upstream.part_of_dout,
    upstream.turned_jacobian,
    parts.part,
    residual.skip,
    residual.direct_path,
    residual.path,
    residual.one_number,
    local.output_factor,
    places.carried,
    routes.overwritten_pattern,
    routes.pattern_only,
    routes.one_index,
    routes.mixes,
    routes.misrouted,
)


def fully_known(view: View) -> View:
    """The same view beside those of the other points at which the Jacobians are known too."""
    return View(view.point, view.k, tuple(v for v in view.others if v.C is not None))


def merged(causes: list[Cause], number: int) -> tuple[Cause, ...]:
    """One cause without a subject if all wrong gradients (more than one) have the same, word for word."""
    same = {(cause.name, cause.message, cause.advice) for cause in causes}
    if len(same) == 1 and len(causes) == number > 1:
        return (replace(causes[0], subject=""),)
    return tuple(causes)


__all__ = ["RELATIONS", "Case", "Cause", "diagnose"]
