"""A formula such as `tanh(x*w + b)`, read by Python's parser and never evaluated by it: a gate for each operation."""

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..calling import is_numeric
from ..errors import UsageError
from ..estimate import Estimate, numerical_vjp
from ..kinds.expressions import Expression, Step
from ..resolve import near
from .data import Edge, Graph, Node, without_rounding

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**",
}  # fmt: skip
#: Functions beside those of the tape, written so that large arguments of either sign do no harm.
_MORE: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: math.exp(min(x, 0.0)) / (1 + math.exp(-abs(x))),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "abs": operator.abs,
}  # fmt: skip
FUNCTIONS = ("exp", "log", "tanh", "relu", *_MORE)
_MODULES = ("np", "numpy", "math")
#: Why an operation may have no value.
_DOMAINS = {
    "log": "log takes numbers above 0",
    "sqrt": "sqrt takes numbers from 0 on",
    "/": "that divides by 0",
    "**": "0 takes no negative power, and a negative number no broken one",
}
_OUTPUT = "out"


@dataclass(frozen=True)
class Gate(Step):
    """A line of an expression, with more functions than a tape has."""

    def apply(self, nodes: Sequence[float], variable: Callable[[float], float]) -> float:
        """The number that this line makes of earlier ones."""
        if self.operation in _MORE:
            return _MORE[self.operation](*self.filled(nodes))
        made: float = super().apply(nodes, variable)
        return made

    def written(self, names: Sequence[str]) -> str:
        """The line's right side."""
        if self.operation not in FUNCTIONS:
            return super().written(names)
        (operand,) = self.operands
        return f"{self.operation}({names[operand] if isinstance(operand, int) else f'{operand:.4g}'})"


def formula(text: str, at: Mapping[str, float], option: str = "--at ") -> Graph:
    """The graph of a formula at these values of its variables; `option` is what a value is given by: `--at x=2`.

    Raises UsageError, saying what to write, where the text is no formula, a variable has no value or a value no
    variable, or where an operation is not defined at its operands.
    """
    for name, value in at.items():
        if not is_numeric(value) or np.ndim(value) or not np.isfinite(value):
            raise UsageError(f"{name} is {value!r}; a variable of a formula is one finite number")
    reading = _Reading(text, at, option)
    root = reading.whole()
    if not isinstance(root, int):
        raise UsageError(f"{text} has no variable: there is nothing to differentiate by")
    unused = [name for name in at if name not in reading.places]
    if unused:
        known = ", ".join(reading.places)
        raise UsageError(f"{text} has no {unused[0]}{near(unused[0], reading.places)}; its variables are {known}")
    expression = Expression(text, tuple(reading.steps))
    if expression.long:
        count = len(reading.steps) - len(reading.places)
        raise UsageError(f"a formula of {count} operations is too large to be drawn: take a part of it")
    names = _names(expression, list(reading.places))
    _demand_values(expression, names, option)
    operations = ["" if step.operation == "var" else step.written(names) for step in expression.steps]
    nodes, edges = of_expression(expression, names, operations)
    return Graph(text, nodes, edges, notes=(f"The gradient that arrives at {names[-1]} is 1.",))


# -- from text to lines -----------------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """A formula while it is read: the lines so far, and the line of each variable."""

    text: str
    at: Mapping[str, float]
    option: str
    steps: list[Step] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def whole(self) -> int | float:
        """The line of the whole formula, or its value where no variable is in it."""
        try:
            body = ast.parse(self.text.strip(), mode="eval").body
            self._variables(body)
            root = self._operand(body)
        except UsageError:
            raise
        except (SyntaxError, ValueError, OverflowError):
            advice = "write one formula, such as tanh(x*w + b), with every * in it"
            raise UsageError(f"cannot read {self.text!r}: {advice}") from None
        except (RecursionError, MemoryError):
            raise UsageError("the formula is nested too deeply to be drawn: take a part of it") from None
        missing = [name for name in self.places if name not in self.at]
        if missing:
            values = " ".join(f"{self.option}{name}=1" for name in missing)
            raise UsageError(f"nothing says what {' and '.join(missing)} should be in {self.text}: add {values}")
        return root

    def _variables(self, body: ast.expr) -> None:
        """A line for each variable; one without a value is missed later, when the rest has been read."""
        called = {id(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)}
        spaces = {id(node.value) for node in ast.walk(body) if isinstance(node, ast.Attribute)}
        found = [n for n in ast.walk(body) if isinstance(n, ast.Name) and id(n) not in called | spaces]
        names = dict.fromkeys(node.id for node in sorted(found, key=lambda n: (n.lineno, n.col_offset)))
        for name in names:
            self.places[name] = len(self.steps)
            self.steps.append(Gate("var", (float(self.at.get(name, math.nan)),)))

    def _operand(self, node: ast.expr) -> int | float:
        """A part of the formula: the place of its line, or its value if it is a constant."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name) and node.id in self.places:
            return self.places[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self._operand(node.operand)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._line("neg", node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self._line(_OPERATORS[type(node.op)], node.left, node.right)
        if isinstance(node, ast.Call):
            return self._line(self._function(node), *node.args)
        power = "; a power is written **" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else ""
        known = "a formula has numbers, variables, + - * / ** and functions"
        raise UsageError(f"cannot draw {ast.unparse(node)!r}: {known}{power}")

    def _function(self, call: ast.Call) -> str:
        """The function's name: exp(x), np.exp(x) and math.exp(x) are one."""
        function = call.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.attr if function.value.id in _MODULES else ast.unparse(function)
        else:
            name = ast.unparse(function)
        if name not in FUNCTIONS:
            raise UsageError(f"there is no function {name}{near(name, FUNCTIONS)}; there are {', '.join(FUNCTIONS)}")
        if len(call.args) != 1 or call.keywords:
            raise UsageError(f"{name} takes one argument: {ast.unparse(call)!r} gives it another number")
        return name

    def _line(self, operation: str, *parts: ast.expr) -> int | float:
        """A new line; of constants alone, its value."""
        step = Gate(operation, tuple(self._operand(part) for part in parts))
        if not any(isinstance(operand, int) for operand in step.operands):
            return _value(step, [], [], self.option)
        self.steps.append(step)
        return len(self.steps) - 1


def _names(expression: Expression, variables: Sequence[str]) -> list[str]:
    """A name for each line: those of the variables, v1, v2 and on, and "out" for the whole."""
    names, number = list(variables), 0
    while len(names) < len(expression.steps):
        number += 1
        names += [f"v{number}"] if f"v{number}" not in variables else []
    if names[-1] not in variables and _OUTPUT not in variables:
        names[-1] = _OUTPUT
    return names


# -- values and gradients ---------------------------------------------------------------------------------------------


def _demand_values(expression: Expression, names: Sequence[str], option: str) -> None:
    """Raise UsageError where a line has no value."""
    values: list[float] = []
    for step in expression.steps:
        values.append(_value(step, values, names, option))


def _value(step: Step, values: Sequence[float], names: Sequence[str], option: str) -> float:
    """The line's value. Raises UsageError where it has none."""
    value, reason = math.nan, _DOMAINS.get(step.operation, "")
    try:
        value = step.apply(values, float)
    except OverflowError:
        reason = "the number is too large"
    except (ValueError, ZeroDivisionError):
        pass
    if isinstance(value, float) and math.isfinite(value):
        return value
    operands = dict.fromkeys(place for place in step.operands if isinstance(place, int))
    where = " and ".join(f"{names[place]} = {values[place]:.4g}" for place in operands)
    there = f" with {where}" if where else ""
    advice = f"; give other numbers with {option.strip()}" if where and option else ""
    raise UsageError(f"{step.written(names)} has no value{there}{f': {reason}' if reason else ''}{advice}")


def of_expression(
    expression: Expression, names: Sequence[str], operations: Sequence[str]
) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    """The nodes and edges of an expression, every line by its name: an edge for each use of a line by another."""
    values, root = expression.values(), expression.root
    found = zip(expression.compared, *expression.derivatives)
    whole = {place: Estimate(value, error) for place, value, error in found}
    whole[root] = Estimate(np.array(1.0), np.array(0.0))
    uses = [
        (operand, place, position)
        for place, step in enumerate(expression.steps[: root + 1])
        for position, operand in enumerate(step.operands)
        if isinstance(operand, int) and place in whole
    ]
    shares = [_share(expression.steps[place], position, values, whole[place]) for _, place, position in uses]
    gradients = without_rounding([*(whole[place] for place in expression.needed), *shares])
    nodes = tuple(
        Node(names[place], np.array(values[place]), gradient, operations[place])
        for place, gradient in zip(expression.needed, gradients)
    )
    back = gradients[len(nodes) :]
    return nodes, tuple(Edge(names[parent], names[child], share) for (parent, child, _), share in zip(uses, back))


def _share(step: Step, position: int, values: Sequence[float], upstream: Estimate) -> Estimate:
    """What a line sends back to one of its operands: the derivative by that operand alone, times what arrived."""
    before, after = step.operands[:position], step.operands[position + 1 :]

    def by_itself(operand: float) -> float:
        return replace(step, operands=(*before, float(operand), *after)).apply(values, float)

    return numerical_vjp(by_itself, (values[int(step.operands[position])],), upstream.value)
