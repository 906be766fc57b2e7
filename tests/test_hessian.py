"""Hessians: right, wrong, misshapen, of every size, and why one is wrong."""

import numpy as np
import pytest

from checker import UsageError, check_hessian
from checker.report import CANNOT_TELL, RIGHT, WRONG

rng = np.random.default_rng(4)
X, V, M, Q = rng.normal(size=3), rng.normal(size=3), rng.normal(size=(2, 3)), rng.normal(size=(3, 3))

HESSIANS = {
    "quadratic": (lambda x: x @ Q @ x, lambda x: Q + Q.T, X),
    "log of a sum of exponentials": (
        lambda x: np.log(np.exp(x).sum()),
        lambda x: np.diag(np.exp(x) / np.exp(x).sum()) - np.outer(np.exp(x), np.exp(x)) / np.exp(x).sum() ** 2,
        X,
    ),
    "by a matrix": (lambda W: np.sum(W**3), lambda W: np.diag(6 * W.ravel()).reshape(2, 3, 2, 3), M),
    "a number": (lambda t: t**4, lambda t: 12 * t**2, 0.7),
    "flat": (lambda x: x @ V, lambda x: np.zeros((3, 3)), X),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name):
    f, hessian, x = HESSIANS[name]
    report = check_hessian(f, hessian, x)
    assert report.verdict == RIGHT, str(report)
    whole, entries = f"the Hessian by {report.findings[0].subject}", np.size(hessian(x))
    all_of_it = f"{whole} agrees" if entries == 1 else f"all {entries} entries of {whole} agree"
    assert report.findings[0].message == all_of_it

    def wrong(x):
        h = np.array(hessian(x), dtype=float)
        h[(0,) * h.ndim] += 0.25
        return h

    report = check_hessian(f, wrong, x)
    assert (report.verdict, report.kind, report.findings[0].wrong) == (WRONG, "values", 1)
    one = "the Hessian by " if entries == 1 else f"1 of {entries} entries of the Hessian by "
    assert report.findings[0].message.startswith(one)


def test_a_hessian_that_is_not_symmetric_is_told_so():
    finding = check_hessian(lambda x: x @ Q @ x, lambda x: 2 * Q, X).findings[0]
    assert (finding.message, finding.cause) == ("6 of 9 entries of the Hessian by x are wrong", "asymmetric")
    assert finding.advice == "second derivatives can be taken in either order: a Hessian is symmetric, and yours is not"


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_asymmetry_is_measured_by_the_size_of_the_hessian(size):
    def f(x):
        return size * (x @ Q @ x)

    right = size * (Q + Q.T)
    within_rounding = right / 2 + 1e-12 * size * np.triu(np.ones((3, 3)))
    assert check_hessian(f, lambda x: within_rounding, X).causes == ("factor",)
    a_little_off = right + 1e-3 * size * np.eye(3, k=1)
    assert check_hessian(f, lambda x: a_little_off, X).causes == ("asymmetric",)


def cubic(W):
    return np.trace(W @ W @ W)


def hessian_of_cubic(W):
    """Of tr(W W W): 3 (W[l, i] [j = k] + W[j, k] [i = l])."""
    return 3 * (np.einsum("li,jk->ijkl", W, np.eye(3)) + np.einsum("jk,il->ijkl", W, np.eye(3)))


@pytest.mark.parametrize("factor", [0.5, -1.0])
def test_a_factor_in_a_hessian_is_named(factor):
    cause = "sign" if factor < 0 else "factor"
    assert check_hessian(lambda x: x @ Q @ x, lambda x: factor * (Q + Q.T), X).causes == (cause,)
    assert check_hessian(cubic, lambda W: factor * hessian_of_cubic(W), rng.normal(size=(3, 3))).causes == (cause,)


def test_exchanged_axes_of_a_hessian_are_named():
    def f(W):
        return np.trace(W @ W)

    finding = check_hessian(f, lambda W: 2 * np.einsum("ij,kl->ijkl", np.eye(3), np.eye(3)), np.eye(3)).findings[0]
    exchanged = "Yours is right with axis 0 of W (length 3) and axis 0 of gradient (length 3) exchanged"
    assert finding.message.startswith(f"12 of 81 entries of the Hessian by W are wrong: {exchanged}")
    assert finding.cause == "jacobian-transposed"


def test_a_hessian_that_is_not_finite_has_no_cause():
    finding = check_hessian(lambda x: x @ x, lambda x: np.diag([2.0, np.nan, 2.0]), X).findings[0]
    assert finding.message == "1 of 9 entries of the Hessian by x is wrong"
    assert (finding.cause, finding.advice) == ("", "")


def at_the_edge(*claimed):
    """What is said of the Hessian of x0**1.5 + x1**1.5 at (1, 0), below which no root is defined."""
    return check_hessian(lambda x: np.sum(x**1.5), lambda x: np.array(claimed), np.array([1.0, 0.0]))


def test_what_lies_at_the_edge_of_a_domain_cannot_be_told():
    report = at_the_edge([0.75, 0.0], [0.0, 3.0])
    finding = report.findings[0]
    assert (report.verdict, report.kind, finding.verdict) == (CANNOT_TELL, "", CANNOT_TELL)
    told = "3 of 4 entries of the Hessian by x are beyond what can be told: f is not defined all around here"
    assert (finding.subject, finding.message, finding.advice) == ("x", told, "try inputs further inside")
    assert (finding.shape, [entry.index for entry in finding.entries]) == ((2, 2), [(0, 1), (1, 0), (1, 1)])
    assert [entry.yours for entry in finding.entries] == [0.0, 0.0, 3.0]
    assert all(np.isnan(entry.expected) and entry.error == np.inf for entry in finding.entries)


def test_what_is_wrong_is_told_beside_what_cannot_be_told():
    finding = at_the_edge([0.7501, 0.0], [0.0, 3.0]).findings[0]
    assert (finding.verdict, finding.wrong, finding.entries[0].index) == (WRONG, 1, (0, 0))
    finding = at_the_edge([0.75, 0.0], [0.0, np.inf]).findings[0]
    assert (finding.verdict, finding.wrong, finding.entries[0].index) == (WRONG, 1, (1, 1))


def test_the_worst_entries_come_first_with_both_numbers():
    def f(x):
        return x[0] ** 2 + x[0] * x[1]

    claimed = np.array([[2.5, 4.0], [4.0, 0.0]])
    finding = check_hessian(f, lambda x: claimed, X[:2]).findings[0]
    assert (finding.subject, finding.kind, finding.shape, finding.wrong) == ("x", "values", (2, 2), 3)
    assert [entry.index for entry in finding.entries] == [(0, 1), (1, 0), (0, 0)]
    assert [entry.yours for entry in finding.entries] == [4.0, 4.0, 2.5]
    assert [entry.expected for entry in finding.entries] == pytest.approx([1.0, 1.0, 2.0])
    assert all(0 <= entry.error < 1e-6 for entry in finding.entries)
    assert finding.errors == pytest.approx(np.array([[0.5, 3.0], [3.0, 0.0]]))


def test_a_small_hessian_is_judged_by_its_own_size():
    def f(x):
        return 1e-12 * x @ x

    assert check_hessian(f, lambda x: 2e-12 * np.eye(3), X)
    assert check_hessian(f, lambda x: 4e-12 * np.eye(3), X).findings[0].wrong == 3


def test_a_small_entry_is_judged_by_its_own_size_and_a_tiny_one_by_the_largest():
    def f(x):
        return x[0] ** 2 / 2 + 0.01 * x[1] ** 2 / 2

    assert check_hessian(f, lambda x: np.diag([1.0, 0.010005]), X[:2], rtol=1e-3)
    assert check_hessian(f, lambda x: np.diag([1.0, 0.0102]), X[:2], rtol=1e-3).findings[0].wrong == 1
    assert check_hessian(f, lambda x: np.array([[1.0, 5e-7], [5e-7, 0.01]]), X[:2], rtol=1e-3)
    assert check_hessian(f, lambda x: np.array([[1.0, 5e-6], [5e-6, 0.01]]), X[:2], rtol=1e-3).findings[0].wrong == 2


def test_a_function_that_is_zero_everywhere():
    def f(x):
        return 0.0 * np.sum(x)

    assert check_hessian(f, lambda x: np.zeros((3, 3)), X)
    assert "does not depend on this input" in check_hessian(f, lambda x: np.ones((3, 3)), X).findings[0].message


def test_an_input_without_entries_has_a_hessian_without_entries():
    report = check_hessian(np.sum, lambda x: np.zeros((0, 0)), (np.zeros(0),))
    assert report.verdict == RIGHT
    assert report.findings[0].shape == (0, 0)


def test_a_hessian_of_whole_numbers_or_truth_values_is_taken_as_numbers():
    assert check_hessian(lambda x: x @ x / 2, lambda x: np.eye(3, dtype=bool), X)
    assert check_hessian(lambda x: x @ x, lambda x: np.diag([2, 2, 2]).astype(np.int8), X)
    assert check_hessian(lambda x: x @ x, lambda x: np.tri(3, dtype=bool), X).causes == ("asymmetric",)


def test_the_tolerance_can_be_widened():
    def hessian(x):
        return 2.002 * np.eye(3)

    assert check_hessian(lambda x: x @ x, hessian, X, rtol=1e-2)
    assert not check_hessian(lambda x: x @ x, hessian, X, rtol=1e-4)
    assert not check_hessian(lambda x: x @ x, hessian, X)


def test_the_report_says_what_was_done():
    forwards, hessians = [], []

    def f(x):
        forwards.append(x)
        return x @ x

    def hessian(x):
        hessians.append(x)
        return 2 * np.eye(3)

    report = check_hessian(f, hessian, X)
    assert (report.name, report.mode, report.seed) == ("hessian", "full", 0)
    assert (report.forwards, report.backwards) == (len(forwards), len(hessians))
    assert check_hessian(f, hessian, X, seed=7).seed == 7


def test_a_misshapen_hessian():
    report = check_hessian(lambda x: x @ x, lambda x: 2 * np.ones(3), X)
    finding = report.findings[0]
    assert (report.verdict, report.kind, report.causes) == (WRONG, "shape", ("shape",))
    assert finding.message == "the Hessian by x has shape (3,), where (3, 3) is expected"
    assert finding.advice == "differentiate every entry of the gradient by every entry of the input"
    assert (finding.subject, finding.shape) == ("x", (3, 3))


def test_a_hessian_by_one_of_several_inputs():
    def f(x, y):
        return np.sum(x**2 * y)

    assert check_hessian(f, lambda x, y: np.diag(2 * y), (X, V))
    report = check_hessian(f, lambda x, y: np.zeros((3, 3)), (X, V), wrt="y")
    assert report.verdict == RIGHT
    assert report.findings[0].subject == "y"


def test_the_inputs_may_be_named():
    def f(*arrays):
        return arrays[0] @ arrays[1]

    report = check_hessian(f, lambda *arrays: np.zeros((3, 3)), (X, V), names=("left", "right"), wrt="right")
    assert report.findings[0].message == "all 9 entries of the Hessian by right agree"


def test_a_hessian_of_a_vector_is_a_misuse():
    with pytest.raises(UsageError, match=r"^a Hessian is of a scalar function"):
        check_hessian(np.sin, lambda x: np.zeros((3, 3)), X)


def test_a_tolerance_beyond_1_is_a_misuse():
    with pytest.raises(UsageError, match=r"^rtol is 2; it lies between 0 and 1$"):
        check_hessian(lambda x: x @ x, lambda x: 2 * np.eye(3), X, rtol=2)


def test_other_inputs_are_in_double_precision_too():
    """In float32 a thousand times w, and with it the sine, would keep few of its digits."""

    def f(x, w):
        return np.sum(x**2 * np.sin(1000 * w))

    def hessian(x, w):
        return np.diag(2 * np.sin(1000 * w.astype(float)))

    report = check_hessian(f, hessian, (X, np.array([0.7, 1.3, -2.1], dtype=np.float32)), wrt="x")
    assert report.verdict == RIGHT, str(report)
