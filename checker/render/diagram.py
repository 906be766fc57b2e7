"""Frames with arrows between them, from left to right, as the parts of an SVG picture.

Lines and letters take the colour of the page that the picture stands on, light or dark, and nothing has an id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from .layers import Box, place

#: Class, and a colour: the page's own, or one that can be read on white and on black.
VALUE, GRADIENT, WRONG, PLAIN, QUIET = "value", "gradient", "wrong", "plain", "quiet"
PAGES = "currentColor"
COLOURS = {VALUE: "#1c7ed6", GRADIENT: "#c2600a", WRONG: "#e03131", PLAIN: PAGES, QUIET: PAGES}
FONT = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
#: Font size, height of a line, and the width of a letter: of the widest of these fonts.
SIZE, LINE, LETTER = 11.0, 14.0, 6.7
PAD, SPARE, MARGIN = 6.0, 3.0, 14.0
ARROW = 6.0
#: The part of its size to which a picture shrinks: its letters can still be read.
SMALLEST = 0.9

#: Lines of text, each with the name of its colour.
Lines = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Label:
    """Lines of text with their colours: in a node's frame, `framed` wide, and below it; or above and below an edge."""

    box: Box
    above: Lines
    below: Lines = ()
    framed: float = 0.0

    @property
    def middle(self) -> float:
        """The middle from left to right."""
        return self.box.x + self.box.width / 2


@dataclass(frozen=True)
class Line:
    """An edge: from a node through its label to another node, or out of the picture; `passed` keeps its way free."""

    start: Label
    label: Label
    end: Label | None = None
    dashed: bool = False

    @cached_property
    def passed(self) -> list[Box]:
        """A box in each column between its label and its end."""
        behind = self.end.box.column if self.end else 0
        return [Box(column) for column in range(self.label.box.column + 1, behind)]

    @property
    def through(self) -> list[Box]:
        """The boxes between its nodes."""
        return [self.label.box, *self.passed]

    @property
    def links(self) -> Iterator[tuple[Box, Box]]:
        """Every two boxes that follow one another."""
        boxes = [self.start.box, *self.through, *([self.end.box] if self.end else [])]
        return zip(boxes, boxes[1:])


class Diagram:
    """Nodes and lines in their places; `width` and `height` are those of all together."""

    def __init__(self, nodes: Iterable[Label], lines: Sequence[Line]):
        self.lines = lines
        self.labels = [*nodes, *(line.label for line in lines)]
        boxes = [label.box for label in self.labels] + [box for line in lines for box in line.passed]
        self.columns = place(boxes, [link for line in lines for link in line.links])
        self.width = self.columns[-1][1] + (2 * ARROW if any(line.end is None for line in lines) else 0)
        self.height = max(box.y + box.below for box in boxes)

    def parts(self, frames: Iterable[str]) -> Iterator[str]:
        """Lines first, then frames and texts on them."""
        yield '<g fill="none" stroke="currentColor" opacity="0.5" stroke-width="1.2">'
        for line in self.lines:
            yield f'<path d="{self._path(line)}"' + (' stroke-dasharray="3 3"/>' if line.dashed else "/>")
        yield '</g><g fill="currentColor" fill-opacity="0.7">'
        for x, y in dict.fromkeys(map(self._tip, self.lines)):
            yield f'<path d="M{x:.1f} {y:.1f}l-{ARROW:g} -3.5v7z"/>'
        yield "</g>"
        yield from frames
        for label in self.labels:
            yield from _written(label)

    def _path(self, line: Line) -> str:
        """Level through columns, and a curve from each to the next."""
        path = f"M{line.start.middle + line.start.framed / 2:.1f} {line.start.box.y:.1f}"
        for box, after in line.links:
            start, end = self.columns[box.column][1], self.columns[after.column][0]
            middle = (start + end) / 2
            path += f"H{start:.1f}C{middle:.1f} {box.y:.1f} {middle:.1f} {after.y:.1f} {end:.1f} {after.y:.1f}"
        return f"{path}H{self._tip(line)[0]:.1f}"

    def _tip(self, line: Line) -> tuple[float, float]:
        """Where the arrow ends."""
        if line.end is None:
            return self.width, line.through[-1].y
        return line.end.middle - line.end.framed / 2, line.end.box.y


def node_label(column: int, inside: Lines, under: Lines = ()) -> Label:
    """The label of a node: texts in its frame, and below it."""
    half = (LINE * len(inside) + PAD) / 2
    framed = width_of(inside) + 2 * PAD
    box = Box(column, max(framed, width_of(under)), half, half + LINE * len(under) + (SPARE if under else 0))
    return Label(box, inside, under, framed)


def edge_label(column: int, above: Lines, below: Lines = ()) -> Label:
    """The label of an edge: texts above its line, and below it."""
    box = Box(column, width_of([*above, *below]), LINE * len(above) + SPARE, LINE * len(below) + SPARE)
    return Label(box, above, below)


def ranks(parents: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way from any input, of nodes that each stand behind their parents.

    An input stands just before what it is used for first.
    """
    found: dict[str, int] = {}
    for name in parents:
        found[name] = max((found[parent] + 1 for parent in parents[name]), default=0)
    for name in parents:
        if not parents[name]:
            found[name] = min((found[child] - 1 for child in parents if name in parents[child]), default=0)
    return found


def frame(label: Label, *, colour: str = PAGES, width: float = 1.0, dashed: bool = False, rx: float = 6) -> str:
    """A node's frame."""
    left, top, half = label.middle - label.framed / 2, label.box.y - label.box.above, label.box.above
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{label.framed:.1f}" height="{2 * half:.1f}" rx="{rx:g}" '
        f'fill="#868e96" fill-opacity="0.13" stroke="{colour}" stroke-width="{width:g}"{dash}/>'
    )


def head(width: float, height: float, said: str, largest: float = 1.0, smallest: float = SMALLEST) -> str:
    """The tag that begins a picture of this size, times `largest`; `said` is its name for those who hear it.

    Where there is no room for that it shrinks, to this size times `smallest`; what holds it scrolls from there on.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(said)}" '
        f'width="{largest * width:.0f}" height="{largest * height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'font-family="{FONT}" font-size="{SIZE:g}" '
        f'style="max-width:100%;min-width:{smallest * width:.0f}px;height:auto">'
    )


def text(x: float, y: float, line: str, kind: str, bold: bool = False, anchor: str = "start") -> str:
    """A line of text; its blanks keep their width, so that columns of numbers stand below one another."""
    weight = ' font-weight="bold"' if bold else ""
    faint = ' fill-opacity="0.8"' if kind == QUIET else ""
    spaced = escape(line).replace(" ", "\u00a0")
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{COLOURS[kind]}"{faint}{weight}>'
        f"{spaced}</text>"
    )


def width_of(lines: Lines) -> float:
    """The width of the longest line."""
    return max((len(line) for line, _ in lines), default=0) * LETTER


def _written(label: Label) -> Iterator[str]:
    """A label's texts, one below the other."""
    top = label.box.y - label.box.above + (PAD / 2 if label.framed else 0)
    for number, (line, kind) in enumerate(label.above):
        yield text(label.middle, top + LINE * (number + 0.75), line, kind, kind == PLAIN, "middle")
    top = label.box.y + SPARE + (label.box.above if label.framed else 0)
    for number, (line, kind) in enumerate(label.below):
        yield text(label.middle, top + LINE * (number + 0.75), line, kind, False, "middle")
