"""Fan-out: a value that is used several times gets a gradient along every path, and these are added."""

from numpy import ndarray

from checker import Float, task


def fork_forward(x: float):
    """Two copies of x, for two consumers: return ((q1, q2), cache). Lecture S3-04."""
    raise NotImplementedError  # your answer goes here


@task(fork_forward, rows=("S3-04",))
def fork_backward(dq1, dq2, cache):
    """Gradient of q1 = q2 = x, given dq1 = dL/dq1 and dq2 = dL/dq2: return dx, a number. Lecture S3-04.

    Of copies, and of copies alone, the lecture's second line holds as it is printed.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", rows=("S0-02", "S1-03"), edges={"one path": {"N": 1}, "paths that lead nowhere": {"dC_dz": (0, 0)}})
def total_derivative(dC_dz: Float[ndarray, "N"], dz_dw: Float[ndarray, "N"]):
    """The derivative of C(z[0](w), z[1](w), ...) by the number w: return dC/dw, a number.

    dC_dz[i] = dC/dz[i] and dz_dw[i] = dz[i]/dw. Lectures S0-02 and S1-03.
    """
    raise NotImplementedError  # your answer goes here


def fanout_forward(x: float):
    """The product q1 q2 of q1 = x^2 and q2 = x^2: return (out, cache). Lecture S3-04.

    It is x^4, which tells you the answer; compute it by way of q1 and q2 all the same.
    """
    raise NotImplementedError  # your answer goes here


@task(fanout_forward, points=2, rows=("S3-04", "S4-05"), edges={"x = 1.7": {"x": (1.7, 1.7)}, "x = 0": {"x": (0, 0)}})
def fanout_backward(dout, cache):
    """Gradient of out = q1 q2 with q1 = q2 = x^2, given dout = dL/dout: return dx, a number.

    Lecture S3-04, where dq[i]/dx should be in the second line as well (without it x = 1.7 gives 5.78 for 19.65), and
    S4-05.
    """
    raise NotImplementedError  # your answer goes here


def paths_forward(x: float):
    """The number p q + q x with p = x^2 and q = sin(x): return (out, cache). Lecture S4-05."""
    raise NotImplementedError  # your answer goes here


@task(paths_forward, points=3, rows=("S4-05", "S0-02"), edges={"x = 0": {"x": (0, 0)}, "x = -1": {"x": (-1, -1)}})
def paths_backward(dout, cache):
    """Gradient of out = p q + q x with p = x^2 and q = sin(x), given dout: return dx, a number.

    Lecture S4-05, whose left side is the total derivative df/dx: the partial one, with p and q held, is q alone.
    """
    raise NotImplementedError  # your answer goes here


def skip_forward(x: Float[ndarray, "N D"]):
    """A skip connection around a tanh: return (out, cache) with out = x + tanh(x) of shape (N, D). Lecture S4-05."""
    raise NotImplementedError  # your answer goes here


@task(
    skip_forward,
    points=2,
    rows=("S4-05",),
    edges={"a batch of 1": {"N": 1}},
    overflow={"inputs of 1000": {"x": (900, 1100)}},
)
def skip_backward(dout, cache):
    """Gradient of out = x + tanh(x): return dx of shape (N, D), given dout (N, D). Lecture S4-05."""
    raise NotImplementedError  # your answer goes here


def gain_forward(x: Float[ndarray, "N D"], g: Float[ndarray, "D"]):
    """Each row of x times g, entry by entry: return (out, cache) with out of shape (N, D). Lecture S0-02.

    g is used once for each row: broadcasting is a fan-out.
    """
    raise NotImplementedError  # your answer goes here


@task(gain_forward, points=2, rows=("S0-02", "S3-04"), edges={"a batch of 1": {"N": 1}, "one column": {"D": 1}})
def gain_backward(dout, cache):
    """Gradients of out = x g, given dout (N, D): return (dx, dg) of shapes (N, D) and (D,).

    Lectures S0-02 and S3-04.
    """
    raise NotImplementedError  # your answer goes here
