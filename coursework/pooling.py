"""Pooling: one number for each window of an image, its maximum or its mean."""

from numpy import ndarray

from checker import Float, task

EDGES = {
    "overlapping windows": {"pool_height": 3, "pool_width": 2, "stride": 1},
    "a stride larger than the window": {"stride": 3, "W": 4},
    "windows wider than high": {"pool_height": 1, "pool_width": 3, "W": 4},
    "overlapping windows, wider than high": {"pool_height": 2, "pool_width": 3, "stride": 1, "H": 2, "W": 3},
    "a row and a column left over": {"H": 3, "W": 5},
    "windows of one pixel": {"pool_height": 1, "pool_width": 1, "stride": 1},
    "one window": {"H": 0, "W": 0, "pool_height": 2, "pool_width": 2},
    "a batch of 1": {"N": 1},
    "one channel": {"C": 1},
}


def _few_values(rng, sizes):
    """Whole numbers from 0 to 2, so that most windows have several maxima."""
    return rng.integers(0, 3, (sizes["N"], sizes["C"], sizes["H"] + 2, sizes["W"] + 2)).astype(float)


def maxpool_forward(x: Float[ndarray, "N C H W"], pool_height: int = 2, pool_width: int = 2, stride: int = 2):
    """The maximum of every window of every channel: return (out, cache), out of shape (N, C, H', W').

    out[n, c, i, j] is that of the window of pool_height x pool_width pixels whose first is (i stride, j stride). H' =
    (H - pool_height) // stride + 1, W' likewise: rows and columns where no whole window fits any more are left over.
    Source: Ranzato et al. 2007; Krizhevsky et al. 2012, section 3.4, let the windows overlap.
    """
    raise NotImplementedError  # your answer goes here


@task(
    maxpool_forward,
    points=4,
    arguments={"x": Float[ndarray, "N C H+2 W+2"]},
    edges={**EDGES, "several maxima in a window": {"x": _few_values}},
)
def maxpool_backward(dout, cache):
    """Gradient of maxpool_forward: return dx of x's shape, given dout of out's shape.

    A pixel that is no maximum has the gradient 0. Where a window has several maxima, any of them may get its gradient,
    and so may all of them, shared or in full. Source: Ranzato et al. 2007, differentiated.
    """
    raise NotImplementedError  # your answer goes here


def avgpool_forward(x: Float[ndarray, "N C H W"], pool_height: int = 2, pool_width: int = 2, stride: int = 2):
    """The mean of every window of every channel: return (out, cache), out of shape (N, C, H', W').

    The windows are those of maxpool_forward. Source: LeCun et al. 1998, section II, without its coefficient and bias.
    """
    raise NotImplementedError  # your answer goes here


@task(avgpool_forward, points=3, arguments={"x": Float[ndarray, "N C H+2 W+2"]}, edges=EDGES)
def avgpool_backward(dout, cache):
    """Gradient of avgpool_forward: return dx of x's shape, given dout of out's shape.

    A pixel in no window has the gradient 0. Source: LeCun et al. 1998, section II, differentiated.
    """
    raise NotImplementedError  # your answer goes here
