"""The numbers that notebooks 7, 8 and 9 work out in their prose are what the reference answers give."""

import math
from pathlib import Path

import numpy as np
import pytest

from solutions.attention import attention_backward, attention_forward
from solutions.convolution import conv_backward, conv_forward
from solutions.digits import network_backward, network_forward
from solutions.pooling import maxpool_backward, maxpool_forward
from solutions.rnn import (
    bptt_term,
    rnn_immediate_influence,
    rnn_jacobian,
    rnn_loss_gradient,
    rnn_readout_loss_backward,
    rnn_readout_loss_forward,
    truncated_bptt,
)
from solutions.rtrl import rtrl_grad, rtrl_step

SOURCES = Path(__file__).parents[1] / "notebooks" / "sources"


def prose(name):
    """A source on one line, so that a sentence may be broken anywhere."""
    return " ".join((SOURCES / f"{name}.py").read_text(encoding="utf-8").replace("\n#", " ").split())


def told(name, *phrases):
    missing = [phrase for phrase in phrases if phrase not in prose(name)]
    assert not missing


# -- 7 ----------------------------------------------------------------------------------------------------------------


def test_a_filter_on_a_row_of_numbers():
    x, w = np.array([1.0, 2, 0, 3]).reshape(1, 1, 1, 4), np.array([2.0, -1]).reshape(1, 1, 1, 2)
    out, cache = conv_forward(x, w, np.zeros(1))
    dx, dw, db = conv_backward(np.array([1.0, 10, 100]).reshape(out.shape), cache)
    assert out.ravel().tolist() == [0, 4, -3]
    assert (dx.ravel().tolist(), dw.ravel().tolist(), db.tolist()) == ([2, 19, 190, -100], [21, 302], [111])
    told("07_convolution", "(0, 4, -3)", r"\bar x = (2, 19, 190, -100)$, $\bar w = (21, 302)$ and $\bar b = 111$")


@pytest.mark.parametrize(("stride", "up", "wanted"), [(2, [1, 10], [0, 1, 0, 10]), (1, [1, 10, 100], [0, 11, 0, 100])])
def test_a_maximum_of_two(stride, up, wanted):
    out, cache = maxpool_forward(np.array([1.0, 5, 2, 4]).reshape(1, 1, 1, 4), 1, 2, stride)
    assert maxpool_backward(np.array(up, dtype=float).reshape(out.shape), cache).ravel().tolist() == wanted
    told("07_convolution", f"= ({', '.join(map(str, wanted))})$")


def test_attention_of_single_numbers():
    q, k, v = (np.array(x, dtype=float).reshape(1, -1, 1) for x in ([1], [0, math.log(3)], [4, 8]))
    out, cache = attention_forward(q, k, v)
    _, dk, dv = attention_backward(np.ones((1, 1, 1)), cache)  # as q = 1, dk is the gradient of the scores
    np.testing.assert_allclose([out.item(), *dk.ravel(), *dv.ravel()], [7, -0.75, 0.75, 0.25, 0.75])
    moved = [attention_forward(q, k + np.reshape(by, (1, 2, 1)), v)[0].item() for by in ([0, 0.01], [0.01, 0])]
    told("07_convolution", *(f"{number:.4f}" for number in moved), "rises by $0.0025$", "slope is $0.75$")


# -- 8 ----------------------------------------------------------------------------------------------------------------


def test_one_unit_and_two_steps():
    w, w_in, b, a, xs = np.array([[0.5]]), np.ones((1, 1)), np.zeros(1), np.array([0.5]), ([1.0], [0.0])
    js, m_bars, states = [], [], [a]
    for x in map(np.array, xs):
        h = w @ a + w_in @ x + b
        js.append(rnn_jacobian(a, x, w, w_in, b))
        m_bars.append(rnn_immediate_influence(h, a, x))
        a = np.tanh(h)
        states.append(a)
    q = rnn_loss_gradient(a, np.ones((1, 1)), np.ones(1))
    js, m_bars = np.array(js), np.array(m_bars)
    shares = [bptt_term(q, js, m_bars, s)[0, 0] for s in (0, 1)]
    first = rtrl_step(np.zeros((1, 1, 3)), js[0], m_bars[0])
    second = rtrl_step(first, js[1], m_bars[1])
    np.testing.assert_allclose(rtrl_grad(q, second)[0, 0], sum(shares))
    h2 = q * (1 - a**2)
    h1 = h2 * 0.5 * (1 - states[1] ** 2)
    numbers = [*shares, sum(shares), q, h2, 0.5 * h2, h1, states[1], a, (a - 1) ** 2 / 2]
    numbers += [js[1], first[0, 0, 0], second[0, 0, 0]]
    told("08_recurrent", *(f"{np.ravel(number)[0]:.4f}" for number in numbers))
    told("08_recurrent", rf"\overline M^{{(2)}} = ({m_bars[1, 0, 0, 0]:.4f}, 0, {m_bars[1, 0, 0, 2]:.4f})$")


def test_the_loss_of_one_time():
    a, w_out = np.array([0.5, -1]), np.array([[2.0, 3]])
    loss, cache = rnn_readout_loss_forward(a, w_out, np.ones(1))
    da, dw_out = rnn_readout_loss_backward(1.0, cache)
    assert (loss, da[0], dw_out[0, 0]) == (4.5, -6, -1.5)
    moved = rnn_readout_loss_forward(a + [0.01, 0], w_out, np.ones(1))[0]
    told("08_recurrent", "$l = 4.5$", f"$l = {moved:.4f}$", "slope is $-6$", "slope is $-1.5$")


@pytest.mark.parametrize(("k", "total"), [(1, 3), (2, 4), (3, 4.25)])
def test_terms_that_halve(k, total):
    ones = np.ones((3, 1))
    assert truncated_bptt(ones, ones[..., None] / 2, ones[..., None, None], k).item() == total
    told("08_recurrent", f"${total}$" if total != 4.25 else f"= {total}$")


# -- 9 ----------------------------------------------------------------------------------------------------------------


def test_one_picture_through_the_network():
    w1, w2 = np.array([[1, -2], [0.5, 0.5]]), np.array([[5, math.log(3)], [-4, 0]])
    loss, cache = network_forward(np.ones((1, 2)), w1, np.zeros(2), w2, np.zeros(2), np.array([1]))
    _, db1, _, db2 = network_backward(1.0, cache)  # of one picture, a bias' gradient is that of what it is added to
    np.testing.assert_allclose(loss, math.log(4))
    np.testing.assert_allclose(db2, [0.75, -0.75])
    assert db1[0] == 0
    told("09_digits", f"(0, {db1[1]:.3f})", "(0.75, -0.75)", f"{(db2 @ w2)[0]:.2f}, {(db2 @ w2)[1]:.3f}")
    told("09_digits", f"{1 / (1 + 3 * math.exp(0.01)):.5f}", f"{0.01 * math.log(3):.6f}", f"{0.0075 * math.log(3):.5f}")
