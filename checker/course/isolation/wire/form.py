"""What writing and reading agree on: the bounds of a frame, its letters' layouts, and what may cross at all."""

import math
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Bytes of a frame; of the arrays that it makes; and of the arrays in its value, each counted as often as it is there.
MAX_BYTES = 256 << 20
MAX_DEPTH = 24
MAX_ITEMS = 200_000
MAX_AXES = 32
MAX_INT_BITS = 4096
MAX_KIND = 200
#: Keys of one hash: integers and tuples can be made to collide, and then a dict takes the square of its length in time.
MAX_COLLISIONS = 64
#: Bytes from which an array goes through the arena: below, a copy into the frame is as quick.
ARENA_FROM = 50_000
ALIGNED = 64
#: What a generator counts for: to make one takes as long as to read a hundred numbers.
GENERATOR_ITEMS = 99

#: A dtype is its place in this list. Texts follow, whose length comes with the array.
_NUMBERS = [np.dtype(character) for character in "?bBhHiIlLqQefdgFDG"]
DTYPES: list[np.dtype[Any]] = list(dict.fromkeys([*_NUMBERS, *(dtype.newbyteorder("S") for dtype in _NUMBERS)]))
CODES = {dtype: code for code, dtype in enumerate(DTYPES)}
TEXTS = len(DTYPES)
SCALARS: dict[type, int] = {dtype.type: CODES[dtype] for dtype in _NUMBERS}

_KEYS = (str, bytes, int, float, complex, *SCALARS)

#: How an array's axes lie in memory.
IN_C, IN_ORDER, IN_ARENA = 0, 1, 2

U16, U32, U64, I64 = (struct.Struct(f"<{c}") for c in "HIQq")
F64, TWO_F64, BYTES4 = struct.Struct("<d"), struct.Struct("<dd"), struct.Struct("<BBBB")
LONGS = [struct.Struct(f"<{n}q") for n in range(2 * MAX_AXES + 1)]
GENERATOR = struct.Struct("<16s16sBI")


class WireError(ValueError):
    """A value that cannot cross, or a frame that is none."""


@dataclass(frozen=True)
class Handle:
    """An object that stays in the worker: its number there, and what it is called."""

    id: int
    kind: str


TOO_DEEP = f"containers nested more than {MAX_DEPTH} deep cannot cross (or one that contains itself)"
TOO_MANY = f"more than {MAX_ITEMS:,} values in containers cannot cross at once: put the numbers into an array"
TOO_LARGE = f"more than {MAX_BYTES >> 20} MiB cannot cross at once"
TOO_EMPTY = f"an array of no elements, the other axes of which have more than {MAX_ITEMS:,}, cannot cross"
TOO_LONG = f"an integer of more than {MAX_INT_BITS} bits cannot cross"
COLLIDE = f"more than {MAX_COLLISIONS} keys that have the same hash cannot cross"


def crosses(array: np.ndarray) -> bool:
    """Whether an array is one of numbers or texts, with few enough axes."""
    return array.ndim <= MAX_AXES and (array.dtype in CODES or (array.dtype.kind == "U" and array.itemsize > 0))


def plain_key(key: Any) -> bool:
    """Whether a dict's key or a set's element is hashable at both ends, and means the same there."""
    if isinstance(key, (tuple, frozenset)):
        return all(map(plain_key, key))
    return key is None or isinstance(key, _KEYS)


def collide(keys: Sequence[Any]) -> bool:
    """Whether too many keys have the same hash."""
    return len(keys) > MAX_COLLISIONS and max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS


def no_character(codes: np.ndarray) -> np.ndarray:
    """Where a number is no character that can be written as UTF-8."""
    return (codes >> 11 == 0x1B) | (codes > 0x10FFFF)


def size_of(shape: Sequence[int], itemsize: int) -> int:
    """The bytes of an array, by integers that do not overflow.

    The other axes of an array of no elements are bounded too: a sum along the empty one has all of theirs.
    """
    if min(shape, default=0) < 0:
        raise WireError(f"an array of shape {tuple(shape)}")
    size = math.prod(shape) * itemsize
    if size > MAX_BYTES:
        raise WireError(TOO_LARGE)
    if not size and math.prod(n or 1 for n in shape) > MAX_ITEMS:
        raise WireError(TOO_EMPTY)
    return size
