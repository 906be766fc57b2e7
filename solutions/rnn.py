"""The vanilla recurrent network: a step, the way back through time, and the factors that this way is made of."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_labels, expect_shapes, keep, mistake

# -- one step, on a batch ---------------------------------------------------------------------------------------------


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
    ### BEGIN SOLUTION
    expect_shapes(rnn_step_forward, x, h_prev, wx, wh, b)
    h = np.tanh(x @ wx.T + h_prev @ wh.T + b)
    return h, (x, h_prev, wx, wh, h)
    ### END SOLUTION


@exercise(
    rnn_step_forward,
    points=3,
    rows=("S1-09",),
    hints=(
        "Go through tanh first: from the gradient of h to that of what tanh is taken of.",
        "What is left is an affine layer with two inputs, x and h_prev: each has its own weights.",
        "The slope of tanh is 1 - h^2, and h is in the cache already.",
    ),
    edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_step_backward(dh, cache):
    """Gradients of one step: return (dx, dh_prev, dwx, dwh, db), each of its input's shape, given dh (N, H).

    Lecture S1-09.
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


@mistake(rnn_step_backward, "Your db does not depend on dh: the local derivative is one factor of two.")
def step_bias_without_upstream(dh, cache):
    *rest, db = rnn_step_backward(dh, cache)
    return (*rest, np.ones_like(db))


@mistake(rnn_step_backward, "One number came out, but b has an entry for each unit: over which axis are they shared?")
def step_bias_as_one_number(dh, cache):
    *rest, db = rnn_step_backward(dh, cache)
    return (*rest, np.sum(db))


@mistake(rnn_step_backward, "The weights serve every row, and each adds its share: is anything divided by N?")
def step_weights_as_a_mean(dh, cache):
    dx, dh_prev, *shares = rnn_step_backward(dh, cache)
    return dx, dh_prev, *(share / len(dh) for share in shares)


@mistake(rnn_step_backward, "Changing b does not change your state.", half="forward")
def step_without_its_bias(x, h_prev, wx, wh, b):
    return rnn_step_forward(x, h_prev, wx, wh, np.zeros_like(b))


@mistake(rnn_step_backward, "Which units does the sum over j run over: does it leave out one of them?", half="forward")
def first_unit_left_out_of_the_sum(x, h_prev, wx, wh, b):
    return np.tanh(x @ wx.T + h_prev[:, 1:] @ wh[:, 1:].T + b), rnn_step_forward(x, h_prev, wx, wh, b)[1]


@mistake(rnn_step_backward, "Do your states lie between -1 and 1?", half="forward")
def state_before_the_tanh(x, h_prev, wx, wh, b):
    return x @ wx.T + h_prev @ wh.T + b, rnn_step_forward(x, h_prev, wx, wh, b)[1]


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


@exercise(
    rnn_step_stages_forward,
    nodes={"a": "N H", "from_h": "N H", "from_x": "N H"},
    points=3,
    rows=("S1-09",),
    hints=(
        "Take the forward's lines from the last to the first; the gradient of each node follows from that of the next.",
        "a is a sum of three terms: what does an add gate hand to each of them, and where is a sum over rows needed?",
        "A product's gradient for one factor is made of the upstream and the other factor; the shapes say how.",
    ),
    edges={"a batch of 1": {"N": 1}, "one unit": {"H": 1}},
)
def rnn_step_stages_backward(dh, cache):
    """The gradient of every node and input of the step, given dh (N, H): return a dict of eight arrays.

    Its keys: "da", "dfrom_h" and "dfrom_x", of shape (N, H), and "dx", "dh_prev", "dwx", "dwh" and "db", each of its
    input's shape; no two of them the same array. Lecture S1-09.
    """
    ### BEGIN SOLUTION
    # $\bar a = \bar h\odot(1-h^2)$; the sum hands it on to both products and, summed over the rows, to $b$.
    x, h_prev, wx, wh, h = cache
    da = dh * (1 - h**2)
    dfrom_h, dfrom_x = da.copy(), da.copy()
    return {
        "da": da,
        "dfrom_h": dfrom_h,
        "dfrom_x": dfrom_x,
        "dx": dfrom_x @ wx,
        "dh_prev": dfrom_h @ wh,
        "dwx": dfrom_x.T @ x,
        "dwh": dfrom_h.T @ h_prev,
        "db": da.sum(axis=0),
    }
    ### END SOLUTION


def _stages(cache, da, dfrom_h=None, dfrom_x=None):
    """The gradients behind those of the nodes, for the wrong answers below."""
    dfrom_h, dfrom_x = ((da if node is None else node) + 0.0 for node in (dfrom_h, dfrom_x))
    x, h_prev, wx, wh, _ = cache
    names = ("da", "dfrom_h", "dfrom_x", "dx", "dh_prev", "dwx", "dwh", "db")
    behind = (dfrom_x @ wx, dfrom_h @ wh, dfrom_x.T @ x, dfrom_h.T @ h_prev, da.sum(axis=0))
    return dict(zip(names, (da, dfrom_h, dfrom_x, *behind)))


@mistake(rnn_step_stages_backward, "From h back to a there is tanh: by what does it multiply?")
def stages_without_tanh(dh, cache):
    return _stages(cache, dh + 0.0)


@mistake(rnn_step_stages_backward, "The cache holds h, the activated value: what is the slope of tanh in terms of h?")
def stages_with_tanh_taken_twice(dh, cache):
    return _stages(cache, dh * (1 - np.tanh(cache[4]) ** 2))


@mistake(rnn_step_stages_backward, "The slope of tanh is not h itself, nor its square.")
def stages_with_the_square_alone(dh, cache):
    return _stages(cache, dh * cache[4] ** 2)


@mistake(rnn_step_stages_backward, "An add gate divides nothing: by how much does a rise if one product rises by 1?")
def sum_split_among_its_terms(dh, cache):
    da = dh * (1 - cache[4] ** 2)
    return _stages(cache, da, da / 2, da / 2)


@mistake(rnn_step_stages_backward, "The products meet in a sum: does one of them depend on the other?")
def products_multiplied(dh, cache):
    x, h_prev, wx, wh, h = cache
    da = dh * (1 - h**2)
    return _stages(cache, da, da * (x @ wx.T), da * (h_prev @ wh.T))


@mistake(rnn_step_stages_backward, "wh is square, so its shape does not tell: which index does the sum run over?")
def stages_through_the_transpose(dh, cache):
    found = rnn_step_stages_backward(dh, cache)
    return found | {"dh_prev": found["dfrom_h"] @ cache[3].T}


@mistake(rnn_step_stages_backward, "dwh is square, so its shape does not tell: its first index is the unit written.")
def stages_with_dwh_turned(dh, cache):
    found = rnn_step_stages_backward(dh, cache)
    return found | {"dwh": found["dwh"].T}


@mistake(rnn_step_stages_backward, "b is added to every row: how do the rows' gradients come together?")
def stages_with_a_mean_bias(dh, cache):
    found = rnn_step_stages_backward(dh, cache)
    return found | {"db": found["da"].mean(axis=0)}


# -- all steps, on a batch --------------------------------------------------------------------------------------------


def rnn_forward(
    x: Float[ndarray, "N T D"],
    h0: Float[ndarray, "N H"],
    wx: Float[ndarray, "H D"],
    wh: Float[ndarray, "H H"],
    b: Float[ndarray, "H"],
):
    """All T steps from the state h0: return (h, cache) with every state, of shape (N, T, H). Lecture S1-09."""
    ### BEGIN SOLUTION
    expect_shapes(rnn_forward, x, h0, wx, wh, b)
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

    dh[:, t] is what the loss sends to the state h[:, t] directly. Lectures S1-11 and S1-15.
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


@mistake(rnn_backward, "The cache already holds the activated states: tanh is taken once too often, at every step.")
def tanh_of_every_state(dh, cache):
    return _through_time(dh, cache, lambda up, saved: _step(up * (1 - np.tanh(saved[4]) ** 2), *saved[:4]))


def _with_brackets_missing(dh, cache, direct, later):
    """What goes through tanh alone: `direct` and `later` say which of the two gradients gets its slope."""
    dx, carried = np.empty((*dh.shape[:2], cache[0][0].shape[1])), np.zeros_like(dh[:, 0])
    shares = [0.0, 0.0, 0.0]
    for t in reversed(range(dh.shape[1])):
        slope = 1 - cache[t][4] ** 2
        da = dh[:, t] * (slope if direct else 1.0) + carried * (slope if later else 1.0)
        dx[:, t], carried, *local = _step(da, *cache[t][:4])
        shares = [share + more for share, more in zip(shares, local)]
    return dx, carried, *shares


@mistake(rnn_backward, "Two gradients meet at a state before tanh is undone: which of them gets its slope?")
def slope_for_the_direct_gradient_alone(dh, cache):
    return _with_brackets_missing(dh, cache, True, False)


@mistake(rnn_backward, "Both gradients of a state go through tanh, not only the one that comes from later.")
def slope_for_the_later_gradient_alone(dh, cache):
    return _with_brackets_missing(dh, cache, False, True)


@mistake(rnn_backward, "Each step's dx is its own: which upstream did yours get?")
def inputs_hear_of_their_own_time_alone(dh, cache):
    return _through_time(dh, cache, carry=0.0)[0], *rnn_backward(dh, cache)[1:]


@mistake(rnn_backward, "Adding into dh[:, t] changes an array that belongs to the caller.")
def later_gradients_added_into_dh(dh, cache):
    found = rnn_backward(dh, cache)
    for t in reversed(range(1, dh.shape[1])):
        dh[:, t - 1] += rnn_step_backward(dh[:, t], cache[t])[1]
    return found


@mistake(rnn_backward, "A gradient has exactly the shape of the thing it is the gradient of: compare db's with b's.")
def bias_over_time_with_an_extra_axis(dh, cache):
    *rest, db = rnn_backward(dh, cache)
    return (*rest, db[None])


@mistake(rnn_backward, "Each step of the forward has a share in the weights: where is that of the last one?")
def last_step_left_out_of_the_weights(dh, cache):
    dx, dh0, *shares = rnn_backward(dh, cache)
    local = rnn_step_backward(dh[:, -1], cache[-1])[2:]
    return dx, dh0, *(share - own for share, own in zip(shares, local))


@mistake(rnn_backward, "Is anything in the forward divided by the number of steps?")
def mean_over_time(dh, cache):
    dx, dh0, *shares = rnn_backward(dh, cache)
    return dx, dh0, *(share / dh.shape[1] for share in shares)


@mistake(rnn_backward, "Which state goes into the second step?", half="forward")
def initial_state_at_every_step(x, h0, wx, wh, b):
    steps = [rnn_step_forward(x[:, t], h0, wx, wh, b) for t in range(x.shape[1])]
    return np.stack([h for h, _ in steps], axis=1), [cache for _, cache in steps]


# -- the lecture's form: one example, a column of n units -------------------------------------------------------------


def rnn_stacked_step_forward(a_prev: Float[ndarray, "H"], x: Float[ndarray, "D"], w: Float[ndarray, "H H+D+1"]):
    """One step with all parameters in one matrix: return (a, cache) with a = tanh(w a_hat), of shape (H,).

    a_hat = (a_prev, x, 1), one after the other. Lecture S1-09 prints it behind the bias, where it is the definition of
    a_hat; then w is the stacked [W, W_in, b], and not W alone.
    """
    ### BEGIN SOLUTION
    # $\hat a = (a', x, 1)$ and $\hat W = [W, W^{in}, b]$, so $\hat W\hat a = Wa' + W^{in}x + b$.
    expect_shapes(rnn_stacked_step_forward, a_prev, x, w)
    a_hat = np.concatenate([a_prev, x, [1.0]])
    a = np.tanh(w @ a_hat)
    return a, (a_hat, w, a, len(a_prev))
    ### END SOLUTION


@exercise(
    rnn_stacked_step_forward,
    points=2,
    rows=("S1-09",),
    hints=(
        "Go through tanh first; what is left is a matrix times a vector.",
        "The gradient of w is an outer product; that of a_hat has three parts: whose are they, and which is nobody's?",
    ),
    edges={"one unit": {"H": 1}, "one input": {"D": 1}},
)
def rnn_stacked_step_backward(da, cache):
    """Gradients of the stacked step: return (da_prev, dx, dw) of shapes (H,), (D,) and (H, H+D+1), given da (H,).

    Lecture S1-09.
    """
    ### BEGIN SOLUTION
    # $\bar h = \bar a\odot(1-a^2)$, $\bar{\hat W} = \bar h\,\hat a^\top$, and $\hat W^\top\bar h$ is cut into $a'$, $x$
    # and the constant 1, which has no use for its gradient.
    a_hat, w, a, units = cache
    dh = da * (1 - a**2)
    da_hat = w.T @ dh
    return da_hat[:units], da_hat[units:-1], np.outer(dh, a_hat)
    ### END SOLUTION


@mistake(rnn_stacked_step_backward, "Between the product and a there is tanh: where is its derivative?")
def stacked_without_tanh(da, cache):
    a_hat, w, a, units = cache
    return rnn_stacked_step_backward(da, (a_hat, w, np.zeros_like(a), units))


@mistake(rnn_stacked_step_backward, "The last entry of a_hat is 1, so the last column of w has a gradient as well.")
def column_of_the_bias_without_gradient(da, cache):
    da_prev, dx, dw = rnn_stacked_step_backward(da, cache)
    return da_prev, dx, np.concatenate([dw[:, :-1], np.zeros_like(dw[:, -1:])], axis=1)


@mistake(rnn_stacked_step_backward, "In which order do a_prev, x and 1 stand in a_hat? The columns of w follow it.")
def columns_of_the_inputs_first(da, cache):
    da_prev, dx, dw = rnn_stacked_step_backward(da, cache)
    units = cache[3]
    return da_prev, dx, np.concatenate([dw[:, units:-1], dw[:, :units], dw[:, -1:]], axis=1)


@mistake(rnn_stacked_step_backward, "Which state does w multiply in this step: the one before it or the one after?")
def stacked_with_the_new_state(da, cache):
    a_hat, w, a, units = cache
    a_hat = np.concatenate([a, a_hat[units:]])
    return rnn_stacked_step_backward(da, (a_hat, w, a, units))


@mistake(rnn_stacked_step_backward, "Your dw is the same for every da: the local derivative is one factor of two.")
def stacked_weights_without_upstream(da, cache):
    da_prev, dx, _ = rnn_stacked_step_backward(da, cache)
    return da_prev, dx, np.outer(1 - cache[2] ** 2, cache[0])


@mistake(rnn_stacked_step_backward, "Changing the last column of w does not change your state.", half="forward")
def zero_for_the_one(a_prev, x, w):
    a_hat = np.concatenate([a_prev, x, [0.0]])
    return np.tanh(w @ a_hat), rnn_stacked_step_forward(a_prev, x, w)[1]


@mistake(rnn_stacked_step_backward, "What comes first in a_hat: the state or the input?", half="forward")
def input_before_the_state(a_prev, x, w):
    a_hat = np.concatenate([x, a_prev, [1.0]])
    return np.tanh(w @ a_hat), rnn_stacked_step_forward(a_prev, x, w)[1]


def rnn_readout_loss_forward(a: Float[ndarray, "H"], w_out: Float[ndarray, "O H"], y: Float[ndarray, "O"]):
    """The loss of one time, half the squared distance of the output w_out a from y: return (loss, cache).

    Lecture S1-10.
    """
    ### BEGIN SOLUTION
    # $$l = \frac12\sum_k e_k^2,\qquad e_k = \sum_i W^{out}_{ki}a_i - y_k.$$
    expect_shapes(rnn_readout_loss_forward, a, w_out, y)
    e = w_out @ a - y
    return 0.5 * np.sum(e**2), (a, w_out, e)
    ### END SOLUTION


@exercise(
    rnn_readout_loss_forward,
    wrt=("a", "w_out"),
    points=2,
    rows=("S1-10",),
    hints=(
        "What does the 1/2 do to the 2 of the square?",
        "First the gradient of the output, of shape (O,); from there it is a matrix times a vector, backwards.",
    ),
    edges={"one output": {"O": 1}, "one unit": {"H": 1}},
)
def rnn_readout_loss_backward(dout, cache):
    """Gradients of the loss of one time: return (da, dw_out) of shapes (H,) and (O, H), given the scalar dout.

    Lecture S1-10. The target y needs none.
    """
    ### BEGIN SOLUTION
    # $\partial l/\partial e_k = e_k$, so $\bar a = W^{out\top}e$ and $\bar W^{out} = e\,a^\top$, times the upstream.
    a, w_out, e = cache
    return dout * w_out.T @ e, dout * np.outer(e, a)
    ### END SOLUTION


@mistake(rnn_readout_loss_backward, "What is the derivative of half a square?")
def readout_twice_as_large(dout, cache):
    da, dw_out = rnn_readout_loss_backward(dout, cache)
    return 2 * da, 2 * dw_out


@mistake(rnn_readout_loss_backward, "If the output is too large, the loss rises with it: which sign does that give?")
def readout_sign_turned_round(dout, cache):
    da, dw_out = rnn_readout_loss_backward(dout, cache)
    return -da, -dw_out


@mistake(rnn_readout_loss_backward, "What is squared: the output, or its distance from the target?")
def output_for_the_error(dout, cache):
    a, w_out, _ = cache
    return rnn_readout_loss_backward(dout, (a, w_out, w_out @ a))


@mistake(rnn_readout_loss_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def readout_loss_taken_as_the_end(dout, cache):
    return rnn_readout_loss_backward(1.0, cache)


@mistake(rnn_readout_loss_backward, "w_out is (O, H): whose shape does your dw_out have?")
def readout_weights_turned(dout, cache):
    da, dw_out = rnn_readout_loss_backward(dout, cache)
    return da, dw_out.T


@mistake(rnn_readout_loss_backward, "The outputs' errors are added, not averaged.")
def readout_as_a_mean(dout, cache):
    da, dw_out = rnn_readout_loss_backward(dout, cache)
    return da / len(cache[2]), dw_out / len(cache[2])


@mistake(rnn_readout_loss_backward, "Your loss is twice what it should be: what stands before the sum?", half="forward")
def readout_loss_without_its_half(a, w_out, y):
    loss, cache = rnn_readout_loss_forward(a, w_out, y)
    return 2 * loss, cache


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


@exercise(
    rnn_two_steps_forward,
    wrt=("a0", "w", "w_in", "b"),
    nodes={"a2": "H", "h2": "H", "a1": "H", "h1": "H"},
    points=4,
    rows=("S1-08", "S1-11"),
    hints=(
        "Nodes first, from the loss to a0; the parameters' gradients can be read off when all nodes have theirs.",
        "a1 has two consumers: the loss, and the second step. Their gradients are added.",
        "w is used in h1 and in h2. Each has a share in dw[i, j]: entry i of dh times entry j of what w multiplies.",
    ),
    edges={"one unit": {"H": 1}, "one input": {"D": 1}},
)
def rnn_two_steps_backward(dout, cache):
    """First the nodes' derivatives, then those of the parameters: return a dict of eight arrays, given the scalar dout.

    Its keys: "da2", "dh2", "da1" and "dh1", of shape (H,); "da0", "dw", "dw_in" and "db", each of its input's shape.
    Lectures S1-08 and S1-11: the gradient of w is a sum over the times at which w is used.
    """
    ### BEGIN SOLUTION
    # $$\bar a_2 = a_2 - y_2,\quad \bar h_t = \bar a_t\odot(1-a_t^2),\quad \bar a_1 = a_1 - y_1 + W^\top\bar h_2,\quad
    #   \bar W = \bar h_1 a_0^\top + \bar h_2 a_1^\top.$$
    x, a0, a1, a2, w, y = cache
    da2 = dout * (a2 - y[1])
    dh2 = da2 * (1 - a2**2)
    da1 = dout * (a1 - y[0]) + w.T @ dh2
    dh1 = da1 * (1 - a1**2)
    return {
        "da2": da2,
        "dh2": dh2,
        "da1": da1,
        "dh1": dh1,
        "da0": w.T @ dh1,
        "dw": np.outer(dh1, a0) + np.outer(dh2, a1),
        "dw_in": np.outer(dh1, x[0]) + np.outer(dh2, x[1]),
        "db": dh1 + dh2,
    }
    ### END SOLUTION


def _two_steps(dout, cache, direct=1.0, later=1.0, back=None):
    """The answer with the two gradients that meet at a1 weighted, and another matrix on the way back."""
    x, a0, a1, a2, w, y = cache
    back = w.T if back is None else back
    found = rnn_two_steps_backward(dout, cache)
    dh2 = found["dh2"]
    da1 = direct * dout * (a1 - y[0]) + later * back @ dh2
    dh1 = da1 * (1 - a1**2)
    dw, dw_in = np.outer(dh1, a0) + np.outer(dh2, a1), np.outer(dh1, x[0]) + np.outer(dh2, x[1])
    return found | {"da1": da1, "dh1": dh1, "da0": back @ dh1, "dw": dw, "dw_in": dw_in, "db": dh1 + dh2}


@mistake(rnn_two_steps_backward, "The loss looks at both states: where does the first one's own error come in?")
def loss_of_the_first_state_forgotten(dout, cache):
    return _two_steps(dout, cache, direct=0.0)


@mistake(rnn_two_steps_backward, "a1 goes into the second step as well: what comes back from there?")
def second_step_does_not_reach_the_first(dout, cache):
    return _two_steps(dout, cache, later=0.0)


@mistake(rnn_two_steps_backward, "w is square, so its shape does not tell: which index does the sum run over?")
def two_steps_back_through_the_transpose(dout, cache):
    return _two_steps(dout, cache, back=cache[4])


@mistake(rnn_two_steps_backward, "The parameters are used twice, and yours hear from one use alone.")
def parameters_of_the_second_step_alone(dout, cache):
    x, _, a1, *_ = cache
    found = rnn_two_steps_backward(dout, cache)
    dh2 = found["dh2"]
    return found | {"dw": np.outer(dh2, a1), "dw_in": np.outer(dh2, x[1]), "db": dh2}


@mistake(rnn_two_steps_backward, "What did w multiply in each step: the state before it or the one after?")
def two_steps_with_the_states_they_wrote(dout, cache):
    *_, a1, a2, _, _ = cache
    found = rnn_two_steps_backward(dout, cache)
    return found | {"dw": np.outer(found["dh1"], a1) + np.outer(found["dh2"], a2)}


@mistake(rnn_two_steps_backward, "Two uses add up: is anything in the forward divided by their number?")
def mean_of_the_two_uses(dout, cache):
    found = rnn_two_steps_backward(dout, cache)
    return found | {name: found[name] / 2 for name in ("dw", "dw_in", "db")}


@mistake(rnn_two_steps_backward, "A parameter's gradient starts from the node before tanh: is its slope in yours?")
def parameters_read_off_at_the_states(dout, cache):
    x, a0, a1, *_ = cache
    found = rnn_two_steps_backward(dout, cache)
    da1, da2 = found["da1"], found["da2"]
    dw, dw_in = np.outer(da1, a0) + np.outer(da2, a1), np.outer(da1, x[0]) + np.outer(da2, x[1])
    return found | {"dw": dw, "dw_in": dw_in, "db": da1 + da2}


@mistake(rnn_two_steps_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def two_steps_loss_taken_as_the_end(dout, cache):
    return rnn_two_steps_backward(1.0, cache)


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
    ### BEGIN SOLUTION
    # $\mathcal{L} = \sum_t l_t$. A sequence is a batch of one for the network above.
    expect_shapes(rnn_sequence_loss_forward, x, y, a0, w, w_in, b, w_out)
    states, cache = rnn_forward(x[None], a0[None], w_in, w, b)
    e = states[0] @ w_out.T - y
    return 0.5 * np.sum(e**2), (cache, states[0], e, w_out)
    ### END SOLUTION


@exercise(
    rnn_sequence_loss_forward,
    wrt=("x", "a0", "w", "w_in", "b", "w_out"),
    points=4,
    rows=("S1-10", "S1-11"),
    hints=(
        "What does the loss send to each state directly? You know it from the loss of one time.",
        "The way back through time is the same as for any other loss: use what you have.",
        "w_out is used at every time as well, but nothing of it is carried from time to time.",
    ),
    edges={"one step": {"T": 1}, "one output": {"O": 1}, "one unit": {"H": 1}, "eight steps": {"T": 8}},
)
def rnn_sequence_loss_backward(dout, cache):
    """Gradients of a sequence's loss: return (dx, da0, dw, dw_in, db, dw_out), each of its input's shape.

    dout is a scalar, and the targets y need no gradient. Lectures S1-10 and S1-11: the gradient of the sum is the sum
    over t of the gradients of l_t, and each of those is a sum over the times s <= t at which the weights were used.
    """
    ### BEGIN SOLUTION
    # $\partial\mathcal{L}/\partial a_t = W^{out\top}e_t$ directly; the rest comes through time:
    # $$\frac{\partial\mathcal{L}}{\partial w} = \sum_t\sum_{s\le t}\frac{\partial l_t}{\partial w_s},\qquad
    #   \bar W^{out} = \sum_t e_t a_t^\top.$$
    steps, a, e, w_out = cache
    dx, da0, dw_in, dw, db = rnn_backward((dout * e @ w_out)[None], steps)
    return dx[0], da0[0], dw, dw_in, db, dout * e.T @ a
    ### END SOLUTION


def _sequence(dout, cache, da, **how):
    """The gradients where the loss sends `da` to the states, for the wrong answers below."""
    steps, a, e, _ = cache
    dx, da0, dw_in, dw, db = _through_time((dout * da)[None], steps, **how)
    return dx[0], da0[0], dw, dw_in, db, dout * e.T @ a


@mistake(rnn_sequence_loss_backward, "Each state also feeds the next step: what comes back from there is dropped.")
def losses_do_not_reach_earlier_times(dout, cache):
    return _sequence(dout, cache, cache[2] @ cache[3], carry=0.0)


@mistake(rnn_sequence_loss_backward, "Every time has its loss: where do those before the last one come in?")
def loss_of_the_last_time_alone(dout, cache):
    da = cache[2] @ cache[3]
    da[:-1] = 0.0
    return _sequence(dout, cache, da)


@mistake(rnn_sequence_loss_backward, "Is the loss of a sequence the mean over its times, or their sum?")
def sequence_loss_as_a_mean(dout, cache):
    return rnn_sequence_loss_backward(dout / len(cache[1]), cache)


@mistake(rnn_sequence_loss_backward, "w_out is used at every time: which of them does your dw_out hear from?")
def readout_weights_of_the_last_time(dout, cache):
    *rest, _ = rnn_sequence_loss_backward(dout, cache)
    return *rest, dout * np.outer(cache[2][-1], cache[1][-1])


@mistake(rnn_sequence_loss_backward, "Which state does w_out read at time t: the new one or the one before?")
def readout_weights_of_the_state_before(dout, cache):
    steps, a, e, _ = cache
    *rest, _ = rnn_sequence_loss_backward(dout, cache)
    return *rest, dout * e.T @ np.concatenate([steps[0][1], a[:-1]])


@mistake(rnn_sequence_loss_backward, "What is the derivative of half a square?")
def sequence_loss_twice_as_large(dout, cache):
    return rnn_sequence_loss_backward(2 * dout, cache)


@mistake(rnn_sequence_loss_backward, "If an output is too large, the loss rises with it: which sign does that give?")
def sequence_loss_sign_turned_round(dout, cache):
    return rnn_sequence_loss_backward(-dout, cache)


@mistake(rnn_sequence_loss_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def sequence_loss_taken_as_the_end(dout, cache):
    return rnn_sequence_loss_backward(1.0, cache)


@mistake(rnn_sequence_loss_backward, "a0 feeds the first step: does its gradient arrive?")
def first_state_forgotten(dout, cache):
    dx, da0, *rest = rnn_sequence_loss_backward(dout, cache)
    return dx, np.zeros_like(da0), *rest


@mistake(rnn_sequence_loss_backward, "Does your loss grow with each further time, as a sum does?", half="forward")
def loss_averaged_over_the_times(x, y, a0, w, w_in, b, w_out):
    loss, cache = rnn_sequence_loss_forward(x, y, a0, w, w_in, b, w_out)
    return loss / len(x), cache


# -- the ingredients of backpropagation through time ------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S1-12",),
    hints=(
        "Unit k has a_k = tanh(h_k), and h_k is the sum over j of w[k, j] a_hat[j]. In which entries of a is w[i, j]?",
        "Only unit i sees w[i, j]: for other units the entry is 0.",
        "For k = i it is the slope of tanh at h_k, times what w[k, j] multiplies.",
    ),
    edges={"one unit": {"H": 1}, "one input": {"D": 1}},
)
def rnn_immediate_influence(h: Float[ndarray, "H"], a_prev: Float[ndarray, "H"], x: Float[ndarray, "D"]):
    """The immediate influence of the weights on the state: return m_bar of shape (H, H, H+D+1).

    m_bar[k, i, j] is the derivative of a[k] = tanh(h[k]) by w[i, j] with a_prev held fixed, where h = w a_hat,
    a_hat = (a_prev, x, 1) and w is the stacked [W, W_in, b]. Lecture S1-12, which asks for it.
    """
    ### BEGIN SOLUTION
    # $$\overline{M}_{kij} = \frac{\partial a_k}{\partial W_{ij}} = \varphi'(h_k)\,\delta_{ki}\,\hat a_j,\qquad
    #   \varphi' = 1-\tanh^2.$$
    expect_shapes(rnn_immediate_influence, h, a_prev, x)
    return _influence(1 - np.tanh(h) ** 2, np.concatenate([a_prev, x, [1.0]]))
    ### END SOLUTION


def _influence(slope, a_hat):
    """slope[k] delta[k, i] a_hat[j]."""
    return np.diag(slope)[:, :, None] * a_hat


@mistake(rnn_immediate_influence, "Between h and a there is tanh: where is its slope?")
def influence_without_the_slope(h, a_prev, x):
    return _influence(np.ones_like(h), np.concatenate([a_prev, x, [1.0]]))


@mistake(rnn_immediate_influence, "The slope of tanh is 1 - h^2 if h is its value: what is h here?")
def influence_with_h_for_the_state(h, a_prev, x):
    return _influence(1 - h**2, np.concatenate([a_prev, x, [1.0]]))


@mistake(rnn_immediate_influence, "Which units see the weight w[i, j] in this step: all of them?")
def influence_on_every_unit(h, a_prev, x):
    full = np.ones((len(h), 1)) * np.concatenate([a_prev, x, [1.0]])
    return (1 - np.tanh(h) ** 2)[:, None, None] * full


@mistake(rnn_immediate_influence, "a_hat ends in a 1, for the bias: how many columns does the stacked w have?")
def influence_without_the_bias(h, a_prev, x):
    return rnn_immediate_influence(h, a_prev, x)[:, :, :-1]


@mistake(rnn_immediate_influence, "Which state does w multiply in this step: the one before it or the one after?")
def influence_of_the_new_state(h, a_prev, x):
    return rnn_immediate_influence(h, np.tanh(h), x)


@mistake(rnn_immediate_influence, "In which order do a_prev, x and 1 stand in a_hat?")
def influence_with_the_input_first(h, a_prev, x):
    return _influence(1 - np.tanh(h) ** 2, np.concatenate([x, a_prev, [1.0]]))


@mistake(rnn_immediate_influence, "Three indices: the unit that is moved, then the weight's row, then its column.")
def influence_with_its_axes_turned(h, a_prev, x):
    return rnn_immediate_influence(h, a_prev, x).transpose(0, 2, 1)


@mistake(rnn_immediate_influence, "Each unit has its own derivatives by all weights: over what did you sum?")
def influence_summed_over_the_units(h, a_prev, x):
    return rnn_immediate_influence(h, a_prev, x).sum(axis=0)


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


@exercise(
    rnn_recurrence,
    kind="jacobian",
    layout="numerator",
    wrt=("a_prev",),
    points=2,
    rows=("S1-13",),
    hints=(
        "a[i] = tanh(h[i]): what is the slope there, and by how much does h[i] rise with a_prev[j]?",
        "Each row i of w is scaled by a number of its own.",
    ),
    edges={"one unit": {"H": 1}},
)
def rnn_jacobian(a_prev, x, w, w_in, b):
    """The Jacobian of the new state by the one before: return j of shape (H, H) with j[i, j] = da[i]/da_prev[j].

    The row is the new state's index (numerator layout). Lecture S1-13, which asks for it.
    """
    ### BEGIN SOLUTION
    # $$J_{ij} = \frac{\partial a_i}{\partial a'_j} = \varphi'(h_i)\,W_{ij} = (1-a_i^2)\,W_{ij}:$$ rows are rescaled.
    a = rnn_recurrence(a_prev, x, w, w_in, b)
    return (1 - a**2)[:, None] * w
    ### END SOLUTION


@mistake(rnn_jacobian, "The row is the new state's index here: is yours?")
def jacobian_of_the_step_turned(a_prev, x, w, w_in, b):
    return rnn_jacobian(a_prev, x, w, w_in, b).T


@mistake(rnn_jacobian, "The slope belongs to the unit that is written: does it scale rows or columns?")
def columns_scaled_for_rows(a_prev, x, w, w_in, b):
    return (1 - rnn_recurrence(a_prev, x, w, w_in, b) ** 2) * w


@mistake(rnn_jacobian, "Between the sums and the new state there is tanh: where is its slope?")
def jacobian_of_the_sums(a_prev, x, w, w_in, b):
    return w + 0.0


@mistake(rnn_jacobian, "At which state is the slope taken: the new one or the one before?")
def slope_at_the_state_before(a_prev, x, w, w_in, b):
    return (1 - np.tanh(a_prev) ** 2)[:, None] * w


@mistake(rnn_jacobian, "If a is the new state, 1 - a^2 is the slope already: tanh is taken once too often.")
def jacobian_with_tanh_taken_twice(a_prev, x, w, w_in, b):
    return (1 - np.tanh(rnn_recurrence(a_prev, x, w, w_in, b)) ** 2)[:, None] * w


@mistake(rnn_jacobian, "Each new unit depends on every unit before: where are the entries off the diagonal?")
def diagonal_of_the_jacobian_alone(a_prev, x, w, w_in, b):
    return np.diag(np.diag(rnn_jacobian(a_prev, x, w, w_in, b)))


@exercise(
    kind="value",
    points=2,
    rows=("S1-14",),
    hints=(
        "The loss is half the squared distance of w_out a from y: what is its derivative by the k-th output?",
        "a[i] goes into every output, with the weight w_out[k, i]: over which index is the sum?",
    ),
    edges={"one output": {"O": 1}, "one unit": {"H": 1}},
)
def rnn_loss_gradient(a: Float[ndarray, "H"], w_out: Float[ndarray, "O H"], y: Float[ndarray, "O"]):
    """The derivative q of a time's loss, half the squared distance of w_out a from y, by the state: return q (H,).

    Lecture S1-14, which asks for it.
    """
    ### BEGIN SOLUTION
    # $$q_i = \frac{\partial l}{\partial a_i} = \sum_k W^{out}_{ki}\Big(\sum_j W^{out}_{kj}a_j - y_k\Big).$$
    expect_shapes(rnn_loss_gradient, a, w_out, y)
    return w_out.T @ (w_out @ a - y)
    ### END SOLUTION


@mistake(rnn_loss_gradient, "What is the derivative of half a square?")
def q_twice_as_large(a, w_out, y):
    return 2 * rnn_loss_gradient(a, w_out, y)


@mistake(rnn_loss_gradient, "If the output is too large, the loss rises with it: which sign does that give?")
def q_with_its_sign_turned_round(a, w_out, y):
    return -rnn_loss_gradient(a, w_out, y)


@mistake(rnn_loss_gradient, "What is squared: the output, or its distance from the target?")
def q_without_the_target(a, w_out, y):
    return w_out.T @ (w_out @ a)


@mistake(
    rnn_loss_gradient, "That is the output's error, with an entry for each output: the state comes one step earlier."
)
def error_of_the_output(a, w_out, y):
    return w_out @ a - y


@mistake(rnn_loss_gradient, "That is the derivative by w_out: which one is asked for?")
def derivative_by_the_readout_weights(a, w_out, y):
    return np.outer(w_out @ a - y, a)


@mistake(rnn_loss_gradient, "The outputs' errors are added, not averaged.")
def q_as_a_mean(a, w_out, y):
    return rnn_loss_gradient(a, w_out, y) / len(y)


# -- backpropagation through time, term by term -----------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S1-15",),
    hints=(
        "How does the weight, used at time s, reach the state of time s? And from there the next state, and the next?",
        "From time s to the last there is one Jacobian for each step: which is the first of them, which the last?",
        "Start with q at the left: a vector times a matrix is a vector again.",
    ),
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
    ### BEGIN SOLUTION
    # $$\frac{\partial l^{(t)}}{\partial W^{(s)}} = q^{(t)}J^{(t)}J^{(t-1)}\cdots J^{(s+1)}\,\overline{M}^{(s)}.$$
    expect_shapes(bptt_term, q, js, m_bars)
    expect_labels("s", s, len(js))
    for j in js[:s:-1]:
        q = q @ j
    return np.tensordot(q, m_bars[s], 1)
    ### END SOLUTION


def _term(q, js, m_bar):
    """The product of q, these Jacobians in their order, and m_bar."""
    for j in js:
        q = q @ j
    return np.tensordot(q, m_bar, 1)


@mistake(
    bptt_term, "The weight acts at time s and the Jacobians begin after it: at which time is your influence taken?"
)
def influence_of_the_first_jacobians_time(q, js, m_bars, s):
    return _term(q, js[:s:-1], m_bars[min(s + 1, len(js) - 1)])


@mistake(bptt_term, "The influence is that on the state of time s already: which Jacobian is one too many?")
def one_jacobian_too_many(q, js, m_bars, s):
    return _term(q, js[s:][::-1], m_bars[s])


@mistake(bptt_term, "From time s to time s + 1 there is a step as well: which Jacobian is missing?")
def one_jacobian_too_few(q, js, m_bars, s):
    return _term(q, js[s + 2 :][::-1], m_bars[s])


@mistake(bptt_term, "q belongs to the last time: which Jacobian stands next to it?")
def jacobians_in_the_order_of_time(q, js, m_bars, s):
    return _term(q, js[s + 1 :], m_bars[s])


@mistake(bptt_term, "Jacobians are square, so their shape does not tell: over which index does q's sum run?")
def term_with_jacobians_turned(q, js, m_bars, s):
    return _term(q, js[:s:-1].transpose(0, 2, 1), m_bars[s])


@mistake(bptt_term, "How does the state of time s reach the last one? Your term has no time in between.")
def immediate_influence_alone(q, js, m_bars, s):
    return _term(q, (), m_bars[s])


@mistake(bptt_term, "One time's share is asked for, not the sum over all of them.")
def terms_of_all_times(q, js, m_bars, s):
    return bptt_gradient(q, js, m_bars)


@exercise(
    kind="value",
    points=3,
    rows=("S1-11", "S1-15"),
    hints=(
        "It is the sum of the terms of all times s, the last one included, which has no Jacobian.",
        "Going back in time, each term needs one Jacobian more than the one before: keep the product with q.",
    ),
    edges={"one step": {"T": 1}, "two steps": {"T": 2}, "one unit": {"H": 1}},
)
def bptt_gradient(q: Float[ndarray, "H"], js: Float[ndarray, "T H H"], m_bars: Float[ndarray, "T H H P"]):
    """The whole derivative of the last time's loss by the weights: return an array of shape (H, P).

    It is the sum of the terms of all times s <= t; q, js and m_bars are as for one term. Lectures S1-11 and S1-15,
    where the sum is implied.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial l^{(t)}}{\partial W} = \sum_{s\le t} q^{(t)}J^{(t)}\cdots J^{(s+1)}\,\overline{M}^{(s)}.$$
    expect_shapes(bptt_gradient, q, js, m_bars)
    total = np.zeros(m_bars.shape[2:])
    for j, m_bar in zip(js[::-1], m_bars[::-1]):
        total += np.tensordot(q, m_bar, 1)
        q = q @ j
    return total
    ### END SOLUTION


def _terms(q, js, m_bars, share=lambda q, m_bar: np.tensordot(q, m_bar, 1)):
    """The terms from the last time to the first; js[t] leads from time t to the one before."""
    terms = []
    for j, m_bar in zip(js[::-1], m_bars[::-1]):
        terms.append(share(q, m_bar))
        q = q @ j
    return np.array(terms)


@mistake(bptt_gradient, "The weights were used at earlier times as well: what do these uses do to the last loss?")
def last_use_alone(q, js, m_bars):
    return _terms(q, js, m_bars)[0]


@mistake(bptt_gradient, "The use at the last time counts as well, though there is no Jacobian behind it.")
def last_use_left_out(q, js, m_bars):
    return _terms(q, js, m_bars)[1:].sum(axis=0)


@mistake(bptt_gradient, "The first time has a term as well: how far does your sum go back?")
def first_use_left_out(q, js, m_bars):
    return _terms(q, js, m_bars)[:-1].sum(axis=0)


@mistake(bptt_gradient, "Which comes first, going back: the influence at the last time, or a Jacobian?")
def jacobian_before_the_influence(q, js, m_bars):
    return _terms(q @ js[-1], np.roll(js, 1, axis=0), m_bars).sum(axis=0)


@mistake(bptt_gradient, "Each step back multiplies once more: is the product with q kept from step to step?")
def products_not_kept(q, js, m_bars):
    later = [q, *(q @ j for j in js[:0:-1])]
    return sum(np.tensordot(each, m_bar, 1) for each, m_bar in zip(later, m_bars[::-1]))


@mistake(bptt_gradient, "Jacobians are square, so their shape does not tell: over which index does q's sum run?")
def sum_with_jacobians_turned(q, js, m_bars):
    return bptt_gradient(q, js.transpose(0, 2, 1), m_bars)


@mistake(bptt_gradient, "The uses add up: is anything divided by their number?")
def mean_of_the_terms(q, js, m_bars):
    return _terms(q, js, m_bars).mean(axis=0)


@mistake(bptt_gradient, "How does an early use reach the last loss? Your terms have no time in between.")
def uses_without_time_in_between(q, js, m_bars):
    return np.tensordot(q, m_bars.sum(axis=0), 1)


@exercise(
    kind="value",
    points=4,
    rows=("S1-16",),
    hints=(
        "Each time has its own loss and its own window: the k uses that end with its own time.",
        "Without the window it is the sum, over the times, of the whole derivatives. Where does the inner sum stop?",
        "Near the beginning of the sequence there are fewer than k uses to go back to.",
    ),
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
    ### BEGIN SOLUTION
    # $$\sum_t\ \sum_{s=\max(0,\,t-k+1)}^{t} q^{(t)}J^{(t)}\cdots J^{(s+1)}\,\overline{M}^{(s)}.$$
    expect_shapes(truncated_bptt, qs, js, m_bars)
    if k < 1:
        raise ValueError(f"k is {k}, where a whole number of at least 1 is wanted")
    return sum(
        bptt_gradient(q, js[max(0, t - k + 1) : t + 1], m_bars[max(0, t - k + 1) : t + 1]) for t, q in enumerate(qs)
    )
    ### END SOLUTION


def _windows(qs, js, m_bars, first):
    """The sum over the times t of the terms from first(t) to t."""
    starts = [max(0, first(t)) for t in range(len(qs))]
    return sum(
        (_terms(q, js[s : t + 1], m_bars[s : t + 1]).sum(axis=0) for t, (q, s) in enumerate(zip(qs, starts)) if s <= t),
        np.zeros(m_bars.shape[2:]),
    )


@mistake(truncated_bptt, "Count the uses for k = 1: is it the immediate influence alone?")
def one_use_more_than_k(qs, js, m_bars, k):
    return _windows(qs, js, m_bars, lambda t: t - k)


@mistake(truncated_bptt, "Count the uses for k = 1: is there one left?")
def one_use_less_than_k(qs, js, m_bars, k):
    return _windows(qs, js, m_bars, lambda t: t - k + 2)


@mistake(truncated_bptt, "Your sequence is cut into blocks: how far back does the first loss of a block see?")
def blocks_of_k_steps(qs, js, m_bars, k):
    return _windows(qs, js, m_bars, lambda t: t - t % k)


@mistake(truncated_bptt, "k counts back from each loss, not from the end of the sequence.")
def last_k_uses_of_the_sequence(qs, js, m_bars, k):
    return _windows(qs, js, m_bars, lambda t: len(qs) - k)


@mistake(truncated_bptt, "Does your answer depend on k?")
def nothing_truncated(qs, js, m_bars, k):
    return _windows(qs, js, m_bars, lambda t: 0)


@mistake(truncated_bptt, "Every time has its loss: where do those before the last one come in?")
def truncated_for_the_last_loss_alone(qs, js, m_bars, k):
    return bptt_gradient(qs[-1], js[-k:], m_bars[-k:])


@mistake(truncated_bptt, "The window holds all of its times: what of those between its two ends?")
def oldest_use_alone(qs, js, m_bars, k):
    return sum(
        bptt_term(q, js[: t + 1], m_bars[: t + 1], t - k + 1) for t, q in enumerate(qs) if t - k + 1 >= 0
    ) + np.zeros(m_bars.shape[2:])


@mistake(truncated_bptt, "Losses and uses add up: is anything divided by k?")
def truncated_as_a_mean(qs, js, m_bars, k):
    return truncated_bptt(qs, js, m_bars, k) / k


@mistake(truncated_bptt, "Jacobians are square, so their shape does not tell: over which index does q's sum run?")
def truncated_with_jacobians_turned(qs, js, m_bars, k):
    return truncated_bptt(qs, js.transpose(0, 2, 1), m_bars, k)
