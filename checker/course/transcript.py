"""All the calls that a check makes of a right answer, so that another one can be asked the same in one go.

A check of an answer calls it some hundreds of times, at points that depend on nothing but the exercise and the seed. So
the calls are taken down once, while the reference is checked. An answer that returns the same everywhere, to within
rounding, and that writes into and shares no more than the reference, is as right as the reference is; whatever differs
is a matter for the check itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import tree
from ..exercises import Exercise
from ..kinds import Answer, kind
from ..recognise import SAME, rounding, same
from ..report import RIGHT, Report
from ..standin import MEASUREMENTS, StandIn, described
from .isolation import wire
from .isolation.calls import Past, replayed, seeded, undisturbed

#: Right answers may part by so many times what a bit of the inputs does, and by MOST of the inputs' size in any case.
DUST, MOST, EPS = 16, 1e-9, 16 * float(np.finfo(float).eps)
#: Two right answers in single precision agree within this, relative to the largest entry.
SINGLE = 1e-5

Step = tuple[int, str, tuple[Any, ...], dict[str, Any], bool]


@dataclass(frozen=True)
class Transcript:
    """What a right answer was asked, as it is sent, what it answered, and the report on it."""

    report: Report
    seed: int
    steps: tuple[Step, ...]
    answers: tuple[Mapping[str, Any], ...]
    rounding: tuple[float, ...]
    frames: dict[tuple[wire.Handle, ...], bytes] = field(default_factory=dict, repr=False, compare=False)

    def frame(self, functions: tuple[wire.Handle, ...]) -> bytes:
        """The message that asks a worker for all of it; the same for every notebook, and so made once."""
        if functions not in self.frames:
            message = {"op": "replay", "functions": list(functions), "seed": self.seed, "steps": list(self.steps)}
            self.frames[functions] = wire.encode(message)
        return self.frames[functions]

    def matches(self, answers: Any) -> bool:
        """Whether another answer's are the same in all that counts. `answers` may be anything."""
        if not isinstance(answers, list) or len(answers) != len(self.answers):
            return False
        return all(
            isinstance(mine, dict)
            and mine.keys() == right.keys()
            and agrees(mine.get("value"), right.get("value"), atol)
            for mine, right, atol in zip(answers, self.answers, self.rounding)
        )

    def agreeing(self, answers: Any) -> set[str]:
        """The parts of the answer's results, by their path, that are the same in every call; none if one is missing."""
        if not isinstance(answers, list) or len(answers) != len(self.answers):
            return set()
        parts: set[str] | None = None
        for (which, *_), mine, right, atol in zip(self.steps, answers, self.answers, self.rounding):
            if not isinstance(mine, dict) or mine.keys() != right.keys():
                return set()
            if which == 0:
                yours, wanted = _parts(mine.get("value")), _parts(right.get("value"))
                same = {path for path in wanted if path in yours and agrees(yours[path], wanted[path], atol)}
                parts = same if parts is None else parts & same
            elif not agrees(mine.get("value"), right.get("value"), atol):
                return set()
        return parts or set()

    def deviations(self, answers: Any) -> dict[str, list[float]]:
        """How far each part of the answer's results is off in each call, relative to the largest entry."""
        found: dict[str, list[float]] = {}
        for (which, *_), mine, right in zip(self.steps, answers if isinstance(answers, list) else (), self.answers):
            yours = _parts(mine.get("value")) if isinstance(mine, dict) else {}
            for path, wanted in _parts(right.get("value")).items() if which == 0 else ():
                pairs = zip(tree.leaves(yours.get(path)), tree.leaves(wanted))
                found.setdefault(path, []).extend(off for pair in pairs if (off := _off(*pair)) is not None)
        return found

    def forwards(self, answers: Any) -> int:
        """How often the answer ran its forward within one call, where that was too often to be left unsaid."""
        told = [each.get("forwards") for each in answers if isinstance(each, dict)] if isinstance(answers, list) else []
        return max((count for count in told if isinstance(count, int)), default=0)


def _off(mine: Any, right: Any) -> float | None:
    """The largest difference relative to the largest entry; None where that says nothing."""
    if not isinstance(mine, (np.ndarray, float)) or not isinstance(right, (np.ndarray, float)):
        return None
    a, b = np.asarray(mine), np.asarray(right)
    if not b.size or b.dtype != np.float64 or a.dtype != b.dtype or a.shape != b.shape or not np.all(np.isfinite(b)):
        return None
    if a.tobytes() == b.tobytes():
        return 0.0
    size = np.max(np.abs(b), initial=0.0)
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(a - b)) / size) if size else None


def _parts(value: Any) -> dict[str, Any]:
    """What a result consists of: its items, or itself."""
    if isinstance(value, dict):
        return {f"[{key!r}]": item for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return {f"[{place}]": item for place, item in enumerate(value)}
    return {"": value}


def taken(task: Exercise, seed: int, **options: Any) -> Transcript | None:
    """The transcript of a check of the reference; None if that cannot be taken down, or is not found right."""
    log = _Log()
    watched = [_Watched(function, which, log) for which, function in enumerate(task.halves)]
    seeded(seed)
    report = task.check(*watched, seed=seed, **options)
    return _transcript(task, seed, log, report) if report else None


def sampled(task: Exercise, seed: int) -> Transcript | None:
    """The transcript of one look at the reference in every case that is declared; None if that cannot be taken down.

    It takes a small part of the time of a whole check, and so can be asked with inputs that nobody was asked before.
    """
    log = _Log()
    answer = Answer(*(_Watched(function, which, log) for which, function in enumerate(task.halves)))
    cases: list[Mapping[str, Any]] = [{}, {}, *task.edges.values(), *task.overflow.values()]
    seeded(seed)
    for place, case in enumerate(cases):
        if "raised" in kind(task.kind).doing(task, answer, task.inputs(seed + place, case)):
            return None
    return _transcript(task, seed, log, Report(task.name, RIGHT))


def _transcript(task: Exercise, seed: int, log: "_Log", report: Report) -> Transcript | None:
    """What was taken down, with what the reference answers to it; None where it raises."""
    steps = log.steps()
    seeded(seed)
    with undisturbed():
        answers = replayed(task.halves, [_here(step) for step in steps])
    if any("raised" in answer for answer in answers):
        return None
    return Transcript(report, seed, steps, tuple(answers), _slack(task, steps, answers, seed))


def _slack(task: Exercise, steps: Sequence[Step], answers: Sequence[Mapping[str, Any]], seed: int) -> tuple[float, ...]:
    """What rounding may do to each answer: as much as it does to the reference's if all inputs move by their last bit.

    Where an exact result is 0, as the gradient is of what all rows share, two right formulas leave different dust.
    """
    least = [rounding((step[2], step[3])) for step in steps]
    rng = np.random.default_rng(seed)

    def moved(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            return leaf * (1 + np.finfo(leaf.dtype).eps * rng.integers(-1, 2, leaf.shape)).astype(leaf.dtype)
        return leaf

    beside = [(w, m, tree.map_leaves(moved, a), tree.map_leaves(moved, n), c) for w, m, a, n, c in map(_here, steps)]
    seeded(seed)
    with undisturbed():
        others = replayed(task.halves, beside)
    changes = [_change(mine.get("value"), right["value"]) for mine, right in zip(others, answers)]
    changes += [0.0] * (len(steps) - len(changes))
    # At a corner a bit may change everything; that is no allowance.
    return tuple(max(low, min(DUST * change, low * MOST / EPS)) for low, change in zip(least, changes))


def _change(mine: Any, right: Any) -> float:
    """The largest difference between two values of one form."""
    largest = 0.0
    for a, b in zip(tree.leaves(mine), tree.leaves(right)):
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape and b.dtype.kind == "f":
            with np.errstate(all="ignore"):
                off = np.abs(a.astype(float) - b)
            largest = max(largest, float(np.max(off, initial=0.0, where=np.isfinite(off))))
    return largest


@dataclass
class _Log:
    """Calls in their order, with what they returned (kept, so that it is known when it comes back as an argument)."""

    calls: list[tuple[int, str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    returned: list[tuple[int, Any]] = field(default_factory=list)
    cached: set[tuple[int, str]] = field(default_factory=set)

    def add(self, which: int, measurement: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> int:
        """Take a call down before it is made; its place."""
        # Nothing that a forward is given comes from an earlier call.
        recall = self.recalled if which == 0 else tree.copy
        self.calls.append((which, measurement, recall(arguments), recall(named)))
        return len(self.calls) - 1

    def recalled(self, value: Any) -> Any:
        """Copies of arguments, and references in the places of the caches that earlier calls returned."""
        for step, whole in reversed(self.returned):
            if isinstance(whole, tuple) and len(whole) > 1 and value is whole[-1]:
                self.cached.add(self.calls[step][:2])
                return Past(step, len(whole) - 1)
        if isinstance(value, (tuple, list)):
            return type(value)(self.recalled(item) for item in value)
        if isinstance(value, dict):
            return {key: self.recalled(item) for key, item in value.items()}
        return tree.copy(value)

    def steps(self) -> tuple[Step, ...]:
        """The calls, with handles in the places of references."""
        return tuple(
            (which, measurement, _sent(arguments), _sent(named), (which, measurement) in self.cached)
            for which, measurement, arguments, named in self.calls
        )


class _Watched(StandIn):
    """A function of this process whose calls are taken down."""

    def __init__(self, function: Callable[..., Any], which: int, log: _Log) -> None:
        super().__init__(function.__name__, described(function))
        self.function, self.which, self.log = function, which, log

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        place = self.log.add(self.which, "", arguments, named)
        returned = self.function(*arguments, **named)
        self.log.returned.append((place, returned))
        return returned

    def measured(self, measurement: str, *arguments: Any) -> Any:
        place = self.log.add(self.which, measurement, arguments, {})
        returned = MEASUREMENTS[measurement](self.function, *arguments)
        self.log.returned.append((place, returned))
        return returned


def _sent(value: Any) -> Any:
    return tree.map_leaves(
        lambda leaf: wire.Handle(leaf.step, f"past {leaf.item}") if isinstance(leaf, Past) else leaf, value
    )


def _here(step: Step) -> Step:
    """A step as a worker reads it."""

    def read(leaf: Any) -> Any:
        return Past(leaf.id, int(leaf.kind[5:])) if isinstance(leaf, wire.Handle) else tree.copy(leaf)

    which, measurement, arguments, named, cached = step
    return which, measurement, tree.map_leaves(read, arguments), tree.map_leaves(read, named), cached


def agrees(mine: Any, right: Any, atol: float) -> bool:
    """Whether two values are the same to within rounding: in nesting, type, shape and numbers."""
    if isinstance(right, (tuple, list)):
        # a single gradient may come in a tuple of one, or the other way round: the check decides about that
        alike = isinstance(mine, (tuple, list)) and len(mine) == len(right)
        return alike and all(agrees(a, b, atol) for a, b in zip(mine, right))
    if isinstance(right, dict):
        return isinstance(mine, dict) and mine.keys() == right.keys() and _all(mine, right, atol)
    if isinstance(right, (np.ndarray, np.generic, float)) and not isinstance(right, bool):
        return _numbers(mine, right, atol)
    return type(mine) is type(right) and bool(mine == right)


def _all(mine: Mapping[Any, Any], right: Mapping[Any, Any], atol: float) -> bool:
    return all(agrees(mine[key], right[key], atol) for key in right)


def _numbers(mine: Any, right: Any, atol: float) -> bool:
    scalar = not isinstance(right, np.ndarray)
    if scalar is isinstance(mine, np.ndarray) or not isinstance(mine, (np.ndarray, np.generic, float)):
        return False
    a, b = np.asarray(mine), np.asarray(right)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.tobytes() == b.tobytes():  # most often: the same operations in the same order
        return True
    narrow = b.dtype.kind in "fc" and b.dtype.itemsize < 8
    return same(a, b, SINGLE if narrow else SAME, atol * (SINGLE / SAME if narrow else 1.0))
