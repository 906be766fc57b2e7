"""Initial weights written with autograd; moments by numeric integration and by enumeration."""

import itertools

import autograd.numpy as anp
import numpy as np
from autograd import grad


def network(x, ws, act):
    for w in ws:
        z = anp.einsum("nd,hd->nh", x, w)
        x = anp.tanh(z) if act == "tanh" else 0.5 * (z + anp.abs(z))
    return x


def grad_norms(x, ws, dout):
    """By the gradient of what is added to every z."""

    def loss(added):
        a = x
        for w, more in zip(ws, added):
            a = 0.5 * (1 + anp.tanh((anp.dot(w, a) + more) / 2))
        return anp.dot(dout, a)

    return np.array([np.sqrt(np.sum(g**2)) for g in grad(loss)([np.zeros(len(w)) for w in ws])])


def preact_variance(n_in, sigma):
    """By the second moment over all signs of two-valued w and x, of one term; terms of a sum are independent."""
    outcomes = [(w * x) ** 2 for w, x in itertools.product((-sigma, sigma), (-1, 1))]
    return n_in * np.mean(outcomes)


def activation_stats(hs):
    means = [np.sum(h) / h.size for h in hs]
    return np.array(means), np.array([np.linalg.norm(h - m) / np.sqrt(h.size) for h, m in zip(hs, means)])


def product_variance(mean_w, var_w, mean_h, var_h):
    """By enumeration of two-valued w and h that have these moments."""
    ws = mean_w + np.sqrt(var_w) * np.array([-1, 1])
    hs = mean_h + np.sqrt(var_h) * np.array([-1, 1])
    return np.var(np.outer(ws, hs))


def relu_moments(variance):
    """By integration over a fine grid of z in standard deviations."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z, weights = 6 * (nodes + 1), 6 * weights * np.exp(-18 * (nodes + 1) ** 2) / np.sqrt(2 * np.pi)
    first, second = (np.sum(weights * z**power) * variance ** (power / 2) for power in (1, 2))
    return first, second, second - first**2


AUTOGRAD = {"init_backward": network}
VALUES = {
    "grad_norms": grad_norms,
    "preact_variance": preact_variance,
    "activation_stats": activation_stats,
    "product_variance": product_variance,
    "relu_moments": relu_moments,
    "xavier_std": lambda n_in, n_out: np.sqrt(1 / np.mean([n_in, n_out])),
    "xavier_uniform_bound": lambda n_in, n_out: np.sqrt(3 / np.mean([n_in, n_out])),
    "he_std": lambda n_in: (n_in / 2) ** -0.5,
}
