"""What is done side by side, each in a process that imports the course anew: names go in, complaints come out."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from ...places import user_line
from .. import notebooks
from ..key import KEYS
from ..secrets import Secret, secrets
from . import assignments, coursework, exercises, wheel
from .findings import AGAIN, Finding, place

#: Complaints, each with what was looked at.
Found = list[tuple[str, Finding]]


def exercise(name: str) -> Found:
    """An exercise's own answer, and its known mistakes."""
    with _quiet():
        task = notebooks.find(name)
        found = _of("references", exercises.unlike_right(task), task.topic)
        if found:  # what is known of mistakes is known by a right answer
            return found
        mistakes = (complaint for known in task.mistakes for complaint in exercises.unlike_known(task, known))
        return _of("mistakes", mistakes, task.topic)


def stubs(root: Path, topic: str, course: Sequence[str]) -> Found:
    """A topic's stubs, of a `course` of topics."""
    with _quiet():
        return _of("stubs", coursework.unsolved(root, _module(topic), _secrets([topic], course)), topic)


def assigned(root: Path, sources: Sequence[Path], course: Sequence[str]) -> Found:
    """The notebooks of sources, and their releases: one after the other, for all share a gradebook."""
    with _quiet("ignore"):
        return list(assignments.findings(root, sources, _secrets(course, course)))


def student(root: Path, topics: Sequence[str], course: Sequence[str]) -> Found:
    """What a student's wheel shows of some topics."""
    try:
        texts = wheel.packed(root)
    except ModuleNotFoundError:
        return [("wheel", wheel.UNTOLD)]
    with _quiet("ignore"):
        return [("wheel", each) for each in wheel.given_away(texts, _secrets(topics, course))]


def _of(what: str, complaints: Iterable[Finding], topic: str) -> Found:
    """The complaints, and what the topic's code raised in the middle of them."""
    found: Found = []
    try:
        for complaint in complaints:
            found.append((what, complaint))
    except Exception as problem:
        line = user_line(problem)
        if line is None:  # ours, and then a bug that should show where it is
            raise
        said = f"raises {type(problem).__name__}: {problem}"
        found.append((what, Finding(place(line.file, line.line), said, f"mend that line, then: {AGAIN} {topic}")))
    return found


def _module(topic: str) -> ModuleType:
    return importlib.import_module(f"{KEYS}.{topic}")


def _secrets(topics: Sequence[str], course: Sequence[str]) -> list[Secret]:
    return secrets(map(_module, topics), map(_module, course))


@contextlib.contextmanager
def _quiet(warned: Literal["error", "ignore"] = "error") -> Iterator[None]:
    """Leave out what the course's code prints; an exercise's warning is an error, as it is in this project's tests."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter(warned)
        yield
