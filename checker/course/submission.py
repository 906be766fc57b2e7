"""Grading one submission, in a process of the instructor's: its cells run in a worker, its answers are judged here.

The worker has the notebook and nothing else; the answers, the hidden inputs and the verdict stay on this side. What
cannot be graded is said to be so: it is neither 0 nor a pass.
"""

import ast
import atexit
import functools
import hashlib
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..report import NOT_ATTEMPTED, RIGHT, WRONG
from . import handwritten, judging, outputs
from .isolation.client import NONE, EndedError, NotIsolatedError, Server, Worker
from .outcome import GRADED, NOT_GRADED, Graded, Job, Mark, Outcome, add_files
from .precheck import Expected, UnreadableError, prepared

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
        self.incidents += self.worker.incidents
        return Graded(name, tuple(marks), notebook)

    def run(self, cell: Mapping[str, Any]) -> list[outputs.Output]:
        """What a cell puts out."""
        assert self.worker is not None
        where = cell["metadata"].get("nbgrader", {}).get("grade_id", cell["id"])
        try:
            found = outputs.outputs(self.worker.cell(cell["source"]), self.job.limits.output)
        except EndedError as problem:
            self.worker.incidents.append(f"{where}: {problem}")
            return [outputs.error("Stopped", f"this cell was not finished: {problem}")]
        refused = [each for each in found if each["output_type"] == "error" and each["ename"] in REFUSED]
        self.worker.incidents += [f"{where}: {each['ename']}: {each['evalue'][:200]}" for each in refused]
        return found

    # -- marks --------------------------------------------------------------------------------------------------------

    def marked(self, cell: dict[str, Any], each: Expected) -> Mark:
        """The mark of a graded cell; the cell shows what led to it."""
        assert self.worker is not None
        if each.solution or each.kind != "code":
            if cell["source"].strip() == each.shown:
                return Mark(each.grade_id, each.points, 0.0, verdict=NOT_ATTEMPTED)
            return Mark(each.grade_id, each.points, None)
        name = _TEST.search(each.source)
        if _HIDDEN in each.source and name is not None:
            mark = self.judged(each, name[1])
        else:
            mark = self.handwritten(each)
        cell["outputs"] = [outputs.printed(mark.said)] if mark.said else []
        if mark.score is not None:
            cell["outputs"].append(outputs.value(mark.score))
        return mark

    def judged(self, each: Expected, name: str) -> Mark:
        """The mark for an exercise; one that this side cannot give is left to a reader: it is neither 0 nor a pass."""
        assert self.worker is not None
        try:
            return judging.mark(self.worker, each, name, self.seeds, self.job.limits.cell)
        except NotIsolatedError:
            raise
        except Exception as problem:
            why = f"the grader failed on this answer, and your instructor has to look at it: {_last(problem)}"
            self.worker.incidents.append(f"{each.grade_id}: {why}")
            return Mark(each.grade_id, each.points, None, name, message=why, said=why)

    @functools.cached_property
    def seeds(self) -> tuple[int, ...]:
        """What draws this submission's own inputs: the same whenever it is graded, and other ones once it changes."""
        state = hashlib.sha256()
        add_files(state, self.job.submitted)
        return tuple(int.from_bytes(state.digest()[place : place + 8], "little") for place in range(0, 24, 8))

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


def _missing(name: str, wanted: tuple[Expected, ...]) -> Graded:
    """A notebook that was not handed in: nothing in it was attempted."""
    said = f"{name}.ipynb was not handed in, or cannot be read"
    marks = [
        Mark(each.grade_id, each.points, 0.0, verdict=NOT_ATTEMPTED, message=said) for each in wanted if each.grade
    ]
    return Graded(name, tuple(marks))


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
