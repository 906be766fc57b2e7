"""Penalties and dropout written with autograd, and by torch's own functions."""

import autograd.numpy as anp
import numpy as np


def softmax_l2(x, w, b, y, reg):
    scores = anp.einsum("nd,md->nm", x, w) + b
    highest = scores.max(axis=1, keepdims=True)
    highest = getattr(highest, "_value", highest)
    log_sums = anp.log(anp.sum(anp.exp(scores - highest), axis=1)) + highest[:, 0]
    right = anp.sum(scores * np.eye(len(b))[y], axis=1)
    return anp.mean(log_sums - right) + reg * anp.dot(anp.ravel(w), anp.ravel(w))


def dropout(x, keep, p, mode):
    return x if mode == "test" else anp.where(keep, x, 0.0 * x) / (1 - p)


def torch_softmax_l2(x, w, b, y, reg):
    import torch

    return torch.nn.functional.cross_entropy(torch.nn.functional.linear(x, w, b), y) + reg * torch.linalg.norm(w) ** 2


AUTOGRAD = {
    "l2_backward": lambda w, reg: reg * anp.dot(anp.ravel(w), anp.ravel(w)),
    "l1_backward": lambda w, reg: reg * anp.sum(anp.abs(w)),
    "softmax_l2_backward": softmax_l2,
    "dropout_backward": dropout,
}
TORCH = {"softmax_l2_backward": torch_softmax_l2}
