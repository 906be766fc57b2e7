"""Where the boxes of a layered drawing go: from left to right in columns, with few crossings and straight lines.

Lines lead from a column to the next; what has to pass a column has a box there, so that nothing lies under a line. The
order in the columns is by barycentres (Sugiyama, Tagawa & Toda 1981); the heights are as near to those of the
neighbours as can be without overlapping, by isotonic regression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

#: Room between two columns, and between two boxes of one.
ACROSS, BETWEEN = 20.0, 12.0
_SWEEPS = 12

Links = Sequence[tuple["Box", "Box"]]
Near = Mapping["Box", Sequence["Box"]]


@dataclass(eq=False)
class Box:
    """Something to place: its column, its width, and how far it reaches above and below the line that it is on.

    `x` is its left edge and `y` the height of its line, once it is placed.
    """

    column: int
    width: float = 0.0
    above: float = 0.0
    below: float = 0.0
    x: float = 0.0
    y: float = 0.0


def place(boxes: Sequence[Box], links: Links) -> list[tuple[float, float]]:
    """Set x and y of every box, from 0 on; returns the left and right edge of each column."""
    count = max(box.column for box in boxes) + 1
    columns = [[box for box in boxes if box.column == number] for number in range(count)]
    columns = _ordered(columns, links)
    _set_heights(columns, links)
    edges, left = [], 0.0
    for column in columns:
        width = max((box.width for box in column), default=0.0)
        for box in column:
            box.x = left + (width - box.width) / 2
        edges.append((left, left + width))
        left += width + ACROSS
    return edges


def _neighbours(links: Links) -> tuple[Near, Near]:
    """What lies to the left of each box, and what to the right."""
    left: dict[Box, list[Box]] = {}
    right: dict[Box, list[Box]] = {}
    for one, other in links:
        right.setdefault(one, []).append(other)
        left.setdefault(other, []).append(one)
    return left, right


def _ordered(columns: list[list[Box]], links: Links) -> list[list[Box]]:
    """The order with the fewest crossings that sweeps to and fro come by."""
    sides, best = _neighbours(links), columns
    for sweep in range(_SWEEPS):
        columns = [list(column) for column in columns]
        places: dict[Box, int] = {}
        for column in columns if sweep % 2 == 0 else reversed(columns):
            own = {box: place for place, box in enumerate(column)}
            means = {box: _mean([places[b] for b in sides[sweep % 2].get(box, ())], own[box]) for box in column}
            column.sort(key=means.__getitem__)
            places |= {box: place for place, box in enumerate(column)}
        if crossings(columns, links) < crossings(best, links):
            best = columns
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def crossings(columns: Sequence[Sequence[Box]], links: Links) -> int:
    """How often lines cross when the columns are in this order."""
    places = {box: place for column in columns for place, box in enumerate(column)}
    pairs = [((a.column, places[a]), places[b]) for a, b in links]
    return sum(a[0] == b[0] and (a[1] - b[1]) * (c - d) < 0 for n, (a, c) in enumerate(pairs) for b, d in pairs[:n])


def _set_heights(columns: Sequence[Sequence[Box]], links: Links) -> None:
    """Each box level with its neighbours on one side, as far as its column allows: by turns the right and the left.

    The last turn is to the left neighbours', so that a line that leaves a box runs level for as long as it can; what
    has none follows its own lines.
    """
    left, right = _neighbours(links)
    for column in columns:
        _level(column, {})
    for _ in range(_SWEEPS):
        for column in reversed(columns):
            _level(column, right)
        for column in columns:
            _level(column, left)
    for column in columns:
        _level(column, {box: right[box] for box in column if box in right and box not in left})
    top = min(box.y - box.above for column in columns for box in column)
    for column in columns:
        for box in column:
            box.y -= top


def _level(column: Sequence[Box], near: Near) -> None:
    """Move a column's boxes to the median height of those that are near; where none is, they stay or make room."""
    wanted = [median(other.y for other in near[box]) if box in near else box.y for box in column]
    for box, y in zip(column, _apart(column, wanted)):
        box.y = y


def _apart(column: Sequence[Box], wanted: Sequence[float]) -> list[float]:
    """The heights nearest to those wanted at which no two boxes of a column overlap: isotonic regression."""
    offsets = [0.0]
    for upper, lower in zip(column, column[1:]):
        offsets.append(offsets[-1] + upper.below + BETWEEN + lower.above)
    blocks: list[tuple[float, int]] = []  # boxes that touch: their mean, and how many they are
    for height, offset in zip(wanted, offsets):
        mean, size = height - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, size = (before * many + mean * size) / (many + size), many + size
        blocks.append((mean, size))
    level = [mean for mean, size in blocks for _ in range(size)]
    return [mean + offset for mean, offset in zip(level, offsets)]
