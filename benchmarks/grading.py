"""Grading a class: nbgrader as it comes, otter, and ours in one process and in two; and what tricks earn from each.

One run of everything takes some ten minutes, most of them otter's. `python -m benchmarks.grading --submissions 300`
grades a larger class.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import importlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import tricks
from .classroom import ASSIGNMENT, NOTEBOOKS, POINTS, QUESTIONS, Answers, students
from .graders import GRADERS, Run, installed, prepare, run
from .table import show

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
#: What a submission's time is spent on: the function that does it.
STAGES = {
    "files read": ("checker.course.runs", "collected"),
    "cells put right": ("checker.course.submission", "prepared"),
    "workers begun, locked in and tried": ("checker.course.isolation.client", "Worker.start"),
    "workers ended": ("checker.course.isolation.client", "Worker.kill"),
    "cells run": ("checker.course.isolation.client", "Worker.cell"),
    "inputs drawn for this submission alone": ("checker.course.judging", "sampled"),
    "answers asked what the reference was": ("checker.course.isolation.client", "Worker.replay"),
    "what they said compared": ("checker.course.transcript", "Transcript.matches"),
    "other answers judged": ("checker.course.judging", "judged"),
    "outcomes written as JSON": ("checker.course.outcome", "Outcome.to_json"),
    "outcomes read": ("checker.course.outcome", "Outcome.from_json"),
    "notebooks and gradebook written": ("checker.course.gradebook", "Gradebook.record"),
}


def main(quick: bool = False, submissions: int = 20, only: Sequence[str] = tuple(GRADERS)) -> None:
    """Print how many submissions are graded in a minute, where the time goes, and what is earned and lost unfairly."""
    graders = [name for name in only if installed(name)]
    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        graded = functools.partial(_graded, Path(scratch))
        speed(graded, graders, 2 if quick else submissions)
        if "checker" in graders:
            where_time_goes(Path(scratch), 2 if quick else 20)
        if quick:  # otter takes ten seconds for a submission
            graders = [name for name in graders if name != "otter"]
        earned(graded, graders, 1 if quick else None)
        lost(graded, graders, 1 if quick else None)


def _graded(scratch: Path, grader: str, class_: Mapping[str, Answers], jobs: int = 1) -> Run:
    """A class graded in a new course."""
    course = Path(tempfile.mkdtemp(dir=scratch)) / "course"
    prepare(course, class_, grader)
    return run(grader, course, jobs)


# -- speed ------------------------------------------------------------------------------------------------------------

Graded = Callable[..., Run]


def speed(graded: Graded, graders: list[str], count: int) -> None:
    """How many submissions each grades in a minute."""
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
    show(f"Grading a class, on {os.cpu_count()} cores", header, rows, note)
    if "nbgrader" in runs and "checker" in runs:
        ours, theirs = runs["checker"].scores, runs["nbgrader"].scores
        same = sum(ours[name] == theirs[name] for name in theirs)
        above = sum((ours[name] or 0) > (theirs[name] or 0) for name in theirs)
        print(
            f"\nThe same score from both: {same} of {count}; more from the checker, for parts that are right: {above}."
        )


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


def where_time_goes(scratch: Path, count: int) -> None:
    """What one process spends on a submission, stage by stage."""
    from checker.course.executors import Place
    from checker.course.folder import find_course
    from checker.course.runs import autograde

    folder = prepare(Path(tempfile.mkdtemp(dir=scratch)) / "course", dict(students(count)), "checker")
    course, here = find_course(str(folder)), Place(Here(), 1)
    grade = functools.partial(autograde, course, ASSIGNMENT, executor=here, regrade=True)
    list(grade(students=course.students(ASSIGNMENT)[:1]))
    started = time.perf_counter()
    with watched() as spent:
        list(grade())
    total = time.perf_counter() - started
    stages = {**spent, "the rest": total - sum(spent.values())}
    rows = [[stage, 1000 * seconds / count, f"{100 * seconds / total:.0f} %"] for stage, seconds in stages.items()]
    rows.append(["all", 1000 * total / count, "100 %"])
    show(f"Where our time goes, {count} submissions in one process", ["stage", "ms a submission", "share"], rows)


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


# -- marks ------------------------------------------------------------------------------------------------------------


def earned(graded: Graded, graders: list[str], count: int | None) -> None:
    """What tricks earn that deserve nothing."""
    runs = {name: graded(name, tricks.hostile(count)) for name in graders}
    rows = [
        [words, *(taken.scores[f"trick{place:02}"] for taken in runs.values())]
        for place, words in enumerate(list(tricks.TRICKS)[:count])
    ]
    rows.append(["tricks that earn anything", *(sum(map(bool, scores)) for scores in list(zip(*rows))[1:])])
    title = f"Marks of {POINTS:g} for worthless answers: deserved are none; a dash is none given"
    show(title, ["trick", *runs], rows)


def lost(graded: Graded, graders: list[str], count: int | None) -> None:
    """What honest students lose, whose answers are all right."""
    runs = {name: graded(name, tricks.honest(count)) for name in graders}
    rows: list[list[object]] = [
        [words, *(_lost(taken.scores[f"odd{place:02}"]) for taken in runs.values())]
        for place, words in enumerate(list(tricks.ODDITIES)[:count])
    ]
    slips = {name: graded(name, tricks.copied()) for name in graders}
    rows.append([f"{tricks.COPIED}: its owner", *(_lost(taken.scores["mmm"]) for taken in slips.values())])
    rows.append([f"{tricks.COPIED}: who comes next", *(_lost(taken.scores["zzz"]) for taken in slips.values())])
    show(f"Marks of {POINTS:g} that honest students lose", ["what they did beside right answers", *runs], rows)


def _lost(score: float | None) -> str:
    return "not graded" if score is None else f"{POINTS - score:g}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a class of two, to see that everything runs")
    parser.add_argument("--submissions", type=int, default=20, help="how large the class is (default 20)")
    parser.add_argument("--only", action="append", choices=GRADERS, help="leave the other graders out")
    chosen = parser.parse_args()
    main(chosen.quick, chosen.submissions, chosen.only or tuple(GRADERS))
