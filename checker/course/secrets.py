"""What nobody but the instructor may see: the lines of the answers, and the known mistakes with their advice."""

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..exercises import exercises_in
from . import stubs

#: Shorter lines of an answer occur in any code: `return x`.
TELLING = 25
#: Lines up to this length may be the checker's own formulas as well.
COMMON = 45


@dataclass(frozen=True)
class Secret:
    """A text that no student may see, and what it is.

    If it is `common`, it gives something away only in what was made of the course: a stub, a notebook.
    """

    text: str
    what: str
    common: bool


@dataclass(frozen=True)
class Leak:
    """Where a secret shows: the file's name, the line in it, and the secret."""

    file: str
    line: int
    secret: Secret

    @property
    def says(self) -> str:
        """What is shown there, in words."""
        return f"shows {self.secret.what}: {self.secret.text.strip().splitlines()[0]}"


def secrets(topics: Iterable[ModuleType], course: Iterable[ModuleType]) -> list[Secret]:
    """What is secret of some topics, where students are given all of the `course`'s forwards that are no answers."""
    given = _given(course)
    return [each for module in topics for each in (*_lines(module, given), *_mistakes(module))]


def leaks(secrets: Iterable[Secret], texts: Mapping[str, str], made: Collection[str]) -> Iterator[Leak]:
    """Where secrets show in files, by name, of which some were `made` of the course."""
    every, close = _joined(texts.values()), _joined(texts[name] for name in made)
    for secret in secrets:
        if secret.text in (close if secret.common else every):
            for name, text in texts.items():
                if secret.text in text and (name in made or not secret.common):
                    yield Leak(name, text[: text.index(secret.text)].count("\n") + 1, secret)


def _joined(texts: Iterable[str]) -> str:
    return "\0".join(texts)


def _given(course: Iterable[ModuleType]) -> str:
    """The text of the forwards that students are given whole."""
    forwards = [task.forward for module in course for task in exercises_in(module) if task.forward is not None]
    texts = [inspect.getsource(forward) for forward in forwards]
    return "".join(text for text in texts if "### BEGIN SOLUTION" not in text)


def _lines(module: ModuleType, given: str) -> Iterator[Secret]:
    """The telling lines of a topic's answers; not those that a given forward has too."""
    assert module.__file__ is not None
    for line in stubs.answers(Path(module.__file__).read_text(encoding="utf-8")):
        if len(line) >= TELLING and line not in given:
            yield Secret(line, "a line of an answer", len(line) <= COMMON)


def _mistakes(module: ModuleType) -> Iterator[Secret]:
    """The known mistakes: their code, their names where they tell, and their advice where no hint says the same."""
    for task in exercises_in(module):
        for known in task.mistakes:
            yield Secret(inspect.getsource(known.written), f"the mistake {known.name}", False)
            if "_" in known.name:
                yield Secret(known.name, "the name of a mistake", True)
            if known.advice not in task.hints:
                yield Secret(known.advice, "the advice on a mistake", True)
