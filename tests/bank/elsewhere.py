"""Right at the point given; wrong at another label, region, shape or hyperparameter, or in an ordinary corner case."""

import autograd.numpy as np
import numpy as onp

from . import activations, linear, losses, normalisation, recurrent, reductions
from .case import Bank, drawn, edited, elementwise, normal, point, variant

bank = Bank()


def region(name, pair, here, there, **more):
    """An elementwise slope that holds in one region only."""
    bank.elsewhere(
        name,
        *elementwise(*pair),
        point(np.array(here, dtype=float)),
        elsewhere=point(np.array(there, dtype=float)),
        **more,
    )


# Regions of the input.
F = activations.FUNCTIONS
region("relu_all_positive", (F["relu"][0], lambda x: np.ones_like(x)), [0.5, 1.2, 2.0], [0.5, -1.2, 2.0])
region("relu_all_negative", (F["relu"][0], lambda x: np.zeros_like(x)), [-0.5, -1.2, -2.0], [0.5, -1.2, 2.0])
region("abs_positive", (F["abs"][0], lambda x: np.ones_like(x)), [0.5, 1.2, 2.0], [0.5, -1.2, 2.0])
region("elu_positive", (F["elu"][0], lambda x: np.ones_like(x)), [0.5, 1.2, 2.0], [0.5, -1.2, 2.0])
region("clip_inside", (F["clip"][0], lambda x: np.ones_like(x)), [0.1, -0.2, 0.4], [0.5, -1.2, 2.0])
region("clip_upper_bound_only", (F["clip"][0], lambda x: x < 0.7), [0.1, 1.2, 0.4], [0.5, -1.2, 2.0])
region("huber_inside", (F["huber"][0], lambda x: x), [0.1, -0.2, 0.4], [0.5, -1.2, 2.0])
region(
    "huber_outside_positive",
    (F["huber"][0], lambda x: np.where(np.abs(x) < 1, x, 1.0)),
    [0.1, 1.2, -0.4],
    [0.5, -1.2, 2.0],
)
region("leaky_relu_positive", (F["leaky_relu"][0], lambda x: np.ones_like(x)), [0.5, 1.2, 2.0], [0.5, -1.2, 2.0])
region("even_power_of_abs", (lambda x: x**2, lambda x: 2 * np.abs(x)), [0.5, 1.2, 2.0], [0.5, -1.2, 2.0])
region(
    "sqrt_of_square",
    (lambda x: np.sqrt(x**2 + 1), lambda x: np.sqrt(x**2) / np.sqrt(x**2 + 1)),
    [0.5, 1.2, 2.0],
    [0.5, -1.2, 2.0],
)
region("relu_cap_forgotten", (lambda x: np.clip(x, 0, 2), lambda x: x > 0), [0.5, -1.2, 1.7], [0.5, -1.2, 3.0])

# Which of two wins; who is active.
bank.elsewhere(
    "maximum_first_wins",
    lambda x, y: (np.maximum(x, y), None),
    lambda d, _: (d * 1.0, np.zeros_like(d)),
    point(np.array([2.0, 3.0]), np.array([1.0, -1.0])),
    elsewhere=point(np.array([2.0, 3.0]), np.array([1.0, 4.0])),
)
bank.elsewhere(
    "max_rows_first_column",
    lambda x: (np.max(x, axis=1), x.shape),
    lambda d, s: (d[:, None] * (np.arange(s[1]) == 0),),
    point(np.array([[3.0, 1.0, 2.0], [5.0, 0.0, -1.0]])),
    elsewhere=point(np.array([[3.0, 7.0, 2.0], [5.0, 0.0, -1.0]])),
)
bank.elsewhere(
    "sort_already_sorted",
    reductions.sort,
    lambda d, _: (d * 1.0,),
    point(np.array([-1.0, 0.5, 2.0, 3.0])),
    elsewhere=point(np.array([2.0, -1.0, 3.0, 0.5])),
)
bank.elsewhere(
    "sort_involution_only",
    reductions.sort,
    lambda d, order: (d[order],),
    point(np.array([2.0, 1.0, 3.0])),
    elsewhere=point(np.array([2.0, 3.0, 1.0])),
    note="a permutation that is its own inverse hides gather for scatter",
)
bank.elsewhere(
    "hinge_loss_all_active",
    lambda x, y: (np.sum(np.maximum(0, 1 - y * x)), y),
    lambda d, y: (-d * y,),
    point(np.array([0.2, -0.3, 0.1]), np.array([1, -1, -1])),
    elsewhere=point(np.array([2.0, -0.3, 0.1]), np.array([1, -1, -1])),
    wrt=(0,),
)
bank.elsewhere(
    "triplet_all_active",
    losses.triplet,
    lambda d, c: (2 * d * (c[0] - c[1]), -2 * d * c[0], 2 * d * c[1]),
    drawn(
        lambda rng: (rng.standard_normal((2, 3)), 3 + rng.standard_normal((2, 3)), 0.1 * rng.standard_normal((2, 3))),
        221,
    ),
    elsewhere=losses.TRIPLET,
)

# Labels.
bank.elsewhere(
    "cross_entropy_class_one_always",
    losses.cross_entropy,
    variant(losses.ce, at=lambda y: 1),
    drawn(lambda rng: (rng.standard_normal((3, 4)), np.array([1, 1, 1])), 222),
    elsewhere=losses.CLASSES,
)
bank.elsewhere(
    "svm_last_class_forgotten",
    losses.svm,
    edited(losses.svm_backward, 0, lambda dx: np.hstack([dx[:, :-1], 0 * dx[:, -1:]])),
    point(np.array([[1.0, 2.0, -9.0], [0.3, 0.1, -8.0]]), np.array([0, 1])),
    elsewhere=losses.CLASSES,
)
bank.elsewhere(
    "logistic_labels_positive",
    losses.logistic,
    lambda d, c: (-d * c[0].T @ losses.bce_slope(-c[2]),),
    drawn(lambda rng: (rng.standard_normal(3), rng.standard_normal((4, 3)), np.ones(4, int)), 223),
    elsewhere=losses.LOGISTIC,
    wrt=(0,),
    options={"wrt": ("w",)},
)

# Parameters that hide a term: gamma 1, weights 0, reg 0, symmetric or square shapes.
bank.elsewhere(
    "batchnorm_gamma_one",
    normalisation.batchnorm,
    variant(normalisation.bn, inside=False),
    drawn(lambda rng: (rng.standard_normal((5, 3)), np.ones(3), rng.standard_normal(3)), 224),
    elsewhere=normalisation.BATCH,
)
bank.elsewhere(
    "layernorm_gamma_constant",
    normalisation.layernorm,
    variant(normalisation.layernorm_backward, gamma_inside=False),
    drawn(lambda rng: (rng.standard_normal((3, 4)), np.ones(4), np.zeros(4)), 225),
    elsewhere=normalisation.LAYER,
)
bank.elsewhere(
    "affine_w_symmetric",
    linear.affine,
    lambda d, c: (d @ c[1].T, d.T @ c[0], d.sum(axis=0)),
    drawn(lambda rng: (rng.standard_normal((3, 2)), np.array([[1.0, 0.5], [0.5, -2.0]]), rng.standard_normal(2)), 226),
    elsewhere=normal((3, 2), (2, 2), (2,), seed=227),
)
bank.elsewhere(
    "scale_by_one",
    lambda x, g: (g * x, (x, g)),
    lambda d, c: (d * 1.0, (d * c[0]).sum(axis=0)),
    drawn(lambda rng: (rng.standard_normal((3, 2)), np.ones(2)), 228),
    elsewhere=normal((3, 2), (2,), seed=229),
)
bank.elsewhere(
    "momentum_of_zero_state",
    recurrent.rnn_step,
    lambda d, c: (*recurrent.rnn_step_backward(d, c)[:3], 0 * c[3], recurrent.rnn_step_backward(d, c)[4]),
    drawn(
        lambda rng: (
            rng.standard_normal((3, 4)),
            np.zeros((3, 2)),
            rng.standard_normal((4, 2)),
            rng.standard_normal((2, 2)),
            rng.standard_normal(2),
        ),
        230,
    ),
    elsewhere=recurrent.STEP,
    note="h = 0 hides a missing gradient of its weights",
)

# Shapes: lengths that the code has fixed, or takes from the wrong axis.
bank.elsewhere(
    "mean_over_a_fixed_length",
    lambda x: (np.mean(x, axis=0), x.shape),
    lambda d, s: (d * np.ones(s) / 4,),
    normal((4, 3), seed=231),
    elsewhere=normal((5, 3), seed=232),
)
bank.elsewhere(
    "mean_divides_by_the_other_axis",
    lambda x: (np.mean(x, axis=0), x.shape),
    lambda d, s: (d * np.ones(s) / s[1],),
    normal((3, 3), seed=233),
    elsewhere=normal((5, 3), seed=234),
)
bank.elsewhere(
    "attention_scale_of_keys",
    recurrent.attention,
    lambda d, c: tuple(
        g * (np.sqrt(c[0].shape[1]) / np.sqrt(c[2].shape[1]) if i < 2 else 1)
        for i, g in enumerate(recurrent.attention_backward(d, c))
    ),
    normal((3, 2), (3, 2), (3, 2), seed=235),
    elsewhere=recurrent.ATTENTION,
    note="the width of the values for the width of the keys",
)
bank.elsewhere(
    "batchnorm_divides_by_features",
    normalisation.batchnorm,
    lambda d, c: normalisation.bn(d, c, per=d.shape[1]),
    drawn(lambda rng: (rng.standard_normal((4, 4)), rng.uniform(0.5, 2, 4), rng.standard_normal(4)), 236),
    elsewhere=normalisation.BATCH,
)
bank.elsewhere(
    "last_row_special_beyond_four",
    lambda x: (np.sum(x**2), x),
    lambda d, x: (2 * d * x * (np.arange(len(x)) < 4),),
    normal((4,), seed=237),
    elsewhere=normal((6,), seed=238),
)


# Hyperparameters.
def lp(x, hyper):
    return np.sum(np.abs(x) ** hyper["p"]), (x, hyper["p"])


bank.elsewhere(
    "lp_norm_of_two",
    lp,
    lambda d, c: (2 * d * c[0],),
    drawn(lambda rng: (rng.standard_normal(4), {"p": 2}), 239),
    elsewhere=drawn(lambda rng: (rng.standard_normal(4), {"p": 3}), 239),
    wrt=(0,),
)


def weighted(x, hyper):
    return np.sum(x**2) * hyper["reg"] + np.sum(x), (x, hyper["reg"])


bank.elsewhere(
    "reg_of_zero_in_a_dict",
    weighted,
    lambda d, c: (d * np.ones_like(c[0]),),
    drawn(lambda rng: (rng.standard_normal(4), {"reg": 0.0}), 240),
    elsewhere=drawn(lambda rng: (rng.standard_normal(4), {"reg": 0.5}), 240),
    wrt=(0,),
)
bank.elsewhere(
    "reg_of_one_in_a_dict",
    weighted,
    lambda d, c: (d * (2 * c[0] + 1),),
    drawn(lambda rng: (rng.standard_normal(4), {"reg": 1.0}), 241),
    elsewhere=drawn(lambda rng: (rng.standard_normal(4), {"reg": 0.5}), 241),
    wrt=(0,),
)


# Corner cases that every layer meets.
def batchnorm_param(x, gamma, beta, bn_param):
    if bn_param["mode"] == "train":
        out, cache = normalisation.batchnorm(x, gamma, beta, bn_param["eps"])
        return out, ("train", cache)
    std = np.sqrt(bn_param["running_var"] + bn_param["eps"])
    xhat = (x - bn_param["running_mean"]) / std
    return gamma * xhat + beta, ("test", (gamma, xhat, std))


def batchnorm_param_backward(d, cache, same=False):
    mode, inner = cache
    if mode == "train":
        return normalisation.batchnorm_compact(d, inner)
    gamma, xhat, std = inner
    dx = d * gamma / std
    if same:
        dx = dx - dx.mean(axis=0)
    return dx, (d * xhat).sum(axis=0), d.sum(axis=0)


def bn_mode(mode):
    return drawn(
        lambda rng: (
            rng.standard_normal((5, 3)),
            rng.uniform(0.5, 2, 3),
            rng.standard_normal(3),
            {
                "mode": mode,
                "eps": 1e-5,
                "running_mean": np.array([0.1, -0.2, 0.3]),
                "running_var": np.array([0.5, 1.0, 2.0]),
            },
        ),
        242,
    )


bn = {"wrt": (0, 1, 2), "options": {"wrt": ("x", "gamma", "beta")}}
bank.right("batchnorm_train_mode", batchnorm_param, batchnorm_param_backward, bn_mode("train"), **bn)
bank.right("batchnorm_test_mode", batchnorm_param, batchnorm_param_backward, bn_mode("test"), **bn)
bank.edge(
    "batchnorm_test_mode_wrong",
    batchnorm_param,
    variant(batchnorm_param_backward, same=True),
    bn_mode("train"),
    elsewhere=bn_mode("test"),
    cause="test",
    **bn,
)


def dropout_param(x, dropout_param):
    if dropout_param["mode"] == "train":
        keep = dropout_param["p"]
        mask = (onp.random.default_rng(dropout_param["seed"]).random(x.shape) < keep) / keep
        return x * mask, ("train", mask)
    return x * 1.0, ("test", None)


def dropout_param_backward(d, cache, same=False):
    mode, mask = cache
    if mode == "train":
        return (d * mask,)
    return (d * 0.5,) if same else (d * 1.0,)


def dropout_mode(mode):
    return drawn(lambda rng: (rng.standard_normal((3, 4)), {"mode": mode, "p": 0.6, "seed": 3}), 243)


bank.right("dropout_seeded", dropout_param, dropout_param_backward, dropout_mode("train"), wrt=(0,))
bank.right("dropout_test_mode", dropout_param, dropout_param_backward, dropout_mode("test"), wrt=(0,))
bank.edge(
    "dropout_test_mode_scaled",
    dropout_param,
    variant(dropout_param_backward, same=True),
    dropout_mode("train"),
    elsewhere=dropout_mode("test"),
    cause="test",
    wrt=(0,),
)


def squeezes(d, c):
    dx, dw, db = linear.affine_backward(d, c)
    return dx, dw, db if len(d) > 1 else 0 * db


bank.edge(
    "affine_one_row",
    linear.affine,
    squeezes,
    linear.AFFINE,
    elsewhere=normal((1, 3), (5, 3), (5,), seed=244),
    cause="1|one",
)


def rnn_dwx_lost_at_length_one(d, c):
    dx, dh, dwx, dwh, db = recurrent.rnn_backward(d, c)
    return dx, dh, dwx if d.shape[1] > 1 else 0 * dwx, dwh, db


bank.edge(
    "rnn_dwx_lost_at_length_one",
    recurrent.rnn,
    rnn_dwx_lost_at_length_one,
    recurrent.SEQUENCE,
    elsewhere=normal((2, 1, 3), (2, 2), (3, 2), (2, 2), (2,), seed=245),
    cause="1|one",
)
bank.edge(
    "one_feature_layernorm",
    normalisation.layernorm,
    lambda d, c: tuple(
        g if d.shape[1] > 1 or i else g + d for i, g in enumerate(normalisation.layernorm_backward(d, c))
    ),
    normalisation.LAYER,
    elsewhere=normal((4, 1), (1,), (1,), seed=246),
    cause="1|one",
)
bank.edge(
    "transpose_for_reshape_unequal_sides",
    lambda x: (np.transpose(x), None),
    lambda d, _: (np.ascontiguousarray(d.T) if d.shape[0] == d.shape[1] else d.reshape(d.shape[::-1]).copy(),),
    normal((3, 3), seed=249),
    elsewhere=normal((3, 4), seed=250),
    cause="side|size|shape|axis|square",
)


def pad_edge(x, n):
    return np.pad(x, ((n, n), (0, 0)), mode="constant"), (len(x), n)


bank.right(
    "pad_rows",
    pad_edge,
    lambda d, c: (d[c[1] : c[1] + c[0]].copy(),),
    drawn(lambda rng: (rng.standard_normal((3, 2)), 1), 251),
)
bank.edge(
    "pad_rows_minus_zero",
    pad_edge,
    lambda d, c: (d[c[1] : -c[1]].copy(),),
    drawn(lambda rng: (rng.standard_normal((3, 2)), 1), 251),
    elsewhere=drawn(lambda rng: (rng.standard_normal((3, 2)), 0), 251),
    cause="pad|n |0",
)
