"""A frame into a value."""

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..sharing import block, dense, part_of, span
from .form import (
    CODES,
    COLLIDE,
    DTYPES,
    F64,
    GENERATOR,
    GENERATOR_ITEMS,
    I64,
    IN_ARENA,
    IN_ORDER,
    LONGS,
    MAX_AXES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_ITEMS,
    MAX_KIND,
    TEXTS,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY,
    TWO_F64,
    U16,
    U32,
    U64,
    Handle,
    WireError,
    collide,
    no_character,
    plain_key,
    size_of,
)

if TYPE_CHECKING:
    from ..channel import Arena


def decode(
    frame: bytes,
    *,
    given: Sequence[np.ndarray] = (),
    resolve: Callable[[Handle], Any] | None = None,
    arena: "Arena | None" = None,
) -> Any:
    """The value of a frame. Its arrays are new, writable and own their memory, but where they look into another.

    An array with the very geometry of `given[k]` is `given[k]`; one within its memory is a view of it (where
    `given[k]` has gaps in its memory: a copy). `resolve` turns a handle into what it stands for.

    Raises:
        WireError: The frame is none, is cut short or goes on, or breaks a bound.
    """
    try:
        return _Decoder(frame, given, resolve, arena).value()
    except (struct.error, IndexError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, WireError):
            raise
        raise WireError(f"a frame of {len(frame)} bytes that makes no sense: {error or type(error).__name__}") from None


class _Decoder:
    """A frame that is read from its beginning. Nothing in it is believed: what does not fit raises."""

    def __init__(
        self,
        frame: bytes,
        given: Sequence[np.ndarray],
        resolve: Callable[[Handle], Any] | None,
        arena: "Arena | None",
    ) -> None:
        self.frame = frame
        self.given = given
        self.resolve = resolve
        self.arena = arena
        self.at = 0
        self.items = 0
        self.shown = 0  # bytes of the arrays in the value
        self.used = 0  # bytes of the arena: each of its arrays lies behind the one before
        self.first: list[np.ndarray] = []
        self.blocks: dict[int, np.ndarray] = {}

    def value(self) -> Any:
        if len(self.frame) > MAX_BYTES:
            raise WireError(TOO_LARGE)
        first = self.count(1)
        if first > MAX_ITEMS:
            raise WireError(TOO_MANY)
        for _ in range(first):
            reader = _LAID.get(self.frame[self.at])
            if reader is None:
                raise WireError(f"no array begins with {self.frame[self.at : self.at + 1]!r}")
            self.at += 1
            self.first.append(reader(self))
        value = self.get(0)
        if self.at != len(self.frame):
            raise WireError(f"{len(self.frame) - self.at} bytes behind the value")
        return value

    def get(self, depth: int) -> Any:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise WireError(TOO_MANY)
        letter = self.frame[self.at]
        reader = _READERS.get(letter)
        if reader is None:
            raise WireError(f"no value begins with {bytes((letter,))!r}")
        self.at += 1
        return reader(self, depth)

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        fields = layout.unpack_from(self.frame, self.at)
        self.at += layout.size
        return fields

    def take(self, size: int) -> bytes:
        """The next bytes. Raises where there are not as many."""
        found = self.frame[self.at : self.at + size]
        if len(found) < size:
            raise WireError(f"{size} bytes announced, {len(found)} there")
        self.at += size
        return found

    def count(self, each: int) -> int:
        """A number of things of `each` values, which take at least a byte each."""
        (number,) = self.unpack(U32)
        if number * each > len(self.frame) - self.at:
            raise WireError(f"{number * each} values announced, {len(self.frame) - self.at} bytes there")
        return number

    def get_int(self, depth: int) -> int:
        (size,) = self.unpack(U16)
        if size > MAX_INT_BITS // 8 + 1:
            raise WireError(TOO_LONG)
        return int.from_bytes(self.take(size), "little", signed=True)

    def get_bytes(self, depth: int = 0) -> bytes:
        (size,) = self.unpack(U32)
        return self.take(size)

    def get_list(self, depth: int, each: int = 1) -> list[Any]:
        if depth >= MAX_DEPTH:
            raise WireError(TOO_DEEP)
        get = self.get
        return [get(depth + 1) for _ in range(self.count(each) * each)]

    def get_set(self, depth: int) -> set[Any]:
        return set(_keys(self.get_list(depth)))

    def get_dict(self, depth: int) -> dict[Any, Any]:
        found = self.get_list(depth, 2)
        half = len(found) // 2
        return dict(zip(_keys(found[:half]), found[half:]))

    def get_handle(self, depth: int) -> Any:
        (number,), (size,) = self.unpack(I64), self.unpack(U16)
        if size > 4 * MAX_KIND:
            raise WireError(f"a handle whose kind has {size} bytes")
        handle = Handle(number, str(self.take(size), "utf-8"))
        if self.resolve is None:
            return handle
        try:
            return self.resolve(handle)
        except LookupError:
            raise WireError(f"the handle {number} of kind {handle.kind!r} stands for nothing here") from None

    def get_generator(self, depth: int) -> np.random.Generator:
        self.items += GENERATOR_ITEMS
        number, step, has_uint32, uinteger = self.unpack(GENERATOR)
        drawn = np.random.PCG64(0)
        drawn.state = {
            "bit_generator": "PCG64",
            "state": {"state": int.from_bytes(number, "little"), "inc": int.from_bytes(step, "little")},
            "has_uint32": int(has_uint32 != 0),
            "uinteger": uinteger,
        }
        return np.random.Generator(drawn)

    def get_scalar(self, depth: int) -> Any:
        dtype = DTYPES[self.take(1)[0]]
        return _sound(np.ndarray((), dtype, self.take(dtype.itemsize)))[()]

    def shown_array(self, array: np.ndarray) -> np.ndarray:
        self.shown += array.nbytes
        if self.shown > MAX_BYTES:
            raise WireError(TOO_LARGE)
        return array

    def get_array(self) -> np.ndarray:
        """An array of its own: copied before it is looked at, since the arena may change meanwhile."""
        code, axes, form = self.take(3)
        if axes > MAX_AXES or form & ~(IN_ORDER | IN_ARENA):
            raise WireError(f"an array of {axes} axes and form {form}")
        shape = self.unpack(LONGS[axes])
        order = self.take(axes) if form & IN_ORDER else b""
        if code == TEXTS:
            (length,) = self.unpack(U32)
            if not 0 < length <= MAX_BYTES:
                raise WireError(f"texts of {length} characters")
            dtype = np.dtype(f"<U{length}")
        else:
            dtype = DTYPES[code]
        size = size_of(shape, dtype.itemsize)
        source: Any = self.frame
        start = self.at
        if form & IN_ARENA:
            (start,) = self.unpack(U64)
            if self.arena is None or start < self.used or start + size > len(self.arena.view):
                raise WireError(f"an array of {size} bytes at {start}, where the arena has none")
            source = self.arena.view
            self.used = start + size
        elif start + size > len(source):
            raise WireError(f"an array of {size} bytes announced, {len(source) - start} there")
        else:
            self.at += size
        raw = np.ndarray(shape, dtype, source, start)
        if order:
            if sorted(order) != list(range(axes)):
                raise WireError(f"axes in the order {tuple(order)}")
            raw = raw.transpose(np.argsort(np.frombuffer(order, np.uint8)))
        return _sound(raw)

    def same(self) -> np.ndarray:
        return self.first[self.unpack(U32)[0]]

    def again(self) -> np.ndarray:
        return self.same()[...]

    def view(self) -> np.ndarray:
        owner = self.same()
        if not dense(owner):  # which a small frame can make large
            raise WireError("a view into an array that has gaps")
        return self.look(owner, block(owner))

    def same_given(self) -> np.ndarray:
        """A given array: itself, or a view of it in the shape that it was given there since (`x.shape = ...`)."""
        (k,) = self.unpack(U32)
        owner = self.given[k]
        shape = self.unpack(LONGS[self.take(1)[0]])
        if shape == owner.shape:
            return owner
        if size_of(shape, owner.itemsize) != owner.nbytes or not owner.flags.c_contiguous:
            raise WireError(f"an array of shape {owner.shape} in shape {shape}")
        return owner.reshape(shape)

    def view_given(self) -> np.ndarray:
        (k,) = self.unpack(U32)
        owner = self.given[k]
        if k not in self.blocks:
            self.blocks[k] = block(owner)
        return self.look(owner, self.blocks[k])

    def look(self, owner: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """A view of an owner's memory, every byte of it within."""
        axes, part = self.take(2)
        if axes > MAX_AXES:
            raise WireError(f"a view of {axes} axes")
        (offset,) = self.unpack(I64)
        looks = self.unpack(LONGS[2 * axes])
        shape, strides = looks[:axes], looks[axes:]
        dtype = part_of(owner.dtype) if part else owner.dtype
        if dtype is None or (dtype not in CODES and dtype.kind != "U"):
            raise WireError(f"a view of another kind into an array of {owner.dtype}")
        if not size_of(shape, dtype.itemsize):
            raise WireError(f"a view of shape {shape}")
        if any(step % dtype.alignment for step in (offset, *strides)):  # half of one text or number and half of another
            raise WireError(f"a view at {offset} in steps of {strides} into numbers of {dtype.alignment} bytes")
        low, beyond = span(offset, shape, strides, dtype.itemsize)
        if low < 0 or beyond > memory.nbytes:
            raise WireError(f"a view of the bytes from {low} to {beyond} of an array of {memory.nbytes}")
        return np.ndarray(shape, dtype, memory, offset, strides)


def _keys(found: list[Any]) -> list[Any]:
    if not all(map(plain_key, found)):
        raise WireError("a key that is no number or text")
    if collide(found):
        raise WireError(COLLIDE)
    return found


def _sound(raw: np.ndarray) -> np.ndarray:
    """A copy, in the same order, of which holds what holds of NumPy's own arrays.

    The byte of a truth value is 0 or 1, so that equal ones have equal bits, and every character of a text is one.
    """
    dtype = raw.dtype
    if dtype.kind == "b":
        sound = np.empty_like(raw)
        np.not_equal(raw.view(np.uint8), 0, out=sound)
        return sound
    sound = raw.copy("K")
    if dtype.kind == "U" and no_character(sound.ravel("K").view(np.uint32)).any():
        raise WireError("a text of what are no characters")
    return sound


_READERS: dict[int, Callable[[_Decoder, int], Any]] = {
    ord("N"): lambda decoder, depth: None,
    ord("T"): lambda decoder, depth: True,
    ord("F"): lambda decoder, depth: False,
    ord("q"): lambda decoder, depth: decoder.unpack(I64)[0],
    ord("i"): _Decoder.get_int,
    ord("d"): lambda decoder, depth: decoder.unpack(F64)[0],
    ord("c"): lambda decoder, depth: complex(*decoder.unpack(TWO_F64)),
    ord("s"): lambda decoder, depth: str(decoder.get_bytes(), "utf-8"),
    ord("b"): _Decoder.get_bytes,
    ord("l"): _Decoder.get_list,
    ord("t"): lambda decoder, depth: tuple(decoder.get_list(depth)),
    ord("z"): _Decoder.get_set,
    ord("Z"): lambda decoder, depth: frozenset(decoder.get_set(depth)),
    ord("m"): _Decoder.get_dict,
    ord("g"): _Decoder.get_scalar,
    ord("u"): lambda decoder, depth: np.str_(str(decoder.get_bytes(), "utf-8")),
    ord("H"): _Decoder.get_handle,
    ord("G"): _Decoder.get_generator,
    ord("a"): lambda decoder, depth: decoder.shown_array(decoder.get_array()),
    ord("r"): lambda decoder, depth: decoder.shown_array(decoder.same()),
    ord("e"): lambda decoder, depth: decoder.shown_array(decoder.again()),
    ord("v"): lambda decoder, depth: decoder.shown_array(decoder.view()),
    ord("x"): lambda decoder, depth: decoder.shown_array(decoder.same_given()),
    ord("w"): lambda decoder, depth: decoder.shown_array(decoder.view_given()),
}
#: What may stand at a frame's beginning.
_LAID: dict[int, Callable[[_Decoder], np.ndarray]] = {
    ord("a"): _Decoder.get_array,
    ord("e"): _Decoder.again,
    ord("v"): _Decoder.view,
    ord("x"): _Decoder.same_given,
    ord("w"): _Decoder.view_given,
}
