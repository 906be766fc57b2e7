"""Submissions that cheat earn nothing, see nothing and change nothing; the honest ones beside them lose nothing.

Each is graded as one of a class would be, in a course of its own that is compared before and after. That an attack is
one is shown by a grader with nothing in its way: see `hostile.unguarded`.
"""

import sys

import pytest

from checker.course.outcome import GRADED, Limits
from tests.hostile import HONEST, HOSTILE, world
from tests.hostile.submission import SMALL, Submission
from tests.hostile.unguarded import executed, unguarded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has the whole sandbox"),
]

EVERY = (*HOSTILE, *HONEST)
SMALLEST = 90
#: An honest submission may take its time on a busy machine.
GENEROUS = Limits(cell=60, call=30, total=300)


def names(submissions):
    return [pytest.param(each, id=each.name) for each in submissions]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return world.Course(tmp_path_factory.mktemp("hostile") / "template")


@pytest.fixture(scope="module")
def results(course, tmp_path_factory, request):
    """What came of those that are asked for in this run, graded two at a time."""
    asked = {item.callspec.params["submission"] for item in request.session.items if "results" in item.fixturenames}
    root = tmp_path_factory.mktemp("graded")
    wanted = tuple(each for each in EVERY if each in asked)
    hostile = world.everything(tuple(each for each in wanted if each in HOSTILE), course, root / "hostile")
    honest = world.everything(tuple(each for each in wanted if each in HONEST), course, root / "honest", GENEROUS)
    return hostile | honest


@pytest.mark.parametrize("submission", names(HOSTILE))
def test_nothing_comes_of_it(submission: Submission, results):
    result = results[submission.name]
    assert result.effects == {}
    assert result.outcome.state in submission.states, result.outcome.notes
    assert result.outcome.score == 0
    assert result.outcome.state == GRADED or result.outcome.notes, "it does not say why it was not graded"


@pytest.mark.parametrize("submission", names(HONEST))
def test_an_honest_one_is_graded_in_full(submission: Submission, results):
    result = results[submission.name]
    assert result.effects == {}
    outcome = result.outcome
    assert (outcome.state, outcome.score) == (GRADED, submission.deserves), outcome
    assert outcome.incidents == ()
    assert outcome.notes == ()


def test_there_are_many_and_each_has_its_name():
    assert len(HOSTILE) >= SMALLEST
    assert len({each.name for each in EVERY}) == len(EVERY)


# -- that attacks are attacks -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    grader = world.Grader(executed, tmp_path_factory.mktemp("kernel") / "tmp")
    yield grader
    grader.close()


@pytest.mark.parametrize("submission", names(each for each in HOSTILE if each.works and each.assignment == SMALL))
def test_it_works_where_nothing_is_in_its_way(submission: Submission, course, kernel, tmp_path):
    result = unguarded(submission, course, tmp_path / "world", kernel)
    assert set(submission.works) <= set(result.effects), result.text


# -- a class ----------------------------------------------------------------------------------------------------------
