"""Grading one submission, in a process of the instructor's: its cells run in a worker, its answers are judged here.

The worker has the notebook and nothing else; the answers, the hidden inputs and the verdict stay on this side. What
cannot be graded is said to be so: it is neither 0 nor a pass.
"""

import ast
import atexit
import functools
import hashlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..credit import credit, parts, total
from ..exercises import Exercise
from ..kinds import MEASURED
from ..report import NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report
from . import handwritten, outputs
from .grading import OPTIONS, SEEDS, explanation, judged, names
from .isolation.client import NONE, EndedError, NotIsolatedError, Server, Worker
from .isolation.remote import Remote
from .notebooks import find
from .outcome import GRADED, NOT_GRADED, Graded, Job, Mark, Outcome
from .precheck import Expected, UnreadableError, prepared
from .transcript import Transcript, sampled, taken

_TEST = re.compile(r"^grade\(\"([\w.]+)\"\)$", re.MULTILINE)
_HIDDEN = "checker.course.grading"
#: Errors of a cell that tell of something that the sandbox refused.
REFUSED = ("PermissionError", "BlockingIOError")

Told = Callable[[Mark], None]


def graded(job: Job, told: Told | None = None) -> str:
    """The outcome of a submission, as JSON; `told` hears of each mark as soon as it is known.

    It never raises for anything that a submission does. Where this side is at fault, the outcome says that nothing was
    graded, and why.
    """
    started = time.monotonic()
    ours = False
    try:
        with _Grading(job, told or (lambda mark: None)) as grading:
            outcome = grading.outcome()
            return _timed(outcome, started).to_json()
    except UnreadableError as problem:
        why = str(problem)
    except NotIsolatedError as problem:
        why, ours = f"not isolated: {problem}", True
    except Exception as problem:
        why, ours = f"the grader failed: {_last(problem)}", True
    outcome = Outcome(job.student, job.assignment, NOT_GRADED, notes=(why,), digest=job.digest, ours=ours)
    return _timed(outcome, started).to_json()


def _timed(outcome: Outcome, started: float) -> Outcome:
    return Outcome(**{**vars(outcome), "seconds": round(time.monotonic() - started, 3)})


def _last(problem: Exception) -> str:
    """An exception of ours, and where it was raised."""
    frames = traceback.extract_tb(problem.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}: {problem}{where}"[:500]


@functools.lru_cache(4)
def _server(isolation: str, modules: tuple[str, ...]) -> Server:
    server = Server(modules, isolation)
    atexit.register(server.close)
    return server


def server(isolation: str, modules: tuple[str, ...] = ()) -> Server:
    """The warm server of this process, started anew if it has ended. Raises NotIsolatedError."""
    found = _server(isolation, modules)
    if found.process.poll() is None:
        return found
    found.close()
    _server.cache_clear()
    return _server(isolation, modules)


@functools.cache
def transcripts(name: str) -> tuple[Transcript, ...]:
    """What a right answer is asked, for each set of hidden inputs; none where that cannot be told beforehand."""
    task = find(name)
    found = [taken(task, seed, **OPTIONS) for seed in SEEDS]
    return tuple(each for each in found if each is not None) if all(found) else ()


@dataclass
class _Grading:
    """A submission being graded."""

    job: Job
    told: Told
    notes: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    worker: Worker | None = None
    layers: tuple[str, ...] = ()

    def __enter__(self) -> "_Grading":
        return self

    def __exit__(self, *_: object) -> None:
        if self.worker is not None:
            self.worker.kill()

    def outcome(self) -> Outcome:
        """The outcome of the whole submission. Raises UnreadableError and NotIsolatedError."""
        job = self.job
        notebooks, notes = prepared(job.submitted, job.refused, job.wanted)
        self.notes += notes
        found = [
            self.notebook(name, wanted, notebooks[name]) if name in notebooks else _missing(name, wanted)
            for name, wanted in job.wanted.items()
        ]
        isolation = ", ".join(self.layers) if job.isolation != NONE else NONE
        return Outcome(
            job.student, job.assignment, GRADED, tuple(found), tuple(self.notes), tuple(self.incidents), isolation,
            digest=job.digest,
        )  # fmt: skip

    def notebook(self, name: str, wanted: tuple[Expected, ...], notebook: dict[str, Any]) -> Graded:
        """Run a notebook's cells, and judge what stands in them."""
        known = {each.grade_id: each for each in wanted}
        self.worker = Worker(server(self.job.isolation, _modules(wanted)), self.job.limits, self.job.files)
        self.layers = self.worker.layers
        marks: list[Mark] = []
        for cell in notebook["cells"]:
            each = known.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
            if each is not None and each.grade:
                mark = self.marked(cell, each)
                marks.append(mark)
                self.told(mark)
            elif cell["cell_type"] == "code":
                cell["outputs"] = self.run(cell)
        self.worker.kill()
        return Graded(name, tuple(marks), notebook)

    def run(self, cell: Mapping[str, Any]) -> list[outputs.Output]:
        """What a cell puts out."""
        assert self.worker is not None
        where = cell["metadata"].get("nbgrader", {}).get("grade_id", cell["id"])
        try:
            found = outputs.outputs(self.worker.cell(cell["source"]), self.job.limits.output)
        except EndedError as problem:
            self.incidents.append(f"{where}: {problem}")
            return [outputs.error("Stopped", f"this cell was not finished: {problem}")]
        refused = [each for each in found if each["output_type"] == "error" and each["ename"] in REFUSED]
        self.incidents += [f"{where}: {each['ename']}: {each['evalue'][:200]}" for each in refused]
        return found

    # -- marks --------------------------------------------------------------------------------------------------------

    def marked(self, cell: dict[str, Any], each: Expected) -> Mark:
        """The mark of a graded cell; the cell shows what led to it."""
        if each.solution or each.kind != "code":
            answered = cell["source"].strip() != each.shown
            return Mark(each.grade_id, each.points, None if answered else 0.0)
        name = _TEST.search(each.source)
        if _HIDDEN in each.source and name is not None:
            mark = self.exercise(find(name[1]), name[1], each)
        else:
            mark = self.handwritten(each)
        cell["outputs"] = [outputs.printed(mark.said)] if mark.said else []
        if mark.score is not None:
            cell["outputs"].append(outputs.value(mark.score))
        return mark

    def exercise(self, task: Exercise, name: str, each: Expected) -> Mark:
        """The mark for an answer to an exercise."""
        assert self.worker is not None
        known = self.asked(task, name)
        with self.worker.within(self.job.limits.cell):
            try:
                functions = self.worker.functions(names(task))
                said = list(zip(known, self.replayed(task, known, functions)))
                if said and all(transcript.matches(answers) for transcript, answers in said):
                    report = known[0].report  # the answer does what the reference does wherever a check looks
                    points, earned = credit(task, report), parts(task, report)
                else:
                    points, report, earned = judged(
                        task, functions, self.worker.drawn, _vouched(task, said), self.seeds
                    )
            except EndedError as problem:
                points, report, earned = 0.0, _stopped(task, str(problem)), ()
            if self.worker.why:
                points, report, earned = 0.0, _stopped(task, self.worker.why), ()
                self.incidents.append(f"{each.grade_id}: {self.worker.why}")
        scale = each.points / total(task)  # as many as the assignment gives
        text = "\n".join(explanation(task, report, points, earned))
        first = next((finding for finding in report.findings if finding.verdict != RIGHT), None)
        shares = tuple((part.name, part.earned * scale, part.points * scale) for part in earned)
        made = Mark(
            each.grade_id, each.points, points * scale, name, report.verdict, report.kind, said=text, parts=shares
        )
        if first is None:
            return made
        return Mark(**{**vars(made), "cause": first.cause, "message": first.message, "advice": first.advice})

    def asked(self, task: Exercise, name: str) -> tuple[Transcript, ...]:
        """What an answer is asked: what everybody is, and what nobody was asked before; nothing if not both are known.

        Without the latter, a notebook could answer from a table of what another one was asked.
        """
        fresh = sampled(task, self.seeds[0])
        return (*transcripts(name), fresh) if fresh is not None and transcripts(name) else ()

    @functools.cached_property
    def seeds(self) -> tuple[int, ...]:
        """What draws this submission's own inputs: the same whenever it is graded, and other ones once it changes."""
        state = hashlib.sha256()
        for name, data in sorted(self.job.submitted.items()):
            state.update(json.dumps([name, len(data)]).encode() + data)
        return tuple(int.from_bytes(state.digest()[place : place + 4], "little") for place in range(0, 12, 4))

    def replayed(self, task: Exercise, known: tuple[Transcript, ...], functions: Mapping[str, Remote]) -> list[Any]:
        """What the answer says to every transcript; nothing where it is not complete."""
        assert self.worker is not None
        if len(functions) != len(names(task)):
            return []
        handles = tuple(functions[name].handle for name in names(task))
        return [self.worker.replay(transcript.frame(handles)) for transcript in known]

    def handwritten(self, each: Expected) -> Mark:
        """The mark that a test of the instructor's own gives."""
        assert self.worker is not None
        setup = [other.source for other in self.wanted() if other.locked and not other.grade and other.kind == "code"]
        with self.worker.within(self.job.limits.cell):
            score, said = handwritten.tested(self.worker, each.source, setup, each.points)
        verdict = RIGHT if score == each.points else WRONG
        return Mark(each.grade_id, each.points, score, verdict=verdict, message=said, said=said)

    def wanted(self) -> Iterator[Expected]:
        """Every cell of the assignment."""
        return (each for wanted in self.job.wanted.values() for each in wanted)


def _vouched(task: Exercise, said: list[tuple[Transcript, Any]]) -> set[str]:
    """The parts of an answer that are right wherever a check looks: those that are the reference's."""
    paths = set.intersection(*(transcript.agreeing(answers) for transcript, answers in said)) if said else set()
    if task.kind not in MEASURED:
        return paths
    if task.nodes:
        return {name for name in (*task.nodes, *task.wrt) if f"['d{name}']" in paths}
    return {
        name
        for place, name in enumerate(task.wrt)
        if paths & ({f"[{place}]"} | ({""} if len(task.wrt) == 1 else set()))
    }


def _missing(name: str, wanted: tuple[Expected, ...]) -> Graded:
    """A notebook that was not handed in: nothing in it was attempted."""
    said = f"{name}.ipynb was not handed in, or cannot be read"
    marks = [
        Mark(each.grade_id, each.points, 0.0, verdict=NOT_ATTEMPTED, message=said) for each in wanted if each.grade
    ]
    return Graded(name, tuple(marks))


def _stopped(task: Exercise, why: str) -> Report:
    message = f"{task.name} could not be judged to its end: {why}"
    return Report(task.name, WRONG, (Finding("", WRONG, message, "error", "stopped"),), "error")


def _modules(wanted: tuple[Expected, ...]) -> tuple[str, ...]:
    """What the assignment's own cells import, so that it is loaded once and not for each student."""
    found: set[str] = set()
    for each in wanted:
        if each.kind == "code" and not each.grade:
            try:
                body = ast.walk(ast.parse(each.source))
            except SyntaxError:
                continue
            for node in body:
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
    return tuple(sorted(name for name in found if name.partition(".")[0] not in sys.stdlib_module_names))
