"""The trusted end: start workers, run a notebook's cells in one, and hand its functions over as stand-ins.

Whatever comes back is data of a stranger: decoded within bounds, and never believed in more than it shows. A worker
that ends or does not answer in time is replaced, and the cells that it had run are run again, but for the one at fault.
"""

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..key import everywhere
from ..outcome import Limits
from . import wire
from .channel import LENGTH, Arena, Channel, ClosedError, new_arena
from .remote import Elsewhere, Remote
from .sandbox import Policy, interpreter
from .sandbox import readable as without

#: Seconds for a server to load what it loads, and for a worker to lock itself in.
WARM, LOCKED = 60.0, 20.0
#: Bytes that a worker and its trusted end share, for large arrays.
SHARED = 64 << 20
#: So many times is a worker of one notebook replaced.
RESTARTS = 5
#: What a call may do that other graders take for a failure, as the worker tells it, and in words.
NOISE = {"printed": "printed", "warned": "warned of"}
#: Ways to be isolated: what `Job.isolation` may say.
FULL, BUBBLEWRAP, NONE = "full", "bubblewrap", "none"


class NotIsolatedError(Exception):
    """A layer of the sandbox that should hold does not: nothing was run."""


class EndedError(Exception):
    """The worker ended, or had to be ended; the message says why, as one says it to the student."""


class Server:
    """A warm server, which forks workers. `modules` are loaded where they are installed."""

    def __init__(self, modules: Sequence[str] = (), isolation: str = FULL) -> None:
        if not hasattr(os, "fork"):
            raise NotIsolatedError("this system cannot fork a process: grade on Linux, or under WSL")
        self.isolation = isolation
        self.folder = tempfile.mkdtemp(prefix="grading-")
        os.chmod(self.folder, 0o711)
        self.control, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", f"{__package__}.server", str(theirs.fileno()), *modules]
        if isolation == BUBBLEWRAP:
            from .sandbox import bubblewrap

            why = bubblewrap.available()
            if why:
                raise NotIsolatedError(f"bubblewrap: {why}")
            here = Path(__file__).resolve().parent  # what the server itself is made of, and no more of its package
            policy = self.policy(self.folder, Limits())
            readable = (*policy.readable, str(here), str(here.parent / "__init__.py"))
            command = bubblewrap.command(replace(policy, readable=readable), command)
        # Standard output and error lead nowhere: what code writes past Python is not for the terminal.
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        theirs.close()
        self.control.settimeout(WARM)
        try:
            ready = self.control.recv(5)
        except OSError:
            ready = b""
        if ready != b"ready":
            self.close()
            raise NotIsolatedError("the server that starts workers did not come up")

    def policy(self, scratch: str, limits: Limits) -> Policy:
        """What a worker may do."""
        return Policy(
            scratch=scratch, readable=_readable(), secrets=_secrets(), memory=limits.memory, cpu=int(limits.total) + 1,
            file_size=limits.disk, disk=limits.disk,
        )  # fmt: skip

    def fork(self, limits: Limits) -> tuple[int, int | None, Channel, Arena | None, str]:
        """A new worker: its process id and descriptor, the channel to it, what is shared with it, its folder."""
        scratch = tempfile.mkdtemp(dir=self.folder)
        ours, theirs = socket.socketpair()
        arena = new_arena(SHARED)
        policy = None if self.isolation == NONE else asdict(self.policy(scratch, limits))
        request = {"scratch": scratch, "output": limits.output, "policy": policy}
        descriptors = [theirs.fileno(), *([arena.fd] if arena is not None else [])]
        message = json.dumps(request).encode()
        socket.send_fds(self.control, [LENGTH.pack(len(message))], descriptors)
        self.control.sendall(message)
        theirs.close()
        answer, passed, _, _ = socket.recv_fds(self.control, 32, 1)
        if not answer:
            raise NotIsolatedError("the server that starts workers has ended")
        return int(answer), passed[0] if passed else None, Channel(ours), arena, scratch

    def close(self) -> None:
        """End the server, and with it every worker that is left."""
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _remove(self.folder)


class Worker:
    """A student's notebook at work. Every call is bounded in time; `incidents` tell what went wrong beyond errors."""

    def __init__(self, server: Server, limits: Limits, files: Mapping[str, bytes] | None = None) -> None:
        self.server, self.limits, self.files = server, limits, dict(files or {})
        self.ran: list[str] = []
        self.incidents: list[str] = []
        self.noise: set[str] = set()  # what calls did beside answering: see NOISE
        self.layers: tuple[str, ...] = ()
        self.restarts = 0
        self.left = limits.total  # seconds that may be spent on waiting for it
        self.budget = self.allowed = self.left  # and for what is under way
        self.channel: Channel | None = None
        self.why = ""  # it ended
        self.start()

    def start(self) -> None:
        """Fork a worker, and see that it is locked in. Raises NotIsolatedError where it is not."""
        self.pid, self.descriptor, self.channel, self.arena, self.scratch = self.server.fork(self.limits)
        try:
            told = wire.decode(self.channel.receive(LOCKED))
        except (ClosedError, TimeoutError, wire.WireError) as problem:
            self.kill()
            raise NotIsolatedError(f"the sandbox could not be set up: {type(problem).__name__} {problem}") from None
        if "layers" not in told:
            self.kill()
            raise NotIsolatedError(str(told.get("refused"))[:2000])
        self.layers = tuple(map(str, told["layers"]))
        if self.files:
            self.ask("files", contents=self.files)

    def kill(self) -> None:
        """End the worker's process, and clear up after it."""
        if self.channel is None:
            return
        with contextlib.suppress(OSError):
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
                os.close(self.descriptor)
            else:
                os.kill(self.pid, signal.SIGKILL)
        self.channel.close()
        self.channel = None
        if self.arena is not None:
            self.arena.close()
        _remove(self.scratch)

    def revive(self) -> None:
        """Another worker that has run the same cells, if the last one is gone. Raises EndedError if too many are."""
        if self.channel is not None:
            return
        self.restarts += 1
        self.why = ""
        if self.restarts > RESTARTS or self.left <= 0:
            raise EndedError("too many cells and calls had to be stopped")
        self.start()
        ran, self.ran = self.ran, []
        for source in ran:
            with contextlib.suppress(EndedError):  # what ran once may end it now; then the others do without
                self.ask("cell", self.limits.cell, source=source)
                self.ran.append(source)
            if self.channel is None:
                self.start()

    def ask(self, operation: str, seconds: float = 10.0, given: Sequence[Any] = (), **message: Any) -> Any:
        """Send a message, and take the answer. Raises EndedError where none comes, or none that can be read."""
        return self.exchange(wire.encode({"op": operation, **message}, arena=self.arena), seconds, given)

    def exchange(self, frame: bytes, seconds: float, given: Sequence[Any] = ()) -> dict[Any, Any]:
        """Send an encoded message, and take the answer. Raises EndedError as `ask`."""
        if self.channel is None:
            raise EndedError(self.why or "the process that it ran in has ended")
        spent = min(self.budget, self.left) < seconds
        started = time.monotonic()
        try:
            until = max(0.05, min(seconds, self.budget, self.left))
            self.channel.send(frame, until)
            answer = wire.decode(self.channel.receive(until), given=given, resolve=Elsewhere, arena=self.arena)
        except TimeoutError:
            limit = f"{self.allowed:.3g} seconds in all" if spent else f"{seconds:.3g} seconds"
            raise self.ended(f"it was stopped after {limit}") from None
        except (ClosedError, OSError):
            raise self.ended("it ended the Python process that it ran in") from None
        except wire.WireError as problem:
            raise self.ended(f"it sent something that cannot be read ({problem})") from None
        finally:
            waited = time.monotonic() - started
            self.budget, self.left = self.budget - waited, self.left - waited
        if not isinstance(answer, dict):
            raise self.ended("it sent something that is no answer")
        self.noise |= {word for word in NOISE if answer.get(word) is True}
        return answer

    def ended(self, why: str) -> EndedError:
        """End the worker for a reason, and give the error that says it."""
        self.kill()
        self.why = why
        return EndedError(why)

    # -- what a notebook does -----------------------------------------------------------------------------------------

    def cell(self, source: str) -> Any:
        """Run a cell: its outputs, as data of a stranger. Raises EndedError, with the next call in a new worker."""
        self.revive()
        answer = self.ask("cell", self.limits.cell, source=source)
        self.ran.append(source)
        return answer.get("outputs")

    def functions(self, names: Sequence[str]) -> dict[str, Remote]:
        """Stand-ins for what the notebook defines under these names at present."""
        self.revive()
        return self.introduced(self.ask("functions", names=list(names)).get("found"), names)

    def introduced(self, found: Any, names: Sequence[str]) -> dict[str, Remote]:
        """Stand-ins for functions, by what the worker told of them."""
        told = found if isinstance(found, dict) else {}
        return {name: Remote(self, told[name]) for name in names if isinstance(told.get(name), dict)}

    def replay(self, frame: bytes) -> Any:
        """The answers to many calls at once (`Transcript.frame`), as data of a stranger."""
        return self.exchange(frame, self.limits.cell).get("answers")

    @contextlib.contextmanager
    def drawn(self, seed: int) -> Iterator[None]:
        """Begin random numbers anew; a worker that has ended has no need of it."""
        with contextlib.suppress(EndedError):
            self.ask("seed", seed=seed)
        yield

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Within, all calls together take no longer than this: what this side does in between is not counted."""
        self.budget = self.allowed = seconds
        try:
            yield
        finally:
            self.budget = self.allowed = self.left


def _remove(folder: str) -> None:
    """Remove a folder with all that a student's code may have left in it."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders within folders, thousands deep
        subprocess.run(["rm", "-rf", "--", folder], stderr=subprocess.DEVNULL)


def _environment() -> dict[str, str]:
    """What a server needs of the environment: where Python and its libraries are, and one thread for each."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "MPLCONFIGDIR", "VIRTUAL_ENV", "SYSTEMROOT", "LD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    return found | threads | backend | {"PYTHONPATH": os.pathsep.join(_roots()), "PYTHONDONTWRITEBYTECODE": "1"}


def _roots() -> list[str]:
    """The folders that packages are found in, but for those of whoever started this."""
    installed = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    ours = {str(Path(__file__).resolve().parents[3])}
    return sorted({path for path in sys.path if path in installed} | ours)


@functools.cache
def _readable() -> tuple[str, ...]:
    """What a worker may read: Python and what is installed, without answers and without the instructor's side."""
    project = Path(__file__).resolve().parents[3]
    packages = [str(path) for path in (project / "checker", project / "coursework") if path.is_dir()]
    return tuple(without([*interpreter(), *packages], _secrets()))


@functools.cache
def _secrets() -> tuple[str, ...]:
    """The instructor's side, and the answers."""
    return (str(Path(__file__).resolve().parents[1]), *map(str, everywhere()))
