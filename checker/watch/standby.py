"""A process that stands by for one check: what every check needs is loaded, and nothing of the author's.

So a check starts at once, sees the author's code as it is then, and can be ended at any time. Both ends speak in lines
of JSON. The parent asks once; the process says, each in a line of its own: `ready` (the author's files that it has read
already), then `found` (the subjects' names), a verdict for each that it checks, and `done`.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import cli
from ..answers import known_mistakes
from ..errors import UsageError
from ..exercises import Exercise, exercise, key_to
from ..kinds import Answer
from ..places import is_theirs
from ..render.text import headline, render
from ..report import Report
from ..resolve import workspace
from ..shapes import Float
from ..subjects import Subject
from . import edited

Message = dict[str, Any]

# -- the parent's end -------------------------------------------------------------------------------------------------

_START = "import sys; sys.path[:] = {path!r}; from checker.watch.standby import main; main({stubs!r})"


class Standby:
    """A process that stands by. What it says goes to `hear`, from a thread; None when it has ended."""

    def __init__(self, hear: Callable[["Standby", Message | None], None], stubs: Sequence[Sequence[str]] = ()):
        # -P and the parent's path: a file of the author's that is called like a module of Python's is no matter.
        code = _START.format(path=sys.path, stubs=[list(stub) for stub in stubs])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self.hear = hear
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        # A line may be cut off when the process is ended.
        with self.process.stdout, contextlib.suppress(ValueError):
            for line in self.process.stdout:
                self.hear(self, json.loads(line))
        self.hear(self, None)

    def ask(self, **request: Any) -> None:
        """Have it check."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended, which is heard
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def end(self) -> int:
        """End it, whatever it does; its exit code."""
        assert self.process.stdin is not None
        self.process.kill()
        with contextlib.suppress(OSError):  # what it has not read
            self.process.stdin.close()
        return self.process.wait()


# -- the process's end ------------------------------------------------------------------------------------------------


def main(stubs: Sequence[tuple[str, str]]) -> None:
    """Load everything, with the answers to these stubs (topic and name), then wait for what to check, and check it."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the author's code writes there is not for the parent

    def say(**message: Any) -> None:
        print(json.dumps(message), file=told, flush=True)

    asked: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, asked), daemon=True).start()
    read: dict[str, None] = {}
    sys.addaudithook(lambda event, given: _note(read, given[0]) if event == "open" else None)
    try:
        with workspace():
            _warm(stubs, asked)
            say(ready=_authors(read))
            request = asked.get()
            _check(request, _authors(read), read, say)
    except BaseException:  # a bug of ours, or an author's code that ends whatever runs it
        say(crash=traceback.format_exc())
    os._exit(0)  # threads of the author's, and the one that listens, would keep it


def _listen(stdin: Any, asked: "queue.SimpleQueue[Message]") -> None:
    for line in stdin:
        asked.put(json.loads(line))
    os._exit(0)  # the parent is gone


def _note(read: dict[str, None], path: Any) -> None:
    """Remember a file that is opened, if it is Python code."""
    if isinstance(path, str) and path.endswith((".py", ".pyc")):
        read[path] = None


def _authors(read: dict[str, None]) -> list[str]:
    """The author's among the files of code that were opened."""
    found: dict[str, None] = {}
    for path in list(read):
        if path.endswith(".pyc"):
            try:
                path = importlib.util.source_from_cache(path)
            except ValueError:
                continue
        if is_theirs(path) and os.path.isfile(path):
            found[os.path.abspath(path)] = None
    return list(found)


def _warm(stubs: Sequence[tuple[str, str]], asked: "queue.SimpleQueue[Message]") -> None:
    """Go through a whole check, so that all of it is loaded, and find out what known mistakes do, until asked."""
    if asked.empty():
        exercise(_tanh_forward)(_tanh_backward)
        render(_tanh_backward.exercise.check())  # type: ignore[attr-defined]
    for topic, name in stubs:
        if not asked.empty():
            break
        task = key_to(topic, name)
        if task is not None:
            known_mistakes(task, Answer(task.answer, task.forward))


def _tanh_forward(x: Float[np.ndarray, "N D"]) -> Any:  # type: ignore[valid-type]
    return np.tanh(x), x


def _tanh_backward(dout: np.ndarray, cache: Any) -> Any:
    """Wrong, so that there is something to explain."""
    return dout * cache


def _check(request: Message, ahead: list[str], read: dict[str, None], say: Callable[..., None]) -> None:
    """Check what has other digests than those `known`, or else everything: what was edited first, and `shown`."""
    options = argparse.Namespace(**request["options"])
    known, chosen = request["known"], list[Subject]()

    def choose(found: list[Subject]) -> list[Subject]:
        file, files = _file(options.target), _authors(read)
        # What was read ahead is not always the same, and what it is for comes after this.
        now = _digests(found, file, [each for each in files if each not in {file, *ahead}])
        far = {each.name: _far(known.get(each.name), now[each.name]) for each in found}
        changed = [each for each in found if far[each.name] < len(now[each.name])] or found
        chosen[:] = sorted(changed, key=lambda each: (far[each.name], each.name != request["shown"]))
        edited = sum(far[each.name] == far[chosen[0].name] for each in chosen)
        stubs = [(each.forward.topic, each.name) for each in found if _is_stub(each)]
        say(found=[each.name for each in found], digests=now, chosen=[each.name for each in chosen], edited=edited,
            file=file, files=files, stubs=stubs)  # fmt: skip
        return chosen

    unclear: dict[str, UsageError] = {}
    printed = io.StringIO()
    checked, missing = 0, False
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            for place, outcome in enumerate(cli.checks(options, choose)):
                name = chosen[place].name if chosen else ""
                if isinstance(outcome, Report):
                    text = render(outcome, verbose=options.verbose, quiet=options.quiet, width=request["width"])
                    say(name=name, verdict=outcome.verdict, head=headline(outcome), text=printed.getvalue() + text)
                    checked, missing = checked + 1, outcome.causes == ("ModuleNotFoundError",)
                else:
                    unclear[name] = outcome
                printed.seek(0)
                printed.truncate()
        except UsageError as refused:
            unclear[""] = refused
    if unclear and not checked:
        say(usage=_complaint(list(unclear.values())))
    else:
        for name, problem in unclear.items():
            say(name=name, verdict="", head=f"{name}: without inputs", text=_complaint([problem]))
    say(done=True, file=_file(options.target), files=_authors(read), missing=missing)


def _far(before: list[str] | None, now: list[str]) -> int:
    """How far from a subject's own code the first change is: the place of the first digest that is another."""
    return next((place for place, digest in enumerate(now) if before is None or before[place] != digest), len(now))


def _complaint(problems: list[UsageError]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        cli.complain(problems)
    return text.getvalue().rstrip()


def _is_stub(subject: Subject) -> bool:
    return isinstance(subject.forward, Exercise) and subject.forward.stub


def _file(target: str) -> str:
    """The file of the module that a target names; "" where there is none."""
    path = target.partition("::")[0]
    if Path(path).is_file():
        return os.path.abspath(path)
    parts = target.split(".")
    modules = (sys.modules.get(".".join(parts[:depth])) for depth in range(len(parts), 0, -1))
    return next((module.__file__ or "" for module in modules if module is not None), "")


def _digests(found: list[Subject], file: str, others: list[str]) -> dict[str, list[str]]:
    """By subject, what `edited.digests` says of its code in a file and in others."""
    roots = {each.name: {each.name.partition(".")[0], *each.called, *_halves(each)} for each in found}
    source = Path(file).read_text(encoding="utf-8", errors="replace") if file else ""
    return edited.digests(source, roots, b"\0".join(Path(each).read_bytes() for each in others))


def _halves(subject: Subject) -> set[str]:
    forward = subject.forward.forward if isinstance(subject.forward, Exercise) else None
    return {forward.__name__} if forward is not None else set()
