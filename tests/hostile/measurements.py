"""Measurements that are made where the student's code lives: what keeps memory alive, how expressions are played."""

import copy

from .submission import LOOT, MARKS, MEASURED, Group, Notebook, cell, named, sent

group = Group("measurement")

#: The measurement of a name, made by another function.
FORGE = """
import checker.standin
def forge(name, function):
    for each in list(checker.standin.MEASUREMENTS):
        if each.endswith(name):
            checker.standin.MEASUREMENTS[each] = function
"""


def _measured(words: str, top: str, **answers: str) -> None:
    """Answers to the exercises named, none to the others."""

    def make(released: Notebook):
        notebook = copy.deepcopy(released)
        for name, text in answers.items():
            named(notebook, name)["source"] = text
        place = notebook["cells"].index(named(notebook, "freeze_backward"))
        notebook["cells"].insert(place, cell(LOOT + FORGE + top, "own-top"))
        return sent(notebook, MEASURED)

    group.files(words, make, MARKS, assignment=MEASURED)


#: Right gradients from a forward that keeps every activation, which costs all points.
KEPT = """
def freeze_forward(x, w1, w2, w3, w4, w5):
    hs = [x]
    for w in (w1, w2, w3, w4):
        hs.append(np.maximum(hs[-1] @ w.T, 0))
    return hs[-1] @ w5.T, (hs, w4, w5)


def freeze_backward(dout, cache):
    hs, w4, w5 = cache
    dz4 = dout @ w5 * (hs[4] > 0)
    dz3 = dz4 @ w4 * (hs[3] > 0)
    return dz3.T @ hs[2], dout.T @ hs[4]
"""
_measured(
    "memory that is kept is not told",
    """
import checker.retained
def least(forward, inputs):
    x, w1, w2, w3, w4, w5 = inputs
    h2 = np.zeros((len(x), len(w2)))
    h3, h4 = np.zeros((len(x), len(w3)), bool), np.zeros((len(x), len(w4)))
    return np.array(h2.nbytes + h3.nbytes + h4.nbytes)
forge("retained.retained", least)
""",
    freeze_backward=KEPT,
)

#: A class of numbers that only count themselves, and derivatives from differences of whole expressions.
NUMBERS = """
class Var:
    def __init__(self, value, parents=(), slopes=()):
        self.value, self.grad = value, 0.0
    def backward(self):
        pass
"""
_measured(
    "expressions are differentiated by differences",
    """
import math, operator
def played(variable, name, steps, calls):
    def values(bumped, by):
        found = []
        for place, (operation, operands) in enumerate(steps):
            given = [found[each] if type(each) is int else each for each in operands]
            known = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
                     "**": operator.pow, "var": lambda x: x, "neg": operator.neg, "exp": np.exp, "log": np.log,
                     "tanh": np.tanh, "relu": lambda x: x if x.real > 0 else 0 * x}
            found.append(known[operation](*given) + (by if place == bumped else 0))
        return found
    from checker.kinds.expressions import Expression, Step
    expression = Expression(name, tuple(Step(*step) for step in steps), tuple(calls))
    root = (expression.calls or (expression.root,))[-1]
    plain = values(-1, 0)
    slopes = [complex(values(place, 1e-30j)[root]).imag / 1e-30 for place in expression.compared]
    return [float(complex(plain[place]).real) for place in expression.compared], slopes, ""
forge("expressions._played", played)
""",
    Var=NUMBERS,
)

#: Backpropagation through all steps in the place of the algorithm that needs no memory of them.
_measured(
    "memory that grows is not told",
    """
forge("stream.growth", lambda function, inputs: (0.0, 1000, 1000))
forge("stream.needed", lambda function, inputs, count: 1000)
import checker.kinds.stream as stream
stream.growth = stream.needed = lambda *given: (0.0, 1000, 1000)
""",
    rtrl="""
def rtrl(steps, a0, w, w_in, b, w_out):
    states, xs, das = [a0], [], []
    for x, y in steps:
        states.append(np.tanh(w @ states[-1] + w_in @ x + b))
        das.append(w_out.T @ (w_out @ states[-1] - y))
        xs.append(x)
    total, da = np.zeros((len(a0), len(a0) + w_in.shape[1] + 1)), np.zeros_like(a0)
    for t in range(len(xs) - 1, -1, -1):
        dz = (da + das[t]) * (1 - states[t + 1] ** 2)
        total += np.outer(dz, np.concatenate([states[t], xs[t], [1.0]]))
        da = w.T @ dz
    return total
""",
)
