"""The functions of solutions/staged.py in autograd's NumPy, their slopes by complex steps."""

import autograd.numpy as anp
import numpy as np


def sigma(z):
    return 0.5 * (anp.tanh(z / 2) + 1)


def softplus_graph(x, node):
    b = node("b", anp.e**x)
    return anp.log(node("a", b + 1.0))


def relu(z):
    return (z + anp.abs(z)) / 2


def scalar_net_graph(x, y, wh, bh, wo, bo, node):
    h = node("h", relu(node("z_h", bh + node("m_h", x * wh))))
    e = node("e", y - node("o", bo + node("m_o", h * wo)))
    return e * e


def staged(x, y):
    return (x + sigma(y)) / (sigma(x) + (x + y) ** 2)


def staged_slope(x, y, step=1e-150):
    """By a complex step, which subtracts nothing."""
    x = complex(x, step)
    sigmoid = 1 / (1 + np.exp(-x)) if x.real > 0 else np.exp(x) / (1 + np.exp(x))
    return ((x + 0.5 * (np.tanh(y / 2) + 1)) / (sigmoid + (x + y) ** 2)).imag / step


AUTOGRAD = {
    "softplus_graph_backward": softplus_graph,
    "scalar_net_graph_backward": scalar_net_graph,
    "scalar_net_backward": lambda x, y, wh, bh, wo, bo: (wo * relu(wh * x + bh) + bo - y) ** 2,
    "staged_backward": staged,
}
VALUES = {"staged_slope": staged_slope}
