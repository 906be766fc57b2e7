"""What the lecture prints of the Hessian, beside what is right."""

import numpy as np
import pytest

from checker import numerical_hessian, numerical_jacobian
from solutions.hessians import (
    logistic_hessian,
    logistic_loss,
    logsumexp,
    logsumexp_curvature,
    logsumexp_gradient,
    logsumexp_hessian,
    quadratic,
    quadratic_gradient,
    quadratic_hessian,
    valley,
    valley_gradient,
    valley_hessian,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_first_differences_over_two_steps_have_no_limit(rng):
    """S3-10 prints df over dx_i dx_j: that grows without bound as the steps shrink; the second difference settles."""
    x, e0, e1 = rng.normal(size=4), np.eye(4)[0], np.eye(4)[1]
    printed, mended = [], []
    for h in (1e-2, 1e-3, 1e-4):
        printed.append((logsumexp(x + h * e0 + h * e1) - logsumexp(x)) / h**2)
        corners = [logsumexp(x + h * (a * e0 + b * e1)) * a * b for a in (-1, 1) for b in (-1, 1)]
        mended.append(sum(corners) / (2 * h) ** 2)
    assert abs(printed[1]) > 5 * abs(printed[0])
    assert abs(printed[2]) > 5 * abs(printed[1])
    np.testing.assert_allclose(mended, logsumexp_hessian(x)[0, 1], rtol=1e-3)


def test_the_hessian_is_the_derivative_of_the_gradient_and_symmetric(rng):
    """S3-10: the gradient of the gradient, in either layout, for all three functions."""
    x, a, b = rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=4)
    cases = [
        (quadratic, quadratic_gradient, quadratic_hessian, (x, a, b)),
        (logsumexp, logsumexp_gradient, logsumexp_hessian, (x,)),
        (valley, valley_gradient, valley_hessian, (x, 10.0)),
    ]
    for function, gradient, hessian, inputs in cases:
        h = hessian(*inputs)
        np.testing.assert_array_equal(h, h.T)
        np.testing.assert_allclose(h, numerical_jacobian(gradient, inputs, wrt="x").value, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(h, numerical_hessian(function, inputs, wrt="x").value, rtol=1e-4, atol=1e-4)


def test_twice_the_matrix_is_the_hessian_of_symmetric_matrices_alone(rng):
    """The quadratic form of a matrix and that of its symmetric part are one function."""
    x, a, b = rng.normal(size=4), rng.normal(size=(4, 4)), np.zeros(4)
    part = (a + a.T) / 2
    assert quadratic(x, a, b) == pytest.approx(quadratic(x, part, b))
    np.testing.assert_allclose(quadratic_hessian(x, a, b), 2 * part)
    assert np.linalg.norm(quadratic_hessian(x, a, b) - 2 * a) > 0.5 * np.linalg.norm(a)


def test_a_shift_of_all_entries_is_a_flat_direction_of_log_sum_exp(rng):
    x = rng.normal(size=5)
    np.testing.assert_allclose(logsumexp_hessian(x) @ np.ones(5), 0, atol=1e-16)
    np.testing.assert_allclose(logsumexp_curvature(x, np.ones(5)), 0, atol=1e-16)
    assert np.linalg.eigvalsh(logsumexp_hessian(x))[0] > -1e-15


def test_the_valley_is_lowest_where_every_entry_is_1():
    x = np.ones(4)
    assert valley(x) == 0
    assert not valley_gradient(x).any()
    assert np.linalg.eigvalsh(valley_hessian(x))[0] > 0


def test_newton_steps_with_the_logistic_hessian_converge_quadratically(rng):
    x = rng.normal(size=(30, 3))
    y = (x @ [1.0, -0.5, 0.25] + rng.logistic(size=30) > 0).astype(int)
    w, errors = np.zeros(3), []
    for _ in range(8):
        gradient = numerical_jacobian(logistic_loss, (w, x, y), wrt="w").value
        errors.append(np.linalg.norm(gradient))
        w = w - np.linalg.solve(logistic_hessian(w, x, y), gradient)
    assert errors[-1] < 1e-9
    assert errors[3] < 10 * errors[2] ** 2
