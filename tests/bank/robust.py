"""Overflow, shapes, forwards that compute something else, code that raises, stubs."""

import autograd.numpy as np
import numpy as onp

from . import convolution, linear, losses, normalisation, recurrent
from .case import Bank, drawn, edited, normal, point

bank = Bank()
BIG = point(np.array([[1000.0, 0.0, -1000.0], [0.0, 999.0, 1.0]]))


# Right, but exp overflows at logits of 1000.
def naive_softmax(x):
    e = np.exp(x)
    p = e / np.sum(e, axis=1, keepdims=True)
    return p, p


bank.unstable(
    "softmax_without_max",
    naive_softmax,
    losses.softmax_backward,
    losses.LOGITS,
    elsewhere=BIG,
    oracle=lambda x: losses.softmax(x)[0],
)


def naive_cross_entropy(x, y):
    p, _ = naive_softmax(x)
    return -np.mean(np.log(p[np.arange(len(y)), y])), (p, y)


bank.unstable(
    "cross_entropy_without_max",
    naive_cross_entropy,
    losses.ce,
    losses.CLASSES,
    elsewhere=point(np.array([[1000.0, 0.0, -1000.0], [0.0, 999.0, 1.0]]), np.array([1, 0])),
    oracle=lambda x, y: losses.cross_entropy(x, y)[0],
)


def cross_entropy_log_of_zero(x, y):
    p = losses.softmax(x)[0]
    return -np.mean(np.log(p[np.arange(len(y)), y])), (p, y)


bank.unstable(
    "cross_entropy_log_of_zero",
    cross_entropy_log_of_zero,
    losses.ce,
    losses.CLASSES,
    elsewhere=point(np.array([[1000.0, 0.0, -1000.0], [0.0, 999.0, 1.0]]), np.array([1, 0])),
    oracle=lambda x, y: losses.cross_entropy(x, y)[0],
)


def naive_logsumexp(x):
    e = np.exp(x)
    s = np.sum(e, axis=1)
    return np.log(s), (e, s)


bank.unstable(
    "logsumexp_without_max",
    naive_logsumexp,
    lambda d, c: (d[:, None] * c[0] / c[1][:, None],),
    losses.LOGITS,
    elsewhere=BIG,
    oracle=lambda x: losses.logsumexp(x)[:, 0],
)


def naive_softplus(x):
    e = np.exp(x)
    return np.log(1 + e), e


bank.unstable(
    "softplus_by_exp",
    naive_softplus,
    lambda d, e: (d * e / (1 + e),),
    normal((3, 4), seed=261),
    elsewhere=point(np.array([1000.0, 0.0])),
    oracle=lambda x: np.logaddexp(0.0, x),
)


def sigmoid_by_exp(x):
    e = np.exp(x)
    return e / (1 + e), e


bank.unstable(
    "sigmoid_by_exp",
    sigmoid_by_exp,
    lambda d, e: (d * e / (1 + e) ** 2,),
    normal((3, 4), seed=262),
    elsewhere=point(np.array([1000.0, 0.0])),
    oracle=lambda x: 0.5 * (1 + np.tanh(x / 2)),
)


def tanh_by_exp(x):
    out = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    return out, out


bank.unstable(
    "tanh_by_exp",
    tanh_by_exp,
    lambda d, out: (d * (1 - out**2),),
    normal((3, 4), seed=263),
    elsewhere=point(np.array([1000.0, 0.0])),
    oracle=np.tanh,
)


def naive_bce(x, t):
    p = 1 / (1 + np.exp(-x))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), (p, t)


bank.unstable(
    "bce_of_a_sigmoid",
    naive_bce,
    lambda d, c: (d * (c[0] - c[1]) / len(c[1]),),
    losses.BCE,
    elsewhere=point(np.array([1000.0, -1000.0]), np.array([0, 1])),
    oracle=lambda x, t: losses.bce_logits(x, t)[0],
)


def naive_attention(q, k, v):
    e = np.exp(q @ k.T / np.sqrt(q.shape[1]))
    p = e / np.sum(e, axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


bank.unstable(
    "attention_without_max",
    naive_attention,
    recurrent.attention_backward,
    recurrent.ATTENTION,
    elsewhere=drawn(lambda rng: tuple(100 * rng.standard_normal(s) for s in ((4, 3), (4, 3), (4, 2))), 264),
    oracle=lambda q, k, v: recurrent.attention(q, k, v)[0],
)


# Right numbers, wrong shape.
bank.shape(
    "sum_keepdims",
    lambda x: (np.sum(x, axis=1), x),
    lambda d, x: ((d[:, None] * np.ones_like(x)).ravel(),),
    normal((3, 4), seed=265),
    cause="shape",
)
bank.shape(
    "scalar_gradient_in_a_list_shape",
    lambda x, s: (s * x, (x, s)),
    lambda d, c: (d * c[1], np.array([np.sum(d * c[0])])),
    drawn(lambda rng: (rng.standard_normal(3), np.array(0.7)), 266),
    cause="shape",
)
bank.shape(
    "vector_as_column",
    lambda w, z: (w @ z, (w, z)),
    lambda d, c: (np.outer(d, c[1]), (c[0].T @ d)[:, None]),
    normal((2, 3), (3,), seed=267),
    cause="shape",
)
bank.shape(
    "pool_gradient_flattened",
    convolution.global_average,
    lambda d, s: ((np.ones(s) * d[:, :, None, None] / (s[2] * s[3])).reshape(s[0], -1),),
    convolution.IMAGE,
    cause="shape",
)
bank.shape(
    "conv_bias_4d",
    convolution.with_pad(1),
    edited(lambda d, c: convolution.conv_backward(d, c), 2, lambda db: db.reshape(1, -1, 1, 1)),
    convolution.CONV,
    cause="shape",
)


# A faithful gradient of the wrong forward.
def forward(name, forward, backward, inputs, reference, **more):
    """A pair that agrees with itself and not with the reference."""
    bank.forward(name, forward, backward, inputs, options={"reference": reference, **more.pop("options", {})}, **more)


forward(
    "affine_bias_left_out",
    lambda x, w, b: (x @ w.T, (x, w)),
    lambda d, c: (d @ c[1], d.T @ c[0], np.zeros(5)),
    linear.AFFINE,
    linear.affine,
)
forward(
    "relu_returns_its_mask",
    lambda x: ((x > 0) * 1.0, x),
    lambda d, x: (np.zeros_like(x),),
    normal((3, 4), seed=268),
    lambda x: (np.maximum(x, 0), x),
)
forward(
    "softmax_over_the_batch",
    lambda x: (lambda p: (p, p))(np.transpose(losses.softmax(np.transpose(x))[0])),
    lambda d, p: (p * (d - (d * p).sum(axis=0)),),
    losses.LOGITS,
    losses.softmax_forward,
)
forward(
    "layernorm_over_the_batch",
    normalisation.batchnorm_small_eps,
    normalisation.batchnorm_compact,
    normalisation.BATCH,
    normalisation.layernorm,
)
forward(
    "mse_is_a_sum",
    lambda x, t: (np.sum((x - t) ** 2), (x, t)),
    lambda d, c: (2 * d * (c[0] - c[1]), 2 * d * (c[1] - c[0])),
    losses.MSE,
    losses.mse,
)
forward(
    "sigmoid_is_a_tanh",
    lambda x: (np.tanh(x), x),
    lambda d, x: (d * (1 - np.tanh(x) ** 2),),
    normal((3, 4), seed=269),
    lambda x: (1 / (1 + np.exp(-x)), x),
)
forward(
    "constant_forward",
    lambda x: (np.zeros_like(x) + 0 * x, x),
    lambda d, x: (np.zeros_like(x),),
    normal((3, 4), seed=270),
    lambda x: (np.tanh(x), x),
)
forward(
    "cross_entropy_log10",
    lambda x, y: (losses.cross_entropy(x, y)[0] / np.log(10), losses.cross_entropy(x, y)[1]),
    lambda d, c: (losses.ce(d, c)[0] / np.log(10),),
    losses.CLASSES,
    losses.cross_entropy,
)
forward(
    "rnn_feeds_h0_at_every_step",
    lambda x, h: (np.tanh(x + h[:, None, :]), (x, h)),
    lambda d, c: ((g := d * (1 - np.tanh(c[0] + c[1][:, None, :]) ** 2)), g.sum(axis=1)),
    normal((2, 3, 2), (2, 2), seed=271),
    lambda x, h: (np.stack([(h := np.tanh(x[:, t] + h)) for t in range(x.shape[1])], axis=1), None),
)
forward(
    "output_transposed",
    lambda x, w, b: (np.transpose(x @ w.T + b), (x, w)),
    lambda d, c: linear.affine_backward(d.T, c),
    linear.AFFINE,
    linear.affine,
)
bank.right(
    "affine_with_its_reference",
    linear.affine,
    linear.affine_backward,
    linear.AFFINE,
    options={"reference": lambda x, w, b: (x @ w.T + b, None)},
)
bank.right(
    "layernorm_with_its_reference",
    normalisation.layernorm,
    normalisation.layernorm_backward,
    normalisation.LAYER,
    options={"reference": normalisation.layernorm},
)


# Code that raises.
def product_gone(dout, x):
    return (dout.reshape(-1, onp.product(x.shape[1:])).reshape(x.shape),)


def float_sizes(dout, x):
    dx = onp.zeros((len(x), x.shape[1] / 1))
    return (dx + 2 * dout * x,)


def misspelt(dout, x):
    return (2 * dout * X_CACHE,)


def int_alias(dout, x):
    return (2 * dout * x * (x > 0).astype(onp.int),)


def shapes_clash(dout, x):
    return (2 * dout @ x,)


def unpacks_too_many(dout, cache):
    x, w, b = cache
    return (dout * x,)


SQUARE = normal((4, 3), seed=272)
square = lambda x: (x**2, x)  # noqa: E731
for name, broken in [
    ("np_product", product_gone),
    ("size_is_a_float", float_sizes),
    ("name_misspelt", misspelt),
    ("np_int", int_alias),
    ("shapes_clash", shapes_clash),
    ("cache_of_another_length", unpacks_too_many),
]:
    bank.error(name, square, broken, SQUARE)


def written_later(dout, cache):
    raise NotImplementedError


def passes(dout, cache):
    pass


bank.unattempted("stub_raises", square, written_later, SQUARE)
bank.unattempted("stub_passes", square, passes, SQUARE)
bank.unattempted("stub_passes_three_inputs", linear.affine, passes, linear.AFFINE)
