"""The README's table of derivations: every row of the lectures, and what goes beyond them."""

import importlib
import re
from collections.abc import Iterator
from types import ModuleType

from ..exercises import Exercise, exercises_in

BEGIN, END = "<!-- derivations -->\n", "<!-- end of derivations -->\n"
_HEAD = "| {} | derivation | exercise | kind | points | mistakes |\n|---|---|---|---|---|---|\n"


def filled(readme: str, package: ModuleType) -> str:
    """A README's text with the table between its two marks as it should be."""
    table = "".join(_lines(package))
    return re.sub(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", lambda _: table, readme, flags=re.DOTALL)


def _lines(package: ModuleType) -> Iterator[str]:
    lectures = importlib.import_module(f"{package.__name__}.lectures")
    tasks = [
        t for topic in package.TOPICS for t in exercises_in(importlib.import_module(f"{package.__name__}.{topic}"))
    ]
    for lecture, title in lectures.LECTURES.items():
        yield f"\n{lecture}: {title}\n\n{_HEAD.format('row')}"
        for row, what in lectures.ROWS.items():
            if not row.startswith(lecture):
                continue
            found = [task for task in tasks if row in task.rows]
            yield from (_line(row, what, task) for task in found)
            if not found:
                nothing = lectures.NOTHING_TO_DERIVE.get(row, "MISSING")
                yield f"| {row} | {what} | ({nothing}: nothing to derive) | | | |\n"
    yield f"\nBeyond the lectures\n\n{_HEAD.format('topic')}"
    yield from (_line(task.topic, _summary(task), task) for task in tasks if not task.rows)


def _line(row: str, what: str, task: Exercise) -> str:
    name, kind = f"`{task.topic}.{task.name}`", "staged backward" if task.nodes else task.kind
    return f"| {row} | {what} | {name} | {kind} | {task.points:g} | {len(task.mistakes)} |\n"


def _summary(task: Exercise) -> str:
    """An exercise without a row, in a few words: its name's."""
    return task.name.replace("_", " ").removesuffix(" backward")
