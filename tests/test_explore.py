"""The smallest shapes and plainest numbers that still fail."""

import sys
import time

import numpy as np
import pytest
from numpy import ndarray

from checker.explore import smallest
from checker.inputs import Declaration, Float, Int, below


def layer(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], y: Int[ndarray, "N"]): ...


DECLARED = Declaration.from_signature(layer, draw={"y": below("M")})


def shapes(inputs):
    return [np.shape(value) for value in inputs]


def test_everything_shrinks_where_everything_fails():
    found = smallest(DECLARED, lambda inputs: True)
    assert shapes(found) == [(1, 1), (1, 1), (1,)]
    assert not any(np.any(value) for value in found)


def test_no_axis_is_longer_than_it_must_be():
    found = smallest(DECLARED, lambda inputs: len(inputs[0]) > 1 and inputs[0].shape[1] > 2)
    assert shapes(found) == [(2, 3), (1, 3), (2,)]


def test_numbers_become_plain():
    x = smallest(DECLARED, lambda inputs: bool(np.any(inputs[0] > 0.3)))[0]
    assert x.tolist() == [[1.0]]


def test_numbers_that_cannot_be_plain_stay():
    x = smallest(DECLARED, lambda inputs: bool(np.all(np.abs(inputs[0] * 2 - np.rint(inputs[0] * 2)) > 0.1)))[0]
    assert x.shape == (1, 1)
    assert abs(2 * x - np.rint(2 * x)) > 0.1


def test_nothing_is_found_where_nothing_fails():
    assert smallest(DECLARED, lambda inputs: False) is None


def test_ties_are_met():
    pytest.importorskip("hypothesis")
    x, w, _ = smallest(DECLARED, lambda inputs: inputs[0][0, 0] == inputs[1][0, 0], budget=10)
    assert x.shape == w.shape == (1, 1)


def test_the_search_is_repeatable():
    def fails(inputs):
        return bool(np.any(inputs[0] > 1.234))

    first, second = smallest(DECLARED, fails, seed=3), smallest(DECLARED, fails, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(first, second))


def test_it_works_without_hypothesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert smallest(DECLARED, lambda inputs: len(inputs[0]) > 1)[0].shape == (2, 1)
    assert smallest(DECLARED, lambda inputs: inputs[0][0, 0] == inputs[1][0, 0] == 7) is None


def test_a_known_failure_is_never_lost():
    start = DECLARED.draw(np.random.default_rng(0), {"N": 3})
    found = smallest(DECLARED, lambda inputs: np.array_equal(inputs[1], start[1]), start=start)
    assert np.array_equal(found[1], start[1])


def test_the_budget_is_kept():
    def slow(inputs):
        time.sleep(0.02)
        return False

    begun = time.monotonic()
    smallest(DECLARED, slow, budget=0.2)
    assert time.monotonic() - begun < 1.5


def test_inputs_may_be_overwritten():
    def fails(inputs):
        bad = bool(np.any(inputs[0] > 0.5))
        inputs[0][:] = 0
        return bad

    assert np.any(smallest(DECLARED, fails)[0] > 0.5)


def test_numbers_stay_in_their_range():
    def forward(p: Float[ndarray, "N"], x: Float[ndarray, "N"], eps=1e-5): ...

    declaration = Declaration.from_signature(forward, draw={"p": (0.05, 0.95)})
    p, x, eps = smallest(declaration, lambda inputs: True)
    assert 0.05 <= p[0] <= 0.95
    assert x[0] == 0
    assert eps == 1e-5


def test_structure_stays():
    onehot = np.eye(4)[[0, 2, 1, 1, 3]]
    declaration = Declaration.from_sample((np.random.default_rng(0).normal(size=(5, 4)), onehot), ["x", "t"])
    x, t = smallest(declaration, lambda inputs: len(inputs[1]) > 1)
    assert x.shape == t.shape == (2, 1)
    assert np.all(t.sum(axis=1) == 1)


def test_settings_and_containers_stay_as_they_are():
    params = {"W": np.random.default_rng(0).normal(size=(3, 4)), "b": np.zeros(3)}
    declaration = Declaration.from_sample((params, {"pad": 1}, 2.5), ["params", "settings", "scale"])
    found = smallest(declaration, lambda inputs: inputs[0]["W"].shape[0] == len(inputs[0]["b"]))
    assert found[0]["W"].shape == (1, 1)
    assert found[1] == {"pad": 1}
    assert isinstance(found[2], float)
