"""Steps and sequences of recurrent networks, attention, small networks end to end."""

import autograd.numpy as np

from .case import Bank, drawn, edited, normal, variant

bank = Bank()


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def rnn_step(x, h, wx, wh, b):
    out = np.tanh(x @ wx + h @ wh + b)
    return out, (x, h, wx, wh, out)


def rnn_step_backward(dout, cache, slope=lambda out: 1 - out**2, swap=False):
    x, h, wx, wh, out = cache
    if swap:
        wx, wh = wh, wx
    dz = dout * slope(out)
    return dz @ wx.T, dz @ wh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)


STEP = normal((3, 4), (3, 2), (4, 2), (2, 2), (2,), seed=121)
bank.right("rnn_step", rnn_step, rnn_step_backward, STEP)
bank.wrong(
    "rnn_step_tanh_twice",
    rnn_step,
    variant(rnn_step_backward, slope=lambda out: 1 - np.tanh(out) ** 2),
    STEP,
    cause="activat",
)
bank.wrong(
    "rnn_step_no_slope", rnn_step, variant(rnn_step_backward, slope=lambda out: 1.0), STEP, cause="activat|slope|tanh"
)
bank.wrong(
    "rnn_step_hidden_without_weights",
    rnn_step,
    lambda d, c: (rnn_step_backward(d, c)[0], d * (1 - c[4] ** 2), *rnn_step_backward(d, c)[2:]),
    STEP,
)
bank.elsewhere(
    "rnn_step_weights_swapped",
    rnn_step,
    variant(rnn_step_backward, swap=True),
    drawn(
        lambda rng: (
            (w := rng.standard_normal((2, 2))),
            rng.standard_normal((2, 2)),
            w.copy() + 1,
            w.copy() + 1,
            rng.standard_normal(2),
        ),
        122,
    ),
    elsewhere=normal((2, 2), (2, 2), (2, 2), (2, 2), (2,), seed=123),
    note="the cache packed in another order",
)
bank.wrong(
    "rnn_step_cache_order",
    rnn_step,
    variant(rnn_step_backward, swap=True),
    normal((3, 2), (3, 2), (2, 2), (2, 2), (2,), seed=124),
    cause="order|swap",
)


def rnn(x, h0, wx, wh, b):
    h, hidden = h0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ wx + h @ wh + b)
        hidden.append(h)
    out = np.stack(hidden, axis=1)
    return out, (x, h0, wx, wh, out)


def rnn_backward(
    dout, cache, carry=True, last_only=False, shift=0, overwrite=False, initial=True, first_input=False, upstream=True
):
    """Backward through time; the switches cut, shift or overwrite one of the flows."""
    x, h0, wx, wh, out = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(wx.shape[1])
    dh = np.zeros_like(h0)
    steps = x.shape[1]
    for t in reversed(range(steps)):
        before = out[:, t - 1] if t else h0
        if first_input:
            before = out[:, t]
        g = dout[:, min(t + shift, steps - 1)] if upstream or t == steps - 1 else 0
        dz = (g + (dh if carry else 0)) * (1 - out[:, t] ** 2)
        dx[:, t] = dz @ wx.T
        if overwrite:
            dwx, dwh, db = x[:, t].T @ dz, before.T @ dz, dz.sum(axis=0)
        else:
            dwx, dwh, db = dwx + x[:, t].T @ dz, dwh + before.T @ dz, db + dz.sum(axis=0)
        dh = dz @ wh.T
    if last_only:
        dwh = np.zeros_like(wh)
    return dx, dh if initial else np.zeros_like(h0), dwx, dwh, db


SEQUENCE = normal((2, 4, 3), (2, 2), (3, 2), (2, 2), (2,), seed=125, scale=0.7)
bank.right("rnn", rnn, rnn_backward, SEQUENCE)
bank.wrong("rnn_nothing_carried_back", rnn, variant(rnn_backward, carry=False), SEQUENCE, cause="time|carr|recur|step")
bank.wrong("rnn_upstream_shifted", rnn, variant(rnn_backward, shift=1), SEQUENCE, cause="shift|time")
bank.wrong(
    "rnn_weights_overwritten", rnn, variant(rnn_backward, overwrite=True), SEQUENCE, cause="overwr|accumul|time|step"
)
bank.wrong("rnn_initial_state_zero", rnn, variant(rnn_backward, initial=False), SEQUENCE, cause="zero")
bank.wrong(
    "rnn_hidden_not_previous", rnn, variant(rnn_backward, first_input=True), SEQUENCE, cause="shift|time|off by one"
)
bank.wrong("rnn_last_upstream_only", rnn, variant(rnn_backward, upstream=False), SEQUENCE)
bank.wrong("rnn_dwh_zero", rnn, variant(rnn_backward, last_only=True), SEQUENCE, cause="zero")
bank.wrong(
    "rnn_dx_shifted_in_time",
    rnn,
    edited(rnn_backward, 0, lambda dx: np.roll(dx, 1, axis=1)),
    SEQUENCE,
    cause="shift|time",
)
bank.edge(
    "rnn_one_step_only",
    rnn,
    variant(rnn_backward, carry=False),
    normal((2, 1, 3), (2, 2), (3, 2), (2, 2), (2,), seed=126),
    elsewhere=SEQUENCE,
    cause="time|carr|step|shape|axis|length",
    note="one step hides that nothing is carried back",
)


def rnn_last(x, h0, wx, wh, b):
    out, cache = rnn(x, h0, wx, wh, b)
    return out[:, -1], cache


def rnn_last_backward(d, cache, steps=None):
    x = cache[0]
    dout = np.zeros((x.shape[0], x.shape[1], d.shape[1]))
    dout[:, -1] = d
    grads = rnn_backward(dout, cache)
    if steps is not None:
        grads[0][:, : max(0, x.shape[1] - steps)] = 0.0
    return grads


bank.right("rnn_last_state", rnn_last, rnn_last_backward, SEQUENCE)
bank.wrong("rnn_truncated", rnn_last, variant(rnn_last_backward, steps=2), SEQUENCE, cause="zero|time|mask|slice|entr")
bank.elsewhere(
    "rnn_truncated_at_three",
    rnn_last,
    variant(rnn_last_backward, steps=3),
    normal((2, 2, 3), (2, 2), (3, 2), (2, 2), (2,), seed=127),
    elsewhere=SEQUENCE,
)


def lstm_step(x, h, c, wx, wh, b):
    a = x @ wx + h @ wh + b
    n = h.shape[1]
    i, f, o, g = sigmoid(a[:, :n]), sigmoid(a[:, n : 2 * n]), sigmoid(a[:, 2 * n : 3 * n]), np.tanh(a[:, 3 * n :])
    c_next = f * c + i * g
    t = np.tanh(c_next)
    return o * t, c_next, (x, h, c, wx, wh, i, f, o, g, t)


def lstm_step_backward(dh, dc, cache, cell_path=True, g_slope=True, cell_slope=True, gates=(0, 1, 2, 3)):
    x, h, c, wx, wh, i, f, o, g, t = cache
    dct = dc + (dh * o * (1 - t**2 if cell_slope else 1.0) if cell_path else 0)
    parts = [
        dct * g * i * (1 - i),
        dct * c * f * (1 - f),
        dh * t * o * (1 - o),
        dct * i * ((1 - g**2) if g_slope else (1 - np.tanh(g) ** 2)),
    ]
    da = np.concatenate([parts[k] for k in gates], axis=1)
    return da @ wx.T, da @ wh.T, dct * f, x.T @ da, h.T @ da, da.sum(axis=0)


def lstm_by(**switches):
    return lambda dh, dc, cache: lstm_step_backward(dh, dc, cache, **switches)


LSTM = normal((2, 3), (2, 2), (2, 2), (3, 8), (2, 8), (8,), seed=128)
lstm = {"style": "several", "outs": 2}
bank.right("lstm_step", lstm_step, lstm_by(), LSTM, **lstm)
bank.wrong("lstm_cell_path_missing", lstm_step, lstm_by(cell_path=False), LSTM, **lstm, note="c has two consumers")
bank.wrong("lstm_candidate_tanh_twice", lstm_step, lstm_by(g_slope=False), LSTM, **lstm)
bank.wrong("lstm_cell_slope_missing", lstm_step, lstm_by(cell_slope=False), LSTM, **lstm)
bank.wrong("lstm_gates_swapped", lstm_step, lstm_by(gates=(1, 0, 2, 3)), LSTM, **lstm)
bank.wrong(
    "lstm_dc_not_forgotten",
    lstm_step,
    lambda dh, dc, k: tuple(
        dc + dh * k[7] * (1 - k[9] ** 2) if n == 2 else grad for n, grad in enumerate(lstm_step_backward(dh, dc, k))
    ),
    LSTM,
    **lstm,
    note="the forget gate left out of dc",
)
bank.wrong(
    "lstm_db_first_row",
    lstm_step,
    lambda dh, dc, k: (
        *lstm_step_backward(dh, dc, k)[:5],
        lstm_step_backward(dh[:1], dc[:1], tuple(a[:1] for a in k[:3]) + k[3:5] + tuple(a[:1] for a in k[5:]))[5],
    ),
    LSTM,
    **lstm,
    note="the bias sees the first row alone",
)


def gru_step(x, h, w, u):
    n = h.shape[1]
    z, r = sigmoid(x @ w[:, :n] + h @ u[:, :n]), sigmoid(x @ w[:, n : 2 * n] + h @ u[:, n : 2 * n])
    g = np.tanh(x @ w[:, 2 * n :] + (r * h) @ u[:, 2 * n :])
    return (1 - z) * h + z * g, (x, h, w, u, z, r, g)


def gru_step_backward(d, cache, reset_path=True, direct=True):
    x, h, w, u, z, r, g = cache
    n = h.shape[1]
    da_g = d * z * (1 - g**2)
    drh = da_g @ u[:, 2 * n :].T
    da_z = d * (g - h) * z * (1 - z)
    da_r = drh * h * r * (1 - r)
    dx = da_z @ w[:, :n].T + da_r @ w[:, n : 2 * n].T + da_g @ w[:, 2 * n :].T
    dh = da_z @ u[:, :n].T + da_r @ u[:, n : 2 * n].T
    if direct:
        dh = dh + d * (1 - z)
    if reset_path:
        dh = dh + drh * r
    dw = np.concatenate([x.T @ da_z, x.T @ da_r, x.T @ da_g], axis=1)
    du = np.concatenate([h.T @ da_z, h.T @ da_r, (r * h).T @ da_g], axis=1)
    return dx, dh, dw, du


GRU = normal((3, 2), (3, 2), (2, 6), (2, 6), seed=129)
bank.right("gru_step", gru_step, gru_step_backward, GRU)
bank.wrong("gru_reset_path_missing", gru_step, variant(gru_step_backward, reset_path=False), GRU)
bank.wrong("gru_direct_path_missing", gru_step, variant(gru_step_backward, direct=False), GRU)


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_backward(d, cache, scale=True, jacobian=True, key_transposed=True, softmax=True):
    q, k, v, p = cache
    dp = d @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) if jacobian else dp * p * (1 - p)
    if not softmax:
        ds = dp
    if scale:
        ds = ds / np.sqrt(q.shape[1])
    return ds @ k, (ds.T if key_transposed else ds) @ q, p.T @ d


ATTENTION = normal((4, 3), (4, 3), (4, 2), seed=130)
bank.right("attention", attention, attention_backward, ATTENTION)
bank.wrong(
    "attention_scale_forgotten",
    attention,
    variant(attention_backward, scale=False),
    ATTENTION,
    cause="sqrt|square root|factor",
)
bank.wrong("attention_diagonal_softmax", attention, variant(attention_backward, jacobian=False), ATTENTION)
bank.wrong("attention_keys_not_transposed", attention, variant(attention_backward, key_transposed=False), ATTENTION)
bank.wrong("attention_without_softmax", attention, variant(attention_backward, softmax=False), ATTENTION)
bank.wrong(
    "attention_values_not_transposed", attention, lambda d, c: (*attention_backward(d, c)[:2], c[3] @ d), ATTENTION
)


def causal(q, k, v):
    mask = np.triu(np.full((q.shape[0], k.shape[0]), -np.inf), 1)
    s = q @ k.T / np.sqrt(q.shape[1]) + mask
    e = np.exp(s - np.max(s, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def causal_without_inf(q, k, v):
    e = np.exp(q @ k.T / np.sqrt(q.shape[1])) * np.tril(np.ones((q.shape[0], k.shape[0])))
    return e / np.sum(e, axis=1, keepdims=True) @ v


bank.right("causal_attention", causal, attention_backward, ATTENTION, oracle=causal_without_inf)
bank.nasty(
    "causal_attention_minus_inf_mask",
    causal,
    attention_backward,
    normal((3, 2), (3, 2), (3, 2), seed=131, scale=3.0),
    oracle=causal_without_inf,
)


# Two layers end to end, parameters in a dict.
def mlp_loss(x, y, params):
    h = np.maximum(x @ params["W1"] + params["b1"], 0)
    s = h @ params["W2"] + params["b2"]
    s = s - np.max(s, axis=1, keepdims=True)
    logp = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    loss = -np.mean(logp[np.arange(len(y)), y]) + 0.05 * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
    return loss, (x, y, params, h, np.exp(logp))


def mlp_backward(d, cache, mask=True, reg=0.1, bias=True, divide=True):
    x, y, params, h, p = cache
    ds = p.copy()
    ds[np.arange(len(y)), y] -= 1
    ds = d * ds / (len(y) if divide else 1)
    dh = ds @ params["W2"].T
    if mask:
        dh = dh * (h > 0)
    return {
        "W1": x.T @ dh + d * reg * params["W1"],
        "b1": dh.sum(axis=0),
        "W2": h.T @ ds + d * reg * params["W2"],
        "b2": ds.sum(axis=0) * (1 if bias else 0.5),
    }


MLP = drawn(
    lambda rng: (
        rng.standard_normal((5, 3)),
        np.array([0, 2, 1, 1, 0]),
        {
            "W1": rng.standard_normal((3, 4)),
            "b1": rng.standard_normal(4),
            "W2": rng.standard_normal((4, 3)),
            "b2": rng.standard_normal(3),
        },
    ),
    132,
)
mlp = {"style": "dict", "wrt": (2,), "options": {"wrt": ("params",)}}


def mlp_by(**switches):
    return lambda d, cache: {"params": mlp_backward(d, cache, **switches)}


bank.right("two_layer_net_dict", mlp_loss, mlp_by(), MLP, **mlp)
bank.wrong("two_layer_net_relu_mask", mlp_loss, mlp_by(mask=False), MLP, **mlp)
bank.wrong("two_layer_net_reg_halved", mlp_loss, mlp_by(reg=0.05), MLP, **mlp, cause="reg|proportional")
bank.wrong("two_layer_net_db2_half", mlp_loss, mlp_by(bias=False), MLP, **mlp, cause="factor|half|0.5")


def net(x, w1, b1, w2, b2):
    z = x @ w1 + b1
    h = np.maximum(z, 0)
    return h @ w2 + b2, (x, w1, w2, z, h)


def net_backward(d, cache, mask="z", hidden="h", first="x"):
    x, w1, w2, z, h = cache
    dh = d @ w2.T
    dz = dh * {"z": z > 0, "late": z > 0.2, "none": 1.0, "dh": dh > 0}[mask]
    return dz @ w1.T, x.T @ dz, dz.sum(axis=0), (h if hidden == "h" else z).T @ d, d.sum(axis=0)


NET = normal((4, 3), (3, 5), (5,), (5, 2), (2,), seed=133)
bank.right("two_layers", net, net_backward, NET)
bank.wrong("two_layers_no_mask", net, variant(net_backward, mask="none"), NET)
bank.wrong("two_layers_mask_of_the_gradient", net, variant(net_backward, mask="dh"), NET)
bank.wrong("two_layers_pre_activation", net, variant(net_backward, hidden="z"), NET, cause="pre-|preactiv|activation")
bank.wrong("two_layers_threshold", net, variant(net_backward, mask="late"), NET)
bank.elsewhere(
    "two_layers_no_mask_all_active",
    net,
    variant(net_backward, mask="none"),
    drawn(lambda rng: tuple(np.abs(rng.standard_normal(s)) for s in ((4, 3), (3, 5), (5,), (5, 2), (2,))), 134),
    elsewhere=NET,
)


def sigmoid_net(x, w1, w2):
    h = sigmoid(x @ w1)
    y = sigmoid(h @ w2)
    return 0.5 * np.sum(y**2), (x, w1, w2, h, y)


def sigmoid_net_backward(d, cache, hidden=True, last=True):
    x, w1, w2, h, y = cache
    dz2 = d * y * (y * (1 - y) if last else 1)
    dz1 = dz2 @ w2.T * (h * (1 - h) if hidden else 1)
    return dz1 @ w1.T, x.T @ dz1, h.T @ dz2


SIGMOID_NET = normal((3, 4), (4, 5), (5, 2), seed=135)
bank.right("sigmoid_net", sigmoid_net, sigmoid_net_backward, SIGMOID_NET)
bank.wrong("sigmoid_net_hidden_slope", sigmoid_net, variant(sigmoid_net_backward, hidden=False), SIGMOID_NET)
bank.wrong("sigmoid_net_last_slope", sigmoid_net, variant(sigmoid_net_backward, last=False), SIGMOID_NET)


def embed(ids, table, w):
    return table[ids].sum(axis=1) @ w, (ids, table, w)


def embed_backward(d, cache, add=True):
    ids, table, w = cache
    g = d @ w.T
    dtable = np.zeros_like(table)
    for n, row in enumerate(ids):
        for i in row:
            dtable[i] = (dtable[i] if add else 0) + g[n]
    return dtable, table[ids].sum(axis=1).T @ d


EMBED = drawn(
    lambda rng: (np.array([[0, 1], [1, 3], [3, 3]]), rng.standard_normal((5, 3)), rng.standard_normal((3, 2))), 136
)
bank.right("bag_of_words", embed, embed_backward, EMBED)
bank.wrong(
    "bag_of_words_overwritten",
    embed,
    variant(embed_backward, add=False),
    EMBED,
    cause="overwr|accumul|row|repeat|indices 1, 3",
)
