"""A function that draws initial weights, judged by the statistics of many draws and never by the numbers themselves.

The exercise's parameter `rng` (declared as None) is a new generator at every call, each with a seed of its own. At
least WEIGHTS weights are drawn from an answer, and as many from the right one; what is compared is their shape, mean,
standard deviation and law, whether neighbours and calls are independent, and whether the same seed gives the same
weights.

False alarms: a statistic may differ from the right answer's by CLOSE, relative to its size. For normal and uniform
weights of layers at least four wide and high, that is more than 7.7 standard errors of the difference for each of the
six statistics that chance moves: an answer that draws from the right law is called wrong with a probability below 1e-12
at one point, and below 1e-9 in a whole check.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import environment
from ..recognise import Doing
from ..report import RIGHT, WRONG, Entry, Finding, Report
from ..standin import where_it_lives
from . import Answer
from .value import report, unwritten

#: At least so many weights are drawn, by at most so many calls: enough for layers of 4 by 4.
WEIGHTS = 100_000
CALLS = 6250
#: Statistics agree within this, relative to their size (to 1, where 0 is right).
CLOSE = 0.04
SAME = APART = CLOSE
#: What makes up the law: weights of a known mistake's standard deviation and of another kurtosis are not its weights.
BOUND = ("output mean", "output std", "output law")
#: Weights that differ by less than this, relative to their size, are all the same.
EQUAL = 1e-12
#: Draws that are correlated by more than this say little of the law that they come from.
DEPENDENT = 0.5


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """The statistics of what is drawn, by name."""
    try:
        return statistics(*_drawn(task, answer, inputs))
    except Exception as problem:
        return {"raised": np.array(type(problem).__name__)}


def _drawn(task: Any, answer: Answer, inputs: Sequence[Any]) -> tuple[list[Any], bool]:
    """Weights of as many calls as it takes, and whether the first of them come again with their seed."""
    drawn, repeatable = _draws(answer.function, tuple(task.declaration.names), tuple(inputs))
    return drawn, repeatable


@where_it_lives
def _draws(function: Callable[..., Any], names: Sequence[str], inputs: Sequence[Any]) -> tuple[list[Any], bool]:
    sizes = [value for value in inputs if isinstance(value, int)]

    def call(number: int) -> Any:
        rng = np.random.default_rng([*sizes, number])
        weights = function(*(rng if name == "rng" else value for name, value in zip(names, inputs)))
        return weights if weights is None else np.array(weights, dtype=float)

    drawn = [call(0)]
    if drawn[0] is None:
        return drawn, True
    calls = -(-WEIGHTS // max(1, drawn[0].size))
    drawn += [call(number) for number in range(1, min(max(2, calls), CALLS))]
    return drawn, np.array_equal(call(0), drawn[0])


def statistics(drawn: Sequence[np.ndarray], repeatable: bool) -> dict[str, np.ndarray]:
    """What tells one law of weights from another; those that should be 0 are given as 1 more.

    Of draws that depend on one another only that is told.
    """
    shapes = sorted({weights.shape for weights in drawn})
    found: dict[str, Any] = {"output shape": " or ".join(map(str, shapes)), "output seed": float(repeatable)}
    if len(shapes) == 1:
        weights = np.stack(drawn)
        centred = weights - weights.mean()
        if np.max(np.abs(centred), initial=0.0) <= EQUAL * np.max(np.abs(weights), initial=0.0):
            centred = np.zeros_like(weights)
        places = {f"axis {axis - 1}": axis for axis in range(1, weights.ndim)} | {"calls": 0}
        ties = {f"output {place}": _correlation(centred, axis) for place, axis in places.items()}
        tied = {key: tie for key, tie in ties.items() if abs(tie) > DEPENDENT}
        found |= {key: 1 + tie for key, tie in (tied or ties).items()} | ({} if tied else _law(weights, centred))
    return {key: np.array(value) for key, value in found.items()}


def _correlation(centred: np.ndarray, axis: int) -> float:
    """Of neighbours along an axis; of weights that are all the same it is 0."""
    ahead, behind = (np.moveaxis(centred, axis, 0)[some] for some in (slice(1, None), slice(None, -1)))
    variance = float(np.mean(centred * centred))
    return float(np.mean(ahead * behind)) / variance if ahead.size and variance else 0.0


def _law(weights: np.ndarray, centred: np.ndarray) -> dict[str, float]:
    """Mean (in root mean squares), standard deviation and, if that is not 0, the root of the kurtosis."""
    squares = centred * centred
    mean, variance = float(weights.mean()), float(squares.mean())
    size = np.sqrt(variance + mean**2)
    law = {"output law": float(np.sqrt(np.mean(squares * squares))) / variance} if variance else {}
    return {"output mean": 1 + (mean / size if size else 0.0), "output std": np.sqrt(variance), **law}


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """Right if every statistic is that of the right answer, to within what chance allows."""
    try:
        drawn, repeatable = _drawn(task, answer, inputs)
    except NotImplementedError:
        return unwritten(task, answer.function)
    except (Exception, SystemExit) as problem:
        message = environment.describe(problem, answer.function)
        return report(task, [Finding("", WRONG, message, "error", type(problem).__name__)], inputs, **options)
    if drawn[0] is None:
        return unwritten(task, answer.function)
    mine = statistics(drawn, repeatable)
    return report(task, list(_findings(mine, expected)), inputs, **options)


def _findings(mine: Mapping[str, np.ndarray], expected: Doing) -> Iterator[Finding]:
    """A finding for each statistic, the most telling first; behind a wrong shape nothing is told."""
    if str(mine["output shape"]) != str(expected["output shape"]):
        message = f"the weights have shape {mine['output shape']}, where {expected['output shape']} is expected"
        yield Finding("shape", WRONG, message, "shape", "shape")
        return
    yield Finding("shape", RIGHT, "the shape of the weights agrees")
    for key in (key for key in expected if key in mine and key != "output shape"):
        subject = key.partition(" ")[2]
        yours, wanted = float(mine[key]), float(expected[key])
        if abs(yours - wanted) <= CLOSE * abs(wanted):
            yield Finding(subject, RIGHT, f"{subject} of the weights")
            continue
        message, advice, kind, shift, power = _words(subject)
        shown, most = (wanted - shift) ** power, (wanted * (1 + CLOSE) - shift) ** power
        entry = Entry((), (yours - shift) ** power, shown, abs(most - shown))
        yield Finding(subject, WRONG, message, kind, "", advice, entries=() if kind == "contract" else (entry,))


def _words(subject: str) -> tuple[str, str, str, float, int]:
    """Message, advice, kind of fault, what is to be taken off the statistic to show it, and to which power."""
    if subject.startswith("axis"):
        message = f"weights that are neighbours along {subject} are correlated, where they should be independent"
        return message, "every weight is a draw of its own: how many numbers do you draw?", "values", 1.0, 1
    return {
        "seed": (
            "with a generator of the same seed the weights are others the second time",
            "draw from the rng that is handed over, and from no other",
            "contract", 0.0, 1,
        ),
        "calls": (
            "with generators of different seeds the weights depend on one another",
            "draw from the rng that is handed over, and from no other",
            "contract", 1.0, 1,
        ),
        "mean": ("the mean of the weights, in units of their root mean square, is wrong", "", "values", 1.0, 1),
        "std": ("the standard deviation of the weights is wrong", "", "values", 0.0, 1),
        "law": (
            "the law of the weights is wrong, by its kurtosis: 3 if normal, 1.8 if uniform",
            "which law is asked for? To clip weights, or to draw the large ones again, makes another one of it",
            "values", 0.0, 2,
        ),
    }[subject]  # fmt: skip
