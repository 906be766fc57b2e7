"""The custom layers that the lecture leaves open (S2-11), and what every pair of forward and backward owes (S2-01)."""

import numpy as np
import pytest

from solutions.custom import (
    gated_backward,
    gated_forward,
    slope_along,
    swish_backward,
    swish_forward,
    wacky_backward,
    wacky_forward,
)

LAYERS = {"wacky": (wacky_forward, wacky_backward), "gated": (gated_forward, gated_backward)}


@pytest.fixture
def rng():
    return np.random.default_rng(8)


@pytest.mark.parametrize("name", LAYERS)
def test_the_slope_along_a_direction_is_the_backwards(name, rng):
    """One direction checks every entry of dx at once."""
    forward, backward = LAYERS[name]
    x, v, h = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), 1e-5
    out, cache = forward(x)
    dout = rng.normal(size=out.shape)
    measured = np.sum(dout * (forward(x + h * v)[0] - forward(x - h * v)[0])) / (2 * h)
    assert np.sum(backward(dout, cache) * v) == pytest.approx(measured, rel=1e-8)


def test_the_exercise_measures_the_same(rng):
    x, v, dout = rng.normal(size=(3, 3, 4))
    exact = np.sum(wacky_backward(dout, wacky_forward(x)[1]) * v)
    assert slope_along(x, v, dout, 1e-5) == pytest.approx(exact, rel=1e-8)
    off = [abs(slope_along(x, v, dout, h) - exact) for h in (1e-2, 1e-3)]
    assert off[0] / off[1] == pytest.approx(100, rel=1e-2)  # two-sided: of the second order


def test_layers_that_keep_the_protocol_can_be_put_together(rng):
    """S2-01: the chain rule is one backward after the other."""
    x, beta, v, h = rng.normal(size=(3, 4)), rng.normal(size=2), rng.normal(size=(3, 4)), 1e-5

    def forward(x):
        first, one = wacky_forward(x)
        second, two = gated_forward(first)
        out, three = swish_forward(second, beta)
        return out, (one, two, three)

    out, (one, two, three) = forward(x)
    dout = rng.normal(size=out.shape)
    dsecond, _ = swish_backward(dout, three)
    dx = wacky_backward(gated_backward(dsecond, two), one)
    measured = np.sum(dout * (forward(x + h * v)[0] - forward(x - h * v)[0])) / (2 * h)
    assert np.sum(dx * v) == pytest.approx(measured, rel=1e-7)


def test_what_is_known_of_the_layers():
    np.testing.assert_allclose(wacky_forward(np.zeros((1, 1)))[0], np.log(2))
    np.testing.assert_allclose(wacky_backward(np.ones((1, 1)), np.zeros((1, 1))), 0.5)
    np.testing.assert_allclose(gated_forward(np.array([[3.0, 0.0]]))[0], 4.5)
    x = np.array([[-2.0, 5.0]])
    np.testing.assert_allclose(swish_forward(x, np.zeros(2))[0], x / 2)


def test_a_row_that_has_no_right_half_is_refused():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3\), where \(N, 2\*D\) is wanted"):
        gated_forward(np.ones((2, 3)))
