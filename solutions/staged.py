"""A staged computation: f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2), forward and backward line by line."""

from math import exp

from checker import exercise, mistake


def sigma(z: float) -> float:
    """The logistic sigmoid 1 / (1 + exp(-z)), without overflow for negative z."""
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def staged_forward(x: float, y: float):
    """The value of (x + sigma(y)) / (sigma(x) + (x + y)^2): return (out, cache). Lectures S4-06 and S4-07.

    Give every intermediate value a name of its own: the backward goes through them in reverse.
    """
    ### BEGIN SOLUTION
    sigy = sigma(y)
    num = x + sigy
    sigx = sigma(x)
    xpy = x + y
    den = sigx + xpy**2
    invden = 1 / den
    return num * invden, (sigy, num, sigx, xpy, den, invden)
    ### END SOLUTION


@exercise(
    staged_forward,
    points=3,
    rows=("S4-06", "S4-07", "S4-08", "S4-09"),
    hints=(
        "Undo the forward's lines one by one, from the last to the first; each needs its own result's gradient only.",
        "x is used three times and y twice: the gradients that arrive along the different paths are added up.",
        "d(1/den) = -1/den^2, d(xpy^2) = 2 xpy, and the derivative of sigma is sigma (1 - sigma).",
    ),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_backward(dout, cache):
    """Gradients of f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2): return (dx, dy), both scalars.

    Lectures S4-08 and S4-09, whose code assigns `dxdpy` and then uses `dxpy`: read `dxpy` in both places.
    """
    ### BEGIN SOLUTION
    # With $f = n\,v$, $v = 1/d$, $d = \sigma(x) + s^2$, $s = x+y$, $n = x + \sigma(y)$:
    # $$\bar n = v\,\bar f,\quad \bar d = -n v^2 \bar f,\quad \bar s = 2s\,\bar d,$$
    # $$\bar x = \bar n + \bar s + \sigma(x)(1-\sigma(x))\,\bar d,\quad
    #   \bar y = \bar s + \sigma(y)(1-\sigma(y))\,\bar n.$$
    sigy, num, sigx, xpy, den, invden = cache
    dnum, dinvden = dout * invden, dout * num
    dden = -dinvden / den**2
    dsigx, dxpy = dden, 2 * xpy * dden
    dx = dxpy + sigx * (1 - sigx) * dsigx
    dy = dxpy
    dx += dnum
    dy += sigy * (1 - sigy) * dnum
    return dx, dy
    ### END SOLUTION


def _stages(dout, cache):
    """What arrives at num, at sigma(x) and at x + y, for the wrong answers below."""
    _, num, _, xpy, _, invden = cache
    dden = -dout * num * invden**2
    return dout * invden, dden, 2 * xpy * dden


@mistake(staged_backward, "x is used in three places: what happens to the first gradient when the second one arrives?")
def overwritten_at_the_fan_out(dout, cache):
    sigy, _, sigx, *_ = cache
    dnum, dsigx, dxpy = _stages(dout, cache)
    dx, dy = dxpy, dxpy
    dx += sigx * (1 - sigx) * dsigx
    dx = dnum
    dy += sigy * (1 - sigy) * dnum
    return dx, dy


@mistake(staged_backward, "Does 1/den rise or fall when den rises?")
def sign_of_the_reciprocal(dout, cache):
    sigy, _, sigx, *_ = cache
    dnum, dsigx, dxpy = _stages(dout, cache)
    return dnum - dxpy - sigx * (1 - sigx) * dsigx, -dxpy + sigy * (1 - sigy) * dnum


@mistake(staged_backward, "Look at the derivative of the square once more.")
def square_without_its_two(dout, cache):
    sigy, _, sigx, *_ = cache
    dnum, dsigx, dxpy = _stages(dout, cache)
    return dnum + dxpy / 2 + sigx * (1 - sigx) * dsigx, dxpy / 2 + sigy * (1 - sigy) * dnum


@mistake(
    staged_backward, "Between sigma(x) and x, and between sigma(y) and y, there is one more local derivative each."
)
def sigmoid_passed_straight_through(dout, cache):
    dnum, dsigx, dxpy = _stages(dout, cache)
    return dnum + dxpy + dsigx, dxpy + dnum


@mistake(staged_backward, "The denominator depends on x and y as well.")
def numerator_only(dout, cache):
    sigy, *_ = cache
    dnum, _, _ = _stages(dout, cache)
    return dnum, sigy * (1 - sigy) * dnum


@mistake(staged_backward, "What is the local derivative of sigma at its output: does it use s, 1 - s, or both?")
def half_of_the_sigmoid_derivative(dout, cache):
    sigy, _, sigx, *_ = cache
    dnum, dsigx, dxpy = _stages(dout, cache)
    return dnum + dxpy + (1 - sigx) * dsigx, dxpy + (1 - sigy) * dnum


@mistake(staged_backward, "Try x = -800: how large is exp(-x)?", half="forward")
def exponential_of_a_large_number(x, y):
    sigy, sigx, xpy = 1 / (1 + exp(-y)), 1 / (1 + exp(-x)), x + y
    num, den = x + sigy, sigx + xpy**2
    return num / den, (sigy, num, sigx, xpy, den, 1 / den)


@mistake(staged_backward, "What should happen to your answer if dout doubles?")
def upstream_taken_to_be_one(dout, cache):
    return staged_backward(1.0, cache)
