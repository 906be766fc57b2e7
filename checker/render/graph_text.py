"""A graph as text: a line for each node from the output back to the inputs, its edges as tracks at the left.

The gradient travels downwards: a node comes after all that were computed from it, and hands on to those below.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..graph.data import Graph, Node
from . import graph_numbers as numbers

WIDTH = 80
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
#: A track's end beside a node, by the directions in which lines leave it. Where one track passes behind another it has
#: no sign.
_ENDS = {
    _UP | _LEFT: "╯", _DOWN | _LEFT: "╮", _UP | _DOWN | _LEFT: "┤", _UP | _LEFT | _RIGHT: "┴",
    _DOWN | _LEFT | _RIGHT: "┬", _UP | _DOWN | _LEFT | _RIGHT: "┼",
}  # fmt: skip
_DOT = "●"
#: What stands for these signs where an encoding lacks them.
ASCII = str.maketrans({"│": "|", "─": "-", "╯": "'", "╮": ".", "┤": "+", "┴": "'", "┬": ".", "┼": "+", _DOT: "*"})
_GAP = "  "


def needs() -> str:
    """The signs that a text may have and an encoding may lack."""
    return "".join(map(chr, ASCII))


def render(graph: Graph, *, width: int = WIDTH, ascii_only: bool = False) -> str:
    """The graph's text, without a newline at its end."""
    rows = [row for node, tracks in _ordered(graph) for row in _rows(graph, node, tracks)]
    text = "\n".join([*_head(graph, width), "", *_laid_out(rows, width)])
    return text.translate(ASCII) if ascii_only else text


def _head(graph: Graph, width: int) -> Iterator[str]:
    yield graph.title
    for note in numbers.remarks(graph):
        yield from textwrap.wrap(note, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


# -- tracks -----------------------------------------------------------------------------------------------------------


@dataclass
class _Tracks:
    """The tracks that are open, each on its way to a node, or free (None)."""

    goals: list[str | None] = field(default_factory=list)

    def pass_node(self, name: str, parents: Sequence[str]) -> tuple[str, str]:
        """Draw the node's own line, and the line of what is open below it."""
        before = list(self.goals)
        mine = [place for place, goal in enumerate(before) if goal == name] or [self._free(0)]
        for place in mine:
            self.goals[place] = None
        home, opened = mine[0], []
        for parent in parents:
            opened.append(self._free(home))
            self.goals[opened[-1]] = parent
        ends = {*mine[1:], *(place for place in opened if place != home)}
        last = max(ends, default=home)
        own = "".join(
            _DOT + ("─" if home < last else " ") if place == home else self._cell(place, before, ends, home, last)
            for place in range(len(self.goals))
        )
        return own.rstrip(), "".join("│ " if goal else "  " for goal in self.goals).rstrip()

    def _cell(self, place: int, before: Sequence[str | None], ends: set[int], home: int, last: int) -> str:
        """A track beside the node, and what runs on from it to the right."""
        was, passed = place < len(before) and before[place] is not None, home < place < last
        along = "─" if home <= place < last else " "
        if place not in ends:
            return ("│" if self.goals[place] else "─" if passed else " ") + along
        lines = _LEFT | (_RIGHT if place < last else 0) | (_UP if was else 0) | (_DOWN if self.goals[place] else 0)
        return _ENDS[lines] + along

    def _free(self, start: int) -> int:
        """The first free track from here on, if need be a new one."""
        place = next((p for p in range(start, len(self.goals)) if self.goals[p] is None), len(self.goals))
        if place == len(self.goals):
            self.goals.append(None)
        return place


def _ordered(graph: Graph) -> Iterator[tuple[Node, tuple[str, str]]]:
    """Every node after its children, inputs as soon as may be, with its tracks."""
    tracks, done = _Tracks(), set[str]()
    left = list(graph.nodes)
    while left:
        ready = [node for node in left if all(edge.child in done for edge in graph.out_of(node.name))]
        node = next((each for each in ready if not graph.into(each.name)), ready[-1])
        node = ready[-1] if not done else node  # the output first, whatever else leads nowhere
        left.remove(node)
        done.add(node.name)
        # the parent that was computed last comes next, straight below
        places = {each.name: place for place, each in enumerate(graph.nodes)}
        parents = sorted((edge.parent for edge in graph.into(node.name)), key=lambda name: -places[name])
        yield node, tracks.pass_node(node.name, parents)


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A line: tracks, what is named, a value and a gradient; `below` are the tracks of what has to be put under it."""

    tracks: str
    below: str
    name: str = ""
    value: str = ""
    gradient: str = ""


def _rows(graph: Graph, node: Node, tracks: tuple[str, str]) -> Iterator[_Row]:
    """The lines of a node: its numbers, the shares that they are the sum of, and a student's."""
    own, below = tracks
    parts = (node.name, numbers.shape(node.value), f"= {node.operation}" if node.operation else "")
    title = " ".join(part for part in parts if part)
    gradient = numbers.derived(node.gradient) if node.gradient else []
    yield from _filled(own, below, title, numbers.written(node.value), gradient)
    if node.your_value is not None:
        yield from _filled(below, below, _yours(graph, node, "value"), numbers.written(node.your_value), [])
    shares = [edge for edge in graph.out_of(node.name) if edge.gradient]
    for edge in shares if len(shares) > 1 else ():
        assert edge.gradient is not None
        yield from _filled(below, below, "", [f"by {edge.child}"], numbers.derived(edge.gradient))
    if node.your_gradient is not None:
        shape = numbers.shape(node.your_gradient) if node.your_gradient.shape != node.value.shape else ""
        mine = [*([shape] if shape else []), *numbers.written(node.your_gradient)]
        yield from _filled(below, below, _yours(graph, node, "gradient"), [], mine)


def _yours(graph: Graph, node: Node, what: str) -> str:
    """What to call a student's number."""
    return f"  your {what}" + (", the first that is wrong" if node.name == graph.first else "")


def _filled(own: str, below: str, name: str, values: Sequence[str], gradients: Sequence[str]) -> Iterator[_Row]:
    """As many lines as the longer column has."""
    for place in range(max(len(values), len(gradients), 1)):
        value = values[place] if place < len(values) else ""
        gradient = gradients[place] if place < len(gradients) else ""
        yield _Row(own if not place else below, below, "" if place else name, value, gradient)


def _laid_out(rows: Sequence[_Row], width: int) -> Iterator[str]:
    """The rows in columns; a name too long for its column has a line of its own."""
    tracks = max(len(row.tracks) for row in rows) + 1
    value = max(len("value"), *(len(row.value) for row in rows))
    gradient = max(len("gradient"), *(len(row.gradient) for row in rows))
    room = max(10, width - tracks - value - gradient - 2 * len(_GAP))
    name = min(room, max(len(row.name) for row in rows))
    yield f"{'':{tracks + name}}{_GAP}{'value':>{value}}{_GAP}{'gradient':>{gradient}}"
    for row in rows:
        numbers_alone = f"{_GAP}{row.value:>{value}}{_GAP}{row.gradient:>{gradient}}".rstrip()
        if len(row.name) <= name:
            yield f"{row.tracks:<{tracks}}{row.name:<{name}}{numbers_alone}".rstrip()
            continue
        for place, part in enumerate(textwrap.wrap(row.name, width - tracks, subsequent_indent="    ")):
            yield f"{row.below if place else row.tracks:<{tracks}}{part}"
        if numbers_alone:
            yield f"{row.below:<{tracks}}{'':{name}}{numbers_alone}"
