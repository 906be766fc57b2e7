"""Gates of two numbers: the three patterns that every backward pass is made of."""

from checker import exercise, mistake


def add_forward(x: float, y: float):
    """The sum of x and y: return (out, cache). Lectures S3-01 and S4-11."""
    ### BEGIN SOLUTION
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
    """Gradients of out = x + y, given dout = dL/dout: return (dx, dy), both scalars. Lectures S3-01 and S4-11."""
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
    """Gradients of out = x y, given dout = dL/dout: return (dx, dy), both scalars. Lectures S3-02 and S4-02."""
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
    """Gradients of out = max(x, y), given dout = dL/dout: return (dx, dy), both scalars. Lecture S3-03.

    At a tie the lecture's rule gives both inputs 0; any split whose parts add up to dout is accepted.
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
