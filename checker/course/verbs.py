"""The instructor's verbs on the command line: what they take, and what they print."""

import argparse
import contextlib
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import gradescope, journal, runs
from .executors import place
from .folder import cores, find_course
from .gradebook import Gradebook
from .nbgrader import export, feedback, release
from .outcome import GRADED, Outcome
from .progress import progress

STOPPED = 130
#: A longer table is of those alone that somebody should look at.
LONGEST = 200
UNSAFE = "WITHOUT ISOLATION: what was submitted runs with all the rights that you have"


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
    people = course.handed_in(options.assignments, options.students)
    isolation = _isolation(options)
    many = sum(map(len, people.values()))
    seen: list[str] = []
    try:
        with place(options.executor, options.jobs or cores(), runs.patience(runs.limits(course))) as where:
            for name, students in people.items():
                found = runs.autograde(
                    course, name, students, executor=where, regrade=options.regrade, isolation=isolation
                )
                with contextlib.closing(found):
                    rows = list(progress(name, _noted(found, seen), len(students), kind=lambda outcome: outcome.state))
                show(sorted(rows, key=lambda outcome: outcome.student))
    except KeyboardInterrupt:
        done = seen.count(GRADED)
        print(f"stopped: {done} of {many} graded; the same command goes on where it stopped")
        return STOPPED
    missing = len(seen) - seen.count(GRADED)
    if missing:
        print(
            f"{missing} of {len(seen)} could not be graded; what was at fault here is tried again by the same command"
        )
    return int(missing > 0)


def _noted(found: Iterable[Outcome], seen: list[str]) -> Iterator[Outcome]:
    """The outcomes, of which the states are kept: they are wanted also where the run is interrupted."""
    for outcome in found:
        seen.append(outcome.state)
        yield outcome


def _isolation(options: argparse.Namespace) -> str:
    """What a submission runs in. Says so where that is nothing; raises UsageError where two things are asked for."""
    if not options.no_isolation:
        return "bubblewrap" if options.sandbox == "bubblewrap" else "full"
    if options.sandbox:
        raise UsageError(f"--no-isolation and --sandbox {options.sandbox}: give one of them")
    print(UNSAFE, file=sys.stderr)
    return "none"


def run_feedback(options: argparse.Namespace) -> int:
    """Make the pages that go back to students; 1 if one is missing."""
    course = find_course(options.course)
    missing = 0
    for name in course.handed_in(options.assignments, options.students):
        for student, page in progress(name, feedback(course, name, options.students)):
            print(f"{student}: {_short(page) if isinstance(page, Path) else page}")
            missing += isinstance(page, str)
    return int(missing > 0)


def run_report(options: argparse.Namespace) -> int:
    """Write the page about the class."""
    from . import classreport

    course = find_course(options.course)
    names = course.assignments(options.assignments)
    events = itertools.chain.from_iterable(journal.read(course, name) for name in names)
    starts = (event for event in events if event["event"] == journal.START)
    with Gradebook(course) as book:
        outcomes = itertools.chain.from_iterable(book.graded(name) for name in names)
        try:
            path = classreport.write(course.root, progress("report", outcomes), starts)
        except OSError as problem:
            raise UsageError(f"{problem.filename or course.root} cannot be written: {problem.strerror}") from None
    print(_short(path))
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the grades, or an autograder for Gradescope."""
    if options.form == "gradescope":
        return gradescope.run(options)
    course = find_course(options.course)
    path = Path(options.to)
    print(f"{path}: {export(course, path, details=options.details)} lines")
    with Gradebook(course) as book:
        waiting = book.waiting()
    if waiting:
        print(f"waiting to be graded by hand, in nbgrader's formgrader: answers in {waiting} of the submissions")
    return 0


def declare(parser: argparse.ArgumentParser, verb: str) -> None:
    """The options of a verb."""
    add = parser.add_argument
    add("--course", metavar="FOLDER", default="", help="the course; default here, or notebooks/")
    if verb == "export":
        add("--to", metavar="FILE", default="grades.csv", help="default grades.csv")
        add("--details", action="store_true", help="a line for each exercise")
        forms = parser.add_subparsers(dest="form", metavar="gradescope ASSIGNMENT")
        gradescope.declare(forms.add_parser("gradescope", help="an autograder for Gradescope, as a zip"))
        return
    add("assignments", nargs="*", metavar="ASSIGNMENT", help="default all of them")
    if verb in ("autograde", "feedback"):
        add("--student", action="append", default=[], dest="students", metavar="NAME", help="only theirs")
    if verb == "autograde":
        add("--regrade", action="store_true", help="also what has not changed since it was graded")
        add("--jobs", type=int, default=0, metavar="N", help="processes; default one for each core")
        add("--executor", metavar="ADDRESS", default="", help="dask://HOST:PORT grades on that cluster; default here")
        add(
            "--sandbox", choices=("auto", "bubblewrap"), default="", help="bubblewrap: within it, where it is installed"
        )
        add("--no-isolation", action="store_true", help="without a sandbox: only for work of people whom you trust")


def _short(path: Path) -> str:
    """A path as one would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def show(outcomes: Sequence[Outcome], **more: Mapping[str, Any]) -> None:
    """Print the outcomes as a table; `more` are further columns, by the student's name."""
    from rich.console import Console
    from rich.table import Table

    table = Table("student", *(title.replace("_", " ") for title in more), "assignment", "score", "remarks", box=None)
    shown = list(outcomes) if len(outcomes) <= LONGEST else [each for each in outcomes if _remarkable(each)]
    for each in shown:
        score = f"{each.score:.4g} of {each.points:g}" if each.state == GRADED else each.state
        by_hand = [f"{each.by_hand:g} points are to be given by hand"] if each.by_hand else []
        remarks = "; ".join([*each.notes, *(f"sandbox: {incident}" for incident in each.incidents), *by_hand])
        columns = [str(column.get(each.student, "")) for column in more.values()]
        table.add_row(*map(_plain, (each.student, *columns, each.assignment, score, remarks)))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    if shown:
        console.print(table)
    if len(shown) < len(outcomes):
        print(f"and {len(outcomes) - len(shown)} more that were graded without remarks")


def _remarkable(outcome: Outcome) -> bool:
    return outcome.state != GRADED or bool(outcome.notes) or bool(outcome.incidents)


def _plain(text: str) -> str:
    """A text without what a terminal would obey: it may quote what a student wrote."""
    return "".join(character if character.isprintable() else " " for character in text)
