"""Every style in which people write a forward and its backward: right is right, and a slip is found in its place.

Each style below takes a factor `k` that its author slipped into one gradient: 1 makes the pair right.
"""

from collections import namedtuple
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import UsageError, check_grad, check_value_and_grad, gradcheck

rng = np.random.default_rng(5)
A, B, C = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


@dataclass(frozen=True)
class Style:
    """How to build a pair with a slip, and the gradient in which the slip is."""

    build: Callable[[float], Any]
    subject: str
    options: dict[str, Any] = field(default_factory=dict)


STYLES: dict[str, Style] = {}


def style(subject: str, **options: Any) -> Callable[[Callable[[float], Any]], Callable[[float], Any]]:
    def add(build: Callable[[float], Any]) -> Callable[[float], Any]:
        STYLES[build.__name__] = Style(build, subject, options)
        return build

    return add


def check(name, k):
    """The report on a style with a slip `k`; the inputs are still as they were."""
    forward, backward, inputs = STYLES[name].build(k)
    before = deepcopy(inputs)
    report = gradcheck(forward, backward, inputs, **STYLES[name].options)
    np.testing.assert_equal(inputs, before)
    return report


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# -- (out, cache) and (dout, cache), as in cs231n ---------------------------------------------------------------------


@style("w")
def affine(k):
    def affine_forward(x, w, b):
        return x.reshape(len(x), -1) @ w + b, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        return (dout @ w.T).reshape(x.shape), k * x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)

    return affine_forward, affine_backward, (A.reshape(2, 2, 3), rng.normal(size=(6, 5)), rng.normal(size=5))


@style("gamma")
def batchnorm_with_bn_param(k):
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        running_mean = bn_param.get("running_mean", np.zeros(x.shape[1], dtype=x.dtype))
        if bn_param["mode"] == "test":
            return gamma * (x - running_mean) + beta, (x - running_mean, gamma, None, 0.0)
        mean, var = x.mean(axis=0), x.var(axis=0)
        norm = (x - mean) / np.sqrt(var + eps)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
        return gamma * norm + beta, (norm, gamma, var, eps)

    def batchnorm_backward(dout, cache):
        norm, gamma, var, eps = cache
        g = dout * gamma
        if var is None:
            return g, k * (dout * norm).sum(axis=0), dout.sum(axis=0)
        dx = (g - g.mean(axis=0) - norm * (g * norm).mean(axis=0)) / np.sqrt(var + eps)
        return dx, k * (dout * norm).sum(axis=0), dout.sum(axis=0)

    return batchnorm_forward, batchnorm_backward, (A, rng.normal(size=3), rng.normal(size=3), {"mode": "train"})


@style("x")
def conv_with_conv_param(k):
    def windows(x, w, s):
        for i in range((x.shape[2] - w.shape[2]) // s + 1):
            for j in range((x.shape[3] - w.shape[3]) // s + 1):
                yield i, j, (..., slice(i * s, i * s + w.shape[2]), slice(j * s, j * s + w.shape[3]))

    def conv_forward_naive(x, w, b, conv_param):
        s, p = conv_param["stride"], conv_param["pad"]
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        size = [(n - f) // s + 1 for n, f in zip(padded.shape[2:], w.shape[2:])]
        out = np.zeros((len(x), len(w), *size))
        for i, j, at in windows(padded, w, s):
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", padded[at], w) + b
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, p = conv_param["stride"], conv_param["pad"]
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
        for i, j, at in windows(padded, w, s):
            dpadded[at] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], w)
            dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], padded[at])
        dx = dpadded[:, :, p : p + x.shape[2], p : p + x.shape[3]]
        return k * dx, dw, dout.sum(axis=(0, 2, 3))

    x, w, b = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 3, 2)), rng.normal(size=2)
    return conv_forward_naive, conv_backward_naive, (x, w, b, {"stride": 2, "pad": 1})


@style("Wh")
def rnn_step(k):
    def rnn_step_forward(x, prev_h, Wx, Wh, b):
        next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
        return next_h, (x, prev_h, Wx, Wh, next_h)

    def rnn_step_backward(dnext_h, cache):
        x, prev_h, Wx, Wh, next_h = cache
        da = dnext_h * (1 - next_h**2)
        return da @ Wx.T, da @ Wh.T, x.T @ da, k * prev_h.T @ da, da.sum(axis=0)

    return rnn_step_forward, rnn_step_backward, (A, rng.normal(size=(4, 2)), B, rng.normal(size=(2, 2)), C)


@style("prev_c")
def lstm_step(k):
    def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
        a = x @ Wx + prev_h @ Wh + b
        i, f, o = (sigmoid(part) for part in np.split(a[:, : 3 * prev_h.shape[1]], 3, axis=1))
        g = np.tanh(a[:, 3 * prev_h.shape[1] :])
        next_c = f * prev_c + i * g
        return o * np.tanh(next_c), next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)

    def lstm_step_backward(dnext_h, dnext_c, cache):
        x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
        dc = dnext_c + dnext_h * o * (1 - np.tanh(next_c) ** 2)
        do = dnext_h * np.tanh(next_c) * o * (1 - o)
        da = np.hstack([dc * g * i * (1 - i), dc * prev_c * f * (1 - f), do, dc * i * (1 - g**2)])
        return da @ Wx.T, da @ Wh.T, k * dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)

    h, c = rng.normal(size=(2, 4, 2))
    return (
        lstm_step_forward,
        lstm_step_backward,
        (A, h, c, rng.normal(size=(3, 8)), rng.normal(size=(2, 8)), rng.normal(size=8)),
    )


@style("W")
def word_embedding(k):
    def word_embedding_forward(x, W):
        return W[x], (x, W.shape)

    def word_embedding_backward(dout, cache):
        x, shape = cache
        dW = np.zeros(shape)
        np.add.at(dW, x, dout)
        return k * dW

    return word_embedding_forward, word_embedding_backward, (np.array([[0, 3, 1], [3, 3, 2]]), A)


@style("x")
def dropout_with_a_seed(k):
    def dropout_forward(x, dropout_param):
        p, mask = dropout_param["p"], None
        if dropout_param["mode"] == "train":
            mask = (np.random.default_rng(dropout_param["seed"]).random(x.shape) < p) / p
        return x if mask is None else x * mask, (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        return k * dout * (1.0 if mask is None else mask)

    return dropout_forward, dropout_backward, (A, {"mode": "train", "p": 0.6, "seed": 3})


# -- a loss and its gradients from one function -----------------------------------------------------------------------


@style("x")
def svm_loss_and_dx(k):
    def svm_loss(x, y):
        rows = np.arange(len(x))
        margins = np.maximum(0, x - x[rows, y][:, None] + 1.0)
        margins[rows, y] = 0
        dx = (margins > 0).astype(float)
        dx[rows, y] -= dx.sum(axis=1)
        return margins.sum() / len(x), k * dx / len(x)

    return svm_loss, None, (A, np.array([0, 2, 1, 1]))


@style("x")
def softmax_loss_and_dx(k):
    def softmax_loss(x, y):
        shifted = x - x.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        dx = np.exp(logs)
        dx[np.arange(len(x)), y] -= 1
        return -logs[np.arange(len(x)), y].mean(), k * dx / len(x)

    return softmax_loss, None, (A, np.array([0, 2, 1, 1]))


def two_layers(W1, b1, W2, b2, X, y, reg, k):
    """The loss and the gradients by name of a net with a hidden tanh."""
    h = np.tanh(X @ W1 + b1)
    scores = h @ W2 + b2
    scores = scores - scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    p = np.exp(scores)
    loss = -scores[np.arange(len(y)), y].mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    da = p @ W2.T * (1 - h * h)
    return loss, {
        "W1": X.T @ da + 2 * reg * W1,
        "b1": da.sum(axis=0),
        "W2": h.T @ p + 2 * k * reg * W2,
        "b2": p.sum(axis=0),
    }


LABELS = np.array([0, 4, 1, 2])
W1, W2, B2 = rng.normal(size=(3, 2)), rng.normal(size=(2, 5)), rng.normal(size=5)


@style("W2")
def loss_of_every_parameter(k):
    return (
        lambda W1, b1, W2, b2, X, y, reg: two_layers(W1, b1, W2, b2, X, y, reg, k),
        None,
        (W1, C, W2, B2, A, LABELS, 0.5),
    )


@style("params['W2']")
def loss_of_a_dict_of_parameters(k):
    def loss(params, X, y, reg=0.5):
        return two_layers(**params, X=X, y=y, reg=reg, k=k)

    return loss, None, {"params": {"W1": W1, "b1": C, "W2": W2, "b2": B2}, "X": A, "y": LABELS}


@style("W")
def loss_and_a_tuple_of_gradients(k):
    def loss_and_grad(W, b):
        r = A @ W + b
        return 0.5 * np.sum(r * r), (k * A.T @ r, r.sum(axis=0))

    return loss_and_grad, None, (B, C)


@style("b")
def loss_and_gradients_side_by_side(k):
    def loss_and_grad(W, b):
        r = A @ W + b
        return 0.5 * np.sum(r * r), A.T @ r, k * r.sum(axis=0)

    return loss_and_grad, None, (B, C)


@style("W")
def a_linear_classifier(k):
    def softmax_loss_naive(W, X, y, reg):
        scores = X @ W
        scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y]).mean() + reg * np.sum(W * W)
        p[np.arange(len(y)), y] -= 1
        return loss, X.T @ p / len(y) + 2 * k * reg * W

    return softmax_loss_naive, None, (B, A, np.array([0, 1, 1, 0]), 0.3)


# -- as in deeplearning.ai --------------------------------------------------------------------------------------------


@style("W")
def nested_caches_and_an_activation(k):
    def linear_activation_forward(A_prev, W, b, activation):
        Z = W @ A_prev + b
        return (sigmoid(Z) if activation == "sigmoid" else np.maximum(0, Z)), ((A_prev, W, b), Z)

    def linear_activation_backward(dA, cache, activation):
        (A_prev, W, b), Z = cache
        dZ = dA * (sigmoid(Z) * (1 - sigmoid(Z)) if activation == "sigmoid" else Z > 0)
        return W.T @ dZ, k * dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)

    return linear_activation_forward, linear_activation_backward, (A, rng.normal(size=(2, 4)), C[:, None], "sigmoid")


@style("parameters['Wax']")
def parameters_in_and_named_gradients_out(k):
    def rnn_cell_forward(xt, a_prev, parameters):
        a_next = np.tanh(parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"])
        return a_next, (a_next, a_prev, xt, parameters)

    def rnn_cell_backward(da_next, cache):
        a_next, a_prev, xt, parameters = cache
        dz = da_next * (1 - a_next**2)
        gradients = {"dxt": parameters["Wax"].T @ dz, "da_prev": parameters["Waa"].T @ dz, "dWax": k * dz @ xt.T}
        return gradients | {"dWaa": dz @ a_prev.T, "dba": dz.sum(axis=1, keepdims=True)}

    parameters = {"Wax": rng.normal(size=(2, 4)), "Waa": rng.normal(size=(2, 2)), "ba": C[:, None]}
    return rnn_cell_forward, rnn_cell_backward, (A, rng.normal(size=(2, 3)), parameters)


@style("a_prev")
def an_output_without_upstream_gradient(k):
    def lstm_cell_forward(xt, a_prev, c_prev, Wy):
        c_next = c_prev * np.tanh(xt)
        a_next = a_prev * np.tanh(c_next)
        return a_next, c_next, sigmoid(Wy @ a_next), (xt, a_prev, c_prev, a_next, c_next)

    def lstm_cell_backward(da_next, dc_next, cache):
        xt, a_prev, c_prev, a_next, c_next = cache
        dc = dc_next + da_next * a_prev * (1 - np.tanh(c_next) ** 2)
        dxt, da_prev = dc * c_prev * (1 - np.tanh(xt) ** 2), k * da_next * np.tanh(c_next)
        return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc * np.tanh(xt)}

    return lstm_cell_forward, lstm_cell_backward, (A, A[::-1] + 1, A * 2, rng.normal(size=(2, 4)))


@style("a_prev")
def an_output_beside_the_one_with_upstream_gradient(k):
    def rnn_cell_forward(xt, a_prev, parameters):
        a_next = np.tanh(parameters["Wax"] @ xt + a_prev)
        return a_next, sigmoid(parameters["Wya"] @ a_next), (a_next, a_prev, xt, parameters)

    def rnn_cell_backward(da_next, cache):
        a_next, a_prev, xt, parameters = cache
        dz = da_next * (1 - a_next**2)
        return {"dxt": parameters["Wax"].T @ dz, "da_prev": k * dz, "dWax": dz @ xt.T}

    parameters = {"Wax": rng.normal(size=(2, 4)), "Wya": rng.normal(size=(5, 2))}
    return rnn_cell_forward, rnn_cell_backward, (A, rng.normal(size=(2, 3)), parameters)


@style("parameters['W1']")
def a_cost_with_its_cache_and_extra_gradients(k):
    def forward_propagation_n(X, Y, parameters):
        Z = parameters["W1"] @ X + parameters["b1"]
        return np.sum((Z - Y) ** 2) / (2 * X.shape[1]), (Z, parameters["W1"])

    def backward_propagation_n(X, Y, cache):
        Z, W = cache
        dZ = (Z - Y) / X.shape[1]
        return {"dZ1": dZ, "dW1": k * dZ @ X.T, "db1": dZ.sum(axis=1, keepdims=True)}

    return (
        forward_propagation_n,
        backward_propagation_n,
        (A, rng.normal(size=(2, 3)), {"W1": rng.normal(size=(2, 4)), "b1": C[:, None]}),
    )


@style("theta", wrt="theta", style="gradient")
def one_gradient_of_two_numbers(k):
    return lambda x, theta: theta * x, lambda x, theta: k * x, (2.0, 4.0)


@style("biases[1]", style="gradient")
def lists_of_weights_and_biases(k):
    def cost(x, y, weights, biases):
        hidden = np.tanh(weights[0] @ x + biases[0])
        return 0.5 * np.sum((weights[1] @ hidden + biases[1] - y) ** 2)

    def backprop(x, y, weights, biases):
        hidden = np.tanh(weights[0] @ x + biases[0])
        delta = weights[1] @ hidden + biases[1] - y
        before = weights[1].T @ delta * (1 - hidden**2)
        return [before @ x.T, delta @ hidden.T], [before, k * delta]

    x, y = rng.normal(size=(4, 1)), rng.normal(size=(2, 1))
    return cost, backprop, (x, y, [A.T, B.T], [rng.normal(size=(3, 1)), C[:, None]])


# -- plain functions, in any order of parameters ----------------------------------------------------------------------


def project(x, w):
    return np.tanh(x @ w)


def project_by(dout, x, w, k=1.0):
    """The gradients of `project`; the slip is in w's."""
    dz = dout * (1 - np.tanh(x @ w) ** 2)
    return dz @ w.T, k * x.T @ dz


PROJECTIONS: list[str] = []


def rewritten(name, make):
    """A style whose backward is `make(k)` and whose forward is `project`."""
    STYLES[name] = Style(lambda k: (project, make(k), (A, B)), "w")
    PROJECTIONS.append(name)


rewritten("dout_first", lambda k: lambda dout, x, w: project_by(dout, x, w, k))
rewritten("dout_last", lambda k: lambda x, w, dout: project_by(dout, x, w, k))
rewritten("dout_between_in_another_order", lambda k: lambda w, grad, x: project_by(grad, x, w, k))
rewritten("dy_and_names_of_its_own", lambda k: lambda dy, inp, weight: project_by(dy, inp, weight, k))
rewritten("a_list_of_gradients", lambda k: lambda dout, x, w: list(project_by(dout, x, w, k)))
rewritten("a_dict_by_the_names", lambda k: lambda dout, x, w: dict(zip("xw", project_by(dout, x, w, k))))
rewritten("a_dict_with_a_d_before", lambda k: lambda dout, x, w: dict(zip(("dx", "dw"), project_by(dout, x, w, k))))
rewritten(
    "a_dict_with_grad_before", lambda k: lambda g, x, w: dict(zip(("grad_w", "grad_x"), project_by(g, x, w, k)[::-1]))
)
rewritten("any_number_of_arguments", lambda k: lambda dout, *args: project_by(dout, *args, k))
rewritten("starred_alone", lambda k: lambda *args: project_by(*args, k))
rewritten("a_default_that_stays", lambda k: lambda dout, x, w, verbose=False: project_by(dout, x, w, k))
rewritten(
    "the_output_given_back",
    lambda k: lambda dout, x, w, out: ((dout * (1 - out**2)) @ w.T, k * x.T @ (dout * (1 - out**2))),
)
rewritten("a_named_tuple", lambda k: lambda dout, x, w: namedtuple("Grads", "dx dw")(*project_by(dout, x, w, k)))


@style("x1")
def lambdas_with_meaningless_names(k):
    return lambda *a: (a[0] @ a[1], a), lambda q, z: (q @ z[1].T, k * z[0].T @ q), (A, B)


@style("x0")
def starred_dout_and_cache(k):
    def backward(*args):
        dout, (x,) = args
        return k * dout * np.cos(x)

    return lambda *args: (np.sin(args[0]), args), backward, (A,)


@style("x")
def saved_and_grad_output(k):
    return lambda x: (np.sin(x), {"x": x}), lambda grad_output, saved: k * grad_output * np.cos(saved["x"]), (A,)


@style("x")
def context_first(k):
    return lambda x: (np.sin(x), x), lambda ctx, grad_output: k * grad_output * np.cos(ctx), (A,)


@style("w")
def keyword_only(k):
    def forward(x, *, w):
        return x @ w, (x, w)

    return forward, lambda dout, cache: (dout @ cache[1].T, k * cache[0].T @ dout), {"x": A, "w": B}


@style("w")
def keyword_only_in_both(k):
    def forward(*, x, w):
        return x @ w

    def backward(dout, *, x, w):
        return dout @ w.T, k * x.T @ dout

    return forward, backward, {"x": A, "w": B}


@style("x")
def a_hyperparameter_left_at_its_default(k):
    return (
        lambda x, slope=0.1: np.where(x > 0, x, slope * x),
        lambda dout, x, slope=0.1: k * dout * np.where(x > 0, 1, slope),
        (A,),
    )


@style("x")
def a_hyperparameter_given(k):
    return (
        lambda x, alpha: np.where(x > 0, x, alpha * x),
        lambda dout, x, alpha: k * dout * np.where(x > 0, 1, alpha),
        (A, 0.3),
    )


@style("x")
def inputs_by_name_in_another_order(k):
    return lambda x, w: x @ w, lambda dout, x, w: (k * dout @ w.T, x.T @ dout), {"w": B, "x": A}


@style("x")
def positional_only(k):
    def forward(x, /, power=3):
        return x**power, (x, power)

    def backward(dout, cache, /):
        x, power = cache
        return k * power * dout * x ** (power - 1)

    return forward, backward, (A,)


@style("w")
def settings_by_keyword(k):
    def forward(x, w, **settings):
        return settings["scale"] * (x @ w), (x, w, settings)

    def backward(dout, cache):
        x, w, settings = cache
        return settings["scale"] * dout @ w.T, k * settings["scale"] * x.T @ dout

    return forward, backward, {"x": A, "w": B, "scale": 3}


@style("x")
def decorated(k):
    def counted(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @counted
    def forward(x, power):
        return x**power, (x, power)

    @counted
    def backward(dout, cache):
        x, power = cache
        return k * power * dout * x ** (power - 1)

    return forward, backward, (A, 3)


@style("x")
def the_output_under_a_name_of_its_own(k):
    return lambda x: np.tanh(x), lambda dy, y: k * dy * (1 - y * y), (A,)


@style("x")
def the_input_saved_and_taken_by_its_name(k):
    return lambda w, x: (w * np.sin(x), x), lambda dout, w, x: (dout * np.sin(x), k * dout * w * np.cos(x)), (A + 3, A)


@style("x")
def a_mask_saved(k):
    return lambda x: (np.maximum(x, 0), x > 0), lambda dout, mask: k * dout * mask, (A,)


@style("state")
def an_input_called_like_a_cache(k):
    return (
        lambda x, state: (x * state, (x, state)),
        lambda dstate, cache: (dstate * cache[1], k * dstate * cache[0]),
        (A, A + 1),
    )


@style("g")
def an_input_called_like_an_upstream_gradient(k):
    return lambda x, g: x * g, lambda dout, x, g: (dout * g, k * dout * x), (A, A + 1)


@style("y")
def an_input_called_like_a_label(k):
    return lambda x, y: x * y, lambda dout, x, y: (dout * y, k * dout * x), (A, A + 1)


@style("b")
def the_cache_before_dout_and_gradients_in_a_dict_by_class(k):
    def forward(x, W, b):
        return x @ W + b, {"x": x, "W": W}

    def backward(cache, dZ):
        return {"b_grad": k * dZ.sum(axis=0), "W_grad": cache["x"].T @ dZ, "x_grad": dZ @ cache["W"].T}

    return forward, backward, (A, B, C)


@style("x")
def a_list_of_output_and_cache(k):
    return lambda x: [np.sin(x), x], lambda dout, cache: k * dout * np.cos(cache), (A,)


@style("params[0]")
def named_tuples_of_parameters(k):
    params = namedtuple("Params", "W b")

    def forward(x, params):
        return x @ params.W + params.b, (x, params)

    def backward(dout, cache):
        x, p = cache
        return dout @ p.W.T, params(k * x.T @ dout, dout.sum(axis=0))

    return forward, backward, (A, params(B, C))


@style("h0")
def many_steps(k):
    def rnn_forward(x, h0, Wx, Wh, b):
        h, hs = h0, []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
            hs.append(h)
        return np.stack(hs, axis=1), (x, h0, Wx, Wh, hs)

    def rnn_backward(dh, cache):
        x, h0, Wx, Wh, hs = cache
        dx, dWx, dWh, db, dprev = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(dh.shape[2]), 0
        for t in reversed(range(x.shape[1])):
            da = (dh[:, t] + dprev) * (1 - hs[t] ** 2)
            dx[:, t], dprev = da @ Wx.T, da @ Wh.T
            dWx += x[:, t].T @ da
            dWh += (hs[t - 1] if t else h0).T @ da
            db += da.sum(axis=0)
        return dx, k * dprev, dWx, dWh, db

    x, h0 = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 2))
    return rnn_forward, rnn_backward, (x, h0, B, rng.normal(size=(2, 2)), C)


@style("x")
def partial_functions(k):
    def scale(power, x):
        return x**power

    return partial(scale, 3), partial(lambda power, dout, x: k * power * dout * x ** (power - 1), 3), (A,)


@style("x")
def partial_with_a_keyword(k):
    def pool_forward(x, pool_param):
        return x[:: pool_param["stride"]], (x.shape, pool_param)

    def pool_backward(dout, cache):
        dx = np.zeros(cache[0])
        dx[:: cache[1]["stride"]] = k * dout
        return dx

    return partial(pool_forward, pool_param={"stride": 2}), pool_backward, (A,)


@style("x")
def callable_objects(k):
    class Sine:
        def __call__(self, x):
            return np.sin(x)

    class SineBackward:
        def __call__(self, dout, x):
            return k * dout * np.cos(x)

    return Sine(), SineBackward(), (A,)


@style("x")
def closures_that_share_state(k):
    saved = {}

    def forward(x):
        saved["x"] = x
        return np.sin(x)

    return forward, lambda dout: k * dout * np.cos(saved["x"]), (A,)


@style("w")
def a_closure_with_a_meaningless_name(k):
    saved = []

    def forward(x, w):
        saved[:] = [x, w]
        return x @ w

    return forward, lambda q: (q @ saved[1].T, k * saved[0].T @ q), (A, B)


@style("x")
def a_closure_that_takes_nothing(k):
    saved = {}

    def loss(x):
        saved["x"] = x
        return np.sum(x * x)

    return loss, lambda: 2 * k * saved["x"], (A,)


@style("w")
def methods_that_share_state(k):
    class Linear:
        def forward(self, x, w):
            self.x, self.w = x, w
            return x @ w

        def backward(self, dout):
            return dout @ self.w.T, k * self.x.T @ dout

    layer = Linear()
    return layer.forward, layer.backward, (A, B)


@style("x")
def static_methods(k):
    class Exp:
        @staticmethod
        def forward(x):
            return np.exp(x)

        @staticmethod
        def backward(x, upstream):
            return k * np.exp(x) * upstream

    return Exp.forward, Exp.backward, (A,)


# -- several outputs, nested inputs -----------------------------------------------------------------------------------


def sine_and_square(form):
    return lambda x: form(np.sin(x), x * x)


@style("x")
def two_outputs_and_two_douts(k):
    return sine_and_square(lambda *out: out), lambda ds, dq, x: k * ds * np.cos(x) + 2 * dq * x, (A,)


@style("x")
def two_outputs_and_one_tuple_of_douts(k):
    return sine_and_square(lambda *out: out), lambda dout, x: k * dout[0] * np.cos(x) + 2 * dout[1] * x, (A,)


@style("x")
def two_outputs_in_a_list(k):
    return sine_and_square(lambda *out: list(out)), lambda douts, x: k * douts[0] * np.cos(x) + 2 * douts[1] * x, (A,)


@style("x")
def outputs_in_a_dict(k):
    forward = sine_and_square(lambda s, q: {"sin": s, "square": q})
    return forward, lambda dout, x: k * dout["sin"] * np.cos(x) + 2 * dout["square"] * x, (A,)


@style("x")
def a_tuple_of_outputs_and_a_cache(k):
    def backward(douts, cache):
        ds, dq = douts
        return k * ds * np.cos(cache) + 2 * dq * cache

    return lambda x: ((np.sin(x), x * x), x), backward, (A,)


@style("parts[0]")
def a_list_of_arrays(k):
    def backward(dout, cache):
        return [k * dout[:, :3], dout[:, 3:].copy()]

    return lambda parts: (np.hstack(parts), None), backward, ([A, rng.normal(size=(4, 2))],)


@style("params['top']['b']")
def nested_dicts(k):
    def forward(x, params):
        return x @ params["bottom"] + params["top"]["b"], (x, params)

    def backward(dout, cache):
        x, params = cache
        return dout @ params["bottom"].T, {"bottom": x.T @ dout, "top": {"b": k * dout.sum(axis=0)}}

    return forward, backward, (A, {"bottom": B, "top": {"b": C}})


@style("layers[1][0]")
def layers_as_pairs(k):
    def forward(x, layers):
        (W, b), (V, c) = layers
        h = np.tanh(x @ W + b)
        return h @ V + c, (x, h, layers)

    def backward(dout, cache):
        x, h, ((W, b), (V, c)) = cache
        da = dout @ V.T * (1 - h * h)
        return da @ W.T, [(x.T @ da, da.sum(axis=0)), (k * h.T @ dout, dout.sum(axis=0))]

    return forward, backward, (A, [(B, C), (rng.normal(size=(2, 3)), rng.normal(size=3))])


@style("layers[0][1]")
def layers_as_the_only_input(k):
    def backward(dout, layers):
        (W, b), (V, c) = layers
        da = dout @ V.T
        return [(A.T @ da, k * da.sum(axis=0)), ((A @ W + b).T @ dout, dout.sum(axis=0))]

    def forward(layers):
        (W, b), (V, c) = layers
        return (A @ W + b) @ V + c

    return forward, backward, ([(B, C), (rng.normal(size=(2, 3)), rng.normal(size=3))],)


@style("x")
def none_for_what_takes_no_gradient(k):
    return lambda x, power: (x**power, (x, power)), lambda dout, c: (k * c[1] * dout * c[0] ** (c[1] - 1), None), (A, 3)


@style("x")
def a_list_of_numbers(k):
    def backward(dout, cache):
        return np.array([k * d * np.cos(v) for d, v in zip(dout, cache)])

    return lambda x: ([float(np.sin(v)) for v in x], x), backward, (C,)


@style("x[0]")
def a_list_of_numbers_in(k):
    def backward(dout, x):
        return dout * np.cos(x) * np.array([k, 1, 1])

    return lambda x: np.sin(np.array(x)), backward, ([0.1, 0.2, 0.3],)


@style("x")
def an_empty_list_of_parameters(k):
    return lambda x, params: (2 * x, params), lambda dout, cache: (2 * k * dout, []), (A, [])


# -- losses -----------------------------------------------------------------------------------------------------------


@style("pred")
def mse_with_dpred_alone(k):
    return (
        lambda pred, target: np.mean((pred - target) ** 2),
        lambda pred, target: k * 2 * (pred - target) / pred.size,
        (A, A[::-1]),
    )


@style("p_hat")
def bce_with_an_upstream_gradient(k):
    def bce(p_hat, y):
        return -np.mean(y * np.log(p_hat) + (1 - y) * np.log(1 - p_hat))

    def bce_backward(dout, p_hat, y):
        return k * dout * (p_hat - y) / (p_hat * (1 - p_hat)) / y.size

    return bce, bce_backward, (sigmoid(A), sigmoid(A[::-1]))


@style("yhat")
def bce_with_a_cache(k):
    def backward(dout, cache):
        yhat, y = cache
        return k * dout * (yhat - y) / (yhat * (1 - yhat))

    def forward(yhat, y):
        return -np.sum(y * np.log(yhat) + (1 - y) * np.log(1 - yhat)), (yhat, y)

    return forward, backward, (sigmoid(C), np.array([1, 0]))


# -- numbers ----------------------------------------------------------------------------------------------------------


@style("y")
def python_floats(k):
    return lambda x, y: x * y, lambda dz, x, y: (dz * y, k * dz * x), (-2.0, 5.0)


@style("y")
def numpy_floats(k):
    return lambda x, y: x * y, lambda dz, x, y: (dz * y, k * dz * x), (np.float64(-2.0), np.float64(5.0))


@style("x")
def arrays_without_axes(k):
    return lambda x: np.sin(x), lambda dout, x: k * dout * np.cos(x), (np.array(0.7),)


# -- the tests --------------------------------------------------------------------------------------------------------

NOT_YET = {
    "a_linear_classifier": "one gradient for what looks like three inputs",
    "lists_of_weights_and_biases": "two gradients for what looks like four inputs",
    "a_list_of_numbers": "a list of one number gets a bare dout",
}


def styles():
    marks = {name: [pytest.mark.xfail(strict=True, reason=reason)] for name, reason in NOT_YET.items()}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks.get(name, [])) for name in STYLES])


@styles()
def test_right_is_right_and_a_slip_is_found_in_its_gradient(name):
    report = check(name, 1.0)
    assert report.verdict == "right", str(report)
    assert report.causes == ()
    assert STYLES[name].subject in [f.subject for f in report.findings]
    report = check(name, 1.5)
    assert (report.verdict, report.kind) == ("wrong", "values"), str(report)
    assert [f.subject for f in report.findings if f.verdict == "wrong"] == [STYLES[name].subject]


def test_inputs_are_left_alone_even_by_code_that_writes_into_them():
    def forward(x, settings):
        settings["seen"] = True
        x *= 2
        return x.sum(axis=0), None

    x, settings_ = A.copy(), {"mode": "train"}
    report = gradcheck(forward, lambda dout, cache: dout, (x, settings_))
    assert report.findings[0].message == "forward writes into its input x"
    assert np.array_equal(x, A)
    assert settings_ == {"mode": "train"}


# -- forms of arrays --------------------------------------------------------------------------------------------------


def frozen(x):
    x = x.copy()
    x.flags.writeable = False
    return x


FORMS = {
    "read-only": frozen,
    "Fortran order": np.asfortranarray,
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1, ::-1],
    "a transposed view": lambda x: x.T.copy().T,
    "repeated by broadcasting": lambda x: np.broadcast_to(x[0], x.shape),
    "float32": lambda x: x.astype(np.float32),
    "no rows": lambda x: x[:0],
    "one row": lambda x: x[:1],
    "big-endian": lambda x: x.astype(">f8"),
}


@pytest.mark.parametrize("form", FORMS)
def test_arrays_of_any_form(form):
    x = FORMS[form](A)
    w = B.astype(x.dtype)
    assert gradcheck(project, project_by, (x, w), wrt=("x", "w")).verdict == "right"
    wrong = gradcheck(project, lambda dout, x, w: project_by(dout, x, w, 1.5), (x, w))
    assert wrong.verdict == ("right" if form == "no rows" else "wrong")


@pytest.mark.parametrize("half", [np.float16, np.longdouble])
def test_other_precisions(half):
    assert gradcheck(project, project_by, (A.astype(half), B.astype(half))).verdict == "right"


@pytest.mark.parametrize(
    "value",
    [3, True, np.int64(3), np.bool_(True), np.array(3), np.array([1, 2]), np.array([True]), "relu", None, (1, 2), len],
)
def test_what_holds_no_floats_is_passed_on_as_it_is(value):
    def forward(x, setting):
        assert type(setting) is type(value)
        assert np.array_equal(setting, value) or setting is value
        return np.sin(x), (x, setting)

    report = gradcheck(forward, lambda dout, cache: dout * np.cos(cache[0]), (A, value), trials=0)
    assert report.verdict == "right", str(report)
    assert [f.subject for f in report.findings] == ["x"]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(PROJECTIONS),
    sizes=st.lists(st.integers(1, 4), min_size=3, max_size=3),
    seed=st.integers(0, 99),
    dtype=st.sampled_from([np.float64, np.float32]),
    form=st.sampled_from(["C", "F"]),
)
def test_a_right_pair_breaks_no_contract_whatever_its_style_and_sizes(name, sizes, seed, dtype, form):
    forward, backward, _ = STYLES[name].build(1.0)
    draw, (n, d, m) = np.random.default_rng(seed), sizes
    inputs = [np.asarray(draw.normal(size=shape), dtype=dtype, order=form) for shape in ((n, d), (d, m))]
    report = gradcheck(forward, backward, inputs, seed=seed, trials=1)
    assert report.verdict == "right", str(report)
    assert not report.causes


# -- how inputs are named, and what cannot be checked -----------------------------------------------------------------


def test_names_of_the_inputs():
    report = gradcheck(
        lambda *a: a[0] @ a[1], lambda dout, p, q: (dout @ q.T, p.T @ dout), (A, B), names=("left", "right")
    )
    assert [f.subject for f in report.findings] == ["left", "right"]


def test_a_single_input_needs_no_tuple():
    assert check_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, A)


def test_wrt_judges_some_gradients_only():
    def backward(dout, x, w):
        return project_by(dout, x, w)[1]

    report = gradcheck(project, backward, (A, B), wrt="w")
    assert report
    assert [f.subject for f in report.findings] == ["w"]
    assert gradcheck(
        lambda p: (p["a"] * p["b"], p), lambda d, c: {"a": d * c["b"]}, ({"a": C, "b": C + 1},), wrt=["p['a']"]
    )


def product(x, w):
    return x @ w


MISUSES = {
    "product has no parameter 'v'; its parameters are x, w": {"inputs": {"x": A, "v": B}},
    "product needs a value for w; inputs has x": {"inputs": {"x": A}},
    "product needs a value for x, w; inputs has nothing": {"inputs": {}},
    "product takes 2 inputs (x, w), but 1 was given": {"inputs": (A,)},
    "product takes 2 inputs (x, w), but 3 were given": {"inputs": (A, B, C)},
    "names lists x, w, b for 2 inputs": {"inputs": (A, B), "names": ("x", "w", "b")},
    "wrt names 'v', but the inputs are x, w": {"inputs": (A, B), "wrt": "v"},
    "cannot differentiate with respect to w: it holds an array of int64; give floats": {
        "inputs": (A, np.ones((3, 2), dtype=np.int64)),
        "wrt": ("w",),
    },
    "nothing to differentiate: no input holds floats (x: an array of int64, w: int); write 3.0 rather than 3": {
        "inputs": (np.ones((4, 3), dtype=np.int64), 3)
    },
    "x is complex; only real inputs can be checked (split it into two real arrays)": {"inputs": (A + 0j, B)},
    "mode is 'slow'; it can be 'auto', 'full' or 'fast'": {"inputs": (A, B), "mode": "slow"},
    "style is 'vjp'; it can be 'auto' or 'gradient'": {"inputs": (A, B), "style": "vjp"},
    "product returned str as its output out; a forward returns arrays, or (out, cache)": {
        "inputs": (A, B),
        "forward": lambda x, w: "3.5",
    },
    "product returned an array of complex128 as its output out; a forward returns arrays, or (out, cache)": {
        "inputs": (A, B),
        "forward": lambda x, w: x @ w * 1j,
    },
    "cannot tell how to call product_backward(p, q, r, s, t): its parameters are neither (dout, cache), nor dout with "
    "the forward's own parameters (x, w)": {"inputs": (A, B), "backward": lambda p, q, r, s, t: None},
}


@pytest.mark.parametrize("sentence", MISUSES)
def test_a_misuse_says_what_to_change(sentence):
    options = dict(MISUSES[sentence])
    forward, backward = (
        options.pop("forward", product),
        options.pop("backward", lambda dout, x, w: (dout @ w.T, x.T @ dout)),
    )
    forward.__name__, backward.__name__ = "product", "product_backward"
    with pytest.raises(UsageError) as raised:
        gradcheck(forward, backward, **options)
    assert str(raised.value) == sentence


def test_a_function_that_returns_each_value_with_its_slope():
    assert check_value_and_grad(lambda x: (np.sin(x), np.cos(x)), A)


def test_an_array_called_p_takes_a_gradient_and_a_number_called_p_does_not():
    rng = np.random.default_rng(0)
    p, t = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    squared = gradcheck(
        lambda p, t: (((p - t) ** 2).mean(), (p, t)), lambda dout, c: 2 * dout * (c[0] - c[1]) / c[0].size, (p, t)
    )
    kept = gradcheck(lambda x, p: (x / p, p), lambda dout, c: dout / c, (t, 0.5))
    assert squared.verdict == kept.verdict == "right"


def test_a_dict_of_numbers_beside_nothing_else_holds_parameters_and_beside_an_array_settings():
    def loss(p):
        return (p["w"] ** 2).sum() + 3 * p["b"], {"w": 2 * p["w"], "b": 3.0}

    report = check_value_and_grad(loss, ({"w": A, "b": 1.5},))
    assert (report.verdict, [f.subject for f in report.findings]) == ("right", ["p['w']", "p['b']"])
    scaled = gradcheck(lambda x, how: (x * how["k"], how), lambda dout, how: dout * how["k"], (A, {"k": 2.0}))
    assert (scaled.verdict, [f.subject for f in scaled.findings]) == ("right", ["x"])


def test_an_upstream_gradient_may_be_called_d():
    class Cube:
        def __call__(self, x):
            self.x = x
            return x**3

        def back(self, d):
            return 3 * d * self.x**2

    cube = Cube()
    assert gradcheck(cube, cube.back, (A,)).verdict == "right"
    assert check_grad(lambda d: d**3, lambda d: 3 * d**2, (A,)).verdict == "right"


@pytest.mark.parametrize("name", ["g", "v", "delta", "local_grad", "dydx", "dy_dx", "dx"])
def test_what_the_forward_saves_may_be_a_slope_by_name(name):
    forward = lambda x: (np.tanh(x), 1 - np.tanh(x) ** 2)  # noqa: E731
    backward = eval(f"lambda dout, {name}: dout * {name}")
    assert gradcheck(forward, backward, (A,)).verdict == "right"


@pytest.mark.parametrize("names", ["dh, dc", "dout, dh", "dout, grad_h", "g_y, g_h"])
def test_two_upstream_gradients_are_told_by_their_names(names):
    first, second = names.split(", ")
    backward = eval(f"lambda {names}: {first} * 2 + {second} * 3")
    assert gradcheck(lambda x: (2 * x, 3 * x), backward, (A,)).verdict == "right"
