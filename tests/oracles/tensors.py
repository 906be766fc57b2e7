"""The functions of solutions/tensors.py in autograd's NumPy, and its contractions as sums of matrices."""

import autograd.numpy as anp
import numpy as np


def product(w, x):
    return anp.sum(w * x, axis=1)


def slices(tensor, weights):
    """Matrices along the last axis, each times its number, added up."""
    total = np.zeros(tensor.shape[:-1])
    for k, weight in enumerate(weights):
        total = total + weight * tensor[..., k]
    return total


AUTOGRAD = {
    "dWx_dW": product,
    "dz_dW_tensor": lambda w, a, b: product(w, a) + b,
    "dz_dW": lambda w, x, y, k: (y - product(w, x))[k],
    "bilinear_tensor": lambda w, u, v: anp.stack([anp.sum(w * anp.outer(a, b)) for a, b in zip(u, v)]),
    "rows_tensors": lambda x, w: anp.stack([product(w, row) for row in x]),
    "product_backward": product,
}

VALUES = {
    "tensor_contract": slices,
    "to_numerator_layout": lambda dz_dw: np.stack([dz_dw[..., k] for k in range(dz_dw.shape[-1])]),
    "batch_contract": lambda dy_dw, dout: sum(slices(dy_dw[:, :, n], dout[n]) for n in range(len(dout))),
}
