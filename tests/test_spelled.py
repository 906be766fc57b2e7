"""Expressions as plain code: a class gives there what it gives where they are played, whatever it is made of."""

import sys

import pytest

pytest.importorskip("IPython")

from checker.course import spelled
from checker.course.cells import standalone
from checker.course.notebooks import find
from checker.course.outcome import Limits

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
NAME = "tape.Var"
LIMITS = Limits()


OPERATIONS = """
    def __add__(x, y): y = lift(y); return node(x.value + y.value, (x, 1.0), (y, 1.0))
    def __mul__(x, y): y = lift(y); return node(x.value * y.value, (x, y.value), (y, x.value))
    def __neg__(x): return x * -1.0
    def __sub__(x, y): return x + -lift(y)
    def __pow__(x, n):
        if type(n) is not float:
            raise TypeError("the exponent is a float")
        return node(x.value**n, (x, n * x.value ** (n - 1)))
    def __truediv__(x, y): return x * lift(y) ** -1.0
    __radd__, __rmul__ = __add__, __mul__
    def __rsub__(x, y): return -x + y
    def __rtruediv__(x, y): return lift(y) / x
    def exp(x): return node(math.exp(x.value), (x, math.exp(x.value)))
    def log(x): return node(math.log(x.value), (x, 1 / x.value))
    def tanh(x): return node(math.tanh(x.value), (x, 1 - math.tanh(x.value) ** 2))
    def relu(x): return node(max(x.value, 0.0), (x, float(x.value > 0)))
    def backward(root):
        for each in tape:
            each.grad = 0.0
        root.grad = 1.0
        for each in reversed(tape):
            for parent, slope in each.parents:
                parent.grad += each.grad * slope
"""
HELP = """
import math
tape = []
def lift(y):
    return y if isinstance(y, Var) else Var(y)
"""
HONEST = {
    "the solution's own": "import math\n" + standalone("tape", ["Var"]),
    "one tape for all, and slots": HELP
    + f"""
def node(value, *parents):
    made = Var(value)
    made.parents = parents
    return made
class Var:
    __slots__ = ("value", "grad", "parents")
    def __init__(self, value):
        self.value, self.grad, self.parents = value, 0.0, ()
        tape.append(self)
{OPERATIONS}""",
    "a dataclass": HELP
    + f"""
from dataclasses import dataclass
def node(value, *parents):
    return Var(value, parents)
@dataclass(eq=False)
class Var:
    value: float
    parents: tuple = ()
    grad: float = 0.0
    def __post_init__(self):
        tape.append(self)
{OPERATIONS}""",
    "made by __new__ in a closure, with numbers of NumPy": "import numpy as np"
    + HELP
    + f"""
def node(value, *parents):
    made = Var(value)
    made.parents = parents
    return made
def build():
    class Var:
        def __new__(cls, value):
            made = super().__new__(cls)
            made.value, made.grad, made.parents = np.float64(value), np.array(0.0), ()
            tape.append(made)
            return made
{OPERATIONS.replace(chr(10) + "    ", chr(10) + "        ")}
    return Var
Var = build()
""",
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_an_honest_class_gives_the_same_as_plain_code(worker, code):
    told = worker.cell(code)
    assert [each for each in told if each["output_type"] == "error"] == []
    for seed in range(3):
        assert spelled.doubt(worker, find(NAME), seed) == ""


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("class Var:\n    def __init__(self, x): self.value, self.grad = x, 0.0\n    def backward(self): pass",
         "Var, which was right before, raises TypeError in a function"),
        (HONEST["a dataclass"].replace("+= each.grad * slope", "= each.grad * slope"),
         "Var, which was right before, is wrong in a function: a = Var("),
        ("Var = 5", "Var, which was right before, raises TypeError in a function"),
        ("import os\nclass Var:\n    def __init__(self, x): os._exit(0)",
         "Var could not be tried in a function: it ended the Python process that it ran in"),
    ],
)  # fmt: skip
def test_a_class_that_is_no_tape_is_seen(worker, code, why):
    worker.cell(code)
    assert spelled.doubt(worker, find(NAME), 3).startswith(why)
