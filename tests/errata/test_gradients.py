"""Gradients of numbers by vectors and matrices, as the lectures write them (S3-06, S3-07, S4-01, S4-02)."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.gradients import (
    bilinear,
    bilinear_gradient,
    change_by_matrix,
    frobenius,
    frobenius_gradient,
    measured_gradient,
    product,
    product_gradient,
    squared_distance,
    squared_distance_gradient,
    trace_gradient,
    trace_of_product,
    variance,
    variance_gradient,
)


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def test_a_row_and_a_column_are_the_same_gradient():
    """S4-01 and S4-02: the gradient of x y at (4, -3) is the row [-3, 4]; S3-06 would write it as a column."""
    x = np.array([4.0, -3.0])
    row = product_gradient(x)
    np.testing.assert_array_equal(row, [[-3.0, 4.0]])
    column = numerical_jacobian(product, (x,), wrt="x").value
    np.testing.assert_allclose(column, row.T, atol=1e-8)


def test_a_small_step_changes_the_number_by_slopes_times_steps(rng):
    """S3-06 and S3-07: what is left is of the second order."""
    w, step = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    for size in (1e-2, 1e-3, 1e-4):
        true = frobenius(w + size * step) - frobenius(w)
        assert true - change_by_matrix(frobenius_gradient(w), size * step) == pytest.approx(
            size**2 * frobenius(step), rel=1e-3
        )


def test_a_gradient_has_the_shape_of_what_it_is_taken_by(rng):
    """S3-07, denominator layout."""
    x, w, y = rng.normal(size=4), rng.normal(size=(4, 3)), rng.normal(size=3)
    assert [g.shape for g in bilinear_gradient(x, w, y)] == [x.shape, w.shape, y.shape]
    for name, gradient in zip("xwy", bilinear_gradient(x, w, y)):
        np.testing.assert_allclose(gradient, numerical_jacobian(bilinear, (x, w, y), wrt=name).value, atol=1e-8)
    a = rng.normal(size=(3, 4))
    assert trace_gradient(a, w).shape == w.shape
    assert trace_of_product(a, w) == pytest.approx(np.sum(a.T * w))


def test_the_distance_falls_fastest_towards_the_centre(rng):
    x, c = rng.normal(size=3), rng.normal(size=3)
    dx, dc = squared_distance_gradient(x, c)
    assert squared_distance(x - 0.5 * dx, c) == pytest.approx(0, abs=1e-30)
    np.testing.assert_allclose(dc, -dx)


def test_the_measured_gradient_comes_close_to_the_exact_one(rng):
    """S3-06: the smaller the step, the closer, in proportion to it."""
    x = rng.normal(size=5)
    off = [np.abs(measured_gradient(x, h) - variance_gradient(x)).max() for h in (1e-1, 1e-2)]
    assert off[0] / off[1] == pytest.approx(10, rel=1e-6)
    assert variance(x + 7) == pytest.approx(variance(x))
    np.testing.assert_allclose(variance_gradient(x + 7), variance_gradient(x), atol=1e-14)
