"""Right backwards at points that are hard for finite differences, and wrong ones at the same points."""

import autograd.numpy as np

from . import activations, linear, losses, normalisation, recurrent, reductions
from .case import Bank, drawn, edited, elementwise, normal, nudged, point, variant

bank = Bank()


def nasty(name, pair, *values, **more):
    """A right elementwise pair at an array of these values."""
    bank.nasty(name, *elementwise(*pair), point(np.array(values, dtype=float)), **more)


def wrong(name, pair, *values, **more):
    """A wrong elementwise pair at an array of these values."""
    bank.wrong(name, *elementwise(*pair), point(np.array(values, dtype=float)), **more)


def logistic(x):
    return 1 / (1 + np.exp(-x))


def logistic_slope(x):
    return logistic(x) * (1 - logistic(x))


# Saturation.
SIGMOID = (logistic, logistic_slope)
TANH = (np.tanh, lambda x: 1 - np.tanh(x) ** 2)
SOFTPLUS = (lambda x: np.logaddexp(0.0, x), activations.sigmoid)
nasty("sigmoid_at_20", SIGMOID, 20.0, -20.0, 0.3)
nasty("sigmoid_at_minus_40", SIGMOID, -40.0, -38.5)
nasty("sigmoid_at_40", SIGMOID, 40.0, 41.0, floor=1e-15)
nasty("sigmoid_at_800", SIGMOID, 800.0, -800.0, vjp=lambda d, x: (0 * x,), floor=1e-300)
nasty("sigmoid_at_all_scales", SIGMOID, 0.0, 1e-9, -3.0, 20.0, -40.0, 700.0)
nasty("tanh_at_20", TANH, 20.0, -20.0, floor=1e-15)
nasty("tanh_at_40_and_1", TANH, 40.0, 1.0, -40.0)
nasty("tanh_at_800", TANH, 800.0, -800.0, vjp=lambda d, x: (0 * x,))
nasty("tanh_at_9", TANH, 9.0, -9.5, floor=2e-15)
nasty("tanh_small", TANH, 1e-9, -1e-12, 1e-5)
nasty("softplus_at_800", SOFTPLUS, 800.0, -40.0, 0.0, 30.0)
nasty(
    "log_sigmoid_at_minus_800",
    (lambda x: -np.logaddexp(0.0, -x), lambda x: activations.sigmoid(-x)),
    -800.0,
    -30.0,
    5.0,
)
nasty("gelu_at_30", (activations.gelu, activations.gelu_slope), 30.0, -30.0, 5.0, -5.0)
nasty("swish_at_30", (lambda x: x * logistic(x), activations.swish_slope), 30.0, 0.0, -20.0)
nasty("bump_in_the_tail", activations.FUNCTIONS["bump"][:2], 6.0, -5.0, 0.0, 3.0)
nasty("bump_only_the_tail", activations.FUNCTIONS["bump"][:2], 9.0, -10.0)
nasty("bump_underflowed", activations.FUNCTIONS["bump"][:2], 30.0, -40.0)
wrong("sigmoid_at_20_doubled", (logistic, lambda x: 2 * logistic_slope(x)), -20.0, -15.0, cause="factor|2|twice")
wrong("tanh_at_20_not_zero", (np.tanh, lambda x: 1 - 0.5 * np.tanh(x) ** 2), 20.0, 0.3, -20.0)
wrong(
    "sigmoid_saturated_slope_one",
    (logistic, lambda x: np.ones_like(x)),
    800.0,
    -800.0,
    1.0,
    vjp=lambda d, x: (d * logistic_slope(x),),
)
wrong(
    "bump_in_the_tail_sign",
    (activations.FUNCTIONS["bump"][0], lambda x: 2 * x * np.exp(-(x**2))),
    5.0,
    -4.0,
    cause="sign",
)

# Logits of 1000, computed stably.
HUGE = point(np.array([[1000.0, 998.5, -1000.0], [1000.0, 1000.0, 999.0], [-1000.0, -1001.0, -1002.0]]))
bank.nasty("softmax_at_1000", losses.softmax_forward, losses.softmax_backward, HUGE)
bank.nasty(
    "softmax_one_hot_at_1000",
    losses.softmax_forward,
    losses.softmax_backward,
    point(np.array([[1000.0, 0.0], [0.0, -1000.0]])),
)
bank.nasty(
    "log_softmax_at_1000",
    losses.log_softmax,
    lambda d, out: (d - np.exp(out) * np.sum(d, axis=1, keepdims=True),),
    HUGE,
)
bank.nasty("logsumexp_at_1000", reductions.logsumexp, lambda d, c: (d[:, None] * np.exp(c[0] - c[1]),), HUGE)
LABELLED = drawn(lambda rng: (1000 * rng.standard_normal((4, 3)), np.array([2, 0, 1, 1])), 151)
bank.nasty("cross_entropy_at_1000", losses.cross_entropy, losses.ce, LABELLED)
bank.nasty(
    "cross_entropy_certain",
    losses.cross_entropy,
    losses.ce,
    point(np.array([[60.0, 0.0, 0.0], [0.0, 80.0, 0.0]]), np.array([0, 1])),
    floor=1e-15,
)
bank.nasty(
    "cross_entropy_nearly_certain",
    losses.cross_entropy,
    losses.ce,
    point(np.array([[20.0, 0.0, 0.0], [0.0, 18.0, 1.0]]), np.array([0, 1])),
    tolerance=1e-7,
)
bank.nasty(
    "bce_at_1000",
    losses.bce_logits,
    lambda d, c: (d * (losses.bce_slope(c[0]) - c[1]) / len(c[1]),),
    point(np.array([1000.0, -1000.0, 1000.0, 0.0]), np.array([1, 0, 0, 1])),
)
bank.nasty("svm_at_1000", losses.svm, losses.svm_backward, LABELLED)
bank.wrong("cross_entropy_at_1000_label", losses.cross_entropy, variant(losses.ce, at=lambda y: (y + 1) % 3), LABELLED)
bank.wrong(
    "softmax_at_1000_diagonal",
    losses.softmax_forward,
    variant(losses.softmax_backward, diagonal=True),
    HUGE,
    cause="diagonal",
)

# Ties.
TIED = point(np.array([1.0, 2.0, 2.0, -1.0]), np.array([1.0, 2.0, 0.0, -1.0]))


def maximum(x, y):
    return np.maximum(x, y), (x, y)


bank.nasty("maximum_tie_to_the_first", maximum, lambda d, c: (d * (c[0] >= c[1]), d * (c[0] < c[1])), TIED, corner=True)
bank.nasty(
    "maximum_tie_to_the_second", maximum, lambda d, c: (d * (c[0] > c[1]), d * (c[0] <= c[1])), TIED, corner=True
)
bank.nasty(
    "maximum_tie_shared",
    maximum,
    lambda d, c: (d * ((c[0] > c[1]) + 0.5 * (c[0] == c[1])), d * ((c[0] < c[1]) + 0.5 * (c[0] == c[1]))),
    TIED,
    corner=True,
)
bank.nasty(
    "maximum_tie_to_both",
    maximum,
    lambda d, c: (d * (c[0] >= c[1]), d * (c[0] <= c[1])),
    TIED,
    corner=True,
    note="a convention that many use",
)
bank.nasty(
    "max_gate_of_equal_numbers",
    maximum,
    lambda d, c: (d * (c[0] >= c[1]), d * (c[0] < c[1])),
    point(2.0, 2.0),
    corner=True,
)
TIES = point(np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, -1.0, -1.0, -5.0]]))
bank.nasty("max_rows_tied_first", reductions.largest, reductions.largest_backward, TIES, corner=True)
bank.nasty(
    "max_rows_tied_shared",
    reductions.largest,
    lambda d, c: (d[:, None] * (w := (c[0] == c[0].max(axis=1, keepdims=True))) / w.sum(axis=1, keepdims=True),),
    TIES,
    corner=True,
)
bank.nasty(
    "max_rows_tied_everyone",
    reductions.largest,
    lambda d, c: (d[:, None] * (c[0] == c[0].max(axis=1, keepdims=True)),),
    TIES,
    corner=True,
)
bank.nasty(
    "max_rows_nearly_tied",
    reductions.largest,
    reductions.largest_backward,
    point(np.array([[1.0, 1.0 + 1e-9, 0.5], [2.0, 2.0 - 1e-10, 1.0]])),
)
bank.nasty(
    "min_rows_tied",
    lambda x: (np.min(x, axis=1), x),
    lambda d, x: (d[:, None] * (np.arange(x.shape[1]) == np.argmin(x, axis=1)[:, None]),),
    TIES,
    corner=True,
)
bank.nasty(
    "sort_with_ties", reductions.sort, reductions.sort_backward, point(np.array([2.0, 1.0, 2.0, 0.0, 1.0])), corner=True
)


def spread(x):
    return np.max(x) - np.min(x), x


bank.nasty(
    "range_with_ties",
    spread,
    lambda d, x: (d * ((np.arange(len(x)) == x.argmax()) * 1.0 - (np.arange(len(x)) == x.argmin())),),
    point(np.array([1.0, 4.0, 4.0, -2.0, -2.0])),
    corner=True,
)
bank.nasty(
    "range_of_equal_numbers",
    spread,
    lambda d, x: (d * ((x == x.max()) / np.sum(x == x.max()) - (x == x.min()) / np.sum(x == x.min())),),
    point(np.array([3.0, 3.0, 3.0])),
    corner=True,
)
bank.wrong("maximum_tie_too_much", maximum, lambda d, c: (2 * d * (c[0] >= c[1]), d * (c[0] < c[1])), TIED, corner=True)
bank.wrong(
    "max_rows_tied_loser",
    reductions.largest,
    lambda d, c: (d[:, None] * (c[0] == c[0].min(axis=1, keepdims=True)),),
    TIES,
    corner=True,
)

# ReLU at and near its corner.
RELU = lambda x: np.maximum(x, 0)  # noqa: E731
nasty("relu_at_zero_gives_zero", (RELU, lambda x: x > 0), 0.0, 1.0, -1.0, 0.0, corner=True)
nasty("relu_at_zero_gives_one", (RELU, lambda x: x >= 0), 0.0, 1.0, -1.0, 0.0, corner=True)
nasty("relu_at_zero_gives_half", (RELU, lambda x: np.heaviside(x, 0.5)), 0.0, 1.0, -1.0, 0.0, corner=True)
nasty("relu_all_zero", (RELU, lambda x: x > 0), 0.0, 0.0, 0.0, corner=True)
nasty("relu_at_negative_zero", (RELU, lambda x: x > 0), -0.0, 0.5, corner=True)
nasty("relu_within_1e-9", (RELU, lambda x: x > 0), 1e-9, -1e-9, 3e-10, -2e-10, 0.7)
nasty("relu_within_1e-7", (RELU, lambda x: x > 0), 1e-7, -1e-7, 4e-6, -5e-6)
nasty("relu_within_1e-12", (RELU, lambda x: x > 0), 1e-12, -1e-12, -1.0)
nasty("relu_dead", (RELU, lambda x: x > 0), -1.0, -2.0, -0.5)
nasty(
    "leaky_relu_at_zero",
    (lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1)),
    0.0,
    2.0,
    -1.0,
    corner=True,
)
nasty(
    "relu6_at_both_corners",
    (lambda x: np.clip(x, 0, 6), lambda x: (x > 0) & (x < 6)),
    0.0,
    6.0,
    3.0,
    7.0,
    -1.0,
    corner=True,
)
nasty(
    "hard_tanh_at_corners",
    (lambda x: np.clip(x, -1, 1), lambda x: (x >= -1) & (x <= 1)),
    -1.0,
    1.0,
    0.2,
    1.5,
    corner=True,
)
nasty(
    "clip_within_1e-9",
    (lambda x: np.clip(x, -1, 1), lambda x: (x > -1) & (x < 1)),
    1 - 1e-9,
    1 + 1e-9,
    -1 + 1e-9,
    -1 - 1e-9,
)
nasty(
    "elu_at_zero",
    (activations.elu, lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))),
    0.0,
    1e-9,
    -1e-9,
    1.0,
    corner=True,
)
nasty("relu_squared_at_zero", (lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0)), 0.0, 1e-6, -1e-6, 2.0)
ZERO_IN = drawn(lambda rng: (np.zeros((3, 4)), rng.standard_normal((5, 4)), np.zeros(5)), 152)
bank.nasty("affine_relu_zero_input_and_bias", linear.affine_relu, linear.affine_relu_backward, ZERO_IN, corner=True)
bank.nasty(
    "affine_relu_zero_row",
    linear.affine_relu,
    linear.affine_relu_backward,
    drawn(
        lambda rng: (
            rng.standard_normal((3, 4)) * np.array([[1.0], [0.0], [1.0]]),
            rng.standard_normal((5, 4)),
            np.zeros(5),
        ),
        153,
    ),
    corner=True,
)
bank.nasty(
    "affine_relu_preactivation_1e-9",
    linear.affine_relu,
    linear.affine_relu_backward,
    drawn(lambda rng: (np.zeros((3, 4)), rng.standard_normal((5, 4)), np.array([1e-9, -1e-9, 1.0, -1.0, 2e-9])), 154),
)
bank.nasty(
    "two_layers_zero_input",
    recurrent.net,
    recurrent.net_backward,
    drawn(
        lambda rng: (
            np.zeros((2, 3)),
            rng.standard_normal((3, 4)),
            np.zeros(4),
            rng.standard_normal((4, 2)),
            np.zeros(2),
        ),
        155,
    ),
    corner=True,
)
bank.nasty(
    "two_layers_zero_weights",
    recurrent.net,
    recurrent.net_backward,
    drawn(
        lambda rng: (
            rng.standard_normal((2, 3)),
            np.zeros((3, 4)),
            np.zeros(4),
            rng.standard_normal((4, 2)),
            np.zeros(2),
        ),
        156,
    ),
    corner=True,
)
bank.nasty(
    "two_layers_dead",
    recurrent.net,
    recurrent.net_backward,
    drawn(
        lambda rng: (
            rng.standard_normal((2, 3)),
            rng.standard_normal((3, 4)),
            np.full(4, -30.0),
            rng.standard_normal((4, 2)),
            rng.standard_normal(2),
        ),
        157,
    ),
)
bank.nasty(
    "residual_zero",
    linear.residual,
    linear.residual_backward,
    drawn(lambda rng: (np.zeros((2, 3)), rng.standard_normal((3, 3))), 158),
    corner=True,
)
wrong("relu_at_zero_slope_two", (RELU, lambda x: np.where(x == 0, 2.0, x > 0)), 0.0, 1.0, -1.0, corner=True)
wrong("relu_at_zero_slope_negative", (RELU, lambda x: np.where(x == 0, -1.0, x > 0)), 0.0, 0.0, -1.0, corner=True)
wrong("relu_near_zero_rounded_away", (RELU, lambda x: x > 1e-3), 5e-4, 1e-4, 1.0, -1e-4, cause="mask|threshold")
wrong(
    "relu_dead_but_leaking",
    (RELU, lambda x: np.where(x > 0, 1.0, 0.01)),
    -1.0,
    -2.0,
    -0.5,
    cause="factor|mask|zero|dout",
)

# Other corners.
nasty("abs_at_zero", (np.abs, np.sign), 0.0, 1.0, -2.0, corner=True)
nasty("abs_at_zero_gives_one", (np.abs, lambda x: np.where(x >= 0, 1.0, -1.0)), 0.0, 1.0, -2.0, corner=True)
nasty("abs_near_zero", (np.abs, np.sign), 1e-9, -1e-9, 1e-6)
nasty("huber_at_its_knee", activations.FUNCTIONS["huber"][:2], 1.0, -1.0, 1 + 1e-9, 0.999999)
nasty(
    "soft_threshold_at_lambda",
    (lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), lambda x: np.abs(x) > 0.5),
    0.5,
    -0.5,
    1.0,
    0.2,
    corner=True,
)
bank.nasty(
    "l1_norm_with_zeros",
    lambda x: (np.sum(np.abs(x)), x),
    lambda d, x: (d * np.sign(x),),
    point(np.array([0.0, 1.0, 0.0, -2.0])),
    corner=True,
)


def safe_norm(x):
    n = np.sqrt(np.sum(x**2) + 1e-12)
    return n, (x, n)


bank.nasty("norm_with_eps_at_zero", safe_norm, lambda d, c: (d * c[0] / c[1],), point(np.zeros(3)))
bank.nasty("norm_with_eps_near_zero", safe_norm, lambda d, c: (d * c[0] / c[1],), point(np.array([1e-7, -3e-7, 2e-6])))


def norm_or_zero(x):
    n = np.sqrt(np.sum(x**2))
    return n, (x, n)


bank.nasty(
    "norm_at_zero",
    norm_or_zero,
    lambda d, c: (d * c[0] / c[1] if c[1] > 0 else np.zeros_like(c[0]),),
    point(np.zeros(3)),
    corner=True,
)
bank.nasty("norm_of_1e-8", norm_or_zero, lambda d, c: (d * c[0] / c[1],), point(np.array([1e-8, 2e-8, -3e-8])))
bank.nasty(
    "svm_on_the_margin",
    losses.svm,
    losses.svm_backward,
    point(np.array([[2.0, 1.0, 3.0], [0.0, 1.0, 1.0]]), np.array([0, 1])),
    corner=True,
)
bank.nasty(
    "hinge_on_the_margin",
    losses.hinge,
    losses.hinge_backward,
    point(np.array([1.0, 0.0]), 0.0, np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, 1.0]]), np.array([1, -1, 1])),
    wrt=(0, 1),
    options={"wrt": ("w", "b")},
    corner=True,
)
wrong("abs_at_zero_slope_three", (np.abs, lambda x: np.where(x == 0, 3.0, np.sign(x))), 0.0, 1.0, -1.0, corner=True)
wrong(
    "clip_at_the_border_slope_two",
    (lambda x: np.clip(x, 0, 1), lambda x: np.where((x == 0) | (x == 1), 2.0, (x > 0) & (x < 1))),
    0.0,
    1.0,
    0.5,
    corner=True,
)

# Roots, logarithms, powers and poles.
nasty("sqrt_near_zero", (np.sqrt, lambda x: 0.5 / np.sqrt(x)), 1e-12, 1e-8, 1e-4, 1.0)
nasty("sqrt_of_1e-20", (np.sqrt, lambda x: 0.5 / np.sqrt(x)), 1e-20, 3e-20)
nasty(
    "smooth_abs_at_zero", (lambda x: np.sqrt(x**2 + 1e-12), lambda x: x / np.sqrt(x**2 + 1e-12)), 0.0, 1e-7, -1e-6, 2.0
)
nasty(
    "x_sqrt_x_at_zero",
    (lambda x: np.where(x > 0, x * np.sqrt(np.abs(x)), 0.0), lambda x: 1.5 * np.sqrt(np.maximum(x, 0))),
    0.0,
    1e-8,
    1.0,
    vjp=lambda d, x: (d * 1.5 * np.sqrt(np.maximum(x, 0)),),
)
nasty("log_near_zero", (np.log, lambda x: 1 / x), 1e-10, 1e-6, 1e-3)
nasty("log_of_1e-300", (np.log, lambda x: 1 / x), 1e-300, 1e-200)
nasty("x_log_x_near_zero", (lambda x: x * np.log(x), lambda x: np.log(x) + 1), 1e-10, 1e-5, 0.3)
nasty(
    "entropy_minimum",
    (lambda x: x * np.log(x), lambda x: np.log(x) + 1),
    np.exp(-1.0),
    np.exp(-1.0) + 1e-9,
    floor=1e-15,
)
nasty("log1p_near_minus_one", (np.log1p, lambda x: 1 / (1 + x)), -1 + 1e-6, -0.9, 1e-12)
nasty("expm1_small", (np.expm1, np.exp), 1e-12, -1e-9, 0.0, 1.0)
nasty("logit_near_the_ends", (lambda p: np.log(p) - np.log1p(-p), lambda p: 1 / (p * (1 - p))), 1e-9, 1 - 1e-7, 0.5)
nasty("power_0.3_near_zero", (lambda x: x**0.3, lambda x: 0.3 * x**-0.7), 1e-10, 1e-6, 0.1)
nasty("power_minus_3", (lambda x: x**-3.0, lambda x: -3 * x**-4.0), 1e-3, -2e-3, 1.0)
nasty("inverse_square", (lambda x: 1 / x**2, lambda x: -2 / x**3), 1e-4, -1e-3, 50.0)
nasty("reciprocal_near_zero", (lambda x: 1 / x, lambda x: -1 / x**2), 1e-8, -1e-8, 1e8)
nasty("tan_near_its_pole", (np.tan, lambda x: 1 + np.tan(x) ** 2), np.pi / 2 - 1e-4, np.pi / 2 + 1e-3, 0.2)
nasty("sin_of_1e4_x", (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x)), 0.3, 1.7, -2.2)
nasty("cos_of_a_million", (np.cos, lambda x: -np.sin(x)), 1e6, 3e6 + 0.5, -1e5)
nasty("arcsin_near_one", (np.arcsin, lambda x: 1 / np.sqrt(1 - x**2)), 1 - 1e-8, -1 + 1e-6, 0.0)
nasty("arctan_at_1e8", (np.arctan, lambda x: 1 / (1 + x**2)), 1e8, -1e4, 0.0)
nasty("one_minus_cos_near_zero", (lambda x: 1 - np.cos(x), np.sin), 1e-6, -1e-9, 0.0, 1.0)
nasty(
    "oscillating_decay",
    (lambda x: np.exp(-x) * np.sin(50 * x), lambda x: np.exp(-x) * (50 * np.cos(50 * x) - np.sin(50 * x))),
    0.1,
    5.0,
    12.0,
)
nasty("exp_of_300", (np.exp, np.exp), 300.0, -300.0, 0.0)
nasty("exp_of_minus_50", (np.exp, np.exp), -50.0, -45.0)
nasty("cube_at_zero", (lambda x: x**3, lambda x: 3 * x**2), 0.0, 1e-6, -1e-4)
nasty("square_at_zero", (lambda x: x**2, lambda x: 2 * x), 0.0, 0.0)
nasty("ninth_power_at_zero", (lambda x: x**9, lambda x: 9 * x**8), 0.0, 0.01, -0.02)
nasty(
    "polynomial_double_root",
    (lambda x: (x - 1) ** 2 * (x + 2), lambda x: 2 * (x - 1) * (x + 2) + (x - 1) ** 2),
    1.0,
    1 + 1e-8,
    -2.0,
)
wrong("sqrt_near_zero_without_half", (np.sqrt, lambda x: 1 / np.sqrt(x)), 1e-12, 1e-8, cause="factor|2|twice")
wrong("log_near_zero_sign", (np.log, lambda x: -1 / x), 1e-10, 1e-6, cause="sign")
wrong(
    "sin_of_1e4_x_inner_factor",
    (lambda x: np.sin(1e4 * x), lambda x: np.cos(1e4 * x)),
    0.3,
    1.7,
    cause="factor|10000|1e4|0.0001",
)
wrong("inverse_square_exponent", (lambda x: 1 / x**2, lambda x: -2 / x**2), 1e-4, -1e-3, 50.0)
wrong("tan_near_its_pole_without_one", (np.tan, lambda x: np.tan(x) ** 2), np.pi / 2 - 1e-2, 0.2, 1.0)
wrong("power_0.3_exponent", (lambda x: x**0.3, lambda x: x**-0.7), 1e-10, 1e-6, 0.1, cause="factor|0.3|3.33")

# Scales.
nasty("gradient_of_1e-12", (lambda x: 1e-12 * np.sin(x), lambda x: 1e-12 * np.cos(x)), 0.3, -1.2, 2.0)
nasty("gradient_of_1e12", (lambda x: 1e12 * np.sin(x), lambda x: 1e12 * np.cos(x)), 0.3, -1.2, 2.0)
nasty("gradient_of_1e-30", (lambda x: 1e-30 * x**3, lambda x: 3e-30 * x**2), 0.3, -1.2, 2.0)
nasty(
    "gradients_of_all_scales",
    (lambda x: 10.0 ** np.array([-9, -3, 3, 9]) * np.sin(x), lambda x: 10.0 ** np.array([-9, -3, 3, 9]) * np.cos(x)),
    0.3,
    -1.2,
    2.0,
    0.1,
)
nasty("inputs_of_1e8", (lambda x: x**2, lambda x: 2 * x), 1e8, -3e8, 2.5e8)
nasty("inputs_of_1e-8", (lambda x: x**2 + 3 * x, lambda x: 2 * x + 3), 1e-8, -3e-8, 2.5e-8)
nasty("inputs_of_mixed_scale", (lambda x: x**2, lambda x: 2 * x), 1e-6, 1e6, -1.0)
nasty("inputs_of_1e150", (lambda x: np.log(x), lambda x: 1 / x), 1e150, 1e-150, 1.0)
nasty("inputs_of_1e-160_linear", (lambda x: 3.0 * x, lambda x: 3.0 * np.ones_like(x)), 1e-160, 1.0)
bank.nasty(
    "sum_of_squares_mixed_scale",
    lambda x: (np.sum(x**2), x),
    lambda d, x: (2 * d * x,),
    point(np.array([1e-6, 1e6, 1.0, -1e3])),
)
bank.nasty(
    "affine_inputs_of_1e8", linear.affine, linear.affine_backward, normal((3, 2), (4, 2), (4,), seed=161, scale=1e8)
)
bank.nasty(
    "affine_inputs_of_1e-8", linear.affine, linear.affine_backward, normal((3, 2), (4, 2), (4,), seed=162, scale=1e-8)
)
bank.nasty(
    "affine_mixed_scales",
    linear.affine,
    linear.affine_backward,
    drawn(
        lambda rng: (1e6 * rng.standard_normal((3, 2)), 1e-6 * rng.standard_normal((4, 2)), rng.standard_normal(4)), 163
    ),
)
bank.nasty(
    "product_of_tiny_and_huge", lambda x, y: (x * y, (x, y)), lambda d, c: (d * c[1], d * c[0]), point(1e-9, 1e9)
)
bank.nasty(
    "mse_of_huge_targets",
    losses.mse,
    lambda d, c: (d * 2 * (c[0] - c[1]) / c[0].size, d * 2 * (c[1] - c[0]) / c[0].size),
    drawn(lambda rng: (1e6 + rng.standard_normal(5), 1e6 + rng.standard_normal(5)), 164),
)
bank.nasty(
    "sum_that_cancels",
    lambda x: (np.sum(x * np.array([1.0, -1.0, 1.0, -1.0])), None),
    lambda d, _: (d * np.array([1.0, -1.0, 1.0, -1.0]),),
    point(np.array([1e8, 1e8 + 1, 1e8 + 2, 1e8 + 3])),
)
nasty("large_offset", (lambda x: (x**2 + 1e8) - 1e8, lambda x: 2 * x), 0.7, -1.3, 2.0)
bank.nasty(
    "variance_by_moments",
    lambda x: (np.mean(x**2) - np.mean(x) ** 2, x),
    lambda d, x: (2 * d * (x - x.mean()) / x.size,),
    drawn(lambda rng: (100 + rng.standard_normal(6),), 165),
    tolerance=1e-7,
)
wrong(
    "gradient_of_1e-12_off_by_1e-3",
    (lambda x: 1e-12 * np.sin(x), lambda x: 1.001e-12 * np.cos(x)),
    0.3,
    -1.2,
    2.0,
    cause="factor|1.001",
)
wrong("gradient_of_1e12_sign", (lambda x: 1e12 * np.sin(x), lambda x: -1e12 * np.cos(x)), 0.3, -1.2, 2.0, cause="sign")
bank.wrong(
    "mixed_scale_small_entry",
    lambda x: (x**2, x),
    edited(lambda d, x: (2 * d * x,), 0, nudged(0, 1.01)),
    point(np.array([1e-6, 1e6, -1.0])),
    tolerance=1e-16,
    cause="entry|one |only",
)
bank.wrong(
    "inputs_of_1e8_no_two",
    lambda x: (x**2, x),
    lambda d, x: (d * x,),
    point(np.array([1e8, -3e8])),
    cause="factor|half|0.5",
)
bank.wrong(
    "affine_inputs_of_1e-8_mean",
    linear.affine,
    edited(linear.affine_backward, 1, lambda dw: dw / 3),
    normal((3, 2), (4, 2), (4,), seed=162, scale=1e-8),
    cause="mean|factor|1/3|length",
)

# Long recurrences.
LONG = drawn(
    lambda rng: (
        rng.standard_normal((1, 100, 2)),
        rng.standard_normal((1, 2)),
        0.5 * rng.standard_normal((2, 2)),
        0.3 * np.eye(2),
        np.array([0.1, -0.2]),
    ),
    171,
)
bank.nasty("rnn_100_steps_vanishing", recurrent.rnn, recurrent.rnn_backward, LONG)
bank.nasty("rnn_100_steps_last_state", recurrent.rnn_last, recurrent.rnn_last_backward, LONG)
bank.wrong(
    "rnn_100_steps_nothing_carried",
    recurrent.rnn,
    variant(recurrent.rnn_backward, carry=False),
    LONG,
    cause="time|carr|recur|step",
)
bank.wrong(
    "rnn_100_steps_truncated",
    recurrent.rnn_last,
    variant(recurrent.rnn_last_backward, steps=3),
    LONG,
    cause="zero|time|mask|slice|entr",
)


def iterate(step, slope, n):
    """n steps of x <- step(x), and its backward from the stored states."""

    def forward(x):
        states = [x]
        for _ in range(n):
            states.append(step(states[-1]))
        return states[-1], states[:-1]

    def backward(d, states):
        for x in reversed(states):
            d = d * slope(x)
        return (d,)

    return forward, backward


bank.nasty("linear_recurrence_vanishing", *iterate(lambda x: 0.7 * x, lambda x: 0.7, 100), point(np.array([1.0, -0.5])))
bank.nasty("linear_recurrence_exploding", *iterate(lambda x: 1.3 * x, lambda x: 1.3, 100), point(np.array([1.0, -0.5])))
bank.nasty(
    "tanh_recurrence_vanishing",
    *iterate(lambda x: np.tanh(0.8 * x), lambda x: 0.8 * (1 - np.tanh(0.8 * x) ** 2), 100),
    point(np.array([1.0, -0.5, 0.01])),
)
bank.nasty(
    "tanh_recurrence_contracting_to_a_point",
    *iterate(lambda x: 0.5 * np.tanh(x) + 1, lambda x: 0.5 * (1 - np.tanh(x) ** 2), 100),
    point(np.array([1.0, -0.5])),
    note="a gradient of 1e-60 or so, lost in the rounding of the output",
)
bank.nasty(
    "logistic_map_20_steps",
    *iterate(lambda x: 3.9 * x * (1 - x), lambda x: 3.9 * (1 - 2 * x), 20),
    point(np.array([0.3, 0.61])),
)
bank.nasty("square_roots_repeated", *iterate(np.sqrt, lambda x: 0.5 / np.sqrt(x), 20), point(np.array([2.0, 1e-3])))
bank.nasty(
    "product_of_100",
    lambda x: (np.prod(x), x),
    lambda d, x: (d * np.prod(x) / x,),
    drawn(lambda rng: (rng.uniform(0.5, 1.2, 100),), 172),
)
bank.wrong(
    "linear_recurrence_one_step_short",
    iterate(lambda x: 0.7 * x, lambda x: 0.7, 100)[0],
    lambda d, states: iterate(lambda x: 0.7 * x, lambda x: 0.7, 99)[1](d, states[1:]),
    point(np.array([1.0, -0.5])),
    cause="factor|0.7|1.43|step",
)

# Normalisation where the variance is tiny or the offset huge.


def eps_1e5(x, gamma, beta):
    return normalisation.batchnorm(x, gamma, beta, 1e-5)


def offset(scale, shift, n=5, seed=173):
    return drawn(
        lambda rng: (shift + scale * rng.standard_normal((n, 3)), rng.uniform(0.5, 2, 3), rng.standard_normal(3)), seed
    )


bank.nasty("batchnorm_variance_1e-10", eps_1e5, variant(normalisation.bn), offset(1e-5, 0.0))
bank.nasty("batchnorm_variance_1e-20", eps_1e5, variant(normalisation.bn), offset(1e-10, 0.0))
bank.nasty("batchnorm_constant_columns", eps_1e5, variant(normalisation.bn), offset(0.0, 2.0))
bank.nasty("batchnorm_offset_1e4", eps_1e5, variant(normalisation.bn), offset(1.0, 1e4))
bank.nasty("batchnorm_offset_1e8", eps_1e5, variant(normalisation.bn), offset(1.0, 1e8), tolerance=1e-6)
bank.nasty("batchnorm_offset_1e8_compact", eps_1e5, normalisation.batchnorm_compact, offset(1.0, 1e8), tolerance=1e-6)
bank.nasty(
    "batchnorm_one_row",
    eps_1e5,
    variant(normalisation.bn),
    offset(1.0, 0.0, n=1),
    note="the gradient of x is exactly 0",
)
bank.nasty("batchnorm_two_rows", eps_1e5, variant(normalisation.bn), offset(1.0, 0.0, n=2), floor=1e-13)
bank.nasty(
    "layernorm_constant_rows",
    normalisation.layernorm,
    normalisation.layernorm_backward,
    drawn(lambda rng: (np.ones((2, 4)) * 3, rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 174),
)
bank.nasty(
    "layernorm_one_feature",
    normalisation.layernorm,
    normalisation.layernorm_backward,
    normal((4, 1), (1,), (1,), seed=175),
)
bank.nasty(
    "l2_normalise_tiny_rows",
    normalisation.unit,
    lambda d, c: (d / c[1] - c[0] * (d * c[0]).sum(axis=1, keepdims=True) / c[1] ** 3,),
    normal((3, 3), seed=176, scale=1e-7),
)
bank.wrong(
    "batchnorm_offset_1e8_no_variance_path",
    eps_1e5,
    variant(normalisation.bn, var_path=False),
    offset(1.0, 1e8),
    cause="variance",
)
bank.wrong(
    "batchnorm_variance_1e-10_no_mean_path",
    eps_1e5,
    variant(normalisation.bn, mean_path=False),
    offset(1e-5, 0.0),
    cause="mean",
)
bank.wrong(
    "batchnorm_tiny_variance_no_eps", eps_1e5, normalisation.batchnorm_no_eps_backward, offset(1e-2, 0.0), cause=""
)

# Gradients that vanish by symmetry.
bank.nasty(
    "cosine_of_parallel_vectors",
    reductions.cosine,
    reductions.cosine_backward,
    point(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])),
    floor=1e-15,
)
bank.nasty(
    "kl_of_equal_gaussians",
    losses.kl_gaussian,
    lambda d, c: (d * c[0], d * 0.5 * (np.exp(c[1]) - 1)),
    point(np.zeros(3), np.zeros(3)),
)
bank.nasty(
    "sum_of_softmax",
    lambda x: (np.sum(losses.softmax(x)[0]), x),
    lambda d, x: (np.zeros_like(x),),
    point(np.array([0.3, -1.0, 2.0])),
    floor=1e-15,
)
bank.nasty("x_minus_x", lambda x: (x - x, None), lambda d, _: (np.zeros_like(d),), point(np.array([0.3, -1.0, 2.0])))
bank.nasty("zero_times_x", lambda x: (0.0 * x, None), lambda d, _: (0.0 * d,), point(np.array([0.3, -1.0, 2.0])))
bank.nasty(
    "constant_output",
    lambda x: (np.ones(3), x),
    lambda d, x: (np.zeros_like(x),),
    point(np.array([0.3, -1.0, 2.0])),
    vjp=lambda d, x: (0 * x,),
)
bank.nasty("sign_of_x", lambda x: (np.sign(x), x), lambda d, x: (np.zeros_like(x),), point(np.array([0.3, -1.0, 2.0])))
bank.nasty(
    "mse_at_its_minimum",
    losses.mse,
    lambda d, c: (d * 2 * (c[0] - c[1]) / c[0].size, d * 2 * (c[1] - c[0]) / c[0].size),
    point(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])),
)
bank.nasty(
    "sin_squared_plus_cos_squared",
    lambda x: (np.sin(x) ** 2 + np.cos(x) ** 2, x),
    lambda d, x: (np.zeros_like(x),),
    point(np.array([0.3, -1.0, 2.0])),
    floor=1e-15,
)
bank.nasty(
    "one_input_unused",
    lambda x, y: (np.tanh(x), (x, y)),
    lambda d, c: (d * (1 - np.tanh(c[0]) ** 2), np.zeros_like(c[1])),
    normal((3,), (2,), seed=177),
)
bank.wrong(
    "constant_output_but_ones",
    lambda x: (0.0 * x + 1.0, x),
    lambda d, x: (d * 1.0,),
    point(np.array([0.3, -1.0, 2.0])),
    cause="zero|dout",
)
bank.wrong(
    "kl_of_equal_gaussians_offset",
    losses.kl_gaussian,
    lambda d, c: (d * c[0], d * 0.5 * np.exp(c[1])),
    point(np.zeros(3), np.zeros(3)),
    cause="constant|zero|offset|local derivative",
)

# Steps beside the point: rounding functions between their jumps, clipped probabilities.
nasty("floor_near_integers", (lambda x: x - np.floor(x), lambda x: np.ones_like(x)), 2.001, 1.999, -0.999, 0.5)
nasty("floor_very_near_integers", (lambda x: x - np.floor(x), lambda x: np.ones_like(x)), 2 + 1e-7, 3 - 1e-7, 0.5)
nasty(
    "round_between_jumps",
    (lambda x: x + 0.1 * np.floor(x + 0.5), lambda x: np.ones_like(x)),
    0.0,
    1.0,
    2.0,
    -3.0,
    vjp=lambda d, x: (d * 1.0,),
)
nasty(
    "step_function",
    (lambda x: np.where(x > 0, 1.0, 0.0) * x**2, lambda x: np.where(x > 0, 2 * x, 0.0)),
    1.0,
    -1.0,
    1e-3,
)


def clipped_bce(p, t):
    q = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(t * np.log(q) + (1 - t) * np.log(1 - q)), (p, q, t)


def clipped_bce_backward(d, c):
    p, q, t = c
    return (d * (q - t) / (q * (1 - q)) / len(p) * ((p > 1e-7) & (p < 1 - 1e-7)),)


bank.nasty(
    "bce_of_clipped_probabilities",
    clipped_bce,
    clipped_bce_backward,
    point(np.array([0.0, 1.0, 1e-9, 0.3, 1 - 1e-9]), np.array([0, 1, 1, 0, 0])),
)
bank.nasty(
    "bce_of_probabilities_near_the_clip",
    clipped_bce,
    clipped_bce_backward,
    point(np.array([2e-7, 1 - 2e-7, 0.5]), np.array([0, 1, 1])),
    tolerance=1e-8,
)

# Layout, type and size of the inputs.
bank.nasty("scalar_array_0d", lambda x: (x**2, x), lambda d, x: (2 * d * x,), point(np.array(1.5)))
bank.nasty(
    "numpy_scalars",
    lambda x, y: (x * y, (x, y)),
    lambda d, c: (d * c[1], d * c[0]),
    point(np.float64(1.5), np.float64(-2.0)),
)
bank.nasty("empty_vector", lambda x: (x**2, x), lambda d, x: (2 * d * x,), point(np.zeros(0)))
bank.nasty("empty_batch", linear.affine, linear.affine_backward, normal((0, 3), (2, 3), (2,), seed=178))
bank.nasty("one_entry_each", linear.affine, linear.affine_backward, normal((1, 1), (1, 1), (1,), seed=179))
bank.nasty(
    "fortran_order", linear.affine, linear.affine_backward, lambda: tuple(map(np.asfortranarray, linear.AFFINE()))
)
bank.nasty(
    "transposed_view",
    linear.affine,
    linear.affine_backward,
    drawn(lambda rng: (rng.standard_normal((3, 4)).T, rng.standard_normal((3, 5)).T, rng.standard_normal(5)), 180),
)
bank.nasty(
    "strided_view",
    linear.affine,
    linear.affine_backward,
    drawn(
        lambda rng: (
            rng.standard_normal((8, 6))[::2, ::2],
            rng.standard_normal((5, 3))[::-1],
            rng.standard_normal(10)[::2],
        ),
        181,
    ),
)
bank.nasty(
    "broadcast_view",
    lambda x: (x**2, x),
    lambda d, x: (2 * d * x,),
    lambda: (np.broadcast_to(np.array([1.0, -2.0, 3.0]), (2, 3)),),
    note="six entries, three numbers in memory, read-only",
)


def read_only(inputs):
    def frozen():
        values = inputs()
        for value in values:
            value.setflags(write=False)
        return values

    return frozen


bank.nasty("read_only", linear.affine, linear.affine_backward, read_only(linear.AFFINE))
bank.nasty(
    "read_only_batchnorm", normalisation.batchnorm, normalisation.batchnorm_compact, read_only(normalisation.BATCH)
)
bank.nasty(
    "same_array_twice",
    lambda x, y: (x * y, (x, y)),
    lambda d, c: (d * c[1], d * c[0]),
    lambda: ((x := np.array([1.0, 2.0, -1.0])), x),
)
bank.nasty(
    "one_hot_float_labels",
    lambda x, t: (losses.cross_entropy_one_hot(x, t)[0], (x, t)),
    lambda d, c: (d * (losses.softmax(c[0])[0] - c[1]) / len(c[1]), None),
    drawn(lambda rng: (rng.standard_normal((3, 4)), np.eye(4)[[1, 0, 3]]), 182),
    wrt=(0,),
    options={"wrt": ("x",)},
)
bank.nasty("none_for_integer_labels", losses.cross_entropy, lambda d, c: (losses.ce(d, c)[0], None), losses.CLASSES)
bank.nasty(
    "labels_as_bytes",
    losses.cross_entropy,
    losses.ce,
    drawn(lambda rng: (rng.standard_normal((3, 4)), np.array([1, 0, 3], dtype=np.uint8)), 183),
)
bank.nasty("a_list_of_gradients", linear.affine, lambda d, c: list(linear.affine_backward(d, c)), linear.AFFINE)
bank.nasty("one_bare_gradient", lambda x: (np.sin(x), x), lambda d, x: d * np.cos(x), normal((3,), seed=184))
bank.nasty(
    "one_dimension_of_everything",
    lambda x, w: (np.einsum("abcd,d->abc", x, w), (x, w)),
    lambda d, c: (d[..., None] * c[1], np.einsum("abc,abcd->d", d, c[0])),
    normal((1, 2, 1, 3), (3,), seed=185),
)
bank.wrong("scalar_array_0d_sign", lambda x: (x**2, x), lambda d, x: (-2 * d * x,), point(np.array(1.5)), cause="sign")
bank.wrong(
    "fortran_order_mixed_up",
    lambda x: (x**2, x),
    lambda d, x: ((2 * d * x).ravel("F").reshape(x.shape),),
    lambda: (np.asfortranarray(normal((3, 2), seed=186)()[0]),),
)
bank.wrong(
    "strided_view_base_used",
    lambda x: (x**2, x),
    lambda d, x: (2 * d * np.sort(x),),
    drawn(lambda rng: (rng.standard_normal(8)[::2],), 187),
)


# float32: the gradients must be float32 too.
def single(inputs):
    """The same inputs in single precision."""
    return lambda: tuple(
        np.asarray(v, dtype=np.float32) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v for v in inputs()
    )


def f32(*grads):
    return tuple(np.asarray(grad, dtype=np.float32) for grad in grads)


F32 = {"tolerance": 2e-5}
bank.nasty("float32_affine", linear.affine, linear.affine_backward, single(linear.AFFINE), **F32)
bank.nasty(
    "float32_affine_large",
    linear.affine,
    linear.affine_backward,
    single(normal((20, 30), (10, 30), (10,), seed=188)),
    **F32,
)
bank.nasty(
    "float32_tanh", lambda x: (np.tanh(x), x), lambda d, x: f32(d * (1 - np.tanh(x) ** 2)), single(activations.X), **F32
)
bank.nasty(
    "float32_relu_at_zero",
    lambda x: (np.maximum(x, 0), x),
    lambda d, x: f32(d * (x > 0)),
    lambda: (np.array([0, 1, -1, 1e-9], dtype=np.float32),),
    corner=True,
)
bank.nasty(
    "float32_softmax",
    losses.softmax_forward,
    lambda d, p: f32(*losses.softmax_backward(d, p)),
    single(losses.LOGITS),
    **F32,
)
bank.nasty(
    "float32_batchnorm",
    normalisation.layernorm,
    lambda d, c: f32(*normalisation.layernorm_backward(d, c)),
    single(normalisation.LAYER),
    **F32,
)
bank.nasty(
    "float32_cross_entropy", losses.cross_entropy, lambda d, c: f32(*losses.ce(d, c)), single(losses.CLASSES), **F32
)
bank.nasty(
    "float32_mse",
    losses.mse,
    lambda d, c: f32(d * 2 * (c[0] - c[1]) / c[0].size, d * 2 * (c[1] - c[0]) / c[0].size),
    single(losses.MSE),
    **F32,
)
bank.nasty(
    "float32_rnn_step",
    recurrent.rnn_step,
    lambda d, c: f32(*recurrent.rnn_step_backward(d, c)),
    single(recurrent.STEP),
    **F32,
)
bank.nasty(
    "float32_inputs_of_1e6",
    lambda x: (x**2, x),
    lambda d, x: f32(2 * d * x),
    lambda: (np.array([1e6, -3e5], dtype=np.float32),),
    **F32,
)
bank.wrong(
    "float32_affine_off_by_1e-3",
    linear.affine,
    edited(linear.affine_backward, 1, lambda dw: dw * np.float32(1.001)),
    single(linear.AFFINE),
    cause="factor|1.001",
)
bank.wrong(
    "float32_softmax_diagonal",
    losses.softmax_forward,
    lambda d, p: f32(d * p * (1 - p)),
    single(losses.LOGITS),
    cause="diagonal",
)
bank.wrong(
    "float32_tanh_slope",
    lambda x: (np.tanh(x), x),
    lambda d, x: f32(d * (1 - x**2)),
    single(activations.X),
    cause="activat",
)

# Masked attention scores as an input, and other infinities that never reach the output.
bank.nasty(
    "softmax_of_masked_scores",
    lambda x, keep: losses.softmax_forward(np.where(keep, x, -np.inf)),
    lambda d, p: losses.softmax_backward(d, p),
    drawn(lambda rng: (rng.standard_normal((3, 4)), np.tril(np.ones((3, 4), bool))), 189),
    oracle=lambda x, keep: np.exp(x) * keep / np.sum(np.exp(x) * keep, axis=1, keepdims=True),
)
bank.nasty(
    "softmax_of_one_unmasked",
    lambda x, keep: losses.softmax_forward(np.where(keep, x, -np.inf)),
    lambda d, p: losses.softmax_backward(d, p),
    drawn(lambda rng: (rng.standard_normal((3, 3)), np.eye(3, dtype=bool)), 190),
    oracle=lambda x, keep: np.exp(x) * keep / np.sum(np.exp(x) * keep, axis=1, keepdims=True),
    floor=1e-15,
)
bank.nasty(
    "masked_log",
    lambda x, keep: (np.where(keep, np.log(np.where(keep, x, 1.0)), 0.0), (x, keep)),
    lambda d, c: (np.where(c[1], d / np.where(c[1], c[0], 1.0), 0.0),),
    point(np.array([0.0, 2.0, -1.0]), np.array([False, True, False])),
)
bank.nasty(
    "exp_of_minus_inf_inside",
    lambda x: (np.exp(np.where(x > 0, x, -np.inf)), x),
    lambda d, x: (np.where(x > 0, d * np.exp(x), 0.0),),
    point(np.array([1.0, -1.0, 2.0])),
)
