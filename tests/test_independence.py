"""Entries are perturbed together only where no output feels two of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.compare import compare_entries
from checker.independence import WORTHWHILE, groups, matching_axes, reach, split
from checker.numerical import STEP, Function

quick = settings(max_examples=120, deadline=None, derandomize=True)


def function(f, *inputs):
    """The function of all inputs (one output or several), and the outputs' shapes."""
    outs = f(*inputs)
    shapes = [out.shape for out in (outs if isinstance(outs, tuple) else (outs,))]

    def evaluate(leaves):
        found = f(*leaves)
        return np.concatenate([out.ravel() for out in (found if isinstance(found, tuple) else (found,))])

    return Function(evaluate, inputs), shapes


def normal(*shape, seed=0):
    return np.random.default_rng([*np.atleast_1d(seed), *shape]).normal(size=shape)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layernorm(x, gamma, beta):
    centred = x - x.mean(axis=1, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) + beta


def batchnorm(x, gamma, beta):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) * gamma + beta


def conv(x, w):
    """(N, C, H, W) with (F, C, 2, 2), no padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", windows, w)


def counts(f, *inputs):
    """How many groups each input falls into."""
    found, shapes = function(f, *inputs)
    return [len(list(groups(found, leaf, shapes))) for leaf in range(len(inputs))]


# -- what is independent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "inputs", "expected"),
    [
        (np.tanh, [normal(5, 4)], [1]),
        (lambda x: x.T.copy(), [normal(5, 4)], [1]),
        (softmax, [normal(6, 4)], [4]),
        (lambda x: softmax(x.T).T.copy(), [normal(6, 4)], [6]),
        (layernorm, [normal(6, 20), normal(20), normal(20)], [20, 1, 1]),
        (batchnorm, [normal(6, 20), normal(20), normal(20)], [6, 1, 1]),
        (lambda x, w: x @ w, [normal(6, 5), normal(5, 4)], [5, 5]),
        (lambda x, w: x @ w.T, [normal(6, 5), normal(4, 5)], [5, 5]),
        (lambda a, b: a * b, [normal(4, 5), normal(4, 5)], [1, 1]),
        (lambda a, b: a[:, :, None] * b[:, None, :], [normal(4, 5), normal(4, 6)], [1, 1]),
        (lambda x: x.sum(axis=0), [normal(4, 5)], [4]),
        (conv, [normal(3, 2, 4, 4), normal(5, 2, 2, 2)], [32, 8]),
        (lambda x: np.cumsum(x, axis=1), [normal(4, 5)], [5]),
    ],
)
def test_groups_of_ordinary_layers(f, inputs, expected):
    assert counts(f, *inputs) == expected


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x @ x.T,
        lambda x: x * x.sum(),
        lambda x: x - x.max(),
        lambda x: x @ x,
        lambda x: x + x.T,
        lambda x: x[::-1, ::-1] + x,
        lambda x: x * np.linalg.norm(x),
        lambda x: np.linalg.inv(x),
        lambda x: np.sort(x.ravel()).reshape(x.shape),
    ],
)
def test_nothing_is_independent_in_a_dense_function(f):
    x = normal(5, 5)
    assert matching_axes(*_with_leaf(f, x)) == {}
    assert counts(f, x) == [25]


def _with_leaf(f, x):
    found, shapes = function(f, x)
    return found, 0, shapes


def test_a_sum_of_everything_is_dense():
    assert counts(lambda x: np.array((x**2).sum()), normal(6, 5)) == [30]


def test_axes_of_equal_length_are_told_apart():
    x = normal(5, 5)
    assert matching_axes(*_with_leaf(np.tanh, x)) == {0: [0], 1: [1]}
    assert matching_axes(*_with_leaf(lambda x: np.tanh(x).T.copy(), x)) == {0: [1], 1: [0]}
    assert matching_axes(*_with_leaf(softmax, x)) == {0: [0]}
    assert matching_axes(*_with_leaf(lambda x: np.linalg.solve(normal(5, 5, seed=1), x), x)) == {1: [1]}


def test_every_output_must_keep_the_slices_apart():
    x = normal(6, 4)
    assert matching_axes(*_with_leaf(lambda x: (softmax(x), x.sum(axis=1)), x)) == {0: [0, 0]}
    assert matching_axes(*_with_leaf(lambda x: (softmax(x), x.sum(axis=0)), x)) == {}


def test_an_output_without_any_effect_is_marked():
    f = lambda x: (np.tanh(x), np.ones((2, 3)))  # noqa: E731
    assert matching_axes(*_with_leaf(f, normal(6, 4))) == {0: [0, -1], 1: [1, -1]}
    assert matching_axes(*_with_leaf(lambda x: (np.ones(x.shape), x * x.sum()), normal(6, 4))) == {}


@pytest.mark.parametrize(("length", "one", "other"), [(64, 12, 37), (5, 0, 4), (8, 7, 0), (8, 0, 7), (2, 1, 0)])
def test_a_single_pair_of_dependent_slices_is_noticed(length, one, other):
    def coupled(x):
        out = np.tanh(x)
        out[other] += x[one]
        return out

    assert matching_axes(*_with_leaf(coupled, normal(length, 3))) == {1: [1]}


def test_short_axes():
    assert matching_axes(*_with_leaf(np.tanh, normal(2, 9))) == {0: [0], 1: [1]}
    assert matching_axes(*_with_leaf(np.tanh, normal(1, 9))) == {1: [1]}


def test_a_function_without_outputs():
    found = Function(lambda leaves: np.zeros(0), [normal(4, 5)])
    owners = [group.owner for group in groups(found, 0, [])]
    assert {(owner.size, owner.dtype.kind) for owner in owners} == {(0, "i")}


def test_slices_that_leave_the_domain_are_not_independent():
    assert matching_axes(*_with_leaf(lambda x: np.where(np.all(x == x0), x, np.nan), x0 := normal(4, 5))) == {}


def test_small_inputs_are_not_worth_a_test():
    found, shapes = function(np.tanh, normal(WORTHWHILE - 1))
    before = found.calls
    assert len(list(groups(found, 0, shapes))) == WORTHWHILE - 1
    assert found.calls == before
    found, shapes = function(np.tanh, normal(WORTHWHILE))
    assert len(list(groups(found, 0, shapes))) == 1


def test_slices_are_moved_by_steps_of_many_sizes_and_the_same_ones_each_time():
    x = np.linspace(-3, 3, 20).reshape(5, 4)

    def moves():
        seen = []
        found, shapes = function(lambda x: np.tanh(seen.append(x.copy()) or x), x)
        matching_axes(found, 0, shapes)
        return np.array(seen[2:]) - x, found.scale[0]

    steps, scale = moves()
    assert np.array_equal(steps, moves()[0])
    sizes = (steps / np.maximum(np.abs(x), scale) / STEP)[steps != 0]
    assert np.all((np.abs(sizes) >= 0.49) & (np.abs(sizes) <= 1.51))
    assert len(np.unique(np.round(np.abs(sizes), 3))) > 15
    assert {-1.0, 1.0} == set(np.sign(sizes))


@pytest.mark.parametrize("n", [100, 1000, 1024, 10_000])
def test_the_test_costs_two_logarithms(n):
    found, shapes = function(np.tanh, normal(n))
    assert len(list(groups(found, 0, shapes))) == 1
    assert found.calls - 1 <= 2 * np.ceil(np.log2(n))


# -- which outputs feel an entry --------------------------------------------------------------------------------------


def test_reach_is_the_own_row():
    found, shapes = function(softmax, normal(6, 4))
    felt = reach(found, 0, (2, 1), shapes).reshape(6, 4)
    assert felt[2].all()
    assert felt.sum() == 4


def test_reach_of_an_elementwise_function_is_one_output():
    found, shapes = function(np.tanh, normal(6, 4))
    assert np.flatnonzero(reach(found, 0, (2, 1), shapes)).tolist() == [9]


def test_reach_is_everything_where_nothing_is_proven():
    found, shapes = function(lambda x: x * x.sum(), normal(6, 4))
    assert reach(found, 0, (2, 1), shapes).all()


def test_reach_leaves_untouched_outputs_aside():
    found, shapes = function(lambda x: (np.tanh(x), np.ones(3)), normal(6, 4))
    assert np.flatnonzero(reach(found, 0, (0, 1), shapes)).tolist() == [1]
    assert np.flatnonzero(reach(found, 0, (0, 0), shapes)).tolist() == [0]


def test_split_cuts_the_outputs_apart():
    parts = split(np.arange(9.0), [(2, 3), (), (0,), (2,)])
    assert [part.tolist() for part in parts] == [[[0, 1, 2], [3, 4, 5]], 6, [], [7, 8]]


# -- never two dependent entries together -----------------------------------------------------------------------------

SPECS = [
    "ij,jk->ik",
    "ij,kj->ik",
    "ij,ij->ij",
    "ij,ij->i",
    "ij,ij->j",
    "ij,jk->ki",
    "ij,j->ij",
    "ij,j->ji",
    "ij,jk->k",
    "bij,bjk->bik",
]
OUTER = [
    np.tanh,
    softmax,
    lambda y: y - y.mean(axis=0),
    lambda y: y * np.abs(y).max(),
    lambda y: np.maximum(y, 0),
    np.cumsum,
]
OUTER += [
    lambda y: y[::-1].copy(),
    lambda y: np.sort(y, axis=0),
    lambda y: y * (y > np.median(y)),
    lambda y: np.asarray(y.sum()),
]


@st.composite
def compositions(draw):
    """An inner einsum of two inputs with small axes (often of equal length) and something around it."""
    spec, outer, seed = draw(st.sampled_from(SPECS)), draw(st.sampled_from(OUTER)), draw(st.integers(0, 1000))
    sizes = {axis: draw(st.sampled_from([1, 2, 4, 4, 5])) for axis in "bijk"}
    operands = spec.split("->")[0].split(",")
    inputs = [normal(*(sizes[axis] for axis in axes), seed=[seed, which]) for which, axes in enumerate(operands)]
    return lambda a, b: outer(np.einsum(spec, a, b)), inputs


def by_entry(found, leaf):
    """The Jacobian by plain central differences, one entry at a time: (entries, outputs)."""
    x = found.x[leaf]
    rows = [
        (found.moved(leaf, index, x[index] + 1e-5) - found.moved(leaf, index, x[index] - 1e-5)) / 2e-5
        for index in np.ndindex(x.shape)
    ]
    return np.array(rows)


@quick
@given(compositions())
def test_no_output_feels_two_entries_of_a_group(composition):
    found, shapes = function(composition[0], *composition[1])
    for leaf, x in enumerate(found.x):
        jacobian, covered = by_entry(found, leaf), []
        for group in groups(found, leaf, shapes):
            felt = jacobian[group.flat] != 0
            assert np.all(felt.sum(axis=0) <= 1)
            places, outputs = np.nonzero(felt)
            assert np.array_equal(group.owner[outputs], places)
            assert np.array_equal(np.ravel(x[group.select]), x.ravel()[group.flat])
            covered.extend(group.flat.tolist())
        assert sorted(covered) == list(range(x.size))


@settings(quick, max_examples=60)
@given(compositions(), st.integers(0, 1000))
def test_grouped_gradients_are_those_of_single_entries(composition, seed):
    found, shapes = function(composition[0], *composition[1])
    dout = np.random.default_rng(seed).uniform(0.5, 1.5, found.out.size)
    jacobians = [by_entry(found, leaf) for leaf in range(2)]
    claims = [(jacobian @ dout).reshape(x.shape) for jacobian, x in zip(jacobians, found.x)]
    result = compare_entries(found, dout, claims, shapes, rtol=1e-4)
    for claim, numeric, jacobian, own in zip(claims, result.numeric, jacobians, result.jacobian):
        np.testing.assert_allclose(numeric, claim, rtol=1e-5, atol=1e-6 * (1 + np.abs(claim).max(initial=0)))
        np.testing.assert_allclose(own, jacobian, rtol=1e-4, atol=1e-6 * (1 + np.abs(jacobian).max(initial=0)))


@settings(quick, max_examples=30)
@given(st.tuples(*[st.integers(1, 3)] * 4), st.integers(2, 4), st.integers(0, 100))
def test_convolutions_are_grouped_by_image_and_filter(shape, side, seed):
    n, c, f, _ = shape
    x, w = normal(n, c, side, side, seed=seed), normal(f, c, 2, 2, seed=seed)
    found, shapes = function(conv, x, w)
    for leaf in range(2):
        jacobian = by_entry(found, leaf)
        for group in groups(found, leaf, shapes):
            assert np.all((jacobian[group.flat] != 0).sum(axis=0) <= 1)
