"""Gated recurrent networks: the LSTM, by the step and through time, and a step of the GRU."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .activations import logistic

# -- the LSTM, one step -----------------------------------------------------------------------------------------------


def _lstm_step(x, h_prev, c_prev, wx, wh, b):
    """The step itself, of arrays that are known to fit."""
    i, f, g, o = np.split(x @ wx.T + h_prev @ wh.T + b, 4, axis=1)
    i, f, g, o = logistic(i), logistic(f), np.tanh(g), logistic(o)
    c = f * c_prev + i * g
    tanh_c = np.tanh(c)
    return (o * tanh_c, c), (x, h_prev, c_prev, wx, wh, (i, f, g, o), tanh_c)


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
    ### BEGIN SOLUTION
    # $$c = f\odot c' + i\odot g,\qquad h = o\odot\tanh c,\qquad a = xW_x^\top + h'W_h^\top + b.$$
    expect_shapes(lstm_step_forward, x, h_prev, c_prev, wx, wh, b)
    return _lstm_step(x, h_prev, c_prev, wx, wh, b)
    ### END SOLUTION


#: Batches and layers of other sizes.
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


@exercise(
    lstm_step_forward,
    points=6,
    hints=(
        "Name what is computed, line by line, and go back through the lines: h, c, the four gates, a.",
        "c has two consumers, what comes next and h: their gradients are added before you go on to f, c_prev, i and g.",
        "The cache holds the gates themselves: a sigmoid's slope is s (1 - s), and that of tanh 1 - g^2.",
        "Put the four blocks side by side again, in the forward's order: what is left is an affine layer.",
    ),
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
    ### BEGIN SOLUTION
    # All of the cell's gradient: $\bar c_{\text{all}} = \bar c + \bar h\odot o\odot(1-\tanh^2 c)$. Then
    # $$\bar a_i = \bar c_{\text{all}}\,g\,i(1-i),\quad \bar a_f = \bar c_{\text{all}}\,c'f(1-f),\quad
    #   \bar a_g = \bar c_{\text{all}}\,i\,(1-g^2),\quad \bar a_o = \bar h\tanh(c)\,o(1-o),\quad
    #   \bar c' = \bar c_{\text{all}}\,f,$$
    # and with $\bar a$ the four side by side, as in affine, $\bar x = \bar aW_x$, $\bar W_x = \bar a^\top x$ and so on.
    _, _, c_prev, _, _, (i, f, g, o), tanh_c = cache
    dc = dc + dh * o * (1 - tanh_c**2)
    da = np.hstack([dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g**2), dh * tanh_c * o * (1 - o)])
    return _of_the_sums(da, cache, dc * f)
    ### END SOLUTION


def _of_the_sums(da, cache, dc_prev):
    """All gradients of a step, from those of the four blocks and of c_prev."""
    x, h_prev, _, wx, wh, *_ = cache
    return da @ wx, da @ wh, dc_prev, da.T @ x, da.T @ h_prev, da.sum(axis=0)


def _lstm_blocks(dh, dc, cache, **steps):
    """A step's backward with other lines, by the gradient that each gives: functions of the gradients so far."""
    _, _, c_prev, _, _, (i, f, g, o), tanh_c = cache
    every = {
        "all": lambda d: dc + dh * o * (1 - tanh_c**2),
        "i": lambda d: d["all"] * g,
        "f": lambda d: d["all"] * c_prev,
        "g": lambda d: d["all"] * i,
        "o": lambda d: dh * tanh_c,
        "a_i": lambda d: d["i"] * i * (1 - i),
        "a_f": lambda d: d["f"] * f * (1 - f),
        "a_g": lambda d: d["g"] * (1 - g**2),
        "a_o": lambda d: d["o"] * o * (1 - o),
        "c_prev": lambda d: d["all"] * f,
        **steps,
    }
    found = {}
    for name, step in every.items():
        found[name] = step(found)
    return _of_the_sums(np.hstack([found[f"a_{gate}"] for gate in "ifgo"]), cache, found["c_prev"])


@mistake(lstm_step_backward, "c has two consumers: what comes next, and h. Where is h's share in your dc_prev?")
def path_from_h_to_c_missing(dh, dc, cache):
    (_, f, _, _) = cache[5]
    return _lstm_blocks(dh, dc, cache, c_prev=lambda d: dc * f)


@mistake(
    lstm_step_backward, "c has two consumers: what comes next, and h. Only the first is heard in all that you return."
)
def path_from_h_to_c_missing_everywhere(dh, dc, cache):
    return _lstm_blocks(dh, dc, cache, all=lambda d: dc)


@mistake(lstm_step_backward, "c has two consumers: this step's h, and what comes next. Where does dc come in?")
def cell_gradient_from_later_dropped(dh, dc, cache):
    return lstm_step_backward(dh, np.zeros_like(dc), cache)


@mistake(lstm_step_backward, "Between c and h there is a tanh: where is its derivative?")
def tanh_of_the_cell_passed_over(dh, dc, cache):
    (_, _, _, o) = cache[5]
    return _lstm_blocks(dh, dc, cache, all=lambda d: dc + dh * o)


@mistake(lstm_step_backward, "You have tanh(c) already: its slope takes the square of that, and no second tanh.")
def tanh_of_the_cell_twice(dh, dc, cache):
    (_, _, _, o), tanh_c = cache[5:]
    return _lstm_blocks(dh, dc, cache, all=lambda d: dc + dh * o * (1 - np.tanh(tanh_c) ** 2))


@mistake(lstm_step_backward, "On its way from h to c, what is the gradient multiplied by besides the slope of tanh?")
def output_gate_left_out_on_the_way_to_c(dh, dc, cache):
    tanh_c = cache[6]
    return _lstm_blocks(dh, dc, cache, all=lambda d: dc + dh * (1 - tanh_c**2))


@mistake(lstm_step_backward, "Does dc reach c through h, so that it meets the output gate and tanh?")
def both_gradients_through_the_output_gate(dh, dc, cache):
    (_, _, _, o), tanh_c = cache[5:]
    return _lstm_blocks(dh, dc, cache, all=lambda d: (dc + dh) * o * (1 - tanh_c**2))


@mistake(
    lstm_step_backward,
    "Does all of the cell's gradient go through the input gate, or its second term alone? Mind the brackets.",
)
def brackets_left_out_at_the_input_gate(dh, dc, cache):
    (i, _, g, o), tanh_c = cache[5:]
    return _lstm_blocks(dh, dc, cache, a_i=lambda d: dc + dh * o * (1 - tanh_c**2) * g * i * (1 - i))


@mistake(
    lstm_step_backward,
    "Are both terms of the cell's gradient multiplied by f on their way to c_prev? Mind the brackets.",
)
def brackets_left_out_at_the_old_cell(dh, dc, cache):
    (_, f, _, o), tanh_c = cache[5:]
    return _lstm_blocks(dh, dc, cache, c_prev=lambda d: dc + dh * o * (1 - tanh_c**2) * f)


@mistake(
    lstm_step_backward,
    "Does all of the cell's gradient go through the forget gate, or its second term alone? Mind the brackets.",
)
def brackets_left_out_at_the_forget_gate(dh, dc, cache):
    (_, f, _, o), tanh_c = cache[5:]
    return _lstm_blocks(dh, dc, cache, a_f=lambda d: dc + dh * o * (1 - tanh_c**2) * cache[2] * f * (1 - f))


@mistake(lstm_step_backward, "g is tanh of its block already: its slope takes the square of g, and no second tanh.")
def tanh_of_the_candidate_twice(dh, dc, cache):
    g = cache[5][2]
    return _lstm_blocks(dh, dc, cache, a_g=lambda d: d["g"] * (1 - np.tanh(g) ** 2))


@mistake(lstm_step_backward, "Which of the four blocks is no sigmoid? Its slope is another one.")
def sigmoid_slope_at_the_candidate(dh, dc, cache):
    g = cache[5][2]
    return _lstm_blocks(dh, dc, cache, a_g=lambda d: d["g"] * g * (1 - g))


@mistake(lstm_step_backward, "The gates are sigmoids of their blocks: where are the slopes of these?")
def slopes_of_the_gates_left_out(dh, dc, cache):
    return _lstm_blocks(dh, dc, cache, **{f"a_{gate}": lambda d, gate=gate: d[gate] for gate in "ifo"})


@mistake(lstm_step_backward, "The cache holds the gates after the sigmoid: yours is taken of them once more.")
def sigmoid_of_the_gates_twice(dh, dc, cache):
    def again(gate, value):
        s = logistic(value)
        return lambda d: d[gate] * s * (1 - s)

    i, f, _, o = cache[5]
    return _lstm_blocks(dh, dc, cache, a_i=again("i", i), a_f=again("f", f), a_o=again("o", o))


@mistake(lstm_step_backward, "Which cell does the forget gate multiply: the one before the step or the one after?")
def new_cell_for_the_old(dh, dc, cache):
    _, _, c_prev, _, _, (i, f, g, _), _ = cache
    return _lstm_blocks(dh, dc, cache, f=lambda d: d["all"] * (f * c_prev + i * g))


@mistake(lstm_step_backward, "h is o times something: is that c, or c after tanh?")
def cell_without_tanh_at_the_output_gate(dh, dc, cache):
    _, _, c_prev, _, _, (i, f, g, _), _ = cache
    return _lstm_blocks(dh, dc, cache, o=lambda d: dh * (f * c_prev + i * g))


@mistake(
    lstm_step_backward, "A product's slope in one factor is the other factor: what is i multiplied by, and what is g?"
)
def input_gate_and_candidate_not_swapped(dh, dc, cache):
    i, _, g, _ = cache[5]
    return _lstm_blocks(dh, dc, cache, i=lambda d: d["all"] * i, g=lambda d: d["all"] * g)


@mistake(lstm_step_backward, "c_prev is multiplied by one of the gates on its way to c: by which?")
def old_cell_through_the_input_gate(dh, dc, cache):
    i = cache[5][0]
    return _lstm_blocks(dh, dc, cache, c_prev=lambda d: d["all"] * i)


@mistake(lstm_step_backward, "c_prev does not reach c undamped: which gate stands between them?")
def forget_gate_passed_over(dh, dc, cache):
    return _lstm_blocks(dh, dc, cache, c_prev=lambda d: d["all"].copy())


@mistake(lstm_step_backward, "In which order did the forward cut a into blocks? Put the gradients together likewise.")
def blocks_in_another_order(dh, dc, cache):
    x, h_prev, c_prev, wx, wh, *rest = cache
    units = dh.shape[1]
    order = np.concatenate([np.arange(k * units, (k + 1) * units) for k in (0, 1, 3, 2)])
    dx, dh_prev, dc_prev, *parameters = lstm_step_backward(dh, dc, (x, h_prev, c_prev, wx[order], wh[order], *rest))
    return dx, dh_prev, dc_prev, *(parameter[order] for parameter in parameters)


@mistake(lstm_step_backward, "A block of wh is square, so its shape does not tell: over which index does the sum run?")
def blocks_of_the_weights_turned(dh, dc, cache):
    x, h_prev, c_prev, wx, wh, *rest = cache
    right = lstm_step_backward(dh, dc, cache)
    turned = np.concatenate([block.T for block in np.split(wh, 4)])
    return right[0], lstm_step_backward(dh, dc, (x, h_prev, c_prev, wx, turned, *rest))[1], *right[2:]


@mistake(lstm_step_backward, "h_prev feeds all four blocks: yours hears from one of them.")
def one_gate_alone_for_the_old_state(dh, dc, cache):
    right = lstm_step_backward(dh, dc, cache)
    units = dh.shape[1]
    x, h_prev, c_prev, wx, wh, *rest = cache
    only = np.concatenate([np.zeros((3 * units, units)), wh[3 * units :]])
    return right[0], lstm_step_backward(dh, dc, (x, h_prev, c_prev, wx, only, *rest))[1], *right[2:]


@mistake(
    lstm_step_backward, "The weights and b serve every example, and each adds its share: does the forward divide by N?"
)
def lstm_parameters_as_means(dh, dc, cache):
    *states, dwx, dwh, db = lstm_step_backward(dh, dc, cache)
    return *states, dwx / len(dh), dwh / len(dh), db / len(dh)


@mistake(lstm_step_backward, "A gradient has exactly the shape of the thing it is the gradient of: b has one axis.")
def lstm_bias_with_an_extra_axis(dh, dc, cache):
    *rest, db = lstm_step_backward(dh, dc, cache)
    return *rest, db[None]


def _two_exponentials(a):
    """The sigmoid in a form that overflows."""
    return np.exp(a) / (1 + np.exp(a))


def _lstm_forward(inputs, cell=None, state=None, order=(0, 1, 2, 3), sigmoid=logistic):
    """A step with another cell, another state, other blocks or another sigmoid, and the right step's cache."""
    x, h_prev, c_prev, wx, wh, b = inputs
    _, cache = lstm_step_forward(*inputs)
    parts = np.split(x @ wx.T + h_prev @ wh.T + b, 4, axis=1)
    i, f, g, o = (parts[place] for place in order)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g if cell is None else cell(i, f, g, c_prev)
    return (o * np.tanh(c) if state is None else state(o, c), c), cache


@mistake(lstm_step_backward, "What is done to the cell before the output gate lets it out?", half="forward")
def cell_let_out_without_tanh(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), state=lambda o, c: o * c)


@mistake(lstm_step_backward, "In which order do the four blocks come? The third is the tanh.", half="forward")
def output_gate_third(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), order=(0, 1, 3, 2))


@mistake(lstm_step_backward, "In which order do the four blocks come? The first is the input gate.", half="forward")
def forget_gate_first(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), order=(1, 0, 2, 3))


@mistake(lstm_step_backward, "That couples the gates: here the forget gate has a block of its own.", half="forward")
def forget_gate_from_the_input_gate(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), cell=lambda i, f, g, old: (1 - i) * old + i * g)


@mistake(lstm_step_backward, "What is the new cell made of besides i g?", half="forward")
def old_cell_not_kept(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), cell=lambda i, f, g, old: i * g)


@mistake(lstm_step_backward, "Try a = 1000: what is exp(a), and what is it divided by exp(a) + 1?", half="forward")
def sigmoid_of_two_exponentials(x, h_prev, c_prev, wx, wh, b):
    return _lstm_forward((x, h_prev, c_prev, wx, wh, b), sigmoid=_two_exponentials)


@mistake(lstm_step_backward, "Changing b does not change your states.", half="forward")
def lstm_without_its_bias(x, h_prev, c_prev, wx, wh, b):
    return lstm_step_forward(x, h_prev, c_prev, wx, wh, np.zeros_like(b))


# -- the LSTM, through time -------------------------------------------------------------------------------------------


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
    ### BEGIN SOLUTION
    expect_shapes(lstm_forward, x, h0, c0, wx, wh, b)
    state, cell, states, caches = h0, c0, [], []
    for t in range(x.shape[1]):
        (state, cell), cache = _lstm_step(x[:, t], state, cell, wx, wh, b)
        states.append(state)
        caches.append(cache)
    return np.stack(states, axis=1), caches
    ### END SOLUTION


@exercise(
    lstm_forward,
    points=5,
    hints=(
        "Use the step's backward, from the last step to the first.",
        "Two things go from a step to the next one, h and c: two gradients come back.",
        "A state has two consumers, the loss at its own time and the next step: their gradients are added.",
        "After the last step there is none: what comes back to it from later is 0, for h and for c.",
    ),
    edges={"one step": {"T": 1}, "two steps": {"T": 2}, **STEP_EDGES},
    overflow=SATURATED,
)
def lstm_backward(dh, cache):
    """Backpropagation through time: return (dx, dh0, dc0, dwx, dwh, db), each of its input's shape, given dh (N, T, H).

    dh[:, t] is what the loss sends to the state h[:, t] directly; it looks at no cell.
    Source: Werbos 1990, for the steps of lstm_forward.
    """
    ### BEGIN SOLUTION
    # $$\bar h_t = \frac{\partial L}{\partial h_t}\Big|_{\text{direct}} + \bar h'_{t+1},\qquad
    #   \bar c_t = \bar c'_{t+1},\qquad \bar W = \sum_t \bar W_t,$$
    # where $\bar h'_{t+1}, \bar c'_{t+1}$ are what step $t+1$ hands back to the state and the cell it started from.
    return _lstm_through_time(dh, cache)
    ### END SOLUTION


def _lstm_through_time(dh, cache, carry_h=1.0, carry_c=1.0):
    """The loop of backpropagation through time, with factors on what one step hands to the one before it."""
    (x, h_prev, c_prev, wx, wh, *_), steps = cache[0], range(dh.shape[1])
    dx, shares = np.empty((*dh.shape[:2], x.shape[1])), [np.zeros_like(w) for w in (wx, wh, wx[:, 0])]
    dh_prev, dc_prev = np.zeros_like(h_prev), np.zeros_like(c_prev)
    for t in reversed(steps):
        up, cell_up = dh[:, t] + carry_h * dh_prev, carry_c * dc_prev
        if t == dh.shape[1] - 1:
            up, cell_up = dh[:, t], np.zeros_like(c_prev)
        dx[:, t], dh_prev, dc_prev, *local = lstm_step_backward(up, cell_up, cache[t])
        shares = [share + more for share, more in zip(shares, local)]
    return dx, dh_prev, dc_prev, *shares


@mistake(lstm_backward, "The state and the cell feed the next step: what comes back from there is dropped.")
def lstm_nothing_carried_back(dh, cache):
    return _lstm_through_time(dh, cache, 0.0, 0.0)


@mistake(lstm_backward, "Two things go from step to step, h and c, and one of their gradients comes back.")
def state_gradient_not_carried(dh, cache):
    return _lstm_through_time(dh, cache, carry_h=0.0)


@mistake(lstm_backward, "Two things go from step to step, c and h, and one of their gradients comes back.")
def cell_gradient_not_carried(dh, cache):
    return _lstm_through_time(dh, cache, carry_c=0.0)


@mistake(lstm_backward, "h0 feeds the first step: does its gradient arrive?")
def lstm_initial_state_forgotten(dh, cache):
    dx, dh0, *rest = lstm_backward(dh, cache)
    return dx, np.zeros_like(dh0), *rest


@mistake(lstm_backward, "c0 feeds the first step: does its gradient arrive?")
def initial_cell_forgotten(dh, cache):
    dx, dh0, dc0, *rest = lstm_backward(dh, cache)
    return dx, dh0, np.zeros_like(dc0), *rest


@mistake(lstm_backward, "h0 is the state before the first step: your dh0 is the gradient of another one.")
def gradient_of_the_first_state_for_h0(dh, cache):
    dx, dh0, *rest = lstm_backward(dh, cache)
    first = dh[:, 0] + (lstm_backward(dh[:, 1:], cache[1:])[1] if len(cache) > 1 else 0.0)
    return dx, first, *rest


@mistake(lstm_backward, "The loss looks at every state, not at the last one alone: where does dh[:, t] come in?")
def lstm_loss_at_the_last_step_only(dh, cache):
    last = np.zeros_like(dh)
    last[:, -1] = dh[:, -1]
    return lstm_backward(last, cache)


@mistake(lstm_backward, "The weights are used at every step, and your gradient hears from one of them.")
def weights_of_the_first_step_only(dh, cache):
    dx, dh0, dc0, *shares = lstm_backward(dh, cache)
    if len(cache) == 1:
        return dx, dh0, dc0, *shares
    later = lstm_backward(dh[:, 1:], cache[1:])[3:]
    return dx, dh0, dc0, *(share - more for share, more in zip(shares, later))


@mistake(lstm_backward, "Is anything in the forward divided by the number of steps?")
def lstm_mean_over_time(dh, cache):
    dx, dh0, dc0, *shares = lstm_backward(dh, cache)
    return dx, dh0, dc0, *(share / dh.shape[1] for share in shares)


@mistake(lstm_backward, "Each dx belongs to the step that read it: in which order do yours come?")
def inputs_in_the_order_of_going_back(dh, cache):
    dx, *rest = lstm_backward(dh, cache)
    return dx[:, ::-1].copy(), *rest


@mistake(lstm_backward, "A sequence may have one step only: what do you read from the second?")
def second_step_taken_for_granted(dh, cache):
    _ = cache[1]
    return lstm_backward(dh, cache)


@mistake(lstm_backward, "Is the cell's gradient one more gradient of the state? They go back on two ways.")
def cell_gradient_added_to_the_state(dh, cache):
    dh_prev = dc_prev = np.zeros_like(dh[:, 0])
    dx, shares = [], 0.0
    for t in reversed(range(dh.shape[1])):
        one, dh_prev, dc_prev, *local = lstm_step_backward(dh[:, t] + dh_prev + dc_prev, dc_prev, cache[t])
        dx.insert(0, one)
        shares = local if t == dh.shape[1] - 1 else [share + more for share, more in zip(shares, local)]
    return np.stack(dx, axis=1), dh_prev, dc_prev, *shares


@mistake(lstm_backward, "Which state goes into the second step?", half="forward")
def lstm_initial_state_at_every_step(x, h0, c0, wx, wh, b):
    cell, states, caches = c0, [], []
    for t in range(x.shape[1]):
        (state, cell), cache = _lstm_step(x[:, t], h0, cell, wx, wh, b)
        states.append(state)
        caches.append(cache)
    return np.stack(states, axis=1), caches


@mistake(lstm_backward, "Which cell goes into the second step?", half="forward")
def initial_cell_at_every_step(x, h0, c0, wx, wh, b):
    state, states, caches = h0, [], []
    for t in range(x.shape[1]):
        (state, _), cache = _lstm_step(x[:, t], state, c0, wx, wh, b)
        states.append(state)
        caches.append(cache)
    return np.stack(states, axis=1), caches


@mistake(lstm_backward, "Does the sequence start from c0, or from a cell of zeros?", half="forward")
def initial_cell_of_zeros(x, h0, c0, wx, wh, b):
    return lstm_forward(x, h0, np.zeros_like(c0), wx, wh, b)


# -- the GRU ----------------------------------------------------------------------------------------------------------


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
    ### BEGIN SOLUTION
    # $$r = \sigma(a_1+u_1),\quad z = \sigma(a_2+u_2),\quad n = \tanh(a_3 + r\odot u_3),\quad
    #   h = (1-z)\odot n + z\odot h'.$$
    expect_shapes(gru_step_forward, x, h_prev, wx, wh, bx, bh)
    a, u = np.split(x @ wx.T + bx, 3, axis=1), np.split(h_prev @ wh.T + bh, 3, axis=1)
    r, z = logistic(a[0] + u[0]), logistic(a[1] + u[1])
    n = np.tanh(a[2] + r * u[2])
    return (1 - z) * n + z * h_prev, (x, h_prev, wx, wh, r, z, n, u[2])
    ### END SOLUTION


@exercise(
    gru_step_forward,
    points=6,
    hints=(
        "Name what is computed, line by line, and go back through the lines: h, then n and z, then r, then a and u.",
        "h_prev is used on four ways: directly, times z, and through each of the three blocks of u.",
        "a and u are added in two blocks, so those gradients are equal; in the third, r stands before u alone.",
    ),
    edges={**STEP_EDGES, "large states": {"h_prev": (1.0, 3.0)}},
    overflow=SATURATED,
)
def gru_step_backward(dh, cache):
    """Gradients of a GRU's step: return (dx, dh_prev, dwx, dwh, dbx, dbh), each of its input's shape, given dh (N, H).

    Source: Cho et al. 2014, as in gru_step_forward, differentiated.
    """
    ### BEGIN SOLUTION
    # $$\bar a_3 = \bar h(1-z)(1-n^2),\quad \bar a_2 = \bar h(h'-n)\,z(1-z),\quad \bar a_1 = \bar a_3 u_3\,r(1-r),$$
    # $\bar u = (\bar a_1, \bar a_2, r\,\bar a_3)$, then as in affine, and $\bar h' = \bar u\,W_h + z\odot\bar h$.
    x, h_prev, wx, wh, r, z, n, u_n = cache
    dn = dh * (1 - z) * (1 - n**2)
    dz = dh * (h_prev - n) * z * (1 - z)
    dr = dn * u_n * r * (1 - r)
    da, du = np.hstack([dr, dz, dn]), np.hstack([dr, dz, r * dn])
    return da @ wx, du @ wh + z * dh, da.T @ x, du.T @ h_prev, da.sum(axis=0), du.sum(axis=0)
    ### END SOLUTION


def _gru_blocks(dh, cache, **steps):
    """A step's backward with other lines, by the gradient that each gives: functions of the gradients so far."""
    x, h_prev, wx, wh, r, z, n, u_n = cache
    every = {
        "n": lambda d: dh * (1 - z),
        "z": lambda d: dh * (h_prev - n),
        "a_n": lambda d: d["n"] * (1 - n**2),
        "a_z": lambda d: d["z"] * z * (1 - z),
        "r": lambda d: d["a_n"] * u_n,
        "a_r": lambda d: d["r"] * r * (1 - r),
        "u_n": lambda d: d["a_n"] * r,
        "direct": lambda d: dh * z,
        **steps,
    }
    found = {}
    for name, step in every.items():
        found[name] = step(found)
    da = np.hstack([found["a_r"], found["a_z"], found["a_n"]])
    du = np.hstack([found["a_r"], found["a_z"], found["u_n"]])
    return da @ wx, du @ wh + found["direct"], da.T @ x, du.T @ h_prev, da.sum(axis=0), du.sum(axis=0)


@mistake(gru_step_backward, "Besides the gates, h_prev goes straight into h: where is that way in dh_prev?")
def direct_way_missing(dh, cache):
    return _gru_blocks(dh, cache, direct=lambda d: 0.0)


@mistake(gru_step_backward, "The direct way from h_prev to h is not undamped: which gate stands there?")
def direct_way_without_its_gate(dh, cache):
    return _gru_blocks(dh, cache, direct=lambda d: dh)


@mistake(gru_step_backward, "The direct way alone is there: h_prev also moves the gates and n.")
def direct_way_alone(dh, cache):
    right = gru_step_backward(dh, cache)
    return right[0], dh * cache[5], *right[2:]


@mistake(gru_step_backward, "If z rises, is it n or h_prev that gains weight?")
def update_gate_with_the_wrong_sign(dh, cache):
    h_prev, n = cache[1], cache[6]
    return _gru_blocks(dh, cache, z=lambda d: dh * (n - h_prev))


@mistake(gru_step_backward, "z occurs twice in h: how does the other term change with it?")
def update_gate_used_once(dh, cache):
    h_prev = cache[1]
    return _gru_blocks(dh, cache, z=lambda d: dh * h_prev)


@mistake(gru_step_backward, "Which weight has n in h: z, or what is left of 1?")
def gates_of_the_two_states_swapped(dh, cache):
    z = cache[5]
    return _gru_blocks(dh, cache, n=lambda d: dh * z, direct=lambda d: dh * (1 - z))


@mistake(gru_step_backward, "n is already tanh of something: its slope takes the square of n, and no second tanh.")
def tanh_of_n_twice(dh, cache):
    n = cache[6]
    return _gru_blocks(dh, cache, a_n=lambda d: d["n"] * (1 - np.tanh(n) ** 2))


@mistake(gru_step_backward, "Between n and what it is made of there is tanh: where is its derivative?")
def tanh_of_n_passed_over(dh, cache):
    return _gru_blocks(dh, cache, a_n=lambda d: d["n"].copy())


@mistake(gru_step_backward, "r and z are sigmoids of their blocks: where are the slopes of these?")
def gru_slopes_of_the_gates_left_out(dh, cache):
    return _gru_blocks(dh, cache, a_z=lambda d: d["z"].copy(), a_r=lambda d: d["r"].copy())


@mistake(gru_step_backward, "The cache holds the gates after the sigmoid: yours is taken of them once more.")
def gru_sigmoid_of_the_gates_twice(dh, cache):
    r, z = (logistic(gate) for gate in cache[4:6])
    return _gru_blocks(dh, cache, a_z=lambda d: d["z"] * z * (1 - z), a_r=lambda d: d["r"] * r * (1 - r))


@mistake(gru_step_backward, "In the third block r stands between u and n: where is it on the way back to h_prev?")
def reset_gate_passed_over(dh, cache):
    return _gru_blocks(dh, cache, u_n=lambda d: d["a_n"].copy())


@mistake(gru_step_backward, "r moves n, and so h: what is the gradient of its block?")
def reset_gate_without_gradient(dh, cache):
    return _gru_blocks(dh, cache, r=lambda d: np.zeros_like(dh))


@mistake(gru_step_backward, "What does r multiply in this forward: h_prev, or a block of u?")
def reset_gate_times_the_old_state(dh, cache):
    h_prev = cache[1]
    return _gru_blocks(dh, cache, r=lambda d: d["a_n"] * h_prev)


@mistake(gru_step_backward, "bx and bh are added alike in two blocks: and in the third?")
def one_gradient_for_both_biases(dh, cache):
    *rest, dbx, _ = gru_step_backward(dh, cache)
    return *rest, dbx, dbx.copy()


@mistake(gru_step_backward, "A block of wh is square, so its shape does not tell: over which index does the sum run?")
def gru_blocks_of_the_weights_turned(dh, cache):
    x, h_prev, wx, wh, *rest = cache
    right = gru_step_backward(dh, cache)
    turned = np.concatenate([block.T for block in np.split(wh, 3)])
    return right[0], gru_step_backward(dh, (x, h_prev, wx, turned, *rest))[1], *right[2:]


@mistake(gru_step_backward, "The weights serve every example, and each adds its share: does the forward divide by N?")
def gru_parameters_as_means(dh, cache):
    dx, dh_prev, *parameters = gru_step_backward(dh, cache)
    return dx, dh_prev, *(parameter / len(dh) for parameter in parameters)


def _gru_forward(inputs, mix=None, candidate=None, order=(0, 1, 2), sigmoid=logistic):
    """A step with another mixture, another n, other blocks or another sigmoid, and the right step's cache."""
    x, h_prev, wx, wh, bx, bh = inputs
    _, cache = gru_step_forward(*inputs)
    a, u = np.split(x @ wx.T + bx, 3, axis=1), np.split(h_prev @ wh.T + bh, 3, axis=1)
    first, second, third = order
    r, z = sigmoid(a[first] + u[first]), sigmoid(a[second] + u[second])
    n = np.tanh(a[third] + r * u[third]) if candidate is None else candidate(r, a[third], u[third])
    return (1 - z) * n + z * h_prev if mix is None else mix(z, n, h_prev), cache


@mistake(gru_step_backward, "With z = 1, does the unit keep its state or take the new one?", half="forward")
def update_gate_turned_round(x, h_prev, wx, wh, bx, bh):
    return _gru_forward((x, h_prev, wx, wh, bx, bh), mix=lambda z, n, old: z * n + (1 - z) * old)


@mistake(gru_step_backward, "In which order do the three blocks come? The first is the reset gate.", half="forward")
def update_gate_first(x, h_prev, wx, wh, bx, bh):
    return _gru_forward((x, h_prev, wx, wh, bx, bh), order=(1, 0, 2))


@mistake(
    gru_step_backward,
    "Does r multiply h_prev before the product with wh, or u after it? The task says which.",
    half="forward",
)
def reset_before_the_product(x, h_prev, wx, wh, bx, bh):
    last = wh[2 * h_prev.shape[1] :], bh[2 * h_prev.shape[1] :]
    return _gru_forward(
        (x, h_prev, wx, wh, bx, bh), candidate=lambda r, a, u: np.tanh(a + (r * h_prev) @ last[0].T + last[1])
    )


@mistake(gru_step_backward, "Which gate decides how much of the old state goes into n?", half="forward")
def no_reset_in_the_forward(x, h_prev, wx, wh, bx, bh):
    return _gru_forward((x, h_prev, wx, wh, bx, bh), candidate=lambda r, a, u: np.tanh(a + u))


@mistake(gru_step_backward, "Does r stand before all that tanh is taken of, or before one term?", half="forward")
def reset_of_the_input_as_well(x, h_prev, wx, wh, bx, bh):
    return _gru_forward((x, h_prev, wx, wh, bx, bh), candidate=lambda r, a, u: np.tanh(r * (a + u)))


@mistake(gru_step_backward, "Try a = 1000: what is exp(a), and what is it divided by exp(a) + 1?", half="forward")
def gru_sigmoid_of_two_exponentials(x, h_prev, wx, wh, bx, bh):
    return _gru_forward((x, h_prev, wx, wh, bx, bh), sigmoid=_two_exponentials)
