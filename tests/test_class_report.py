"""The class report: every number in it counted here by hand, every text in it escaped, none from elsewhere."""

import html
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")

from checker.course import classreport
from checker.course.outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome

EVIL = "<img src=x onerror='window.pwned=1'>\"&"
SWAPPED = {"kind": "values", "cause": "inputs-swapped", "message": "swapped: 2 of 2 wrong", "advice": "which is which?"}


def right(name, points=1.0):
    return Mark(f"{name}_test", points, points, f"gates.{name}", "right")


def wrong(name, points=1.0, score=0.0, **more):
    return Mark(f"{name}_test", points, score, f"gates.{name}", "wrong", **more)


def left(name, points=1.0):
    return Mark(f"{name}_test", points, 0.0, f"gates.{name}", "not attempted")


WORDS = Mark("words", 2.0, None)


def graded(student, *marks, assignment="01_gates", isolation="limits, seccomp", **more):
    return Outcome(student, assignment, GRADED, (Graded(assignment, marks),), isolation=isolation, **more)


def some():
    return [
        graded("ann", right("add"), right("mul"), WORDS),
        graded("ben", right("add"), wrong("mul", **SWAPPED), WORDS, notes=("copied, and kept once: add",)),
        graded("cat", wrong("add", **SWAPPED), wrong("mul", **{**SWAPPED, "message": "swapped: 1 of 2 wrong"}), WORDS),
        graded("dan", left("add"), left("mul"), WORDS, incidents=("cell 3 tried to open a socket",)),
        Outcome("eve o'x", "01_gates", NOT_GRADED, notes=("01_gates.ipynb is empty",)),
        Outcome("fay", "01_gates", NOT_GRADED, notes=("the grading process ended twice",), ours=True),
        graded("ann", wrong("norm", 7.5, 2.5, kind="error", message="raised NameError"), assignment="06_norm"),
        graded("ben", right("norm", 7.5), assignment="06_norm", isolation="none"),
    ]


def runs():
    return [
        {"event": "start", "time": "2026-03-01T10:00:00.123+00:00", "assignment": "06_norm", "isolation": "none"},
        {"event": "outcome", "time": "2026-03-03T10:00:00.123+00:00", "assignment": "06_norm", "isolation": "none"},
        {"event": "start", "time": "2026-03-02T10:00:00.123+00:00", "assignment": "01_gates", "isolation": "full"},
    ]


class Parsed(HTMLParser):
    """Elements, their attributes, and whether each that was opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "rect", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<body")[2])))


def section(page, name):
    """The text of an assignment's part."""
    (found,) = [each for each in page.split("<section")[1:] if f"<h2>{name}</h2>" in each]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", found)))


@pytest.fixture(scope="module")
def page():
    return classreport.page("a course", iter(some()), iter(runs()))


def test_scores(page):
    said = section(page, "01_gates")
    assert (
        "4 of 6 submissions graded; mean 0.75, median 0.5 of 2 points; 2 not graded ; 4 answers wait to be read: "
        "until then no score counts words ." in said
    )
    assert 'aria-label="How many submissions had how many points: 0 points: 2; 1 points: 1; 2 points: 1"' in page
    assert "add mean 0.5 of 1 2 right 1 wrong 1 not attempted" in said
    assert "mul mean 0.25 of 1 1 right 2 wrong 1 not attempted" in said
    assert "words 2 points 4 to be read" in said
    assert 'aria-label="2 right, 1 wrong, 1 not attempted"' in page
    assert "norm mean 5 of 7.5 1 right 1 partly right" in section(page, "06_norm")


def test_scores_are_of_the_same_points_until_everything_is_read():
    read = Mark("words", 2.0, 2.0)
    half = [graded("ann", right("add"), read), graded("ben", right("add"), WORDS)]
    said = section(classreport.page("x", half), "01_gates")
    assert "2 of 2 submissions graded; mean 1, median 1 of 1 points; 1 answer waits to be read: " in said
    assert "until then no score counts words ." in said
    assert "words mean 2 of 2 1 right 1 to be read" in said
    assert "Who needs a hand" not in said
    whole = [half[0], graded("ben", right("add"), Mark("words", 2.0, 0.0))]
    said = section(classreport.page("x", whole), "01_gates")
    assert "2 of 2 submissions graded; mean 2, median 2 of 3 points. " in said
    assert "student points not attempted ben 1 of 3" in said
    assert "to be read" not in said
    nothing = classreport.page("x", [graded("ann", WORDS), graded("ann", WORDS, assignment="06_norm")])
    assert "1 of 1 submission graded; 1 answer waits to be read" in section(nothing, "01_gates")
    assert "0 / 0" not in text_of(nothing)
    doubted = graded("ann", right("add"), Mark("mul_test", 1.0, None, "gates.mul", "right"))
    said = section(classreport.page("x", [doubted, graded("ben", right("add"), right("mul"))]), "01_gates")
    assert "mean 1, median 1 of 1 points; 1 answer waits to be read: until then no score counts mul ." in said


def test_a_histogram_counts_every_submission_once():
    for points, scores in (
        (2, [0, 0.5, 2, 2]),
        (7.5, [0, 0.1, 7.5, 7.4999, 3.75]),
        (100, range(101)),
        (0.3, [0.1, 0.3]),
    ):
        histogram = classreport._histogram(list(scores), points)
        assert sum(bar["count"] for bar in histogram["bars"]) == len(scores)
        assert max(bar["height"] for bar in histogram["bars"]) == 90
        last = histogram["bars"][-1]
        assert last["count"]
        assert last["x"] + last["width"] <= 360
    whole = classreport._histogram([0, 1, 1, 3], 3)
    assert [(bar["label"], bar["count"]) for bar in whole["bars"]] == [("0", 1), ("1", 2), ("2", 0), ("3", 1)]
    wide = classreport._histogram([9.99, 10, 100], 100)
    assert [(bar["words"], bar["count"]) for bar in wide["bars"] if bar["count"]] == [
        ("0 to 10", 1), ("10 to 20", 1), ("90 to 100", 1),
    ]  # fmt: skip


def test_mistakes_by_name_with_counts_and_advice(page):
    said = section(page, "01_gates")
    first, second = said.index("2× inputs swapped in mul"), said.index("1× inputs swapped in add")
    assert first < second
    assert "for example: swapped: 2 of 2 wrong → which is which? who ben, cat" in said
    assert "1× the code raises an exception in norm raised NameError" in section(page, "06_norm")


def test_who_needs_a_hand(page):
    said = section(page, "01_gates")
    assert "student points not attempted cat 0 of 2 dan 0 of 2 2" in said
    assert "inputs swapped , in several exercises: cat" in said
    assert "ann 2.5 of 7.5" in section(page, "06_norm")
    assert "Who needs a hand" not in section(classreport.page("x", some()[:1]), "01_gates")


def test_what_was_not_graded_and_how_to_grade_it(page):
    said = section(page, "01_gates")
    assert "These have no grade, which is not 0." in said
    assert (
        "eve o'x : 01_gates.ipynb is empty python -m checker autograde 01_gates --student 'eve o'\"'\"'x' --regrade"
        in said
    )
    assert "fay : the grading process ended twice (the grader's fault)" in said
    assert "dan : cell 3 tried to open a socket" in said
    assert "ben : copied, and kept once: add" in said
    assert "words , 2 points: 4 answers (ann, ben, cat, dan)" in said


def test_grading_without_isolation_is_told_first(page):
    said = text_of(page)
    assert said.index("Graded without isolation.") < said.index("01_gates")
    assert "06_norm: 1 submission " in said
    assert "a run of 06_norm, 2026-03-01 10:00" in said
    assert "2026-03-02" not in said
    assert "2026-03-03" not in said
    assert "before these marks count" in said
    assert "without isolation" not in text_of(classreport.page("x", some()[:4], runs()[2:]))
    later = text_of(classreport.page("x", some()[:4], runs()))
    assert "There were runs without isolation." in later
    assert "All marks are from later runs." in later


def test_nothing_graded_yet():
    assert "Nothing has been graded yet: python -m checker autograde" in text_of(classreport.page("x", []))
    only = classreport.page("x", [Outcome("ann", "01_gates", NOT_GRADED)])
    assert "0 of 1 submission graded; 1 not graded" in section(only, "01_gates")
    assert "no reason was given" in section(only, "01_gates")


def test_everything_is_escaped_and_nothing_comes_from_elsewhere():
    mark = Mark(EVIL, 1.0, 0.0, f"gates.{EVIL}", "wrong", EVIL, EVIL, EVIL, EVIL, EVIL)
    outcomes = [
        graded(
            EVIL, mark, Mark(EVIL * 2, 1.0, None), notes=(EVIL,), incidents=(EVIL,), assignment=EVIL, isolation="none"
        ),
        Outcome(EVIL, EVIL, NOT_GRADED, notes=(EVIL,)),
        *some(),
    ]
    page = classreport.page(EVIL, outcomes, [{"isolation": "none", "assignment": EVIL, "time": EVIL}])
    assert EVIL not in page
    parsed = Parsed(page)
    assert parsed.open == []
    tags = {tag for tag, _ in parsed.found}
    assert not tags & {"img", "script", "link", "iframe", "form", "object"}
    for _, attributes in parsed.found:
        assert not any(name.startswith("on") for name in attributes)
        assert not re.search(r"https?:|//", " ".join(value or "" for value in attributes.values()))
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in page
    assert parsed.found[3] == ("meta", {"http-equiv": "Content-Security-Policy", "content": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )})  # fmt: skip


def test_a_large_class_has_a_page_that_can_be_read():
    marks = (wrong("add", **SWAPPED), wrong("mul", kind="error", message="x" * 100_000))
    outcomes = (graded(f"s{n:05}", *marks, notes=("moved",), incidents=("tried",)) for n in range(3000))
    page = classreport.page("large", outcomes)
    assert len(page) < 60_000
    said = section(page, "01_gates")
    assert "s00011 and 2988 more" in said
    assert "and 2980 more with less than half of the points" in said
    assert "and 2960 more" in said


def test_written_beside_the_other_reports(tmp_path):
    path = classreport.write(tmp_path, some(), runs())
    assert path == tmp_path / "reports" / "class.html"
    assert tmp_path.name in path.read_text()
    assert [each.name for each in path.parent.iterdir()] == ["class.html"]
    assert classreport.write(tmp_path, []) == path
    assert "Nothing has been graded yet" in path.read_text()
    (tmp_path / "calculus" / "notebooks").mkdir(parents=True)
    assert "calculus" in classreport.write(tmp_path / "calculus" / "notebooks", []).read_text()
