"""The format in which values cross between judge and judged: bounded, self-describing, and never unpickled.

A frame holds numbers, texts, containers and arrays of numbers, and is read without making anything else. What is none
of these stays where it is, behind a `Handle`. A frame that lies costs a `WireError`: every length, offset and stride
is checked before it is used, and time and memory are bounded by the frame's own length.

A frame is the arrays that others look into (their number, then each), and then the value. A value is a letter and
what belongs to it, all little-endian; an array is a letter, its dtype, its axes, how they lie, its shape and its bytes.
"""

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .sharing import Met, axes_of, block, dense, part_of, share, span

if TYPE_CHECKING:
    from .channel import Arena

__all__ = ["MAX_BYTES", "Handle", "WireError", "arrays", "decode", "encode"]

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
_ALIGNED = 64
#: What a generator counts for: to make one takes as long as to read a hundred numbers.
_GENERATOR_ITEMS = 99

#: A dtype is its place in this list. Texts follow, whose length comes with the array.
_NUMBERS = [np.dtype(character) for character in "?bBhHiIlLqQefdgFDG"]
_DTYPES: list[np.dtype[Any]] = list(dict.fromkeys([*_NUMBERS, *(dtype.newbyteorder("S") for dtype in _NUMBERS)]))
_CODES = {dtype: code for code, dtype in enumerate(_DTYPES)}
_TEXTS = len(_DTYPES)
_SCALARS: dict[type, int] = {dtype.type: _CODES[dtype] for dtype in _NUMBERS}

_KEYS = (str, bytes, int, float, complex, *_SCALARS)

#: How an array's axes lie in memory.
_IN_C, _IN_ORDER, _IN_ARENA = 0, 1, 2

_U16, _U32, _U64, _I64 = (struct.Struct(f"<{c}") for c in "HIQq")
_F64, _2F64, _BYTES4 = struct.Struct("<d"), struct.Struct("<dd"), struct.Struct("<BBBB")
_LONGS = [struct.Struct(f"<{n}q") for n in range(2 * MAX_AXES + 1)]
_GENERATOR = struct.Struct("<16s16sBI")


class WireError(ValueError):
    """A value that cannot cross, or a frame that is none."""


@dataclass(frozen=True)
class Handle:
    """An object that stays in the worker: its number there, and what it is called."""

    id: int
    kind: str


def encode(
    value: Any,
    *,
    given: Sequence[np.ndarray] = (),
    opaque: Callable[[Any], Handle] | None = None,
    arena: "Arena | None" = None,
) -> bytes:
    """The frame of a value.

    Containers and numbers of a derived class become plain ones, a lone surrogate in a text a question mark. Memory
    that arrays of the value share with one another, or with one of `given`, is shared at the other end too. Only the
    place of a given array's memory crosses, not what it holds by now: who writes into one has to say so otherwise.

    Args:
        value: None, a number, text, bytes, an array or NumPy scalar of numbers or texts, a PCG64 generator, a Handle,
            or lists, tuples, dicts and sets of these.
        given: Arrays that both ends know, in the same order: see `arrays`.
        opaque: Keeps anything else, and tells the handle that goes in its stead. Without it that is a WireError.
        arena: Shared memory for large arrays, written from its beginning: one frame at a time may be under way in it.

    Raises:
        WireError: The value cannot cross, or is too large, too deep or contains itself.
    """
    return _Encoder(given, opaque, arena).frame(value)


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


def arrays(value: Any) -> list[np.ndarray]:
    """Every array within containers that can cross, in order, each once: what `given` is made of, at both ends."""
    found: dict[int, np.ndarray] = {}
    for each in _leaves(value, 0):
        if isinstance(each, np.ndarray) and _crosses(each):
            found.setdefault(id(each), each)
    return list(found.values())


def _leaves(value: Any, depth: int) -> Iterator[Any]:
    if depth > MAX_DEPTH:
        raise WireError(_TOO_DEEP)
    if isinstance(value, dict):
        if all(map(_plain_key, value)):  # else it stays where it is
            for each in dict.values(value):
                yield from _leaves(each, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, depth + 1)
    else:
        yield value


_TOO_DEEP = f"containers nested more than {MAX_DEPTH} deep cannot cross (or one that contains itself)"
_TOO_MANY = f"more than {MAX_ITEMS:,} values in containers cannot cross at once: put the numbers into an array"
_TOO_LARGE = f"more than {MAX_BYTES >> 20} MiB cannot cross at once"
_TOO_EMPTY = f"an array of no elements, the other axes of which have more than {MAX_ITEMS:,}, cannot cross"
_TOO_LONG = f"an integer of more than {MAX_INT_BITS} bits cannot cross"
_COLLIDE = f"more than {MAX_COLLISIONS} keys that have the same hash cannot cross"


def _crosses(array: np.ndarray) -> bool:
    return array.ndim <= MAX_AXES and (array.dtype in _CODES or (array.dtype.kind == "U" and array.itemsize > 0))


def _plain_key(key: Any) -> bool:
    """Whether a dict's key or a set's element is hashable at both ends, and means the same there."""
    if isinstance(key, (tuple, frozenset)):
        return all(map(_plain_key, key))
    return key is None or isinstance(key, _KEYS)


# ---- a value into a frame ----


class _Encoder:
    """The parts of a frame as they are made. Arrays are put in at the end, when it is known which share memory."""

    def __init__(
        self, given: Sequence[np.ndarray], opaque: Callable[[Any], Handle] | None, arena: "Arena | None"
    ) -> None:
        self.given = given
        self.opaque = opaque
        self.arena = arena
        self.used = 0  # bytes of the arena
        self.parts: list[Any] = [b""]
        self.items = 0
        self.shown = 0  # bytes of the texts and arrays in the value
        self.met: dict[int, Met] = {}

    def frame(self, value: Any) -> bytes:
        self.put(value, 0)
        if self.met:
            self.put_arrays()
        else:
            self.parts[0] = _U32.pack(0)
        made = b"".join(self.parts)
        if len(made) > MAX_BYTES:
            raise WireError(_TOO_LARGE)
        return made

    def put(self, value: Any, depth: int) -> None:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise WireError(_TOO_MANY)
        kind = type(value)
        writer = _WRITERS.get(kind)
        if writer is not None:
            writer(self, value, depth)
            return
        for base in kind.__mro__:
            if base in _WRITERS:
                _WRITERS[base](self, _PLAIN[base](value) if base in _PLAIN else value, depth)
                return
        self.other(value)

    def other(self, value: Any, why: str = "") -> None:
        if self.opaque is None:
            raise WireError(f"a value of type {type(value).__name__:.100} cannot cross{why}")
        self.put_handle(self.opaque(value), 0)

    def put_none(self, value: None, depth: int) -> None:
        self.parts.append(b"N")

    def put_bool(self, value: bool, depth: int) -> None:
        self.parts.append(b"T" if value else b"F")

    def put_int(self, value: int, depth: int) -> None:
        bits = value.bit_length()
        if bits < 64:
            self.parts.append(b"q" + _I64.pack(value))
            return
        if bits > MAX_INT_BITS:
            raise WireError(_TOO_LONG)
        size = bits // 8 + 1
        self.parts.append(b"i" + _U16.pack(size) + value.to_bytes(size, "little", signed=True))

    def put_float(self, value: float, depth: int) -> None:
        self.parts.append(b"d" + _F64.pack(value))

    def put_complex(self, value: complex, depth: int) -> None:
        self.parts.append(b"c" + _2F64.pack(value.real, value.imag))

    def put_str(self, value: str, depth: int) -> None:
        self.text(b"s", value.encode("utf-8", "replace"))

    def put_bytes(self, value: bytes, depth: int) -> None:
        self.text(b"b", value)

    def text(self, letter: bytes, text: bytes) -> None:
        self.shown += len(text)
        if self.shown > MAX_BYTES:
            raise WireError(_TOO_LARGE)
        self.parts += (letter + _U32.pack(len(text)), text)

    def put_list(self, value: list[Any], depth: int) -> None:
        self.sequence(b"l", value, depth)

    def put_tuple(self, value: tuple[Any, ...], depth: int) -> None:
        self.sequence(b"t", value, depth)

    def sequence(self, letter: bytes, value: Iterable[Any], depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise WireError(_TOO_DEEP)
        value = tuple(value)  # another thread may change a list
        self.parts.append(letter + _U32.pack(len(value)))
        put = self.put
        for each in value:
            put(each, depth + 1)

    def put_set(self, value: set[Any], depth: int) -> None:
        self.keyed(b"z", value, tuple(value), (), depth)

    def put_frozenset(self, value: frozenset[Any], depth: int) -> None:
        self.keyed(b"Z", value, tuple(value), (), depth)

    def put_dict(self, value: dict[Any, Any], depth: int) -> None:
        pairs = tuple(value.items())
        self.keyed(b"m", value, [key for key, _ in pairs], [each for _, each in pairs], depth)

    def keyed(self, letter: bytes, value: Any, keys: Sequence[Any], values: Sequence[Any], depth: int) -> None:
        if not all(type(key) is str or _plain_key(key) for key in keys):
            self.other(value, " with keys that are no numbers or texts")
            return
        if _collide(keys):
            raise WireError(_COLLIDE)
        if depth >= MAX_DEPTH:
            raise WireError(_TOO_DEEP)
        self.parts.append(letter + _U32.pack(len(keys)))
        for each in keys:
            self.put(each, depth + 1)
        for each in values:
            self.put(each, depth + 1)

    def put_handle(self, value: Handle, depth: int) -> None:
        if not -(1 << 63) <= value.id < 1 << 63:
            raise WireError(f"a handle's number is one of 64 bits, not {value.id}")
        kind = value.kind[:MAX_KIND].encode("utf-8", "replace")
        self.parts.append(b"H" + _I64.pack(value.id) + _U16.pack(len(kind)) + kind)

    def put_generator(self, value: np.random.Generator, depth: int) -> None:
        self.items += _GENERATOR_ITEMS
        drawn = value.bit_generator
        if type(drawn) is not np.random.PCG64:
            self.other(value, f" over {type(drawn).__name__:.100}: only PCG64 can")
            return
        state: Any = drawn.state
        number, step = (state["state"][key].to_bytes(16, "little") for key in ("state", "inc"))
        self.parts.append(b"G" + _GENERATOR.pack(number, step, state["has_uint32"], state["uinteger"]))

    def put_text_scalar(self, value: np.str_, depth: int) -> None:
        self.text(b"u", str.__str__(value).encode("utf-8", "replace"))

    def put_scalar(self, value: np.generic, depth: int) -> None:
        kind = next(base for base in type(value).__mro__ if base in _SCALARS)
        self.parts += (b"g" + bytes((_SCALARS[kind],)), np.generic.tobytes(value))

    def put_array(self, value: np.ndarray, depth: int) -> None:
        known = self.met.get(id(value))
        if known is None:
            plain = value if type(value) is np.ndarray else np.ndarray.view(value, np.ndarray)
            if not _crosses(plain):
                self.other(value, f" with {plain.ndim} axes of {plain.dtype}: numbers and texts in {MAX_AXES} axes can")
                return
            known = self.met[id(value)] = Met(plain)
        self.shown += known.array.nbytes or _bytes(known.array.shape, known.array.itemsize)
        if self.shown > MAX_BYTES:
            raise WireError(_TOO_LARGE)
        known.places.append(len(self.parts))
        self.parts += (b"", b"")

    def put_arrays(self) -> None:
        """Fill the places of the arrays; those that others look into, or that stand at several, come first of all."""
        given = [Met(array, given=True) for array in self.given]
        number = {id(each): k for k, each in enumerate(given)}
        same = {id(array): k for k, array in enumerate(self.given)}
        rest: list[Met] = []
        for key, each in self.met.items():
            if key in same:
                self.fill(each, (b"x" + _U32.pack(same[key]) + _shape(each.array),))
            else:
                rest.append(each)
        if rest and len(given) + len(rest) > 1:
            share(rest, given)
        owners = {id(each.owner) for each in rest if each.owner is not None}
        first = [each for each in rest if each.owner is None and (id(each) in owners or len(each.places) > 1)]
        first += [each for each in rest if each.owner is not None and len(each.places) > 1]
        number.update((id(each), k) for k, each in enumerate(first))
        known = set(map(id, first))
        beginning: list[Any] = [_U32.pack(len(first))]
        for each in first:
            beginning += self.stands(each, number)
            self.fill(each, (b"r" + _U32.pack(number[id(each)]),))
        for each in rest:
            if id(each) not in known:
                self.fill(each, self.stands(each, number))
        self.parts[:1] = beginning

    def fill(self, met: Met, parts: Sequence[Any]) -> None:
        for place in met.places:
            self.parts[place : place + len(parts)] = parts

    def stands(self, met: Met, number: Mapping[int, int]) -> Sequence[Any]:
        """The parts that stand for an array: where it lies in another's memory, or its own bytes."""
        array, owner = met.array, met.owner
        if owner is not None:
            to_given, k = owner.given, _U32.pack(number[id(owner)])
            if met.twin_of(owner):
                return (b"x" + k + _shape(array) if to_given else b"e" + k,)
            looks = _LONGS[2 * array.ndim].pack(*array.shape, *array.strides)
            axes_and_part = bytes((array.ndim, array.dtype != owner.array.dtype))
            return ((b"w" if to_given else b"v") + k + axes_and_part + _I64.pack(met.offset) + looks,)
        form, laid, axes = _IN_C, array, b""
        if not array.flags.c_contiguous:
            order = axes_of(array)
            laid = array.transpose(order)
            if order != tuple(range(array.ndim)):
                form, axes = _IN_ORDER, bytes(order)
        code = _CODES.get(array.dtype, _TEXTS)
        length = b""
        shape = laid.shape
        if code == _TEXTS:
            length = _U32.pack(array.dtype.itemsize // 4)
            laid = _without_surrogates(laid)
        place = b""
        data: Any = laid
        size = laid.nbytes
        if self.arena is not None and size >= ARENA_FROM:
            start = -(-self.used // _ALIGNED) * _ALIGNED
            if start + size <= len(self.arena.view):
                np.ndarray(laid.shape, laid.dtype, self.arena.view, start)[...] = laid
                self.used = start + size
                form, place, data = form | _IN_ARENA, _U64.pack(start), b""
        if place == b"" and not laid.flags.c_contiguous:
            data = np.ascontiguousarray(laid)
        head = _BYTES4.pack(_ARRAY, code, array.ndim, form) + _LONGS[array.ndim].pack(*shape)
        return head + axes + length + place, data


def _shape(array: np.ndarray) -> bytes:
    return bytes((array.ndim,)) + _LONGS[array.ndim].pack(*array.shape)


def _collide(keys: Sequence[Any]) -> bool:
    return len(keys) > MAX_COLLISIONS and max(Counter(map(hash, keys)).values()) > MAX_COLLISIONS


def _no_character(codes: np.ndarray) -> np.ndarray:
    """Where a number is no character that can be written as UTF-8."""
    return (codes >> 11 == 0x1B) | (codes > 0x10FFFF)


def _without_surrogates(texts: np.ndarray) -> np.ndarray:
    """The characters' numbers, one axis, with a question mark for each that is none."""
    codes = np.ascontiguousarray(texts, texts.dtype.newbyteorder("<")).reshape(-1).view("<u4")
    wrong = _no_character(codes)
    return np.where(wrong, np.uint32(ord("?")), codes) if wrong.any() else codes


_ARRAY = ord("a")
_WRITERS: dict[type, Callable[[_Encoder, Any, int], None]] = {
    type(None): _Encoder.put_none,
    bool: _Encoder.put_bool,
    int: _Encoder.put_int,
    float: _Encoder.put_float,
    complex: _Encoder.put_complex,
    str: _Encoder.put_str,
    bytes: _Encoder.put_bytes,
    list: _Encoder.put_list,
    tuple: _Encoder.put_tuple,
    set: _Encoder.put_set,
    frozenset: _Encoder.put_frozenset,
    dict: _Encoder.put_dict,
    np.ndarray: _Encoder.put_array,
    np.str_: _Encoder.put_text_scalar,
    np.random.Generator: _Encoder.put_generator,
    Handle: _Encoder.put_handle,
    **dict.fromkeys(_SCALARS, _Encoder.put_scalar),
}
#: The plain value of one of a derived class, by the base's own methods: the class may have overridden any.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(tuple(dict.items(value))),
}


# ---- a frame into a value ----


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
            raise WireError(_TOO_LARGE)
        first = self.count(1)
        if first > MAX_ITEMS:
            raise WireError(_TOO_MANY)
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
            raise WireError(_TOO_MANY)
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
        (number,) = self.unpack(_U32)
        if number * each > len(self.frame) - self.at:
            raise WireError(f"{number * each} values announced, {len(self.frame) - self.at} bytes there")
        return number

    def get_int(self, depth: int) -> int:
        (size,) = self.unpack(_U16)
        if size > MAX_INT_BITS // 8 + 1:
            raise WireError(_TOO_LONG)
        return int.from_bytes(self.take(size), "little", signed=True)

    def get_bytes(self, depth: int = 0) -> bytes:
        (size,) = self.unpack(_U32)
        return self.take(size)

    def get_list(self, depth: int, each: int = 1) -> list[Any]:
        if depth >= MAX_DEPTH:
            raise WireError(_TOO_DEEP)
        get = self.get
        return [get(depth + 1) for _ in range(self.count(each) * each)]

    def get_set(self, depth: int) -> set[Any]:
        return set(_keys(self.get_list(depth)))

    def get_dict(self, depth: int) -> dict[Any, Any]:
        found = self.get_list(depth, 2)
        half = len(found) // 2
        return dict(zip(_keys(found[:half]), found[half:]))

    def get_handle(self, depth: int) -> Any:
        (number,), (size,) = self.unpack(_I64), self.unpack(_U16)
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
        self.items += _GENERATOR_ITEMS
        number, step, has_uint32, uinteger = self.unpack(_GENERATOR)
        drawn = np.random.PCG64(0)
        drawn.state = {
            "bit_generator": "PCG64",
            "state": {"state": int.from_bytes(number, "little"), "inc": int.from_bytes(step, "little")},
            "has_uint32": int(has_uint32 != 0),
            "uinteger": uinteger,
        }
        return np.random.Generator(drawn)

    def get_scalar(self, depth: int) -> Any:
        dtype = _DTYPES[self.take(1)[0]]
        return _sound(np.ndarray((), dtype, self.take(dtype.itemsize)))[()]

    def shown_array(self, array: np.ndarray) -> np.ndarray:
        self.shown += array.nbytes
        if self.shown > MAX_BYTES:
            raise WireError(_TOO_LARGE)
        return array

    def get_array(self) -> np.ndarray:
        """An array of its own: copied before it is looked at, since the arena may change meanwhile."""
        code, axes, form = self.take(3)
        if axes > MAX_AXES or form & ~(_IN_ORDER | _IN_ARENA):
            raise WireError(f"an array of {axes} axes and form {form}")
        shape = self.unpack(_LONGS[axes])
        order = self.take(axes) if form & _IN_ORDER else b""
        if code == _TEXTS:
            (length,) = self.unpack(_U32)
            if not 0 < length <= MAX_BYTES:
                raise WireError(f"texts of {length} characters")
            dtype = np.dtype(f"<U{length}")
        else:
            dtype = _DTYPES[code]
        size = _bytes(shape, dtype.itemsize)
        source: Any = self.frame
        start = self.at
        if form & _IN_ARENA:
            (start,) = self.unpack(_U64)
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
        return self.first[self.unpack(_U32)[0]]

    def again(self) -> np.ndarray:
        return self.same()[...]

    def view(self) -> np.ndarray:
        owner = self.same()
        if not dense(owner):  # which a small frame can make large
            raise WireError("a view into an array that has gaps")
        return self.look(owner, block(owner))

    def same_given(self) -> np.ndarray:
        """A given array: itself, or a view of it in the shape that it was given there since (`x.shape = ...`)."""
        (k,) = self.unpack(_U32)
        owner = self.given[k]
        shape = self.unpack(_LONGS[self.take(1)[0]])
        if shape == owner.shape:
            return owner
        if _bytes(shape, owner.itemsize) != owner.nbytes or not owner.flags.c_contiguous:
            raise WireError(f"an array of shape {owner.shape} in shape {shape}")
        return owner.reshape(shape)

    def view_given(self) -> np.ndarray:
        (k,) = self.unpack(_U32)
        owner = self.given[k]
        if k not in self.blocks:
            self.blocks[k] = block(owner)
        return self.look(owner, self.blocks[k])

    def look(self, owner: np.ndarray, memory: np.ndarray) -> np.ndarray:
        """A view of an owner's memory, every byte of it within."""
        axes, part = self.take(2)
        if axes > MAX_AXES:
            raise WireError(f"a view of {axes} axes")
        (offset,) = self.unpack(_I64)
        looks = self.unpack(_LONGS[2 * axes])
        shape, strides = looks[:axes], looks[axes:]
        dtype = part_of(owner.dtype) if part else owner.dtype
        if dtype is None or (dtype not in _CODES and dtype.kind != "U"):
            raise WireError(f"a view of another kind into an array of {owner.dtype}")
        if not _bytes(shape, dtype.itemsize):
            raise WireError(f"a view of shape {shape}")
        if any(step % dtype.alignment for step in (offset, *strides)):  # half of one text or number and half of another
            raise WireError(f"a view at {offset} in steps of {strides} into numbers of {dtype.alignment} bytes")
        low, beyond = span(offset, shape, strides, dtype.itemsize)
        if low < 0 or beyond > memory.nbytes:
            raise WireError(f"a view of the bytes from {low} to {beyond} of an array of {memory.nbytes}")
        return np.ndarray(shape, dtype, memory, offset, strides)


def _keys(found: list[Any]) -> list[Any]:
    if not all(map(_plain_key, found)):
        raise WireError("a key that is no number or text")
    if _collide(found):
        raise WireError(_COLLIDE)
    return found


def _bytes(shape: Sequence[int], itemsize: int) -> int:
    """The bytes of an array, by integers that do not overflow.

    The other axes of an array of no elements are bounded too: a sum along the empty one has all of theirs.
    """
    if min(shape, default=0) < 0:
        raise WireError(f"an array of shape {tuple(shape)}")
    size = math.prod(shape) * itemsize
    if size > MAX_BYTES:
        raise WireError(_TOO_LARGE)
    if not size and math.prod(n or 1 for n in shape) > MAX_ITEMS:
        raise WireError(_TOO_EMPTY)
    return size


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
    if dtype.kind == "U" and _no_character(sound.ravel("K").view(np.uint32)).any():
        raise WireError("a text of what are no characters")
    return sound


_READERS: dict[int, Callable[[_Decoder, int], Any]] = {
    ord("N"): lambda decoder, depth: None,
    ord("T"): lambda decoder, depth: True,
    ord("F"): lambda decoder, depth: False,
    ord("q"): lambda decoder, depth: decoder.unpack(_I64)[0],
    ord("i"): _Decoder.get_int,
    ord("d"): lambda decoder, depth: decoder.unpack(_F64)[0],
    ord("c"): lambda decoder, depth: complex(*decoder.unpack(_2F64)),
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
