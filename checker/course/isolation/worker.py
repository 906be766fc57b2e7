"""The process that holds a student's notebook: it locks itself in, then runs cells and calls what they define.

It is forked from a server that never saw an answer, a hidden test or a gradebook, so that none can be found here.
"""

import os
import random
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...standin import described
from . import calls, wire
from .channel import Arena, Channel, ClosedError
from .sandbox import Policy, SandboxError, lock_down
from .shell import Shell, unheard

#: What a student's code finds in its environment.
ENVIRONMENT = ("PATH", "LANG", "MPLBACKEND", "NBGRADER_EXECUTION", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: What it must not import by accident; the sandbox is what keeps it from doing so on purpose.
SECRET = ("solutions", "checker.course")


def run(shell: Shell, channel: Channel, arena: Arena | None, policy: Policy | None) -> None:
    """Lock this process in, tell which layers hold, and serve until the other end is gone.

    Without a policy there is no sandbox. Where a layer does not hold, that is told, and nothing is run.
    """
    try:
        layers = lock_down(policy) if policy is not None else []
    except SandboxError as problem:
        channel.send(wire.encode({"refused": str(problem)}))
        return
    worker = _Worker(shell, arena)
    channel.send(wire.encode({"layers": layers}))
    while True:
        try:
            frame = channel.receive(None)
        except ClosedError:
            return
        channel.send(worker.answer(frame))


def prepare(scratch: str) -> None:
    """Make the process a stranger to who started it: its folder, its environment, its path, its random numbers."""
    os.chdir(scratch)
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept | {"HOME": scratch, "TMPDIR": scratch, "NBGRADER_EXECUTION": "autograde"})
    for name in [name for name in sys.modules if name.startswith(SECRET)]:
        if name != "checker.course" and not name.startswith("checker.course.isolation"):
            del sys.modules[name]
    sys.modules |= dict.fromkeys(("solutions", "checker.course.key"))  # type: ignore[arg-type]
    sys.path.insert(0, scratch)
    sys.argv = ["notebook"]
    sys.dont_write_bytecode = True
    random.seed(0)
    np.random.seed(0)


class _Worker:
    """The notebook's names, and the objects that the other side has handles of."""

    def __init__(self, shell: Shell, arena: Arena | None) -> None:
        self.shell, self.arena = shell, arena
        self.held: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.operations: dict[str, Callable[..., Any]] = {
            "cell": self.cell, "files": self.files, "functions": self.functions, "values": self.values,
            "call": self.call, "replay": self.replay, "seed": self.seed,
        }  # fmt: skip

    def answer(self, frame: bytes) -> bytes:
        """The answer to a message; it always has one."""
        given: list[np.ndarray] = []
        try:
            message = wire.decode(frame, resolve=self.resolve, arena=self.arena)
            given = wire.arrays((message.get("arguments", ()), message.get("named", {})))
            answer = self.operations[message.pop("op")](**message)
            return wire.encode(answer, given=given, opaque=self.keep, arena=self.arena)
        except BaseException as problem:
            text = f"what it gave cannot be handed over: {problem}" if isinstance(problem, wire.WireError) else ""
            return wire.encode({"raised": type(problem).__name__[:100], "text": text, "told": text})

    def keep(self, value: Any) -> wire.Handle:
        """A handle for what stays here."""
        number = self.numbers.setdefault(id(value), len(self.numbers))
        self.held[number] = value
        return wire.Handle(number, type(value).__name__[:100])

    def resolve(self, handle: wire.Handle) -> Any:
        """What a handle stands for. Raises KeyError where that was forgotten."""
        if handle.kind.startswith("past "):
            return calls.Past(handle.id, int(handle.kind[5:]))
        return self.held[handle.id]

    # -- operations ---------------------------------------------------------------------------------------------------

    def cell(self, source: str) -> dict[str, Any]:
        """Run a cell."""
        return {"outputs": self.shell.cell(source)}

    def files(self, contents: Mapping[str, bytes]) -> dict[str, Any]:
        """Put files beside the notebook."""
        for name, data in contents.items():
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            with open(name, "wb") as file:
                file.write(data)
        return {}

    def functions(self, names: list[str]) -> dict[str, Any]:
        """What the notebook defines under these names, as it is now, and how it is called. Earlier handles are void."""
        self.held.clear()
        self.numbers.clear()
        found = {name: self.shell.user_ns.get(name) for name in names}
        return {"found": {name: self.introduced(value) for name, value in found.items() if callable(value)}}

    def introduced(self, function: Any) -> dict[str, Any]:
        """A function's handle, name and parameters."""
        parameters = described(function)
        name = getattr(function, "__name__", type(function).__name__)
        return {"handle": self.keep(function), "name": str(name)[:200], "parameters": parameters}

    def values(self, names: list[str]) -> dict[str, Any]:
        """Plain values of the notebook, and its functions."""
        there = {name: self.shell.user_ns[name] for name in names if name in self.shell.user_ns}
        functions = {name: self.introduced(value) for name, value in there.items() if callable(value)}
        return {"values": {k: v for k, v in there.items() if k not in functions}, "functions": functions}

    def call(self, function: Any, measurement: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a function, or measure it."""
        with unheard(self.shell):
            return calls.answered(function, measurement, arguments, named) | self.noise()

    def replay(self, functions: list[Any], seed: int, steps: list[Any]) -> dict[str, Any]:
        """Make many calls."""
        calls.seeded(seed)
        with unheard(self.shell), calls.undisturbed() as warned:
            answers = calls.replayed(functions, steps, count=True)
        return {"answers": answers} | self.noise() | ({"warned": True} if warned else {})

    def noise(self) -> dict[str, bool]:
        """Whether anything was printed or shown of which nothing is kept."""
        printed, self.shell.outputs.unheard = self.shell.outputs.unheard, False
        return {"printed": True} if printed else {}

    def seed(self, seed: int) -> dict[str, Any]:
        """Begin random numbers anew."""
        calls.seeded(seed)
        return {}
