"""Gates and staged expressions of plain numbers."""

import autograd.numpy as np

from .case import Bank, point

bank = Bank()


def sigma(x):
    return 1 / (1 + np.exp(-x))


def add(x, y):
    return x + y, None


def add_backward(dout, cache):
    return dout * 1.0, dout * 1.0


bank.right("add_gate", add, add_backward, point(-2.0, 5.0))
bank.wrong("add_gate_halves", add, lambda dout, _: (dout / 2, dout / 2), point(-2.0, 5.0), cause="factor|0.5|half")
bank.wrong("add_gate_second_sign", add, lambda dout, _: (dout * 1.0, -dout), point(-2.0, 5.0), cause="sign")
bank.wrong(
    "add_gate_times_inputs", lambda x, y: (x + y, (x, y)), lambda dout, c: (dout * c[0], dout * c[1]), point(-2.0, 5.0)
)


def mul(x, y):
    return x * y, (x, y)


bank.right("mul_gate", mul, lambda dout, c: (dout * c[1], dout * c[0]), point(3.0, -4.0))
bank.wrong(
    "mul_gate_swapped",
    mul,
    lambda dout, c: (dout * c[0], dout * c[1]),
    point(3.0, -4.0),
    cause="order|swap|derivative is x",
)
bank.wrong("mul_gate_ignores_dout", mul, lambda dout, c: (c[1], c[0]), point(3.0, -4.0), cause="dout|upstream")


def divide(x, y):
    return x / y, (x, y)


bank.right("divide_gate", divide, lambda dout, c: (dout / c[1], -dout * c[0] / c[1] ** 2), point(1.5, -0.7))
bank.wrong(
    "divide_gate_precedence",
    divide,
    lambda dout, c: (dout / c[1], -dout * c[0] / c[1] * c[1]),
    point(1.5, -0.7),
    note="a / b * b for a / (b * b)",
)
bank.wrong(
    "divide_gate_no_minus",
    divide,
    lambda dout, c: (dout / c[1], dout * c[0] / c[1] ** 2),
    point(1.5, -0.7),
    cause="sign",
)


def maximum(x, y):
    return np.maximum(x, y), x > y


bank.right("max_gate", maximum, lambda dout, won: (dout * won, dout * (1 - won)), point(2.0, -1.0))
bank.wrong(
    "max_gate_loser",
    maximum,
    lambda dout, won: (dout * (1 - won), dout * won),
    point(2.0, -1.0),
    cause="order|swap|mask|loser",
)
bank.wrong(
    "max_gate_both", maximum, lambda dout, won: (dout * 1.0, dout * 1.0), point(2.0, -1.0), cause="mask|loser|zero"
)


def product_of_sum(x, y, z):
    q = x + y
    return q * z, (q, z)


bank.right(
    "product_of_sum", product_of_sum, lambda dout, c: (dout * c[1], dout * c[1], dout * c[0]), point(-2.0, 5.0, -4.0)
)
bank.wrong(
    "product_of_sum_one",
    product_of_sum,
    lambda dout, c: (dout * c[1], dout * c[0], dout * c[0]),
    point(-2.0, 5.0, -4.0),
)


def neuron(w0, x0, w1, x1, w2):
    out = sigma(w0 * x0 + w1 * x1 + w2)
    return out, (w0, x0, w1, x1, out)


def neuron_backward(dout, cache, slope=lambda out: out * (1 - out)):
    w0, x0, w1, x1, out = cache
    ddot = dout * slope(out)
    return x0 * ddot, w0 * ddot, x1 * ddot, w1 * ddot, ddot


NEURON = point(2.0, -1.0, -3.0, -2.0, -3.0)
bank.right("neuron", neuron, lambda dout, c: neuron_backward(dout, c), NEURON)
bank.wrong(
    "neuron_slope_of_input",
    neuron,
    lambda dout, c: neuron_backward(dout, c, lambda s: sigma(s) * (1 - sigma(s))),
    NEURON,
    cause="factor|activat",
)
bank.wrong(
    "neuron_slope_plus", neuron, lambda dout, c: neuron_backward(dout, c, lambda s: s * (1 + s)), NEURON, cause="factor"
)
bank.wrong(
    "neuron_no_slope",
    neuron,
    lambda dout, c: neuron_backward(dout, c, lambda s: 1.0),
    NEURON,
    cause="factor|activation|slope",
)


def staged(x, y):
    sigy = sigma(y)
    num = x + sigy
    sigx = sigma(x)
    xpy = x + y
    den = sigx + xpy**2
    return num / den, (sigx, sigy, num, xpy, den)


def staged_backward(dout, cache, overwrite=False, chain=True, forget_square=False, sign=-1):
    sigx, sigy, num, xpy, den = cache
    dnum = dout / den
    dden = sign * dout * num / den**2
    dxpy = 2 * xpy * dden
    if forget_square:
        dxpy = dden
    dx, dy = dxpy, dxpy
    dsigx = dden * (sigx * (1 - sigx) if chain else 1.0)
    if overwrite:
        dx, dy = dnum, dnum * sigy * (1 - sigy)
    else:
        dx, dy = dx + dsigx + dnum, dy + dnum * sigy * (1 - sigy)
    return dx, dy


def staged_by(**switches):
    return lambda dout, cache: staged_backward(dout, cache, **switches)


bank.right("staged", staged, staged_by(), point(3.0, -4.0))
bank.wrong("staged_overwritten", staged, staged_by(overwrite=True), point(3.0, -4.0))
bank.wrong("staged_sigmoid_passed_through", staged, staged_by(chain=False), point(3.0, -4.0))
bank.wrong("staged_square_passed_through", staged, staged_by(forget_square=True), point(3.0, -4.0))
bank.wrong("staged_inverse_sign", staged, staged_by(sign=1), point(3.0, -4.0))


def power(x, y):
    return x**y, (x, y)


bank.right(
    "power_of_two_numbers",
    power,
    lambda dout, c: (dout * c[1] * c[0] ** (c[1] - 1), dout * c[0] ** c[1] * np.log(c[0])),
    point(1.7, 2.6),
)
bank.wrong(
    "power_without_log",
    power,
    lambda dout, c: (dout * c[1] * c[0] ** (c[1] - 1), dout * c[0] ** c[1]),
    point(1.7, 2.6),
    cause="factor|local",
)
bank.wrong(
    "power_without_exponent",
    power,
    lambda dout, c: (dout * c[0] ** (c[1] - 1), dout * c[0] ** c[1] * np.log(c[0])),
    point(1.7, 2.6),
    cause="factor",
)


# Plain functions, differentiated by the function beside them.
def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def rosenbrock_grad(x, y):
    return -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)


bank.right("rosenbrock", rosenbrock, rosenbrock_grad, point(-1.2, 1.0), style="gradient")
bank.wrong(
    "rosenbrock_200",
    rosenbrock,
    lambda x, y: (-2 * (1 - x) - 200 * x * (y - x**2), 200 * (y - x**2)),
    point(-1.2, 1.0),
    style="gradient",
    note="the inner 2x is missing its 2",
)
bank.wrong(
    "rosenbrock_sign",
    rosenbrock,
    lambda x, y: (2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
    point(-1.2, 1.0),
    style="gradient",
)


def ratio(x, y):
    return (x * y + np.sin(x)) / (1 + y**2)


def ratio_backward(dout, x, y):
    den = 1 + y**2
    return dout * (y + np.cos(x)) / den, dout * (x / den - (x * y + np.sin(x)) * 2 * y / den**2)


def ratio_forgets_denominator(dout, x, y):
    den = 1 + y**2
    return dout * (y + np.cos(x)) / den, dout * x / den


bank.right("ratio", ratio, ratio_backward, point(0.8, -1.3), style="inputs")
bank.wrong("ratio_forgets_denominator", ratio, ratio_forgets_denominator, point(0.8, -1.3), style="inputs")


def two_outputs(x, y):
    return x * y, x + y**2, (x, y)


bank.right(
    "two_outputs",
    two_outputs,
    lambda da, db, c: (da * c[1] + db, da * c[0] + 2 * db * c[1]),
    point(0.4, -1.1),
    style="several",
    outs=2,
)
bank.wrong(
    "two_outputs_second_dropped",
    two_outputs,
    lambda da, db, c: (da * c[1], da * c[0]),
    point(0.4, -1.1),
    style="several",
    outs=2,
)
bank.wrong(
    "two_outputs_upstreams_swapped",
    two_outputs,
    lambda db, da, c: (da * c[1] + db, da * c[0] + 2 * db * c[1]),
    point(0.4, -1.1),
    style="several",
    outs=2,
    cause="order|swap|upstream",
)
