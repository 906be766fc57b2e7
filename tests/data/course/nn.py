"""Layers and networks as objects that keep their own state."""

import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        raise NotImplementedError


class Linear(Layer):
    def __init__(self, in_features, out_features):
        self.W = np.random.randn(in_features, out_features) * 0.1
        self.b = np.zeros(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class BadLinear(Linear):
    def backward(self, dout):
        self.dW = self.x.T @ dout / len(dout)
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class ReLU(Layer):
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * self.out * (1 - self.out)


class Mul:
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad_output):
        a, b = ctx.saved_values
        return grad_output * b, grad_output * a


class MSELoss:
    def forward(self, pred, target):
        self.d = pred - target
        return np.mean(self.d**2)

    def backward(self):
        return 2 * self.d / self.d.size


class SoftmaxCE:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        self.t = t
        return -np.mean(np.log(self.p[np.arange(len(t)), t]))

    def backward(self, dout=1):
        d = self.p.copy()
        d[np.arange(len(self.t)), self.t] -= 1
        return d * dout / len(self.t)


class TwoLayerNet:
    def __init__(self, input_size=4, hidden_size=10, output_size=3, std=1e-1):
        self.params = {}
        self.params["W1"] = std * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N, D = X.shape
        h = np.maximum(0, X.dot(W1) + b1)
        scores = h.dot(W2) + b2
        if y is None:
            return scores
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(N), y]).mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        d = p.copy()
        d[np.arange(N), y] -= 1
        d /= N
        grads = {}
        grads["W2"] = h.T.dot(d) + 2 * reg * W2
        grads["b2"] = d.sum(axis=0)
        dh = d.dot(W2.T)
        dh[h <= 0] = 0
        grads["W1"] = X.T.dot(dh) + 2 * reg * W1
        grads["b1"] = dh.sum(axis=0)
        return loss, grads


class WrongNet(TwoLayerNet):
    def loss(self, X, y=None, reg=0.0):
        r = super().loss(X, y, reg)
        if y is None:
            return r
        r[1]["W1"] = r[1]["W1"] - reg * self.params["W1"]
        return r


class LinearClassifier:
    def __init__(self):
        self.W = np.random.randn(5, 3)

    def loss(self, X_batch, y_batch, reg):
        s = X_batch @ self.W
        N = len(s)
        m = np.maximum(0, s - s[np.arange(N), y_batch][:, None] + 1)
        m[np.arange(N), y_batch] = 0
        g = (m > 0).astype(float)
        g[np.arange(N), y_batch] = -g.sum(axis=1)
        return m.sum() / N + reg * np.sum(self.W**2), X_batch.T @ g / N + 2 * reg * self.W
