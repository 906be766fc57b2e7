"""The convolution layer: filters that slide over an image, window by window, with a stride and padding."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake


def windows(rows, columns, height, width, stride):
    """Of every output place (i, j): (i, j, index), index being the window of the (padded) image that it looks at."""
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            yield i, j, (..., slice(top, top + height), slice(left, left + width))


def windows_along(name, length, window, stride):
    """How many windows fit along an axis; a ValueError where there is none."""
    if window < 1 or stride < 1:
        raise ValueError(f"{name}: a window of {window} and a stride of {stride}, where 1 or more are wanted")
    if window > length:
        raise ValueError(f"{name} is {length}, padding included, where at least the window's {window} are wanted")
    return (length - window) // stride + 1


def _padded(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def conv_forward(
    x: Float[ndarray, "N C H W"],
    w: Float[ndarray, "F C HH WW"],
    b: Float[ndarray, "F"],
    stride: int = 1,
    pad: int = 0,
):
    """F filters w slide over images x: return (out, cache), out of shape (N, F, H', W').

    `pad` zeros are put on all four sides of each image. out[n, f, i, j] is b[f] plus the sum, over channels and pixels,
    of the filter w[f] times the window of padded image n whose first pixel is (i stride, j stride); the filter is not
    flipped. H' = (H + 2 pad - HH) // stride + 1, W' likewise: rows and columns where no whole window fits any more are
    left over. Source: LeCun et al. 1998, section II.A, with Dumoulin and Visin 2016, chapter 2, for stride and padding.
    """
    ### BEGIN SOLUTION
    # $$o_{nfij} = b_f + \sum_{c,k,l} w_{fckl}\,x^{\text{pad}}_{n,\,c,\,is+k,\,js+l}.$$
    expect_shapes(conv_forward, x, w, b)
    if pad < 0:
        raise ValueError(f"pad is {pad}, where 0 or more is wanted")
    height, width = w.shape[2:]
    rows = windows_along(f"the height of x {x.shape}", x.shape[2] + 2 * pad, height, stride)
    columns = windows_along(f"the width of x {x.shape}", x.shape[3] + 2 * pad, width, stride)
    x_pad, out = _padded(x, pad), np.empty((len(x), len(w), rows, columns))
    for i, j, window in windows(rows, columns, height, width, stride):
        out[:, :, i, j] = np.tensordot(x_pad[window], w, ((1, 2, 3), (1, 2, 3))) + b
    return out, (x_pad, w, stride, pad)
    ### END SOLUTION


@exercise(
    conv_forward,
    points=6,
    arguments={"x": Float[ndarray, "N C HH+2 WW+1"]},
    hints=(
        "Walk over the places (i, j) of the output as in the forward: there, it is an affine layer of one window.",
        "Neighbouring windows share pixels, and all windows share w and b: what is shared collects gradients.",
        "Collect dx in an array as large as the padded image; then cut out the part that x was. Mind padding 0.",
    ),
    edges={
        "padding of 1": {"pad": 1},
        "padding of 2": {"pad": 2},
        "a stride of 2": {"x": Float[ndarray, "N C 7 5"], "w": Float[ndarray, "F C 3 1"], "stride": 2, "N": 2, "F": 3},
        "a stride of 2 that leaves a column over": {"x": Float[ndarray, "N C HH+1 WW+4"], "stride": 2, "C": 2},
        "a stride of 3 and padding of 1": {
            "x": Float[ndarray, "N C 7 4"],
            "w": Float[ndarray, "F C 3 3"],
            "stride": 3,
            "pad": 1,
            "N": 2,
            "F": 3,
        },
        "a stride larger than the filter": {"HH": 1, "WW": 1, "stride": 2},
        "more columns than rows": {"x": Float[ndarray, "N C HH+1 WW+4"], "C": 2, "HH": 2, "WW": 3},
        "a batch of 1": {"N": 1},
        "one channel": {"C": 1},
        "one filter": {"F": 1},
        "filters of one pixel": {"HH": 1, "WW": 1},
    },
)
def conv_backward(dout, cache):
    """Gradients of conv_forward: return (dx, dw, db), each of its input's shape, given dout of out's shape.

    dx has no padding; a pixel in no window has the gradient 0.
    Source: LeCun et al. 1998, section II.A, differentiated; Dumoulin and Visin 2016, chapter 4, describe dx.
    """
    ### BEGIN SOLUTION
    # Every product $w_{fckl}\,x^{\text{pad}}_{n,c,is+k,js+l}$ sends $\bar o_{nfij}$ times one factor to the other:
    # $$\bar x^{\text{pad}}_{n,c,is+k,js+l} \mathrel{+}= \sum_f \bar o_{nfij}\,w_{fckl},\qquad
    #   \bar w_{fckl} = \sum_{n,i,j} \bar o_{nfij}\,x^{\text{pad}}_{n,c,is+k,js+l},\qquad
    #   \bar b_f = \sum_{n,i,j} \bar o_{nfij}.$$
    x_pad, w, stride, pad = cache
    dx_pad, dw = np.zeros_like(x_pad), np.zeros_like(w)
    for i, j, window in windows(*dout.shape[2:], *w.shape[2:], stride):
        dx_pad[window] += np.tensordot(dout[:, :, i, j], w, 1)
        dw += np.tensordot(dout[:, :, i, j].T, x_pad[window], 1)
    height, width = x_pad.shape[2] - 2 * pad, x_pad.shape[3] - 2 * pad
    return dx_pad[:, :, pad : pad + height, pad : pad + width], dw, dout.sum(axis=(0, 2, 3))
    ### END SOLUTION


def _padded_gradient(dout, cache, w=None, step=None, collect=np.add):
    """The gradient before its padding is cut off; with another w, other window starts, or another way to collect."""
    x_pad, filters, stride, _ = cache
    w = filters if w is None else w
    dx_pad = np.zeros_like(x_pad)
    for i, j, window in windows(*dout.shape[2:], *w.shape[2:], stride if step is None else step):
        dx_pad[window] = collect(dx_pad[window], np.tensordot(dout[:, :, i, j], w, 1))
    return dx_pad


def _cut(dx_pad, pad):
    return dx_pad[:, :, pad : dx_pad.shape[2] - pad, pad : dx_pad.shape[3] - pad]


def _latest(old, new):
    return new


# -- wrong forwards ---------------------------------------------------------------------------------------------------


@mistake(conv_backward, "Changing b does not change your output.", half="forward")
def conv_bias_left_out(x, w, b, stride=1, pad=0):
    return conv_forward(x, w, np.zeros_like(b), stride, pad)


@mistake(
    conv_backward,
    "How often is b[f] in one output: once, or once for every product in the window?",
    half="forward",
)
def bias_inside_the_sum(x, w, b, stride=1, pad=0):
    return conv_forward(x, w, b * w[0].size, stride, pad)


@mistake(
    conv_backward,
    "Mathematicians flip the filter before they slide it, and call that a convolution: does this layer?",
    half="forward",
)
def filter_flipped_in_the_forward(x, w, b, stride=1, pad=0):
    return conv_forward(x, w[:, :, ::-1, ::-1], b, stride, pad)


@mistake(conv_backward, "At which pixel does window (i, j) start when the stride is 2?", half="forward")
def stride_left_out_of_the_forward(x, w, b, stride=1, pad=0):
    out, cache = conv_forward(x, w, b, stride, pad)
    return conv_forward(x, w, b, 1, pad)[0][:, :, : out.shape[2], : out.shape[3]].copy(), cache


@mistake(conv_backward, "How large is your output without padding, and with a padding of 2?", half="forward")
def padding_always_one_in_the_forward(x, w, b, stride=1, pad=0):
    return conv_forward(x, w, b, stride, 1)


@mistake(conv_backward, "What is the value of the pixels that padding puts around the image?", half="forward")
def border_repeated_as_padding(x, w, b, stride=1, pad=0):
    repeated = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
    return conv_forward(repeated, w, b, stride, 0)[0], conv_forward(x, w, b, stride, pad)[1]


@mistake(conv_backward, "Padding goes all around the image: is yours on one side of an axis only?", half="forward")
def padded_below_and_to_the_right(x, w, b, stride=1, pad=0):
    shifted = np.pad(x, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad)))
    return conv_forward(shifted, w, b, stride, 0)[0], conv_forward(x, w, b, stride, pad)[1]


@mistake(conv_backward, "Nothing is divided by the number of pixels here: a filter adds up.", half="forward")
def mean_over_the_window(x, w, b, stride=1, pad=0):
    return conv_forward(x, w / w[0].size, b, stride, pad)


@mistake(conv_backward, "Every filter looks at all channels: how many of them do you add up?", half="forward")
def first_channel_only(x, w, b, stride=1, pad=0):
    out, _ = conv_forward(x[:, :1], w[:, :1], b, stride, pad)
    return out, conv_forward(x, w, b, stride, pad)[1]


# -- wrong gradients of the image -------------------------------------------------------------------------------------


@mistake(conv_backward, "Without padding your slice ends at -0, which is 0: what is left of dx?")
def padding_cut_off_from_the_end(dout, cache):
    pad, (_, dw, db) = cache[3], conv_backward(dout, cache)
    return _padded_gradient(dout, cache)[:, :, pad:-pad, pad:-pad], dw, db


@mistake(conv_backward, "Your dx loses one pixel on each side, whatever the padding is.")
def padding_of_one_cut_off(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return _padded_gradient(dout, cache)[:, :, 1:-1, 1:-1], dw, db


@mistake(conv_backward, "Your dx is right in the middle, and as large as the padded image: was x?")
def padding_not_cut_off(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return _padded_gradient(dout, cache), dw, db


@mistake(conv_backward, "dx has x's shape, but its first pixel is one of the padding: which part of the array was x?")
def cut_from_the_corner(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return _padded_gradient(dout, cache)[:, :, : dx.shape[2], : dx.shape[3]], dw, db


@mistake(conv_backward, "Your dx is right at stride 1: at which pixel does window (i, j) start otherwise?")
def stride_left_out_of_dx(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return _cut(_padded_gradient(dout, cache, step=1), cache[3]), dw, db


@mistake(conv_backward, "A pixel lies in several windows, and yours keeps what the last one sent.")
def last_window_overwrites(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return _cut(_padded_gradient(dout, cache, collect=_latest), cache[3]), dw, db


@mistake(
    conv_backward,
    "Channel c of x meets w[:, c] only: your dx is the same in every channel.",
)
def channels_added_up(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return np.broadcast_to(dx.sum(axis=1, keepdims=True), dx.shape).copy(), dw, db


@mistake(conv_backward, "A reshape never undoes a transpose: which entry of w is where after both?")
def transpose_undone_by_a_reshape(dout, cache):
    (_, w, _, pad), (_, dw, db) = cache, conv_backward(dout, cache)
    return _cut(_padded_gradient(dout, cache, w.reshape(len(w), -1).T.reshape(w.shape)), pad), dw, db


@mistake(conv_backward, "You flip the filter and put it where the forward put it: one of the two is enough.")
def filter_flipped_in_dx(dout, cache):
    (_, w, _, pad), (_, dw, db) = cache, conv_backward(dout, cache)
    return _cut(_padded_gradient(dout, cache, w[:, :, ::-1, ::-1]), pad), dw, db


@mistake(conv_backward, "All filters look at the pixel: your dx hears from one of them.")
def last_filter_only(dout, cache):
    (x_pad, w, stride, pad), (_, dw, db) = cache, conv_backward(dout, cache)
    return _cut(_padded_gradient(dout[:, -1:], (x_pad, w[-1:], stride, pad)), pad), dw, db


@mistake(conv_backward, "Your dx is the same for every dout: the local derivative is one factor of two.")
def image_gradient_without_upstream(dout, cache):
    _, dw, db = conv_backward(dout, cache)
    return _cut(_padded_gradient(np.ones_like(dout), cache), cache[3]), dw, db


# -- wrong gradients of the filters and of the bias -------------------------------------------------------------------


@mistake(conv_backward, "Your dw is right at stride 1: at which pixel does window (i, j) start otherwise?")
def stride_left_out_of_dw(dout, cache):
    (x_pad, w, _, pad), (dx, _, db) = cache, conv_backward(dout, cache)
    return dx, conv_backward(dout, (x_pad, w, 1, pad))[1], db


@mistake(conv_backward, "Your gradients are right at stride 1: at which pixel does window (i, j) start otherwise?")
def stride_left_out_of_both(dout, cache):
    x_pad, w, _, pad = cache
    return conv_backward(dout, (x_pad, w, 1, pad))


@mistake(conv_backward, "A filter is used at every window, and your dw hears from one of them.")
def last_window_only(dout, cache):
    (x_pad, w, stride, _), (dx, _, db) = cache, conv_backward(dout, cache)
    *_, (i, j, window) = windows(*dout.shape[2:], *w.shape[2:], stride)
    return dx, np.tensordot(dout[:, :, i, j].T, x_pad[window], 1), db


@mistake(conv_backward, "The filters are shared by the examples, and your dw hears from one of them.")
def last_example_only(dout, cache):
    (x_pad, *rest), (dx, _, db) = cache, conv_backward(dout, cache)
    return dx, conv_backward(dout[-1:], (x_pad[-1:], *rest))[1], db


@mistake(conv_backward, "What did the filter multiply in the forward: the image, or its gradient?")
def filters_gradient_from_dx(dout, cache):
    (_, w, stride, pad), (dx, _, db) = cache, conv_backward(dout, cache)
    return dx, conv_backward(dout, (_padded_gradient(dout, cache), w, stride, pad))[1], db


@mistake(conv_backward, "Did the filter look at the padded image or at the bare one? The windows are counted there.")
def loop_over_the_bare_image(dout, cache):
    (x_pad, w, stride, pad), (dx, _, db) = cache, conv_backward(dout, cache)
    rows, columns = (max(0, (x_pad.shape[k] - 2 * pad - w.shape[k]) // stride + 1) for k in (2, 3))
    return dx, conv_backward(dout[:, :, :rows, :columns], cache)[1], db


@mistake(conv_backward, "Are there as many windows along the rows as along the columns?")
def as_many_rows_as_columns(dout, cache):
    columns = dout.shape[3]
    dx, dw, _ = conv_backward(dout[:, :, :columns], cache)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@mistake(conv_backward, "Are there as many windows along the columns as along the rows?")
def as_many_columns_as_rows(dout, cache):
    rows = dout.shape[2]
    dx, dw, _ = conv_backward(dout[:, :, :, :rows], cache)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@mistake(conv_backward, "w and b are shared by the images, each of which adds its share: does the forward divide by N?")
def mean_over_the_images(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake(conv_backward, "b is added at every place of the output: does each place count?")
def bias_mean_over_the_places(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout.mean(axis=(2, 3)).sum(axis=0)


@mistake(conv_backward, "Every filter has a bias of its own: over which three axes is each of them shared?")
def one_number_for_every_bias(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw, np.full_like(db, dout.sum())


@mistake(conv_backward, "How many outputs does b[f] go into? That number is not its gradient before dout comes in.")
def conv_bias_without_upstream(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw, np.full_like(db, dout[:, 0].size)


@mistake(conv_backward, "A gradient has exactly the shape of the thing it is the gradient of: b has one axis.")
def conv_bias_with_four_axes(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout.sum(axis=(0, 2, 3), keepdims=True)


@mistake(conv_backward, "b is added after the products: has a pixel of the image anything to do with its gradient?")
def bias_gradient_times_the_window(dout, cache):
    (_, w, _, _), (dx, dw, db) = cache, conv_backward(dout, cache)
    return dx, dw, db * w[0].size
