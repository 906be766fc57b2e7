"""The functions of solutions/hessians.py in autograd's NumPy, written entry by entry."""

import autograd.numpy as anp
import numpy as np
from autograd import hessian


def quadratic(x, a, b):
    return anp.sum(a * anp.outer(x, x)) + anp.sum(b * x)


def logsumexp(x):
    """Relative to the mean of the entries."""
    middle = anp.mean(x)
    return middle + anp.log(anp.sum(anp.exp(x - middle)))


def valley(x, steep):
    terms = [steep * (x[i + 1] - x[i] * x[i]) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1)]
    return sum(terms)


def logistic_loss(w, x, y):
    signs = np.where(y == 1, 1.0, -1.0)
    return anp.mean(anp.logaddexp(0, -signs * anp.sum(x * w, axis=1)))


AUTOGRAD = {
    "quadratic_gradient": quadratic,
    "quadratic_by_matrix": quadratic,
    "quadratic_hessian": quadratic,
    "logsumexp_gradient": logsumexp,
    "logsumexp_hessian": logsumexp,
    "valley_gradient": valley,
    "valley_hessian": valley,
    "logistic_hessian": logistic_loss,
}

VALUES = {"logsumexp_curvature": lambda x, v: hessian(logsumexp)(x) @ v}
