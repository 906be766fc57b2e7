"""The functions of solutions/digits.py in autograd's NumPy; new pictures are told by the nearest that is labelled."""

import autograd.numpy as anp
import numpy as np
from autograd import grad


def loss(x, w1, b1, w2, b2, y):
    scores = anp.dot(anp.maximum(anp.dot(x, w1.T) + b1, 0), w2.T) + b2
    most = anp.max(scores, axis=1, keepdims=True)
    log_total = anp.log(anp.sum(anp.exp(scores - most), axis=1)) + most[:, 0]
    return anp.mean(log_total - anp.sum(scores * np.eye(len(b2))[y], axis=1))


def train(x, y, w1, b1, w2, b2, rate, steps):
    parameters = [w1, b1, w2, b2]
    for _ in range(steps):
        slopes = grad(lambda parameters: loss(x, *parameters, y))(parameters)
        parameters = [value - rate * slope for value, slope in zip(parameters, slopes)]
    return tuple(parameters)


def nearest(x, y, x_new):
    return np.array([y[np.argmin(np.sum((x - new) ** 2, axis=1))] for new in x_new])


AUTOGRAD = {"network_backward": loss}

VALUES = {"train": train, "classify": nearest}
