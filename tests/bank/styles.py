"""The ways in which people write the two halves: orders of parameters, nests of gradients, objects that keep state."""

from functools import partial

import autograd.numpy as np
import numpy as onp

from . import linear, losses, normalisation
from .case import Bank, drawn, normal, point

bank = Bank()
AFFINE = linear.AFFINE


# backward(dout, *inputs), and other orders.
def dense(x, w, b):
    return x @ w.T + b


def dense_backward(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.sum(axis=0)


def dense_backward_swapped(dout, x, w, b):
    return dout @ w, dout.T @ x / len(x), dout.sum(axis=0)


def dense_backward_last(x, w, b, dout):
    return dout @ w, dout.T @ x, dout.sum(axis=0)


def dense_backward_last_sign(x, w, b, dout):
    return dout @ w, -dout.T @ x, dout.sum(axis=0)


bank.right("style_inputs", dense, dense_backward, AFFINE, style="inputs")
bank.wrong("style_inputs_mean", dense, dense_backward_swapped, AFFINE, style="inputs", cause="mean|factor|1/4|length")
bank.right("style_dout_last", dense, dense_backward_last, AFFINE, style="dout last")
bank.wrong("style_dout_last_sign", dense, dense_backward_last_sign, AFFINE, style="dout last", cause="sign")


def affine_backward_cache_first(cache, dout):
    return linear.affine_backward(dout, cache)


def affine_backward_cache_first_twice(cache, dout):
    dx, dw, db = linear.affine_backward(dout, cache)
    return 2 * dx, dw, db


bank.right("style_cache_first", linear.affine, affine_backward_cache_first, AFFINE, style="cache first")
bank.wrong(
    "style_cache_first_twice",
    linear.affine,
    affine_backward_cache_first_twice,
    AFFINE,
    style="cache first",
    cause="factor|2|twice",
)


# Gradients by name.
def affine_backward_dict(dout, cache):
    dx, dw, db = linear.affine_backward(dout, cache)
    return {"b": db, "x": dx, "w": dw}


def affine_backward_dict_d(dout, cache):
    dx, dw, db = linear.affine_backward(dout, cache)
    return {"dx": dx, "dw": dw, "db": db}


def affine_backward_dict_wrong(dout, cache):
    dx, dw, db = linear.affine_backward(dout, cache)
    return {"dx": dx, "dw": dw, "db": -db}


bank.right("style_dict_of_inputs", linear.affine, affine_backward_dict, AFFINE, style="dict")
bank.right("style_dict_of_d_names", linear.affine, affine_backward_dict_d, AFFINE, style="dict")
bank.wrong("style_dict_sign", linear.affine, affine_backward_dict_wrong, AFFINE, style="dict", cause="sign")


# Nests of parameters.
def stack(x, layers):
    states = [x]
    for layer in layers:
        states.append(np.tanh(states[-1] @ layer["W"] + layer["b"]))
    return states[-1], (states, layers)


def stack_backward(dout, cache, forget=None):
    states, layers = cache
    grads = []
    for k in reversed(range(len(layers))):
        dz = dout * (1 - states[k + 1] ** 2)
        grads.append({"W": states[k].T @ dz, "b": dz.sum(axis=0) * (0.0 if k == forget else 1.0)})
        dout = dz @ layers[k]["W"].T
    return dout, grads[::-1]


STACK = drawn(
    lambda rng: (
        rng.standard_normal((3, 2)),
        [
            {"W": rng.standard_normal((2, 4)), "b": rng.standard_normal(4)},
            {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)},
        ],
    ),
    281,
)
bank.right("style_list_of_layers", stack, lambda dout, cache: stack_backward(dout, cache), STACK)
bank.wrong(
    "style_list_of_layers_bias",
    stack,
    lambda dout, cache: stack_backward(dout, cache, forget=1),
    STACK,
    cause="zero",
)


def pair(x, weights):
    a, b = weights
    return x @ a @ b, (x, a, b)


def pair_backward(dout, cache):
    x, a, b = cache
    return dout @ b.T @ a.T, (x.T @ dout @ b.T, (x @ a).T @ dout)


def pair_backward_sign(dout, cache):
    dx, (da, db) = pair_backward(dout, cache)
    return dx, (-da, db)


PAIR = drawn(lambda rng: (rng.standard_normal((3, 2)), (rng.standard_normal((2, 4)), rng.standard_normal((4, 3)))), 282)
bank.right("style_tuple_of_weights", pair, pair_backward, PAIR)
bank.wrong("style_tuple_of_weights_sign", pair, pair_backward_sign, PAIR, cause="sign")


# Several outputs in one tuple.
def split(x, w):
    z = x @ w
    return (np.tanh(z), np.sum(z**2, axis=1)), (x, w, z)


def split_backward(douts, cache):
    da, db = douts
    x, w, z = cache
    dz = da * (1 - np.tanh(z) ** 2) + 2 * db[:, None] * z
    return dz @ w.T, x.T @ dz


def split_backward_first_only(douts, cache):
    return split_backward((douts[0], 0 * douts[1]), cache)


SPLIT = normal((4, 3), (3, 2), seed=283)
bank.right("style_tuple_of_outputs", split, split_backward, SPLIT, style="tuple", outs=2)
bank.wrong("style_tuple_of_outputs_first_only", split, split_backward_first_only, SPLIT, style="tuple", outs=2)


# Loss and gradients from one function.
def linear_loss(w, x, y):
    r = x @ w - y
    return np.mean(r**2), 2 * x.T @ r / len(r)


def linear_loss_half(w, x, y):
    r = x @ w - y
    return np.mean(r**2), x.T @ r / len(r)


def two_gradients(w, b, x):
    z = np.tanh(x @ w + b)
    dz = 1 - z**2
    return np.sum(z), (x.T @ dz, np.sum(dz, axis=0))


def two_gradients_by_name(w, b, x):
    loss, (dw, db) = two_gradients(w, b, x)
    return loss, {"w": dw, "b": db}


def two_gradients_bias_mean(w, b, x):
    loss, (dw, db) = two_gradients(w, b, x)
    return loss, (dw, db / len(x))


LOSS = drawn(lambda rng: (rng.standard_normal(3), rng.standard_normal((5, 3)), rng.standard_normal(5)), 284)
TWO = drawn(lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal(2), rng.standard_normal((5, 3))), 285)
loss = {"style": "value_and_grad", "wrt": (0,), "options": {"wrt": ("w",)}}
two = {"style": "value_and_grad", "wrt": (0, 1), "options": {"wrt": ("w", "b")}}
bank.right("style_loss_and_gradient", linear_loss, None, LOSS, **loss)
bank.wrong("style_loss_and_gradient_half", linear_loss_half, None, LOSS, **loss, cause="factor|half|0.5|1/2")
bank.right("style_loss_and_two_gradients", two_gradients, None, TWO, **two)
bank.right("style_loss_and_gradients_by_name", two_gradients_by_name, None, TWO, **two)
bank.wrong(
    "style_loss_and_two_gradients_mean", two_gradients_bias_mean, None, TWO, **two, cause="mean|factor|1/5|length"
)


# Objects that keep their state between the two calls.
class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


class TanhOfOut(Tanh):
    def backward(self, dout):
        return dout * (1 - np.tanh(self.out) ** 2)


class Standardise:
    """Divides by a deviation that it keeps."""

    def forward(self, x):
        self.centred = x - np.mean(x, axis=0)
        self.std = np.sqrt(np.mean(self.centred**2, axis=0) + 1e-3)
        return self.centred / self.std

    def backward(self, dout):
        z = self.centred / self.std
        return (dout - dout.mean(axis=0) - z * (dout * z).mean(axis=0)) / self.std


class StandardiseNoVariance(Standardise):
    def backward(self, dout):
        return (dout - dout.mean(axis=0)) / self.std


METHODS = normal((5, 3), seed=286)


def tanh_of(x):
    return np.tanh(x)


def standardised(x):
    c = x - np.mean(x, axis=0)
    return c / np.sqrt(np.mean(c**2, axis=0) + 1e-3)


bank.right("style_methods_tanh", Tanh, None, METHODS, style="methods", oracle=tanh_of)
bank.wrong("style_methods_tanh_twice", TanhOfOut, None, METHODS, style="methods", oracle=tanh_of, cause="activat")
bank.right("style_methods_standardise", Standardise, None, METHODS, style="methods", oracle=standardised)
bank.wrong(
    "style_methods_no_variance",
    StandardiseNoVariance,
    None,
    METHODS,
    style="methods",
    oracle=standardised,
    cause="variance",
)


# Callables other than plain functions; caches other than tuples; keyword-only hyperparameters.
class Scale:
    """A callable with a constant of its own."""

    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return self.by * x**2, {"x": x}


def scale_backward(dout, cache):
    return (2 * 3.0 * dout * cache["x"],)


def scale_backward_no_two(dout, cache):
    return (3.0 * dout * cache["x"],)


class Saved:
    """A cache with attributes."""

    def __init__(self, x, w):
        self.x, self.w = x, w


def product_saved(x, w):
    return x * w, Saved(x, w)


def product_saved_backward(dout, saved):
    return dout * saved.w, dout * saved.x


def product_saved_backward_mixed(dout, saved):
    return dout * saved.x, dout * saved.w


def leaky(x, *, slope=0.1):
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_backward(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1.0, slope)


def batchnorm_with(x, gamma, beta, eps):
    return normalisation.batchnorm(x, gamma, beta, eps)


THREE = normal((3, 4), seed=287)
TWO_ARRAYS = normal((3, 4), (3, 4), seed=288)
bank.right("style_callable_object", Scale(3.0), scale_backward, THREE)
bank.wrong("style_callable_object_no_two", Scale(3.0), scale_backward_no_two, THREE, cause="factor|half|0.5|1/2")
bank.right("style_cache_object", product_saved, product_saved_backward, TWO_ARRAYS)
bank.wrong(
    "style_cache_object_mixed_up", product_saved, product_saved_backward_mixed, TWO_ARRAYS, cause="order|swap|local"
)
bank.right("style_keyword_only", leaky, leaky_backward, THREE)
bank.right("style_partial", partial(batchnorm_with, eps=0.1), normalisation.batchnorm_compact, normalisation.BATCH)
bank.right(
    "style_hyperparameter_by_position",
    batchnorm_with,
    normalisation.batchnorm_compact,
    drawn(lambda rng: (*normalisation.BATCH(), 0.1), 289),
    wrt=(0, 1, 2),
)
bank.right(
    "style_loss_of_integers_first",
    lambda y, x: losses.cross_entropy(x, y),
    losses.ce,
    drawn(lambda rng: (np.array([1, 0, 2]), rng.standard_normal((3, 4))), 290),
)
bank.right(
    "style_numbers_and_arrays",
    lambda scale, x: (scale * np.sin(x), (scale, x)),
    lambda d, c: (np.sum(d * np.sin(c[1])), d * c[0] * np.cos(c[1])),
    point(1.7, np.array([0.2, -1.0, 3.0])),
)
bank.wrong(
    "style_numbers_and_arrays_no_sum",
    lambda scale, x: (scale * np.sin(x), (scale, x)),
    lambda d, c: (np.mean(d * np.sin(c[1])), d * c[0] * np.cos(c[1])),
    point(1.7, np.array([0.2, -1.0, 3.0])),
    cause="mean|factor|1/3|length|sum",
)


# Layers whose parameters are attributes: W with dW.
class Linear:
    """x @ W + b."""

    def __init__(self):
        rng = onp.random.default_rng(3)
        self.W, self.b = rng.standard_normal((3, 2)), rng.standard_normal(2)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class LinearMean(Linear):
    def backward(self, dout):
        dx = super().backward(dout)
        self.db = self.db / len(dout)
        return dx


class LinearDetached(Linear):
    def backward(self, dout):
        super().backward(dout)
        return np.zeros_like(self.x)


def linear_of(x, W, b):
    return x @ W + b


layer = {"style": "layer", "oracle": linear_of, "parameters": ("W", "b")}
bank.right("layer_linear", Linear, None, METHODS, **layer)
bank.wrong("layer_linear_db_mean", LinearMean, None, METHODS, **layer, cause="mean|factor|1/5|length")
bank.wrong("layer_linear_dx_zero", LinearDetached, None, METHODS, **layer, cause="zero")


# Forward mode: jvp(x, tangent).
def wave(x):
    return np.array([np.sin(x[0]) * x[1], x[1] ** 2 + x[2], x[0] * x[1] * x[2], 3.0 * x[2]])


def wave_jvp(x, v):
    a, b, c = x
    return np.array(
        [
            np.cos(a) * b * v[0] + np.sin(a) * v[1],
            2 * b * v[1] + v[2],
            b * c * v[0] + a * c * v[1] + a * b * v[2],
            3 * v[2],
        ]
    )


def wave_jvp_product_rule(x, v):
    out = wave_jvp(x, v)
    out[0] -= np.sin(x[0]) * v[1]
    return out


def wave_jvp_sign(x, v):
    return -wave_jvp(x, v)


WAVE = normal((3,), seed=291)
bank.right("jvp_wave", wave, wave_jvp, WAVE, style="jvp")
bank.wrong("jvp_wave_product_rule", wave, wave_jvp_product_rule, WAVE, style="jvp")
bank.wrong("jvp_wave_sign", wave, wave_jvp_sign, WAVE, style="jvp", cause="sign")
