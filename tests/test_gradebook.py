"""The gradebook: what nbgrader would have written, and our own table, in one transaction or not at all."""

import json
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest

from checker.course import gradebook
from checker.course.gradebook import Gradebook, Known, handed_in_at
from checker.course.outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome
from checker.errors import UsageError
from tests.small_course import NAME, notebook_of, small_course

pytestmark = pytest.mark.slow

DUE = datetime(2026, 3, 1, 12)
LATE = "2026-03-01 13:00:00 UTC"


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


@pytest.fixture
def book(course):
    with Gradebook(course) as book:
        yield book


def outcome(book, student="ann", share=0.5, words="My answer.", **more):
    made = []
    for name, cells in book.expected(NAME).items():
        hand = 0.0 if not words else None
        answer = words or next(each.source for each in cells if each.kind == "markdown" and each.grade)
        marks = [Mark(c.grade_id, c.points, c.points * share if c.kind == "code" else hand) for c in cells if c.grade]
        made.append(Graded(name, tuple(marks), notebook_of(cells, share, answer)))
    return replace(Outcome(student, NAME, GRADED, tuple(made), ("a note",), digest="abc"), **more)


def rows(course, *tables):
    """What the database holds, without the ids that are drawn at random."""
    with sqlite3.connect(course.root / "gradebook.db") as db:
        return {table: sorted(map(str, db.execute(QUERIES[table]))) for table in tables or QUERIES}


QUERIES = {
    "students": "select id, first_name, last_name, email from student",
    "submissions": "select a.name, s.student_id, s.timestamp, s.extension from submitted_assignment s "
    "join assignment a on a.id = s.assignment_id",
    "notebooks": "select n.name, s.student_id, x.flagged, x.late_submission_penalty from submitted_notebook x "
    "join notebook n on n.id = x.notebook_id join submitted_assignment s on s.id = x.assignment_id",
    "grades": "select b.name, s.student_id, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade "
    "from grade g join base_cell b on b.id = g.cell_id join submitted_notebook x on x.id = g.notebook_id "
    "join submitted_assignment s on s.id = x.assignment_id",
    "comments": "select b.name, s.student_id, c.auto_comment, c.manual_comment from comment c "
    "join base_cell b on b.id = c.cell_id join submitted_notebook x on x.id = c.notebook_id "
    "join submitted_assignment s on s.id = x.assignment_id",
}


def by_nbgrader(course, found, stamp=""):
    """Write an outcome as nbgrader does, with its own methods and preprocessors."""
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

    url = f"sqlite:///{course.root}/gradebook.db"
    with gradebook.quiet():
        from nbgrader.api import Gradebook as Theirs

        with Theirs(url, "backpropagation") as book:
            book.update_or_create_student(found.student)
            more = {"timestamp": handed_in_at(stamp)} if stamp else {}
            book.update_or_create_submission(NAME, found.student, **more)
        for each in found.notebooks:
            known = {"notebook": each.name, "assignment": NAME, "student": found.student, "db_url": url}
            for step in (SaveAutoGrades, AssignLatePenalties):
                step(config=course.configuration()).preprocess(nbformat.from_dict(each.notebook), {"nbgrader": known})


def due(course, when=DUE):
    with sqlite3.connect(course.root / "gradebook.db") as db:
        db.execute("update assignment set duedate = ?", [when.strftime("%Y-%m-%d %H:%M:%S.000000")])


ZERO = "c.LateSubmissionPlugin.penalty_method = 'zero'\n"
PLUGIN = """
from nbgrader.plugins import BasePlugin


class Half(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {penalty}


c.AssignLatePenalties.plugin_class = Half
"""


@pytest.mark.parametrize(
    ("stamp", "config"),
    [
        ("", ""),
        ("2026-02-27 13:00:00 UTC", ZERO),
        (LATE, ""),
        (LATE, ZERO),
        ("2026-03-01 13:00:00 +0300", ZERO),
        (LATE, PLUGIN.format(penalty="score / 2")),
        (LATE, PLUGIN.format(penalty="1e9")),
        (LATE, PLUGIN.format(penalty="-1")),
        (LATE, PLUGIN.format(penalty="None")),
    ],
)
def test_the_database_is_as_nbgrader_would_leave_it(tmp_path, stamp, config):
    ours, theirs = (small_course(tmp_path / name) for name in ("ours", "theirs"))
    for course in (ours, theirs):
        due(course)
        path = course.root / "nbgrader_config.py"
        path.write_text(path.read_text() + config)
    for share, words in ((0.5, "My answer."), (1.0, ""), (0.25, "Another answer.")):
        with Gradebook(ours) as book:
            found = outcome(book, share=share, words=words)
            book.record(found, stamp)
        by_nbgrader(theirs, found, stamp)
        assert rows(ours) == rows(theirs)
    assert len(rows(ours, "grades")["grades"]) == len(found.marks)
    if "/ 2" in config:
        assert f"('{NAME}', 'ann', 0, {found.score / 2})" in rows(ours, "notebooks")["notebooks"]


def test_points_given_by_hand_stay_and_are_to_be_looked_at_again(course, book):
    book.record(outcome(book, share=0.0))
    with sqlite3.connect(course.root / "gradebook.db") as db:
        db.execute("update grade set manual_score = 0.75, needs_manual_grade = 0")
        db.execute("update comment set manual_comment = 'well done'")
    book.record(outcome(book, share=1.0))
    assert all("0.75, None, 1)" in row for row in rows(course, "grades")["grades"])
    assert all("'well done')" in row for row in rows(course, "comments")["comments"])
    by_nbgrader(course, outcome(book, share=1.0))
    assert all("0.75, None, 1)" in row for row in rows(course, "grades")["grades"])


def test_points_given_by_hand_are_read_back(course, book):
    found = outcome(book, share=0.5)
    book.record(found)
    book.record(outcome(book, "bob", share=0.5))
    assert [list(each.marks) for each in book.graded(NAME)] == 2 * [list(found.marks)]
    (words,) = (mark.grade_id for mark in found.marks if mark.score is None)
    by_hand = (
        "update grade set manual_score = 0.75, needs_manual_grade = 0 where cell_id in (select id from base_cell where "
        "name = ?) and notebook_id in (select x.id from submitted_notebook x join submitted_assignment s "
        "on s.id = x.assignment_id where s.student_id = 'ann')"
    )
    with sqlite3.connect(course.root / "gradebook.db") as db:
        db.execute(by_hand, [words])
    ann, bob = book.graded(NAME)
    assert {mark.grade_id: mark.score for mark in ann.marks} == {
        mark.grade_id: 0.75 if mark.grade_id == words else mark.score for mark in found.marks
    }
    assert ann.by_hand == 0.0
    assert list(bob.marks) == list(found.marks)
    book.record(found)  # graded again: to be looked at again
    assert [each.by_hand for each in book.graded(NAME)] == 2 * [found.by_hand]


def test_a_notebook_that_was_not_handed_in_is_worth_nothing(course, book):
    book.record(replace(outcome(book), notebooks=()))
    assert all(", 0.0, None, None, 0)" in row for row in rows(course, "grades")["grades"])


def test_what_is_known_comes_back(course, book):
    assert book.known(NAME) == {}
    assert list(book.outcomes(NAME)) == []
    found = outcome(book, incidents=("socket",), isolation="seccomp", seconds=1.5)
    refused = Outcome("bob", NAME, NOT_GRADED, notes=("no notebook",), digest="def", ours=True)
    book.record(found)
    book.record(refused)
    assert book.known(NAME) == {"ann": Known("abc", GRADED, False), "bob": Known("def", NOT_GRADED, True)}
    assert list(book.outcomes(NAME)) == [found, refused]  # to which notebooks do not count
    assert list(book.outcomes(NAME, ["bob", "nobody"])) == [refused]
    assert [each.notebook for each in book.outcome("ann", NAME).notebooks] == [{}]
    with pytest.raises(UsageError, match="zoe has no outcome for 01_gates: python -m checker autograde 01_gates"):
        book.outcome("zoe", NAME)
    with sqlite3.connect(course.root / "gradebook.db") as db:
        (table,) = db.execute("select assignment, student, score, points, by_hand from checker_outcomes limit 1")
        db.execute("update checker_outcomes set outcome = '{}'")
    assert table == (NAME, "ann", found.score, found.points, found.by_hand)
    with pytest.raises(UsageError, match=r"the outcome of ann for 01_gates in sqlite.* cannot be read .*--regrade"):
        book.outcome("ann", NAME)


def test_each_submission_has_one_row(course, book):
    for share in (0.0, 0.5, 1.0):
        book.record(outcome(book, share=share))
    (found,) = book.outcomes(NAME)
    assert found.score == found.points - found.by_hand
    assert len(rows(course, "submissions")["submissions"]) == 1


def test_what_was_not_graded_leaves_nbgraders_rows_alone(course, book):
    refused = Outcome("ann", NAME, NOT_GRADED, notes=("no notebook",))
    book.record(refused)
    assert rows(course) == {table: [] for table in QUERIES}
    assert not course.autograded("ann", NAME).exists()
    book.record(outcome(book))
    before = rows(course)
    book.record(refused)
    assert rows(course) == before
    assert book.known(NAME)["ann"].state == NOT_GRADED


def test_graded_notebooks_are_put_where_nbgrader_looks(course, book):
    folder = course.autograded("ann", NAME)
    folder.mkdir(parents=True)
    (folder / "old.html").write_text("of an earlier grading")
    (folder / "old").mkdir()
    secret = course.root / "secret"
    secret.write_text("secret")
    (folder / f"{NAME}.ipynb").symlink_to(secret)
    found = outcome(book, words="Lone \ud800 and \u03c3.")
    book.record(found, LATE)
    assert sorted(path.name for path in folder.iterdir()) == [f"{NAME}.ipynb", "timestamp.txt"]
    notebook = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "Lone ? and \u03c3." in [cell.source for cell in notebook.cells]
    assert (folder / "timestamp.txt").read_text() == LATE
    assert secret.read_text() == "secret"


def test_the_cells_that_were_released(course, book):
    (cells,) = book.expected(NAME).values()
    source = json.loads((course.root / "source" / NAME / f"{NAME}.ipynb").read_text())
    order = [cell["metadata"]["nbgrader"]["grade_id"] for cell in source["cells"] if "nbgrader" in cell["metadata"]]
    assert [cell.grade_id for cell in cells] == order
    assert sum(cell.points for cell in cells) == 5
    assert all(cell.checksum for cell in cells)
    with pytest.raises(UsageError, match="02_derivatives has not been released: python -m checker release 02_der"):
        book.expected("02_derivatives")


@pytest.mark.parametrize("stamp", ["", "   ", "yesterday", "9" * 400, "2026-13-45", "a b c", "\x00"])
def test_a_stamp_that_tells_no_time(stamp):
    assert handed_in_at(stamp) is None


def test_a_stamp_is_brought_to_utc():
    assert handed_in_at("2026-03-01 13:00:00 UTC\n") == DUE + timedelta(hours=1)
    assert handed_in_at("2026-03-01T13:00:00.5+02:00") == datetime(2026, 3, 1, 11, 0, 0, 500000)
    assert handed_in_at(datetime.now(UTC).isoformat()).tzinfo is None


# -- what goes wrong --------------------------------------------------------------------------------------------------


def unchanged(course, book, act, match):
    """An act fails with a sentence, and nothing of it is left."""
    book.record(outcome(book, share=0.25))
    before, files = rows(course), list(course.root.rglob("autograded/**/*"))
    with pytest.raises(UsageError, match=match) as raised:
        act()
    assert "\n" not in str(raised.value)
    assert rows(course) == before
    assert [path for path in course.root.rglob("autograded/**/*") if "part" not in path.name] == files
    assert [each.score for each in book.outcomes(NAME)] == [0.75]


def test_a_locked_database(course, monkeypatch):
    monkeypatch.setattr(gradebook, "PATIENCE", 0.1)
    with Gradebook(course) as book:
        other = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)

        def act():
            other.execute("begin exclusive")
            try:
                book.record(outcome_before)
            finally:
                other.execute("rollback")
                other.close()

        outcome_before = outcome(book, "bob")
        unchanged(course, book, act, r"gradebook sqlite:.*db is locked by another program: end it, .* the same command")
        book.record(outcome_before)  # and now it goes on
        assert set(book.known(NAME)) == {"ann", "bob"}


def test_a_database_that_is_full(course, book):
    def act():
        book.nbgrader.engine.dispose()
        db = book.nbgrader.db.connection()
        (pages,) = db.exec_driver_sql("pragma page_count").one()
        db.exec_driver_sql(f"pragma max_page_count = {pages}")
        big = replace(outcome(book, "bob"), notes=("x" * 1_000_000,))
        book.record(big)

    unchanged(course, book, act, r"gradebook sqlite.*cannot grow, for its disk is full: make room; the same command")


def test_a_folder_that_cannot_be_written(course, book):
    def act():
        (course.root / "autograded" / "bob").write_text("a file in the way")
        try:
            book.record(outcome(book, "bob"))
        finally:
            (course.root / "autograded" / "bob").unlink()

    unchanged(course, book, act, r"autograded/bob/01_gates cannot be written \(Not a directory\): mend that; the same")


def test_a_disk_that_is_full(course, book, monkeypatch):
    def full(path, data):
        raise OSError(28, os.strerror(28), str(path))

    def act():
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            book.record(outcome(book, "ann"))

    unchanged(course, book, act, r"cannot be written \(No space left on device\): mend that")


def test_a_plugin_that_raises(course):
    due(course)
    path = course.root / "nbgrader_config.py"
    path.write_text(path.read_text() + PLUGIN.format(penalty="score / 0"))
    with Gradebook(course) as book:
        act = lambda: book.record(outcome(book, "bob"), LATE)  # noqa: E731
        unchanged(course, book, act, "the late penalty of bob cannot be told: Half raised ZeroDivisionError: float div")


def test_cells_that_were_released_anew_meanwhile(course, book):
    stranger = replace(outcome(book).notebooks[0], marks=(Mark("gone", 1.0, 1.0),))
    act = lambda: book.record(replace(outcome(book), notebooks=(stranger,)))  # noqa: E731
    unchanged(course, book, act, "01_gates has no graded cell gone in sqlite.*: was it released anew")
    other = replace(outcome(book).notebooks[0], name="other")
    with pytest.raises(UsageError, match="01_gates has no notebook other in sqlite"):
        book.record(replace(outcome(book), notebooks=(other,)))


def configured(course, line):
    path = course.root / "nbgrader_config.py"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError) as raised, Gradebook(course):
        pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c.CourseDirectory.db_url = 'no address'", "c.CourseDirectory.db_url is no database's address; it is like"),
        ("c.CourseDirectory.db_url = 'sqlite:////no/such/folder/g.db'", "g.db cannot be used: unable to open database"),
        ("c.CourseDirectory.db_url = 'oracle+oracledb://u:secret@h/d'", "u:***@h/d needs oracledb, which is not inst"),
        ("c.CourseDirectory.db_url = 'xyz://u@h/d'", "the gradebook xyz://u@h/d cannot be used: Can't load plugin"),
        ("c.CourseDirectory.nonsense(", "was never closed"),
        ("x = 1 / 0", ": ZeroDivisionError: division by zero"),
    ],
)
def test_a_bad_configuration(course, line, said):
    assert said in configured(course, line)


def test_a_bad_configuration_is_pointed_at(course):
    lines = len((course.root / "nbgrader_config.py").read_text().splitlines())
    assert f"nbgrader_config.py, line {lines + 2}: ValueError: no" in configured(course, "\nraise ValueError('no')")


def test_a_file_that_is_no_database(course):
    (course.root / "gradebook.db").write_text("these are the grades: ...\n" * 99)
    assert "gradebook.db is no database: move the file away" in configured(course, "")


def test_a_database_of_an_older_nbgrader(course):
    with sqlite3.connect(course.root / "gradebook.db") as db:
        db.execute("alter table submitted_notebook drop column late_submission_penalty")
    with Gradebook(course) as book, pytest.raises(UsageError, match="is an older nbgrader's: nbgrader db upgrade"):
        book.record(outcome(book))


def test_a_database_that_may_only_be_read(course):
    line = f"c.CourseDirectory.db_url = 'sqlite:///file:{course.root}/gradebook.db?mode=ro&uri=true'"
    assert "cannot be written: give yourself the right to write to it" in configured(course, line)
