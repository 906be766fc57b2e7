"""Influences entry by entry, and the gradient of a whole sequence by autograd."""

import autograd.numpy as anp
import numpy as np
from autograd import grad


def carried(m, j, m_bar):
    """One number at a time."""
    found = np.empty_like(m_bar)
    for k, i, p in np.ndindex(*found.shape):
        found[k, i, p] = m_bar[k, i, p] + sum(j[k, unit] * m[unit, i, p] for unit in range(len(m)))
    return found


def gradient(q, m):
    return sum(q_k * m_k for q_k, m_k in zip(q, m))


def sequence(steps, a0, w, w_in, b, w_out):
    """The gradient by the stacked weights, of the loss as it stands; `steps` are the rows that the stream gives."""
    x, y = steps
    n = len(a0)

    def loss(stacked):
        total, a = 0.0, a0
        for x_t, y_t in zip(x, y):
            a = anp.tanh(anp.dot(stacked[:, :n], a) + anp.dot(stacked[:, n:-1], x_t) + stacked[:, -1])
            total = total + anp.sum((anp.dot(w_out, a) - y_t) ** 2) / 2
        return total

    return grad(loss)(np.concatenate([w, w_in, b[:, None]], axis=1))


VALUES = {"rtrl_step": carried, "rtrl_grad": gradient, "rtrl": sequence}
