"""The cell in which an exercise is answered: its functions as in `solutions/`, made to run by themselves in a notebook.

What a reader sees (signatures, given functions, their constants and imports) stands at the top of the cell. What only
an answer uses, be it a helper or a function of another topic, goes into the region that is cleared for students.
"""

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import UsageError
from .key import KEYS
from .stubs import names_used

_REGION = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION\n?", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"^ *### (?:BEGIN|END) SOLUTION\n", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """A statement of a topic that defines a name, as a notebook shows it; `imported` if it is an import."""

    name: str
    text: str
    topic: str
    line: int
    imported: bool = False

    @property
    def seen(self) -> str:
        """What is left of it for a student."""
        return _REGION.sub(lambda found: f"{found[1]}...\n", self.text + "\n")


def pieces(topic: str, functions: list[str]) -> list[Piece]:
    """The statements that must be seen for these functions of a topic to be asked for, in their order, imports first.

    Raises UsageError where the topic does not define one of them.
    """
    found: dict[str, Piece] = {}
    waiting = [(topic, name) for name in functions]
    for name in functions:
        if name not in _defined(topic):
            raise UsageError(f"{KEYS}/{topic}.py defines no {name}")
    while waiting:
        where, name = waiting.pop()
        piece = _piece(where, name)
        if piece is not None and name not in found:
            found[name] = piece
            waiting += [(piece.topic, used) for used in names_used(piece.seen)]
    return sorted(found.values(), key=lambda piece: (not piece.imported, piece.topic, piece.line))


def filled(piece: Piece, known: set[str]) -> str:
    """A piece whose solution regions hold what they use beyond the names that are `known` in the notebook."""

    def fill(region: re.Match[str]) -> str:
        body = textwrap.dedent(region[2])
        helpers = _helpers(piece.topic, body, known | {piece.name})
        imports = merged([helper.text for helper in helpers if helper.imported])
        inside = "\n".join([*imports, *(_plain(helper) for helper in helpers if not helper.imported), body])
        return f"{region[1]}### BEGIN SOLUTION\n{textwrap.indent(inside, region[1])}{region[1]}### END SOLUTION\n"

    return _REGION.sub(fill, piece.text + "\n").rstrip("\n")


def standalone(topic: str, functions: Sequence[str]) -> str:
    """Functions of a topic with everything that they use, answers included: code that runs by itself."""
    found = _helpers(topic, "\n".join(functions), set())
    imports = merged([piece.text for piece in found if piece.imported])
    return "\n".join([*imports, *dict.fromkeys(_plain(piece) for piece in found if not piece.imported)])


def merged(imports: Sequence[str]) -> list[str]:
    """Import lines, one for each module, the checker's last."""
    modules: dict[str, set[str]] = {}
    for line in imports:
        if line.startswith("from "):
            _, module, _, names = line.split(" ", 3)
            modules.setdefault(module, set()).update(names.split(", "))
    named = [
        f"from {module} import {', '.join(sorted(names, key=lambda name: (name.islower(), name)))}"
        for module, names in sorted(modules.items(), key=lambda item: (item[0].startswith("checker"), item[0]))
    ]
    return [*sorted({line for line in imports if line.startswith("import ")}), *named]


def _helpers(topic: str, body: str, known: set[str]) -> list[Piece]:
    """What a region uses and does not find, and what that uses in turn; imports first."""
    found: dict[str, Piece] = {}
    waiting = [(topic, name) for name in names_used(body)]
    while waiting:
        where, name = waiting.pop()
        piece = None if name in known or name in found else _piece(where, name)
        if piece is not None:
            found[name] = piece
            waiting += [(piece.topic, used) for used in names_used(_plain(piece))]
    return sorted(found.values(), key=lambda piece: (not piece.imported, piece.topic, piece.line))


def _plain(piece: Piece) -> str:
    """A piece without the marks of its regions."""
    return _MARK.sub("", piece.text + "\n").rstrip("\n")


def _piece(topic: str, name: str) -> Piece | None:
    """What defines a name in a topic; a name from another topic is that topic's. None for builtins and locals."""
    piece = _defined(topic).get(name)
    if piece is not None and piece.imported and piece.text.startswith("from ."):
        where = piece.text.split()[1].lstrip(".")
        return _piece(where, name)
    return piece


@cache
def _defined(topic: str) -> dict[str, Piece]:
    """The pieces of a topic by the name that they define."""
    spec = importlib.util.find_spec(f"{KEYS}.{topic}")
    if spec is None or spec.origin is None:
        raise UsageError(f"there is no {KEYS}/{topic}.py")
    source = Path(spec.origin).read_text(encoding="utf-8")
    return {piece.name: piece for node in ast.parse(source).body for piece in _pieces(topic, node, source)}


def _pieces(topic: str, node: ast.stmt, source: str) -> Iterator[Piece]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        opening = f"from {'.' * node.level}{node.module or ''} " if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            text = f"{opening}import {ast.unparse(alias)}"
            yield Piece((alias.asname or alias.name).split(".")[0], text, topic, node.lineno, imported=True)
        return
    lines = source.splitlines()
    last = node.end_lineno or node.lineno
    while (
        last < len(lines) and lines[last].strip() == "### END SOLUTION"
    ):  # a comment is no part of the statement above
        last += 1
    text = "\n".join(lines[node.lineno - 1 : last])
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        others = [each for each in node.decorator_list if not _declares(each)]
        above = "".join(f"@{ast.get_source_segment(source, each)}\n" for each in others)
        yield Piece(node.name, above + text, topic, node.lineno)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        yield from (Piece(name, text, topic, node.lineno) for name in names)


def _declares(decorator: ast.expr) -> bool:
    """Whether a decorator is the declaration of an exercise or a mistake."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in ("exercise", "mistake")
