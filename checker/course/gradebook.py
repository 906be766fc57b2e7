"""The gradebook: nbgrader's database, and in it a table of our own with the outcome of every submission.

There is one writer, and it writes a submission in one transaction: nbgrader's rows (scores, comments, the penalty for
being late) as nbgrader's own autograding would leave them, and ours. What is not in the table has not been graded.

nbgrader and SQLAlchemy are imported inside functions: the verbs that do without them stay quick.
"""

import contextlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ..errors import UsageError
from .folder import Course
from .outcome import GRADED, Graded, Outcome
from .precheck import Expected

TABLE = "checker_outcomes"
STAMP = "timestamp.txt"
#: Seconds to wait for another program that writes to an SQLite gradebook.
PATIENCE = 30.0
#: How many characters of a student's name nbgrader keeps.
LONGEST = 128


@dataclass(frozen=True)
class Known:
    """What the table says of a submission that was graded before: of which files, and what came of it."""

    digest: str
    state: str
    ours: bool


@dataclass(frozen=True)
class _Cells:
    """A notebook of an assignment in nbgrader's database: its id, and those of its cells by their grade_id."""

    id: str
    graded: Mapping[str, str]
    answered: Mapping[str, str]


class Gradebook:
    """A course's gradebook, open until `close`.

    Every method raises UsageError where the database cannot be reached, read or written; then nothing was written.
    """

    def __init__(self, course: Course):
        config = course.configuration()
        with quiet():
            import nbgrader.api
            import sqlalchemy
            from nbgrader.coursedir import CourseDirectory
            from nbgrader.preprocessors import AssignLatePenalties
        folder = CourseDirectory(config=config)
        self.course, self._models = course, nbgrader.api
        self._where = _shown(folder.db_url)
        self._late = AssignLatePenalties(config=config)
        self._cells: dict[str, dict[str, _Cells]] = {}
        with self.spoken():
            #: nbgrader's own interface to the same database.
            self.nbgrader = nbgrader.api.Gradebook(folder.db_url, folder.course_id)
            engine = self.nbgrader.engine
            if engine.dialect.name == "sqlite":
                engine.dispose()
                sqlalchemy.event.listen(engine, "connect", _wait_longer)
            self.nbgrader.db.remove()
            self.nbgrader.db.configure(expire_on_commit=False)  # what was written is not asked for again
            self._table = _table(sqlalchemy)
            self._table.create(engine, checkfirst=True)
            self._late.init_plugin()

    def close(self) -> None:
        """Let go of the database."""
        self.nbgrader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading ------------------------------------------------------------------------------------------------------

    def expected(self, assignment: str) -> dict[str, tuple[Expected, ...]]:
        """The cells of each notebook of an assignment as they were released, in the order of its source.

        Raises UsageError where the assignment was never released.
        """
        with self.spoken():
            notebooks = self._released(assignment).notebooks
            source = self.course.root / "source" / assignment
            return {each.name: tuple(cells_of(each, source / f"{each.name}.ipynb")) for each in notebooks}

    def known(self, assignment: str) -> dict[str, Known]:
        """Which submissions were graded before, by student."""
        table = self._table.c
        with self.spoken():
            query = self._table.select().with_only_columns(table.student, table.digest, table.state, table.ours)
            rows = self.nbgrader.db.execute(query.where(table.assignment == assignment)).all()
            self.nbgrader.db.rollback()  # no lock outlives a question
        return {student: Known(digest, state, ours) for student, digest, state, ours in rows}

    def outcomes(self, assignment: str, students: Sequence[str] = ()) -> Iterator[Outcome]:
        """What came of each submission for an assignment, of those `students` or of all, without their notebooks."""
        table = self._table.c
        query = self._table.select().with_only_columns(table.student).where(table.assignment == assignment)
        with self.spoken():
            found = sorted(self.nbgrader.db.execute(query).scalars())
            self.nbgrader.db.rollback()
        for student in found if not students else [name for name in found if name in set(students)]:
            yield self.outcome(student, assignment)

    def outcome(self, student: str, assignment: str) -> Outcome:
        """What came of a submission, without its notebooks. Raises UsageError where it was never graded."""
        table = self._table.c
        query = self._table.select().with_only_columns(table.outcome)
        query = query.where((table.assignment == assignment) & (table.student == student))
        with self.spoken():
            text = self.nbgrader.db.execute(query).scalar_one_or_none()
            self.nbgrader.db.rollback()
        if text is None:
            raise UsageError(f"{student} has no outcome for {assignment}: python -m checker autograde {assignment}")
        try:
            return Outcome.from_json(text)
        except (ValueError, KeyError, TypeError) as problem:
            raise UsageError(
                f"the outcome of {student} for {assignment} in {self._where} cannot be read ({problem}): python -m "
                f"checker autograde {assignment} --student {student} --regrade makes it anew"
            ) from None

    def graded(self, assignment: str) -> Iterator[Outcome]:
        """What came of each submission, with the points that somebody has given by hand since."""
        models = self._models
        cell = models.SubmittedAssignment.student_id, models.Notebook.name, models.BaseCell.name
        with self.spoken():
            query = self.nbgrader.db.query(*cell, models.Grade.score).select_from(models.Grade)
            query = query.join(models.SubmittedNotebook, models.Grade.notebook_id == models.SubmittedNotebook.id)
            query = query.join(models.Notebook, models.SubmittedNotebook.notebook_id == models.Notebook.id)
            query = query.join(models.SubmittedNotebook.assignment).join(models.SubmittedAssignment.assignment)
            query = query.join(models.BaseCell, models.Grade.cell_id == models.BaseCell.id)
            query = query.filter(models.Assignment.name == assignment, models.Grade.manual_score.is_not(None))
            query = query.filter(models.Grade.needs_manual_grade.is_(False))
            given = {tuple(place): score for *place, score in query}
            self.nbgrader.db.rollback()
        for outcome in self.outcomes(assignment):
            read = [
                replace(each, marks=tuple(
                    replace(mark, score=given.get((outcome.student, each.name, mark.grade_id), mark.score))
                    for mark in each.marks
                ))
                for each in outcome.notebooks
            ]  # fmt: skip
            yield replace(outcome, notebooks=tuple(read))

    def waiting(self) -> int:
        """How many submissions have answers that somebody still has to grade by hand."""
        submission = self._models.SubmittedAssignment
        with self.spoken():
            count: int = self.nbgrader.db.query(submission).filter(submission.needs_manual_grade).count()
            self.nbgrader.db.rollback()
        return count

    # -- writing ------------------------------------------------------------------------------------------------------

    def record(self, outcome: Outcome, stamp: str = "") -> None:
        """Write down what came of a submission that was handed in at `stamp`, the text of its timestamp.txt.

        Of one that was graded these are nbgrader's rows, the notebooks in `autograded/` and our row; of one that was
        not, our row alone: what nbgrader has of an earlier submission is left to it.
        """
        texts = {each.name: _text(each.notebook) for each in outcome.notebooks}
        with self.spoken():
            if outcome.state == GRADED:
                self._save(outcome, stamp, texts)
            self._keep(outcome)
            self.nbgrader.db.flush()
            if outcome.state == GRADED:
                self._write(outcome, stamp, texts)
            self.nbgrader.db.commit()
            self.nbgrader.db.expunge_all()  # an instructor may give points by hand meanwhile

    def _keep(self, outcome: Outcome) -> None:
        """Our row, in the place of an earlier one."""
        table, db = self._table.c, self.nbgrader.db
        db.execute(
            self._table.delete().where((table.assignment == outcome.assignment) & (table.student == outcome.student))
        )
        light = replace(outcome, notebooks=tuple(replace(each, notebook={}) for each in outcome.notebooks))
        row = {
            "assignment": outcome.assignment, "student": outcome.student, "digest": outcome.digest,
            "state": outcome.state, "ours": outcome.ours, "score": outcome.score, "points": outcome.points,
            "by_hand": outcome.by_hand, "outcome": light.to_json(),
            "graded_at": datetime.now(UTC).replace(tzinfo=None),
        }  # fmt: skip
        db.execute(self._table.insert().values(**row))

    def _save(self, outcome: Outcome, stamp: str, texts: Mapping[str, bytes]) -> None:
        """The rows of nbgrader, as its Autograde, SaveAutoGrades and AssignLatePenalties leave them."""
        submission = self._submission(outcome)
        when = handed_in_at(stamp)
        if when is not None:
            submission.timestamp = when
        made = {each.name: each for each in outcome.notebooks}
        cells = self._structure(outcome.assignment)
        for name in made:
            if name not in cells:
                raise UsageError(f"{outcome.assignment} has no notebook {name} in {self._where}: {_AGAIN}")
        names = {each.id: name for name, each in cells.items()}
        for notebook in submission.notebooks:
            name = names.get(notebook.notebook_id, "")
            notebook.late_submission_penalty = None
            if name in made:
                self._score(notebook, made[name], cells[name])
                self._comment(notebook, texts[name], cells[name])
            else:  # one that was not handed in is worth nothing
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = 0.0, False
        if submission.total_seconds_late > 0:
            self.nbgrader.db.flush()
            for notebook in submission.notebooks:
                if names.get(notebook.notebook_id) in made:
                    self._penalise(notebook, outcome.student, submission.total_seconds_late)

    def _score(self, notebook: Any, graded: Graded, cells: _Cells) -> None:
        """The points of a notebook's cells; what somebody has given by hand stays, to be looked at again."""
        rows = {grade.cell_id: grade for grade in notebook.grades}
        for mark in graded.marks:
            if mark.grade_id not in cells.graded:
                raise UsageError(f"{graded.name} has no graded cell {mark.grade_id} in {self._where}: {_AGAIN}")
            grade = rows[cells.graded[mark.grade_id]]
            grade.auto_score = mark.score
            grade.needs_manual_grade = grade.manual_score is not None or mark.score is None

    def _comment(self, notebook: Any, text: bytes, cells: _Cells) -> None:
        """Put "No response." beside an answer that is as it was handed out, as nbgrader does."""
        unchanged = _unanswered(json.loads(text))
        names = {cell: grade_id for grade_id, cell in cells.answered.items()}
        for comment in notebook.comments:
            comment.auto_comment = "No response." if names.get(comment.cell_id) in unchanged else None

    def _penalise(self, notebook: Any, student: str, seconds: float) -> None:
        """Take off what the course's plugin takes off for being late, but no more than there is."""
        self.nbgrader.db.expire(notebook, ["score"])
        plugin = self._late.plugin_inst
        try:
            penalty = plugin.late_submission_penalty(student, notebook.score, seconds)
            checked = None if penalty is None else self._late._check_late_penalty(notebook, penalty)
        except Exception as problem:
            raise UsageError(
                f"the late penalty of {student} cannot be told: {type(plugin).__name__} raised "
                f"{type(problem).__name__}: {problem}"
            ) from None
        notebook.late_submission_penalty = checked

    def _submission(self, outcome: Outcome) -> Any:
        """The submission in nbgrader's tables, with a row for every cell, made if there is none."""
        models, db = self._models, self.nbgrader.db
        cells = self._structure(outcome.assignment)
        known = db.query(models.SubmittedAssignment).join(models.Assignment)
        of_this = (models.Assignment.name == outcome.assignment) & (
            models.SubmittedAssignment.student_id == outcome.student
        )
        submission = known.filter(of_this).one_or_none()
        if submission is None:
            student = db.get(models.Student, outcome.student) or models.Student(id=outcome.student)
            submission = models.SubmittedAssignment(assignment=self._released(outcome.assignment), student=student)
            db.add(submission)
        there = {notebook.notebook_id: notebook for notebook in submission.notebooks}
        for each in cells.values():
            notebook = there.get(each.id)
            if notebook is None:
                notebook = models.SubmittedNotebook(notebook_id=each.id, assignment=submission)
                db.add(notebook)
            for model, rows, wanted in (
                (models.Grade, notebook.grades, each.graded),
                (models.Comment, notebook.comments, each.answered),
            ):
                missing = set(wanted.values()) - {row.cell_id for row in rows}
                db.add_all([model(cell_id=cell, notebook=notebook) for cell in missing])
        return submission

    def _structure(self, assignment: str) -> dict[str, _Cells]:
        """The ids of an assignment's notebooks and cells."""
        if assignment not in self._cells:
            self._cells[assignment] = {
                each.name: _Cells(
                    each.id,
                    {cell.name: cell.id for cell in (*each.grade_cells, *each.task_cells)},
                    {cell.name: cell.id for cell in (*each.solution_cells, *each.task_cells)},
                )
                for each in self._released(assignment).notebooks
            }
        return self._cells[assignment]

    def _released(self, assignment: str) -> Any:
        """The assignment in nbgrader's tables. Raises UsageError where it was never released."""
        try:
            return self.nbgrader.find_assignment(assignment)
        except self._models.MissingEntry:
            problem = f"{assignment} has not been released: python -m checker release {assignment}"
            raise UsageError(problem) from None

    # -- files --------------------------------------------------------------------------------------------------------

    def _write(self, outcome: Outcome, stamp: str, texts: Mapping[str, bytes]) -> None:
        """The graded notebooks where nbgrader's feedback and formgrader look for them, and nothing else there."""
        folder = self.course.autograded(outcome.student, outcome.assignment)
        files = {f"{name}.ipynb": text for name, text in texts.items()}
        if stamp:
            files[STAMP] = stamp.encode("utf-8", "replace")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                beside = folder / f".{name}.part"
                beside.unlink(missing_ok=True)
                beside.write_bytes(text)
                os.replace(beside, folder / name)
            for path in folder.iterdir():
                if path.name not in files:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as problem:
            raise UsageError(
                f"{problem.filename or folder} cannot be written ({problem.strerror}): mend that; {_GOES_ON}"
            ) from None

    # -- what goes wrong ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def spoken(self) -> Iterator[None]:
        """Run something with the database; what goes wrong there is said in a sentence, and undone."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with quiet():
                yield
        except (SQLAlchemyError, self._models.InvalidEntry, ModuleNotFoundError) as problem:
            self._undo()
            raise UsageError(_sentence(self._where, problem)) from None
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        with contextlib.suppress(Exception), quiet():  # the connection may be what is gone
            self.nbgrader.db.rollback()


_GOES_ON = "the same command goes on where it stopped"
_AGAIN = "was it released anew while it was graded? Grade it again"


def handed_in_at(stamp: str) -> datetime | None:
    """The time that a timestamp.txt tells, in UTC and naive, as nbgrader keeps it; None where it tells none."""
    with quiet():
        from nbgrader.utils import parse_utc

    if not stamp.strip():
        return None
    try:
        found: datetime = parse_utc(stamp.strip())
    except Exception:  # dateutil has many ways to refuse a text
        return None
    return found


def _unanswered(notebook: Mapping[str, Any]) -> set[str]:
    """The answers in a graded notebook that are as they were handed out."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    found = set()
    for cell in notebook.get("cells", ()):
        known = cell.get("metadata", {}).get("nbgrader", {})
        if known.get("solution") and known.get("checksum") == compute_checksum(from_dict(cell)):
            found.add(known["grade_id"])
    return found


def _text(notebook: Mapping[str, Any]) -> bytes:
    """A notebook as its file holds it; half a surrogate pair, which no file can hold, becomes a question mark."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def cells_of(notebook: Any, source: Path) -> list[Expected]:
    """The cells of an nbgrader notebook as its database knows them, in the order of the notebook `source`."""
    graded = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
    answers = {cell.name for cell in notebook.solution_cells}
    order = {grade_id: place for place, grade_id in enumerate(_order(source))}
    found = [
        Expected(
            cell.name, cell.cell_type, cell.source, grade=cell.name in graded, solution=cell.name in answers,
            locked=bool(cell.locked), points=graded.get(cell.name, 0.0), checksum=cell.checksum,
        )
        for cell in notebook.source_cells
    ]  # fmt: skip
    return sorted(found, key=lambda cell: order.get(cell.grade_id, len(order)))


def _order(source: Path) -> list[str]:
    if not source.is_file():
        return []
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    return [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells if "nbgrader" in cell["metadata"]]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what nbgrader's dependencies say about themselves, and what nbgrader logs before it raises."""
    log = logging.getLogger("tornado.application")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _table(sqlalchemy: Any) -> Any:
    """Our table. nbgrader's own tables, and what upgrades them, know nothing of it."""
    column, string = sqlalchemy.Column, sqlalchemy.String
    return sqlalchemy.Table(
        TABLE, sqlalchemy.MetaData(),
        column("assignment", string(LONGEST), primary_key=True),
        column("student", string(255), primary_key=True),
        column("digest", string(64), nullable=False),
        column("state", string(16), nullable=False),
        column("ours", sqlalchemy.Boolean, nullable=False),
        column("score", sqlalchemy.Float, nullable=False),
        column("points", sqlalchemy.Float, nullable=False),
        column("by_hand", sqlalchemy.Float, nullable=False),
        column("outcome", sqlalchemy.Text, nullable=False),
        column("graded_at", sqlalchemy.DateTime, nullable=False),
    )  # fmt: skip


def _wait_longer(connection: Any, _: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")


def _shown(url: str) -> str:
    """A database's address without its password. Raises UsageError where it is none."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        raise UsageError(
            "c.CourseDirectory.db_url is no database's address; it is like sqlite:////path/gradebook.db or "
            "postgresql+psycopg2://user@host/database"
        ) from None


def _sentence(where: str, problem: Exception) -> str:
    """What is wrong with a database, and what to do."""
    if isinstance(problem, ModuleNotFoundError):
        return f"the gradebook {where} needs {problem.name}, which is not installed: pip install {problem.name}"
    said = str(getattr(problem, "orig", None) or problem).strip().splitlines()
    reason = said[0].partition(") ")[2] or said[0] if said and said[0].startswith("(") else said[0] if said else ""
    known = {
        "locked": f"is locked by another program: end it, or wait until it is done; {_GOES_ON}",
        "readonly": "cannot be written: give yourself the right to write to it and to its folder",
        "disk is full": f"cannot grow, for its disk is full: make room; {_GOES_ON}",
        "column": "is an older nbgrader's: nbgrader db upgrade",
        "not a database": "is no database: move the file away, or name another in c.CourseDirectory.db_url",
    }
    for word, sentence in known.items():
        if word in reason:
            return f"the gradebook {where} {sentence}"
    return f"the gradebook {where} cannot be used: {reason}"
