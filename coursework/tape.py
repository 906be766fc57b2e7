"""Automatic differentiation: numbers that remember how they were made, and the way back through that record."""

from checker import task


@task(kind="expressions", points=6, rows=("S0-17", "S1-08"), draw={"value": (0.5, 2.0)})
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
        raise NotImplementedError  # your answer goes here

    def __mul__(self, other):
        """The node of self * other."""
        raise NotImplementedError  # your answer goes here

    def __sub__(self, other):
        """The node of self - other."""
        raise NotImplementedError  # your answer goes here

    def __truediv__(self, other):
        """The node of self / other."""
        raise NotImplementedError  # your answer goes here

    def __pow__(self, exponent):
        """The node of self ** exponent; the exponent is a number."""
        raise NotImplementedError  # your answer goes here

    def __radd__(self, other):
        """The node of other + self, where other is a number."""
        raise NotImplementedError  # your answer goes here

    def __rmul__(self, other):
        """The node of other * self, where other is a number."""
        raise NotImplementedError  # your answer goes here

    def __rsub__(self, other):
        """The node of other - self, where other is a number."""
        raise NotImplementedError  # your answer goes here

    def __rtruediv__(self, other):
        """The node of other / self, where other is a number."""
        raise NotImplementedError  # your answer goes here

    def __neg__(self):
        """The node of -self."""
        raise NotImplementedError  # your answer goes here

    def exp(self):
        """The node of e to the power of self."""
        raise NotImplementedError  # your answer goes here

    def log(self):
        """The node of the natural logarithm."""
        raise NotImplementedError  # your answer goes here

    def tanh(self):
        """The node of the hyperbolic tangent."""
        raise NotImplementedError  # your answer goes here

    def relu(self):
        """The node of max(self, 0)."""
        raise NotImplementedError  # your answer goes here

    def backward(self):
        """Set the grad of this node, 1, and of every node that it was made of; what earlier calls left is forgotten."""
        raise NotImplementedError  # your answer goes here
