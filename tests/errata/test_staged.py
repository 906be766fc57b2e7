"""The lectures' staged computations in numbers: as printed, and as they should read (S0-16, S3-05, S4-06 to S4-09)."""

import math

import numpy as np
import pytest

from solutions.staged import (
    overwritten_at_the_fan_out,
    scalar_net_backward,
    scalar_net_forward,
    scalar_net_graph_backward,
    scalar_net_graph_forward,
    softplus_graph_backward,
    softplus_graph_forward,
    staged_backward,
    staged_forward,
    staged_slope,
)

#: S4-07 and S4-08 as printed.
FORWARD = """
sigy = 1.0 / (1 + math.exp(-y))
num = x + sigy
sigx = 1.0 / (1 + math.exp(-x))
xpy = x + y
xpysqr = xpy**2
den = sigx + xpysqr
invden = 1.0 / den
f = num * invden
"""
BACKWARD = """
dnum = invden
dinvden = num
dden = (-1.0 / (den**2)) * dinvden
dsigx = (1) * dden
dxpysqr = (1) * dden
dxdpy = (2 * xpy) * dxpysqr
dx = (1) * dxpy
dy = (1) * dxpy
dx += ((1 - sigx) * sigx) * dsigx
dx += (1) * dnum
dsigy = (1) * dnum
dy += ((1 - sigy) * sigy) * dsigy
"""


def run(code):
    """The names that the lecture's code leaves at x = 3, y = -4."""
    names = {"math": math, "x": 3, "y": -4}
    exec(code, names)
    return names


def slope(function, x, step=1e-6):
    return (function(x + step) - function(x - step)) / (2 * step)


def test_the_staged_example_of_the_lecture():
    """S4-07 and S4-08 at x = 3, y = -4."""
    out, cache = staged_forward(3.0, -4.0)
    assert out == pytest.approx(1.545645, abs=5e-7)
    assert out == pytest.approx(run(FORWARD)["f"], rel=1e-14)
    assert staged_backward(1.0, cache) == pytest.approx((2.05957, 1.59223), abs=5e-6)


def test_the_printed_forward_needs_the_module_math():
    """S4-07 uses math.exp without an import."""
    with pytest.raises(NameError, match="math"):
        exec(FORWARD, {"x": 3, "y": -4})


def test_the_printed_backward_uses_a_name_that_it_never_assigned():
    """S4-08: dxdpy is assigned and dxpy used; with one name it gives the right gradients."""
    with pytest.raises(NameError, match="dxpy"):
        run(FORWARD + BACKWARD)
    mended = run(FORWARD + BACKWARD.replace("dxdpy", "dxpy"))
    _, cache = staged_forward(3.0, -4.0)
    assert (mended["dx"], mended["dy"]) == pytest.approx(staged_backward(1.0, cache), rel=1e-14)


def test_without_its_plus_signs_the_backward_loses_paths():
    """S4-08: with = for +=, dx = 0.512."""
    overwriting = run(FORWARD + BACKWARD.replace("dxdpy", "dxpy").replace("+=", "="))
    assert overwriting["dx"] == pytest.approx(0.512, abs=5e-4)
    _, cache = staged_forward(3.0, -4.0)
    assert overwritten_at_the_fan_out(1.0, cache)[0] == pytest.approx(overwriting["dx"])


def test_the_closed_form_agrees_with_the_stages():
    """S4-06, as printed and in the exercise."""
    x, y = 3.0, -4.0
    num, den = x + 1 / (math.exp(-y) + 1), 1 / (math.exp(-x) + 1) + (x + y) ** 2
    inner = math.exp(-x) / (math.exp(-x) + 1) ** 2 + 2 * (x + y)
    assert staged_slope(x, y) == pytest.approx(1 / den - num * inner / den**2, rel=1e-12)
    assert staged_slope(x, y) == pytest.approx(staged_backward(1.0, staged_forward(x, y)[1])[0], rel=1e-12)
    assert staged_slope(x, y) == pytest.approx(slope(lambda x: staged_forward(x, y)[0], x))


def test_the_gradients_that_the_lecture_asks_for_and_does_not_give():
    """S0-16: dL/dw_o = 2e (-1) h, dL/db_o = 2e (-1), dL/db_h = 2e (-1) w_o 1{z_h > 0}."""
    inputs = {"x": 1.3, "y": 0.4, "wh": 0.9, "bh": 0.2, "wo": -1.1, "bo": 0.5}
    loss, cache = scalar_net_forward(**inputs)
    h = max(inputs["wh"] * inputs["x"] + inputs["bh"], 0)
    e = inputs["y"] - inputs["wo"] * h - inputs["bo"]
    found = dict(zip(("wh", "bh", "wo", "bo"), scalar_net_backward(1.0, cache)))
    by_hand = {"wo": -2 * e * h, "bo": -2 * e, "bh": -2 * e * inputs["wo"], "wh": -2 * e * inputs["wo"] * inputs["x"]}
    assert loss == pytest.approx(e**2)
    assert found == pytest.approx(by_hand)
    for name, gradient in found.items():
        measured = slope(lambda value, name=name: scalar_net_forward(**inputs | {name: value})[0], inputs[name])
        assert gradient == pytest.approx(measured)


def test_the_product_of_seven_derivatives_is_the_gradient_of_w_h():
    """S0-16: dL/de de/do do/dm_o dm_o/dh dh/dz_h dz_h/dm_h dm_h/dw_h."""
    inputs = (1.3, 0.4, 0.9, 0.2, -1.1, 0.5)
    x, wo = inputs[0], inputs[4]
    _, cache = scalar_net_graph_forward(*inputs)
    seven = (2 * cache["e"], -1, 1, wo, float(cache["z_h"] > 0), 1, x)
    assert scalar_net_graph_backward(1.0, cache)["dwh"] == pytest.approx(math.prod(seven))


def test_softplus_by_its_stages():
    """S3-05: right in stages; at x = 800 the first one overflows, and the closed form is inf / inf."""
    x = np.array([[-1.0, 0.0, 2.0]])
    _, cache = softplus_graph_forward(x)
    found = softplus_graph_backward(np.ones((1, 3)), cache)
    np.testing.assert_allclose(found["dx"], np.exp(x) / (1 + np.exp(x)))
    np.testing.assert_allclose(found["da"], 1 / (1 + np.exp(x)))
    with np.errstate(over="ignore", invalid="ignore"):
        out, cache = softplus_graph_forward(np.array([[800.0]]))
        assert np.isinf(out)
        assert np.isnan(softplus_graph_backward(np.ones((1, 1)), cache)["dx"])
