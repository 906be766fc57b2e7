"""Staged graphs, checked node by node: the gradient at a node is the derivative by a number that is added there.

A staged forward says `mean = node("mean", x.mean(axis=0))` of every intermediate; its backward returns the gradient of
every node and of every input, as a dict by name: {"dmean": ..., "dx": ...}.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import shapes
from .errors import UsageError
from .inputs import Array, Declaration
from .kinds import Answer
from .report import WRONG, Report
from .standin import where_it_lives
from .values import Lengths, Rng, Sizes, Values


def keep(name: str, value: Any) -> Any:
    """Name an intermediate of a staged forward, as the exercise calls it, and return its value as it is.

    While an answer is judged, another function stands in this one's place, which adds a number to the value: the
    gradient at that node is the derivative by it.
    """
    return value


@dataclass(frozen=True)
class Zeros(Values):
    """Nothing is added at a node: gradients are those of the graph as it stands."""

    def draw(self, rng: Rng, shape: Lengths, sizes: Sizes) -> np.ndarray:
        """Zeros."""
        return np.zeros(shape)


@dataclass(frozen=True)
class Opened:
    """An answer whose nodes are inputs too; they come first, in the order in which the backward meets them."""

    forward: Callable[..., Any]
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    names: tuple[str, ...]
    wrt: tuple[str, ...]
    declaration: Declaration


def opened(task: Any, answer: Answer, inputs: Sequence[Any]) -> Opened:
    """The answer as the general check takes it; without nodes, as it is."""
    declaration, forward, function = task.declaration, answer.forward, answer.function
    assert forward is not None
    if not task.nodes:
        return Opened(forward, function, tuple(inputs), declaration.names, task.wrt, declaration)
    nodes, count = tuple(task.nodes), len(task.nodes)
    wrt = (*nodes, *task.wrt)

    def with_additions(*arguments: Any) -> Any:
        return _run_with(forward, dict(zip(nodes, arguments[:count])), *arguments[count:])

    def by_name(dout: Any, cache: Any) -> Any:
        returned = function(dout, cache)
        if not isinstance(returned, dict) or any(f"d{name}" not in returned for name in wrt):
            return returned
        return tuple(_apart([returned[f"d{name}"] for name in wrt]))

    with_additions.__name__, by_name.__name__ = forward.__name__, function.__name__
    added = [Array(shapes.shape("float", task.nodes[name]), Zeros()) for name in nodes]
    zeros = tuple(np.zeros_like(value) for value in _node_values(forward, inputs, nodes))
    extended = replace(declaration, names=(*nodes, *declaration.names), inputs=(*added, *declaration.inputs))
    return Opened(with_additions, by_name, (*zeros, *inputs), extended.names, wrt, extended)


@where_it_lives
def _run_with(forward: Callable[..., Any], additions: dict[str, Any], *inputs: Any) -> Any:
    """What a staged forward returns where something is added at each node."""

    def node(name: str, value: Any) -> Any:
        if name not in additions or np.shape(value) != np.shape(additions[name]):
            advice = f"declare it with nodes= in the exercise of {forward.__name__}"
            raise UsageError(f"the node {name} has shape {np.shape(value)}; {advice}")
        return value + additions[name]

    return forward(*inputs, node=node)


def _apart(gradients: Sequence[Any]) -> Iterator[Any]:
    """The gradients, those copied that an earlier one shares its memory with: behind an add gate they are the same."""
    for place, gradient in enumerate(gradients):
        shared = isinstance(gradient, np.ndarray) and any(
            np.shares_memory(gradient, other) for other in gradients[:place] if isinstance(other, np.ndarray)
        )
        yield gradient.copy() if shared else gradient


@where_it_lives
def _node_values(forward: Callable[..., Any], inputs: Sequence[Any], nodes: Sequence[str]) -> list[Any]:
    """The value of every node at these inputs."""
    found: dict[str, Any] = {}

    def note(name: str, value: Any) -> Any:
        found[name] = np.asarray(value, dtype=float)
        return value

    forward(*inputs, node=note)
    missing = [name for name in nodes if name not in found]
    if missing:
        raise UsageError(f"{forward.__name__} has no node called {', '.join(missing)}; it has {', '.join(found)}")
    return [found[name] for name in nodes]


def first_wrong(report: Report, nodes: Sequence[str]) -> Report:
    """The report with the first wrong node in front: what is wrong behind it may be its consequence."""
    wrong = [finding for finding in report.findings if finding.verdict == WRONG and finding.subject]
    if not wrong or wrong[0].kind not in ("values", "shape"):
        return report
    first, *later = wrong
    what = "node" if first.subject in nodes else "gradient"
    finding = replace(first, message=f"the first wrong {what} is d{first.subject}: {first.message}")
    follows = f"differs too, which may follow from d{first.subject}"
    behind = [replace(f, message=f"d{f.subject} {follows}", cause="", advice="", entries=()) for f in later]
    rest = [f for f in report.findings if f not in wrong]
    return replace(report, findings=(finding, *behind, *rest))
