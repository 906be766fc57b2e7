"""A pool of processes of which one may be killed: that costs the task that it had, and no other.

The standard library's `ProcessPoolExecutor` is broken for good when one of its processes ends. Here each process has a
thread that hands it its tasks, notices its end, and starts another one for the next task.
"""

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
#: A future and the call that it stands for: function, positional and named arguments.
Task = tuple[Future[Any], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]

#: Seconds between two looks at a process that is at work, and for one to end by itself.
LOOK, GRACE = 1.0, 5.0
#: A process is spawned, not forked: what the parent's threads hold is no part of it.
_CONTEXT = multiprocessing.get_context("spawn")
_STARTING = threading.Lock()


class BrokenProcessError(BrokenExecutor):
    """The process that had a task ended before it answered; the message says how."""


class Processes(Executor):
    """`number` processes, each started when there is first something for it to do.

    A task that takes more than `limit` seconds costs its process its life. The processes end with the one that made
    them, whatever ends that.
    """

    def __init__(self, number: int, limit: float | None = None):
        if number < 1:
            raise ValueError(f"a pool of {number} processes can do nothing")
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._slots = [_Slot(limit) for _ in range(number)]
        self._threads = [threading.Thread(target=_serve, args=(self._tasks, each), daemon=True) for each in self._slots]
        self._lock, self._closed = threading.Lock(), False
        for thread in self._threads:
            thread.start()
        weakref.finalize(self, _abandon, self._tasks, self._slots)  # a pool that nobody shut down holds up no exit

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future of a call, which a process makes when one is free. Raises RuntimeError after `shutdown`.

        The future raises what the call raises, or BrokenProcessError.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool was shut down: it takes no further task")
            self._tasks.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when all is done, or, with `cancel_futures`, at once, whatever they have under way."""
        with self._lock:
            closed, self._closed = self._closed, True
        if cancel_futures:
            _abandon(self._tasks, self._slots)
        if not closed:
            for _ in self._slots:
                self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()


def _abandon(tasks: "queue.SimpleQueue[Task | None]", slots: "list[_Slot]") -> None:
    """Cancel what waits, and kill what runs."""
    with contextlib.suppress(queue.Empty):
        while True:
            task = tasks.get_nowait()
            if task is None:  # a thread that is to end has not seen it yet
                continue
            if task[0].cancel():
                task[0].set_running_or_notify_cancel()
    for slot in slots:
        slot.kill()
    for _ in slots:
        tasks.put(None)


def _serve(tasks: "queue.SimpleQueue[Task | None]", slot: "_Slot") -> None:
    """A slot's thread: one task after the other."""
    if hasattr(signal, "pthread_sigmask"):  # which a process inherits: a Ctrl-C must not meet it as it starts
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    while _served(tasks.get(), slot):
        pass
    slot.end()


def _served(task: Task | None, slot: "_Slot") -> bool:
    """Whether there was a task; in a function of its own, so that nothing of it is kept while the slot waits."""
    if task is None:
        return False
    future, call = task
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(slot.ask(call))
        except BaseException as problem:  # it is the caller's, who may be interrupted by it; the slot goes on
            future.set_exception(problem)
    return True


class _Slot:
    """A place for one process."""

    def __init__(self, limit: float | None):
        self.limit = limit
        self.lock, self.killed = threading.Lock(), False
        self.process: SpawnProcess | None = None
        self.link: Connection | None = None

    def ask(self, call: Any) -> Any:
        """What the call returns in the process. Raises what it raises, or BrokenProcessError."""
        asked = pickle.dumps(call)
        process, link = self.started()
        try:
            link.send_bytes(asked)
            self.await_answer(process, link)
            answer = link.recv_bytes()
        except (EOFError, OSError):
            process.join(GRACE)
            how = _ending(process.exitcode)
            self.end()
            raise BrokenProcessError(f"its process {how}") from None
        succeeded, value = pickle.loads(answer)
        if not succeeded:
            raise value
        return value

    def await_answer(self, process: SpawnProcess, link: Connection) -> None:
        """Come back when there is something to read. Raises EOFError where the process has ended without a word."""
        began = time.monotonic()
        while not wait([link, process.sentinel], LOOK):
            if self.limit is not None and time.monotonic() - began > self.limit:
                process.kill()
                process.join()
                self.end()
                raise BrokenProcessError(f"its process was ended, for it took more than {self.limit:g} s")
            if not process.is_alive():  # what it has started itself may still hold the sentinel
                break
        if not link.poll():
            raise EOFError

    def started(self) -> tuple[SpawnProcess, Connection]:
        """The process, a new one if the last has ended."""
        with self.lock:
            if self.killed:
                raise BrokenProcessError("its process was ended, for the pool was shut down")
            if self.process is None or self.link is None or not self.process.is_alive():
                ours, theirs = _CONTEXT.Pipe()
                self.process, self.link = _CONTEXT.Process(target=_answer, args=(theirs,)), ours
                with _STARTING:
                    self.process.start()
                theirs.close()
            return self.process, self.link

    def kill(self) -> None:
        """End the process at once; none is started any more."""
        with self.lock:
            self.killed = True
            if self.process is not None:
                self.process.kill()

    def end(self) -> None:
        """Let the process end."""
        with self.lock:
            process, self.process = self.process, None
            link, self.link = self.link, None
        if link is not None:
            link.close()  # which it takes for a good-bye
        if process is not None:
            process.join(GRACE)
            process.kill()
            process.join()  # and no close(): at its exit the interpreter may be waiting for it as well


def _ending(code: int | None) -> str:
    """How a process ended."""
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"ended with the exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by the signal {-code}"


# -- in the process ---------------------------------------------------------------------------------------------------


def _answer(link: Connection) -> None:
    """Make the calls that come, one after the other, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the process that hands out the tasks
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            link.send_bytes(_answered(link.recv_bytes()))


def _end_with_parent() -> None:
    """End this process as soon as its parent has ended, in the middle of whatever it does."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _answered(asked: bytes) -> bytes:
    """Whether a call succeeded, and what it returned or raised."""
    try:
        function, args, kwargs = pickle.loads(asked)
        return pickle.dumps((True, function(*args, **kwargs)))
    except BaseException as problem:
        return pickle.dumps((False, _portable(problem)))


def _portable(problem: BaseException) -> BaseException:
    """The exception, or one that says the same, where it cannot be sent or is none to be raised elsewhere."""
    with contextlib.suppress(Exception):
        if isinstance(problem, Exception) and type(pickle.loads(pickle.dumps(problem))) is type(problem):
            return problem
    return RuntimeError(f"{type(problem).__name__}: {problem}")
