"""What `python -m checker demo` shows: one forward, a right backward of it, and one with a mistake in it."""

import numpy as np

from checker import Float


def unit_forward(x: Float[np.ndarray, "N D"]):
    """Each row of x, divided by its length: return (out, cache)."""
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    out = x / length
    return out, (out, length)


def unit_backward(dout, cache):
    """The gradient of x: each entry also moves the length of its row."""
    out, length = cache
    along = (dout * out).sum(axis=1, keepdims=True)
    return (dout - along * out) / length


hasty_forward = unit_forward


def hasty_backward(dout, cache):
    """The gradient of x. Wrong: the length depends on x too."""
    _, length = cache
    return dout / length
