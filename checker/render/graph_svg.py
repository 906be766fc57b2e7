"""A graph as an SVG picture: nodes from left to right, on each edge the value above and the gradient below.

The picture stands by itself in light and in dark pages: lines and names take the page's own colour, and nothing has an
id. As a page of its own it brings both its colours with it.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ..calling import Array
from ..graph.data import Edge, Graph, Node
from . import graph_numbers as numbers
from .layers import Box, place

#: Class, and a colour that can be read on white and on black.
VALUE, GRADIENT, WRONG, PLAIN, QUIET = "value", "gradient", "wrong", "plain", "quiet"
_COLOURS = {VALUE: "#1c7ed6", GRADIENT: "#c2600a", WRONG: "#e03131", PLAIN: "currentColor", QUIET: "currentColor"}
_STYLE = (
    "<style>svg{background:#fff;color:#212529}.value{fill:#1864ab}.gradient{fill:#a34a00}.wrong{fill:#c92a2a}"
    "@media(prefers-color-scheme:dark){svg{background:#16181d;color:#e9ecef}.value{fill:#74c0fc}"
    ".gradient{fill:#ffa94d}.wrong{fill:#ff8787}}</style>"
)
_FONT = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
#: Font size, height of a line, and the width of a letter: of the widest of these fonts.
SIZE, LINE, LETTER = 11.0, 14.0, 6.7
_PAD, _SPARE, _MARGIN = 6.0, 3.0, 14.0
#: Letters in a line: of an operation, and of a note at least and at most.
_WRAP, _NARROWEST, _WIDEST = 22, 60, 110
_ARROW = 6.0


@dataclass(frozen=True)
class _Label:
    """Lines of text with their colours: in a node's frame, `framed` wide, and below it; or above and below an edge."""

    box: Box
    above: list[tuple[str, str]]
    below: list[tuple[str, str]]
    framed: float = 0.0

    @property
    def middle(self) -> float:
        """The middle from left to right."""
        return self.box.x + self.box.width / 2


@dataclass(frozen=True)
class _Line:
    """An edge: from a node through boxes, of which the first is its label's, to another node or out of the picture."""

    start: _Label
    through: list[Box]
    end: _Label | None

    @property
    def links(self) -> Iterator[tuple[Box, Box]]:
        """Every two boxes that follow one another."""
        boxes = [self.start.box, *self.through, *([self.end.box] if self.end else [])]
        return zip(boxes, boxes[1:])


def render(graph: Graph, *, page: bool = False) -> str:
    """The graph as one SVG element; as a `page` of its own, with a background and both its colours."""
    drawing = _Drawing(graph)
    head = list(_head(graph, drawing.width))
    top = _MARGIN + LINE * len(head) + 10
    width, height = max(drawing.width, _width(head)) + 2 * _MARGIN, top + drawing.height + _MARGIN
    title = escape(graph.title)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" font-family="{_FONT}" font-size="{SIZE:g}">',
            f"<title>{title}</title><desc>{escape(' '.join(_described(graph)))}</desc>",
            _STYLE if page else "",
            *(_text(_MARGIN, _MARGIN + LINE * (n + 0.75), line, kind, n == 0) for n, (line, kind) in enumerate(head)),
            f'<g transform="translate({_MARGIN:g} {top:g})">',
            *drawing.parts(),
            "</g></svg>\n",
        ]
    )


def _head(graph: Graph, width: float) -> Iterator[tuple[str, str]]:
    """The title, how to read the picture, and the notes."""
    letters = min(_WIDEST, max(_NARROWEST, int(width / LETTER)))
    yield graph.title, PLAIN
    yield "above each edge: the value that goes forward", VALUE
    yield "below it: the gradient that comes back", GRADIENT
    if graph.first:
        yield "below a node: yours, where it differs", WRONG
    for note in numbers.remarks(graph):
        yield from ((line, QUIET) for line in textwrap.wrap(note, letters))


def _described(graph: Graph) -> Iterator[str]:
    """The graph in words, for those who hear it."""
    for node in graph.nodes:
        told = [f"{node.name} = {node.operation}" if node.operation else node.name]
        told.append(f"value {', '.join(numbers.written(node.value))}")
        told += [f"gradient {', '.join(numbers.derived(node.gradient))}"] if node.gradient else []
        told += ["wrong here"] if node.wrong else []
        yield "; ".join(told) + "."


class _Drawing:
    """The boxes of a graph, where they are, and the lines between them."""

    def __init__(self, graph: Graph):
        self.graph = graph
        ranks = _ranks(graph)
        self.nodes = {node.name: _node_label(graph, node, 2 * ranks[node.name]) for node in graph.nodes}
        self.labels: list[_Label] = []
        self.lines: list[_Line] = []
        values = {node.name: node.value for node in graph.nodes}
        out = graph.nodes[-1]
        for edge in (*graph.edges, Edge(out.name, "", out.gradient)):
            label = _edge_label(values[edge.parent], edge, 2 * ranks[edge.parent] + 1)
            passed = [Box(column) for column in range(label.box.column + 1, 2 * ranks.get(edge.child, 0))]
            self.labels.append(label)
            self.lines.append(_Line(self.nodes[edge.parent], [label.box, *passed], self.nodes.get(edge.child)))
        boxes = [label.box for label in (*self.nodes.values(), *self.labels)]
        boxes += [box for line in self.lines for box in line.through[1:]]
        self.columns = place(boxes, [link for line in self.lines for link in line.links])
        self.width = self.columns[-1][1] + 2 * _ARROW
        self.height = max(box.y + box.below for box in boxes)

    def parts(self) -> Iterator[str]:
        """Lines first, then frames and texts on them."""
        yield '<g fill="none" stroke="currentColor" opacity="0.5" stroke-width="1.2">'
        yield from (f'<path d="{self._path(line)}"/>' for line in self.lines)
        yield '</g><g fill="currentColor" fill-opacity="0.7">'
        for x, y in dict.fromkeys(map(self._tip, self.lines)):
            yield f'<path d="M{x:.1f} {y:.1f}l-{_ARROW:g} -3.5v7z"/>'
        yield "</g>"
        yield from (_frame(self.nodes[node.name], node, self.graph) for node in self.graph.nodes)
        for label in (*self.nodes.values(), *self.labels):
            yield from _written(label)

    def _path(self, line: _Line) -> str:
        """Level through columns, and a curve from each to the next."""
        path = f"M{line.start.middle + line.start.framed / 2:.1f} {line.start.box.y:.1f}"
        for box, after in line.links:
            start, end = self.columns[box.column][1], self.columns[after.column][0]
            middle = (start + end) / 2
            path += f"H{start:.1f}C{middle:.1f} {box.y:.1f} {middle:.1f} {after.y:.1f} {end:.1f} {after.y:.1f}"
        return f"{path}H{self._tip(line)[0]:.1f}"

    def _tip(self, line: _Line) -> tuple[float, float]:
        """Where the arrow ends."""
        if line.end is None:
            return self.width, line.through[-1].y
        return line.end.middle - line.end.framed / 2, line.end.box.y


def _ranks(graph: Graph) -> dict[str, int]:
    """The longest way from any input; an input stands just before what it is used for first."""
    ranks: dict[str, int] = {}
    for node in graph.nodes:
        ranks[node.name] = max((ranks[edge.parent] + 1 for edge in graph.into(node.name)), default=0)
    for node in graph.nodes:
        if not graph.into(node.name):
            ranks[node.name] = min((ranks[edge.child] - 1 for edge in graph.out_of(node.name)), default=0)
    return ranks


def _node_label(graph: Graph, node: Node, column: int) -> _Label:
    """A frame with name, shape and operation; below it the sum of its gradients, and a student's number."""
    title = f"{node.name} {numbers.shape(node.value)}".strip()
    inside = [(title, PLAIN), *((line, QUIET) for line in _balanced(node.operation))]
    under: list[tuple[str, str]] = []
    if len([edge for edge in graph.out_of(node.name) if edge.gradient]) > 1 and node.gradient:
        under += _named("sum", numbers.derived(node.gradient), GRADIENT)
    if node.name == graph.first:
        under.append(("first wrong", WRONG))
    if node.your_value is not None:
        under += _named("your value", numbers.written(node.your_value), WRONG)
    if node.your_gradient is not None:
        other = node.your_gradient.shape != node.value.shape
        shape = f" {numbers.shape(node.your_gradient)}" if other else ""
        under += _named(f"yours{shape}", numbers.written(node.your_gradient), WRONG)
    half = (LINE * len(inside) + _PAD) / 2
    framed = _width(inside) + 2 * _PAD
    box = Box(column, max(framed, _width(under)), half, half + LINE * len(under) + (_SPARE if under else 0))
    return _Label(box, inside, under, framed)


def _balanced(text: str) -> list[str]:
    """As few lines as the text needs, none much longer than another."""
    wrapped = [
        textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) for width in range(1, _WRAP + 1)
    ]
    return next(lines for lines in wrapped if len(lines) == len(wrapped[-1]))


def _named(name: str, lines: Sequence[str], kind: str) -> list[tuple[str, str]]:
    """A number after its name, or rows below it."""
    return [(f"{name} {lines[0]}", kind)] if len(lines) == 1 else [(name, kind), *((line, kind) for line in lines)]


def _edge_label(value: Array, edge: Edge, column: int) -> _Label:
    """What is written on an edge: its parent's value, and the gradient that comes back along it."""
    above = [(line, VALUE) for line in numbers.written(value)]
    below = [(line, GRADIENT) for line in numbers.derived(edge.gradient)] if edge.gradient else []
    box = Box(column, _width([*above, *below]), LINE * len(above) + _SPARE, LINE * len(below) + _SPARE)
    return _Label(box, above, below)


def _width(lines: Sequence[tuple[str, str]]) -> float:
    return max((len(line) for line, _ in lines), default=0) * LETTER


def _frame(label: _Label, node: Node, graph: Graph) -> str:
    """A node's frame: dashed for an input, red where a student's number differs, bold where that begins."""
    left, top, half = label.middle - label.framed / 2, label.box.y - label.box.above, label.box.above
    colour, width = (_COLOURS[WRONG], 2.5 if node.name == graph.first else 1.3) if node.wrong else ("currentColor", 1.0)
    dash = "" if graph.into(node.name) else ' stroke-dasharray="4 3"'
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{label.framed:.1f}" height="{2 * half:.1f}" rx="6" '
        f'fill="#868e96" fill-opacity="0.13" stroke="{colour}" stroke-width="{width:g}"{dash}/>'
    )


def _written(label: _Label) -> Iterator[str]:
    """A label's texts, one below the other."""
    top = label.box.y - label.box.above + (_PAD / 2 if label.framed else 0)
    for number, (line, kind) in enumerate(label.above):
        yield _text(label.middle, top + LINE * (number + 0.75), line, kind, kind == PLAIN, "middle")
    top = label.box.y + _SPARE + (label.box.above if label.framed else 0)
    for number, (line, kind) in enumerate(label.below):
        yield _text(label.middle, top + LINE * (number + 0.75), line, kind, False, "middle")


def _text(x: float, y: float, line: str, kind: str, bold: bool = False, anchor: str = "start") -> str:
    weight = ' font-weight="bold"' if bold else ""
    faint = ' fill-opacity="0.8"' if kind == QUIET else ""
    spaced = escape(line).replace(" ", "\u00a0")  # columns of numbers stand below one another
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_COLOURS[kind]}"{faint}{weight}>'
        f"{spaced}</text>"
    )
