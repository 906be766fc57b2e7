"""A staged computation: f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2), forward and backward line by line."""

from checker import task


def staged_forward(x: float, y: float):
    """The value of (x + sigma(y)) / (sigma(x) + (x + y)^2): return (out, cache). Lectures S4-06 and S4-07.

    Give every intermediate value a name of its own: the backward goes through them in reverse.
    """
    raise NotImplementedError  # your answer goes here


@task(
    staged_forward,
    points=3,
    rows=("S4-06", "S4-07", "S4-08", "S4-09"),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_backward(dout, cache):
    """Gradients of f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2): return (dx, dy), both scalars.

    Lectures S4-08 and S4-09, whose code assigns `dxdpy` and then uses `dxpy`: read `dxpy` in both places.
    """
    raise NotImplementedError  # your answer goes here
