"""What a visit to a point says of each gradient, in sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .calling import Array
from .compare import SHOWN, UNSETTLED, WRONG, agreement, share
from .contract import name_of
from .localize import MOST
from .point import Point
from .recognise import rounding
from .report import CANNOT_TELL, Entry, Finding
from .report import RIGHT as IS_RIGHT
from .report import WRONG as IS_WRONG


def forward_findings(point: Point) -> list[Finding]:
    """The author's forward against the reference's, if there is one: empty where they agree."""
    pair = point.pair
    if pair.reference is None:
        return []
    expected, own = pair.outputs(pair.arguments(point.values)), point.seen.run.outs
    author = name_of(pair.forward_function)
    advice = "mend the forward first: the backward is judged against the derivative of the reference"
    if [o.shape for o in own] != [e.shape for e in expected]:
        message = (
            f"{author} returns {shapes(own)}, where {shapes(expected)} {'is' if len(expected) == 1 else 'are'} expected"
        )
        return [Finding("out", IS_WRONG, message, "forward", "forward-shape", advice)]
    for path, mine, theirs in zip(pair.out_names, own, expected):
        rtol = {np.dtype(np.float32): 1e-4, np.dtype(np.float16): 0.1}.get(mine.dtype, 1e-9)
        off = ~_agree(np.asarray(mine, dtype=float), np.asarray(theirs, dtype=float), rtol, rounding(point.values))
        if off.any():
            how_many = "" if off.size == 1 else f" in {int(off.sum())} of {off.size} outputs"
            message = f"{author} differs from the reference{how_many}"
            entries = worst_entries(off, mine, theirs, np.zeros(theirs.shape))
            count, errors = int(off.sum()), distances(off, mine, theirs)
            return [
                Finding(path, IS_WRONG, message, "forward", "forward", advice, theirs.shape, count, entries, errors)
            ]
    return []


def _agree(a: Array, b: Array, rtol: float, atol: float) -> Array:
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))
        return (np.abs(a - b) <= atol + rtol * size) | (a == b) | (np.isnan(a) & np.isnan(b))


def gradient_findings(point: Point) -> list[Finding]:
    """One finding per gradient, in the inputs' order."""
    misshapen = {b.subject: b for b in point.seen.breaches if b.kind == "shape"}
    findings = [_gradient(point, leaf, path, misshapen.get(path)) for leaf, path in enumerate(point.pair.paths)]
    if point.diffuse:
        message = "the slope along a random direction differs from the numeric one, but no single entry does"
        findings.append(Finding("", CANNOT_TELL, message, advice="run a full check"))
    return findings


def _gradient(point: Point, leaf: int, path: str, misshapen: Finding | None) -> Finding:
    comparison = point.comparison
    assert comparison is not None
    status, shape = comparison.status[leaf], point.function.x[leaf].shape
    off = status == WRONG
    if misshapen is not None:
        if off.any() or (status.size and np.isnan(point.claims[leaf]).all()):
            return misshapen
        return Finding(
            path, IS_WRONG, f"{misshapen.message}; its numbers are right", "shape", "shape", misshapen.advice, shape
        )
    numbers = point.claims[leaf], comparison.numeric[leaf], comparison.error[leaf]
    if off.any():
        more = "at least " if point.located >= MOST else ""  # a fast check has looked for no more
        message = f"{more}{share(off, f'the gradient of {path}')} wrong"
        entries, errors = worst_entries(off, *numbers), distances(off, *numbers[:2])
        return Finding(path, IS_WRONG, message, "values", "", "", shape, int(off.sum()), entries, errors)
    if leaf in point.strays:
        message = f"the gradient of {path} is right in float64, but what it gives in low precision is far from that"
        advice = "look for a subtraction of nearly equal numbers, or for a product that overflows in low precision"
        return Finding(path, IS_WRONG, message, "unstable", "low-precision", advice, shape)
    hidden = status == UNSETTLED
    if hidden.any():
        message = f"{share(hidden, f'the gradient of {path}')} hidden by the rounding of the outputs"
        advice = "try inputs of ordinary size, at which the outputs feel a small change"
        return Finding(path, CANNOT_TELL, message, "", "", advice, shape, 0, worst_entries(hidden, *numbers))
    return Finding(path, IS_RIGHT, agreement(status.size, f"the gradient of {path}"), shape=shape)


def shapes(arrays: Sequence[Any]) -> str:
    """The shapes of the outputs, in words."""
    return " and ".join(f"shape {np.shape(a)}" for a in arrays)


def distances(off: Array, yours: Array, expected: Array) -> Array:
    """|yours - expected| where an entry is `off`, and 0 elsewhere: rounding is nothing to look at."""
    with np.errstate(all="ignore"):
        return np.where(off, np.abs(np.asarray(yours, dtype=float) - expected), 0.0)


def worst_entries(off: Array, yours: Array, expected: Array, error: Array) -> tuple[Entry, ...]:
    """The few entries that differ most, worst first."""
    places = np.argwhere(off)
    distance = distances(off, yours, expected)[off]
    order = np.argsort(-np.where(np.isfinite(distance), distance, np.inf), kind="stable")[:SHOWN]
    chosen = [tuple(int(i) for i in place) for place in places[order]]
    return tuple(Entry(i, float(yours[i]), float(expected[i]), float(error[i])) for i in chosen)
