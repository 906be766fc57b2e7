"""Gates of two numbers: the three patterns that every backward pass is made of."""

from checker import task


def add_forward(x: float, y: float):
    """The sum of x and y: return (out, cache). Lectures S3-01 and S4-11."""
    raise NotImplementedError  # your answer goes here


@task(add_forward, rows=("S3-01", "S4-11"))
def add_backward(dout, cache):
    """Gradients of out = x + y, given dout = dL/dout: return (dx, dy), both scalars. Lectures S3-01 and S4-11."""
    raise NotImplementedError  # your answer goes here


def mul_forward(x: float, y: float):
    """The product of x and y: return (out, cache). Lectures S3-02 and S4-02."""
    raise NotImplementedError  # your answer goes here


@task(mul_forward, rows=("S3-02", "S4-02"), edges={"x = 0": {"x": (0, 0)}})
def mul_backward(dout, cache):
    """Gradients of out = x y, given dout = dL/dout: return (dx, dy), both scalars. Lectures S3-02 and S4-02."""
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
    """Gradients of out = max(x, y), given dout = dL/dout: return (dx, dy), both scalars. Lecture S3-03.

    At a tie the lecture's rule gives both inputs 0; any split whose parts add up to dout is accepted.
    """
    raise NotImplementedError  # your answer goes here
