"""Losses: squared errors, cross-entropy for two classes and for many, and its softmax node by node."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, exercise, expect_labels, expect_shapes, keep, mistake

from .activations import logistic

# -- squared errors ---------------------------------------------------------------------------------------------------


def squared_error_forward(h: Float[ndarray, "N D"], z: Float[ndarray, "N D"]):
    """Each example's squared distance |h[n] - z[n]|^2: return (losses, cache) with losses of shape (N,).

    Lecture S3-20, which writes (h - z)^2: for vectors, read the sum of the squares of all entries.
    """
    ### BEGIN SOLUTION
    expect_shapes(squared_error_forward, h, z)
    return np.sum((h - z) ** 2, axis=1), h - z
    ### END SOLUTION


@exercise(
    squared_error_forward,
    wrt=("h",),
    points=2,
    rows=("S3-20",),
    hints=(
        "How does the n-th loss change with h[n, d]? No other loss does.",
        "Every loss has an upstream gradient of its own: row n of h hears from dout[n] alone.",
    ),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"D": 1},
        "as many examples as units": {"D": 3},
        "no error": {"h": (0.5, 0.5), "z": (0.5, 0.5)},
    },
)
def squared_error_backward(dout, cache):
    """Gradient of the squared distances with respect to h: return dh of shape (N, D), given dout (N,).

    Lecture S3-20.
    """
    ### BEGIN SOLUTION
    # $\ell_n = \sum_d (h_{nd} - z_{nd})^2$, so $\bar h_{nd} = 2(h_{nd} - z_{nd})\,\bar\ell_n$.
    return 2 * cache * dout[:, None]
    ### END SOLUTION


@mistake(squared_error_backward, "What is the derivative of a square? Is there a one half that cancels it here?")
def two_of_the_squared_error_left_out(dout, cache):
    return cache * dout[:, None]


@mistake(squared_error_backward, "Where h lies above z: does the loss rise or fall when h rises?")
def target_minus_output(dout, cache):
    return -2 * cache * dout[:, None]


@mistake(squared_error_backward, "Your dh does not depend on dout, and every loss has an upstream gradient of its own.")
def squared_error_without_upstream(dout, cache):
    return 2 * cache


@mistake(squared_error_backward, "Row n of h occurs in the n-th loss alone: whose dout does it hear from in yours?")
def upstream_of_all_examples_added_up(dout, cache):
    return 2 * cache * np.sum(dout)


@mistake(
    squared_error_backward, "With as many examples as units dout fits along either axis: which one counts examples?"
)
def upstream_along_the_units(dout, cache):
    return 2 * cache * (dout if cache.shape[0] == cache.shape[1] else dout[:, None])


@mistake(squared_error_backward, "A gradient has exactly the shape of the thing it is the gradient of: h is (N, D).")
def differences_added_up_over_the_units(dout, cache):
    return 2 * cache.sum(axis=1) * dout


@mistake(squared_error_backward, "Is the sum over the units divided by their number?")
def averaged_over_the_units(dout, cache):
    return 2 * cache * dout[:, None] / cache.shape[1]


@mistake(squared_error_backward, "That is the loss of every entry; how fast it changes is something else.")
def squares_for_slopes(dout, cache):
    return cache**2 * dout[:, None]


@mistake(squared_error_backward, "That is the gradient of the distance: the loss is its square.")
def gradient_of_the_distance(dout, cache):
    return cache / np.maximum(np.sqrt(np.sum(cache**2, axis=1, keepdims=True)), 1e-300) * dout[:, None]


@mistake(squared_error_backward, "How many losses are there: one for each example, or one in all?", half="forward")
def losses_of_the_batch_added_up(h, z):
    return np.sum((h - z) ** 2), h - z


@mistake(squared_error_backward, "The squares of an example are added up, and not averaged.", half="forward")
def mean_over_the_units(h, z):
    return np.mean((h - z) ** 2, axis=1), h - z


@mistake(squared_error_backward, "Which comes first, the sum or the square: may a +1 and a -1 cancel?", half="forward")
def square_of_the_summed_differences(h, z):
    return np.sum(h - z, axis=1) ** 2, h - z


@mistake(squared_error_backward, "The squared distance has no root in it.", half="forward")
def root_of_the_squares(h, z):
    return np.sqrt(np.sum((h - z) ** 2, axis=1)), h - z


@mistake(squared_error_backward, "The lecture's loss here has no one half; another lecture's has.", half="forward")
def half_a_squared_distance(h, z):
    return np.sum((h - z) ** 2, axis=1) / 2, h - z


def half_squared_error_forward(y: Float[ndarray, "N K"], target: Float[ndarray, "N K"]):
    """One half of the sum over n and k of (y[n, k] - target[n, k])^2: return (loss, cache). Lecture S1-10."""
    ### BEGIN SOLUTION
    expect_shapes(half_squared_error_forward, y, target)
    return np.sum((y - target) ** 2) / 2, y - target
    ### END SOLUTION


@exercise(
    half_squared_error_forward,
    wrt=("y",),
    rows=("S1-10",),
    hints=(
        "Which terms of the sum does y[n, k] occur in? One of them.",
        "The half is there for the sake of the derivative: what does it cancel?",
    ),
    edges={"one example": {"N": 1}, "one output": {"K": 1}, "no error": {"y": (0.5, 0.5), "target": (0.5, 0.5)}},
)
def half_squared_error_backward(dout, cache):
    """Gradient of half the sum of squares: return dy of shape (N, K), given the scalar dout. Lecture S1-10."""
    ### BEGIN SOLUTION
    # $\partial\,\frac12\sum(y_{nk}-y^*_{nk})^2/\partial y_{nk} = y_{nk}-y^*_{nk}$.
    return dout * cache
    ### END SOLUTION


@mistake(half_squared_error_backward, "Twice too large: what became of the one half?")
def half_forgotten_on_the_way_back(dout, cache):
    return 2 * dout * cache


@mistake(half_squared_error_backward, "Half of what it should be: the square's derivative has a factor too.")
def half_kept_without_the_two(dout, cache):
    return dout * cache / 2


@mistake(half_squared_error_backward, "Where y lies above its target: does the loss rise or fall when y rises?")
def target_minus_prediction(dout, cache):
    return -dout * cache


@mistake(half_squared_error_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def squared_loss_taken_as_the_end(dout, cache):
    return cache.copy()


@mistake(half_squared_error_backward, "This loss is a sum over the examples: is anything divided by their number?")
def sum_of_squares_taken_for_a_mean(dout, cache):
    return dout * cache / len(cache)


@mistake(half_squared_error_backward, "This loss is a sum: is anything divided by the number of entries?")
def sum_of_squares_averaged_over_all_entries(dout, cache):
    return dout * cache / cache.size


@mistake(half_squared_error_backward, "Every entry of y has a gradient of its own: y is (N, K).")
def one_number_for_all_entries(dout, cache):
    return dout * np.sum(cache)


@mistake(half_squared_error_backward, "That is the loss of every entry; how fast it changes is something else.")
def half_squares_for_slopes(dout, cache):
    return dout * cache**2 / 2


@mistake(half_squared_error_backward, "Your loss is twice what it should be.", half="forward")
def one_half_left_out_of_the_loss(y, target):
    return np.sum((y - target) ** 2), y - target


@mistake(half_squared_error_backward, "Is one half of the sum asked for, or the mean?", half="forward")
def squares_averaged(y, target):
    return np.mean((y - target) ** 2) / 2, y - target


@mistake(half_squared_error_backward, "The half stands before the sum: is it squared as well in yours?", half="forward")
def half_inside_the_square(y, target):
    return np.sum(((y - target) / 2) ** 2), y - target


# -- two classes ------------------------------------------------------------------------------------------------------


def bce_forward(p: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean over n of -y log p - (1 - y) log(1 - p): return (loss, cache), for labels y of 0 or 1. Lecture S0-10."""
    ### BEGIN SOLUTION
    expect_shapes(bce_forward, p, y)
    expect_labels("y", y, 2)
    return -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)), (p, y)
    ### END SOLUTION


@exercise(
    bce_forward,
    points=2,
    rows=("S0-10", "S2-02"),
    hints=(
        "Take one example first, and one label at a time: y = 1, then y = 0.",
        "Put -y/p and (1 - y)/(1 - p) on one fraction; do not forget what a mean does to each example.",
    ),
    draw={"p": (0.05, 0.95), "y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}, "label 1 only": {"y": (1, 1)}},
)
def bce_backward(dout, cache):
    """Gradient of the mean binary cross-entropy: return dp of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-02.
    """
    ### BEGIN SOLUTION
    # $L = -\frac1N\sum_n y_n\log p_n + (1-y_n)\log(1-p_n)$, so
    # $$\frac{\partial L}{\partial p_n} = \frac1N\Big(\frac{1-y_n}{1-p_n} - \frac{y_n}{p_n}\Big)
    #   = \frac{p_n - y_n}{N\,p_n(1-p_n)}.$$
    p, y = cache
    return dout * (p - y) / (p * (1 - p)) / len(p)
    ### END SOLUTION


@mistake(bce_backward, "The loss is a mean: by how much does one example move it?")
def mean_forgotten(dout, cache):
    return bce_backward(dout, cache) * len(cache[0])


@mistake(bce_backward, "Raise p where y = 1: does the loss rise or fall?")
def sign_turned_round(dout, cache):
    return -bce_backward(dout, cache)


@mistake(bce_backward, "That is the gradient for the logit; p comes one step later.")
def gradient_for_the_logit(dout, cache):
    p, y = cache
    return dout * (p - y) / len(p)


@mistake(bce_backward, "What about the examples with label 0?")
def only_the_ones_count(dout, cache):
    p, y = cache
    return dout * -y / p / len(p)


@mistake(bce_backward, "Two minus signs meet in the derivative of log(1 - p).")
def inner_derivative_left_out(dout, cache):
    p, y = cache
    return dout * (-y / p - (1 - y) / (1 - p)) / len(p)


@mistake(bce_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def loss_taken_as_the_end(dout, cache):
    return bce_backward(1.0, cache)


@mistake(bce_backward, "In p - y / (p (1 - p)) only y is divided: where do the brackets belong?")
def brackets_left_out_of_the_fraction(dout, cache):
    p, y = cache
    return dout * (p - y / (p * (1 - p))) / len(p)


@mistake(bce_backward, "Your loss is 0.4343 times what it should be: which logarithm is that?", half="forward")
def logarithm_to_base_ten(p, y):
    return -np.mean(y * np.log10(p) + (1 - y) * np.log10(1 - p)), (p, y)


@mistake(bce_backward, "A mean was asked for: with twice the examples, your loss is twice as large.", half="forward")
def cross_entropies_added_up(p, y):
    return len(p) * bce_forward(p, y)[0], (p, y)


@mistake(bce_backward, "What do the examples with label 0 cost in your loss?", half="forward")
def loss_of_the_ones_alone(p, y):
    return -np.mean(y * np.log(p)), (p, y)


@mistake(bce_backward, "A logarithm of a probability is negative, and a loss is not.", half="forward")
def minus_of_the_cross_entropy_left_out(p, y):
    return -bce_forward(p, y)[0], (p, y)


def bce_with_logits_forward(z: Float[ndarray, "N"], y: Int[ndarray, "N"]):
    """The mean binary cross-entropy of sigmoid(z) with labels y of 0 or 1: return (loss, cache). Lecture S0-10.

    Write it so that logits of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    # $-y\log\sigma(z) - (1-y)\log(1-\sigma(z)) = \log(1+e^z) - yz = \max(z,0) - yz + \log(1+e^{-|z|})$.
    expect_shapes(bce_with_logits_forward, z, y)
    expect_labels("y", y, 2)
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))), (z, y)
    ### END SOLUTION


@exercise(
    bce_with_logits_forward,
    points=3,
    rows=("S0-10", "S2-03"),
    hints=(
        "Chain the cross-entropy's derivative with the sigmoid's, s (1 - s), and see what cancels.",
        "What is left is a difference of two numbers per example; then the mean, then dout.",
    ),
    draw={"y": below(2)},
    edges={"one example": {"N": 1}, "label 0 only": {"y": below(1)}, "label 1 only": {"y": (1, 1)}},
    overflow={"logits of 1000": {"z": (900, 1100)}, "logits of -1000": {"z": (-1100, -900)}},
)
def bce_with_logits_backward(dout, cache):
    """Gradient of the mean binary cross-entropy of sigmoid(z): return dz of shape (N,), given the scalar dout.

    Lectures S0-10 and S2-03. S2-03 prints the local error, delta, like an integral sign, and leaves its formula to you.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial L}{\partial z} = \frac{p-y}{N p(1-p)}\cdot p(1-p) = \frac{p-y}{N},\qquad p = \sigma(z).$$
    z, y = cache
    return dout * (logistic(z) - y) / len(z)
    ### END SOLUTION


@mistake(bce_with_logits_backward, "The loss is a mean: by how much does one example move it?")
def mean_forgotten_for_logits(dout, cache):
    return bce_with_logits_backward(dout, cache) * len(cache[0])


@mistake(bce_with_logits_backward, "Raise z where y = 1: does the loss rise or fall?")
def labels_minus_probabilities(dout, cache):
    return -bce_with_logits_backward(dout, cache)


@mistake(bce_with_logits_backward, "The sigmoid's derivative has cancelled already: it is here once too often.")
def sigmoid_derivative_twice(dout, cache):
    p = logistic(cache[0])
    return bce_with_logits_backward(dout, cache) * p * (1 - p)


@mistake(bce_with_logits_backward, "A logit is no probability: which function turns one into the other?")
def logits_for_probabilities(dout, cache):
    z, y = cache
    return dout * (z - y) / len(z)


@mistake(bce_with_logits_backward, "Follow the chain to its end: from the loss to p, and then from p to z.")
def stopped_at_the_probability(dout, cache):
    z, y = cache
    p = logistic(z)
    return dout * (p - y) / (p * (1 - p)) / len(z)


@mistake(bce_with_logits_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def loss_taken_as_the_last_word(dout, cache):
    return bce_with_logits_backward(1.0, cache)


@mistake(bce_with_logits_backward, "Try logits of 1000: what is the logarithm of 1 - 1?", half="forward")
def logarithm_of_zero(z, y):
    p = logistic(z)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), (z, y)


@mistake(
    bce_with_logits_backward,
    "A mean was asked for: with twice the examples, your loss is twice as large.",
    half="forward",
)
def sum_of_the_losses(z, y):
    return len(z) * bce_with_logits_forward(z, y)[0], (z, y)


# -- many classes -----------------------------------------------------------------------------------------------------


def softmax_ce_forward(z: Float[ndarray, "N C"], y: Int[ndarray, "N"]):
    """The mean over n of -log p[n, y_n], p being the softmax of each row of z: return (loss, cache).

    The labels y run from 0 to C - 1. Write it so that logits of 1000 do no harm, nor probabilities that round to 0.
    Source: Bridle 1990.
    """
    ### BEGIN SOLUTION
    # $-\log p_y = \log\sum_k e^{z_k - m} - (z_y - m)$ for any $m$; with $m = \max_k z_k$ nothing overflows, and one
    # term of the sum is 1.
    expect_shapes(softmax_ce_forward, z, y)
    expect_labels("y", y, z.shape[1])
    shifted = z - z.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean(), (np.exp(logp), y)
    ### END SOLUTION


def _far_apart(rng, sizes):
    """Rows of logits that differ by thousands from one another."""
    return rng.normal(size=(sizes["N"], sizes["C"])) + 2000.0 * np.arange(sizes["N"])[:, None]


@exercise(
    softmax_ce_forward,
    points=3,
    hints=(
        "Take one example: write -log p_y as a logarithm of a sum minus one logit, and differentiate that.",
        "The logarithm of the sum of exponentials has the softmax as its gradient; and -z_y?",
        "One line for all examples: copy p, subtract something in one column of each row, scale.",
    ),
    draw={"y": below("C")},
    edges={
        "one example": {"N": 1},
        "one class": {"C": 1},
        "two classes": {"C": 2},
        "as many examples as classes": {"C": 3},
        "label 0 only": {"y": below(1)},
        "equal logits": {"z": (0.7, 0.7)},
    },
    overflow={
        "logits of 1000": {"z": (999, 1001)},
        "logits of -1000": {"z": (-1001, -999)},
        "logits far apart": {"z": (-1000, 1000)},
        "rows far apart": {"z": _far_apart},
    },
)
def softmax_ce_backward(dout, cache):
    """Gradient of the mean cross-entropy of the softmax: return dz of shape (N, C), given the scalar dout.

    Source: Bridle 1990.
    """
    ### BEGIN SOLUTION
    # $$\bar z_{nk} = \frac{\bar L}{N}\,\big(p_{nk} - 1\{k = y_n\}\big).$$
    p, y = cache
    dz = p.copy()
    dz[np.arange(len(y)), y] -= 1
    return dz * (dout / len(y))
    ### END SOLUTION


def _one_hot(y, classes):
    return (np.arange(classes) == y[:, None]) * 1.0


def _from_probabilities(p, y):
    """The loss with other probabilities, and the cache that goes with them."""
    return -np.mean(np.log(p[np.arange(len(y)), y])), (p, y)


def _softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@mistake(softmax_ce_backward, "The loss is a mean: by how much does one example move it?")
def mean_of_the_examples_forgotten(dout, cache):
    return softmax_ce_backward(dout, cache) * len(cache[1])


@mistake(softmax_ce_backward, "Over what is the mean taken: the examples, or the classes too?")
def mean_over_the_classes_too(dout, cache):
    return softmax_ce_backward(dout, cache) / cache[0].shape[1]


@mistake(softmax_ce_backward, "Raise the logit of the true class: does the loss rise or fall?")
def labels_minus_softmax(dout, cache):
    return -softmax_ce_backward(dout, cache)


@mistake(softmax_ce_backward, "Is your gradient the same whatever the labels are?")
def probabilities_alone(dout, cache):
    p, y = cache
    return dout * p / len(y)


@mistake(softmax_ce_backward, "The logits of the other classes are in the loss as well: where?")
def true_class_alone(dout, cache):
    p, y = cache
    return dout * (p - 1) * _one_hot(y, p.shape[1]) / len(y)


@mistake(softmax_ce_backward, "The softmax moves with its logits: what became of the logarithm of the sum?")
def labels_alone(dout, cache):
    p, y = cache
    return -dout * _one_hot(y, p.shape[1]) / len(y)


@mistake(
    softmax_ce_backward,
    "In `dz[:, y] -= 1` every row pays for the labels of all: which column is its own?",
)
def every_label_in_every_row(dout, cache):
    p, y = cache
    dz = p.copy()
    dz[:, y] -= 1
    return dz * dout / len(y)


@mistake(softmax_ce_backward, "The other classes are right: how often is 1 subtracted for the true one?")
def one_subtracted_for_each_class(dout, cache):
    p, y = cache
    return dout * (p - p.shape[1] * _one_hot(y, p.shape[1])) / len(y)


@mistake(softmax_ce_backward, "The true class is right: whose probability do the others need?")
def true_probability_for_every_class(dout, cache):
    p, y = cache
    return dout * (p[np.arange(len(y)), y][:, None] - _one_hot(y, p.shape[1])) / len(y)


@mistake(softmax_ce_backward, "With one example it is right: which part of p - 1 is divided by N?")
def labels_alone_divided(dout, cache):
    p, y = cache
    return dout * (p - _one_hot(y, p.shape[1]) / len(y))


@mistake(softmax_ce_backward, "With one example it is right: is what you subtract divided by N too?")
def probabilities_alone_divided(dout, cache):
    p, y = cache
    return dout * (p / len(y) - _one_hot(y, p.shape[1]))


@mistake(softmax_ce_backward, "Labels are counted from 0: from which class do you subtract?")
def labels_counted_from_one(dout, cache):
    p, y = cache
    return dout * (p - _one_hot((y - 1) % p.shape[1], p.shape[1])) / len(y)


@mistake(softmax_ce_backward, "Is the class with the largest probability always the true one?")
def likeliest_class_for_the_true_one(dout, cache):
    p, y = cache
    return dout * (p - _one_hot(p.argmax(axis=1), p.shape[1])) / len(y)


@mistake(softmax_ce_backward, "The softmax has been differentiated already: p (1 - p) is here once too often.")
def softmax_differentiated_twice(dout, cache):
    p, y = cache
    return dout * (p - _one_hot(y, p.shape[1])) * p * (1 - p) / len(y)


@mistake(softmax_ce_backward, "Follow the chain to its end: from the loss to p, and then from p to z.")
def stopped_at_the_probabilities(dout, cache):
    p, y = cache
    return -dout * _one_hot(y, p.shape[1]) / np.maximum(p, 1e-300) / len(y)


@mistake(softmax_ce_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def softmax_loss_taken_as_the_end(dout, cache):
    return softmax_ce_backward(1.0, cache)


@mistake(
    softmax_ce_backward, "One half and one third do not go into whole numbers: is your one-hot array one of floats?"
)
def gradient_in_whole_numbers(dout, cache):
    return softmax_ce_backward(dout, cache).astype(int)


def _softmax_ce_keeping_logits(z, y):
    return softmax_ce_forward(z, y)[0], (z, y)


@mistake(
    softmax_ce_backward,
    "A logit is no probability: which function turns the one into the other?",
    forward=_softmax_ce_keeping_logits,
)
def logits_minus_labels(dout, cache):
    z, y = cache
    return dout * (z - _one_hot(y, z.shape[1])) / len(y)


@mistake(
    softmax_ce_backward,
    "Several classes, one of them true: each logit's own sigmoid would not make them add up to 1.",
    forward=_softmax_ce_keeping_logits,
)
def sigmoids_for_the_softmax(dout, cache):
    z, y = cache
    return dout * (logistic(z) - _one_hot(y, z.shape[1])) / len(y)


@mistake(
    softmax_ce_backward,
    "With two examples of the same logits, what does each row of your p add up to?",
    forward=_softmax_ce_keeping_logits,
)
def softmax_down_the_columns_in_the_backward(dout, cache):
    z, y = cache
    return dout * (_softmax(z, axis=0) - _one_hot(y, z.shape[1])) / len(y)


@mistake(
    softmax_ce_backward,
    "With logits of 1000 in your backward: what is infinity divided by infinity?",
    forward=_softmax_ce_keeping_logits,
)
def exponential_of_the_logits_in_the_backward(dout, cache):
    z, y = cache
    e = np.exp(z)
    return dout * (e / e.sum(axis=1, keepdims=True) - _one_hot(y, z.shape[1])) / len(y)


@mistake(softmax_ce_backward, "What does each row of your probabilities add up to?", half="forward")
def softmax_of_the_whole_batch(z, y):
    e = np.exp(z - z.max())
    return _from_probabilities(e / e.sum(), y)


@mistake(softmax_ce_backward, "Along which axis do your probabilities add up to 1?", half="forward")
def softmax_down_the_columns(z, y):
    return _from_probabilities(_softmax(z, axis=0), y)


@mistake(softmax_ce_backward, "Your probabilities are taken for logits once more.", half="forward")
def softmax_taken_twice(z, y):
    return _from_probabilities(_softmax(_softmax(z)), y)


@mistake(
    softmax_ce_backward, "With one example it is right: which comes first, the logarithm or the sum?", half="forward"
)
def logarithm_of_the_summed_probabilities(z, y):
    p = _softmax(z)
    return -np.log(p[np.arange(len(y)), y].sum()) / len(y), (p, y)


@mistake(
    softmax_ce_backward, "With one example it is right: which comes first, the logarithm or the mean?", half="forward"
)
def logarithm_of_the_mean_probability(z, y):
    p = _softmax(z)
    return -np.log(p[np.arange(len(y)), y].mean()), (p, y)


@mistake(softmax_ce_backward, "Your loss is 0.4343 times what it should be: which logarithm is that?", half="forward")
def softmax_loss_to_base_ten(z, y):
    loss, cache = softmax_ce_forward(z, y)
    return loss / np.log(10), cache


@mistake(
    softmax_ce_backward, "A mean was asked for: with twice the examples, your loss is twice as large.", half="forward"
)
def softmax_losses_added_up(z, y):
    loss, cache = softmax_ce_forward(z, y)
    return len(y) * loss, cache


@mistake(softmax_ce_backward, "A logarithm of a probability is negative, and a loss is not.", half="forward")
def minus_of_the_softmax_loss_left_out(z, y):
    loss, cache = softmax_ce_forward(z, y)
    return -loss, cache


@mistake(softmax_ce_backward, "Is it the probability that is averaged, or its logarithm?", half="forward")
def probability_without_its_logarithm(z, y):
    p = _softmax(z)
    return -np.mean(p[np.arange(len(y)), y]), (p, y)


@mistake(
    softmax_ce_backward, "Which classes occur in -log p_y: do the untrue ones have a term of their own?", half="forward"
)
def term_for_every_untrue_class(z, y):
    p = _softmax(z)
    untrue = np.where(_one_hot(y, p.shape[1]) == 1, 0.0, p)
    loss, cache = _from_probabilities(p, y)
    return loss - np.sum(np.log1p(-untrue)) / len(y), cache


@mistake(softmax_ce_backward, "Try logits of 1000: what is infinity divided by infinity?", half="forward")
def exponential_of_the_logits(z, y):
    e = np.exp(z)
    return _from_probabilities(e / e.sum(axis=1, keepdims=True), y)


@mistake(
    softmax_ce_backward,
    "Try logits of -1000 and 1000: the logarithm can be had without the probability, which rounds to 0.",
    half="forward",
)
def logarithm_of_a_rounded_probability(z, y):
    return _from_probabilities(_softmax(z), y)


@mistake(
    softmax_ce_backward,
    "A small number under the logarithm hides how wrong a logit is: at -1000 and 1000 your loss is about 28.",
    half="forward",
)
def logarithm_with_a_guard(z, y):
    p = _softmax(z)
    return -np.mean(np.log(p[np.arange(len(y)), y] + 1e-12)), (p, y)


@mistake(
    softmax_ce_backward,
    "One number subtracted from all rows: what is left of a row that lies 2000 below the largest?",
    half="forward",
)
def shifted_by_the_largest_of_all(z, y):
    e = np.exp(z - z.max())
    return -np.mean(np.log(e[np.arange(len(y)), y]) - np.log(e.sum(axis=1))), (_softmax(z), y)


# -- the same, node by node -------------------------------------------------------------------------------------------


def softmax_ce_graph_forward(z: Float[ndarray, "N C"], y: Int[ndarray, "N"], node=keep):
    """The mean cross-entropy of the softmax step by step, with labels y from 0 to C - 1: return (loss, cache).

    The maximum that is subtracted counts as a constant: the loss is the same whatever is subtracted from a row.
    Source: Bridle 1990.
    """
    expect_shapes(softmax_ce_graph_forward, z, y)
    expect_labels("y", y, z.shape[1])
    s = node("s", z - z.max(axis=1, keepdims=True))
    e = node("e", np.exp(s))
    total = node("total", e.sum(axis=1))
    log_total = node("log_total", np.log(total))
    logp = node("logp", s - log_total[:, None])
    nll = node("nll", -logp[np.arange(len(y)), y])
    return nll.mean(), (y, e, total)


@exercise(
    softmax_ce_graph_forward,
    nodes={"nll": "N", "logp": "N C", "log_total": "N", "total": "N", "e": "N C", "s": "N C"},
    points=4,
    hints=(
        "From the last line to the first; each node's gradient needs that of the nodes it feeds, and nothing else.",
        "nll picks one entry of each row of logp: what is the gradient of the entries that were not picked?",
        "log_total is one number for each row, and all C entries of logp use it: it collects what they send.",
        "s feeds two nodes, e and logp: what arrives along the two ways is added up.",
    ),
    draw={"y": below("C")},
    edges={
        "one example": {"N": 1},
        "one class": {"C": 1},
        "two classes": {"C": 2},
        "label 0 only": {"y": below(1)},
    },
    overflow={"logits of 1000": {"z": (999, 1001)}, "logits far apart": {"z": (-1000, 1000)}},
)
def softmax_ce_graph_backward(dout, cache):
    """The gradient at every node of the softmax's cross-entropy: return a dict, given the scalar dout.

    Its keys are "dnll", "dlog_total" and "dtotal", of shape (N,), and "dlogp", "de", "ds" and "dz", of shape (N, C).
    Source: Bridle 1990.
    """
    ### BEGIN SOLUTION
    # With $t = \sum_k e_k$, $\ell = \log t$ and $\lambda_k = \log p_k = s_k - \ell$, in each row:
    # $$\bar\lambda_k = -\tfrac1N\bar L\,1\{k=y\},\quad \bar\ell = -\textstyle\sum_k\bar\lambda_k,\quad
    #   \bar t = \bar\ell/t,\quad \bar e_k = \bar t,\quad \bar s_k = \bar\lambda_k + e_k\bar e_k,$$
    # which is $(p_k - 1\{k=y\})\,\bar L/N$, as it should be; $\sum_k\bar s_k = 0$ leaves nothing for the maximum.
    y, e, total = cache
    dnll = np.full(len(y), dout / len(y))
    dlogp = np.zeros_like(e)
    dlogp[np.arange(len(y)), y] = -dnll
    dlog_total = -dlogp.sum(axis=1)
    dtotal = dlog_total / total
    de = np.repeat(dtotal[:, None], e.shape[1], axis=1)
    ds = dlogp + e * de
    return {
        "dnll": dnll, "dlogp": dlogp, "dlog_total": dlog_total, "dtotal": dtotal, "de": de, "ds": ds, "dz": ds.copy()
    }  # fmt: skip
    ### END SOLUTION


def _by_nodes(
    dout,
    cache,
    nll=lambda dout, n: np.full(n, dout / n),
    logp=lambda dnll, picked: -dnll[:, None] * picked,
    log_total=lambda dlogp: -dlogp.sum(axis=1),
    total=lambda dlog, t: dlog / t,
    e=lambda dtotal, classes: np.repeat(dtotal[:, None], classes, axis=1),
    s=lambda dlogp, de, e: dlogp + e * de,
    z=lambda ds, e: ds + 0.0,
):
    """Through the graph, with one step or another taken differently."""
    y, e_, t = cache
    done = {"dnll": nll(dout, len(y))}
    done["dlogp"] = logp(done["dnll"], _one_hot(y, e_.shape[1]))
    done["dlog_total"] = log_total(done["dlogp"])
    done["dtotal"] = total(done["dlog_total"], t)
    done["de"] = e(done["dtotal"], e_.shape[1])
    done["ds"] = s(done["dlogp"], done["de"], e_)
    return done | {"dz": z(done["ds"], e_)}


@mistake(softmax_ce_graph_backward, "The loss is a mean: by how much does one example's nll move it?")
def nll_without_the_mean(dout, cache):
    return _by_nodes(dout, cache, nll=lambda dout, n: np.full(n, dout))


@mistake(softmax_ce_graph_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def graph_started_at_one(dout, cache):
    return _by_nodes(1.0, cache)


@mistake(softmax_ce_graph_backward, "nll falls when logp rises: what sign has its derivative?")
def minus_of_the_logarithm_forgotten(dout, cache):
    return _by_nodes(dout, cache, logp=lambda dnll, picked: dnll[:, None] * picked)


@mistake(softmax_ce_graph_backward, "nll is one entry of its row of logp: do the other entries move it?")
def spread_over_every_class(dout, cache):
    return _by_nodes(dout, cache, logp=lambda dnll, picked: -dnll[:, None] * np.ones_like(picked))


@mistake(softmax_ce_graph_backward, "The entries that were not picked do not reach nll: what is their gradient?")
def untrue_classes_with_the_opposite_sign(dout, cache):
    return _by_nodes(dout, cache, logp=lambda dnll, picked: dnll[:, None] * (1 - 2 * picked))


@mistake(softmax_ce_graph_backward, "Does logp rise or fall when log_total rises?")
def sign_of_the_subtraction(dout, cache):
    return _by_nodes(dout, cache, log_total=lambda dlogp: dlogp.sum(axis=1))


@mistake(softmax_ce_graph_backward, "A node's gradient has the node's shape: how many numbers is log_total?")
def log_total_for_every_class(dout, cache):
    return softmax_ce_graph_backward(dout, cache) | {"dlog_total": -_by_nodes(dout, cache)["dlogp"]}


@mistake(
    softmax_ce_graph_backward, "Every entry of logp has log_total in it with the slope -1: is that a mean over them?"
)
def log_total_as_a_mean(dout, cache):
    return _by_nodes(dout, cache, log_total=lambda dlogp: -dlogp.mean(axis=1))


@mistake(softmax_ce_graph_backward, "Does one row's total move another row's loss?")
def log_total_collected_over_the_batch(dout, cache):
    return _by_nodes(dout, cache, log_total=lambda dlogp: np.full(len(dlogp), -dlogp.sum()))


@mistake(softmax_ce_graph_backward, "Through log_total every logit moves the loss, and in yours none does.")
def normalisation_taken_for_a_constant(dout, cache):
    return _by_nodes(dout, cache, log_total=lambda dlogp: np.zeros(len(dlogp)))


@mistake(softmax_ce_graph_backward, "Between total and log_total there is a logarithm: where is its slope?")
def slope_of_the_logarithm_left_out(dout, cache):
    return _by_nodes(dout, cache, total=lambda dlog, t: dlog + 0.0)


@mistake(softmax_ce_graph_backward, "Does a logarithm become steeper or flatter as its argument grows?")
def logarithm_turned_over(dout, cache):
    return _by_nodes(dout, cache, total=lambda dlog, t: dlog * t)


@mistake(softmax_ce_graph_backward, "The slope of log(t) is its derivative at t, and not one over the logarithm.")
def one_over_the_logarithm(dout, cache):
    return _by_nodes(dout, cache, total=lambda dlog, t: dlog / np.log(t))


@mistake(softmax_ce_graph_backward, "Each entry of e adds to its row's total with the slope 1, and not 1/C.")
def sum_taken_for_a_mean(dout, cache):
    return _by_nodes(dout, cache, e=lambda dtotal, classes: np.repeat(dtotal[:, None] / classes, classes, axis=1))


@mistake(softmax_ce_graph_backward, "s is used twice: in the exponential, and where else?")
def direct_way_forgotten(dout, cache):
    return _by_nodes(dout, cache, s=lambda dlogp, de, e: e * de)


@mistake(softmax_ce_graph_backward, "s feeds two nodes: does what comes through e reach it as well?")
def exponential_way_forgotten(dout, cache):
    return _by_nodes(dout, cache, s=lambda dlogp, de, e: dlogp + 0.0)


@mistake(softmax_ce_graph_backward, "Between s and e there is an exponential: where is its slope?")
def exponential_left_out(dout, cache):
    return _by_nodes(dout, cache, s=lambda dlogp, de, e: dlogp + de)


@mistake(softmax_ce_graph_backward, "e is the exponential of s already: its slope needs no second one.")
def exponential_of_the_exponential(dout, cache):
    return _by_nodes(dout, cache, s=lambda dlogp, de, e: dlogp + np.exp(e) * de)


@mistake(softmax_ce_graph_backward, "With what is subtracted held fixed, how does s[n, k] change with z[n, k]?")
def largest_logit_held_fixed(dout, cache):
    return _by_nodes(dout, cache, z=lambda ds, e: np.where(e == e.max(axis=1, keepdims=True), 0.0, ds))
