"""Pooling: one number for each window of an image, its maximum or its mean."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .convolution import windows, windows_along


def _places(x, pool_height, pool_width, stride):
    """How many windows fit along the rows and along the columns of x."""
    rows = windows_along(f"the height of x {x.shape}", x.shape[2], pool_height, stride)
    return rows, windows_along(f"the width of x {x.shape}", x.shape[3], pool_width, stride)


#: Windows that lie in other ways than side by side, and images of other shapes.
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

# -- the maximum ------------------------------------------------------------------------------------------------------


def _few_values(rng, sizes):
    """Whole numbers from 0 to 2, so that most windows have several maxima."""
    return rng.integers(0, 3, (sizes["N"], sizes["C"], sizes["H"] + 2, sizes["W"] + 2)).astype(float)


def maxpool_forward(x: Float[ndarray, "N C H W"], pool_height: int = 2, pool_width: int = 2, stride: int = 2):
    """The maximum of every window of every channel: return (out, cache), out of shape (N, C, H', W').

    out[n, c, i, j] is that of the window of pool_height x pool_width pixels whose first is (i stride, j stride). H' =
    (H - pool_height) // stride + 1, W' likewise: rows and columns where no whole window fits any more are left over.
    Source: Ranzato et al. 2007; Krizhevsky et al. 2012, section 3.4, let the windows overlap.
    """
    ### BEGIN SOLUTION
    expect_shapes(maxpool_forward, x)
    rows, columns = _places(x, pool_height, pool_width, stride)
    out = np.empty((*x.shape[:2], rows, columns))
    for i, j, window in windows(rows, columns, pool_height, pool_width, stride):
        out[:, :, i, j] = x[window].max(axis=(2, 3))
    return out, (x, pool_height, pool_width, stride)
    ### END SOLUTION


@exercise(
    maxpool_forward,
    points=4,
    arguments={"x": Float[ndarray, "N C H+2 W+2"]},
    hints=(
        "In one window only one pixel moves the output. Which one, and how fast?",
        "Walk over the windows as in the forward, and find the place of each maximum again.",
        "Where windows overlap, one pixel may be the maximum of several: its gradients are added.",
    ),
    edges={**EDGES, "several maxima in a window": {"x": _few_values}},
)
def maxpool_backward(dout, cache):
    """Gradient of maxpool_forward: return dx of x's shape, given dout of out's shape.

    A pixel that is no maximum has the gradient 0. Where a window has several maxima, any of them may get its gradient,
    and so may all of them, shared or in full. Source: Ranzato et al. 2007, differentiated.
    """
    ### BEGIN SOLUTION
    # With $m$ the place of a window's maximum, $\partial o/\partial x_k = 1\{k = m\}$: a max gate with more inputs.
    # $$\bar x_{n,c,is+k,js+l} \mathrel{+}= \bar o_{ncij}\,1\{(k,l) = m_{ncij}\}.$$
    x, pool_height, pool_width, stride = cache
    dx = np.zeros_like(x)
    for i, j, window in windows(*dout.shape[2:], pool_height, pool_width, stride):
        flat = x[window].reshape(*x.shape[:2], -1)
        winner = np.eye(flat.shape[2])[flat.argmax(axis=2)].reshape(x[window].shape)
        dx[window] += winner * dout[:, :, i, j, None, None]
    return dx
    ### END SOLUTION


def _routed(dout, cache, share, collect=np.add, step=None):
    """Walk over the windows: share(x's window, the output's gradient, dx's window) is collected in dx's window."""
    x, pool_height, pool_width, stride = cache
    dx = np.zeros_like(x)
    for i, j, window in windows(*dout.shape[2:], pool_height, pool_width, stride if step is None else step):
        dx[window] = collect(dx[window], share(x[window], dout[:, :, i, j, None, None], dx[window]))
    return dx


def _maxima(part):
    return part == part.max(axis=(2, 3), keepdims=True)


def _latest(old, new):
    return new


@mistake(
    maxpool_backward, "With a stride smaller than the window, a pixel may win more than once: what becomes of the sum?"
)
def later_window_overwrites(dout, cache):
    return _routed(dout, cache, lambda part, up, _: _maxima(part) * up, _latest)


@mistake(maxpool_backward, "Your dx is right at stride 1: at which pixel does window (i, j) start otherwise?")
def pool_stride_left_out(dout, cache):
    return _routed(dout, cache, lambda part, up, _: _maxima(part) * up, step=1)


@mistake(maxpool_backward, "An inner loop has taken over i and j: which entry of dout is read after it?")
def loop_variables_used_again(dout, cache):
    read = dout[:, :, min(cache[1], dout.shape[2]) - 1, min(cache[2], dout.shape[3]) - 1]
    return maxpool_backward(np.broadcast_to(read[:, :, None, None], dout.shape), cache)


@mistake(maxpool_backward, "Your dx does not depend on x: which array is the maximum taken of?")
def mask_of_the_gradient(dout, cache):
    return _routed(dout, cache, lambda _, up, filled: _maxima(filled) * up)


@mistake(maxpool_backward, "Does a small change of a pixel that is no maximum move the output?")
def whole_window_gets_it(dout, cache):
    return _routed(dout, cache, lambda part, up, _: np.ones_like(part) * up)


@mistake(maxpool_backward, "That is how a mean hands its gradient on: does a maximum move a little with every pixel?")
def maximum_divided_among_the_window(dout, cache):
    return _routed(dout, cache, lambda part, up, _: np.ones_like(part) * up / part[0, 0].size)


@mistake(maxpool_backward, "Each channel of each image has its own maximum: over which axes is yours?")
def maximum_over_batch_and_channels(dout, cache):
    return _routed(dout, cache, lambda part, up, _: (part == part.max()) * up)


@mistake(maxpool_backward, "The windows of the forward are pool_height x pool_width: are yours square?")
def height_taken_for_the_width(dout, cache):
    x, pool_height, _, stride = cache
    return _routed(dout, (x, pool_height, pool_height, stride), lambda part, up, _: _maxima(part) * up)


@mistake(maxpool_backward, "Are there as many windows along the rows as along the columns?")
def pooled_image_taken_as_square(dout, cache):
    side = min(dout.shape[2:])
    return maxpool_backward(dout[:, :, :side, :side], cache)


@mistake(maxpool_backward, "How fast the output moves with the winner is a slope, and not the winner's value.")
def maximum_times_its_value(dout, cache):
    return _routed(dout, cache, lambda part, up, _: _maxima(part) * part * up)


@mistake(maxpool_backward, "Your dx is the same whatever dout is: the local derivative is one factor of two.")
def mask_of_maxima_alone(dout, cache):
    return _routed(dout, cache, lambda part, up, _: 1.0 * _maxima(part))


@mistake(maxpool_backward, "Which pixel of the window is the output: the smallest?")
def smallest_pixel_gets_it(dout, cache):
    return _routed(dout, cache, lambda part, up, _: _maxima(-part) * up)


@mistake(maxpool_backward, "A maximum passes its gradient on whether it is positive or not: this is no ReLU.")
def negative_maxima_dropped(dout, cache):
    return _routed(dout, cache, lambda part, up, _: _maxima(part) * (part > 0) * up)


@mistake(maxpool_backward, "At which pixel does window (i, j) start when the stride is 2?", half="forward")
def pool_stride_left_out_of_the_forward(x, pool_height=2, pool_width=2, stride=2):
    out, cache = maxpool_forward(x, pool_height, pool_width, stride)
    every = maxpool_forward(x, pool_height, pool_width, 1)[0]
    return every[:, :, : out.shape[2], : out.shape[3]].copy(), cache


@mistake(maxpool_backward, "A window has pool_height rows and pool_width columns: are yours square?", half="forward")
def square_windows_in_the_forward(x, pool_height=2, pool_width=2, stride=2):
    out, cache = maxpool_forward(x, pool_height, pool_width, stride)
    for i, j, window in windows(*out.shape[2:], pool_height, pool_height, stride):
        out[:, :, i, j] = x[window].max(axis=(2, 3))
    return out, cache


@mistake(maxpool_backward, "Are the channels pooled together, or each of them by itself?", half="forward")
def maximum_over_the_channels(x, pool_height=2, pool_width=2, stride=2):
    out, cache = maxpool_forward(x, pool_height, pool_width, stride)
    return np.repeat(out.max(axis=1, keepdims=True), x.shape[1], axis=1), cache


@mistake(maxpool_backward, "What is the maximum of a window in which every pixel is negative?", half="forward")
def maximum_starts_at_zero(x, pool_height=2, pool_width=2, stride=2):
    out, cache = maxpool_forward(x, pool_height, pool_width, stride)
    return np.maximum(out, 0), cache


@mistake(maxpool_backward, "By how many pixels does one window lie after the other: by the stride?", half="forward")
def windows_side_by_side(x, pool_height=2, pool_width=2, stride=2):
    rows, columns = x.shape[2] // pool_height, x.shape[3] // pool_width
    x_cut = x[:, :, : rows * pool_height, : columns * pool_width]
    parts = x_cut.reshape(*x.shape[:2], rows, pool_height, columns, pool_width)
    return parts.max(axis=(3, 5)), maxpool_forward(x, pool_height, pool_width, stride)[1]


# -- the mean ---------------------------------------------------------------------------------------------------------


def avgpool_forward(x: Float[ndarray, "N C H W"], pool_height: int = 2, pool_width: int = 2, stride: int = 2):
    """The mean of every window of every channel: return (out, cache), out of shape (N, C, H', W').

    The windows are those of maxpool_forward. Source: LeCun et al. 1998, section II, without its coefficient and bias.
    """
    ### BEGIN SOLUTION
    expect_shapes(avgpool_forward, x)
    rows, columns = _places(x, pool_height, pool_width, stride)
    out = np.empty((*x.shape[:2], rows, columns))
    for i, j, window in windows(rows, columns, pool_height, pool_width, stride):
        out[:, :, i, j] = x[window].mean(axis=(2, 3))
    return out, (x.shape, pool_height, pool_width, stride)
    ### END SOLUTION


@exercise(
    avgpool_forward,
    points=3,
    arguments={"x": Float[ndarray, "N C H+2 W+2"]},
    hints=(
        "By how much does a mean of six pixels rise if one of them rises by 1?",
        "Every pixel of a window gets the same share of its gradient; in several windows, it gets several shares.",
        "The pixels themselves do not matter: the cache needs the image's shape, not the image.",
    ),
    edges=EDGES,
)
def avgpool_backward(dout, cache):
    """Gradient of avgpool_forward: return dx of x's shape, given dout of out's shape.

    A pixel in no window has the gradient 0. Source: LeCun et al. 1998, section II, differentiated.
    """
    ### BEGIN SOLUTION
    # $o = \frac1{ab}\sum_{k,l} x_{kl}$ for a window of $a \times b$ pixels: each gets $\bar o/(ab)$ from each window.
    shape, pool_height, pool_width, stride = cache
    dx = np.zeros(shape)
    for i, j, window in windows(*dout.shape[2:], pool_height, pool_width, stride):
        dx[window] += dout[:, :, i, j, None, None] / (pool_height * pool_width)
    return dx
    ### END SOLUTION


def _shared_out(dout, cache, collect=np.add, step=None, wide=None):
    """Walk over the windows with other starts, another width, or another way to collect."""
    shape, pool_height, pool_width, stride = cache
    dx = np.zeros(shape)
    wide = pool_width if wide is None else wide
    for i, j, window in windows(*dout.shape[2:], pool_height, wide, stride if step is None else step):
        share = dout[:, :, i, j, None, None] / (pool_height * pool_width)
        dx[window] = collect(dx[window], np.broadcast_to(share, dx[window].shape))
    return dx


@mistake(avgpool_backward, "How large a share has one pixel in the mean of its window?")
def share_of_the_pixel_forgotten(dout, cache):
    return avgpool_backward(dout, cache) * cache[1] * cache[2]


@mistake(avgpool_backward, "With a stride smaller than the window, a pixel lies in several: what becomes of the sum?")
def mean_of_the_last_window_only(dout, cache):
    return _shared_out(dout, cache, _latest)


@mistake(avgpool_backward, "Your dx is right at stride 1: at which pixel does window (i, j) start otherwise?")
def mean_stride_left_out(dout, cache):
    return _shared_out(dout, cache, step=1)


@mistake(avgpool_backward, "How many pixels has a window, if it is not square?")
def divided_by_the_height_squared(dout, cache):
    return avgpool_backward(dout, cache) * cache[2] / cache[1]


@mistake(avgpool_backward, "A window has as many pixels as its two sides say: what has the stride to do with it?")
def divided_by_the_stride_squared(dout, cache):
    return avgpool_backward(dout, cache) * cache[1] * cache[2] / cache[3] ** 2


@mistake(avgpool_backward, "The windows of the forward are pool_height x pool_width: are yours square?")
def mean_of_square_windows(dout, cache):
    return _shared_out(dout, cache, wide=cache[1])


@mistake(avgpool_backward, "The mean moves with every pixel of the window, not with one of them alone.")
def first_pixel_gets_it(dout, cache):
    shape, _, _, stride = cache
    dx = np.zeros(shape)
    for i, j, first in windows(*dout.shape[2:], 1, 1, stride):
        dx[first] += dout[:, :, i, j, None, None]
    return dx


@mistake(avgpool_backward, "Your dx is the same whatever dout is: the local derivative is one factor of two.")
def shares_without_upstream(dout, cache):
    return avgpool_backward(np.ones_like(dout), cache)


@mistake(avgpool_backward, "A mean divides what it adds up: by how much?", half="forward")
def sum_of_the_window(x, pool_height=2, pool_width=2, stride=2):
    out, cache = avgpool_forward(x, pool_height, pool_width, stride)
    return out * pool_height * pool_width, cache


@mistake(avgpool_backward, "Are the channels pooled together, or each of them by itself?", half="forward")
def mean_over_the_channels(x, pool_height=2, pool_width=2, stride=2):
    out, cache = avgpool_forward(x, pool_height, pool_width, stride)
    return np.repeat(out.mean(axis=1, keepdims=True), x.shape[1], axis=1), cache


@mistake(avgpool_backward, "At which pixel does window (i, j) start when the stride is 2?", half="forward")
def mean_stride_left_out_of_the_forward(x, pool_height=2, pool_width=2, stride=2):
    out, cache = avgpool_forward(x, pool_height, pool_width, stride)
    every = avgpool_forward(x, pool_height, pool_width, 1)[0]
    return every[:, :, : out.shape[2], : out.shape[3]].copy(), cache
