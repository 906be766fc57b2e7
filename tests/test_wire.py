"""What crosses between judge and judged comes out as it went in; what lies is refused, soon and cheaply."""

import contextlib
import enum
import gc
import os
import random
import re
import socket
import struct
import threading
import time
import tracemalloc
import warnings
from collections import Counter, OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from checker.course.isolation import channel, sharing, wire
from checker.course.isolation.channel import Arena, Channel, ClosedError, new_arena
from checker.course.isolation.wire import Handle, WireError, arrays, decode, decoder, encode, encoder, form

P = (1 << 61) - 1  # Python's hash of an integer is its remainder modulo this
LONG = np.dtype(np.longdouble).itemsize
NUMBERS = list(dict.fromkeys(np.dtype(c) for c in "?bBhHiIlLqQefdgFDG"))
DTYPES = [*NUMBERS, *(dtype.newbyteorder("S") for dtype in NUMBERS if dtype.itemsize > 1)]


def crossed(value, **options):
    return decode(encode(value, **options), **{k: v for k, v in options.items() if k != "opaque"})


def frame(*parts):
    """A frame made by hand: numbers are counts, of 32 bits."""
    return b"".join(struct.pack("<I", part) if isinstance(part, int) else part for part in parts)


def longs(*numbers):
    return struct.pack(f"<{len(numbers)}q", *numbers)


def same(a, b):
    """Equal in type and bits, all the way down; NaNs by their bits, arrays by their order too."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if (a.flags.c_contiguous, a.flags.f_contiguous) != (b.flags.c_contiguous, b.flags.f_contiguous) and (
            a.flags.c_contiguous or a.flags.f_contiguous
        ):
            return False
        return _bits(a) == _bits(b)
    if isinstance(a, np.generic):
        return _bits(np.asarray(a)) == _bits(np.asarray(b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and sorted(map(repr, a)) == sorted(map(repr, b))
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)
    return a == b


def _bits(array):
    if array.dtype.char in "gG":  # the padding is no part of a number
        return repr(array.tolist())
    return array.tobytes()


# ---- values ----

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 4095), 1 << 4095),
    st.integers(-300, 300),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.binary(max_size=20),
)
keys = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text("abé😀", max_size=5)),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
any_array = st.sampled_from([d for d in DTYPES if d.char not in "gG"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


@st.composite
def looked_at(draw):
    """Arrays of every order, stride and sign."""
    array = draw(any_array)
    axes = draw(st.permutations(range(array.ndim)))
    array = np.array(array, order=draw(st.sampled_from("CF"))).transpose(axes)
    steps = tuple(slice(None, None, draw(st.sampled_from([1, -1, 2, -2]))) for _ in range(array.ndim))
    return array[steps] if array.ndim else array


texts = st.lists(st.text("abc€😀", max_size=4), max_size=5).map(lambda found: np.array(found, dtype="U4"))
scalars = st.sampled_from(NUMBERS[:-1]).flatmap(
    lambda dtype: st.binary(min_size=16, max_size=16).map(lambda raw: np.frombuffer(raw, np.uint8)[:8].sum(dtype=dtype))
)
leaves = st.one_of(
    plain,
    looked_at(),
    texts,
    scalars,
    st.builds(Handle, st.integers(0, 1 << 62), st.text("abc", max_size=9)),
    st.text("añ", max_size=4).map(np.str_),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
    ),
    max_leaves=12,
)


@given(values)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_value_comes_out_as_it_went_in(value):
    found = crossed(value)
    assert same(value, found) or same(np_order(value), np_order(found))
    assert all(each.flags.writeable and each.flags.aligned for each in arrays(found))


def np_order(value):
    """Arrays with gaps come out without them."""
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value) if value.ndim else value
    if isinstance(value, dict):
        return {key: np_order(each) for key, each in value.items()}
    return type(value)(map(np_order, value)) if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_keeps_its_bits(dtype):
    drawn = np.random.default_rng(1)
    array = (drawn.normal(size=(3, 4)) * 9).astype(dtype)
    assert same(array, crossed(array))
    assert same(array.T, crossed(array.T))
    scalar = array.astype(dtype.newbyteorder("="))[1, 1]
    assert same(scalar, crossed(scalar))
    assert type(crossed(scalar)) is type(scalar)
    assert same(array[()], crossed(array[()]))


@pytest.mark.parametrize("order", ["C", "F", (1, 0, 2), (2, 0, 1)], ids=str)
def test_the_order_of_the_axes_in_memory_crosses_and_the_array_owns_its_memory(order):
    array = np.arange(24.0).reshape(2, 3, 4)
    array = np.array(array, order=order) if isinstance(order, str) else array.transpose(order)
    found = crossed(array)
    assert same(array, found)
    assert found.strides == array.strides
    assert found.flags.owndata
    assert found.flags.writeable
    assert found.flags.aligned


def test_bits_that_are_no_number_cross_too():
    payload = np.array([0x7FF8DEADBEEF0001, 0xFFF0000000000001, 1 << 63], np.uint64).view(float)
    assert crossed(payload).tobytes() == payload.tobytes()
    assert str(crossed(-0.0)) == "-0.0"
    assert str(crossed(np.float32("-inf"))) == "-inf"


Point = namedtuple("Point", "x y")


class Shouting(np.ndarray):
    def __getattribute__(self, name):
        raise AssertionError(f"{name} of a derived class was used")


class Lying(float):
    def __float__(self):
        raise AssertionError

    __repr__ = __hash__ = __index__ = __float__


class LyingList(list):
    def __iter__(self):
        return iter("lies")

    def __len__(self):
        return 99


class LyingDict(dict):
    def items(self):
        return [("no", "no")]

    def __iter__(self):
        return iter("lies")


class Colour(enum.IntEnum):
    RED = 3


def test_derived_classes_become_plain_by_the_bases_own_methods():
    assert same(crossed(Point(1, 2.0)), (1, 2.0))
    assert same(crossed(Colour.RED), 3)
    assert same(crossed(Lying(2.5)), 2.5)
    assert same(crossed(LyingList([1, 2])), [1, 2])
    assert same(crossed(LyingDict(a=1)), {"a": 1})
    assert same(crossed(OrderedDict(b=1, a=2)), {"b": 1, "a": 2})
    assert same(crossed(type("S", (set,), {})({1})), {1})
    assert same(crossed(type("F", (frozenset,), {})({1})), frozenset({1}))
    assert same(crossed(type("T", (str,), {})("é")), "é")
    assert same(crossed(type("B", (bytes,), {})(b"b")), b"b")
    assert same(crossed(type("C", (complex,), {})(1j)), 1j)
    assert same(crossed(type("D", (np.float64,), {})(2.5)), np.float64(2.5))
    assert same(crossed(np.bytes_(b"b")), b"b")
    assert same(crossed(np.ma.array([1.0, 2.0], mask=[True, False])), np.array([1.0, 2.0]))
    assert same(crossed(np.arange(3.0).view(Shouting)), np.arange(3.0))


def test_a_lone_surrogate_becomes_a_question_mark():
    assert crossed("a\ud800b") == "a?b"
    assert crossed(np.str_("\udfff")) == "?"
    assert crossed(np.array(["a\ud800", "é"])).tolist() == ["a?", "é"]


def test_texts_of_the_other_byte_order_become_native():
    found = crossed(np.array(["añ", "b"]).astype(">U2"))
    assert found.dtype == np.dtype("<U2")
    assert found.tolist() == ["añ", "b"]


def test_a_generator_goes_on_where_it_was():
    drawn = np.random.default_rng(5)
    drawn.integers(3, dtype=np.uint32)  # leaves half a number over
    found = crossed(drawn)
    assert type(found) is np.random.Generator
    assert (
        found.integers(1 << 30, size=9, dtype=np.uint32).tolist()
        == drawn.integers(1 << 30, size=9, dtype=np.uint32).tolist()
    )
    assert found.normal() == drawn.normal()


class Cache:
    pass


def test_anything_else_stays_behind_a_handle():
    cache, kept = Cache(), []

    def keep(value):
        kept.append(value)
        return Handle(len(kept), type(value).__name__)

    value = (1.0, [cache, {"f": len, cache: 1}], np.array([cache]), np.datetime64("2020-01-01"), range(3), bytearray(2))
    sent = encode(value, opaque=keep)
    assert decode(sent) == (
        1.0,
        [Handle(1, "Cache"), Handle(2, "dict")],
        Handle(3, "ndarray"),
        Handle(4, "datetime64"),
        Handle(5, "range"),
        Handle(6, "bytearray"),
    )
    resolved = decode(sent, resolve=lambda handle: kept[handle.id - 1])
    assert resolved[1][0] is cache
    assert resolved[1][1] is value[1][1]
    assert resolved[2] is value[2]
    assert decode(encode(Handle(-1, "x" * 999))) == Handle(-1, "x" * form.MAX_KIND)
    mersenne = np.random.Generator(np.random.MT19937(1))
    assert decode(encode(mersenne, opaque=keep)) == Handle(7, "Generator")


itself: list = []
itself.append(itself)
wide: list = []
wide += [wide] * 50
deep: list = []
deep_set: list = [{1}]
for _ in range(form.MAX_DEPTH - 1):
    deep = [deep]
    deep_set = [deep_set]
REFUSED = {
    "an object": (Cache(), "a value of type Cache cannot cross"),
    "a key": ({Cache(): 1}, "a value of type dict cannot cross with keys that are no numbers or texts"),
    "a moment as a key": ({np.datetime64(1, "s"): 1}, "a value of type dict cannot cross with keys"),
    "objects": (np.array([None]), "a value of type ndarray cannot cross with 1 axes of object: numbers and texts"),
    "records": (np.zeros(2, "i4,f8"), "a value of type ndarray cannot cross with 1 axes of [('f0'"),
    "a moment": (np.datetime64(1, "s"), "a value of type datetime64 cannot cross"),
    "a generator": (
        np.random.Generator(np.random.MT19937(1)),
        "a value of type Generator cannot cross over MT19937: only PCG64 can",
    ),
    "a huge integer": (1 << 5000, "an integer of more than 4096 bits cannot cross"),
    "itself": (itself, "containers nested more than 24 deep cannot cross (or one that contains itself)"),
    "itself, often": (wide, "cannot cross"),
    "too deep": ([deep], "containers nested more than 24 deep cannot cross"),
    "a set too deep": (deep_set, "containers nested more than 24 deep cannot cross"),
    "too many": ([None] * 200_001, "more than 200,000 values in containers cannot cross at once: put the numbers into"),
    "a broadcast": (np.broadcast_to(1.0, (10**6, 10**6)), "more than 256 MiB cannot cross at once"),
    "no elements of a long axis": (
        np.zeros((1 << 40, 0)),
        "an array of no elements, the other axes of which have more than 200,000, cannot cross",
    ),
    "one large, often": ([np.zeros(1 << 20)] * 33, "more than 256 MiB cannot cross at once"),
    "a long text, often": (["a" * (1 << 25)] * 9, "more than 256 MiB cannot cross at once"),
    "keys that collide": ({k * P: 1 for k in range(65)}, "more than 64 keys that have the same hash cannot cross"),
    "a handle": (Handle(1 << 64, ""), "a handle's number is one of 64 bits, not 18446744073709551616"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_cross_is_refused_in_a_sentence(case):
    value, sentence = REFUSED[case]
    with pytest.raises(WireError, match=re.escape(sentence)):
        encode(value)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 1 has no arrays of more axes")
def test_an_array_of_too_many_axes_is_refused():
    with pytest.raises(WireError, match=re.escape("a value of type ndarray cannot cross with 33 axes of float64")):
        encode(np.zeros((1,) * 33))
    assert crossed(np.zeros((1,) * 32)).ndim == 32


def test_the_deepest_and_longest_cross():
    assert crossed(deep) == deep
    assert crossed([None] * 199_999) == [None] * 199_999
    assert crossed({k * P: 1 for k in range(64)}) == {k * P: 1 for k in range(64)}


# ---- sharing ----


def test_a_given_array_is_itself_and_what_lies_within_is_a_view_of_it():
    here, there = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4)
    value = (here, here[:], here[1:, ::-2], here.T, np.broadcast_to(here[0], (5, 4)), here + 1, here[0, 0])
    found = decode(encode(value, given=[here]), given=[there])
    assert found[0] is there
    assert found[1] is there
    for sent, came in zip(value[2:5], found[2:5]):
        assert came.strides == sent.strides
        assert np.array_equal(came, sent)
        assert np.shares_memory(came, there)
    assert not np.shares_memory(found[5], there)
    assert same(found[6], np.float64(0.0))
    there[1, 3] = 99
    assert found[2][0, 0] == 99


def test_a_given_array_whose_shape_was_set_comes_back_in_that_shape():
    here, there = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy from 2.5
        here.shape = (6,)
    found = decode(encode(here, given=[here]), given=[there])
    assert found.shape == (6,)
    assert np.shares_memory(found, there)
    assert there.shape == (2, 3)


def test_a_part_of_a_given_complex_array_is_a_view_of_it():
    here, there = np.array([1 + 2j, 3 + 4j]), np.array([1 + 2j, 3 + 4j])
    found = decode(encode((here.imag, here.real, here.view(float)), given=[here]), given=[there])
    assert [each.tolist() for each in found] == [[2, 4], [1, 3], [1, 2, 3, 4]]
    assert all(np.shares_memory(each, there) for each in found)


def test_memory_read_as_another_kind_is_copied():
    here = np.arange(4.0)
    found = decode(encode((here.view(np.int64), here.view(np.uint8)[3:11].view(float)), given=[here]), given=[here])
    assert found[0].tolist() == here.view(np.int64).tolist()
    assert not any(np.shares_memory(each, here) for each in found)


def test_of_a_given_array_with_gaps_only_the_whole_is_shared():
    here, there = np.arange(12.0).reshape(3, 4)[:, ::2], np.arange(12.0).reshape(3, 4)[:, ::2]
    found = decode(encode((here, here[1]), given=[here]), given=[there])
    assert found[0] is there
    assert found[1].tolist() == [4, 6]
    assert not np.shares_memory(found[1], there)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=str)
def test_a_view_of_an_argument_that_had_gaps_here_and_has_none_there_holds_the_right_numbers(order):
    ours = np.arange(96.0).reshape(4, 6, 4)[::2, ::-3, 1:].transpose(order)
    theirs = crossed(ours)
    answer = (theirs[1], theirs[:, ::-1], theirs)
    found = decode(encode(answer, given=[theirs]), given=[ours])
    assert all(np.array_equal(a, b) for a, b in zip(found, answer))
    assert found[2] is ours


def test_arrays_of_one_frame_share_with_one_another_as_before():
    whole = np.arange(20.0).reshape(4, 5)
    value = [whole[1:, ::2], {"whole": whole}, whole.T, whole[:], whole + 0, whole[::-1, 0]]
    found = crossed(value)
    before, after = arrays(value), arrays(found)
    assert len(before) == len(after) == 6
    for a, x in zip(before, after):
        for b, y in zip(before, after):
            assert np.shares_memory(a, b) == np.shares_memory(x, y)
    assert after[1].flags.owndata
    assert after[4].flags.owndata


def test_one_object_twice_is_one_object_twice_and_two_that_look_alike_are_two():
    array, gaps, empty = np.arange(3.0), np.arange(9.0)[::3], np.zeros((0, 2))
    found = crossed([array, array[:], array, gaps, gaps[:], gaps, empty, empty, empty[:], array[1:], array[1:]])
    assert found[0] is found[2]
    assert found[0] is not found[1]
    assert np.shares_memory(found[0], found[1])
    assert found[3] is found[5]
    assert found[3] is not found[4]
    assert np.shares_memory(found[3], found[4])
    assert found[6] is found[7]
    assert found[6] is not found[8]
    assert found[9] is not found[10]
    assert np.shares_memory(found[9], found[10])
    part = np.arange(6.0)[2:4]
    found = crossed([part.base, part, part])
    assert found[1] is found[2]
    assert np.shares_memory(found[0], found[1])


def test_neighbours_in_memory_do_not_share():
    whole = np.arange(10.0)
    found = crossed((whole[:5], whole[5:], whole.reshape(5, 2)[:, 0], whole.reshape(5, 2)[:, 1]))
    assert not np.shares_memory(found[0], found[1])
    assert not np.shares_memory(found[2], found[3])


def test_many_windows_on_one_array_share_it():
    x = np.arange(100.0)
    windows = np.lib.stride_tricks.sliding_window_view(x, 9)
    found = decode(encode([windows, *windows], given=[x]), given=[x])
    assert np.array_equal(found[0], windows)
    assert all(np.shares_memory(each, x) for each in found)


def test_an_array_of_no_elements_never_shares():
    here = np.zeros((0, 3))
    found = decode(encode(here[:], given=[here]), given=[here])
    assert found is not here
    assert found.shape == (0, 3)


def test_arrays_are_listed_alike_at_both_ends():
    x = np.arange(6.0)
    value = ([x, x], {"a": x[1:], (1, 2): (np.array(["t"]), x)}, np.array([None]), {Cache(): x}, 3.0, x[:])
    assert [id(each) for each in arrays(value)[:2]] == [id(x), id(value[1]["a"])]
    found = decode(encode(value, opaque=lambda each: Handle(1, "")))
    assert [each.tolist() for each in arrays(found)] == [each.tolist() for each in arrays(value)]
    with pytest.raises(WireError, match="nested more than 24 deep"):
        arrays(itself)


@st.composite
def views_of(draw, base):
    view = base
    if draw(st.booleans()):
        view = view.T
    return view[tuple(slice(draw(st.integers(0, 2)), None, draw(st.sampled_from([1, 2, -1]))) for _ in range(2))]


@given(st.data(), st.sampled_from("CF"), st.booleans(), st.sampled_from([np.float64, np.complex64, np.bool_, "U3"]))
@settings(max_examples=150, deadline=None)
def test_what_shares_memory_here_shares_it_there(data, order, hand_over, dtype):
    base = np.array(np.arange(20).reshape(4, 5).astype(dtype), order=order)
    others = [np.arange(6.0), np.asfortranarray(np.arange(20).reshape(4, 5).astype(dtype))]
    value = data.draw(st.lists(st.one_of(views_of(base), st.sampled_from([base, *others])), max_size=5))
    handed = [others[0], base] if hand_over else []
    received = [each.copy("K") for each in handed]
    mine = [*value, *handed]
    found = decode(encode(value, given=handed), given=received)
    theirs = [*found, *received]
    held = hand_over or any(each is base for each in value)
    for a, x in zip(mine, theirs):
        assert np.array_equal(a, x)
        for b, y in zip(mine, theirs):
            if held or not np.shares_memory(a, b):
                assert np.shares_memory(a, b) == np.shares_memory(x, y)


# ---- frames that lie ----

X = np.arange(6.0)
FLOATS = struct.pack("B", form.CODES[np.dtype(float)])
BOOLS, LONGS = (struct.pack("B", form.CODES[np.dtype(d)]) for d in (bool, np.longdouble))
TEXTS = struct.pack("B", form.TEXTS)
VIEW = b"w" + struct.pack("<I", 0)
LIES = {
    "nothing": (b"", "a frame of 0 bytes that makes no sense"),
    "cut short": (encode([1.5, "abc"])[:-1], "bytes announced"),
    "a number cut short": (encode(1.5)[:-1], "makes no sense"),
    "more behind": (encode(1) + b"N", "1 bytes behind the value"),
    "an unknown letter": (frame(0, b"?"), "no value begins with b'?'"),
    "an unknown letter first": (frame(1, b"NN"), "no array begins with b'N'"),
    "a pickle": (b"\x80\x04\x95cos\nsystem\n.", "announced"),
    "a list of four thousand million": (frame(0, b"l", 0xFFFFFFFF), "4294967295 values announced, 0 bytes there"),
    "a dict of more than there is": (frame(0, b"m", 2, b"NNN"), "4 values announced, 3 bytes there"),
    "arrays first, more than there is": (frame(0x7FFFFFFF, b"N"), "values announced"),
    "too deep": (frame(0, (b"l" + struct.pack("<I", 1)) * 25, b"N"), "nested more than 24 deep"),
    "too many": (frame(0, b"l", 200_001, b"N" * 200_001), "more than 200,000 values"),
    "too many first": (frame(200_001, b"N" * 200_001), "more than 200,000 values"),
    "too many generators": (frame(0, b"l", 2100, (b"G" + bytes(37)) * 2100), "more than 200,000 values"),
    "a long integer": (frame(0, b"i", struct.pack("<H", 600), bytes(600)), "more than 4096 bits"),
    "a text in no encoding": (frame(0, b"s", 1, b"\xff"), "makes no sense"),
    "a surrogate": (frame(0, b"s", 3, "\ud800".encode("utf-8", "surrogatepass")), "makes no sense"),
    "a list as a key": (frame(0, b"m", 1, b"l", 0, b"N"), "a key that is no number or text"),
    "an array in a set": (frame(0, b"z", 1, encode(X)[4:]), "a key that is no number or text"),
    "a handle as a key": (frame(0, b"z", 1, encode(Handle(1, ""))[4:]), "a key that is no number or text"),
    "keys that collide": (frame(0, b"z", 65, *(encode(k * P)[4:] for k in range(65))), "the same hash"),
    "one key, often": (frame(0, b"z", 65, b"N" * 65), "the same hash"),
    "a handle's long kind": (frame(0, b"H", longs(1), struct.pack("<H", 9999)), "a handle whose kind has 9999 bytes"),
    "an unknown dtype": (frame(0, b"a\xff\x00\x00"), "makes no sense"),
    "an unknown scalar": (frame(0, b"g\xff"), "makes no sense"),
    "ninety-nine axes": (frame(0, b"a" + FLOATS + b"\x63\x00"), "an array of 99 axes"),
    "an unknown form": (frame(0, b"a" + FLOATS + b"\x00\x40"), "an array of 0 axes and form 64"),
    "fewer than none": (frame(0, b"a" + FLOATS + b"\x01\x00", longs(-1)), "an array of shape (-1,)"),
    "two of fewer than none": (frame(0, b"a" + FLOATS + b"\x02\x00", longs(-2, -2), bytes(32)), "shape (-2, -2)"),
    "more than there is": (frame(0, b"a" + FLOATS + b"\x01\x00", longs(9), bytes(8)), "72 bytes announced"),
    "a product that overflows": (
        frame(0, b"a" + FLOATS + b"\x03\x00", longs(1 << 61, 1 << 3, 1), bytes(8)),
        "more than 256 MiB",
    ),
    "an axis too long beside none": (
        frame(0, b"a" + FLOATS + b"\x02\x00", longs(0, 1 << 62)),
        "an array of no elements",
    ),
    "axes twice": (frame(0, b"a" + FLOATS + b"\x02\x01", longs(1, 1), b"\x00\x00", bytes(8)), "axes in the order"),
    "texts of no length": (frame(0, b"a" + TEXTS + b"\x01\x00", longs(1 << 40), 0), "texts of 0 characters"),
    "texts of great length": (frame(0, b"a" + TEXTS + b"\x01\x00", longs(0), 1 << 30), "texts of 1073741824"),
    "no character": (frame(0, b"a" + TEXTS + b"\x01\x00", longs(1), 1, 0x110000), "a text of what are no characters"),
    "half a character": (frame(0, b"a" + TEXTS + b"\x01\x00", longs(1), 1, 0xDC00), "a text of what are no characters"),
    "no arena": (frame(0, b"a" + FLOATS + b"\x01\x02", longs(1), longs(0)), "where the arena has none"),
    "no such array": (frame(0, b"r", 0), "makes no sense"),
    "no such given": (frame(0, b"x", 1), "makes no sense"),
    "a given array in another size": (frame(0, b"x", 0, b"\x01", longs(7)), "an array of shape (6,) in shape (7,)"),
    "a given array in many axes": (frame(0, b"x", 0, b"\xff", longs(7)), "makes no sense"),
    "a given array of fewer than none": (frame(0, b"x", 0, b"\x02", longs(-2, -3)), "an array of shape (-2, -3)"),
    "before its beginning": (frame(0, VIEW, b"\x01\x00", longs(-8, 1, 8)), "a view of the bytes from -8 to 0"),
    "beyond its end": (
        frame(0, VIEW, b"\x01\x00", longs(0, 7, 8)),
        "a view of the bytes from 0 to 56 of an array of 48",
    ),
    "a step beyond": (frame(0, VIEW, b"\x01\x00", longs(0, 2, 48)), "a view of the bytes from 0 to 56"),
    "backwards beyond": (frame(0, VIEW, b"\x01\x00", longs(8, 3, -8)), "a view of the bytes from -8 to 16"),
    "a step that overflows": (frame(0, VIEW, b"\x01\x00", longs(0, 1 << 24, 1 << 61)), "a view of the bytes from 0"),
    "ever the same": (frame(0, VIEW, b"\x01\x00", longs(0, 1 << 40, 0)), "more than 256 MiB"),
    "nothing at all": (frame(0, VIEW, b"\x01\x00", longs(0, 0, 8)), "a view of shape (0,)"),
    "between two numbers": (frame(0, VIEW, b"\x01\x00", longs(4, 1, 8)), "a view at 4 in steps of (8,)"),
    "a step between": (frame(0, VIEW, b"\x01\x00", longs(0, 2, 3)), "in steps of (3,) into numbers of 8 bytes"),
    "a part of what has none": (frame(0, VIEW, b"\x01\x01", longs(0, 1, 8)), "a view of another kind into"),
    "a view of many axes": (frame(0, VIEW, b"\x63\x00", longs(0)), "a view of 99 axes"),
    "the same, often": (frame(0, b"l", 3, (VIEW + b"\x01\x00" + longs(0, 1 << 24, 0)) * 3), "more than 256 MiB"),
    "a view of what has gaps": (
        frame(2, encode(X)[4:], b"v", 0, b"\x01\x00", longs(0, 1 << 24, 0), b"v", 1, b"\x01\x00", longs(0, 1, 8)),
        "a view into an array that has gaps",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_frame_that_lies_is_refused(lie):
    sent, sentence = LIES[lie]
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match=re.escape(sentence)):
            decode(sent, given=[X])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000 + 50 * len(sent)
    finally:
        tracemalloc.stop()


def test_a_frame_beyond_the_bound_is_not_even_read(monkeypatch):
    for module in (encoder, decoder):
        monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(WireError, match="cannot cross at once"):
        decode(bytes(1001))
    with pytest.raises(WireError, match="cannot cross at once"):
        encode([0] * 200)


def test_a_handle_that_stands_for_nothing_is_refused():
    sent = encode(Handle(7, "Cache"))
    with pytest.raises(WireError, match=re.escape("the handle 7 of kind 'Cache' stands for nothing here")):
        decode(sent, resolve=lambda handle: {}[handle.id])


def test_a_truth_value_is_zero_or_one_whatever_its_byte():
    sent = frame(0, b"a" + BOOLS + b"\x01\x00", longs(600), b"\xff\x02\x00" * 200)
    found = decode(sent)
    assert set(found.view(np.uint8).tolist()) == {0, 1}
    assert np.count_nonzero(found) == len(np.nonzero(found)[0]) == 400
    assert decode(frame(0, b"g" + BOOLS + b"\x80")) is np.True_
    turned = decode(frame(0, b"a" + BOOLS + b"\x02\x01", longs(2, 3), b"\x01\x00", b"\x05\x00\x00\x00\x00\x07"))
    assert turned.tolist() == [[True, False], [False, False], [False, True]]
    assert turned.flags.f_contiguous


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="extended floats of other machines have no such bits")
def test_an_extended_float_without_its_leading_bit_is_no_finite_number():
    unnormal = struct.pack("<QHxxxxxx", 1, 0x3FFF)
    one = decode(frame(0, b"a" + LONGS + b"\x01\x00", longs(1), unnormal))
    assert np.isnan(one[0])
    assert np.isnan(decode(frame(0, b"g" + LONGS + unnormal)))
    assert not np.isfinite(one[0])


def test_keys_that_collide_in_any_way_are_quick():
    drawn = random.Random(1)
    for keys in (
        [k * P for k in range(20_000)],
        [(k * P,) for k in range(20_000)],
        [complex(-1000003 * k, k) for k in range(20_000)],
        [k << 40 for k in range(20_000)],
        [drawn.getrandbits(20) << 43 for _ in range(20_000)],
    ):
        body = b"".join(encode(key)[4:] for key in keys)
        began = time.process_time()
        with contextlib.suppress(WireError):
            decode(frame(0, b"z", len(keys), body))
        assert time.process_time() - began < 2  # squares of the length would be minutes


# ---- fuzzing ----

SEED = [
    {"v": (np.arange(12.0).reshape(3, 4), [1, 2.5, None, "x", True], {"a": np.float32(3)}, b"zz", 1 << 99, 2j)},
    (X, X[1:], X[::-2], np.arange(5), {(1, "a"): {1, 2}, 3: frozenset({None})}, Handle(1, "Cache")),
    [np.asfortranarray(np.ones((2, 3), bool)), np.array(["ab", "c"]), np.longdouble(1), np.str_("é"), np.arange(3.0j)],
    [np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2), np.random.default_rng(1), np.zeros((0, 2)), X.copy()],
    (whole := np.arange(8.0), whole[1:3], whole[::2], whole.reshape(2, 4).T, whole),
]
LETTERS = b"NTFqidcsbltzZmguHGarevxw"


def mutated(drawn, bases):
    sent = bytearray(drawn.choice(bases))
    for _ in range(drawn.randint(1, 6)):
        place = drawn.randrange(len(sent))
        match drawn.randrange(6):
            case 0 | 1:
                sent[place] = drawn.randrange(256)
            case 2:
                sent[place] = drawn.choice(LETTERS)
            case 3:
                number = drawn.choice([0, 1, 2, 255, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1])
                sent[place : place + 8] = struct.pack("<Q", number)
            case 4:
                del sent[place : place + drawn.randint(1, 9)]
            case _:
                other = drawn.choice(bases)
                start = drawn.randrange(len(other))
                sent[place:place] = other[start : start + drawn.randint(1, 40)]
        if not sent:
            break
    return bytes(sent)


def fuzz(frames, seed):
    """Decode so many frames: what came of them, and the slowest in seconds of processor time."""
    drawn, found, slowest = random.Random(seed), Counter(), 0.0
    arena = new_arena(1 << 12)
    try:
        bases = [encode(value, given=[X]) for value in SEED]
        bases.append(encode([np.arange(60.0), 1])[:-9] + b"a" + FLOATS + b"\x01\x02" + longs(4, 0))
        for _ in range(frames):
            sent = mutated(drawn, bases)
            began = time.process_time()
            try:
                value = decode(sent, given=[X], arena=arena)
            except WireError:
                found["refused"] += 1
            else:
                found["made"] += 1
                for each in arrays(value):
                    assert max(each.nbytes, each.itemsize * max(each.shape, default=0)) <= wire.MAX_BYTES
                    if each.nbytes < 1 << 16 > max(each.shape, default=0):
                        each.tolist()  # reads every element: one out of bounds would end the process, soon or late
            slowest = max(slowest, time.process_time() - began)
    finally:
        if arena is not None:
            arena.close()
    return found, slowest


def test_five_thousand_mutated_frames_are_read_or_refused():
    found, slowest = fuzz(5000, seed=1)
    assert found["refused"] > 1000
    assert found["made"] > 100
    assert slowest < 0.25


@pytest.mark.slow
def test_a_hundred_thousand_mutated_frames_are_read_or_refused():
    gc.collect()
    tracemalloc.start()
    try:
        fuzz(1000, seed=2)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        found, slowest = fuzz(20_000, seed=3)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 2_000_000
    assert now - before < 100_000
    more, quickest = fuzz(130_000, seed=4)
    assert found.total() + more.total() == 150_000
    assert more["refused"] > 50_000
    assert more["made"] > 5_000
    assert max(slowest, quickest) < 0.25


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused(sent):
    with contextlib.suppress(WireError):
        decode(sent, given=[X])
    with contextlib.suppress(WireError):
        decode(frame(0) + sent, given=[X])


@pytest.mark.slow
@given(values, st.data())
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_cut_or_changed_is_read_or_refused(value, data):
    sent = bytearray(encode(value, given=[X]))
    place = data.draw(st.integers(0, len(sent) - 1))
    sent[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        decode(bytes(sent), given=[X])
    with pytest.raises(WireError):
        decode(encode(value)[:place])


# ---- the arena ----


@pytest.fixture
def arena():
    made = new_arena(1 << 20)
    if made is None:
        pytest.skip("this system has no memory that can be sealed")
    yield made
    made.close()


def test_large_arrays_go_through_the_arena_while_there_is_room(arena):
    large = np.arange(50_000.0)
    value = [
        large,
        np.asfortranarray(large.reshape(250, 200)),
        large.copy().reshape(2, 250, 100).transpose(1, 0, 2),
        (large + 1)[::2],
    ]
    sent = encode(value, arena=arena)
    assert 400_000 < len(sent) < 401_000  # all but one of 400,000 bytes went through it
    found = decode(sent, arena=arena)
    np.frombuffer(arena.view, np.uint8, 800_000)  # no copy keeps the arena from being written
    arena.view[:] = bytes(len(arena.view))
    for a, b in zip(value, found):
        assert np.array_equal(a, b)
        assert b.flags.owndata
        assert b.flags.aligned
        assert b.flags.writeable
    assert [each.strides for each in found[:3]] == [each.strides for each in value[:3]]
    with pytest.raises(WireError, match="where the arena has none"):
        decode(sent)


def test_an_array_in_the_arena_lies_within_it_and_behind_the_one_before(arena):
    def at(start, length):
        return b"a" + FLOATS + b"\x01\x02" + longs(length, start)

    assert decode(frame(0, at((1 << 20) - 8, 1)), arena=arena).tolist() == [0.0]
    for lie in (at((1 << 20) - 8, 2), at(1 << 21, 0), at(-8, 1), at(0, 1 << 20)):
        with pytest.raises(WireError, match="where the arena has none"):
            decode(frame(0, lie), arena=arena)
    with pytest.raises(WireError, match="where the arena has none"):  # else a small frame made much of one piece
        decode(frame(0, b"l", 2, at(0, 9) + at(64, 9)), arena=arena)


def test_texts_and_truth_values_in_the_arena_are_looked_at_too(arena):
    texts, truths = np.array(["añ"] * 10_000), np.ones(60_000, bool)
    sent = encode((texts, truths), arena=arena)
    assert same(decode(sent, arena=arena), (texts, truths))
    arena.view[:] = b"\xff" * len(arena.view)
    with pytest.raises(WireError, match="no characters"):
        decode(sent, arena=arena)
    assert set(decode(encode(truths, arena=arena), arena=arena).view(np.uint8)) == {1}


def test_another_process_has_the_same_memory_and_neither_can_change_its_size(arena):
    other = Arena.attach(os.dup(arena.fd))
    try:
        other.view[:3] = b"abc"
        assert bytes(arena.view[:3]) == b"abc"
        assert len(other.view) == 1 << 20
        for size in (0, 1 << 21):
            with pytest.raises(PermissionError):
                os.ftruncate(other.fd, size)
    finally:
        other.close()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no such memory")
def test_memory_that_may_shrink_is_not_attached():
    fd = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    try:
        with pytest.raises(ValueError, match="a piece of shared memory that is not sealed against shrinking"):
            Arena.attach(fd)
    finally:
        os.close(fd)


def test_where_there_is_no_such_memory_there_is_no_arena(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert new_arena(1000) is None
    monkeypatch.setattr(os, "memfd_create", lambda *_: os.open("/nowhere", os.O_RDONLY), raising=False)
    assert new_arena(1000) is None
    unsuited = os.open(os.devnull, os.O_RDWR)
    monkeypatch.setattr(os, "memfd_create", lambda *_: unsuited, raising=False)
    assert new_arena(1000) is None
    with pytest.raises(OSError, match="Bad file descriptor"):  # it was closed
        os.fstat(unsuited)


# ---- the channel ----


@pytest.fixture
def ends():
    mine, theirs = map(Channel, socket.socketpair())
    yield mine, theirs
    mine.close()
    theirs.close()


def test_frames_come_one_by_one_and_whole(ends):
    mine, theirs = ends
    for each in (b"", b"a", bytes(1000)):
        mine.send(each, 1)
    assert [theirs.receive(1) for _ in range(3)] == [b"", b"a", bytes(1000)]
    theirs.send(b"back")
    assert mine.receive() == b"back"


def test_a_frame_larger_than_the_streams_buffer_crosses(ends):
    mine, theirs = ends
    large = os.urandom(5 << 20)
    sender = threading.Thread(target=mine.send, args=(large, 20))
    sender.start()
    assert theirs.receive(20) == large
    sender.join()


def test_two_pipes_do_as_well_as_a_socket():
    (r1, w1), (r2, w2) = os.pipe(), os.pipe()
    mine, theirs = Channel(r1, w2), Channel(r2, w1)
    mine.send(b"there", 1)
    assert theirs.receive(1) == b"there"
    assert mine.fileno() == r1
    assert mine.descriptors == (r1, w2)
    mine.close()
    with pytest.raises(ClosedError, match="the other end is gone"):
        theirs.send(b"back", 1)
    theirs.close()


def test_nothing_in_time_is_a_timeout_after_which_one_may_wait_on(ends):
    mine, theirs = ends
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="a frame did not come in time"):
        mine.receive(0.02)
    assert time.monotonic() - began < 2
    with pytest.raises(TimeoutError):
        mine.receive(0)
    theirs.send(b"late")
    assert mine.receive(1) == b"late"


def test_who_drips_bytes_does_not_get_more_time():
    left, right = socket.socketpair()
    mine = Channel(left)
    stop = threading.Event()

    def drip():
        right.sendall(struct.pack("<I", 1000))
        with contextlib.suppress(OSError):
            while not stop.wait(0.01):
                right.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        mine.receive(0.2)
    assert time.monotonic() - began < 2
    stop.set()
    dripping.join()
    with pytest.raises(ClosedError, match="this channel is closed"):  # half a frame was read: there is no going on
        mine.receive(1)
    right.close()


def test_who_drips_without_a_pause_does_not_get_more_time(ends, monkeypatch):
    mine, theirs = ends
    theirs.send(b"a frame to wake up for")
    pieces = iter([struct.pack("<I", wire.MAX_BYTES)])
    monkeypatch.setattr(channel.os, "read", lambda fd, size: next(pieces, b"x"))
    with pytest.raises(TimeoutError, match="a frame did not come in time"):
        mine.receive(0.02)
    monkeypatch.setattr(channel.os, "writev", lambda fd, parts: 1)
    with pytest.raises(TimeoutError, match="a frame was not read in time"):
        theirs.send(bytes(wire.MAX_BYTES), 0.02)


def test_what_is_there_already_comes_in_no_time(ends):
    mine, theirs = ends
    theirs.send(b"there")
    assert mine.receive(0) == b"there"


def test_who_does_not_read_stops_nobody(ends):
    mine, _ = ends
    with pytest.raises(TimeoutError, match="a frame was not read in time"):
        mine.send(bytes(8 << 20), 0.05)
    with pytest.raises(ClosedError, match="this channel is closed"):
        mine.send(b"", 1)


def test_an_end_that_is_gone_is_said_so(ends):
    mine, theirs = ends
    theirs.send(b"last")
    theirs.close()
    assert mine.receive(1) == b"last"
    with pytest.raises(ClosedError, match="the other end is gone"):
        mine.receive(1)
    theirs.close()
    with pytest.raises(ClosedError, match="this channel is closed"):
        theirs.receive(1)


def test_an_end_that_is_gone_without_having_read_is_said_so(ends):
    mine, theirs = ends
    mine.send(b"never read")
    theirs.close()
    with pytest.raises(ClosedError, match="the other end is gone"):
        mine.receive(1)


def test_an_end_that_goes_within_a_frame_is_said_so():
    left, right = socket.socketpair()
    mine = Channel(left)
    right.sendall(struct.pack("<I", 10) + b"half")
    right.close()
    with pytest.raises(ClosedError, match="the other end is gone"):
        mine.receive(1)
    with pytest.raises(ClosedError):
        mine.send(b"x", 1)


def test_a_frame_that_would_be_too_long_is_refused_at_both_ends(monkeypatch):
    left, right = socket.socketpair()
    mine = Channel(left)
    right.sendall(b"\xff" * 4)
    with pytest.raises(WireError, match="a frame of 4,294,967,295 bytes cannot cross: 268,435,456 are the most"):
        mine.receive(1)
    right.close()
    monkeypatch.setattr(channel, "MAX_BYTES", 10)
    with pytest.raises(WireError, match="a frame of 11 bytes cannot cross: 10 are the most"):
        mine.send(bytes(11))


def test_a_length_that_lies_reserves_nothing():
    left, right = socket.socketpair()
    mine = Channel(left)
    right.sendall(struct.pack("<I", wire.MAX_BYTES) + b"x")
    tracemalloc.start()
    try:
        with pytest.raises(TimeoutError):
            mine.receive(0.02)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    right.close()


def test_only_what_may_overlap_is_looked_up():
    apart = [sharing.Met(np.zeros(3)) for _ in range(4)]
    sharing.share(apart, [])
    assert not any(each.owner or each.span != (0, 0) for each in apart)
