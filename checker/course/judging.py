"""The mark for an answer to an exercise whose functions run in a worker.

First the answer is asked what the reference was asked, in a few messages: what does the same everywhere is right. Only
what differs somewhere goes through the whole check, which decides, and finds out why.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from ..credit import Part, credit, parts, total
from ..exercises import Exercise
from ..kinds import MEASURED
from ..report import CANNOT_TELL, RIGHT, WRONG, Finding, Report
from . import residence, spelled
from .grading import OPTIONS, SEEDS, explanation, judged, names
from .isolation.client import NOISE, EndedError, Worker
from .notebooks import find
from .outcome import Mark
from .precheck import Expected
from .transcript import Transcript, sampled, taken

#: A derived gradient is off by rounding, 1e-16 of its size or some times that, wherever it is looked at. One that is
#: typically off by this much was measured by differences, or computed in another precision. (Differences of the sixth
#: order can do better, and complex steps are exact: by its numbers alone such an answer is right.)
MEASURED_OFF = (1e-13, 1e-4)
#: What was asked, and what the answer said: data of a stranger.
Said = Sequence[tuple[Transcript, Any]]
#: What became of an answer: the points, the report on it, and what each part of it earned.
Judged = tuple[float, Report, tuple[Part, ...]]


def mark(worker: Worker, each: Expected, name: str, seeds: Sequence[int], seconds: float) -> Mark:
    """The mark for the notebook's answer to the exercise "topic.name".

    `seeds` draw inputs that no other notebook was asked; the answer has so many `seconds` in all. An answer whose
    numbers were measured rather than derived has no score: somebody has to read it.
    """
    task = find(name)
    known = _questions(name, seeds[0])
    doubt = ""
    worker.noise.clear()
    with worker.within(seconds):
        try:
            said = _asked(worker, task, known)
            points, report, earned = _judged(worker, task, said, seeds)
            doubt = _doubt(task, said) if points else ""
        except EndedError as problem:
            points, report, earned = 0.0, _stopped(task, str(problem)), ()
        if worker.why:
            points, report, earned = 0.0, _stopped(task, worker.why), ()
            worker.incidents.append(f"{each.grade_id}: {worker.why}")
    if report and residence.concerns(task) and not doubt:
        points, report, earned, doubt = _lean(worker, each, task, (points, report, earned), seeds[-1])
    if points and task.kind == "expressions":
        doubt = spelled.doubt(worker, task, seeds[-1])
    scale = each.points / total(task)  # as many as the assignment gives
    text = "\n".join([*explanation(task, report, points, earned), *_noise(worker)])
    first = next((finding for finding in report.findings if finding.verdict != RIGHT), Finding("", "", ""))
    made = Mark(
        each.grade_id, each.points, points * scale, name, report.verdict, report.kind,
        first.cause, first.message, first.advice, text,
        tuple((part.name, part.earned * scale, part.points * scale) for part in earned),
    )  # fmt: skip
    if not doubt:
        return made
    worker.incidents.append(f"{each.grade_id}: {doubt}")
    told = f"{text}\n  {doubt}: your instructor will read it"
    return Mark(**{**vars(made), "score": None, "message": made.message or doubt, "said": told})


@functools.cache
def _everybodys(name: str) -> Transcript | None:
    """What every answer is asked: all that a whole check asks of the reference; None if that cannot be taken down."""
    return taken(find(name), SEEDS[0], **OPTIONS)


def _questions(name: str, seed: int) -> tuple[Transcript, ...]:
    """What everybody is asked, and what nobody was asked before; nothing if not both are known.

    Without the latter, a notebook could answer from a table of what another one was asked.
    """
    known, fresh = _everybodys(name), sampled(find(name), seed)
    return (known, fresh) if known is not None and fresh is not None else ()


def _asked(worker: Worker, task: Exercise, questions: Sequence[Transcript]) -> Said:
    """What the answer says to all of it; nothing where a part of the answer is missing."""
    functions = worker.functions(names(task))
    if len(functions) != len(names(task)):
        return []
    handles = tuple(functions[name].handle for name in names(task))
    return [(each, worker.replay(each.frame(handles))) for each in questions]


def _judged(worker: Worker, task: Exercise, said: Said, seeds: Sequence[int]) -> Judged:
    if said and all(transcript.matches(answers) for transcript, answers in said):
        report = said[0][0].report
        return total(task), report, _whole(f"{task.topic}.{task.name}")
    vouched: set[str] = set()
    if said:
        agreeing = set.intersection(*(transcript.agreeing(answers) for transcript, answers in said))
        vouched = {_part(task, path) for path in agreeing}
    return judged(task, worker.functions(names(task)), worker.drawn, vouched, seeds)


@functools.cache
def _whole(name: str) -> tuple[Part, ...]:
    """What each part of a right answer earns."""
    known = _everybodys(name)
    return parts(find(name), known.report) if known is not None else ()


def _doubt(task: Exercise, said: Said) -> str:
    """Why nobody should take the answer for a derived one, though its numbers are right; "" as a rule."""
    if task.kind not in MEASURED or not said:
        return ""
    runs = max((transcript.forwards(answers) for transcript, answers in said))
    if runs:
        return f"{task.name} runs its forward {runs} times in one call, as a numeric derivative does"
    off: dict[str, list[float]] = {}
    for transcript, answers in said:
        for path, differences in transcript.deviations(answers).items():
            off.setdefault(path, []).extend(differences)
    for path, differences in off.items():
        typical = median(differences) if differences else 0.0
        if MEASURED_OFF[0] < typical < MEASURED_OFF[1]:
            return f"the gradient of {_part(task, path)} is off by {typical:.1g} everywhere, as a numeric derivative is"
    return ""


def _lean(worker: Worker, each: Expected, task: Exercise, made: Judged, seed: int) -> tuple[*Judged, str]:
    """What becomes of a right answer that should keep little, and a doubt: the worker itself is not to be believed."""
    seen = residence.looked(worker, task, seed)
    if seen is None:
        return *made, ""
    finding, counted = seen
    if finding.verdict == CANNOT_TELL:
        return *made, finding.message
    _, report, _ = made
    kept = tuple(other for other in report.findings if other.subject != finding.subject)
    told = "as the notebook's process told it, no more than it should be"
    worker.incidents.append(f"{each.grade_id}: memory as the system counts it: {counted}; {told}")
    report = replace(report, verdict=WRONG, kind=finding.kind, findings=(finding, *kept))
    return credit(task, report), report, parts(task, report), ""


def _part(task: Exercise, path: str) -> str:
    """The part of an answer's credit that an item of its result belongs to."""
    if task.kind not in MEASURED:
        return path
    if path.startswith("['d"):
        return path[3:-2]
    place = int(path[1:-1]) if path else 0
    return task.wrt[place] if place < len(task.wrt) else path


def _noise(worker: Worker) -> Iterator[str]:
    """A line on what it printed and warned of, for which nbgrader would take points."""
    if worker.noise:
        done = " and ".join(NOISE[word] for word in sorted(worker.noise))
        yield f"  what it {done} during the test is left out, and costs nothing"


def _stopped(task: Exercise, why: str) -> Report:
    message = f"{task.name} could not be judged to its end: {why}"
    return Report(task.name, WRONG, (Finding("", WRONG, message, "error", "stopped"),), "error")
