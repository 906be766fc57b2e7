"""The flowcharts of the notebooks, which are written in Mermaid's language, as SVG: no script draws them, no network.

Read is what the course writes: `graph LR` with two shapes of nodes and two kinds of arrows. Any other text stays text.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from html import unescape

from ..render import diagram
from ..render.diagram import PLAIN, QUIET, Diagram, Label, Line

#: A text is drawn that has no more letters, in a label no more, and whose lines pass no more columns: nobody writes
#: such, and laying them out takes long.
LONGEST, LABEL, LINKS = 2000, 60, 150
#: Letters are as large as the page's code; in the widest of the course's charts they are smaller, and it fits the page.
LARGEST, SMALLEST = 1.25, 0.75

_HEAD = re.compile(r"(?:graph|flowchart) LR")
_NODE = re.compile(r'([A-Za-z]\w*)(?:\(\("([^"]+)"\)\)|\["([^"]+)"\])?')
_ARROW = re.compile(r' +(?:(--)(?: "([^"]+)" --)?>|(-\.)(?: "([^"]+)" \.|)->) +')


@dataclass
class _Chart:
    """The text of each node and whether it is round, by name; and edges: from, to, text, and whether it is dashed."""

    nodes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    edges: list[tuple[str, str, str, bool]] = field(default_factory=list)

    @property
    def parents(self) -> dict[str, list[str]]:
        """The nodes, each behind its parents. Raises CycleError where that cannot be."""
        found = {name: [edge[0] for edge in self.edges if edge[1] == name] for name in self.nodes}
        return {name: found[name] for name in TopologicalSorter(found).static_order()}


@lru_cache(maxsize=256)  # what an assignment says is the same on every page
def svg(text: str) -> str:
    """The picture of a flowchart. Raises ValueError where the text is none that is drawn."""
    chart = _read(text)
    try:
        rank = diagram.ranks(chart.parents)
    except CycleError:
        raise ValueError("a circle") from None
    if sum(2 * (rank[end] - rank[start]) for start, end, *_ in chart.edges) > LINKS:
        raise ValueError("too large")
    nodes = {name: diagram.node_label(2 * rank[name], [(shown, PLAIN)]) for name, (shown, _) in chart.nodes.items()}
    lines = [_line(nodes[start], nodes[end], shown, dashed) for start, end, shown, dashed in chart.edges]
    drawing = Diagram(nodes.values(), lines)
    width, height = (size + 2 * diagram.PAD for size in (drawing.width, drawing.height))
    frames = (_frame(nodes[name], rounded) for name, (_, rounded) in chart.nodes.items())
    parts = "".join(drawing.parts(frames))
    moved = f'<g transform="translate({diagram.PAD:g} {diagram.PAD:g})">{parts}</g>'
    return f"{diagram.head(width, height, _described(chart), LARGEST, SMALLEST)}{moved}</svg>"


def _read(text: str) -> _Chart:
    """The chart. Raises ValueError where a line says anything else."""
    first, *lines = [line.strip() for line in text.strip().splitlines()] or [""]
    if len(text) > LONGEST or not _HEAD.fullmatch(first) or not any(lines):
        raise ValueError("no chart that is drawn")
    chart = _Chart()
    for line in filter(None, lines):
        name, place = _node(chart, line, 0)
        while place < len(line):
            arrow = _ARROW.match(line, place)
            if arrow is None:
                raise ValueError("no arrow")
            before = name
            name, place = _node(chart, line, arrow.end())
            chart.edges.append((before, name, _label(arrow[2] or arrow[4] or ""), bool(arrow[3])))
    return chart


def _node(chart: _Chart, line: str, place: int) -> tuple[str, int]:
    """The name of a node that is written here, and where it ends."""
    found = _NODE.match(line, place)
    if found is None:
        raise ValueError("no node")
    name, rounded, square = found.groups()
    if rounded or square or name not in chart.nodes:
        chart.nodes[name] = _label(rounded or square or name), bool(rounded)
    return name, found.end()


def _label(text: str) -> str:
    """What a label shows. Raises ValueError for one that is too long, or has what no picture of text may hold."""
    shown = unescape(text)
    if len(shown) > LABEL or not shown.isprintable():
        raise ValueError("no label")
    return shown


def _line(start: Label, end: Label, shown: str, dashed: bool) -> Line:
    above = [(shown, QUIET)] if shown else []
    return Line(start, diagram.edge_label(start.box.column + 1, above), end, dashed)


def _frame(label: Label, rounded: bool) -> str:
    return diagram.frame(label, rx=label.box.above if rounded else 4)


def _described(chart: _Chart) -> str:
    """The chart in words, for those who hear it."""
    texts = {name: shown for name, (shown, _) in chart.nodes.items()}
    ways = (f"{texts[start]} to {texts[end]}" + (f": {shown}" if shown else "") for start, end, shown, _ in chart.edges)
    return "A graph. " + "; ".join(ways)
