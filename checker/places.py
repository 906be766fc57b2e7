"""Where in an author's code an exception arose, and what the names in that line held.

Nothing here runs the author's code again: names are looked up in the frame that the exception left.
"""

import ast
import inspect
import linecache
import os
import re
import sysconfig
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_INSTALLED = [sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")]
_PACKAGES = [str(Path(__file__).parent), str(Path(np.__file__).parent)]
#: Folders whose code is nobody's homework: ours, NumPy's, Python's, and whatever is installed.
_NOT_THEIRS = tuple(f"{folder}{os.sep}" for folder in {*_PACKAGES, *_INSTALLED})
#: But for this file, which stands for an author's.
_EXAMPLE = str(Path(__file__).with_name("example.py"))


@dataclass(frozen=True)
class Place:
    """Where in an author's code something happened: file, line number and that line's text.

    `expression` is the part of the line that failed, where it is known; `variables` are the names that it could see.
    """

    file: str
    line: int
    source: str
    expression: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        where = f"{shown(self.file)}, line {self.line}"
        return f"{where}, `{self.source}`" if self.source else where


def shown(file: str) -> str:
    """A file's name as people write it: relative to the current folder where it lies below, else its last part.

    A notebook's cells are files of a kernel's, whose names nobody has seen.
    """
    path = Path(file)
    if path.parent.name.startswith("ipykernel_") or file.startswith("<ipython-input"):
        return "the cell"
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path.name


def user_line(exception: BaseException) -> Place | None:
    """The deepest line of the author's own code that an exception went through: not ours, not NumPy's, not Python's."""
    if isinstance(exception, SyntaxError) and exception.filename and exception.lineno:
        return Place(exception.filename, exception.lineno, (exception.text or "").strip())
    deepest, trace = None, exception.__traceback__
    while trace is not None:
        if is_theirs(trace.tb_frame.f_code.co_filename):
            deepest = trace
        trace = trace.tb_next
    return _place(deepest) if deepest is not None else None


def is_theirs(file: str) -> bool:
    """Whether a code object's file is the author's own."""
    if file.startswith("<"):  # a notebook's cell can show its source; frozen modules and wrappers have none
        return bool(linecache.getline(file, 1)) and not file.startswith("<frozen")
    compiled = file.endswith((".pyx", ".pxd", ".pxi"))
    path = str(Path(file).absolute())
    return path == _EXAMPLE or not (compiled or path.startswith(_NOT_THEIRS))


def _place(trace: types.TracebackType) -> Place:
    frame, line = trace.tb_frame, trace.tb_lineno
    file = frame.f_code.co_filename
    source = linecache.getline(file, line, frame.f_globals)
    expression = source.strip()
    first, last, start, end = list(frame.f_code.co_positions())[trace.tb_lasti // 2]
    if first == last == line and start is not None and end is not None:
        expression = source.encode()[start:end].decode(errors="replace")
    return Place(file, line, source.strip(), expression, {**frame.f_globals, **frame.f_locals})


def definition(function: Any) -> Place | None:
    """Where a function is defined; None where it has no source."""
    try:
        function = inspect.unwrap(function)
        lines, first = inspect.getsourcelines(function)
        at = next((k for k, text in enumerate(lines) if re.match(r"\s*(async\s+)?(def|class)\b", text)), 0)
        return Place(inspect.getsourcefile(function) or "", first + at, lines[at].strip())
    except (OSError, TypeError, ValueError):
        return None


def values(text: str, variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every variable that a piece of code reads, with its value: names, `x.T`, `cache['x']`, `self.w`."""
    found: dict[str, Any] = {}
    inner = set()
    for node in _reads(text):
        known, value = _look_up(node, variables)
        if known and not isinstance(value, (types.ModuleType, types.FunctionType, type)):
            found.setdefault(ast.unparse(node), value)
            # where `x.T` or `cache['x']` takes part, `x` or `cache` alone does not
            inner |= set() if isinstance(node, ast.Name) else {ast.unparse(node.value)}
    yield from ((name, value) for name, value in found.items() if name not in inner)


def _reads(text: str) -> list[ast.Name | ast.Attribute | ast.Subscript]:
    """The names, attributes and subscripts that a line reads, from left to right; none where it cannot be parsed."""
    text = text.strip()
    opened = re.sub(r"^(return|assert|if|elif|while|for \w+ in)\b", "", text).strip(" :,")
    for attempt in (text, text.rstrip(",:"), opened):
        try:
            nodes = list(ast.walk(ast.parse(attempt)))
        except SyntaxError:
            continue
        reads = [n for n in nodes if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript))]
        return sorted((n for n in reads if isinstance(n.ctx, ast.Load)), key=lambda n: (n.lineno, n.col_offset))
    return []


def _look_up(node: ast.expr, variables: Mapping[str, Any]) -> tuple[bool, Any]:
    """Whether a name is known, and its value. No property, call or `__getitem__` of the author's is run for it."""
    if isinstance(node, ast.Name):
        return node.id in variables, variables.get(node.id)
    if isinstance(node, ast.Attribute):
        known, owner = _look_up(node.value, variables)
        if known and isinstance(owner, np.ndarray):
            return (True, owner.T) if node.attr == "T" else (False, None)
        own = getattr(owner, "__dict__", {}) if known else {}
        return node.attr in own, own.get(node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        known, owner = _look_up(node.value, variables)
        if known and type(owner) in (dict, list, tuple):
            try:
                return True, owner[node.slice.value]
            except (KeyError, IndexError, TypeError):
                return False, None
    return False, None
