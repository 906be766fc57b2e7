"""The graph of an expression that a tape records: a class of numbers that remember how they were made."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..exercises import Exercise
from ..kinds import Answer
from ..kinds.expressions import Expression, expressions, fault_in, play, seed_of, smallest
from ..report import NOT_ATTEMPTED, RIGHT, WRONG
from .data import Graph, Node, differs
from .formula import of_expression

#: Of all that are tried, the expression that is shown of a right answer: a node with three consumers.
EXAMPLE = "shared node 7"
_RTOL = 1e-7


def tape(task: Exercise, answer: Callable[..., Any] | None = None, seed: int = 0) -> Graph:
    """An example's graph; if the answer is wrong, that of the smallest expression on which it was found to be.

    An answer that fails only on an expression too long to be drawn is shown on the example, and that is said.
    """
    given = Answer(answer or task.answer)
    tried = expressions(seed_of(task.inputs(seed)))
    example = next(each for each in tried if each.name == EXAMPLE)
    found = ((each, fault_in(each, given, _RTOL)) for each in tried)
    wrong, fault = next(((each, fault) for each, fault in found if fault is not None), (example, None))
    if fault is None or fault.verdict == NOT_ATTEMPTED or wrong.long:
        verdict = RIGHT if fault is None else fault.verdict
        notes = (fault.message,) if fault is not None and wrong.long else ()
        return _graph(task, example, verdict, notes)
    shown = smallest(wrong, given, _RTOL) if wrong.name.startswith("random") else wrong
    fault = fault_in(shown, given, _RTOL) or fault
    graph = _graph(task, shown, WRONG, (fault.message + (f" -> {fault.advice}" if fault.advice else ""),))
    return _beside(graph, shown, given)


def _graph(task: Exercise, expression: Expression, verdict: str, notes: tuple[str, ...]) -> Graph:
    names = [expression.name_of(place) for place in range(len(expression.steps))]
    operations = [step.written(names) for step in expression.steps]
    nodes, edges = of_expression(expression, names, operations)
    upstream = f"{names[expression.root]}.backward() starts with a gradient of 1."
    calls = [f"{names[place]}.backward()" for place in expression.calls[:-1]]
    before = (f"Before that comes {', '.join(calls)}.",) if calls else ()
    return Graph(task.name, nodes, edges, verdict, notes=(upstream, *before, *notes))


def _beside(graph: Graph, expression: Expression, answer: Answer) -> Graph:
    """The graph with the answer's values and gradients where they differ; as it is where the answer raises."""
    try:
        values, gradients = play(expression, answer.function)
    except Exception:  # the note says what was raised
        return graph
    nodes = tuple(_marked(*each) for each in zip(graph.nodes, values, gradients))
    # A value spreads towards the root, a gradient away from it.
    early = next((node.name for node in nodes if node.your_value is not None), "")
    late = next((node.name for node in reversed(nodes) if node.your_gradient is not None), "")
    return replace(graph, nodes=nodes, first=early or late)


def _marked(node: Node, value: float, gradient: float) -> Node:
    assert node.gradient is not None
    your_value = np.array(value) if differs(value, node.value) else None
    your_gradient = np.array(gradient) if differs(gradient, *node.gradient) else None
    return replace(node, your_value=your_value, your_gradient=your_gradient)
