"""The affine layer out = x W^T + b, with weights of shape (out, in) as in the lectures, and a step of its weights."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- one layer --------------------------------------------------------------------------------------------------------


def affine_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """Each row of x times the transpose of w, plus b: return (out, cache) with out of shape (N, M). Lecture S0-03."""
    ### BEGIN SOLUTION
    expect_shapes(affine_forward, x, w, b)
    return x @ w.T + b, (x, w)
    ### END SOLUTION


@exercise(
    affine_forward,
    points=2,
    rows=("S0-03", "S0-05", "S0-06", "S2-04", "S3-19"),
    hints=(
        "Let the shapes guide you: dx is (N, D), dw is (M, D), db is (M,), and dout is (N, M).",
        "Write out[n, m] = sum over d of x[n, d] w[m, d], plus b[m]. In which entries of out does w[m, d] occur? b[m]?",
        "What occurs in every row collects a gradient from every row: a sum over n, which a matrix product can do.",
    ),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
        "one feature": {"D": 1},
        "as many units as features": {"M": 5},
    },
)
def affine_backward(dout, cache):
    """Gradients of out = x w^T + b: return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lectures S0-05, S2-04 and S3-19; the gradient of b (S0-06) is left to you there. S3-19 labels two of its lines
    dL/dw: read dL/dx in the one with W^T.
    """
    ### BEGIN SOLUTION
    # $o_{nm} = \sum_d x_{nd} w_{md} + b_m$, so with $\bar o = \partial L/\partial o$
    # $$\bar x_{nd} = \sum_m \bar o_{nm} w_{md},\quad
    #   \bar w_{md} = \sum_n \bar o_{nm} x_{nd},\quad \bar b_m = \sum_n \bar o_{nm},$$
    # that is $\bar x = \bar o\,w$, $\bar w = \bar o^\top x$: for one column, the lecture's $\bar z\,a^\top$.
    x, w = cache
    return dout @ w, dout.T @ x, dout.sum(axis=0)
    ### END SOLUTION


@mistake(
    affine_backward,
    "w and b are shared by the rows, and each row adds its share: is anything in the forward divided by N?",
)
def mean_over_the_batch(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake(affine_backward, "Your db does not depend on dout: the local derivative is one factor of two.")
def bias_without_upstream(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, np.ones(dout.shape[1])


@mistake(affine_backward, "One number came out, but b has an entry for each unit: over which axis are they shared?")
def bias_summed_over_everything(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, np.sum(dout)


@mistake(affine_backward, "A gradient has exactly the shape of the thing it is the gradient of: compare db's with b's.")
def bias_with_an_extra_axis(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, db[None]


@mistake(affine_backward, "Is your db as long as b? Look again at which axis of dout counts the examples.")
def bias_summed_over_the_units(dout, cache):
    dx, dw, _ = affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=1)


@mistake(affine_backward, "The weights here are (out, in): whose shape does your dw have?")
def weights_turned(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw.T, db


@mistake(affine_backward, "w is used by every example, and your dw hears from one of them.")
def one_example_only(dout, cache):
    dx, _, db = affine_backward(dout, cache)
    x, _ = cache
    return dx, np.outer(dout[-1], x[-1]), db


@mistake(affine_backward, "Your dx is the same for every dout: the local derivative is one factor of two.")
def input_without_upstream(dout, cache):
    _, dw, db = affine_backward(dout, cache)
    return np.ones_like(dout) @ cache[1], dw, db


@mistake(
    affine_backward,
    "With as many units as features both w and its transpose fit: which one does dx = sum over m need?",
)
def weights_turned_where_they_fit(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    w = cache[1]
    return dout @ w.T if w.shape[0] == w.shape[1] else dx, dw, db


@mistake(affine_backward, "Changing b does not change your output.", half="forward")
def bias_left_out(x, w, b):
    return x @ w.T, (x, w)


@mistake(
    affine_backward, "Raise b[0] by 1: which column of the output rises, and by how much in yours?", half="forward"
)
def bias_counted_for_every_feature(x, w, b):
    return x @ w.T + x.shape[1] * b, (x, w)


# -- a batch of pictures ----------------------------------------------------------------------------------------------


def affine_flat_forward(x: Float[ndarray, "N H W"], w: Float[ndarray, "M H*W"], b: Float[ndarray, "M"]):
    """An affine layer over pictures: return (out, cache) with out of shape (N, M). Lecture S0-03.

    Each picture of x is flattened, row after row, to H*W numbers; out is those times the transpose of w, plus b.
    """
    ### BEGIN SOLUTION
    expect_shapes(affine_flat_forward, x, w, b)
    return x.reshape(len(x), -1) @ w.T + b, (x, w)
    ### END SOLUTION


@exercise(
    affine_flat_forward,
    points=2,
    rows=("S0-03", "S0-05", "S0-06"),
    hints=(
        "Flattening is a step of the forward: what does the backward do with it?",
        "Only the shape is changed, and no number: the way back changes the shape again, into that of x.",
    ),
    edges={
        "a batch of 1": {"N": 1},
        "pictures of one row": {"H": 1},
        "pictures of one column": {"W": 1},
        "one unit": {"M": 1},
    },
)
def affine_flat_backward(dout, cache):
    """Gradients of an affine layer over pictures: return (dx, dw, db), each of its input's shape, given dout (N, M).

    dx is (N, H, W), dw (M, H*W), db (M,). Lectures S0-05 and S0-06, for one vector.
    """
    ### BEGIN SOLUTION
    # With $f_{n,\,iW+j} = x_{nij}$ it is an affine layer of $f$, and $\bar x_{nij} = \bar f_{n,\,iW+j}$.
    x, w = cache
    return (dout @ w).reshape(x.shape), dout.T @ x.reshape(len(x), -1), dout.sum(axis=0)
    ### END SOLUTION


@mistake(affine_flat_backward, "Your forward flattened x: backward must undo it.")
def input_gradient_left_flat(dout, cache):
    dx, dw, db = affine_flat_backward(dout, cache)
    return dx.reshape(len(dx), -1), dw, db


@mistake(affine_flat_backward, "The numbers of dx are right, but not in their places: which axis moves fastest?")
def folded_column_by_column(dout, cache):
    dx, dw, db = affine_flat_backward(dout, cache)
    n, height, width = dx.shape
    return dx.reshape(n, width, height).transpose(0, 2, 1).copy(), dw, db


@mistake(affine_flat_backward, "Is your dx (N, H, W), or are its last two axes the other way round?")
def sides_swapped(dout, cache):
    dx, dw, db = affine_flat_backward(dout, cache)
    return dx.transpose(0, 2, 1).copy(), dw, db


@mistake(affine_flat_backward, "The layer multiplies flattened pictures: in the order of dw, which pixel comes second?")
def weights_for_pixels_column_by_column(dout, cache):
    x, _ = cache
    dx, _, db = affine_flat_backward(dout, cache)
    return dx, dout.T @ x.transpose(0, 2, 1).reshape(len(x), -1), db


@mistake(affine_flat_backward, "w is (M, H*W): a gradient has exactly the shape of the thing it is the gradient of.")
def weights_folded_to_pictures(dout, cache):
    dx, dw, db = affine_flat_backward(dout, cache)
    return dx, dw.reshape(len(dw), *dx.shape[1:]), db


@mistake(affine_flat_backward, "A gradient has the shape of the thing it is the gradient of: is your db as b is?")
def bias_of_the_flat_layer_with_an_extra_axis(dout, cache):
    dx, dw, _ = affine_flat_backward(dout, cache)
    return dx, dw, dout.sum(axis=0, keepdims=True)


@mistake(affine_flat_backward, "Are the pictures' shares of w and b added up in the forward, or averaged?")
def mean_over_the_pictures(dout, cache):
    dx, dw, db = affine_flat_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake(affine_flat_backward, "One number came out for db: over which axis is b shared?")
def bias_of_the_flat_layer_summed_over_everything(dout, cache):
    dx, dw, _ = affine_flat_backward(dout, cache)
    return dx, dw, np.sum(dout)


@mistake(
    affine_flat_backward,
    "Flatten row after row: in your order the second number is a pixel's lower neighbour.",
    half="forward",
)
def flattened_column_by_column(x, w, b):
    return x.transpose(0, 2, 1).reshape(len(x), -1) @ w.T + b, (x, w)


@mistake(affine_flat_backward, "Each row of the flat array should hold one picture: do yours mix them?", half="forward")
def pictures_mixed(x, w, b):
    return x.reshape(-1, len(x)).T @ w.T + b, (x, w)


@mistake(affine_flat_backward, "Changing b does not change your output.", half="forward")
def bias_of_the_flat_layer_left_out(x, w, b):
    return x.reshape(len(x), -1) @ w.T, (x, w)


# -- with a ReLU behind it --------------------------------------------------------------------------------------------


def affine_relu_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """The layer h = ReLU(x w^T + b): return (out, cache) with out of shape (N, M). Lecture S3-20."""
    ### BEGIN SOLUTION
    expect_shapes(affine_relu_forward, x, w, b)
    out = np.maximum(x @ w.T + b, 0)
    return out, (x, w, out)
    ### END SOLUTION


@exercise(
    affine_relu_forward,
    points=3,
    rows=("S3-20",),
    hints=(
        "Name the steps: c = x w^T, a = c + b, h = ReLU(a). Go back through them in reverse, one at a time.",
        "Where a is negative h does not move: nothing passes there, to none of the three gradients.",
        "What is left behind the mask is the upstream gradient of an affine layer.",
    ),
    edges={
        "a batch of 1": {"N": 1},
        "one unit": {"M": 1},
        "one feature": {"D": 1},
        "every unit on": {"b": (60, 80)},
        "every unit off": {"b": (-80, -60)},
    },
)
def affine_relu_backward(dout, cache):
    """Gradients of h = ReLU(x w^T + b): return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lecture S3-20; in its handwritten line for dL/da the last factor should read dL/dh. Where x w^T + b is exactly 0
    the lecture takes the slope 0; any slope from 0 to 1 is accepted there.
    """
    ### BEGIN SOLUTION
    # With $a = xw^\top + b$ and $h = \max(a, 0)$, for a batch of rows:
    # $$\bar a = 1\{a>0\}\odot\bar h,\qquad \bar x = \bar a\,w,\qquad \bar w = \bar a^\top x,\qquad
    #   \bar b = \textstyle\sum_n \bar a_n,$$
    # and $a > 0$ just where $h > 0$.
    x, w, out = cache
    da = dout * (out > 0)
    return da @ w, da.T @ x, da.sum(axis=0)
    ### END SOLUTION


def _behind_the_mask(da, cache):
    x, w, _ = cache
    return da @ w, da.T @ x, da.sum(axis=0)


@mistake(affine_relu_backward, "Where the ReLU gives 0, does its output move with x, w or b?")
def relu_passed_straight_through(dout, cache):
    return _behind_the_mask(dout, cache)


@mistake(affine_relu_backward, "b is added before the ReLU: which gradient reaches it?")
def bias_before_the_mask(dout, cache):
    dx, dw, _ = affine_relu_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


@mistake(affine_relu_backward, "w lies below the ReLU: can an example for which a unit is off change its weights?")
def weights_before_the_mask(dout, cache):
    dx, _, db = affine_relu_backward(dout, cache)
    return dx, dout.T @ cache[0], db


@mistake(affine_relu_backward, "x lies below the ReLU: does it hear from units that are off?")
def input_before_the_mask(dout, cache):
    _, dw, db = affine_relu_backward(dout, cache)
    return dout @ cache[1], dw, db


@mistake(affine_relu_backward, "There is one ReLU, and it is above the affine map: are the inputs masked as well?")
def masked_at_the_input_too(dout, cache):
    dx, dw, db = affine_relu_backward(dout, cache)
    return dx * (cache[0] > 0), dw, db


@mistake(affine_relu_backward, "What decides whether a unit passes the gradient on: the gradient's sign, or that of a?")
def layer_masked_by_the_upstream(dout, cache):
    return _behind_the_mask(dout * (dout > 0), cache)


@mistake(affine_relu_backward, "Which units does the gradient pass: those that are on, or those that are off?")
def units_that_are_off(dout, cache):
    return _behind_the_mask(dout * (cache[2] <= 0), cache)


@mistake(affine_relu_backward, "That is the value of ReLU; its slope is something else.")
def multiplied_by_the_layers_output(dout, cache):
    return _behind_the_mask(dout * cache[2], cache)


@mistake(affine_relu_backward, "Your gradients do not depend on dout: the mask is one factor of two.")
def layer_without_upstream(dout, cache):
    return _behind_the_mask(1.0 * (cache[2] > 0), cache)


@mistake(affine_relu_backward, "Copy first: another consumer of dout would now receive your masked gradient.")
def masked_in_the_callers_array(dout, cache):
    dout[cache[2] <= 0] = 0
    return _behind_the_mask(dout, cache)


@mistake(affine_relu_backward, "Is anything in the forward divided by the number of examples?")
def mean_over_the_batch_below_the_relu(dout, cache):
    dx, dw, db = affine_relu_backward(dout, cache)
    return dx, dw / len(dout), db / len(dout)


@mistake(affine_relu_backward, "A gradient has exactly the shape of the thing it is the gradient of: db is (M,).")
def bias_below_the_relu_with_an_extra_axis(dout, cache):
    dx, dw, db = affine_relu_backward(dout, cache)
    return dx, dw, db[None]


@mistake(affine_relu_backward, "Can your output be negative?", half="forward")
def affine_without_its_relu(x, w, b):
    return x @ w.T + b, (x, w, x @ w.T + b)


@mistake(affine_relu_backward, "In which order do the bias and the ReLU come?", half="forward")
def bias_added_behind_the_relu(x, w, b):
    out = np.maximum(x @ w.T, 0) + b
    return out, (x, w, out)


@mistake(affine_relu_backward, "Changing b does not change your output.", half="forward")
def relu_layer_without_its_bias(x, w, b):
    out = np.maximum(x @ w.T, 0)
    return out, (x, w, out)


@mistake(affine_relu_backward, "Compare your output with max(a, 0) on a few numbers.", half="forward")
def layer_of_steps(x, w, b):
    out = 1.0 * (x @ w.T + b > 0)
    return out, (x, w, out)


# -- a step of gradient descent ---------------------------------------------------------------------------------------


@exercise(
    kind="value",
    rows=("S3-21",),
    hints=(
        "First the gradient of w: its shape is w's, and every example adds its share.",
        "The gradient points uphill, and the loss should fall; rate says how far to go.",
        "Work it out with h = 0: what is the step, whatever dz is?",
    ),
    edges={
        "inputs that are 0": {"h": (0, 0)},
        "one input that is 0": {
            "h": lambda rng, sizes: rng.normal(size=(sizes["N"], sizes["D"])) * (np.arange(sizes["D"]) > 0)
        },
        "a batch of 1": {"N": 1},
        "rate of 1": {"rate": 1.0},
        "rate of 0": {"rate": 0.0},
    },
)
def sgd_step(w: Float[ndarray, "M D"], h: Float[ndarray, "N D"], dz: Float[ndarray, "N M"], rate: float = 0.1):
    """A step of gradient descent for the weights of z = h w^T: return the new weights, of shape (M, D).

    dz (N, M) is the gradient of the loss with respect to z, h (N, D) what the layer below gives. w itself stays as it
    is. Lecture S3-21: where h is 0 the step is 0, however large the error is.
    """
    ### BEGIN SOLUTION
    # $w \leftarrow w - \epsilon\,\partial L/\partial w$ with $\partial L/\partial w = \bar z^\top h$: 0 for $h = 0$.
    expect_shapes(sgd_step, w, h, dz)
    return w - rate * dz.T @ h
    ### END SOLUTION


@mistake(sgd_step, "Does the loss fall or rise along your step?")
def step_uphill(w, h, dz, rate=0.1):
    return w + rate * dz.T @ h


@mistake(sgd_step, "Your step is as long for every rate.")
def step_without_a_rate(w, h, dz, rate=0.1):
    return w - dz.T @ h


@mistake(sgd_step, "That is the step: where does it start?")
def step_alone(w, h, dz, rate=0.1):
    return -rate * dz.T @ h


@mistake(sgd_step, "Work on a copy: the caller still needs the old weights.")
def stepped_in_the_callers_array(w, h, dz, rate=0.1):
    w -= rate * dz.T @ h
    return w.copy()


@mistake(sgd_step, "dz is given, and all that is asked for is what follows from it: is anything divided by N?")
def step_of_the_mean(w, h, dz, rate=0.1):
    return w - rate * dz.T @ h / len(h)


@mistake(sgd_step, "With h = 0 your weights still move: what multiplies dz in the gradient of w?")
def step_of_the_bias(w, h, dz, rate=0.1):
    return w - rate * dz.sum(axis=0)[:, None]


@mistake(sgd_step, "The step is rate times the gradient: a small gradient makes a small step.")
def step_by_the_sign(w, h, dz, rate=0.1):
    return w - rate * np.sign(dz.T @ h)


@mistake(sgd_step, "A step should be proportional to the gradient: yours is of one length, whatever it is.")
def step_of_one_length(w, h, dz, rate=0.1):
    step = dz.T @ h
    return w - rate * step / max(np.linalg.norm(step), 1e-300)


@mistake(sgd_step, "Every example takes part in the step.")
def step_of_one_example(w, h, dz, rate=0.1):
    return w - rate * np.outer(dz[0], h[0])


@mistake(sgd_step, "At a gradient of 0 your weights shrink: what does the rate multiply?")
def weights_shrunk_by_the_rate(w, h, dz, rate=0.1):
    return (1 - rate) * w - rate * dz.T @ h
