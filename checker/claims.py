"""What every claim of another kind than a backward goes through: bind, call, and settle what needs no number.

An unwritten claim is not attempted, an exception is its author's, and what is no array of numbers is a breach.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import environment, tree
from .calling import Pair
from .contract import name_of
from .errors import UsageError, UserCodeError
from .report import NOT_ATTEMPTED, WRONG, Finding, Report
from .settings import demand_function
from .verdict import gradcheck


class SettledError(Exception):
    """The verdict is known before any number is compared."""

    def __init__(self, finding: Finding):
        super().__init__(finding.message)
        self.finding = finding

    def report(self, name: str) -> Report:
        """The report that holds this one finding."""
        return Report(name, self.finding.verdict, (self.finding,), self.finding.kind)


def _unwritten(function: Any) -> SettledError:
    return SettledError(Finding("", NOT_ATTEMPTED, f"{name_of(function)} is not written yet"))


def _raised(function: Any, problem: BaseException | None) -> SettledError:
    """An exception of the author's function, as its own."""
    if problem is None or isinstance(problem, NotImplementedError):
        return _unwritten(function)
    return SettledError(Finding("", WRONG, environment.describe(problem, function), "error", type(problem).__name__))


def chosen_inputs(pair: Pair) -> list[str]:
    """The inputs to differentiate by; arrays within a dict or a list have no place in a claim of this kind."""
    chosen = [path for path in pair.paths if path in pair.names]
    if not chosen:
        raise UsageError(f"{pair.paths[0]} is inside a container; give the array itself as an input")
    return chosen


def output_shape(pair: Pair) -> tuple[int, ...]:
    """The shape of what the function returns at the given inputs."""
    try:
        run = pair.forward(pair.arguments())
    except (UserCodeError, NotImplementedError) as problem:
        raise _raised(pair.forward_function, problem.__cause__) from None
    try:
        return np.shape(run.out_tree)
    except ValueError:
        shapes = " and ".join(str(out.shape) for out in run.outs)
        name = name_of(pair.forward_function)
        raise UsageError(f"{name} returns outputs of shapes {shapes}; check the derivative of one at a time") from None


def call(function: Callable[..., Any], pair: Pair, arguments: Sequence[Any], tangents: Sequence[Any] = ()) -> Any:
    """Call something that takes the forward's arguments, by keyword where the forward needs that."""
    positional = [a for name, a in zip(pair.names, arguments) if name not in pair.keywords]
    named = {name: a for name, a in zip(pair.names, arguments) if name in pair.keywords}
    with np.errstate(all="ignore"):
        return function(*positional, *tangents, **named)


def claimed_by(claim: Callable[..., Any], pair: Pair, tangents: Sequence[Any] = ()) -> Any:
    """What the author claims at the given inputs, which are real numbers: an array, or a tuple of them.

    Raises SettledError where it is none, and UsageError where the claim is no function.
    """
    demand_function("the derivative", claim)
    try:
        returned = call(claim, pair, pair.arguments(), tree.copy(list(tangents)))
    except (Exception, SystemExit) as problem:
        raise _raised(claim, problem) from None
    if returned is None:
        raise _unwritten(claim)
    several = isinstance(returned, list) and all(isinstance(part, np.ndarray) for part in returned)
    parts = returned if isinstance(returned, tuple) or several else (returned,)
    for part in parts:
        try:
            real = np.asarray(part).dtype.kind in "fiub"
        except ValueError:  # rows of different lengths
            real = False
        if not real:
            what = f"an array of {part.dtype}" if isinstance(part, np.ndarray) else f"a {type(part).__name__}"
            message = f"{name_of(claim)} returned {what}, where real numbers are expected"
            raise SettledError(Finding("", WRONG, message, "contract", "type", "return a NumPy array of floats"))
    return returned


def judged(pair: Pair, chosen: Sequence[str], backward: Callable[..., Any], options: dict[str, Any]) -> Report:
    """Judge a claim as the backward that it amounts to.

    The forward is passed on without its signature, so that parameters left at their defaults stay there: a claim may
    not take them. A list of outputs is one array, as its shape says.
    """

    def forward(*arguments: Any) -> Any:
        returned = call(pair.forward_function, pair, arguments)
        return np.array(returned) if isinstance(returned, (list, tuple)) else returned

    forward.__name__ = name_of(pair.forward_function)
    return gradcheck(forward, backward, pair.values, names=pair.names, wrt=chosen, **options)
