"""How far a long run is: a bar on a terminal, a line now and then in a pipe, on standard error in either case."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")

#: Seconds between two lines in a pipe.
PERIOD = 10.0


def progress(
    what: str, items: Iterable[Item], total: int | None = None, kind: Callable[[Item], str] | None = None
) -> Iterator[Item]:
    """The items, while it is shown how many of the `total` have come, how fast, and how long the rest will take.

    `kind` names what an item is, and how many there are of each kind is shown too.
    """
    total = total if total is not None else len(items) if isinstance(items, Sequence) else None
    shown = _bar if sys.stderr.isatty() else _lines
    yield from shown(what, items, total, kind or (lambda item: ""))


def _bar(what: str, items: Iterable[Item], total: int | None, kind: Callable[[Item], str]) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    counts: Counter[str] = Counter()
    columns: list[Any] = [
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[counts]}"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    ]  # fmt: skip
    with open(os.dup(2), "w", encoding="utf-8") as terminal:  # what nbgrader does to standard error is not for the bar
        bar = Progress(*columns, console=Console(file=terminal, force_terminal=True), transient=True)
        with bar:
            task = bar.add_task(what, total=total, counts="", rate="")
            for item in items:
                yield item
                counts[kind(item)] += 1
                speed = bar.tasks[0].speed
                bar.update(task, advance=1, counts=_counted(counts), rate=f"{speed * 60:.0f}/min" if speed else "")


def _lines(what: str, items: Iterable[Item], total: int | None, kind: Callable[[Item], str]) -> Iterator[Item]:
    counts: Counter[str] = Counter()
    began = last = time.monotonic()
    for item in items:
        yield item
        counts[kind(item)] += 1
        now = time.monotonic()
        if now - last >= PERIOD:
            last = now
            done = counts.total()
            rate = done / (now - began)
            left = "" if total is None else f", {_duration((total - done) / rate)} left"
            of = "" if total is None else f" of {total}"
            told = f" ({_counted(counts)})" if any(counts) else ""
            print(f"{what}: {done}{of}{told}, {rate * 60:.0f} a minute{left}", file=sys.stderr, flush=True)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if name)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
