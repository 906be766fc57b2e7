"""The graph of a staged exercise, whose forward names its intermediates: node("mu", x.mean(axis=0)).

A forward does not say which node is used where. That is found by trying: every node is held at its value but one, which
is moved; what changes was computed from it. The derivative by the moved one alone is what comes back along that edge.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .. import tree
from ..calling import Array, is_numeric, parameters
from ..estimate import Estimate, numerical_vjp
from ..exercises import Exercise
from ..report import WRONG, Report
from .data import Edge, Graph, Node, differs, without_rounding

#: The first axis, which is the batch's, is so long, and every other: a matrix has six numbers, which can be read. A
#: batch of two would do for no normalisation: its deviations are all alike.
FIRST, OTHERS = 3, 2


def staged(
    task: Exercise, answer: Callable[..., Any] | None = None, forward: Callable[..., Any] | None = None, seed: int = 0
) -> Graph:
    """The graph of a staged exercise, and where the answer goes wrong; the halves not given are the exercise's own.

    Drawn at small inputs; or, where the answer is wrong elsewhere only, at those with which a check found that. Raises
    what the forward raises.
    """
    answer, forward = answer or task.answer, forward or task.forward
    assert forward is not None
    report = task.check(answer, forward, seed=seed, trials=0)
    at = _At(task, answer, forward, _small(task, seed))
    places = [(f"Inputs are drawn (seed {seed}).", at)]
    if report.verdict == WRONG and set(at.inputs) <= set(report.inputs):
        where = f": {report.where}" if report.where else ""
        there = replace(at, inputs={name: report.inputs[name] for name in at.inputs})
        places.append((f"Inputs are those of the check{where}.", there))
    rng = np.random.default_rng([seed, 19])
    tried: list[Graph] = []
    for told, at in places:
        for dout, how in _upstreams(at.output, rng):
            arrives = f"The gradient that arrives at {at.out}, d{at.out}, is {how}. {told}"
            tried.append(_drawn(at, dout, report, arrives))
            if tried[-1].first or report.verdict != WRONG or not at.yours(dout):
                return tried[-1]
    return replace(tried[0], notes=(*tried[0].notes, "The gradients here are right."))


def _small(task: Exercise, seed: int) -> dict[str, Any]:
    """Inputs of few and round numbers."""
    sizes = {axis: OTHERS if place else FIRST for place, axis in enumerate(task.declaration.base)}
    names, drawn = task.declaration.names, task.declaration.drawn
    inputs = task.inputs(seed, sizes)
    return {name: _rounded(value) if name in drawn else value for name, value in zip(names, inputs)}


def _rounded(value: Any) -> Any:
    """Floats to two decimals, which can be worked with by hand."""
    return tree.map_leaves(lambda leaf: leaf if np.asarray(leaf).dtype.kind != "f" else np.round(leaf, 2) + 0.0, value)


def _upstreams(output: Array, rng: np.random.Generator) -> Iterator[tuple[Array, str]]:
    """What may arrive at the output, and whether that is drawn: for a single number 1 comes first."""
    if output.ndim == 0:
        yield np.array(1.0), "1"
    yield np.asarray(_rounded(rng.normal(size=output.shape))), "drawn"


def _drawn(at: "_At", dout: Array, report: Report, told: str) -> Graph:
    """The graph at these inputs, with this gradient at its output."""
    whole = {name: at.whole(name, dout) for name in at.differentiable} | {at.out: Estimate(dout, np.zeros(dout.shape))}
    pairs = at.pairs
    shares = [at.share(parent, child, whole) for parent, child in pairs]
    gradients = without_rounding([*(whole.get(name) for name in at.values), *shares])
    operations, yours = operations_of(at.forward, at.out), at.yours(dout)
    nodes = []
    for (name, value), gradient in zip(at.values.items(), gradients):
        node = Node(name, value, gradient, operations.get(name, ""))
        mine = yours.get(name)
        if report.verdict == WRONG and mine is not None and gradient and differs(mine, *gradient):
            node = replace(node, your_gradient=_numbers(mine))
        nodes.append(node)
    wrong = {node.name for node in nodes if node.wrong}
    first = next((name for name in (*at.task.nodes, *at.task.wrt) if name in wrong), "")
    edges = tuple(Edge(*pair, share) for pair, share in zip(pairs, gradients[len(nodes) :]))
    return Graph(at.task.name, tuple(nodes), edges, report.verdict, first, (told, *_told(at, report)))


def _numbers(mine: Any) -> Array:
    try:
        return np.asarray(mine, dtype=float)
    except (TypeError, ValueError):
        return np.array(np.nan)


def _told(at: "_At", report: Report) -> Iterator[str]:
    """Constants among the inputs, and what a check found first."""
    constants = [f"{name} is {value!r}" for name, value in at.inputs.items() if name not in at.values]
    if constants:
        yield f"{', '.join(constants)}."
    if report.verdict == WRONG and report.findings:
        finding = report.findings[0]
        yield finding.message + (f" -> {finding.advice}" if finding.advice else "")


# -- a forward at one point -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _At:
    """Both halves at one point."""

    task: Exercise
    answer: Callable[..., Any]
    forward: Callable[..., Any]
    inputs: Mapping[str, Any]

    @property
    def out(self) -> str:
        """The output's name: what the backward calls the gradient that it is given, without its d."""
        first = next((each.name for each in parameters(self.task.answer)), "")
        name = first[1:].strip("_") if first.startswith("d") else ""
        return "output" if name in (*self.inputs, *self.task.nodes) else name or "out"

    @cached_property
    def values(self) -> dict[str, Array]:
        """The value of every numeric input, every node and the output."""
        return {**{name: np.asarray(self.inputs[name]) for name in self.drawn}, **self.computed({})}

    @property
    def drawn(self) -> list[str]:
        """The inputs that are numbers, and no settings."""
        return [name for name in self.task.declaration.drawn if is_numeric(self.inputs[name])]

    @property
    def output(self) -> Array:
        """The output's value."""
        return self.values[self.out]

    @property
    def nodes(self) -> dict[str, Array]:
        """The value of every node."""
        return {name: value for name, value in self.values.items() if name not in (*self.inputs, self.out)}

    @property
    def differentiable(self) -> list[str]:
        """The inputs and nodes that get a gradient."""
        return [*(name for name in self.drawn if name in self.task.wrt), *self.nodes]

    def computed(self, held: Mapping[str, Any]) -> dict[str, Array]:
        """What the forward computes at every node and as output, where it goes on with the values in `held`."""
        found: dict[str, Array] = {}

        def node(name: str, value: Any) -> Any:
            found[name] = np.array(value, dtype=float)
            return tree.copy(held.get(name, value))

        given = [tree.copy(held.get(name, value)) for name, value in self.inputs.items()]
        returned = self.forward(*given, node=node)
        return {**found, self.out: np.array(returned[0], dtype=float)}

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """(parent, child) for every node and the output, and all that it was computed from.

        Looked for at other values too: a factor of 0 would hide what it is multiplied by.
        """
        values = {name: value for name, value in self.values.items() if name != self.out}
        used = self._used(values) | self._used({name: next(_moved(value)) for name, value in values.items()})
        places = list(self.values)
        return [(parent, child) for parent in places for child in places if (parent, child) in used]

    def _used(self, values: Mapping[str, Array]) -> set[tuple[str, str]]:
        """(parent, child) as far as it shows at these values: which child changes when that parent alone is moved."""
        here = self._tried(values)
        found: set[tuple[str, str]] = set()
        for parent, value in values.items():
            for other in _moved(value) if here else ():
                there = self._tried({**values, parent: other})
                found |= {(parent, name) for name in there if not np.array_equal(here[name], there[name], True)}
        return found

    def _tried(self, held: Mapping[str, Any]) -> dict[str, Array]:
        """The same as `computed`; nothing where the forward raises, outside its domain."""
        try:
            with np.errstate(all="ignore"):
                return self.computed(held)
        except Exception:
            return {}

    def whole(self, name: str, dout: Array) -> Estimate:
        """The gradient at an input or a node, by every way to the output."""
        return numerical_vjp(lambda value: self.computed({name: value})[self.out], (_float(self.values[name]),), dout)

    def share(self, parent: str, child: str, whole: Mapping[str, Estimate]) -> Estimate | None:
        """What a child sends back to its parent: the derivative by the parent through this child alone."""
        if parent not in whole:
            return None
        nodes = self.nodes

        def through(value: Any) -> Array:
            return self.computed({**nodes, parent: value})[child]

        return numerical_vjp(through, (_float(self.values[parent]),), whole[child].value)

    def yours(self, dout: Array) -> dict[str, Any]:
        """The answer's gradients by the names of nodes and inputs; empty where it gives none."""
        try:
            _, cache = self.forward(*map(tree.copy, self.inputs.values()))
            returned = self.answer(_float(dout), cache)
        except Exception:  # the report says what was raised
            return {}
        return {name: returned.get(f"d{name}") for name in self.values} if isinstance(returned, dict) else {}


def _float(value: Array) -> Any:
    """An array as it is, a single number as Python's own."""
    return value.astype(float) if value.ndim else float(value)


def _moved(value: Array) -> Iterator[Array]:
    """Other values that tell whether anything depends on one: of both signs, and labels of other classes."""
    if value.dtype.kind in "iub":
        yield (value + 1) % (np.max(value, initial=0) + 1)
        yield value + 1
        yield 0 * value
        return
    step = np.random.default_rng(0).uniform(0.5, 1.0, value.shape) * (1 + np.abs(value))
    yield from (value + step, value - step, step, -step)


# -- the operations' names --------------------------------------------------------------------------------------------


def operations_of(forward: Callable[..., Any], out: str) -> dict[str, str]:
    """The source of what each node is, and the output: {"b": "exp(x)"}. Empty where no source can be read."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(forward))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    found = {}
    for call in ast.walk(body):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "node" and len(call.args) == 2:
            name, value = call.args
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found[name.value] = _written(value)
    returned = next((each.value for each in ast.walk(body) if isinstance(each, ast.Return)), None)
    if isinstance(returned, ast.Tuple) and returned.elts:
        found[out] = _written(_assigned(returned.elts[0], body))
    return found


def _assigned(value: ast.expr, body: ast.AST) -> ast.expr:
    """What was assigned to a name last; anything else as it is."""
    if not isinstance(value, ast.Name):
        return value
    lines = [each for each in ast.walk(body) if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)]
    mine = [each.value for each in lines if each.targets[0].id == value.id]  # type: ignore[attr-defined]
    return mine[-1] if mine else value


def _written(value: ast.expr) -> str:
    return re.sub(r"\b(np|numpy|math)\.", "", ast.unparse(value))
