"""The smallest shapes and the plainest numbers at which something still fails."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from random import Random
from types import EllipsisType
from typing import Any

import numpy as np

from . import tree
from .inputs import Array, Declaration
from .variations import following

Inputs = tuple[Any, ...]
Fails = Callable[[Inputs], bool]
Ranges = list[tuple[float, float] | None]


def smallest(
    declaration: Declaration, fails: Fails, seed: int = 0, budget: float = 1.5, start: Inputs | None = None
) -> Inputs | None:
    """The smallest shapes and plainest numbers found at which `fails(inputs)` holds, or None where it never does.

    Searches for `budget` seconds at most, with the help of hypothesis where that is installed and random draws meet
    nothing. `start` is a point that is known to fail. Repeatable, as long as the time suffices.
    """
    search = _Search(fails, time.monotonic() + budget)
    with suppress(_OutOfTimeError):
        if start is not None:
            search(start)
        _smaller(declaration, search, seed)
        if search.best is None:
            _with_hypothesis(declaration, search, seed)
        _plainer(declaration, search)
    return search.best


class _OutOfTimeError(Exception):
    """The budget is spent."""


class _Search:
    """Ask `fails`, keep the simplest inputs that did, and stop when the time is up."""

    def __init__(self, fails: Fails, deadline: float):
        self.fails, self.deadline = fails, deadline
        self.best: Inputs | None = None
        self._cost: tuple[float, ...] = (np.inf,)

    def __call__(self, inputs: Inputs) -> bool:
        if time.monotonic() > self.deadline:
            raise _OutOfTimeError
        kept = tree.copy(inputs)
        if not self.fails(inputs):
            return False
        cost = _cost(kept)
        if cost < self._cost:
            self.best, self._cost = kept, cost
        return True


def _cost(inputs: Inputs) -> tuple[float, ...]:
    """How far inputs are from plain: how many numbers, how many digits they need, how large they are."""
    arrays = [np.asarray(leaf, dtype=float) for leaf in tree.leaves(inputs) if _is_numbers(leaf)]
    digits = sum(float(np.sum(np.select([a == np.rint(a), 2 * a == np.rint(2 * a)], [0, 1], 4))) for a in arrays)
    size = sum(float(np.sum(np.abs(a[np.isfinite(a)]))) for a in arrays)
    return float(sum(a.size for a in arrays)), digits, size


def _is_numbers(leaf: Any) -> bool:
    return np.asarray(leaf).dtype.kind in "fiub" if isinstance(leaf, np.ndarray) else isinstance(leaf, float)


def _smaller(declaration: Declaration, search: _Search, seed: int) -> None:
    """The first of a few small shapes that fails; then one axis shorter at a time, for as long as it still does."""
    rng = np.random.default_rng([seed, 23])

    def failing(sizes: Mapping[str, int]) -> bool:
        return any(search(declaration.draw(rng, sizes)) for _ in range(5))

    base = declaration.sizes()
    ones = dict.fromkeys(base, 1) if declaration.declared else declaration.small(1)
    sizes = next((sizes for sizes in (ones, declaration.small(1), declaration.small(2), base) if failing(sizes)), None)
    if sizes is None:
        return
    for axis in base:
        for length in range(1, sizes[axis]):
            shorter = ({**sizes, **following(sizes, axis, length)}, {**sizes, axis: length})
            found = next((other for other in shorter[declaration.declared :] if failing(other)), None)
            if found is not None:
                sizes = found
                break


def _with_hypothesis(declaration: Declaration, search: _Search, seed: int) -> None:
    """Points that no random draw meets, such as ties and zeros, if hypothesis is installed."""
    try:
        from hypothesis import HealthCheck, Phase, Verbosity, errors, find, settings
    except ImportError:
        return
    bounded = settings(
        max_examples=60,
        database=None,
        deadline=None,
        derandomize=True,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with suppress(errors.HypothesisException):  # nothing found, or no longer the same when asked again
        find(declaration.strategy(largest=3), search, settings=bounded, random=Random(seed))


def _plainer(declaration: Declaration, search: _Search) -> None:
    """Replace the numbers of the best inputs by plainer ones of their range, as long as it still fails."""
    if search.best is None:
        return
    ranges = [spec.values.plain() if isinstance(spec, Array) else None for spec in tree.leaves(declaration.inputs)]
    for parts in (1, 2, 16):
        search(_changed(search.best, ranges, _rounded(parts)))
    for number, index in islice(_entries(search.best, ranges), 60):
        only = [ends if place == number else None for place, ends in enumerate(ranges)]
        for plain in (np.zeros_like, np.ones_like, _rounded(1)):
            other = _changed(search.best, only, plain, index)
            if _cost(other) == _cost(search.best) or search(other):
                break


def _rounded(parts: int) -> Callable[[Any], Any]:
    """Rounding to whole numbers, halves, sixteenths."""
    return lambda numbers: np.rint(parts * numbers) / parts + 0.0


def _entries(inputs: Inputs, ranges: Ranges) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every entry that may be any number of a range: which leaf, and which index."""
    for number, (leaf, ends) in enumerate(zip(tree.leaves(inputs), ranges)):
        if ends is not None:
            yield from ((number, index) for index in np.ndindex(np.shape(leaf)))


def _changed(
    inputs: Inputs, ranges: Ranges, plain: Callable[[Any], Any], index: tuple[int, ...] | EllipsisType = ...
) -> Inputs:
    """A copy with the entries at `index` made plainer, in the arrays that have a range and within it."""
    changed = []
    for leaf, ends in zip(tree.leaves(inputs), ranges):
        new = np.array(leaf) if ends is not None or isinstance(leaf, np.ndarray) else leaf
        if ends is not None:
            new[index] = np.clip(plain(new[index]), *ends)
        changed.append(new if isinstance(leaf, np.ndarray) or ends is None else new.item())
    return tree.fill(inputs, iter(changed))
