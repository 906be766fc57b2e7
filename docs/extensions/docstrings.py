"""Docstrings are plain text with `code` in backticks: what reStructuredText would take for markup is escaped."""

import re
from typing import Any

_CODE = re.compile(r"(`[^`]*`)")
_MARKUP = re.compile(r"([*|\\]|(?<=\w)_(?=\W|$))")


def escaped(line: str) -> str:
    """A line of a docstring as reStructuredText that reads the same."""
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in _CODE.split(line))


def _mend(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line if line.startswith(("    ", ":", "..")) else escaped(line) for line in lines]


def setup(app: Any) -> dict[str, bool]:
    """Look at every docstring, after Napoleon has put its sections in order."""
    app.connect("autodoc-process-docstring", _mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
