"""The gates of solutions/gates.py in autograd's NumPy; slopes and changes from their series."""

import autograd.numpy as anp
import numpy as np


def square_slopes(x, h):
    return 2 * x + h, 2 * x


def chain_changes(w, step):
    """Of the complex number w + i step: to first order, the imaginary part follows the chain."""
    tiny = 1e-30
    u = complex(w, tiny * step) ** 2
    v = np.sin(u)
    return u.imag / tiny, v.imag / tiny, np.exp(v).imag / tiny


AUTOGRAD = {
    "add_backward": lambda x, y: x + y,
    "mul_backward": lambda x, y: x * y,
    "max_backward": lambda x, y: anp.maximum(x, y),
    "square_backward": lambda x: x * x,
    "chain_backward": lambda w: anp.e ** anp.cos(w * w - anp.pi / 2),
    "addmul_backward": lambda x, y, z: x * z + y * z,
    "dot_backward": lambda w, x: sum(w[k] * x[k] for k in range(len(x))),
}
VALUES = {"square_slopes": square_slopes, "chain_changes": chain_changes}
CONVENTIONS = {("max_backward", "x = y")}
