"""The format in which values cross between judge and judged: bounded, self-describing, and never unpickled.

A frame holds numbers, texts, containers and arrays of numbers, and is read without making anything else. What is none
of these stays where it is, behind a `Handle`. A frame that lies costs a `WireError`: every length, offset and stride
is checked before it is used, and time and memory are bounded by the frame's own length.

A frame is the arrays that others look into (their number, then each), and then the value. A value is a letter and
what belongs to it, all little-endian; an array is a letter, its dtype, its axes, how they lie, its shape and its bytes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .decoder import decode
from .encoder import encode
from .form import ARENA_FROM, MAX_BYTES, MAX_DEPTH, TOO_DEEP, Handle, WireError, crosses, plain_key

__all__ = ["ARENA_FROM", "MAX_BYTES", "Handle", "WireError", "arrays", "decode", "encode"]


def arrays(value: Any) -> list[np.ndarray]:
    """Every array within containers that can cross, in order, each once: what `given` is made of, at both ends."""
    found: dict[int, np.ndarray] = {}
    for each in _leaves(value, 0):
        if isinstance(each, np.ndarray) and crosses(each):
            found.setdefault(id(each), each)
    return list(found.values())


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if depth > MAX_DEPTH:
        raise WireError(TOO_DEEP)
    if isinstance(value, dict):
        if all(map(plain_key, value)):  # else it stays where it is
            for each in dict.values(value):
                yield from _leaves(each, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, depth + 1)
    else:
        yield value
