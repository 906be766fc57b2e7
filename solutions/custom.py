"""Layers that nobody has differentiated for you, and a property that every right backward has."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .activations import logistic

# -- elementwise ------------------------------------------------------------------------------------------------------


def wacky_forward(x: Float[ndarray, "N D"]):
    """A layer of x sin(x) + log(1 + exp(x)), entry by entry: return (out, cache) with out of x's shape, (N, D).

    Every layer is such a pair. Its forward takes the inputs and returns (out, cache); its backward takes the gradient
    of out and the cache, and returns the gradient of each input. Layers that keep to this can be put together in any
    way. Inputs of 1000 should do no harm. Lectures S2-01 and S2-11.
    """
    ### BEGIN SOLUTION
    expect_shapes(wacky_forward, x)
    return x * np.sin(x) + np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x
    ### END SOLUTION


@exercise(
    wacky_forward,
    points=3,
    rows=("S2-01", "S2-11"),
    hints=(
        "Two terms, two gradients to add. The first one is a product in which both factors depend on x.",
        "The second term is softplus: its slope is exp(x) / (1 + exp(x)), the sigmoid.",
    ),
    edges={"x = 0": {"x": (0, 0)}, "a batch of 1": {"N": 1}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def wacky_backward(dout, cache):
    """Gradient of out = x sin(x) + log(1 + exp(x)): return dx of shape (N, D), given dout (N, D).

    Lectures S2-01 and S2-11, which leaves the layer to you: this is one.
    """
    ### BEGIN SOLUTION
    # $$\frac{d}{dx}\big(x\sin x + \log(1+e^x)\big) = \sin x + x\cos x + \sigma(x).$$
    return dout * (np.sin(cache) + cache * np.cos(cache) + logistic(cache))
    ### END SOLUTION


@mistake(wacky_backward, "x sin(x) is a product: one factor moves, and what does the other one do meanwhile?")
def sine_held_constant(dout, cache):
    return dout * (np.sin(cache) + logistic(cache))


@mistake(wacky_backward, "x sin(x) is a product: you have differentiated one of its factors.")
def factor_of_the_sine_held_constant(dout, cache):
    return dout * (cache * np.cos(cache) + logistic(cache))


@mistake(wacky_backward, "Is the slope of a product the product of the slopes?")
def product_of_the_slopes(dout, cache):
    return dout * (np.cos(cache) + logistic(cache))


@mistake(wacky_backward, "Which sign has the slope of the sine at 0?")
def cosine_with_a_minus(dout, cache):
    return dout * (np.sin(cache) - cache * np.cos(cache) + logistic(cache))


@mistake(wacky_backward, "The layer has two terms: where is the slope of the second one?")
def wacky_without_softplus(dout, cache):
    return dout * (np.sin(cache) + cache * np.cos(cache))


@mistake(wacky_backward, "The logarithm's slope is 1 / (1 + exp(x)): the chain goes on inside of it.")
def logarithm_of_softplus_alone(dout, cache):
    return dout * (np.sin(cache) + cache * np.cos(cache) + logistic(-cache))


@mistake(wacky_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def wacky_slope_alone(dout, cache):
    return wacky_backward(np.ones_like(dout), cache)


@mistake(wacky_backward, "Try x = 1000: what is infinity divided by infinity?")
def wacky_infinity_over_infinity(dout, cache):
    return dout * (np.sin(cache) + cache * np.cos(cache) + np.exp(cache) / (1 + np.exp(cache)))


@mistake(wacky_backward, "Try x = 1000 in your forward.", half="forward")
def wacky_exponential_before_the_logarithm(x):
    return x * np.sin(x) + np.log(1 + np.exp(x)), x


# -- with a gate ------------------------------------------------------------------------------------------------------


def gated_forward(x: Float[ndarray, "N 2*D"]):
    """A squared ReLU with a gate: return (out, cache) with out = max(a, 0)^2 sigmoid(b) of shape (N, D). Lecture S2-11.

    a is the left half of x's columns, b the right half.
    """
    ### BEGIN SOLUTION
    if x.ndim == 2 and x.shape[1] % 2:
        raise ValueError(f"x has shape {x.shape}, where (N, 2*D) is wanted: an even number of columns")
    expect_shapes(gated_forward, x)
    a, b = np.split(x, 2, axis=1)
    ramp, gate = np.maximum(a, 0), logistic(b)
    return ramp**2 * gate, (ramp, gate)
    ### END SOLUTION


@exercise(
    gated_forward,
    points=4,
    rows=("S2-11",),
    hints=(
        "Find da and db first, as if a and b were two inputs, and put them side by side at the end.",
        "The square of max(a, 0) has the slope 2 max(a, 0): it is 0 at a = 0 from both sides.",
        "For b: the squared ramp is only a factor, and the slope of the sigmoid is s (1 - s).",
    ),
    edges={"one column each": {"D": 1}, "a batch of 1": {"N": 1}, "all ramps off": {"x": (-2, -1)}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def gated_backward(dout, cache):
    """Gradient of out = max(a, 0)^2 sigmoid(b), where x is [a, b]: return dx of x's shape, (N, 2D), given dout (N, D).

    Lecture S2-11.
    """
    ### BEGIN SOLUTION
    # With $r = \max(a,0)$, $s = \sigma(b)$: $\bar a = 2rs\,\bar o$ and $\bar b = r^2s(1-s)\,\bar o$.
    ramp, gate = cache
    return np.concatenate([dout * 2 * ramp * gate, dout * ramp**2 * gate * (1 - gate)], axis=1)
    ### END SOLUTION


def _halves(da, db):
    """Both halves of dx, for the wrong answers."""
    return np.concatenate([da, db], axis=1)


@mistake(gated_backward, "Which half of x went through the ReLU: the left one?")
def halves_exchanged(dout, cache):
    da, db = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(db, da)


@mistake(gated_backward, "What is the slope of a square?")
def square_of_the_ramp_without_its_two(dout, cache):
    da, db = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(da / 2, db)


@mistake(gated_backward, "The ReLU is squared: how steep is the square where the ramp is steep?")
def ramp_not_squared_in_its_slope(dout, cache):
    ramp, gate = cache
    _, db = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(dout * (ramp > 0) * gate, db)


@mistake(gated_backward, "The gate is a factor of the output: does a's gradient pass it?")
def gate_passed_over(dout, cache):
    ramp, gate = cache
    _, db = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(dout * 2 * ramp, db)


@mistake(gated_backward, "The gate has an input of its own: what is the slope of the sigmoid?")
def gate_without_its_slope(dout, cache):
    ramp, gate = cache
    da, _ = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(da, dout * ramp**2)


@mistake(gated_backward, "The slope of the sigmoid needs the sigmoid, and you have taken it of what is one already.")
def gate_taken_twice(dout, cache):
    ramp, gate = cache
    da, _ = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(da, dout * ramp**2 * logistic(gate) * (1 - logistic(gate)))


@mistake(gated_backward, "By what is the gate multiplied in the forward: by the ramp, or by its square?")
def gate_by_the_ramp(dout, cache):
    ramp, gate = cache
    da, _ = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(da, dout * ramp * gate * (1 - gate))


@mistake(gated_backward, "x has two halves, and both move the output.")
def gate_taken_as_constant(dout, cache):
    da, db = np.split(gated_backward(dout, cache), 2, axis=1)
    return _halves(da, np.zeros_like(db))


@mistake(gated_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def gated_slope_alone(dout, cache):
    return gated_backward(np.ones_like(dout), cache)


@mistake(
    gated_backward, "Which half is the gate? Compare your forward at x = [1, 0]: it should be 0.5.", half="forward"
)
def other_half_as_the_gate(x):
    b, a = np.split(x, 2, axis=1)
    return np.maximum(a, 0) ** 2 * logistic(b), (np.maximum(a, 0), logistic(b))


# -- with a parameter -------------------------------------------------------------------------------------------------


def swish_forward(x: Float[ndarray, "N D"], beta: Float[ndarray, "D"]):
    """A unit that gates itself: return (out, cache) with out = x sigmoid(beta x) of shape (N, D). Lecture S2-11.

    beta is learned, one number for each column.
    """
    ### BEGIN SOLUTION
    expect_shapes(swish_forward, x, beta)
    gate = logistic(beta * x)
    return x * gate, (x, beta, gate)
    ### END SOLUTION


@exercise(
    swish_forward,
    points=4,
    rows=("S2-11",),
    hints=(
        "x is used twice: as a factor, and inside the gate. So dx has two terms.",
        "Inside the gate stands beta x: going back to x you meet beta, going back to beta you meet x.",
        "beta is shared by the rows of the batch: every row adds its share.",
    ),
    edges={"a batch of 1": {"N": 1}, "one column": {"D": 1}, "beta of 0": {"beta": (0, 0)}},
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def swish_backward(dout, cache):
    """Gradients of out = x sigmoid(beta x): return (dx, dbeta) of shapes (N, D) and (D,), given dout (N, D).

    Lecture S2-11.
    """
    ### BEGIN SOLUTION
    # With $s = \sigma(\beta x)$: $\partial o/\partial x = s + \beta x\,s(1-s)$, $\partial o/\partial\beta = x^2s(1-s)$,
    # of which the rows' shares are added.
    x, beta, gate = cache
    slope = gate * (1 - gate)
    return dout * (gate + beta * x * slope), (dout * x**2 * slope).sum(axis=0)
    ### END SOLUTION


@mistake(swish_backward, "x stands in two places: what about the one inside the gate?")
def own_gate_held_constant(dout, cache):
    _, dbeta = swish_backward(dout, cache)
    return dout * cache[2], dbeta


@mistake(swish_backward, "x stands in two places: what about the factor in front of the gate?")
def factor_before_the_gate_held_constant(dout, cache):
    x, beta, gate = cache
    _, dbeta = swish_backward(dout, cache)
    return dout * beta * x * gate * (1 - gate), dbeta


@mistake(swish_backward, "Going back from beta x to x, which factor do you meet?")
def beta_left_out_inside(dout, cache):
    x, beta, gate = cache
    _, dbeta = swish_backward(dout, cache)
    return dout * (gate + x * gate * (1 - gate)), dbeta


@mistake(swish_backward, "Going back from beta x to beta you meet x: and where is the x in front of the gate?")
def one_x_missing_for_beta(dout, cache):
    x, beta, gate = cache
    dx, _ = swish_backward(dout, cache)
    return dx, (dout * x * gate * (1 - gate)).sum(axis=0)


@mistake(swish_backward, "beta is one number for each column: what happens to the gradients of its many rows?")
def beta_not_summed(dout, cache):
    x, beta, gate = cache
    dx, _ = swish_backward(dout, cache)
    return dx, dout * x**2 * gate * (1 - gate)


@mistake(swish_backward, "beta is shared by the rows, and each adds its share: is anything divided by their number?")
def beta_by_the_mean(dout, cache):
    dx, dbeta = swish_backward(dout, cache)
    return dx, dbeta / len(dout)


@mistake(swish_backward, "A gradient has exactly the shape of what it is the gradient of: compare dbeta's with beta's.")
def beta_with_an_extra_axis(dout, cache):
    dx, dbeta = swish_backward(dout, cache)
    return dx, dbeta[None]


@mistake(swish_backward, "What should happen to your dbeta if dout doubles?")
def beta_without_upstream(dout, cache):
    x, beta, gate = cache
    dx, _ = swish_backward(dout, cache)
    return dx, (x**2 * gate * (1 - gate)).sum(axis=0)


@mistake(swish_backward, "Is the gate's argument beta x, or x alone?", half="forward")
def gate_without_beta(x, beta):
    return x * logistic(x), (x, beta, logistic(x))


# -- a property of every backward -------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S2-01", "S2-11"),
    hints=(
        "Run the forward at x + h v and at x - h v: how fast does each output move along v?",
        "dout says how much the loss cares for each output: one number is left.",
        "A right backward gives nearly the same number in another way, as the sum of dx times v.",
    ),
    draw={"h": (0.05, 0.5)},
    edges={"one number": {"N": 1, "D": 1}, "a step down": {"h": (-0.5, -0.05)}},
)
def slope_along(x: Float[ndarray, "N D"], v: Float[ndarray, "N D"], dout: Float[ndarray, "N D"], h: float):
    """How fast L = sum of dout times wacky(x) rises along v, measured: return a number. Lectures S2-01 and S2-11.

    wacky is x sin(x) + log(1 + exp(x)), entry by entry. Compare L at x + h v and at x - h v, and divide by how far
    these are apart, in steps of v. With h = 1e-5 and a random v it checks all of a backward at once: whatever the
    layer, the result is the sum of dx times v, to many digits.
    """
    ### BEGIN SOLUTION
    # $$\frac{\langle\bar o, f(x+hv)\rangle - \langle\bar o, f(x-hv)\rangle}{2h} \approx \langle\bar x, v\rangle.$$
    expect_shapes(slope_along, x, v, dout, h)
    if h == 0:
        raise ValueError("h is 0, where another number is wanted: a step of 0 shows no slope")
    up, _ = wacky_forward(x + h * v)
    down, _ = wacky_forward(x - h * v)
    return np.sum(dout * (up - down)) / (2 * h)
    ### END SOLUTION


@mistake(slope_along, "From x - h v to x + h v, how many steps of v are that?")
def double_step_counted_once(x, v, dout, h):
    return 2 * slope_along(x, v, dout, h)


@mistake(slope_along, "How far L rises is no slope yet: by what is it divided?")
def rise_along_v(x, v, dout, h):
    return slope_along(x, v, dout, h) * 2 * h


@mistake(slope_along, "Asked for is the step to both sides: does yours go to x - h v as well?")
def slope_to_one_side(x, v, dout, h):
    return np.sum(dout * (wacky_forward(x + h * v)[0] - wacky_forward(x)[0])) / h


@mistake(slope_along, "How much does the loss care for each output? All the same?")
def slope_without_upstream(x, v, dout, h):
    return slope_along(x, v, np.ones_like(dout), h)


@mistake(slope_along, "Which way does one go: along v, or with all entries alike?")
def direction_left_out(x, v, dout, h):
    return slope_along(x, np.ones_like(v), dout, h)


@mistake(slope_along, "That is what a right backward gives; asked for is what one measures with a step of h.")
def backward_for_the_measurement(x, v, dout, h):
    return np.sum(wacky_backward(dout, x) * v)


@mistake(slope_along, "The outputs' shares are added: is anything divided by their number?")
def mean_of_the_outputs_shares(x, v, dout, h):
    return slope_along(x, v, dout, h) / dout.size
