"""`checker watch`: check again whenever the code is saved, and keep the last verdict on the screen.

Each check is made by a process that stood by for it (`standby`), so that it is quick, sees the code as it is on disk,
and can be ended when the next save comes before its verdict.
"""

import argparse
import contextlib
import os
import queue
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..places import shown
from ..report import RIGHT, WRONG

if TYPE_CHECKING:
    from .screen import Board
    from .standby import Message, Standby

#: Seconds between two looks at the files, and for how long they have to be at rest.
LOOK, REST = 0.05, 0.02
#: For how long a file has to be missing, since some editors delete it before they write it anew.
MISSING = 0.5
#: After so many seconds of a check the next process is made ready, though there is no verdict.
LONG = 1.0


def declare(verbs: Any, name: str) -> None:
    """Add `watch` to the command line."""
    from ..cli import declare_checks

    parser = verbs.add_parser(
        name,
        help="check again whenever the code is saved",
        description="Check what the target names, and again whenever it or a file that it imports is saved: what was "
        "edited, and everything where that cannot be told. Ctrl-C ends it, with exit code 0 if everything was right "
        "when it was last checked, and else 1.",
    )
    declare_checks(parser)
    parser.set_defaults(json=False)


def run(options: argparse.Namespace) -> int:
    """Run `watch`; 0 if everything was right when it was last checked."""
    from .. import cli
    from .screen import Board, drawing

    cli.sensible(options)
    watch = _Watch(options, Board(options.target), _Files(_given(options.inputs)))
    with _terminated_last():
        try:
            with drawing() as draw:
                watch.begin(time.monotonic())
                while not watch.refused:
                    draw(watch.board)
                    watch.go_on()
        except KeyboardInterrupt:
            return int(not watch.board.right())
        finally:
            watch.end()
    print(watch.refused, file=sys.stderr)
    return cli.USAGE


class _Terminated(BaseException):
    """SIGTERM has come."""


@contextlib.contextmanager
def _terminated_last() -> Iterator[None]:
    """Have SIGTERM end the process once everything inside has been left: the terminal is as it was before, then."""

    def leave(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one waits for nothing
        raise _Terminated

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except _Terminated:
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def _given(inputs: Iterable[str]) -> list[str]:
    """The files among the texts of `--input`."""
    paths = (text.rpartition("=")[2] for text in inputs)
    return [path for path in paths if path.endswith((".npy", ".npz"))]


# -- files ------------------------------------------------------------------------------------------------------------

Signature = tuple[int, int, int] | None


def _signature(path: str) -> Signature:
    """What tells one state of a file from another; None where there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class _Files:
    """The files that are watched, and how they were when `edited` last told of them."""

    def __init__(self, given: Iterable[str]):
        self.given = list(given)
        self.seen: dict[str, Signature] = {path: _signature(path) for path in self.given}
        self.now = self.seen
        self.first = self.last = 0.0  # when they were first seen to change, and last

    def also(self, paths: Iterable[str]) -> None:
        """Watch these as well."""
        self.seen |= {path: _signature(path) for path in paths if path not in self.seen}

    def only(self, paths: Iterable[str]) -> None:
        """Watch these, and what was given."""
        self.seen = {path: self.seen.get(path, _signature(path)) for path in (*self.given, *paths)}

    def edited(self) -> set[str]:
        """Those that have changed, once they are at rest."""
        before, self.now = self.now, {path: _signature(path) for path in self.seen}
        changed = {path for path in self.seen if self.now[path] != self.seen[path]}
        if self.now != before:
            self.last = time.monotonic()
            self.first = self.first or self.last
        if not changed:
            self.first = 0.0
            return changed
        lost = any(self.now[path] is None and self.seen[path] is not None for path in changed)
        if time.monotonic() - self.last < (MISSING if lost else REST):
            return set()
        self.seen = self.now
        return changed


# -- checks -----------------------------------------------------------------------------------------------------------


@dataclass
class _Watch:
    """What is shown, and two processes: one that checks, and one that stands by for the next check."""

    options: argparse.Namespace
    board: "Board"
    files: _Files
    #: Why there is nothing to watch.
    refused: str = ""
    #: The target's own file, as soon as it is known.
    file: str = ""
    checking: "Standby | None" = None
    spare: "Standby | None" = None
    said: "queue.SimpleQueue[tuple[Standby, Message | None]]" = field(default_factory=queue.SimpleQueue)
    #: What a process reads while it stands by: it is of no use when that changes.
    ahead: set[str] = field(default_factory=set)
    stubs: list[tuple[str, str]] = field(default_factory=list)
    #: By subject, digests of its code: those of this check, and those to which the last verdicts belong.
    digests: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)
    #: Which subjects this check is about, how many of them were edited themselves (they come first), and are judged;
    #: and whether another process has been made ready meanwhile.
    chosen: list[str] = field(default_factory=list)
    edited: int = 0
    judged: int = 0
    prepared: bool = False

    def go_on(self) -> None:
        """Hear what the processes say, for a moment, and begin a check if the files have changed."""
        try:
            who, message = self.said.get(timeout=REST if self.files.first else LOOK)
        except queue.Empty:
            pass
        else:
            self.hear(who, message)
        edited = self.files.edited()
        if edited:
            if edited & self.ahead and self.spare is not None:
                self.spare.end()
                self.spare = None
            self.begin(self.files.first)
        elif self.board.begun is not None and time.monotonic() - self.board.begun > LONG:
            self.prepare()

    def begin(self, since: float) -> None:
        """Begin a check, in the place of one that has not ended."""
        from .screen import room

        if self.checking is not None:
            self.checking.end()
            self.checking = self.board.begun = None
        board, self.chosen, self.edited, self.judged = self.board, [], 1, 0
        if self.file and self.files.seen.get(self.file) is None:
            self.finish(f"{shown(self.file)} is gone: it will be checked when it is there again")
            return
        self.prepared = False
        self.prepare()
        self.checking, self.spare, self.prepared = self.spare, None, False
        board.begun, board.checking, board.settled = since, "", False
        assert self.checking is not None
        name = board.shown.name if board.shown else ""
        self.checking.ask(options=vars(self.options), known=self.known, shown=name, width=room())

    def prepare(self) -> None:
        """Have a process stand by, with the answers to what is not right at hand, and of what is shown first."""
        from .standby import Standby

        if self.prepared or self.spare is not None:
            return
        board = self.board
        name = board.shown.name if board.shown else ""
        wrong = [stub for stub in self.stubs if stub[1] == name or board.verdict(stub[1]) != RIGHT]
        wrong.sort(key=lambda stub: stub[1] != name)
        self.spare = Standby(lambda who, message: self.said.put((who, message)), wrong)
        self.prepared = True

    def end(self) -> None:
        """End both processes."""
        for process in (self.checking, self.spare):
            if process is not None:
                process.end()

    # -- what they say ------------------------------------------------------------------------------------------------

    def hear(self, who: "Standby", message: "Message | None") -> None:
        """Take in what a process says; what one said that was ended before is nothing."""
        if message is not None and "ready" in message:
            self.ahead.update(message["ready"])
        elif who is self.spare and message is None:
            self.spare.end()
            self.spare = None
        elif who is self.checking:
            if message is None:
                code = who.end()
                self.finish(f"the check ended without a verdict (exit code {code}); it is tried again at the next save")
            elif "found" in message:
                self.find(message)
            elif "verdict" in message:
                self.judge(message)
            elif "usage" in message:
                self.refuse(message["usage"])
            elif "crash" in message:
                self.finish(message["crash"])
            else:
                self.done(message)

    def find(self, message: "Message") -> None:
        """What the target turned out to be, and what of it is checked now."""
        board, self.digests = self.board, message["digests"]
        self.chosen, self.edited = message["chosen"], message["edited"]
        board.names, board.trouble, self.stubs = message["found"], "", [tuple(stub) for stub in message["stubs"]]
        board.checking = self.chosen[0]
        self.file = message["file"]
        self.files.also(message["files"])

    def judge(self, message: "Message") -> None:
        """A verdict. The first one is shown in full, or the first of what was edited that is wrong."""
        from .screen import Verdict

        board = self.board
        found = Verdict(**message)
        if found.name:
            board.last[found.name], self.known[found.name] = found, self.digests[found.name]
        if self.judged == 0 or (found.verdict == WRONG and not board.settled):
            board.shown = found
        self.judged += 1
        board.trouble, board.settled = "", board.settled or found.verdict == WRONG or self.judged >= self.edited
        board.checking = self.chosen[self.judged] if self.judged < len(self.chosen) else ""

    def refuse(self, text: str) -> None:
        """The command makes no sense; where it did before, the code has become so."""
        if self.board.checks:
            self.board.trouble = text
        else:
            self.refused = text

    def done(self, message: "Message") -> None:
        """A check has come to its end."""
        self.file = message["file"] or self.file
        paths = [*message["files"], *([self.file] if self.file else [])]
        if self.chosen:
            self.files.only(paths)
        else:  # it could not be imported: what it would have read is not known
            self.files.also(paths)
            if message["missing"]:
                self.files.also([os.getcwd(), *([os.path.dirname(self.file)] if self.file else [])])
        self.board.files = sum(path != self.file and not os.path.isdir(path) for path in self.files.seen)
        self.finish(self.board.trouble)

    def finish(self, trouble: str) -> None:
        """End a check, and have a process stand by for the next one."""
        board = self.board
        if board.begun is not None:
            board.at, board.took = time.strftime("%H:%M:%S"), time.monotonic() - board.begun
        board.trouble, board.begun, board.settled = trouble, None, True
        board.checks += 1
        if self.checking is not None:
            self.checking.end()
            self.checking = None
        self.prepare()
