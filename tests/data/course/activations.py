"""Functions beside their derivatives of every kind, with the inputs to try them at."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_grad(s):
    return s * (1 - s)


def dsigmoid(x):
    return sigmoid(x) * (1 - sigmoid(x))


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def softmax_jacobian(z):
    s = softmax(z)
    return np.diag(s) - np.outer(s, s)


def quad(x):
    return float(x @ x * np.sum(x))


def grad_quad(x):
    return 2 * x * x.sum() + x @ x * np.ones_like(x)


def quad_hessian(x):
    one = np.ones_like(x)
    return 2 * np.eye(len(x)) * x.sum() + 2 * np.outer(x, one) + 2 * np.outer(one, x)


def quad_jvp(x, v):
    return grad_quad(x) @ v


def matvec(A, x):
    return A @ x


def matvec_jvp(A, x, dA, dx):
    return dA @ x + A @ dx


example_inputs = {"x": np.array([0.3, -1.0, 0.7]), "z": np.array([0.1, 0.2, -0.4])}


def matvec_inputs():
    return {"A": np.random.randn(3, 2), "x": np.random.randn(2)}


def svm_loss_naive(W, X, y, reg):
    s = X @ W
    N = len(s)
    m = np.maximum(0, s - s[np.arange(N), y][:, None] + 1)
    m[np.arange(N), y] = 0
    g = (m > 0).astype(float)
    g[np.arange(N), y] = -g.sum(axis=1)
    return m.sum() / N + reg * np.sum(W**2), X.T @ g / N + 2 * reg * W


svm_loss_naive_inputs = (
    np.random.default_rng(0).normal(size=(5, 3)),
    np.random.default_rng(0).normal(size=(4, 5)),
    np.array([0, 2, 1, 1]),
    0.1,
)
