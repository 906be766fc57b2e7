"""The activations in autograd's NumPy, written another way, and torch's own."""

import autograd.numpy as anp


def torch_function(name):
    """One of torch's functions of a tensor."""

    def apply(x):
        import torch

        return getattr(torch.nn.functional, name)(x)

    return apply


AUTOGRAD = {
    "relu_backward": lambda x: (x + anp.abs(x)) / 2,
    "sigmoid_backward": lambda x: 0.5 * (anp.tanh(x / 2) + 1),
    "tanh_backward": lambda x: 2 / (1 + anp.exp(-2 * x)) - 1,
    "softplus_backward": lambda x: anp.logaddexp(x, 0),
}
TORCH = {
    "relu_backward": torch_function("relu"),
    "sigmoid_backward": torch_function("sigmoid"),
    "tanh_backward": torch_function("tanh"),
    "softplus_backward": torch_function("softplus"),
}
CONVENTIONS = {("relu_backward", "zeros among the inputs")}
