"""Layers that nobody has differentiated for you, and a property that every right backward has."""

from numpy import ndarray

from checker import Float, task


def wacky_forward(x: Float[ndarray, "N D"]):
    """A layer of x sin(x) + log(1 + exp(x)), entry by entry: return (out, cache) with out of x's shape, (N, D).

    Every layer is such a pair. Its forward takes the inputs and returns (out, cache); its backward takes the gradient
    of out and the cache, and returns the gradient of each input. Layers that keep to this can be put together in any
    way. Inputs of 1000 should do no harm. Lectures S2-01 and S2-11.
    """
    raise NotImplementedError  # your answer goes here


@task(
    wacky_forward,
    points=3,
    rows=("S2-01", "S2-11"),
    edges={"x = 0": {"x": (0, 0)}, "a batch of 1": {"N": 1}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def wacky_backward(dout, cache):
    """Gradient of out = x sin(x) + log(1 + exp(x)): return dx of shape (N, D), given dout (N, D).

    Lectures S2-01 and S2-11, which leaves the layer to you: this is one.
    """
    raise NotImplementedError  # your answer goes here


def gated_forward(x: Float[ndarray, "N 2*D"]):
    """A squared ReLU with a gate: return (out, cache) with out = max(a, 0)^2 sigmoid(b) of shape (N, D). Lecture S2-11.

    a is the left half of x's columns, b the right half.
    """
    raise NotImplementedError  # your answer goes here


@task(
    gated_forward,
    points=4,
    rows=("S2-11",),
    edges={"one column each": {"D": 1}, "a batch of 1": {"N": 1}, "all ramps off": {"x": (-2, -1)}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def gated_backward(dout, cache):
    """Gradient of out = max(a, 0)^2 sigmoid(b), where x is [a, b]: return dx of x's shape, (N, 2D), given dout (N, D).

    Lecture S2-11.
    """
    raise NotImplementedError  # your answer goes here


def swish_forward(x: Float[ndarray, "N D"], beta: Float[ndarray, "D"]):
    """A unit that gates itself: return (out, cache) with out = x sigmoid(beta x) of shape (N, D). Lecture S2-11.

    beta is learned, one number for each column.
    """
    raise NotImplementedError  # your answer goes here


@task(
    swish_forward,
    points=4,
    rows=("S2-11",),
    edges={"a batch of 1": {"N": 1}, "one column": {"D": 1}, "beta of 0": {"beta": (0, 0)}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def swish_backward(dout, cache):
    """Gradients of out = x sigmoid(beta x): return (dx, dbeta) of shapes (N, D) and (D,), given dout (N, D).

    Lecture S2-11.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S2-01", "S2-11"),
    draw={"h": (0.05, 0.5)},
    edges={"one number": {"N": 1, "D": 1}, "a step down": {"h": (-0.5, -0.05)}},
)
def slope_along(x: Float[ndarray, "N D"], v: Float[ndarray, "N D"], dout: Float[ndarray, "N D"], h: float):
    """How fast L = sum of dout times wacky(x) rises along v, measured: return a number. Lectures S2-01 and S2-11.

    wacky is x sin(x) + log(1 + exp(x)), entry by entry. Compare L at x + h v and at x - h v, and divide by how far
    these are apart, in steps of v. With h = 1e-5 and a random v it checks all of a backward at once: whatever the
    layer, the result is the sum of dx times v, to many digits.
    """
    raise NotImplementedError  # your answer goes here
