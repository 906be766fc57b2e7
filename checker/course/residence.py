"""Memory as the kernel counts it: of a worker, read from outside, where no code of the student's has a say.

How much an answer keeps is measured in its own process, and so can be lied about by whoever owns that process. An
answer that was found right, and whose points are for what it does not keep, is therefore made to work where keeping it
would show: through a stream of LONG steps, or in MANY forwards whose caches live on together. What counts is by how
much the process's resident memory is larger at its peak than in a shorter run (FEW, SHORT) of the same. So neither
what the process had before, nor what an answer needs at any one time, is held against it.

Limits are far from both sides: honest answers need up to 0.3 MB more for LONG steps, those that keep them 4 MB; with
their caches honest answers need a twentieth more than the reference's arrays, the leanest of those that keep too much
two fifths. What was too much is measured again, and the smallest counts.

It is no proof. An answer that fills memory that it took beforehand, or one that stores the steps in a tenth of the
room, is not seen here.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..exercises import Exercise
from ..inputs import Array
from ..kinds import stream
from ..report import CANNOT_TELL, WRONG, Finding
from ..retained import retained
from .grading import names
from .isolation import wire
from .isolation.client import SHARED, EndedError, Worker
from .isolation.remote import failure

#: Steps of a short and of a long stream.
SHORT, LONG = 1000, 10_000
#: By less than so many bytes does the memory grow between these, or between few and many caches.
ROOM = 2 << 20
#: Forwards whose caches are alive at once.
FEW, MANY = 20, 100
#: Their longest axis is the first of these at which a cache and what it belongs to have no more than LARGEST bytes.
AXES, LARGEST = (7000, 2000, 700, 200, 70), 1 << 20
#: By this share of what the reference keeps may the memory of an answer's caches be larger.
SHARE = 0.25
#: A peak may be missed, so the short run is made so often; what is too much is measured so often.
RUNS, ATTEMPTS = 3, 3
#: Seconds between two looks.
EVERY = 0.001
#: Parameters of streams are made so much smaller: nothing swells in LONG steps, and right answers stay together.
SMALL = 0.1
#: An answer that works with the inputs gives what the reference gives, also in single precision.
CLOSE = 1e-4
#: How a worker knows the run of an answer on a stream.
_STREAMED = f"{stream.__name__}.{stream._streamed.__name__}"


def concerns(task: Exercise) -> bool:
    """Whether the points of an exercise are for memory, too."""
    return task.kind == "stream" or task.memory


def looked(worker: Worker, task: Exercise, seed: int) -> tuple[Finding, str] | None:
    """What the system says against an answer that was found right, and of its memory in a few words; None as a rule.

    The finding is wrong, or cannot tell, where the answer does not do at length what it does otherwise. `seed` draws
    inputs that nobody was asked. Nothing is found where the system offers no figures.
    """
    if resident(worker) is None:
        return None
    with worker.within(worker.limits.cell):
        try:
            functions = worker.functions(names(task))
            handles = [functions[name].handle for name in names(task) if name in functions]
            if len(handles) != len(names(task)):
                raise _UnclearError("it is gone")
            return (_streamed if task.kind == "stream" else _cached)(worker, task, seed, handles)
        except (EndedError, _UnclearError) as problem:
            message = f"the memory of {task.name} could not be seen: {problem}"
            return Finding("memory", CANNOT_TELL, message), f"not to be seen, as {problem}"


class _UnclearError(Exception):
    """An answer does not do at length what it does otherwise."""


def _streamed(worker: Worker, task: Exercise, seed: int, handles: Sequence[wire.Handle]) -> tuple[Finding, str] | None:
    """Whether the memory grows with the steps."""
    short, long = (_inputs(task, seed, steps) for steps in (SHORT, LONG))

    def run(inputs: Sequence[Any]) -> Any:
        return worker.ask(
            "call", worker.limits.cell, function=handles[0], measurement=_STREAMED, arguments=inputs, named={}
        )

    grown, said = _grown(worker, lambda: run(short), lambda: run(long), ROOM)
    returned, _ = stream._streamed(task.answer, *long)
    given = said.get("value")
    _demand(given[0] if isinstance(given, tuple) and given else None, returned, said, f"{LONG} steps")
    if grown < ROOM:
        return None
    by = grown // (LONG - SHORT)
    message = (
        f"{task.name} keeps about {by} bytes more for every further step, as the system counts the memory at {SHORT} "
        f"steps and at {LONG}, where its memory must not grow with their number"
    )
    advice = "a sequence may never end: what later steps need of the past has to fit into arrays of one size"
    return Finding("memory", WRONG, message, "contract", "", advice), f"about {by} bytes more for every further step"


def _inputs(task: Exercise, seed: int, steps: int) -> tuple[Any, ...]:
    """Inputs with so many steps, each as small as can be, and small parameters."""
    rows = [leaf.shape.dims for leaf in tree.leaves(task.declaration.inputs[0]) if isinstance(leaf, Array)]
    sizes = {name: 1 for dims in rows for name in dims[1:]} | {dims[0]: steps for dims in rows}
    first, *others = task.inputs(seed, sizes)
    return first, *tree.map_leaves(lambda leaf: SMALL * leaf if isinstance(leaf, np.ndarray) else leaf, others)


def _cached(worker: Worker, task: Exercise, seed: int, handles: Sequence[wire.Handle]) -> tuple[Finding, str] | None:
    """Whether caches keep more alive than the reference's do."""
    assert task.forward is not None
    rng = np.random.default_rng(seed)
    inputs = task.inputs(seed, _case(task))
    out, cache = task.forward(*inputs)
    dout = tree.map_leaves(lambda leaf: rng.normal(size=np.shape(leaf)), out)

    def run(count: int) -> Any:
        # One of the caches is of use in the end, and nobody knows which: so none can be thrown away.
        forward: Any = (1, "", inputs, {}, True)
        backward: Any = (0, "", (dout, wire.Handle(int(rng.integers(count)), "past 1")), {}, False)
        return worker.ask(
            "replay", worker.limits.cell, functions=handles, seed=seed, steps=[*[forward] * count, backward]
        )

    needed, further = int(retained(task.forward, inputs)), MANY - FEW
    right = (needed + sum(map(_sent, tree.leaves(out)))) * further  # outputs live on as well
    room = max(ROOM, int(SHARE * needed * further))
    grown, said = _grown(worker, lambda: run(FEW), lambda: run(MANY), right + room)
    answers = said.get("answers")
    answers = [each for each in answers if isinstance(each, dict)] if isinstance(answers, list) else []
    expected = [*[out] * MANY, task.answer(dout, cache)]
    _demand([each.get("value") for each in answers], expected, answers[-1] if answers else said, f"{MANY} forwards")
    if grown < right + room:
        return None
    mine = needed + (grown - right) // further
    message = (
        f"the cache keeps about {mine} bytes alive beside the inputs and the output, as the system counts the memory "
        f"of {MANY} of them, where {needed} are enough"
    )
    advice = "ask of each array that is kept: which gradient needs it? A view keeps the whole array alive"
    finding = Finding("memory", WRONG, message, "contract", "memory", advice)
    return finding, f"about {mine} bytes in a cache, where {needed} are enough"


def _case(task: Exercise) -> dict[str, int]:
    """One axis made long: the one by which the reference's cache grows most, or else what it returns grows least.

    An axis that only makes the output larger is made short.
    """

    def sizes(case: Mapping[str, int]) -> tuple[int, int, int]:
        inputs = task.inputs(0, case)
        out, _ = task.forward(*inputs)  # type: ignore[misc]
        return int(retained(task.forward, inputs)), -_size(out), -_size(inputs)  # type: ignore[arg-type]

    base = task.declaration.base
    long = max(base, key=lambda axis: sizes({axis: 10 * max(base.values())}))
    case = {long: max(base.values())}
    for axis in (axis for axis in base if axis != long):
        kept, out, _ = sizes(case)
        fewer = sizes({**case, axis: 1})
        if fewer[0] == kept > 0 and fewer[1] > out:
            case[axis] = 1

    def fits(length: int) -> bool:
        kept, out, given = map(abs, sizes({**case, long: length}))
        return kept + out + given <= LARGEST and MANY * out <= SHARED

    return {**case, long: next(filter(fits, AXES), AXES[-1])}


# -- what is compared -------------------------------------------------------------------------------------------------


def _demand(given: Any, expected: Any, said: Mapping[str, Any], where: str) -> None:
    """Raise _UnclearError unless an answer gave what is expected: then it did the work."""
    mine, right = tree.leaves(given), tree.leaves(expected)
    if "raised" in said:
        raise _UnclearError(f"with {where} it raises {type(failure(said)).__name__}")
    if len(mine) != len(right) or not all(map(_close, mine, right)):
        raise _UnclearError(f"with {where} it does not give what it should")


def _close(mine: Any, right: Any) -> bool:
    if not isinstance(mine, (np.ndarray, np.generic, bool, float)) or np.shape(mine) != np.shape(right):
        return False
    a, b = np.asarray(mine), np.asarray(right)
    return a.dtype.kind in "biuf" and bool(np.allclose(a, b, rtol=0, atol=CLOSE * np.max(np.abs(b), initial=0.0)))


def _sent(array: Any) -> int:
    """The bytes of an array that a replay returns: itself and a copy on its way here, or several within a message."""
    size = np.asarray(array).nbytes
    return (2 if size >= wire.ARENA_FROM else 4) * size


def _size(value: Any) -> int:
    return sum(np.asarray(leaf).nbytes for leaf in tree.leaves(value))


# -- what the system offers -------------------------------------------------------------------------------------------


def _grown(worker: Worker, short: Callable[[], Any], long: Callable[[], Any], limit: int) -> tuple[int, dict[Any, Any]]:
    """By how many bytes a long run needs more than a short one, and what the long one answers."""
    least = max(_peak(worker, short)[0] for _ in range(RUNS))
    found: list[int] = []
    while len(found) < ATTEMPTS and (not found or min(found) >= limit):
        peak, answer = _peak(worker, long)
        found.append(peak - least)
    return min(found), answer


def _peak(worker: Worker, run: Callable[[], dict[Any, Any]]) -> tuple[int, dict[Any, Any]]:
    """The most memory that a worker has while something runs, and what that returns."""
    seen, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            seen.append((resident(worker) or (0, 0))[0])

    before = resident(worker) or (0, 0)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        answer = run()
    finally:
        over.set()
        watcher.join()
    after = resident(worker) or (0, 0)
    # The kernel's own high-water mark misses nothing, but tells of now only where it has moved.
    return max(*seen, *before[:1], *after[:1], after[1] if after[1] > before[1] else 0), answer


def resident(worker: Worker) -> tuple[int, int] | None:
    """The bytes of memory that a worker has, and the most that it ever had; None where the system does not tell."""
    if worker.descriptor is None or worker.channel is None:
        return None
    try:
        with open(f"/proc/self/fdinfo/{worker.descriptor}") as file:
            pid = _field(file.read(), "Pid")  # as it is known here: within bubblewrap it has another one
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
        return _field(status, "VmRSS") << 10, _field(status, "VmHWM") << 10
    except (OSError, ValueError):
        return None


def _field(text: str, name: str) -> int:
    """The number of a line such as "VmRSS:     40464 kB". Raises ValueError where there is none."""
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {name}")
    return int(found[1])
