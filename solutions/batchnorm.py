"""Batch normalisation: every feature has mean 0 and variance 1 over the batch, then gamma and beta."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, keep, mistake

from .activations import relu_backward, relu_forward
from .affine import affine_backward, affine_forward

# -- the graph, node by node ------------------------------------------------------------------------------------------


def batchnorm_graph_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5, node=keep
):
    """Batch norm as the lecture's graph: return (out, cache), with the values of all nodes in the cache by name.

    mu and sigma2 are one number per feature; from e on, every example has a copy of its own, as in the lecture. sigma2
    is taken of x and mu, not of a. Lectures S3-33 and S3-37.
    """
    expect_shapes(batchnorm_graph_forward, x, gamma, beta)
    mu = node("mu", x.mean(axis=0))
    sigma2 = node("sigma2", ((x - mu) ** 2).mean(axis=0))
    e = node("e", np.tile(sigma2 + eps, (len(x), 1)))
    c = node("c", np.sqrt(e))
    b = node("b", 1 / c)
    a = node("a", x - mu)
    x_hat = node("x_hat", a * b)
    out = gamma * x_hat + beta
    nodes = {"mu": mu, "sigma2": sigma2, "e": e, "c": c, "b": b, "a": a, "x_hat": x_hat}
    return out, {**nodes, "x": x, "gamma": gamma}


@exercise(
    batchnorm_graph_forward,
    nodes={"x_hat": "N D", "a": "N D", "b": "N D", "c": "N D", "e": "N D", "sigma2": "D", "mu": "D"},
    points=6,
    rows=("S3-37", "S3-38", "S3-39", "S3-40", "S3-41", "S3-42"),
    hints=(
        "Undo the forward's lines one by one, from the last to the first; each needs its own result's gradient only.",
        "A gradient has the shape of its node: of N copies of one number, the gradients are added.",
        "mu is used twice, for sigma2 and for a; x is used three times: for mu, for sigma2 and for a.",
        "In mu's gradient the path through sigma2 carries the sum of x - mu over the batch: what is that?",
    ),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def batchnorm_graph_backward(dout, cache):
    """All gradients of batchnorm_graph_forward, given dout (N, D): return them in a dict, by name.

    Those of the nodes are "dx_hat", "da", "db", "dc", "de" of shape (N, D), "dsigma2" and "dmu" of shape (D,), those of
    the inputs "dx" (N, D), "dgamma" and "dbeta" (D,). "db" belongs to the node b = 1/c and not to a bias.
    Lectures S3-37 to S3-42. The first term of dmu should read minus on the handwritten page (S3-39), and the derivative
    of sigma2 by mu lacks a factor 1/m (S3-41).
    """
    ### BEGIN SOLUTION
    # $$\bar{\hat x} = \gamma\bar o,\quad \bar a = b\,\bar{\hat x},\quad \bar b = a\,\bar{\hat x},\quad
    #   \bar c = -\frac{\bar b}{c^2},\quad \bar e = \frac{\bar c}{2\sqrt e}
    #           = -\tfrac12(\sigma^2+\varepsilon)^{-3/2}\,a\,\bar{\hat x},\quad \bar{\sigma^2} = \sum_n\bar e_n,$$
    # $$\bar\mu = -\sum_n\bar a_n - \Big(\tfrac2m\sum_n(x_n-\mu)\Big)\bar{\sigma^2},\quad
    #   \bar x = \bar a + \frac{2(x-\mu)}m\bar{\sigma^2} + \frac{\bar\mu}m.$$
    # The bracket in $\bar\mu$ is 0: deviations from a mean add up to nothing.
    x, mu, gamma = cache["x"], cache["mu"], cache["gamma"]
    m = len(x)
    dx_hat = gamma * dout
    da, db = cache["b"] * dx_hat, cache["a"] * dx_hat
    dc = -db / cache["c"] ** 2
    de = dc / (2 * np.sqrt(cache["e"]))
    dsigma2 = de.sum(axis=0)
    dmu = -da.sum(axis=0) - 2 / m * (x - mu).sum(axis=0) * dsigma2
    dx = da + 2 / m * (x - mu) * dsigma2 + dmu / m
    dgamma, dbeta = (dout * cache["x_hat"]).sum(axis=0), dout.sum(axis=0)
    return {
        "dx_hat": dx_hat, "da": da, "db": db, "dc": dc, "de": de, "dsigma2": dsigma2, "dmu": dmu,
        "dx": dx, "dgamma": dgamma, "dbeta": dbeta,
    }  # fmt: skip
    ### END SOLUTION


def _with_steps(dout, cache, **steps):
    """The graph's backward with other steps, by the gradient that each gives: functions of the gradients so far."""
    x, mu, m = cache["x"], cache["mu"], len(dout)
    every = {
        "dx_hat": lambda g: cache["gamma"] * g["dout"],
        "da": lambda g: cache["b"] * g["dx_hat"],
        "db": lambda g: cache["a"] * g["dx_hat"],
        "dc": lambda g: -g["db"] / cache["c"] ** 2,
        "de": lambda g: g["dc"] / (2 * np.sqrt(cache["e"])),
        "dsigma2": lambda g: g["de"].sum(axis=0),
        "dmu": lambda g: -g["da"].sum(axis=0),
        "dx": lambda g: g["da"] + 2 / m * (x - mu) * g["dsigma2"] + g["dmu"] / m,
        "dgamma": lambda g: (g["dout"] * cache["x_hat"]).sum(axis=0),
        "dbeta": lambda g: g["dout"].sum(axis=0),
        **steps,
    }
    gradients = {"dout": dout}
    for name, step in every.items():
        gradients[name] = step(gradients)
    del gradients["dout"]
    return gradients


@mistake(batchnorm_graph_backward, "Between x_hat and the output there is a factor: which?")
def gamma_passed_over(dout, cache):
    return _with_steps(dout, cache, dx_hat=lambda g: dout.copy())


@mistake(
    batchnorm_graph_backward, "Your dx_hat is the same whatever dout is: the local derivative is one factor of two."
)
def gamma_alone(dout, cache):
    return _with_steps(dout, cache, dx_hat=lambda g: cache["gamma"] * np.ones_like(dout))


@mistake(batchnorm_graph_backward, "x_hat is a times b: how fast does a product change with its first factor?")
def divided_by_b(dout, cache):
    return _with_steps(dout, cache, da=lambda g: g["dx_hat"] / cache["b"])


@mistake(batchnorm_graph_backward, "The factor of da is b, which is 1/sqrt(sigma2 + eps): you have its square.")
def one_over_the_variance(dout, cache):
    return _with_steps(dout, cache, da=lambda g: g["dx_hat"] / cache["e"])


@mistake(batchnorm_graph_backward, "x_hat is a times b: does its slope in b contain x_hat or a?")
def x_hat_for_the_centred_input(dout, cache):
    return _with_steps(dout, cache, db=lambda g: cache["x_hat"] * g["dx_hat"])


@mistake(batchnorm_graph_backward, "Every example has a copy of b here, so db is (N, D): its sum is taken at sigma2.")
def b_summed_too_early(dout, cache):
    return _with_steps(
        dout,
        cache,
        db=lambda g: (cache["a"] * g["dx_hat"]).sum(axis=0),
        dc=lambda g: -g["db"] / cache["c"][0] ** 2,
        de=lambda g: g["dc"] / (2 * cache["c"][0]),
        dsigma2=lambda g: g["de"],
    )


@mistake(batchnorm_graph_backward, "Does 1/c rise or fall when c rises?")
def plus_at_the_reciprocal(dout, cache):
    return _with_steps(dout, cache, dc=lambda g: g["db"] / cache["c"] ** 2)


@mistake(batchnorm_graph_backward, "That is the derivative of the logarithm; what is the one of 1/c?")
def reciprocal_without_its_square(dout, cache):
    return _with_steps(dout, cache, dc=lambda g: -g["db"] / cache["c"])


@mistake(batchnorm_graph_backward, "Look at the derivative of the root once more: there is a number in it.")
def root_without_its_half(dout, cache):
    return _with_steps(dout, cache, de=lambda g: g["dc"] / cache["c"])


@mistake(batchnorm_graph_backward, "The root's slope is large where its argument is small: is yours?")
def multiplied_by_the_root_again(dout, cache):
    return _with_steps(dout, cache, de=lambda g: g["dc"] * cache["c"] / 2)


@mistake(batchnorm_graph_backward, "`z ** -3 / 2` is half of z ** -3: where do brackets have to be?")
def exponent_without_brackets(dout, cache):
    return _with_steps(dout, cache, de=lambda g: -0.5 * cache["e"] ** -3 / 2 * cache["a"] * g["dx_hat"])


@mistake(
    batchnorm_graph_backward, "sigma2 is one number per feature, so dsigma2 is (D,): what happens to the N copies?"
)
def variance_gradient_not_summed(dout, cache):
    return _with_steps(dout, cache, dsigma2=lambda g: g["de"].copy())


@mistake(batchnorm_graph_backward, "Is anything divided by N on the way from sigma2 to its copies in e?")
def variance_gradient_as_a_mean(dout, cache):
    return _with_steps(dout, cache, dsigma2=lambda g: g["de"].mean(axis=0))


@mistake(batchnorm_graph_backward, "mu is one number per feature, so dmu is (D,): what happens to the N rows?")
def mean_gradient_not_summed(dout, cache):
    return _with_steps(dout, cache, dmu=lambda g: -g["da"])


@mistake(batchnorm_graph_backward, "When mu rises, does a = x - mu rise? (The handwritten page has this sign wrong.)")
def printed_sign_of_the_mean(dout, cache):
    def printed(g):
        return g["da"].sum(axis=0) - 2 / len(dout) * (cache["x"] - cache["mu"]).sum(axis=0) * g["dsigma2"]

    return _with_steps(dout, cache, dmu=printed)


@mistake(batchnorm_graph_backward, "Is dmu a sum over the batch, or a mean? The 1/m comes one step later.")
def mean_gradient_as_a_mean(dout, cache):
    return _with_steps(dout, cache, dmu=lambda g: -g["da"].mean(axis=0))


@mistake(batchnorm_graph_backward, "How large a share has one x in its feature's mean?")
def share_in_the_mean_forgotten(dout, cache):
    x, mu, m = cache["x"], cache["mu"], len(dout)
    return _with_steps(dout, cache, dx=lambda g: g["da"] + 2 / m * (x - mu) * g["dsigma2"] + g["dmu"])


@mistake(batchnorm_graph_backward, "The variance is a mean of squares: by how much does one of them move it?")
def share_in_the_variance_forgotten(dout, cache):
    x, mu, m = cache["x"], cache["mu"], len(dout)
    return _with_steps(dout, cache, dx=lambda g: g["da"] + 2 * (x - mu) * g["dsigma2"] + g["dmu"] / m)


@mistake(batchnorm_graph_backward, "The variance is a mean of squares: what is the slope of a square?")
def two_of_the_variance_forgotten(dout, cache):
    x, mu, m = cache["x"], cache["mu"], len(dout)
    return _with_steps(dout, cache, dx=lambda g: g["da"] + (x - mu) / m * g["dsigma2"] + g["dmu"] / m)


@mistake(batchnorm_graph_backward, "x has three consumers: a, sigma2 and mu. How many terms has your dx?")
def direct_path_alone(dout, cache):
    return _with_steps(dout, cache, dx=lambda g: g["da"].copy())


@mistake(batchnorm_graph_backward, "What does gamma multiply in the forward: a or x_hat?")
def gamma_times_the_centred_input(dout, cache):
    return _with_steps(dout, cache, dgamma=lambda g: (dout * cache["a"]).sum(axis=0))


@mistake(batchnorm_graph_backward, "beta is shared by the examples: is it divided among them?")
def mean_of_the_upstream_for_beta(dout, cache):
    return _with_steps(dout, cache, dbeta=lambda g: dout.mean(axis=0))


# -- the spread about a point -----------------------------------------------------------------------------------------


def spread_forward(x: Float[ndarray, "N D"], mu: Float[ndarray, "D"]):
    """The mean over the batch of (x - mu)^2, for any mu: return (out, cache) with out of shape (D,). Lecture S3-33.

    At mu = the mean of x it is the variance.
    """
    ### BEGIN SOLUTION
    expect_shapes(spread_forward, x, mu)
    return ((x - mu) ** 2).mean(axis=0), x - mu
    ### END SOLUTION


@exercise(
    spread_forward,
    points=2,
    rows=("S3-41",),
    hints=(
        "Each row's square depends on its own x and on mu: differentiate one row first.",
        "mu is shared by all rows, so their gradients are added; the mean's 1/N stays in every term.",
    ),
    edges={"a batch of 1": {"N": 1}, "mu far away": {"mu": (5.0, 9.0)}},
)
def spread_backward(dout, cache):
    """Gradients of the mean of (x - mu)^2: return (dx, dmu) of shapes (N, D) and (D,), given dout (D,).

    Lecture S3-41, where the derivative by mu should have a factor 1/m.
    """
    ### BEGIN SOLUTION
    # $v = \frac1m\sum_n (x_n-\mu)^2$: $\partial v/\partial x_n = \frac2m(x_n-\mu)$ and
    # $\partial v/\partial\mu = -\frac2m\sum_n(x_n-\mu)$, which is 0 where $\mu$ is the mean.
    dx = 2 / len(cache) * cache * dout
    return dx, -dx.sum(axis=0)
    ### END SOLUTION


@mistake(spread_backward, "The spread is a mean: by how much does one row move it, and all rows together?")
def factor_of_the_printed_page(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx, dmu * len(cache)


@mistake(spread_backward, "Is the spread a sum over the rows, or their mean?")
def spread_taken_for_a_sum(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx * len(cache), dmu * len(cache)


@mistake(spread_backward, "When mu rises, does x - mu rise or fall?")
def mu_with_a_plus(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx, -dmu


@mistake(spread_backward, "At the mean this is right: is mu the mean of x here?")
def mu_taken_for_the_mean(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx, np.zeros_like(dmu)


@mistake(spread_backward, "mu is one number per feature: what happens to the gradients of the rows?")
def mu_not_summed(dout, cache):
    dx, _ = spread_backward(dout, cache)
    return dx, -dx


@mistake(spread_backward, "What is the slope of a square?")
def spread_without_the_two(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx / 2, dmu / 2


@mistake(spread_backward, "mu is an input of its own here: does moving x move it?")
def x_taken_to_move_mu(dout, cache):
    dx, dmu = spread_backward(dout, cache)
    return dx - dx.mean(axis=0), dmu


# -- the same in one formula ------------------------------------------------------------------------------------------


def batchnorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """The batch, normalised: return (out, cache) with out = gamma (x - mean) / sqrt(var + eps) + beta of shape (N, D).

    Mean and variance (of 1/N) are those of each feature over the batch. Lecture S3-33.
    """
    ### BEGIN SOLUTION
    expect_shapes(batchnorm_forward, x, gamma, beta)
    std = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    batchnorm_forward,
    points={"x": 3, "gamma": 1, "beta": 1},
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


@mistake(batchnorm_backward, "Is the eps in your root, and with a plus? Try a batch of 1.", half="forward")
def root_without_eps(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=0))
    with np.errstate(all="ignore"):
        x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(
    batchnorm_backward, "Mean and variance are one number per feature: their gradients are summed over the batch first."
)
def gradients_of_the_statistics_not_summed(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: g - g / len(g) - x_hat**2 * g / len(g))


@mistake(batchnorm_backward, "Your dx is the same whatever dout is: the local derivative is one factor of two.")
def input_gradient_without_upstream(dout, cache):
    return _with_dx(dout, cache, lambda g, x_hat: cache[2] * np.ones_like(g))


@mistake(
    batchnorm_backward, "Compare the order in which the cache is packed and unpacked: two of its entries look alike."
)
def cache_in_another_order(dout, cache):
    x_hat, std, gamma = cache
    return batchnorm_backward(dout, (x_hat, gamma, std))


@mistake(batchnorm_backward, "These means run along the features of an example: what shares a mean in the forward?")
def means_along_the_features(dout, cache):
    return _with_dx(
        dout,
        cache,
        lambda g, x_hat: g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True),
    )


# -- what gamma and beta can do ---------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=2,
    rows=("S3-34",),
    hints=(
        "Write gamma x_hat + beta = x, put in what x_hat is, and compare the coefficients of x.",
        "What x_hat is divided by contains eps as well.",
    ),
    edges={"eps of 0.1": {"eps": 0.1}, "a batch of 1": {"N": 1}, "small spread": {"x": (1.0, 1.01)}},
)
def undo_batchnorm(x: Float[ndarray, "N D"], eps: float = 1e-5):
    """What undoes batch norm: return (gamma, beta), both (D,), with which batchnorm_forward gives x itself.

    Lecture S3-34, which leaves eps out: gamma = sigma is exact for eps = 0 alone.
    """
    ### BEGIN SOLUTION
    # $\gamma(x-\mu)/s + \beta = x$ for $\gamma = s = \sqrt{\sigma^2+\varepsilon}$ and $\beta = \mu$.
    expect_shapes(undo_batchnorm, x)
    return np.sqrt(x.var(axis=0) + eps), x.mean(axis=0)
    ### END SOLUTION


@mistake(undo_batchnorm, "With a large eps x does not come back: what exactly has x been divided by?")
def deviation_without_eps(x, eps=1e-5):
    return x.std(axis=0), x.mean(axis=0)


@mistake(undo_batchnorm, "Was x divided by its variance, or by the root of it?")
def variance_for_gamma(x, eps=1e-5):
    return x.var(axis=0) + eps, x.mean(axis=0)


@mistake(undo_batchnorm, "Is gamma there to divide once more, or to multiply back?")
def divided_once_more(x, eps=1e-5):
    return 1 / np.sqrt(x.var(axis=0) + eps), x.mean(axis=0)


@mistake(undo_batchnorm, "The mean was subtracted on the way: is it subtracted again on the way back?")
def mean_subtracted_again(x, eps=1e-5):
    return np.sqrt(x.var(axis=0) + eps), -x.mean(axis=0)


@mistake(undo_batchnorm, "eps goes in under the root.")
def eps_added_to_the_deviation(x, eps=1e-5):
    return x.std(axis=0) + eps, x.mean(axis=0)


@mistake(undo_batchnorm, "Batch norm's variance divides by N.")
def gamma_of_one_less(x, eps=1e-5):
    return np.sqrt(x.var(axis=0) * len(x) / max(1, len(x) - 1) + eps), x.mean(axis=0)


@mistake(undo_batchnorm, "The first result scales and the second one shifts.")
def gamma_and_beta_swapped(x, eps=1e-5):
    return x.mean(axis=0), np.sqrt(x.var(axis=0) + eps)


# -- training and testing ---------------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S3-33",),
    hints=(
        "Two questions for each mode: which statistics normalise x, and which statistics are returned?",
        "Training uses the batch's own, and remembers them; testing uses what is remembered, and learns nothing.",
        "Check the running variance with momentum 0: it should be the batch's variance, of 1/N, without eps.",
    ),
    draw={"running_var": (0.5, 2.0)},
    edges={
        "test mode": {"mode": "test"},
        "test mode with eps of 0.1": {"mode": "test", "eps": 0.1},
        "eps of 0.1": {"eps": 0.1},
        "momentum 0": {"momentum": 0.0},
        "momentum 0.3": {"momentum": 0.3},
        "a batch of 1": {"N": 1},
        "a batch of 1 in test mode": {"N": 1, "mode": "test"},
    },
)
def batchnorm_modes(
    x: Float[ndarray, "N D"],
    gamma: Float[ndarray, "D"],
    beta: Float[ndarray, "D"],
    running_mean: Float[ndarray, "D"],
    running_var: Float[ndarray, "D"],
    mode: str = "train",
    momentum: float = 0.9,
    eps: float = 1e-5,
):
    """Batch norm with running statistics: return (out, new_mean, new_var) of shapes (N, D), (D,) and (D,).

    In mode "train" x is normalised with the batch's own mean and variance (of 1/N), and new_mean is momentum times
    running_mean plus (1 - momentum) times the batch's mean; new_var likewise. In mode "test" x is normalised with the
    running statistics, which are returned as they are. Leave the inputs themselves unchanged.
    Lecture S3-33, which covers training alone. Source: Ioffe and Szegedy 2015, section 3.1.
    """
    ### BEGIN SOLUTION
    # $\mu' = \alpha\mu_{run} + (1-\alpha)\mu_{batch}$, and the same with $\sigma^2$.
    expect_shapes(batchnorm_modes, x, gamma, beta, running_mean, running_var)
    if mode not in ("train", "test"):
        raise ValueError(f"mode is {mode!r}, where 'train' or 'test' is wanted")
    mean, var = (x.mean(axis=0), x.var(axis=0)) if mode == "train" else (running_mean, running_var)
    out = gamma * (x - mean) / np.sqrt(var + eps) + beta
    # In test mode both are the running ones already: nothing moves.
    return out, momentum * running_mean + (1 - momentum) * mean, momentum * running_var + (1 - momentum) * var
    ### END SOLUTION


def _modes(x, gamma, beta, used, new, eps):
    """The output normalised with the mean and variance used, and new statistics."""
    return (gamma * (x - used[0]) / np.sqrt(used[1] + eps) + beta, *new)


def _averaged(old, new, momentum):
    return tuple(momentum * before + (1 - momentum) * now for before, now in zip(old, new))


def _of_batch(x):
    return x.mean(axis=0), x.var(axis=0)


@mistake(batchnorm_modes, "What is the mean of your training output, and its spread, with gamma 1 and beta 0?")
def running_averages_in_training(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    new = _averaged(old, _of_batch(x), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, old, new, eps)


@mistake(batchnorm_modes, "You normalise with the averages after the update: whose mean does training subtract?")
def updated_averages_in_training(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    new = _averaged(old, _of_batch(x), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, new, new, eps)


@mistake(batchnorm_modes, "At test time a batch may be a single example: whose statistics are used then?")
def batch_statistics_in_test_mode(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    new = _averaged(old, _of_batch(x), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, _of_batch(x), new, eps)


@mistake(batchnorm_modes, "Should looking at test data change what the layer remembers?")
def averages_updated_in_test_mode(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    new = _averaged(old, _of_batch(x), momentum)
    return _modes(x, gamma, beta, _of_batch(x) if mode == "train" else old, new, eps)


@mistake(batchnorm_modes, "In test mode, too, a variance of 0 must not be divided by.")
def no_eps_in_test_mode(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    return batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps if mode == "train" else 0.0)


@mistake(batchnorm_modes, "In test mode your eps is outside the root.")
def eps_outside_the_root_in_test_mode(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    right = batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps)
    if mode == "train":
        return right
    return gamma * (x - running_mean) / (np.sqrt(running_var) + eps) + beta, *right[1:]


@mistake(batchnorm_modes, "In test mode gamma and beta are still part of the layer.")
def no_gamma_in_test_mode(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    if mode == "test":
        gamma, beta = np.ones_like(gamma), np.zeros_like(beta)
    return batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps)


@mistake(batchnorm_modes, "The running variance averages the batch's variance of 1/N here, not of 1/(N - 1).")
def running_variance_unbiased(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old, n = (running_mean, running_var), len(x)
    mean, var = _of_batch(x)
    new = _averaged(old, (mean, var * n / max(1, n - 1)), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, (mean, var) if mode == "train" else old, new, eps)


@mistake(batchnorm_modes, "With momentum 0.9, how much of the old average is left after a step?")
def momentum_on_the_other_side(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    return batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, 1 - momentum, eps)


@mistake(batchnorm_modes, "Feed the same batch again and again: does your running mean stop growing?")
def old_average_not_decayed(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    out, mean, var = batchnorm_modes(x, gamma, beta, *old, mode, momentum, eps)
    return (out, mean, var) if mode == "test" else (out, *(o + n - momentum * o for o, n in zip(old, (mean, var))))


@mistake(batchnorm_modes, "Is it the variance that you remember, or its root?")
def running_deviation_for_variance(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old = running_mean, running_var
    new = _averaged(old, (x.mean(axis=0), x.std(axis=0)), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, _of_batch(x) if mode == "train" else old, new, eps)


@mistake(batchnorm_modes, "The eps belongs where you divide: if it is in the running variance it comes in twice.")
def eps_in_the_running_variance(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    old, (mean, var) = (running_mean, running_var), _of_batch(x)
    new = _averaged(old, (mean, var + eps), momentum) if mode == "train" else old
    return _modes(x, gamma, beta, (mean, var) if mode == "train" else old, new, eps)


@mistake(batchnorm_modes, "The running statistics came in with one axis: what shape is the next step to receive?")
def running_statistics_with_an_extra_axis(
    x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5
):
    out, mean, var = batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps)
    return (out, mean[None], var[None]) if mode == "train" else (out, mean, var)


@mistake(batchnorm_modes, "Is anything remembered after a step of training?")
def averages_never_updated(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    out, _, _ = batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps)
    return out, running_mean, running_var


@mistake(batchnorm_modes, "The arrays that came in still belong to the caller: the averages go into new ones.")
def averages_written_into_the_inputs(x, gamma, beta, running_mean, running_var, mode="train", momentum=0.9, eps=1e-5):
    out, mean, var = batchnorm_modes(x, gamma, beta, running_mean, running_var, mode, momentum, eps)
    running_mean[...], running_var[...] = mean, var
    return out, running_mean, running_var


def batchnorm_test_forward(
    x: Float[ndarray, "N D"],
    gamma: Float[ndarray, "D"],
    beta: Float[ndarray, "D"],
    running_mean: Float[ndarray, "D"],
    running_var: Float[ndarray, "D"],
    eps: float = 1e-5,
):
    """Batch norm at test time: return (out, cache), out = gamma (x - running_mean) / sqrt(running_var + eps) + beta.

    out has x's shape (N, D). The statistics are given, and no example depends on another. Lecture S3-33, which covers
    training alone.
    """
    ### BEGIN SOLUTION
    expect_shapes(batchnorm_test_forward, x, gamma, beta, running_mean, running_var)
    std = np.sqrt(running_var + eps)
    x_hat = (x - running_mean) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    batchnorm_test_forward,
    wrt=("x", "gamma", "beta"),
    points=2,
    rows=("S3-33",),
    hints=(
        "Which of the three paths from x to the output in training are left when the statistics are constants?",
        "Each feature is now a straight line in x: what is its slope?",
    ),
    draw={"running_var": (0.5, 2.0)},
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "a small variance": {"running_var": (1e-3, 2e-3)},
    },
)
def batchnorm_test_backward(dout, cache):
    """Gradients at test time: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    They serve to fine-tune with frozen statistics, or to ask which input matters. Lecture S3-33.
    """
    ### BEGIN SOLUTION
    # The statistics are constants: $\bar x = \gamma\bar o/\sqrt{\sigma^2_{run}+\varepsilon}$,
    # $\bar\gamma = \sum_n\bar o_n\hat x_n$ and $\bar\beta = \sum_n\bar o_n$.
    x_hat, std, gamma = cache
    return gamma * dout / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    ### END SOLUTION


@mistake(batchnorm_test_backward, "Does one example move the statistics that another one is normalised with, here?")
def training_formula_in_test_mode(dout, cache):
    return batchnorm_backward(dout, cache)


@mistake(batchnorm_test_backward, "The running mean is a constant: does a number added to all of x change the output?")
def running_mean_taken_to_move(dout, cache):
    dx, dgamma, dbeta = batchnorm_test_backward(dout, cache)
    return dx - dx.mean(axis=0), dgamma, dbeta


@mistake(batchnorm_test_backward, "gamma scales the output: does it scale what flows back?")
def frozen_gamma_left_out(dout, cache):
    dx, dgamma, dbeta = batchnorm_test_backward(dout, cache)
    return dout / cache[1], dgamma, dbeta


@mistake(batchnorm_test_backward, "Is x divided by the running variance, or by its root?")
def divided_by_the_running_variance(dout, cache):
    dx, dgamma, dbeta = batchnorm_test_backward(dout, cache)
    return dx / cache[1], dgamma, dbeta


@mistake(batchnorm_test_backward, "x is divided by something on its way out: is its gradient?")
def frozen_deviation_left_out(dout, cache):
    dx, dgamma, dbeta = batchnorm_test_backward(dout, cache)
    return dx * cache[1], dgamma, dbeta


@mistake(batchnorm_test_backward, "Whose mean does x_hat contain in test mode: the running one or the batch's?")
def frozen_gamma_with_a_centred_batch(dout, cache):
    dx, _, dbeta = batchnorm_test_backward(dout, cache)
    return dx, (dout * (cache[0] - cache[0].mean(axis=0))).sum(axis=0), dbeta


@mistake(batchnorm_test_backward, "Is anything in the forward divided by N?")
def frozen_parameters_as_means(dout, cache):
    dx, dgamma, dbeta = batchnorm_test_backward(dout, cache)
    return dx, dgamma / len(dout), dbeta / len(dout)


def _test_forward_with_eps(x, gamma, beta, running_mean, running_var, eps=1e-5):
    out, cache = batchnorm_test_forward(x, gamma, beta, running_mean, running_var, eps)
    return out, (*cache, eps)


@mistake(
    batchnorm_test_backward,
    "It agrees as eps goes to 0: compare what you divide by here and in the forward.",
    forward=_test_forward_with_eps,
)
def frozen_eps_left_out_of_the_backward(dout, cache):
    x_hat, std, gamma, eps = cache
    return batchnorm_test_backward(dout, (x_hat, np.sqrt(std**2 - eps), gamma))


@mistake(batchnorm_test_backward, "Feed one example: is your output beta, whatever it is?", half="forward")
def batch_statistics_at_test_time(x, gamma, beta, running_mean, running_var, eps=1e-5):
    return batchnorm_forward(x, gamma, beta, eps)


# -- the layer around it ----------------------------------------------------------------------------------------------


def affine_bn_relu_forward(
    h: Float[ndarray, "N K"],
    w: Float[ndarray, "M K"],
    b: Float[ndarray, "M"],
    gamma: Float[ndarray, "M"],
    beta: Float[ndarray, "M"],
    eps: float = 1e-5,
):
    """A layer with batch norm before the nonlinearity: return (out, cache), out = relu(batchnorm(h w^T + b)) (N, M).

    The batch norm is that of training, with gamma, beta and eps. Lecture S3-44.
    """
    ### BEGIN SOLUTION
    expect_shapes(affine_bn_relu_forward, h, w, b, gamma, beta)
    z, affine_cache = affine_forward(h, w, b)
    y, norm_cache = batchnorm_forward(z, gamma, beta, eps)
    out, relu_cache = relu_forward(y)
    return out, (affine_cache, norm_cache, relu_cache)
    ### END SOLUTION


@exercise(
    affine_bn_relu_forward,
    points=3,
    rows=("S3-44",),
    hints=(
        "Three layers, three backward passes, in the reverse order; what one returns is the next one's dout.",
        "Which numbers does the ReLU look at: those before batch norm or those after it?",
        "Raise b by 1: by how much does the mean of the batch rise, and what is left after it is subtracted?",
    ),
    edges={
        "a batch of 1": {"N": 1},
        "eps of 0.1": {"eps": 0.1},
        "one unit": {"M": 1},
        "beta below 0": {"beta": (-1.0, -0.5)},
        "a large bias": {"b": (3.0, 6.0)},
    },
)
def affine_bn_relu_backward(dout, cache):
    """Gradients of the layer: return (dh, dw, db, dgamma, dbeta), each of its input's shape, given dout (N, M).

    Lecture S3-44. b is superfluous before a batch norm, and its gradient shows it. At an output of exactly 0 any slope
    of the ReLU from 0 to 1 is accepted.
    """
    ### BEGIN SOLUTION
    # The chain rule from the right: ReLU, batch norm, affine. $z + c$ and $z$ are normalised to the same numbers, so
    # $\sum_n \bar z_n = 0$: the gradient of $b$ vanishes, and what a computer finds for it is rounding.
    affine_cache, norm_cache, relu_cache = cache
    dz, dgamma, dbeta = batchnorm_backward(relu_backward(dout, relu_cache), norm_cache)
    dh, dw, db = affine_backward(dz, affine_cache)
    return dh, dw, np.zeros_like(db), dgamma, dbeta
    ### END SOLUTION


def _layer(dy, cache):
    """The gradients from that of the batch norm's output."""
    dz, dgamma, dbeta = batchnorm_backward(dy, cache[1])
    dh, dw, db = affine_backward(dz, cache[0])
    return dh, dw, np.zeros_like(db), dgamma, dbeta


@mistake(affine_bn_relu_backward, "Where the ReLU gives 0, does the loss notice a small change of what goes in?")
def relu_of_the_layer_passed_over(dout, cache):
    return _layer(dout, cache)


@mistake(affine_bn_relu_backward, "Your mask looks at x_hat: does the ReLU come before gamma and beta?")
def masked_by_the_normalised(dout, cache):
    return _layer(dout * (cache[1][0] > 0), cache)


def _layer_with_preactivation(h, w, b, gamma, beta, eps=1e-5):
    out, cache = affine_bn_relu_forward(h, w, b, gamma, beta, eps)
    return out, (*cache, h @ w.T + b)


@mistake(
    affine_bn_relu_backward,
    "Your mask looks at the affine layer's output: what does the ReLU see?",
    forward=_layer_with_preactivation,
)
def masked_by_the_affine_output(dout, cache):
    return _layer(dout * (cache[3] > 0), cache)


@mistake(affine_bn_relu_backward, "Raise b by 1: every row's z rises by 1. What does batch norm do with that?")
def bias_as_without_batch_norm(dout, cache):
    dh, dw, _, dgamma, dbeta = affine_bn_relu_backward(dout, cache)
    return dh, dw, dbeta.copy(), dgamma, dbeta


@mistake(affine_bn_relu_backward, "The batch's statistics depend on z, so on w and h as well.")
def statistics_of_the_layer_held_constant(dout, cache):
    _, (x_hat, std, gamma), relu_cache = cache
    dy = relu_backward(dout, relu_cache)
    _, _, db, dgamma, dbeta = _layer(dy, cache)
    dh, dw, _ = affine_backward(gamma * dy / std, cache[0])
    return dh, dw, db, dgamma, dbeta


@mistake(affine_bn_relu_backward, "Between the ReLU and the affine layer there is another layer to undo.")
def batch_norm_of_the_layer_passed_over(dout, cache):
    dy = relu_backward(dout, cache[2])
    _, _, _, dgamma, dbeta = _layer(dy, cache)
    return *affine_backward(dy, cache[0]), dgamma, dbeta


@mistake(affine_bn_relu_backward, "Which gradient arrives at gamma and beta: the one before the ReLU's mask or after?")
def parameters_before_the_mask(dout, cache):
    dh, dw, db, _, _ = affine_bn_relu_backward(dout, cache)
    return dh, dw, db, (dout * cache[1][0]).sum(axis=0), dout.sum(axis=0)


@mistake(affine_bn_relu_backward, "Batch norm's gamma scales what flows back to the affine layer.")
def gamma_of_the_layer_left_out(dout, cache):
    affine_cache, (x_hat, std, gamma), relu_cache = cache
    *_, dgamma, dbeta = affine_bn_relu_backward(dout, cache)
    plain = (affine_cache, (x_hat, std, np.ones_like(gamma)), relu_cache)
    return *affine_bn_relu_backward(dout, plain)[:3], dgamma, dbeta


@mistake(affine_bn_relu_backward, "The weights here are (out, in): whose shape does your dw have?")
def weights_of_the_layer_turned(dout, cache):
    dh, dw, *rest = affine_bn_relu_backward(dout, cache)
    return dh, dw.T, *rest


@mistake(affine_bn_relu_backward, "w serves every example, and each adds its share: is anything divided by N?")
def layer_weights_as_a_mean(dout, cache):
    dh, dw, *rest = affine_bn_relu_backward(dout, cache)
    return dh, dw / len(dout), *rest


@mistake(affine_bn_relu_backward, "Can your output be negative?", half="forward")
def layer_without_its_relu(h, w, b, gamma, beta, eps=1e-5):
    out, cache = affine_bn_relu_forward(h, w, b, gamma, beta, eps)
    return cache[2], cache


@mistake(affine_bn_relu_backward, "In which order do the nonlinearity and the batch norm come here?", half="forward")
def nonlinearity_before_batch_norm(h, w, b, gamma, beta, eps=1e-5):
    _, cache = affine_bn_relu_forward(h, w, b, gamma, beta, eps)
    return batchnorm_forward(np.maximum(h @ w.T + b, 0), gamma, beta, eps)[0], cache


@mistake(affine_bn_relu_backward, "Is the mean of your outputs before the ReLU beta?", half="forward")
def layer_without_batch_norm(h, w, b, gamma, beta, eps=1e-5):
    _, cache = affine_bn_relu_forward(h, w, b, gamma, beta, eps)
    return np.maximum(gamma * (h @ w.T + b) + beta, 0), cache
