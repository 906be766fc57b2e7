"""The bank's labels are true: each is proven by a derivative that owes nothing to the checker."""

import warnings
from collections import Counter

import numpy as np
import pytest

from tests.bank import CASES, LABELS, Case
from tests.bank.breaches import breaches
from tests.bank.oracle import claim, differentiated, full, gap, get, put, truth, values, worst

WANTED = {
    "wrong": 130,
    "right": 60,
    "nasty": 90,
    "contract": 35,
    "elsewhere": 25,
    "edge": 5,
    "unstable": 5,
    "shape": 5,
    "forward": 5,
}
MATRICES = ("jacobian", "hessian", "jvp")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")


def cases(*labels: str):
    """The cases of these labels, as parameters named after them."""
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.label in labels])


def upstream(case: Case, inputs: tuple, seed: int) -> list[np.ndarray]:
    """A continuous upstream gradient for each output; 1 where the style has none."""
    if case.style in ("gradient", "value_and_grad"):
        return [np.float64(1.0)]
    rng = np.random.default_rng(seed)
    return [
        np.asarray(rng.uniform(0.5, 2.0, out.shape) * rng.choice([-1.0, 1.0], out.shape), dtype=out.dtype)
        for out in values(case, inputs)
    ]


def compared(case: Case, inputs: tuple, seed: int = 7) -> list[tuple[np.ndarray, np.ndarray]]:
    """Claimed and exact gradients, in pairs."""
    if case.style in MATRICES:
        return [(claim(case, inputs, [])[0], full(case, inputs))]
    douts = upstream(case, inputs, seed)
    return list(zip(claim(case, inputs, [d.copy() for d in douts]), truth(case, inputs, douts), strict=True))


def agreement(case: Case, inputs: tuple) -> float:
    """The largest relative gap, over gradients and three upstream gradients."""
    return max(gap(yours, exact, case.floor) for seed in (7, 8, 9) for yours, exact in compared(case, inputs, seed))


def test_names_are_unique():
    assert [name for name, n in Counter(case.name for case in CASES).items() if n > 1] == []


def test_enough_of_each():
    counts = Counter(case.label for case in CASES)
    assert {label: n for label, n in WANTED.items() if counts[label] < n} == {}
    assert set(counts) <= set(LABELS)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.oracle is not None])
def test_the_oracle_computes_the_same_function(case: Case):
    inputs = case.inputs()
    outs = case.oracle(*inputs, *(getattr(case.forward(), name) for name in case.parameters))
    for ours, theirs in zip(values(case, inputs), outs if isinstance(outs, tuple) else (outs,), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if ours.dtype == np.float32 else 1e-10, atol=1e-12)


def hull(case: Case, inputs: tuple, douts: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The least and the greatest gradient entry over the neighbourhood of a corner: what a subgradient lies between."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        beside = inputs
        for path in differentiated(case, inputs):
            leaf = np.asarray(get(inputs, path), dtype=np.float64)
            beside = put(
                beside, path, leaf + 1e-10 * rng.uniform(0.5, 2, leaf.shape) * rng.choice([-1.0, 1.0], leaf.shape)
            )
        found.append(truth(case, beside, douts))
    return [(np.min(grads, axis=0), np.max(grads, axis=0)) for grads in zip(*found, strict=True)]


@cases("right", "nasty")
def test_right_is_right(case: Case):
    inputs = case.inputs()
    if not case.corner:
        assert agreement(case, inputs) <= case.tolerance
        return
    douts = upstream(case, inputs, 7)
    for yours, (least, greatest) in zip(claim(case, inputs, douts), hull(case, inputs, douts), strict=True):
        slack = 1e-8 * max(1e-300, np.max(np.abs([least, greatest])))
        assert np.shape(yours) == least.shape
        assert np.all(yours >= least - slack)
        assert np.all(yours <= greatest + slack)


@cases("right", "nasty", "wrong", "elsewhere", "edge", "unstable", "shape", "forward")
def test_everything_but_the_contract_cases_keeps_the_contract(case: Case):
    allowed = {"shape": {"shape"}, "wrong": {"ignores dout", "not linear"}}
    assert breaches(case, case.inputs()) <= allowed.get(case.label, set())


@cases("wrong")
def test_wrong_is_wrong(case: Case):
    inputs = case.inputs()
    if case.corner:
        douts = upstream(case, inputs, 7)
        hulls = hull(case, inputs, douts)
        out_of = [
            np.any(
                (yours < least - 1e-6 * np.abs(least) - 1e-12) | (yours > greatest + 1e-6 * np.abs(greatest) + 1e-12)
            )
            for yours, (least, greatest) in zip(claim(case, inputs, douts), hulls, strict=True)
        ]
        assert any(out_of)
        return
    assert max(worst(yours, exact, case.tolerance) for yours, exact in compared(case, inputs)) > 5e-6


def wrong_or_raises(case: Case, inputs: tuple) -> bool:
    """Whether the gradients at these inputs are clearly wrong; a crash there counts (an empty slice at padding 0)."""
    try:
        return max(worst(yours, exact, case.tolerance) for yours, exact in compared(case, inputs)) > 1e-5
    except (ValueError, IndexError):
        return case.label == "edge"


@cases("elsewhere", "edge")
def test_elsewhere_is_right_here_and_wrong_there(case: Case):
    assert agreement(case, case.inputs()) <= case.tolerance
    assert wrong_or_raises(case, case.elsewhere())


@cases("unstable")
def test_unstable_is_right_here_and_not_finite_there(case: Case):
    assert agreement(case, case.inputs()) <= case.tolerance
    there = case.elsewhere()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbers = [*values(case, there), *claim(case, there, upstream(case, there, 7))]
        assert not all(np.all(np.isfinite(number)) for number in numbers)
        assert all(np.all(np.isfinite(out)) for out in np.atleast_1d(case.oracle(*there)))


@cases("shape")
def test_only_the_shape_is_wrong(case: Case):
    pairs = compared(case, case.inputs())
    assert any(np.shape(yours) != exact.shape for yours, exact in pairs)
    for yours, exact in pairs:
        np.testing.assert_allclose(np.ravel(yours), np.ravel(exact), rtol=1e-9)


@cases("forward")
def test_a_wrong_forward_differs_from_the_reference_and_agrees_with_its_own_backward(case: Case):
    inputs = case.inputs()
    reference = case.options["reference"](*inputs)[0]
    ours = values(case, inputs)[0]
    assert ours.shape != np.shape(reference) or not np.allclose(ours, reference, rtol=1e-4)
    assert agreement(case, inputs) <= case.tolerance


@cases("contract")
def test_a_contract_case_breaks_what_it_says(case: Case):
    assert case.cause in breaches(case, case.inputs())


def attempted(case: Case) -> list:
    """The claim; a backward that returns nothing is as little written as one that raises NotImplementedError."""
    inputs = case.inputs()
    grads = claim(case, inputs, upstream(case, inputs, 7))
    if not grads:
        raise NotImplementedError
    return grads


@cases("error")
def test_an_error_case_raises(case: Case):
    with pytest.raises((AttributeError, NameError, TypeError, ValueError)):
        attempted(case)


@cases("unattempted")
def test_a_stub_is_a_stub(case: Case):
    with pytest.raises(NotImplementedError):
        attempted(case)
