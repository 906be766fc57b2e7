"""Derivatives of vectors by vectors: Jacobians in both layouts, and the chain rules that multiply them."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .activations import logistic

# -- one function, two layouts ----------------------------------------------------------------------------------------


def neighbours(x: Float[ndarray, "D+1"]):
    """Each entry's square times the next entry: return y with y[i] = x[i]^2 x[i+1], of shape (D,). Lecture S3-08."""
    expect_shapes(neighbours, x)
    return x[:-1] ** 2 * x[1:]


@exercise(
    neighbours,
    kind="jacobian",
    layout="numerator",
    points=2,
    rows=("S3-08",),
    hints=(
        "Row i of the Jacobian belongs to y[i]. Which entries of x does y[i] depend on?",
        "Two entries of each row are not 0: one in the column of x[i], one in the column of x[i+1].",
    ),
    edges={"one output": {"D": 1}, "zeros among the inputs": {"x": lambda rng, sizes: np.arange(sizes["D"] + 1.0)}},
)
def neighbours_jacobian(x):
    """The Jacobian of y = neighbours(x): return J of shape (D, D+1) with J[i, j] = dy[i]/dx[j].

    Lecture S3-08: one row for each output (numerator layout). Where the lecture writes J before its rows, those are
    J already.
    """
    ### BEGIN SOLUTION
    # $y_i = x_i^2 x_{i+1}$, so $\partial y_i/\partial x_i = 2x_ix_{i+1}$ and $\partial y_i/\partial x_{i+1} = x_i^2$.
    i = np.arange(len(x) - 1)
    jacobian = np.zeros((len(i), len(x)))
    jacobian[i, i] = 2 * x[:-1] * x[1:]
    jacobian[i, i + 1] = x[:-1] ** 2
    return jacobian
    ### END SOLUTION


def _bands(x, first, second, shift=1):
    """A matrix of the Jacobian's shape with `first` on its diagonal and `second` beside it, for the wrong answers."""
    i = np.arange(len(x) - 1)
    matrix = np.zeros((len(i), len(x)))
    matrix[i, i + shift] = second
    matrix[i, i] = first
    return matrix


@mistake(neighbours_jacobian, "Each output has two inputs: in which other column of its row is there an entry?")
def diagonal_band_alone(x):
    return _bands(x, 2 * x[:-1] * x[1:], 0.0)


@mistake(neighbours_jacobian, "Look at the derivative of the square once more.")
def square_of_the_neighbour_without_its_two(x):
    return _bands(x, x[:-1] * x[1:], x[:-1] ** 2)


@mistake(neighbours_jacobian, "Whose derivative belongs in the column of x[i]: that by x[i], or that by its neighbour?")
def columns_exchanged(x):
    return _bands(x, x[:-1] ** 2, 2 * x[:-1] * x[1:])


@mistake(neighbours_jacobian, "The neighbour comes after x[i]: on which side of the diagonal is its column?")
def neighbour_before_instead_of_after(x):
    return _bands(x, 2 * x[:-1] * x[1:], x[:-1] ** 2, shift=-1)


@mistake(neighbours_jacobian, "Here each output has a row of its own: how many outputs are there?")
def inputs_as_rows(x):
    return neighbours_jacobian(x).T


@exercise(
    neighbours,
    kind="jacobian",
    rows=("S3-08",),
    hints=(
        "In this layout the input's index comes first: column i is the gradient of y[i], as tall as x.",
        "It holds the numbers of the Jacobian. Which operation turns rows into columns?",
    ),
    edges={"one output": {"D": 1}},
)
def neighbours_gradient(x):
    """The derivative of y = neighbours(x) in denominator layout: return g of shape (D+1, D), g[j, i] = dy[i]/dx[j].

    Lecture S3-08, where the entries of dy_1/dx should go down to x_m, the last entry of x.
    """
    ### BEGIN SOLUTION
    # $\nabla_x y = J^\top$: column $i$ is $\nabla_x y_i$.
    return neighbours_jacobian(x).T
    ### END SOLUTION


@mistake(neighbours_gradient, "The input's index comes first here: are there as many rows as inputs?")
def outputs_as_rows(x):
    return neighbours_jacobian(x)


@mistake(neighbours_gradient, "A reshape keeps the numbers in their order: it never undoes a transpose.")
def jacobian_reshaped(x):
    return neighbours_jacobian(x).reshape(len(x), -1)


@mistake(neighbours_gradient, "y has several entries, and each of them has a gradient of its own.")
def gradients_of_all_outputs_added(x):
    return neighbours_jacobian(x).sum(axis=0)


@mistake(neighbours_gradient, "Each output depends on its neighbour as well: is your second band there?")
def band_below_left_out(x):
    return _bands(x, 2 * x[:-1] * x[1:], 0.0).T


# -- what a derivative is for -----------------------------------------------------------------------------------------


@exercise(
    kind="value",
    rows=("S3-06", "S3-08"),
    hints=(
        "Every entry of the step moves every output: what do you do with what they add?",
        "In this layout the input's index comes first. Which index does the sum run over: the first or the second?",
    ),
    edges={"one input": {"M": 1}, "one output": {"N": 1}},
)
def first_order_change(dy_dx: Float[ndarray, "M N"], step: Float[ndarray, "M"]):
    """By how much y moves, to first order, when x moves by `step`: return an array of shape (N,).

    dy_dx is in denominator layout, dy_dx[j, i] = dy[i]/dx[j]. Lectures S3-06 and S3-08.
    """
    ### BEGIN SOLUTION
    # $$\Delta y_i \approx \sum_j \frac{\partial y_i}{\partial x_j}\Delta x_j,\qquad
    #   \Delta y \approx J\,\Delta x = (\nabla_x y)^\top\Delta x.$$
    expect_shapes(first_order_change, dy_dx, step)
    return dy_dx.T @ step
    ### END SOLUTION


@mistake(first_order_change, "A reshape keeps the numbers in their order: it never undoes a transpose.")
def reshaped_to_fit_the_step(dy_dx, step):
    return dy_dx.reshape(dy_dx.shape[::-1]) @ step


@mistake(first_order_change, "How far did x go? Your answer is the same for every step.")
def step_of_ones(dy_dx, step):
    return dy_dx.sum(axis=0)


@mistake(first_order_change, "Each output is moved by all the inputs together: what is done with their shares?")
def shares_not_added(dy_dx, step):
    return dy_dx * step[:, None]


@mistake(first_order_change, "The shares of the inputs are added: is anything divided by their number?")
def mean_of_the_shares(dy_dx, step):
    return dy_dx.T @ step / len(step)


@mistake(first_order_change, "An input that moves down takes y along: does the direction of a step matter?")
def steps_without_direction(dy_dx, step):
    return dy_dx.T @ np.abs(step)


# -- functions and their Jacobians ------------------------------------------------------------------------------------


def matvec(w: Float[ndarray, "H N"], x: Float[ndarray, "N"]):
    """The product of a matrix and a column: return y = W x, of shape (H,). Lecture S3-09."""
    expect_shapes(matvec, w, x)
    return w @ x


@exercise(
    matvec,
    kind="jacobian",
    wrt=("x",),
    rows=("S3-08", "S3-09"),
    hints=(
        "Write y[i] as a sum over j. What is dy[i]/dx[j]?",
        "In this layout x's index comes first: the answer has N rows and H columns.",
    ),
    edges={"one output": {"H": 1}, "one input": {"N": 1}},
)
def matvec_jacobian(w, x):
    """The derivative of y = W x by x: return dy/dx in denominator layout, of shape (N, H).

    Lecture S3-09: its last line is right; the matrix displayed just before it should be transposed.
    """
    ### BEGIN SOLUTION
    # $y_i = \sum_j w_{ij}x_j$, so $(\nabla_x y)_{ji} = \partial y_i/\partial x_j = w_{ij}$: $\nabla_x Wx = W^\top$.
    return w.T
    ### END SOLUTION


@mistake(matvec_jacobian, "That is J, one row for each output: in denominator layout the input's index comes first.")
def weights_as_displayed(w, x):
    return w


@mistake(matvec_jacobian, "A reshape keeps the numbers in their order: it never undoes a transpose.")
def weights_reshaped(w, x):
    return w.reshape(w.shape[::-1])


@mistake(matvec_jacobian, "How fast y moves with x is the same at every x: the function is linear.")
def terms_instead_of_slopes(w, x):
    return (w * x).T


@mistake(matvec_jacobian, "y has several entries, and each of them has a gradient of its own.")
def gradient_of_the_summed_outputs(w, x):
    return w.sum(axis=0)


@mistake(matvec_jacobian, "That is the derivative by the weights, or a part of it: here x is what moves.")
def inputs_for_the_weights(w, x):
    return np.repeat(x[:, None], len(w), axis=1)


def elementwise(q: Float[ndarray, "N"]):
    """The hyperbolic tangent of each entry: return y of shape (N,). Lecture S1-06."""
    expect_shapes(elementwise, q)
    return np.tanh(q)


@exercise(
    elementwise,
    kind="jacobian",
    rows=("S1-06",),
    hints=(
        "Does y[0] move when q[1] does?",
        "The derivative of N numbers by N numbers is a matrix, even where most of its entries are 0.",
        "The slope of tanh at q, written with y = tanh(q), is 1 - y^2.",
    ),
    edges={"one entry": {"N": 1}},
    overflow={"inputs of 1000": {"q": (900, 1100)}, "inputs of -1000": {"q": (-1100, -900)}},
)
def elementwise_jacobian(q):
    """The derivative of y = tanh(q), entry by entry: return dy/dq of shape (N, N), the same in both layouts.

    Lecture S1-06, where this is the factor that rescales columns.
    """
    ### BEGIN SOLUTION
    # $\partial\phi(q_k)/\partial q_j = \delta_{jk}\,\phi'(q_k)$ with $\phi' = 1-\tanh^2$: $\mathrm{diag}(\phi'(q))$.
    return np.diag(1 - np.tanh(q) ** 2)
    ### END SOLUTION


@mistake(elementwise_jacobian, "These are the numbers on the diagonal: N numbers by N numbers make a matrix.")
def diagonal_as_a_vector(q):
    return 1 - np.tanh(q) ** 2


@mistake(elementwise_jacobian, "Does y[0] move when q[1] does?")
def every_entry_moves_every_other(q):
    return np.tile(1 - np.tanh(q) ** 2, (len(q), 1))


@mistake(elementwise_jacobian, "That is the function's value: how fast does it change?")
def values_on_the_diagonal(q):
    return np.diag(np.tanh(q))


@mistake(elementwise_jacobian, "The slope of tanh is 1 - y^2 with y = tanh(q): the tangent is taken once too often.")
def tangent_of_the_tangent(q):
    return np.diag(1 - np.tanh(np.tanh(q)) ** 2)


@mistake(elementwise_jacobian, "That is the sigmoid's slope.")
def sigmoid_slope_on_the_diagonal(q):
    return np.diag(logistic(q) * (1 - logistic(q)))


@mistake(elementwise_jacobian, "How large is exp(q) at q = 1000? NumPy has a tanh that does without.")
def slope_from_growing_exponentials(q):
    up, down = np.exp(q), np.exp(-q)
    return np.diag(1 - ((up - down) / (up + down)) ** 2)


def layer(h: Float[ndarray, "D"], w: Float[ndarray, "M D"]):
    """A fully connected layer: return sigmoid(W h), entry by entry, of shape (M,). Lecture S2-08."""
    expect_shapes(layer, h, w)
    return (1 + np.tanh(w @ h / 2)) / 2


@exercise(
    layer,
    kind="jacobian",
    wrt=("h",),
    points=3,
    rows=("S2-08", "S2-09"),
    hints=(
        "First without the sigmoid: by how much does the sum of unit i move when h[j] does? That is a single weight.",
        "Then the sigmoid: it scales everything that arrives at unit i by its slope there, s (1 - s).",
        "The rows are the inputs, so that what belongs to unit i is a column.",
    ),
    edges={"one unit": {"M": 1}, "one input": {"D": 1}},
    overflow={
        "sums of 1000": {"h": (900, 1100), "w": (1, 2)},
        "sums of -1000": {"h": (900, 1100), "w": (-2, -1)},
    },
)
def layer_jacobian(h, w):
    """The derivative of layer(h, w) by h, rows for inputs (denominator layout): return an array of shape (D, M).

    Lectures S2-08 and S2-09: the matrix's first entry should be that of h_1 in the next layer, and the sum of unit 2
    depends on h_1 with the weight W_21, not W_22.
    """
    ### BEGIN SOLUTION
    # $a = \sigma(\tilde h)$ and $\tilde h_i = \sum_j w_{ij}h_j$:
    # $$\frac{\partial a_i}{\partial h_j} = \sigma'(\tilde h_i)\,w_{ij},\qquad
    #   \frac{\partial a}{\partial h} = W^\top\mathrm{diag}(a\odot(1-a)).$$
    a = logistic(w @ h)
    return w.T * (a * (1 - a))
    ### END SOLUTION


@mistake(layer_jacobian, "Between the sums and the output there is the sigmoid: where is its slope?")
def sigmoid_ignored(h, w):
    return w.T.copy()


@mistake(layer_jacobian, "Here the rows belong to the inputs: how many inputs are there?")
def units_as_rows(h, w):
    return layer_jacobian(h, w).T


@mistake(layer_jacobian, "The weight from input j to unit i is in row i and in which column?")
def same_weight_for_every_input(h, w):
    a, i = layer(h, w), np.arange(len(w))
    return np.tile(w[i, np.minimum(i, len(h) - 1)] * (a * (1 - a)), (len(h), 1))


@mistake(layer_jacobian, "The sigmoid is taken twice: is its slope wanted at the sum, or at the activated value?")
def slope_at_the_activated_value(h, w):
    a = logistic(layer(h, w))
    return w.T * (a * (1 - a))


@mistake(layer_jacobian, "One factor of the slope is missing: where the sigmoid is close to 1, its curve is flat.")
def activation_for_the_slope(h, w):
    return w.T * layer(h, w)


@mistake(layer_jacobian, "Each unit has a slope of its own: which of them scales a column?")
def mean_slope_for_every_unit(h, w):
    a = layer(h, w)
    return w.T * np.mean(a * (1 - a))


@mistake(layer_jacobian, "How large is exp(1000)? The slope can be written with the activation alone.")
def slope_from_a_quotient(h, w):
    grown = np.exp(-(w @ h))
    return w.T * (grown / (1 + grown) ** 2)


def softmax(z: Float[ndarray, "K"]):
    """Exponentials divided by their sum: return p of shape (K,), p[i] = exp(z[i]) / (sum over k of exp(z[k])).

    Source: Bridle 1990.
    """
    expect_shapes(softmax, z)
    grown = np.exp(z - z.max())
    return grown / grown.sum()


@exercise(
    softmax,
    kind="jacobian",
    points=3,
    hints=(
        "Every logit moves every probability: there is no entry that is 0. Take i = j and i unlike j apart.",
        "Differentiate log p[i] = z[i] - log(sum of exponentials); then dp = p d(log p).",
        "The two cases are one formula: a diagonal matrix less an outer product.",
    ),
    edges={"one class": {"K": 1}, "two classes": {"K": 2}, "equal logits": {"z": (1, 1)}},
    overflow={"logits of 1000": {"z": (999, 1001)}, "logits of -1000": {"z": (-1001, -999)}},
)
def softmax_jacobian(z):
    """The derivative of softmax(z) by z: return an array of shape (K, K), the same in both layouts.

    A product of two numbers per unit, as for elementwise activations, would not do here. Source: Bridle 1990.
    """
    ### BEGIN SOLUTION
    # $\log p_i = z_i - \log\sum_k e^{z_k}$, so $\partial p_i/\partial z_j = p_i(\delta_{ij} - p_j)$:
    # $\mathrm{diag}(p) - p\,p^\top$, which is symmetric.
    p = softmax(z)
    return np.diag(p) - np.outer(p, p)
    ### END SOLUTION


@mistake(softmax_jacobian, "Raise one logit: do the other probabilities stay as they are?")
def softmax_taken_as_elementwise(z):
    p = softmax(z)
    return np.diag(p * (1 - p))


@mistake(softmax_jacobian, "The probabilities always sum to 1: what do the entries of each column have to sum to?")
def softmax_sum_held_constant(z):
    return np.diag(softmax(z))


@mistake(softmax_jacobian, "If one logit rises, do the other probabilities rise or fall?")
def softmax_products_added(z):
    p = softmax(z)
    return np.diag(p) + np.outer(p, p)


@mistake(softmax_jacobian, "Right on the diagonal: which term is there only where i = j?")
def softmax_diagonal_formula_everywhere(z):
    p = softmax(z)
    return np.outer(p, 1 - p)


@mistake(softmax_jacobian, "Raise z[i]: does p[i] rise or fall?")
def softmax_with_its_signs_turned(z):
    return -softmax_jacobian(z)


@mistake(softmax_jacobian, "K numbers by K numbers make a matrix.")
def softmax_diagonal_as_a_vector(z):
    p = softmax(z)
    return p * (1 - p)


@mistake(softmax_jacobian, "How large is exp(1000)? The same number taken from all logits changes nothing.")
def softmax_without_the_shift(z):
    p = np.exp(z) / np.exp(z).sum()
    return np.diag(p) - np.outer(p, p)


def length(x: Float[ndarray, "N"]):
    """The Euclidean length of x, as an array of one number: return it, of shape (1,). Lecture S4-01."""
    expect_shapes(length, x)
    size = np.max(np.abs(x))
    return size * np.sqrt(np.sum((x / size) ** 2, keepdims=True)) if size else np.zeros(1)


@exercise(
    length,
    kind="jacobian",
    layout="numerator",
    rows=("S4-01",),
    hints=(
        "Differentiate the square of the length first, and then the root.",
        "The gradient has length 1: which vector of length 1 points where the length grows fastest?",
        "One output is one row.",
    ),
    draw={"x": lambda rng, sizes: rng.choice([-1.0, 1.0], sizes["N"]) * rng.uniform(0.5, 2, sizes["N"])},
    edges={
        "one entry": {"N": 1},
        "a negative entry alone": {"N": 1, "x": (-2, -1)},
        "entries of 0": {"x": lambda rng, sizes: np.arange(sizes["N"]) % 2 + 1.0 * (sizes["N"] == 1)},
    },
    overflow={"entries of 1e200": {"x": (1e200, 2e200)}, "entries of 1e-200": {"x": (1e-200, 2e-200)}},
)
def length_gradient(x):
    """The gradient of the length of x, where x is not 0: return it as a row, of shape (1, N).

    Lecture S4-01 writes gradients as rows (numerator layout), where S3-06 writes columns. Entries may be as large as
    1e200: their squares are not.
    """
    ### BEGIN SOLUTION
    # $\ell^2 = \sum_i x_i^2$, so $2\ell\,d\ell = 2\sum_i x_i\,dx_i$ and $\nabla\ell = x^\top/\ell$.
    return (x / length(x))[None]
    ### END SOLUTION


@mistake(length_gradient, "The numbers of a column: lecture S4-01 wants them side by side.")
def gradient_as_a_column(x):
    return length_gradient(x).T


@mistake(length_gradient, "One output and N inputs: a row is an array with two axes.")
def gradient_without_its_first_axis(x):
    return length_gradient(x)[0]


@mistake(length_gradient, "That is the gradient of the squared length: the root comes after it.")
def gradient_of_the_squared_length(x):
    return 2 * x[None]


@mistake(length_gradient, "The inner derivative of the root is there, and its own factor of one half?")
def half_of_the_root_left_out(x):
    return 2 * length_gradient(x)


@mistake(length_gradient, "The root stands in the denominator of its own derivative: what have you divided by?")
def divided_by_the_squared_length(x):
    return (x / length(x) / length(x))[None]


@mistake(length_gradient, "A negative entry that rises makes the vector shorter.")
def signs_of_the_entries_lost(x):
    return np.abs(length_gradient(x))


@mistake(length_gradient, "What is the square of 1e200? Divide by the largest entry first.")
def squares_of_large_entries(x):
    return (x / np.sqrt(np.sum(x**2)))[None]


# -- chain rules ------------------------------------------------------------------------------------------------------


@exercise(
    kind="value",
    rows=("S3-12", "S4-10"),
    hints=(
        "Write dz[k]/dx[i] as a sum over what lies between. Which index does it run over?",
        "The shapes decide the order: (M, P) out of (M, N) and (N, P).",
    ),
    edges={"one number between": {"N": 1}, "a scalar at the end": {"P": 1}, "one input": {"M": 1}},
)
def vector_chain(dy_dx: Float[ndarray, "M N"], dz_dy: Float[ndarray, "N P"]):
    """The chain rule for vectors x -> y -> z in denominator layout: return dz/dx of shape (M, P).

    dy_dx[i, j] = dy[j]/dx[i], dz_dy[j, k] = dz[k]/dy[j]. Lecture S3-12 (it runs from right to left), and what S4-10
    points to.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial z_k}{\partial x_i} = \sum_j\frac{\partial y_j}{\partial x_i}\frac{\partial z_k}{\partial y_j},
    #   \qquad \nabla_x z = \nabla_x y\;\nabla_y z.$$
    expect_shapes(vector_chain, dy_dx, dz_dy)
    return dy_dx @ dz_dy
    ### END SOLUTION


@mistake(vector_chain, "That is the numerator layout: whose index comes first here, x's or z's?")
def chain_turned_round(dy_dx, dz_dy):
    return (dy_dx @ dz_dy).T


@mistake(vector_chain, "Every y lies on a path from x to z: what do the paths' shares do?")
def paths_not_added(dy_dx, dz_dy):
    return dy_dx[:, :, None] * dz_dy


@mistake(vector_chain, "The shares of the paths are added: is anything divided by their number?")
def mean_of_the_paths(dy_dx, dz_dy):
    return dy_dx @ dz_dy / len(dz_dy)


@mistake(vector_chain, "All paths count, and yours goes through one y.")
def one_path_of_many(dy_dx, dz_dy):
    return np.outer(dy_dx[:, 0], dz_dy[0])


@mistake(vector_chain, "Factors that were reshaped until they fit: which index of theirs is summed?")
def factors_reshaped_to_fit(dy_dx, dz_dy):
    return (dz_dy.reshape(dz_dy.shape[::-1]) @ dy_dx.reshape(dy_dx.shape[::-1])).T


@exercise(
    kind="value",
    rows=("S1-03", "S1-04"),
    hints=(
        "For one output this is a dot product, over everything between.",
        "Each output is a row of the first factor: what do you call one dot product for each row of a matrix?",
    ),
    edges={"one output": {"M": 1}, "one number between": {"N": 1}},
)
def one_input_chain(dy_dq: Float[ndarray, "M N"], dq_dx: Float[ndarray, "N"]):
    """The chain rule from one number x through N numbers q to M outputs y: return dy/dx of shape (M,).

    dy_dq[i, k] = dy[i]/dq[k], rows for outputs (numerator layout). Lecture S1-04.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial y_i}{\partial x} = \sum_k\frac{\partial y_i}{\partial q_k}\frac{\partial q_k}{\partial x}$.
    expect_shapes(one_input_chain, dy_dq, dq_dx)
    return dy_dq @ dq_dx
    ### END SOLUTION


@mistake(one_input_chain, "x reaches each output along N paths: what do their shares do?")
def shares_of_the_paths_kept_apart(dy_dq, dq_dx):
    return dy_dq * dq_dx


@mistake(one_input_chain, "Summed over the wrong index: there is one number for each output.")
def summed_over_the_outputs(dy_dq, dq_dx):
    return (dy_dq * dq_dx).sum(axis=0)


@mistake(one_input_chain, "How fast the q's move with x is left out.")
def inner_derivatives_left_out(dy_dq, dq_dx):
    return dy_dq.sum(axis=1)


@mistake(one_input_chain, "The shares of the paths are added: is anything divided by their number?")
def shares_averaged(dy_dq, dq_dx):
    return dy_dq @ dq_dx / len(dq_dx)


@mistake(one_input_chain, "One number x leaves one axis: the outputs'.")
def column_with_an_axis_of_one(dy_dq, dq_dx):
    return dy_dq @ dq_dx[:, None]


@exercise(
    kind="value",
    rows=("S1-05",),
    hints=(
        "Write dy[i]/dx[j] as a sum over what lies between. Which index does it run over?",
        "In this layout the last step of the forward stands at the left.",
    ),
    edges={"one number between": {"N": 1}, "one input": {"P": 1}, "one output": {"M": 1}},
)
def jacobian_chain(dq_dx: Float[ndarray, "N P"], dy_dq: Float[ndarray, "M N"]):
    """The chain rule for vectors x -> q -> y in numerator layout: return dy/dx of shape (M, P).

    dq_dx[k, j] = dq[k]/dx[j], dy_dq[i, k] = dy[i]/dq[k], in the order in which the forward meets them. Lecture S1-05.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial y_i}{\partial x_j} = \sum_k\frac{\partial y_i}{\partial q_k}\frac{\partial q_k}{\partial x_j}$:
    # $J = J_y J_q$, the transpose of the denominator layout's $\nabla_x q\,\nabla_q y$.
    expect_shapes(jacobian_chain, dq_dx, dy_dq)
    return dy_dq @ dq_dx
    ### END SOLUTION


@mistake(jacobian_chain, "That is the denominator layout: whose index comes first here, x's or y's?")
def jacobian_chain_turned_round(dq_dx, dy_dq):
    return (dy_dq @ dq_dx).T


@mistake(jacobian_chain, "Every q lies on a path from x to y: what do the paths' shares do?")
def jacobian_paths_not_added(dq_dx, dy_dq):
    return dy_dq[:, :, None] * dq_dx


@mistake(jacobian_chain, "The shares of the paths are added: is anything divided by their number?")
def jacobian_paths_averaged(dq_dx, dy_dq):
    return dy_dq @ dq_dx / len(dq_dx)


@mistake(jacobian_chain, "Multiplied in the forward's order, after a reshape: which index of theirs is summed?")
def jacobians_in_the_order_of_the_forward(dq_dx, dy_dq):
    return (dq_dx.reshape(dq_dx.shape[::-1]) @ dy_dq.reshape(dy_dq.shape[::-1])).T


@exercise(
    kind="value",
    points=2,
    rows=("S1-06",),
    hints=(
        "Write dy[i]/dx[j] as one sum over k: what is the third factor in it?",
        "A diagonal matrix between two others rescales the columns of the one at its left.",
    ),
    edges={
        "one number between": {"N": 1},
        "a unit that is off": {"phi_prime": lambda rng, sizes: np.arange(sizes["N"]) % 2 + 0.0},
    },
)
def elementwise_chain(j_y: Float[ndarray, "M N"], phi_prime: Float[ndarray, "N"], j_q: Float[ndarray, "N P"]):
    """The chain rule x -> q -> phi(q) -> y with an elementwise phi, in numerator layout: return dy/dx of shape (M, P).

    j_y[i, k] = dy[i]/dphi[k], phi_prime[k] is phi's slope at q[k], j_q[k, j] = dq[k]/dx[j]. Build no N by N matrix.
    Lecture S1-06.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial y_i}{\partial x_j} = \sum_k (J_y)_{ik}\,\phi'(q_k)\,(J_q)_{kj}$: $J_y\,\mathrm{diag}(\phi')\,J_q$.
    expect_shapes(elementwise_chain, j_y, phi_prime, j_q)
    return (j_y * phi_prime) @ j_q
    ### END SOLUTION


@mistake(elementwise_chain, "Between the two Jacobians there is phi: where are its slopes?")
def slopes_of_phi_left_out(j_y, phi_prime, j_q):
    return j_y @ j_q


@mistake(elementwise_chain, "Each path goes through phi once: how often have you rescaled?")
def both_factors_rescaled(j_y, phi_prime, j_q):
    return (j_y * phi_prime**2) @ j_q


@mistake(elementwise_chain, "Each unit has a slope of its own.")
def one_slope_for_all_units(j_y, phi_prime, j_q):
    return phi_prime.mean() * (j_y @ j_q)


@mistake(elementwise_chain, "In numerator layout y's index comes first.")
def elementwise_chain_turned_round(j_y, phi_prime, j_q):
    return ((j_y * phi_prime) @ j_q).T


@mistake(elementwise_chain, "Every unit lies on a path from x to y: what do the paths' shares do?")
def units_not_added(j_y, phi_prime, j_q):
    return (j_y * phi_prime)[:, :, None] * j_q


@mistake(elementwise_chain, "A local derivative multiplies, whichever way you go: why divide?")
def divided_by_the_slopes(j_y, phi_prime, j_q):
    return (j_y / np.where(phi_prime == 0, 1, phi_prime)) @ j_q


def between(x: Float[ndarray, "P"], v: Float[ndarray, "M N"], w: Float[ndarray, "N P"]):
    """Two matrices with a tanh between them: return y = V tanh(W x), of shape (M,). Lecture S1-06."""
    expect_shapes(between, x, v, w)
    return v @ np.tanh(w @ x)


@exercise(
    between,
    kind="jacobian",
    wrt=("x",),
    layout="numerator",
    points=2,
    rows=("S1-05", "S1-06"),
    hints=(
        "Three factors: the Jacobian of V h by h, that of tanh, and that of W x by x.",
        "In numerator layout they stand in the order in which the formula is written: V, then the tanh, then W.",
    ),
    edges={"one unit between": {"N": 1}, "one output": {"M": 1}, "one input": {"P": 1}},
)
def between_jacobian(x, v, w):
    """The derivative of y = V tanh(W x) by x in numerator layout: return dy/dx of shape (M, P). Lecture S1-06."""
    ### BEGIN SOLUTION
    # $J = V\,\mathrm{diag}(1-h^2)\,W$ with $h = \tanh(Wx)$: the columns of $V$ are rescaled.
    h = np.tanh(w @ x)
    return (v * (1 - h**2)) @ w
    ### END SOLUTION


@mistake(between_jacobian, "V and W are two of three factors: what is between them?")
def tanh_between_ignored(x, v, w):
    return v @ w


@mistake(between_jacobian, "The slope of tanh is 1 - h^2 with h = tanh: it is taken once too often.")
def tanh_of_tanh_between(x, v, w):
    return (v * (1 - np.tanh(np.tanh(w @ x)) ** 2)) @ w


@mistake(between_jacobian, "In numerator layout y's index comes first.")
def derivative_in_the_other_layout(x, v, w):
    return between_jacobian(x, v, w).T


@mistake(between_jacobian, "That is the function's value between the matrices: how fast does it change?")
def value_of_tanh_between(x, v, w):
    return (v * np.tanh(w @ x)) @ w


@mistake(between_jacobian, "At which point is the slope of tanh wanted: at 0, or where W x is?")
def slope_without_its_square(x, v, w):
    return (v * (1 - np.tanh(w @ x))) @ w
