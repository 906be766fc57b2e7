"""Sums, products, orders and picks along an axis; norms; distances."""

import autograd.numpy as np
import numpy as onp

from .case import Bank, drawn, elementwise, normal, point, positive, variant

bank = Bank()
ROWS = normal((4, 5), seed=81)


def reduce(function):
    return lambda x: (function(x), x)


bank.right("sum_rows", reduce(lambda x: np.sum(x, axis=1)), lambda d, x: (d[:, None] * np.ones_like(x),), ROWS)
bank.wrong(
    "sum_rows_mean",
    reduce(lambda x: np.sum(x, axis=1)),
    lambda d, x: (d[:, None] * np.ones_like(x) / 5,),
    ROWS,
    cause="mean|factor|1/5|length",
)
bank.right("mean_all", reduce(np.mean), lambda d, x: (np.full_like(x, d / x.size),), ROWS)
bank.wrong(
    "mean_all_rows_only", reduce(np.mean), lambda d, x: (np.full_like(x, d / len(x)),), ROWS, cause="factor|5|length"
)
bank.wrong("mean_all_ones", reduce(np.mean), lambda d, x: (np.full_like(x, 1 / x.size),), ROWS, cause="dout|upstream")
bank.right("mean_columns", reduce(lambda x: np.mean(x, axis=0)), lambda d, x: (d * np.ones_like(x) / len(x),), ROWS)
bank.wrong(
    "mean_columns_sqrt",
    reduce(lambda x: np.mean(x, axis=0)),
    lambda d, x: (d * np.ones_like(x) / np.sqrt(len(x)),),
    ROWS,
    cause="sqrt|square root|factor|2",
)


def prod(x):
    out = np.prod(x, axis=1)
    return out, (x, out)


bank.right("prod_rows", prod, lambda d, c: ((d * c[1])[:, None] / c[0],), ROWS)
bank.wrong("prod_rows_itself", prod, lambda d, c: (np.repeat((d * c[1])[:, None], 5, axis=1),), ROWS)
bank.elsewhere(
    "prod_rows_positive_only",
    prod,
    lambda d, c: ((d * np.abs(c[1]))[:, None] / np.abs(c[0]),),
    positive((4, 5), seed=82),
    elsewhere=normal((4, 5), seed=83),
)


def cumsum(x):
    return np.cumsum(x, axis=1), None


bank.right("cumsum", cumsum, lambda d, _: (np.cumsum(d[:, ::-1], axis=1)[:, ::-1].copy(),), ROWS)
bank.wrong(
    "cumsum_forwards",
    cumsum,
    lambda d, _: (np.cumsum(d, axis=1),),
    ROWS,
    cause="time|revers|direction|shift|order|transpos",
)
bank.wrong(
    "cumsum_exclusive",
    cumsum,
    lambda d, _: (np.cumsum(d[:, ::-1], axis=1)[:, ::-1] - d,),
    ROWS,
    cause="shift|dout|time|off by one|diagonal",
)
bank.wrong("cumsum_identity", cumsum, lambda d, _: (d * 1.0,), ROWS)


def cumprod(x):
    out = [x[0]]
    for value in x[1:]:
        out.append(out[-1] * value)
    out = np.stack(out)
    return out, (x, out)


bank.right("cumprod", cumprod, lambda d, c: (np.cumsum((d * c[1])[::-1])[::-1] / c[0],), positive((6,), seed=84))
bank.wrong("cumprod_no_tail", cumprod, lambda d, c: (d * c[1] / c[0],), positive((6,), seed=84))


def largest(x):
    best = np.argmax(x, axis=1)
    return np.max(x, axis=1), (x, best)


def largest_backward(d, cache, shift=0):
    x, best = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), (best + shift) % x.shape[1]] = d
    return (dx,)


bank.right("max_rows", largest, largest_backward, ROWS)
bank.wrong("max_rows_everyone", largest, lambda d, c: (np.repeat(d[:, None], 5, axis=1),), ROWS, cause="mask|max|loser")
bank.wrong(
    "max_rows_next_column", largest, variant(largest_backward, shift=1), ROWS, cause="shift|max|mask|column|position"
)
bank.wrong(
    "max_rows_min",
    largest,
    lambda d, c: (d[:, None] * (c[0] == c[0].min(axis=1, keepdims=True)),),
    ROWS,
    cause="max|mask|loser",
)
bank.wrong(
    "max_rows_positive", largest, lambda d, c: (d[:, None] * (c[0] > 0),), ROWS, cause="max|mask|loser|threshold"
)


def sort(x):
    order = np.argsort(x)
    return np.sort(x), order


def sort_backward(d, order):
    dx = np.zeros_like(d)
    dx[order] = d
    return (dx,)


bank.right("sort", sort, sort_backward, normal((6,), seed=85))
bank.wrong(
    "sort_gather_for_scatter",
    sort,
    lambda d, order: (d[order],),
    normal((6,), seed=85),
    cause="permut|order|scatter|transpose",
)
bank.wrong(
    "sort_not_undone", sort, lambda d, _: (d * 1.0,), normal((6,), seed=85), cause="permut|order|scatter|pass-through"
)


def gather(x, i):
    return x[i], (x.shape, i)


def gather_backward(d, cache, add=True):
    shape, i = cache
    dx = np.zeros(shape)
    if add:
        onp.add.at(dx, i, d)
    else:
        dx[i] += d
    return (dx,)


REPEATED = drawn(lambda rng: (rng.standard_normal((5, 3)), np.array([0, 2, 2, 4])), 86)
bank.right("embedding", gather, gather_backward, REPEATED)
bank.wrong(
    "embedding_overwritten",
    gather,
    variant(gather_backward, add=False),
    REPEATED,
    cause="overwr|accumul|row|repeat",
    note="dx[i] += d counts a repeated index once",
)
bank.elsewhere(
    "embedding_overwritten_at_repeats",
    gather,
    variant(gather_backward, add=False),
    drawn(lambda rng: (rng.standard_normal((6, 3)), np.array([0, 2, 5])), 86),
    elsewhere=REPEATED,
)


def scatter(x, i):
    out = np.zeros((5, x.shape[1]))
    onp.add.at(out, i, x)
    return out, i


def scatter_by_product(x, i):
    return np.dot((np.arange(5)[:, None] == i).astype(float), x)


SCATTER = drawn(lambda rng: (rng.standard_normal((4, 3)), np.array([0, 2, 2, 4])), 87)
bank.right("scatter_add", scatter, lambda d, i: (d[i],), SCATTER, oracle=scatter_by_product)
bank.wrong("scatter_add_shifted", scatter, lambda d, i: (d[np.maximum(i - 1, 0)],), SCATTER, oracle=scatter_by_product)


def flip_concat(a, b):
    return np.concatenate([a[:, ::-1], b], axis=1), a.shape[1]


bank.right(
    "flip_and_concatenate",
    flip_concat,
    lambda d, k: (d[:, :k][:, ::-1].copy(), d[:, k:].copy()),
    normal((2, 3), (2, 4), seed=88),
)
bank.wrong(
    "flip_and_concatenate_no_flip",
    flip_concat,
    lambda d, k: (d[:, :k].copy(), d[:, k:].copy()),
    normal((2, 3), (2, 4), seed=88),
    cause="revers|flip|order|shift|dout|slice",
)
bank.wrong(
    "flip_and_concatenate_split_elsewhere",
    flip_concat,
    lambda d, k: (d[:, -3:][:, ::-1].copy(), d[:, :4].copy()),
    normal((2, 3), (2, 4), seed=88),
    cause="slice|shift|dout",
)


def transposed(x):
    return np.transpose(x), None


bank.right("transpose", transposed, lambda d, _: (d.T.copy(),), normal((3, 4), seed=89))
bank.wrong(
    "transpose_reshaped",
    transposed,
    lambda d, _: (d.reshape(3, 4).copy(),),
    normal((3, 4), seed=89),
    cause="transpose|reshape|dout",
)


def norm(x):
    n = np.sqrt(np.sum(x**2))
    return n, (x, n)


bank.right("norm", norm, lambda d, c: (d * c[0] / c[1],), normal((6,), seed=90))
bank.wrong("norm_squared", norm, lambda d, c: (2 * d * c[0],), normal((6,), seed=90), cause="factor|local derivative")
bank.wrong(
    "norm_not_divided", norm, lambda d, c: (d * c[0],), normal((6,), seed=90), cause="factor|norm|local derivative"
)


def frobenius(x):
    return np.sum(x * x), x


bank.right("frobenius_squared", frobenius, lambda d, x: (2 * d * x,), ROWS)
bank.wrong("frobenius_squared_no_two", frobenius, lambda d, x: (d * x,), ROWS, cause="factor|half|0.5")
bank.right("l1_norm", reduce(lambda x: np.sum(np.abs(x))), lambda d, x: (d * np.sign(x),), ROWS)
bank.wrong(
    "l1_norm_inverse_sign", reduce(lambda x: np.sum(np.abs(x))), lambda d, x: (-d * np.sign(x),), ROWS, cause="sign"
)


def cosine(a, b):
    na, nb = np.sqrt(np.sum(a**2)), np.sqrt(np.sum(b**2))
    c = np.sum(a * b) / (na * nb)
    return c, (a, b, na, nb, c)


def cosine_backward(d, cache, own=True):
    a, b, na, nb, c = cache
    return d * (b / (na * nb) - own * c * a / na**2), d * (a / (na * nb) - own * c * b / nb**2)


VECTORS = normal((5,), (5,), seed=91)
bank.right("cosine_similarity", cosine, cosine_backward, VECTORS)
bank.wrong("cosine_similarity_constant_norms", cosine, variant(cosine_backward, own=False), VECTORS)


def distances(a, b):
    diff = a[:, None, :] - b[None, :, :]
    return np.sum(diff**2, axis=2), diff


bank.right(
    "pairwise_distances",
    distances,
    lambda d, diff: (2 * np.einsum("ij,ijk->ik", d, diff), -2 * np.einsum("ij,ijk->jk", d, diff)),
    normal((3, 2), (4, 2), seed=92),
)
bank.wrong(
    "pairwise_distances_second_sign",
    distances,
    lambda d, diff: (2 * np.einsum("ij,ijk->ik", d, diff), 2 * np.einsum("ij,ijk->jk", d, diff)),
    normal((3, 2), (4, 2), seed=92),
    cause="sign",
)
bank.wrong(
    "pairwise_distances_first_only",
    distances,
    lambda d, diff: (2 * np.einsum("ij,ijk->ik", d, diff), -2 * d[0][:, None] * diff[0]),
    normal((3, 2), (4, 2), seed=92),
)


def logsumexp(x):
    top = np.max(x, axis=1, keepdims=True)
    out = top + np.log(np.sum(np.exp(x - top), axis=1, keepdims=True))
    return out[:, 0], (x, out)


bank.right("logsumexp", logsumexp, lambda d, c: (d[:, None] * np.exp(c[0] - c[1]),), ROWS)
bank.wrong("logsumexp_hard", logsumexp, lambda d, c: (d[:, None] * (c[0] == c[0].max(axis=1, keepdims=True)),), ROWS)
bank.wrong("logsumexp_not_normalised", logsumexp, lambda d, c: (d[:, None] * np.exp(c[0]),), ROWS)


def interpolate(y, t):
    left = np.floor(t).astype(int)
    left = np.clip(left, 0, y.shape[0] - 2)
    w = t - left
    return (1 - w) * y[left] + w * y[left + 1], (y, left, w)


def interpolate_backward(d, cache, swap=False):
    y, left, w = cache
    dy = np.zeros_like(y)
    onp.add.at(dy, left, d * (w if swap else 1 - w))
    onp.add.at(dy, left + 1, d * (1 - w if swap else w))
    return dy, d * (y[left + 1] - y[left])


INTERPOLATE = drawn(lambda rng: (rng.standard_normal(6), np.array([0.3, 1.8, 1.2, 4.6])), 93)
bank.right("interpolation", interpolate, interpolate_backward, INTERPOLATE)
bank.wrong("interpolation_weights_swapped", interpolate, variant(interpolate_backward, swap=True), INTERPOLATE)
bank.nasty(
    "interpolation_at_a_knot",
    interpolate,
    interpolate_backward,
    drawn(lambda rng: (rng.standard_normal(6), np.array([1.0, 3.0, 2.5])), 94),
    corner=True,
)


def smoothness(x):
    steps = x[1:] - x[:-1]
    return np.sum(steps**2), steps


def smoothness_backward(d, steps, last=True):
    dx = np.zeros(len(steps) + 1)
    dx[1:] += 2 * d * steps
    dx[:-1] -= 2 * d * steps
    if not last:
        dx[-1] = 0.0
    return (dx,)


bank.right("total_variation_squared", smoothness, smoothness_backward, normal((7,), seed=95))
bank.wrong(
    "total_variation_last_entry",
    smoothness,
    variant(smoothness_backward, last=False),
    normal((7,), seed=95),
    cause="entry|one |last",
)
bank.wrong(
    "total_variation_shifted",
    smoothness,
    lambda d, s: (np.roll(smoothness_backward(d, s)[0], 1),),
    normal((7,), seed=95),
    cause="shift",
)


def convolve1d(x, k):
    return np.stack([np.dot(x[i : i + 3], k) for i in range(x.shape[0] - 2)]), (x, k)


def convolve1d_backward(d, cache, flip=False):
    x, k = cache
    dx = np.zeros_like(x)
    for i, g in enumerate(d):
        dx[i : i + 3] += g * (k[::-1] if flip else k)
    return dx, np.array([np.dot(d, x[j : j + len(d)]) for j in range(3)])


bank.right("correlation_1d", convolve1d, convolve1d_backward, normal((8,), (3,), seed=96))
bank.wrong(
    "correlation_1d_flipped_kernel", convolve1d, variant(convolve1d_backward, flip=True), normal((8,), (3,), seed=96)
)
bank.wrong(
    "correlation_1d_kernel_reversed",
    convolve1d,
    lambda d, c: (convolve1d_backward(d, c)[0], convolve1d_backward(d, c)[1][::-1].copy()),
    normal((8,), (3,), seed=96),
    cause="revers|flip",
)


def dropout(x, mask, p):
    return x * mask / p, (mask, p)


MASKED = drawn(lambda rng: (rng.standard_normal((4, 5)), rng.random((4, 5)) < 0.6, 0.6), 97)
options = {"wrt": ("x",)}
bank.right("dropout_mask_passed_in", dropout, lambda d, c: (d * c[0] / c[1],), MASKED, wrt=(0,), options=options)
bank.wrong(
    "dropout_unscaled", dropout, lambda d, c: (d * c[0],), MASKED, wrt=(0,), options=options, cause="factor|0.6|p"
)
bank.wrong("dropout_no_mask", dropout, lambda d, c: (d / c[1],), MASKED, wrt=(0,), options=options, cause="mask|zero")
bank.wrong(
    "dropout_wrong_side",
    dropout,
    lambda d, c: (d * ~c[0] / c[1],),
    MASKED,
    wrt=(0,),
    options=options,
    cause="mask|zero|region",
)


KEPT = drawn(lambda rng: (rng.standard_normal(8), np.array([1, 0, 1, 1, 0, 1, 0, 1], dtype=bool)), 98)


def masked_mean(x, mask):
    return np.sum(x * mask) / np.sum(mask), mask


bank.right(
    "masked_mean",
    masked_mean,
    lambda d, m: (d * m / np.sum(m),),
    KEPT,
)
bank.wrong(
    "masked_mean_full_count",
    masked_mean,
    lambda d, m: (d * m / m.size,),
    KEPT,
    cause="factor",
)
bank.wrong(
    "masked_mean_no_mask",
    masked_mean,
    lambda d, m: (d * np.ones(8) / np.sum(m),),
    KEPT,
    cause="mask|zero",
)

forward, backward = elementwise(
    lambda x: np.where(x > 0.5, x**2, 0.25 + (x - 0.5)), lambda x: np.where(x > 0.5, 2 * x, 1.0)
)
bank.right("piecewise", forward, backward, normal((9,), seed=99))
bank.elsewhere(
    "piecewise_one_region",
    forward,
    lambda d, x: (d * np.ones_like(x),),
    point([0.1, -0.3, 0.4]),
    elsewhere=point([0.1, 1.3, 0.4]),
)
bank.elsewhere(
    "piecewise_other_region",
    forward,
    lambda d, x: (2 * d * x,),
    point([0.9, 1.3, 2.4]),
    elsewhere=point([0.1, 1.3, -0.4]),
)
