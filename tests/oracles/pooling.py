"""Pooling by gathering all windows at once, with autograd, and by torch's own layers."""

import autograd.numpy as anp
import numpy as np


def gathered(x, pool_height, pool_width, stride):
    """Every window's pixels along the last axis."""
    rows = np.arange(0, x.shape[2] - pool_height + 1, stride)[:, None] + np.arange(pool_height)
    columns = np.arange(0, x.shape[3] - pool_width + 1, stride)[:, None] + np.arange(pool_width)
    parts = x[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    return anp.reshape(parts, (*parts.shape[:4], -1))


def maxpool(x, pool_height, pool_width, stride):
    return anp.max(gathered(x, pool_height, pool_width, stride), axis=-1)


def avgpool(x, pool_height, pool_width, stride):
    return anp.mean(gathered(x, pool_height, pool_width, stride), axis=-1)


def torch_maxpool(x, pool_height, pool_width, stride):
    import torch

    return torch.nn.functional.max_pool2d(x, (pool_height, pool_width), stride)


def torch_avgpool(x, pool_height, pool_width, stride):
    import torch

    return torch.nn.functional.avg_pool2d(x, (pool_height, pool_width), stride)


AUTOGRAD = {"maxpool_backward": maxpool, "avgpool_backward": avgpool}
CONVENTIONS = {("maxpool_backward", "several maxima in a window")}
TORCH = {"maxpool_backward": torch_maxpool, "avgpool_backward": torch_avgpool}
