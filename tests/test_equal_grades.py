"""Honest submissions have the grades that stock nbgrader gives them, which runs them and their tests in one kernel."""

import sys

import pytest

from checker.course import demo, nbgrader, runs
from checker.course.executors import place
from checker.course.outcome import GRADED
from checker.course.simulate import SENT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's"),
]

ASSIGNMENTS = ("01_gates", "06_normalisation")
HONEST = (
    "everything right", "nothing answered", "only the first answer", "a known mistake", "a known mistake in the last",
    "right numbers, wrong shape", "one gradient too few", "an exception", "sys.exit()",
)  # fmt: skip
#: To stock nbgrader what stands on standard error is a failure.
UNFAIR = "a warning and a debug print"
#: nbgrader's own steps, in its own order.
STOCK = """
from nbgrader.preprocessors import Execute, LimitOutput
c.Autograde.autograde_preprocessors = [
    Execute, LimitOutput, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata
]
"""


@pytest.fixture(scope="module")
def grades(tmp_path_factory):
    """By assignment and what was sent: our points, and nbgrader's."""
    found = {}
    for grader in ("ours", "stock"):
        course = demo.prepared(tmp_path_factory.mktemp(grader) / "course")
        for name in ASSIGNMENTS:
            nbgrader.release(course, name)
            sent = demo.hand_in(course, name, (*HONEST, UNFAIR))
            scores = _ours(course, name) if grader == "ours" else _stock(course, name)
            for student, words in sent.items():
                found.setdefault((name, words), []).append(scores[student])
    return found


def _ours(course, name):
    with place("", 2) as where:
        outcomes = list(runs.autograde(course, name, executor=where))
    assert {outcome.state for outcome in outcomes} == {GRADED}
    return {outcome.student: outcome.score for outcome in outcomes}


def _stock(course, name):
    config = course.root / "nbgrader_config.py"
    if STOCK not in config.read_text():
        config.write_text(config.read_text() + STOCK)
    with nbgrader._api(course) as api:
        done = api.autograde(name, "*")
        assert done["success"], done
        with api.gradebook as book:
            return {each.student_id: float(each.score) for each in book.assignment_submissions(name)}


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("words", HONEST)
def test_grades_are_equal(grades, name, words):
    ours, stock = grades[name, words]
    assert ours == pytest.approx(stock)


def test_something_was_graded(grades):
    assert {ours > 0 for ours, _ in grades.values()} == {True, False}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_what_is_printed_costs_nothing(grades, name):
    assert grades[name, UNFAIR][0] == grades[name, "everything right"][0]
    assert "a warning and a debug print" in SENT
