"""The vanilla recurrent network: a step, the way back through time, and the factors that this way is made of."""

import numpy as np
from numpy import ndarray

from checker import Float, expect_shapes, keep, task


def rnn_step_forward(
    x: Float[ndarray, "N D"],
    h_prev: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
):
    """One step: return (h, cache) with h = tanh(x wx^T + h_prev wh^T + b) of shape (N, H).

    Lecture S1-09, where the sum over j should start at 1 and leave nothing out. Its a is the h of this function, and
    its h what tanh is taken of.
    """
    raise NotImplementedError  # your answer goes here


@task(rnn_step_forward, points=3, rows=("S1-09",), edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}})
def rnn_step_backward(dh, cache):
    """Gradients of one step: return (dx, dh_prev, dwx, dwh, db), each of its input's shape, given dh (N, H).

    Lecture S1-09.
    """
    raise NotImplementedError  # your answer goes here


def rnn_step_stages_forward(
    x: Float[ndarray, "N D"],
    h_prev: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
    node=keep,
):
    """The same step in stages: return (h, cache), with every intermediate a node of the graph. Lecture S1-09."""
    expect_shapes(rnn_step_stages_forward, x, h_prev, wx, wh, b)
    from_x = node("from_x", x @ wx.T)
    from_h = node("from_h", h_prev @ wh.T)
    a = node("a", from_x + from_h + b)
    h = np.tanh(a)
    return h, (x, h_prev, wx, wh, h)


@task(
    rnn_step_stages_forward,
    nodes={"a": "N H", "from_h": "N H", "from_x": "N H"},
    points=3,
    rows=("S1-09",),
    edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_step_stages_backward(dh, cache):
    """The gradient of every node and input of the step, given dh (N, H): return a dict of eight arrays.

    Its keys: "da", "dfrom_h" and "dfrom_x", of shape (N, H), and "dx", "dh_prev", "dwx", "dwh" and "db", each of its
    input's shape; no two of them the same array. Lecture S1-09.
    """
    raise NotImplementedError  # your answer goes here


def rnn_forward(
    x: Float[ndarray, "N T D"],
    h0: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
):
    """All T steps from the state h0: return (h, cache) with every state, of shape (N, T, H). Lecture S1-09."""
    raise NotImplementedError  # your answer goes here


@task(
    rnn_forward,
    points=5,
    rows=("S1-11", "S1-15"),
    edges={"one step": {"T": 1}, "a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_backward(dh, cache):
    """Backpropagation through time: return (dx, dh0, dwx, dwh, db), each of its input's shape, given dh (N, T, H).

    dh[:, t] is what the loss sends to the state h[:, t] directly. Lectures S1-11 and S1-15.
    """
    raise NotImplementedError  # your answer goes here


def rnn_stacked_step_forward(a_prev: Float[ndarray, "H"], x: Float[ndarray, "D"], w: Float[ndarray, "H H+D+1"]):
    """One step with all parameters in one matrix: return (a, cache) with a = tanh(w a_hat), of shape (H,).

    a_hat = (a_prev, x, 1), one after the other. Lecture S1-09 prints it behind the bias, where it is the definition of
    a_hat; then w is the stacked [W, W_in, b], and not W alone.
    """
    raise NotImplementedError  # your answer goes here


@task(rnn_stacked_step_forward, points=2, rows=("S1-09",), edges={"one unit": {"H": 1}, "one input": {"D": 1}})
def rnn_stacked_step_backward(da, cache):
    """Gradients of the stacked step: return (da_prev, dx, dw) of shapes (H,), (D,) and (H, H+D+1), given da (H,).

    Lecture S1-09.
    """
    raise NotImplementedError  # your answer goes here


def rnn_readout_loss_forward(a: Float[ndarray, "H"], w_out: Float[ndarray, "O H"], y: Float[ndarray, "O"]):
    """The loss of one time, half the squared distance of the output w_out a from y: return (loss, cache).

    Lecture S1-10.
    """
    raise NotImplementedError  # your answer goes here


@task(
    rnn_readout_loss_forward,
    wrt=("a", "w_out"),
    points=2,
    rows=("S1-10",),
    edges={"one output": {"O": 1}, "one unit": {"H": 1}},
)
def rnn_readout_loss_backward(dout, cache):
    """Gradients of the loss of one time: return (da, dw_out) of shapes (H,) and (O, H), given the scalar dout.

    Lecture S1-10. The target y needs none.
    """
    raise NotImplementedError  # your answer goes here


def rnn_two_steps_forward(
    x: Float[ndarray, "2 D"],
    a0: Float[ndarray, "H"],
    w: Float[ndarray, "H H"],
    w_in: Float[ndarray, "H D"],
    b: Float[ndarray, "H"],
    y: Float[ndarray, "2 H"],
    node=keep,
):
    """Two steps, unrolled: return (loss, cache), where each state a1, a2 should be near its target. Lecture S1-08.

    h is what tanh is taken of, and a the state, as in the lecture.
    """
    expect_shapes(rnn_two_steps_forward, x, a0, w, w_in, b, y)
    h1 = node("h1", w @ a0 + w_in @ x[0] + b)
    a1 = node("a1", np.tanh(h1))
    h2 = node("h2", w @ a1 + w_in @ x[1] + b)
    a2 = node("a2", np.tanh(h2))
    loss = 0.5 * np.sum((a1 - y[0]) ** 2) + 0.5 * np.sum((a2 - y[1]) ** 2)
    return loss, (x, a0, a1, a2, w, y)


@task(
    rnn_two_steps_forward,
    wrt=("a0", "w", "w_in", "b"),
    nodes={"a2": "H", "h2": "H", "a1": "H", "h1": "H"},
    points=4,
    rows=("S1-08", "S1-11"),
    edges={"one unit": {"H": 1}, "one input": {"D": 1}},
)
def rnn_two_steps_backward(dout, cache):
    """First the nodes' derivatives, then those of the parameters: return a dict of eight arrays, given the scalar dout.

    Its keys: "da2", "dh2", "da1" and "dh1", of shape (H,); "da0", "dw", "dw_in" and "db", each of its input's shape.
    Lectures S1-08 and S1-11: the gradient of w is a sum over the times at which w is used.
    """
    raise NotImplementedError  # your answer goes here


def rnn_sequence_loss_forward(
    x: Float[ndarray, "T D"],
    y: Float[ndarray, "T O"],
    a0: Float[ndarray, "H"],
    w: Float[ndarray, "H H"],
    w_in: Float[ndarray, "H D"],
    b: Float[ndarray, "H"],
    w_out: Float[ndarray, "O H"],
):
    """The loss of a sequence, the sum of the losses of its times: return (loss, cache).

    a_t = tanh(w a_{t-1} + w_in x_t + b) and l_t = half the squared distance of w_out a_t from y_t. Lectures S1-10 and
    S1-11.
    """
    raise NotImplementedError  # your answer goes here


@task(
    rnn_sequence_loss_forward,
    wrt=("x", "a0", "w", "w_in", "b", "w_out"),
    points=4,
    rows=("S1-10", "S1-11"),
    edges={"one step": {"T": 1}, "one output": {"O": 1}, "one unit": {"H": 1}, "eight steps": {"T": 8}},
)
def rnn_sequence_loss_backward(dout, cache):
    """Gradients of a sequence's loss: return (dx, da0, dw, dw_in, db, dw_out), each of its input's shape.

    dout is a scalar, and the targets y need no gradient. Lectures S1-10 and S1-11: the gradient of the sum is the sum
    over t of the gradients of l_t, and each of those is a sum over the times s <= t at which the weights were used.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", points=3, rows=("S1-12",), edges={"one unit": {"H": 1}, "one input": {"D": 1}})
def rnn_immediate_influence(h: Float[ndarray, "H"], a_prev: Float[ndarray, "H"], x: Float[ndarray, "D"]):
    """The immediate influence of the weights on the state: return m_bar of shape (H, H, H+D+1).

    m_bar[k, i, j] is the derivative of a[k] = tanh(h[k]) by w[i, j] with a_prev held fixed, where h = w a_hat,
    a_hat = (a_prev, x, 1) and w is the stacked [W, W_in, b]. Lecture S1-12, which asks for it.
    """
    raise NotImplementedError  # your answer goes here


def rnn_recurrence(
    a_prev: Float[ndarray, "H"],
    x: Float[ndarray, "D"],
    w: Float[ndarray, "H H"],
    w_in: Float[ndarray, "H D"],
    b: Float[ndarray, "H"],
):
    """One step of the recurrence: return the new state tanh(w a_prev + w_in x + b), of shape (H,). Lecture S1-09."""
    expect_shapes(rnn_recurrence, a_prev, x, w, w_in, b)
    return np.tanh(w @ a_prev + w_in @ x + b)


@task(
    rnn_recurrence,
    kind="jacobian",
    layout="numerator",
    wrt=("a_prev",),
    points=2,
    rows=("S1-13",),
    edges={"one unit": {"H": 1}},
)
def rnn_jacobian(a_prev, x, w, w_in, b):
    """The Jacobian of the new state by the one before: return j of shape (H, H) with j[i, j] = da[i]/da_prev[j].

    The row is the new state's index (numerator layout). Lecture S1-13, which asks for it.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", points=2, rows=("S1-14",), edges={"one output": {"O": 1}, "one unit": {"H": 1}})
def rnn_loss_gradient(a: Float[ndarray, "H"], w_out: Float[ndarray, "O H"], y: Float[ndarray, "O"]):
    """The derivative q of a time's loss, half the squared distance of w_out a from y, by the state: return q (H,).

    Lecture S1-14, which asks for it.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S1-15",),
    draw={"s": lambda rng, sizes: rng.integers(0, max(1, sizes["T"] - 2))},
    edges={
        "the last time": {"s": lambda rng, sizes: sizes["T"] - 1},
        "the last but one": {"s": lambda rng, sizes: max(0, sizes["T"] - 2)},
        "one step": {"T": 1},
        "one unit": {"H": 1},
    },
)
def bptt_term(q: Float[ndarray, "H"], js: Float[ndarray, "T H H"], m_bars: Float[ndarray, "T H H P"], s: int):
    """The derivative of the last time's loss by the weights as used at time s alone: return an array of shape (H, P).

    q is the derivative of the last loss by the last state. At each time t from 0 to T - 1, js[t] is the Jacobian of
    that state by the one before, and m_bars[t] the immediate influence of the weights on it: m_bars[t, k, i, j] is
    the derivative of unit k by w[i, j]. Lecture S1-15: q J J J M, where M should be of the time just before the first
    J, which the lecture leaves open.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=3,
    rows=("S1-11", "S1-15"),
    edges={"one step": {"T": 1}, "two steps": {"T": 2}, "one unit": {"H": 1}},
)
def bptt_gradient(q: Float[ndarray, "H"], js: Float[ndarray, "T H H"], m_bars: Float[ndarray, "T H H P"]):
    """The whole derivative of the last time's loss by the weights: return an array of shape (H, P).

    It is the sum of the terms of all times s <= t; q, js and m_bars are as for one term. Lectures S1-11 and S1-15,
    where the sum is implied.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="value",
    points=4,
    rows=("S1-16",),
    draw={"k": (2, 2)},
    edges={
        "k of 1": {"k": (1, 1)},
        "k of T": {"k": lambda rng, sizes: sizes["T"]},
        "k beyond the sequence": {"k": (9, 9)},
        "eight steps, k of 3": {"T": 8, "k": (3, 3)},
        "one step": {"T": 1},
        "one unit": {"H": 1},
    },
)
def truncated_bptt(qs: Float[ndarray, "T H"], js: Float[ndarray, "T H H"], m_bars: Float[ndarray, "T H H P"], k: int):
    """Backpropagation through time that goes back k uses of the weights from each loss: return an array (H, P).

    The sum over all times t of the derivative of l_t by the weights as used at the times t, t - 1, ..., t - k + 1, as
    far as the sequence goes; qs[t] is the derivative of l_t by the state of time t, js and m_bars are as above. With
    k = 1 only the immediate influence counts, and from k = T on it is the whole gradient. Lecture S1-16, which unrolls
    "for some number" of times: k is that number here.
    """
    raise NotImplementedError  # your answer goes here
