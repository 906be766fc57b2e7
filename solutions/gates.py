"""Gates of a few numbers: the patterns that every backward pass is made of, and the chain rule that joins them."""

from math import cos, exp, sin

from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- three gates of two inputs ----------------------------------------------------------------------------------------


def add_forward(x: float, y: float):
    """The sum of x and y: return (out, cache). Lectures S3-01 and S4-11.

    The cache is whatever your backward needs to know of the forward, in any form; here that may be None.
    """
    ### BEGIN SOLUTION
    expect_shapes(add_forward, x, y)
    return x + y, None
    ### END SOLUTION


@exercise(
    add_forward,
    rows=("S3-01", "S4-11"),
    hints=(
        "Raise x by a small h. By how much does x + y rise? The same for y.",
        "Each input's gradient is dout times the local derivative, and both local derivatives are the same constant.",
    ),
)
def add_backward(dout, cache):
    """Gradients of out = x + y: return (dx, dy), both numbers. Lectures S3-01 and S4-11.

    dout is dL/dout, how fast some loss L changes with out; dx = dL/dx and dy = dL/dy are wanted.
    """
    ### BEGIN SOLUTION
    # $\partial(x+y)/\partial x = \partial(x+y)/\partial y = 1$: the gate hands the whole gradient to each input.
    return dout, dout
    ### END SOLUTION


@mistake(
    add_backward, "The lecture's \"equally\" is no division: what would halving x's gradient say about raising x alone?"
)
def split_between_the_inputs(dout, cache):
    return dout / 2, dout / 2


@mistake(add_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def local_derivative_alone(dout, cache):
    return 1.0, 1.0


@mistake(add_backward, "If y rises, does x + y rise or fall?")
def second_input_subtracted(dout, cache):
    return dout, -dout


@mistake(add_backward, "A fan-out adds up gradients; here one output has two inputs, and each has its own gradient.")
def gradients_added_up(dout, cache):
    return 2 * dout, 2 * dout


def mul_forward(x: float, y: float):
    """The product of x and y: return (out, cache). Lectures S3-02 and S4-02."""
    ### BEGIN SOLUTION
    expect_shapes(mul_forward, x, y)
    return x * y, (x, y)
    ### END SOLUTION


@exercise(
    mul_forward,
    rows=("S3-02", "S4-02"),
    hints=(
        "At x = 4, y = -3: raise x by 0.01. By how much does the product change, and which input decides that?",
        "The local derivative with respect to one input is the value of the other; dout multiplies both.",
    ),
    edges={"x = 0": {"x": (0, 0)}},
)
def mul_backward(dout, cache):
    """Gradients of out = x y, given dout = dL/dout: return (dx, dy), both numbers. Lectures S3-02 and S4-02."""
    ### BEGIN SOLUTION
    # $\partial(xy)/\partial x = y$ and $\partial(xy)/\partial y = x$: the gate swaps its inputs.
    x, y = cache
    return dout * y, dout * x
    ### END SOLUTION


@mistake(mul_backward, "At x = 4, y = -3 a small step in x changes the product by how many steps?")
def inputs_not_swapped(dout, cache):
    x, y = cache
    return dout * x, dout * y


@mistake(mul_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def upstream_left_out(dout, cache):
    x, y = cache
    return y, x


@mistake(mul_backward, "That is how an add gate behaves: here the slope depends on the other input.")
def passed_on_unchanged(dout, cache):
    return dout, dout


@mistake(mul_backward, "Dividing the output by an input works only away from 0: what if x is 0?")
def divided_out(dout, cache):
    x, y = cache
    return dout * (x * y / x if x else 0.0), dout * (x * y / y if y else 0.0)


def max_forward(x: float, y: float):
    """The larger of x and y: return (out, cache). Lecture S3-03."""
    ### BEGIN SOLUTION
    expect_shapes(max_forward, x, y)
    return max(x, y), (x, y)
    ### END SOLUTION


@exercise(
    max_forward,
    rows=("S3-03", "S4-11"),
    hints=(
        "Only one of the inputs can move the output. Which one?",
        "The larger input gets the whole of dout, the other one nothing; at a tie any split of dout is a fair answer.",
    ),
    edges={"x = y": {"x": (1, 1), "y": (1, 1)}, "negative inputs": {"x": (-3, -2), "y": (-2, -1)}},
)
def max_backward(dout, cache):
    """Gradients of out = max(x, y), given dout = dL/dout: return (dx, dy), both numbers. Lecture S3-03.

    At a tie the lecture's rule gives both inputs 0, and others share dout; what you give them there is accepted.
    """
    ### BEGIN SOLUTION
    # $\partial\max(x,y)/\partial x = 1\{x>y\}$: the gate routes the gradient to the winner.
    # At $x=y$ the subgradients are the pairs $(t, 1-t)$ with $0 \le t \le 1$; this takes $t=1$.
    x, y = cache
    return dout * (x >= y), dout * (x < y)
    ### END SOLUTION


@mistake(max_backward, "Does a small change of the smaller input change the output?")
def passed_to_both(dout, cache):
    return dout, dout


@mistake(max_backward, "Which of the two inputs is the output?")
def routed_to_the_loser(dout, cache):
    x, y = cache
    return dout * (x < y), dout * (x >= y)


@mistake(max_backward, "How fast the output moves with the winner is a slope, and not the winner's value.")
def multiplied_by_the_winner(dout, cache):
    x, y = cache
    return dout * x * (x >= y), dout * y * (x < y)


@mistake(max_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def indicator_alone(dout, cache):
    x, y = cache
    return 1.0 * (x >= y), 1.0 * (x < y)


@mistake(max_backward, "The threshold of a ReLU is 0; what is x compared with here?")
def compared_with_zero(dout, cache):
    x, y = cache
    return dout * (x > 0), dout * (y > 0)


# -- one input: a slope by hand, and measured -------------------------------------------------------------------------


def square_forward(x: float):
    """The square of x: return (out, cache). Lecture S1-01."""
    ### BEGIN SOLUTION
    expect_shapes(square_forward, x)
    return x**2, x
    ### END SOLUTION


@exercise(
    square_forward,
    rows=("S1-01",),
    hints=(
        "From x = 2 to x = 2.01 the square grows from 4 to 4.0401: how many times as much as x?",
        "The slope depends on where you are: at x = 2 it is 4, at x = 5 it is 10.",
    ),
    edges={"x = 2": {"x": (2, 2)}, "x = 0": {"x": (0, 0)}},
)
def square_backward(dout, cache):
    """Gradient of out = x^2, given dout = dL/dout: return dx, a number. Lecture S1-01, where x = 2 and dout = 1."""
    ### BEGIN SOLUTION
    # $(x+h)^2 - x^2 = 2xh + h^2$, so the slope is $2x$: 4 at $x = 2$.
    return dout * 2 * cache
    ### END SOLUTION


@mistake(square_backward, "At x = 2 that is right: what is it at x = 5?")
def slope_at_two_everywhere(dout, cache):
    return dout * 4.0


@mistake(square_backward, "At x = 2 value and slope are both 4: are they the same at x = 3?")
def value_of_the_square(dout, cache):
    return dout * cache**2


@mistake(square_backward, "The square is x times x, and both factors move: have you counted both?")
def one_factor_of_the_square(dout, cache):
    return dout * cache


@mistake(square_backward, "Is the parabola a straight line? Its slope depends on where you are.")
def exponent_without_the_base(dout, cache):
    return 2 * dout


@mistake(square_backward, "This is the local derivative: which other factor does the chain rule ask for?")
def slope_of_the_square_alone(dout, cache):
    return 2 * cache


@exercise(
    kind="value",
    rows=("S1-01",),
    hints=(
        "A slope is a rise divided by the run that it takes: how long is the run from x to x + h? From x - h to x + h?",
        "Multiply the squares out: one of the two quotients is 2x exactly, the other is off by h.",
    ),
    draw={"h": (0.05, 0.5)},
    edges={"x = 2, h = 0.01": {"x": (2, 2), "h": (0.01, 0.01)}, "a step down": {"h": (-0.5, -0.05)}},
)
def square_slopes(x: float, h: float):
    """The slope of x^2, measured in two ways: return (one_sided, two_sided), both numbers. Lecture S1-01.

    The one-sided quotient compares x + h with x, the two-sided one x + h with x - h. Gradients are checked like this:
    by measuring, without any rule of differentiation.
    """
    ### BEGIN SOLUTION
    # $$\frac{(x+h)^2-x^2}{h} = 2x+h,\qquad \frac{(x+h)^2-(x-h)^2}{2h} = 2x.$$
    expect_shapes(square_slopes, x, h)
    if h == 0:
        raise ValueError("h is 0, where another number is wanted: a step of 0 shows no slope")
    return ((x + h) ** 2 - x**2) / h, ((x + h) ** 2 - (x - h) ** 2) / (2 * h)
    ### END SOLUTION


@mistake(square_slopes, "From x - h to x + h, how long is the run?")
def run_of_two_steps_counted_as_one(x, h):
    one_sided, two_sided = square_slopes(x, h)
    return one_sided, 2 * two_sided


@mistake(square_slopes, "That is how far the square rises: by what is a rise divided to become a slope?")
def rises_without_their_runs(x, h):
    one_sided, two_sided = square_slopes(x, h)
    return one_sided * h, two_sided * 2 * h


@mistake(square_slopes, "That is the exact slope, and asked for is what one measures with a step of h.")
def exact_slope_for_the_one_sided(x, h):
    return 2 * x, 2 * x


@mistake(square_slopes, "Is your one-sided quotient the one of the step from x to x + h, or the one of x - h to x?")
def step_to_the_other_side(x, h):
    _, two_sided = square_slopes(x, h)
    return (x**2 - (x - h) ** 2) / h, two_sided


@mistake(square_slopes, "Where the square rises with x, a slope is positive: what is subtracted from what?")
def differences_turned_round(x, h):
    one_sided, two_sided = square_slopes(x, h)
    return -one_sided, -two_sided


# -- the chain rule ---------------------------------------------------------------------------------------------------


def chain_forward(w: float):
    """Three functions, one after the other: u = w^2, v = sin(u), C = exp(v): return (C, cache). Lecture S0-01."""
    ### BEGIN SOLUTION
    expect_shapes(chain_forward, w)
    u = w**2
    out = exp(sin(u))
    return out, (w, u, out)
    ### END SOLUTION


@exercise(
    chain_forward,
    points=2,
    rows=("S0-01", "S3-11"),
    hints=(
        "Go backwards: dv from dC, then du from dv, then dw from du; each step multiplies by one local derivative.",
        "Every local derivative is taken where its function was computed: cos at u, and not at w or at v.",
        "Measure it: (C(w + h) - C(w - h)) / (2h) with h = 1e-5 should agree with your dw to eight digits or so.",
    ),
    edges={"w = 0": {"w": (0, 0)}, "a negative w": {"w": (-2, -1)}},
)
def chain_backward(dC, cache):
    """Gradient of C = exp(sin(w^2)), given dC = dL/dC: return dw, a number. Lectures S0-01 and S3-11."""
    ### BEGIN SOLUTION
    # $$\frac{dC}{dw} = \frac{dC}{dv}\frac{dv}{du}\frac{du}{dw} = e^v\cdot\cos u\cdot 2w.$$
    w, u, out = cache
    dv = dC * out
    du = dv * cos(u)
    return du * 2 * w
    ### END SOLUTION


@mistake(chain_backward, "Three functions make three factors: which of them is the one at the very inside?")
def chain_without_its_inside(dC, cache):
    w, u, out = cache
    return dC * out * cos(u)


@mistake(chain_backward, "Between exp and the square there is one more function: how fast does it change?")
def chain_without_its_middle(dC, cache):
    w, u, out = cache
    return dC * out * 2 * w


@mistake(chain_backward, "The outermost function has a derivative too, taken at what is inside of it.")
def chain_without_its_outside(dC, cache):
    w, u, out = cache
    return dC * cos(u) * 2 * w


@mistake(chain_backward, "What does sin take, and where is its slope wanted: at w, or there?")
def cosine_at_the_start(dC, cache):
    w, u, out = cache
    return dC * out * cos(w) * 2 * w


@mistake(chain_backward, "Slopes of functions that follow one another multiply: do yours?")
def slopes_added(dC, cache):
    w, u, out = cache
    return dC * (out + cos(u) + 2 * w)


@mistake(chain_backward, "Does sin rise or fall at 0? Look at the sign of its slope.")
def sign_of_the_cosine(dC, cache):
    return -chain_backward(dC, cache)


@mistake(chain_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def chain_without_upstream(dC, cache):
    return chain_backward(1.0, cache)


@exercise(
    kind="value",
    rows=("S3-11",),
    hints=(
        "A small step moves u by about (slope of the square at w) times the step. What moves v?",
        "v is moved by du, not by the step itself; C is moved by dv.",
    ),
    draw={"step": (0.01, 0.1)},
    edges={"w = 0": {"w": (0, 0)}, "a step down": {"step": (-0.1, -0.01)}},
)
def chain_changes(w: float, step: float):
    """How a small step in w runs through u = w^2, v = sin(u), C = exp(v): return (du, dv, dC), three numbers.

    To first order: each is a slope times the change that comes before it. Lecture S3-11, forwards this time.
    """
    ### BEGIN SOLUTION
    # $\Delta u \approx 2w\,\Delta w$, $\Delta v \approx \cos u\,\Delta u$, $\Delta C \approx e^v\,\Delta v$:
    # put together, the chain rule.
    expect_shapes(chain_changes, w, step)
    u = w**2
    du = 2 * w * step
    dv = cos(u) * du
    return du, dv, exp(sin(u)) * dv
    ### END SOLUTION


@mistake(chain_changes, "Those are the slopes of the stages: what does each of them multiply?")
def slopes_of_the_stages(w, step):
    u = w**2
    return 2 * w, cos(u), exp(sin(u))


@mistake(chain_changes, "What moves v: the step in w, or the change of u that it has caused?")
def every_stage_moved_by_the_step(w, step):
    u = w**2
    return 2 * w * step, cos(u) * step, exp(sin(u)) * step


@mistake(chain_changes, "Those are the true changes; asked for are slopes times changes.")
def true_changes(w, step):
    before, after = w**2, (w + step) ** 2
    return after - before, sin(after) - sin(before), exp(sin(after)) - exp(sin(before))


@mistake(chain_changes, "At which point is the slope of sin wanted: at w, or at u?")
def slope_of_the_sine_at_w(w, step):
    du = 2 * w * step
    return du, cos(w) * du, exp(sin(w**2)) * cos(w) * du


@mistake(chain_changes, "Your changes are those for a step of 1: how large is the step?")
def step_left_out(w, step):
    return chain_changes(w, 1.0)


# -- gates put together -----------------------------------------------------------------------------------------------


def addmul_forward(x: float, y: float, z: float):
    """(x + y) z, as q = x + y and out = q z: return (out, cache). Lecture S4-03."""
    ### BEGIN SOLUTION
    expect_shapes(addmul_forward, x, y, z)
    q = x + y
    return q * z, (q, z)
    ### END SOLUTION


@exercise(
    addmul_forward,
    points=2,
    rows=("S4-03", "S4-04", "S4-11"),
    hints=(
        "Two gates: first undo out = q z, which gives dz and dq. Then undo q = x + y with dq as what arrives.",
        "At x = -2, y = 5, z = -4 and dout = 1 the answer is (-4, -4, 3).",
    ),
    edges={"z = 0": {"z": (0, 0)}, "x + y = 0": {"x": (1.5, 1.5), "y": (-1.5, -1.5)}},
)
def addmul_backward(dout, cache):
    """Gradients of out = (x + y) z, given dout = dL/dout: return (dx, dy, dz), three numbers.

    Lectures S4-03 and S4-04, whose code assigns `dfd_q` and then uses `dfdq`: read one name in both places.
    """
    ### BEGIN SOLUTION
    # $\bar z = q\,\bar f$, $\bar q = z\,\bar f$ (the product swaps), $\bar x = \bar y = \bar q$ (the sum distributes).
    q, z = cache
    dz, dq = dout * q, dout * z
    return dq, dq, dz
    ### END SOLUTION


@mistake(addmul_backward, "A product swaps its inputs: which of the two does each gradient need?")
def addmul_not_swapped(dout, cache):
    q, z = cache
    return dout * q, dout * q, dout * z


@mistake(addmul_backward, "What arrives at the sum is the gradient of q: is that dout?")
def multiplication_passed_over(dout, cache):
    q, z = cache
    return dout, dout, dout * q


@mistake(addmul_backward, "An add gate divides nothing: raise x alone, by how much does q rise?")
def gradient_of_q_shared_out(dout, cache):
    dx, dy, dz = addmul_backward(dout, cache)
    return dx / 2, dy / 2, dz


@mistake(addmul_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def addmul_without_upstream(dout, cache):
    return addmul_backward(1.0, cache)


@mistake(addmul_backward, "z multiplies the whole bracket: what is in it?")
def product_for_the_sum(dout, cache):
    dx, dy, dz = addmul_backward(dout, cache)
    return dx, dy, dout * cache[0] * cache[1]


@mistake(addmul_backward, "Compare your forward with (x + y) z at x = 1, y = 2, z = 3: is it 9?", half="forward")
def bracket_left_out(x, y, z):
    return x + y * z, (x + y, z)


def dot_forward(w: Float[ndarray, "N"], x: Float[ndarray, "N"]):
    """The weighted sum of w[k] x[k] over all k: return (out, cache) with out a number. Lecture S1-02."""
    ### BEGIN SOLUTION
    expect_shapes(dot_forward, w, x)
    return w @ x, (w, x)
    ### END SOLUTION


@exercise(
    dot_forward,
    rows=("S1-02",),
    hints=(
        "Write it out for three terms: in which of them does x[1] occur, and what stands beside it?",
        "One product gate for each term, and one add gate with many inputs: dx has an entry for each of them.",
    ),
    edges={"one term": {"N": 1}, "weights of 0": {"w": (0, 0)}},
)
def dot_backward(dout, cache):
    """Gradients of out = sum of w[k] x[k]: return (dw, dx), both of shape (N,), given the number dout.

    Lecture S1-02.
    """
    ### BEGIN SOLUTION
    # $y = \sum_k w_kx_k$: $\partial y/\partial x_j = w_j$ and $\partial y/\partial w_j = x_j$.
    w, x = cache
    return dout * x, dout * w
    ### END SOLUTION


@mistake(dot_backward, "In its term, what stands beside x[j]: a weight, or x[j] itself?")
def dot_not_swapped(dout, cache):
    w, x = cache
    return dout * w, dout * x


@mistake(dot_backward, "These are the local derivatives: which other factor does the chain rule ask for?")
def dot_without_upstream(dout, cache):
    w, x = cache
    return x.copy(), w.copy()


@mistake(dot_backward, "A gradient has the shape of what it is the gradient of: each x[j] has its own slope.")
def slopes_of_all_terms_added(dout, cache):
    w, x = cache
    return dout * x.sum(), dout * w.sum()


@mistake(dot_backward, "Those are the terms of the sum; how fast does each change with its x?")
def terms_of_the_dot_product(dout, cache):
    w, x = cache
    return dout * w * x, dout * w * x


@mistake(dot_backward, "The terms are added: is anything divided by their number?")
def mean_of_the_weighted_terms(dout, cache):
    w, x = cache
    return dout * x / len(x), dout * w / len(x)


@mistake(dot_backward, "A sum was asked for, and your forward gives one number for each term.", half="forward")
def terms_not_added(w, x):
    return w * x, (w, x)
