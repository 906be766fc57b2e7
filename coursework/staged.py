"""Staged computations: a formula taken apart into simple lines, whose backward undoes them one by one."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, keep, task

_POSITIVE = {"x": (0.5, 2.0), "wh": (0.5, 1.5), "bh": (-0.2, 0.5)}
_UNIT = {
    "a unit that is off": {"bh": (-9, -8)},
    "negative x and wh": {"x": (-2.0, -0.5), "wh": (-1.5, -0.5)},
    "a loss of 0": {"bh": (0, 0), "x": (1, 1), "wh": (1, 1), "wo": (2, 2), "bo": (1, 1), "y": (3, 3)},
}


def softplus_graph_forward(x: Float[ndarray, "N D"], node=keep):
    """log(1 + exp(x)) of each entry, in stages: return (out, cache), with the values of the nodes in the cache by name.

    `node` gives a stage the name under which its gradient is asked for, and changes nothing. Lecture S3-05. Beyond x =
    700 these stages overflow; the stable form is an exercise among the activations.
    """
    expect_shapes(softplus_graph_forward, x)
    b = node("b", np.exp(x))
    a = node("a", 1 + b)
    return np.log(a), {"b": b, "a": a}


@task(
    softplus_graph_forward,
    nodes={"a": "N D", "b": "N D"},
    points=2,
    rows=("S3-05",),
    draw={"x": (0, 1)},
    edges={"x = 0": {"x": (0, 0)}, "inputs below 0": {"x": (-6, -4)}, "inputs above 1": {"x": (2, 6)}},
)
def softplus_graph_backward(dout, cache):
    """All gradients of b = exp(x), a = 1 + b, out = log(a), given dout (N, D): return a dict of three arrays (N, D).

    They are {"da": ..., "db": ..., "dx": ...}, where da = dL/da, and so on. Lecture S3-05.
    """
    raise NotImplementedError  # your answer goes here


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


@task(
    scalar_net_graph_forward,
    nodes={"e": "", "o": "", "m_o": "", "h": "", "z_h": "", "m_h": ""},
    points=4,
    rows=("S0-16",),
    draw=_POSITIVE,
    edges=_UNIT,
)
def scalar_net_graph_backward(dL, cache):
    """All gradients of scalar_net_graph_forward, given the number dL: return a dict of numbers, by name.

    Those of the nodes are "de", "do", "dm_o", "dh", "dz_h" and "dm_h", those of the inputs "dx", "dy", "dwh", "dbh",
    "dwo" and "dbo". At z_h = 0 any slope of ReLU from 0 to 1 is accepted. Lecture S0-16, where w_n and m_n are w_h and
    m_h; it asks for the gradients of w_o, b_o and b_h, and leaves them to you.
    """
    raise NotImplementedError  # your answer goes here


def scalar_net_forward(x: float, y: float, wh: float, bh: float, wo: float, bo: float):
    """The loss (y - o)^2 with h = ReLU(wh x + bh) and o = wo h + bo: return (L, cache). Lecture S0-16."""
    raise NotImplementedError  # your answer goes here


@task(scalar_net_forward, wrt=("wh", "bh", "wo", "bo"), points=3, rows=("S0-16",), draw=_POSITIVE, edges=_UNIT)
def scalar_net_backward(dL, cache):
    """Gradients of L = (y - wo ReLU(wh x + bh) - bo)^2: return (dwh, dbh, dwo, dbo), four numbers, given dL.

    At wh x + bh = 0 any slope of ReLU from 0 to 1 is accepted. Lecture S0-16, where w_n should read w_h.
    """
    raise NotImplementedError  # your answer goes here


def staged_forward(x: float, y: float):
    """The value of (x + sigma(y)) / (sigma(x) + (x + y)^2): return (out, cache). Lectures S4-06 and S4-07.

    sigma(z) is 1 / (1 + exp(-z)); write it so that z = -800 does no harm. Give every intermediate value a name of its
    own: the backward goes through them in reverse.
    """
    raise NotImplementedError  # your answer goes here


@task(
    staged_forward,
    points=3,
    rows=("S4-07", "S4-08", "S4-09"),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_backward(dout, cache):
    """Gradients of f(x, y) = (x + sigma(y)) / (sigma(x) + (x + y)^2): return (dx, dy), both numbers.

    Lectures S4-08 and S4-09, whose code assigns `dxdpy` and then uses `dxpy`: read `dxpy` in both places.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S4-06",),
    edges={"x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}, "x = 3, y = -4": {"x": (3, 3), "y": (-4, -4)}},
    overflow={"x of -800": {"x": (-800, -800)}, "y of -800": {"y": (-800, -800)}},
)
def staged_slope(x: float, y: float):
    """The derivative of (x + sigma(y)) / (sigma(x) + (x + y)^2) by x, as one formula: return df/dx, a number.

    sigma(z) is 1 / (1 + exp(-z)), and z may be -800. Do it without stages, to see what they are worth. Lecture S4-06.
    """
    raise NotImplementedError  # your answer goes here
