"""Batch, layer, group and spatial normalisation, and other statistics over an axis."""

import autograd.numpy as np

from .case import Bank, drawn, edited, normal, variant

bank = Bank()


def batchnorm(x, gamma, beta, eps=0.1):
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + eps)
    xhat = (x - mean) / std
    return gamma * xhat + beta, (x, gamma, xhat, mean, var, std, eps)


def batchnorm_backward(
    dout, cache, mean_path=True, var_path=True, factor=2.0, root=True, per=None, inside=True, cross=True
):
    """The staged backward; the switches leave out, double or misplace one step."""
    x, gamma, xhat, mean, var, std, eps = cache
    n = per or len(x)
    dxhat = dout * gamma if inside else dout
    if not root:
        std = np.sqrt(var) + eps
    dx = dxhat / std
    dvar = np.sum(dxhat * (x - mean), axis=0) * -0.5 * std**-3
    dmean = -np.sum(dxhat, axis=0) / std
    if cross:
        dmean = dmean + dvar * np.mean(-2 * (x - mean), axis=0)
    if var_path:
        dx = dx + dvar * factor * (x - mean) / n
    if mean_path:
        dx = dx + dmean / n
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def batchnorm_compact(dout, cache):
    x, gamma, xhat, *_, std, eps = cache
    n = len(x)
    dxhat = dout * gamma
    dx = (n * dxhat - dxhat.sum(axis=0) - xhat * (dxhat * xhat).sum(axis=0)) / (n * std)
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


BATCH = drawn(lambda rng: (2 + 1.5 * rng.standard_normal((6, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 61)
bn = batchnorm_backward
bank.right("batchnorm_staged", batchnorm, variant(bn), BATCH)
bank.right("batchnorm_without_the_term_that_is_zero", batchnorm, variant(bn, cross=False), BATCH)
bank.right("batchnorm_compact", batchnorm, batchnorm_compact, BATCH)
bank.wrong("batchnorm_no_variance_path", batchnorm, variant(bn, var_path=False), BATCH, cause="variance")
bank.wrong("batchnorm_no_mean_path", batchnorm, variant(bn, mean_path=False), BATCH, cause="mean")
bank.wrong(
    "batchnorm_direct_term_only", batchnorm, variant(bn, mean_path=False, var_path=False), BATCH, cause="mean|variance"
)
bank.wrong("batchnorm_variance_halved", batchnorm, variant(bn, factor=1.0), BATCH, cause="variance")
bank.wrong("batchnorm_variance_not_divided", batchnorm, variant(bn, per=1), BATCH, cause="variance|mean")
bank.wrong(
    "batchnorm_unbiased_backward",
    batchnorm,
    variant(bn, per=5),
    BATCH,
    cause="variance|mean",
    note="n - 1 in the backward, n in the forward",
)
bank.wrong(
    "batchnorm_gamma_left_out",
    batchnorm,
    variant(bn, inside=False),
    BATCH,
    cause="column|factor|gamma",
    note="each column off by its own gamma",
)
bank.wrong(
    "batchnorm_eps_outside_root",
    batchnorm,
    variant(bn, root=False),
    BATCH,
    note="eps 0.1 added to the root instead of under it",
)
bank.wrong(
    "batchnorm_dgamma_of_x",
    batchnorm,
    lambda d, c: (bn(d, c)[0], (d * c[0]).sum(axis=0), d.sum(axis=0)),
    BATCH,
    cause="pre-|before|normalis|input|derivative is x",
)
bank.wrong(
    "batchnorm_dgamma_without_dout",
    batchnorm,
    lambda d, c: (bn(d, c)[0], c[2].sum(axis=0) + 1, d.sum(axis=0)),
    BATCH,
    cause="dout|upstream",
)
bank.wrong("batchnorm_dbeta_mean", batchnorm, edited(bn, 2, lambda db: db / 6), BATCH, cause="mean|factor|1/6|length")
bank.wrong(
    "batchnorm_dgamma_dbeta_swapped",
    batchnorm,
    lambda d, c: tuple(bn(d, c)[i] for i in (0, 2, 1)),
    BATCH,
    cause="order|swap",
)
bank.wrong(
    "batchnorm_one_over_sigma_squared",
    batchnorm,
    lambda d, c: (bn(d, c)[0] / c[5], *bn(d, c)[1:]),
    BATCH,
    cause="column|factor",
)
bank.wrong(
    "batchnorm_compact_brackets",
    batchnorm,
    lambda d, c: (
        d * c[1] / c[5] - (d * c[1]).sum(axis=0) / (6 * c[5]) - c[2] * (d * c[1] * c[2]).sum(axis=0) / 6,
        *bn(d, c)[1:],
    ),
    BATCH,
    cause="variance",
    note="the common factor is missing on the last product",
)
bank.wrong("batchnorm_dx_off_by_1e-4", batchnorm, edited(bn, 0, lambda dx: dx * 1.0001), BATCH, cause="factor|1.0001")


def batchnorm_small_eps(x, gamma, beta):
    return batchnorm(x, gamma, beta, eps=1e-5)


def batchnorm_no_eps_backward(d, cache):
    x, gamma, _, mean, var, _, _ = cache
    std = np.sqrt(var)
    return bn(d, (x, gamma, (x - mean) / std, mean, var, std, 0.0))


bank.right("batchnorm_small_eps", batchnorm_small_eps, variant(bn), BATCH)
bank.wrong(
    "batchnorm_eps_forgotten_1e-5",
    batchnorm_small_eps,
    batchnorm_no_eps_backward,
    drawn(lambda rng: (0.3 * rng.standard_normal((6, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 62),
    note="relative error about 1e-4",
)
bank.wrong("batchnorm_eps_forgotten_0.1", batchnorm, batchnorm_no_eps_backward, BATCH)


def whiten(x):
    return x - np.mean(x, axis=0), x.shape


bank.right("center", whiten, lambda d, _: (d - d.mean(axis=0),), normal((5, 3), seed=63))
bank.wrong("center_dout_passed_through", whiten, lambda d, _: (d * 1.0,), normal((5, 3), seed=63), cause="mean")
bank.wrong("center_axis", whiten, lambda d, _: (d - d.mean(axis=1, keepdims=True),), normal((5, 3), seed=63))
bank.wrong("center_factor", whiten, lambda d, _: (d * (1 - 1 / 5),), normal((5, 3), seed=63), cause="mean")


def layernorm(x, gamma, beta):
    mean, var = np.mean(x, axis=-1, keepdims=True), np.var(x, axis=-1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    xhat = (x - mean) / std
    return gamma * xhat + beta, (gamma, xhat, std)


def layernorm_backward(d, cache, axis=-1, gamma_inside=True, mean_path=True, var_path=True, keep=False):
    gamma, xhat, std = cache
    g = d * gamma if gamma_inside else d
    dx = g * 1.0
    if mean_path:
        dx = dx - g.mean(axis=axis, keepdims=True)
    if var_path:
        dx = dx - xhat * (g * xhat).mean(axis=axis, keepdims=True)
    dx = dx / std if gamma_inside else gamma * dx / std
    lead = tuple(range(d.ndim - 1))
    return dx, (d * xhat).sum(axis=lead, keepdims=keep), d.sum(axis=lead, keepdims=keep)


LAYER = drawn(lambda rng: (rng.standard_normal((5, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 64)
bank.right("layernorm", layernorm, layernorm_backward, LAYER)
bank.right(
    "layernorm_sequence",
    layernorm,
    layernorm_backward,
    drawn(lambda rng: (rng.standard_normal((2, 3, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 65),
)
bank.wrong("layernorm_axis_of_batchnorm", layernorm, variant(layernorm_backward, axis=0), LAYER)
bank.wrong(
    "layernorm_gamma_outside",
    layernorm,
    variant(layernorm_backward, gamma_inside=False),
    LAYER,
    note="gamma varies along the summed axis",
)
bank.wrong("layernorm_no_mean_path", layernorm, variant(layernorm_backward, mean_path=False), LAYER, cause="mean")
bank.wrong(
    "layernorm_no_variance_path", layernorm, variant(layernorm_backward, var_path=False), LAYER, cause="variance"
)
bank.wrong(
    "layernorm_square_sums_over_features",
    layernorm,
    lambda d, c: (layernorm_backward(d, c)[0], (d * c[1]).sum(axis=1), d.sum(axis=1)),
    drawn(lambda rng: (rng.standard_normal((4, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 66),
    cause="axis|transpos",
)
bank.shape("layernorm_keepdims", layernorm, variant(layernorm_backward, keep=True), LAYER, cause="shape|keepdims")


def spatial(x, gamma, beta):
    mean, var = np.mean(x, axis=(0, 2, 3), keepdims=True), np.var(x, axis=(0, 2, 3), keepdims=True)
    std = np.sqrt(var + 0.01)
    xhat = (x - mean) / std
    return gamma[None, :, None, None] * xhat + beta[None, :, None, None], (gamma, xhat, std)


def spatial_backward(d, cache, count=None):
    gamma, xhat, std = cache
    g = d * gamma[None, :, None, None]
    m = count or d.size / d.shape[1]
    axes = (0, 2, 3)
    dx = (g - g.sum(axis=axes, keepdims=True) / m - xhat * (g * xhat).sum(axis=axes, keepdims=True) / m) / std
    return dx, (d * xhat).sum(axis=axes), d.sum(axis=axes)


SPATIAL = drawn(lambda rng: (1 + rng.standard_normal((2, 3, 2, 4)), rng.uniform(0.5, 2, 3), rng.standard_normal(3)), 67)
bank.right("spatial_batchnorm", spatial, spatial_backward, SPATIAL)
bank.wrong(
    "spatial_batchnorm_divides_by_n", spatial, variant(spatial_backward, count=2), SPATIAL, cause="mean|variance|length"
)
bank.wrong(
    "spatial_batchnorm_layout",
    spatial,
    edited(spatial_backward, 0, lambda dx: dx.reshape(2, 2, 4, 3).transpose(0, 3, 1, 2).copy()),
    SPATIAL,
    note="the channel axis taken for the last one",
)
bank.shape(
    "spatial_batchnorm_gamma_4d",
    spatial,
    edited(spatial_backward, 1, lambda dg: dg.reshape(1, 3, 1, 1)),
    SPATIAL,
    cause="shape",
)


def groupnorm(x, gamma, beta, groups=2):
    n, c, h, w = x.shape
    xg = np.reshape(x, (n, groups, c // groups * h * w))
    std = np.sqrt(np.var(xg, axis=2, keepdims=True) + 0.01)
    xhat = np.reshape((xg - np.mean(xg, axis=2, keepdims=True)) / std, x.shape)
    return gamma * xhat + beta, (gamma, xhat, std, groups)


def groupnorm_backward(d, cache, per_pixel=False):
    gamma, xhat, std, groups = cache
    n, c, h, w = d.shape
    shape = (n, groups, c // groups * h * w)
    g, xg = (d * gamma).reshape(shape), xhat.reshape(shape)
    dx = (g - g.mean(axis=2, keepdims=True) - xg * (g * xg).mean(axis=2, keepdims=True)) / std
    axes = 0 if per_pixel else (0, 2, 3)
    dgamma, dbeta = (d * xhat).sum(axis=axes, keepdims=True), d.sum(axis=axes, keepdims=True)
    return dx.reshape(d.shape), dgamma, dbeta


GROUP = drawn(
    lambda rng: (
        rng.standard_normal((2, 4, 2, 3)),
        rng.uniform(0.5, 2, (1, 4, 1, 1)),
        rng.standard_normal((1, 4, 1, 1)),
    ),
    68,
)
bank.right("groupnorm", groupnorm, groupnorm_backward, GROUP)
bank.wrong(
    "groupnorm_interleaved",
    groupnorm,
    lambda d, c: (groupnorm_backward(d[:, ::-1], (c[0], c[1], c[2][:, ::-1], 2))[0], *groupnorm_backward(d, c)[1:]),
    GROUP,
)


def standardise(x):
    mean, std = np.mean(x), np.std(x)
    return (x - mean) / std, (x, mean, std)


def standardise_backward(d, cache):
    x, mean, std = cache
    z = (x - mean) / std
    return ((d - d.mean() - z * (d * z).mean()) / std,)


bank.right("standardise", standardise, standardise_backward, normal((7,), seed=69))
bank.wrong(
    "standardise_constant_statistics",
    standardise,
    lambda d, c: (d / c[2],),
    normal((7,), seed=69),
    cause="mean|variance",
)


def rms(x, g):
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6)
    return g * x / r, (x, g, r)


def rms_backward(d, cache, path=True):
    x, g, r = cache
    dn = d * g
    dx = dn / r - (x * (dn * x).mean(axis=1, keepdims=True) / r**3 if path else 0)
    return dx, (d * x / r).sum(axis=0)


RMS = normal((4, 3), (3,), seed=70)
bank.right("rmsnorm", rms, rms_backward, RMS)
bank.wrong("rmsnorm_constant_scale", rms, variant(rms_backward, path=False), RMS)


def unit(x):
    n = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
    return x / n, (x, n)


bank.right(
    "l2_normalise",
    unit,
    lambda d, c: (d / c[1] - c[0] * (d * c[0]).sum(axis=1, keepdims=True) / c[1] ** 3,),
    normal((4, 3), seed=71),
)
bank.wrong("l2_normalise_constant_norm", unit, lambda d, c: (d / c[1],), normal((4, 3), seed=71))
bank.wrong(
    "l2_normalise_power",
    unit,
    lambda d, c: (d / c[1] - c[0] * (d * c[0]).sum(axis=1, keepdims=True) / c[1] ** 2,),
    normal((4, 3), seed=71),
)


def variance(x):
    m = np.mean(x, axis=0)
    return np.mean((x - m) ** 2, axis=0), (x, m)


bank.right("variance", variance, lambda d, c: (2 * d * (c[0] - c[1]) / len(c[0]),), normal((5, 3), seed=72))
bank.wrong(
    "variance_factor",
    variance,
    lambda d, c: (d * (c[0] - c[1]) / len(c[0]),),
    normal((5, 3), seed=72),
    cause="factor|half|0.5",
)
bank.wrong(
    "variance_of_x", variance, lambda d, c: (2 * d * c[0] / len(c[0]),), normal((5, 3), seed=72), cause="mean|constant"
)
bank.wrong(
    "variance_not_divided",
    variance,
    lambda d, c: (2 * d * (c[0] - c[1]),),
    normal((5, 3), seed=72),
    cause="factor|5|length",
)
