"""What the course's own check finds: complaints with their place, and a line for each thing that was looked at."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...doctor import Finding, show
from ...places import definition, shown, user_line

__all__ = ["AGAIN", "BUILD", "Finding", "Looked", "as_json", "at", "broken", "line_of", "place", "printed"]

#: What an author types behind a change in solutions/ or in notebooks/sources/.
BUILD, AGAIN = "python -m checker build", "python -m checker selfcheck"


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at: what was found as a whole, and what there is to complain of."""

    what: str
    found: str
    complaints: tuple[Finding, ...] = ()


def at(function: Callable[..., Any]) -> str:
    """Where a function is defined, as people write it: solutions/gates.py:61."""
    where = definition(function)
    return str(function.__module__) if where is None else place(where.file, where.line)


def place(file: Path | str, line: int = 0) -> str:
    """A file as people write it, and a line of it where one is known."""
    return shown(str(file)) + (f":{line}" if line else "")


def line_of(file: Path, text: str) -> int:
    """The first line of a file that holds a text; 0 where none does."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)


def broken(file: Path, problem: BaseException, mend: str) -> Finding:
    """What a file raised as it was imported, at the line of its authors' where it was raised."""
    line = user_line(problem)
    where = place(file) if line is None else place(line.file, line.line)
    said = str(problem).partition("\n")[0] or "no reason is given"
    return Finding(where, f"{shown(str(file))} cannot be imported: {type(problem).__name__}: {said}", mend)


def printed(looked: Iterable[Looked]) -> None:
    """Print a line for each, the complaints below them, and how many these are."""
    rows = list(looked)
    show([Finding(each.what, each.found, _below(len(each.complaints))) for each in rows])
    complaints = [complaint for each in rows for complaint in each.complaints]
    print()
    if complaints:
        show(complaints)
    print(f"\n{len(complaints)} to mend" if complaints else "all is well")


def as_json(looked: Iterable[Looked]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [asdict(each) for each in looked]


def _below(complaints: int) -> str:
    return f"{complaints} to mend, below" if complaints else ""
