"""Which of a module's functions an edit concerns: those whose own code it changed, or code that they reach by name."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping


def digests(source: str, roots: Mapping[str, Iterable[str]], others: bytes = b"") -> dict[str, list[str]]:
    """By subject, three digests: of its own code, of what that reaches within the module, and of what counts for all.

    `roots` are the names of a subject's own functions and classes. What no subject reaches counts for all, as nobody
    can tell what it is for, and so does `others`, the code of other files. Raises SyntaxError.
    """
    statements = ast.parse(source).body
    homes: dict[str, set[int]] = {}
    for place, statement in enumerate(statements):
        for name in _bound(statement):
            homes.setdefault(name, set()).add(place)
    uses = [{node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} for statement in statements]
    reached = {subject: _reached(names, homes, uses) for subject, names in roots.items()}
    left = set(range(len(statements))).difference(*reached.values())
    lines = source.splitlines()
    own = {subject: set[int]().union(*(homes.get(name, ()) for name in names)) for subject, names in roots.items()}
    shared = _digest([*_texts(lines, statements, left), others])
    return {
        subject: [*(_digest(_texts(lines, statements, places)) for places in (own[subject], reached[subject])), shared]
        for subject in roots
    }


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives a meaning to."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                yield from node.names
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name


def _reached(names: Iterable[str], homes: Mapping[str, set[int]], uses: list[set[str]]) -> set[int]:
    """The statements that some names stand for, and those that these need in turn."""
    reached: set[int] = set()
    waiting = list(names)
    while waiting:
        new = homes.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += [name for place in new for name in uses[place]]
    return reached


def _texts(lines: list[str], statements: list[ast.stmt], places: Iterable[int]) -> Iterator[bytes]:
    for place in sorted(places):
        statement = statements[place]
        first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", ()))])
        yield "\n".join(lines[first - 1 : statement.end_lineno]).encode()


def _digest(texts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\0".join(texts)).hexdigest()
