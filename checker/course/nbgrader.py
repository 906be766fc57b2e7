"""nbgrader's steps for a course folder, one submission at a time: what goes wrong with one touches no other.

nbgrader itself, and all that it needs, is imported inside functions: the verbs that do without it stay quick.
"""

import concurrent.futures.process
import contextlib
import csv
import hashlib
import json
import logging
import multiprocessing
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .folder import REPORTS
from .folder import Course as Course
from .folder import find_course as find_course
from .precheck import UnreadableError, stage

CHECKED = "checked"
GRADED, NOT_GRADED = "graded", "not graded"

_SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
#: What no released file may hold, beside the answers.
_TELLTALE = ("BEGIN SOLUTION", "HIDDEN TESTS", "checker.course")


@dataclass(frozen=True)
class Row:
    """One submission's outcome: its score, or why there is none; and what was put right in it."""

    student: str
    assignment: str
    state: str
    score: float = 0.0
    points: float = 0.0
    by_hand: float = 0.0
    notes: list[str] = field(default_factory=list)
    digest: str = ""


# -- nbgrader's interface ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _api(course: Course, **folders: str) -> Iterator[Any]:
    """Nbgrader's Python interface to a course, quiet. Raises UsageError where nbgrader is not installed."""
    config = course.configuration()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, about themselves
        from nbgrader.apps import NbGraderAPI

        config.CourseDirectory.merge(folders)
        log = logging.getLogger("checker.course")
        log.propagate, log.handlers = False, [logging.NullHandler()]
        log.setLevel(logging.INFO)
        before = Path.cwd()
        try:
            api = NbGraderAPI(config=config, log=log)
            with _kernels_unheard():
                yield api
        finally:
            os.chdir(before)


@contextlib.contextmanager
def _kernels_unheard() -> Iterator[None]:
    """What kernels write to the terminal as they start and end is not for instructors."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    terminal = sys.stderr
    try:
        os.dup2(nothing, 2)
        with os.fdopen(os.dup(kept), "w", buffering=1) as shown:
            sys.stderr = shown if terminal.isatty() or terminal is sys.__stderr__ else terminal
            yield
    finally:
        sys.stderr = terminal
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _reason(done: Mapping[str, Any]) -> str:
    """The last thing that nbgrader says of what went wrong."""
    log = f"{done.get('error', '')}\n{done.get('log', '')}"
    lines = [line.strip() for line in log.splitlines() if re.match(r"\s*[\w.]*(Error|Exception|Entry)\b.*: ", line)]
    lines = [line for line in lines if "NbGraderException" not in line] or lines  # which says: see above
    return lines[-1][:300] if lines else (log.strip().splitlines() or ["nbgrader gave no reason"])[-1][:300]


# -- release ----------------------------------------------------------------------------------------------------------


def release(course: Course, assignment: str) -> Path:
    """Make what students get of an assignment; its folder.

    Raises UsageError where nbgrader refuses, or where an answer would show.
    """
    with _api(course) as api:
        done = api.generate_assignment(assignment)
    if not done["success"]:
        raise UsageError(f"{assignment} was not released: {_reason(done)}")
    folder = course.root / "release" / assignment
    shown = leaks(course.root / "source" / assignment, folder)
    if shown:
        shutil.rmtree(folder)
        raise UsageError(f"{assignment} was not released, for it would show answers: {shown[0]!r}")
    return folder


def leaks(source: Path, released: Path) -> list[str]:
    """Lines in released files that only an answer or a hidden test has."""
    texts = ["".join(cell["source"]) for path in source.glob("*.ipynb") for cell in _cells(path)]
    answers = {line.strip() for text in texts for region in _SOLUTION.findall(text) for line in region.splitlines()}
    open_to_all = {line.strip() for text in texts for line in _SOLUTION.sub("", text).splitlines()}
    secret = answers - open_to_all
    files = [path for path in sorted(released.rglob("*")) if path.is_file()]
    lines = [line for path in files for line in _lines(path)]
    return [line for line in lines if line in secret or any(word in line for word in _TELLTALE)]


def _cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def _lines(path: Path) -> list[str]:
    """The lines of a file; of a notebook, its cells' and their outputs'."""
    if path.suffix != ".ipynb":
        return [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    texts = ["".join(cell["source"]) + "\n" + json.dumps(cell.get("outputs", [])) for cell in _cells(path)]
    return [line.strip() for text in texts for line in text.splitlines()]


# -- autograde --------------------------------------------------------------------------------------------------------


def autograde(
    course: Course, assignment: str, students: Sequence[str] = (), *, jobs: int = 1, force: bool = False
) -> Iterator[Row]:
    """Grade the submissions for an assignment, those of `students` or all; each outcome as it comes.

    What was graded before and has not changed is not graded again, unless `force`. A submission that cannot be graded
    has a row that says why. Raises UsageError where the assignment was never released.
    """
    wanted = list(students) or course.students(assignment)
    for name in wanted:
        if name not in course.students(assignment):
            raise UsageError(f"{name} has submitted nothing for {assignment}")
    if not (course.root / "release" / assignment).is_dir():
        raise UsageError(f"{assignment} has not been released: python -m checker release {assignment}")
    rows = {row.student: row for row in reported(course, assignment)}
    digests = {name: _digest(course.root / "submitted" / name / assignment) for name in wanted}
    changed = [name for name in wanted if force or name not in rows or rows[name].digest != digests[name]]
    for name in wanted:
        if name not in changed:
            yield rows[name]
    for row in _each(course, assignment, changed, jobs):
        row = Row(**{**asdict(row), "digest": digests[row.student]})
        rows[row.student] = row
        _write(course, assignment, rows.values())  # so that what was graded stays graded, whatever comes next
        yield row


def _each(course: Course, assignment: str, students: Sequence[str], jobs: int) -> Iterator[Row]:
    """The outcome of each submission, in several processes if `jobs` is above 1."""
    left = list(students)
    if jobs > 1 and len(left) > 1:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(min(jobs, len(left)), mp_context=context) as pool:
            waiting = {pool.submit(_one, course, assignment, student): student for student in students}
            for done in concurrent.futures.as_completed(waiting):
                with contextlib.suppress(concurrent.futures.process.BrokenProcessPool):
                    row = done.result()
                    left.remove(row.student)
                    yield row
    # Without a pool, or where one of its processes was killed: what is left, here.
    yield from (_one(course, assignment, student) for student in left)


def _one(course: Course, assignment: str, student: str) -> Row:
    """Grade one submission; whatever happens, a row."""
    try:
        return _graded(course, assignment, student)
    except UnreadableError as problem:
        return Row(student, assignment, NOT_GRADED, notes=[str(problem)])
    except UsageError:
        raise
    except Exception as problem:  # nbgrader's, or ours: it must not cost the others their grades
        return Row(student, assignment, NOT_GRADED, notes=[f"{type(problem).__name__}: {problem}"[:300]])


def _graded(course: Course, assignment: str, student: str) -> Row:
    with _api(course, submitted_directory=CHECKED) as api:
        from .preprocessors import expected

        with api.gradebook as gradebook:
            names = [notebook.name for notebook in gradebook.find_assignment(assignment).notebooks]
            source = course.root / "source" / assignment
            wanted = {name: expected(gradebook, assignment, name, source / f"{name}.ipynb") for name in names}
        there = course.root / "submitted" / student / assignment
        notes = stage(there, course.root / CHECKED / student / assignment, wanted)
        done = api.autograde(assignment, student)
        if not done["success"]:  # two kernels drew the same port, the gradebook was busy: once more
            done = api.autograde(assignment, student)
        if not done["success"]:
            return Row(student, assignment, NOT_GRADED, notes=[_reason(done), *notes])
        with api.gradebook as gradebook:
            submission = gradebook.find_submission(assignment, student)
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            by_hand = sum(float(grade.max_score) for grade in grades if grade.needs_manual_grade)
            return Row(
                student, assignment, GRADED, float(submission.score), float(submission.max_score), by_hand,
                [*notes, *_stopped(course.root / "autograded" / student / assignment)],
            )  # fmt: skip


def _stopped(folder: Path) -> list[str]:
    """What was noted in graded notebooks about cells that had to be stopped."""
    named = {"TimeoutError", "KernelDied", "NotRun", "NoPoints"}
    return [
        f"{cell['metadata'].get('nbgrader', {}).get('grade_id', cell.get('id', 'a cell'))}: {output['evalue']}"
        for path in sorted(folder.glob("*.ipynb"))
        for cell in _cells(path)
        for output in cell.get("outputs", [])
        if output["output_type"] == "error" and output["ename"] in named
    ]


def _digest(folder: Path) -> str:
    """What tells one submission from another."""
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            state.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return state.hexdigest()


def reported(course: Course, assignment: str) -> list[Row]:
    """The outcomes of an assignment's last grading."""
    path = course.root / REPORTS / f"{assignment}.json"
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def _write(course: Course, assignment: str, rows: Iterable[Row]) -> None:
    path = course.root / REPORTS / f"{assignment}.json"
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps([asdict(row) for row in sorted(rows, key=lambda row: row.student)], indent=1))
    beside.replace(path)


# -- feedback and grades ----------------------------------------------------------------------------------------------


def feedback(course: Course, assignment: str, students: Sequence[str] = ()) -> Iterator[tuple[str, Path | str]]:
    """Make the pages of what was graded: for each student the page, or why there is none."""
    rows = [row for row in reported(course, assignment) if not students or row.student in students]
    with _api(course) as api:
        for row in rows:
            if row.state != GRADED:
                shutil.rmtree(
                    course.page(row.student, row.assignment).parent, ignore_errors=True
                )  # it would speak of an earlier submission
                yield row.student, f"not graded: {'; '.join(row.notes)}"
                continue
            done = api.generate_feedback(assignment, row.student)
            page = course.page(row.student, row.assignment)
            yield row.student, page if done["success"] and page.is_file() else _reason(done)


def export(course: Course, path: Path, *, details: bool = False) -> int:
    """Write the grades as CSV; the number of lines. A line for each student, or, with `details`, for each exercise.

    A field is empty where there is no grade: nothing was submitted, or it could not be graded.
    """
    assignments = course.assignments()
    states = {(row.student, row.assignment): row for name in assignments for row in reported(course, name)}
    with _api(course) as api, api.gradebook as gradebook:
        roster = {student.id: student for student in gradebook.students}
        people = sorted({*roster, *(student for student, _ in states)})
        known = [name for name in assignments if any(each.name == name for each in gradebook.assignments)]
        table = (_detailed if details else _by_student)(gradebook, people, roster, known, states)
        lines = list(table)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return len(lines) - 1


def _by_student(gradebook: Any, people: list[str], roster: Any, known: list[str], states: Any) -> Iterator[list[Any]]:
    points = {name: float(gradebook.find_assignment(name).max_score) for name in known}
    yield ["student_id", "last_name", "first_name", "email", *(f"{name} (of {points[name]:g})" for name in known)]
    for person in people:
        line = [_cell(getattr(roster.get(person), key, "")) for key in ("last_name", "first_name", "email")]
        yield [_cell(person), *line, *(_score(gradebook, person, name, states) for name in known)]


def _score(gradebook: Any, person: str, assignment: str, states: Any) -> str:
    """A score, less the penalty for being late; empty where there is none."""
    row = states.get((person, assignment))
    if row is None or row.state != GRADED:
        return ""
    submission = gradebook.find_submission(assignment, person)
    return f"{max(0.0, submission.score - (submission.late_submission_penalty or 0.0)):.10g}"


def _detailed(gradebook: Any, people: list[str], roster: Any, known: list[str], states: Any) -> Iterator[list[Any]]:
    yield ["student_id", "assignment", "exercise", "score", "points", "state"]
    for person in people:
        for name in known:
            row = states.get((person, name))
            if row is None or row.state != GRADED:
                yield [_cell(person), name, "", "", "", row.state if row is not None else "not submitted"]
                continue
            for notebook in gradebook.find_submission(name, person).notebooks:
                for grade in sorted(notebook.grades, key=lambda grade: str(grade.name)):
                    state = "to be graded by hand" if grade.needs_manual_grade else GRADED
                    exercise, points = grade.name.removesuffix("_test"), f"{grade.max_score:.10g}"
                    score = "" if grade.needs_manual_grade else f"{grade.score:.10g}"
                    yield [_cell(person), name, exercise, score, points, state]


def _cell(value: Any) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
