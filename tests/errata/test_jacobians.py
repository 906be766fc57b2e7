"""What the lectures print of Jacobians and their layouts, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.jacobians import (
    first_order_change,
    layer,
    layer_jacobian,
    length,
    length_gradient,
    matvec,
    matvec_jacobian,
    neighbours,
    neighbours_gradient,
    neighbours_jacobian,
    vector_chain,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def measured(f, *inputs, wrt):
    """The derivative by differences, in denominator layout."""
    return numerical_jacobian(f, inputs, wrt=wrt).value


def test_the_gradient_of_one_output_goes_down_to_the_last_input(rng):
    """S3-08 lists dy_1/dx down to x_n, where n counts the outputs: it is x_m."""
    x = rng.normal(size=6)
    y, gradient = neighbours(x), neighbours_gradient(x)
    assert len(gradient[:, 0]) == len(x) != len(y)
    np.testing.assert_allclose(gradient, measured(neighbours, x, wrt="x"), rtol=1e-6, atol=1e-8)


def test_the_rows_of_the_jacobian_are_the_jacobian_already(rng):
    """S3-08 writes J before its own rows: as printed, twice J (where J is square)."""
    a, x, step = rng.normal(size=(4, 4)), rng.normal(size=4), 1e-4 * rng.normal(size=4)
    moved = matvec(a, x + step) - matvec(a, x)
    once, twice = a @ step, a @ a @ step
    np.testing.assert_allclose(once, moved, rtol=1e-8)
    assert np.linalg.norm(twice - moved) > 0.5 * np.linalg.norm(moved)
    np.testing.assert_array_equal(first_order_change(matvec_jacobian(a, x), step), once)


def test_a_small_step_moves_the_outputs_by_the_jacobian(rng):
    """S3-08: the first-order change is off by the second order alone."""
    x, step = rng.normal(size=5), rng.normal(size=5)
    for size in (1e-2, 1e-3, 1e-4):
        change = first_order_change(neighbours_gradient(x), size * step)
        assert np.linalg.norm(neighbours(x + size * step) - neighbours(x) - change) < 20 * size**2
    np.testing.assert_allclose(change, size * neighbours_jacobian(x) @ step, rtol=1e-12)


def test_the_matrix_displayed_for_wx_is_not_transposed(rng):
    """S3-09 displays W, of shape (3, 5), and then calls it W^T; the derivative is (5, 3)."""
    w, x = rng.normal(size=(3, 5)), rng.normal(size=5)
    exact = measured(matvec, w, x, wrt="x")
    assert w.shape == (3, 5)
    assert exact.shape == (5, 3)
    np.testing.assert_allclose(matvec_jacobian(w, x), exact, atol=1e-8)
    square = rng.normal(size=(4, 4))  # where the shape does not tell, the numbers do
    exact = measured(matvec, square, x[:4], wrt="x")
    assert np.linalg.norm(square - exact) > 0.5 * np.linalg.norm(exact)
    np.testing.assert_allclose(matvec_jacobian(square, x[:4]), exact, atol=1e-8)


def test_the_first_entry_of_the_jacobian_is_of_the_first_unit_in_the_next_layer(rng):
    """S2-08 prints the second unit, two layers on, in the corner."""
    h, w = rng.normal(size=4), rng.normal(size=(4, 4))
    exact = measured(layer, h, w, wrt="h")
    first, second = exact[0, 0], exact[0, 1]
    assert layer_jacobian(h, w)[0, 0] == pytest.approx(first, rel=1e-7)
    assert abs(second - first) > 0.1 * abs(first)
    two_layers_on = measured(lambda h: layer(layer(h, w), w), h, wrt="h")
    assert abs(two_layers_on[0, 1] - first) > 0.1 * abs(first)


def test_the_weight_between_unit_2_and_input_1_is_w21():
    """S2-09 prints W_22 for the derivative of the second sum by the first activation."""
    w = np.array([[0.31, -0.52], [0.604, -1.187]])
    h = np.array([0.7, -0.4])
    derivative = measured(matvec, w, h, wrt="x")[0, 1]
    assert derivative == pytest.approx(0.604, abs=1e-8)
    assert derivative == pytest.approx(w[1, 0], abs=1e-8)
    assert abs(w[1, 1] - derivative) > 1.7
    a = layer(h, w)
    assert layer_jacobian(h, w)[0, 1] == pytest.approx(w[1, 0] * a[1] * (1 - a[1]))


def test_rows_and_columns_are_two_layouts_of_one_gradient():
    """S4-01 writes a gradient as a row, S3-06 as a column."""
    x = np.array([3.0, -4.0])
    row = length_gradient(x)
    np.testing.assert_allclose(row, [[0.6, -0.8]])
    np.testing.assert_allclose(row.T, measured(length, x, wrt="x"), atol=1e-8)


def test_the_chain_runs_from_right_to_left_in_denominator_layout(rng):
    """S3-12: the factors' order follows from the shapes, and for square factors from the numbers."""
    w, v, x = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)
    dy_dx, dz_dy = matvec_jacobian(w, x), matvec_jacobian(v, matvec(w, x))
    exact = measured(lambda x: matvec(v, matvec(w, x)), x, wrt="x")
    np.testing.assert_allclose(vector_chain(dy_dx, dz_dy), exact, atol=1e-7)
    assert np.linalg.norm(vector_chain(dz_dy, dy_dx) - exact) > 0.5 * np.linalg.norm(exact)
