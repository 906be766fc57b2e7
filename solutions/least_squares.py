"""Least squares Y ~ W X with one example in each column: the loss, its gradients, and the weights that minimise it."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake


def lsq_forward(w: Float[ndarray, "M D"], x: Float[ndarray, "D N"], y: Float[ndarray, "M N"]):
    """Half the sum over the N columns of ||y - W x||^2: return (loss, cache).

    Lecture S3-14, where some lines leave out the half: with it the gradients have no factor of 2.
    """
    ### BEGIN SOLUTION
    # $L = \frac12\sum_n z_n^\top z_n$ with the residuals $z_n = y_n - Wx_n$, columns of $Z = Y - WX$.
    expect_shapes(lsq_forward, w, x, y)
    z = y - w @ x
    return np.sum(z**2) / 2, (w, x, z)
    ### END SOLUTION


@exercise(
    lsq_forward,
    points=3,
    rows=("S3-14", "S3-16", "S3-17"),
    hints=(
        "Go through z = y - W x: what is the gradient of half the sum of squares by z?",
        "For one column, dW is an outer product of two columns. What do the columns of a batch do?",
        "z falls when W x rises: two of the three gradients have a minus sign.",
    ),
    edges={
        "one example": {"N": 1},
        "one feature": {"D": 1},
        "one output": {"M": 1},
        "residuals of 0": {"w": (0, 0), "y": (0, 0)},
    },
)
def lsq_backward(dout, cache):
    """Gradients of lsq_forward: return (dw, dx, dy) of shapes (M, D), (D, N) and (M, N), given the scalar dout.

    Lecture S3-17 for all columns together (there for one, and for dw).
    """
    ### BEGIN SOLUTION
    # $\bar Z = \bar L\,Z$ and $Z = Y - WX$: $\bar W = -\bar Z X^\top$, $\bar X = -W^\top\bar Z$, $\bar Y = \bar Z$.
    w, x, z = cache
    dz = dout * z
    return -dz @ x.T, -w.T @ dz, dz
    ### END SOLUTION


@mistake(lsq_backward, "Each gradient is exactly twice what it should be: is there a half in the loss?")
def gradient_of_the_loss_without_its_half(dout, cache):
    return tuple(2 * part for part in lsq_backward(dout, cache))


@mistake(lsq_backward, "Each gradient is half of what it should be: what is the derivative of z^2 / 2?")
def half_kept_in_the_gradient(dout, cache):
    return tuple(part / 2 for part in lsq_backward(dout, cache))


@mistake(lsq_backward, "The loss is a sum over the examples: is anything in the forward divided by N?")
def lsq_averaged_over_the_examples(dout, cache):
    return tuple(part / cache[1].shape[1] for part in lsq_backward(dout, cache))


@mistake(lsq_backward, "If W x rises, does the residual y - W x rise or fall?")
def sign_of_the_prediction_lost(dout, cache):
    dw, dx, dy = lsq_backward(dout, cache)
    return -dw, -dx, dy


@mistake(lsq_backward, "W's gradient is right: does the residual rise or fall with its target?")
def target_with_the_sign_of_the_prediction(dout, cache):
    dw, dx, dy = lsq_backward(dout, cache)
    return dw, dx, -dy


@mistake(lsq_backward, "W is (out, in): whose shape does your dw have?")
def lsq_weights_turned(dout, cache):
    dw, dx, dy = lsq_backward(dout, cache)
    return dw.T, dx, dy


@mistake(lsq_backward, "A loss has an upstream gradient as well, and it need not be 1.")
def lsq_taken_as_the_end(dout, cache):
    return lsq_backward(1.0, cache)


@mistake(lsq_backward, "W is used by every column, and your dw hears from one of them.")
def one_column_only(dout, cache):
    _, dx, dy = lsq_backward(dout, cache)
    _, x, z = cache
    return -dout * np.outer(z[:, 0], x[:, 0]), dx, dy


@mistake(lsq_backward, "Sums of columns, and then their product: a sum of products is no product of sums.")
def outer_product_of_the_sums(dout, cache):
    _, dx, dy = lsq_backward(dout, cache)
    _, x, z = cache
    return -dout * np.outer(z.sum(axis=1), x.sum(axis=1)), dx, dy


@mistake(lsq_backward, "The residuals come back to x through the weights: where are they in your dx?")
def input_without_its_residuals(dout, cache):
    dw, _, dy = lsq_backward(dout, cache)
    w, x, z = cache
    return dw, -dout * np.repeat(w.sum(axis=0)[:, None], x.shape[1], axis=1), dy


@mistake(lsq_backward, "That is the slope of the absolute value: how fast does a square grow at z?")
def signs_of_the_residuals(dout, cache):
    w, x, z = cache
    return lsq_backward(dout, (w, x, np.sign(z)))


@mistake(lsq_backward, "Your loss is twice what it should be: the half stands in front of the sum.", half="forward")
def half_left_out_of_the_loss(w, x, y):
    loss, cache = lsq_forward(w, x, y)
    return 2 * loss, cache


@mistake(
    lsq_backward, "A sum was asked for, not a mean: what happens to your loss when the examples double?", half="forward"
)
def mean_of_the_squares(w, x, y):
    loss, cache = lsq_forward(w, x, y)
    return loss / x.shape[1], cache


@mistake(lsq_backward, "The square of the sum is not the sum of the squares.", half="forward")
def square_of_the_sum(w, x, y):
    z = y - w @ x
    return np.sum(z) ** 2 / 2, (w, x, z)


@mistake(lsq_backward, "Is it the distance or its square that is summed?", half="forward")
def distances_not_squared(w, x, y):
    z = y - w @ x
    return np.sum(np.sqrt(np.sum(z**2, axis=0))) / 2, (w, x, z)


# -- the weights that minimise the loss -------------------------------------------------------------------------------


def _spanning(rng, sizes):
    """At least as many examples as features, far from dependent: the first of them nearly twice the unit vectors."""
    shape = sizes["D"], sizes["D"] + sizes["E"]
    return 2 * np.eye(*shape) + 0.5 * rng.uniform(-1, 1, shape) / max(1, sizes["D"])


@exercise(
    kind="value",
    points=3,
    rows=("S3-18",),
    hints=(
        "At the lowest point the gradient -(Y - W X) X^T is 0: solve that for W.",
        "X X^T is D by D, and it stands at the right of W: what has to be transposed before np.linalg.solve?",
        "np.linalg.lstsq solves A B = C for B. Which of the three is W^T?",
    ),
    arguments={"x": Float[ndarray, "D D+E"], "y": Float[ndarray, "M D+E"]},
    draw={"x": _spanning},
    edges={"as many examples as features": {"E": 0}, "one feature": {"D": 1}, "one output": {"M": 1}},
)
def lsq_solve(x: Float[ndarray, "D N"], y: Float[ndarray, "M N"]):
    """The W that minimises the sum over the columns of ||y - W x||^2: return an array of shape (M, D).

    Lecture S3-18, where X X^T has no inverse for one example: it takes D independent columns of x at least. Raise
    ValueError where there are fewer.
    """
    ### BEGIN SOLUTION
    # $(Y - WX)X^\top = 0$, the normal equations: $W = YX^\top(XX^\top)^{-1}$. What lstsq solves is
    # $X^\top W^\top \approx Y^\top$, and it does so without squaring the condition of $X$.
    expect_shapes(lsq_solve, x, y)
    turned, _, rank, _ = np.linalg.lstsq(x.T, y.T, rcond=None)
    if rank < len(x):
        raise ValueError(f"x has shape {x.shape} and rank {rank}, where {len(x)} independent columns are wanted")
    return turned.T
    ### END SOLUTION


@mistake(lsq_solve, "W maps columns of x to columns of y: which shape has it?")
def solution_turned(x, y):
    return lsq_solve(x, y).T


@mistake(lsq_solve, "Set the gradient to 0: Y X^T is one side of the equation, and what stands at the right of W?")
def inverse_left_out(x, y):
    return y @ x.T


@mistake(lsq_solve, "X X^T is a matrix: do the features not act on one another?")
def features_taken_one_by_one(x, y):
    return y @ x.T / np.sum(x**2, axis=1)


@mistake(lsq_solve, "Other examples count as well: which of them does your W fit?")
def first_examples_only(x, y):
    return y[:, : len(x)] @ np.linalg.inv(x[:, : len(x)])


@mistake(lsq_solve, "Nothing is penalised here: the smallest change of X X^T changes W.")
def ridge_added(x, y):
    return np.linalg.solve(x @ x.T + 1e-3 * np.eye(len(x)), x @ y.T).T


@mistake(lsq_solve, "Does W x come close to y, or to its opposite?")
def sign_of_the_solution(x, y):
    return -lsq_solve(x, y)


@mistake(lsq_solve, "There is no bias here: a column of y is W x, and nothing is taken off first.")
def means_taken_off_first(x, y):
    return (y - y.mean(axis=1, keepdims=True)) @ np.linalg.pinv(x)


@exercise(
    kind="value",
    points=2,
    rows=("S3-18",),
    hints=(
        "Every W with W x = y has the loss 0. Which of them has nothing in directions that x does not have?",
        "Try W = y times a multiple of x^T: which multiple gives W x = y?",
        "For x = 0 no W changes anything: which is the smallest?",
    ),
    edges={"one feature": {"D": 1}, "one output": {"M": 1}, "an example of zeros": {"x": (0, 0)}},
)
def lsq_one_example(x: Float[ndarray, "D"], y: Float[ndarray, "M"]):
    """Of all W that minimise ||y - W x||^2 for a single example, the smallest: return an array of shape (M, D).

    Smallest by the sum of its squared entries; for x = 0 that is W = 0. Lecture S3-18 inverts x x^T here, which has
    rank 1 and no inverse: the pseudo-inverse should stand in its place.
    """
    ### BEGIN SOLUTION
    # $W = yx^+ = yx^\top/\|x\|^2$, for then $Wx = y$, and $Wv = 0$ for every $v$ at right angles to $x$.
    expect_shapes(lsq_one_example, x, y)
    square = x @ x
    return np.outer(y, x) / square if square > 0 else np.zeros((len(y), len(x)))
    ### END SOLUTION


@mistake(lsq_one_example, "What is your W times x: is it y?")
def square_of_the_length_left_out(x, y):
    return np.outer(y, x)


@mistake(lsq_one_example, "What is your W times x: is it y, or y times the length of x?")
def divided_by_the_length(x, y):
    return np.outer(y, x) / max(np.sqrt(x @ x), 1e-300)


@mistake(lsq_one_example, "W maps x to y: which shape has it?")
def one_example_turned(x, y):
    return lsq_one_example(x, y).T


@mistake(lsq_one_example, "It maps x to y: could its entries be smaller, with every entry of x sharing the work?")
def exact_but_not_the_smallest(x, y):
    w = np.zeros((len(y), len(x)))
    w[:, 0] = y / x[0] if x[0] else 0.0
    return w


@mistake(lsq_one_example, "It maps x to y where x has no zeros: could its entries be smaller?")
def work_shared_evenly(x, y):
    return np.outer(y, 1 / np.where(x == 0, np.inf, x)) / len(x)


@mistake(lsq_one_example, "What is it for x = 0: is 0 divided by 0 a weight?")
def zero_over_zero(x, y):
    return np.outer(y, x) / (x @ x)


@exercise(
    kind="value",
    points=3,
    rows=("S3-17", "S3-21"),
    hints=(
        "One step: the gradient at the present W, times the rate, in which direction?",
        "The gradient changes with W: where does it belong, before the loop or inside it?",
        "Work on an array of your own: the W that came in belongs to the caller.",
    ),
    draw={"rate": (0.01, 0.1), "steps": (2, 6), "x": (-1, 1)},
    edges={
        "one step": {"steps": (1, 1)},
        "no steps": {"steps": (0, 0)},
        "one example": {"N": 1},
        "one feature": {"D": 1},
    },
)
def lsq_descend(w: Float[ndarray, "M D"], x: Float[ndarray, "D N"], y: Float[ndarray, "M N"], rate: float, steps: int):
    """Gradient descent on half the sum of ||y - W x||^2, from w: return W after `steps` steps, of shape (M, D).

    A step takes from W rate times the gradient there. Lectures S3-17 (the gradient) and S3-21 (the step).
    """
    ### BEGIN SOLUTION
    # $W \leftarrow W - \epsilon\,\nabla_W L$ with $\nabla_W L = -(Y - WX)X^\top$.
    expect_shapes(lsq_descend, w, x, y)
    w = w.copy()
    for _ in range(steps):
        w += rate * (y - w @ x) @ x.T
    return w
    ### END SOLUTION


def _descend(w, x, y, rate, steps, gradient):
    """The loop with another gradient, for the wrong answers."""
    for _ in range(steps):
        w = w - rate * gradient(w, x, y)
    return w.copy()


def _gradient(w, x, y):
    return -(y - w @ x) @ x.T


@mistake(lsq_descend, "After a step, is the loss smaller or larger?")
def uphill(w, x, y, rate, steps):
    return _descend(w, x, y, -rate, steps, _gradient)


@mistake(lsq_descend, "Right after one step: where is the gradient taken in the second?")
def gradient_of_the_start_at_every_step(w, x, y, rate, steps):
    return w - steps * rate * _gradient(w, x, y)


@mistake(lsq_descend, "With the half in the loss, is there a 2 in its gradient?")
def steps_twice_as_long(w, x, y, rate, steps):
    return _descend(w, x, y, 2 * rate, steps, _gradient)


@mistake(lsq_descend, "The loss is a sum over the examples: what have you divided by?")
def steps_of_the_mean(w, x, y, rate, steps):
    return _descend(w, x, y, rate / x.shape[1], steps, _gradient)


@mistake(lsq_descend, "How many steps were asked for, and how many has your loop?")
def one_step_too_few(w, x, y, rate, steps):
    return _descend(w, x, y, rate, steps - 1, _gradient)


@mistake(lsq_descend, "Copy first: w belongs to the caller, who may start from it again.")
def start_overwritten(w, x, y, rate, steps):
    for _ in range(steps):
        w -= rate * _gradient(w, x, y)
    return w


@mistake(lsq_descend, "Your steps are as long as the gradient: what does the rate do?")
def rate_left_out(w, x, y, rate, steps):
    return _descend(w, x, y, 1.0, steps, _gradient)


@mistake(lsq_descend, "Each example in turn is another method: here a step looks at all columns at one W.")
def one_example_after_the_other(w, x, y, rate, steps):
    for _ in range(steps):
        for n in range(x.shape[1]):
            w = w - rate * _gradient(w, x[:, n : n + 1], y[:, n : n + 1])
    return w.copy()
