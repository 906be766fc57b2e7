"""Real-time recurrent learning: where the lecture stops, and that it is backpropagation through time in other order."""

import numpy as np
import pytest

from checker.kinds.stream import LONG, SHORT, Stream, needed
from solutions.rnn import rnn_sequence_loss_backward, rnn_sequence_loss_forward
from solutions.rtrl import backpropagation_through_time_in_disguise, rtrl, rtrl_grad, rtrl_step
from tests.errata.test_rnn import Network, off
from tests.oracles.rtrl import sequence

T = 6


def weights(net):
    return net.a0, net.w, net.w_in, net.b, net.w_out


def test_the_carried_influence_gives_the_gradient_at_every_time():
    """S1-17 stops after "use M to calculate gradient": q M, and M carried on as M_bar + J M before."""
    net = Network()
    m = np.zeros_like(net.m_bars[0])
    for t in range(T):
        m = rtrl_step(m, net.js[t], net.m_bars[t])
        exact = sequence((net.x[: t + 1], net.y[: t + 1]), *weights(net))
        exact = exact - (sequence((net.x[:t], net.y[:t]), *weights(net)) if t else 0.0)
        assert off(rtrl_grad(net.qs[t], m), exact) < 1e-13
        if t:
            assert off(rtrl_grad(net.qs[t], net.m_bars[t]), exact) > 0.02  # without the past


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_is_what_autograd_finds(seed):
    for case in ({}, *rtrl.exercise.edges.values()):
        steps, *others = rtrl.exercise.inputs(seed, case)
        exact = sequence(steps, *others)
        np.testing.assert_allclose(rtrl(iter(zip(*steps)), *others), exact, rtol=0, atol=1e-11 * np.max(np.abs(exact)))


@pytest.mark.parametrize("length", [1, 2, 40])
def test_the_whole_is_what_backpropagation_through_time_finds(length):
    net = Network(3)
    x, y = map(np.array, zip(*Stream((net.x, net.y), length)))
    _, cache = rnn_sequence_loss_forward(x, y, *weights(net))
    _, _, dw, dw_in, db, _ = rnn_sequence_loss_backward(1.0, cache)
    found = rtrl(Stream((net.x, net.y), length), *weights(net))
    np.testing.assert_allclose(found, np.concatenate([dw, dw_in, db[:, None]], axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        backpropagation_through_time_in_disguise(Stream((net.x, net.y), length), *weights(net)), found, rtol=1e-9
    )


def test_the_memory_of_one_stays_and_that_of_the_other_grows():
    net = Network()
    inputs = ((net.x, net.y), *weights(net))
    assert needed(rtrl, inputs, LONG) - needed(rtrl, inputs, SHORT) < 4096
    kept = needed(backpropagation_through_time_in_disguise, inputs, LONG)
    assert kept - needed(backpropagation_through_time_in_disguise, inputs, SHORT) > 200 * (LONG - SHORT)


def test_weights_that_do_not_fit_are_refused():
    net = Network()
    with pytest.raises(
        ValueError, match=r"^w_in has shape \(3, 3\), where \(H, D\) is wanted with H = 4, as a0 \(4,\) has$"
    ):
        rtrl(iter(zip(net.x, net.y)), net.a0, net.w, net.w_in[:3], net.b, net.w_out)
