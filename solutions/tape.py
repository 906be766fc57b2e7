"""Automatic differentiation: numbers that remember how they were made, and the way back through that record."""

import math

from checker import exercise, mistake


def in_order(root):
    """Every node that root was made of, once each and after all of its own parents; root comes last.

    The nodes that wait are on a list, as calls must not nest as deep as an expression may be.
    """
    order, seen, waiting = [], set(), [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting += [(parent, False) for parent in node.parents]
    return order


@exercise(
    kind="expressions",
    points=6,
    rows=("S0-17", "S1-08"),
    hints=(
        "Each operation makes a node: its value, the nodes it came from, and the local derivative by each of them.",
        "On the way back a node hands each parent its own gradient times the slope; a parent adds up what it gets.",
        "A node may hand on only what is complete: list the nodes so that each comes after all that were made of it.",
        "Python asks the right operand if the left one is a number: 1 - x is x.__rsub__(1).",
    ),
    draw={"value": (0.5, 2.0)},
)
class Var:
    """A number that remembers how it was made: after y.backward(), x.grad is dy/dx for every x that y was made of.

    A node has its `value`, its `parents` (the nodes that it was computed from), its local derivatives `slopes`, one by
    each parent, and `grad`. Every operation should return a new node. An operand of +, -, * and / may be a number, on
    either side; the exponent of ** is one. The slope of relu at 0 may be anything from 0 to 1. Expressions can be
    thousands of operations deep: do not let calls nest that far. Lectures S0-17 and S1-08.
    """

    def __init__(self, value: float, parents=(), slopes=()):
        self.value, self.grad = value, 0.0
        self.parents, self.slopes = parents, slopes

    def __repr__(self):
        return f"Var({self.value:.6g}, grad={self.grad:.6g})"

    def node(self, other):
        """The other operand as a node: a number becomes one without parents."""
        return other if isinstance(other, Var) else type(self)(other)

    def __add__(self, other):
        """The node of self + other."""
        ### BEGIN SOLUTION
        # $\partial(x+y)/\partial x = \partial(x+y)/\partial y = 1$
        other = self.node(other)
        return type(self)(self.value + other.value, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def __mul__(self, other):
        """The node of self * other."""
        ### BEGIN SOLUTION
        # $\partial(xy)/\partial x = y,\quad \partial(xy)/\partial y = x$
        other = self.node(other)
        return type(self)(self.value * other.value, (self, other), (other.value, self.value))
        ### END SOLUTION

    def __sub__(self, other):
        """The node of self - other."""
        ### BEGIN SOLUTION
        # $\partial(x-y)/\partial x = 1,\quad \partial(x-y)/\partial y = -1$
        other = self.node(other)
        return type(self)(self.value - other.value, (self, other), (1.0, -1.0))
        ### END SOLUTION

    def __truediv__(self, other):
        """The node of self / other."""
        ### BEGIN SOLUTION
        # $\partial(x/y)/\partial x = 1/y,\quad \partial(x/y)/\partial y = -x/y^2$
        other = self.node(other)
        slopes = 1 / other.value, -self.value / other.value**2
        return type(self)(self.value / other.value, (self, other), slopes)
        ### END SOLUTION

    def __pow__(self, exponent):
        """The node of self ** exponent; the exponent is a number."""
        ### BEGIN SOLUTION
        # $\partial x^n/\partial x = n x^{n-1}$
        return type(self)(self.value**exponent, (self,), (exponent * self.value ** (exponent - 1),))
        ### END SOLUTION

    def __radd__(self, other):
        """The node of other + self, where other is a number."""
        ### BEGIN SOLUTION
        return self.node(other) + self
        ### END SOLUTION

    def __rmul__(self, other):
        """The node of other * self, where other is a number."""
        ### BEGIN SOLUTION
        return self.node(other) * self
        ### END SOLUTION

    def __rsub__(self, other):
        """The node of other - self, where other is a number."""
        ### BEGIN SOLUTION
        return self.node(other) - self
        ### END SOLUTION

    def __rtruediv__(self, other):
        """The node of other / self, where other is a number."""
        ### BEGIN SOLUTION
        return self.node(other) / self
        ### END SOLUTION

    def __neg__(self):
        """The node of -self."""
        ### BEGIN SOLUTION
        return self * -1.0
        ### END SOLUTION

    def exp(self):
        """The node of e to the power of self."""
        ### BEGIN SOLUTION
        # $\partial e^x/\partial x = e^x$
        value = math.exp(self.value)
        return type(self)(value, (self,), (value,))
        ### END SOLUTION

    def log(self):
        """The node of the natural logarithm."""
        ### BEGIN SOLUTION
        # $\partial\log x/\partial x = 1/x$
        return type(self)(math.log(self.value), (self,), (1 / self.value,))
        ### END SOLUTION

    def tanh(self):
        """The node of the hyperbolic tangent."""
        ### BEGIN SOLUTION
        # $\partial\tanh x/\partial x = 1 - \tanh^2 x$
        value = math.tanh(self.value)
        return type(self)(value, (self,), (1 - value**2,))
        ### END SOLUTION

    def relu(self):
        """The node of max(self, 0)."""
        ### BEGIN SOLUTION
        # $\partial\max(x,0)/\partial x = 1\{x>0\}$
        return type(self)(max(self.value, 0.0), (self,), (1.0 * (self.value > 0),))
        ### END SOLUTION

    def backward(self):
        """Set the grad of this node, 1, and of every node that it was made of; what earlier calls left is forgotten."""
        ### BEGIN SOLUTION
        # $$\bar y = 1,\qquad \bar x = \sum_{u\,:\,x \in \mathrm{parents}(u)} \bar u\,\frac{\partial u}{\partial x}$$
        # in an order in which the sum is complete before $\bar x$ is used: every node after all that were made of it.
        order = in_order(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += node.grad * slope
        ### END SOLUTION


_KINDS = {}


def _differing(mistake, value, **methods):
    """A variable of a class that differs from Var in some methods; each mistake has one class."""
    if mistake not in _KINDS:
        _KINDS[mistake] = type("Var", (Var,), methods)
    return _KINDS[mistake](value)


def _sent(root, order, start=1.0):
    """Gradients sent to the parents, node by node in this order."""
    for node in in_order(root):
        node.grad = 0.0
    root.grad = start
    for node in order:
        for parent, slope in zip(node.parents, node.slopes):
            parent.grad += node.grad * slope


# -- mistakes on the way back -----------------------------------------------------------------------------------------


@mistake(Var, "Use a node twice: what becomes of the first gradient that it gets when the second one arrives?")
def assigned_where_it_should_add_up(value):
    def backward(self):
        self.grad = 1.0
        for node in reversed(in_order(self)):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad = node.grad * slope

    return _differing(assigned_where_it_should_add_up, value, backward=backward)


@mistake(Var, "A node hands on all that it has each time something arrives: what it had before goes down twice.")
def handed_on_before_it_was_complete(value):
    def backward(self):
        order, waiting = [], [self]
        while waiting:
            order.append(waiting.pop())
            waiting += order[-1].parents
        _sent(self, order)

    return _differing(handed_on_before_it_was_complete, value, backward=backward)


@mistake(Var, "The nearest nodes first is no safe order: one of them may get a gradient from further away, too late.")
def nearest_nodes_first(value):
    def backward(self):
        order = [self]
        for node in order:
            order += [parent for parent in dict.fromkeys(node.parents) if parent not in order]
        _sent(self, order)

    return _differing(nearest_nodes_first, value, backward=backward)


@mistake(Var, "Depth first, each node when it is first met: has it heard from all of its consumers by then?")
def each_node_when_first_met(value):
    def backward(self):
        order, waiting = {}, [self]
        while waiting:
            node = waiting.pop()
            if node not in order:
                order[node] = True
                waiting += node.parents
        _sent(self, order)

    return _differing(each_node_when_first_met, value, backward=backward)


@mistake(Var, "In which direction do gradients travel: from the parents on, or back to them?")
def order_not_reversed(value):
    return _differing(order_not_reversed, value, backward=lambda self: _sent(self, in_order(self)))


@mistake(Var, "All gradients are 0: what is the derivative of a node by itself?")
def root_without_its_one(value):
    return _differing(root_without_its_one, value, backward=lambda self: _sent(self, in_order(self)[::-1], 0.0))


@mistake(Var, "Call backward twice: what do the nodes still hold of the first time?")
def gradients_never_reset(value):
    def backward(self):
        self.grad = 1.0
        for node in reversed(in_order(self)):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += node.grad * slope

    return _differing(gradients_never_reset, value, backward=backward)


@mistake(Var, "The slopes are one factor: which other one does the chain rule ask for?")
def slopes_without_the_upstream(value):
    def backward(self):
        order = in_order(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in order:
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += slope

    return _differing(slopes_without_the_upstream, value, backward=backward)


@mistake(Var, "In x * x the node x is a parent twice: a set, or a dict, holds it once.")
def parents_kept_in_a_set(value):
    def backward(self):
        order = in_order(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for parent, slope in dict(zip(node.parents, node.slopes)).items():
                parent.grad += node.grad * slope

    return _differing(parents_kept_in_a_set, value, backward=backward)


@mistake(Var, "Calls nest no deeper than about 1000 in Python: keep the nodes that wait on a list of your own.")
def recursion_from_node_to_node(value):
    def backward(self):
        order = {}

        def visit(node):
            if node not in order:
                for parent in node.parents:
                    visit(parent)
                order[node] = True

        visit(self)
        _sent(self, reversed(order))

    return _differing(recursion_from_node_to_node, value, backward=backward)


@mistake(Var, "The numbers in an expression are right, but nothing arrives below: what does a new node remember?")
def parents_not_recorded(value):
    def exp(self):
        return type(self)(math.exp(self.value))

    return _differing(parents_not_recorded, value, exp=exp)


# -- mistakes in an operation -----------------------------------------------------------------------------------------


@mistake(Var, "If y rises, does x - y rise or fall?")
def difference_like_a_sum(value):
    def minus(self, other):
        other = self.node(other)
        return type(self)(self.value - other.value, (self, other), (1.0, 1.0))

    return _differing(difference_like_a_sum, value, __sub__=minus)


@mistake(Var, "At x = 4, y = -3 a small step in x changes the product by how many steps?")
def factors_not_swapped(value):
    def times(self, other):
        other = self.node(other)
        return type(self)(self.value * other.value, (self, other), (self.value, other.value))

    return _differing(factors_not_swapped, value, __mul__=times)


@mistake(Var, "Does x / y rise or fall when a positive y rises?")
def sign_of_the_denominator(value):
    def over(self, other):
        other = self.node(other)
        slopes = 1 / other.value, self.value / other.value**2
        return type(self)(self.value / other.value, (self, other), slopes)

    return _differing(sign_of_the_denominator, value, __truediv__=over)


@mistake(Var, "The derivative of x / y by y is that of x times 1 / y: look at the power of y once more.")
def denominator_not_squared(value):
    def over(self, other):
        other = self.node(other)
        slopes = 1 / other.value, -self.value / other.value
        return type(self)(self.value / other.value, (self, other), slopes)

    return _differing(denominator_not_squared, value, __truediv__=over)


@mistake(Var, "What happens to the exponent when a power is differentiated?")
def exponent_not_lowered(value):
    def power(self, exponent):
        return type(self)(self.value**exponent, (self,), (exponent * self.value**exponent,))

    return _differing(exponent_not_lowered, value, __pow__=power)


@mistake(Var, "The exponent comes down as a factor.")
def power_without_its_factor(value):
    def power(self, exponent):
        return type(self)(self.value**exponent, (self,), (self.value ** (exponent - 1),))

    return _differing(power_without_its_factor, value, __pow__=power)


@mistake(Var, "The slope of e^x at x is not x.")
def slope_of_exp_at_its_argument(value):
    def exp(self):
        return type(self)(math.exp(self.value), (self,), (self.value,))

    return _differing(slope_of_exp_at_its_argument, value, exp=exp)


@mistake(Var, "The slope of log x is no logarithm.")
def slope_of_log_at_its_value(value):
    def log(self):
        out = math.log(self.value)
        return type(self)(out, (self,), (1 / out,))

    return _differing(slope_of_log_at_its_value, value, log=log)


@mistake(Var, "The slope of tanh, by its value h, is 1 - h^2: is yours taken of h, and squared?")
def tanh_slope_not_squared(value):
    def tanh(self):
        out = math.tanh(self.value)
        return type(self)(out, (self,), (1 - out,))

    return _differing(tanh_slope_not_squared, value, tanh=tanh)


@mistake(Var, "Where x < 0, does max(x, 0) move when x does?")
def relu_passes_everything(value):
    def relu(self):
        return type(self)(max(self.value, 0.0), (self,), (1.0,))

    return _differing(relu_passes_everything, value, relu=relu)


@mistake(
    Var, "With a number on the left Python calls a method of the right operand: in 1 - x, which of the two is self?"
)
def difference_turned_round(value):
    return _differing(difference_turned_round, value, __rsub__=lambda self, other: self - other)


@mistake(
    Var, "With a number on the left Python calls a method of the right operand: in 1 / x, which of the two is self?"
)
def quotient_turned_round(value):
    return _differing(quotient_turned_round, value, __rtruediv__=lambda self, other: self / other)


@mistake(Var, "Python asks the right operand if the left one is a number: does 2 * x work?")
def nothing_for_numbers_on_the_left(value):
    missing = dict.fromkeys(("__radd__", "__rmul__", "__rsub__", "__rtruediv__"), lambda self, other: NotImplemented)
    return _differing(nothing_for_numbers_on_the_left, value, **missing)
