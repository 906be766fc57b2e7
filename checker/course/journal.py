"""The log of an assignment's gradings, `reports/ASSIGNMENT.jsonl`: a JSON object on each line, in the order of events.

`{"event": "start", ...}` opens a run and says how it was asked for, `{"event": "outcome", ...}` tells what came of one
submission, and `{"event": "end", ...}` closes the run; where that is missing, the run was killed. All have a `time`, in
UTC, and the `assignment`.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from ..errors import UsageError
from .folder import REPORTS, Course
from .outcome import Outcome

START, OUTCOME, END = "start", "outcome", "end"


def path_of(course: Course, assignment: str) -> Path:
    """Where the log of an assignment lies."""
    return course.root / REPORTS / f"{assignment}.jsonl"


def read(course: Course, assignment: str) -> Iterator[dict[str, Any]]:
    """The events of an assignment, oldest first. A line that was torn by a crash is left out."""
    path = path_of(course, assignment)
    if path.is_file():
        with path.open("rb") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event


class Journal:
    """The log of an assignment, open for writing. Every method raises UsageError where it cannot be written."""

    def __init__(self, course: Course, assignment: str):
        self.assignment, self.path = assignment, path_of(course, assignment)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self.path.open("ab", buffering=0)
            if not _ends_with_a_line(self.path):
                self._file.write(b"\n")
        except OSError as problem:
            raise self._unwritable(problem) from None

    def write(self, event: str, **more: Any) -> None:
        """Add a line; it is there when this returns."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"event": event, "time": now, "assignment": self.assignment, **more}) + "\n"
        try:
            self._file.write(line.encode())
        except OSError as problem:
            raise self._unwritable(problem) from None

    def outcome(self, outcome: Outcome) -> None:
        """What came of a submission."""
        self.write(
            OUTCOME, student=outcome.student, state=outcome.state, score=outcome.score, points=outcome.points,
            by_hand=outcome.by_hand, seconds=outcome.seconds, isolation=outcome.isolation, notes=outcome.notes,
            incidents=outcome.incidents, ours=outcome.ours, digest=outcome.digest,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _unwritable(self, problem: OSError) -> UsageError:
        return UsageError(
            f"the log {self.path} cannot be written ({problem.strerror}): mend that; the same command goes on where it "
            "stopped"
        )


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return file.read() in (b"", b"\n")
