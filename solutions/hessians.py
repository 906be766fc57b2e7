"""Gradients and Hessians of scalar functions: quadratic forms, log-sum-exp, a curved valley, logistic regression."""

import numpy as np
from numpy import ndarray

from checker import Float, Int, below, exercise, expect_labels, expect_shapes, mistake

from .activations import logistic

_LARGE = {"entries of 1000": {"x": (999, 1001)}, "entries of -1000": {"x": (-1001, -999)}}
_VALLEY = {"one term": {"D": 1}, "a flat valley": {"steep": 0.0}, "at the lowest point": {"x": (1, 1)}}

# -- quadratic forms --------------------------------------------------------------------------------------------------


def quadratic(x: Float[ndarray, "D"], a: Float[ndarray, "D D"], b: Float[ndarray, "D"]):
    """The quadratic function x^T A x + b^T x: return a number. A need not be symmetric. Lecture S3-10."""
    expect_shapes(quadratic, x, a, b)
    return x @ a @ x + b @ x


def _symmetric(rng, sizes):
    """A matrix that equals its transpose."""
    drawn = rng.standard_normal((sizes["D"], sizes["D"]))
    return drawn + drawn.T


@exercise(
    quadratic,
    kind="jacobian",
    wrt=("x",),
    points=2,
    rows=("S3-06", "S3-10"),
    hints=(
        "Write it as a sum over i and j of x[i] a[i, j] x[j]. In which terms does x[k] occur?",
        "Once as the factor at the left, once as the one at the right: two sums remain, one over each index of A.",
    ),
    edges={"one variable": {"D": 1}, "a symmetric matrix": {"a": _symmetric}},
)
def quadratic_gradient(x, a, b):
    """The gradient of x^T A x + b^T x by x, for any square A: return an array of shape (D,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10.
    """
    ### BEGIN SOLUTION
    # $f = \sum_{ij} x_ia_{ij}x_j + \sum_i b_ix_i$, so
    # $$\frac{\partial f}{\partial x_k} = \sum_j a_{kj}x_j + \sum_i a_{ik}x_i + b_k,\qquad
    #   \nabla f = (A+A^\top)x + b.$$
    return (a + a.T) @ x + b
    ### END SOLUTION


@mistake(quadratic_gradient, "That holds for symmetric matrices: does x[k] meet the rows of A alone?")
def matrix_taken_as_symmetric(x, a, b):
    return 2 * a @ x + b


@mistake(quadratic_gradient, "x occurs twice: in which other place may the x that you differentiate by stand?")
def right_factor_held_constant(x, a, b):
    return a.T @ x + b


@mistake(quadratic_gradient, "x occurs twice: it stands at the left of A as well.")
def left_factor_held_constant(x, a, b):
    return a @ x + b


@mistake(quadratic_gradient, "The second term of the function has a slope as well.")
def linear_term_left_out(x, a, b):
    return (a + a.T) @ x


@mistake(quadratic_gradient, "Half of the terms: the function itself has no factor of one half.")
def half_of_the_quadratic_form(x, a, b):
    return (a + a.T) @ x / 2 + b


@mistake(quadratic_gradient, "A gradient has exactly the shape of what it is the gradient of: x has one axis.")
def quadratic_gradient_as_a_column(x, a, b):
    return quadratic_gradient(x, a, b)[:, None]


@exercise(
    quadratic,
    kind="jacobian",
    wrt=("a",),
    rows=("S3-07",),
    hints=(
        "In which single term of the sum over i and j does a[i, j] occur?",
        "One number for each pair of entries of x: which product of two vectors is a matrix?",
    ),
    edges={"one variable": {"D": 1}},
)
def quadratic_by_matrix(x, a, b):
    """The gradient of x^T A x + b^T x by A: return an array of A's shape, (D, D). Lecture S3-07."""
    ### BEGIN SOLUTION
    # $f = \sum_{ij} x_ia_{ij}x_j + \dots$, so $\partial f/\partial a_{ij} = x_ix_j$: $\nabla_A f = xx^\top$.
    return np.outer(x, x)
    ### END SOLUTION


@mistake(quadratic_by_matrix, "Each entry of A stands in one term of the sum: is it differentiated twice?")
def matrix_counted_twice(x, a, b):
    return 2 * np.outer(x, x)


@mistake(quadratic_by_matrix, "Does a[0, 1] move the function? Which two entries of x does it multiply?")
def squares_on_the_diagonal(x, a, b):
    return np.diag(x**2)


@mistake(quadratic_by_matrix, "Those are the terms of the sum: how fast do they change with a[i, j]?")
def terms_of_the_quadratic_form(x, a, b):
    return a * np.outer(x, x)


@mistake(quadratic_by_matrix, "In its term, a[i, j] has two factors beside it, and you have one of them.")
def one_factor_beside_the_entry(x, a, b):
    return np.tile(x, (len(x), 1))


@mistake(quadratic_by_matrix, "Does b meet A anywhere in the formula?")
def linear_coefficients_for_the_inputs(x, a, b):
    return np.outer(x, b)


@exercise(
    quadratic,
    kind="hessian",
    wrt=("x",),
    rows=("S3-10",),
    hints=(
        "Differentiate the gradient: entry k by x[l].",
        "A Hessian is symmetric, whether A is or not.",
    ),
    edges={"one variable": {"D": 1}, "a symmetric matrix": {"a": _symmetric}},
)
def quadratic_hessian(x, a, b):
    """The Hessian of x^T A x + b^T x by x, for any square A: return an array of shape (D, D).

    Lecture S3-10, in whose matrix the numerators should read the second power of the d as well.
    """
    ### BEGIN SOLUTION
    # $\nabla f = (A+A^\top)x + b$ is linear in $x$: $H = A + A^\top$.
    return a + a.T
    ### END SOLUTION


@mistake(quadratic_hessian, "That holds for symmetric matrices: is yours the same when rows and columns change places?")
def hessian_of_a_symmetric_matrix(x, a, b):
    return 2 * a


@mistake(quadratic_hessian, "x occurs twice: in which other place may the x that you differentiate by stand?")
def matrix_itself(x, a, b):
    return a.copy()


@mistake(quadratic_hessian, "The function itself has no factor of one half.")
def symmetric_part_of_the_matrix(x, a, b):
    return (a + a.T) / 2


@mistake(quadratic_hessian, "Do the entries beside the diagonal mix two variables, or none?")
def pure_second_derivatives_alone(x, a, b):
    return np.diag(2 * np.diag(a))


@mistake(quadratic_hessian, "That is the gradient: it has to be differentiated once more.")
def differentiated_once(x, a, b):
    return quadratic_gradient(x, a, b)


# -- log-sum-exp ------------------------------------------------------------------------------------------------------


def logsumexp(x: Float[ndarray, "K"]):
    """The logarithm of the sum of exp(x[k]), a smooth maximum of x: return a number. Lecture S3-10."""
    expect_shapes(logsumexp, x)
    largest = x.max()
    return largest + np.log(np.sum(np.exp(x - largest)))


@exercise(
    logsumexp,
    kind="jacobian",
    points=2,
    rows=("S3-06", "S3-10"),
    hints=(
        "The outer derivative is 1 divided by the sum; the inner one is an exponential.",
        "Add 1 to every entry of x: by how much does the function rise? So what do the entries of its gradient sum to?",
    ),
    edges={"one entry": {"K": 1}, "equal entries": {"x": (1, 1)}},
    overflow=_LARGE,
)
def logsumexp_gradient(x):
    """The gradient of log(sum of exp(x[k])): return an array of shape (K,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10. Write it so that entries of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    # $\partial f/\partial x_k = e^{x_k}/\sum_l e^{x_l}$, the softmax; a shift of all of $x$ changes nothing.
    grown = np.exp(x - x.max())
    return grown / grown.sum()
    ### END SOLUTION


@mistake(logsumexp_gradient, "The logarithm comes last in the function: where is its derivative?")
def derivative_of_the_logarithm_left_out(x):
    return np.exp(x)


@mistake(logsumexp_gradient, "The sum has an inner derivative: how fast does exp(x[k]) grow?")
def derivative_of_the_exponential_left_out(x):
    return np.full(len(x), np.exp(-logsumexp(x)))


@mistake(logsumexp_gradient, "A smooth maximum: is its gradient that of the maximum itself?")
def gradient_of_the_hard_maximum(x):
    return np.eye(len(x))[np.argmax(x)]


@mistake(logsumexp_gradient, "That is the logarithm of the gradient's entries.")
def logarithm_of_the_gradient(x):
    return x - logsumexp(x)


@mistake(logsumexp_gradient, "All exponentials are divided by one number: by their sum, or by their mean?")
def divided_by_the_mean(x):
    return logsumexp_gradient(x) * len(x)


@mistake(logsumexp_gradient, "How large is exp(1000)? Take the same number from every entry first.")
def gradient_without_the_shift(x):
    return np.exp(x) / np.exp(x).sum()


@exercise(
    logsumexp,
    kind="hessian",
    points=3,
    rows=("S3-10",),
    hints=(
        "The gradient p has sum 1, and each of its entries depends on every entry of x.",
        "Take k = l and k unlike l apart; then write both as a diagonal matrix less an outer product.",
    ),
    edges={"one entry": {"K": 1}, "equal entries": {"x": (1, 1)}},
    overflow=_LARGE,
)
def logsumexp_hessian(x):
    """The Hessian of log(sum of exp(x[k])): return an array of shape (K, K).

    Lecture S3-10. Write it so that entries of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    # With $p = \nabla f$: $\partial p_k/\partial x_l = p_k(\delta_{kl} - p_l)$, so $H = \mathrm{diag}(p) - pp^\top$.
    p = logsumexp_gradient(x)
    return np.diag(p) - np.outer(p, p)
    ### END SOLUTION


@mistake(logsumexp_hessian, "Raise one entry of x: do the other entries of the gradient stay as they are?")
def curvature_on_the_diagonal_alone(x):
    p = logsumexp_gradient(x)
    return np.diag(p * (1 - p))


@mistake(logsumexp_hessian, "The gradient's entries always sum to 1: what do the entries of each row have to sum to?")
def normaliser_held_constant(x):
    return np.diag(logsumexp_gradient(x))


@mistake(logsumexp_hessian, "If one entry of x rises, do the other entries of the gradient rise or fall?")
def products_added_to_the_diagonal(x):
    p = logsumexp_gradient(x)
    return np.diag(p) + np.outer(p, p)


@mistake(logsumexp_hessian, "Right on the diagonal, and not symmetric: which term is there only where k = l?")
def formula_of_the_diagonal_everywhere(x):
    p = logsumexp_gradient(x)
    return np.outer(p, 1 - p)


@mistake(logsumexp_hessian, "A smooth maximum is convex: can it curve downwards along any entry?")
def hessian_turned_downwards(x):
    return -logsumexp_hessian(x)


@mistake(logsumexp_hessian, "That is the gradient: it has to be differentiated once more.")
def gradient_for_the_hessian(x):
    return logsumexp_gradient(x)


@mistake(logsumexp_hessian, "How large is exp(1000)? Take the same number from every entry first.")
def hessian_without_the_shift(x):
    p = np.exp(x) / np.exp(x).sum()
    return np.diag(p) - np.outer(p, p)


@exercise(
    kind="value",
    points=2,
    rows=("S3-10",),
    hints=(
        "Multiply the formula of the Hessian by v, and set brackets so that no matrix is ever made.",
        "The outer product p p^T times v is p times a number.",
    ),
    edges={"two entries": {"K": 2}, "a step in one entry": {"v": lambda rng, sizes: np.eye(sizes["K"])[0]}},
    overflow=_LARGE,
)
def logsumexp_curvature(x: Float[ndarray, "K"], v: Float[ndarray, "K"]):
    """The Hessian of log(sum of exp(x[k])) times v, without any K by K matrix: return an array of shape (K,).

    It is how fast the gradient changes along v. Lecture S3-10. Write it so that entries of 1000 do no harm.
    """
    ### BEGIN SOLUTION
    # $Hv = (\mathrm{diag}(p) - pp^\top)v = p\odot(v - p^\top v)$: 0 where all of $v$ is one number.
    expect_shapes(logsumexp_curvature, x, v)
    p = logsumexp_gradient(x)
    return p * (v - p @ v)
    ### END SOLUTION


@mistake(logsumexp_curvature, "Which term of the Hessian mixes the entries of v with one another?")
def outer_product_left_out(x, v):
    return logsumexp_gradient(x) * v


@mistake(logsumexp_curvature, "What is taken from v is its mean: are all entries equally heavy in it?")
def unweighted_mean_taken_off(x, v):
    return logsumexp_gradient(x) * (v - v.mean())


@mistake(logsumexp_curvature, "That is how fast the function changes along v; how fast does its gradient?")
def slope_along_the_vector(x, v):
    return logsumexp_gradient(x) @ v


@mistake(logsumexp_curvature, "That is the number v H v: H v is a vector.")
def curvature_as_a_number(x, v):
    p = logsumexp_gradient(x)
    return p @ v**2 - (p @ v) ** 2


@mistake(logsumexp_curvature, "The outer product's part is there: which sign has it?")
def outer_product_added(x, v):
    p = logsumexp_gradient(x)
    return p * (v + p @ v)


# -- a curved valley --------------------------------------------------------------------------------------------------


def valley(x: Float[ndarray, "D+1"], steep: float = 100.0):
    """A long curved valley: return the sum over i of steep (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, for i from 0 to D - 1.

    Its lowest point is where every x[i] is 1. Lecture S3-10 (this function: Rosenbrock 1960).
    """
    expect_shapes(valley, x)
    return np.sum(steep * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@exercise(
    valley,
    kind="jacobian",
    points=3,
    rows=("S3-06", "S3-10"),
    hints=(
        "Call x[i+1] - x[i]^2 by a name, t[i]: it depends on two entries of x.",
        "Every entry but the first and the last occurs in two terms of the sum: as x[i] in one, as x[i+1] in another.",
        "Add the shares of the terms into an array of zeros, first to its front, then to its back.",
    ),
    edges=_VALLEY,
)
def valley_gradient(x, steep=100.0):
    """The gradient of valley(x, steep) by x: return an array of shape (D+1,).

    Lecture S3-06's gradient, and the first step to the Hessian of S3-10.
    """
    ### BEGIN SOLUTION
    # With $t_i = x_{i+1} - x_i^2$ and $c$ for steep, the terms are $c\,t_i^2 + (1-x_i)^2$. Each of them gives
    # $-4c\,x_it_i - 2(1-x_i)$ to $\partial f/\partial x_i$, and $2c\,t_i$ to $\partial f/\partial x_{i+1}$.
    t = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] += -4 * steep * x[:-1] * t - 2 * (1 - x[:-1])
    gradient[1:] += 2 * steep * t
    return gradient
    ### END SOLUTION


def _slopes(x, front, back):
    """What the terms give to their first and to their second entry, added up, for the wrong answers."""
    gradient = np.zeros_like(x)
    gradient[:-1] += front
    gradient[1:] += back
    return gradient


def _t(x):
    return x[1:] - x[:-1] ** 2


@mistake(valley_gradient, "An entry in the middle occurs in two terms: what happens to the first one's share?")
def shares_overwritten_in_the_middle(x, steep=100.0):
    gradient = np.zeros_like(x)
    gradient[:-1] = -4 * steep * x[:-1] * _t(x) - 2 * (1 - x[:-1])
    gradient[1:] = 2 * steep * _t(x)
    return gradient


@mistake(valley_gradient, "Inside the square stands x[i]^2: what is its own derivative?")
def inner_square_left_out(x, steep=100.0):
    return _slopes(x, -2 * steep * _t(x) - 2 * (1 - x[:-1]), 2 * steep * _t(x))


@mistake(valley_gradient, "Each term depends on x[i+1] too.")
def next_entry_held_constant(x, steep=100.0):
    return _slopes(x, -4 * steep * x[:-1] * _t(x) - 2 * (1 - x[:-1]), 0.0)


@mistake(valley_gradient, "Does (1 - x)^2 rise or fall when x rises from 0?")
def sign_of_the_last_square(x, steep=100.0):
    return _slopes(x, -4 * steep * x[:-1] * _t(x) + 2 * (1 - x[:-1]), 2 * steep * _t(x))


@mistake(valley_gradient, "The squares' own factor of two is missing.")
def both_squares_without_their_two(x, steep=100.0):
    return valley_gradient(x, steep) / 2


@mistake(valley_gradient, "How steep the valley is does not reach your gradient.")
def steepness_left_out(x, steep=100.0):
    return valley_gradient(x, 1.0)


@exercise(
    valley,
    kind="hessian",
    points=4,
    rows=("S3-10",),
    hints=(
        "Differentiate the gradient entry by entry: each depends on its own entry of x and on its neighbours.",
        "So there is a diagonal, and one band on either side of it, and the bands are alike.",
        "On the diagonal, the entries in the middle hear from two terms; and x t is a product of two functions of x.",
    ),
    edges=_VALLEY,
)
def valley_hessian(x, steep=100.0):
    """The Hessian of valley(x, steep) by x: return an array of shape (D+1, D+1). Lecture S3-10."""
    ### BEGIN SOLUTION
    # With $t_i = x_{i+1} - x_i^2$, from $-4c\,x_it_i - 2(1-x_i)$ and $2c\,t_i$, each term of the sum gives
    # $$H_{ii} \mathrel{+}= 8c\,x_i^2 - 4c\,t_i + 2,\qquad H_{i+1,i+1} \mathrel{+}= 2c,\qquad
    #   H_{i,i+1} = H_{i+1,i} = -4c\,x_i.$$
    i = np.arange(len(x) - 1)
    hessian = np.zeros((len(x), len(x)))
    hessian[i, i] += 8 * steep * x[:-1] ** 2 - 4 * steep * (x[1:] - x[:-1] ** 2) + 2
    hessian[i + 1, i + 1] += 2 * steep
    hessian[i, i + 1] = hessian[i + 1, i] = -4 * steep * x[:-1]
    return hessian
    ### END SOLUTION


def _second(x, front, back, above, below):
    """The three bands of a Hessian, for the wrong answers."""
    i = np.arange(len(x) - 1)
    hessian = np.zeros((len(x), len(x)))
    hessian[i, i] += front
    hessian[i + 1, i + 1] += back
    hessian[i, i + 1], hessian[i + 1, i] = above, below
    return hessian


def _front(x, steep):
    return 8 * steep * x[:-1] ** 2 - 4 * steep * _t(x) + 2


@mistake(
    valley_hessian, "Second derivatives can be taken in either order: what stands on the other side of the diagonal?"
)
def band_on_one_side_only(x, steep=100.0):
    return _second(x, _front(x, steep), 2 * steep, -4 * steep * x[:-1], 0.0)


@mistake(valley_hessian, "In x t both factors depend on x: a product has two terms when it is differentiated.")
def product_rule_half_done(x, steep=100.0):
    return _second(x, 8 * steep * x[:-1] ** 2 + 2, 2 * steep, -4 * steep * x[:-1], -4 * steep * x[:-1])


@mistake(valley_hessian, "In x t both factors depend on x: t was held constant.")
def inner_entry_held_constant(x, steep=100.0):
    return _second(x, -4 * steep * _t(x) + 2, 2 * steep, -4 * steep * x[:-1], -4 * steep * x[:-1])


@mistake(valley_hessian, "On the diagonal, the entries in the middle hear from two terms of the sum.")
def diagonal_overwritten(x, steep=100.0):
    hessian = valley_hessian(x, steep)
    hessian[np.arange(1, len(x)), np.arange(1, len(x))] = 2 * steep
    return hessian


@mistake(valley_hessian, "What does the square of t[i] add to the diagonal at i + 1?")
def second_entry_without_its_square(x, steep=100.0):
    return _second(x, _front(x, steep), 0.0, -4 * steep * x[:-1], -4 * steep * x[:-1])


@mistake(valley_hessian, "A valley that bends: which entries tell that neighbours act on one another?")
def bands_left_out(x, steep=100.0):
    return _second(x, _front(x, steep), 2 * steep, 0.0, 0.0)


@mistake(valley_hessian, "Which sign has x[i]^2 in t[i]? Look at the bands beside the diagonal.")
def bands_of_the_wrong_sign(x, steep=100.0):
    return _second(x, _front(x, steep), 2 * steep, 4 * steep * x[:-1], 4 * steep * x[:-1])


# -- logistic regression ----------------------------------------------------------------------------------------------


def logistic_loss(w: Float[ndarray, "D"], x: Float[ndarray, "N D"], y: Int[ndarray, "N"]):
    """The mean binary cross-entropy of sigmoid(x w), for labels y of 0 or 1: return a number.

    Source: Bishop 2006, section 4.3.2.
    """
    expect_shapes(logistic_loss, w, x, y)
    expect_labels("y", y, 2)
    z = x @ w
    return np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))


@exercise(
    logistic_loss,
    kind="hessian",
    wrt=("w",),
    points=3,
    hints=(
        "The gradient is x^T (p - y) / N with p = sigmoid(x w). What in it depends on w?",
        "Each example adds the outer product of its row of x, times a number: how large is the sigmoid's slope there?",
        "The sum over the examples of weighted outer products is one matrix product of x^T and a rescaled x.",
    ),
    draw={"y": below(2)},
    edges={"one example": {"N": 1}, "one weight": {"D": 1}, "label 0 only": {"y": below(1)}},
    overflow={
        "logits of 1000": {"x": (900, 1100), "w": (1, 2)},
        "logits of -1000": {"x": (900, 1100), "w": (-2, -1)},
    },
)
def logistic_hessian(w, x, y):
    """The Hessian of logistic_loss(w, x, y) by w: return an array of shape (D, D).

    Source: Bishop 2006, eq. 4.97 (there of the sum over the examples; here of their mean).
    """
    ### BEGIN SOLUTION
    # $\nabla L = \frac1N X^\top(p-y)$ with $p = \sigma(Xw)$ and $\partial p_n/\partial w = p_n(1-p_n)\,x_n$:
    # $$H = \frac1N\sum_n p_n(1-p_n)\,x_nx_n^\top = \frac1N X^\top\mathrm{diag}(p\odot(1-p))\,X.$$
    p = logistic(x @ w)
    return x.T @ (x * (p * (1 - p))[:, None]) / len(x)
    ### END SOLUTION


def _weighted(x, weights):
    """The mean over the examples of weighted outer products, for the wrong answers."""
    return x.T @ (x * weights[:, None]) / len(x)


@mistake(logistic_hessian, "The loss is a mean: with twice the examples, your Hessian is twice as large.")
def logistic_mean_forgotten(w, x, y):
    return logistic_hessian(w, x, y) * len(x)


@mistake(logistic_hessian, "That is the Hessian of least squares: how fast does the sigmoid change at each example?")
def hessian_of_least_squares(w, x, y):
    return _weighted(x, np.ones(len(x)))


@mistake(logistic_hessian, "One factor of the sigmoid's slope is missing.")
def probabilities_as_weights(w, x, y):
    return _weighted(x, logistic(x @ w))


@mistake(logistic_hessian, "Those are the gradients' outer products: do the second derivatives depend on the labels?")
def outer_products_of_the_gradients(w, x, y):
    return _weighted(x, (logistic(x @ w) - y) ** 2)


@mistake(logistic_hessian, "Two weights act on one another through every example: which entries tell?")
def logistic_diagonal_alone(w, x, y):
    return np.diag(np.diag(logistic_hessian(w, x, y)))


@mistake(logistic_hessian, "The weights are D numbers: over which axis of x does the sum run?")
def products_between_the_examples(w, x, y):
    p = logistic(x @ w)
    return (x * (p * (1 - p))[:, None]) @ x.T / len(x)


@mistake(logistic_hessian, "How large is exp(1000)? The slope can be written with the probability alone.")
def weights_from_a_quotient(w, x, y):
    grown = np.exp(-(x @ w))
    return _weighted(x, grown / (1 + grown) ** 2)
