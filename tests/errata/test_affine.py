"""What the lecture prints of affine layers, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.affine import affine_backward, affine_forward, affine_relu_backward, affine_relu_forward, sgd_step


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_the_line_with_the_transposed_weights_is_the_gradient_of_the_input(rng):
    """S3-19 labels both lines dL/dw: the one with W^T is as long as x, and is its gradient."""
    w, x, b, dy = rng.normal(size=(3, 5)), rng.normal(size=(1, 5)), rng.normal(size=3), rng.normal(size=3)
    _, cache = affine_forward(x, w, b)
    dx, dw, _ = affine_backward(dy[None], cache)
    line = w.T @ dy
    by_x = numerical_jacobian(lambda x: dy @ (w @ x + b), (x[0],)).value
    by_w = numerical_jacobian(lambda w: dy @ (w @ x[0] + b), (w,)).value
    assert line.shape != w.shape
    np.testing.assert_allclose(line, by_x, atol=1e-7)
    np.testing.assert_allclose(dx[0], line, rtol=1e-12)
    np.testing.assert_allclose(dw, by_w, atol=1e-7)


def test_the_gradient_below_relu_is_that_above_it_masked(rng):
    """S3-20, handwritten: dL/da = 1(a > 0) dL/da holds for whatever is 0 where a < 0; with dL/dh it says what it is."""
    w, x, b, z = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4), rng.normal(size=4)
    a = w @ x + b
    assert 0 < np.sum(a > 0) < 4

    def loss(a):
        return np.sum((np.maximum(a, 0) - z) ** 2)

    exact = numerical_jacobian(loss, (a,)).value
    anything = rng.normal(size=4) * (a > 0)
    np.testing.assert_array_equal(anything, (a > 0) * anything)  # as printed
    assert np.linalg.norm(anything - exact) > 0.3 * np.linalg.norm(exact)
    dh = 2 * (np.maximum(a, 0) - z)
    np.testing.assert_allclose((a > 0) * dh, exact, atol=1e-7)
    out, cache = affine_relu_forward(x[None], w, b)
    _, _, db = affine_relu_backward(2 * (out - z), cache)
    np.testing.assert_allclose(db, exact, atol=1e-7)


def test_weights_behind_units_that_are_off_stay_where_they_are(rng):
    """S3-21: dL/dW = dL/dz h^T is 0 for h = 0, and so is every step; a layer that is on does learn."""
    w, dz = rng.normal(size=(2, 4)), rng.normal(size=(3, 2))
    x, below, b = rng.normal(size=(3, 5)), rng.normal(size=(4, 5)), np.full(4, -100.0)
    off, cache = affine_relu_forward(x, below, b)
    assert not off.any()
    np.testing.assert_array_equal(sgd_step(w, off, dz, 10.0), w)
    assert not any(gradient.any() for gradient in affine_relu_backward(dz @ w, cache))  # and nothing below learns
    on, _ = affine_relu_forward(x, below, -b)
    assert np.all(sgd_step(w, on, dz, 10.0) != w)


def test_a_small_step_lowers_the_loss_and_the_opposite_one_raises_it(rng):
    """S3-21: the sign of the step, with the loss |h w^T - y|^2 / 2."""
    w, h, y = rng.normal(size=(2, 4)), rng.normal(size=(3, 4)), rng.normal(size=(3, 2))

    def loss(w):
        return np.sum((h @ w.T - y) ** 2) / 2

    error = h @ w.T - y
    assert loss(sgd_step(w, h, error, 1e-3)) < loss(w) < loss(sgd_step(w, h, error, -1e-3))
