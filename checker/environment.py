"""An author's own exception in words: what was raised, at which line, with which arrays, and the mend."""

import ast
import inspect
import re
import textwrap
from typing import Any

import numpy as np

from .mends import mend
from .places import Place, definition, shown, user_line, values
from .standin import where_it_lives

__all__ = ["cannot_import", "changed_meaning", "describe", "explain", "is_authors", "told", "user_line"]

#: An exception's own text is cut after this many characters.
LONGEST = 200


def describe(exception: BaseException, function: Any) -> str:
    """What the author's `function` raised, where and why, in one to three sentences.

    An exception from the call itself (the function takes another number of arguments) is placed at its `def`.
    """
    name = getattr(function, "__name__", None) or type(function).__name__
    return f"{name} raised {told(exception, function)}"


def told(exception: BaseException, function: Any) -> str:
    """The exception, where in the author's code it arose, and the mend; of another process's what that process said."""
    elsewhere: str | None = getattr(exception, "told", None)
    return elsewhere or _told(exception, user_line(exception) or definition(function))


def is_authors(exception: BaseException) -> bool:
    """Whether an exception went through the author's code: here, or in another process."""
    return getattr(exception, "told", None) is not None or user_line(exception) is not None


def cannot_import(exception: BaseException, what: str) -> str:
    """What went wrong in loading the author's file or module `what`, in the same form."""
    return f"{what} cannot be imported: it raised {_told(exception, user_line(exception))}"


def explain(exception: BaseException) -> str | None:
    """One sentence on how to mend what today's Python or NumPy refuses; None where nothing is known."""
    return mend(exception, user_line(exception)) or None


def _told(exception: BaseException, place: Place | None) -> str:
    sentence = type(exception).__name__ + (f" at {place}" if place is not None else "")
    text = _text(exception)
    sentences = [f"{sentence}: {text}" if text else sentence, mend(exception, place), _shapes(exception, place)]
    return ". ".join(each.removesuffix(".") for each in sentences if each)


def _text(exception: BaseException) -> str:
    """The exception's own words: the first line, shortened where NumPy is long."""
    if isinstance(exception, SyntaxError):
        return exception.msg or ""
    text = str(exception).strip().split("\n")[0].strip()
    text = re.sub(r"Input operand 1 has a mismatch .*size (\d+) is different from (\d+).", r"\2 and \1 differ", text)
    text = re.sub(r" \([^()]*\.py\)$", "", text)  # the file that a name could not be imported from
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " [...]"


def _shapes(exception: BaseException, place: Place | None) -> str:
    """The shapes of the arrays in the failing line, where they may be what is wrong; else empty."""
    if place is None or not isinstance(exception, (ValueError, IndexError)):
        return ""
    unpacking = "values to unpack" in str(exception)  # then the failing expression is the names on the left
    for text in (place.source,) if unpacking else (place.expression, place.source):
        known = [f"{name} is {_form(value)}" for name, value in values(text, place.variables) if _form(value)][:6]
        if known:
            return "There, " + (" and ".join(known) if len(known) == 2 else ", ".join(known))
    return ""


def _form(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape}"
    return f"a {type(value).__name__} of {len(value)}" if isinstance(value, (tuple, list)) else ""


# -- code that still runs, and means something else -------------------------------------------------------------------


@where_it_lives
def changed_meaning(function: Any) -> tuple[str, ...]:
    """Places in a function's source that gave other numbers on an older NumPy: worth saying if its answer is wrong."""
    try:
        function = inspect.unwrap(function)
        lines, first = inspect.getsourcelines(function)
        body = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ()
    file, arrays = shown(inspect.getsourcefile(function) or ""), _index_arrays(body)
    lists = [n for n in ast.walk(body) if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.List)]
    return tuple(
        f"{file}, line {first + node.lineno - 1}: `{ast.unparse(node)}` picks whole rows; before NumPy 1.23 it meant "
        f"`{ast.unparse(node).replace('[[', '[').replace(']]', ']')}`, which is how to write that now"
        for node in lists
        if len(node.slice.elts) > 1 and all(_is_index_array(part, arrays) for part in node.slice.elts)  # type: ignore[attr-defined]
    )


def _index_arrays(body: ast.AST) -> set[str]:
    """Names that hold arrays of indices: made by arange and the like, or parameters that are called y or labels."""
    parameters = [a.arg for node in ast.walk(body) if isinstance(node, ast.arguments) for a in node.args]
    found = {name for name in parameters if name in ("y", "ys", "labels", "targets")}
    for node in ast.walk(body):
        if isinstance(node, ast.Assign) and _is_index_array(node.value, found):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _is_index_array(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in known
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == "list" and node.args:
            return _is_index_array(node.args[0], known)
        return called in ("arange", "range", "argmax", "argmin", "argsort")
    return isinstance(node, (ast.List, ast.ListComp))
