"""Real-time recurrent learning: the gradient of a sequence's loss, carried forward in time and with constant memory."""

from numpy import ndarray

from checker import Float, task


@task(kind="value", points=3, rows=("S1-17",), edges={"one unit": {"H": 1}, "no influence yet": {"m": (0, 0)}})
def rtrl_step(m: Float[ndarray, "H H P"], j: Float[ndarray, "H H"], m_bar: Float[ndarray, "H H P"]):
    """Carry the influence of the weights one step on: return the new influence, of shape (H, H, P).

    m[k, i, j] is the derivative of the old state's unit k by w[i, j] through all past uses of w, j the Jacobian of the
    new state by the old one, and m_bar the immediate influence on the new state. Lecture S1-17, which says that M
    collects the effects of all past uses.
    """
    raise NotImplementedError  # your answer goes here


@task(kind="value", points=2, rows=("S1-17",), edges={"one unit": {"H": 1}})
def rtrl_grad(q: Float[ndarray, "H"], m: Float[ndarray, "H H P"]):
    """The derivative of one time's loss by the weights: return an array of shape (H, P).

    q is the derivative of the loss by the state of the same time, m[k, i, j] that of unit k of the state by w[i, j].
    Lecture S1-17, which says "use M to calculate gradient" and stops there.
    """
    raise NotImplementedError  # your answer goes here


@task(
    kind="stream",
    arguments={"steps": (Float[ndarray, "T D"], Float[ndarray, "T O"])},
    points=6,
    rows=("S1-17",),
    edges={
        "one step": {"T": 1},
        "twelve steps": {"T": 12},
        "one unit": {"H": 1},
        "one output": {"O": 1},
        "a first state of 0": {"a0": (0, 0)},
    },
)
def rtrl(
    steps,
    a0: Float[ndarray, "H"],
    w: Float[ndarray, "H H"],
    w_in: Float[ndarray, "H D"],
    b: Float[ndarray, "H"],
    w_out: Float[ndarray, "O H"],
):
    """The gradient of a sequence's loss by the stacked [w, w_in, b], by real-time recurrent learning.

    steps gives (x_t, y_t), of shapes (D,) and (O,), one time after the other, and only once. The state is
    a_t = tanh(w a_{t-1} + w_in x_t + b), and its loss half the squared distance of w_out a_t from y_t. Return the
    gradient of the sum of the losses, of shape (H, H+D+1): what backpropagation through time gives, but with memory
    that does not grow with the number of steps. Lecture S1-17.
    """
    raise NotImplementedError  # your answer goes here
