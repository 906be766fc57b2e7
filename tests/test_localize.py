"""Wrong entries of a large gradient are found exactly, and from few evaluations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import gradcheck
from checker.compare import compare_direction, random_direction
from checker.localize import MOST, locate
from checker.numerical import Function


def dense(x):
    """Every output feels every entry."""
    return np.tanh(x) * np.mean(x * x)


def dense_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2) * np.mean(x * x) + 2 * x / x.size * np.sum(dout * np.tanh(x))


def prepared(n, wrong, relative, seed=0):
    """The function, the upstream gradient, and a claim with some wrong entries."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    function = Function(lambda leaves: dense(leaves[0]), [x])
    dout = rng.uniform(0.5, 1.5, n) * rng.choice([-1.0, 1.0], n)
    claim = dense_backward(dout, x)
    claim[list(wrong)] += relative * (np.abs(claim[list(wrong)]) + np.sqrt(np.mean(claim**2)))
    return function, dout, [claim]


def search(function, dout, claims, rng):
    """The suspects, found as a fast check does: along a direction that shows an error."""
    off = compare_direction(function, dout, claims, random_direction(function, claims, rng))
    return locate(function, dout, claims, off)


def found(n, wrong, relative=0.1, seed=0):
    """The places found, and the evaluations spent."""
    function, dout, claims = prepared(n, wrong, relative, seed)
    places = search(function, dout, claims, np.random.default_rng(seed))
    return sorted(index[0] for _, index in places), function.calls


@pytest.mark.parametrize("count", [1, 2, MOST])
@pytest.mark.parametrize("seed", range(5))
def test_the_wrong_entries_are_found_exactly(count, seed):
    wrong = np.random.default_rng([seed, count]).choice(3000, count, replace=False)
    assert found(3000, wrong, seed=seed)[0] == sorted(wrong.tolist())


@pytest.mark.parametrize("wrong", [0, 1234, 9999])
@pytest.mark.parametrize("relative", [-2.0, 1e-3, 1e-4])
def test_one_of_ten_thousand_takes_sixty_evaluations(wrong, relative):
    places, calls = found(10_000, [wrong], relative)
    assert places == [wrong]
    assert calls <= 60


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, 567_890])
def test_one_of_a_million_takes_130_evaluations(wrong):
    places, calls = found(1_000_000, [wrong], 0.5)
    assert places == [wrong]
    assert calls <= 130


def test_a_whole_fast_check_locates_one_of_ten_thousand_in_sixty():
    def slip(dout, x):
        gradient = dense_backward(dout, x)
        gradient[4321] *= -1
        return gradient

    report = gradcheck(dense, slip, (np.random.default_rng(2).normal(size=10_000),), mode="fast")
    finding = report.findings[0]
    assert finding.message == "1 of 10000 entries of the gradient of x is wrong"
    assert [entry.index for entry in finding.entries] == [(4321,)]
    assert finding.cause == "entries"
    assert report.forwards <= 60


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 299), max_size=5), st.integers(0, 1000), st.sampled_from([-2.0, 0.3, 1e-3]))
def test_exactly_the_wrong_entries_are_found_wherever_they_are(wrong, seed, relative):
    assert found(300, wrong, relative, seed)[0] == sorted(wrong)


def test_no_more_than_the_most_are_looked_for():
    places, calls = found(4000, range(0, 4000, 7))
    assert len(places) == MOST
    assert all(place % 7 == 0 for place in places)
    assert calls < 300


def test_the_largest_effect_comes_first():
    function, dout, claims = prepared(1000, [], 0)
    claims[0][[100, 800]] += [5.0, 0.01]
    off = compare_direction(function, dout, claims, random_direction(function, claims, np.random.default_rng(1)))
    assert locate(function, dout, claims, off, most=1) == [(0, (100,))]


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_outputs_may_have_any_unit(unit):
    function, dout, claims = prepared(300, [7, 150], 1e-2)
    places = search(function, unit * dout, [unit * claims[0]], np.random.default_rng(0))
    assert sorted(index[0] for _, index in places) == [7, 150]


def test_a_claim_too_large_for_the_sum_is_not_searched():
    function, dout, claims = prepared(100, [], 0)
    claims[0][3] = 1.7e308
    direction = [np.full(100, 2.0)]
    assert locate(function, dout, claims, compare_direction(function, dout, claims, direction)) == []


def test_a_right_gradient_has_no_wrong_entries_and_costs_one_measurement():
    places, calls = found(1000, [])
    assert places == []
    assert calls == 3


def test_equal_and_opposite_errors_are_both_found():
    function, dout, claims = prepared(1000, [], 0)
    claims[0][[100, 101]] += [0.1, -0.1]
    places = search(function, dout, claims, np.random.default_rng(1))
    assert sorted(index[0] for _, index in places) == [100, 101]


def test_entries_are_named_by_input_and_index():
    rng = np.random.default_rng(3)
    inputs = [rng.normal(size=(6, 5)), rng.normal(size=(5, 7)), rng.normal(size=7)]
    function = Function(lambda leaves: np.tanh(leaves[0] @ leaves[1] + leaves[2]), inputs)
    dout = rng.uniform(0.5, 1.5, 42)
    dz = dout.reshape(6, 7) * (1 - np.tanh(inputs[0] @ inputs[1] + inputs[2]) ** 2)
    claims = [dz @ inputs[1].T, inputs[0].T @ dz, dz.sum(axis=0)]
    claims[0][5, 2] += 0.5
    claims[1][0, 6] -= 0.5
    claims[2][3] *= 2
    suspects = search(function, dout, claims, rng)
    assert {(0, (5, 2)), (1, (0, 6)), (2, (3,))} <= set(suspects)  # curvature may bring in another, judged afterwards
    assert len(suspects) <= 4


def test_suspects_are_judged_before_they_are_called_wrong():
    """Two inputs with gradients of very different sizes: along a direction, curvature looks like an error."""

    def forward(x, w):
        return np.tanh(x @ w)

    def slip(dout, x, w):
        dz = dout * (1 - np.tanh(x @ w) ** 2)
        dx = dz @ w.T
        dx[5, 2] *= 3
        return dx, x.T @ dz

    rng = np.random.default_rng(3)
    report = gradcheck(forward, slip, (rng.normal(size=(6, 5)), 0.1 * rng.normal(size=(5, 7))), mode="fast")
    assert [(f.subject, f.wrong) for f in report.findings] == [("x", 1), ("w", 0)]


def test_nothing_to_search():
    function = Function(lambda leaves: np.zeros(1), [np.zeros((0, 3))])
    assert search(function, np.ones(1), [np.zeros((0, 3))], np.random.default_rng(0)) == []
    undefined = Function(lambda leaves: np.where(leaves[0] == 1, 1, np.nan), [np.ones(3)])
    assert search(undefined, np.ones(3), [np.zeros(3)], np.random.default_rng(0)) == []
