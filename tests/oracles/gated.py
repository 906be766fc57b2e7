"""Gated networks written unit block by unit block with autograd, and by torch's own cells."""

import autograd.numpy as anp


def sigmoid(a):
    return 0.5 * (1 + anp.tanh(0.5 * a))


def block(place, blocks, array):
    size = array.shape[0] // blocks
    return array[place * size : (place + 1) * size]


def lstm_step(x, h_prev, c_prev, wx, wh, b):
    def before(place):
        return (
            anp.einsum("nd,hd->nh", x, block(place, 4, wx))
            + anp.einsum("nk,hk->nh", h_prev, block(place, 4, wh))
            + block(place, 4, b)
        )

    c = sigmoid(before(1)) * c_prev + sigmoid(before(0)) * anp.tanh(before(2))
    return sigmoid(before(3)) * anp.tanh(c), c


def lstm(x, h0, c0, wx, wh, b):
    pairs = [(h0, c0)]
    for t in range(x.shape[1]):
        pairs.append(lstm_step(x[:, t], *pairs[t], wx, wh, b))
    return anp.concatenate([h[:, None] for h, _ in pairs[1:]], axis=1)


def gru_step(x, h_prev, wx, wh, bx, bh):
    def of_x(place):
        return anp.einsum("nd,hd->nh", x, block(place, 3, wx)) + block(place, 3, bx)

    def of_h(place):
        return anp.einsum("nk,hk->nh", h_prev, block(place, 3, wh)) + block(place, 3, bh)

    reset, update = sigmoid(of_x(0) + of_h(0)), sigmoid(of_x(1) + of_h(1))
    new = anp.tanh(of_x(2) + reset * of_h(2))
    return new + update * (h_prev - new)


def torch_lstm_step(x, h_prev, c_prev, wx, wh, b):
    import torch

    cell = torch.nn.LSTMCell(x.shape[1], h_prev.shape[1], dtype=x.dtype)
    own = {"weight_ih": wx, "weight_hh": wh, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, own, (x, (h_prev, c_prev)))


def torch_lstm(x, h0, c0, wx, wh, b):
    import torch

    layer = torch.nn.LSTM(x.shape[2], h0.shape[1], batch_first=True, dtype=x.dtype)
    own = {"weight_ih_l0": wx, "weight_hh_l0": wh, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(layer, own, (x, (h0[None], c0[None])))[0]


def torch_gru_step(x, h_prev, wx, wh, bx, bh):
    import torch

    cell = torch.nn.GRUCell(x.shape[1], h_prev.shape[1], dtype=x.dtype)
    own = {"weight_ih": wx, "weight_hh": wh, "bias_ih": bx, "bias_hh": bh}
    return torch.func.functional_call(cell, own, (x, h_prev))


AUTOGRAD = {"lstm_step_backward": lstm_step, "lstm_backward": lstm, "gru_step_backward": gru_step}
TORCH = {
    "lstm_step_backward": torch_lstm_step,
    "lstm_backward": torch_lstm,
    "gru_step_backward": torch_gru_step,
}
