"""The recurrent network in autograd's NumPy, its derivatives by autograd, and sums over times written out."""

from itertools import product

import autograd.numpy as anp
import numpy as np
from autograd import grad, jacobian


def step(x, h, wx, wh, b):
    return anp.tanh(anp.dot(x, wx.T) + anp.dot(h, wh.T) + b)


def network(x, h, wx, wh, b):
    states = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h, wx, wh, b)
        states.append(h)
    return anp.stack(states, axis=1)


def stages(x, h_prev, wx, wh, b, node):
    from_h = node("from_h", anp.einsum("nj,ij->ni", h_prev, wh))
    from_x = node("from_x", anp.einsum("nj,ij->ni", x, wx))
    return anp.tanh(node("a", b + from_h + from_x))


def stacked(a_prev, x, w):
    n = len(a_prev)
    return anp.tanh(anp.dot(w[:, :n], a_prev) + anp.dot(w[:, n:-1], x) + w[:, -1])


def readout_loss(a, w_out, y):
    return sum((anp.sum(row * a) - target) ** 2 for row, target in zip(w_out, y)) / 2


def two_steps(x, a0, w, w_in, b, y, node):
    h1 = node("h1", anp.sum(w * a0, axis=1) + anp.sum(w_in * x[0], axis=1) + b)
    a1 = node("a1", anp.tanh(h1))
    h2 = node("h2", anp.sum(w * a1, axis=1) + anp.sum(w_in * x[1], axis=1) + b)
    a2 = node("a2", anp.tanh(h2))
    return anp.sum((anp.stack([a1, a2]) - y) ** 2) / 2


def sequence_loss(x, y, a, w, w_in, b, w_out):
    loss = 0.0
    for x_t, y_t in zip(x, y):
        a = anp.tanh(anp.sum(w * a, axis=1) + anp.sum(w_in * x_t, axis=1) + b)
        loss = loss + readout_loss(a, w_out, y_t)
    return loss


def influence(h, a_prev, x):
    """By autograd, with weights that give this h: what the bias has to make up for."""
    n, d = len(a_prev), len(x)
    w = np.zeros((n, n + d + 1))
    w[:, -1] = h
    return jacobian(stacked, 2)(a_prev, x, w)


def path(q, js, m_bar):
    """The sum over all paths from unit to unit, one number at a time; js are from the last time to the first."""
    n, total = len(q), np.zeros(m_bar.shape[1:])
    for units in product(range(n), repeat=len(js) + 1):
        weight = q[units[0]]
        for j, i, k in zip(js, units, units[1:]):
            weight = weight * j[i, k]
        total += weight * m_bar[units[-1]]
    return total


def term(q, js, m_bars, s):
    return path(q, list(reversed(js[s + 1 :])), m_bars[s])


def forward_in_time(q, js, m_bars):
    """The whole derivative, with the influence carried from the first time to the last."""
    carried = np.zeros_like(m_bars[0])
    for j, m_bar in zip(js, m_bars):
        carried = m_bar + np.einsum("kl,lij->kij", j, carried)
    return np.einsum("k,kij->ij", q, carried)


def truncated(qs, js, m_bars, k):
    """By distance: uses of the weights that lie d times before their loss, for every d below k."""
    total = np.zeros(m_bars.shape[2:])
    for distance in range(min(k, len(qs))):
        for s in range(len(qs) - distance):
            product_of_js = np.eye(qs.shape[1])
            for t in range(s + 1, s + distance + 1):
                product_of_js = js[t] @ product_of_js
            total += np.einsum("k,kl,lij->ij", qs[s + distance], product_of_js, m_bars[s])
    return total


AUTOGRAD = {
    "rnn_step_backward": step,
    "rnn_step_stages_backward": stages,
    "rnn_backward": network,
    "rnn_stacked_step_backward": stacked,
    "rnn_readout_loss_backward": readout_loss,
    "rnn_two_steps_backward": two_steps,
    "rnn_sequence_loss_backward": sequence_loss,
    "rnn_jacobian": lambda a_prev, x, w, w_in, b: anp.tanh(anp.sum(w * a_prev, axis=1) + anp.sum(w_in * x, axis=1) + b),
}

VALUES = {
    "rnn_immediate_influence": influence,
    "rnn_loss_gradient": lambda a, w_out, y: grad(readout_loss)(a, w_out, y),
    "bptt_term": term,
    "bptt_gradient": forward_in_time,
    "truncated_bptt": truncated,
}


def torch_step(x, h_prev, wx, wh, b):
    import torch

    cell = torch.nn.RNNCell(x.shape[1], h_prev.shape[1], dtype=x.dtype)
    own = {"weight_ih": wx, "weight_hh": wh, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, own, (x, h_prev))


def torch_network(x, h0, wx, wh, b):
    import torch

    layer = torch.nn.RNN(x.shape[2], h0.shape[1], batch_first=True, dtype=x.dtype)
    own = {"weight_ih_l0": wx, "weight_hh_l0": wh, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(layer, own, (x, h0[None]))[0]


TORCH = {"rnn_step_backward": torch_step, "rnn_backward": torch_network}
