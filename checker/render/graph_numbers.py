"""The numbers on a graph as lines of text: a few as they are, many as their range."""

import math
from collections.abc import Iterator

import numpy as np

from ..calling import Array
from ..estimate import Estimate
from ..graph.data import Graph

#: An array of more numbers than this is told by its range.
MOST = 6
#: Digits of a number alone, and of one among others.
DIGITS, FEWER = 4, 3
#: From this relative error on, the error is shown: the slope at a corner is any of a range.
COARSE = 1e-3


def written(value: Array) -> list[str]:
    """A number, a vector on one line, a matrix row by row; of a larger array the range."""
    if value.ndim == 0:
        return [_number(float(value), DIGITS)]
    if value.size > MOST or value.ndim > 2 or not value.size:
        return [_range(value)]
    rows = [[_number(float(entry), FEWER) for entry in row] for row in value.reshape(-1, value.shape[-1])]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [" ".join(f"{entry:>{width}}" for entry, width in zip(row, widths)) for row in rows]


def derived(gradient: Estimate) -> list[str]:
    """The same of a gradient, with the error of one that is not known."""
    value = np.asarray(gradient.value)
    if value.ndim or not coarse(gradient):
        return written(value)
    error = float(gradient.error)
    return [f"{_number(float(value), DIGITS)} +- {_number(error, 2)}" if math.isfinite(error) else "not known"]


def coarse(gradient: Estimate) -> bool:
    """Whether a gradient is known within a range only."""
    return bool(np.any(~(gradient.error <= COARSE * np.maximum(1.0, np.abs(gradient.value)))))


def remarks(graph: Graph) -> Iterator[str]:
    """The graph's notes, and what has to be said of gradients that are no single number."""
    yield from graph.notes
    doubtful = [node.gradient for node in graph.nodes if node.gradient is not None and coarse(node.gradient)]
    if any(np.isfinite(gradient.error).all() for gradient in doubtful):
        yield "At a corner, as of relu at 0, any slope of the range that +- gives is right."
    if any(not np.isfinite(gradient.error).all() for gradient in doubtful):
        yield "Where a gradient is not known, the slope has no end, or there is none."


def shape(value: Array) -> str:
    """`(3, 2)`; empty for a number."""
    return str(value.shape) if value.ndim else ""


def _range(value: Array) -> str:
    if not value.size:
        return "no numbers"
    low, high = float(np.min(value)), float(np.max(value))
    return f"all {_number(low, FEWER)}" if low == high else f"{_number(low, FEWER)} to {_number(high, FEWER)}"


def _number(value: float, digits: int) -> str:
    """So many digits; a whole number that is no longer than they are without a point."""
    if not math.isfinite(value):
        return str(value)
    text = f"{value + 0.0:.{digits}g}"
    return "0" if float(text) == 0 else text.replace("e-0", "e-").replace("e+0", "e")
