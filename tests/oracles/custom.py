"""The layers of solutions/custom.py in autograd's NumPy."""

import autograd.numpy as anp
import numpy as np


def sigmoid(z):
    return 0.5 * (anp.tanh(z / 2) + 1)


def wacky(x):
    return anp.logaddexp(x, 0) - x * anp.cos(x + anp.pi / 2)


def gated(x):
    half = x.shape[1] // 2
    a, b = x[:, :half], x[:, half:]
    return a * (a + anp.abs(a)) / 2 * sigmoid(b)


def slope_along(x, v, dout, h):
    total = 0.0
    for place in np.ndindex(x.shape):
        up, down = (x[place] + side * h * v[place] for side in (1, -1))
        total += dout[place] * (wacky(up) - wacky(down))
    return total / h / 2


AUTOGRAD = {
    "wacky_backward": wacky,
    "gated_backward": gated,
    "swish_backward": lambda x, beta: x * sigmoid(x * beta),
}
VALUES = {"slope_along": slope_along}
