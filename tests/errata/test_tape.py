"""The lectures' graphs, on a tape: node derivatives, and the parameter derivatives that are read out of them."""

import numpy as np
import pytest

from solutions.tape import Var, assigned_where_it_should_add_up, each_node_when_first_met


@pytest.mark.parametrize("x", [1.5, -1.5], ids=["active", "dead"])
def test_the_network_of_single_operations(x):
    """S0-17: h = relu(w_h x + b_h), o = w_o h + b_o, L = (y - o)^2; by the chain rule, one local derivative each."""
    w_h, b_h, w_o, b_o, y = Var(0.8), Var(0.3), Var(-1.2), Var(0.1), 2.0
    h = (w_h * x + b_h).relu()
    o = w_o * h + b_o
    loss = (y - o) ** 2
    loss.backward()
    d_o = -2 * (y - o.value)
    d_h = d_o * -1.2
    active = 1.0 if 0.8 * x + 0.3 > 0 else 0.0
    assert (o.grad, h.grad) == pytest.approx((d_o, d_h))
    expected = (d_h * active * x, d_h * active, d_o * h.value, d_o)
    assert [p.grad for p in (w_h, b_h, w_o, b_o)] == pytest.approx(expected)


def test_parameter_derivatives_are_read_out_of_node_derivatives():
    """S1-08, for the two-layer exercise of S1: dL/dw_ij = dL/dh_i times what the weight multiplies."""
    rng = np.random.default_rng(0)
    w1, w2 = ([[Var(w) for w in row] for row in rng.normal(size=(3, 3))] for _ in range(2))
    x, target = rng.normal(size=3), rng.normal(size=3)
    h1 = [sum(w * xj for w, xj in zip(row, x)) for row in w1]
    a1 = [h.tanh() for h in h1]
    h2 = [sum((w * a for w, a in zip(row, a1)), Var(0.0)) for row in w2]
    a2 = [h.tanh() for h in h2]
    loss = sum((a - t) ** 2 for a, t in zip(a2, target))
    loss.backward()
    values = np.array([[w.value for w in row] for row in w2])
    delta2 = 2 * (np.array([a.value for a in a2]) - target) * (1 - np.array([a.value for a in a2]) ** 2)
    delta1 = values.T @ delta2 * (1 - np.array([a.value for a in a1]) ** 2)
    np.testing.assert_allclose([h.grad for h in h2], delta2)
    np.testing.assert_allclose([h.grad for h in h1], delta1)
    np.testing.assert_allclose([[w.grad for w in row] for row in w1], np.outer(delta1, x))
    np.testing.assert_allclose([[w.grad for w in row] for row in w2], np.outer(delta2, [a.value for a in a1]))


@pytest.mark.parametrize(
    ("make", "found"), [(Var, 2.0 + 8.0), (assigned_where_it_should_add_up, 8.0), (each_node_when_first_met, 2.0)]
)
def test_shared_nodes_need_a_sum_and_an_order(make, found):
    """S0-17, not said there: in b = 2 a, c = 4 b, d = c + b the node b waits for both of its consumers."""
    a = make(1.0)
    b = a * 2.0
    (b * 4.0 + b).backward()
    assert a.grad == found
