"""Gated recurrent networks: the LSTM, by the step and through time, and a step of the GRU."""

from numpy import ndarray

from checker import Float, task


def lstm_step_forward(
    x: Float[ndarray, "N D"],
    h_prev: Float[ndarray, "N H"],
    c_prev: Float[ndarray, "N H"],
    wx: Float[ndarray, "4*H D"],
    wh: Float[ndarray, "4*H H"],
    b: Float[ndarray, "4*H"],
):
    """One step of an LSTM: return ((h, c), cache), h and c of shape (N, H).

    a = x wx^T + h_prev wh^T + b has four blocks of H columns, in this order: i = sigmoid(a's first), f = sigmoid(its
    second), g = tanh(its third), o = sigmoid(its fourth). Then c = f c_prev + i g and h = o tanh(c).
    Source: Hochreiter and Schmidhuber 1997, with the forget gate f of Gers et al. 2000; blocks ordered as in PyTorch.
    """
    raise NotImplementedError  # your answer goes here


STEP_EDGES = {
    "a batch of 1": {"N": 1},
    "one unit": {"H": 1},
    "one feature": {"D": 1},
    "more units than features": {"D": 2, "H": 5},
}
SATURATED = {
    "gates wide open": {"wx": (300, 500), "x": (2, 4)},
    "gates shut": {"wx": (300, 500), "x": (-4, -2)},
}


@task(
    lstm_step_forward,
    points=6,
    edges={
        **STEP_EDGES,
        "a large cell": {"c_prev": (1.0, 3.0)},
    },
    overflow=SATURATED,
)
def lstm_step_backward(dh, dc, cache):
    """Gradients of an LSTM's step: return (dx, dh_prev, dc_prev, dwx, dwh, db), each of its input's shape.

    Given dh and dc, both (N, H): what the loss sends to h, and to c on all ways but the one through this step's h.
    Source: Gers et al. 2000, as in lstm_step_forward, differentiated.
    """
    raise NotImplementedError  # your answer goes here


def lstm_forward(
    x: Float[ndarray, "N T D"],
    h0: Float[ndarray, "N H"],
    c0: Float[ndarray, "N H"],
    wx: Float[ndarray, "4*H D"],
    wh: Float[ndarray, "4*H H"],
    b: Float[ndarray, "4*H"],
):
    """All T steps of an LSTM from the state h0 and the cell c0: return (h, cache) with every state, (N, T, H).

    Each step is that of lstm_step_forward. Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000.
    """
    raise NotImplementedError  # your answer goes here


@task(lstm_forward, points=5, edges={"one step": {"T": 1}, "two steps": {"T": 2}, **STEP_EDGES}, overflow=SATURATED)
def lstm_backward(dh, cache):
    """Backpropagation through time: return (dx, dh0, dc0, dwx, dwh, db), each of its input's shape, given dh (N, T, H).

    dh[:, t] is what the loss sends to the state h[:, t] directly; it looks at no cell.
    Source: Werbos 1990, for the steps of lstm_forward.
    """
    raise NotImplementedError  # your answer goes here


def gru_step_forward(
    x: Float[ndarray, "N D"],
    h_prev: Float[ndarray, "N H"],
    wx: Float[ndarray, "3*H D"],
    wh: Float[ndarray, "3*H H"],
    bx: Float[ndarray, "3*H"],
    bh: Float[ndarray, "3*H"],
):
    """One step of a gated recurrent unit: return (h, cache), h of shape (N, H).

    a = x wx^T + bx and u = h_prev wh^T + bh have three blocks of H columns each, in this order: r = sigmoid(a_1 + u_1),
    z = sigmoid(a_2 + u_2), n = tanh(a_3 + r u_3). Then h = (1 - z) n + z h_prev.
    Source: Cho et al. 2014, eq. 5-8, with r after the product, two biases and blocks in this order as in PyTorch.
    """
    raise NotImplementedError  # your answer goes here


@task(gru_step_forward, points=6, edges={**STEP_EDGES, "large states": {"h_prev": (1.0, 3.0)}}, overflow=SATURATED)
def gru_step_backward(dh, cache):
    """Gradients of a GRU's step: return (dx, dh_prev, dwx, dwh, dbx, dbh), each of its input's shape, given dh (N, H).

    Source: Cho et al. 2014, as in gru_step_forward, differentiated.
    """
    raise NotImplementedError  # your answer goes here
