"""From a point where a gradient is wrong to findings that say why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import tree
from .calling import Array
from .compare import WRONG, compare_entries
from .diagnose import Case, Cause, diagnose
from .elsewhere import glance, wrong_at
from .inputs import Declaration
from .localize import MOST
from .point import Point, gradients_at, weights
from .report import WRONG as IS_WRONG
from .report import Finding

#: The diagnosis needs every entry; a wrong gradient larger than this is explained on a smaller one, if it can be drawn.
LARGE = 5000
#: A relation must hold at this many other points before it is named.
OTHERS = 3


def explain(
    point: Point,
    findings: Sequence[Finding],
    declaration: Declaration,
    rng: np.random.Generator,
    rtol: float,
    advise: Callable[[Case], Cause | None] | None = None,
) -> list[Finding]:
    """The same findings, with cause and advice where the numbers establish them."""
    if 0 < point.located < MOST:
        return [_few(finding) for finding in findings]
    case, others = _cases(point, declaration, rng, rtol)
    if case is None:
        return list(findings)
    cause = advise(case) if advise is not None else None
    causes = (cause,) if cause is not None else diagnose(case, others)
    explained = [_with_cause(finding, causes) for finding in findings]
    everywhere = next((c for c in causes if not c.subject), None)
    if everywhere is not None:  # one cause for all is said once, at the first gradient that is wrong
        first = next((k for k, f in enumerate(explained) if f.verdict == IS_WRONG and f.kind != "forward"), None)
        if first is not None:
            explained[first] = _attach(explained[first], everywhere)
    return explained


def _few(finding: Finding) -> Finding:
    """A gradient with a few wrong entries among many, which a fast check found one by one."""
    if not finding.wrong:
        return finding
    advice = "the formula is right, so look for what treats these entries apart: an index, a boundary, a typing slip"
    return replace(finding, cause="entries", advice=advice)


def _with_cause(finding: Finding, causes: Sequence[Cause]) -> Finding:
    for cause in causes:
        if (
            cause.subject
            and cause.subject == finding.subject
            and finding.verdict == IS_WRONG
            and finding.kind != "forward"
        ):
            return _attach(finding, cause)
    return finding


def _attach(finding: Finding, cause: Cause) -> Finding:
    return replace(finding, message=f"{finding.message}: {cause.message}", cause=cause.name, advice=cause.advice)


def _cases(
    point: Point, declaration: Declaration, rng: np.random.Generator, rtol: float
) -> tuple[Case | None, list[Case]]:
    """The diagnosis' material: this point with every number known, and the same pair at a few other wrong points."""
    size = sum(x.size for x in point.function.x)
    if point.mode == "fast":
        if size <= LARGE:
            shapes = [out.shape for out in point.seen.run.outs]
            point.comparison = compare_entries(point.function, weights(point), point.claims, shapes, rtol)
        else:
            small = _smaller(point, declaration, rng, rtol)
            if small is None:
                return None, []
            point = small
    others: list[Case] = []
    for variation in declaration.variations(np.random.default_rng(7), 4 * OTHERS):
        if variation.edge and len(others) < 1:
            continue
        if sum(np.size(leaf) for leaf in tree.leaves(list(variation.inputs))) > LARGE:
            continue
        found = glance(point.pair, variation, rng, rtol, entries=True)
        if isinstance(found, Point) and found.comparison is not None and found.comparison.worst == WRONG:
            others.append(case_of(found))
        if len(others) == OTHERS:
            break
    return case_of(point), others


def _smaller(point: Point, declaration: Declaration, rng: np.random.Generator, rtol: float) -> Point | None:
    """The same pair at a drawn point with short axes, if it is wrong there too."""
    for longest in (5, 3):
        found = wrong_at(point.pair, declaration.shrunk(longest, rng), rng, rtol)
        if found is not None:
            return found
    return None


def case_of(point: Point) -> Case:
    """Everything known about the point, as the diagnosis reads it."""
    comparison, pair = point.comparison, point.pair
    assert comparison is not None
    claimed = []
    for k, path in enumerate(pair.paths):
        own = point.seen.gradients.get(path) if k in point.misshapen else None
        claimed.append(point.claims[k] if own is None else np.asarray(own, dtype=float))

    def vjp(douts: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(gradients_at(pair, point.values, douts))

    return Case(
        names=tuple(pair.paths),
        inputs=tuple(point.function.x),
        out_names=tuple(pair.out_names),
        outs=tuple(np.asarray(out, dtype=float) for out in point.seen.run.outs),
        douts=tuple(np.asarray(d, dtype=float) for d in point.seen.douts),
        claimed=tuple(claimed),
        numeric=tuple(comparison.numeric),
        error=tuple(comparison.error),
        wrong=tuple(status == WRONG for status in comparison.status),
        jacobian=tuple(comparison.jacobian),
        vjp=None if pair.is_gradient else vjp,
        constants=_constants(pair.names, point.values, pair.paths),
    )


def _constants(names: Sequence[str], values: Sequence[Any], paths: Sequence[str]) -> Mapping[str, float]:
    """Scalar settings by name, also those inside dicts of settings."""
    found = {}
    for name, value in zip(names, values):
        for path, leaf in tree.flatten(value, name):
            if path not in paths and isinstance(leaf, (int, float, np.number)) and not isinstance(leaf, bool):
                found[path.split("'")[1] if "'" in path else path] = float(leaf)
    return found
