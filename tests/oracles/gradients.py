"""The functions of solutions/gradients.py in autograd's NumPy, written as sums over their entries."""

import autograd.numpy as anp
import numpy as np


def product(x):
    whole = 1.0
    for number in x:
        whole = whole * number
    return anp.array([whole])


def measured_gradient(x, h):
    """Of the variance: 2 (x - mean) / N, and what is left of a step of h."""
    n = len(x)
    return np.array([2 * (number - sum(x) / n) / n + h * (n - 1) / n**2 for number in x])


AUTOGRAD = {
    "squared_distance_gradient": lambda x, c: anp.dot(x, x) - 2 * anp.dot(x, c) + anp.dot(c, c),
    "variance_gradient": lambda x: anp.dot(x, x) / len(x) - (anp.sum(x) / len(x)) ** 2,
    "bilinear_gradient": lambda x, w, y: anp.einsum("i,ij,j->", x, w, y),
    "frobenius_gradient": lambda w: anp.trace(anp.dot(w, w.T)),
    "trace_gradient": lambda a, w: anp.einsum("ji,ij->", a, w),
    "trace_of_three_gradient": lambda a, w, b: anp.einsum("ki,ij,jk->", a, w, b),
    "product_gradient": product,
}
VALUES = {
    "measured_gradient": measured_gradient,
    "change_by_matrix": lambda gradient, step: sum(
        slope * moved for slopes, steps in zip(gradient, step) for slope, moved in zip(slopes, steps)
    ),
}
