"""nbgrader's steps for a course folder in front of grading and behind it: release, feedback and grades.

nbgrader itself, and all that it needs, is imported inside functions: the verbs that do without it stay quick.
"""

import contextlib
import csv
import json
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .folder import Course
from .gradebook import Gradebook
from .outcome import GRADED

_SOLUTION = re.compile(r"^ *### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
#: What no released file may hold, beside the answers.
_TELLTALE = ("BEGIN SOLUTION", "HIDDEN TESTS", "checker.course")


# -- nbgrader's interface ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _api(course: Course) -> Iterator[Any]:
    """Nbgrader's Python interface to a course, quiet. Raises UsageError where nbgrader is not installed."""
    config = course.configuration()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, about themselves
        from nbgrader.apps import NbGraderAPI

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
    folder = stripped(course, assignment)
    shown = leaks(course.root / "source" / assignment, folder)
    if shown:
        shutil.rmtree(folder)
        raise UsageError(f"{assignment} was not released, for it would show answers: {shown[0]!r}")
    return folder


def stripped(course: Course, assignment: str) -> Path:
    """The folder of an assignment from which nbgrader has taken the answers. Raises UsageError where it refuses."""
    with _api(course) as api:
        done = api.generate_assignment(assignment)
    if not done["success"]:
        raise UsageError(f"{assignment} was not released: {_reason(done)}")
    return course.root / "release" / assignment


def leaks(source: Path, released: Path) -> list[str]:
    """Lines in released files that only an answer or a hidden test has."""
    texts = ["".join(cell["source"]) for path in source.glob("*.ipynb") for cell in _cells(path)]
    answers = {line.strip() for text in texts for region in _SOLUTION.findall(text) for line in region.splitlines()}
    open_to_all = {line.strip() for text in texts for line in _SOLUTION.sub("", text).splitlines()}
    secret = answers - open_to_all
    files = [path for path in sorted(released.rglob("*")) if path.is_file()]
    lines = [line.strip() for path in files for line in text_of(path).splitlines()]
    return [line for line in lines if line in secret or any(word in line for word in _TELLTALE)]


def _cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def text_of(path: Path) -> str:
    """The text of a file; of a notebook, its cells' and their outputs'."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8", errors="replace")
    return "\n".join("".join(cell["source"]) + "\n" + json.dumps(cell.get("outputs", [])) for cell in _cells(path))


# -- feedback and grades ----------------------------------------------------------------------------------------------


def feedback(course: Course, assignment: str, students: Sequence[str] = ()) -> Iterator[tuple[str, Path | str]]:
    """Make the pages of what was graded: for each student the page, or why there is none.

    Raises UsageError for one of `students` who has not been graded.
    """
    with Gradebook(course) as book:
        outcomes = [book.outcome(student, assignment) for student in dict.fromkeys(students)]
        outcomes = outcomes or list(book.outcomes(assignment))
    with _api(course) as api:
        for outcome in outcomes:
            page = course.page(outcome.student, assignment)
            if outcome.state == GRADED:
                done = api.generate_feedback(assignment, outcome.student)
                yield outcome.student, page if done["success"] and page.is_file() else _reason(done)
            else:
                shutil.rmtree(page.parent, ignore_errors=True)  # it would speak of an earlier submission
                yield outcome.student, f"not graded: {'; '.join(outcome.notes)}"


def export(course: Course, path: Path, *, details: bool = False) -> int:
    """Write the grades as CSV; the number of lines. A line for each student, or, with `details`, for each exercise.

    A field is empty where there is no grade: nothing was submitted, or it could not be graded. Raises UsageError where
    the gradebook cannot be read or the file cannot be written.
    """
    with Gradebook(course) as book:
        assignments = course.assignments()
        states = {(who, name): known.state for name in assignments for who, known in book.known(name).items()}
        with book.spoken():
            released = {each.name for each in book.nbgrader.assignments}
            roster = {student.id: student for student in book.nbgrader.students}
            people = sorted({*roster, *(student for student, _ in states)})
            known = [name for name in assignments if name in released]
            lines = list((_detailed if details else _by_student)(book.nbgrader, people, roster, known, states))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
    return len(lines) - 1


#: What became of a submission, by student and assignment.
States = Mapping[tuple[str, str], str]


def _by_student(
    gradebook: Any, people: list[str], roster: Mapping[str, Any], known: list[str], states: States
) -> Iterator[list[str]]:
    points = {name: float(gradebook.find_assignment(name).max_score) for name in known}
    yield ["student_id", "last_name", "first_name", "email", *(f"{name} (of {points[name]:g})" for name in known)]
    for person in people:
        line = [_cell(getattr(roster.get(person), key, "")) for key in ("last_name", "first_name", "email")]
        yield [_cell(person), *line, *(_score(gradebook, person, name, states) for name in known)]


def _score(gradebook: Any, person: str, assignment: str, states: States) -> str:
    """A score, less the penalty for being late; empty where there is none."""
    if states.get((person, assignment)) != GRADED:
        return ""
    submission = gradebook.find_submission(assignment, person)
    return f"{max(0.0, submission.score - (submission.late_submission_penalty or 0.0)):.10g}"


def _detailed(
    gradebook: Any, people: list[str], roster: Mapping[str, Any], known: list[str], states: States
) -> Iterator[list[str]]:
    yield ["student_id", "assignment", "exercise", "score", "points", "state"]
    for person in people:
        for name in known:
            state = states.get((person, name), "not submitted")
            if state != GRADED:
                yield [_cell(person), name, "", "", "", state]
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
