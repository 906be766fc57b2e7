"""Fan-out: a value that is used several times gets a gradient along every path, and these are added."""

from math import cos, sin

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- the gate itself --------------------------------------------------------------------------------------------------


def fork_forward(x: float):
    """Two copies of x, for two consumers: return ((q1, q2), cache). Lecture S3-04."""
    ### BEGIN SOLUTION
    expect_shapes(fork_forward, x)
    return (x, x), None
    ### END SOLUTION


@exercise(
    fork_forward,
    rows=("S3-04",),
    hints=(
        "Raise x by a small h: by how much does q1 rise, and by how much q2? The loss feels both.",
        "The loss rises by dq1 h because of q1, and by dq2 h because of q2.",
    ),
)
def fork_backward(dq1, dq2, cache):
    """Gradient of q1 = q2 = x, given dq1 = dL/dq1 and dq2 = dL/dq2: return dx, a number. Lecture S3-04.

    Of copies, and of copies alone, the lecture's second line holds as it is printed.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial L}{\partial x} = \frac{\partial L}{\partial q_1}\cdot1 + \frac{\partial L}{\partial q_2}\cdot1$.
    return dq1 + dq2
    ### END SOLUTION


@mistake(fork_backward, "Both copies move the loss: what happens to the first gradient when the second one arrives?")
def first_copy_overwritten(dq1, dq2, cache):
    return dq2


@mistake(fork_backward, "x has two consumers, and you listen to one of them.")
def second_copy_ignored(dq1, dq2, cache):
    return dq1


@mistake(fork_backward, "Is anything divided by the number of copies? Raise x by 1: how far does each copy rise?")
def mean_of_the_copies(dq1, dq2, cache):
    return (dq1 + dq2) / 2


@mistake(fork_backward, "Slopes multiply along one path: what do they do where two paths meet?")
def copies_multiplied(dq1, dq2, cache):
    return dq1 * dq2


@mistake(fork_backward, "If both copies pull the loss the same way, is the pull on x strong or weak?")
def copies_subtracted(dq1, dq2, cache):
    return dq1 - dq2


# -- the law of total derivatives -------------------------------------------------------------------------------------


@exercise(
    kind="value",
    rows=("S0-02", "S1-03"),
    hints=(
        "Along path i, a step dw in w moves z[i] by dz_dw[i] dw. By how much does that move C?",
        "One product for each path, and all paths count: which operation on two vectors is that?",
    ),
    edges={"one path": {"N": 1}, "paths that lead nowhere": {"dC_dz": (0, 0)}},
)
def total_derivative(dC_dz: Float[ndarray, "N"], dz_dw: Float[ndarray, "N"]):
    """The derivative of C(z[0](w), z[1](w), ...) by the number w: return dC/dw, a number.

    dC_dz[i] = dC/dz[i] and dz_dw[i] = dz[i]/dw. Lectures S0-02 and S1-03.
    """
    ### BEGIN SOLUTION
    # $\frac{dC}{dw} = \sum_i \frac{\partial C}{\partial z_i}\frac{dz_i}{dw}$: a dot product.
    expect_shapes(total_derivative, dC_dz, dz_dw)
    return dC_dz @ dz_dw
    ### END SOLUTION


@mistake(total_derivative, "Those are the paths' shares; w is one number, and has one derivative.")
def shares_kept_apart(dC_dz, dz_dw):
    return dC_dz * dz_dw


@mistake(total_derivative, "How fast the z's move with w is left out.")
def paths_without_their_insides(dC_dz, dz_dw):
    return dC_dz.sum()


@mistake(total_derivative, "How fast C moves with the z's is left out.")
def paths_without_their_outsides(dC_dz, dz_dw):
    return dz_dw.sum()


@mistake(total_derivative, "Does path 1's slope meet path 2's? Multiply along a path first, then add.")
def sums_multiplied(dC_dz, dz_dw):
    return dC_dz.sum() * dz_dw.sum()


@mistake(total_derivative, "The shares of the paths are added: is anything divided by their number?")
def mean_of_the_total(dC_dz, dz_dw):
    return dC_dz @ dz_dw / len(dz_dw)


@mistake(total_derivative, "All paths count, and yours is the one that came last.")
def last_path_only(dC_dz, dz_dw):
    return dC_dz[-1] * dz_dw[-1]


# -- functions that use x more than once ------------------------------------------------------------------------------


def fanout_forward(x: float):
    """The product q1 q2 of q1 = x^2 and q2 = x^2: return (out, cache). Lecture S3-04.

    It is x^4, which tells you the answer; compute it by way of q1 and q2 all the same.
    """
    ### BEGIN SOLUTION
    expect_shapes(fanout_forward, x)
    q1, q2 = x**2, x**2
    return q1 * q2, (x, q1, q2)
    ### END SOLUTION


@exercise(
    fanout_forward,
    points=2,
    rows=("S3-04", "S4-05"),
    hints=(
        "First the product: which gradients arrive at q1 and at q2?",
        "Each path has one more step, from q back to x: multiply by its slope, and then add the paths.",
    ),
    edges={"x = 1.7": {"x": (1.7, 1.7)}, "x = 0": {"x": (0, 0)}},
)
def fanout_backward(dout, cache):
    """Gradient of out = q1 q2 with q1 = q2 = x^2, given dout = dL/dout: return dx, a number.

    Lecture S3-04, where dq[i]/dx should be in the second line as well (without it x = 1.7 gives 5.78 for 19.65), and
    S4-05.
    """
    ### BEGIN SOLUTION
    # $\frac{\partial L}{\partial x} = \sum_i\frac{\partial L}{\partial q_i}\frac{\partial q_i}{\partial x}
    #   = (q_2 + q_1)\,2x\,\bar f = 4x^3\bar f$.
    x, q1, q2 = cache
    dq1, dq2 = dout * q2, dout * q1
    return dq1 * 2 * x + dq2 * 2 * x
    ### END SOLUTION


@mistake(fanout_backward, "As printed: it holds for copies of x. How fast does q move with x here?")
def printed_rule_without_inner_derivatives(dout, cache):
    _, q1, q2 = cache
    return dout * q2 + dout * q1


@mistake(fanout_backward, "q1 and q2 both move with x: what happens to one path's gradient when the other arrives?")
def one_of_two_equal_paths(dout, cache):
    x, q1, q2 = cache
    return dout * q2 * 2 * x


@mistake(fanout_backward, "Slopes multiply along one path: what do they do where two paths meet?")
def paths_multiplied(dout, cache):
    x, q1, q2 = cache
    return dout * (q2 * 2 * x) * (q1 * 2 * x)


@mistake(fanout_backward, "Look at the derivative of x^2 once more: it depends on x.")
def slope_of_the_square_without_x(dout, cache):
    x, q1, q2 = cache
    return dout * (q2 + q1) * 2


@mistake(fanout_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def fanout_without_upstream(dout, cache):
    return fanout_backward(1.0, cache)


@mistake(fanout_backward, "A product was asked for: what is your output at x = 3?", half="forward")
def squares_added(x):
    return 2 * x**2, (x, x**2, x**2)


def paths_forward(x: float):
    """The number p q + q x with p = x^2 and q = sin(x): return (out, cache). Lecture S4-05."""
    ### BEGIN SOLUTION
    expect_shapes(paths_forward, x)
    p, q = x**2, sin(x)
    return p * q + q * x, (x, p, q)
    ### END SOLUTION


@exercise(
    paths_forward,
    points=3,
    rows=("S4-05", "S0-02"),
    hints=(
        "Draw the graph. Which arrows leave x, and which leave q?",
        "q is used in both terms: collect its whole gradient before you go from q to x.",
        "x reaches the output through p, through q, and directly in the second term: three gradients to add.",
    ),
    edges={"x = 0": {"x": (0, 0)}, "x = -1": {"x": (-1, -1)}},
)
def paths_backward(dout, cache):
    """Gradient of out = p q + q x with p = x^2 and q = sin(x), given dout: return dx, a number.

    Lecture S4-05, whose left side is the total derivative df/dx: the partial one, with p and q held, is q alone.
    """
    ### BEGIN SOLUTION
    # $$\bar p = q\,\bar f,\qquad \bar q = (p+x)\,\bar f,\qquad \bar x = 2x\,\bar p + \cos x\,\bar q + q\,\bar f.$$
    x, p, q = cache
    dp, dq = dout * q, dout * (p + x)
    return dp * 2 * x + dq * cos(x) + dout * q
    ### END SOLUTION


@mistake(paths_backward, "x stands in the formula itself, too: which path is the direct one?")
def direct_path_forgotten(dout, cache):
    x, p, q = cache
    return dout * (q * 2 * x + (p + x) * cos(x))


@mistake(paths_backward, "That is the partial derivative, with p and q held: do they stay where they are when x moves?")
def partial_for_the_total(dout, cache):
    _, _, q = cache
    return dout * q


@mistake(paths_backward, "q is a factor of both terms: have you collected its gradient from both?")
def first_use_of_q_alone(dout, cache):
    x, p, q = cache
    return dout * (q * 2 * x + p * cos(x) + q)


@mistake(paths_backward, "q is a factor of both terms: what became of the first one's share?")
def second_use_of_q_alone(dout, cache):
    x, p, q = cache
    return dout * (q * 2 * x + x * cos(x) + q)


@mistake(paths_backward, "One of the paths is missing: which one goes through the square?")
def path_through_p_forgotten(dout, cache):
    x, p, q = cache
    return dout * ((p + x) * cos(x) + q)


@mistake(paths_backward, "Between q and x there is a sine: where is its slope?")
def paths_without_inner_derivatives(dout, cache):
    x, p, q = cache
    return dout * (q + (p + x) + q)


@mistake(paths_backward, "What should happen to your answer if dout doubles?")
def paths_without_upstream(dout, cache):
    return paths_backward(1.0, cache)


# -- the same with arrays ---------------------------------------------------------------------------------------------


def skip_forward(x: Float[ndarray, "N D"]):
    """A skip connection around a tanh: return (out, cache) with out = x + tanh(x) of shape (N, D). Lecture S4-05."""
    ### BEGIN SOLUTION
    expect_shapes(skip_forward, x)
    h = np.tanh(x)
    return x + h, h
    ### END SOLUTION


@exercise(
    skip_forward,
    points=2,
    rows=("S4-05",),
    hints=(
        "x has two consumers: the sum itself, and the tanh. Which gradient does each of them send back?",
        "The slope of tanh is 1 - tanh^2. Leave dout as it came: the path around the tanh still needs it.",
    ),
    edges={"a batch of 1": {"N": 1}},
    overflow={"inputs of 1000": {"x": (900, 1100)}},
)
def skip_backward(dout, cache):
    """Gradient of out = x + tanh(x): return dx of shape (N, D), given dout (N, D). Lecture S4-05."""
    ### BEGIN SOLUTION
    # $\bar x = \bar o + (1-h^2)\odot\bar o$: the first path is there however flat the second one is.
    return dout + dout * (1 - cache**2)
    ### END SOLUTION


@mistake(skip_backward, "`dx = dout` makes no copy: what do you write into when you then add to dx?")
def added_into_the_upstream(dout, cache):
    dx = dout
    dx += dout * (1 - cache**2)
    return dx.copy()


@mistake(skip_backward, "`dx = dout` makes no copy: is dout still what came when you add it?")
def upstream_rescaled_before_its_second_use(dout, cache):
    dx = dout
    dx *= 1 - cache**2
    return dx + dout


@mistake(skip_backward, "Which path goes around the tanh?")
def skip_path_forgotten(dout, cache):
    return dout * (1 - cache**2)


@mistake(skip_backward, "x has two consumers: which of them have you not heard?")
def branch_forgotten(dout, cache):
    return dout * 1.0


@mistake(skip_backward, "Is h = tanh(x), or its slope, what the gradient is multiplied by?")
def value_of_the_branch(dout, cache):
    return dout + dout * cache


@mistake(skip_backward, "Is anything divided by the number of paths? Raise x where the tanh is flat.")
def mean_of_the_two_paths(dout, cache):
    return dout * (1 + (1 - cache**2)) / 2


@mistake(skip_backward, "Your answer is the same whatever dout is: the local derivative is one factor of two.")
def skip_without_upstream(dout, cache):
    return 2 - cache**2


def gain_forward(x: Float[ndarray, "N D"], g: Float[ndarray, "D"]):
    """Each row of x times g, entry by entry: return (out, cache) with out of shape (N, D). Lecture S0-02.

    g is used once for each row: broadcasting is a fan-out.
    """
    ### BEGIN SOLUTION
    expect_shapes(gain_forward, x, g)
    return x * g, (x, g)
    ### END SOLUTION


@exercise(
    gain_forward,
    points=2,
    rows=("S0-02", "S3-04"),
    hints=(
        "Take one column of two rows: out[0] = x[0] g and out[1] = x[1] g. Along how many paths does g reach the loss?",
        "Each row is a path: its share of dg is dout times x in that row. dg has g's shape: what happens to the rows?",
    ),
    edges={"a batch of 1": {"N": 1}, "one column": {"D": 1}},
)
def gain_backward(dout, cache):
    """Gradients of out = x g, given dout (N, D): return (dx, dg) of shapes (N, D) and (D,).

    Lectures S0-02 and S3-04.
    """
    ### BEGIN SOLUTION
    # $o_{nd} = x_{nd}g_d$, so $\bar x_{nd} = \bar o_{nd}g_d$ and $\bar g_d = \sum_n\bar o_{nd}x_{nd}$: a path per row.
    x, g = cache
    return dout * g, (dout * x).sum(axis=0)
    ### END SOLUTION


@mistake(gain_backward, "g is shared by the rows, and each row adds its share: is anything divided by their number?")
def mean_over_the_rows(dout, cache):
    dx, dg = gain_backward(dout, cache)
    return dx, dg / len(dout)


@mistake(gain_backward, "A gradient has exactly the shape of the thing it is the gradient of: compare dg's with g's.")
def gain_with_an_extra_axis(dout, cache):
    dx, dg = gain_backward(dout, cache)
    return dx, dg[None]


@mistake(gain_backward, "g has one entry for each column: what happens to the gradients of its many rows?")
def gain_not_summed(dout, cache):
    x, g = cache
    return dout * g, dout * x


@mistake(gain_backward, "One number came out, but g has an entry for each column: along which axis is it shared?")
def gain_summed_over_everything(dout, cache):
    x, g = cache
    return dout * g, np.sum(dout * x)


@mistake(gain_backward, "Every row uses g, and your dg hears from one of them.")
def last_row_only(dout, cache):
    x, g = cache
    return dout * g, dout[-1] * x[-1]


@mistake(gain_backward, "Multiply each row by its dout before you add the rows: one number per path.")
def rows_added_before_they_meet(dout, cache):
    x, g = cache
    return dout * g, dout.sum(axis=0) * x.sum(axis=0)


@mistake(gain_backward, "Your dg is the same whatever dout is: the local derivative is one factor of two.")
def gain_without_upstream(dout, cache):
    x, g = cache
    return dout * g, x.sum(axis=0)


@mistake(gain_backward, "How fast does x g move with x: does g play no part?")
def gain_left_out(dout, cache):
    x, g = cache
    return dout * 1.0, (dout * x).sum(axis=0)
