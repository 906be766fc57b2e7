"""Derivatives of vectors by matrices: tensors of three and four axes, their contraction, and what takes their place."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- a column through a matrix ----------------------------------------------------------------------------------------


def product(w: Float[ndarray, "M N"], x: Float[ndarray, "N"]):
    """A matrix times a column: return z = W x, of shape (M,). Lecture S3-13."""
    expect_shapes(product, w, x)
    return w @ x


@exercise(
    product,
    kind="jacobian",
    wrt=("w",),
    points=3,
    rows=("S3-13",),
    hints=(
        "One axis for each index: z[k] by w[i, j] is the entry [i, j, k]. In which z does w[i, j] occur?",
        "Only z[i] has w[i, j] in it: entries with k unlike i are 0. What is the entry where k = i?",
        "np.eye(m)[:, None, :] has the zeros in the right places: multiply it by x along the middle axis.",
    ),
    edges={"one output": {"M": 1}, "one input": {"N": 1}},
)
def dWx_dW(w, x):
    """The derivative of z = W x by W in denominator layout: return T of shape (M, N, M), T[i, j, k] = dz[k]/dw[i, j].

    Lecture S3-13.
    """
    ### BEGIN SOLUTION
    # $z_k = \sum_j w_{kj}x_j$, so $\partial z_k/\partial w_{ij} = \delta_{ik}\,x_j$: of $M\cdot N\cdot M$ entries,
    # $M\cdot N$ are not 0.
    return np.eye(len(w))[:, None, :] * x[:, None]
    ### END SOLUTION


@mistake(dWx_dW, "Does w[0, j] move z[1]? Each row of W belongs to one output.")
def every_weight_moves_every_output(w, x):
    return np.ones((len(w), 1, len(w))) * x[:, None]


@mistake(dWx_dW, "The right numbers, with z's axis first: in denominator layout the axes of W come first.")
def outputs_first(w, x):
    return np.moveaxis(dWx_dW(w, x), -1, 0)


@mistake(dWx_dW, "How fast z changes with a weight: is it the weight that says so, or what the weight multiplies?")
def weights_for_the_inputs(w, x):
    return np.eye(len(w))[:, None, :] * w[:, :, None]


@mistake(dWx_dW, "z has several entries: each has its own matrix of derivatives, and yours are added up.")
def matrices_of_all_outputs_added(w, x):
    return np.tile(x, (len(w), 1))


@mistake(dWx_dW, "Each output hears from a whole row of W: how many of its weights have you?")
def one_weight_in_each_row(w, x):
    return dWx_dW(w, x) * (np.arange(len(x)) == 0)[:, None]


def preactivation(w: Float[ndarray, "M N"], a: Float[ndarray, "N"], b: Float[ndarray, "M"]):
    """The preactivations of a layer: return z = W a + b, of shape (M,). Lecture S0-04."""
    expect_shapes(preactivation, w, a, b)
    return w @ a + b


@exercise(
    preactivation,
    kind="jacobian",
    wrt=("w",),
    layout="numerator",
    points=2,
    rows=("S0-04",),
    hints=(
        "For each k there is a matrix of W's shape, the derivatives of z[k]. Which of its rows is not 0?",
        "The entry [k, i, j] is a[j] where i = k, and 0 elsewhere.",
    ),
    edges={"one unit": {"M": 1}, "one input": {"N": 1}},
)
def dz_dW_tensor(w, a, b):
    """The derivative of z = W a + b by W, z's index first: return T of shape (M, M, N), T[k, i, j] = dz[k]/dw[i, j].

    Lecture S0-04, where the second statement should have z_k too: its cases ask whether i is k.
    """
    ### BEGIN SOLUTION
    # $z_k = \sum_j w_{kj}a_j + b_k$, so $\partial z_k/\partial w_{ij} = \delta_{ik}\,a_j$.
    return np.eye(len(w))[:, :, None] * a
    ### END SOLUTION


@mistake(dz_dW_tensor, "Does the weight of one unit move the preactivation of another?")
def cases_left_out(w, a, b):
    return np.ones((len(w), len(w), 1)) * a


@mistake(dz_dW_tensor, "The right numbers, with W's axes first: here the index of z comes first.")
def weights_first(w, a, b):
    return np.moveaxis(dz_dW_tensor(w, a, b), 0, -1)


@mistake(dz_dW_tensor, "A tensor by W has W's columns alone: the bias has a derivative of its own.")
def bias_as_one_more_column(w, a, b):
    return np.eye(len(w))[:, :, None] * np.append(a, 1.0)


@mistake(dz_dW_tensor, "What does the weight multiply in the forward?")
def weights_for_the_activations(w, a, b):
    return np.eye(len(w))[:, :, None] * w


@mistake(dz_dW_tensor, "b is added to the product: does it change how fast z moves with a weight?")
def bias_added_to_the_derivative(w, a, b):
    return np.eye(len(w))[:, :, None] * (a + b[:, None])


def residual(w: Float[ndarray, "M N"], x: Float[ndarray, "N"], y: Float[ndarray, "M"], k: int = 0):
    """One entry of z = y - W x, that of the index k: return a number. Lecture S3-15."""
    expect_shapes(residual, w, x, y)
    return y[k] - w[k] @ x


@exercise(
    residual,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-15",),
    hints=(
        "z[k] is one number, so that its derivative has W's shape. Which weights occur in z[k]?",
        "One row is not 0. Mind the sign with which W x enters z.",
    ),
    edges={"the second entry": {"k": 1}, "one output": {"M": 1}, "one input": {"N": 1}},
)
def dz_dW(w, x, y, k=0):
    """The derivative of z[k], an entry of z = y - W x, by W: return an array of shape (M, N).

    Lecture S3-15, which starts at k = 1. Its text forgets the sign that its matrices show.
    """
    ### BEGIN SOLUTION
    # $z_k = y_k - \sum_j w_{kj}x_j$, so $\partial z_k/\partial w_{ip}$ is $-x_p$ if $i = k$, and 0 otherwise.
    matrix = np.zeros_like(w)
    matrix[k] = -x
    return matrix
    ### END SOLUTION


@mistake(dz_dW, "With which sign does W x enter z?")
def row_without_its_sign(w, x, y, k=0):
    return -dz_dW(w, x, y, k)


@mistake(dz_dW, "Does a weight of another row occur in z[k]?")
def every_row_the_same(w, x, y, k=0):
    return np.tile(-x, (len(w), 1))


@mistake(dz_dW, "Right for the first entry of z: which row is it for the others?")
def first_row_whatever_the_entry(w, x, y, k=0):
    return dz_dW(w, x, y, 0)


@mistake(dz_dW, "The derivative of a number by a matrix has the matrix's shape: where are its zeros?")
def row_alone(w, x, y, k=0):
    return -x


@mistake(dz_dW, "What does the weight multiply in z[k]?")
def row_of_the_weights(w, x, y, k=0):
    matrix = np.zeros_like(w)
    matrix[k] = -w[k]
    return matrix


@mistake(dz_dW, "y does not depend on W: what is the derivative of a constant?")
def target_in_the_row(w, x, y, k=0):
    matrix = np.zeros_like(w)
    matrix[k] = y[k] - x
    return matrix


# -- tensors in general -----------------------------------------------------------------------------------------------


def bilinear(w: Float[ndarray, "M N"], u: Float[ndarray, "P M"], v: Float[ndarray, "P N"]):
    """One number for each pair of rows: return z with z[p] = u[p]^T W v[p], of shape (P,). Lecture S3-13."""
    expect_shapes(bilinear, w, u, v)
    return np.sum(u @ w * v, axis=1)


@exercise(
    bilinear,
    kind="jacobian",
    wrt=("w",),
    points=2,
    rows=("S3-13",),
    hints=(
        "Write z[p] as a sum over m and n. Which factors stand beside w[m, n]?",
        "A product with three indices and no sum: einsum can be told so, and so can two arrays with new axes.",
    ),
    edges={"one output": {"P": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def bilinear_tensor(w, u, v):
    """The derivative of z = bilinear(w, u, v) by W in denominator layout: return an array of shape (M, N, P).

    Lecture S3-13's general case: W of shape (M, N), z of shape (P,), and a matrix for each entry of z.
    """
    ### BEGIN SOLUTION
    # $z_p = \sum_{mn} u_{pm}w_{mn}v_{pn}$, so $\partial z_p/\partial w_{mn} = u_{pm}v_{pn}$.
    return np.einsum("pm,pn->mnp", u, v)
    ### END SOLUTION


@mistake(bilinear_tensor, "The right numbers, with z's axis first: in denominator layout the axes of W come first.")
def bilinear_outputs_first(w, u, v):
    return np.einsum("pm,pn->pmn", u, v)


@mistake(bilinear_tensor, "Whose index comes first in W, that of u or that of v?")
def bilinear_sides_exchanged(w, u, v):
    return np.einsum("pm,pn->nmp", u, v)


@mistake(bilinear_tensor, "Each entry of z has a matrix of its own, and yours are added up.")
def bilinear_matrices_added(w, u, v):
    return u.T @ v


@mistake(bilinear_tensor, "Those are the terms of the sum: how fast do they change with w[m, n]?")
def bilinear_terms(w, u, v):
    return np.einsum("mn,pm,pn->mnp", w, u, v)


@mistake(bilinear_tensor, "Two factors stand beside the weight in its term, and you have one of them.")
def bilinear_without_one_side(w, u, v):
    return np.einsum("pm,pn->mnp", u, np.ones_like(v))


@exercise(
    kind="value",
    points=2,
    rows=("S3-16",),
    hints=(
        "A tensor times a vector: over which of the three axes does the sum run?",
        "One matrix for each entry of z, weighted with what the loss says of that entry; then they are added.",
    ),
    edges={"one output": {"P": 1}, "one row": {"M": 1}, "one column": {"N": 1}},
)
def tensor_contract(dz_dw: Float[ndarray, "M N P"], dz: Float[ndarray, "P"]):
    """The chain rule W -> z -> loss with the whole tensor: return dL/dW of shape (M, N), given dz = dL/dz.

    dz_dw[i, j, k] = dz[k]/dw[i, j], from any function. Lecture S3-16, whose handwritten line should begin with dz/dW.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial L}{\partial w_{ij}} = \sum_k\frac{\partial z_k}{\partial w_{ij}}\frac{\partial L}{\partial z_k}$.
    expect_shapes(tensor_contract, dz_dw, dz)
    return dz_dw @ dz
    ### END SOLUTION


@mistake(tensor_contract, "Each entry of z moves the loss by its own amount: where is it?")
def matrices_without_weights(dz_dw, dz):
    return dz_dw.sum(axis=2)


@mistake(tensor_contract, "W moves the loss through every entry of z: what do the shares do?")
def weighted_matrices_not_added(dz_dw, dz):
    return dz_dw * dz


@mistake(tensor_contract, "The shares of the entries are added: is anything divided by their number?")
def mean_of_the_weighted_matrices(dz_dw, dz):
    return dz_dw @ dz / len(dz)


@mistake(tensor_contract, "The minus sign in the lecture is that of its own z = y - W x: the tensor has it already.")
def minus_sign_of_the_residual(dz_dw, dz):
    return -(dz_dw @ dz)


@mistake(tensor_contract, "A gradient has exactly the shape of the thing it is the gradient of.")
def contraction_turned_round(dz_dw, dz):
    return (dz_dw @ dz).T


@mistake(tensor_contract, "A reshape keeps the numbers in their order: it moves no axis to the front.")
def tensor_reshaped_to_fit(dz_dw, dz):
    return np.tensordot(dz, dz_dw.reshape(len(dz), *dz_dw.shape[:2]), axes=1)


@exercise(
    kind="value",
    rows=("S3-13", "S4-01"),
    hints=(
        "Which axis has to move, and which keep their order?",
        "A transpose turns all axes round: that is one change too many here.",
    ),
    edges={"one output": {"P": 1}, "one column": {"N": 1}},
)
def to_numerator_layout(dz_dw: Float[ndarray, "M N P"]):
    """A derivative of z by W in the other layout: return an array of shape (P, M, N), given one of shape (M, N, P).

    Lectures S3-13 (the axes of W first) and S4-01 (the output's first; there with one output, a row).
    """
    ### BEGIN SOLUTION
    # $T_{kij} = \partial z_k/\partial w_{ij}$: the last axis moves to the front, the order of the others stays.
    expect_shapes(to_numerator_layout, dz_dw)
    return np.moveaxis(dz_dw, -1, 0)
    ### END SOLUTION


@mistake(to_numerator_layout, "Is each of your matrices of W's shape, or of that of its transpose?")
def all_axes_turned_round(dz_dw):
    return dz_dw.T


@mistake(to_numerator_layout, "A reshape keeps the numbers in their order: it moves no axis.")
def layout_by_reshape(dz_dw):
    return dz_dw.reshape(dz_dw.shape[2], *dz_dw.shape[:2])


@mistake(to_numerator_layout, "Which axis is z's: the one that moved to the back?")
def axis_moved_to_the_back(dz_dw):
    return np.moveaxis(dz_dw, 0, -1)


# -- a batch ----------------------------------------------------------------------------------------------------------


def rows_product(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"]):
    """Each row of x through a matrix: return y = x w^T, of shape (N, M). Lecture S3-13, for a batch."""
    expect_shapes(rows_product, x, w)
    return x @ w.T


@exercise(
    rows_product,
    kind="jacobian",
    points=4,
    rows=("S3-09", "S3-13"),
    hints=(
        "Four indices each: the input's two, then the output's two. Write y[n, m] as a sum over d.",
        "x[i, d] occurs in y[n, m] only where n = i; w[i, d] only where m = i.",
        "Put np.eye along the two axes that have to agree, the other factor along the remaining two.",
    ),
    edges={"a batch of 1": {"N": 1}, "one unit": {"M": 1}, "one feature": {"D": 1}},
)
def rows_tensors(x, w):
    """The derivatives of y = x w^T: return (dy/dx, dy/dw) in denominator layout, (N, D, N, M) and (M, D, N, M).

    Lectures S3-09 and S3-13, for a batch: entry [i, d, n, m] of the first is dy[n, m]/dx[i, d], and likewise for w.
    """
    ### BEGIN SOLUTION
    # $y_{nm} = \sum_d x_{nd}w_{md}$, so
    # $$\frac{\partial y_{nm}}{\partial x_{id}} = \delta_{in}\,w_{md},\qquad
    #   \frac{\partial y_{nm}}{\partial w_{id}} = \delta_{im}\,x_{nd}.$$
    by_x = np.einsum("in,md->idnm", np.eye(len(x)), w)
    by_w = np.einsum("im,nd->idnm", np.eye(len(w)), x)
    return by_x, by_w
    ### END SOLUTION


@mistake(rows_tensors, "Does a row of x move the outputs of other rows?")
def every_row_moves_every_output(x, w):
    return np.einsum("in,md->idnm", np.ones((len(x), len(x))), w), rows_tensors(x, w)[1]


@mistake(rows_tensors, "Does the weight of one unit move the outputs of other units?")
def every_weight_moves_every_unit(x, w):
    return rows_tensors(x, w)[0], np.einsum("im,nd->idnm", np.ones((len(w), len(w))), x)


@mistake(rows_tensors, "That is the block of one row: the derivative by the whole batch has all its rows, twice.")
def block_of_one_row(x, w):
    return w.T.copy(), rows_tensors(x, w)[1]


@mistake(
    rows_tensors, "Each row's output is a number of its own: the sum over the batch comes with the upstream gradient."
)
def summed_over_the_batch_already(x, w):
    by_x, by_w = rows_tensors(x, w)
    return by_x, by_w.sum(axis=2)


@mistake(rows_tensors, "In denominator layout the input's axes come first, then the output's.")
def output_axes_first(x, w):
    return tuple(np.moveaxis(part, (0, 1), (2, 3)) for part in rows_tensors(x, w))


@mistake(rows_tensors, "One derivative for each input, in their order.")
def derivatives_exchanged(x, w):
    return rows_tensors(x, w)[::-1]


@exercise(
    kind="value",
    points=2,
    rows=("S3-16",),
    hints=(
        "One sum over each of the output's axes.",
        "np.tensordot takes the number of axes to sum over; einsum takes their letters.",
    ),
    edges={"a batch of 1": {"N": 1}, "one unit": {"P": 1}},
)
def batch_contract(dy_dw: Float[ndarray, "M D N P"], dout: Float[ndarray, "N P"]):
    """The chain rule W -> y -> loss for an output with two axes: return dL/dW of shape (M, D), given dout = dL/dy.

    dy_dw[i, d, n, p] = dy[n, p]/dw[i, d]. Lecture S3-16, for a batch.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial L}{\partial w_{id}} = \sum_{np}\frac{\partial y_{np}}{\partial w_{id}}\,\bar y_{np}$.
    expect_shapes(batch_contract, dy_dw, dout)
    return np.tensordot(dy_dw, dout, axes=2)
    ### END SOLUTION


@mistake(batch_contract, "A gradient has the shape of W: which of your axes is still the output's?")
def examples_not_added(dy_dw, dout):
    return np.einsum("idnp,np->idn", dy_dw, dout)


@mistake(batch_contract, "The shares of the examples are added: is anything divided by their number?")
def mean_of_the_examples(dy_dw, dout):
    return batch_contract(dy_dw, dout) / len(dout)


@mistake(batch_contract, "Each entry of y moves the loss by its own amount: where is it?")
def tensor_summed_without_dout(dy_dw, dout):
    return dy_dw.sum(axis=(2, 3))


@mistake(batch_contract, "W moves the loss through every example, and yours hears from one.")
def contraction_of_one_example(dy_dw, dout):
    return dy_dw[:, :, -1] @ dout[-1]


@mistake(batch_contract, "Both factors are summed before they meet: a sum of products is no product of sums.")
def product_of_sums(dy_dw, dout):
    return dy_dw.sum(axis=(2, 3)) * dout.sum()


# -- what takes the tensor's place ------------------------------------------------------------------------------------


def product_forward(w: Float[ndarray, "M N"], x: Float[ndarray, "N"]):
    """A matrix times a column: return (z, cache) with z = W x of shape (M,). Lecture S3-19."""
    ### BEGIN SOLUTION
    expect_shapes(product_forward, w, x)
    return w @ x, (w, x)
    ### END SOLUTION


@exercise(
    product_forward,
    points=2,
    memory=True,
    rows=("S3-16", "S3-19"),
    hints=(
        "Contract the tensor on paper: its zeros leave one product for each entry of dW.",
        "dW is (M, N), dz is (M,) and x is (N,): which product of two vectors is a matrix?",
        "dx is (N,): W has to be turned round before it meets dz.",
    ),
    edges={"one output": {"M": 1}, "one input": {"N": 1}},
)
def product_backward(dz, cache):
    """Gradients of z = W x without any tensor: return (dw, dx) of shapes (M, N) and (N,), given dz of shape (M,).

    Lecture S3-19, where both lines are labelled as the gradient by W: the one with W^T is that by x. Keep in the cache
    what the backward needs, and no tensor.
    """
    ### BEGIN SOLUTION
    # $\bar w_{ij} = \sum_k\delta_{ik}x_j\,\bar z_k = \bar z_i x_j$ and $\bar x_j = \sum_k w_{kj}\bar z_k$:
    # $$\bar W = \bar z\,x^\top,\qquad \bar x = W^\top\bar z.$$
    w, x = cache
    return np.outer(dz, x), w.T @ dz
    ### END SOLUTION


@mistake(product_backward, "The weights are (out, in): whose shape does your dw have?")
def outer_product_turned_round(dz, cache):
    dw, dx = product_backward(dz, cache)
    return dw.T, dx


@mistake(product_backward, "The minus sign in the lecture is that of its own z = y - W x: here z is W x.")
def minus_sign_kept(dz, cache):
    dw, dx = product_backward(dz, cache)
    return -dw, dx


@mistake(product_backward, "One gradient for each input, in their order: which of the lecture's two lines is by W?")
def both_lines_by_the_weights(dz, cache):
    return product_backward(dz, cache)[::-1]


@mistake(product_backward, "Your dw does not depend on dz: the local derivative is one factor of two.")
def inputs_without_upstream(dz, cache):
    w, x = cache
    return np.tile(x, (len(w), 1)), w.T @ dz


@mistake(product_backward, "Your dx does not depend on dz: the local derivative is one factor of two.")
def weights_without_upstream(dz, cache):
    w, x = cache
    return np.outer(dz, x), w.sum(axis=0)


@mistake(product_backward, "What did the weights multiply in the forward: x, or themselves?")
def weights_scaled_by_the_upstream(dz, cache):
    w, x = cache
    return w * dz[:, None], w.T @ dz


def _with_the_tensor(w, x):
    return w @ x, (w, x, dWx_dW(w, x))


@mistake(
    product_backward, "The numbers are right: how many of the tensor's entries are not 0?", forward=_with_the_tensor
)
def tensor_in_the_cache(dz, cache):
    w, _, tensor = cache
    return tensor @ dz, w.T @ dz
