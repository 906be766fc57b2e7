"""A value into a frame."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..sharing import Met, axes_of, share
from .form import (
    ALIGNED,
    ARENA_FROM,
    BYTES4,
    CODES,
    COLLIDE,
    F64,
    GENERATOR,
    GENERATOR_ITEMS,
    I64,
    IN_ARENA,
    IN_C,
    IN_ORDER,
    LONGS,
    MAX_AXES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_ITEMS,
    MAX_KIND,
    SCALARS,
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
    crosses,
    no_character,
    plain_key,
    size_of,
)

if TYPE_CHECKING:
    from ..channel import Arena


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
            self.parts[0] = U32.pack(0)
        made = b"".join(self.parts)
        if len(made) > MAX_BYTES:
            raise WireError(TOO_LARGE)
        return made

    def put(self, value: Any, depth: int) -> None:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise WireError(TOO_MANY)
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
            self.parts.append(b"q" + I64.pack(value))
            return
        if bits > MAX_INT_BITS:
            raise WireError(TOO_LONG)
        size = bits // 8 + 1
        self.parts.append(b"i" + U16.pack(size) + value.to_bytes(size, "little", signed=True))

    def put_float(self, value: float, depth: int) -> None:
        self.parts.append(b"d" + F64.pack(value))

    def put_complex(self, value: complex, depth: int) -> None:
        self.parts.append(b"c" + TWO_F64.pack(value.real, value.imag))

    def put_str(self, value: str, depth: int) -> None:
        self.text(b"s", value.encode("utf-8", "replace"))

    def put_bytes(self, value: bytes, depth: int) -> None:
        self.text(b"b", value)

    def text(self, letter: bytes, text: bytes) -> None:
        self.shown += len(text)
        if self.shown > MAX_BYTES:
            raise WireError(TOO_LARGE)
        self.parts += (letter + U32.pack(len(text)), text)

    def put_list(self, value: list[Any], depth: int) -> None:
        self.sequence(b"l", value, depth)

    def put_tuple(self, value: tuple[Any, ...], depth: int) -> None:
        self.sequence(b"t", value, depth)

    def sequence(self, letter: bytes, value: Iterable[Any], depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise WireError(TOO_DEEP)
        value = tuple(value)  # another thread may change a list
        self.parts.append(letter + U32.pack(len(value)))
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
        if not all(type(key) is str or plain_key(key) for key in keys):
            self.other(value, " with keys that are no numbers or texts")
            return
        if collide(keys):
            raise WireError(COLLIDE)
        if depth >= MAX_DEPTH:
            raise WireError(TOO_DEEP)
        self.parts.append(letter + U32.pack(len(keys)))
        for each in keys:
            self.put(each, depth + 1)
        for each in values:
            self.put(each, depth + 1)

    def put_handle(self, value: Handle, depth: int) -> None:
        if not -(1 << 63) <= value.id < 1 << 63:
            raise WireError(f"a handle's number is one of 64 bits, not {value.id}")
        kind = value.kind[:MAX_KIND].encode("utf-8", "replace")
        self.parts.append(b"H" + I64.pack(value.id) + U16.pack(len(kind)) + kind)

    def put_generator(self, value: np.random.Generator, depth: int) -> None:
        self.items += GENERATOR_ITEMS
        drawn = value.bit_generator
        if type(drawn) is not np.random.PCG64:
            self.other(value, f" over {type(drawn).__name__:.100}: only PCG64 can")
            return
        state: Any = drawn.state
        number, step = (state["state"][key].to_bytes(16, "little") for key in ("state", "inc"))
        self.parts.append(b"G" + GENERATOR.pack(number, step, state["has_uint32"], state["uinteger"]))

    def put_text_scalar(self, value: np.str_, depth: int) -> None:
        self.text(b"u", str.__str__(value).encode("utf-8", "replace"))

    def put_scalar(self, value: np.generic, depth: int) -> None:
        kind = next(base for base in type(value).__mro__ if base in SCALARS)
        self.parts += (b"g" + bytes((SCALARS[kind],)), np.generic.tobytes(value))

    def put_array(self, value: np.ndarray, depth: int) -> None:
        known = self.met.get(id(value))
        if known is None:
            plain = value if type(value) is np.ndarray else np.ndarray.view(value, np.ndarray)
            if not crosses(plain):
                self.other(value, f" with {plain.ndim} axes of {plain.dtype}: numbers and texts in {MAX_AXES} axes can")
                return
            known = self.met[id(value)] = Met(plain)
        self.shown += known.array.nbytes or size_of(known.array.shape, known.array.itemsize)
        if self.shown > MAX_BYTES:
            raise WireError(TOO_LARGE)
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
                self.fill(each, (b"x" + U32.pack(same[key]) + _shape(each.array),))
            else:
                rest.append(each)
        if rest and len(given) + len(rest) > 1:
            share(rest, given)
        owners = {id(each.owner) for each in rest if each.owner is not None}
        first = [each for each in rest if each.owner is None and (id(each) in owners or len(each.places) > 1)]
        first += [each for each in rest if each.owner is not None and len(each.places) > 1]
        number.update((id(each), k) for k, each in enumerate(first))
        known = set(map(id, first))
        beginning: list[Any] = [U32.pack(len(first))]
        for each in first:
            beginning += self.stands(each, number)
            self.fill(each, (b"r" + U32.pack(number[id(each)]),))
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
            to_given, k = owner.given, U32.pack(number[id(owner)])
            if met.twin_of(owner):
                return (b"x" + k + _shape(array) if to_given else b"e" + k,)
            looks = LONGS[2 * array.ndim].pack(*array.shape, *array.strides)
            axes_and_part = bytes((array.ndim, array.dtype != owner.array.dtype))
            return ((b"w" if to_given else b"v") + k + axes_and_part + I64.pack(met.offset) + looks,)
        form, laid, axes = IN_C, array, b""
        if not array.flags.c_contiguous:
            order = axes_of(array)
            laid = array.transpose(order)
            if order != tuple(range(array.ndim)):
                form, axes = IN_ORDER, bytes(order)
        code = CODES.get(array.dtype, TEXTS)
        length = b""
        shape = laid.shape
        if code == TEXTS:
            length = U32.pack(array.dtype.itemsize // 4)
            laid = _without_surrogates(laid)
        place = b""
        data: Any = laid
        size = laid.nbytes
        if self.arena is not None and size >= ARENA_FROM:
            start = -(-self.used // ALIGNED) * ALIGNED
            if start + size <= len(self.arena.view):
                np.ndarray(laid.shape, laid.dtype, self.arena.view, start)[...] = laid
                self.used = start + size
                form, place, data = form | IN_ARENA, U64.pack(start), b""
        if place == b"" and not laid.flags.c_contiguous:
            data = np.ascontiguousarray(laid)
        head = BYTES4.pack(_ARRAY, code, array.ndim, form) + LONGS[array.ndim].pack(*shape)
        return head + axes + length + place, data


def _shape(array: np.ndarray) -> bytes:
    return bytes((array.ndim,)) + LONGS[array.ndim].pack(*array.shape)


def _without_surrogates(texts: np.ndarray) -> np.ndarray:
    """The characters' numbers, one axis, with a question mark for each that is none."""
    codes = np.ascontiguousarray(texts, texts.dtype.newbyteorder("<")).reshape(-1).view("<u4")
    wrong = no_character(codes)
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
    **dict.fromkeys(SCALARS, _Encoder.put_scalar),
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
