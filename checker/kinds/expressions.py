"""A class of numbers that remember how they were made, judged on expressions: `a = Var(2.0); b = a * a; b.backward()`.

The answer is called with a float. What it returns takes part in +, -, * and /, with a float on either side too, in **
with a float as exponent, and in unary minus, and has the methods exp, log, tanh and relu. `value` is its value; after
`backward()` on a node, `grad` is that node's derivative by this one, in every node that it was made of. Each
`backward()` starts afresh, and through a chain of DEEP operations its calls must not nest deeper than Python allows.

What is expected are the numeric derivatives by a number that is added at each node. First comes every operation by
itself, then expressions that use a node more than once, random ones of growing size, and the chain. Of random
expressions the smallest that is still wrong is shown.
"""

import math
import operator
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .. import environment
from ..estimate import Estimate, numerical_gradient
from ..numerical import SAFETY
from ..recognise import Doing
from ..report import NOT_ATTEMPTED, RIGHT, WRONG, Entry, Finding, Report
from ..standin import where_it_lives
from . import Answer
from .value import CLOSE, report

#: Random expressions have up to so many operations.
LARGEST = 14
#: Operations of the chain; more where Python lets calls nest deeper.
DEEP = 2000
#: Differences below this, relative to the expression's largest gradient, are rounding: where gradients cancel.
LEAST = 1e-10

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
}  # fmt: skip
_METHODS: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "tanh": math.tanh, "relu": lambda x: max(x, 0.0),
}  # fmt: skip
#: Where an operation is well defined, away from its corners, and of ordinary size.
_DOMAIN: dict[str, Callable[..., bool]] = {
    "/": lambda x, y: abs(y) > 0.4,
    "**": lambda x, n: abs(x) > 0.4 if float(n).is_integer() else x > 0.3,
    "exp": lambda x: x < 2,
    "log": lambda x: x > 0.3,
    "relu": lambda x: abs(x) > 0.2,
}
_BOUND = 20.0


class NoVariableError(Exception):
    """What should be a variable, or a number of one, is something else."""


# -- expressions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A line of an expression: its operation ("var" for a new variable) and its operands: places (int) or constants."""

    operation: str
    operands: tuple[int | float, ...]

    def filled(self, nodes: Sequence[Any]) -> list[Any]:
        """The operands themselves."""
        return [nodes[operand] if isinstance(operand, int) else operand for operand in self.operands]

    def apply(self, nodes: Sequence[Any], variable: Callable[[float], Any]) -> Any:
        """The node that this line makes of earlier ones."""
        operands = self.filled(nodes)
        if self.operation == "var":
            return variable(operands[0])
        if self.operation == "neg":
            return -operands[0]
        if self.operation in _BINARY:
            return _BINARY[self.operation](*operands)
        if type(operands[0]) is float:
            return _METHODS[self.operation](operands[0])
        return getattr(operands[0], self.operation)()

    def written(self, names: Sequence[str]) -> str:
        """The line's right side."""
        texts = [names[operand] if isinstance(operand, int) else f"{operand:.4g}" for operand in self.operands]
        if self.operation in _BINARY:
            return f" {self.operation} ".join(texts)
        return {"var": f"Var({texts[0]})", "neg": f"-{texts[0]}"}.get(self.operation, f"{texts[0]}.{self.operation}()")


@dataclass(frozen=True)
class Expression:
    """Lines of code, and on which of them backward is called in turn: by default on the last."""

    name: str
    steps: tuple[Step, ...]
    calls: tuple[int, ...] = ()

    @property
    def root(self) -> int:
        """The line whose derivatives are wanted."""
        return self.calls[-1] if self.calls else len(self.steps) - 1

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """The lines that the root depends on, and itself."""
        found = {self.root}
        for place in range(self.root, -1, -1):
            if place in found:
                found |= {operand for operand in self.steps[place].operands if isinstance(operand, int)}
        return tuple(sorted(found))

    @property
    def long(self) -> bool:
        """Whether it has too many lines to be written down, or to be moved at each of them."""
        return len(self.steps) > 4 * LARGEST

    @cached_property
    def compared(self) -> tuple[int, ...]:
        """The lines whose gradients are compared: all that the root depends on, or its variables if they are many."""
        return tuple(p for p in self.needed if not self.long or self.steps[p].operation == "var")

    def values(self, added: Sequence[float] = ()) -> list[float]:
        """Every line's value, by plain floats, with a number added at each line that is compared."""
        more = dict(zip(self.compared, added))
        nodes: list[float] = []
        for place, step in enumerate(self.steps):
            nodes.append(step.apply(nodes, float) + more.get(place, 0.0))
        return nodes

    @cached_property
    def derivatives(self) -> Estimate:
        """The numeric derivatives of the root by what is added at each line that is compared."""
        return numerical_gradient(lambda added: self.values(added.tolist())[self.root], (np.zeros(len(self.compared)),))

    @property
    def sound(self) -> bool:
        """Whether every line is well defined, away from corners, and of ordinary size."""
        nodes: list[float] = []
        for step in self.steps:
            domain = _DOMAIN.get(step.operation)
            if domain is not None and not domain(*step.filled(nodes)):
                return False
            nodes.append(step.apply(nodes, float))
            if not abs(nodes[-1]) < _BOUND:
                return False
        return True

    def pruned(self) -> "Expression":
        """The same without the lines that its root does not depend on."""
        place = {old: new for new, old in enumerate(self.needed)}
        steps = [self.steps[old] for old in self.needed]
        moved = [replace(s, operands=tuple(place[o] if isinstance(o, int) else o for o in s.operands)) for s in steps]
        return Expression(self.name, tuple(moved))

    def smaller(self) -> Iterator["Expression"]:
        """Expressions with fewer lines: another root; a variable, or an operand, in a line's place."""
        if self.calls:
            return
        values = self.values()
        for place in range(len(self.steps) - 1):
            yield Expression(self.name, self.steps[: place + 1]).pruned()
        variables = [place for place, step in enumerate(self.steps) if step.operation == "var"]
        for place, step in enumerate(self.steps):
            operands = [operand for operand in step.operands if isinstance(operand, int)]
            for other in {*operands, *(v for v in variables if v < place)}:
                later = [_redirected(each, place, other) for each in self.steps[place + 1 :]]
                yield replace(self, steps=(*self.steps[: place + 1], *later)).pruned()
            if operands:
                variable = Step("var", (float(f"{values[place]:.3g}"),))
                yield replace(self, steps=(*self.steps[:place], variable, *self.steps[place + 1 :])).pruned()

    def name_of(self, place: int) -> str:
        """The name of a line: a to z, then v26 and on."""
        return string.ascii_lowercase[place] if place < 26 else f"v{place}"

    def __str__(self) -> str:
        if self.long:
            return f"{self.name} of {len(self.steps) - 1} operations"
        names = [self.name_of(place) for place in range(len(self.steps))]
        lines = [f"{name} = {step.written(names)}" for name, step in zip(names, self.steps)]
        return "; ".join((*lines, *(f"{names[place]}.backward()" for place in self.calls or (self.root,))))


def _redirected(step: Step, old: int, new: int) -> Step:
    """The same line with another operand in the place of one."""
    return replace(step, operands=tuple(new if isinstance(o, int) and o == old else o for o in step.operands))


# -- which expressions ------------------------------------------------------------------------------------------------

#: Every operation by itself, on a > 0, b < 0 and constants.
_ALONE: tuple[tuple[str, tuple[str | float, ...]], ...] = (
    ("+", ("a", "b")), ("+", ("a", 2.0)), ("+", (2.0, "a")),
    ("*", ("a", "b")), ("*", ("a", 3.0)), ("*", (3.0, "a")), ("neg", ("a",)),
    ("-", ("a", "b")), ("-", ("a", 2.0)), ("-", (2.0, "a")),
    ("/", ("a", "b")), ("/", ("b", "a")), ("/", ("a", 3.0)), ("/", (3.0, "a")),
    ("**", ("a", 3.0)), ("**", ("b", 2.0)), ("**", ("b", -1.0)), ("**", ("a", 0.5)),
    ("exp", ("a",)), ("log", ("a",)), ("tanh", ("b",)), ("relu", ("a",)), ("relu", ("b",)),
)  # fmt: skip
#: Nodes with several consumers: after the variables a and b (lines 0 and 1). The later ones need an order in which no
#: node has its turn before all of its consumers, whichever operand is looked at first.
_SHARED: tuple[tuple[Step, ...], ...] = (
    (Step("+", (0, 0)),),
    (Step("*", (0, 0)),),
    (Step("*", (0, 1)), Step("+", (2, 0))),
    (Step("tanh", (0,)), Step("*", (2, 2)), Step("+", (3, 2))),
    (Step("tanh", (0,)), Step("*", (2, 3.0)), Step("*", (3, 1)), Step("+", (4, 2))),
    (Step("tanh", (0,)), Step("*", (2, 3.0)), Step("*", (3, 1)), Step("+", (2, 4))),
    (Step("*", (0, 1)), Step("tanh", (2,)), Step("*", (3, 3)), Step("-", (4, 3)), Step("*", (5, 2))),
)


@lru_cache(8)
def expressions(seed: int) -> tuple[Expression, ...]:
    """What is tried, the simplest first."""
    return tuple(_expressions(seed))


def _expressions(seed: int) -> Iterator[Expression]:
    rng = np.random.default_rng(seed)
    a, b = round(rng.uniform(0.6, 1.8), 2), -round(rng.uniform(0.6, 1.8), 2)
    for operation, names in _ALONE:
        used = sorted({name for name in names if isinstance(name, str)})
        place = {name: position for position, name in enumerate(used)}
        variables = [Step("var", ({"a": a, "b": b}[name],)) for name in used]
        step = Step(operation, tuple(place[name] if isinstance(name, str) else name for name in names))
        yield Expression(step.written(used), (*variables, step))
    variables = [Step("var", (a,)), Step("var", (b,))]
    for number, steps in enumerate(_SHARED, 1):
        yield Expression(f"shared node {number}", (*variables, *steps)).pruned()
    square = (Step("var", (a,)), Step("*", (0, 0)), Step("+", (1, 0)))
    yield Expression("backward twice", square, (2, 2))
    yield Expression("backward from an inner node first", square, (1, 2))
    yield Expression("backward from an outer node first", square, (2, 1))
    for operations in range(2, LARGEST + 1):
        for number in (1, 2):
            yield drawn(rng, operations, f"random {operations}.{number}")
    length = min(max(DEEP, 2 * sys.getrecursionlimit()), 10 * DEEP)
    chain = (Step("relu", (place,)) for place in range(length))
    yield Expression("a chain", (Step("var", (a,)), *chain))


def drawn(rng: np.random.Generator, operations: int, name: str) -> Expression:
    """A random expression of so many operations, and of more that join what would lead nowhere."""
    variables = [Step("var", (round(float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.8)), 2),)) for _ in range(3)]
    found = Expression(name, tuple(variables[: rng.integers(1, 4)]))
    while operations:
        step = _random_step(rng, len(found.steps))
        longer = replace(found, steps=(*found.steps, step))
        if longer.sound:
            found, operations = longer, operations - 1
    unused = set(range(len(found.steps))) - {o for s in found.steps for o in s.operands if isinstance(o, int)}
    for place in sorted(unused - {found.root}):
        longer = replace(found, steps=(*found.steps, Step("+", (place, found.root))))
        found = longer if longer.sound else found
    return found.pruned()


def _random_step(rng: np.random.Generator, lines: int) -> Step:
    operation = str(rng.choice([*_BINARY, *_BINARY, *_METHODS, "neg"]))
    places = [int(place) for place in rng.integers(max(0, lines - 5), lines, 2)]
    constant = float(rng.choice([-1.5, 0.5, 2.0, 3.0]))
    if operation not in _BINARY:
        return Step(operation, (places[0],))
    if operation == "**" or rng.random() < 0.15:
        return Step(operation, (places[0], constant))
    return Step(operation, (constant, places[0])) if rng.random() < 0.15 else Step(operation, tuple(places))


# -- the answer at work -----------------------------------------------------------------------------------------------


def play(expression: Expression, variable: Callable[[float], Any]) -> tuple[np.ndarray, np.ndarray]:
    """The values and gradients that an answer gives at the lines that are compared. Raises NoVariableError."""
    steps = [(step.operation, step.operands) for step in expression.steps]
    values, gradients, complaint = _played(variable, expression.name, steps, expression.calls)
    if complaint:
        raise NoVariableError(complaint)
    return np.array(values), np.array(gradients)


@where_it_lives
def _played(
    variable: Callable[[float], Any], name: str, steps: Sequence[tuple[str, Any]], calls: Sequence[int]
) -> tuple[list[float], list[float], str]:
    """Values, gradients, and what was no variable where one should be."""
    expression = Expression(name, tuple(Step(*step) for step in steps), tuple(calls))
    nodes: list[Any] = []
    for place, step in enumerate(expression.steps):
        nodes.append(step.apply(nodes, variable))
        if not hasattr(nodes[-1], "backward"):
            given = "None" if nodes[-1] is None else f"of the type {type(nodes[-1]).__name__}"
            return [], [], f"{expression.name_of(place)} is {given} and has no backward() in: {expression}"
    for place in expression.calls or (expression.root,):
        nodes[place].backward()
    found: dict[str, list[float]] = {"value": [], "grad": []}
    for what, numbers in found.items():
        for place in expression.compared:
            number = getattr(nodes[place], what, None)
            try:
                numbers.append(float(number))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                return [], [], f"{expression.name_of(place)}.{what} is {number!r} in: {expression}"
    return found["value"], found["grad"], ""


def seed_of(inputs: Sequence[Any]) -> int:
    """Other expressions for another point: the drawn value's bits."""
    return int(np.float64(inputs[0] if inputs else 0.0).view(np.uint64))


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """Values and gradients by expression, or the exception's name in the place of the gradient."""
    done: dict[str, np.ndarray] = {}
    for expression in expressions(seed_of(inputs)):
        try:
            values, gradients = play(expression, answer.function)
        except Exception as problem:
            done[f"gradient {expression.name}"] = np.array(type(problem).__name__)
        else:
            done |= {f"output {expression.name}": values, f"gradient {expression.name}": gradients}
    return done


# -- the verdict ------------------------------------------------------------------------------------------------------


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """Right if every expression's values and gradients are; the first fault ends it."""
    rtol = float(options.get("rtol", 1e-7))
    findings: list[Finding] = []
    for expression in expressions(seed_of(inputs)):
        fault = fault_in(expression, answer, rtol)
        if fault is None:
            findings.append(Finding(expression.name, RIGHT, f"{expression} is right"))
            continue
        if fault.verdict == NOT_ATTEMPTED:
            return Report(task.name, NOT_ATTEMPTED, (fault,))
        if expression.name.startswith("random"):
            fault = fault_in(smallest(expression, answer, rtol), answer, rtol) or fault
        found = report(task, [replace(fault, subject=expression.name), *findings], inputs, **options)
        where = f"right for small expressions, wrong for {expression}" if expression.long else ""
        return replace(found, kind="edge" if expression.long else found.kind, where=where)
    return report(task, findings, inputs, **options)


def fault_in(expression: Expression, answer: Answer, rtol: float) -> Finding | None:
    """What is wrong with the answer for one expression, at the line nearest to the root: it spreads from there."""
    try:
        values, gradients = play(expression, answer.function)
    except NotImplementedError:
        return Finding("", NOT_ATTEMPTED, f"not written yet, met in: {expression}")
    except NoVariableError as problem:
        return Finding("", WRONG, str(problem), "error", "no variable")
    except (Exception, SystemExit) as problem:
        message = f"{environment.describe(problem, answer.function)}, in: {expression}"
        return Finding("", WRONG, message, "error", type(problem).__name__, _advice(problem, expression))
    right = np.array(expression.values())[list(expression.compared)]
    off = ~(np.abs(values - right) <= CLOSE * np.abs(right) + 1e-15)
    if off.any():
        return _finding("value", expression, off, values, right, np.zeros(right.shape), "forward")
    wanted, error = expression.derivatives
    with np.errstate(all="ignore"):
        least = LEAST * float(np.max(np.abs(wanted)))
        off = ~(np.abs(gradients - wanted) <= SAFETY * error + rtol * np.abs(wanted) + least)
    return _finding("gradient", expression, off, gradients, wanted, error, "values") if off.any() else None


def _advice(problem: BaseException, expression: Expression) -> str:
    if isinstance(problem, RecursionError) and expression.long:
        return "keep the nodes that still wait on a list of your own: Python nests no more than about 1000 calls"
    if isinstance(problem, TypeError) and "unsupported operand" in str(problem):
        return "where the left operand is a number, Python asks the right one: 2 * a is a.__rmul__(2)"
    return ""


def _finding(
    what: str,
    expression: Expression,
    off: np.ndarray,
    mine: np.ndarray,
    right: np.ndarray,
    error: np.ndarray,
    kind: str,
) -> Finding:
    place = int(np.flatnonzero(off)[-1 if what == "gradient" else 0])
    name = expression.name_of(expression.compared[place])
    entry = Entry((), float(mine[place]), float(right[place]), float(error[place]))
    return Finding("", WRONG, f"the {what} of {name} is wrong in: {expression}", kind, entries=(entry,))


def smallest(expression: Expression, answer: Answer, rtol: float) -> Expression:
    """The expression made smaller, line by line, for as long as the answer stays wrong for it."""
    while True:
        smaller = sorted(expression.smaller(), key=lambda each: len(each.steps))
        shorter = (each for each in smaller if len(each.steps) < len(expression.steps) and each.sound)
        found = next((each for each in shorter if _is_wrong(each, answer, rtol)), None)
        if found is None:
            return expression
        expression = found


def _is_wrong(expression: Expression, answer: Answer, rtol: float) -> bool:
    fault = fault_in(expression, answer, rtol)
    return fault is not None and fault.verdict == WRONG
