"""The instructor's verbs on the command line: what they take, and what they print."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UsageError
from .folder import cores, find_course
from .nbgrader import GRADED, Row, autograde, export, feedback, release, reported

Item = TypeVar("Item")


def run_release(options: argparse.Namespace) -> int:
    """Build, then make what students get of each assignment."""
    course = find_course(options.course)
    if Path("solutions/__init__.py").is_file() and not options.course:
        from .build import EDITED, build

        edited = [outcome.path for outcome in build(Path.cwd()) if outcome.state == EDITED]
        if edited:
            print(f"left as they are, for they have been edited: {', '.join(map(str, edited))}")
    for name in progress("release", course.assignments(options.assignments)):
        print(f"{name}: {_short(release(course, name))}")
    return 0


def run_autograde(options: argparse.Namespace) -> int:
    """Grade what was submitted; 1 if anything could not be graded."""
    course = find_course(options.course)
    names = [name for name in course.assignments(options.assignments) if options.assignments or course.students(name)]
    if not names:
        raise UsageError(f"nothing was submitted: there is no {course.root / 'submitted'}/STUDENT/ASSIGNMENT")
    failed = 0
    for name in names:
        many = len(options.students) or len(course.students(name))
        found = autograde(course, name, options.students, jobs=options.jobs or cores(), force=options.force)
        rows = sorted(progress(name, found, many), key=lambda row: row.student)
        show(rows)
        failed += sum(row.state != GRADED for row in rows)
    return int(failed > 0)


def run_feedback(options: argparse.Namespace) -> int:
    """Make the pages that go back to students; 1 if one is missing."""
    course = find_course(options.course)
    missing = 0
    for name in course.assignments(options.assignments):
        for student, page in progress(name, feedback(course, name, options.students)):
            print(f"{student}: {_short(page) if isinstance(page, Path) else page}")
            missing += isinstance(page, str)
    return int(missing > 0)


def run_export(options: argparse.Namespace) -> int:
    """Write the grades."""
    course = find_course(options.course)
    path = Path(options.to)
    print(f"{path}: {export(course, path, details=options.details)} lines")
    waiting = [row for name in course.assignments() for row in reported(course, name) if row.by_hand]
    if waiting:
        print(f"waiting to be graded by hand, in nbgrader's formgrader: answers in {len(waiting)} of the submissions")
    return 0


def declare(parser: argparse.ArgumentParser, verb: str) -> None:
    """The options of a verb."""
    parser.add_argument("--course", metavar="FOLDER", default="", help="the course; default here, or notebooks/")
    if verb == "export":
        parser.add_argument("--to", metavar="FILE", default="grades.csv", help="default grades.csv")
        parser.add_argument("--details", action="store_true", help="a line for each exercise")
        return
    parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default all of them")
    if verb in ("autograde", "feedback"):
        parser.add_argument(
            "--student", action="append", default=[], dest="students", metavar="NAME", help="only theirs"
        )
    if verb == "autograde":
        parser.add_argument("--force", action="store_true", help="also what has not changed since it was graded")
        parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes; default one for each core")


def _short(path: Path) -> str:
    """A path as one would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def progress(what: str, items: Iterable[Item], total: int | None = None) -> Iterator[Item]:
    """The items, with a bar on standard error while they come, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    total = total if total is not None else len(items) if isinstance(items, Sequence) else None
    with open(os.dup(2), "w", encoding="utf-8") as terminal:
        bar = Progress(*columns, console=Console(file=terminal, force_terminal=True), transient=True)
        with bar:
            task = bar.add_task(what, total=total)
            for item in items:
                yield item
                bar.advance(task)


def show(rows: Sequence[Row], **more: dict[str, Any]) -> None:
    """Print the outcomes as a table; `more` are further columns, by the student's name."""
    from rich.console import Console
    from rich.table import Table

    table = Table("student", *(title.replace("_", " ") for title in more), "assignment", "score", "remarks", box=None)
    for row in rows:
        score = f"{row.score:.4g} of {row.points:g}" if row.state == GRADED else row.state
        by_hand = [f"{row.by_hand:g} points are to be given by hand"] if row.by_hand else []
        remarks = "; ".join([*row.notes, *by_hand])
        table.add_row(
            row.student, *(str(column.get(row.student, "")) for column in more.values()), row.assignment, score, remarks
        )
    Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False).print(table)
