"""A function that is judged by its values: they equal those of the right answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import environment, tree
from ..compare import agreement, share
from ..findings import distances, worst_entries
from ..recognise import Doing, rounding, same
from ..report import NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report
from ..verdict import in_brief
from . import Answer

#: Two right answers agree within this, relative to the largest entry: enough for another order of additions.
CLOSE = 1e-9


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """The values by their place in what the answer returns, and the inputs as it leaves them."""
    given = tree.copy(tuple(inputs))
    try:
        with np.errstate(all="ignore"):
            returned = answer.function(*given)
    except Exception as problem:
        return {"raised": np.array(type(problem).__name__)}
    return named("output", returned) | _left(task, given)


def _left(task: Any, given: Sequence[Any]) -> dict[str, np.ndarray]:
    return {
        f"left {path}": np.array(leaf)
        for name, value in zip(task.declaration.names, given)
        for path, leaf in tree.flatten(value, name)
        if isinstance(leaf, np.ndarray)
    }


def named(word: str, value: Any) -> dict[str, np.ndarray]:
    """Every leaf as an array, by `word` and its path; a set as its sorted members."""
    return {f"{word} {path}": _array(leaf) for path, leaf in tree.flatten(value)}


def _array(leaf: Any) -> np.ndarray:
    if isinstance(leaf, (set, frozenset)):
        return np.array(sorted(map(str, leaf)), dtype=str)
    try:
        array = np.array(leaf)
    except ValueError:  # rows of different lengths
        return np.array(repr(leaf))
    return array if array.dtype.kind in "fiubU" else np.array(repr(leaf))


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """Right if every value equals the expected one, and the inputs are as they were; if not, what they were is said."""
    judged = _judged(task, answer, inputs, expected, **options)
    if judged.verdict != WRONG:
        return judged
    return replace(judged, notes=(*judged.notes, f"called with {in_brief(task.declaration.names, inputs)}"))


def _judged(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    given = tree.copy(tuple(inputs))
    kept = tree.copy(given)
    try:
        with np.errstate(all="ignore"):
            returned = answer.function(*given)
    except NotImplementedError:
        return unwritten(task, answer.function)
    except (Exception, SystemExit) as problem:
        message = environment.describe(problem, answer.function)
        finding = Finding("", WRONG, message, "error", type(problem).__name__)
        return report(task, [finding], inputs, **options)
    if returned is None:
        return unwritten(task, answer.function)
    changed = [name for name, before, after in zip(task.declaration.names, kept, given) if not unchanged(before, after)]
    if changed:
        message = f"{task.name} overwrites its input {changed[0]}"
        finding = Finding(changed[0], WRONG, message, "contract", "overwritten", "work on a copy: others still need it")
        return report(task, [finding], inputs, **options)
    findings = differences(task.name, named("output", _as_asked(returned, expected)), expected, rounding(inputs))
    return report(task, findings, inputs, **options)


def _as_asked(returned: Any, expected: Doing) -> Any:
    """A list of numbers as the one array that is asked for, and an array as the several values that are."""
    wanted = [key for key in expected if key.startswith("output")]
    if wanted == ["output "] and isinstance(returned, (list, tuple)):
        try:
            array = np.array(returned)
        except ValueError:  # rows of different lengths
            return returned
        return array if array.shape == expected["output "].shape else returned
    if len(wanted) > 1 and isinstance(returned, np.ndarray) and returned.ndim and len(returned) == len(wanted):
        return list(returned)
    return returned


def unchanged(before: Any, after: Any) -> bool:
    """Whether an argument is as it was."""
    pairs = zip(tree.leaves(before), tree.leaves(after))
    return all(a.shape == b.shape and same(a, b, 0.0) for a, b in pairs if isinstance(a, np.ndarray))


def unwritten(task: Any, function: Any) -> Report:
    """The report on what is still to be written."""
    message = f"{getattr(function, '__name__', task.name)} is not written yet"
    return Report(task.name, NOT_ATTEMPTED, (Finding("", NOT_ATTEMPTED, message),))


def report(task: Any, findings: Sequence[Finding], inputs: Sequence[Any], *, seed: int = 0, **options: Any) -> Report:
    """A report of these findings; its kind is that of the first that is wrong."""
    wrong = [finding for finding in findings if finding.verdict == WRONG]
    given = dict(zip(task.declaration.names, inputs))
    if wrong:
        return Report(task.name, WRONG, tuple(findings), wrong[0].kind, seed=seed, inputs=given)
    return Report(task.name, RIGHT, tuple(findings), seed=seed, inputs=given)


def differences(
    name: str, mine: Mapping[str, np.ndarray], expected: Doing, atol: float, kind: str = "values"
) -> list[Finding]:
    """A finding for each output that is expected, in its order: its number of axes, its shape, its numbers."""
    wanted = {key: value for key, value in expected.items() if key.startswith("output")}
    if wanted.keys() != {key for key in mine if key.startswith("output")}:
        message = (
            f"{name} returns {_parts(mine)}, where {_parts(wanted)} {'is' if len(wanted) == 1 else 'are'} expected"
        )
        return [Finding("", WRONG, message, "shape" if kind == "values" else kind, "structure")]
    return [_difference(name, key.partition(" ")[2], mine[key], wanted[key], atol, kind) for key in wanted]


def _parts(doing: Mapping[str, np.ndarray]) -> str:
    paths = [key.partition(" ")[2] for key in doing if key.startswith("output")]
    if not paths:
        return "nothing"
    return "one value" if paths == [""] else f"{len(paths)} values ({', '.join(path or 'one' for path in paths[:6])})"


def _difference(name: str, path: str, mine: np.ndarray, wanted: np.ndarray, atol: float, kind: str) -> Finding:
    what = f"the value {path} of {name}" if path else f"the value of {name}"
    if mine.dtype.kind == "U" or wanted.dtype.kind == "U":
        if mine.shape == wanted.shape and np.array_equal(mine, wanted):
            return Finding(path, RIGHT, f"{what} agrees")
        return Finding(path, WRONG, f"{what} is {_listed(mine)}; expected is {_listed(wanted)}", kind)
    if mine.shape != wanted.shape:
        message = f"{what} has shape {mine.shape}, where {wanted.shape} is expected"
        if mine.size == wanted.size and same(mine.reshape(wanted.shape), wanted, CLOSE):
            message += "; its numbers are right"
        return Finding(path, WRONG, message, "shape" if kind == "values" else kind, "shape", "", wanted.shape)
    a, b = mine.astype(float), wanted.astype(float)
    size = float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))
    with np.errstate(all="ignore"):
        off = ~((np.abs(a - b) <= atol + CLOSE * size) | (a == b) | (np.isnan(a) & np.isnan(b)))
    if not off.any():
        return Finding(path, RIGHT, agreement(b.size, what), shape=b.shape)
    message = f"{share(off, what)} wrong"
    entries = worst_entries(off, a, b, np.zeros(b.shape))
    return Finding(path, WRONG, message, kind, "", "", b.shape, int(off.sum()), entries, distances(off, a, b))


def _listed(array: np.ndarray) -> str:
    members = [str(member) for member in array.ravel()]
    return f"{{{', '.join(members)}}}" if array.ndim else members[0]
