"""Is the reference right, and is each known mistake caught and named by its own advice?"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...exercises import Exercise
from ...kinds import Answer, kind
from ...recognise import Mistake
from ...report import RIGHT, WRONG, Report
from ..key import KEYS
from .findings import Finding, at

#: What draws the inputs at which references and mistakes are judged: others than in the tests of this project.
REFERENCES, MISTAKES = (2, 3), (11,)
#: What draws the inputs at which a reference must be finite.
OVERFLOWN = 3


def unlike_right(task: Exercise, seeds: tuple[int, ...] = REFERENCES) -> Iterator[Finding]:
    """What is wrong with an exercise's own answer: the first of it."""
    target = f"{KEYS}.{task.topic}.{task.name}"
    for seed in seeds:
        report = task.check(seed=seed)
        if report.verdict != RIGHT or report.kind:
            mend = f"mend the answer or its forward, and see: python -m checker gradcheck {target} --seed {seed}"
            yield Finding(at(task.answer), f"{task.name} (seed {seed}): {_told(report)}", mend)
            return
    for name, case in task.overflow.items():
        lost = _lost(task, case)
        if lost:
            mend = "rewrite the formula so that nothing that is exponentiated or divided by grows without bound"
            yield Finding(at(task.answer), f"{task.name}: the reference is lost with {name}: {lost}", mend)
            return


def _lost(task: Exercise, case: Any) -> str:
    """What the reference does not keep finite in a case of `overflow`."""
    done = kind(task.kind).doing(task, Answer(task.answer, task.forward), task.inputs(OVERFLOWN, case))
    if "raised" in done:
        return f"it raises {done['raised']}"
    numbers = {key: value for key, value in done.items() if key.startswith(("output", "gradient"))}
    return next((f"{key} is not finite" for key, value in numbers.items() if not np.all(np.isfinite(value))), "")


def unlike_known(task: Exercise, known: Mistake, seeds: tuple[int, ...] = MISTAKES) -> Iterator[Finding]:
    """Why a known mistake is not wrong, or not named by exactly its own advice: the first reason."""
    for seed in seeds:
        report = task.check(known.answer.function, known.answer.forward, seed=seed)
        found, mend = _misjudged(task, known, report)
        if found:
            yield Finding(at(known.written), f"{known.name} of {task.name} (seed {seed}) {found}", mend)
            return


def _misjudged(task: Exercise, known: Mistake, report: Report) -> tuple[str, str]:
    """What is amiss in the report on a known mistake, and how to mend it; nothing where all is well."""
    if report.verdict != WRONG:
        return (
            f"is judged {report.verdict}",
            f"delete it, or add a case to the edges of {task.name} at which it is wrong",
        )
    twin = next((each for each in task.mistakes if each is not known and each.name in report.causes), None)
    if twin is not None:
        mend = "let the two compute different numbers, or delete one of them"
        return f"is named as another, {twin.name} ({at(twin.written)})", mend
    if [(each.cause, each.advice) for each in report.findings if each.cause] != [(known.name, known.advice)]:
        mend = "let it do the same in every call, and differ from the answer at ordinary inputs or at an edge of"
        return "is wrong, but not named once, by its own advice", f"{mend} {task.name}"
    return "", ""


def _told(report: Report) -> str:
    """A report that is not right in a line."""
    message = next((finding.message for finding in report.findings if finding.verdict != RIGHT), "")
    kind_of = f" ({report.kind})" if report.kind else ""
    where = f", {report.where}" if report.where else ""
    return f"{report.verdict}{kind_of}{where}: {message}" if message else f"{report.verdict}{kind_of}{where}"
