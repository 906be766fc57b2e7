"""Elementwise functions."""

import autograd.numpy as np

from .case import Bank, drawn, elementwise, normal, positive

bank = Bank()

X = normal((3, 5), seed=1)
POSITIVE = positive((3, 5), seed=2)
TAME = drawn(lambda rng: (rng.uniform(-0.9, 0.9, (3, 5)),), 3)


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def softplus(x):
    return np.logaddexp(0.0, x)


def swish_slope(x):
    s = sigmoid(x)
    return s + x * s * (1 - s)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_slope(x, cubic=3 * 0.044715):
    t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * np.sqrt(2 / np.pi) * (1 + cubic * x**2)


def elu(x):
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


FUNCTIONS = {
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), X),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, X),
    "relu": (lambda x: np.maximum(x, 0), lambda x: x > 0, X),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1.0, 0.01), X),
    "elu": (elu, lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))), X),
    "softplus": (softplus, sigmoid, X),
    "swish": (lambda x: x * sigmoid(x), swish_slope, X),
    "gelu": (gelu, gelu_slope, X),
    "exp": (np.exp, np.exp, X),
    "log": (np.log, lambda x: 1 / x, POSITIVE),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), POSITIVE),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), POSITIVE),
    "square": (lambda x: x**2, lambda x: 2 * x, X),
    "cube_root": (lambda x: x ** (1 / 3), lambda x: x ** (-2 / 3) / 3, POSITIVE),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2, POSITIVE),
    "sin": (np.sin, np.cos, X),
    "arctan": (np.arctan, lambda x: 1 / (1 + x**2), X),
    "arcsin": (np.arcsin, lambda x: 1 / np.sqrt(1 - x**2), TAME),
    "cosh": (np.cosh, np.sinh, X),
    "bump": (lambda x: np.exp(-(x**2)), lambda x: -2 * x * np.exp(-(x**2)), X),
    "clip": (lambda x: np.clip(x, -0.5, 0.7), lambda x: (x > -0.5) & (x < 0.7), X),
    "abs": (np.abs, np.sign, X),
    "huber": (lambda x: np.where(np.abs(x) < 1, 0.5 * x**2, np.abs(x) - 0.5), lambda x: np.clip(x, -1, 1), X),
    "polynomial": (lambda x: 1 - 2 * x + 3 * x**3, lambda x: -2 + 9 * x**2, X),
    "log_cosh": (lambda x: np.logaddexp(x, -x) - np.log(2.0), np.tanh, X),
}
for name, (function, slope, where) in FUNCTIONS.items():
    forward, backward = elementwise(function, slope)
    bank.right(name, forward, backward, where)


def wrong(name: str, of: str, slope, cause: str = "", note: str = "", where=None) -> None:
    """File a wrong slope of one of the functions above."""
    function, _, usual = FUNCTIONS[of]
    forward, backward = elementwise(function, slope)
    bank.wrong(name, forward, backward, where or usual, cause=cause, note=note)


wrong(
    "sigmoid_slope_of_the_input", "sigmoid", lambda x: x * (1 - x), "pre-activation|preactivation|activation|activated"
)
wrong(
    "sigmoid_slope_of_the_output_twice", "sigmoid", lambda x: sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x))), "activat"
)
wrong("sigmoid_negative", "sigmoid", lambda x: -sigmoid(x) * (1 - sigmoid(x)), "sign")
wrong("tanh_slope_of_the_input", "tanh", lambda x: 1 - x**2, "pre-activation|preactivation|activation|activated")
wrong("tanh_slope_of_the_output_twice", "tanh", lambda x: 1 - np.tanh(np.tanh(x)) ** 2, "activat")
wrong("tanh_not_squared", "tanh", lambda x: 1 - np.tanh(x))
wrong("tanh_plus", "tanh", lambda x: 1 + np.tanh(x) ** 2)
wrong("relu_passes_everything", "relu", lambda x: np.ones_like(x), "mask|threshold|relu")
wrong("relu_mask_inverted", "relu", lambda x: x < 0, "mask|threshold|relu")
wrong("relu_threshold_half", "relu", lambda x: x > 0.5, "mask|threshold|zero")
wrong("relu_times_x", "relu", lambda x: np.maximum(x, 0))
wrong("leaky_relu_dead", "leaky_relu", lambda x: x > 0, "mask|zero|threshold")
wrong("leaky_relu_wrong_slope", "leaky_relu", lambda x: np.where(x > 0, 1.0, 0.1), "mask|factor|10")
wrong("elu_missing_exp", "elu", lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)) - 1), "")
wrong("softplus_sign_inside", "softplus", lambda x: sigmoid(-x))
wrong("swish_product_rule", "swish", sigmoid, note="only the first of the product's two terms")
wrong("gelu_cubic_factor", "gelu", lambda x: gelu_slope(x, 0.044715), note="3 x^2 without its 3")
wrong("exp_power_rule", "exp", lambda x: x * np.exp(x - 1), note="the rule for a power, used on an exponential")
wrong("log_of_slope", "log", lambda x: -1 / x**2)
wrong("log_base_ten", "log", lambda x: 1 / (x * np.log(10)), "factor|0.4343|log10|ln 10|2.302")
wrong("sqrt_without_half", "sqrt", lambda x: 1 / np.sqrt(x), "factor|2")
wrong("sqrt_precedence", "sqrt", lambda x: 1 / 2 * np.sqrt(x), note="1 / 2 * a for 1 / (2 * a)")
wrong("square_without_two", "square", lambda x: x, "factor|half|0.5")
wrong("reciprocal_no_minus", "reciprocal", lambda x: 1 / x**2, "sign")
wrong("sin_minus_cos", "sin", lambda x: -np.cos(x), "sign")
wrong("bump_without_two", "bump", lambda x: -x * np.exp(-(x**2)), "factor|half|0.5")
wrong("clip_one_side", "clip", lambda x: x < 0.7, "mask|threshold")
wrong("abs_always_one", "abs", lambda x: np.ones_like(x), "sign|mask|region|where")
wrong("huber_not_clipped", "huber", lambda x: x, "mask|threshold|region|where|local")
wrong("arctan_squared", "arctan", lambda x: 1 / (1 + x**2) ** 2)
wrong("sigmoid_off_by_1e-3", "sigmoid", lambda x: 1.001 * sigmoid(x) * (1 - sigmoid(x)), "factor|1.001")
wrong("tanh_off_by_1e-5", "tanh", lambda x: 1.00001 * (1 - np.tanh(x) ** 2), "factor|1.00001")
wrong("cosh_minus_sinh", "cosh", lambda x: -np.sinh(x), "sign")
wrong("polynomial_exponent_kept", "polynomial", lambda x: -2 + 9 * x**3)
wrong("gelu_off_by_1e-4", "gelu", lambda x: gelu_slope(x, 3 * 0.0447), note="a coefficient rounded to three digits")
