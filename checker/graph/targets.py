"""What `explain` draws: the graphs that a target's text names, a formula's or those of declared exercises."""

import ast
import contextlib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import environment
from ..errors import UsageError
from ..exercises import Exercise, exercises_in
from ..resolve import BrokenModuleError, Found, find, functions, near, submodules
from .data import Graph
from .formula import formula
from .staged import staged
from .tape import tape

_FORMULA = 'A formula can be drawn too, such as "tanh(x*w + b)"'


def graphs(target: str, at: Mapping[str, float], seed: int | None = None) -> list[Graph]:
    """Every graph that a target names. Call it inside `resolve.workspace()`.

    Raises UsageError, saying what can be drawn, where it names none, and where a formula has no value.
    """
    if is_formula(target) or (at and target.isidentifier()):
        if seed is not None:
            raise UsageError("--seed draws the inputs of an exercise; a formula has values, as in --at x=2")
        return [formula(target, at)]
    if at:
        raise UsageError(f"--at goes with a formula; {target} draws its own inputs, others with --seed")
    try:
        found = find(target)
    except BrokenModuleError as broken:
        problem = broken.__cause__ or broken
        raise UsageError(environment.cannot_import(problem, str(broken))) from None
    return [of_exercise(task, seed=seed or 0) for task in _exercises(found)]


def of_exercise(
    task: Exercise, answer: Callable[..., Any] | None = None, forward: Callable[..., Any] | None = None, seed: int = 0
) -> Graph:
    """The graph of an exercise. Raises UsageError where nothing says what its nodes are, and where a forward raises."""
    if not task.nodes and task.kind != "expressions":
        others = [t.name for t in _drawable(inspect.getmodule(task.answer))]
        listed = f"; of this topic there are {', '.join(others)}" if others else ""
        raise UsageError(f"{task.name} is not staged: its forward names no nodes to draw{listed}. {_FORMULA}")
    try:
        return tape(task, answer, seed) if task.kind == "expressions" else staged(task, answer, forward, seed)
    except (Exception, SystemExit) as problem:
        if isinstance(problem, UsageError) or not environment.is_authors(problem):
            raise
        raise UsageError(f"there is nothing to draw: {environment.told(problem, task.answer)}") from None


def is_formula(text: str) -> bool:
    """Whether a target is a formula: it has an operation, and is no file's name."""
    if _is_path(text):
        return False
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # no target is either: what is wrong with it as a formula says more
    while isinstance(body, ast.Attribute):
        body = body.value
    return not isinstance(body, ast.Name)


def values(texts: Sequence[str]) -> dict[str, float]:
    """What `--at x=2` says. Raises UsageError where it is no name and number."""
    found = {}
    for text in texts:
        name, _, number = text.partition("=")
        with contextlib.suppress(ValueError):
            found[name.strip()] = float(number)
        if not name.strip().isidentifier() or name.strip() not in found:
            raise UsageError(f"cannot read --at {text}: write a name and a number, like --at x=2")
    return found


def _is_path(text: str) -> bool:
    file = text.partition("::")[0]
    return file.endswith(".py") or "::" in text or os.path.exists(file) or os.path.exists(f"{file}.py")


def _drawable(module: Any) -> list[Exercise]:
    return [task for task in exercises_in(module) if task.nodes or task.kind == "expressions"] if module else []


def _exercises(found: Found) -> list[Exercise]:
    """The exercises that a target names, by either half; of a module those that can be drawn."""
    module, name = found.module, found.name
    if not name:
        drawable = _drawable(module)
        if not drawable:
            inside = submodules(module)
            named = f"; name a module in it: {', '.join(inside)}" if inside else ""
            raise UsageError(f"{found.where} has no staged exercise, one whose forward names nodes{named}. {_FORMULA}")
        return drawable
    tasks = exercises_in(module)
    chosen = [task for task in tasks if name in [half.__name__ for half in task.halves]]
    if chosen:
        return [task for task in chosen if task in _drawable(module)] or chosen
    if name in vars(module):
        what = "declare it with @exercise(its_forward, nodes={...}), and name each node in the forward"
        raise UsageError(f"{name} is no exercise, so nothing says what its nodes are: {what}. {_FORMULA}")
    known = [half.__name__ for task in tasks for half in task.halves] or list(functions(module))
    raise UsageError(f"{found.where} has no exercise {name}{near(name, known)}")
