"""Nested containers of arrays: flattened, mapped, filled and copied."""

from collections import namedtuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from checker import tree

Point = namedtuple("Point", "x y")
nests = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(max_size=2), inner),
)


def test_paths_read_as_python_does():
    nest = {"W1": 1, "hs": [2, (3, {"b": 4})]}
    assert list(tree.flatten(nest, "params")) == [
        ("params['W1']", 1),
        ("params['hs'][0]", 2),
        ("params['hs'][1][0]", 3),
        ("params['hs'][1][1]['b']", 4),
    ]
    assert all(eval(path, {"params": nest}) == leaf for path, leaf in tree.flatten(nest, "params"))
    assert list(tree.flatten(5, "x")) == [("x", 5)]


@given(nests)
def test_filling_with_the_own_leaves_gives_the_same_nest(nest):
    assert tree.fill(nest, iter(tree.leaves(nest))) == nest


@given(nests)
def test_mapping_keeps_the_nesting(nest):
    mapped = tree.map_leaves(lambda leaf: leaf + 1, nest)
    assert [path for path, _ in tree.flatten(mapped)] == [path for path, _ in tree.flatten(nest)]
    assert tree.leaves(mapped) == [leaf + 1 for leaf in tree.leaves(nest)]


def test_named_tuples_stay_what_they_are():
    assert tree.map_leaves(lambda leaf: -leaf, Point(1, [2])) == Point(-1, [-2])
    assert isinstance(tree.map_leaves(lambda leaf: leaf, Point(1, 2)), Point)


def test_copies_share_nothing_and_keep_the_memory_order():
    fortran, frozen = np.asfortranarray(np.ones((2, 3))), np.zeros(2)
    frozen.setflags(write=False)
    nest = {"a": fortran, "b": [frozen, "label", 3]}
    copied = tree.copy(nest)
    assert copied["a"].flags.f_contiguous
    assert copied["b"][0].flags.writeable
    assert copied["b"][1:] == ["label", 3]
    assert not np.shares_memory(copied["a"], fortran)
    assert copied is not nest
    assert copied["b"] is not nest["b"]


def test_nothing_has_no_leaves():
    assert tree.leaves([]) == tree.leaves({}) == tree.leaves(()) == []
