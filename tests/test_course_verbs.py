"""What an instructor types to grade a class, and what is said."""

import contextlib
import csv
import functools
import json
import re

import pytest

from checker.cli import main
from checker.course import runs, verbs
from checker.course.executors import Place, place
from checker.course.gradebook import Gradebook
from checker.course.outcome import GRADED, NOT_GRADED, Mark, Outcome
from checker.course.outcome import Graded as GradedNotebook
from tests.small_course import NAME, fake, hand_in, small_course

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two():
    with place(jobs=2) as two:
        yield two


@pytest.fixture
def asked(two, monkeypatch):
    """Grade with `fake`, in processes that are there already; how processes were asked for."""
    asked = []

    @contextlib.contextmanager
    def same(where="", jobs=1, limit=None):
        with contextlib.ExitStack() as stack:
            if where or jobs < 1:
                stack.enter_context(place(where, jobs, limit))
            asked.append((where, jobs, limit))
            yield Place(two.pool, 2)

    monkeypatch.setattr(verbs, "place", same)
    monkeypatch.setattr(runs, "autograde", functools.partial(runs.autograde, grade=fake))
    return asked


@pytest.fixture
def course(tmp_path, asked):
    course = small_course(tmp_path / "course")
    for student, text in {"ann": "share 1", "bob": "share 0.5 a-note", "cat": "unreadable", "dan": "unsafe"}.items():
        hand_in(course, student, text)
    return course


@pytest.fixture
def checker(course, capsys):
    """A command for the course: its exit code and what it prints."""

    def run(verb, *options):
        code = main([verb, *options, "--course", str(course.root)])
        return code, *capsys.readouterr()

    return run


def test_a_class_is_graded(course, checker, asked):
    code, out, err = checker("autograde", "--jobs", "3")
    assert (code, err) == (1, "")
    lines = [re.sub(" +", " ", line).strip() for line in out.splitlines()]
    assert lines == [
        "student assignment score remarks",
        "ann 01_gates 3 of 5 2 points are to be given by hand",
        "bob 01_gates 1.5 of 5 a-note; 2 points are to be given by hand",
        "cat 01_gates not graded it is unreadable",
        "dan 01_gates not graded the sandbox refused",
        "2 of 4 could not be graded; what was at fault here is tried again by the same command",
    ]
    assert asked == [("", 3, runs.patience(runs.limits(course)))]
    hand_in(course, "cat", "share 1")
    hand_in(course, "dan", "share 1")
    code, out, err = checker("autograde")
    assert (code, err) == (0, "")
    assert "could not" not in out
    with Gradebook(course) as book:
        assert {outcome.isolation for outcome in book.outcomes(NAME)} == {"full"}


def test_some_students_and_a_regrade(course, checker):
    assert checker("autograde", NAME, "--student", "ann", "--student", "bob")[0] == 0
    with Gradebook(course) as book:
        assert set(book.known(NAME)) == {"ann", "bob"}
    checker("autograde", "--student", "ann", "--regrade")
    path = course.root / "reports" / f"{NAME}.jsonl"
    outcomes = [json.loads(line) for line in path.read_text().splitlines() if '"outcome"' in line]
    assert sorted(each["student"] for each in outcomes) == ["ann", "ann", "bob"]


def test_without_isolation_is_said_and_kept(course, checker):
    code, _, err = checker("autograde", "--student", "ann", "--no-isolation")
    assert (code, err) == (0, "WITHOUT ISOLATION: what was submitted runs with all the rights that you have\n")
    with Gradebook(course) as book:
        assert book.outcome("ann", NAME).isolation == "none"
    checker("autograde", "--student", "ann", "--sandbox", "bubblewrap", "--regrade")
    with Gradebook(course) as book:
        assert book.outcome("ann", NAME).isolation == "bubblewrap"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["99_x"], "there is no assignment 99_x in"),
        ([NAME, "--student", "zoe"], "zoe has submitted nothing for 01_gates"),
        (["--student", "zoe"], "zoe has submitted nothing: there is no"),
        (["02_derivatives"], "nothing was submitted: there is no"),
        (["--no-isolation", "--sandbox", "auto"], "--no-isolation and --sandbox auto: give one of them"),
        (["--executor", "xyz"], "--executor is 'xyz'; it is dask://HOST:PORT"),
        (["--jobs", "-1"], "--jobs is -1; it is at least 1"),
    ],
)
def test_what_cannot_be_asked(course, checker, options, said):
    code, out, err = checker("autograde", *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"checker: {said}")
    assert err.count("\n") == 1
    with Gradebook(course) as book:
        assert book.known(NAME) == {}


def test_what_was_never_released(course, checker):
    hand_in(course, "ann", "share 1").rename(course.root / "submitted" / "ann" / "02_derivatives")
    assert checker("autograde", "02_derivatives") == (
        2, "", "checker: 02_derivatives has not been released: python -m checker release 02_derivatives\n"
    )  # fmt: skip


def test_an_interrupted_run(course, checker, monkeypatch):
    real = runs.autograde

    def interrupted(*arguments, **more):
        for count, outcome in enumerate(real(*arguments, **more)):
            if count == 2:
                raise KeyboardInterrupt
            yield outcome

    monkeypatch.setattr(runs, "autograde", interrupted)
    code, out, _ = checker("autograde")
    assert code == 130
    assert re.fullmatch(r"stopped: [012] of 4 graded; the same command goes on where it stopped\n", out)
    monkeypatch.setattr(runs, "autograde", real)
    assert checker("autograde")[0] == 1
    with Gradebook(course) as book:
        assert len(book.known(NAME)) == 4


def test_a_page_about_the_class(course, checker):
    checker("autograde", "--no-isolation")
    code, out, err = checker("report")
    page = course.root / "reports" / "class.html"
    assert (code, out, err) == (0, f"{page}\n", "")
    text = page.read_text()
    assert "it is unreadable" in text
    assert "without isolation" in text.lower()
    page.unlink()
    page.mkdir()
    code, out, err = checker("report")
    assert (code, out) == (2, "")
    assert "cannot be written: Is a directory" in err


def test_grades_are_exported(course, checker, tmp_path):
    checker("autograde")
    path = tmp_path / "grades.csv"
    assert checker("export", "--to", str(path)) == (
        0,
        f"{path}: 4 lines\n"
        "waiting to be graded by hand, in nbgrader's formgrader: answers in 2 of the submissions\n",
        "",
    )  # fmt: skip
    with path.open() as file:
        scores = {row["student_id"]: row["01_gates (of 5)"] for row in csv.DictReader(file)}
    assert scores == {"ann": "3", "bob": "1.5", "cat": "", "dan": ""}
    assert checker("export", "--to", str(tmp_path)) == (
        2, "", f"checker: {tmp_path} cannot be written: Is a directory\n"
    )  # fmt: skip


def test_feedback_says_what_is_missing(course, checker):
    code, _, err = checker("feedback", "nope")
    assert (code, err.startswith("checker: there is no assignment nope in ")) == (2, True)
    checker("autograde")
    code, out, _ = checker("feedback", "--student", "cat")
    assert (code, out) == (1, "cat: not graded: it is unreadable\n")
    hand_in(course, "eve", "share 1")
    assert checker("feedback", "--student", "eve") == (
        2, "", "checker: eve has no outcome for 01_gates: python -m checker autograde 01_gates\n"
    )  # fmt: skip


def test_a_large_class_is_shown_by_what_is_to_be_looked_at(capsys, monkeypatch):
    monkeypatch.setattr(verbs, "LONGEST", 3)
    marks = (GradedNotebook(NAME, (Mark("a", 2.0, 1.0),)),)
    outcomes = [Outcome(f"s{n}", NAME, GRADED, marks) for n in range(4)]
    verbs.show(outcomes[:3])
    assert capsys.readouterr().out.count("1 of 2") == 3
    strange = Outcome("zoe", NAME, GRADED, marks, notes=("a \x1b[31mred\nline",), incidents=("socket",))
    verbs.show([*outcomes, Outcome("bob", NAME, NOT_GRADED, notes=("empty",)), strange])
    out = capsys.readouterr().out
    assert "a  [31mred line; sandbox: socket" in out
    assert "bob" in out
    assert "s0" not in out
    assert out.endswith("and 4 more that were graded without remarks\n")
    verbs.show(outcomes)
    assert capsys.readouterr().out == "and 4 more that were graded without remarks\n"
