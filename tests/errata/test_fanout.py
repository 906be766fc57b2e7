"""The lectures' rules for values that are used several times, as printed and as they should read (S3-04, S4-05)."""

import numpy as np
import pytest

from solutions.fanout import (
    fanout_backward,
    fanout_forward,
    fork_backward,
    fork_forward,
    partial_for_the_total,
    paths_backward,
    paths_forward,
    printed_rule_without_inner_derivatives,
    total_derivative,
)


def slope(function, x, step=1e-6):
    return (function(x + step) - function(x - step)) / (2 * step)


def test_the_printed_rule_drops_the_inner_derivatives():
    """S3-04: with h = x^2 and L = q1 q2 at x = 1.7, 5.78 for 19.65."""
    loss, cache = fanout_forward(1.7)
    assert loss == pytest.approx(1.7**4)
    assert slope(lambda x: fanout_forward(x)[0], 1.7) == pytest.approx(19.652)
    assert fanout_backward(1.0, cache) == pytest.approx(19.652)
    assert printed_rule_without_inner_derivatives(1.0, cache) == pytest.approx(5.78)


def test_the_printed_rule_holds_for_copies():
    """S3-04 with h(x) = x: L = q1 q2 = x^2."""
    (q1, q2), cache = fork_forward(1.7)
    dq1, dq2 = q2, q1
    assert fork_backward(dq1, dq2, cache) == pytest.approx(slope(lambda x: x * x, 1.7))


def test_the_left_side_is_the_total_derivative():
    """S4-05 writes a partial derivative for the sum over all paths; that with p and q held is another number."""
    x = 0.7
    _, cache = paths_forward(x)
    total = slope(lambda x: paths_forward(x)[0], x)
    assert paths_backward(1.0, cache) == pytest.approx(total)
    p, q = x**2, np.sin(x)
    partial = slope(lambda direct: p * q + q * direct, x)
    assert partial_for_the_total(1.0, cache) == pytest.approx(partial)
    assert abs(total - partial) > 1


def test_the_general_rule_gives_the_same():
    """S0-02 and S4-05: the paths through p and q, and the one of x itself."""
    x = 0.7
    p, q = x**2, np.sin(x)
    df_da, da_dx = np.array([q, p + x, q]), np.array([2 * x, np.cos(x), 1.0])
    assert total_derivative(df_da, da_dx) == pytest.approx(paths_backward(1.0, paths_forward(x)[1]))
