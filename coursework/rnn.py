"""The vanilla recurrent network h_t = tanh(x_t wx^T + h_{t-1} wh^T + b): one step, then the way back through time."""

from numpy import ndarray

from checker import Float, task


def rnn_step_forward(
    x: Float[ndarray, "N D"],
    h_prev: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
):
    """One step: return (h, cache) with h = tanh(x wx^T + h_prev wh^T + b) of shape (N, H).

    Lecture S1-09, where the sum over j should start at 1 and leave nothing out.
    """
    raise NotImplementedError  # your answer goes here


@task(
    rnn_step_forward,
    points=3,
    rows=("S1-09", "S1-12", "S1-13"),
    edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_step_backward(dh, cache):
    """Gradients of one step: return (dx, dh_prev, dwx, dwh, db), each of its input's shape, given dh (N, H).

    Lectures S1-09 and S1-13.
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

    dh[:, t] is what the loss sends to the state h[:, t] directly. Lectures S1-11 and S1-15, where M should be that of
    the time t - 1.
    """
    raise NotImplementedError  # your answer goes here
