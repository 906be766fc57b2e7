"""Does each exercise declare what it owes: hints, mistakes, points, rows of the lectures, a formula, its own names?"""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from ...credit import total
from ...exercises import Exercise, exercises_in
from .. import stubs
from ..key import KEYS
from .contents import LECTURES, Contents
from .findings import BUILD, Finding, at, line_of, place

HINTS, MISTAKES = 2, 3
#: A shorter line of an answer may stand in a hint: its words are those of any code.
TELLING = 8
_FORMULA = re.compile(r"\$[^$]+\$")


def amiss(course: Contents) -> Iterator[Finding]:
    """What the exercises of the chosen topics lack, and, of all topics, the lectures' rows without an exercise."""
    rows = course.lectures.ROWS if course.lectures is not None else {}
    for task in course.exercises:
        yield from _lacks(task)
        for row in task.rows if course.lectures is not None else ():
            if row not in rows:
                said = f"{task.name} has the row {row}, which is none of the table of derivations"
                mend = f"mend the row, or add it to ROWS in {KEYS}/{LECTURES}.py; then: {BUILD}"
                yield Finding(at(task.answer), said, mend)
    yield from _names_used_twice(course)
    if course.lectures is None or course.complaints or not course.whole:
        return
    path = course.root / KEYS / f"{LECTURES}.py"
    covered = {row for task in course.exercises for row in task.rows}
    for row in sorted(rows.keys() - covered - set(course.lectures.NOTHING_TO_DERIVE)):
        said = f"no exercise has the row {row}, {rows[row]}"
        mend = f"name it among the rows of an @exercise, or say in NOTHING_TO_DERIVE why there is none; then: {BUILD}"
        yield Finding(place(path, line_of(path, f'"{row}"')), said, mend)


def _lacks(task: Exercise) -> Iterator[Finding]:
    """What an exercise lacks by itself."""
    where, name = at(task.answer), task.name
    if len(task.hints) < HINTS:
        mend = f"give its @exercise at least {HINTS} hints, from a nudge to the formula in words"
        yield Finding(where, f"{name} has {_counted(len(task.hints), 'hint')}", mend)
    yield from (
        Finding(where, f"a hint of {name} holds a line of the answer: {line}", f"say it in words, then: {BUILD}")
        for line in _given_away(task)
    )
    if len(task.mistakes) < MISTAKES:
        mend = f"keep at least {MISTAKES} wrong answers beside it, each below an @mistake({name}, ...)"
        yield Finding(where, f"{name} has {_counted(len(task.mistakes), 'known mistake')}", mend)
    if total(task) <= 0:
        yield Finding(where, f"{name} is worth {total(task):g} points", "give its @exercise points above 0")
    if not stubs.answers(inspect.getsource(task.answer)):
        mend = f"put ### BEGIN SOLUTION above its first line and ### END SOLUTION below its last, then: {BUILD}"
        yield Finding(where, f"the answer of {name} is not set off, so that its stub shows it", mend)
    elif not any(_FORMULA.search("\n".join(stubs.answers(inspect.getsource(half)))) for half in task.halves):
        mend = "put the derivation beside it, between the marks of the solution, as a comment in LaTeX: # $...$"
        yield Finding(where, f"no formula stands beside the answer of {name}", mend)


def _given_away(task: Exercise) -> list[str]:
    """The lines of what is asked for that stand in a hint, whatever the blanks."""
    hints = [_packed(hint) for hint in task.hints]
    lines = [line.removeprefix("return ") for line in stubs.answers(inspect.getsource(task.answer))]
    telling = [line for line in lines if len(_packed(line)) >= TELLING]
    return [line for line in telling if any(_packed(line) in hint for hint in hints)]


def _packed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"


def _names_used_twice(course: Contents) -> Iterator[Finding]:
    """Exercises with another one's name, and mistakes with another mistake's, where a chosen topic has one of them."""
    exercises = [task for module in course.topics.values() for task in exercises_in(module)]
    named = [("exercise", task.name, task.answer) for task in exercises]
    named += [("mistake", known.name, known.written) for task in exercises for known in task.mistakes]
    first: dict[tuple[str, str], Callable[..., Any]] = {}
    chosen = {module.__name__ for module in course.chosen.values()}
    for what, name, function in named:
        other = first.setdefault((what, name), function)
        if other is not function and chosen & {function.__module__, other.__module__}:
            yield Finding(at(function), f"the {what} {name} has the name of another, {at(other)}", "rename one of them")
