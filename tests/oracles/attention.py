"""Attention by sums over indices and logarithms of the weights, with autograd, and by torch's own."""

import autograd.numpy as anp
import numpy as np


def attention(q, k, v, causal):
    scores = anp.einsum("ntd,nsd->nts", q, k) * q.shape[2] ** -0.5
    if causal:
        scores = scores - 1e30 * (np.arange(k.shape[1]) > np.arange(q.shape[1])[:, None])
    above = scores - anp.max(scores, axis=2, keepdims=True)
    logarithms = above - anp.log(anp.sum(anp.exp(above), axis=2, keepdims=True))
    return anp.einsum("nts,nsm->ntm", anp.exp(logarithms), v)


def torch_attention(q, k, v, causal):
    import torch

    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


AUTOGRAD = {"attention_backward": attention}
TORCH = {"attention_backward": torch_attention}
