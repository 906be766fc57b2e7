"""Real-time recurrent learning: the gradient of a sequence's loss, carried forward in time and with constant memory."""

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

# -- one step ---------------------------------------------------------------------------------------------------------


@exercise(
    kind="value",
    points=3,
    rows=("S1-17",),
    hints=(
        "The weights move the new state in two ways: at once, and through the state before, which they have moved too.",
        "The second way is a chain rule: how does the state before move the new one, and how do the weights move it?",
        "J[k, l] is the derivative of the new unit k by the old unit l: the sum runs over l.",
    ),
    edges={"one unit": {"H": 1}, "no influence yet": {"m": (0, 0)}},
)
def rtrl_step(m: Float[ndarray, "H H P"], j: Float[ndarray, "H H"], m_bar: Float[ndarray, "H H P"]):
    """Carry the influence of the weights one step on: return the new influence, of shape (H, H, P).

    m[k, i, j] is the derivative of the old state's unit k by w[i, j] through all past uses of w, j the Jacobian of the
    new state by the old one, and m_bar the immediate influence on the new state. Lecture S1-17, which says that M
    collects the effects of all past uses.
    """
    ### BEGIN SOLUTION
    # $$M^{(t)}_{kij} = \overline{M}^{(t)}_{kij} + \sum_l J^{(t)}_{kl}\,M^{(t-1)}_{lij}.$$
    expect_shapes(rtrl_step, m, j, m_bar)
    return m_bar + np.tensordot(j, m, 1)
    ### END SOLUTION


@mistake(rtrl_step, "J is square, so its shape does not tell: over which of its indices does the sum run?")
def influence_carried_by_the_transpose(m, j, m_bar):
    return m_bar + np.tensordot(j.T, m, 1)


@mistake(rtrl_step, "The old state moves the new one: what is left of the influence on it?")
def immediate_influence_for_the_whole(m, j, m_bar):
    return m_bar + 0.0


@mistake(rtrl_step, "The weights act in this step as well: where is their immediate influence?")
def influence_carried_alone(m, j, m_bar):
    return np.tensordot(j, m, 1)


@mistake(rtrl_step, "By how much does the new state move when the old one does? Your sum takes 1 for it.")
def influence_added_without_the_jacobian(m, j, m_bar):
    return m_bar + m


@mistake(rtrl_step, "m_bar is the influence on the new state already: which of the two terms goes through J?")
def both_influences_through_the_jacobian(m, j, m_bar):
    return np.tensordot(j, m_bar + m, 1)


@mistake(rtrl_step, "The new unit k hears of every old unit, not of unit k alone: which index is summed over?")
def diagonal_of_the_jacobian_carries(m, j, m_bar):
    return m_bar + np.diag(j)[:, None, None] * m


@mistake(rtrl_step, "The sum runs over the unit that the influence is on, not over the row of the weight.")
def summed_over_the_weights_row(m, j, m_bar):
    return m_bar + np.einsum("kl,ilp->ikp", j, m)


@exercise(
    kind="value",
    points=2,
    rows=("S1-17",),
    hints=(
        "How does the loss move with the state, and the state with w[i, j]?",
        "The loss is moved through every unit of the state: over which index is the sum?",
    ),
    edges={"one unit": {"H": 1}},
)
def rtrl_grad(q: Float[ndarray, "H"], m: Float[ndarray, "H H P"]):
    """The derivative of one time's loss by the weights: return an array of shape (H, P).

    q is the derivative of the loss by the state of the same time, m[k, i, j] that of unit k of the state by w[i, j].
    Lecture S1-17, which says "use M to calculate gradient" and stops there.
    """
    ### BEGIN SOLUTION
    # $$\frac{\partial l^{(t)}}{\partial W_{ij}} = \sum_k q^{(t)}_k\,M^{(t)}_{kij}.$$
    expect_shapes(rtrl_grad, q, m)
    return np.tensordot(q, m, 1)
    ### END SOLUTION


@mistake(rtrl_grad, "The first index of m is the unit that is moved, the second the row of the weight: which is q's?")
def summed_over_the_second_index(q, m):
    return np.einsum("i,kij->kj", q, m)


@mistake(rtrl_grad, "The loss is moved through every unit: what is done with their shares?")
def shares_of_the_units_not_added(q, m):
    return q[:, None, None] * m


@mistake(rtrl_grad, "How much does the loss care for each unit? Your sum takes all of them alike.")
def every_unit_alike(q, m):
    return m.sum(axis=0)


@mistake(rtrl_grad, "The shares of the units are added: is anything divided by their number?")
def mean_of_the_units(q, m):
    return np.tensordot(q, m, 1) / len(q)


@mistake(rtrl_grad, "The gradient of w has the shape of w: does the weight's row come first?")
def gradient_with_its_axes_turned(q, m):
    return np.tensordot(q, m, 1).T


@mistake(rtrl_grad, "A unit is moved by the weights of other units as well, through the past: do yours count?")
def own_weights_alone(q, m):
    return q[:, None] * np.einsum("kkp->kp", m)


# -- the algorithm ----------------------------------------------------------------------------------------------------


@exercise(
    kind="stream",
    arguments={"steps": (Float[ndarray, "T D"], Float[ndarray, "T O"])},
    points=6,
    rows=("S1-17",),
    hints=(
        "What has to be carried from one time to the next? Two arrays, beside the sum of the gradients.",
        "At each time: new state, its Jacobian, the immediate influence; then the influence; then the loss's share.",
        "Everything but the influence before belongs to the time of this step: the immediate influence as well.",
        "The parts are those that you have written before: the influence, the Jacobian, q, the step and the gradient.",
    ),
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
    ### BEGIN SOLUTION
    # $M^{(0)} = 0$, as $a^{(0)}$ does not depend on the weights; then at each time
    # $$M^{(t)} = \overline{M}^{(t)} + J^{(t)}M^{(t-1)},\qquad
    #   \frac{\partial\mathcal{L}}{\partial W} = \sum_t q^{(t)}M^{(t)}.$$
    expect_shapes(rtrl, steps, a0, w, w_in, b, w_out)
    units, inputs = w_in.shape
    m = np.zeros((units, units, units + inputs + 1))
    total = np.zeros(m.shape[1:])
    a, k = a0, np.arange(units)
    for x, y in steps:
        a_hat = np.concatenate([a, x, [1.0]])
        a = np.tanh(w @ a + w_in @ x + b)
        slope = 1 - a**2
        m = np.einsum("kl,lij->kij", slope[:, None] * w, m)
        m[k, k] += slope[:, None] * a_hat
        total += np.einsum("k,kij->ij", w_out.T @ (w_out @ a - y), m)
    return total
    ### END SOLUTION


def _influence(slope, a, x):
    """The immediate influence."""
    return np.diag(slope)[:, :, None] * np.concatenate([a, x, [1.0]])


def _rtrl(steps, a0, w, w_in, b, w_out, carry=None, share=np.tensordot, influence=_influence, late=False, before=False):
    """The algorithm with another way to carry the influence on, to use it, or to begin with it.

    `late`: the influence is used before it is carried on; `before`: the loss is that of the state before.
    """
    m = np.zeros((*w.shape, sum(w_in.shape) + 1))
    total, a = np.zeros(m.shape[1:]), a0
    for x, y in steps:
        old, a = a, np.tanh(w @ a + w_in @ x + b)
        slope = 1 - a**2
        j, m_bar = slope[:, None] * w, influence(slope, old, x)
        former, m = m, m_bar + np.tensordot(j, m, 1) if carry is None else carry(m, j, m_bar, a)
        q = w_out.T @ (w_out @ (old if before else a) - y)
        total = total + share(q, former if late else m, 1)
    return total


@mistake(rtrl, "J is square, so its shape does not tell: over which of its indices does the sum run?")
def jacobian_turned_at_every_step(steps, *weights):
    return _rtrl(steps, *weights, carry=lambda m, j, m_bar, a: m_bar + np.tensordot(j.T, m, 1))


@mistake(rtrl, "The influence begins anew at every step: what do earlier uses of the weights do to this loss?")
def influence_reset_each_step(steps, *weights):
    return _rtrl(steps, *weights, carry=lambda m, j, m_bar, a: m_bar)


@mistake(rtrl, "The influence grows by its new share alone: how does the old state move the new one?")
def influence_kept_without_the_jacobian(steps, *weights):
    return _rtrl(steps, *weights, carry=lambda m, j, m_bar, a: m + m_bar)


@mistake(rtrl, "The slope of tanh belongs to the old influence's way through this step as well.")
def influence_carried_without_the_slope(steps, a0, w, *weights):
    return _rtrl(steps, a0, w, *weights, carry=lambda m, j, m_bar, a: m_bar + np.tensordot(w, m, 1))


@mistake(rtrl, "At which time is the immediate influence taken: with the state that w multiplies in this step?")
def influence_of_the_state_that_is_written(steps, a0, w, w_in, b, w_out):
    def written(slope, a, x):
        return _influence(slope, np.tanh(w @ a + w_in @ x + b), x)

    return _rtrl(steps, a0, w, w_in, b, w_out, influence=written)


@mistake(rtrl, "The immediate influence of which time do you add: of this step or of the one before?")
def influence_of_the_step_before(steps, a0, w, w_in, *weights):
    kept = [np.zeros((*w.shape, sum(w_in.shape) + 1))]

    def delayed(slope, a, x):
        kept.append(_influence(slope, a, x))
        return kept.pop(0)

    return _rtrl(steps, a0, w, w_in, *weights, influence=delayed)


@mistake(rtrl, "Loss and influence belong to one time: is the influence of this step in yours when you use it?")
def influence_used_before_it_is_carried_on(steps, *weights):
    return _rtrl(steps, *weights, late=True)


@mistake(rtrl, "At which state is the loss of this time taken: the new one or the one before?")
def loss_of_the_state_before(steps, *weights):
    return _rtrl(steps, *weights, before=True)


@mistake(rtrl, "What is squared in a time's loss: the output, or its distance from the target?")
def targets_left_out(steps, *weights):
    return _rtrl(((x, 0 * y) for x, y in steps), *weights)


@mistake(rtrl, "Every time has its loss: what becomes of the gradients before the last one?")
def gradient_of_the_last_time_alone(steps, *weights):
    found = [0.0]

    def share(q, m, axes):
        before, found[0] = found[0], np.tensordot(q, m, axes)
        return found[0] - before

    return _rtrl(steps, *weights, share=share)


@mistake(rtrl, "The losses are added up: is anything divided by the number of steps?")
def rtrl_as_a_mean(steps, *weights):
    count = [0]

    def counted():
        for step in steps:
            count[0] += 1
            yield step

    return _rtrl(counted(), *weights) / count[0]


@mistake(rtrl, "The state of one step goes into the next: does yours start from a0 every time?")
def every_step_from_the_first_state(steps, *weights):
    total = 0.0
    for step in steps:
        total = total + _rtrl([step], *weights)
    return total


@mistake(rtrl, "The first axis is the unit that is written, the second what it reads: whose shape has yours?")
def rtrl_turned(steps, *weights):
    return _rtrl(steps, *weights).T


@mistake(rtrl, "The bias is stacked as the last column, where a_hat has its 1: has it a gradient in yours?")
def rtrl_without_the_bias(steps, *weights):
    found = _rtrl(steps, *weights)
    return np.concatenate([found[:, :-1], np.zeros_like(found[:, -1:])], axis=1)


@mistake(rtrl, "Right numbers, by the way back through time: what do you keep for it, and what if the steps never end?")
def backpropagation_through_time_in_disguise(steps, a0, w, w_in, b, w_out):
    states, inputs, errors = [a0], [], []
    for x, y in steps:
        inputs.append(x)
        states.append(np.tanh(w @ states[-1] + w_in @ x + b))
        errors.append(w_out @ states[-1] - y)
    total, later = np.zeros((len(a0), sum(w_in.shape) + 1)), np.zeros_like(a0)
    for t in reversed(range(len(inputs))):
        dh = (w_out.T @ errors[t] + later) * (1 - states[t + 1] ** 2)
        total += np.outer(dh, np.concatenate([states[t], inputs[t], [1.0]]))
        later = w.T @ dh
    return total
