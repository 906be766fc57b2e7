"""What a cache keeps alive: the bytes of every array that can be reached from it, beside the inputs and the output."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import tree
from .standin import where_it_lives


@where_it_lives
def retained(forward: Callable[..., Any], inputs: Sequence[Any]) -> np.ndarray:
    """The bytes that the cache of `forward(*inputs) -> (out, cache)` keeps alive, as an array of one number.

    A view counts as the whole array that it looks into. The inputs and the output live on without the cache, and are
    not counted.
    """
    given = tree.copy(tuple(inputs))
    with np.errstate(all="ignore"):
        out, cache = forward(*given)
    free = {id(_owner(leaf)) for leaf in tree.leaves((given, out)) if isinstance(leaf, np.ndarray)}
    kept = {id(owner): owner.nbytes for owner in map(_owner, _arrays(cache, set()))}
    return np.array(sum(size for key, size in kept.items() if key not in free))


def _owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays(value: Any, seen: set[int]) -> Iterator[np.ndarray]:
    """Every array within containers, objects, closures and bound methods."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield value
        if value.dtype != object:
            return
        value = value.ravel().tolist()
    if isinstance(value, dict):
        inside: list[Any] = [*value.keys(), *value.values()]
    elif isinstance(value, (tuple, list, set, frozenset)):
        inside = list(value)
    else:
        inside = [getattr(value, "__dict__", None), getattr(value, "__self__", None)]
        inside += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        inside += [getattr(value, "__defaults__", None), getattr(value, "args", None), getattr(value, "keywords", None)]
        inside += [getattr(value, slot, None) for slot in getattr(type(value), "__slots__", ())]
    for each in inside:
        if each is not None and not isinstance(each, (type, str, bytes, int, float, complex)):
            yield from _arrays(each, seen)
