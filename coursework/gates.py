"""Gates of a few numbers: the patterns that every backward pass is made of, and the chain rule that joins them."""

from numpy import ndarray

from checker import Float, task


def add_forward(x: float, y: float):
    """The sum of x and y: return (out, cache). Lectures S3-01 and S4-11.

    The cache is whatever your backward needs to know of the forward, in any form; here that may be None.
    """
    raise NotImplementedError  # your answer goes here


@task(add_forward, rows=("S3-01", "S4-11"))
def add_backward(dout, cache):
    """Gradients of out = x + y: return (dx, dy), both numbers. Lectures S3-01 and S4-11.

    dout is dL/dout, how fast some loss L changes with out; dx = dL/dx and dy = dL/dy are wanted.
    """
    raise NotImplementedError  # your answer goes here


def mul_forward(x: float, y: float):
    """The product of x and y: return (out, cache). Lectures S3-02 and S4-02."""
    raise NotImplementedError  # your answer goes here


@task(mul_forward, rows=("S3-02", "S4-02"), edges={"x = 0": {"x": (0, 0)}})
def mul_backward(dout, cache):
    """Gradients of out = x y, given dout = dL/dout: return (dx, dy), both numbers. Lectures S3-02 and S4-02."""
    raise NotImplementedError  # your answer goes here


def max_forward(x: float, y: float):
    """The larger of x and y: return (out, cache). Lecture S3-03."""
    raise NotImplementedError  # your answer goes here


@task(
    max_forward,
    rows=("S3-03", "S4-11"),
    edges={"x = y": {"x": (1, 1), "y": (1, 1)}, "negative inputs": {"x": (-3, -2), "y": (-2, -1)}},
)
def max_backward(dout, cache):
    """Gradients of out = max(x, y), given dout = dL/dout: return (dx, dy), both numbers. Lecture S3-03.

    At a tie the lecture's rule gives both inputs 0, and others share dout; what you give them there is accepted.
    """
    raise NotImplementedError  # your answer goes here


def square_forward(x: float):
    """The square of x: return (out, cache). Lecture S1-01."""
    raise NotImplementedError  # your answer goes here


@task(square_forward, rows=("S1-01",), edges={"x = 2": {"x": (2, 2)}, "x = 0": {"x": (0, 0)}})
def square_backward(dout, cache):
    """Gradient of out = x^2, given dout = dL/dout: return dx, a number. Lecture S1-01, where x = 2 and dout = 1."""
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S1-01",),
    draw={"h": (0.05, 0.5)},
    edges={"x = 2, h = 0.01": {"x": (2, 2), "h": (0.01, 0.01)}, "a step down": {"h": (-0.5, -0.05)}},
)
def square_slopes(x: float, h: float):
    """The slope of x^2, measured in two ways: return (one_sided, two_sided), both numbers. Lecture S1-01.

    The one-sided quotient compares x + h with x, the two-sided one x + h with x - h. Gradients are checked like this:
    by measuring, without any rule of differentiation.
    """
    raise NotImplementedError  # your answer goes here


def chain_forward(w: float):
    """Three functions, one after the other: u = w^2, v = sin(u), C = exp(v): return (C, cache). Lecture S0-01."""
    raise NotImplementedError  # your answer goes here


@task(chain_forward, points=2, rows=("S0-01", "S3-11"), edges={"w = 0": {"w": (0, 0)}, "a negative w": {"w": (-2, -1)}})
def chain_backward(dC, cache):
    """Gradient of C = exp(sin(w^2)), given dC = dL/dC: return dw, a number. Lectures S0-01 and S3-11."""
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    rows=("S3-11",),
    draw={"step": (0.01, 0.1)},
    edges={"w = 0": {"w": (0, 0)}, "a step down": {"step": (-0.1, -0.01)}},
)
def chain_changes(w: float, step: float):
    """How a small step in w runs through u = w^2, v = sin(u), C = exp(v): return (du, dv, dC), three numbers.

    To first order: each is a slope times the change that comes before it. Lecture S3-11, forwards this time.
    """
    raise NotImplementedError  # your answer goes here


def addmul_forward(x: float, y: float, z: float):
    """(x + y) z, as q = x + y and out = q z: return (out, cache). Lecture S4-03."""
    raise NotImplementedError  # your answer goes here


@task(
    addmul_forward,
    points=2,
    rows=("S4-03", "S4-04", "S4-11"),
    edges={"z = 0": {"z": (0, 0)}, "x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
)
def addmul_backward(dout, cache):
    """Gradients of out = (x + y) z, given dout = dL/dout: return (dx, dy, dz), three numbers.

    Lectures S4-03 and S4-04, whose code assigns `dfd_q` and then uses `dfdq`: read one name in both places.
    """
    raise NotImplementedError  # your answer goes here


def dot_forward(w: Float[ndarray, "N"], x: Float[ndarray, "N"]):
    """The weighted sum of w[k] x[k] over all k: return (out, cache) with out a number. Lecture S1-02."""
    raise NotImplementedError  # your answer goes here


@task(dot_forward, rows=("S1-02",), edges={"one term": {"N": 1}, "weights of 0": {"w": (0, 0)}})
def dot_backward(dout, cache):
    """Gradients of out = sum of w[k] x[k]: return (dw, dx), both of shape (N,), given the number dout.

    Lecture S1-02.
    """
    raise NotImplementedError  # your answer goes here
