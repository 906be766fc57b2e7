"""Batch normalisation in training mode: every feature has mean 0 and variance 1 over the batch, then gamma and beta."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, mistake


def batchnorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """The batch, normalised: return (out, cache) with out = gamma (x - mean) / sqrt(var + eps) + beta of shape (N, D).

    Mean and variance (of 1/N) are those of each feature over the batch. Lecture S3-33.
    """
    ### BEGIN SOLUTION
    if gamma.shape != x.shape[1:] or beta.shape != x.shape[1:] or not len(x):
        raise ValueError(
            f"x {x.shape}, gamma {gamma.shape} and beta {beta.shape} should be (N, D), (D,) and (D,), N > 0"
        )
    std = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    batchnorm_forward,
    points=5,
    rows=("S3-33", "S3-35", "S3-43"),
    hints=(
        "beta and gamma first: over which axis is each of them shared?",
        "x reaches the output along three paths: directly, through the mean, and through the variance. Every row of "
        "the batch moves the mean and the variance that every other row is normalised with.",
        "All three paths together take from each feature's gradient its mean, and its part along x_hat.",
    ),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def batchnorm_backward(dout, cache):
    """Gradients of batchnorm_forward: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    Lectures S3-37 to S3-42, in one formula (S3-43). In S3-39 the first term of the mean's gradient should read minus.
    """
    ### BEGIN SOLUTION
    # With $\hat x = (x-\mu)/s$, $s = \sqrt{\sigma^2+\varepsilon}$ and $g = \gamma\bar o$,
    # $$\bar{\sigma^2} = -\frac1{2s^2}\sum_n g_n\hat x_n,\qquad \bar\mu = -\frac1s\sum_n g_n,$$
    # $$\bar x = \frac g s + \frac{2(x-\mu)}N\bar{\sigma^2} + \frac{\bar\mu}N
    #          = \frac1s\Big(g - \tfrac1N\textstyle\sum g - \hat x\,\tfrac1N\sum g\hat x\Big).$$
    x_hat, std, gamma = cache
    direct = gamma * dout
    dx = (direct - direct.mean(axis=0) - x_hat * (direct * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    ### END SOLUTION


def _with_dx(dout, cache, terms):
    """The right dgamma and dbeta, and a dx of which terms(g, x_hat) gives what is divided by std."""
    x_hat, std, gamma = cache
    _, dgamma, dbeta = batchnorm_backward(dout, cache)
    return terms(gamma * dout, x_hat) / std, dgamma, dbeta


@mistake(
    batchnorm_backward,
    "What x does to the spread of its batch is missing: look at every place where x enters the formula.",
)
def variance_path_forgotten(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g - g.mean(axis=0))


@mistake(
    batchnorm_backward,
    "What x does to the centre of its batch is missing: look at every place where x enters the formula.",
)
def mean_path_forgotten(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g - x_hat * (g * x_hat).mean(axis=0))


@mistake(
    batchnorm_backward, "Mean and variance are functions of x, not constants: add a number to all of x, and what moves?"
)
def statistics_held_constant(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g)


@mistake(batchnorm_backward, "Each x moves every x_hat of its feature, and not its own alone.")
def diagonal_of_the_jacobian(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g * (1 - 1 / len(g)))


@mistake(
    batchnorm_backward, "The path through the mean has the wrong sign (so has the handwritten page of the lecture)."
)
def sign_of_the_mean_path(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g + g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))


@mistake(batchnorm_backward, "One x is one N-th of its batch's mean and variance.")
def sums_for_means(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g - g.sum(axis=0) - x_hat * (g * x_hat).sum(axis=0))


@mistake(batchnorm_backward, "gamma scales the output: does it scale what flows back?")
def gamma_left_out_of_dx(dout, cache):
    _, dgamma, dbeta = batchnorm_backward(dout, cache)
    x_hat, std, _ = cache
    return batchnorm_backward(dout, (x_hat, std, 1.0))[0], dgamma, dbeta


@mistake(
    batchnorm_backward, "Each feature of dx is off by a factor of its own: by which power of its standard deviation?"
)
def multiplied_by_the_deviation(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx * cache[1] ** 2, dgamma, dbeta


@mistake(batchnorm_backward, "In `a - b - c / d` only the last term is divided.")
def brackets_left_out(dout, cache):
    x_hat, std, gamma = cache
    _, dgamma, dbeta = batchnorm_backward(dout, cache)
    g = gamma * dout
    return g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0) / std, dgamma, dbeta


@mistake(batchnorm_backward, "Your dgamma is the same whatever dout is.")
def gamma_without_upstream(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, cache[0].sum(axis=0), dbeta


@mistake(batchnorm_backward, "gamma multiplies something in the forward: where is it in your dgamma?")
def gamma_like_beta(dout, cache):
    dx, _, dbeta = batchnorm_backward(dout, cache)
    return dx, dbeta.copy(), dbeta


@mistake(batchnorm_backward, "What gamma multiplies is the normalised x.")
def gamma_times_the_raw_input(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dgamma * cache[1], dbeta


@mistake(batchnorm_backward, "Is anything in the forward divided by N on the way from beta to the output?")
def beta_as_a_mean(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dgamma, dbeta / len(dout)


@mistake(
    batchnorm_backward,
    "A gradient has exactly the shape of the thing it is the gradient of: gamma and beta have one axis.",
)
def parameters_with_an_extra_axis(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout, cache)
    return dx, dgamma[None], dbeta[None]


def _forward_with_eps(x, gamma, beta, eps=1e-5):
    out, cache = batchnorm_forward(x, gamma, beta, eps)
    return out, (*cache, eps)


@mistake(
    batchnorm_backward,
    "It agrees as eps goes to 0: compare what you divide by here and in the forward.",
    forward=_forward_with_eps,
)
def eps_left_out_of_the_backward(dout, cache):
    x_hat, std, gamma, eps = cache
    return batchnorm_backward(dout, (x_hat, np.sqrt(np.maximum(std**2 - eps, 1e-300)), gamma))


@mistake(batchnorm_backward, "Is eps added to the variance, or to its root?", half="forward")
def eps_outside_the_root(x, gamma, beta, eps=1e-5):
    std = x.std(axis=0) + eps
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(batchnorm_backward, "The batch's variance divides by N here.", half="forward")
def unbiased_variance(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=0) * len(x) / max(1, len(x) - 1) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(
    batchnorm_backward,
    "Which mean is 0 after normalising: each feature's over the batch, or each example's?",
    half="forward",
)
def statistics_of_each_example(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(batchnorm_backward, "What is the spread of your normalised x: is it 1?", half="forward")
def divided_by_the_variance(x, gamma, beta, eps=1e-5):
    var = x.var(axis=0) + eps
    x_hat = (x - x.mean(axis=0)) / var
    return gamma * x_hat + beta, (x_hat, var, gamma)
