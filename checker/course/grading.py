"""The hidden test of an exercise: judge what a notebook defines, say what is wrong, and return the points.

nbgrader reads a grade cell's value: a plain float between 0 and the points. Anything on standard error, an exception or
no value at all would count as something else, so none of these comes from here. What is printed is for the feedback
page: it tells the student's fault, and neither the inputs nor the right numbers of the hidden tests.
"""

import contextlib
import math
import random
import re
import sys
import textwrap
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .. import environment
from ..credit import ELSEWHERE, Part, credit, parts, total
from ..exercises import Exercise
from ..notebook import silence
from ..report import RIGHT, WRONG, Finding, Report
from .notebooks import find

#: Other inputs than the visible test's; every set brings its own points, shapes, edges and large numbers.
SEEDS = (7919, 104729, 1299709)
#: How many other points and shapes each of them tries; and never less because an answer is slow.
OPTIONS: Mapping[str, Any] = {"trials": 12, "mode": "full"}
#: Where an answer is wrong, these tell which of its parts are: one may be right by chance at one point.
MORE_SEEDS = tuple(range(15485863, 15485871))
WIDTH = 100


def grade(name: str, namespace: Mapping[str, Any] | None = None) -> float:
    """Points for the exercise "topic.name", judged by what the caller's notebook defines; says why on standard output.

    `namespace` is where the answer is looked up, by default the caller's globals. Raises UsageError where `solutions/`
    has no such exercise, and nothing for anything that an answer does.
    """
    defined = sys._getframe(1).f_globals if namespace is None else namespace
    task = find(name)
    points, report, earned = judged(task, defined)
    print("\n".join(explanation(task, report, points, earned)))
    return points


def judged(
    task: Exercise,
    defined: Mapping[str, Any],
    drawn: Callable[[int], AbstractContextManager[None]] | None = None,
    vouched: Container[str] = (),
    seeds: Sequence[int] = SEEDS,
) -> tuple[float, Report, tuple[Part, ...]]:
    """The points of what is defined there, the worst report over all sets of inputs, and what each part earned.

    A part, a gradient say, earns what it does where it does worst: it is right only if it is right everywhere. `drawn`
    sets off the random numbers of the process in which the answer runs; by default, of this one. Parts that are
    `vouched` for are known to be right at all sets of inputs, the first of which are drawn by `seeds`.
    """
    drawn = drawn or _drawn
    halves = names(task)
    missing = [half for half in halves if not callable(defined.get(half))]
    if missing:
        message = f"{missing[0]} is not defined: its cell raised an exception, or it is gone"
        return 0.0, Report(task.name, WRONG, (Finding("", WRONG, message, "error"),), "error"), ()
    answer, *forward = (defined[half] for half in halves)
    reports: list[Report] = []
    for seed in (*seeds, *(seeds[0] + further for further in MORE_SEEDS)):
        if len(reports) == len(seeds) and all(reports):
            break
        with silence(), drawn(seed):
            options = OPTIONS if seed in seeds else {**OPTIONS, "trials": 0}
            reports.append(_checked(task, answer, forward[0] if forward else None, seed, options))
        if _settled(task, reports[-1], vouched):
            break
    worst = min(reports, key=lambda report: credit(task, report))
    every = [parts(task, report) for report in reports]
    if len({tuple(part.name for part in each) for each in every}) > 1:  # wrong in ways that have no parts in common
        return credit(task, worst), worst, parts(task, worst)
    earned = tuple(min(same, key=lambda part: part.earned) for same in zip(*every))
    return min(credit(task, worst), math.fsum(part.earned for part in earned)), worst, earned


def _settled(task: Exercise, report: Report, vouched: Container[str]) -> bool:
    """Whether other inputs can change nothing: no part has earned anything but those that are vouched for."""
    if report.verdict == RIGHT or report.kind in ELSEWHERE:
        return False
    return all(part.name in vouched for part in parts(task, report) if part.earned)


def names(task: Exercise) -> list[str]:
    """What the functions are called that an answer consists of."""
    return [half.__name__ for half in task.halves]


def _checked(task: Exercise, answer: Any, forward: Any, seed: int, options: Mapping[str, Any]) -> Report:
    """The verdict at one set of inputs; whatever is raised on the way is the answer's."""
    try:
        return task.check(answer, forward, seed=seed, **options)
    except BaseException as problem:  # also what SystemExit and KeyboardInterrupt would end
        message = environment.describe(problem, answer)
        return Report(task.name, WRONG, (Finding("", WRONG, message, "error", type(problem).__name__),), "error")


@contextlib.contextmanager
def _drawn(seed: int) -> Iterator[None]:
    """An answer that draws without a generator of its own gets the same numbers every time."""
    state = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])


# -- what is said -----------------------------------------------------------------------------------------------------


def explanation(task: Exercise, report: Report, points: float, earned: Sequence[Part] = ()) -> Iterator[str]:
    """The points and the faults, in lines."""
    kind = f" ({report.kind})" if report.kind and report.kind != "values" else ""
    yield f"{task.name}: {report.verdict}{kind}, {points:.4g} of {total(task):g} point{'s' * (total(task) != 1)}"
    for finding in report.findings:
        if finding.verdict != RIGHT:
            yield from textwrap.wrap(finding.message, WIDTH, initial_indent="  ", subsequent_indent="    ")
            if finding.advice:
                yield from textwrap.wrap(finding.advice, WIDTH, initial_indent="    -> ", subsequent_indent=" " * 7)
    if 0 < points < total(task) and len(earned) > 1:
        listed = (f"{part.name} {part.earned:.4g} of {part.points:.4g}" for part in earned)
        yield from textwrap.wrap(f"points: {', '.join(listed)}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    if report.where:
        yield from textwrap.wrap(_vague(report.where), WIDTH, initial_indent="  ", subsequent_indent="    ")


def _vague(where: str) -> str:
    """Where an answer fails, without the numbers at which it does."""
    return re.sub(r" \(seed \d+\)", "", where.partition(": ")[0])
