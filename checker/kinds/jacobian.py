"""The derivative of an array-valued function, as an array: judged by the numeric derivative of the function."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..derivatives import check_jacobian
from ..recognise import Doing
from ..report import Report
from . import Answer, value


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """The derivative by each input, and the inputs as they are left."""
    done = value.doing(task, answer, inputs)
    if len(task.wrt) == 1:
        return {key.replace("output ", f"gradient {task.wrt[0]}"): array for key, array in done.items()}
    names = {f"output [{place}]": f"gradient {name}" for place, name in enumerate(task.wrt)}
    return {names.get(key, key): array for key, array in done.items()}


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """The general check of a Jacobian, in the exercise's layout; of several, one of a wrong shape spoils no other."""

    def check(claimed: Callable[..., Any], wrt: Sequence[str]) -> Report:
        return check_jacobian(
            task.forward, claimed, tuple(inputs), names=task.declaration.names, wrt=wrt, name=task.name,
            declaration=task.declaration, layout=task.layout, **options,
        )  # fmt: skip

    report = check(answer.function, task.wrt)
    if report.kind != "shape" or len(task.wrt) == 1 or len(report.findings) > 1:
        return report
    each = [check(_part(answer.function, place), (name,)) for place, name in enumerate(task.wrt)]
    findings = tuple(finding for one in each for finding in one.findings)
    notes = tuple(dict.fromkeys(note for one in each for note in one.notes))
    forwards, backwards = sum(one.forwards for one in each), sum(one.backwards for one in each)
    return replace(report, findings=findings, notes=notes, forwards=forwards, backwards=backwards)


def _part(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """One of the derivatives that a function returns."""

    @functools.wraps(function)
    def part(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)[place]

    return part
