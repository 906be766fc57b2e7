"""Gradients of one number by a vector or a matrix: each has the shape of what it is taken by (denominator layout)."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- by a vector ------------------------------------------------------------------------------------------------------


def squared_distance(x: Float[ndarray, "D"], c: Float[ndarray, "D"]):
    """The sum of (x[i] - c[i])^2 over all i: return a number. Lecture S3-06."""
    expect_shapes(squared_distance, x, c)
    return np.sum((x - c) ** 2)


@exercise(
    squared_distance,
    kind="jacobian",
    rows=("S3-06",),
    hints=(
        "In which single term of the sum does x[0] occur? Differentiate that one.",
        "When c[0] rises, x[0] - c[0] falls: the two gradients differ by their sign.",
    ),
    edges={"one entry": {"D": 1}, "c at 0": {"c": (0, 0)}},
)
def squared_distance_gradient(x, c):
    """The gradients of the squared distance by x and by c: return (dx, dc), both of shape (D,). Lecture S3-06."""
    ### BEGIN SOLUTION
    # $f = \sum_i (x_i-c_i)^2$: $\partial f/\partial x_i = 2(x_i-c_i)$ and $\partial f/\partial c_i = -2(x_i-c_i)$.
    return 2 * (x - c), 2 * (c - x)
    ### END SOLUTION


@mistake(squared_distance_gradient, "What is the slope of a square?")
def distance_without_its_two(x, c):
    return x - c, c - x


@mistake(squared_distance_gradient, "If c moves towards x, does the distance rise or fall?")
def distance_by_c_like_by_x(x, c):
    return 2 * (x - c), 2 * (x - c)


@mistake(squared_distance_gradient, "The distance falls when x moves towards c: look at your signs.")
def distance_signs_turned_round(x, c):
    return 2 * (c - x), 2 * (x - c)


@mistake(squared_distance_gradient, "The square of the distance has no root to differentiate.")
def gradient_of_the_distance_itself(x, c):
    size = np.sqrt(np.sum((x - c) ** 2))
    return (x - c) / size, (c - x) / size


@mistake(squared_distance_gradient, "Those are the terms of the sum: how fast does each change with its x?")
def terms_of_the_distance(x, c):
    return (x - c) ** 2, -((x - c) ** 2)


@mistake(
    squared_distance_gradient, "A gradient has the shape of what it is taken by: x[0] and x[1] have their own slopes."
)
def slopes_of_all_entries_added(x, c):
    return np.sum(2 * (x - c)), np.sum(2 * (c - x))


@mistake(squared_distance_gradient, "A sum of squares: is anything divided by their number?")
def mean_of_the_squared_distances(x, c):
    return 2 * (x - c) / len(x), 2 * (c - x) / len(x)


def variance(x: Float[ndarray, "N"]):
    """The variance of the entries of x, the mean of (x[i] - mean)^2: return a number. Lecture S3-06."""
    expect_shapes(variance, x)
    return np.mean((x - np.mean(x)) ** 2)


@exercise(
    variance,
    kind="jacobian",
    points=2,
    rows=("S3-06",),
    hints=(
        "x[0] moves its own term, and the mean in all the terms.",
        "Along the path through the mean, the deviations of all entries are added: what is their sum?",
    ),
    edges={"one entry": {"N": 1}, "two entries": {"N": 2}, "entries far from 0": {"x": (4, 9)}},
)
def variance_gradient(x):
    """The gradient of the variance by x: return an array of shape (N,). Lecture S3-06.

    The mean moves with every entry; find out what becomes of that path.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial v}{\partial x_i} = \frac2N(x_i-\mu) - \frac1N\cdot\frac2N\sum_n(x_n-\mu) = \frac2N(x_i-\mu):$$
    # deviations from a mean add up to nothing.
    return 2 / len(x) * (x - np.mean(x))
    ### END SOLUTION


@mistake(variance_gradient, "The variance is a mean: by how much does one entry move it?")
def variance_gradient_without_its_share(x):
    return 2 * (x - np.mean(x))


@mistake(variance_gradient, "What is the slope of a square?")
def variance_gradient_without_its_two(x):
    return (x - np.mean(x)) / len(x)


@mistake(variance_gradient, "Add 100 to every entry: does the variance change, and does your gradient?")
def variance_about_zero(x):
    return 2 / len(x) * x


@mistake(variance_gradient, "An entry moves the mean in every term, and not in its own alone: add all of those up.")
def mean_moved_in_its_own_term_alone(x):
    return 2 / len(x) * (x - np.mean(x)) * (1 - 1 / len(x))


@mistake(variance_gradient, "This variance divides by N, the number of entries.")
def variance_with_one_entry_less(x):
    return 2 / max(len(x) - 1, 1) * (x - np.mean(x))


@mistake(variance_gradient, "Those are the terms of the mean: how fast does each change with its x?")
def terms_of_the_variance(x):
    return (x - np.mean(x)) ** 2 / len(x)


@exercise(
    kind="value",
    points=2,
    rows=("S3-06",),
    hints=(
        "One entry at a time: raise x[i] by h, leave the others as they were, and see how much the variance has risen.",
        "Start from a fresh copy of x for every entry: the last one's step must be gone.",
    ),
    draw={"h": (0.05, 0.5)},
    edges={"one entry": {"N": 1}, "a step down": {"h": (-0.5, -0.05)}},
)
def measured_gradient(x: Float[ndarray, "N"], h: float):
    """The gradient of the variance of x, measured with steps of h: return an array of shape (N,). Lecture S3-06.

    Entry i is the rise of variance(x) when x[i] alone is raised by h, divided by h.
    """
    ### BEGIN SOLUTION
    # $g_i = \big(f(x + h e_i) - f(x)\big)/h$, with $e_i$ the $i$-th row of the identity.
    expect_shapes(measured_gradient, x, h)
    if h == 0:
        raise ValueError("h is 0, where another number is wanted: a step of 0 shows no slope")
    return np.array([variance(x + h * unit) - variance(x) for unit in np.eye(len(x))]) / h
    ### END SOLUTION


@mistake(measured_gradient, "Is the step of the entry before undone when you come to the next?")
def steps_left_in_place(x, h):
    moved = x + h * np.tri(len(x))
    before = np.array([variance(x), *[variance(row) for row in moved[:-1]]])
    return (np.array([variance(row) for row in moved]) - before) / h


@mistake(measured_gradient, "Is the step of the entry before undone, and what is it that you compare with?")
def steps_left_in_place_and_compared_with_the_start(x, h):
    return np.array([variance(row) - variance(x) for row in x + h * np.tri(len(x))]) / h


@mistake(measured_gradient, "Raise one entry and leave the others: what do all of them together do to the variance?")
def all_entries_moved_at_once(x, h):
    return np.full(len(x), (variance(x + h) - variance(x)) / h)


@mistake(measured_gradient, "A rise is no slope yet: by what is it divided?")
def rises_for_slopes(x, h):
    return measured_gradient(x, h) * h


@mistake(measured_gradient, "That is the exact gradient; asked for is what one measures with a step of h.")
def exact_for_the_measured(x, h):
    return 2 / len(x) * (x - np.mean(x))


@mistake(measured_gradient, "Asked for is the rise from x to x + h: yours starts at x - h.")
def measured_to_both_sides(x, h):
    return np.array([variance(x + h * unit) - variance(x - h * unit) for unit in np.eye(len(x))]) / h


# -- by a matrix ------------------------------------------------------------------------------------------------------


def bilinear(x: Float[ndarray, "M"], w: Float[ndarray, "M N"], y: Float[ndarray, "N"]):
    """The bilinear form x^T W y, the sum of x[i] w[i, j] y[j] over all i and j: return a number. Lecture S3-07."""
    expect_shapes(bilinear, x, w, y)
    return x @ w @ y


@exercise(
    bilinear,
    kind="jacobian",
    points=3,
    rows=("S3-06", "S3-07"),
    hints=(
        "Write the double sum for M = 2, N = 3. In how many terms does w[1, 2] occur? And x[1]?",
        "w[i, j] stands in one term, beside x[i] and y[j]: which product of two vectors holds all those numbers?",
        "x[i] stands in N terms, whose sum is entry i of a matrix times a vector.",
    ),
    edges={"one row": {"M": 1}, "one column": {"N": 1}},
)
def bilinear_gradient(x, w, y):
    """The gradients of x^T W y: return (dx, dw, dy) of shapes (M,), (M, N) and (N,). Lectures S3-06 and S3-07."""
    ### BEGIN SOLUTION
    # $f = \sum_{ij}x_iw_{ij}y_j$, so $\nabla_x f = Wy$, $\nabla_W f = xy^\top$ and $\nabla_y f = W^\top x$.
    return w @ y, np.outer(x, y), w.T @ x
    ### END SOLUTION


@mistake(
    bilinear_gradient, "A gradient by W has W's shape: which of the two vectors has as many entries as W has rows?"
)
def outer_product_turned(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return dx, dw.T, dy


@mistake(bilinear_gradient, "Those are the terms of the sum: how fast does each change with its w?")
def terms_of_the_bilinear_form(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return dx, w * dw, dy


@mistake(bilinear_gradient, "In its terms, x[i] has y[j] beside it, too.")
def row_sums_for_the_first_vector(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return w.sum(axis=1), dw, w.sum(axis=0)


@mistake(bilinear_gradient, "Is x[i] a factor of its own slope? Raise it twice as far: is the slope another one?")
def vectors_in_their_own_slopes(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return x * dx, dw, y * dy


@mistake(bilinear_gradient, "In its term, w[i, j] has two factors beside it, and you have one of them.")
def one_vector_beside_the_matrix(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return dx, np.tile(y, (len(x), 1)), dy


@mistake(bilinear_gradient, "x occurs once in every term: is it a square that you differentiate?")
def bilinear_counted_twice(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return 2 * dx, dw, 2 * dy


@mistake(bilinear_gradient, "The shapes of vectors that are reshaped until they fit say nothing about the numbers.")
def matrix_reshaped_for_its_transpose(x, w, y):
    dx, dw, dy = bilinear_gradient(x, w, y)
    return dx, dw, w.reshape(len(y), len(x)) @ x


def frobenius(w: Float[ndarray, "M N"]):
    """The sum of the squares of all entries of W, its squared Frobenius norm: return a number. Lecture S3-07."""
    expect_shapes(frobenius, w)
    return np.sum(w**2)


@exercise(
    frobenius,
    kind="jacobian",
    rows=("S3-07",),
    hints=(
        "It is a sum over all entries, and each of them stands in a term of its own.",
        "A matrix of slopes: entry (i, j) is the slope of w[i, j]^2.",
    ),
    edges={"one row": {"M": 1}, "all entries negative": {"w": (-3, -1)}},
)
def frobenius_gradient(w):
    """The gradient of the sum of squares of W's entries: return an array of W's shape, (M, N). Lecture S3-07."""
    ### BEGIN SOLUTION
    # $\partial\sum_{kl}w_{kl}^2/\partial w_{ij} = 2w_{ij}$: as for a vector, entry by entry.
    return 2 * w
    ### END SOLUTION


@mistake(
    frobenius_gradient, "What is the slope of a square? (A penalty often has a half in front of it; here is none.)"
)
def frobenius_without_its_two(w):
    return w * 1.0


@mistake(frobenius_gradient, "A gradient has exactly the shape of what it is taken by.")
def frobenius_turned(w):
    return 2 * w.T


@mistake(frobenius_gradient, "That is the norm itself: here there is no root.")
def gradient_of_the_norm_itself(w):
    return w / np.sqrt(np.sum(w**2))


@mistake(frobenius_gradient, "Those are the terms of the sum: how fast does each change with its w?")
def squares_of_the_entries(w):
    return w**2


@mistake(frobenius_gradient, "A negative entry that rises: does its square rise or fall?")
def frobenius_without_signs(w):
    return 2 * np.abs(w)


@mistake(frobenius_gradient, "All entries are squared, and not the diagonal alone.")
def diagonal_of_the_matrix_alone(w):
    return 2 * w * np.eye(*w.shape)


def trace_of_product(a: Float[ndarray, "N M"], w: Float[ndarray, "M N"]):
    """The trace of A W, the sum of the entries on its diagonal: return a number. Lecture S3-07."""
    expect_shapes(trace_of_product, a, w)
    return np.trace(a @ w)


@exercise(
    trace_of_product,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-07",),
    hints=(
        "Entry (k, k) of A W is the sum of a[k, i] w[i, k] over i. So the trace is a double sum.",
        "Beside w[i, j] stands the entry a[j, i]: mind the order of its two places.",
    ),
    edges={"one row": {"M": 1}, "one column": {"N": 1}},
)
def trace_gradient(a, w):
    """The gradient of tr(A W) by W: return an array of W's shape, (M, N). Lecture S3-07."""
    ### BEGIN SOLUTION
    # $\mathrm{tr}(AW) = \sum_{ji}a_{ji}w_{ij}$, so $\partial/\partial w_{ij} = a_{ji}$: the gradient is $A^\top$.
    return a.T.copy()
    ### END SOLUTION


@mistake(trace_gradient, "A has W's rows as columns: is it of W's shape as it stands?")
def factor_as_it_stands(a, w):
    return a.copy()


@mistake(trace_gradient, "A reshape keeps the numbers in their order: it never undoes a transpose.")
def factor_reshaped(a, w):
    return a.reshape(w.shape).copy()


@mistake(trace_gradient, "The terms off the diagonal of W: do they not stand in the sum as well?")
def diagonal_of_the_factor_alone(a, w):
    return a.T * np.eye(*w.shape)


@mistake(trace_gradient, "Those are the terms of the sum: how fast does each change with its w?")
def terms_of_the_trace(a, w):
    return a.T * w


@mistake(trace_gradient, "Without the trace all entries of A W would be added: which of them are, here?")
def sum_for_the_trace(a, w):
    return np.repeat(a.sum(axis=0)[:, None], w.shape[1], axis=1)


@mistake(trace_gradient, "W stands in its own gradient only where it is squared.")
def matrix_for_its_factor(a, w):
    return w.copy()


def trace_of_three(a: Float[ndarray, "K M"], w: Float[ndarray, "M N"], b: Float[ndarray, "N K"]):
    """The trace of A W B: return a number. Lecture S3-07."""
    expect_shapes(trace_of_three, a, w, b)
    return np.trace(a @ w @ b)


@exercise(
    trace_of_three,
    kind="jacobian",
    wrt=("w",),
    points=3,
    rows=("S3-07",),
    hints=(
        "Write it as a triple sum of a[k, i] w[i, j] b[j, k]. Which sum is left beside w[i, j]?",
        "A trace does not change when its last factor moves to the front: tr(A W B) = tr(B A W).",
    ),
    edges={"one term in each sum": {"K": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def trace_of_three_gradient(a, w, b):
    """The gradient of tr(A W B) by W: return an array of W's shape, (M, N). Lecture S3-07."""
    ### BEGIN SOLUTION
    # $\mathrm{tr}(AWB) = \sum_{kij}a_{ki}w_{ij}b_{jk}$, so $\partial/\partial w_{ij} = \sum_k a_{ki}b_{jk}$:
    # $\nabla_W = A^\top B^\top = (BA)^\top$.
    return a.T @ b.T
    ### END SOLUTION


@mistake(trace_of_three_gradient, "A gradient by W has W's shape: is yours its transpose?")
def product_turned(a, w, b):
    return b @ a


@mistake(trace_of_three_gradient, "A reshape keeps the numbers in their order: it never undoes a transpose.")
def product_reshaped(a, w, b):
    return (b @ a).reshape(w.shape)


@mistake(trace_of_three_gradient, "Both factors beside w[i, j] have the same k: multiply first, and then add over k.")
def sums_over_k_kept_apart(a, w, b):
    return np.outer(a.sum(axis=0), b.sum(axis=1))


@mistake(trace_of_three_gradient, "The diagonal of A W B has K entries: which of them do you hear?")
def first_diagonal_entry_alone(a, w, b):
    return np.outer(a[0], b[:, 0])


@mistake(trace_of_three_gradient, "Those are the terms of the sum: how fast does each change with its w?")
def terms_of_the_long_trace(a, w, b):
    return w * (a.T @ b.T)


@mistake(trace_of_three_gradient, "A trace adds its entries: is anything divided by their number?")
def mean_of_the_diagonal(a, w, b):
    return a.T @ b.T / len(a)


@exercise(
    kind="value",
    rows=("S3-06", "S3-07"),
    hints=(
        "A step in one entry moves y by its slope times the step. All entries move at once: what do their shares do?",
        "The two matrices are multiplied entry by entry; one number is wanted.",
    ),
    draw={"step": (-0.1, 0.1)},
    edges={"one row": {"M": 1}, "a single entry": {"M": 1, "N": 1}},
)
def change_by_matrix(gradient: Float[ndarray, "M N"], step: Float[ndarray, "M N"]):
    """How much the number y changes, to first order, when the matrix A moves by `step`: return a number.

    `gradient` is the gradient of y by A, of A's shape (M, N). Lectures S3-06 and S3-07.
    """
    ### BEGIN SOLUTION
    # $\Delta y \approx \sum_{ij}\frac{\partial y}{\partial a_{ij}}\Delta a_{ij} = \mathrm{tr}(G^\top\Delta A)$.
    expect_shapes(change_by_matrix, gradient, step)
    return np.sum(gradient * step)
    ### END SOLUTION


@mistake(change_by_matrix, "Those are the entries' shares; y is one number, and changes once.")
def shares_of_the_entries(gradient, step):
    return gradient * step


@mistake(change_by_matrix, "One number is wanted: are the rows' shares added as well?")
def one_change_for_each_row(gradient, step):
    return np.sum(gradient * step, axis=1)


@mistake(change_by_matrix, "Does the slope of one entry meet the step of another? Multiply first, and then add.")
def total_slope_times_total_step(gradient, step):
    return np.sum(gradient) * np.sum(step)


@mistake(change_by_matrix, "How far each entry moves is left out.")
def step_taken_as_one(gradient, step):
    return np.sum(gradient)


@mistake(change_by_matrix, "The entries' shares are added: is anything divided by their number?")
def mean_of_the_entries_shares(gradient, step):
    return np.mean(gradient * step)


@mistake(change_by_matrix, "A matrix product puts together rows and columns: entry (i, j) goes with entry (i, j) here.")
def all_entries_of_a_matrix_product(gradient, step):
    return np.sum(gradient @ step.T)


# -- as a row ---------------------------------------------------------------------------------------------------------


def product(x: Float[ndarray, "N"]):
    """The product of all entries of x, as an array of one number: return it, of shape (1,). Lecture S4-01."""
    expect_shapes(product, x)
    return np.prod(x, keepdims=True)


@exercise(
    product,
    kind="jacobian",
    layout="numerator",
    points=2,
    rows=("S4-01", "S4-02"),
    hints=(
        "With two entries it is the multiply gate: the slope by x[0] is x[1]. And with three?",
        "The slope by x[i] is the product of all the others. Is that the whole product divided by x[i]? Always?",
        "One output is one row: a row has two axes, (1, N).",
    ),
    edges={
        "one entry": {"N": 1},
        "an entry of 0": {"x": lambda rng, sizes: np.arange(sizes["N"]) + 0.0},
        "two entries of 0": {"x": lambda rng, sizes: np.maximum(np.arange(sizes["N"]) - 1.0, 0)},
    },
)
def product_gradient(x):
    """The gradient of the product of all entries by x: return it as a row, of shape (1, N). Lectures S4-01 and S4-02.

    S4-01 writes gradients as rows (numerator layout), where S3-06 writes columns; entries of 0 are allowed.
    """
    ### BEGIN SOLUTION
    # $\partial\prod_kx_k/\partial x_i = \prod_{k\ne i}x_k$: [y, x] for two entries. No division, for x_i may be 0.
    return np.array([[np.prod(np.delete(x, place)) for place in range(len(x))]])
    ### END SOLUTION


@mistake(product_gradient, "The numbers of a column: lecture S4-01 wants them side by side.")
def product_gradient_as_a_column(x):
    return product_gradient(x).T


@mistake(product_gradient, "One output and N inputs: a row is an array with two axes.")
def product_gradient_with_one_axis(x):
    return product_gradient(x)[0]


@mistake(product_gradient, "Dividing by an entry works only away from 0: what is left of the others if it is 0?")
def whole_product_divided(x):
    return np.where(x == 0, 0, np.prod(x) / np.where(x == 0, 1, x))[None]


@mistake(product_gradient, "Is an entry a factor of its own slope?")
def whole_product_for_each_slope(x):
    return np.full((1, len(x)), np.prod(x))


@mistake(product_gradient, "That is how sums behave: which other entries multiply x[i] here?")
def slopes_of_a_sum(x):
    return np.ones((1, len(x)))


@mistake(product_gradient, "With three entries, which two of them are beside x[0]? All the others count.")
def next_entry_alone(x):
    return np.roll(x, -1)[None]
