"""The functions of solutions/fanout.py in autograd's NumPy."""

import autograd.numpy as anp

AUTOGRAD = {
    "fork_backward": lambda x: (x + 0.0, 1.0 * x),
    "fanout_backward": lambda x: x**4,
    "paths_backward": lambda x: anp.sin(x) * x * (x + 1),
    "skip_backward": lambda x: x + 2 / (1 + anp.exp(-2 * x)) - 1,
    "gain_backward": lambda x, g: anp.dot(x, anp.diag(g)),
}
VALUES = {"total_derivative": lambda dC_dz, dz_dw: sum(outer * inner for outer, inner in zip(dC_dz, dz_dw))}
