"""Nested tuples, lists and dicts of arrays: flatten them into named leaves, and put other leaves in their place."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def flatten(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, leaf) for every leaf, in order. A dict's path reads `params['W1']`, a sequence's `hs[0]`."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from flatten(value, f"{path}[{key!r}]")
    elif isinstance(tree, (tuple, list)):
        for position, value in enumerate(tree):
            yield from flatten(value, f"{path}[{position}]")
    else:
        yield path, tree


def leaves(tree: Any) -> list[Any]:
    """The leaves alone."""
    found: list[Any] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, dict):
        for value in tree.values():
            _gather(value, found)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            _gather(value, found)
    else:
        found.append(tree)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same nesting with `function` applied to every leaf; containers are new, so that no caller's is shared."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        items = [map_leaves(function, value) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [map_leaves(function, value) for value in tree]
    return function(tree)


def fill(tree: Any, replacements: Iterator[Any]) -> Any:
    """The same nesting with the leaves taken, in order, from `replacements`."""
    return map_leaves(lambda _: next(replacements), tree)


def copy(tree: Any) -> Any:
    """New containers and new, writable arrays with the same memory order; other leaves are passed on."""
    return map_leaves(lambda leaf: np.array(leaf, order="K") if isinstance(leaf, np.ndarray) else leaf, tree)
