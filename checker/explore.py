"""The smallest shapes and the plainest numbers at which something still fails."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from random import Random
from typing import Any

import numpy as np

from . import tree
from .inputs import Declaration
from .variations import following

Inputs = tuple[Any, ...]
Fails = Callable[[Inputs], bool]


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
        _plainer(search)
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
    apart = {axis: min(size, 2 + place) for place, (axis, size) in enumerate(base.items())}
    small = [{axis: min(size, largest) for axis, size in base.items()} for largest in (1, 2)]
    sizes = next((sizes for sizes in (*small, apart, base) if failing(sizes)), None)
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


def _plainer(search: _Search) -> None:
    """Replace the numbers of the best inputs by plainer ones, as long as it still fails."""
    if search.best is None:
        return
    for plain in (np.rint, lambda a: np.rint(2 * a) / 2, lambda a: np.rint(16 * a) / 16, lambda a: np.round(a, 2)):
        search(_changed(search.best, None, plain))
    for place, leaf in list(_entries(search.best))[:60]:
        for plain in (np.zeros_like, np.ones_like, np.rint):
            if np.array_equal(plain(leaf), leaf) or search(_changed(search.best, place, plain)):
                break


def _entries(inputs: Inputs) -> Iterator[tuple[tuple[int, tuple[int, ...]], Any]]:
    """Every floating point entry: (which leaf, which index), and its value."""
    for number, leaf in enumerate(tree.leaves(inputs)):
        if isinstance(leaf, (np.ndarray, float)) and np.asarray(leaf).dtype.kind == "f":
            for index in np.ndindex(np.shape(leaf)):
                yield (number, index), np.asarray(leaf)[index]


def _changed(inputs: Inputs, place: tuple[int, tuple[int, ...]] | None, plain: Callable[[Any], Any]) -> Inputs:
    """A copy with one entry (None: every floating point array) made plainer."""
    changed = []
    for number, leaf in enumerate(tree.leaves(inputs)):
        is_float = isinstance(leaf, (np.ndarray, float)) and np.asarray(leaf).dtype.kind == "f"
        if is_float and (place is None or place[0] == number):
            array = np.array(leaf)
            index = ... if place is None else place[1]
            array[index] = plain(array[index])
            leaf = array if isinstance(leaf, np.ndarray) else array.item()
        elif isinstance(leaf, np.ndarray):
            leaf = leaf.copy()
        changed.append(leaf)
    return tree.fill(inputs, iter(changed))
