"""Backwards and forwards that break the layer contract; `cause` is the term of `breaches` that they break."""

import autograd.numpy as np
import numpy as onp

from . import convolution, linear, losses, normalisation, recurrent, reductions, scalars
from .case import Bank, edited, normal, point, variant

bank = Bank()
X = normal((3, 4), seed=201)
AFFINE = linear.AFFINE
affine, affine_backward = linear.affine, linear.affine_backward


def square(x):
    return x**2, x


def relu(x):
    return np.maximum(x, 0), x


# Writes.
def relu_in_place(dout, x):
    dx = dout
    dx[x <= 0] = 0
    return (dx,)


def relu_in_place_then_copy(dout, x):
    dout[x <= 0] = 0
    return (dout.copy(),)


def scaled_in_place(dout, x):
    dout *= 2
    return (dout * x,)


def mean_in_place(dout, cache):
    dx = dout.copy()
    dout -= dout.mean(axis=0)
    return (dx - dx.mean(axis=0),)


def relu_overwrites_its_input(x):
    x[x < 0] = 0
    return x * 1.0, x > 0


def normalises_its_input(x):
    x -= x.mean(axis=0)
    return x**2, x.copy()


def cache_scaled(dout, cache):
    cache *= 2
    return (dout * cache,)


def probabilities_reused(dout, cache):
    p, y = cache
    p[np.arange(len(y)), y] -= 1
    return (dout * p / len(y),)


def input_changed_by_backward(dout, cache):
    x, w = cache
    dw = dout.T @ x
    x *= 0
    return dout @ w, dw, dout.sum(axis=0)


def weights_updated(dout, cache):
    x, w = cache
    grads = affine_backward(dout, cache)
    w -= 0.1 * grads[1]
    return grads


def rnn_zeroes_dout(dout, cache):
    grads = recurrent.rnn_backward(dout.copy(), cache)
    dout[:, -1] = 0
    return grads


bank.contract("relu_writes_into_dout_and_returns_it", relu, relu_in_place, X, cause="writes dout")
bank.contract("relu_writes_into_dout", relu, relu_in_place_then_copy, X, cause="writes dout")
bank.contract("square_writes_into_dout", square, scaled_in_place, X, cause="writes dout")
bank.contract("center_writes_into_dout", normalisation.whiten, mean_in_place, X, cause="writes dout")
bank.contract("rnn_writes_into_dout", recurrent.rnn, rnn_zeroes_dout, recurrent.SEQUENCE, cause="writes dout")
bank.contract(
    "relu_forward_in_place",
    relu_overwrites_its_input,
    lambda d, won: (d * won,),
    X,
    cause="writes input",
    oracle=lambda x: np.maximum(x, 0),
)
bank.contract(
    "center_forward_in_place",
    normalises_its_input,
    lambda d, x: (2 * d * x - (2 * d * x).mean(axis=0),),
    X,
    cause="writes input",
    oracle=lambda x: (x - np.mean(x, axis=0)) ** 2,
)
bank.contract("affine_backward_zeroes_x", affine, input_changed_by_backward, AFFINE, cause="writes input")
bank.contract("affine_backward_updates_w", affine, weights_updated, AFFINE, cause="writes input")
bank.contract("square_scales_its_cache", lambda x: (x**2, x.copy()), cache_scaled, X, cause="writes cache")
bank.contract(
    "cross_entropy_writes_into_p", losses.cross_entropy, probabilities_reused, losses.CLASSES, cause="writes cache"
)


def pop_the_states(dout, states):
    dx = dout * states[-1]
    states.pop()
    return (dx,)


bank.contract("pops_its_cache", lambda x: (x**2, [x.copy(), 2 * x]), pop_the_states, X, cause="writes cache")

# Shared memory.
bank.contract(
    "add_returns_dout_twice",
    lambda x, y: (x + y, None),
    lambda d, _: (d, d),
    normal((3,), (3,), seed=202),
    cause="returns dout",
)
bank.contract(
    "reshape_returns_a_view_of_dout",
    lambda x: (np.reshape(x, (-1,)), x.shape),
    lambda d, s: (d.reshape(s),),
    X,
    cause="returns dout",
)
bank.contract("transpose_returns_a_view_of_dout", reductions.transposed, lambda d, _: (d.T,), X, cause="returns dout")
bank.contract(
    "split_returns_slices_of_dout",
    lambda a, b: (np.concatenate([a, b]), len(a)),
    lambda d, n: (d[:n], d[n:]),
    normal((3,), (2,), seed=203),
    cause="returns dout",
)
bank.contract(
    "residual_returns_dout",
    lambda x, y: (x + 2 * y, None),
    lambda d, _: (d, 2 * d),
    normal((3,), (3,), seed=204),
    cause="returns dout",
)
bank.contract(
    "sum_returns_one_array_twice",
    lambda x, y: (x + y, None),
    lambda d, _: ((g := d * 1.0), g),
    normal((3,), (3,), seed=205),
    cause="shares gradient",
)
bank.contract(
    "difference_view_of_one_array",
    lambda x, y: (x + y[::-1], None),
    lambda d, _: ((g := d * 1.0), g[::-1]),
    normal((3,), (3,), seed=206),
    cause="shares gradient",
)
bank.contract(
    "add_three_one_array",
    lambda x, y, z: (x + y - z, None),
    lambda d, _: ((g := d * 1.0), g, -g),
    normal((3,), (3,), (3,), seed=207),
    cause="shares gradient",
)

# Count, None, type.
bank.contract("affine_db_missing", affine, lambda d, c: affine_backward(d, c)[:2], AFFINE, cause="count")
bank.contract("affine_one_too_many", affine, lambda d, c: (*affine_backward(d, c), d.sum()), AFFINE, cause="count")
bank.contract("affine_db_none", affine, edited(affine_backward, 2, lambda db: None), AFFINE, cause="None")
bank.contract("gradient_is_a_string", square, lambda d, x: (str(2 * d * x),), X, cause="type")
bank.contract("gradient_is_a_nested_list", square, lambda d, x: ((2 * d * x).tolist(),), X, cause="type")
bank.contract("gradient_complex", square, lambda d, x: (2 * d * x + 0j,), X, cause="dtype")
bank.contract("gradient_float32", square, lambda d, x: ((2 * d * x).astype(np.float32),), X, cause="dtype")
bank.contract(
    "gradient_truncated_to_integers", lambda x: (3 * x, None), lambda d, _: ((3 * d).astype(int),), X, cause="dtype"
)
bank.contract("gradient_of_objects", square, lambda d, x: ((2 * d * x).astype(object),), X, cause="dtype")
bank.contract(
    "float64_gradient_of_float32",
    square,
    lambda d, x: (2.0 * d * x.astype(np.float64),),
    lambda: (np.array([1, 2, -3], dtype=np.float32),),
    cause="dtype",
)
bank.contract("gradient_of_relu_is_a_bool", relu, lambda d, x: (x > 0,), X, cause="dtype")

# Shape.
bank.contract("affine_db_scalar", affine, edited(affine_backward, 2, lambda db: db.sum()), AFFINE, cause="shape")
bank.contract("affine_dw_transposed", affine, edited(affine_backward, 1, lambda dw: dw.T.copy()), AFFINE, cause="shape")
bank.contract("affine_db_not_summed", affine, lambda d, c: (*affine_backward(d, c)[:2], d * 1.0), AFFINE, cause="shape")
bank.contract("affine_dx_one_row", affine, edited(affine_backward, 0, lambda dx: dx[0].copy()), AFFINE, cause="shape")
bank.contract(
    "scalar_gate_returns_a_vector",
    scalars.mul,
    lambda d, c: (d * c[1] * np.ones(2), d * c[0]),
    point(3.0, -4.0),
    cause="shape",
)
bank.contract(
    "conv_dx_still_padded",
    convolution.with_pad(1),
    lambda d, c: (
        np.pad(convolution.conv_backward(d, c)[0], ((0, 0), (0, 0), (1, 1), (1, 1))),
        *convolution.conv_backward(d, c)[1:],
    ),
    convolution.CONV,
    cause="shape",
)
bank.contract(
    "order_of_unequal_shapes",
    affine,
    lambda d, c: tuple(affine_backward(d, c)[i] for i in (1, 0, 2)),
    AFFINE,
    cause="shape",
)

# Not finite.
bank.contract("softmax_nan", losses.softmax_forward, lambda d, p: (d * p * np.nan,), losses.LOGITS, cause="not finite")
bank.contract(
    "sqrt_inf",
    lambda x: (np.abs(x), x),
    lambda d, x: (d * x / np.where(np.abs(x) < 0.5, 0, np.abs(x)),),
    normal((12,), seed=208),
    cause="not finite",
)
bank.contract(
    "batchnorm_nan_entry",
    normalisation.batchnorm,
    edited(normalisation.batchnorm_compact, 1, lambda g: np.where(np.arange(4) == 2, np.nan, g)),
    normalisation.BATCH,
    cause="not finite",
)


# Not repeatable.
class Running:
    """A gradient that is added to what is left from the call before."""

    def __init__(self):
        self.total = 0.0

    def backward(self, dout, x):
        self.total = self.total + 2 * dout * x
        return (self.total * 1.0,)


bank.contract("gradient_accumulates_between_calls", square, Running().backward, X, cause="another answer")


def accumulates_in_the_cache(dout, cache):
    x, grad = cache
    grad += 2 * dout * x
    return (grad.copy(),)


bank.contract(
    "gradient_accumulates_in_the_cache",
    lambda x: (x**2, (x, onp.zeros(x.shape))),
    accumulates_in_the_cache,
    X,
    cause="writes cache",
)

RANDOM = onp.random.default_rng(5)
bank.contract(
    "dropout_draws_its_mask_each_time",
    lambda x: ((m := RANDOM.random((3, 4)) < 0.5) * x, m),
    lambda d, m: (d * m,),
    X,
    cause="random",
)
bank.contract(
    "noise_in_the_forward",
    lambda x: (x + 0.1 * RANDOM.standard_normal((3, 4)), None),
    lambda d, _: (d * 1.0,),
    X,
    cause="random",
)
bank.contract(
    "dropout_backward_draws_again",
    lambda x: (x * 0.5, None),
    lambda d, _: (d * (RANDOM.random((3, 4)) < 0.5),),
    X,
    cause="another answer",
)
bank.contract(
    "default_list_grows",
    lambda x, seen=[]: (x * (len(seen) + 1), seen.append(1)),
    lambda d, _: (d * 1.0,),
    X,
    cause="random",
)

# Not linear in dout, or independent of it.
bank.contract("dout_squared", square, lambda d, x: (2 * d**2 * x,), X, cause="not linear")
bank.contract("dout_absolute", square, lambda d, x: (2 * np.abs(d) * x,), X, cause="not linear")
bank.contract("dout_plus_one", square, lambda d, x: (2 * d * x + 1e-3,), X, cause="not linear")
bank.contract(
    "dout_clipped",
    square,
    lambda d, x: (2 * np.clip(d, -0.1, 0.1) * x,),
    X,
    cause="not linear",
    note="gradient clipping inside the layer",
)
bank.contract("dout_normalised", square, lambda d, x: (2 * d / np.sqrt(np.sum(d**2)) * x,), X, cause="not linear")
bank.contract("dout_ignored", square, lambda d, x: (2 * x,), X, cause="ignores dout")
bank.contract("dout_ignored_by_a_loss", lambda x: (np.sum(x**2), x), lambda d, x: (2 * x,), X, cause="ignores dout")
bank.contract(
    "dout_ignored_by_cross_entropy",
    losses.cross_entropy,
    variant(losses.ce, scale=False),
    losses.CLASSES,
    cause="ignores dout",
)
bank.contract(
    "dout_ignored_by_tanh", lambda x: (np.tanh(x), x), lambda d, x: (1 - np.tanh(x) ** 2,), X, cause="ignores dout"
)
bank.contract("dout_sign_only", square, lambda d, x: (2 * np.sign(d) * x,), X, cause="not linear")
