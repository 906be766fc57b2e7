"""Submissions that cheat earn nothing, see nothing and change nothing; the honest ones beside them lose nothing.

Each is graded as one of a class would be, in a course of its own that is compared before and after. That an attack is
one is shown by a grader with nothing in its way: see `hostile.unguarded`.
"""

import html
import html.parser
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from checker.course import folder, nbgrader, runs
from checker.course.outcome import GRADED, NOT_GRADED, Limits
from tests.hostile import HONEST, HOSTILE, disk, world
from tests.hostile.honest import AFFINE, MUL
from tests.hostile.submission import CHANGED, SMALL, Submission, filled, sent
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
    items = [item for item in request.session.items if "results" in item.fixturenames]
    asked = {item.callspec.params["submission"].name for item in items}
    root = tmp_path_factory.mktemp("graded")
    cheats, others = (tuple(each for each in some if each.name in asked) for some in (HOSTILE, HONEST))
    hostile = world.everything(cheats, course, root / "hostile")
    honest = world.everything(others, course, root / "honest", GENEROUS)
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

#: Of the groups that are quickly graded, every so many are in the class; and all honest ones.
QUICK, EVERY_SO_MANY = ("judge", "file", "page", "network", "notebook", "value"), 4
CLASS = [each for each in HOSTILE if each.group in QUICK and "0 MB" not in each.words and each.assignment == SMALL]
CLASS = [*CLASS[::EVERY_SO_MANY], *(each for each in HOSTILE if each.group == "page"), *HONEST]
WHERE = ("course/autograded", "course/feedback", "course/reports", "course/gradebook.db")


class Graded:
    """A class of all of them, graded, and its pages."""

    def __init__(self, course, root):
        self.world = world.World(course, root / "world")
        self.root = self.world.course
        shutil.rmtree(self.root / "autograded")
        with (self.root / folder.CONFIG).open("a") as file:
            file.write("c.Execute.timeout = 8\n")
        right = sent(filled(course.released[SMALL], mul=MUL, affine=AFFINE))
        for each in {each.name: each for each in CLASS}.values():
            self.put(each.name, {**each.make(course.released[SMALL])}, root)
        for student in disk.STUDENTS:
            self.put(student, right, root)
        for words, make in {**disk.NOTHING, **disk.RIGHT}.items():
            make(self.root / "submitted" / words / SMALL, self.root, right[disk.NAME])
        self.world.before = self.world.state()
        self.course = folder.Course(self.root)
        self.outcomes = {each.student: each for each in runs.autograde(self.course, SMALL, jobs=2)}
        self.pages = dict(nbgrader.feedback(self.course, SMALL))
        self.world.close()

    def put(self, student, files, root):
        """Lay files down as a student's, but for those whose names lead out of the folder."""
        into = self.root / "submitted" / student / SMALL
        for name, data in files.items():
            if name == disk.NAME or re.fullmatch(r"[\w. ()-]+\.(py|ipynb)", name):
                into.mkdir(parents=True, exist_ok=True)
                (into / name).write_bytes(self.world.filled(data, root))

    def folders(self, student):
        """What goes back to a student, or lies ready to."""
        return [path for step in ("autograded", "feedback") for path in (self.root / step / student).rglob("*")]


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    root = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(root))
        patch.setenv("CHECKER_CANARY", f"{world.CANARY}-ENVIRONMENT")
        yield Graded(course, root)


def test_nothing_but_results_is_written(graded):
    changed = graded.world.changed()
    assert [path for path in changed if not path.startswith(WHERE) and path != "course"] == []
    assert {**graded.world.effects({}), CHANGED: ""} == {CHANGED: ""}


def test_each_of_a_class_gets_what_it_deserves(graded):
    for each in CLASS:
        outcome = graded.outcomes[each.name]
        assert outcome.state in each.states, (each.name, outcome.notes)
        assert outcome.score == (each.deserves if outcome.state == GRADED else 0), each.name
        assert world.told(outcome, outcome.to_json()) == {}, each.name


@pytest.mark.parametrize("words", disk.NOTHING)
def test_what_is_no_submission_is_not_graded(graded, words):
    outcome = graded.outcomes[words]
    assert (outcome.state, outcome.score, outcome.ours) == (NOT_GRADED, 0, False)
    assert outcome.notes
    assert [path for path in graded.folders(words) if path.is_file()] == []


@pytest.mark.parametrize("words", disk.RIGHT)
def test_what_lies_beside_a_right_notebook_costs_nothing(graded, words):
    outcome = graded.outcomes[words]
    assert (outcome.state, outcome.score) == (GRADED, 3), outcome.notes


@pytest.mark.parametrize("student", disk.STUDENTS, ids=ascii)
def test_a_name_is_no_command(graded, student):
    outcome = graded.outcomes.get(student) or graded.outcomes[ascii(student)[1:-1]]
    if outcome.state == GRADED:
        assert outcome.score == 3
    else:
        assert "rename it" in outcome.notes[0]
        assert not outcome.ours


def test_nothing_goes_back_that_was_not_the_students_own(graded):
    for student, outcome in graded.outcomes.items():
        if outcome.state != GRADED or student in ("honest", "other"):
            continue
        for path in graded.folders(student):
            assert path.suffix in ("", ".ipynb", ".html", ".txt"), path
            assert not path.is_symlink(), path
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            assert not re.search(f"LOOT|{world.CANARY}", text), path


class Running(html.parser.HTMLParser):
    """What of a student's would run in a page."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], ""

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.found += [tag] * (tag in ("iframe", "object", "embed", "base", "form"))
        for name, value in attributes:
            if name.startswith("on") or "javascript:" in (value or "") or name == "srcdoc":
                self.found.append(f"{tag} {name}")

    def handle_data(self, data):
        if self.inside in ("script", "style") and ("pwned" in data or "@import" in data):
            self.found.append(data[:200])

    def handle_endtag(self, tag):
        self.inside = ""


def test_pages_run_nothing_and_show_no_hidden_test(graded):
    made = [page for page in graded.pages.values() if isinstance(page, Path)]
    assert len(made) == len([each for each in graded.outcomes.values() if each.state == GRADED])
    for page in made:
        text = page.read_text(encoding="utf-8")
        running = Running()
        running.feed(text)
        assert running.found == [], page
        assert 'grade("affine.affine_backward")' not in html.unescape(re.sub("<[^>]+>", "", text)), page
        assert os.listdir(page.parent) == [page.name]


def test_nobody_is_graded_twice(graded):
    again = list(runs.autograde(graded.course, SMALL, jobs=2))
    assert all(not each.notebooks or not each.notebooks[0].notebook for each in again)
    assert {each.student: each.score for each in again} == {name: each.score for name, each in graded.outcomes.items()}
