"""Columns of numbers are set at the right, digit below digit: their cells get the class `number`."""

import re
from typing import Any

from docutils import nodes

_FIGURE = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?"
_NUMBER = re.compile(rf"{_FIGURE}(?: to {_FIGURE})?(?: %)?")


def setup(app: Any) -> dict[str, bool]:
    """Look at every table, once its page has been read."""
    app.connect("doctree-read", _mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mark(app: Any, page: nodes.document) -> None:
    for group in page.findall(nodes.tgroup):
        head, body = ([row for part in group.findall(kind) for row in part] for kind in (nodes.thead, nodes.tbody))
        for column, cells in enumerate(zip(*body, strict=True)):
            # The first column says what a row is about. Elsewhere a few words among numbers change nothing.
            if column and 2 * sum(map(_is_number, cells)) > len(cells):
                for cell in (*cells, *(row[column] for row in head)):
                    cell["classes"].append("number")


def _is_number(cell: nodes.entry) -> bool:
    return _NUMBER.fullmatch(cell.astext()) is not None
