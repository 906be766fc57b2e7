"""Grading a class: nbgrader as it comes, otter, and ours in one process and in two.

`python -m benchmarks.grading --submissions 300` grades a larger class.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import importlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .classroom import ASSIGNMENT, NOTEBOOKS, QUESTIONS, students
from .graders import GRADERS, Run, graded, installed, prepare
from .results import Result
from .table import Table, markdown

PEERS = ("nbgrader", "otter-grader")
#: How many times nbgrader's speed one process should reach, and two.
TARGETS = {"checker": 10, "checker, two processes": 25}
#: Each line of the first table: whose program, in how many processes, and its share of the class. A quick one is given
#: a class so many times as large, so that it too takes a while.
LINES = {
    "nbgrader": ("nbgrader", 1, 1.0),
    "checker": ("checker", 1, 5.0),
    "checker, two processes": ("checker", 2, 5.0),
    "otter": ("otter", 1, 0.15),
}
LOCKING, WRITING = "workers begun, locked in and tried", "notebooks and gradebook written"
#: What a submission's time is spent on: the function that does it.
STAGES = {
    "files read": ("checker.course.runs", "collected"),
    "cells put right": ("checker.course.submission", "prepared"),
    LOCKING: ("checker.course.isolation.client", "Worker.start"),
    "workers ended": ("checker.course.isolation.client", "Worker.kill"),
    "cells run": ("checker.course.isolation.client", "Worker.cell"),
    "inputs drawn for this submission alone": ("checker.course.judging", "sampled"),
    "answers asked what the reference was": ("checker.course.isolation.client", "Worker.replay"),
    "what they said compared": ("checker.course.transcript", "Transcript.matches"),
    "other answers judged": ("checker.course.judging", "judged"),
    "outcomes written as JSON": ("checker.course.outcome", "Outcome.to_json"),
    "outcomes read": ("checker.course.outcome", "Outcome.from_json"),
    WRITING: ("checker.course.gradebook", "Gradebook.record"),
}


def measure(quick: bool = False, submissions: int = 20, only: Sequence[str] = tuple(GRADERS)) -> Iterator[Table]:
    """How many submissions are graded in a minute, and where the time goes."""
    graders = [name for name in only if installed(name)]
    yield from speed(graders, 2 if quick else submissions)
    if "checker" in graders:
        yield where_time_goes(2 if quick else 20)


def readme(result: Result) -> str:
    """The speeds, whether the scores agree, and what the speeds come to for a large class."""
    speed, scores, stages = (result.tables[name] for name in ("speed", "scores", "stages"))
    labels = {
        "nbgrader": "nbgrader as it comes, one process",
        "otter": "otter, one process",
        "checker": "this, one process",
        "checker, two processes": "this, two processes",
    }
    rows = [[labels[line], many, minute, ratio] for line, many, minute, _, ratio, _ in speed.rows]
    same, above = scores.column("students").values()
    agreement = (
        f"Of {scores.column('of')['the same']} students, {same} get the same score from nbgrader and from this, and "
        f"{above} more from this: for the gradients of an exercise that are right where others are wrong."
    )
    milliseconds = stages.column("ms a submission")
    large = in_large(speed.column("ms each")["checker"], milliseconds[LOCKING], milliseconds[WRITING])
    table = markdown(["grader", "submissions", "a minute", "over nbgrader"], rows)
    return "\n\n".join((table, f"{speed.note} {result.setting()}", agreement, large))


def in_large(alone: float, locking: float, writing: float) -> str:
    """What the milliseconds of one submission come to for many."""
    return (
        f"A submission takes {alone / 1000:.2f} s of one core, {locking / 1000:.2f} s of them to lock its workers in "
        f"and try the locks. So 1,000 take {1000 * alone / 60e3:.1f} minutes on one core, and 100,000 take "
        f"{1e5 * alone / 3600e3:.1f} hours. Up to some {alone / writing:.0f} cores would share that; from there on the "
        f"one writer to the gradebook, at {writing:.0f} ms each, sets the pace: {1e5 * writing / 60e3:.0f} minutes for "
        "100,000."
    )


# -- speed ------------------------------------------------------------------------------------------------------------


def speed(graders: list[str], count: int) -> Iterator[Table]:
    """How many submissions each grades in a minute, and whether the scores agree."""
    runs = {
        line: graded(name, dict(students(max(1, int(share * count)))), jobs)
        for line, (name, jobs, share) in LINES.items()
        if name in graders
    }
    base = _pace(runs["nbgrader"]) if "nbgrader" in runs else None
    rows = []
    for line, taken in runs.items():
        many = len(taken.scores)
        ratio = _pace(taken) / base if base else None
        rows.append([line, many, 60 * _pace(taken), 1000 / _pace(taken), ratio, TARGETS.get(line)])
    what = f"{len(NOTEBOOKS)} notebooks with {len(QUESTIONS)} exercises"
    header = ["grader", "submissions", "a minute", "ms each", "/ nbgrader", "target"]
    note = f"A submission is {what}. The time until the first one is graded does not count."
    yield Table("speed", f"Grading a class, on {os.cpu_count()} cores", header, rows, note)
    if "nbgrader" in runs and "checker" in runs:
        ours, theirs = runs["checker"].scores, runs["nbgrader"].scores
        same = sum(ours[name] == theirs[name] for name in theirs)
        above = sum((ours[name] or 0) > (theirs[name] or 0) for name in theirs)
        rows = [["the same", same, count], ["more from the checker", above, count]]
        yield Table("scores", "Scores from nbgrader and from the checker", ["score", "students", "of"], rows)


def _pace(taken: Run) -> float:
    """Submissions a second."""
    return len(taken.scores) / taken.seconds


# -- where the time goes ----------------------------------------------------------------------------------------------


class Here(concurrent.futures.Executor):
    """An executor that does everything at once, in this process."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> concurrent.futures.Future[Any]:
        """The outcome, already there."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        done.set_result(task(*arguments, **named))
        return done


def where_time_goes(count: int) -> Table:
    """What one process spends on a submission, stage by stage."""
    from checker.course.executors import Place
    from checker.course.folder import find_course
    from checker.course.runs import autograde

    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        folder = prepare(Path(scratch) / "course", dict(students(count)), "checker")
        course, here = find_course(str(folder)), Place(Here(), 1)
        grade = functools.partial(autograde, course, ASSIGNMENT, executor=here, regrade=True)
        list(grade(students=course.students(ASSIGNMENT)[:1]))
        started = time.perf_counter()
        with watched() as spent:
            list(grade())
        total = time.perf_counter() - started
    stages = {**spent, "the rest": total - sum(spent.values()), "all": total}
    rows = [[stage, 1000 * seconds / count, 100 * seconds / total] for stage, seconds in stages.items()]
    title = f"Where our time goes, {count} submissions in one process"
    return Table("stages", title, ["stage", "ms a submission", "share, %"], rows)


@contextlib.contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Seconds spent in each of the STAGES; what one of them does within another counts for the inner one alone."""
    spent = dict.fromkeys(STAGES, 0.0)
    inner = [0.0]  # seconds of stages within the one that is running, for each that is

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            inner.append(0.0)
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                taken = time.perf_counter() - started
                spent[stage] += taken - inner.pop()
                inner[-1] += taken

        return call

    with contextlib.ExitStack() as stack:
        for stage, (module, path) in STAGES.items():
            *outer, name = path.split(".")
            owner = functools.reduce(getattr, outer, importlib.import_module(module))
            stack.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, timed(stage, getattr(owner, name)))
        yield spent


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a class of two, to see that everything runs")
    parser.add_argument("--submissions", type=int, default=20, help="how large the class is (default 20)")
    parser.add_argument("--only", action="append", choices=GRADERS, help="leave the other graders out")
    chosen = parser.parse_args()
    for table in measure(chosen.quick, chosen.submissions, chosen.only or tuple(GRADERS)):
        print(table, flush=True)
