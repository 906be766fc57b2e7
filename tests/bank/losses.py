"""Losses with labels or targets, regularisation, softmax."""

import autograd.numpy as np

from .case import Bank, drawn, edited, normal, variant

bank = Bank()


def logsumexp(x):
    top = np.max(x, axis=1, keepdims=True)
    return top + np.log(np.sum(np.exp(x - top), axis=1, keepdims=True))


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True), None


def softmax_forward(x):
    p, _ = softmax(x)
    return p, p


def softmax_backward(dout, p, diagonal=False, ones=False):
    if diagonal:
        return (dout * p * (1 - p),)
    if ones:
        return (p * (1 - p),)
    return (p * (dout - np.sum(dout * p, axis=-1, keepdims=True)),)


LOGITS = normal((4, 5), seed=41)
bank.right("softmax", softmax_forward, softmax_backward, LOGITS)
bank.wrong("softmax_diagonal_only", softmax_forward, variant(softmax_backward, diagonal=True), LOGITS, cause="diagonal")
bank.wrong(
    "softmax_diagonal_without_dout",
    softmax_forward,
    variant(softmax_backward, ones=True),
    LOGITS,
    cause="dout|upstream",
)
bank.wrong(
    "softmax_sum_over_the_batch",
    softmax_forward,
    lambda d, p: (p * (d - np.sum(d * p, axis=0, keepdims=True)),),
    LOGITS,
)
bank.wrong("softmax_sum_over_all", softmax_forward, lambda d, p: (p * (d - np.sum(d * p)),), LOGITS)
bank.wrong(
    "softmax_outer_factor_missing",
    softmax_forward,
    lambda d, p: (d - np.sum(d * p, axis=-1, keepdims=True),),
    LOGITS,
    note="p left out",
)
bank.wrong("softmax_identity", softmax_forward, lambda d, p: (d * p,), LOGITS)


def log_softmax(x):
    out = x - logsumexp(x)
    return out, out


bank.right("log_softmax", log_softmax, lambda d, out: (d - np.exp(out) * np.sum(d, axis=1, keepdims=True),), LOGITS)
bank.wrong("log_softmax_no_sum", log_softmax, lambda d, out: (d - np.exp(out) * d,), LOGITS, cause="sum|diagonal")
bank.wrong(
    "log_softmax_mean", log_softmax, lambda d, out: (d - np.exp(out) * np.mean(d, axis=1, keepdims=True),), LOGITS
)


# Softmax cross-entropy of integer labels, mean over the batch.
def cross_entropy(x, y):
    logp = x - logsumexp(x)
    return -np.mean(logp[np.arange(len(y)), y]), (np.exp(logp), y)


def cross_entropy_backward(dout, cache, divide=True, one_hot=True, sign=1, scale=True, at=lambda y: y):
    p, y = cache
    dx = p.copy()
    if one_hot:
        dx[np.arange(len(y)), at(y)] -= 1
    if divide:
        dx = dx / len(y)
    return (sign * dx * (dout if scale else 1.0),)


CLASSES = drawn(lambda rng: (rng.standard_normal((6, 4)), np.array([0, 3, 1, 2, 1, 0])), 42)
ce = cross_entropy_backward
bank.right("cross_entropy", cross_entropy, ce, CLASSES)
bank.wrong("cross_entropy_no_mean", cross_entropy, variant(ce, divide=False), CLASSES, cause="factor|6|length|mean")
bank.wrong("cross_entropy_no_one_hot", cross_entropy, variant(ce, one_hot=False), CLASSES)
bank.wrong("cross_entropy_sign", cross_entropy, variant(ce, sign=-1), CLASSES, cause="sign")
bank.wrong("cross_entropy_ignores_dout", cross_entropy, variant(ce, scale=False), CLASSES, cause="dout|upstream")
bank.wrong("cross_entropy_label_off_by_one", cross_entropy, variant(ce, at=lambda y: (y + 1) % 4), CLASSES)
bank.wrong("cross_entropy_all_labels_zero", cross_entropy, variant(ce, at=lambda y: 0), CLASSES)
bank.wrong(
    "cross_entropy_divided_by_classes",
    cross_entropy,
    edited(ce, 0, lambda dx: dx * 6 / 4),
    CLASSES,
    cause="factor|1.5|length|4",
)
bank.wrong(
    "cross_entropy_list_index",
    cross_entropy,
    lambda d, c: (d * (c[0] - (np.arange(6)[:, None] == c[1][:, None])[:, :1]) / 6,),
    CLASSES,
    note="subtracts in whole rows",
)
bank.elsewhere(
    "cross_entropy_labels_sorted",
    cross_entropy,
    variant(ce, at=np.sort),
    drawn(lambda rng: (rng.standard_normal((4, 4)), np.array([0, 1, 2, 3])), 43),
    elsewhere=drawn(lambda rng: (rng.standard_normal((4, 4)), np.array([3, 0, 2, 1])), 44),
)
bank.elsewhere(
    "cross_entropy_label_zero_ignored",
    cross_entropy,
    lambda d, c: (ce(d, c)[0] * (c[1] > 0)[:, None],),
    drawn(lambda rng: (rng.standard_normal((4, 4)), np.array([3, 1, 2, 1])), 43),
    elsewhere=drawn(lambda rng: (rng.standard_normal((4, 4)), np.array([3, 0, 2, 1])), 44),
)
bank.elsewhere(
    "cross_entropy_batch_size_fixed",
    cross_entropy,
    edited(variant(ce, divide=False), 0, lambda dx: dx / 6),
    CLASSES,
    elsewhere=drawn(lambda rng: (rng.standard_normal((3, 4)), np.array([3, 0, 1])), 44),
)


# The field's one-function form: loss and gradient together.
def softmax_loss(x, y):
    loss, cache = cross_entropy(x, y)
    if isinstance(x, np.ndarray):
        (dx,) = cross_entropy_backward(1.0, cache)
    else:
        dx = None
    return loss, dx


def softmax_loss_probability_kept(x, y):
    loss, (p, y) = cross_entropy(x, y)
    if isinstance(x, np.ndarray):
        p = p * 1.0
        p[np.arange(len(y)), y] = -1
        p = p / len(y)
    return loss, p


bank.right("softmax_loss_and_grad", softmax_loss, None, CLASSES, style="value_and_grad")
bank.wrong(
    "softmax_loss_set_not_subtracted",
    softmax_loss_probability_kept,
    None,
    CLASSES,
    style="value_and_grad",
    cause="entry|one |label|class|column",
)


# One-hot targets.
def cross_entropy_one_hot(x, t):
    logp = x - logsumexp(x)
    return -np.sum(t * logp) / len(x), (np.exp(logp), t)


bank.right(
    "cross_entropy_float_one_hot",
    cross_entropy_one_hot,
    lambda d, c: (d * (c[0] - c[1]) / len(c[1]),),
    drawn(lambda rng: (rng.standard_normal((4, 3)), np.eye(3)[[0, 2, 1, 1]]), 45),
    wrt=(0,),
)
bank.wrong(
    "cross_entropy_one_hot_reversed",
    cross_entropy_one_hot,
    lambda d, c: (d * (c[1] - c[0]) / len(c[1]),),
    drawn(lambda rng: (rng.standard_normal((4, 3)), np.eye(3)[[0, 2, 1, 1]]), 45),
    wrt=(0,),
    cause="sign",
)
bank.elsewhere(
    "cross_entropy_soft_targets",
    cross_entropy_one_hot,
    lambda d, c: (d * (c[0] - (c[1] == c[1].max(axis=1, keepdims=True))) / len(c[1]),),
    drawn(lambda rng: (rng.standard_normal((4, 3)), np.eye(3)[[0, 2, 1, 1]]), 45),
    wrt=(0,),
    elsewhere=drawn(lambda rng: (rng.standard_normal((4, 3)), rng.dirichlet(np.ones(3), 4)), 45),
    note="argmax of the target for the target",
)


# The multiclass hinge loss.
def svm(x, y):
    rows = np.arange(len(y))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1.0)
    return (np.sum(margins) - len(y)) / len(y), (x, y, margins)


def svm_backward(dout, cache, count_all=False, true_class=True, divide=True, threshold=0.0):
    x, y, margins = cache
    rows = np.arange(len(y))
    dx = (margins > threshold).astype(float)
    dx[rows, y] = 0
    if true_class:
        dx[rows, y] = -np.sum(dx, axis=1) - count_all
    return (dout * dx / (len(y) if divide else 1),)


bank.right("svm", svm, svm_backward, CLASSES)
bank.wrong(
    "svm_counts_the_true_class",
    svm,
    variant(svm_backward, count_all=True),
    CLASSES,
    cause="entry|entries|label|class|column",
)
bank.wrong(
    "svm_true_class_left_out",
    svm,
    variant(svm_backward, true_class=False),
    CLASSES,
    cause="entry|entries|label|class|column",
)
bank.wrong("svm_no_mean", svm, variant(svm_backward, divide=False), CLASSES, cause="factor|6|length|mean")
bank.wrong("svm_threshold_is_the_margin", svm, variant(svm_backward, threshold=1.0), CLASSES, cause="mask|threshold")


def mse(x, t):
    return np.mean((x - t) ** 2), (x, t)


MSE = normal((4, 3), (4, 3), seed=46)
bank.right("mse", mse, lambda d, c: (d * 2 * (c[0] - c[1]) / c[0].size, d * 2 * (c[1] - c[0]) / c[0].size), MSE)
bank.wrong(
    "mse_without_two", mse, lambda d, c: (d * (c[0] - c[1]) / 12, d * (c[1] - c[0]) / 12), MSE, cause="factor|half|0.5"
)
bank.wrong(
    "mse_divided_by_batch_only",
    mse,
    lambda d, c: (d * 2 * (c[0] - c[1]) / 4, d * 2 * (c[1] - c[0]) / 4),
    MSE,
    cause="factor|3|length",
)
bank.wrong(
    "mse_target_sign", mse, lambda d, c: (d * 2 * (c[0] - c[1]) / 12, d * 2 * (c[0] - c[1]) / 12), MSE, cause="sign"
)
bank.wrong(
    "mse_not_a_mean", mse, lambda d, c: (d * 2 * (c[0] - c[1]), d * 2 * (c[1] - c[0])), MSE, cause="factor|12|mean|size"
)


def bce_logits(x, t):
    return np.mean(np.logaddexp(0.0, x) - t * x), (x, t)


def bce_slope(x):
    return 0.5 * (1 + np.tanh(x / 2))


BCE = drawn(lambda rng: (rng.standard_normal((6,)), np.array([0, 1, 1, 0, 1, 0])), 47)
bank.right("bce_with_logits", bce_logits, lambda d, c: (d * (bce_slope(c[0]) - c[1]) / len(c[1]),), BCE)
bank.wrong(
    "bce_without_sigmoid",
    bce_logits,
    lambda d, c: (d * (c[0] - c[1]) / len(c[1]),),
    BCE,
    cause="activation|sigmoid|logit",
)
bank.wrong(
    "bce_slope_twice",
    bce_logits,
    lambda d, c: (d * (bce_slope(c[0]) - c[1]) * bce_slope(c[0]) * (1 - bce_slope(c[0])) / len(c[1]),),
    BCE,
    note="the sigmoid's slope, which the loss has already cancelled",
)
bank.wrong("bce_sign", bce_logits, lambda d, c: (d * (c[1] - bce_slope(c[0])) / len(c[1]),), BCE, cause="sign")


def bce_probabilities(p, t):
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), (p, t)


PROBABILITIES = drawn(lambda rng: (rng.uniform(0.1, 0.9, 6), np.array([0, 1, 1, 0, 1, 0])), 48)
bank.right(
    "bce_of_probabilities",
    bce_probabilities,
    lambda d, c: (d * (c[0] - c[1]) / (c[0] * (1 - c[0])) / len(c[0]),),
    PROBABILITIES,
)
bank.wrong(
    "bce_of_probabilities_precedence",
    bce_probabilities,
    lambda d, c: (d * (c[0] - c[1]) / c[0] * (1 - c[0]) / len(c[0]),),
    PROBABILITIES,
)
bank.wrong(
    "bce_second_term_sign",
    bce_probabilities,
    lambda d, c: (-d * (c[1] / c[0] + (1 - c[1]) / (1 - c[0])) / len(c[0]),),
    PROBABILITIES,
    cause="sign|entr|mask|where|label|region",
)
bank.elsewhere(
    "bce_positives_only",
    bce_probabilities,
    lambda d, c: (-d * (c[1] / c[0]) / len(c[0]),),
    drawn(lambda rng: (rng.uniform(0.1, 0.9, 5), np.ones(5, int)), 48),
    elsewhere=PROBABILITIES,
)


def kl_gaussian(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)), (mu, logvar)


KL = normal((3, 2), (3, 2), seed=49)
bank.right("kl_gaussian", kl_gaussian, lambda d, c: (d * c[0], d * 0.5 * (np.exp(c[1]) - 1)), KL)
bank.wrong(
    "kl_gaussian_mu_twice",
    kl_gaussian,
    lambda d, c: (2 * d * c[0], d * 0.5 * (np.exp(c[1]) - 1)),
    KL,
    cause="factor|2|twice",
)
bank.wrong("kl_gaussian_exp_missing", kl_gaussian, lambda d, c: (d * c[0], d * 0.5 * (c[1] - 1)), KL)


def kl_discrete(p, q):
    return np.sum(p * np.log(p / q)), (p, q)


POSITIVE = drawn(lambda rng: (rng.dirichlet(np.ones(4), 3), rng.dirichlet(np.ones(4), 3)), 50)
bank.right("kl_discrete", kl_discrete, lambda d, c: (d * (np.log(c[0] / c[1]) + 1), -d * c[0] / c[1]), POSITIVE)
bank.wrong("kl_discrete_no_plus_one", kl_discrete, lambda d, c: (d * np.log(c[0] / c[1]), -d * c[0] / c[1]), POSITIVE)


def gaussian_nll(mu, logvar, t):
    return np.mean(0.5 * logvar + 0.5 * (t - mu) ** 2 * np.exp(-logvar)), (mu, logvar, t)


def gaussian_nll_backward(d, cache):
    mu, logvar, t = cache
    r, n = t - mu, mu.size
    return -d * r * np.exp(-logvar) / n, d * 0.5 * (1 - r**2 * np.exp(-logvar)) / n, d * r * np.exp(-logvar) / n


NLL = normal((3, 2), (3, 2), (3, 2), seed=51)
bank.right("gaussian_nll", gaussian_nll, gaussian_nll_backward, NLL)
bank.wrong(
    "gaussian_nll_log_term",
    gaussian_nll,
    edited(gaussian_nll_backward, 1, lambda g: g - 0.5 / 6),
    NLL,
    cause="constant|offset|residual",
)
bank.wrong("gaussian_nll_mu_sign", gaussian_nll, edited(gaussian_nll_backward, 0, lambda g: -g), NLL, cause="sign")


# A linear classifier with L2 regularisation.
def ridge(w, x, y, reg):
    r = x @ w - y
    return np.mean(r**2) + reg * np.sum(w**2), (w, x, r, reg)


def ridge_backward(d, cache, factor=2.0, data=2.0):
    w, x, r, reg = cache
    return (d * (data * x.T @ r / len(r) + factor * reg * w),)


RIDGE = drawn(lambda rng: (rng.standard_normal(3), rng.standard_normal((5, 3)), rng.standard_normal(5), 0.3), 52)
bank.right("ridge", ridge, ridge_backward, RIDGE, wrt=(0,), options={"wrt": ("w",)})
bank.wrong(
    "ridge_reg_half",
    ridge,
    variant(ridge_backward, factor=1.0),
    RIDGE,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="reg|w|input|proportional",
)
bank.wrong(
    "ridge_reg_missing",
    ridge,
    variant(ridge_backward, factor=0.0),
    RIDGE,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="reg|proportional|multiple of w",
)
bank.wrong(
    "ridge_reg_without_lambda",
    ridge,
    lambda d, c: (d * (2 * c[1].T @ c[2] / 5 + 2 * c[0]),),
    RIDGE,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="reg|proportional|multiple of w",
)
bank.wrong("ridge_data_half", ridge, variant(ridge_backward, data=1.0), RIDGE, wrt=(0,), options={"wrt": ("w",)})
bank.elsewhere(
    "ridge_reg_missing_at_zero",
    ridge,
    variant(ridge_backward, factor=0.0),
    drawn(lambda rng: (rng.standard_normal(3), rng.standard_normal((5, 3)), rng.standard_normal(5), 0.0), 52),
    wrt=(0,),
    options={"wrt": ("w",)},
    elsewhere=RIDGE,
)


def logistic(w, x, y):
    z = x @ w
    return np.sum(np.logaddexp(0.0, -y * z)), (x, y, z)


LOGISTIC = drawn(lambda rng: (rng.standard_normal(3), rng.standard_normal((6, 3)), np.array([1, -1, 1, 1, -1, -1])), 53)
bank.right(
    "logistic_regression",
    logistic,
    lambda d, c: (-d * c[0].T @ (c[1] * bce_slope(-c[1] * c[2])),),
    LOGISTIC,
    wrt=(0,),
    options={"wrt": ("w",)},
)
bank.wrong(
    "logistic_regression_y_forgotten",
    logistic,
    lambda d, c: (-d * c[0].T @ bce_slope(-c[1] * c[2]),),
    LOGISTIC,
    wrt=(0,),
    options={"wrt": ("w",)},
)
bank.wrong(
    "logistic_regression_mean",
    logistic,
    lambda d, c: (-d * c[0].T @ (c[1] * bce_slope(-c[1] * c[2])) / 6,),
    LOGISTIC,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="mean|factor|1/6|length",
)


def least_squares(w, x, y):
    r = x @ w - y
    return 0.5 * np.sum(r**2), (x, r)


def least_squares_grad(d, c):
    x, r = c
    return (d * x.T @ r,)


LSQ = drawn(lambda rng: (rng.standard_normal((3, 2)), rng.standard_normal((5, 3)), rng.standard_normal((5, 2))), 54)
bank.right("least_squares", least_squares, least_squares_grad, LSQ, wrt=(0,), options={"wrt": ("w",)})
bank.wrong(
    "least_squares_sign",
    least_squares,
    lambda d, c: (-d * c[0].T @ c[1],),
    LSQ,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="sign",
)
bank.wrong(
    "least_squares_twice",
    least_squares,
    lambda d, c: (2 * d * c[0].T @ c[1],),
    LSQ,
    wrt=(0,),
    options={"wrt": ("w",)},
    cause="factor|2|twice",
)


def hinge(w, b, x, y):
    margin = np.maximum(0, 1 - y * (x @ w + b))
    return np.sum(margin) / len(y) + 0.05 * w @ w, (w, x, y, margin)


def hinge_backward(d, cache, bias_reg=0.0, mask=True):
    w, x, y, margin = cache
    active = -(y * (margin > 0 if mask else 1)) / len(y)
    return d * (x.T @ active + 0.1 * w), d * (np.sum(active) + bias_reg)


HINGE = drawn(
    lambda rng: (rng.standard_normal(3), 0.4, 2 * rng.standard_normal((6, 3)), np.array([1, -1, 1, 1, -1, -1])), 55
)
bank.right("hinge", hinge, hinge_backward, HINGE, wrt=(0, 1), options={"wrt": ("w", "b")})
bank.wrong(
    "hinge_all_active", hinge, variant(hinge_backward, mask=False), HINGE, wrt=(0, 1), options={"wrt": ("w", "b")}
)
bank.wrong(
    "hinge_bias_regularised",
    hinge,
    variant(hinge_backward, bias_reg=0.04),
    HINGE,
    wrt=(0, 1),
    options={"wrt": ("w", "b")},
)


def triplet(a, p, n):
    dp, dn = a - p, a - n
    loss = np.maximum(0, np.sum(dp**2, axis=1) - np.sum(dn**2, axis=1) + 0.5)
    return np.sum(loss), (dp, dn, loss > 0)


TRIPLET = normal((5, 3), (5, 3), (5, 3), seed=56)
bank.right(
    "triplet",
    triplet,
    lambda d, c: (2 * d * (c[0] - c[1]) * c[2][:, None], -2 * d * c[0] * c[2][:, None], 2 * d * c[1] * c[2][:, None]),
    TRIPLET,
)
bank.wrong(
    "triplet_no_mask",
    triplet,
    lambda d, c: (2 * d * (c[0] - c[1]), -2 * d * c[0], 2 * d * c[1]),
    TRIPLET,
    cause="mask|row|threshold",
)
bank.wrong(
    "triplet_anchor_first_term",
    triplet,
    lambda d, c: (2 * d * c[0] * c[2][:, None], -2 * d * c[0] * c[2][:, None], 2 * d * c[1] * c[2][:, None]),
    TRIPLET,
)
