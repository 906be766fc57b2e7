"""Normalising over other axes than the batch: whitening, layer norm, spatial batch norm and group norm."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- whitening --------------------------------------------------------------------------------------------------------


def _offset(rng, sizes):
    """Correlated features far from 0."""
    return 3 + rng.normal(size=(sizes["N"], sizes["D"])) @ rng.normal(size=(sizes["D"], sizes["D"]))


def _square(rng, sizes):
    """Two features, uncorrelated, of different spreads, at four points where there is room."""
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    return np.resize(corners, (sizes["N"], sizes["D"])) * np.linspace(1, 3, sizes["D"]) + rng.normal()


@exercise(
    kind="value",
    points=3,
    rows=("S3-36",),
    hints=(
        "Centre x, then S = x^T x / N is a symmetric matrix: np.linalg.eigh gives its eigenvalues and eigenvectors.",
        "A function of a symmetric matrix acts on its eigenvalues: turn into their basis, scale there, and turn back.",
        "Test yourself: with more rows than columns and a small eps the result's covariance is the identity.",
    ),
    draw={"x": _offset},
    edges={
        "more examples than features": {"N": 12, "D": 4},
        "one feature": {"D": 1},
        "a batch of 1": {"N": 1},
        "eps of 0.1": {"eps": 0.1},
        "features that do not depend on one another": {"N": 4, "D": 2, "x": _square},
    },
)
def whiten(x: Float[ndarray, "N D"], eps: float = 1e-5):
    """All features decorrelated: return (S + eps I)^(-1/2) (x_n - mean) in row n, of shape (N, D).

    S is the covariance (of 1/N) of the features over the batch, and the root is the symmetric one.
    Lecture S3-36, which has no eps; here it keeps S invertible for small batches.
    """
    ### BEGIN SOLUTION
    # $S = U\Lambda U^\top$ with orthogonal $U$, so $(S+\varepsilon I)^{-1/2} = U(\Lambda+\varepsilon I)^{-1/2}U^\top$.
    expect_shapes(whiten, x)
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    return centred @ (vectors / np.sqrt(np.maximum(values, 0) + eps)) @ vectors.T
    ### END SOLUTION


def _spectrum(x):
    centred = x - x.mean(axis=0)
    return (centred, *np.linalg.eigh(centred.T @ centred / len(x)))


@mistake(whiten, "What is the covariance of your result, and what is its mean?")
def whitened_without_centring(x, eps=1e-5):
    _, values, vectors = _spectrum(x)
    return x @ (vectors / np.sqrt(np.maximum(values, 0) + eps)) @ vectors.T


@mistake(whiten, "You turned into the eigenvectors' basis: is S^(-1/2) expressed in that basis?")
def not_turned_back(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    return centred @ (vectors / np.sqrt(np.maximum(values, 0) + eps))


@mistake(whiten, "Apply what you multiply by twice: is that the inverse of S, or its square?")
def inverse_without_the_root(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    return centred @ (vectors / (np.maximum(values, 0) + eps)) @ vectors.T


@mistake(whiten, "Does a direction of large variance become larger or smaller?")
def multiplied_by_the_root(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    return centred @ (vectors * np.sqrt(np.maximum(values, 0) + eps)) @ vectors.T


@mistake(whiten, "That is batch norm: two features that always move together still do in your result.")
def each_feature_by_itself(x, eps=1e-5):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


@mistake(whiten, "The covariance divides by N here.")
def covariance_of_one_less(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    values = values * len(x) / max(1, len(x) - 1)
    return centred @ (vectors / np.sqrt(np.maximum(values, 0) + eps)) @ vectors.T


@mistake(whiten, "Is eps added to the eigenvalues of S, or to their roots?")
def whitened_with_eps_outside_the_root(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    return centred @ (vectors / (np.sqrt(np.maximum(values, 0)) + eps)) @ vectors.T


@mistake(whiten, "A triangular root whitens as well, but it is not the symmetric one.")
def root_of_cholesky(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    inverse = (vectors / (np.maximum(values, 0) + eps)) @ vectors.T
    return centred @ np.linalg.cholesky((inverse + inverse.T) / 2)


@mistake(whiten, "The columns of eigh's second result are the eigenvectors: which of U and its transpose comes first?")
def eigenvectors_in_the_rows(x, eps=1e-5):
    centred, values, vectors = _spectrum(x)
    return centred @ (vectors.T / np.sqrt(np.maximum(values, 0) + eps)) @ vectors


# -- layer norm -------------------------------------------------------------------------------------------------------


def layernorm_forward(
    x: Float[ndarray, "N D"], gamma: Float[ndarray, "D"], beta: Float[ndarray, "D"], eps: float = 1e-5
):
    """Each example normalised by itself: return (out, cache), out = gamma (x - mean) / sqrt(var + eps) + beta (N, D).

    Mean and variance (of 1/D) are those of each row over its features. Lecture S3-45 names it and gives no formula.
    Source: Ba et al. 2016, eq. 3-4; eps goes in as in batch norm.
    """
    ### BEGIN SOLUTION
    expect_shapes(layernorm_forward, x, gamma, beta)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    layernorm_forward,
    points=4,
    rows=("S3-45",),
    hints=(
        "Two axes have two roles: the statistics are shared along one of them, gamma and beta along the other.",
        "Batch norm's dx with the roles turned round: every feature of a row moves that row's mean and variance.",
        "gamma differs from feature to feature now, so it belongs inside the means that are taken over the features.",
    ),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one feature": {"D": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def layernorm_backward(dout, cache):
    """Gradients of layernorm_forward: return (dx, dgamma, dbeta) of shapes (N, D), (D,) and (D,), given dout (N, D).

    Lecture S3-45. Source: Ba et al. 2016, eq. 3-4, differentiated.
    """
    ### BEGIN SOLUTION
    # With $\hat x = (x-\mu)/s$ and $g = \gamma\bar o$, all means over the D features of a row,
    # $$\bar x = \frac1s\Big(g - \tfrac1D\textstyle\sum_d g_d - \hat x\,\tfrac1D\sum_d g_d\hat x_d\Big),\qquad
    #   \bar\gamma = \sum_n \bar o_n\hat x_n,\quad \bar\beta = \sum_n \bar o_n.$$
    x_hat, std, gamma = cache
    g = gamma * dout
    dx = (g - g.mean(axis=1, keepdims=True) - x_hat * (g * x_hat).mean(axis=1, keepdims=True)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    ### END SOLUTION


def _of_rows(dout, cache, terms):
    """The right dgamma and dbeta, and a dx of which terms(g, x_hat) gives what is divided by std."""
    x_hat, std, gamma = cache
    _, dgamma, dbeta = layernorm_backward(dout, cache)
    return terms(gamma * dout, x_hat) / std, dgamma, dbeta


def _row_mean(values):
    return values.mean(axis=1, keepdims=True)


@mistake(
    layernorm_backward,
    "Which mean is 0 after normalising: each example's over its features, or each feature's over the batch?",
    half="forward",
)
def layer_statistics_over_the_batch(x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(
    layernorm_backward, "gamma varies along the axis that the means are taken over: may it be taken out of the sums?"
)
def layer_gamma_outside_the_means(dout, cache):
    gamma = cache[2]
    return _of_rows(dout, cache, lambda g, x_hat: gamma * (dout - _row_mean(dout) - x_hat * _row_mean(dout * x_hat)))


@mistake(
    layernorm_backward,
    "That is batch norm's formula: which numbers share one mean in this forward?",
)
def formula_of_batch_norm_unchanged(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))


@mistake(layernorm_backward, "gamma and beta have one entry per feature and serve every example: what is summed away?")
def parameters_summed_over_the_features(dout, cache):
    x_hat, _, _ = cache
    return layernorm_backward(dout, cache)[0], (dout * x_hat).sum(axis=1), dout.sum(axis=1)


@mistake(layernorm_backward, "The path through the mean carries a power of the standard deviation too many.")
def mean_path_times_the_deviation(dout, cache):
    std = cache[1]
    return _of_rows(dout, cache, lambda g, x_hat: g - std * _row_mean(g) - x_hat * _row_mean(g * x_hat))


@mistake(layernorm_backward, "Add a number to a whole row: its mean moves. Where is that path in your dx?")
def mean_of_the_row_held_constant(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g - x_hat * _row_mean(g * x_hat))


@mistake(layernorm_backward, "Stretch a whole row: its spread grows. Where is that path in your dx?")
def variance_of_the_row_held_constant(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g - _row_mean(g))


@mistake(layernorm_backward, "A row's mean and variance are functions of its entries, not constants.")
def both_statistics_of_the_row_held_constant(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g)


@mistake(layernorm_backward, "How large a share has one feature in its row's mean and variance?")
def row_sums_for_row_means(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g - g.shape[1] * (_row_mean(g) + x_hat * _row_mean(g * x_hat)))


@mistake(layernorm_backward, "Count the numbers that one mean is taken of in the forward: is it the batch's size?")
def row_sums_divided_by_the_batch(dout, cache):
    n, d = dout.shape
    return _of_rows(dout, cache, lambda g, x_hat: g - d / n * (_row_mean(g) + x_hat * _row_mean(g * x_hat)))


@mistake(layernorm_backward, "Does x + dx move the mean up or down, and with which sign does the mean enter x_hat?")
def layer_mean_path_with_a_plus(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: g + _row_mean(g) - x_hat * _row_mean(g * x_hat))


@mistake(layernorm_backward, "gamma scales the output: does it scale what flows back to x?")
def layer_gamma_left_out_of_dx(dout, cache):
    return _of_rows(dout, cache, lambda g, x_hat: dout - _row_mean(dout) - x_hat * _row_mean(dout * x_hat))


@mistake(layernorm_backward, "x is divided by one number per row on its way out: is its gradient?")
def not_divided_by_the_deviation(dout, cache):
    dx, dgamma, dbeta = layernorm_backward(dout, cache)
    return dx * cache[1], dgamma, dbeta


@mistake(layernorm_backward, "Your dgamma is the same whatever dout is: which factor is missing?")
def layer_gamma_without_upstream(dout, cache):
    dx, _, dbeta = layernorm_backward(dout, cache)
    return dx, cache[0].sum(axis=0), dbeta


@mistake(layernorm_backward, "gamma multiplies something in the forward that beta does not: where is it in dgamma?")
def layer_gamma_like_beta(dout, cache):
    dx, _, dbeta = layernorm_backward(dout, cache)
    return dx, dbeta.copy(), dbeta


@mistake(layernorm_backward, "Is anything in the forward divided by N on the way from gamma and beta to the output?")
def layer_parameters_as_means(dout, cache):
    dx, dgamma, dbeta = layernorm_backward(dout, cache)
    return dx, dgamma / len(dout), dbeta / len(dout)


@mistake(layernorm_backward, "A gradient has exactly the shape of the thing it is the gradient of: gamma has one axis.")
def layer_parameters_with_an_extra_axis(dout, cache):
    dx, dgamma, dbeta = layernorm_backward(dout, cache)
    return dx, dgamma[None], dbeta[None]


def _layernorm_with_eps(x, gamma, beta, eps=1e-5):
    out, cache = layernorm_forward(x, gamma, beta, eps)
    return out, (*cache, eps)


@mistake(
    layernorm_backward,
    "It agrees as eps goes to 0: compare what you divide by here and in the forward.",
    forward=_layernorm_with_eps,
)
def layer_backward_without_eps(dout, cache):
    x_hat, std, gamma, eps = cache
    return layernorm_backward(dout, (x_hat, np.sqrt(np.maximum(std**2 - eps, 1e-300)), gamma))


@mistake(layernorm_backward, "Is eps added to the variance, or to its root?", half="forward")
def layer_eps_outside_the_root(x, gamma, beta, eps=1e-5):
    std = x.std(axis=1, keepdims=True) + eps
    x_hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


@mistake(layernorm_backward, "The variance of a row divides by D here, not by one less.", half="forward")
def layer_variance_unbiased(x, gamma, beta, eps=1e-5):
    d = x.shape[1]
    std = np.sqrt(x.var(axis=1, keepdims=True) * d / max(1, d - 1) + eps)
    x_hat = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)


# -- spatial batch norm -----------------------------------------------------------------------------------------------


def spatial_batchnorm_forward(
    x: Float[ndarray, "N C H W"], gamma: Float[ndarray, "C"], beta: Float[ndarray, "C"], eps: float = 1e-5
):
    """Batch norm for images: return (out, cache), out = gamma (x - mean) / sqrt(var + eps) + beta of x's shape.

    Each channel has one mean, one variance (of 1/(N H W)), one gamma and one beta: a pixel counts as an example.
    Lecture S3-33 for every channel. Source: Ioffe and Szegedy 2015, section 3.2.
    """
    ### BEGIN SOLUTION
    expect_shapes(spatial_batchnorm_forward, x, gamma, beta)
    gamma, beta = gamma[:, None, None], beta[:, None, None]
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + eps)
    x_hat = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    spatial_batchnorm_forward,
    points=4,
    rows=("S3-33", "S3-43"),
    hints=(
        "How many numbers share one mean? That many share one gamma as well.",
        "With the channel axis moved to the end, all other axes can be flattened into one batch of N H W examples.",
        "A reshape alone never moves an axis: transpose first, and undo both in the opposite order.",
    ),
    edges={
        "eps of 0.1": {"eps": 0.1},
        "a batch of 1": {"N": 1},
        "one pixel": {"H": 1, "W": 1},
        "one channel": {"C": 1},
        "inputs far from 0": {"x": (4.0, 9.0)},
    },
)
def spatial_batchnorm_backward(dout, cache):
    """Gradients of spatial_batchnorm_forward: return (dx, dgamma, dbeta) of shapes (N, C, H, W), (C,) and (C,).

    Lecture S3-43 for every channel. Source: Ioffe and Szegedy 2015, section 3.2.
    """
    ### BEGIN SOLUTION
    # Batch norm over $m = NHW$ numbers per channel: with $g = \gamma\bar o$ and means over $n, h, w$,
    # $$\bar x = \frac1s\Big(g - \tfrac1m\textstyle\sum g - \hat x\,\tfrac1m\sum g\hat x\Big),\qquad
    #   \bar\gamma = \sum_{nhw}\bar o\,\hat x,\quad \bar\beta = \sum_{nhw}\bar o.$$
    x_hat, std, gamma = cache
    g, axes = gamma * dout, (0, 2, 3)
    dx = (g - g.mean(axis=axes, keepdims=True) - x_hat * (g * x_hat).mean(axis=axes, keepdims=True)) / std
    return dx, (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)
    ### END SOLUTION


def _normalised(x, axes, gamma, beta, eps):
    """Each entry normalised over these axes, with gamma and beta of C numbers each."""
    std = np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=axes, keepdims=True)) / std
    gamma, beta = gamma[:, None, None], beta[:, None, None]
    return gamma * x_hat + beta, (x_hat, std, gamma)


def _of_channels(dout, cache, terms):
    """The right dgamma and dbeta, and a dx of which terms(g, x_hat) gives what is divided by std."""
    x_hat, std, gamma = cache
    _, dgamma, dbeta = spatial_batchnorm_backward(dout, cache)
    return terms(gamma * dout, x_hat) / std, dgamma, dbeta


def _channel_mean(values):
    return values.mean(axis=(0, 2, 3), keepdims=True)


@mistake(
    spatial_batchnorm_backward,
    "Is the mean of each channel 0 after normalising? A reshape keeps the order of the numbers: it moves no axis.",
    half="forward",
)
def channel_axis_not_moved(x, gamma, beta, eps=1e-5):
    flat = x.reshape(-1, x.shape[1])
    std = np.sqrt(flat.var(axis=0) + eps)
    x_hat = (flat - flat.mean(axis=0)) / std
    out = (gamma * x_hat + beta).reshape(x.shape)
    return out, (x_hat.reshape(x.shape), np.ones((1, x.shape[1], 1, 1)), gamma[:, None, None])


@mistake(
    spatial_batchnorm_backward,
    "One mean per pixel and channel: how many numbers should share a mean?",
    half="forward",
)
def statistics_of_each_pixel(x, gamma, beta, eps=1e-5):
    return _normalised(x, 0, gamma, beta, eps)


@mistake(
    spatial_batchnorm_backward,
    "Each image is normalised by itself: what else shares a channel's mean?",
    half="forward",
)
def statistics_of_each_image(x, gamma, beta, eps=1e-5):
    return _normalised(x, (2, 3), gamma, beta, eps)


@mistake(
    spatial_batchnorm_backward,
    "One mean for everything: which axis has statistics, gamma and beta of its own?",
    half="forward",
)
def one_mean_for_all_channels(x, gamma, beta, eps=1e-5):
    return _normalised(x, (0, 1, 2, 3), gamma, beta, eps)


@mistake(spatial_batchnorm_backward, "Is eps added to the variance, or to its root?", half="forward")
def spatial_eps_outside_the_root(x, gamma, beta, eps=1e-5):
    std = x.std(axis=(0, 2, 3), keepdims=True) + eps
    x_hat = (x - x.mean(axis=(0, 2, 3), keepdims=True)) / std
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, std, gamma[:, None, None])


@mistake(spatial_batchnorm_backward, "Your forward's mean is over N H W numbers: over how many is your backward's?")
def divided_by_the_batch_alone(dout, cache):
    area = dout.shape[2] * dout.shape[3]
    return _of_channels(dout, cache, lambda g, x_hat: g - area * (_channel_mean(g) + x_hat * _channel_mean(g * x_hat)))


@mistake(spatial_batchnorm_backward, "One x is one part in N H W of its channel's mean and variance.")
def channel_sums_for_means(dout, cache):
    size = dout.size // dout.shape[1]
    return _of_channels(dout, cache, lambda g, x_hat: g - size * (_channel_mean(g) + x_hat * _channel_mean(g * x_hat)))


@mistake(spatial_batchnorm_backward, "These sums run over the batch alone: which numbers share a mean in the forward?")
def spatial_means_over_the_batch_alone(dout, cache):
    return _of_channels(dout, cache, lambda g, x_hat: g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))


@mistake(spatial_batchnorm_backward, "gamma and beta have one entry per channel: over what are they shared?")
def spatial_parameters_summed_over_the_batch_alone(dout, cache):
    return spatial_batchnorm_backward(dout, cache)[0], (dout * cache[0]).sum(axis=0), dout.sum(axis=0)


@mistake(
    spatial_batchnorm_backward, "A gradient has exactly the shape of the thing it is the gradient of: gamma is (C,)."
)
def spatial_parameters_with_their_axes_kept(dout, cache):
    dx, dgamma, dbeta = spatial_batchnorm_backward(dout, cache)
    return dx, dgamma[None, :, None, None], dbeta[None, :, None, None]


@mistake(spatial_batchnorm_backward, "Is anything in the forward divided on the way from gamma to the output?")
def spatial_parameters_as_means(dout, cache):
    dx, dgamma, dbeta = spatial_batchnorm_backward(dout, cache)
    size = dout.size // dout.shape[1]
    return dx, dgamma / size, dbeta / size


@mistake(spatial_batchnorm_backward, "A brighter pixel brightens its channel's mean: where is that path in your dx?")
def mean_of_the_channel_held_constant(dout, cache):
    return _of_channels(dout, cache, lambda g, x_hat: g - x_hat * _channel_mean(g * x_hat))


@mistake(spatial_batchnorm_backward, "An outlying pixel widens its channel's spread: where is that path in your dx?")
def variance_of_the_channel_held_constant(dout, cache):
    return _of_channels(dout, cache, lambda g, x_hat: g - _channel_mean(g))


@mistake(spatial_batchnorm_backward, "gamma scales a channel's output: does it scale what flows back?")
def spatial_gamma_left_out_of_dx(dout, cache):
    return _of_channels(dout, cache, lambda g, x_hat: dout - _channel_mean(dout) - x_hat * _channel_mean(dout * x_hat))


# -- group norm -------------------------------------------------------------------------------------------------------


def groupnorm_forward(
    x: Float[ndarray, "N G*K H W"],
    gamma: Float[ndarray, "G*K"],
    beta: Float[ndarray, "G*K"],
    groups: int,
    eps: float = 1e-5,
):
    """Each example normalised in groups of channels: return (out, cache) with out of x's shape (N, C, H, W).

    The C channels are split, in their order, into `groups` groups of C / groups. A group of one example has one mean
    and one variance, over its channels and pixels; gamma and beta (C,) still scale and shift each channel.
    One group is layer norm of images. Lecture S3-45 names it and gives no formula. Source: Wu and He 2018, eq. 1-7.
    """
    ### BEGIN SOLUTION
    expect_shapes(groupnorm_forward, x, gamma, beta)
    N, C, H, W = x.shape
    if not gamma.shape == beta.shape == (C,):
        shapes = f"gamma has shape {gamma.shape} and beta {beta.shape}"
        raise ValueError(f"{shapes}, where (C,) is wanted with C = {C}, as x {x.shape} has")
    if groups < 1 or C % groups:
        raise ValueError(f"groups is {groups}, where a divisor of C = {C} is wanted, as x {x.shape} has")
    grouped = x.reshape(N, groups, -1)
    std = np.sqrt(grouped.var(axis=2, keepdims=True) + eps)
    x_hat = ((grouped - grouped.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, std, gamma)
    ### END SOLUTION


@exercise(
    groupnorm_forward,
    points=5,
    rows=("S3-45",),
    hints=(
        "Reshape x to (N, groups, rest): neighbouring channels come together, and each row has statistics of its own.",
        "gamma and beta are not part of the groups: they belong to channels. Deal with them before you reshape dout.",
        "In groups, dx is layer norm's: the gradient less its mean, less x_hat times the mean of their product.",
    ),
    draw={"groups": lambda rng, sizes: sizes["G"]},
    edges={
        "one group": {"G": 1},
        "a group for each channel": {"K": 1},
        "a batch of 1": {"N": 1},
        "one pixel": {"H": 1, "W": 1},
        "eps of 0.1": {"eps": 0.1},
    },
)
def groupnorm_backward(dout, cache):
    """Gradients of groupnorm_forward: return (dx, dgamma, dbeta) of shapes (N, C, H, W), (C,) and (C,).

    Lecture S3-45. Source: Wu and He 2018, eq. 1-7, differentiated.
    """
    ### BEGIN SOLUTION
    # With $g = \gamma\bar o$ and means over the $m = CHW/G$ numbers of a group,
    # $$\bar x = \frac1s\Big(g - \tfrac1m\textstyle\sum g - \hat x\,\tfrac1m\sum g\hat x\Big),\qquad
    #   \bar\gamma_c = \sum_{nhw}\bar o\,\hat x,\quad \bar\beta_c = \sum_{nhw}\bar o.$$
    x_hat, std, gamma = cache
    g = (gamma[:, None, None] * dout).reshape(*std.shape[:2], -1)
    hat = x_hat.reshape(g.shape)
    dx = (g - g.mean(axis=2, keepdims=True) - hat * (g * hat).mean(axis=2, keepdims=True)) / std
    return dx.reshape(dout.shape), (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
    ### END SOLUTION


def _of_groups(dout, cache, terms):
    """The right dgamma and dbeta, and a dx of which terms(g, hat), in groups, gives what is divided by std."""
    x_hat, std, gamma = cache
    _, dgamma, dbeta = groupnorm_backward(dout, cache)
    g = (gamma[:, None, None] * dout).reshape(*std.shape[:2], -1)
    return (terms(g, x_hat.reshape(g.shape)) / std).reshape(dout.shape), dgamma, dbeta


def _group_mean(values):
    return values.mean(axis=2, keepdims=True)


def _in_groups(x, axes, gamma, beta, groups, eps):
    """The forward with statistics over these axes of x in the shape (N, groups, C / groups, H, W)."""
    grouped = x.reshape(len(x), groups, -1, *x.shape[2:])
    std = np.sqrt(grouped.var(axis=axes, keepdims=True) + eps)
    x_hat = ((grouped - grouped.mean(axis=axes, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, np.ones((len(x), groups, 1)), gamma)


@mistake(
    groupnorm_backward,
    "Each pixel is normalised by itself: what else shares the mean of a group?",
    half="forward",
)
def layer_norm_at_each_pixel(x, gamma, beta, groups, eps=1e-5):
    return _in_groups(x, 2, gamma, beta, groups, eps)


@mistake(
    groupnorm_backward,
    "Each channel has a mean of its own: what else shares the mean of a group?",
    half="forward",
)
def statistics_of_each_channel(x, gamma, beta, groups, eps=1e-5):
    return _in_groups(x, (3, 4), gamma, beta, groups, eps)


@mistake(
    groupnorm_backward,
    "Your examples share their statistics: does group norm depend on what else is in the batch?",
    half="forward",
)
def groups_normalised_over_the_batch(x, gamma, beta, groups, eps=1e-5):
    return _in_groups(x, 0, gamma, beta, groups, eps)


@mistake(
    groupnorm_backward,
    "Your groups share their statistics: a group of one example has a mean of its own.",
    half="forward",
)
def one_group_for_all(x, gamma, beta, groups, eps=1e-5):
    return _in_groups(x, (1, 2, 3, 4), gamma, beta, groups, eps)


@mistake(
    groupnorm_backward,
    "Which channels are in the first group: neighbours, or one out of every few?",
    half="forward",
)
def interleaved_groups(x, gamma, beta, groups, eps=1e-5):
    C = x.shape[1]
    order = np.arange(C).reshape(-1, groups).T.ravel()
    back = np.argsort(order)
    out, (x_hat, std, _) = groupnorm_forward(x[:, order], gamma[order], beta[order], groups, eps)
    return out[:, back], (x_hat[:, back], std, gamma)


@mistake(
    groupnorm_backward,
    "gamma and beta belong to channels: which entry scales the second channel of the first group?",
    half="forward",
)
def parameters_dealt_out_to_the_wrong_channels(x, gamma, beta, groups, eps=1e-5):
    turned = np.arange(len(gamma)).reshape(groups, -1).T.ravel()
    return groupnorm_forward(x, gamma[turned], beta[turned], groups, eps)


@mistake(
    groupnorm_backward,
    "The groups are a way to take means: what shape does the next layer expect?",
    half="forward",
)
def output_left_in_groups(x, gamma, beta, groups, eps=1e-5):
    out, cache = groupnorm_forward(x, gamma, beta, groups, eps)
    return out.reshape(len(x), groups, -1, *x.shape[2:]), cache


@mistake(groupnorm_backward, "Is eps added to the variance, or to its root?", half="forward")
def group_eps_outside_the_root(x, gamma, beta, groups, eps=1e-5):
    grouped = x.reshape(len(x), groups, -1)
    std = grouped.std(axis=2, keepdims=True) + eps
    x_hat = ((grouped - grouped.mean(axis=2, keepdims=True)) / std).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, std, gamma)


@mistake(groupnorm_backward, "Only the last group comes out right: what is left in the cache when a loop has ended?")
def cache_of_the_last_group(dout, cache):
    x_hat, std, gamma = cache
    _, dgamma, dbeta = groupnorm_backward(dout, cache)
    return groupnorm_backward(dout, (x_hat, np.broadcast_to(std[:, -1:], std.shape), gamma))[0], dgamma, dbeta


@mistake(groupnorm_backward, "A group holds several channels with a gamma each: may gamma be taken out of its sums?")
def group_gamma_outside_the_means(dout, cache):
    x_hat, std, gamma = cache
    dx, dgamma, dbeta = groupnorm_backward(dout, (x_hat, std, np.ones_like(gamma)))
    return gamma[:, None, None] * dx, dgamma, dbeta


@mistake(groupnorm_backward, "gamma scales the output of its channel: does it scale what flows back?")
def group_gamma_left_out_of_dx(dout, cache):
    x_hat, std, gamma = cache
    return groupnorm_backward(dout, (x_hat, std, np.ones_like(gamma)))


@mistake(groupnorm_backward, "These means are each channel's: which numbers share a mean in the forward?")
def group_means_of_each_channel(dout, cache):
    x_hat, std, gamma = cache
    _, dgamma, dbeta = groupnorm_backward(dout, cache)
    g = gamma[:, None, None] * dout
    dx = g - g.mean(axis=(2, 3), keepdims=True) - x_hat * (g * x_hat).mean(axis=(2, 3), keepdims=True)
    return (dx.reshape(*std.shape[:2], -1) / std).reshape(dout.shape), dgamma, dbeta


@mistake(groupnorm_backward, "Count the numbers that one mean is taken of: pixels alone, or channels as well?")
def divided_by_the_pixels_alone(dout, cache):
    many = dout.shape[1] // cache[1].shape[1]
    return _of_groups(dout, cache, lambda g, hat: g - many * (_group_mean(g) + hat * _group_mean(g * hat)))


@mistake(groupnorm_backward, "Does a group's mean stay where it is when one of its pixels moves?")
def mean_of_the_group_held_constant(dout, cache):
    return _of_groups(dout, cache, lambda g, hat: g - hat * _group_mean(g * hat))


@mistake(groupnorm_backward, "Does a group's variance stay what it is when one of its pixels moves?")
def variance_of_the_group_held_constant(dout, cache):
    return _of_groups(dout, cache, lambda g, hat: g - _group_mean(g))


@mistake(groupnorm_backward, "gamma and beta serve every example and every pixel of their channel: what is summed?")
def group_parameters_summed_over_the_batch_alone(dout, cache):
    return groupnorm_backward(dout, cache)[0], (dout * cache[0]).sum(axis=0), dout.sum(axis=0)


@mistake(groupnorm_backward, "A gradient has exactly the shape of the thing it is the gradient of: gamma is (C,).")
def group_parameters_with_their_axes_kept(dout, cache):
    dx, dgamma, dbeta = groupnorm_backward(dout, cache)
    return dx, dgamma[None, :, None, None], dbeta[None, :, None, None]
