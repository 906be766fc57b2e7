"""Elementwise activations: ReLU, sigmoid, tanh and softplus of a batch."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake


def logistic(z: ndarray) -> ndarray:
    """The sigmoid 1 / (1 + exp(-z)) of each entry; nothing that is exponentiated is positive."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def relu_forward(x: Float[ndarray, "N D"]):
    """The positive part max(x, 0) of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S3-03."""
    ### BEGIN SOLUTION
    expect_shapes(relu_forward, x)
    return np.maximum(x, 0), x
    ### END SOLUTION


@exercise(
    relu_forward,
    rows=("S0-07", "S3-03", "S3-20"),
    hints=(
        "Where x is negative, does the output move when x does? And where it is positive?",
        "Keep dout where x > 0 and put 0 elsewhere, in an array of your own: dout still belongs to the caller.",
    ),
    edges={
        "zeros among the inputs": {"x": lambda rng, sizes: rng.integers(-1, 2, (sizes["N"], sizes["D"])).astype(float)},
        "all units off": {"x": (-2, -1)},
    },
)
def relu_backward(dout, cache):
    """Gradient of out = max(x, 0): return dx of x's shape, given dout. Lecture S3-03.

    At x = 0 the lecture takes 0; any slope from 0 to 1 is accepted there.
    """
    ### BEGIN SOLUTION
    # $\partial\max(x,0)/\partial x = 1\{x>0\}$, entry by entry: $\bar x = \bar o \odot 1\{x>0\}$.
    return dout * (cache > 0)
    ### END SOLUTION


@mistake(relu_backward, "Copy first: another consumer of dout would now receive your masked gradient.")
def written_into_the_upstream(dout, cache):
    dout[cache <= 0] = 0
    return dout.copy()


@mistake(relu_backward, "What decides whether a unit lets the gradient through: the gradient's sign, or the sign of x?")
def masked_by_the_upstream(dout, cache):
    return dout * (dout > 0)


@mistake(relu_backward, "Where x < 0 the output does not move at all.")
def not_masked(dout, cache):
    return dout * 1.0


@mistake(relu_backward, "That is the function's value; how fast it changes is something else.")
def multiplied_by_the_value(dout, cache):
    return dout * np.maximum(cache, 0)


@mistake(relu_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def step_function_alone(dout, cache):
    return (cache > 0).astype(float)


@mistake(relu_backward, "Where x < 0 the output stays 0: does it fall when x rises?")
def multiplied_by_the_sign(dout, cache):
    return dout * np.sign(cache)


@mistake(relu_backward, "Compare your forward with max(x, 0) on a few numbers.", half="forward")
def step_instead_of_ramp(x):
    return (x > 0).astype(float), x


@mistake(
    relu_backward,
    "A mask hides the negative entries and leaves them as they are: is 0 written anywhere?",
    half="forward",
)
def negative_entries_masked_and_kept(x):
    return np.ma.masked_less(x, 0), x


@mistake(relu_backward, "At x = -3, is your output 0, or 3?", half="forward")
def absolute_value_for_the_ramp(x):
    return np.abs(x), x


def sigmoid_forward(x: Float[ndarray, "N D"]):
    """1 / (1 + exp(-x)) of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S0-10.

    Write it so that inputs of 1000 and of -1000 do no harm.
    """
    ### BEGIN SOLUTION
    expect_shapes(sigmoid_forward, x)
    out = logistic(x)
    return out, out
    ### END SOLUTION


@exercise(
    sigmoid_forward,
    rows=("S0-07", "S0-10"),
    hints=(
        "Differentiate 1 / (1 + exp(-x)), and write the result with the output s itself.",
        "1 - s is exp(-x) / (1 + exp(-x)): the derivative is a product of two numbers that you already have.",
    ),
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def sigmoid_backward(dout, cache):
    """Gradient of out = 1 / (1 + exp(-x)): return dx of x's shape, given dout. Lecture S0-10."""
    ### BEGIN SOLUTION
    # $s' = e^{-x}/(1+e^{-x})^2 = s(1-s)$, at most $1/4$.
    return dout * cache * (1 - cache)
    ### END SOLUTION


@mistake(sigmoid_backward, "The cache already holds the activated value: the sigmoid is taken once too often.")
def activated_twice(dout, cache):
    again = logistic(cache)
    return dout * again * (1 - again)


@mistake(sigmoid_backward, "One factor of the derivative is missing: at large x the curve is flat.")
def value_for_slope(dout, cache):
    return dout * cache


@mistake(sigmoid_backward, "The curve rises everywhere: what sign has its slope?")
def factors_turned_round(dout, cache):
    return dout * cache * (cache - 1)


@mistake(sigmoid_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def slope_alone(dout, cache):
    return cache * (1 - cache)


@mistake(sigmoid_backward, "That is the slope of tanh.")
def slope_of_tanh(dout, cache):
    return dout * (1 - cache**2)


@mistake(sigmoid_backward, "Try x = 1000 in your forward: what is infinity divided by infinity?", half="forward")
def exponential_of_large_numbers(x):
    out = np.exp(x) / (1 + np.exp(x))
    return out, out


def tanh_forward(x: Float[ndarray, "N D"]):
    """The hyperbolic tangent of each entry: return (out, cache) with out of x's shape, (N, D). Lecture S3-25."""
    ### BEGIN SOLUTION
    expect_shapes(tanh_forward, x)
    out = np.tanh(x)
    return out, out
    ### END SOLUTION


@exercise(
    tanh_forward,
    rows=("S0-07", "S3-25"),
    hints=(
        "Differentiate sinh(x) / cosh(x) by the quotient rule.",
        "The derivative is 1 minus something that is easily had from the output.",
    ),
    overflow={"inputs of 1000": {"x": (900, 1100)}},
)
def tanh_backward(dout, cache):
    """Gradient of out = tanh(x): return dx of x's shape, given dout. Lecture S3-25."""
    ### BEGIN SOLUTION
    # $\tanh' = (\cosh^2 - \sinh^2)/\cosh^2 = 1 - \tanh^2$.
    return dout * (1 - cache**2)
    ### END SOLUTION


@mistake(tanh_backward, "The cache already holds the activated value: tanh is taken once too often.")
def tanh_taken_twice(dout, cache):
    return dout * (1 - np.tanh(cache) ** 2)


@mistake(tanh_backward, "Something is not squared: is your slope the same at x and at -x?")
def square_left_out(dout, cache):
    return dout * (1 - cache)


@mistake(tanh_backward, "That is the slope of the sigmoid.")
def slope_of_the_sigmoid(dout, cache):
    return dout * cache * (1 - cache)


@mistake(tanh_backward, "The curve rises everywhere: what sign has its slope?")
def tanh_falling(dout, cache):
    return dout * (cache**2 - 1)


@mistake(tanh_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def tanh_slope_alone(dout, cache):
    return 1 - cache**2


def softplus_forward(x: Float[ndarray, "N D"]):
    """log(1 + exp(x)) of each entry: return (out, cache) with out of x's shape, (N, D).

    Lecture S3-05, whose form overflows at x = 800: find one that exponentiates no large number.
    """
    ### BEGIN SOLUTION
    # $\log(1+e^x) = \max(x,0) + \log(1+e^{-|x|})$: nothing that is exponentiated is positive.
    expect_shapes(softplus_forward, x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x
    ### END SOLUTION


@exercise(
    softplus_forward,
    rows=("S3-05",),
    hints=(
        "Stage it: b = exp(x), a = 1 + b, out = log(a). What is the derivative of each stage?",
        "The product exp(x) / (1 + exp(x)) is a function that you know; write it so that it survives x = 1000.",
    ),
    overflow={"inputs of 1000": {"x": (900, 1100)}, "inputs of -1000": {"x": (-1100, -900)}},
)
def softplus_backward(dout, cache):
    """Gradient of out = log(1 + exp(x)): return dx of x's shape, given dout.

    Lecture S3-05, whose form is inf / inf at x = 800.
    """
    ### BEGIN SOLUTION
    # $\mathrm{d}\log(1+e^x)/\mathrm{d}x = e^x/(1+e^x) = \sigma(x)$.
    return dout * logistic(cache)
    ### END SOLUTION


@mistake(softplus_backward, "For large x softplus is about x: what is its slope there, and what is yours?")
def mirrored(dout, cache):
    return dout * logistic(-cache)


@mistake(softplus_backward, "The logarithm's derivative is 1/a; the chain has one more stage, from b = exp(x) to x.")
def exponential_stage_left_out(dout, cache):
    return dout / (1 + np.exp(cache)) ** 2


@mistake(softplus_backward, "The logarithm contributes a factor too.")
def logarithm_stage_left_out(dout, cache):
    return dout * np.exp(cache)


@mistake(softplus_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def softplus_slope_alone(dout, cache):
    return logistic(cache)


@mistake(softplus_backward, "Try x = 1000: what is infinity divided by infinity?")
def infinity_over_infinity(dout, cache):
    return dout * np.exp(cache) / (1 + np.exp(cache))


@mistake(softplus_backward, "Try x = 1000 in your forward.", half="forward")
def exponential_before_the_logarithm(x):
    return np.log(1 + np.exp(x)), x
