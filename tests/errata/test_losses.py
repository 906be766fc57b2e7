"""What the lectures print, or leave out, of losses, beside what is right."""

import numpy as np
import pytest

from checker import numerical_jacobian
from solutions.activations import logistic, sigmoid_backward, sigmoid_forward
from solutions.losses import (
    bce_backward,
    bce_forward,
    bce_with_logits_backward,
    bce_with_logits_forward,
    half_squared_error_backward,
    half_squared_error_forward,
    softmax_ce_backward,
    softmax_ce_forward,
    softmax_ce_graph_backward,
    softmax_ce_graph_forward,
    squared_error_backward,
    squared_error_forward,
)


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def test_the_square_of_a_vector_is_the_sum_of_its_squares(rng):
    """S3-20 prints (h - z)^2 for vectors: its gradient 2 (h - z) is that of |h - z|^2, and not of (sum(h - z))^2."""
    h, z = rng.normal(size=4), rng.normal(size=4)
    printed = 2 * (h - z)
    of_the_length = numerical_jacobian(lambda h: np.sum((h - z) ** 2), (h,)).value
    of_the_sum = numerical_jacobian(lambda h: np.sum(h - z) ** 2, (h,)).value
    np.testing.assert_allclose(printed, of_the_length, atol=1e-7)
    assert np.linalg.norm(printed - of_the_sum) > 0.5 * np.linalg.norm(printed)
    losses, cache = squared_error_forward(h[None], z[None])
    assert losses == pytest.approx([(h - z) @ (h - z)])
    np.testing.assert_allclose(squared_error_backward(np.ones(1), cache)[0], printed, rtol=1e-12)


def test_two_lectures_squared_errors_differ_by_a_factor_of_two(rng):
    """S1-10 has one half before the sum, S3-20 has none."""
    h, z = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    whole, whole_cache = squared_error_forward(h, z)
    half, half_cache = half_squared_error_forward(h, z)
    assert whole.sum() == pytest.approx(2 * half)
    whole_gradient = squared_error_backward(np.ones(3), whole_cache)
    np.testing.assert_allclose(whole_gradient, 2 * half_squared_error_backward(1.0, half_cache), rtol=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_the_local_error_of_a_sigmoid_output_is_the_prediction_minus_the_label(rng, label):
    """S2-03 leaves delta = dL/dy_hat dy_hat/dy_tilde to the reader: it is y_hat - y, as S0-10 says."""
    z, y = rng.normal(size=1), np.array([label])
    exact = numerical_jacobian(lambda z: bce_with_logits_forward(z, y)[0], (z,)).value
    np.testing.assert_allclose(logistic(z) - y, exact, atol=1e-8)
    np.testing.assert_allclose(bce_with_logits_backward(1.0, bce_with_logits_forward(z, y)[1]), exact, atol=1e-8)


def test_the_two_factors_of_the_local_error_multiply_to_it(rng):
    """S0-10 and S2-03: (a - y) / (a (1 - a)) times a (1 - a)."""
    z, y = rng.normal(size=6), np.array([0, 1, 1, 0, 1, 0])
    p, kept = sigmoid_forward(z[:, None])
    loss, cache = bce_forward(p[:, 0], y)
    through = sigmoid_backward(bce_backward(1.0, cache)[:, None], kept)
    expected = bce_with_logits_backward(1.0, bce_with_logits_forward(z, y)[1])
    np.testing.assert_allclose(through[:, 0], expected, rtol=1e-12)
    a = p[:, 0]
    assert loss == pytest.approx(np.mean((y - 1) * np.log(1 - a) - y * np.log(a)))  # as S0-10 groups the signs


def test_the_printed_cross_entropy_ends_where_the_sigmoid_rounds_to_one():
    """S0-10 and S2-02: at a logit of 40 the probability is 1 in floating point, and log(1 - 1) is minus infinity."""
    z, y = np.array([40.0]), np.array([0])
    with np.errstate(divide="ignore"):
        assert bce_forward(logistic(z), y)[0] == np.inf
    assert bce_with_logits_forward(z, y)[0] == pytest.approx(40)


def test_of_two_classes_the_softmax_is_the_sigmoid_of_the_difference(rng):
    z, y = rng.normal(size=(5, 2)), np.array([0, 1, 1, 0, 1])
    loss, cache = softmax_ce_forward(z, y)
    difference, kept = bce_with_logits_forward(z[:, 1] - z[:, 0], y)
    assert loss == pytest.approx(difference)
    dz = softmax_ce_backward(1.0, cache)
    delta = bce_with_logits_backward(1.0, kept)
    np.testing.assert_allclose(dz, np.stack([-delta, delta], axis=1), atol=1e-15)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    y = np.array([0, 3, 9])
    assert softmax_ce_forward(np.zeros((3, 10)), y)[0] == pytest.approx(np.log(10))


def test_node_by_node_the_same_gradient_comes_out_and_no_row_of_it_is_left_for_the_maximum(rng):
    z, y = rng.normal(size=(4, 6)), np.array([0, 5, 2, 2])
    done = softmax_ce_graph_backward(0.7, softmax_ce_graph_forward(z, y)[1])
    np.testing.assert_allclose(done["dz"], softmax_ce_backward(0.7, softmax_ce_forward(z, y)[1]), rtol=1e-12)
    np.testing.assert_allclose(done["ds"].sum(axis=1), 0, atol=1e-16)
