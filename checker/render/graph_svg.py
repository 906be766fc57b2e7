"""A graph as an SVG picture: nodes from left to right, on each edge the value above and the gradient below.

The picture stands by itself in light and in dark pages: see `diagram`. As a page of its own it brings both its colours
with it.
"""

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from ..calling import Array
from ..graph.data import Edge, Graph, Node
from . import graph_numbers as numbers
from .diagram import (
    COLOURS,
    GRADIENT,
    LETTER,
    LINE,
    MARGIN,
    PAGES,
    PLAIN,
    QUIET,
    VALUE,
    WRONG,
    Diagram,
    Label,
    Line,
    edge_label,
    frame,
    head,
    node_label,
    ranks,
    text,
    width_of,
)

_STYLE = (
    "<style>svg{background:#fff;color:#212529}.value{fill:#1864ab}.gradient{fill:#a34a00}.wrong{fill:#c92a2a}"
    "@media(prefers-color-scheme:dark){svg{background:#16181d;color:#e9ecef}.value{fill:#74c0fc}"
    ".gradient{fill:#ffa94d}.wrong{fill:#ff8787}}</style>"
)
#: Letters in a line: of an operation, and of a note at least and at most.
_WRAP, _NARROWEST, _WIDEST = 22, 60, 110


def render(graph: Graph, *, page: bool = False) -> str:
    """The graph as one SVG element; as a `page` of its own, with a background and both its colours."""
    nodes, lines = _labels(graph)
    drawing = Diagram(nodes.values(), lines)
    told = list(_head(graph, drawing.width))
    top = MARGIN + LINE * len(told) + 10
    width, height = max(drawing.width, width_of(told)) + 2 * MARGIN, top + drawing.height + MARGIN
    return "".join(
        [
            head(width, height, graph.title),
            f"<title>{escape(graph.title)}</title><desc>{escape(' '.join(_described(graph)))}</desc>",
            _STYLE if page else "",
            *(text(MARGIN, MARGIN + LINE * (n + 0.75), line, kind, n == 0) for n, (line, kind) in enumerate(told)),
            f'<g transform="translate({MARGIN:g} {top:g})">',
            *drawing.parts(_framed(nodes[node.name], node, graph) for node in graph.nodes),
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


def _labels(graph: Graph) -> tuple[dict[str, Label], list[Line]]:
    """The nodes by their names, and the lines between them; the last one leads out of the picture."""
    rank = ranks({node.name: [edge.parent for edge in graph.into(node.name)] for node in graph.nodes})
    nodes = {node.name: _node_label(graph, node, 2 * rank[node.name]) for node in graph.nodes}
    values = {node.name: node.value for node in graph.nodes}
    out = graph.nodes[-1]
    lines = []
    for edge in (*graph.edges, Edge(out.name, "", out.gradient)):
        label = _edge_label(values[edge.parent], edge, 2 * rank[edge.parent] + 1)
        lines.append(Line(nodes[edge.parent], label, nodes.get(edge.child)))
    return nodes, lines


def _node_label(graph: Graph, node: Node, column: int) -> Label:
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
    return node_label(column, inside, under)


def _balanced(text: str) -> list[str]:
    """As few lines as the text needs, none much longer than another."""
    wrapped = [
        textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) for width in range(1, _WRAP + 1)
    ]
    return next(lines for lines in wrapped if len(lines) == len(wrapped[-1]))


def _named(name: str, lines: Sequence[str], kind: str) -> list[tuple[str, str]]:
    """A number after its name, or rows below it."""
    return [(f"{name} {lines[0]}", kind)] if len(lines) == 1 else [(name, kind), *((line, kind) for line in lines)]


def _edge_label(value: Array, edge: Edge, column: int) -> Label:
    """What is written on an edge: its parent's value, and the gradient that comes back along it."""
    above = [(line, VALUE) for line in numbers.written(value)]
    below = [(line, GRADIENT) for line in numbers.derived(edge.gradient)] if edge.gradient else []
    return edge_label(column, above, below)


def _framed(label: Label, node: Node, graph: Graph) -> str:
    """A node's frame: dashed for an input, red where a student's number differs, bold where that begins."""
    colour, width = (COLOURS[WRONG], 2.5 if node.name == graph.first else 1.3) if node.wrong else (PAGES, 1.0)
    return frame(label, colour=colour, width=width, dashed=not graph.into(node.name))
