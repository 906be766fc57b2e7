"""Sizes of convolutions: published ones, ones that leave pixels over, and ones that are refused."""

import numpy as np
import pytest

from solutions.convolution import conv_backward, conv_forward


def layer(side, filter_side, stride=1, pad=0, width=None):
    """A layer of one channel and one filter at random numbers."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 1, side, width or side)), rng.normal(size=(1, 1, filter_side, filter_side))
    return conv_forward(x, w, rng.normal(size=1), stride, pad)


@pytest.mark.parametrize(
    ("side", "filter_side", "stride", "pad", "expected"),
    [(32, 5, 1, 0, 28), (227, 11, 4, 0, 55), (224, 7, 2, 3, 112), (13, 3, 1, 1, 13)],
    ids=["LeNet-5", "AlexNet", "ResNet", "the same size"],
)
def test_published_layers_have_their_sizes(side, filter_side, stride, pad, expected):
    assert layer(side, filter_side, stride, pad)[0].shape == (1, 1, expected, expected)


def test_pixels_that_no_window_reaches_are_left_over_and_have_no_gradient():
    out, cache = layer(7, 2, stride=3, width=6)
    dx, _, _ = conv_backward(np.ones_like(out), cache)
    assert out.shape == (1, 1, 2, 2)
    assert np.all(dx[:, :, [2, 5, 6]] == 0)
    assert np.all(dx[..., [2, 5]] == 0)
    assert np.all(dx[:, :, [0, 1, 3, 4]][..., [0, 1, 3, 4]] != 0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"side": 3, "filter_side": 4}, r"height of x \(1, 1, 3, 3\).* 3, padding included.* 4 are wanted"),
        ({"side": 2, "filter_side": 5, "pad": 1}, r"is 4, padding included.* 5 are wanted"),
        ({"side": 5, "filter_side": 4, "width": 3}, r"width of x \(1, 1, 5, 3\).* 4 are wanted"),
        ({"side": 5, "filter_side": 2, "stride": 0}, r"stride of 0, where 1 or more"),
        ({"side": 5, "filter_side": 2, "pad": -1}, r"pad is -1, where 0 or more is wanted"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        layer(**asked)


def test_a_filter_larger_than_the_image_fits_once_there_is_padding():
    assert layer(3, 4, pad=1)[0].shape == (1, 1, 2, 2)
