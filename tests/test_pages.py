"""Feedback pages: what an honest notebook shows is kept, whatever is tried in it is bounded, formulas are drawn."""

import base64
import copy
import json
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("nbgrader")
pytest.importorskip("bleach")

from nbformat import v4

from checker.course import flowcharts, formulas, notebooks, pages
from checker.render.svg import heatmap
from tests import xss

KNOWN = {"notebook": "01_gates", "score": 1.5, "max_score": 5.0, "late_penalty": 0}


def display(**data):
    data = {key.replace("_", "/"): value for key, value in data.items()}
    return v4.new_code_cell("show()", outputs=[v4.new_output("display_data", data=data)])


def page(*cells, **known):
    return pages.page(v4.new_notebook(cells=list(cells)), {**KNOWN, **known})


def body(*cells, **known):
    return page(*cells, **known).partition("<main>")[2]


def graded(name, points, score, said="", **more):
    known = {"grade_id": name, "grade": True, "solution": False, "points": points, "score": score, **more}
    outputs = [v4.new_output("stream", text=said)] if said else []
    return v4.new_code_cell(f"check({name})", metadata={"nbgrader": known}, outputs=outputs)


# -- formulas ---------------------------------------------------------------------------------------------------------


def test_formulas_are_mathml():
    pytest.importorskip("latex2mathml")
    html = pages.markdown(r"Let $\frac{a}{b}$, and $$x < y .$$")
    inline, display = (ElementTree.fromstring(each) for each in re.findall(r"<math.*?</math>", html))
    assert inline.get("display") == "inline"
    assert [each.text for each in inline.iter() if each.text] == ["a", "b"]
    assert inline.find(".//mfrac") is not None
    assert display.get("display") == "block"
    assert [each.text for each in display.iter() if each.text] == ["x", "<", "y", "."]
    aligned = pages.markdown(r"\begin{aligned}a &= b \\ c &= d\end{aligned}")
    assert len(ElementTree.fromstring(re.search(r"<math.*</math>", aligned)[0]).findall(".//mtr")) == 2


@pytest.mark.parametrize(
    "tex",
    [r"\frac{", "x" * 2001, r"\def\a{x}\a", r"\href{http://a.b}{x}", r"\style{color:red}{x}", "{" * 1500, ""],
)
def test_formulas_that_are_not_drawn_stay_as_they_were_typed(tex):
    shown = formulas.mathml(tex, display=True)
    assert shown == f'<code class="tex block">{tex}</code>' or (not tex and "<math" in shown)


def test_without_the_converter_formulas_are_code(monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert formulas.mathml.__wrapped__("a<b") == '<code class="tex inline">a&lt;b</code>'


def test_a_formulas_text_is_escaped_once():
    pytest.importorskip("latex2mathml")
    assert "<mtext>&lt;b&gt;&amp;</mtext>" in formulas.mathml(r"\text{<b>&}")
    assert "&lt;b&gt;" in formulas.mathml(r"\text{&lt;b&gt;}")


@pytest.mark.slow
def test_every_formula_of_the_course_is_drawn():
    pytest.importorskip("latex2mathml")
    from checker.course import notebooks

    root = Path(__file__).parents[1]
    texts = [notebooks.made(root, source)[1] for source in notebooks.sources(root)]
    cells = [cell for text in texts for cell in json.loads(text)["cells"]]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    html = "".join(map(pages.markdown, sources))
    assert html.count("<math") > 100
    assert 'class="tex' not in html
    assert not re.search(r"<m[ino]>\\", html)  # a command that the converter does not know


# -- flowcharts ------------------------------------------------------------------------------------------------------

CHART = """graph LR
    x(("x")) -- "-2 | &minus;4" --> add["+"] --> o
    y(("y, a < b")) -. "5" .-> add
"""


def drawn(text):
    """The chart of a picture: frames with their texts and whether they are round, lines, and other texts."""
    root = ElementTree.fromstring(flowcharts.svg(text))
    svg = "{http://www.w3.org/2000/svg}"
    texts = [each.text.replace("\u00a0", " ") for each in root.iter(f"{svg}text")]
    frames = list(root.iter(f"{svg}rect"))
    rounded = [float(each.get("rx")) >= float(each.get("height")) / 2 for each in frames]
    lines = [each.get("stroke-dasharray") for each in root.iter(f"{svg}path") if "C" in each.get("d")]
    return root, dict(zip(texts, rounded)), lines, texts[len(frames) :]


def test_a_flowchart_is_a_picture():
    root, frames, lines, texts = drawn(CHART)
    assert frames == {"x": True, "+": False, "o": False, "y, a < b": True}
    assert lines == [None, None, "3 3"]
    assert texts == ["-2 | \N{MINUS SIGN}4", "5"]
    assert root.get("aria-label") == "A graph. x to +: -2 | \N{MINUS SIGN}4; + to o; y, a < b to +: 5"
    html = pages.markdown(f"Before.\n\n```mermaid\n{CHART}```\n\nAfter, with $x$.")
    assert html.count("<svg") == 1
    assert 'overflow-x:auto"><svg ' in html
    assert "mermaid" not in html
    assert "drawn" not in html


def test_every_flowchart_of_the_course_is_drawn():
    sources = (Path(__file__).parents[1] / "notebooks" / "sources").glob("*.py")
    parts = [part.text for path in sources for part in notebooks.read(path.read_text()) if "```mermaid" in part.text]
    count = sum(part.count("```mermaid") for part in parts)
    html = "".join(map(pages.markdown, parts))
    assert count > 15
    assert html.count('overflow-x:auto"><svg ') == count


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no chart"),
        ("graph LR", "no chart"),
        ("graph TD\na --> b", "no chart"),
        ("sequenceDiagram\na --> b", "no chart"),
        ("graph LR\na --> b --> a", "a circle"),
        ("graph LR\na --> a", "a circle"),
        ("graph LR\na ==> b", "no arrow"),
        ("graph LR\na --> b;", "no arrow"),
        ("graph LR\na --> ", "no arrow"),
        ("graph LR\na{b}", "no arrow"),
        ("graph LR\n--> b", "no node"),
        ("graph LR\na --> --> b", "no node"),
        ('graph LR\na["' + "x" * 61 + '"]', "no label"),
        ('graph LR\na["x\x01"]', "no label"),
        ('graph LR\na["&#8238;x"]', "no label"),
        ("graph LR\n" + "a --> b\n" * 300, "no chart"),
        ("graph LR\n" + "a --> b\n" * 80, "too large"),
        ("graph LR\n" + " --> ".join(f"a{n}" for n in range(99)), "too large"),
    ],
)
def test_what_is_no_flowchart_of_ours_stays_text(text, why):
    with pytest.raises(ValueError, match=why):
        flowcharts.svg(text)
    shown = pages.markdown(f"```mermaid\n{text}\n```")
    assert "<svg" not in shown
    assert shown.startswith("<pre>")


def test_a_page_draws_some_flowcharts_and_no_thousand():
    html = pages.markdown("\n\n".join(f"```mermaid\ngraph LR\na --> b{n}\n```" for n in range(30)))
    assert (html.count("<svg"), html.count("<pre>")) == (20, 10)


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_what_an_honest_notebook_shows_is_kept():
    dot = base64.b64encode(b"a picture").decode()
    table = '<table border="1" class="dataframe"><tr><td colspan="2" style="text-align:right;">1</td></tr></table>'
    assert f'<img src="data:image/png;base64,{dot}" alt="a picture that the cell drew">' in body(display(image_png=dot))
    assert '<td colspan="2" style="text-align:right;">1</td>' in body(display(text_html=table))
    assert '<table class="dataframe">' in body(display(text_html=table))
    assert "<pre>{1: &#39;a&#39;}</pre>" in body(display(text_plain="{1: 'a'}"))
    assert "<em>so</em>" in body(display(text_markdown="*so*"))
    svg = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert base64.b64encode(svg.encode()).decode() in body(display(**{"image_svg+xml": svg}))
    assert '<a href="https://numpy.org">' in body(v4.new_markdown_cell("[n](https://numpy.org)"))
    coloured = v4.new_output("stream", name="stderr", text="\x1b[31mred\x1b[0m")
    assert 'class="output stderr"><pre><span class="ansi-red-fg">red' in body(v4.new_code_cell("", outputs=[coloured]))
    picture = {"a.png": {"image/png": dot}}
    assert f'src="data:image/png;base64,{dot}"' in body(
        v4.new_markdown_cell("![x](attachment:a.png)", attachments=picture)
    )


def test_the_checkers_own_report_keeps_its_looks():
    from checker.notebook import check  # noqa: F401 - a student's import
    from checker.render import html
    from checker.report import WRONG, Finding, Report

    errors = np.arange(12.0).reshape(3, 4)
    made = html.render(Report("f", WRONG, (Finding("x", WRONG, "11 of 12 are wrong", "values", shape=(3, 4)),)))
    shown = body(display(text_html=made + heatmap(errors, "x")))
    assert "background:#c92a2a;color:#fff" in shown
    assert "border-left:4px solid #c92a2a" in shown
    assert "11 of 12 are wrong" in shown
    assert shown.count("<path") > 1
    assert 'aria-label="|yours - expected| of x, shape (3, 4): 11 of 12 entries are wrong."' in shown


def test_states_scores_and_comments():
    said = "mul: wrong (values), 0.5 of 1 point\n  1 of 2 entries is\n    wrong\n    -> look at\n       x\n"
    waiting = {"grade_id": "words", "grade": True, "solution": True, "points": 2.0, "score": 0.0, "waiting": True,
               "comment": "This is not graded yet."}  # fmt: skip
    html = body(
        graded("add_test", 1.0, 1.0, "add: right, 1 of 1 point\n"),
        graded("mul_test", 1.0, 0.5, said),
        graded("max_test", 1.0, 0.0, "max: not attempted, 0 of 1 point\n"),
        graded("own-test", 1.0, 0.0),
        v4.new_markdown_cell("an answer", metadata={"nbgrader": waiting}),
        late_penalty=0.5,
    )
    assert '01_gates <span class="soft">(Score: 1.5 / 3 so far)</span>' in html
    rows = re.findall(
        r'class="(\w+)" aria-label="([\w ]+)">(.).*?href="#([\w-]+)">(\w[\w-]*)</a>.*?>([\d.–]+ / [\d.]+)<', html, re.S
    )
    assert rows == [
        ("right", "right", "✓", "add_test", "add", "1 / 1"),
        ("partly", "partly right", "◐", "mul_test", "mul", "0.5 / 1"),
        ("none", "not attempted", "○", "max_test", "max", "0 / 1"),
        ("wrong", "no points", "✗", "own-test", "own-test", "0 / 1"),
        ("waiting", "not graded yet", "○", "words", "words", "– / 2"),
    ]
    said = {**waiting, "comment": "Well begun"}
    read_half = body(v4.new_markdown_cell("an answer", metadata={"nbgrader": said}))
    assert 'aria-label="not graded yet"' in read_half
    assert "Well begun" in read_half
    assert "Handed in late" in html
    assert "&minus;0.5" in html
    assert (
        "<p><b>mul: wrong (values), 0.5 of 1 point</b></p><p>1 of 2 entries is wrong</p>"
        '<p class="advice">&rarr; look at x</p>'
    ) in html
    assert "<b>Comments:</b> <p>This is not graded yet.</p>" in html
    assert all(html.count(f'id="{name}"') == 1 for *_, name, _, _ in rows)


def words(name, points, score, waiting=True):
    known = {"grade_id": name, "grade": True, "solution": True, "points": points, "score": score, "waiting": waiting}
    return v4.new_markdown_cell("an answer", metadata={"nbgrader": known})


def headline(*cells, **known):
    html = body(*cells, **known)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.partition("<table")[0])).strip()


def test_what_waits_for_a_reader_is_in_no_score():
    done = graded("add_test", 3.0, 2.5)
    told = "still waits for a reader, and is not in this score."
    assert headline(done) == "01_gates (Score: 1.5 / 5)"
    assert headline(done, words("a", 2.0, 1.0, waiting=False), score=3.5) == "01_gates (Score: 3.5 / 5)"
    # Nobody has read it: it is no 0.
    assert headline(done, words("a", 2.0, 0.0), score=2.5) == (
        f"01_gates (Score: 2.5 / 3 so far) 1 answer, worth 2 points, {told}"
    )
    # Somebody read what was handed in before: those points are not this answer's.
    assert headline(done, words("a", 1.0, 1.0), score=3.5, max_score=4.0) == (
        f"01_gates (Score: 2.5 / 3 so far) 1 answer, worth 1 point, {told}"
    )
    both = words("a", 2.0, 0.0), words("b", 1.5, 0.0)
    assert headline(done, *both, score=2.5, max_score=6.5) == (
        "01_gates (Score: 2.5 / 3 so far) "
        "2 answers, worth 3.5 points, still wait for a reader, and are not in this score."
    )
    assert headline(words("a", 2.0, 0.0), score=0.0, max_score=2.0) == (
        f"01_gates (not graded yet) 1 answer, worth 2 points, {told}"
    )
    # A penalty may be as large as the score, with the points that wait again.
    assert "(Score: 0 / 3 so far)" in headline(done, words("a", 2.0, 2.0), score=0.0, late_penalty=4.5)


def test_a_test_that_waits_for_a_reader_is_told_from_one_without_points():
    said = "mul: right, 2 of 2 points\n  the numbers are those of finite differences: your instructor will read it\n"
    html = body(
        graded("mul_test", 2.0, 0.0, said, waiting=True), graded("add_test", 3.0, 0.0), max_score=5.0, score=0.0
    )
    assert "(Score: 0 / 3 so far)" in html
    assert 'aria-label="not graded yet">○</td>' in html
    assert html.count("– / 2") == 2
    assert "your instructor will read it" in html


# -- what is not ------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def ran(tag, attributes):
    """Whether an element runs, leads or asks for anything, or lies over others."""
    kept = " ".join(value or "" for key, value in attributes.items() if key not in ("alt", "title"))
    return (
        tag in {"script", "iframe", "object", "embed", "form", "meta", "link", "base", "style", "template", "title"}
        or any(key.startswith("on") for key in attributes)
        or not re.match(r"#|https?://", attributes.get("href", "#"))
        or not re.fullmatch(r"data:image/(png|jpeg|svg\+xml);base64,[\w+/=]*", attributes.get("src", f"{PNG},"))
        or "position" in kept
        or (tag != "a" and xss.ELSEWHERE in kept)
    )


PNG = "data:image/png;base64"


def test_what_is_tried_is_text_at_most():
    tried = copy.deepcopy(xss.CELLS)
    sections = body(*tried.values()).split("<section")[1:]
    assert len(sections) == len(tried) > 180
    bad = {
        name: (tag, attributes)
        for name, section in zip(tried, sections)
        for tag, attributes in Tags(f"<section{section}").found
        if ran(tag, attributes)
    }
    assert bad == {}
    assert ran("img", {"onerror": "x"})
    assert ran("a", {"href": "javascript:x"})
    assert ran("img", {"src": xss.ELSEWHERE})


def test_the_hostile_flowchart_is_one_that_is_drawn():
    html = pages.markdown(xss.CELLS["markdown: a graph that is drawn"].source)
    assert html.count("<svg") == 1
    assert "&lt;img\u00a0src=x\u00a0onerror=pwned=1&gt;" in html


def test_an_attribute_with_a_formula_is_left_out():
    html = pages.markdown("""a ![$b$](data:image/png;base64,AA==) [$c$](http://a.b '$d$')""")
    assert '<img src="data:image/png;base64,AA==">' in html
    assert re.search(r'<a href="http://a.b"( title="\$d\$")?><(math|code)', html)
    assert "formula" not in html


def test_no_metadata_and_no_other_kind_of_output_is_left():
    made = pages.harmless(xss.notebook(*copy.deepcopy(list(xss.CELLS.values()))))
    assert set(made.metadata) == {"kernelspec", "language_info"}
    for cell in made.cells:
        assert set(cell.metadata) <= {"nbgrader"}
        for output in cell.get("outputs", []):
            assert output.output_type in ("stream", "error", "display_data")
            assert output.get("metadata", {}) == {}
            assert set(output.get("data", {})) <= set(pages._KINDS)


#: As many and as large charts as are drawn, and more.
CHARTS = "\n\n".join(
    f"```mermaid\ngraph LR\na{n} --> b\n" + "a --> b\n" * 50 + "a --> b --> c --> d --> e --> f --> g\n```"
    for n in range(100)
)


@pytest.mark.parametrize(
    "source",
    [CHARTS, "<b>" * 50_000, "<a>" * 50_000, "<p " + "a=1 " * 20_000 + ">", r"\begin{a}" * 20_000, "$a " * 3000,
     ">" * 20_000, "![x](attachment:gone.png)" * 300, "x" * 200_001, "*a" * 5000, "[" * 10_000],
)  # fmt: skip
def test_no_answer_takes_long_or_is_lost(source):
    begun = time.process_time()
    html = body(v4.new_markdown_cell(source), display(text_html=source))
    assert time.process_time() - begun < 10
    assert len(html) > 100


def test_what_cannot_be_read_is_shown_as_it_was_written():
    assert pages.markdown("<b>" * 1000).startswith("<pre>&lt;b&gt;&lt;b&gt;")
    assert pages.clean("<i>" * 1000) == f"<pre>{'&lt;i&gt;' * 1000}</pre>"
    assert pages.clean(b"<b>x</b>") == "<b>x</b>"
    assert pages.markdown("x" * 200_001).endswith("... (the rest was left out)</pre>")
    assert pages.code("x" * 200_001).endswith("... (the rest was left out)</pre>")


def test_a_page_asks_nobody_for_anything():
    html = page(v4.new_markdown_cell("# x\n\n$x$"), graded("a_test", 1.0, 1.0))
    assert "<script" not in html
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|https?://", html)
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;' in html
    assert 'name="viewport" content="width=device-width' in html
    assert "prefers-color-scheme: dark" in html
    assert len(html) < 25_000


def test_nbgrader_makes_a_page_with_it():
    made, resources = pages.Page().from_notebook_node(
        v4.new_notebook(cells=[v4.new_markdown_cell("*so*")]), {"nbgrader": dict(KNOWN)}
    )
    assert "<em>so</em>" in made
    assert resources["output_extension"] == ".html"


def test_only_pages_stay_in_a_folder_of_feedback(tmp_path):
    graded = tmp_path / "autograded" / "ann" / "01" / "work.ipynb"
    folder = tmp_path / "feedback" / "ann" / "01"
    (folder / "more" / "deep").mkdir(parents=True)
    for name in ("work.html", "gradebook.db", "more/deep/work.html", "other.html"):
        (folder / name).write_text("x")
    (folder / "more" / "link").symlink_to(tmp_path)
    pages.only_pages(notebooks=[str(graded)])
    assert [path.name for path in folder.rglob("*")] == ["work.html"]
    assert tmp_path.is_dir()
