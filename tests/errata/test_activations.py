"""The lectures' activations in numbers: where their formulas hold, and where they overflow (S0-10, S3-03, S3-05)."""

import numpy as np
import pytest

from solutions.activations import (
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    softplus_backward,
    softplus_forward,
    tanh_backward,
    tanh_forward,
)


def test_softplus_as_printed_is_infinite_at_800_and_its_slope_is_no_number():
    """S3-05: log(1 + exp(x)) and exp(x) / (1 + exp(x)); right are 800 and 1."""
    x = np.array([[800.0]])
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isinf(np.log(1 + np.exp(x)))
        assert np.isnan(np.exp(x) / (1 + np.exp(x)))
    out, cache = softplus_forward(x)
    assert out.item() == 800.0
    assert softplus_backward(np.ones((1, 1)), cache).item() == 1.0


def test_softplus_as_printed_is_right_where_it_does_not_overflow():
    x = np.linspace(-30, 30, 61)[None]
    out, cache = softplus_forward(x)
    np.testing.assert_allclose(out, np.log(1 + np.exp(x)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(softplus_backward(np.ones_like(x), cache), np.exp(x) / (1 + np.exp(x)), rtol=1e-12)


def test_the_slope_of_the_sigmoid_is_at_most_a_quarter():
    x = np.linspace(-8, 8, 161)[None]
    out, cache = sigmoid_forward(x)
    slope = sigmoid_backward(np.ones_like(x), cache)
    assert slope.max() == pytest.approx(0.25)
    assert x[0, slope.argmax()] == pytest.approx(0.0)
    np.testing.assert_allclose(slope, np.exp(-x) / (1 + np.exp(-x)) ** 2, rtol=1e-12)


def test_the_slope_of_tanh_is_1_at_0_and_vanishes_outside():
    _, cache = tanh_forward(np.array([[0.0, 20.0]]))
    np.testing.assert_allclose(tanh_backward(np.ones((1, 2)), cache), [[1.0, 0.0]], atol=1e-15)


def test_relu_takes_0_at_its_kink():
    """S3-03: the indicator of x > 0."""
    x = np.array([[-1.0, 0.0, 2.0]])
    out, cache = relu_forward(x)
    np.testing.assert_array_equal(out, [[0.0, 0.0, 2.0]])
    np.testing.assert_array_equal(relu_backward(np.full((1, 3), 5.0), cache), [[0.0, 0.0, 5.0]])
