"""From a point where a gradient is wrong to findings that say why."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import tree
from .calling import Array, Pair
from .compare import WRONG, compare_entries
from .diagnose import Case, Cause, diagnose
from .elsewhere import glance, wrong_at
from .inputs import Declaration, Variation
from .localize import MOST
from .point import Point, double, gradients_at, weights
from .report import WRONG as IS_WRONG
from .report import Finding

#: The diagnosis needs every entry; a wrong gradient larger than this is explained on a smaller one, if it can be drawn.
LARGE = 5000
#: After a fast check, already beyond this size: its answer should not have to wait for a full one.
LARGE_FAST = 600
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
    if any(finding.kind == "forward" for finding in findings):  # numbers of another function prove nothing
        return list(findings)
    if 0 < point.located < MOST:
        return [_few(finding) for finding in findings]
    seen, declaration = _seen(point, declaration, rng, rtol)
    if seen is None:
        return list(findings)
    case = case_of(seen, rng, rtol)
    cause = advise(case) if advise is not None else None
    try:
        causes = (cause,) if cause is not None else diagnose(case, _others(seen.pair, declaration, rng, rtol))
    except Exception as problem:  # a cause is a bonus: the verdict must not be lost with it
        advice = f"no cause is named, because the diagnosis failed ({type(problem).__name__}: {problem})"
        return [replace(f, advice=f.advice or advice) if f.verdict == IS_WRONG else f for f in findings]
    shown = [f.shape for f in findings if f.subject in seen.pair.paths]
    apart = any(np.shape(x) != shape for x, shape in zip(case.inputs, shown))
    where = f" (seen with {_shapes(case)})" if apart else ""
    explained = list(findings)
    for place, finding in enumerate(findings):
        if finding.verdict == IS_WRONG:
            found = next((c for c in causes if c.subject in (finding.subject, "")), None)
            if found is not None:
                explained[place] = _attach(finding, found, where)
            if found is not None and not found.subject:  # one cause for all is said once
                break
    return explained


def _shapes(case: Case) -> str:
    return ", ".join(f"{name} {np.shape(x)}" for name, x in zip(case.names, case.inputs))


def _few(finding: Finding) -> Finding:
    """A gradient with a few wrong entries among many, which a fast check found one by one."""
    if not finding.wrong:
        return finding
    advice = "the formula is right, so look for what treats these entries apart: an index, a boundary, a typing slip"
    return replace(finding, cause="entries", advice=advice)


def _attach(finding: Finding, cause: Cause, where: str) -> Finding:
    if finding.cause:  # right numbers in the wrong shape: that is said already
        return finding
    message = f"{finding.message}: {cause.message[:1].lower()}{cause.message[1:]}"
    return replace(finding, message=message.removesuffix(".") + where, cause=cause.name, advice=cause.advice)


def _seen(
    point: Point, declaration: Declaration, rng: np.random.Generator, rtol: float
) -> tuple[Point | None, Declaration]:
    """A point at which every number is known: this one, or after a fast check of something large a smaller one."""
    if point.mode == "full":
        return point, declaration
    if sum(x.size for x in point.function.x) <= LARGE_FAST:
        shapes = [out.shape for out in point.seen.run.outs]
        point.comparison = compare_entries(point.function, weights(point), point.claims, shapes, rtol)
        return point, declaration
    small = _smaller(point, declaration, rng, rtol)
    if small is not None:
        declaration = Declaration.from_sample(small.values, declaration.names)
    return small, declaration


def _others(pair: Pair, declaration: Declaration, rng: np.random.Generator, rtol: float) -> list[Case]:
    """The same pair at a few other points where it is wrong too."""
    cases = [_case_at(pair, inputs, rng, rtol, LARGE) for inputs in _elsewhere(declaration)]
    return [case for case in cases if case is not None and any(np.any(wrong) for wrong in case.wrong)]


def _elsewhere(declaration: Declaration) -> Iterator[Sequence[Any]]:
    """Other ordinary points: numbers drawn anew, then also with every axis longer, and no two of one length."""
    rng = np.random.default_rng(7)
    same = [v.inputs for v in declaration.variations(rng, 2 * OTHERS) if not v.edge and not v.outside]
    yield from same[:OTHERS]
    for more in (1, 2):
        longer: dict[str, int] = {}
        for place, (axis, size) in enumerate(declaration.sizes().items()):
            taken = longer.values()
            longer[axis] = next(n for n in itertools.count(size + more + place) if n not in taken)
        yield declaration.draw(rng, longer)


def _case_at(pair: Pair, inputs: Sequence[Any], rng: np.random.Generator, rtol: float, largest: int) -> Case | None:
    """The pair at other inputs, with every number known; None if it is not defined there, or too large."""
    if sum(np.size(leaf) for leaf in tree.leaves(list(inputs))) > largest:
        return None
    found = glance(pair, Variation(tuple(inputs), ""), rng, rtol, sketch=True)
    return case_of(found, rng, rtol) if isinstance(found, Point) and found.comparison is not None else None


def _smaller(point: Point, declaration: Declaration, rng: np.random.Generator, rtol: float) -> Point | None:
    """The same pair at a drawn point with short axes, if it is wrong there too."""
    for longest in (5, 3):
        found = wrong_at(point.pair, declaration.shrunk(longest, rng), rng, rtol)
        if found is not None:
            return found
    return None


def case_of(point: Point, rng: np.random.Generator, rtol: float) -> Case:
    """Everything known about the point, as the diagnosis reads it."""
    comparison, pair = point.comparison, point.pair
    assert comparison is not None
    claimed = []
    for k, path in enumerate(pair.paths):
        own = point.seen.gradients.get(path) if k in point.misshapen else None
        claimed.append(point.claims[k] if own is None else np.asarray(own, dtype=float))

    def vjp(douts: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(gradients_at(pair, point.values, douts))

    def at(leaves: Sequence[Array]) -> Case:
        """The same pair with other numbers in the differentiable inputs. Raises ValueError where it is not defined."""
        own = pair.leaves(double(point.values))
        typed = [np.asarray(new) if isinstance(old, np.ndarray) else float(new) for new, old in zip(leaves, own)]
        case = _case_at(pair, pair.arguments(double(point.values), typed), rng, rtol, 10 * LARGE)
        if case is None:
            raise ValueError("the pair is not defined there")
        return case

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
        at=at,
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
