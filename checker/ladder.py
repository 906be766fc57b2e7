"""The course's ladder: every exercise in the order of learning with how far one is (`list`), and hints (`hint`)."""

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError
from .exercises import Exercise, exercises_in
from .recorded import recorded
from .report import NOT_ATTEMPTED, RIGHT, WRONG
from .resolve import BrokenModuleError, Found, find, near, workspace

COURSEWORK = "coursework"
PROGRESS = ".progress.json"
MARKS = {RIGHT: "+", WRONG: "x", NOT_ATTEMPTED: "."}


# -- what is remembered -----------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """What is remembered beside the stubs: verdicts of files that have not changed since, and hints that were shown."""

    path: Path
    data: dict[str, Any]

    @classmethod
    def beside(cls, package: Any) -> "Progress":
        """Read what is remembered of a package; nothing, where there is nothing or it cannot be read."""
        path = Path(package.__file__).parent / PROGRESS
        data: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            read = json.loads(path.read_text(encoding="utf-8"))
            data = read if isinstance(read, dict) else {}
        return cls(path, data)

    def save(self) -> None:
        """Write it; where that is not allowed, it is forgotten."""
        with contextlib.suppress(OSError):
            self.path.write_text(json.dumps(self.data, indent=1), encoding="utf-8")

    def verdicts(self, module: Any, tasks: list[Exercise]) -> Iterator[tuple[Exercise, str]]:
        """Each exercise's verdict: as remembered if its file is as it was, else by a check."""
        digest = hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()
        known = self.data.setdefault("verdicts", {}).get(module.__name__, {})
        if known.get("digest") != digest:
            known = {"digest": digest}
        for task in tasks:
            if task.name not in known:
                known[task.name] = task.check(trials=0).verdict
            yield task, known[task.name]
        self.data["verdicts"][module.__name__] = known


def _course(text: str) -> tuple[Any, Sequence[str]]:
    """The course that a text names, `coursework` or `coursework/`, and its topics; of `coursework.gates`, that one.

    Raises UsageError where there is no such course or topic, and where it cannot be imported.
    """
    path = Path(text.removesuffix(".py"))
    if path.is_dir() and (path.is_absolute() or ".." in path.parts):
        raise UsageError(f"{text} is not in this folder: cd {path.parent}, then: python -m checker list {path.name}")
    name = ".".join(path.parts)
    above, _, topic = name.rpartition(".")
    try:
        package = find(above).module if above else None
        if topic in getattr(package, "TOPICS", ()):
            return package, [topic]
        found = find(name)
    except BrokenModuleError as broken:
        raise UsageError(f"{text} cannot be imported: {broken.__cause__}") from None
    package = found.module
    if found.name and hasattr(package, "TOPICS"):
        raise _no_topic(found)
    if not hasattr(package, "TOPICS"):
        advice = f"python -m checker list {COURSEWORK}, or {COURSEWORK}.gates for one topic"
        raise UsageError(f"{text} is neither a course nor a topic of one; try {advice}")
    return package, package.TOPICS


def _no_topic(found: Found) -> UsageError:
    """The complaint about a name in a course that is no topic of it."""
    package = found.module.__name__
    topics = [f"{package}.{topic}" for topic in found.module.TOPICS]
    return UsageError(f"{package} has no topic {found.name}{near(f'{package}.{found.name}', topics)}")


def _modules(package: Any, topics: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Each topic's name, and its module or the exception that its import raised."""
    for topic in topics:
        try:
            yield topic, importlib.import_module(f"{package.__name__}.{topic}")
        except Exception as problem:  # a stub that somebody is in the middle of editing
            yield topic, problem


# -- list -------------------------------------------------------------------------------------------------------------


def declare_list(verbs: Any, name: str) -> None:
    """Add `list` to the command line."""
    parser = verbs.add_parser(
        name,
        help="every exercise, in the order of learning, and how far you are",
        description="Every exercise, in the order of learning: + right, x wrong, . not attempted. Files that have not "
        "changed are not judged again.",
    )
    where = f"the folder of the stubs, or one topic, as {COURSEWORK}.gates; default {COURSEWORK}"
    parser.add_argument("course", nargs="?", default=COURSEWORK, help=where)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_list(options: argparse.Namespace) -> int:
    """Run `list`; 0 if everything is right."""
    rows: list[dict[str, Any]] = []
    moving = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    with workspace():
        package, topics = _course(options.course)
        progress = Progress.beside(package)
        for topic, module in _modules(package, topics):
            if isinstance(module, Exception):
                rows.append(
                    {"topic": topic, "exercise": "", "verdict": f"{type(module).__name__}: {module}", "points": 0}
                )
                continue
            for task, verdict in progress.verdicts(module, exercises_in(module)):
                rows.append({"topic": topic, "exercise": task.name, "verdict": verdict, "points": task.points,
                             "rows": list(task.rows)})  # fmt: skip
                if moving:
                    print(f"\r\033[K{topic} ...", end="", file=sys.stderr)
        progress.save()
    if moving:
        print("\r\033[K", end="", file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        _print(rows)
    return int(any(row["verdict"] != RIGHT for row in rows))


def _print(rows: list[dict[str, Any]]) -> None:
    width = max((len(row["exercise"]) for row in rows), default=0)
    topic = None
    for row in rows:
        if row["topic"] != topic:
            topic = row["topic"]
            print(topic)
        points = f"{row['points']:g} point{'s' * (row['points'] != 1)}" if row["exercise"] else ""
        mark = MARKS.get(row["verdict"], "!")
        print(f"  {mark} {row['exercise']:<{width}}  {points:<9}  {row['verdict']}".rstrip())
    right = [row for row in rows if row["verdict"] == RIGHT]
    points, of = sum(row["points"] for row in right), sum(row["points"] for row in rows)
    many, worth = "s" * (len(rows) != 1), "s" * (of != 1)
    print(f"{len(right)} of {len(rows)} exercise{many} right, {points:g} of {of:g} point{worth}")


# -- hint -------------------------------------------------------------------------------------------------------------


def declare_hint(verbs: Any, name: str) -> None:
    """Add `hint` to the command line."""
    parser = verbs.add_parser(name, help="the next hint for an exercise", description="The next hint for an exercise.")
    parser.add_argument(
        "target", help="an exercise, as coursework.gates.add_backward; of a topic, the first that is not right"
    )


def run_hint(options: argparse.Namespace) -> int:
    """Run `hint`."""
    with workspace():
        try:
            found = find(options.target)
        except BrokenModuleError as broken:
            raise UsageError(f"{options.target} cannot be imported: {broken.__cause__}") from None
        tasks = exercises_in(found.module)
        chosen = [t for t in tasks if found.name in ("", t.name, getattr(t.forward, "__name__", None))]
        if not chosen:
            names = [t.name for t in tasks]
            if hasattr(found.module, "TOPICS"):
                if found.name:
                    raise _no_topic(found)
                topic = f"{found.module.__name__}.{found.module.TOPICS[0]}"
                raise UsageError(f"a hint is for one exercise, or for the next of a topic: name one, as {topic}")
            raise UsageError(f"{found.where} has no exercise {found.name or 'at all'}{near(found.name, names)}")
        package = sys.modules.get(found.module.__name__.rpartition(".")[0], found.module)
        progress = Progress.beside(package)
        task = next((t for t, verdict in progress.verdicts(found.module, chosen) if verdict != RIGHT), None)
        if task is None:
            print(f"{', '.join(t.name for t in chosen)}: right already")
            progress.save()
            return 0
        print(_next_hint(task, progress))
        progress.save()
    return 0


def _next_hint(task: Exercise, progress: Progress) -> str:
    values = recorded(task) if task.stub else None
    hints = values.hints if values is not None else task.hints
    if not hints:
        return f"{task.name} has no hints"
    shown = progress.data.setdefault("hints", {})
    place = min(int(shown.get(task.name, 0)), len(hints) - 1)
    last = int(shown.get(task.name, 0)) >= len(hints)
    shown[task.name] = place + 1
    text = f"{task.name}, hint {place + 1} of {len(hints)}: {hints[place]}"
    return text + ("\nthat was the last one" if last else "")


# -- start ------------------------------------------------------------------------------------------------------------


def declare_start(verbs: Any, name: str) -> None:
    """Add `start` to the command line."""
    parser = verbs.add_parser(
        name,
        help="put the exercises of the course into a folder of yours",
        description="Copy the exercises to ./coursework, for you to fill in. What is there already is left as it is.",
    )
    parser.add_argument("folder", nargs="?", default=".", help="where coursework/ is to be; default here")


def run_start(options: argparse.Namespace) -> int:
    """Run `start`: copy what is missing, and overwrite nothing."""
    folder = Path(options.folder)
    goal = folder if folder.name == COURSEWORK else folder / COURSEWORK
    folders = [Path(entry) / COURSEWORK for entry in sys.path]
    sources = [folder for folder in folders if (folder / "__init__.py").is_file()]
    source = next((folder for folder in sources if folder.resolve() != goal.resolve()), None)
    if source is None:
        raise UsageError(f"{goal} holds the stubs already" if sources else "no stubs are installed here")
    try:
        copied, kept = _copied(source, goal)
    except OSError as problem:
        raise UsageError(f"cannot write {problem.filename or goal}: {problem.strerror}") from None
    print(
        f"{copied} file{'s' * (copied != 1)} copied to {goal}"
        + (f"; {kept} were there already and are as they were" if kept else "")
    )
    return 0


def _copied(source: Path, goal: Path) -> tuple[int, int]:
    """How many files were copied, and how many were there already."""
    copied = kept = 0
    for path in sorted(source.rglob("*")):
        there = goal / path.relative_to(source)
        if path.is_dir() or "__pycache__" in path.parts or path.name == PROGRESS:
            continue
        if there.exists():
            kept += 1
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
        copied += 1
    return copied, kept
