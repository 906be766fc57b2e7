"""Right forward/backward pairs, f(*inputs) -> (out, cache) and b(dout, cache) -> gradients, in sizes that vary."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from checker import Report, gradcheck

from .peers import Box

Array = np.ndarray


@dataclass(frozen=True)
class Function:
    """A pair and a point. Every input is an array of floats."""

    name: str
    forward: Callable[..., tuple[Array, Any]]
    backward: Callable[..., tuple[Array, ...]]
    inputs: tuple[Array, ...]

    @property
    def size(self) -> int:
        """How many numbers go in."""
        return sum(x.size for x in self.inputs)

    @property
    def names(self) -> list[str]:
        """What the forward calls its inputs."""
        return list(inspect.signature(self.forward).parameters)

    def check(self, **options: Any) -> tuple[Report, int]:
        """The checker's report, and how often it ran the forward, counted here."""
        calls = 0

        def counted(*inputs: Array) -> tuple[Array, Any]:
            nonlocal calls
            calls += 1
            return self.forward(*inputs)

        report = gradcheck(counted, self.backward, self.inputs, names=self.names, **options)
        return report, calls

    def box(self) -> Box:
        """The same for a peer."""

        def outs(*inputs: Array) -> tuple[Array, ...]:
            return (np.asarray(self.forward(*inputs)[0]),)

        def vjp(douts: tuple[Array, ...], *inputs: Array) -> tuple[Array, ...]:
            return self.backward(douts[0], self.forward(*inputs)[1])

        return Box(outs, vjp, self.inputs)

    def spoiled(self, entries: dict[int, float]) -> "Function":
        """The same with a wrong backward: the entries, counted through all gradients in turn, times their factors."""
        bounds = np.cumsum([0, *(x.size for x in self.inputs)])

        def backward(dout: Array, cache: Any) -> tuple[Array, ...]:
            grads = [np.array(grad) for grad in self.backward(dout, cache)]
            for entry, factor in entries.items():
                which = int(np.searchsorted(bounds, entry, side="right")) - 1
                grads[which].flat[entry - bounds[which]] *= factor
            return tuple(grads)

        return replace(self, backward=backward)


def drawn(name: str, pair: tuple[Callable, Callable], *shapes: Sequence[int], seed: int = 0) -> Function:
    """The pair at a standard normal first input; the others are scaled as weights usually are."""
    rng = np.random.default_rng(seed)
    data, *weights = [rng.standard_normal(shape) for shape in shapes]
    return Function(name, *pair, (data, *(weight / np.sqrt(weight.shape[-1]) for weight in weights)))


def mlp_forward(x, W1, b1, W2, b2):
    """Two affine layers with tanh between; x is (N, D)."""
    a = np.tanh(x @ W1.T + b1)
    return a @ W2.T + b2, (x, W1, a, W2)


def mlp_backward(dout, cache):
    """Gradients of x, W1, b1, W2, b2."""
    x, W1, a, W2 = cache
    dz = (dout @ W2) * (1 - a**2)
    return dz @ W1, dz.T @ x, dz.sum(0), dout.T @ a, dout.sum(0)


def normalise_forward(x, gamma, beta, axis, eps=1e-5):
    """Mean 0 and variance 1 along an axis, then scale and shift."""
    xc = x - x.mean(axis, keepdims=True)
    std = np.sqrt((xc**2).mean(axis, keepdims=True) + eps)
    return gamma * xc / std + beta, (xc / std, std, gamma, axis)


def normalise_backward(dout, cache):
    """Gradients of x, gamma, beta."""
    xhat, std, gamma, axis = cache
    d = dout * gamma
    dx = (d - d.mean(axis, keepdims=True) - xhat * (d * xhat).mean(axis, keepdims=True)) / std
    return dx, (dout * xhat).sum(0), dout.sum(0)


def batchnorm_forward(x, gamma, beta):
    """Normalise the columns of x, (N, D)."""
    return normalise_forward(x, gamma, beta, axis=0)


def layernorm_forward(x, gamma, beta):
    """Normalise the rows of x, (N, D)."""
    return normalise_forward(x, gamma, beta, axis=1)


def conv_forward(x, w, b):
    """Cross-correlate x, (N, C, H, W), with w, (F, C, K, K), zeros around it; stride 1."""
    pad = w.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None], (windows, w, x.shape)


def conv_backward(dout, cache):
    """Gradients of x, w, b."""
    windows, w, (_, _, H, W) = cache
    size = w.shape[-1]
    pad = size // 2
    dpadded = np.zeros((*windows.shape[:2], H + 2 * pad, W + 2 * pad))
    for i, j in np.ndindex(size, size):
        dpadded[:, :, i : i + H, j : j + W] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    dx = dpadded[:, :, pad : pad + H, pad : pad + W]
    return dx, np.einsum("nfhw,nchwij->fcij", dout, windows), dout.sum((0, 2, 3))


def cross_entropy_forward(logits):
    """Mean cross-entropy of the softmax of the rows, with labels 0, 1, 2, ... in turn."""
    N, C = logits.shape
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    labels = np.arange(N) % C
    return -log_p[np.arange(N), labels].mean(), (np.exp(log_p), labels)


def cross_entropy_backward(dout, cache):
    """The gradient of the logits."""
    p, labels = cache
    target = np.zeros_like(p)
    target[np.arange(len(p)), labels] = 1
    return (dout * (p - target) / len(p),)


def softmax_rows(s):
    """Softmax along the last axis."""
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention_forward(q, k, v):
    """Scaled dot-product attention; q, k, v are (T, D)."""
    a = softmax_rows(q @ k.T / np.sqrt(q.shape[1]))
    return a @ v, (q, k, v, a)


def attention_backward(dout, cache):
    """Gradients of q, k, v."""
    q, k, v, a = cache
    da = dout @ v.T
    ds = a * (da - (da * a).sum(-1, keepdims=True)) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, a.T @ dout


def rnn_forward(x, h0, Wx, Wh, b):
    """All hidden states of a tanh recurrence; x is (N, T, D), the states are (N, T, H)."""
    states = [h0]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ Wx.T + states[-1] @ Wh.T + b))
    return np.stack(states[1:], axis=1), (x, Wx, Wh, states)


def rnn_backward(dout, cache):
    """Gradients of x, h0, Wx, Wh, b."""
    x, Wx, Wh, states = cache
    dx, dh = np.zeros_like(x), np.zeros_like(states[0])
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - states[t + 1] ** 2)
        dx[:, t], dh = dz @ Wx, dz @ Wh
        dWx, dWh, db = dWx + dz.T @ x[:, t], dWh + dz.T @ states[t], db + dz.sum(0)
    return dx, dh, dWx, dWh, db


def softmax_forward(x):
    """Softmax of the rows of x, (N, C)."""
    p = softmax_rows(x)
    return p, p


def softmax_backward(dout, p):
    """The gradient of x."""
    return (p * (dout - (dout * p).sum(1, keepdims=True)),)


MLP = (mlp_forward, mlp_backward)
BATCHNORM = (batchnorm_forward, normalise_backward)
LAYERNORM = (layernorm_forward, normalise_backward)
CONV = (conv_forward, conv_backward)
CROSS_ENTROPY = (cross_entropy_forward, cross_entropy_backward)
ATTENTION = (attention_forward, attention_backward)
RNN = (rnn_forward, rnn_backward)
SOFTMAX = (softmax_forward, softmax_backward)


def layers() -> list[Function]:
    """Layers in which every entry has to be moved by itself, of some five hundred to a thousand numbers."""
    return [
        drawn("mlp", MLP, (8, 20), (30, 20), (30,), (10, 30), (10,)),
        drawn("batchnorm", BATCHNORM, (48, 12), (12,), (12,)),
        drawn("conv", CONV, (2, 4, 9, 9), (5, 4, 3, 3), (5,)),
        drawn("softmax + cross-entropy", CROSS_ENTROPY, (60, 10)),
        drawn("attention", ATTENTION, (15, 16), (15, 16), (15, 16)),
        drawn("rnn", RNN, (5, 9, 8), (5, 13), (13, 8), (13, 13), (13,)),
    ]


def batches() -> list[Function]:
    """Layers whose rows do not feel one another."""
    return [
        drawn("layernorm, 200 rows", LAYERNORM, (200, 10), (10,), (10,)),
        drawn("softmax, 200 rows", SOFTMAX, (200, 10)),
    ]


def sized(n: int) -> Function:
    """A two-layer network with about n numbers going in."""
    width = max(4, int(np.sqrt(n / 1.5)))
    half = width // 2
    return drawn(f"mlp of {n}", MLP, (4, width), (width, width), (width,), (half, width), (half,))
