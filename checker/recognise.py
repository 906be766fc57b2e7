"""Is this wrong answer one that we know? Two answers are the same mistake if they agree wherever it differs from right.

Equality of what the functions do, at several points: never of how they are written. What they do includes what they
leave behind: an overwritten upstream gradient, a result that shares its memory.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tree
from .calling import MisfitError, Pair
from .contract import random_upstream
from .errors import UsageError, UserCodeError
from .kinds import Answer

#: Two answers agree within this, relative to the largest entry: enough for another order of additions.
SAME = 1e-9
#: A mistake must differ from the right answer by this much more.
APART = 1e-7


@dataclass(frozen=True)
class Mistake:
    """A wrong answer on purpose, and advice that does not give the right one away."""

    name: str
    advice: str
    answer: Answer
    half: str = "backward"

    @property
    def written(self) -> Callable[..., Any]:
        """The function that is wrong on purpose: the answer, or the forward of a right one."""
        forward = self.answer.forward if self.half == "forward" else None
        return forward or self.answer.function

    def signs(self, wrong: set[str]) -> set[str]:
        """What shows the mistake, of all that it gets wrong."""
        return {key for key in wrong if key.startswith("output")} or wrong if self.half == "forward" else wrong


Doing = Mapping[str, np.ndarray]


def doing(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    names: Sequence[str],
    wrt: Sequence[str],
    seed: int = 0,
) -> Doing:
    """What a pair does at one point, by name: its outputs, its gradients, and what it leaves behind.

    `seed` draws the upstream gradient: that of an odd one is the last even one's, times -1.
    """
    done: dict[str, Any] = {}
    try:
        pair = Pair(forward, backward, tree.copy(tuple(inputs)), names=names, wrt=wrt)
        arguments = pair.arguments()
        run = pair.forward(arguments)
        done |= {f"output {path}": np.array(out) for path, out in zip(pair.out_names, run.outs)}
        sign = -1.0 if seed % 2 else 1.0
        drawn = random_upstream(run, np.random.default_rng(seed // 2))
        douts = pair.upstream(run, [sign * dout for dout in drawn])
        given = tree.copy(douts)
        gradients = pair.assign(pair.pull(run, given))
    except (UserCodeError, MisfitError, UsageError, NotImplementedError) as problem:
        reason = type(problem.__cause__ or problem).__name__
        return done | {"raised": np.array(reason)}
    held = (*given, *pair.leaves(arguments))
    for path, gradient in gradients.items():
        done[f"gradient {path}"] = np.array(gradient)
        done[f"shared {path}"] = np.array([np.shares_memory(gradient, other) for other in held])
    done |= {f"left dout {place}": np.array(dout) for place, dout in enumerate(given)}
    done |= {f"left {path}": np.array(leaf) for path, leaf in zip(pair.paths, pair.leaves(arguments))}
    return done


def rounding(inputs: Any, power: int = 1) -> float:
    """What may be left, of numbers as large as the inputs' (or as their `power`s), where the exact result is 0."""
    numbers = [np.asarray(leaf) for leaf in tree.leaves(inputs) if isinstance(leaf, (int, float, np.ndarray))]
    finite = [np.abs(each[np.isfinite(each)]) for each in numbers if each.dtype.kind in "fiu"]
    largest = max((float(np.max(each, initial=0.0)) for each in finite), default=0.0)
    with np.errstate(over="ignore"):
        return 16 * float(np.finfo(float).eps) * float(np.float64(largest) ** power)


def same(a: np.ndarray | None, b: np.ndarray | None, rtol: float = SAME, atol: float = 0.0) -> bool:
    """Whether two arrays have one shape and the same numbers to within `atol` and `rtol` of the largest."""
    if a is None or b is None or a.shape != b.shape:
        return a is b
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return np.array_equal(a, b)
    a, b = a.astype(float), b.astype(float)
    with np.errstate(all="ignore"):
        size = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        return bool(np.all((np.abs(a - b) <= atol + rtol * size) | (a == b) | (np.isnan(a) & np.isnan(b))))


def apart(mistake: Sequence[Doing], right: Sequence[Doing], different: float = APART) -> set[str]:
    """The names of what a mistake gets wrong at some point."""
    return {
        key
        for wrong, good in zip(mistake, right)
        for key in {*wrong, *good}
        if not same(wrong.get(key), good.get(key), different)
    }


def recognise(
    answer: Sequence[Doing],
    right: Sequence[Doing],
    mistakes: Iterable[tuple[Mistake, Sequence[Doing]]],
    rtol: float = SAME,
    different: float = APART,
    bound: Collection[str] = (),
) -> dict[str, Mistake]:
    """Which known mistakes the answer makes, by the name of what they get wrong.

    A mistake is made only if everything that it gets wrong is wrong in the very same way at every point; of a wrong
    forward only the outputs count, as each author's gradients depend on what they save. Of what is `bound` together, a
    mistake that gets some wrong must also agree with the answer in the rest. The mistake that explains the most comes
    first.
    """
    wrong = apart(answer, right, different)
    known = [(mistake.signs(apart(done, right, different)), mistake, done) for mistake, done in mistakes]
    found: dict[str, Mistake] = {}
    for keys, mistake, done in sorted(known, key=lambda entry: -len(entry[0])):
        if not keys or not keys <= wrong or keys <= set(found):
            continue
        compared = keys if keys.isdisjoint(bound) else keys.union(bound)
        if all(same(mine.get(key), theirs.get(key), rtol) for mine, theirs in zip(answer, done) for key in compared):
            found |= {key: mistake for key in keys if key not in found}
    return found
