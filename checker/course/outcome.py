"""What is asked of a grading process, and what it answers: plain data, the answer as JSON.

A `Job` is one student's submission for one assignment, with all that is needed to grade it but the answers, which the
grading process finds in `solutions/`. An `Outcome` is what came of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .precheck import Expected

GRADED, NOT_GRADED = "graded", "not graded"


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds for a cell, for a call of a function and in all; bytes."""

    cell: float = 60.0
    call: float = 10.0
    total: float = 600.0
    memory: int = 3 << 30
    disk: int = 64 << 20
    output: int = 100_000


@dataclass(frozen=True)
class Job:
    """One submission: what was handed in, as bytes by file name, and the cells that each notebook should have.

    `files` are those that are handed out beside the notebooks. `refused` says why a file was not even read.
    `isolation` is "full" (a sandbox, or nothing is graded), "bubblewrap" (the same within bubblewrap), or "none".
    """

    student: str
    assignment: str
    wanted: Mapping[str, tuple[Expected, ...]]
    submitted: Mapping[str, bytes]
    refused: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = Limits()
    isolation: str = "full"
    digest: str = ""


@dataclass(frozen=True)
class Mark:
    """What one graded cell earned; `score` is None where somebody has to read the answer.

    `exercise` is "topic.name" ("" for a question in words or a test of another kind), `parts` the points of each
    gradient (name, earned, points). `cause` names the mistake, `said` is the whole explanation for the student.
    """

    grade_id: str
    points: float
    score: float | None
    exercise: str = ""
    verdict: str = ""
    kind: str = ""
    cause: str = ""
    message: str = ""
    advice: str = ""
    said: str = ""
    parts: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Graded:
    """A notebook as it was graded: its marks, and the notebook with what its cells put out."""

    name: str
    marks: tuple[Mark, ...]
    notebook: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What came of a submission. `notes` tell what was put right or went wrong, `incidents` what the sandbox met.

    `isolation` names the layers that held, "none" where there was none. `ours` is True where the grader is to blame
    that nothing was graded, so that it is worth trying again.
    """

    student: str
    assignment: str
    state: str
    notebooks: tuple[Graded, ...] = ()
    notes: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    isolation: str = ""
    seconds: float = 0.0
    digest: str = ""
    ours: bool = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of all notebooks."""
        return tuple(mark for notebook in self.notebooks for mark in notebook.marks)

    @property
    def score(self) -> float:
        """The points that were given, without those to be given by hand."""
        return sum(mark.score for mark in self.marks if mark.score is not None)

    @property
    def points(self) -> float:
        """The points that there are."""
        return sum(mark.points for mark in self.marks)

    @property
    def by_hand(self) -> float:
        """The points that somebody still has to give."""
        return sum(mark.points for mark in self.marks if mark.score is None)

    def to_json(self) -> str:
        """The text that travels and is kept."""
        return json.dumps(vars(self), default=vars)

    @staticmethod
    def from_json(text: str) -> "Outcome":
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        data = json.loads(text)
        data["notebooks"] = tuple(
            Graded(each["name"], tuple(_mark(mark) for mark in each["marks"]), each["notebook"])
            for each in data["notebooks"]
        )
        for key in ("notes", "incidents"):
            data[key] = tuple(data[key])
        return Outcome(**data)


def _mark(data: dict[str, Any]) -> Mark:
    return Mark(**{**data, "parts": tuple((str(name), earned, points) for name, earned, points in data["parts"])})


def add_files(state: Any, files: Mapping[str, bytes]) -> None:
    """Add files to a digest, so that no two sets of files give the same."""
    for name, data in sorted(files.items()):
        state.update(json.dumps([name, len(data)]).encode() + data)
