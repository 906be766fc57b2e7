"""Wrong backward functions whose errors follow no relation: a diagnosis must not put a name to them."""

import numpy as np

from .diagnosis_cases import Wrong
from .diagnosis_wrong import (
    AFFINE,
    ATTENTION,
    BN,
    ONE,
    RNN,
    affine,
    array,
    arrays,
    attention,
    attention_back,
    batchnorm,
    block_back,
    bn_right,
    cross_entropy,
    onehot,
    rectified_block,
    rnn,
    rnn_back,
    scalars,
    sigmoid,
    softmax,
)


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def affine_back(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.sum(0)


def bn_back(dout, x, gamma, beta):
    sigma = np.sqrt(x.var(0) + 1e-5)
    return bn_right(dout, x, gamma), (dout * (x - x.mean(0)) / sigma).sum(0), dout.sum(0)


def softmax_back(dout, x):
    s = softmax(x)
    return s * (dout - (dout * s).sum(-1, keepdims=True))


def ce_back(dout, x):
    return dout * (softmax(x) - onehot(x)) / len(x)


def tanh_back(dout, x):
    return dout * (1 - np.tanh(x) ** 2)


RIGHT = {
    "affine": (affine, affine_back, AFFINE),
    "batchnorm": (batchnorm, bn_back, BN),
    "softmax": (softmax, softmax_back, ONE),
    "cross-entropy": (cross_entropy, ce_back, ONE),
    "tanh": (np.tanh, tanh_back, ONE),
    "rnn": (rnn, rnn_back, RNN),
    "attention": (attention, attention_back, ATTENTION),
}


def spoiled(g, how, dout, x):
    """The first gradient with an error of no kind that students make."""
    size = float(np.sum(dout * np.cos(np.arange(dout.size)).reshape(dout.shape))) if dout.ndim else float(dout)
    if how == "plus a random map of dout":
        return g + noise(g.size * dout.size).reshape(*g.shape, -1) @ dout.ravel()
    if how == "plus noise":
        return g + size * noise(g.shape)
    if how == "random factors":
        return g * (1.5 + noise(g.shape))
    if how == "entries mixed":
        return g + 0.3 * np.roll(g.ravel(), 3).reshape(g.shape)
    if how == "a bent input":
        return g * (1.3 + np.sin(3 * x + 0.4) * np.cos(x * x))
    if how == "cubed":
        return g**3
    return g + 0.4 * np.sin(g * 5)


HOW = ("plus a random map of dout", "plus noise", "random factors", "entries mixed", "a bent input", "cubed", "sine")


def spoil(name, how):
    forward, backward, draw = RIGHT[name]

    def wrong(dout, *inputs):
        made = backward(dout, *inputs)
        first, *others = made if isinstance(made, tuple) else (made,)
        return (spoiled(first, how, dout, inputs[0]), *others)

    names = {"affine": "xwb", "batchnorm": ("x", "gamma", "beta"), "rnn": ("x", "h0", "wx", "wh")}.get(name)
    names = names or {"attention": ("x", "wq", "wk", "wv")}.get(name, ("x",))
    return Wrong(f"{name}: {how}", forward, wrong, draw, (), names=tuple(names))


UNRELATED = [spoil(name, how) for name in RIGHT for how in HOW]


def unrelated(name, forward, draw, *allowed):
    def register(backward):
        UNRELATED.append(Wrong(name, forward, backward, draw, allowed))
        return backward

    return register


@unrelated("one number, another function", lambda x: np.sin(x) * np.exp(-x), scalars("x"))
def _(dout, x):
    return dout * (np.cos(x) - 0.3 * x * np.exp(x))


@unrelated("two numbers, other functions", lambda x, y: np.sin(x * y) + y / (1 + x), scalars("x", "y"))
def _(dout, x, y):
    return dout * (np.cos(x + y) - y * x), dout * (x * np.cos(x * y) + 1 / (1 + x) ** 1.3)


@unrelated("the gradient of a deeper net", lambda x: np.tanh(np.sin(x).cumsum(0)), array("T", "D"))
def _(dout, x):
    return np.flip(np.cumsum(dout * (1 - np.sin(x) ** 2), 0), 0) * np.cos(x)


@unrelated("softmax of the wrong temperature", softmax, ONE)
def _(dout, x):
    s = softmax(1.7 * x)
    return 1.7 * s * (dout - (dout * s).sum(-1, keepdims=True))


@unrelated("tanh at a moved input", np.tanh, ONE)
def _(dout, x):
    return dout * (1 - np.tanh(x + 0.37) ** 2)


@unrelated(
    "logistic net of other weights",
    lambda x, w: sigmoid(x @ w),
    lambda rng: (rng.normal(size=(4, 3)), rng.normal(size=(3, 5))),
)
def _(dout, x, w):
    g = dout * sigmoid(x @ w) * sigmoid(-x @ w)
    return g @ (w + 0.2 * np.arange(15).reshape(3, 5)).T, x.T @ g


@unrelated("a random shape", affine, AFFINE)
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, np.cos(np.arange(7)) * dout.sum()


def nodes(x, s, m):  # a batch normalisation with numbers added at its variance and its mean
    mu = x.mean(0) + m
    var = ((x - mu) ** 2).mean(0) + s
    return (x - mu) / np.sqrt(var + 0.1)


@unrelated(
    "a slip in one local derivative of a staged graph",
    nodes,
    lambda rng: (rng.normal(size=(5, 3)), np.zeros(3), np.zeros(3)),
)
def _(dout, x, s, m):
    c = x - x.mean(0)
    std = np.sqrt((c**2).mean(0) + 0.1)
    ds = -0.5 * (dout * c).sum(0) / std**3
    dm = -(dout / std).sum(0) - ds  # times 2/N sum(c), which is 0
    return dout / std + 2 / len(x) * c * ds - (dout / std).mean(0), ds, dm


@unrelated("a block without its last mask", rectified_block, arrays("ND", "DH"), "leak")
def _(dout, x, w):
    return block_back(dout, x, w, False, 1)


@unrelated("a mask of the sum without its skip", rectified_block, arrays("ND", "DH"))
def _(dout, x, w):
    a = np.maximum(x @ w, 0)
    d = dout * (a @ w.T > 0.4)
    da = (d @ w) * (a > 0)
    return d + da @ w.T, x.T @ da + d.T @ a
