"""Graphs as text and as pictures: readable in a terminal, and no text on another, whatever is drawn."""

import importlib
import random
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from checker.estimate import Estimate
from checker.exercises import exercises_in
from checker.graph.data import Edge, Graph, Node
from checker.graph.formula import formula
from checker.graph.staged import staged
from checker.graph.tape import tape
from checker.render import graph_numbers as numbers
from checker.render import graph_svg, graph_text
from checker.render.layers import BETWEEN, Box, crossings
from checker.render.layers import place as lay_out
from solutions import TOPICS
from solutions.tape import Var

STAGED = {
    task.name: task
    for topic in TOPICS
    for task in exercises_in(importlib.import_module(f"solutions.{topic}"))
    if task.nodes
}


def exact(value):
    return Estimate(np.array(value, dtype=float), np.zeros(np.shape(value)))


def fan_out():
    return formula("tanh(x*w + b) + x*x", {"x": 2, "w": -3, "b": 1})


def mistaken(name, mistake):
    task = STAGED[name]
    return staged(task, next(each.answer.function for each in task.mistakes if each.name == mistake))


DRAWN = {
    **{name: lambda task=task: staged(task) for name, task in STAGED.items()},
    "a formula": fan_out,
    "one variable": lambda: formula("x", {"x": 2}),
    "a corner": lambda: formula("relu(x) + x", {"x": 0}),
    "a tape": lambda: tape(Var.exercise),
    "a wrong tape": lambda: tape(Var.exercise, Var.exercise.mistakes[2].answer.function),
    "a wrong value": lambda: tape(
        Var.exercise, next(m.answer.function for m in Var.exercise.mistakes if m.name == "quotient_turned_round")
    ),
    "a wrong net": lambda: mistaken("scalar_net_graph_backward", "output_weight_left_out"),
    "a wrong shape": lambda: mistaken("batchnorm_graph_backward", "b_summed_too_early"),
}


@pytest.fixture(scope="module", params=DRAWN)
def graph(request):
    return DRAWN[request.param]()


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (0.1 + 0.2, ["0.3"]),
        (-0.0, ["0"]),
        (1234567.0, ["1.235e6"]),
        (1e-7, ["1e-7"]),
        (1e-12, ["1e-12"]),
        (np.nan, ["nan"]),
        ([1.0, -0.12345], ["1 -0.123"]),
        ([[1.0, 10.0], [-2.5, 0.0]], ["   1 10", "-2.5  0"]),
        (np.arange(8.0), ["0 to 7"]),
        (np.ones((2, 2, 2)), ["all 1"]),
        (np.zeros((0, 2)), ["no numbers"]),
    ],
)
def test_a_few_numbers_are_written_and_many_are_a_range(value, lines):
    assert numbers.written(np.asarray(value)) == lines


def test_what_is_known_within_a_range_only_is_told_so():
    assert numbers.derived(Estimate(np.array(0.5), np.array(0.5))) == ["0.5 +- 0.5"]
    assert numbers.derived(Estimate(np.array(0.0), np.array(np.inf))) == ["not known"]
    assert numbers.derived(Estimate(np.array(1e-9), np.array(1e-8))) == ["1e-9"]
    remark = "At a corner, as of relu at 0, any slope of the range that +- gives is right."
    assert remark in numbers.remarks(formula("relu(x)", {"x": 0}))
    assert remark not in numbers.remarks(fan_out())
    assert list(numbers.remarks(formula("sqrt(x)", {"x": 0})))[1:] == [
        "Where a gradient is not known, the slope has no end, or there is none."
    ]


# -- text -------------------------------------------------------------------------------------------------------------

FAN_OUT = """\
tanh(x*w + b) + x*x
  The gradient that arrives at out is 1.

                         value    gradient
●─╮     out = v3 + v4        3           1
●─│─╮   v4 = x * x           4           1
│ ● │   v3 = tanh(v2)  -0.9999           1
│ ●─│─╮ v2 = v1 + b         -5   0.0001816
│ │ │ ● b                    1   0.0001816
│ ●─│─╮ v1 = x * w          -6   0.0001816
●─│─┴─╯ x                    2       3.999
"""

WRONG_NET = """\
●─╮ m_o = wo * h                              0.03847    0.2969
│ ● wo                                           0.03    0.3808
●   h = max(z_h, 0.0)                           1.282  0.008908
│     your gradient, the first that is wrong             0.2969
●─╮ z_h = m_h + bh                              1.282  0.008908
│ │   your gradient                                      0.2969
│ ● bh                                          -0.08  0.008908
│     your gradient                                      0.2969
"""


def test_a_graph_reads_from_the_output_back():
    text = graph_text.render(fan_out())
    assert text.startswith(FAN_OUT)
    assert re.search(r"by v1 +-0\.0005447\n.*by v4 +2\n.*by v4 +2\n", text)


def test_a_students_gradient_stands_below_the_right_one():
    assert WRONG_NET in graph_text.render(DRAWN["a wrong net"]())


def test_a_students_value_and_shape_are_shown():
    assert re.search(
        r"your value, the first that is wrong +0\.3867$", graph_text.render(DRAWN["a wrong value"]()), re.M
    )
    assert re.search(
        r"your gradient, the first that is wrong +\(2,\)$", graph_text.render(DRAWN["a wrong shape"]()), re.M
    )


def test_a_text_has_80_columns_and_every_number(graph):
    text = graph_text.render(graph)
    assert max(map(len, text.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in text.splitlines())
    for node in graph.nodes:
        assert re.search(rf"●.* {node.name}\b", text)
        shown = [*numbers.written(node.value), *(numbers.derived(node.gradient) if node.gradient else [])]
        assert all(line.strip() in text for line in shown)
    for edge in graph.edges:
        if len([each for each in graph.out_of(edge.parent) if each.gradient]) > 1:
            assert f"by {edge.child}" in text


def test_a_narrow_terminal_is_kept_to_as_far_as_names_and_numbers_allow(graph):
    assert max(map(len, graph_text.render(graph, width=60).splitlines())) <= 80


def test_where_an_encoding_lacks_lines_there_are_others(graph):
    text = graph_text.render(graph, ascii_only=True)
    text.encode("ascii")
    assert len(text) == len(graph_text.render(graph))
    assert "●" in graph_text.needs()


def reached(text, graph):
    """(child, parent) for every node that a track leads to from another's line."""
    rows = re.split(r"\n +value +gradient\n", text)[1].splitlines()
    start = rows[0].index(graph.nodes[-1].name)
    open_tracks, found = {}, set()
    for row in rows:
        tracks, name = row[:start], row[start:].split(" ")[0]
        if "●" not in tracks:
            assert {place for place, sign in enumerate(tracks) if sign == "│"} == set(open_tracks)
            continue
        home = tracks.index("●")
        for place in [place for place in open_tracks if place == home or tracks[place] in "╯┤┴┼"]:
            found |= {(child, name) for child in [open_tracks.pop(place)]}
        opened = [place for place, sign in enumerate(tracks) if place > home and sign in "╮┤┬┼"]
        open_tracks |= dict.fromkeys(opened, name)
        if graph.into(name):
            open_tracks[home] = name
    assert open_tracks == {}
    return found


def test_the_tracks_lead_from_each_node_to_its_parents(graph):
    assert reached(graph_text.render(graph), graph) == {(edge.child, edge.parent) for edge in graph.edges}


# -- the picture ------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def areas(svg):
    """What each text and frame covers: left, top, right, bottom, and what it is."""
    root = ElementTree.fromstring(svg)
    size = float(root.get("font-size"))
    found = []

    def walk(element, dx, dy):
        moved = re.match(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        dx, dy = (dx + float(moved[1]), dy + float(moved[2])) if moved else (dx, dy)
        if element.tag == SVG + "text":
            width = 0.602 * size * len(element.text)  # DejaVu Sans Mono, the widest of the fonts
            left = float(element.get("x")) + dx - (width / 2 if element.get("text-anchor") == "middle" else 0)
            y = float(element.get("y")) + dy
            found.append((left, y - 0.76 * size, left + width, y + 0.24 * size, element.text))
        if element.tag == SVG + "rect":
            x, y, w, h = (float(element.get(key)) for key in ("x", "y", "width", "height"))
            found.append((x + dx, y + dy, x + dx + w, y + dy + h, "frame"))
        for child in element:
            walk(child, dx, dy)

    walk(root, 0, 0)
    return float(root.get("width")), float(root.get("height")), found


def overlaps(svg):
    """Pairs that cover one another, a text inside a frame apart, and what lies outside the picture."""
    width, height, found = areas(svg)
    outside = [a[4] for a in found if a[0] < 0 or a[1] < 0 or a[2] > width or a[3] > height]
    pairs = []
    for place, a in enumerate(found):
        for b in found[:place]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            frame, other = (a, b) if a[4] == "frame" else (b, a)
            inside = frame[0] <= other[0] and frame[1] <= other[1] and frame[2] >= other[2] and frame[3] >= other[3]
            if not apart and not (frame[4] == "frame" and other[4] != "frame" and inside):
                pairs.append((a[4], b[4]))
    return outside + pairs


def test_no_text_and_no_frame_lies_on_another(graph):
    svg = graph_svg.render(graph, page=True)
    assert overlaps(svg) == []
    assert len(areas(svg)[2]) > 2 * len(graph.nodes)


def test_the_test_of_overlaps_sees_one():
    svg = graph_svg.render(fan_out())
    assert overlaps(svg.replace("translate(14 ", "translate(14 -", 1)) != []


def lines(svg):
    """Points of every edge's line, in the coordinates of the drawing."""
    for path in re.findall(r'<path d="(M[^"l]*)"', svg):
        x, y = map(float, re.match(r"M(\S+) ([\d.]+)", path).groups())
        for sign, body in re.findall(r"([HC])([^HC]+)", path):
            given = [float(number) for number in body.split()]
            for t in np.linspace(0, 1, 40):
                if sign == "H":
                    yield x + t * (given[0] - x), y
                else:
                    yield tuple(
                        (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
                        for a, b, c, d in zip((x, y), given[0:2], given[2:4], given[4:6])
                    )
            x, y = (given[0], y) if sign == "H" else (given[4], given[5])


def test_no_line_runs_through_a_text(graph):
    svg = graph_svg.render(graph)
    top = float(re.search(r"translate\(14 (\S+)\)", svg)[1])
    texts = [area for area in areas(svg)[2] if area[4] != "frame" and area[1] > top]
    points = list(lines(svg))
    assert len(points) > 40 * len(graph.edges)
    for left, upper, right, lower, text in texts:
        hit = [p for p in points if left + 0.5 < p[0] + 14 < right - 0.5 and upper + 1.5 < p[1] + top < lower - 0.5]
        assert hit == [], text


def test_every_edge_says_its_value_and_its_gradient(graph):
    root = ElementTree.fromstring(graph_svg.render(graph))
    texts = {
        kind: [e.text for e in root.iter(SVG + "text") if e.get("class") == kind] for kind in ("value", "gradient")
    }
    for edge in graph.edges:
        value = next(node.value for node in graph.nodes if node.name == edge.parent)
        assert all(line.replace(" ", "\u00a0") in texts["value"] for line in numbers.written(value))
        if edge.gradient is not None:
            shown = [line.replace(" ", "\u00a0") for line in numbers.derived(edge.gradient)]
            assert all(line in texts["gradient"] for line in shown)
    assert len(root.findall(f".//{SVG}path")) >= len(graph.edges) + 1


def test_an_operation_breaks_between_words_into_lines_of_like_length():
    root = ElementTree.fromstring(graph_svg.render(DRAWN["mlp_bce_backward"]()))
    texts = [e.text.replace("\u00a0", " ") for e in root.iter(SVG + "text") if e.get("class") == "quiet"]
    first = texts.index("mean(logaddexp(0,")
    assert texts[first : first + 3] == ["mean(logaddexp(0,", "y_tilde) - y", "* y_tilde)"]


def test_the_sum_stands_at_a_node_that_is_used_twice():
    root = ElementTree.fromstring(graph_svg.render(fan_out()))
    sums = [e.text for e in root.iter(SVG + "text") if (e.text or "").startswith("sum")]
    assert sums == ["sum\u00a03.999"]


def test_a_wrong_node_is_marked_in_words_too():
    root = ElementTree.fromstring(graph_svg.render(DRAWN["a wrong net"]()))
    wrong = [e.text.replace("\u00a0", " ") for e in root.iter(SVG + "text") if e.get("class") == "wrong"]
    assert "first wrong" in wrong
    assert "yours 0.2969" in wrong
    assert "below a node: yours, where it differs" in wrong


def test_a_picture_has_a_title_and_a_description_and_asks_for_nothing(graph):
    for page in (False, True):
        svg = graph_svg.render(graph, page=page)
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label") == root.findtext(f"{SVG}title") == graph.title
        assert all(f"{node.name}" in root.findtext(f"{SVG}desc") for node in graph.nodes)
        assert not re.search(r"\bid=|<script|href|url\(|@import|on\w+=", svg)
        assert svg.count("http") == 1  # the name of the language
        assert ("<style>" in svg, "prefers-color-scheme:dark" in svg) == (page, page)


def test_whatever_names_hold_it_is_text():
    nasty = "</title><script>alert(1)</script>"
    nodes = (Node(nasty, np.array(1.0), exact(2.0)), Node("o\"'&", np.array(1.0), exact(1.0), nasty))
    graph = Graph(nasty, nodes, (Edge(nasty, "o\"'&", exact(2.0)),), "wrong", nasty, (nasty,))
    svg = graph_svg.render(graph, page=True)
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert root.findtext(f"{SVG}title") == f"{nasty}: wrong"


# -- the layout -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_boxes_of_a_column_never_overlap_and_columns_follow_one_another(seed):
    rng = random.Random(seed)
    boxes = [Box(rng.randrange(5), rng.uniform(5, 90), rng.uniform(5, 40), rng.uniform(5, 40)) for _ in range(25)]
    boxes += [Box(column) for column in range(5)]
    links = [(a, b) for a in boxes for b in boxes if b.column == a.column + 1 and rng.random() < 0.3]
    edges = lay_out(boxes, links)
    assert all(right < left for (_, right), (left, _) in zip(edges, edges[1:]))
    for a in boxes:
        assert edges[a.column][0] <= a.x <= a.x + a.width <= edges[a.column][1] + 1e-9
        assert a.y - a.above >= -1e-9
        for b in boxes:
            if a is not b and a.column == b.column:
                upper, lower = sorted((a, b), key=lambda box: box.y)
                assert lower.y - lower.above - upper.y - upper.below >= BETWEEN - 1e-6


def test_crossings_that_need_not_be_are_undone():
    left, right = [Box(0) for _ in range(4)], [Box(1) for _ in range(4)]
    links = list(zip(left, reversed(right)))
    assert crossings([left, right], links) == 6
    lay_out([*left, *right], links)
    orders = [sorted(column, key=lambda box: box.y) for column in (left, right)]
    assert crossings(orders, links) == 0


def test_a_chain_is_level():
    chain = [Box(column, 10, 5, 30 * (column % 2)) for column in range(6)]
    lay_out(chain, list(zip(chain, chain[1:])))
    assert len({round(box.y, 6) for box in chain}) == 1
