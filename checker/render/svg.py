"""Where a gradient is wrong, as a picture: the array of |yours - expected| as a heat map in SVG.

The picture stands by itself in light and in dark pages: text takes the page's own colour, cells are one hue over
whatever lies behind them, and nothing has an id that a second picture on the page could have too.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

#: A picture has at most so many cells down and across; a larger array shows the worst of several entries in each.
ROWS, COLUMNS = 32, 48
#: How strong the hue is, from the smallest error to the largest: even the smallest is told from what is right.
STEPS = (0.34, 0.5, 0.66, 0.82, 1.0)

_HUE, _QUIET, _NOT_FINITE = "#e03131", "#868e96", "#7048e8"
_LARGEST_CELL, _SMALLEST_CELL, _SIDE = 18, 5, 220
_LEFT, _TOP, _LINE = 30, 14, 15
_LEGEND = 200
_TEXT = 'font-size="10" fill="currentColor" font-family="sans-serif"'


def heatmap(errors: Any, name: str) -> str:
    """The errors of the gradient called `name` as an SVG element; empty where there is no array to draw.

    A vector is a strip, a matrix is drawn as it is, and of an array with more axes all but the last are flattened into
    rows. An entry of 0 is right; nan and inf have a colour of their own. The worst cell has an outline.
    """
    array = np.asarray(errors, dtype=float)
    if array.ndim == 0 or array.size < 2 or not array.any():
        return ""
    matrix = array.reshape(1, -1) if array.ndim == 1 else array.reshape(-1, array.shape[-1])
    matrix = np.where(np.isfinite(matrix), matrix, np.inf)
    cells, binned = _binned(matrix)
    largest = float(np.max(matrix, initial=0.0, where=np.isfinite(matrix)))
    return _drawn(cells, matrix.shape, largest, _title(array, name), _caption(array, binned))


def _binned(matrix: Array) -> tuple[Array, tuple[int, int]]:
    """At most ROWS by COLUMNS cells, each the largest of its entries; and how many of them a cell may hold."""
    most = 1, 1
    for axis, limit in enumerate((ROWS, COLUMNS)):
        length = matrix.shape[axis]
        if length > limit:
            starts = np.arange(limit) * length // limit
            most = (-(-length // limit), most[1]) if axis == 0 else (most[0], -(-length // limit))
            matrix = np.maximum.reduceat(matrix, starts, axis=axis)
    return matrix, most


def _title(array: Array, name: str) -> str:
    wrong = int(np.count_nonzero(array))
    return f"|yours - expected| of {name}, shape {array.shape}: {wrong} of {array.size} entries are wrong."


def _caption(array: Array, binned: tuple[int, int]) -> list[str]:
    """What has to be said of how an array became rows and columns of cells."""
    lines = []
    if array.ndim > 2:
        lines.append(f"rows: axes 0 to {array.ndim - 2}, flattened")
    if binned != (1, 1):
        count = binned[0] * binned[1]
        lines.append(f"each cell: the worst of up to {count} entries")
    return lines


def _drawn(cells: Array, shape: Sequence[int], largest: float, title: str, caption: Sequence[str]) -> str:
    """Cells, the outline of the worst, ticks, the legend and the caption, as one SVG element."""
    rows, columns = cells.shape
    side = max(_SMALLEST_CELL, min(_LARGEST_CELL, _SIDE // columns, _SIDE // rows))
    width, height = columns * side, rows * side
    whole = max(_LEFT + width + 8, _LEFT + _LEGEND), _TOP + height + _LINE * (1 + len(caption)) + 6
    worst = np.unravel_index(int(np.argmax(cells)), cells.shape)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'width="{whole[0]}" height="{whole[1]}" viewBox="0 0 {whole[0]} {whole[1]}" '
        'style="max-width:100%;height:auto;display:block">',
        f"<title>{escape(title)}</title> ",
        f'<g transform="translate({_LEFT} {_TOP}) scale({side})" shape-rendering="crispEdges">',
        *_paths(cells, largest),
        "</g>",
        f'<rect x="{_LEFT + worst[1] * side}" y="{_TOP + worst[0] * side}" width="{side}" height="{side}" '
        'fill="none" stroke="currentColor" stroke-width="1.5"/>',
        *_ticks(shape, side, width, height),
        *_legend(_TOP + height + _LINE, largest, bool(np.isinf(cells).any())),
        *(_words(_LEFT, _TOP + height + _LINE * (place + 2), line) for place, line in enumerate(caption)),
        "</svg>",
    ]
    return "".join(parts)


def _paths(cells: Array, largest: float) -> Iterator[str]:
    """One path for each strength of colour, of runs of neighbours in a row: a picture of a few kilobytes at most."""
    with np.errstate(all="ignore"):
        steps = np.ceil(len(STEPS) * cells / largest) if largest else cells
    levels = np.where(np.isinf(cells), -1, np.where(cells == 0, 0, np.clip(np.nan_to_num(steps), 1, len(STEPS))))
    for level in np.unique(levels).astype(int):
        outline = "".join(f"M{start} {row}h{end - start}v1h{start - end}z" for row, start, end in _runs(levels, level))
        yield f'<path fill="{_colour(level)[0]}" fill-opacity="{_colour(level)[1]}" d="{outline}"/>'


def _runs(levels: Array, level: int) -> Iterator[tuple[int, int, int]]:
    """Row, first column, and column behind the last, of every run of cells of one level."""
    for row, line in enumerate(levels == level):
        ends = np.flatnonzero(np.diff(np.concatenate(([0], line.astype(np.int8), [0]))))
        yield from ((row, int(start), int(end)) for start, end in ends.reshape(-1, 2))


def _colour(level: int) -> tuple[str, float]:
    if level == 0:
        return _QUIET, 0.14
    return (_NOT_FINITE, 1.0) if level < 0 else (_HUE, STEPS[level - 1])


def _ticks(shape: Sequence[int], side: int, width: int, height: int) -> Iterator[str]:
    """The first and the last index of both axes; a strip has one axis alone."""
    rows, columns = shape
    yield _words(_LEFT + side / 2, _TOP - 4, "0", "middle")
    if columns > 1:
        yield _words(_LEFT + width, _TOP - 4, str(columns - 1), "end") if width > 24 else ""
    if rows > 1:
        yield _words(_LEFT - 4, _TOP + max(8.0, side / 2 + 3.5), "0", "end")
        yield _words(_LEFT - 4, _TOP + height - max(0.0, side / 2 - 3.5), str(rows - 1), "end") if height > 20 else ""


def _legend(y: float, largest: float, not_finite: bool) -> Iterator[str]:
    """What the colours mean: right, and up to the largest error."""
    x = float(_LEFT)
    yield _swatch(x, y, 0) + _words(x + 13, y, "right")
    x += 44
    if largest:
        yield "".join(_swatch(x + 10 * place, y, place + 1) for place in range(len(STEPS)))
        yield _words(x + 10 * len(STEPS) + 4, y, f"off by {largest:.2g}")
        x += 10 * len(STEPS) + 62
    if not_finite:
        yield _swatch(x, y, -1) + _words(x + 13, y, "nan, inf")


def _swatch(x: float, y: float, level: int) -> str:
    colour, strength = _colour(level)
    return (
        f'<rect x="{x:g}" y="{y - 9:g}" width="10" height="10" fill="{colour}" fill-opacity="{strength}" '
        'shape-rendering="crispEdges"/>'
    )


def _words(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill-opacity="0.8" {_TEXT}>{escape(text)}</text> '
