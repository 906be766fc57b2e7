"""Convolution as one matrix product over gathered pixels, with autograd, and by torch's own layer."""

import autograd.numpy as anp
import numpy as np


def convolution(x, w, b, stride, pad):
    """Every pixel that an output needs is looked up in the padded image by two tables of indices."""
    padded = anp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant") if pad else x
    high, wide = w.shape[2:]
    rows = np.arange(0, padded.shape[2] - high + 1, stride)[:, None] + np.arange(high)
    columns = np.arange(0, padded.shape[3] - wide + 1, stride)[:, None] + np.arange(wide)
    gathered = padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    return anp.einsum("ncijkl,fckl->nfij", gathered, w) + anp.reshape(b, (1, -1, 1, 1))


def torch_convolution(x, w, b, stride, pad):
    import torch

    return torch.nn.functional.conv2d(x, w, b, stride=stride, padding=pad)


AUTOGRAD = {"conv_backward": convolution}
TORCH = {"conv_backward": torch_convolution}
