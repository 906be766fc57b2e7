"""What `watch` shows: the report of what was edited, a line for each check, and what is being watched."""

import contextlib
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..cli import COLOURS
from ..ladder import MARKS
from ..render.text import WIDTH
from ..report import RIGHT

#: A terminal is taken to have so many lines at least.
LEAST = 4
#: After so many seconds of a check, what ends it is said; and after so many, that what is shown is of before.
LONG, LATE = 5, 1.0
BEFORE = "before that:"

#: Lines, each with its style.
Lines = list[tuple[str, str]]


@dataclass
class Verdict:
    """What came of one check: `head` is the first line of its report, `text` all of it. An import has no name."""

    name: str
    verdict: str
    head: str
    text: str


@dataclass
class Board:
    """What is known: by subject its last verdict, and which verdict is shown in full.

    `trouble` says what keeps the target from being checked at all; `files` counts those that are watched beside its
    own. A check that was `begun`, by time.monotonic, has not ended; `checks` counts those that have. What is shown is
    `settled` when nothing else that the check may still find is shown instead.
    """

    target: str
    names: list[str] = field(default_factory=list)
    last: dict[str, Verdict] = field(default_factory=dict)
    shown: Verdict | None = None
    trouble: str = ""
    files: int = 0
    checking: str = ""
    begun: float | None = None
    at: str = ""
    took: float = 0.0
    settled: bool = False
    checks: int = 0

    def verdict(self, name: str) -> str:
        """A subject's last verdict; "" where there is none."""
        return self.last[name].verdict if name in self.last else ""

    def current(self) -> bool:
        """Whether the verdicts are those of the code as it is: it could be imported when it was last checked."""
        return self.shown is not None and bool(self.shown.name) and not self.trouble

    def right(self) -> bool:
        """Whether everything was right when it was last checked."""
        return self.current() and all(self.verdict(name) == RIGHT for name in self.names)

    def lines(self, width: int = WIDTH, height: int | None = None) -> Lines:
        """All there is to show; where it has to fit into a height, what is right is left out first."""
        below: Lines = [("", ""), *((line, "dim") for line in textwrap.wrap(self._watched(), width))]
        left = None if height is None else max(height, LEAST) - len(below)
        report = self.report(width)[:left]
        return [*report, *self.rows(None if left is None else left - len(report)), *below]

    def report(self, width: int = WIDTH) -> Lines:
        """The report that is shown, or what keeps it from being made."""
        if self.trouble or self.shown is None:
            return [(line, "yellow") for line in _wrapped(self.trouble or "not checked yet", width)]
        first, *rest = _wrapped(self.shown.text, width)
        report = [(first, f"bold {COLOURS.get(self.shown.verdict, '')}"), *((line, "") for line in rest)]
        late = not self.settled and self.begun is not None and time.monotonic() - self.begun > LATE
        return [(BEFORE, "dim"), *report] if late else report

    def rows(self, height: int | None = None) -> Lines:
        """For several subjects a line each, with mark, name and verdict, and lines above that set them apart."""
        if len(self.names) < 2:
            return []
        longest = max(map(len, self.names))
        rows = []
        for name in self.names:
            last = self.last.get(name)
            mark, said = (MARKS.get(last.verdict, "!"), last.head.partition(": ")[2]) if last else (" ", "")
            rows.append((f"  {mark} {name:<{longest}}  {said}".rstrip(), COLOURS.get(self.verdict(name), "")))
        above: Lines = [("", "")] if self.current() else [("", ""), (BEFORE, "dim")]
        return [*above, *rows] if height is None else [*above, *_fitting(rows, height - len(above))][: max(height, 0)]

    def _watched(self) -> str:
        """What is watched, when it was last checked, how long that took, and how to end it."""
        parts = [f"watching {self.target}"]
        if self.files:
            parts[0] += f" and {self.files} other file{'s' * (self.files > 1)}"
        if self.begun is not None:
            seconds = int(time.monotonic() - self.begun)
            parts.append(f"checking {self.checking}".rstrip() + (f" for {seconds} s" if seconds else ""))
            parts += ["the next save ends that"] if seconds > LONG else []
        elif self.at:
            parts.append(f"checked at {self.at} in {self.took:.2f} s")
        return "; ".join((*parts, "Ctrl-C ends it"))


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, those that are too long broken between words and further to the right."""
    found = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        found += [line] if len(line) <= width else textwrap.wrap(line, width, subsequent_indent=indent)
    return found


def _fitting(rows: Lines, left: int) -> Lines:
    """As many rows as there are lines left for them, in their order; those of what is right go first."""
    if len(rows) <= left:
        return rows
    kept = sorted(range(len(rows)), key=lambda place: rows[place][1] == COLOURS[RIGHT])[: max(left - 1, 0)]
    more = f"  ... and {len(rows) - len(kept)} more"
    return [*(rows[place] for place in sorted(kept)), (more, "")] if left > 0 else []


# -- where it is shown ------------------------------------------------------------------------------------------------


def room() -> int:
    """How wide a report can be."""
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return max(40, min(WIDTH, columns))


@contextlib.contextmanager
def drawing() -> Iterator[Callable[[Board], None]]:
    """What draws a board: on a terminal in the place of the last one, elsewhere below it when its check has ended."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        with _in_place() as draw:
            yield draw
        return
    told = ended = 0

    def append(board: Board) -> None:
        nonlocal told, ended
        report, over = board.report(), board.checks > ended
        if told == ended and board.settled and (over or board.begun is not None):
            told += 1
            _print(report)
        if over:
            ended += 1
            _print([*board.lines()[len(report) :], ("", "")])

    yield append


def _print(lines: Lines) -> None:
    print(*(text for text, _ in lines), sep="\n", flush=True)


@contextlib.contextmanager
def _in_place() -> Iterator[Callable[[Board], None]]:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    drawn: tuple[Any, Lines] = (None, [])
    last: Board | None = None

    def draw(board: Board) -> None:
        nonlocal drawn, last
        last, size = board, shutil.get_terminal_size()
        lines = board.lines(*size)
        if (size, lines) != drawn:
            live.update(_text(lines), refresh=True)
            drawn = size, lines

    try:
        with Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        ) as live:
            yield draw
    finally:
        if last is not None and last.checks:  # the last verdict stays when this screen is gone
            console.print(_text([*last.report(console.width), *last.rows()]))


def _text(lines: Lines) -> Any:
    from rich.text import Text

    pieces = [piece for text, style in lines for piece in ((text, style), "\n")]
    return Text.assemble(*pieces[:-1], no_wrap=True, overflow="ellipsis")
