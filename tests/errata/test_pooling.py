"""Sizes of pooling layers, and gradients of ties that any answer may share out as it likes."""

import numpy as np
import pytest

from solutions.pooling import avgpool_forward, maxpool_backward, maxpool_forward


@pytest.mark.parametrize("forward", [maxpool_forward, avgpool_forward])
@pytest.mark.parametrize(
    ("shape", "window", "message"),
    [
        ((1, 1, 2, 5), (3, 2, 1), r"height of x \(1, 1, 2, 5\) is 2.* 3 are wanted"),
        ((1, 1, 5, 2), (2, 3, 1), r"width of x \(1, 1, 5, 2\) is 2.* 3 are wanted"),
        ((1, 1, 5, 5), (2, 2, 0), r"stride of 0, where 1 or more"),
        ((1, 1, 5, 5), (0, 2, 1), r"window of 0.* where 1 or more"),
    ],
)
def test_a_window_that_does_not_fit_is_refused(forward, shape, window, message):
    with pytest.raises(ValueError, match=message):
        forward(np.zeros(shape), *window)


def tied(share):
    """A backward that hands each window's gradient to all maxima; share(mask) says how much of it each of them gets."""

    def backward(dout, cache):
        x, high, wide, stride = cache
        dx = np.zeros_like(x)
        for i, j in np.ndindex(dout.shape[2:]):
            window = np.s_[:, :, i * stride : i * stride + high, j * stride : j * stride + wide]
            mask = x[window] == x[window].max(axis=(2, 3), keepdims=True)
            dx[window] += share(mask) * dout[:, :, i, j, None, None]
        return dx

    return backward


@pytest.mark.parametrize(
    "share",
    [lambda mask: mask, lambda mask: mask / mask.sum(axis=(2, 3), keepdims=True)],
    ids=["in full", "in equal parts"],
)
@pytest.mark.parametrize("mode", ["full", "fast"])
def test_all_maxima_of_a_tie_may_get_the_gradient(share, mode):
    report = maxpool_backward.exercise.check(tied(share), mode=mode)
    assert report.verdict == "right", str(report)
