"""Wrong backward functions with the cause that the numbers should establish: the bank of the diagnosis' tests."""

import numpy as np

from .diagnosis_cases import Wrong

PAIRS: list[Wrong] = []


def wrong(name, forward, draw, *expected, constants=None):
    """Register the decorated backward."""

    def register(backward):
        PAIRS.append(Wrong(name, forward, backward, draw, expected, constants or {}))
        return backward

    return register


def sizes(rng, n):
    """n different lengths."""
    return rng.permutation([2, 3, 4, 5, 6])[:n] if n > 3 else rng.permutation([3, 4, 5, 6])[:n]


def array(*shape):
    """A draw of one array; letters are lengths, drawn different from each other."""

    def draw(rng):
        return drawn(rng, shape)

    return draw


def drawn(rng, *shapes):
    letters = sorted({s for shape in shapes for s in shape if isinstance(s, str)})
    lengths = dict(zip(letters, sizes(rng, len(letters)), strict=True))
    return tuple(rng.normal(size=[lengths.get(s, s) for s in shape]) for shape in shapes)


def arrays(*shapes):
    return lambda rng: drawn(rng, *[tuple(s) for s in shapes])


def positive(*shapes):
    return lambda rng: tuple(np.abs(x) + 0.3 for x in drawn(rng, *[tuple(s) for s in shapes]))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# Affine ---------------------------------------------------------------------------------------------------------------


def affine(x, w, b):
    return x @ w.T + b


AFFINE = arrays("ND", "MD", "M")


@wrong("affine db keepdims", affine, AFFINE, "shape")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.sum(0, keepdims=True)


@wrong("affine dw transposed", affine, AFFINE, "transpose")
def _(dout, x, w, b):
    return dout @ w, x.T @ dout, dout.sum(0)


@wrong("affine db summed over all", affine, AFFINE, "extra-sum")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.sum()


@wrong("affine db over the wrong axis", affine, AFFINE, "wrong-axis")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.sum(1)


@wrong("affine db not summed", affine, AFFINE, "missing-sum")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout


@wrong("affine db mean", affine, AFFINE, "factor")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout.mean(0)


@wrong("affine db ones", affine, AFFINE, "upstream-ignored")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, np.full(b.shape, float(len(x)))


@wrong("affine db first row only", affine, AFFINE, "part-of-upstream")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x, dout[0]


@wrong("affine order", affine, AFFINE, "order")
def _(dout, x, w, b):
    return dout.T @ x, dout @ w, dout.sum(0)


@wrong("affine all negated", affine, AFFINE, "sign")
def _(dout, x, w, b):
    return -dout @ w, -dout.T @ x, -dout.sum(0)


@wrong("affine dw over N", affine, AFFINE, "factor")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x / len(x), dout.sum(0)


@wrong("affine dx of ones", affine, AFFINE, "upstream-ignored")
def _(dout, x, w, b):
    return np.ones_like(dout) @ w, dout.T @ x, dout.sum(0)


@wrong("affine dout's sign in dw", affine, AFFINE, "nonlinear")
def _(dout, x, w, b):
    return dout @ w, np.sign(dout).T @ x, dout.sum(0)


@wrong("affine dw clipped", affine, AFFINE, "clipped")
def _(dout, x, w, b):
    g = dout.T @ x
    return dout @ w, np.clip(g, -0.5 * np.abs(g).max(), 0.5 * np.abs(g).max()), dout.sum(0)


@wrong("affine dw of unit norm", affine, AFFINE, "normalised")
def _(dout, x, w, b):
    g = dout.T @ x
    return dout @ w, g / np.linalg.norm(g), dout.sum(0)


@wrong("affine dw regularised without dout", affine, AFFINE, "constant-term")
def _(dout, x, w, b):
    return dout @ w, dout.T @ x + 0.1 * w, dout.sum(0)


@wrong("affine dw zero", affine, AFFINE, "zero")
def _(dout, x, w, b):
    return dout @ w, np.zeros_like(w), dout.sum(0)


@wrong("affine float32", affine, AFFINE, "float32")
def _(dout, x, w, b):
    return dout @ w, (dout.T @ x.astype(np.float32) * np.float32(1 + 3e-7)).astype(np.float32), dout.sum(0)


@wrong("affine dx only the mean of dout", affine, AFFINE, "extra-sum")
def _(dout, x, w, b):
    return np.broadcast_to(dout.mean(0), dout.shape) @ w, dout.T @ x, dout.sum(0)


@wrong("affine swapped rows of dout", affine, AFFINE, "upstream-reversed")
def _(dout, x, w, b):
    return dout @ w, dout[::-1].T @ x, dout.sum(0)


@wrong("affine dw one entry", affine, AFFINE, "one-entry")
def _(dout, x, w, b):
    g = dout.T @ x
    g[0, 1] *= 1.01
    return dout @ w, g, dout.sum(0)


@wrong("affine dw last column missing", affine, AFFINE, "zero-in-part")
def _(dout, x, w, b):
    g = dout.T @ x
    g[:, -1] = 0
    return dout @ w, g, dout.sum(0)


@wrong("affine dw swapped entries", affine, AFFINE, "swapped")
def _(dout, x, w, b):
    g = dout.T @ x
    g[0, 0], g[1, 1] = g[1, 1], g[0, 0]
    return dout @ w, g, dout.sum(0)


@wrong("affine dout clipped below", affine, AFFINE, "nonlinear")
def _(dout, x, w, b):
    return np.maximum(dout, 0) @ w, dout.T @ x, dout.sum(0)


@wrong("affine dout squared", affine, AFFINE, "upstream-squared")
def _(dout, x, w, b):
    return (dout * dout) @ w, dout.T @ x, dout.sum(0)


SQUARE = arrays("NS", "SS")


def linear(x, w):
    return x @ w


@wrong("square W instead of W.T", linear, lambda rng: drawn(rng, "NS", "SS"), "jacobian-transposed")
def _(dout, x, w):
    return dout @ w, x.T @ dout


@wrong("square dW transposed", linear, lambda rng: drawn(rng, "NS", "SS"), "transpose")
def _(dout, x, w):
    return dout @ w.T, dout.T @ x


def product(a, b):
    return a @ b


@wrong("matmul reshape for transpose", product, arrays("NK", "KM"), "reshape", "transpose")
def _(dout, a, b):
    return dout @ b.T, (dout.T @ a).reshape(b.shape)


def conv1x1(x, w):  # x (N, C, L), w (F, C)
    return np.einsum("ncl,fc->nfl", x, w)


@wrong("dout reshaped, not transposed", conv1x1, arrays("NCL", "FC"), "upstream-reshaped")
def _(dout, x, w):
    n, f, length = dout.shape
    return np.einsum("nfl,fc->ncl", dout, w), np.einsum("fnl,ncl->fc", dout.reshape(f, n, length), x)


# Elementwise ----------------------------------------------------------------------------------------------------------

ONE = arrays("ND")


@wrong("relu passes everything", lambda x: np.maximum(x, 0), ONE, "mask-missing")
def _(dout, x):
    return dout


@wrong("relu mask reversed", lambda x: np.maximum(x, 0), ONE, "mask-reversed")
def _(dout, x):
    return dout * (x < 0)


@wrong(
    "relu threshold at one",
    lambda x: np.maximum(x, 0),
    lambda rng: (rng.normal(size=(5, 6)),),
    "mask-too-wide",
    "zero-in-part",
)
def _(dout, x):
    return dout * (x > 1)


@wrong(
    "leaky relu forgets the slope",
    lambda x: np.where(x > 0, x, 0.1 * x),
    ONE,
    "factor-of-part",
    "threshold",
    "mask-too-wide",
)
def _(dout, x):
    return dout * (x > 0)


@wrong("leaky relu slope 1", lambda x: np.where(x > 0, x, 0.1 * x), ONE, "factor-of-part", "threshold")
def _(dout, x):
    return dout


@wrong("clip gradient passes", lambda x: np.clip(x, -1, 1), lambda rng: (2 * rng.normal(size=(5, 6)),), "mask-missing")
def _(dout, x):
    return dout


@wrong("abs without sign", np.abs, ONE, "sign-of-part", "lost-sign", "threshold")
def _(dout, x):
    return dout


@wrong("tanh derivative of the activated", np.tanh, ONE, "activated-twice")
def _(dout, x):
    return dout * (1 - np.tanh(np.tanh(x)) ** 2)


@wrong("tanh 1 - x^2", np.tanh, ONE, "pre-for-post-activation")
def _(dout, x):
    return dout * (1 - x**2)


@wrong("tanh 1 - out", np.tanh, ONE, "local-derivative")
def _(dout, x):
    return dout * (1 - np.tanh(x))


@wrong("sigmoid of the activated", sigmoid, ONE, "activated-twice")
def _(dout, x):
    s = sigmoid(sigmoid(x))
    return dout * s * (1 - s)


@wrong("sigmoid x(1-x)", sigmoid, ONE, "pre-for-post-activation")
def _(dout, x):
    return dout * x * (1 - x)


@wrong("sigmoid is its own derivative", sigmoid, ONE, "local-derivative")
def _(dout, x):
    return dout * sigmoid(x)


@wrong("sigmoid passes dout", sigmoid, ONE, "pass-through")
def _(dout, x):
    return dout


@wrong("exp returns x", np.exp, ONE, "local-derivative")
def _(dout, x):
    return dout * x


@wrong("log without 1/x", np.log, positive("ND"), "pass-through")
def _(dout, x):
    return dout


@wrong("square forgets 2", lambda x: x * x, ONE, "factor")
def _(dout, x):
    return dout * x


@wrong("cube 3x", lambda x: x**3, ONE, "local-derivative")
def _(dout, x):
    return dout * 3 * x


@wrong("cos sign", np.cos, ONE, "sign")
def _(dout, x):
    return dout * np.sin(x)


@wrong("sqrt off", np.sqrt, positive("ND"), "local-derivative")
def _(dout, x):
    return dout * 0.5 * np.sqrt(x)


@wrong("reciprocal", lambda x: 1 / x, positive("ND"), "local-derivative")
def _(dout, x):
    return -dout / x


@wrong("swish keeps one term", lambda x: x * sigmoid(x), ONE, "missing-term", "local-derivative")
def _(dout, x):
    return dout * x * sigmoid(x) * (1 - sigmoid(x))


@wrong("log10 as log", np.log10, positive("ND"), "factor")
def _(dout, x):
    return dout / x


@wrong("gelu sigmoid constant rounded", lambda x: x * sigmoid(1.702 * x), ONE, "epsilon", "rounded-constant")
def _(dout, x):
    s = sigmoid(1.7019 * x)
    return dout * (s + 1.7019 * x * s * (1 - s))


@wrong("mul own input", lambda x, y: x * y, arrays("ND", "ND"), "order")
def _(dout, x, y):
    return dout * x, dout * y


@wrong("div missing minus", lambda x, y: x / y, positive("ND", "ND"), "sign")
def _(dout, x, y):
    return dout / y, dout * x / y**2


@wrong("div missing square", lambda x, y: x / y, positive("ND", "ND"), "local-derivative")
def _(dout, x, y):
    return dout / y, -dout * x / y


@wrong("max gate both", np.maximum, arrays("ND", "ND"), "mask-missing", "extra")
def _(dout, x, y):
    return dout, dout * (y > x)


@wrong("max gate swapped", np.maximum, arrays("ND", "ND"), "order")
def _(dout, x, y):
    return dout * (y > x), dout * (x > y)


@wrong("dropout forgets 1/p", lambda x: x * MASK[: x.size].reshape(x.shape) / 0.6, ONE, "factor", constants={"p": 0.6})
def _(dout, x):
    return dout * MASK[: x.size].reshape(x.shape)


MASK = (np.random.default_rng(3).uniform(size=100) < 0.6).astype(float)


@wrong(
    "dropout forgets mask",
    lambda x: x * MASK[: x.size].reshape(x.shape) / 0.6,
    ONE,
    "mask-missing",
    constants={"p": 0.6},
)
def _(dout, x):
    return dout / 0.6


@wrong("scale: dgamma without x", lambda x, gamma: x * gamma, arrays("ND", "D"), "pass-through", "local-derivative")
def _(dout, x, gamma):
    return dout * gamma, dout.sum(0)


@wrong(
    "scale: dx without gamma",
    lambda x, gamma: x * gamma,
    arrays("ND", "D"),
    "pass-through",
    "entry-factor",
    "local-derivative",
)
def _(dout, x, gamma):
    return dout, (dout * x).sum(0)


# Reductions, norms, scans ---------------------------------------------------------------------------------------------


@wrong("mean as sum", lambda x: x.mean(0), ONE, "factor")
def _(dout, x):
    return np.broadcast_to(dout, x.shape)


@wrong("mean not spread", lambda x: x.mean(0), ONE, "not-spread")
def _(dout, x):
    return dout / len(x)


@wrong("mean over other axis length", lambda x: x.mean(0), ONE, "factor")
def _(dout, x):
    return np.broadcast_to(dout / x.shape[1], x.shape)


@wrong("centre forgets the mean", lambda x: x - x.mean(0), ONE, "mean-path", "diagonal", "pass-through")
def _(dout, x):
    return dout


@wrong("variance with n - 1", lambda x: x.var(0), ONE, "factor")
def _(dout, x):
    return dout * 2 * (x - x.mean(0)) / (len(x) - 1)


@wrong("variance without centring", lambda x: x.var(0), ONE, "mean-path")
def _(dout, x):
    return dout * 2 * x / len(x)


@wrong("cumsum forwards", lambda x: np.cumsum(x, 0), arrays("TD"), "jacobian-transposed")
def _(dout, x):
    return np.cumsum(dout, 0)


@wrong("cumsum identity", lambda x: np.cumsum(x, 0), arrays("TD"), "not-carried-back")
def _(dout, x):
    return dout


@wrong("norm forgets projection", lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), ONE, "norm-path")
def _(dout, x):
    return dout / np.linalg.norm(x, axis=1, keepdims=True)


@wrong("norm as its square", lambda x: np.sqrt((x**2).sum()), ONE, "varying-factor")
def _(dout, x):
    return dout * 2 * x


@wrong("logsumexp", lambda x: np.log(np.exp(x).sum()), ONE, "varying-factor")
def _(dout, x):
    return dout * np.exp(x)


@wrong("max over rows to all", lambda x: x.max(1), ONE, "mask-missing", "leak")
def _(dout, x):
    return np.broadcast_to(dout[:, None], x.shape)


@wrong("sum of squares over all: sum out", lambda x: (x**2).sum(), ONE, "extra-sum", "local-derivative", "other")
def _(dout, x):
    return dout * np.full(x.shape, 2 * x.sum())


@wrong("roll not undone", lambda x: np.roll(x, 1, 0), arrays("TD"), "upstream-shifted", "shift", "jacobian-transposed")
def _(dout, x):
    return np.roll(dout, 1, 0)


@wrong(
    "flip not undone",
    lambda x: x[::-1] * np.arange(1, len(x) + 1)[:, None],
    arrays("TD"),
    "upstream-reversed",
    "reversed",
    "jacobian-transposed",
)
def _(dout, x):
    return dout * np.arange(1, len(x) + 1)[:, None]


@wrong(
    "difference: one direction only",
    lambda x: x[1:] - x[:-1],
    arrays("TD"),
    "missing-contributions",
    "overwritten",
    "lost-sign",
)
def _(dout, x):
    g = np.zeros_like(x)
    g[1:] += dout
    return g


@wrong("trace-like quadratic", lambda x, a: x @ a @ x, lambda rng: drawn(rng, "S", "SS"), "symmetric-only")
def _(dout, x, a):
    return dout * 2 * a @ x, dout * np.outer(x, x)


@wrong("outer product swapped", np.outer, lambda rng: drawn(rng, "N", "M"), "wrong-axis", "order")
def _(dout, x, y):
    return dout.T @ x, dout @ y


@wrong("matrix trace squared", lambda a: np.trace(a @ a), lambda rng: drawn(rng, "SS"), "transpose")
def _(dout, a):
    return dout * 2 * a


# Softmax, losses ------------------------------------------------------------------------------------------------------


@wrong("softmax diagonal", softmax, ONE, "diagonal")
def _(dout, x):
    s = softmax(x)
    return dout * s * (1 - s)


@wrong("softmax without the sum", softmax, ONE, "softmax-path")
def _(dout, x):
    return dout * softmax(x)


@wrong("softmax off-diagonal sign", softmax, ONE, "sign-of-part")
def _(dout, x):
    s = softmax(x)
    return dout * s * (1 - s) + s * ((dout * s).sum(-1, keepdims=True) - dout * s)


@wrong("softmax sum over the batch", softmax, ONE, "mixed-axis")
def _(dout, x):
    s = softmax(x)
    return s * (dout - (dout * s).sum())


@wrong("log-softmax", lambda x: np.log(softmax(x)), ONE, "softmax-path", "mean-path", "diagonal")
def _(dout, x):
    return dout - softmax(x) * 0


LABELS = np.array([2, 0, 1, 1, 2, 0])


def cross_entropy(x):
    n = len(x)
    return -np.log(softmax(x)[np.arange(n), LABELS[:n]]).mean()


def onehot(x):
    return np.eye(x.shape[1])[LABELS[: len(x)]]


@wrong("ce forgets 1/N", cross_entropy, ONE, "factor")
def _(dout, x):
    return dout * (softmax(x) - onehot(x))


@wrong("ce forgets dout", cross_entropy, ONE, "upstream-ignored")
def _(dout, x):
    return (softmax(x) - onehot(x)) / len(x)


@wrong("ce forgets the label", cross_entropy, ONE, "place")
def _(dout, x):
    return dout * softmax(x) / len(x)


@wrong("ce only the label", cross_entropy, ONE, "place", "zero-in-part")
def _(dout, x):
    return dout * (softmax(x) - onehot(x)) * onehot(x) / len(x)


@wrong("ce sign", cross_entropy, ONE, "sign")
def _(dout, x):
    return dout * (onehot(x) - softmax(x)) / len(x)


TARGETS = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0])


def bce(x):
    p, y = sigmoid(x), TARGETS[: len(x)]
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


@wrong(
    "bce divides by p(1-p)", bce, lambda rng: (rng.normal(size=rng.integers(5, 8)),), "entry-factor", "local-derivative"
)
def _(dout, x):
    p, y = sigmoid(x), TARGETS[: len(x)]
    return dout * (p - y) / (p * (1 - p)) / len(x)


def ridge(w):
    x = np.random.default_rng(1).normal(size=(7, 6))[:, : len(w)]
    return 0.5 * np.mean((x @ w - 1) ** 2) + 0.3 * (w**2).sum()


def ridge_data(w):
    x = np.random.default_rng(1).normal(size=(7, 6))[:, : len(w)]
    return x.T @ (x @ w - 1) / 7


WEIGHTS = arrays("D")


@wrong("ridge reg half", ridge, WEIGHTS, "regularisation", constants={"reg": 0.3})
def _(dout, w):
    return dout * (ridge_data(w) + 0.3 * w)


@wrong("ridge reg missing", ridge, WEIGHTS, "regularisation", constants={"reg": 0.3})
def _(dout, w):
    return dout * ridge_data(w)


@wrong("ridge reg without dout", ridge, WEIGHTS, "constant-term", constants={"reg": 0.3})
def _(dout, w):
    return dout * ridge_data(w) + 0.6 * w


@wrong("ridge only reg", ridge, WEIGHTS, "local-derivative", constants={"reg": 0.3})
def _(dout, w):
    return dout * 0.6 * w


# Normalisation --------------------------------------------------------------------------------------------------------


def batchnorm(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + eps) + beta


def bn_parts(dout, x, gamma, eps=1e-5):
    sigma = np.sqrt(x.var(0) + eps)
    xhat = (x - x.mean(0)) / sigma
    return sigma, xhat, dout * gamma


BN = lambda rng: drawn(rng, "ND", "D", "D")  # noqa: E731


def bn_right(dout, x, gamma):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return (g - g.mean(0) - xhat * (g * xhat).mean(0)) / sigma


@wrong("batchnorm no mean path", batchnorm, BN, "mean-path")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return (g - xhat * (g * xhat).mean(0)) / sigma, (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm no variance path", batchnorm, BN, "variance-path")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return (g - g.mean(0)) / sigma, (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm direct only", batchnorm, BN, "mean-and-variance-paths", "diagonal")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return g / sigma, (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm diagonal", batchnorm, BN, "diagonal")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return g / sigma * (1 - 1 / len(x)), (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm divides by 1/sigma", batchnorm, BN, "entry-factor", "factor-per-index")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return bn_right(dout, x, gamma) * sigma**2, (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm gamma missing", batchnorm, BN, "entry-factor", "output-factor")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return bn_right(dout, x, np.ones_like(gamma)), (dout * xhat).sum(0), dout.sum(0)


@wrong("batchnorm dgamma of x", batchnorm, BN, "local-derivative", "other")
def _(dout, x, gamma, beta):
    return bn_right(dout, x, gamma), (dout * x).sum(0), dout.sum(0)


@wrong("batchnorm dgamma without dout", batchnorm, BN, "upstream-ignored")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return bn_right(dout, x, gamma), (xhat * np.arange(1, len(x) + 1)[:, None]).sum(0), dout.sum(0)


@wrong(
    "batchnorm eps left out",
    lambda x, gamma, beta: batchnorm(x, gamma, beta, 1e-5),
    BN,
    "epsilon",
    constants={"eps": 1e-5},
)
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma, 0.0)
    s, h, _ = bn_parts(dout, x, gamma, 1e-5)
    return (g - g.mean(0) - xhat * (g * xhat).mean(0)) / sigma, (dout * h).sum(0), dout.sum(0)


@wrong("batchnorm sums without mean", batchnorm, BN, "mean-and-variance-paths")
def _(dout, x, gamma, beta):
    sigma, xhat, g = bn_parts(dout, x, gamma)
    return (g - g.sum(0) - xhat * (g * xhat).sum(0)) / sigma, (dout * xhat).sum(0), dout.sum(0)


def layernorm(x, gamma, beta):
    return gamma * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) + beta


def ln_parts(dout, x, gamma):
    sigma = np.sqrt(x.var(1, keepdims=True) + 1e-5)
    return sigma, (x - x.mean(1, keepdims=True)) / sigma, dout * gamma


@wrong("layernorm no variance path", layernorm, BN, "variance-path")
def _(dout, x, gamma, beta):
    sigma, xhat, g = ln_parts(dout, x, gamma)
    return (g - g.mean(1, keepdims=True)) / sigma, (dout * xhat).sum(0), dout.sum(0)


@wrong("layernorm dgamma over the features", layernorm, BN, "wrong-axis")
def _(dout, x, gamma, beta):
    sigma, xhat, g = ln_parts(dout, x, gamma)
    dx = (g - g.mean(1, keepdims=True) - xhat * (g * xhat).mean(1, keepdims=True)) / sigma
    return dx, (dout * xhat).sum(1), dout.sum(0)


@wrong("layernorm sums over the batch", layernorm, BN, "wrong-axis")
def _(dout, x, gamma, beta):
    sigma, xhat, g = ln_parts(dout, x, gamma)
    return (g - g.mean(0) - xhat * (g * xhat).mean(0)) / sigma, (dout * xhat).sum(0), dout.sum(0)


def rmsnorm(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)


@wrong("rmsnorm direct only", rmsnorm, ONE, "norm-path")
def _(dout, x):
    return dout / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)


# Convolution, pooling, embedding --------------------------------------------------------------------------------------


def conv(x, w):  # x (N, C, H, W), w (F, C, 3, 2), no padding, stride 1
    n, c, h, width = x.shape
    out = np.zeros((n, len(w), h - 2, width - 1))
    for i in range(h - 2):
        for j in range(width - 1):
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", x[:, :, i : i + 3, j : j + 2], w)
    return out


def conv_back(dout, x, w, assign=False):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            g = dout[:, :, i, j]
            part = np.einsum("nf,fchw->nchw", g, w)
            if assign:
                dx[:, :, i : i + 3, j : j + 2] = part
            else:
                dx[:, :, i : i + 3, j : j + 2] += part
            dw += np.einsum("nf,nchw->fchw", g, x[:, :, i : i + 3, j : j + 2])
    return dx, dw


def CONV(rng):
    return rng.normal(size=(2, 3, 4 + rng.integers(2), 4)), rng.normal(size=(4, 3, 3, 2))


@wrong("conv overwrites dx", conv, CONV, "overwritten")
def _(dout, x, w):
    return conv_back(dout, x, w, assign=True)


@wrong("conv dw last position", conv, CONV, "part-of-upstream", "overwritten")
def _(dout, x, w):
    dw = np.einsum("nf,nchw->fchw", dout[:, :, -1, -1], x[:, :, -3:, -2:])
    return conv_back(dout, x, w)[0], dw


@wrong("conv dx with flipped kernel", conv, CONV, "changed-input")
def _(dout, x, w):
    return conv_back(dout, x, w[:, :, ::-1, ::-1])[0], conv_back(dout, x, w)[1]


@wrong("conv dw over N", conv, CONV, "factor")
def _(dout, x, w):
    dx, dw = conv_back(dout, x, w)
    return dx, dw / dout.shape[2]


def pool(x):  # windows of 3, stride 2, over the last axis
    return np.stack([x[:, s : s + 3].max(1) for s in range(0, x.shape[1] - 2, 2)], 1)


def POOL(rng):
    return (rng.normal(size=(4, 7 + 2 * rng.integers(2))),)


@wrong("max-pool overwrites", pool, POOL, "overwritten")
def _(dout, x):
    dx = np.zeros_like(x)
    for j, s in enumerate(range(0, x.shape[1] - 2, 2)):
        window = x[:, s : s + 3]
        dx[:, s : s + 3] = (window == window.max(1, keepdims=True)) * dout[:, j : j + 1]
    return dx


@wrong("max-pool to all", pool, POOL, "leak")
def _(dout, x):
    dx = np.zeros_like(x)
    for j, s in enumerate(range(0, x.shape[1] - 2, 2)):
        dx[:, s : s + 3] += dout[:, j : j + 1]
    return dx


def average(x):
    return np.stack([x[:, s : s + 3].mean(1) for s in range(x.shape[1] - 2)], 1)


@wrong("average-pool overwrites", average, POOL, "overwritten")
def _(dout, x):
    dx = np.zeros_like(x)
    for s in range(dout.shape[1]):
        dx[:, s : s + 3] = dout[:, s : s + 1] / 3
    return dx


@wrong("average-pool without 1/3", average, POOL, "factor")
def _(dout, x):
    dx = np.zeros_like(x)
    for s in range(dout.shape[1]):
        dx[:, s : s + 3] += dout[:, s : s + 1]
    return dx


WORDS = np.array([1, 0, 1, 2, 1])


@wrong("embedding overwrites", lambda w: w[WORDS], arrays("VD"), "overwritten")
def _(dout, w):
    dw = np.zeros_like(w)
    dw[WORDS] = dout
    return dw


@wrong("embedding += with repeats", lambda w: w[WORDS] ** 2, arrays("VD"), "overwritten")
def _(dout, w):
    dw = np.zeros_like(w)
    dw[WORDS] += dout * 2 * w[WORDS]
    return dw


# Recurrence, attention ------------------------------------------------------------------------------------------------


def rnn(x, h0, wx, wh):  # x (N, T, D) -> (N, T, H)
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ wx + h @ wh)
        hs.append(h)
    return np.stack(hs, 1)


def rnn_back(dout, x, h0, wx, wh, carry=1.0, local=lambda h: 1 - h**2, wrong_w=False):
    hs = rnn(x, h0, wx, wh)
    dx, dwx, dwh, back = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        da = (dout[:, t] + carry * back) * local(hs[:, t])
        before = hs[:, t - 1] if t else h0
        dx[:, t] = da @ wx.T
        dwx += x[:, t].T @ da
        dwh += before.T @ da
        back = da @ (wh if wrong_w else wh.T)
    return dx, back, dwx, dwh


RNN = lambda rng: drawn(rng, "NTD", "NH", "DH", "HH")  # noqa: E731


@wrong("rnn carries nothing", rnn, RNN, "not-carried-back", "carried-wrongly", "part-of-upstream")
def _(dout, x, h0, wx, wh):
    return rnn_back(dout, x, h0, wx, wh, carry=0.0)


@wrong("rnn Wh untransposed", rnn, RNN, "carried-wrongly", "jacobian-transposed", "place")
def _(dout, x, h0, wx, wh):
    return rnn_back(dout, x, h0, wx, wh, wrong_w=True)


@wrong("rnn dh0 zero", rnn, RNN, "zero")
def _(dout, x, h0, wx, wh):
    dx, _, dwx, dwh = rnn_back(dout, x, h0, wx, wh)
    return dx, np.zeros_like(h0), dwx, dwh


@wrong("rnn dwh of the same step's h", rnn, RNN, "diagonal")
def _(dout, x, h0, wx, wh):
    dx, dh0, dwx, _ = rnn_back(dout, x, h0, wx, wh)
    return dx, dh0, dwx, np.einsum("nth,ntk->hk", rnn(x, h0, wx, wh), dout)


def rnn_step(x, h, wx, wh):
    return np.tanh(x @ wx + h @ wh)


def step_back(dout, x, h, wx, wh, local):
    da = dout * local(rnn_step(x, h, wx, wh), x @ wx + h @ wh)
    return da @ wx.T, da @ wh.T, x.T @ da, h.T @ da


STEP = lambda rng: drawn(rng, "ND", "NH", "DH", "HH")  # noqa: E731


@wrong("rnn step tanh forgotten", rnn_step, STEP, "output-factor")
def _(dout, x, h, wx, wh):
    return step_back(dout, x, h, wx, wh, lambda out, a: 1.0)


@wrong("rnn step tanh of the activated", rnn_step, STEP, "output-factor")
def _(dout, x, h, wx, wh):
    return step_back(dout, x, h, wx, wh, lambda out, a: 1 - np.tanh(out) ** 2)


@wrong("rnn step pre-activation", rnn_step, STEP, "output-factor")
def _(dout, x, h, wx, wh):
    return step_back(dout, x, h, wx, wh, lambda out, a: 1 - a**2)


@wrong("logistic layer", lambda x, w: sigmoid(x @ w), arrays("ND", "DM"), "hidden-activation")
def _(dout, x, w):
    return dout @ w.T, x.T @ dout


@wrong(
    "relu layer mask missing",
    lambda x, w: np.maximum(x @ w, 0),
    arrays("ND", "DM"),
    "hidden-activation",
)
def _(dout, x, w):
    return dout @ w.T, x.T @ dout


def lstm(x, h, c, w, u):
    a = x @ w + h @ u
    n = h.shape[1]
    i, f, o, g = sigmoid(a[:, :n]), sigmoid(a[:, n : 2 * n]), sigmoid(a[:, 2 * n : 3 * n]), np.tanh(a[:, 3 * n :])
    c_next = f * c + i * g
    return o * np.tanh(c_next), c_next


def lstm_back(douts, x, h, c, w, u, mistake=""):
    dh, dc = douts
    a = x @ w + h @ u
    n = h.shape[1]
    i, f, o, g = sigmoid(a[:, :n]), sigmoid(a[:, n : 2 * n]), sigmoid(a[:, 2 * n : 3 * n]), np.tanh(a[:, 3 * n :])
    t = np.tanh(f * c + i * g)
    total = dc + dh * o * (1 - t**2)
    if mistake == "dc alone":
        total = dc
    if mistake == "dc ignored":
        total = dh * o * (1 - t**2)
    dg = total * i * (1 - np.tanh(g) ** 2 if mistake == "tanh twice" else 1 - g**2)
    da = np.hstack([total * g * i * (1 - i), total * c * f * (1 - f), dh * t * o * (1 - o), dg])
    return da @ w.T, da @ u.T, total * f, x.T @ da, h.T @ da


def LSTM(rng):
    n, d, k = sizes(rng, 3)
    shapes = (n, d), (n, k), (n, k), (d, 4 * k), (k, 4 * k)
    return tuple(rng.normal(size=shape) for shape in shapes)


@wrong("lstm dc ignored", lstm, LSTM, "output-ignored", "some-outputs")
def _(dout, x, h, c, w, u):
    return lstm_back(dout, x, h, c, w, u, "dc ignored")


@wrong("lstm h to c path missing", lstm, LSTM, "output-ignored", "missing-contributions")
def _(dout, x, h, c, w, u):
    return lstm_back(dout, x, h, c, w, u, "dc alone")


@wrong("lstm tanh twice", lstm, LSTM, "place", "other")
def _(dout, x, h, c, w, u):
    return lstm_back(dout, x, h, c, w, u, "tanh twice")


def attention(x, wq, wk, wv):
    q, k, v = x @ wq, x @ wk, x @ wv
    return softmax(q @ k.T / np.sqrt(q.shape[1])) @ v


def attention_back(dout, x, wq, wk, wv, paths="qkv", scale=True):
    q, k, v = x @ wq, x @ wk, x @ wv
    root = np.sqrt(q.shape[1])
    s = softmax(q @ k.T / root)
    ds = dout @ v.T
    da = s * (ds - (ds * s).sum(-1, keepdims=True)) / (root if scale else 1)
    dq, dk, dv = da @ k, da.T @ q, s.T @ dout
    dx = sum(g @ w.T for name, g, w in zip("qkv", (dq, dk, dv), (wq, wk, wv), strict=True) if name in paths)
    return dx, x.T @ dq, x.T @ dk, x.T @ dv


ATTENTION = lambda rng: drawn(rng, "ND", "DK", "DK", "DK")  # noqa: E731


@wrong("attention dx only through v", attention, ATTENTION, "missing-path")
def _(dout, x, wq, wk, wv):
    return attention_back(dout, x, wq, wk, wv, "v")


@wrong("attention dx without k", attention, ATTENTION, "missing-path")
def _(dout, x, wq, wk, wv):
    return attention_back(dout, x, wq, wk, wv, "qv")


@wrong("attention scale missing", attention, ATTENTION, "factor", "other")
def _(dout, x, wq, wk, wv):
    return attention_back(dout, x, wq, wk, wv, scale=False)


@wrong(
    "residual block without the skip", lambda x, w: x + np.tanh(x @ w), lambda rng: drawn(rng, "NS", "SS"), "skip-path"
)
def _(dout, x, w):
    g = dout * (1 - np.tanh(x @ w) ** 2)
    return g @ w.T, x.T @ g


# Gates and staged scalars ---------------------------------------------------------------------------------------------


def scalars(*names):
    return lambda rng: tuple(np.array(v) for v in rng.uniform(0.4, 2.0, len(names)))


@wrong("x y + y: one term", lambda x, y: x * y + y, scalars("x", "y"), "local-derivative")
def _(dout, x, y):
    return dout * y, dout * x


@wrong("x^2 y: factor 2", lambda x, y: x * x * y, scalars("x", "y"), "factor")
def _(dout, x, y):
    return dout * x * y, dout * x * x


@wrong("x/y sign", lambda x, y: x / y, scalars("x", "y"), "sign")
def _(dout, x, y):
    return dout / y, dout * x / y**2


@wrong("exp(xy) without inner", lambda x, y: np.exp(x * y), scalars("x", "y"), "local-derivative")
def _(dout, x, y):
    return dout * np.exp(x * y), dout * x * np.exp(x * y)


def staged(x, y):
    return (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2)


@wrong("staged: dx overwritten", staged, scalars("x", "y"), "elementwise", "none")
def _(dout, x, y):
    s, t = sigmoid(y), sigmoid(x)
    num, den = x + s, t + (x + y) ** 2
    dden = -dout * num / den**2
    return dden * t * (1 - t) + dden * 2 * (x + y), dden * 2 * (x + y) + dout / den * s * (1 - s)


@wrong("staged: dout dropped", staged, scalars("x", "y"), "upstream-ignored")
def _(dout, x, y):
    s, t = sigmoid(y), sigmoid(x)
    num, den = x + s, t + (x + y) ** 2
    dden = -num / den**2
    return 1 / den + dden * t * (1 - t) + dden * 2 * (x + y), dden * 2 * (x + y) + 1 / den * s * (1 - s)


# Further relations ----------------------------------------------------------------------------------------------------


@wrong("affine dw rounded constant", lambda x: 0.1234567 * x**3, ONE, "rounded-constant")
def _(dout, x):
    return dout * 3 * 0.1235 * x**2


@wrong("sum of rows only", lambda x: x.sum(1) * 2, ONE, "not-spread")
def _(dout, x):
    return 2 * dout


@wrong("dx summed over its batch", affine, AFFINE, "extra-sum")
def _(dout, x, w, b):
    return (dout @ w).sum(0), dout.T @ x, dout.sum(0)


@wrong("dw with an axis too many", affine, AFFINE, "missing-sum")
def _(dout, x, w, b):
    return dout @ w, dout[:, :, None] * x[:, None, :], dout.sum(0)


@wrong("gram with a symmetric dout", lambda a: a.T @ a, array("N", "D"), "symmetric-only")
def _(dout, a):
    return 2 * a @ dout


@wrong("gram, one side", lambda a: a.T @ a, array("N", "D"), "half-of-two")
def _(dout, a):
    return a @ dout


@wrong("sort not undone", lambda x: np.sort(x), array("N"), "pass-through")
def _(dout, x):
    return dout


@wrong("max-pool to the smallest", lambda x: x.max(1), ONE, "misrouted")
def _(dout, x):
    return dout[:, None] * (x == x.min(1, keepdims=True))


@wrong("max over rows shared", lambda x: x.max(1), ONE, "extra-sum")
def _(dout, x):
    return np.broadcast_to(dout[:, None] / x.shape[1], x.shape)


@wrong("max-pool shared", pool, POOL, "shared-out")
def _(dout, x):
    dx = np.zeros_like(x)
    for j, s in enumerate(range(0, x.shape[1] - 2, 2)):
        dx[:, s : s + 3] += dout[:, j : j + 1] / 3
    return dx


@wrong("blur shared out evenly", lambda x: 0.7 * x[:-1] + 0.3 * x[1:], array("T", "D"), "shared-out")
def _(dout, x):
    dx = np.zeros_like(x)
    dx[:-1] += dout / 2
    dx[1:] += dout / 2
    return dx


@wrong("average-pool to the largest", average, POOL, "shared-out")
def _(dout, x):
    dx = np.zeros_like(x)
    for s in range(dout.shape[1]):
        window = x[:, s : s + 3]
        dx[:, s : s + 3] += dout[:, s : s + 1] * (window == window.max(1, keepdims=True))
    return dx


@wrong("padded conv cropped at the wrong place", lambda x: np.pad(x, 1)[2:] * np.pad(x, 1)[1:-1], array("T"), "shift")
def _(dout, x):
    g = np.zeros(len(x) + 2)
    p = np.pad(x, 1)
    g[2:] += dout * p[1:-1]
    g[1:-1] += dout * p[2:]
    return g[2:]


@wrong("shifted by one step", lambda x: np.sin(x), array("T"), "shift")
def _(dout, x):
    return np.roll(dout * np.cos(x), 1)


@wrong("embedding overwritten and scaled", lambda w: np.sin(w[WORDS]), array("V", "D"), "overwritten")
def _(dout, w):
    dw = np.zeros_like(w)
    dw[WORDS] = dout * w[WORDS]
    return dw


@wrong("ridge data half", ridge, lambda rng: (rng.normal(size=5),), "regularisation", constants={"reg": 0.3})
def _(dout, w):
    return dout * (0.5 * ridge_data(w) + 0.6 * w)


@wrong("gradient of the shared part", lambda x, m: np.sin(x - m) * (x - m), arrays("ND", "ND"), "sign")
def _(dout, x, m):
    g = dout * (np.sin(x - m) + (x - m) * np.cos(x - m))
    return g, g


@wrong(
    "two uses, one kept",
    lambda x, y: np.sin(x + y) + x**2,
    arrays("ND", "ND"),
    "missing-path",
    "missing-term",
    "local-derivative",
)
def _(dout, x, y):
    return dout * 2 * x, dout * np.cos(x + y)


@wrong("loser of a max gets dout", lambda x, y: np.maximum(x, y + 9), arrays("ND", "ND"), "mask-missing")
def _(dout, x, y):
    return dout, dout


def decay(x):
    i, j = np.indices((len(x), len(x)))
    return np.where(i >= j, 0.8 ** np.abs(i - j), 0) @ x


@wrong("window truncated", decay, lambda rng: (rng.normal(size=rng.integers(6, 9)),), "truncated")
def _(dout, x):
    n = len(x)
    i, j = np.indices((n, n))
    return np.where((i - j >= 0) & (i - j <= 2), 0.8 ** np.abs(i - j), 0).T @ dout


@wrong("layer norm's other axis", softmax, ONE, "wrong-axis", "mixed-axis")
def _(dout, x):
    s = softmax(x)
    return s * (dout - (dout * s).sum(0))


@wrong("softmax sums over everything", softmax, ONE, "mixed-axis")
def _(dout, x):
    s = softmax(x)
    return s * (dout - (dout * s).sum())


@wrong("off-diagonal only", softmax, ONE, "off-diagonal")
def _(dout, x):
    s = softmax(x)
    return -s * ((dout * s).sum(-1, keepdims=True) - dout * s)


@wrong(
    "right inside, wrong at the border", lambda x: np.sin(x), lambda rng: (rng.normal(size=(5, 6)),), "border", "place"
)
def _(dout, x):
    g = dout * np.cos(x)
    inside = g[1:-1, 1:-1].copy()
    g = g * (1.1 + x**2)
    g[1:-1, 1:-1] = inside
    return g


@wrong(
    "one side derived wrongly",
    lambda x: np.where(x > 0, np.exp(x), x**3),
    lambda rng: (rng.normal(size=(5, 6)),),
    "threshold",
)
def _(dout, x):
    return dout * np.where(x > 0, x * np.exp(x) + 0.1, 3 * x**2)


@wrong("one output row wrong", lambda x, w: np.tanh(x @ w), arrays("ND", "DM"), "some-outputs")
def _(dout, x, w):
    g = dout * (1 - np.tanh(x @ w) ** 2)
    first = g @ w.T
    first[:, 0] += dout[:, 0] * x[:, 0] ** 2
    return first, x.T @ g


@wrong("own factor for each row", lambda x, w: np.tanh(x @ w), arrays("ND", "DM"), "factor-per-index")
def _(dout, x, w):
    g = dout * (1 - np.tanh(x @ w) ** 2)
    return (g @ w.T) * (1 + 0.3 * np.cos(3 * np.arange(len(x)) + 1))[:, None], x.T @ g


@wrong(
    "dout off by one in time",
    lambda x: np.cumsum(np.sin(x), 0),
    lambda rng: (rng.normal(size=(6, 2)),),
    "upstream-shifted",
)
def _(dout, x):
    moved = np.vstack([dout[1:], 0 * dout[:1]])
    return np.cumsum(moved[::-1], 0)[::-1] * np.cos(x)


@wrong("dout transposed", lambda a, b: a @ b, lambda rng: drawn(rng, "SK", "KS"), "upstream-transposed")
def _(dout, a, b):
    return dout.T @ b.T, a.T @ dout


@wrong("only the sum of dout", lambda x, w: np.tanh(x @ w), arrays("ND", "DM"), "upstream-summed", "mixed-axis")
def _(dout, x, w):
    g = (1 - np.tanh(x @ w) ** 2) * dout.sum(1, keepdims=True)
    return g @ w.T, x.T @ g


@wrong("last of the steps doubled", lambda x: x.sum(0), lambda rng: (rng.normal(size=(4, 5)),), "factor-of-part")
def _(dout, x):
    g = np.broadcast_to(dout, x.shape).copy()
    g[-1] *= 2
    return g


@wrong("abs of the sum", lambda x: 3 * x * np.arange(-2, 3), lambda rng: (rng.normal(size=(6, 5)),), "lost-sign")
def _(dout, x):
    return np.abs(dout * 3 * np.arange(-2, 3))


@wrong(
    "matrix product with the other side",
    lambda w, x: np.tanh(w @ x) ** 2,
    lambda rng: drawn(rng, "SS", "SM"),
    "changed-input",
)
def _(dout, w, x):
    h = np.tanh(w @ x)
    g = 2 * dout * h * (1 - h**2)
    t = np.tanh(w.T @ x)
    return g @ x.T, w @ (2 * dout * t * (1 - t**2))


# Inside a net ---------------------------------------------------------------------------------------------------------


def net(x, w1, b1, w2, activation=np.tanh):
    return activation(x @ w1 + b1) @ w2


def net_back(dout, x, w1, b1, w2, slope, kept=np.tanh):
    z = x @ w1 + b1
    dz = (dout @ w2.T) * slope(z)
    return dz @ w1.T, x.T @ dz, dz.sum(0), kept(z).T @ dout


NET = arrays("ND", "DH", "H", "HM")


def relu(z):
    return np.maximum(z, 0)


@wrong("net: no slope", net, NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: 1.0)


@wrong("net: tanh twice", net, NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: 1 - np.tanh(np.tanh(z)) ** 2)


@wrong("net: another slope", net, NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: (1 - np.tanh(z) ** 2) * z)


@wrong("net: weights of the preactivation", net, NET, "pre-for-post-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: 1 - np.tanh(z) ** 2, kept=lambda z: z)


@wrong("relu net: no mask", lambda x, w1, b1, w2: net(x, w1, b1, w2, relu), NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: 1.0, relu)


@wrong("relu net: mask reversed", lambda x, w1, b1, w2: net(x, w1, b1, w2, relu), NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: z < 0, relu)


@wrong("relu net: mask of the input", lambda x, w1, b1, w2: net(x, w1, b1, w2, relu), NET, "hidden-activation")
def _(dout, x, w1, b1, w2):
    return net_back(dout, x, w1, b1, w2, lambda z: x[:, :1] > 0, relu)


def net_loss(x, w1, w2):
    return 0.5 * np.sum((np.tanh(x @ w1) @ w2 - 1) ** 2)


def NET_LOSS(rng):
    return rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), rng.normal(size=(4, 2))


@wrong("net loss: no slope", net_loss, NET_LOSS, "hidden-activation")
def _(dout, x, w1, w2):
    h = np.tanh(x @ w1)
    g = dout * (h @ w2 - 1)
    return g @ w2.T @ w1.T, x.T @ (g @ w2.T), h.T @ g


def highway(x, w, u):
    gate = sigmoid(x @ u)
    return gate * np.tanh(x @ w) + (1 - gate) * x


@wrong("highway: nothing carried past", highway, lambda rng: drawn(rng, "NS", "SS", "SS"), "direct-path")
def _(dout, x, w, u):
    gate, h = sigmoid(x @ u), np.tanh(x @ w)
    da, du = dout * gate * (1 - h**2), dout * (h - x) * gate * (1 - gate)
    return da @ w.T + du @ u.T, x.T @ da, x.T @ du


# What a coincidence of the values must not bring up ---------------------------------------------------------------


def huber(p, t):
    r = np.abs(p - t)
    return np.where(r <= 1, r * r / 2, r - 0.5).sum()


def vectors(rng):
    return rng.normal(size=7) * 1.5, rng.normal(size=7)


@wrong("huber never clipped", huber, vectors, "threshold")
def _(dout, p, t):
    return dout * (p - t), dout * np.clip(t - p, -1, 1)


@wrong("huber always the sign", huber, vectors, "threshold")
def _(dout, p, t):
    return dout * np.sign(p - t), -dout * np.sign(p - t)


def gelu(x):
    return x / 2 * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3)))


@wrong(
    "gelu without the second term", gelu, lambda rng: (2 * rng.normal(size=(4, 5)),), "elementwise", "local-derivative"
)
def _(dout, x):
    return dout * 0.5 * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3)))


@wrong("a bias averaged over three axes", lambda x, b: x * x + b[:, None, None], arrays("NCHW", "C"), "factor")
def _(dout, x, b):
    return 2 * dout * x, dout.mean((0, 2, 3))


@wrong("the variance's gradient for the deviation", lambda x: x.std(), array("N"), "varying-factor", "local-derivative")
def _(dout, x):
    return dout * 2 * (x - x.mean()) / len(x)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(1, keepdims=True))


@wrong("log-softmax without exp", log_softmax, array("N", "D"), "one-number-path")
def _(dout, x):
    return dout - log_softmax(x) * dout.sum(1, keepdims=True)


@wrong(
    "two values of a label",
    lambda p: -np.log(np.where([0, 1, 1, 0, 1, 0], p, 1 - p)).sum(),
    lambda rng: (rng.uniform(0.1, 0.9, 6),),
    "sign-of-part",
)
def _(dout, p):
    return -dout / np.where([0, 1, 1, 0, 1, 0], p, 1 - p)


@wrong("gamma without its input", lambda x, g, b: x * g + b, arrays("ND", "D", "D"), "another-gradient")
def _(dout, x, g, b):
    return dout * g, dout.sum(0), dout.sum(0)


def farther(a, p, n):  # of a triplet loss
    return ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1)


TRIPLET = arrays("ND", "ND", "ND")


def triplet_back(a_and_n, dout, a, p, n):
    d = dout[:, None]
    return 2 * d * (a - p) - a_and_n * 2 * d * (a - n), 2 * d * (p - a), 2 * d * (a - n)


@wrong("triplet without the negative", farther, TRIPLET, "missing-path")
def _(dout, a, p, n):
    return triplet_back(0, dout, a, p, n)


@wrong("triplet with the negative twice", farther, TRIPLET, "missing-path")
def _(dout, a, p, n):
    return triplet_back(2, dout, a, p, n)


@wrong("triplet with the negative's sign", farther, TRIPLET, "missing-path")
def _(dout, a, p, n):
    return triplet_back(-1, dout, a, p, n)


@wrong("cumsum along the wrong axis", lambda x: np.cumsum(x, 1), array("N", "T"), "wrong-axis")
def _(dout, x):
    return np.cumsum(dout[::-1], 0)[::-1]


def dispersed(m):
    return 0.5 * np.sum(np.exp(m) - m) / len(m)


@wrong("a plain term of a loss", dispersed, lambda rng: (rng.normal(size=(5, 3)),), "missing-term")
def _(dout, m):
    return dout * 0.5 * np.exp(m) / len(m)


@wrong("nothing but rounding", lambda x: x * x, lambda rng: (rng.normal(size=(5, 3)),), "zero")
def _(dout, x):
    g = 2 * dout * x
    return g - (g / 3) * 3 + 1e-17 * g


def rectified_block(x, w):
    return np.maximum(x + np.maximum(x @ w, 0) @ w.T, 0)


def block_back(dout, x, w, last, skip):
    a = np.maximum(x @ w, 0)
    d = dout * (x + a @ w.T > 0) if last else dout
    da = (d @ w) * (a > 0)
    return skip * d + da @ w.T, x.T @ da + d.T @ a


@wrong("rectified block without the skip", rectified_block, arrays("ND", "DH"), "direct-path")
def _(dout, x, w):
    return block_back(dout, x, w, True, 0)


@wrong("weights turned inside a product", lambda a, b, c: a @ b @ c, arrays("NS", "SS", "SM"), "changed-input")
def _(dout, a, b, c):
    return dout @ (b @ c).T, a.T @ dout @ c.T, (a @ b.T).T @ dout


def warm(x, tau):
    return softmax(x / tau)


@wrong("temperature left out", warm, lambda rng: (*drawn(rng, "ND"), np.array(1.7)), "factor")
def _(dout, x, tau):
    s = warm(x, tau)
    g = s * (dout - (dout * s).sum(-1, keepdims=True))
    return g, -(g * x).sum() / tau**2


@wrong("scale of a branch left out", lambda x, s: x + s * np.tanh(x), arrays("ND", ""), "none", "elementwise")
def _(dout, x, s):
    return dout + dout * (1 - np.tanh(x) ** 2), (dout * np.tanh(x)).sum()


@wrong("scale left out", lambda x, s: s * np.tanh(x), arrays("ND", ""), "varying-factor")
def _(dout, x, s):
    return dout * (1 - np.tanh(x) ** 2), (dout * np.tanh(x)).sum()


@wrong("a slope where the function is flat, too", lambda x: np.clip(x, -1, 1) ** 3, array("N", "D"), "elementwise")
def _(dout, x):
    return dout * (x * x + 0.3 * np.sin(3 * x))


def squared_error(y, t):
    return np.mean((np.tanh(y) - t) ** 2)


def errors(rng):
    shape = [(5, 3), (4, 7)][rng.integers(2)]
    return rng.normal(size=shape), rng.normal(size=shape)


@wrong("one side of a difference", squared_error, errors, "missing-term")
def _(dout, y, t):
    h = np.tanh(y)
    return dout * 2 * (h - t) * (1 - h * h) / y.size, -dout * 2 * h / y.size
