"""Expressions spelled out: the same lines as code of a function that nobody knew before, beside their measurement.

How expressions are played is handed to the student's process as data, all of it at once, and what does so there can be
replaced by something that differentiates them itself. As plain code they leave that to the operations of the class.
"""

import secrets

import numpy as np

from ..exercises import Exercise
from ..kinds import expressions
from .isolation.client import EndedError, Worker

#: An answer in double precision is as close as this to the reference, however its formulas round.
CLOSE = 1e-7
_METHODS = ("exp", "log", "tanh", "relu")


def doubt(worker: Worker, task: Exercise, seed: int) -> str:
    """Why a class that was found right should be looked at: as plain code its expressions differ. "" as a rule."""
    tried = [each for each in expressions.expressions(seed) if not each.long]
    name = f"played_{secrets.token_hex(8)}"
    try:
        worker.ask("cell", worker.limits.cell, source=_code(task.name, name, tried))
        functions = worker.functions([name])
        given = [np.array([[float(number) for number in pair] for pair in pairs]).T for pairs in functions[name]()]
        differing = next((each for each, numbers in zip(tried, given) if not _right(task, each, numbers)), None)
    except EndedError as problem:
        return f"{task.name} could not be tried in a function: {problem}"
    except Exception as problem:  # of the student's, or of what cannot be read
        return f"{task.name}, which was right before, raises {type(problem).__name__} in a function"
    return "" if differing is None else f"{task.name}, which was right before, is wrong in a function: {differing}"


def _right(task: Exercise, expression: expressions.Expression, given: np.ndarray) -> bool:
    """Whether these are the values and gradients that the reference gives."""
    right = np.array(expressions.play(expression, task.answer))
    return given.shape == right.shape and np.allclose(given, right, rtol=CLOSE, atol=CLOSE * np.max(np.abs(right)))


def _code(variable: str, name: str, tried: list[expressions.Expression]) -> str:
    """A function of that name that returns the values and gradients of all that is compared."""
    lines = [f"def {name}():", "    found = []"]
    for each in tried:
        names = [each.name_of(place) for place in range(len(each.steps))]
        lines += [f"    {left} = {_written(step, names, variable)}" for left, step in zip(names, each.steps)]
        lines += [f"    {names[place]}.backward()" for place in each.calls or (each.root,)]
        compared = ", ".join(f"({names[place]}.value, {names[place]}.grad)" for place in each.compared)
        lines.append(f"    found.append([{compared}])")
    return "\n".join([*lines, "    return found"])


def _written(step: expressions.Step, names: list[str], variable: str) -> str:
    """The right side of a line, with all digits."""
    first, *others = (names[each] if isinstance(each, int) else f"({each!r})" for each in step.operands)
    if step.operation in _METHODS:
        return f"{first}.{step.operation}()"
    if step.operation == "neg":
        return f"-{first}"
    return f"{variable}{first}" if step.operation == "var" else f"{first} {step.operation} {others[0]}"
