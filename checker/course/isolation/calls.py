"""A worker's side of a call: run a student's function, and tell what it returned, changed and left behind.

A call is a function, a measurement of it ("" for the function itself) and arguments. It answers with a dict that the
wire can carry: "value", or "raised" with the exception's name, text and place; "changed", the new contents of arrays
among the arguments by their number; "left", the arguments themselves where other things in them changed; and
"written", where an array was written into that lies inside an object which stays in this process.
"""

import random
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from ... import environment, tree
from ...contract import snapshot
from ...standin import MEASUREMENTS
from . import wire

#: Values that hold no others.
PLAIN = (np.ndarray, np.generic, bool, int, float, complex, str, bytes, type(None), np.random.Generator)
#: A backward may run its forward so often: once more, say, for what it did not keep.
FORWARDS = 3
#: Characters of an exception's own text.
LONGEST = 2000


@dataclass(frozen=True)
class Past:
    """An argument of a replayed step: what an earlier step returned, or one item of that."""

    step: int
    item: int


@contextmanager
def undisturbed() -> Iterator[list[str]]:
    """Neither warnings nor NumPy's own settings change what a call gives. The list tells of a first warning."""
    met: list[str] = []

    def note(*_: object, **__: object) -> None:
        if not met:
            met.append("warning")

    with warnings.catch_warnings(), np.errstate(divide="call", over="call", invalid="call", under="ignore", call=note):
        warnings.simplefilter("default")
        warnings.showwarning = note
        yield met


def seeded(seed: int) -> None:
    """A function that draws without a generator of its own gets the same numbers every time."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


def answered(function: Any, measurement: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Make one call; what it answers, and the arrays that the other side knows too."""
    given = wire.arrays((arguments, named))
    before = [array.tobytes() for array in given]
    leaves = [id(leaf) for leaf in tree.leaves((arguments, named))]
    inside = [(where, array, kept) for path, part in _objects(arguments) for where, array, kept in _inside(path, part)]
    with undisturbed() as warned:
        answer = _run(function, measurement, arguments, named)
    if warned:
        answer["warned"] = True
    changed = {k: array for k, array in enumerate(given) if array.tobytes() != before[k]}
    if changed:
        answer["changed"] = {k: array.copy() for k, array in changed.items()}
    if [id(leaf) for leaf in tree.leaves((arguments, named))] != leaves:
        answer["left"] = (tuple(arguments), dict(named))
    written = [where for where, array, kept in inside if array.tobytes() != kept.tobytes()]
    if written:
        answer["written"] = written[0]
    return answer


def _run(function: Any, measurement: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    try:
        if measurement:
            return {"value": MEASUREMENTS[measurement](function, *arguments)}
        return {"value": function(*arguments, **named)}
    except BaseException as problem:  # also SystemExit, and whatever a student derives from BaseException
        return failed(problem, function)


def failed(problem: BaseException, function: Any) -> dict[str, Any]:
    """An exception in words. An exception's own methods are its author's, and may raise in turn."""
    name = type(problem).__name__
    try:
        text = str(problem)[:LONGEST]
    except Exception:
        text = ""
    try:
        told = environment.told(problem, function)[:LONGEST]
    except Exception:
        told = name
    return {"raised": str(name)[:100], "text": text, "told": told}


def _objects(arguments: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """What is no plain value among the arguments."""
    yield from ((path, leaf) for path, leaf in tree.flatten(tuple(arguments)) if not isinstance(leaf, PLAIN))


def _inside(path: str, part: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for where, array, kept in snapshot(part):
        yield f"{path} {where.removeprefix('cache')}", array, kept


# -- many calls at once -----------------------------------------------------------------------------------------------


def replayed(functions: Sequence[Any], steps: Sequence[Sequence[Any]], count: bool = False) -> list[dict[str, Any]]:
    """Make the calls of a transcript in their order; of each, what is compared.

    A step is (which function, measurement, arguments, named arguments, whether the last item returned is a cache). Its
    answer has "value" without the cache, or "raised"; and "touched", if it wrote into its arguments or if what it
    returned shares memory with these, with what they hold, with the inputs of the step that made a cache, or within
    itself; and, with `count`, "forwards", if it ran the second function more than FORWARDS times. A first exception
    ends the replay.
    """
    answers: list[dict[str, Any]] = []
    returned: list[Any] = []
    held: list[list[np.ndarray]] = []
    for which, measurement, arguments, named, cached in steps:
        pasts = [leaf for leaf in tree.leaves((arguments, named)) if isinstance(leaf, Past)]
        if pasts:
            arguments, named = _recalled((arguments, named), returned)
        given = _arrays((arguments, named))
        before = [array.tobytes() for array in given]
        with _counted(functions if count and which == 0 else ()) as forwards:
            answer = _run(functions[which], measurement, arguments, named)
        if "raised" in answer:
            answers.append(answer)
            break
        value = answer["value"]
        returned.append(value)
        held.append(given)
        shown = value[:-1] if cached and isinstance(value, (tuple, list)) else value
        near = given + [array for past in pasts for array in held[past.step]]
        touched = any(array.tobytes() != kept for array, kept in zip(given, before)) or _shares(shown, near)
        told = {"touched": touched, "forwards": len(forwards) if len(forwards) > FORWARDS else 0}
        answers.append({"value": shown} | {key: said for key, said in told.items() if said})
    return answers


@contextmanager
def _counted(functions: Sequence[Any]) -> Iterator[list[None]]:
    """A list that grows by one whenever the second function is run."""
    runs: list[None] = []
    code = getattr(functions[1], "__code__", None) if len(functions) > 1 else None

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is code:
            runs.append(None)

    if code is None:
        yield runs
        return
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield runs
    finally:
        sys.setprofile(before)


def _recalled(value: Any, returned: Sequence[Any]) -> Any:
    """Arguments with what earlier steps returned in its places. Raises LookupError where there is no such thing."""

    def recall(leaf: Any) -> Any:
        if not isinstance(leaf, Past):
            return leaf
        whole = returned[leaf.step]
        if leaf.item < 0:
            return whole
        if not isinstance(whole, (tuple, list)) or leaf.item >= len(whole):
            return None
        return whole[leaf.item]

    return tree.map_leaves(recall, value)


def _arrays(value: Any) -> list[np.ndarray]:
    """Every array in a value, those within objects included."""
    found: dict[int, np.ndarray] = {}
    for leaf in tree.leaves(value):
        if isinstance(leaf, np.ndarray):
            found[id(leaf)] = leaf
        elif not isinstance(leaf, PLAIN):
            found |= {id(array): array for _, array, _ in snapshot(leaf)}
    return list(found.values())


def _shares(value: Any, near: Sequence[np.ndarray]) -> bool:
    """Whether an array that is returned shares memory with another one, or with what is near."""
    met: list[np.ndarray] = list(near)
    for leaf in tree.leaves(value):
        if isinstance(leaf, np.ndarray):
            if any(np.may_share_memory(leaf, other) and np.shares_memory(leaf, other) for other in met):
                return True
            met.append(leaf)
    return False
