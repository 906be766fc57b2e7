"""Staged computations: a formula taken apart into simple lines, whose backward undoes them one by one."""

from math import exp

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, keep, mistake

_POSITIVE = {"x": (0.5, 2.0), "wh": (0.5, 1.5), "bh": (-0.2, 0.5)}
_UNIT = {
    "a unit that is off": {"bh": (-9, -8)},
    "negative x and wh": {"x": (-2.0, -0.5), "wh": (-1.5, -0.5)},
    "a loss of 0": {"bh": (0, 0), "x": (1, 1), "wh": (1, 1), "wo": (2, 2), "bo": (1, 1), "y": (3, 3)},
}

# -- three stages -----------------------------------------------------------------------------------------------------


def softplus_graph_forward(x: Float[ndarray, "N D"], node=keep):
    """log(1 + exp(x)) of each entry, in stages: return (out, cache), with the values of the nodes in the cache by name.

    `node` gives a stage the name under which its gradient is asked for, and changes nothing. Lecture S3-05. Beyond x =
    700 these stages overflow; the stable form is an exercise among the activations.
    """
    expect_shapes(softplus_graph_forward, x)
    b = node("b", np.exp(x))
    a = node("a", 1 + b)
    return np.log(a), {"b": b, "a": a}


@exercise(
    softplus_graph_forward,
    nodes={"a": "N D", "b": "N D"},
    points=2,
    rows=("S3-05",),
    hints=(
        "One line of the forward at a time, from the last to the first: out = log(a) gives da from dout.",
        "Each gradient is the one before it times one local derivative: that of log at a, of 1 + b, of exp at x.",
        "The derivative of exp(x) is exp(x): one of the values in the cache.",
    ),
    draw={"x": (0, 1)},
    edges={"x = 0": {"x": (0, 0)}, "inputs below 0": {"x": (-6, -4)}, "inputs above 1": {"x": (2, 6)}},
)
def softplus_graph_backward(dout, cache):
    """All gradients of b = exp(x), a = 1 + b, out = log(a), given dout (N, D): return a dict of three arrays (N, D).

    They are {"da": ..., "db": ..., "dx": ...}, where da = dL/da, and so on. Lecture S3-05.
    """
    ### BEGIN SOLUTION
    # $$\bar a = \frac{\bar o}{a},\qquad \bar b = \bar a,\qquad \bar x = e^x\,\bar b = b\,\bar b.$$
    da = dout / cache["a"]
    db = da * 1
    dx = db * cache["b"]
    return {"da": da, "db": db, "dx": dx}
    ### END SOLUTION


def _softplus_stages(da, cache, to_b=1.0, to_x=None):
    """The gradients that follow from da with these slopes, for the wrong answers."""
    db = da * to_b
    return {"da": da, "db": db, "dx": db * (cache["b"] if to_x is None else to_x)}


@mistake(softplus_graph_backward, "Does log rise faster where its argument is small, or where it is large?")
def multiplied_by_the_logs_argument(dout, cache):
    return _softplus_stages(dout * cache["a"], cache)


@mistake(softplus_graph_backward, "That is the value of log(a): what is its slope?")
def value_of_the_logarithm(dout, cache):
    return _softplus_stages(dout * np.log(cache["a"]), cache)


@mistake(softplus_graph_backward, "Your da is the same whatever dout is: the local derivative is one factor of two.")
def logarithm_without_upstream(dout, cache):
    return _softplus_stages(1 / cache["a"], cache)


@mistake(softplus_graph_backward, "If b rises by h, by how much does 1 + b rise?")
def sum_taken_for_a_product(dout, cache):
    return _softplus_stages(dout / cache["a"], cache, to_b=cache["b"])


@mistake(softplus_graph_backward, "From b one stage is left, back to x: how fast does exp change?")
def stopped_before_the_exponential(dout, cache):
    return _softplus_stages(dout / cache["a"], cache, to_x=1.0)


@mistake(softplus_graph_backward, "The derivative of exp at x is exp at x: at which point is yours?")
def exponential_of_the_wrong_node(dout, cache):
    return _softplus_stages(dout / cache["a"], cache, to_x=np.exp(cache["b"]))


@mistake(softplus_graph_backward, "The cache holds b = exp(x) and a = 1 + b: which of them is the slope of exp?")
def one_too_many_for_the_slope(dout, cache):
    return _softplus_stages(dout / cache["a"], cache, to_x=cache["a"])


# -- a net of numbers -------------------------------------------------------------------------------------------------


def scalar_net_graph_forward(x: float, y: float, wh: float, bh: float, wo: float, bo: float, node=keep):
    """The squared error of a net of one hidden unit, in seven operations: return (L, cache).

    wh and bh are the hidden unit's weight and bias, wo and bo the output's; y is the target. The cache holds the values
    of all nodes and inputs by name: cache["z_h"], cache["wo"]. Lecture S0-16.
    """
    expect_shapes(scalar_net_graph_forward, x, y, wh, bh, wo, bo)
    m_h = node("m_h", wh * x)
    z_h = node("z_h", m_h + bh)
    h = node("h", max(z_h, 0.0))
    m_o = node("m_o", wo * h)
    o = node("o", m_o + bo)
    e = node("e", y - o)
    nodes = {"m_h": m_h, "z_h": z_h, "h": h, "m_o": m_o, "o": o, "e": e}
    return e**2, {**nodes, "x": x, "y": y, "wh": wh, "bh": bh, "wo": wo, "bo": bo}


@exercise(
    scalar_net_graph_forward,
    nodes={"e": "", "o": "", "m_o": "", "h": "", "z_h": "", "m_h": ""},
    points=4,
    rows=("S0-16",),
    hints=(
        "Undo the seven operations from the last to the first: every line of yours undoes one line of the forward.",
        "An add gate hands its gradient on, a multiply gate multiplies by the other factor, ReLU asks for the sign of "
        "z_h.",
        "e = y - o: when o rises, e falls.",
    ),
    draw=_POSITIVE,
    edges=_UNIT,
)
def scalar_net_graph_backward(dL, cache):
    """All gradients of scalar_net_graph_forward, given the number dL: return a dict of numbers, by name.

    Those of the nodes are "de", "do", "dm_o", "dh", "dz_h" and "dm_h", those of the inputs "dx", "dy", "dwh", "dbh",
    "dwo" and "dbo". At z_h = 0 any slope of ReLU from 0 to 1 is accepted. Lecture S0-16, where w_n and m_n are w_h and
    m_h; it asks for the gradients of w_o, b_o and b_h, and leaves them to you.
    """
    ### BEGIN SOLUTION
    # $$\bar e = 2e\bar L,\quad \bar o = -\bar e,\quad \bar m_o = \bar o,\quad \bar h = w_o\bar m_o,\quad
    #   \bar z_h = 1\{z_h>0\}\bar h,\quad \bar m_h = \bar z_h,$$
    # $$\bar y = \bar e,\quad \bar b_o = \bar o,\quad \bar w_o = h\,\bar m_o,\quad \bar b_h = \bar z_h,\quad
    #   \bar w_h = x\,\bar m_h,\quad \bar x = w_h\bar m_h.$$
    de = 2 * cache["e"] * dL
    do = -de
    dm_o = do
    dh = cache["wo"] * dm_o
    dz_h = dh * (cache["z_h"] > 0)
    dm_h = dz_h
    return {
        "de": de, "do": do, "dm_o": dm_o, "dh": dh, "dz_h": dz_h, "dm_h": dm_h,
        "dx": cache["wh"] * dm_h, "dy": de, "dwh": cache["x"] * dm_h, "dbh": dz_h, "dwo": cache["h"] * dm_o, "dbo": do,
    }  # fmt: skip
    ### END SOLUTION


def _net_with_steps(dL, cache, **steps):
    """The net's backward with other steps, by the gradient that each gives: functions of the gradients so far."""
    every = {
        "de": lambda g: 2 * cache["e"] * g["dL"],
        "do": lambda g: -g["de"],
        "dm_o": lambda g: g["do"],
        "dh": lambda g: cache["wo"] * g["dm_o"],
        "dz_h": lambda g: g["dh"] * (cache["z_h"] > 0),
        "dm_h": lambda g: g["dz_h"],
        "dx": lambda g: cache["wh"] * g["dm_h"],
        "dy": lambda g: g["de"],
        "dwh": lambda g: cache["x"] * g["dm_h"],
        "dbh": lambda g: g["dz_h"],
        "dwo": lambda g: cache["h"] * g["dm_o"],
        "dbo": lambda g: g["do"],
        **steps,
    }
    gradients = {"dL": dL}
    for name, step in every.items():
        gradients[name] = step(gradients)
    del gradients["dL"]
    return gradients


@mistake(scalar_net_graph_backward, "What is the slope of a square?")
def error_without_its_two(dL, cache):
    return _net_with_steps(dL, cache, de=lambda g: cache["e"] * dL)


@mistake(scalar_net_graph_backward, "Your de is the same whatever dL is: the local derivative is one factor of two.")
def loss_taken_as_the_end_of_the_graph(dL, cache):
    return _net_with_steps(1.0, cache)


@mistake(scalar_net_graph_backward, "When o rises, does e = y - o rise or fall?")
def sign_of_the_output_in_the_error(dL, cache):
    return _net_with_steps(dL, cache, do=lambda g: g["de"])


@mistake(scalar_net_graph_backward, "m_o = w_o h: what multiplies the gradient on its way to h?")
def output_weight_left_out(dL, cache):
    return _net_with_steps(dL, cache, dh=lambda g: g["dm_o"])


@mistake(scalar_net_graph_backward, "A product swaps its inputs: which factor goes to w_o, and which to h?")
def output_product_not_swapped(dL, cache):
    return _net_with_steps(dL, cache, dh=lambda g: cache["h"] * g["dm_o"], dwo=lambda g: cache["wo"] * g["dm_o"])


@mistake(scalar_net_graph_backward, "Where z_h < 0, does h move when z_h does?")
def hidden_unit_always_on(dL, cache):
    return _net_with_steps(dL, cache, dz_h=lambda g: g["dh"])


@mistake(scalar_net_graph_backward, "How fast h moves with z_h is a slope, and not the value of h.")
def relu_value_for_its_slope(dL, cache):
    return _net_with_steps(dL, cache, dz_h=lambda g: g["dh"] * cache["h"])


@mistake(scalar_net_graph_backward, "What decides whether the unit is on: the sign of its gradient, or that of z_h?")
def relu_masked_by_its_gradient(dL, cache):
    return _net_with_steps(dL, cache, dz_h=lambda g: g["dh"] * (g["dh"] > 0))


@mistake(scalar_net_graph_backward, "A product swaps its inputs: which factor goes to w_h, and which to x?")
def hidden_product_not_swapped(dL, cache):
    return _net_with_steps(dL, cache, dx=lambda g: cache["x"] * g["dm_h"], dwh=lambda g: cache["wh"] * g["dm_h"])


@mistake(scalar_net_graph_backward, "b_h sits below the ReLU: which node's gradient does its sum hand down?")
def hidden_bias_above_the_relu(dL, cache):
    return _net_with_steps(dL, cache, dbh=lambda g: g["dh"])


@mistake(scalar_net_graph_backward, "w_o meets the unit above the ReLU: is that h, or z_h?")
def preactivation_for_the_unit(dL, cache):
    return _net_with_steps(dL, cache, dwo=lambda g: cache["z_h"] * g["dm_o"])


@mistake(scalar_net_graph_backward, "The target is an input of e as well: when y rises, does e rise or fall?")
def sign_of_the_target(dL, cache):
    return _net_with_steps(dL, cache, dy=lambda g: -g["de"])


@mistake(scalar_net_graph_backward, "These are the values of the nodes; what is wanted is how fast L moves with each.")
def bias_values_for_their_gradients(dL, cache):
    return _net_with_steps(dL, cache, dbo=lambda g: cache["bo"] * g["do"], dbh=lambda g: cache["bh"] * g["dz_h"])


def scalar_net_forward(x: float, y: float, wh: float, bh: float, wo: float, bo: float):
    """The loss (y - o)^2 with h = ReLU(wh x + bh) and o = wo h + bo: return (L, cache). Lecture S0-16."""
    ### BEGIN SOLUTION
    expect_shapes(scalar_net_forward, x, y, wh, bh, wo, bo)
    z = wh * x + bh
    h = max(z, 0.0)
    e = y - (wo * h + bo)
    return e**2, (x, z, h, e, wo)
    ### END SOLUTION


@exercise(
    scalar_net_forward,
    wrt=("wh", "bh", "wo", "bo"),
    points=3,
    rows=("S0-16",),
    hints=(
        "Start with do, how fast L moves with o: all four gradients contain it.",
        "Then do goes to bo as it is, to wo times h, and down to the unit times wo.",
        "At the unit, ReLU lets the gradient through only where its input is positive.",
    ),
    draw=_POSITIVE,
    edges=_UNIT,
)
def scalar_net_backward(dL, cache):
    """Gradients of L = (y - wo ReLU(wh x + bh) - bo)^2: return (dwh, dbh, dwo, dbo), four numbers, given dL.

    At wh x + bh = 0 any slope of ReLU from 0 to 1 is accepted. Lecture S0-16, where w_n should read w_h.
    """
    ### BEGIN SOLUTION
    # With $\bar o = -2e\bar L$ and $\bar z = w_o\,1\{z>0\}\,\bar o$:
    # $$\bar w_h = x\,\bar z,\qquad \bar b_h = \bar z,\qquad \bar w_o = h\,\bar o,\qquad \bar b_o = \bar o.$$
    x, z, h, e, wo = cache
    do = -2 * e * dL
    dz = do * wo * (z > 0)
    return x * dz, dz, h * do, do
    ### END SOLUTION


@mistake(scalar_net_backward, "When o rises, does y - o rise or fall?")
def all_signs_turned(dL, cache):
    return scalar_net_backward(-dL, cache)


@mistake(scalar_net_backward, "What is the slope of a square?")
def net_without_the_two(dL, cache):
    return scalar_net_backward(dL / 2, cache)


@mistake(scalar_net_backward, "Where the unit is off, does the loss hear of wh and bh?")
def net_with_its_unit_always_on(dL, cache):
    x, z, h, e, wo = cache
    do = -2 * e * dL
    return x * do * wo, do * wo, h * do, do


@mistake(scalar_net_backward, "On its way down to the unit the gradient passes wo.")
def output_weight_passed_over(dL, cache):
    x, z, h, e, wo = cache
    _, _, dwo, dbo = scalar_net_backward(dL, cache)
    return x * dbo * (z > 0), dbo * (z > 0), dwo, dbo


@mistake(scalar_net_backward, "What does wo multiply in the forward: the unit's output, or its input?")
def output_weight_by_the_preactivation(dL, cache):
    dwh, dbh, _, dbo = scalar_net_backward(dL, cache)
    return dwh, dbh, cache[1] * dbo, dbo


@mistake(scalar_net_backward, "wh multiplies x: is the slope of a product with one factor not the other?")
def input_left_out(dL, cache):
    _, dbh, dwo, dbo = scalar_net_backward(dL, cache)
    return dbh, dbh, dwo, dbo


@mistake(scalar_net_backward, "What should happen to your answer if dL doubles?")
def net_without_upstream(dL, cache):
    return scalar_net_backward(1.0, cache)


@mistake(scalar_net_backward, "Is your output 0 where the unit is off, and o then bo?", half="forward")
def relu_left_out_of_the_forward(x, y, wh, bh, wo, bo):
    z = wh * x + bh
    e = y - (wo * z + bo)
    return e**2, (x, z, z, e, wo)


# -- the lecture's example --------------------------------------------------------------------------------------------


def sigma(z: float) -> float:
    """The logistic sigmoid 1 / (1 + exp(-z)), without overflow for negative z."""
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def staged_forward(x: float, y: float):
    """The value of (x + sigma(y)) / (sigma(x) + (x + y)^2): return (out, cache). Lectures S4-06 and S4-07.

    sigma(z) is 1 / (1 + exp(-z)); write it so that z = -800 does no harm. Give every intermediate value a name of its
    own: the backward goes through them in reverse.
    """
    ### BEGIN SOLUTION
    expect_shapes(staged_forward, x, y)
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
    rows=("S4-07", "S4-08", "S4-09"),
    hints=(
        "Undo the forward's lines one by one, from the last to the first; each needs its own result's gradient only.",
        "x is used three times and y twice: the gradients that arrive along the different paths are added up.",
        "d(1/den) = -1/den^2, d(xpy^2) = 2 xpy, and the derivative of sigma is sigma (1 - sigma).",
    ),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_backward(dout, cache):
    """Gradients of f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2): return (dx, dy), both numbers.

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


@exercise(
    kind="value",
    points=3,
    rows=("S4-06",),
    hints=(
        "A quotient: write f = n / d, and first differentiate n = x + sigma(y) and d = sigma(x) + (x + y)^2 by x.",
        "By the quotient rule, df/dx = n'/d - n d'/d^2. d' has two terms, and one of them is the slope of sigma.",
        "At x = 3, y = -4 it is 2.05957.",
    ),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}, "x = 3, y = -4": {"x": (3, 3), "y": (-4, -4)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_slope(x: float, y: float):
    """The derivative of (x + sigma(y)) / (sigma(x) + (x + y)^2) by x, as one formula: return df/dx, a number.

    sigma(z) is 1 / (1 + exp(-z)), and z may be -800. Do it without stages, to see what they are worth. Lecture S4-06.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial f}{\partial x} = \frac1d - \frac{n}{d^2}\big(\sigma(x)(1-\sigma(x)) + 2(x+y)\big),\qquad
    #   n = x+\sigma(y),\quad d = \sigma(x)+(x+y)^2.$$
    expect_shapes(staged_slope, x, y)
    s = sigma(x)
    d = s + (x + y) ** 2
    return 1 / d - (x + sigma(y)) / d**2 * (s * (1 - s) + 2 * (x + y))
    ### END SOLUTION


def _quotient(x, y):
    """Numerator, denominator, and the two terms of the denominator's derivative, for the wrong answers."""
    s = sigma(x)
    return x + sigma(y), s + (x + y) ** 2, s * (1 - s), 2 * (x + y)


@mistake(staged_slope, "The denominator depends on x as well.")
def denominator_held_constant(x, y):
    return 1 / _quotient(x, y)[1]


@mistake(staged_slope, "The numerator depends on x as well: it starts with x.")
def numerator_held_constant(x, y):
    n, d, one, two = _quotient(x, y)
    return -n / d**2 * (one + two)


@mistake(staged_slope, "If the denominator rises, does the quotient rise or fall?")
def plus_in_the_quotient_rule(x, y):
    n, d, one, two = _quotient(x, y)
    return 1 / d + n / d**2 * (one + two)


@mistake(staged_slope, "In the quotient rule, what is the denominator of the second term?")
def quotient_rule_without_the_square(x, y):
    n, d, one, two = _quotient(x, y)
    return 1 / d - n / d * (one + two)


@mistake(staged_slope, "Two terms of the denominator depend on x: what is the slope of the sigmoid?")
def sigmoid_in_the_denominator_held_constant(x, y):
    n, d, _, two = _quotient(x, y)
    return 1 / d - n / d**2 * two


@mistake(staged_slope, "Look at the derivative of the square once more.")
def square_in_the_denominator_without_its_two(x, y):
    n, d, one, two = _quotient(x, y)
    return 1 / d - n / d**2 * (one + two / 2)


@mistake(staged_slope, "That is the derivative by y.")
def derivative_by_the_other_input(x, y):
    n, d, _, two = _quotient(x, y)
    return sigma(y) * (1 - sigma(y)) / d - n / d**2 * two


@mistake(staged_slope, "Try x = -800 and y = -800: how large is exp(-x)?")
def formula_as_printed(x, y):
    n, d = x + 1 / (exp(-y) + 1), 1 / (exp(-x) + 1) + (x + y) ** 2
    return 1 / d - n * (exp(-x) / (exp(-x) + 1) ** 2 + 2 * (x + y)) / d**2
