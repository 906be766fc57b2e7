"""The convolution layer: filters that slide over an image, window by window, with a stride and padding."""

from numpy import ndarray

from checker import Float, task


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
    raise NotImplementedError  # your answer goes here


@task(
    conv_forward,
    points=6,
    arguments={"x": Float[ndarray, "N C HH+2 WW+1"]},
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
    raise NotImplementedError  # your answer goes here
