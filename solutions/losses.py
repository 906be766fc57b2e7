"""Losses for two classes: binary cross-entropy of a probability, and of a logit."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, exercise, mistake

from .activations import logistic


def bce_forward(p: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean over n of -y log p - (1 - y) log(1 - p): return (loss, cache), for labels y of 0 or 1. Lecture S0-10."""
    ### BEGIN SOLUTION
    if p.shape != y.shape or not p.size:
        raise ValueError(f"p {p.shape} and y {y.shape} should have one shape (N,), with N at least 1")
    return -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)), (p, y)
    ### END SOLUTION


@exercise(
    bce_forward,
    points=2,
    rows=("S0-10", "S2-02"),
    hints=(
        "Take one example first, and one label at a time: y = 1, then y = 0.",
        "Put -y/p and (1 - y)/(1 - p) on one fraction; do not forget what a mean does to each example.",
    ),
    draw={"p": (0.05, 0.95), "y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}},
)
def bce_backward(dout, cache):
    """Gradient of the mean binary cross-entropy: return dp of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-02.
    """
    ### BEGIN SOLUTION
    # $L = -\frac1N\sum_n y_n\log p_n + (1-y_n)\log(1-p_n)$, so
    # $$\frac{\partial L}{\partial p_n} = \frac1N\Big(\frac{1-y_n}{1-p_n} - \frac{y_n}{p_n}\Big)
    #   = \frac{p_n - y_n}{N\,p_n(1-p_n)}.$$
    p, y = cache
    return dout * (p - y) / (p * (1 - p)) / len(p)
    ### END SOLUTION


@mistake(bce_backward, "The loss is a mean: by how much does one example move it?")
def mean_forgotten(dout, cache):
    return bce_backward(dout, cache) * len(cache[0])


@mistake(bce_backward, "Raise p where y = 1: does the loss rise or fall?")
def sign_turned_round(dout, cache):
    return -bce_backward(dout, cache)


@mistake(bce_backward, "That is the gradient for the logit; p comes one step later.")
def gradient_for_the_logit(dout, cache):
    p, y = cache
    return dout * (p - y) / len(p)


@mistake(bce_backward, "What about the examples with label 0?")
def only_the_ones_count(dout, cache):
    p, y = cache
    return dout * -y / p / len(p)


@mistake(bce_backward, "Two minus signs meet in the derivative of log(1 - p).")
def inner_derivative_left_out(dout, cache):
    p, y = cache
    return dout * (-y / p - (1 - y) / (1 - p)) / len(p)


@mistake(bce_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def loss_taken_as_the_end(dout, cache):
    return bce_backward(1.0, cache)


@mistake(bce_backward, "Your loss is 0.4343 times what it should be: which logarithm is that?", half="forward")
def logarithm_to_base_ten(p, y):
    return -np.mean(y * np.log10(p) + (1 - y) * np.log10(1 - p)), (p, y)


def bce_with_logits_forward(z: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean binary cross-entropy of sigmoid(z) with labels y of 0 or 1: return (loss, cache). Lecture S0-10.

    Write it so that logits of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    # $-y\log\sigma(z) - (1-y)\log(1-\sigma(z)) = \log(1+e^z) - yz = \max(z,0) - yz + \log(1+e^{-|z|})$.
    if z.shape != y.shape or not z.size:
        raise ValueError(f"z {z.shape} and y {y.shape} should have one shape (N,), with N at least 1")
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))), (z, y)
    ### END SOLUTION


@exercise(
    bce_with_logits_forward,
    points=3,
    rows=("S0-10", "S2-03"),
    hints=(
        "Chain the cross-entropy's derivative with the sigmoid's, s (1 - s), and see what cancels.",
        "What is left is a difference of two numbers per example; then the mean, then dout.",
    ),
    draw={"y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}},
    overflow={"logits of 1000": {"z": (900, 1100)}, "logits of -1000": {"z": (-1100, -900)}},
)
def bce_with_logits_backward(dout, cache):
    """Gradient of the mean binary cross-entropy of sigmoid(z): return dz of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-03, where this is the local error delta.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial L}{\partial z} = \frac{p-y}{N p(1-p)}\cdot p(1-p) = \frac{p-y}{N},\qquad p = \sigma(z).$$
    z, y = cache
    return dout * (logistic(z) - y) / len(z)
    ### END SOLUTION


@mistake(bce_with_logits_backward, "The loss is a mean: by how much does one example move it?")
def mean_forgotten_for_logits(dout, cache):
    return bce_with_logits_backward(dout, cache) * len(cache[0])


@mistake(bce_with_logits_backward, "Raise z where y = 1: does the loss rise or fall?")
def labels_minus_probabilities(dout, cache):
    return -bce_with_logits_backward(dout, cache)


@mistake(bce_with_logits_backward, "The sigmoid's derivative has cancelled already: it is here once too often.")
def sigmoid_derivative_twice(dout, cache):
    p = logistic(cache[0])
    return bce_with_logits_backward(dout, cache) * p * (1 - p)


@mistake(bce_with_logits_backward, "A logit is no probability: which function turns one into the other?")
def logits_for_probabilities(dout, cache):
    z, y = cache
    return dout * (z - y) / len(z)


@mistake(bce_with_logits_backward, "Follow the chain to its end: from the loss to p, and then from p to z.")
def stopped_at_the_probability(dout, cache):
    z, y = cache
    p = logistic(z)
    return dout * (p - y) / (p * (1 - p)) / len(z)


@mistake(bce_with_logits_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def loss_taken_as_the_last_word(dout, cache):
    return bce_with_logits_backward(1.0, cache)


@mistake(bce_with_logits_backward, "Try logits of 1000: what is the logarithm of 1 - 1?", half="forward")
def logarithm_of_zero(z, y):
    p = logistic(z)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), (z, y)


@mistake(
    bce_with_logits_backward,
    "A mean was asked for: with twice the examples, your loss is twice as large.",
    half="forward",
)
def sum_of_the_losses(z, y):
    return len(z) * bce_with_logits_forward(z, y)[0], (z, y)
