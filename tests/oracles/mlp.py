"""Networks in autograd's NumPy, entry by entry; their local errors as gradients of what is added to every z."""

import autograd.numpy as anp
import numpy as np
from autograd import grad

ACTIVATIONS = {
    "tanh": lambda z: 1 - 2 / (1 + anp.exp(2 * z)),
    "sigmoid": lambda z: 0.5 * (anp.tanh(z / 2) + 1),
    "relu": lambda z: anp.where(z > 0, z, 0.0),
}


def layer(x, w, b, act):
    return ACTIVATIONS[act](anp.einsum("nd,md->nm", x, w) + b)


def network(x, ws, bs, act, added=None):
    """All layers; `added` is added to the z of each."""
    for place, (w, b) in enumerate(zip(ws, bs)):
        x = layer(x, w, b if added is None else b + added[place], act)
    return x


def cross_entropy(z, y):
    """Of logits, by the sign that the label gives them."""
    return anp.logaddexp(0, anp.where(y == 1, -z, z))


def two_layer_sigmoid(x, w1, b1, w2, b2, y):
    z2 = anp.einsum("nh,mh->nm", layer(x, w1, b1, "sigmoid"), w2) + b2
    return anp.sum(cross_entropy(z2, y)) / len(y)


def mlp_bce(x, w1, w2, y, node):
    h = node("h", ACTIVATIONS["sigmoid"](node("h_tilde", anp.einsum("nd,hd->nh", x, w1))))
    return anp.mean(cross_entropy(node("y_tilde", anp.einsum("nh,oh->n", h, w2)), y))


def mlp2(x, w1, w2, target, act):
    off = layer(layer(x, w1, 0.0, act), w2, 0.0, act) - target
    return anp.sum(off * off)


def output_delta(da, z, act):
    """By the gradient of the sum that da weighs."""
    return grad(lambda z: anp.sum(da * ACTIVATIONS[act](z)))(z)


def blame(delta, w, h):
    """By the gradient of h w^T with respect to the logits of h, weighed by delta."""
    h_tilde = np.log(h / (1 - h))
    return grad(lambda t: anp.sum(delta * anp.dot(ACTIVATIONS["sigmoid"](t), w.T)))(h_tilde)


def local_errors(x, ws, bs, dout, act):
    zeros = [np.zeros((len(x), len(b))) for b in bs]
    return grad(lambda added: anp.sum(dout * network(x, ws, bs, act, added)))(zeros)


def deep_chain(dl_dy, dy_dh2, dh2_dh1, dh1_dw1):
    """Every path, one after the other."""
    total = np.zeros(dh1_dw1.shape[1:])
    for i, of_loss in enumerate(dl_dy):
        for j, of_output in enumerate(dy_dh2[i]):
            for k, of_second in enumerate(dh2_dh1[j]):
                total = total + of_loss * of_output * of_second * dh1_dw1[k]
    return total


def torch_two_layer_sigmoid(x, w1, b1, w2, b2, y):
    import torch
    from torch.nn import functional

    hidden = torch.sigmoid(functional.linear(x, w1, b1))
    logits = functional.linear(hidden, w2, b2)
    return functional.binary_cross_entropy_with_logits(logits, y.double(), reduction="sum") / len(y)


def torch_network(x, ws, bs, act):
    import torch

    for w, b in zip(ws, bs):
        x = getattr(torch, act)(torch.nn.functional.linear(x, w, b))
    return x


AUTOGRAD = {
    "layer_backward": layer,
    "two_layer_sigmoid_backward": two_layer_sigmoid,
    "mlp_bce_backward": mlp_bce,
    "mlp2_backward": mlp2,
    "mlp_backward": network,
}
VALUES = {
    "output_delta": output_delta,
    "blame_backward": blame,
    "local_errors": local_errors,
    "deep_chain": deep_chain,
}
TORCH = {"two_layer_sigmoid_backward": torch_two_layer_sigmoid, "mlp_backward": torch_network}
