"""Classes that record operations, judged on expressions: right however written, and the smallest fault is shown."""

import math
import re

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import exercise, mistake
from checker.kinds import Answer
from checker.kinds.expressions import LARGEST, Expression, Step, doing, drawn, expressions, play
from checker.report import WRONG
from solutions.tape import Var

# -- other ways to write it, all right --------------------------------------------------------------------------------


class Closures:
    """Each node holds a function that sends its gradient to its parents."""

    def __init__(self, value, parents=(), send=lambda upstream: None):
        self.value, self.parents, self.send, self.grad = value, parents, send, None

    def __add__(self, other):
        other = self.as_node(other)

        def send(upstream):
            self.grad += upstream
            other.grad += upstream

        return type(self)(self.value + other.value, (self, other), send)

    def __mul__(self, other):
        other = self.as_node(other)

        def send(upstream):
            self.grad += other.value * upstream
            other.grad += self.value * upstream

        return type(self)(self.value * other.value, (self, other), send)

    def elementary(self, value, slope):
        def send(upstream):
            self.grad += slope * upstream

        return type(self)(value, (self,), send)

    def __pow__(self, exponent):
        return self.elementary(self.value**exponent, exponent * self.value**exponent / self.value)

    def exp(self):
        return self.elementary(math.exp(self.value), math.exp(self.value))

    def log(self):
        return self.elementary(math.log(self.value), self.value**-1)

    def tanh(self):
        return self.elementary(math.tanh(self.value), math.cosh(self.value) ** -2)

    def relu(self):
        return self.elementary(self.value if self.value > 0 else 0.0, 1.0 if self.value > 0 else 0.0)

    def as_node(self, other):
        return other if isinstance(other, Closures) else type(self)(other)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -self.as_node(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        return self * self.as_node(other) ** -1

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def nodes(self):
        """All below, by how many operations they are away at most: the farthest are the last."""
        depth, level = {self: 0}, [self]
        while level:
            level = list({parent: None for node in level for parent in node.parents})
            depth |= {node: 1 + max(depth.values()) for node in level}
        return sorted(depth, key=depth.get)

    def backward(self):
        order = self.nodes()
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in order:
            node.send(node.grad)


class Tape(Closures):
    """All nodes on one list, in the order in which they were made; a test empties it."""

    made: list = []  # noqa: RUF012 - one list for all is the point

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.made.append(self)

    def nodes(self):
        return self.made[::-1]


class Counted(Closures):
    """A node's turn comes when as many gradients have arrived as it has consumers."""

    def nodes(self):
        consumers, waiting = {self: 0}, [self]
        while waiting:
            for parent in waiting.pop().parents:
                if parent not in consumers:
                    waiting.append(parent)
                consumers[parent] = consumers.get(parent, 0) + 1
        order, ready = [], [self]
        while ready:
            order.append(ready.pop())
            for parent in order[-1].parents:
                consumers[parent] -= 1
                if not consumers[parent]:
                    ready.append(parent)
        return order


RIGHT = {"slopes": Var, "closures": Closures, "a tape": Tape, "counted consumers": Counted}


@pytest.fixture
def task():
    @exercise(kind="expressions", draw={"value": (0.5, 2.0)})
    class Number(Var):
        def __init__(self, value: float, parents=(), slopes=()):
            super().__init__(value, parents, slopes)

    @mistake(Number, "Is it squared?")
    def slope_of_tanh(value):
        return patched(tanh=lambda self: self.made_of(math.tanh(self.value), 1 - math.tanh(self.value)))(value)

    return Number.exercise


def patched(**methods):
    """A right class with some methods replaced; made_of(value, slope) makes a node of one parent."""
    methods["made_of"] = lambda self, value, slope: type(self)(value, (self,), (slope,))
    return type("Patched", (Var,), methods)


@pytest.mark.parametrize("kind", RIGHT.values(), ids=RIGHT)
def test_it_is_right_however_it_is_written(task, kind):
    Tape.made.clear()
    report = task.check(kind)
    assert report, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIGHT.values(), ids=RIGHT)
def test_no_false_alarm_over_many_seeds(task, kind):
    for seed in range(30):
        Tape.made.clear()
        report = task.check(kind, seed=seed)
        assert report, str(report)


# -- what is tried ----------------------------------------------------------------------------------------------------


def by_autograd(expression, added):
    """The root's value with numbers added at each line that is compared, in functions of autograd."""
    nodes = []
    for place, step in enumerate(expression.steps):
        x, *rest = [nodes[o] if isinstance(o, int) else o for o in step.operands]
        y = rest[0] if rest else None
        made = {
            "var": lambda x, y: x,
            "neg": lambda x, y: -x,
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
            "/": lambda x, y: x / y,
            "**": lambda x, y: x**y,
            "exp": lambda x, y: anp.exp(x),
            "log": lambda x, y: anp.log(x),
            "tanh": lambda x, y: anp.tanh(x),
            "relu": lambda x, y: anp.maximum(x, 0),
        }[step.operation](x, y)
        nodes.append(made + added[expression.compared.index(place)] if place in expression.compared else made)
    return nodes[expression.root]


def agree(expression, kind):
    """The class's gradients and the numeric ones, within their error, equal autograd's."""
    exact = grad(lambda added: by_autograd(expression, added))(np.zeros(len(expression.compared)))
    scale = np.max(np.abs(exact))
    _, gradients = play(expression, kind)
    np.testing.assert_allclose(gradients, exact, rtol=1e-10, atol=1e-12 * scale)
    numeric, error = expression.derivatives
    assert np.all(np.abs(numeric - exact) <= 5 * error + 1e-9 * scale), str(expression)
    assert np.max(error) < 1e-6 * scale, str(expression)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**63), operations=st.integers(1, 20), kind=st.sampled_from(list(RIGHT.values())))
def test_gradients_of_random_expressions_are_autograds(seed, operations, kind):
    Tape.made.clear()
    expression = drawn(np.random.default_rng(seed), operations, "")
    assert expression.sound
    assert expression.root == len(expression.steps) - 1
    assert len(expression.needed) == len(expression.steps)
    agree(expression, kind)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_everything_that_is_tried_is_sound_and_known_to_autograd(seed):
    tried = expressions(seed)
    assert len({expression.name for expression in tried}) == len(tried)
    assert all(expression.sound for expression in tried)
    for expression in tried:
        if not expression.long:
            agree(expression, Var)


def test_what_is_tried_has_every_operation_numbers_on_both_sides_and_shared_nodes():
    steps = [step for expression in expressions(3) for step in expression.steps]
    assert {step.operation for step in steps} >= {"var", "neg", "+", "-", "*", "/", "**", "exp", "log", "tanh", "relu"}
    for operation in "+-*/":
        kinds = {tuple(type(o) for o in step.operands) for step in steps if step.operation == operation}
        assert kinds == {(int, int), (int, float), (float, int)}

    def consumers(expression):
        operands = [o for step in expression.steps for o in step.operands if isinstance(o, int)]
        return max(operands.count(place) for place in operands)

    random = [expression for expression in expressions(3) if expression.name.startswith("random")]
    assert sum(consumers(expression) > 1 for expression in random) > len(random) / 2
    assert (
        len({str(expression) for expression in expressions(3)} & {str(expression) for expression in expressions(4)})
        == 1
    )


def test_another_point_tries_other_expressions(task):
    first, second = (doing(task, Answer(Var), task.inputs(seed)) for seed in (0, 1))
    assert first.keys() == second.keys()
    assert not np.allclose(first["gradient a * b"], second["gradient a * b"])


# -- what is wrong ----------------------------------------------------------------------------------------------------


def first_wrong(report):
    return next(finding for finding in report.findings if finding.verdict == WRONG)


def test_a_fault_is_shown_in_the_smallest_expression(task):
    def over(self, other):
        quotient = Var.__truediv__(self, other)
        if self.parents and isinstance(other, Var) and other.parents:
            quotient.slopes = quotient.slopes[0], -quotient.slopes[1]
        return quotient

    for seed in range(3):
        report = task.check(patched(__truediv__=over), seed=seed)
        message = first_wrong(report).message
        assert message.count(";") <= 4, message
        assert re.search(r"(\w) = \w / \w; \1\.backward\(\)$", message), message
        assert report.causes == ()


def test_an_expression_shrinks_to_what_is_needed():
    rng = np.random.default_rng(0)
    for _ in range(20):
        expression = drawn(rng, LARGEST, "")
        for smaller in expression.smaller():
            assert len(smaller.needed) == len(smaller.steps) <= len(expression.steps)
    assert list(Expression("", (Step("var", (1.0,)), Step("*", (0, 0))), (1, 1)).smaller()) == []


def test_a_known_mistake_is_named_however_it_is_written(task):
    assert task.check(patched(tanh=lambda self: self.made_of(t := math.tanh(self.value), 1 - t))).causes == (
        "slope_of_tanh",
    )
    assert task.check(patched(tanh=lambda self: self.made_of(math.tanh(self.value), 1.0))).causes == ()


def test_the_messages(task):
    report = task.check(patched(log=lambda self: self.made_of(math.log(self.value), self.value)))
    text = str(report)
    assert (report.verdict, report.kind) == ("wrong", "values")
    assert re.search(r"the gradient of a is wrong in: a = Var\(\d\.\d+\); b = a\.log\(\); b\.backward\(\)", text), text
    assert re.search(r"yours \d\.\d+, expected \d\.\d+ \+- ", text), text
    assert "right: a + b" in text
    assert len(text.splitlines()) <= 12

    report = task.check(patched(__rsub__=lambda self, other: self - other))
    assert report.kind == "forward"
    assert re.search(r"the value of b is wrong in: a = Var\(\S+\); b = 2 - a; b\.backward\(\)", str(report))


def test_what_is_not_a_variable(task):
    def message(**methods):
        return first_wrong(task.check(patched(**methods))).message

    assert re.match(r"c is of the type float and has no backward\(\) in: a = ", message(__add__=lambda self, o: 1.0))
    assert re.match(
        r"c is None and has no backward", message(__mul__=lambda self, o: None if isinstance(o, Var) else 1)
    )
    assert re.match(r"\w\.grad is None in: ", message(backward=lambda self: setattr(self, "grad", None)))
    assert "AttributeError" in message(relu=property(lambda self: self.missing))
    report = task.check(patched(__rtruediv__=lambda self, other: NotImplemented))
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert "b = 3 / a" in str(report)
    assert "a.__rmul__(2)" in str(report)
    assert task.check(lambda value: value).kind == "error"


def test_each_backward_starts_afresh(task):
    def backward(self):
        before = {id(node): node.grad for node in nodes(self)}
        Var.backward(self)
        for node in nodes(self):
            node.grad += before[id(node)]

    def nodes(root):
        found = [root]
        for node in found:
            found += [parent for parent in node.parents if parent not in found]
        return found

    report = task.check(patched(backward=backward))
    assert first_wrong(report).subject == "backward twice"
    assert str(report).count(".backward()") == 2


def test_calls_that_nest_too_deep_are_an_edge(task):
    def backward(self):
        order = []

        def visit(node):
            if node not in order:
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += slope * node.grad

    assert first_wrong(task.check(patched(__add__=lambda self, other: other + self))).advice == ""
    report = task.check(patched(backward=backward))
    assert (report.verdict, report.kind) == ("wrong", "edge")
    assert "RecursionError" in str(report)
    assert "a list of your own" in str(report)
    assert report.where == "right for small expressions, wrong for a chain of 2000 operations"


def test_what_is_not_written_yet(task):
    def unwritten(*given):
        raise NotImplementedError

    assert task.check(patched(backward=unwritten)).verdict == "not attempted"
    report = task.check(patched(log=unwritten))
    assert report.verdict == "not attempted"
    assert "b = a.log()" in str(report)
    assert task.check(patched(log=unwritten, __add__=lambda self, other: self - other)).verdict == "wrong"
