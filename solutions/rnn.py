"""The vanilla recurrent network h_t = tanh(x_t wx^T + h_{t-1} wh^T + b): one step, then the way back through time."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, mistake


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
    ### BEGIN SOLUTION
    width = wh.shape[:1]
    if x.shape[1:] != wx.shape[1:] or not h_prev.shape[1:] == wx.shape[:1] == wh.shape[1:] == b.shape == width:
        shapes = f"x {x.shape}, h_prev {h_prev.shape}, wx {wx.shape}, wh {wh.shape} and b {b.shape}"
        raise ValueError(f"{shapes} should be (N, D), (N, H), (H, D), (H, H) and (H,)")
    h = np.tanh(x @ wx.T + h_prev @ wh.T + b)
    return h, (x, h_prev, wx, wh, h)
    ### END SOLUTION


@exercise(
    rnn_step_forward,
    points=3,
    rows=("S1-09", "S1-12", "S1-13"),
    hints=(
        "Go through tanh first: from the gradient of h to that of what tanh is taken of.",
        "What is left is an affine layer with two inputs, x and h_prev: each has its own weights.",
        "The slope of tanh is 1 - h^2, and h is in the cache already.",
    ),
    edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_step_backward(dh, cache):
    """Gradients of one step: return (dx, dh_prev, dwx, dwh, db), each of its input's shape, given dh (N, H).

    Lectures S1-09 and S1-13.
    """
    ### BEGIN SOLUTION
    # With $a = xW_x^\top + h'W_h^\top + b$ and $h = \tanh a$: $\bar a = \bar h \odot (1-h^2)$, and as in affine
    # $$\bar x = \bar a W_x,\quad \bar h' = \bar a W_h,\quad \bar W_x = \bar a^\top x,\quad \bar W_h = \bar a^\top h',
    #   \quad \bar b = \textstyle\sum_n \bar a_n.$$
    x, h_prev, wx, wh, h = cache
    da = dh * (1 - h**2)
    return da @ wx, da @ wh, da.T @ x, da.T @ h_prev, da.sum(axis=0)
    ### END SOLUTION


def _step(da, x, h_prev, wx, wh):
    """The affine part of a step's backward, for the wrong answers below."""
    return da @ wx, da @ wh, da.T @ x, da.T @ h_prev, da.sum(axis=0)


@mistake(rnn_step_backward, "Between h and the sums there is tanh: where is its derivative?")
def tanh_passed_straight_through(dh, cache):
    return _step(dh, *cache[:4])


@mistake(rnn_step_backward, "The cache already holds the activated value: tanh is taken once too often.")
def tanh_of_the_tanh(dh, cache):
    return _step(dh * (1 - np.tanh(cache[4]) ** 2), *cache[:4])


@mistake(
    rnn_step_backward,
    "The recurrent weights are square, so their shape does not tell: which index does the sum run over?",
)
def recurrent_weights_turned(dh, cache):
    dx, _, dwx, dwh, db = rnn_step_backward(dh, cache)
    return dx, dh * (1 - cache[4] ** 2) @ cache[3].T, dwx, dwh, db


@mistake(rnn_step_backward, "dwh is square, so its shape does not tell: its first index is the unit that is written.")
def recurrent_gradient_turned(dh, cache):
    dx, dh_prev, dwx, dwh, db = rnn_step_backward(dh, cache)
    return dx, dh_prev, dwx, dwh.T, db


@mistake(rnn_step_backward, "Which state does wh multiply in this step: the one before it or the one after?")
def new_state_for_the_old(dh, cache):
    dx, dh_prev, dwx, _, db = rnn_step_backward(dh, cache)
    return dx, dh_prev, dwx, (dh * (1 - cache[4] ** 2)).T @ cache[4], db


@mistake(rnn_step_backward, "The bias comes in before tanh, not after it.")
def bias_after_the_tanh(dh, cache):
    return (*rnn_step_backward(dh, cache)[:4], dh.sum(axis=0))


@mistake(
    rnn_step_backward, "A gradient has exactly the shape of the thing it is the gradient of: compare db's with b's."
)
def step_bias_with_an_extra_axis(dh, cache):
    *rest, db = rnn_step_backward(dh, cache)
    return (*rest, db[None])


@mistake(rnn_step_backward, "Changing b does not change your state.", half="forward")
def step_without_its_bias(x, h_prev, wx, wh, b):
    return rnn_step_forward(x, h_prev, wx, wh, np.zeros_like(b))


def rnn_forward(
    x: Float[ndarray, "N T D"],
    h0: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
):
    """All T steps from the state h0: return (h, cache) with every state, of shape (N, T, H). Lecture S1-09."""
    ### BEGIN SOLUTION
    if x.ndim != 3 or len(x) != len(h0):
        raise ValueError(f"x {x.shape} and h0 {h0.shape} should be (N, T, D) and (N, H)")
    h, caches = [h0], []
    for t in range(x.shape[1]):
        state, cache = rnn_step_forward(x[:, t], h[-1], wx, wh, b)
        h.append(state)
        caches.append(cache)
    return np.stack(h[1:], axis=1), caches
    ### END SOLUTION


@exercise(
    rnn_forward,
    points=5,
    rows=("S1-11", "S1-15"),
    hints=(
        "Use the step's backward, from the last step to the first.",
        "A state has two consumers, the loss at its own time and the next step: their gradients are added.",
        "The weights are used at every step: each step adds its share.",
    ),
    edges={"one step": {"T": 1}, "a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_backward(dh, cache):
    """Backpropagation through time: return (dx, dh0, dwx, dwh, db), each of its input's shape, given dh (N, T, H).

    dh[:, t] is what the loss sends to the state h[:, t] directly. Lectures S1-11 and S1-15, where M should be that of
    the time t - 1.
    """
    ### BEGIN SOLUTION
    # $$\bar h_t = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}} + \bar a_{t+1} W_h,\qquad
    #   \bar W = \sum_t \bar a_t^\top\,(\cdot)_t,\qquad \bar h_0 = \bar a_1 W_h.$$
    return _through_time(dh, cache)
    ### END SOLUTION


def _through_time(dh, cache, step=rnn_step_backward, carry=1.0):
    """The loop of backpropagation through time; `carry` scales what one step hands to the one before it."""
    dx, from_later = np.empty((*dh.shape[:2], cache[0][0].shape[1])), 0.0
    shares = [np.zeros_like(w) for w in (cache[0][2], cache[0][3], cache[0][3][0])]
    for t in reversed(range(dh.shape[1])):
        dx[:, t], dh_prev, *local = step(dh[:, t] + from_later, cache[t])
        from_later = carry * dh_prev
        shares = [share + more for share, more in zip(shares, local)]
    return dx, dh_prev, *shares


@mistake(rnn_backward, "Each state also feeds the next step: what comes back from there is dropped.")
def nothing_carried_back(dh, cache):
    return _through_time(dh, cache, carry=0.0)


@mistake(rnn_backward, "The weights are used at every step, and your gradient hears from one of them.")
def first_step_only(dh, cache):
    dx, dh0, *_ = rnn_backward(dh, cache)
    upstream = dh[:, 0] + (rnn_backward(dh[:, 1:], cache[1:])[1] if len(cache) > 1 else 0.0)
    return dx, dh0, *rnn_step_backward(upstream, cache[0])[2:]


@mistake(rnn_backward, "The loss looks at every state, not at the last one alone: where does dh[:, t] come in?")
def loss_at_the_last_step_only(dh, cache):
    last = np.zeros_like(dh)
    last[:, -1] = dh[:, -1]
    return rnn_backward(last, cache)


@mistake(rnn_backward, "h0 feeds the first step: does its gradient arrive?")
def initial_state_forgotten(dh, cache):
    dx, dh0, *rest = rnn_backward(dh, cache)
    return dx, np.zeros_like(dh0), *rest


@mistake(
    rnn_backward, "The recurrent weights are square, so their shape does not tell: which index does the sum run over?"
)
def carried_back_through_the_transpose(dh, cache):
    def step(upstream, saved):
        return _step(upstream * (1 - saved[4] ** 2), *saved[:3], saved[3].T)

    return _through_time(dh, cache, step)


@mistake(rnn_backward, "Which state does wh multiply at time t: the one of time t or the one before?")
def state_of_the_wrong_time(dh, cache):
    def step(upstream, saved):
        dx, dh_prev, dwx, _, db = rnn_step_backward(upstream, saved)
        return dx, dh_prev, dwx, (upstream * (1 - saved[4] ** 2)).T @ saved[4], db

    return _through_time(dh, cache, step)


@mistake(rnn_backward, "Between h and the sums there is tanh, at every step: where is its derivative?")
def tanh_left_out_at_every_step(dh, cache):
    return _through_time(dh, cache, lambda upstream, saved: _step(upstream, *saved[:4]))


@mistake(rnn_backward, "Is anything in the forward divided by the number of steps?")
def mean_over_time(dh, cache):
    dx, dh0, *shares = rnn_backward(dh, cache)
    return dx, dh0, *(share / dh.shape[1] for share in shares)


@mistake(rnn_backward, "Which state goes into the second step?", half="forward")
def initial_state_at_every_step(x, h0, wx, wh, b):
    steps = [rnn_step_forward(x[:, t], h0, wx, wh, b) for t in range(x.shape[1])]
    return np.stack([h for h, _ in steps], axis=1), [cache for _, cache in steps]
