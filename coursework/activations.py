"""Elementwise activations: ReLU, sigmoid, tanh and softplus of a batch."""

from numpy import ndarray

from checker import Float, task


def relu_forward(x: Float[ndarray, "N D"]):
    """The positive part max(x, 0) of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S3-03."""
    raise NotImplementedError  # your answer goes here


@task(
    relu_forward,
    rows=("S0-07", "S3-03", "S3-20"),
    edges={
        "zeros among the inputs": {"x": lambda rng, sizes: rng.integers(-1, 2, (sizes["N"], sizes["D"])).astype(float)},
        "all units off": {"x": (-2, -1)},
    },
)
def relu_backward(dout, cache):
    """Gradient of out = max(x, 0): return dx of x's shape, given dout. Lecture S3-03.

    At x = 0 the lecture takes 0; any slope from 0 to 1 is accepted there.
    """
    raise NotImplementedError  # your answer goes here


def sigmoid_forward(x: Float[ndarray, "N D"]):
    """1 / (1 + exp(-x)) of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S0-10.

    Write it so that inputs of 1000 and of -1000 do no harm.
    """
    raise NotImplementedError  # your answer goes here


@task(
    sigmoid_forward,
    rows=("S0-07", "S0-10"),
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def sigmoid_backward(dout, cache):
    """Gradient of out = 1 / (1 + exp(-x)): return dx of x's shape, given dout. Lecture S0-10."""
    raise NotImplementedError  # your answer goes here


def tanh_forward(x: Float[ndarray, "N D"]):
    """The hyperbolic tangent of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S3-25."""
    raise NotImplementedError  # your answer goes here


@task(tanh_forward, rows=("S0-07", "S3-25"), overflow={"inputs of 1000": {"x": (900, 1100)}})
def tanh_backward(dout, cache):
    """Gradient of out = tanh(x): return dx of x's shape, given dout. Lecture S3-25."""
    raise NotImplementedError  # your answer goes here


def softplus_forward(x: Float[ndarray, "N D"]):
    """log(1 + exp(x)) of each entry: return (out, cache) with out of x's shape, (N, D).

    Lecture S3-05, whose form overflows at x = 800: find one that exponentiates no large number.
    """
    raise NotImplementedError  # your answer goes here


@task(
    softplus_forward,
    rows=("S3-05",),
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def softplus_backward(dout, cache):
    """Gradient of out = log(1 + exp(x)): return dx of x's shape, given dout.

    Lecture S3-05, whose form is inf / inf at x = 800.
    """
    raise NotImplementedError  # your answer goes here
