"""What the lecture prints of recurrent networks and of the way back through time, beside what is right."""

import numpy as np
import pytest

from checker import numerical_gradient, numerical_jacobian
from solutions.rnn import (
    bptt_gradient,
    bptt_term,
    rnn_forward,
    rnn_immediate_influence,
    rnn_jacobian,
    rnn_loss_gradient,
    rnn_readout_loss_backward,
    rnn_readout_loss_forward,
    rnn_recurrence,
    rnn_sequence_loss_backward,
    rnn_sequence_loss_forward,
    rnn_stacked_step_forward,
    rnn_step_forward,
    truncated_bptt,
)

T, N, N_IN, OUT = 6, 4, 3, 2


class Network:
    """A network of the lecture, a sequence for it, and what it computes at every time."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.normal(size=(T, N_IN)), rng.normal(size=(T, OUT))
        self.a0, self.b = rng.normal(size=N), 0.3 * rng.normal(size=N)
        self.w, self.w_in = rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, N_IN)) / N_IN**0.5
        self.w_out = rng.normal(size=(OUT, N))
        self.hs, self.states = [], [self.a0]
        for x in self.x:
            self.hs.append(self.w @ self.states[-1] + self.w_in @ x + self.b)
            self.states.append(np.tanh(self.hs[-1]))
        before = self.states[:-1]
        self.js = np.array([rnn_jacobian(a, x, self.w, self.w_in, self.b) for a, x in zip(before, self.x)])
        self.m_bars = np.array([rnn_immediate_influence(h, a, x) for h, a, x in zip(self.hs, before, self.x)])
        self.qs = np.array([rnn_loss_gradient(a, self.w_out, y) for a, y in zip(self.states[1:], self.y)])

    @property
    def stacked(self):
        return np.concatenate([self.w, self.w_in, self.b[:, None]], axis=1)

    def loss_of(self, time, weights):
        """The loss of one time with stacked weights of its own for each time."""
        a = self.a0
        for w, x in zip(weights[: time + 1], self.x):
            a = rnn_stacked_step_forward(a, x, w)[0]
        return rnn_readout_loss_forward(a, self.w_out, self.y[time])[0]

    def measured(self, time, used=None):
        """The derivative of one time's loss by the weights as used at one time, or at all, by differences."""

        def loss(w):
            return self.loss_of(time, [w if used in (None, t) else self.stacked for t in range(T)])

        return numerical_gradient(loss, (self.stacked,)).value


@pytest.fixture
def net():
    return Network()


def off(mine, right):
    return np.linalg.norm(mine - right) / np.linalg.norm(right)


def test_the_sum_over_j_leaves_no_unit_out():
    """S1-09 prints j from not 1 to n: without the first unit, the preactivations are off by a quarter or more."""
    errors = []
    for seed in range(50):
        net = Network(seed)
        a, w = net.states[3], net.w
        printed = w[:, 1:] @ a[1:] + net.w_in @ net.x[3] + net.b
        right = w @ a + net.w_in @ net.x[3] + net.b
        np.testing.assert_allclose(np.tanh(right), rnn_recurrence(a, net.x[3], w, net.w_in, net.b))
        errors.append(off(printed, right))
    assert 0.2 < np.median(errors) < 0.5


def test_the_one_behind_the_bias_belongs_to_a_hat(net):
    """S1-09 prints (a, x, 1) as if it were an argument of b: it defines a_hat, which needs the stacked weights."""
    a, x = net.states[2], net.x[2]
    a_hat = np.concatenate([a, x, [1.0]])
    right = rnn_recurrence(a, x, net.w, net.w_in, net.b)
    np.testing.assert_allclose(np.tanh(net.stacked @ a_hat), right, rtol=1e-14)
    np.testing.assert_allclose(rnn_stacked_step_forward(a, x, net.stacked)[0], right, rtol=1e-14)
    assert net.w.shape[1] != len(a_hat)  # W alone does not fit a_hat
    assert off(np.tanh(net.w @ a), right) > 0.1  # and without its other columns it is another number


def test_the_lectures_column_is_a_row_of_the_batch(net):
    """The lecture's step of one column, its state called a, is a row of the batch's step, whose state is called h."""
    h, _ = rnn_step_forward(net.x, np.array(net.states[:-1]), net.w_in, net.w, net.b)
    np.testing.assert_allclose(h, net.states[1:], rtol=1e-13)
    h, _ = rnn_forward(net.x[None], net.a0[None], net.w_in, net.w, net.b)
    np.testing.assert_allclose(h[0], net.states[1:], rtol=1e-13)


def test_the_immediate_influence_is_the_derivative_by_the_weights_of_one_step(net):
    """S1-12, asked and not given."""
    for t in range(T):
        a = net.states[t]
        exact = numerical_jacobian(
            lambda w, a=a, t=t: rnn_stacked_step_forward(a, net.x[t], w)[0], (net.stacked,), wrt="w"
        ).value
        np.testing.assert_allclose(net.m_bars[t], np.moveaxis(exact, -1, 0), atol=1e-8)
        others = net.m_bars[t][~np.eye(N, dtype=bool)]
        assert np.all(others == 0)


def test_q_is_the_readout_losss_gradient_by_the_state(net):
    """S1-14, asked and not given; with the 1/2 of S1-10 there is no 2."""
    for t in range(T):
        _, cache = rnn_readout_loss_forward(net.states[t + 1], net.w_out, net.y[t])
        np.testing.assert_allclose(net.qs[t], rnn_readout_loss_backward(1.0, cache)[0], rtol=1e-13)


@pytest.mark.parametrize("s", [0, 1, 2])
def test_m_bar_is_that_of_the_time_before_the_first_jacobian(net, s):
    """S1-15 prints q J J J M without a time: right with that of s, the time before the three J; wrong with the next."""
    t = s + 3
    exact = net.measured(t, used=s)
    q, (j1, j2, j3) = net.qs[t], net.js[s + 1 : t + 1]
    right = np.tensordot(q @ j3 @ j2 @ j1, net.m_bars[s], 1)
    late = np.tensordot(q @ j3 @ j2 @ j1, net.m_bars[s + 1], 1)
    assert off(right, exact) < 1e-7
    np.testing.assert_allclose(bptt_term(q, net.js[: t + 1], net.m_bars[: t + 1], s), right, rtol=1e-13)
    assert off(late, exact) > 0.4


def test_by_how_much_the_wrong_time_of_m_bar_is_off():
    """In the median over many networks by as much as the gradient is large."""
    errors = []
    for seed in range(50):
        net = Network(seed)
        product = net.qs[4] @ net.js[4] @ net.js[3] @ net.js[2]
        errors.append(off(np.tensordot(product, net.m_bars[2], 1), np.tensordot(product, net.m_bars[1], 1)))
    assert 0.7 < np.median(errors) < 2


def test_the_order_of_the_jacobians_is_from_the_last_time_to_the_first(net):
    exact = net.measured(4, used=1)
    turned = np.tensordot(net.qs[4] @ net.js[2] @ net.js[3] @ net.js[4], net.m_bars[1], 1)
    assert off(turned, exact) > 0.1


def test_a_times_gradient_is_the_sum_of_the_terms_of_all_times_before(net):
    """S1-11 writes the gradient of the sum; the sum over s within it is only implied."""
    for t in range(T):
        exact = net.measured(t)
        terms = [bptt_term(net.qs[t], net.js[: t + 1], net.m_bars[: t + 1], s) for s in range(t + 1)]
        assert off(sum(terms), exact) < 1e-7
        np.testing.assert_allclose(
            bptt_gradient(net.qs[t], net.js[: t + 1], net.m_bars[: t + 1]), sum(terms), rtol=1e-11, atol=1e-14
        )
        if t:
            assert off(terms[t], exact) > 0.02


def whole(net):
    """The stacked gradient of the sequence's loss by the layer's own backward."""
    _, cache = rnn_sequence_loss_forward(net.x, net.y, net.a0, net.w, net.w_in, net.b, net.w_out)
    _, _, dw, dw_in, db, _ = rnn_sequence_loss_backward(1.0, cache)
    return np.concatenate([dw, dw_in, db[:, None]], axis=1)


def test_the_gradient_of_the_sum_is_the_sum_of_the_gradients(net):
    np.testing.assert_allclose(whole(net), sum(net.measured(t) for t in range(T)), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("k", [T, T + 1, 100])
def test_truncation_beyond_the_sequence_is_the_whole_gradient(net, k):
    """S1-16 gives no number of times; k counts the uses of the weights that each loss goes back to."""
    np.testing.assert_allclose(truncated_bptt(net.qs, net.js, net.m_bars, k), whole(net), rtol=1e-11, atol=1e-13)


def test_truncation_to_one_use_is_the_immediate_influence():
    net = Network()
    immediate = sum(np.tensordot(q, m_bar, 1) for q, m_bar in zip(net.qs, net.m_bars))
    np.testing.assert_allclose(truncated_bptt(net.qs, net.js, net.m_bars, 1), immediate, rtol=1e-12, atol=1e-14)


def test_every_further_use_adds_the_terms_of_one_distance(net):
    found = [truncated_bptt(net.qs, net.js, net.m_bars, k) for k in range(1, T + 1)]
    assert off(found[0], whole(net)) > 0.05
    for k in range(1, T):
        added = sum(bptt_term(net.qs[t], net.js[: t + 1], net.m_bars[: t + 1], t - k) for t in range(k, T))
        np.testing.assert_allclose(found[k] - found[k - 1], added, rtol=1e-9, atol=1e-13)


def test_a_window_of_no_use_is_refused(net):
    with pytest.raises(ValueError, match="k is 0, where a whole number of at least 1 is wanted"):
        truncated_bptt(net.qs, net.js, net.m_bars, 0)
    with pytest.raises(ValueError, match="s is 6, where whole numbers from 0 to 5 are wanted"):
        bptt_term(net.qs[-1], net.js, net.m_bars, T)
