"""The affine layer out = x W^T + b, with weights of shape (out, in) as in the lectures."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, mistake


def affine_forward(x: Float[ndarray, "N D"], w: Float[ndarray, "M D"], b: Float[ndarray, "M"]):
    """Each row of x times the transpose of w, plus b: return (out, cache) with out of shape (N, M). Lecture S0-03."""
    ### BEGIN SOLUTION
    if x.shape[1:] != w.shape[1:] or b.shape != w.shape[:1]:
        raise ValueError(f"x {x.shape}, w {w.shape} and b {b.shape} should be (N, D), (M, D) and (M,)")
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
    edges={"a batch of 1": {"N": 1}, "one unit": {"M": 1}, "one feature": {"D": 1}},
)
def affine_backward(dout, cache):
    """Gradients of out = x w^T + b: return (dx, dw, db) of shapes (N, D), (M, D) and (M,), given dout (N, M).

    Lectures S0-05, S2-04 and S3-19; the gradient of b (S0-06) is left to you there.
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


@mistake(affine_backward, "Changing b does not change your output.", half="forward")
def bias_left_out(x, w, b):
    return x @ w.T, (x, w)
