"""Tests that an instructor wrote as ordinary nbgrader cells: assertions about what a notebook defines.

They run here, not where the student's code runs: each name that they use and do not define is a stand-in for the
notebook's function of that name, or a copy of its value.
"""

import ast
import builtins
import contextlib
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .isolation.client import EndedError, Worker

_FILE = "<test>"


def tested(worker: Worker, source: str, setup: Sequence[str], points: float) -> tuple[float, str]:
    """The points that a test gives, and what it says: all, none, or the value of its last line.

    `setup` are the cells whose imports the test may use.
    """
    try:
        body = ast.parse(source, _FILE)
    except SyntaxError as problem:
        return 0.0, f"the test itself cannot be read: {problem}"
    names: dict[str, Any] = {"__name__": "__test__"}
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(ast.Module(list(_imports(setup)), []), _FILE, "exec"), names)
            names |= _of_the_notebook(worker, sorted(_used(body) - names.keys() - vars(builtins).keys()))
            value = _run(body, names)
    except EndedError as problem:
        return 0.0, f"the test was not finished: {problem}"
    except BaseException as problem:
        return 0.0, f"{said.getvalue()}{type(problem).__name__}: {problem}"[:2000]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return min(max(0.0, float(value)), points), said.getvalue()[:2000]
    return points, said.getvalue()[:2000]


def _run(body: ast.Module, names: dict[str, Any]) -> Any:
    """The value of the last line, if that is an expression."""
    *lines, last = body.body or [ast.Pass()]
    if not isinstance(last, ast.Expr):
        exec(compile(body, _FILE, "exec"), names)
        return None
    exec(compile(ast.Module(lines, []), _FILE, "exec"), names)
    return eval(compile(ast.Expression(last.value), _FILE, "eval"), names)


def _of_the_notebook(worker: Worker, names: Sequence[str]) -> dict[str, Any]:
    """What the notebook has under these names."""
    worker.revive()
    told = worker.ask("values", names=list(names))
    values = told.get("values")
    found = {name: values[name] for name in names if name in values} if isinstance(values, dict) else {}
    return found | worker.introduced(told.get("functions"), names)


def _imports(setup: Sequence[str]) -> Iterator[ast.stmt]:
    for source in setup:
        with contextlib.suppress(SyntaxError):
            yield from (node for node in ast.parse(source).body if isinstance(node, (ast.Import, ast.ImportFrom)))


def _used(body: ast.AST) -> set[str]:
    """The names that are read somewhere."""
    return {node.id for node in ast.walk(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
