"""Regularisation: penalties on the weights (L2 and L1), alone and in a linear classifier, and dropout."""

import numpy as np
from numpy import ndarray

from checker import Bool, Float, Int, below, exercise, expect_labels, expect_shapes, mistake

# -- penalties --------------------------------------------------------------------------------------------------------


def l2_forward(w: Float[ndarray, "M D"], reg: float = 0.3):
    """The penalty reg times the sum of the squares of w: return (loss, cache). Lecture S3-46 names it.

    There is no factor of one half here; many texts have one, and their gradient differs by it.
    """
    ### BEGIN SOLUTION
    expect_shapes(l2_forward, w)
    return reg * np.sum(w**2), (w, reg)
    ### END SOLUTION


@exercise(
    l2_forward,
    rows=("S3-46",),
    hints=(
        "Which entries of w does the penalty of w[m, d] depend on? On that one alone.",
        "The derivative of a square has a 2 in it; reg and dout are constant factors.",
    ),
    edges={"reg of 0": {"reg": 0.0}, "reg of 2": {"reg": 2.0}, "one weight": {"M": 1, "D": 1}},
)
def l2_backward(dout, cache):
    """Gradient of the penalty reg sum(w^2): return dw of shape (M, D), given the scalar dout. Lecture S3-46."""
    ### BEGIN SOLUTION
    # $\partial\,\lambda\sum_{md} w_{md}^2/\partial w_{md} = 2\lambda w_{md}$.
    w, reg = cache
    return 2 * reg * dout * w
    ### END SOLUTION


@mistake(l2_backward, "Half of what it should be: is there a half in the forward that could cancel the 2?")
def two_of_the_square_left_out(dout, cache):
    return l2_backward(dout, cache) / 2


@mistake(l2_backward, "Set reg to 0: does your gradient vanish with the penalty?")
def strength_left_out(dout, cache):
    return 2 * dout * cache[0]


@mistake(l2_backward, "A penalty has an upstream gradient as well, and it need not be 1.")
def penalty_taken_as_the_end(dout, cache):
    return l2_backward(1.0, cache)


@mistake(l2_backward, "That is the gradient of the norm: the penalty is its square.")
def gradient_of_the_norm(dout, cache):
    w, reg = cache
    return reg * dout * w / np.sqrt(np.sum(w**2))


@mistake(l2_backward, "Does a weight of -3 pull the penalty up or down when it grows?")
def squares_taken_for_absolute_values(dout, cache):
    w, reg = cache
    return 2 * reg * dout * np.abs(w)


@mistake(l2_backward, "Is the penalty a sum over the weights, or their mean?")
def penalty_as_a_mean(dout, cache):
    return l2_backward(dout, cache) / cache[0].size


@mistake(
    l2_backward, "Your penalty is half of what it should be: is there a one half in the definition?", half="forward"
)
def half_a_penalty(w, reg=0.3):
    return 0.5 * reg * np.sum(w**2), (w, reg)


@mistake(l2_backward, "The penalty is the sum of squares, and not its root.", half="forward")
def norm_without_the_square(w, reg=0.3):
    return reg * np.sqrt(np.sum(w**2)), (w, reg)


def l1_forward(w: Float[ndarray, "M D"], reg: float = 0.3):
    """The penalty reg times the sum of the absolute values of w: return (loss, cache). Lecture S3-46 names it."""
    ### BEGIN SOLUTION
    expect_shapes(l1_forward, w)
    return reg * np.sum(np.abs(w)), (w, reg)
    ### END SOLUTION


@exercise(
    l1_forward,
    rows=("S3-46",),
    hints=(
        "How does |w| change with w: where w is positive, and where it is negative?",
        "Its slope is 1 or -1, however large w is.",
    ),
    edges={
        "reg of 0": {"reg": 0.0},
        "small weights": {"w": (-0.02, 0.02)},
        "zeros among the weights": {
            "w": lambda rng, sizes: rng.integers(-1, 2, (sizes["M"], sizes["D"])).astype(float)
        },
    },
)
def l1_backward(dout, cache):
    """Gradient of the penalty reg sum(|w|): return dw of shape (M, D), given the scalar dout. Lecture S3-46.

    At a weight of 0 any slope from -reg to reg is accepted; this takes 0.
    """
    ### BEGIN SOLUTION
    # $\partial\,\lambda\sum_{md} |w_{md}|/\partial w_{md} = \lambda\,\mathrm{sign}(w_{md})$.
    w, reg = cache
    return reg * dout * np.sign(w)
    ### END SOLUTION


@mistake(l1_backward, "Does |w| rise or fall when a negative w grows?")
def sign_of_the_weight_ignored(dout, cache):
    w, reg = cache
    return reg * dout * np.ones_like(w)


@mistake(l1_backward, "How steep is |w| at w = 10, and how steep at w = 0.1?")
def proportional_to_the_weight(dout, cache):
    w, reg = cache
    return reg * dout * w


@mistake(l1_backward, "There is no square in this penalty.")
def two_without_a_square(dout, cache):
    return 2 * l1_backward(dout, cache)


@mistake(l1_backward, "Set reg to 0: does your gradient vanish with the penalty?")
def sign_alone(dout, cache):
    return dout * np.sign(cache[0])


@mistake(l1_backward, "A penalty has an upstream gradient as well, and it need not be 1.")
def absolute_penalty_taken_as_the_end(dout, cache):
    return l1_backward(1.0, cache)


@mistake(l1_backward, "Can your penalty be negative?", half="forward")
def sum_without_absolute_values(w, reg=0.3):
    return reg * np.sum(w), (w, reg)


# -- a classifier with a penalty --------------------------------------------------------------------------------------


def softmax_l2_forward(
    x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"], y: Int[ndarray, "N"], reg: float = 0.3
):
    """A linear classifier's loss with L2 regularisation: return (loss, cache), with labels y from 0 to M - 1.

    The scores are x w^T + b. The loss is the mean over n of -log p[n, y_n], p the softmax of each row of scores, plus
    reg times the sum of the squares of w; the bias is not penalised, and there is no factor of one half.
    Lecture S3-46 names it. Write it so that scores of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    expect_shapes(softmax_l2_forward, x, w, b, y)
    expect_labels("y", y, len(w))
    # $-\log p_{y} = \log\sum_k e^{s_k - m} - (s_y - m)$ for any $m$; with $m = \max_k s_k$ nothing overflows.
    scores = x @ w.T + b
    scores = scores - scores.max(axis=1, keepdims=True)
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return reg * np.sum(w**2) - logp[np.arange(len(y)), y].mean(), (x, w, y, np.exp(logp), reg)
    ### END SOLUTION


@exercise(
    softmax_l2_forward,
    wrt=("w", "b"),
    points=4,
    rows=("S3-46",),
    hints=(
        "Two terms, two gradients: set reg to 0 and get the data term right, then add the penalty's.",
        "With respect to the scores the data term's gradient is (p - 1 at the true class) / N.",
        "From the scores to w and b it is an affine layer; then the penalty adds to dw alone.",
    ),
    draw={"y": below("M")},
    edges={
        "reg of 0": {"reg": 0.0},
        "reg of 2": {"reg": 2.0},
        "one example": {"N": 1},
        "two classes": {"M": 2},
        "label 0 only": {"y": below(1)},
        "a large bias": {"b": (2.0, 5.0)},
    },
    overflow={"scores of 1000": {"b": (900, 1100)}, "inputs of 1000": {"x": (-1000, 1000)}},
)
def softmax_l2_backward(dout, cache):
    """Gradients of the regularised loss: return (dw, db) of shapes (M, D) and (M,), given the scalar dout.

    Lecture S3-46.
    """
    ### BEGIN SOLUTION
    # $$\bar s_{nk} = \tfrac1N(p_{nk} - 1\{k = y_n\}),\qquad \bar w = \bar s^\top x + 2\lambda w,\quad
    #   \bar b = \textstyle\sum_n \bar s_n.$$
    x, w, y, p, reg = cache
    ds = p.copy()
    ds[np.arange(len(y)), y] -= 1
    ds *= dout / len(y)
    return ds.T @ x + 2 * reg * dout * w, ds.sum(axis=0)
    ### END SOLUTION


def _loss_and_cache(x, w, b, y, reg, data, penalty):
    """A wrong loss with the cache of the right one; data gets the probabilities and those of the true classes."""
    _, cache = softmax_l2_forward(x, w, b, y, reg)
    p = cache[3]
    return data(p, p[np.arange(len(y)), y]) + penalty(w), cache


def _mean_nll(p, true):
    return -np.mean(np.log(np.maximum(true, 1e-300)))


@mistake(softmax_l2_backward, "Your loss does not change with reg.", half="forward")
def penalty_left_out_of_the_loss(x, w, b, y, reg=0.3):
    return softmax_l2_forward(x, w, b, y, 0.0)


@mistake(softmax_l2_backward, "At reg = 0 your loss is right: is there a one half in the definition?", half="forward")
def penalty_halved_in_the_loss(x, w, b, y, reg=0.3):
    return softmax_l2_forward(x, w, b, y, reg / 2)


@mistake(softmax_l2_backward, "At b = 0 your loss is right: which parameters are penalised?", half="forward")
def bias_penalised_in_the_loss(x, w, b, y, reg=0.3):
    return _loss_and_cache(x, w, b, y, reg, _mean_nll, lambda w: reg * (np.sum(w**2) + np.sum(b**2)))


@mistake(softmax_l2_backward, "The penalty is there once, and not once for each example.", half="forward")
def penalty_inside_the_mean(x, w, b, y, reg=0.3):
    return softmax_l2_forward(x, w, b, y, reg / len(x))


@mistake(
    softmax_l2_backward,
    "In `loss /= n + penalty` the penalty is part of what is divided by.",
    half="forward",
)
def penalty_in_the_denominator(x, w, b, y, reg=0.3):
    def data(p, true):
        return len(y) * _mean_nll(p, true) / (len(y) + reg * np.sum(w**2))

    return _loss_and_cache(x, w, b, y, reg, data, lambda w: 0.0)


@mistake(softmax_l2_backward, "What does each row of your probabilities add up to?", half="forward")
def softmax_over_the_whole_batch(x, w, b, y, reg=0.3):
    scores = x @ w.T + b
    scores = scores - scores.max()
    p = np.exp(scores) / np.exp(scores).sum()
    loss = _mean_nll(p, p[np.arange(len(y)), y]) + reg * np.sum(w**2)
    return loss, (x, w, y, p, reg)


@mistake(
    softmax_l2_backward,
    "With one example your loss is right: in which order do the logarithm and the mean come?",
    half="forward",
)
def logarithm_of_the_mean(x, w, b, y, reg=0.3):
    return _loss_and_cache(x, w, b, y, reg, lambda p, true: -np.log(np.mean(true)), lambda w: reg * np.sum(w**2))


@mistake(
    softmax_l2_backward,
    "The cross-entropy takes probabilities here: how many times have the scores been exponentiated?",
    half="forward",
)
def softmax_of_the_softmax(x, w, b, y, reg=0.3):
    def data(p, true):
        again = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
        return _mean_nll(again, again[np.arange(len(y)), y])

    return _loss_and_cache(x, w, b, y, reg, data, lambda w: reg * np.sum(w**2))


@mistake(softmax_l2_backward, "Changing b does not change your scores.", half="forward")
def scores_without_a_bias(x, w, b, y, reg=0.3):
    return softmax_l2_forward(x, w, np.zeros_like(b), y, reg)


@mistake(
    softmax_l2_backward,
    "How large is exp(1000)? Softmax does not change when a number is added to a row.",
    half="forward",
)
def scores_exponentiated_as_they_are(x, w, b, y, reg=0.3):
    scores = x @ w.T + b
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean() + reg * np.sum(w**2), (x, w, y, p, reg)


def _without_penalty(dout, cache):
    return softmax_l2_backward(dout, (*cache[:4], 0.0))


def _of_scores(ds, dout, cache):
    """The gradients from those of the scores, which are divided by N here."""
    x, w, y, _, reg = cache
    ds = dout / len(y) * ds
    return ds.T @ x + 2 * reg * dout * w, ds.sum(axis=0)


def _one_hot(cache):
    return np.eye(len(cache[1]))[cache[2]]


@mistake(softmax_l2_backward, "The data term is right. The penalty's is too small by 2: what is the slope of a square?")
def penalty_half_as_steep(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw + cache[4] * dout * cache[1], db


@mistake(softmax_l2_backward, "Is the penalty inside the mean over the examples, or added to it?")
def penalty_divided_by_the_batch(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw + 2 * cache[4] * dout * cache[1] / len(cache[2]), db


@mistake(softmax_l2_backward, "What remains of your penalty's gradient when reg is 0?")
def penalty_without_its_strength(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw + 2 * dout * cache[1], db


@mistake(softmax_l2_backward, "The penalty's part is a quarter of what it should be: where do the halves come from?")
def penalty_halved_twice(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw + 0.5 * cache[4] * dout * cache[1], db


@mistake(softmax_l2_backward, "Your gradient does not change with reg; the loss does.")
def penalty_forgotten_in_the_gradient(dout, cache):
    return _without_penalty(dout, cache)


def _softmax_l2_keeping_the_bias(x, w, b, y, reg=0.3):
    loss, cache = softmax_l2_forward(x, w, b, y, reg)
    return loss, (*cache, b)


@mistake(
    softmax_l2_backward,
    "Which parameters does the penalty in the forward contain?",
    forward=_softmax_l2_keeping_the_bias,
)
def penalty_on_the_gradient_of_the_bias(dout, cache):
    *cache, b = cache
    dw, db = softmax_l2_backward(dout, cache)
    return dw, db + 2 * cache[4] * dout * b


@mistake(softmax_l2_backward, "Does the penalty pull the weights towards 0 or away from it?")
def penalty_with_a_minus(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw - 2 * cache[4] * dout * cache[1], db


@mistake(softmax_l2_backward, "The loss is a mean over the examples: is your data term's gradient one?")
def data_term_not_divided_by_the_batch(dout, cache):
    _, w, y, _, reg = cache
    dw, db = _without_penalty(dout * len(y), cache)
    return dw + 2 * reg * dout * w, db


@mistake(softmax_l2_backward, "dw and db come from the same gradient of the scores: one of them is N times too large.")
def bias_not_divided_by_the_batch(dout, cache):
    dw, db = softmax_l2_backward(dout, cache)
    return dw, db * len(cache[2])


@mistake(softmax_l2_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def regularised_loss_taken_as_the_end(dout, cache):
    return softmax_l2_backward(1.0, cache)


@mistake(softmax_l2_backward, "The penalty is part of the loss: does dout reach it?")
def penalty_without_upstream(dout, cache):
    dw, db = _without_penalty(dout, cache)
    return dw + 2 * cache[4] * cache[1], db


@mistake(softmax_l2_backward, "Where does the true class enter the gradient of the scores?")
def labels_not_subtracted(dout, cache):
    return _of_scores(cache[3], dout, cache)


@mistake(softmax_l2_backward, "The other classes are right: how often is x subtracted for the true class?")
def true_class_subtracted_in_every_turn(dout, cache):
    return _of_scores(cache[3] - len(cache[1]) * _one_hot(cache), dout, cache)


@mistake(softmax_l2_backward, "The row of the true class is right: whose probability do the other rows need?")
def probability_of_the_true_class_for_all(dout, cache):
    true = cache[3][np.arange(len(cache[2])), cache[2]]
    return _of_scores(true[:, None] - _one_hot(cache), dout, cache)


@mistake(softmax_l2_backward, "Raise the score of the true class: does the loss rise or fall?")
def scores_turned_round(dout, cache):
    return _of_scores(_one_hot(cache) - cache[3], dout, cache)


# -- dropout ----------------------------------------------------------------------------------------------------------


@exercise(
    kind="initialiser",
    points=2,
    rows=("S3-46",),
    hints=(
        "rng.random(shape) draws numbers that are uniform from 0 to 1: each is below p with probability p.",
        "Of n units (1 - p) n are left on average: by what must each be multiplied so that their sum keeps its mean?",
    ),
    arguments={"rng": None},
    draw={"n": (60, 80), "d": (150, 200)},
    edges={"p of 0.25": {"p": 0.25}, "p of 0.6": {"p": 0.6}, "a small batch": {"n": (8, 12), "d": (18, 24)}},
)
def dropout_factors(n: int, d: int, rng, p: float = 0.4):
    """The factors of inverted dropout for n examples of d units: return an array of shape (n, d).

    Each entry is 0 with probability p, independently of all others. The rest get the one number that keeps the mean of
    the layer's output what it would be without dropout. Draw from rng, a numpy.random.Generator, and from nothing else.
    Lecture S3-46 names it. Source: Srivastava et al. 2014.
    """
    ### BEGIN SOLUTION
    # $E[f] = p\cdot 0 + (1-p)\cdot\frac1{1-p} = 1$.
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}, where a probability from 0 to below 1 is wanted")
    return (rng.random((n, d)) >= p) / (1 - p)
    ### END SOLUTION


@mistake(dropout_factors, "What is the mean of your factors over many units: is it 1?")
def factors_not_rescaled(n, d, rng, p=0.4):
    return (rng.random((n, d)) >= p) * 1.0


@mistake(dropout_factors, "The mean is 1, but p is the probability of being dropped: which share do you keep?")
def kept_where_dropped(n, d, rng, p=0.4):
    return (rng.random((n, d)) < p) / p


@mistake(dropout_factors, "Units stay with one probability and are divided by another: what is the mean of that?")
def divided_by_the_probability_of_dropping(n, d, rng, p=0.4):
    return (rng.random((n, d)) >= p) / p


@mistake(dropout_factors, "What you divide by fits p; which share of the units is left?")
def dropped_with_the_other_probability(n, d, rng, p=0.4):
    return (rng.random((n, d)) < p) / (1 - p)


@mistake(dropout_factors, "Multiplied or divided: do the units that are left have to grow or to shrink?")
def factors_shrunk(n, d, rng, p=0.4):
    return (rng.random((n, d)) >= p) * (1 - p)


@mistake(dropout_factors, "With which probability is a standard normal number below p: is it p?")
def normal_numbers_for_uniform_ones(n, d, rng, p=0.4):
    return (rng.standard_normal((n, d)) >= p) / (1 - p)


@mistake(dropout_factors, "Does the share of units that you drop change with p?")
def half_of_them_dropped(n, d, rng, p=0.4):
    return rng.integers(0, 2, (n, d)) / (1 - p)


@mistake(dropout_factors, "Your examples all lose the same units: how many numbers do you draw?")
def one_mask_for_the_batch(n, d, rng, p=0.4):
    return np.tile((rng.random(d) >= p) / (1 - p), (n, 1))


@mistake(dropout_factors, "A generator was handed over: are your masks others when it is another?")
def masks_of_a_generator_of_their_own(n, d, rng, p=0.4):
    return (np.random.default_rng(0).random((n, d)) >= p) / (1 - p)


@mistake(dropout_factors, "Every example is a row: which of n and d comes first?")
def factors_turned(n, d, rng, p=0.4):
    return (rng.random((d, n)) >= p) / (1 - p)


def dropout_forward(x: Float[ndarray, "N D"], keep: Bool[ndarray, "N D"], p: float = 0.4, mode: str = "train"):
    """Inverted dropout with a given mask: return (out, cache) with out of shape (N, D).

    In mode "train", units where keep is False give 0 and the others x / (1 - p), p being the probability of dropping;
    in mode "test" nothing is dropped or scaled. Lecture S3-46 names it. Source: Srivastava et al. 2014.
    """
    ### BEGIN SOLUTION
    expect_shapes(dropout_forward, x, keep)
    if mode not in ("train", "test"):
        raise ValueError(f"mode is {mode!r}, where 'train' or 'test' is wanted")
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}, where a probability from 0 to below 1 is wanted")
    factors = keep / (1 - p) if mode == "train" else np.ones_like(x)
    return factors * x, factors
    ### END SOLUTION


@exercise(
    dropout_forward,
    points=2,
    rows=("S3-46",),
    hints=(
        "With the mask given, dropout is a product with constants, entry by entry.",
        "What multiplied x on the way there multiplies dout on the way back, in either mode.",
    ),
    edges={
        "test mode": {"mode": "test"},
        "p of 0": {"p": 0.0},
        "p of 0.9": {"p": 0.9},
        "everything kept": {"keep": lambda rng, sizes: np.ones((sizes["N"], sizes["D"]), dtype=bool)},
        "zeros among the inputs": {"x": lambda rng, sizes: rng.integers(-1, 2, (sizes["N"], sizes["D"])).astype(float)},
    },
)
def dropout_backward(dout, cache):
    """Gradient of dropout with a given mask: return dx of shape (N, D), given dout (N, D). Lecture S3-46."""
    ### BEGIN SOLUTION
    # $o = f \odot x$ with constants $f$ of $0$ or $1/(1-p)$ (all $1$ in test mode), so $\bar x = f \odot \bar o$.
    return dout * cache
    ### END SOLUTION


@mistake(
    dropout_backward,
    "Over many masks, is the mean of your output x? Neither mode scales it here.",
    half="forward",
)
def dropout_not_rescaled(x, keep, p=0.4, mode="train"):
    factors = keep * 1.0 if mode == "train" else np.ones_like(x)
    return factors * x, factors


@mistake(
    dropout_backward,
    "Units are kept with probability 1 - p: what must they be divided by so that the mean stays?",
    half="forward",
)
def dropout_divided_by_p(x, keep, p=0.4, mode="train"):
    factors = keep / max(p, 1e-12) if mode == "train" else np.ones_like(x)
    return factors * x, factors


@mistake(
    dropout_backward,
    "Dropout that rescales in training has nothing left to do in test mode.",
    half="forward",
)
def scaled_in_test_mode(x, keep, p=0.4, mode="train"):
    factors = keep / (1 - p) if mode == "train" else (1 - p) * np.ones_like(x)
    return factors * x, factors


@mistake(
    dropout_backward,
    "That is the older dropout, which scales in test mode: the inverted one scales in training.",
    half="forward",
)
def scaled_in_test_mode_and_not_in_training(x, keep, p=0.4, mode="train"):
    factors = keep * 1.0 if mode == "train" else (1 - p) * np.ones_like(x)
    return factors * x, factors


@mistake(dropout_backward, "Is anything dropped at test time?", half="forward")
def dropped_in_test_mode_too(x, keep, p=0.4, mode="train"):
    return dropout_forward(x, keep, p)


@mistake(dropout_backward, "Where keep is True the unit stays.", half="forward")
def mask_turned_round(x, keep, p=0.4, mode="train"):
    return dropout_forward(x, ~keep, p, mode)


@mistake(dropout_backward, "Dropout alone lets negative numbers pass: the ReLU is a layer of its own.", half="forward")
def relu_inside_the_dropout(x, keep, p=0.4, mode="train"):
    return dropout_forward(np.maximum(x, 0), keep, p, mode)


@mistake(dropout_backward, "The forward divides by something: does your backward?")
def factor_forgotten_in_the_backward(dout, cache):
    return dout * (cache > 0)


@mistake(dropout_backward, "What happens to the output when an input is nudged whose unit is dropped?")
def mask_forgotten_in_the_backward(dout, cache):
    return dout * np.max(cache, initial=1.0)


@mistake(dropout_backward, "Dropout does nothing at all in your backward.")
def passed_through_dropout(dout, cache):
    return dout.copy()


@mistake(dropout_backward, "Which units let their gradient through: those that are kept, or the others?")
def gradient_of_the_dropped(dout, cache):
    return dout * (np.max(cache, initial=1.0) - cache)


@mistake(dropout_backward, "The factor is in the forward once: how often is it in your backward?")
def scaled_twice(dout, cache):
    return dout * cache**2


@mistake(dropout_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def factors_alone(dout, cache):
    return cache.copy()


@mistake(dropout_backward, "Copy first: another consumer of dout would now receive your masked gradient.")
def dropout_written_into_the_upstream(dout, cache):
    dout *= cache
    return dout.copy()


def _dropout_with_output(x, keep, p=0.4, mode="train"):
    out, factors = dropout_forward(x, keep, p, mode)
    return out, (out, factors)


@mistake(
    dropout_backward, "An output of 0 need not have been dropped: what if x itself is 0?", forward=_dropout_with_output
)
def mask_read_from_the_output(dout, cache):
    out, factors = cache
    return dout * (out != 0) * np.max(factors, initial=1.0)


def _dropout_with_input(x, keep, p=0.4, mode="train"):
    out, factors = dropout_forward(x, keep, p, mode)
    return out, (x, factors)


@mistake(dropout_backward, "Does the slope of factor times x depend on x?", forward=_dropout_with_input)
def dropout_multiplied_by_the_input(dout, cache):
    x, factors = cache
    return dout * factors * x


def _dropout_with_settings(x, keep, p=0.4, mode="train"):
    out, factors = dropout_forward(x, keep, p, mode)
    return out, (factors, keep, p, mode)


@mistake(dropout_backward, "In test mode nothing is dropped in the forward.", forward=_dropout_with_settings)
def test_mode_masked_in_the_backward(dout, cache):
    _, keep, p, _ = cache
    return dout * keep / (1 - p)


@mistake(
    dropout_backward,
    "In test mode nothing is scaled in your forward: and in your backward?",
    forward=_dropout_with_settings,
)
def test_mode_scaled_in_the_backward(dout, cache):
    factors, _, p, mode = cache
    return dout * (factors if mode == "train" else 1 - p)
