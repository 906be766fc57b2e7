"""From a topic's source to its stub: the same file without the answers, the mistakes, the hints and their helpers."""

import ast
import re
import textwrap
from collections.abc import Iterator

#: What `@exercise` takes and a stub must not show.
PRIVATE = ("hints",)
WIDTH = 120
_BLOCK = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION\n", re.MULTILINE | re.DOTALL)


def stub(source: str) -> str:
    """The stub of a topic: its outline, with every answer still to be written."""
    return outline(_BLOCK.sub(lambda found: f"{found[1]}raise NotImplementedError  # your answer goes here\n", source))


def outline(source: str) -> str:
    """A topic without what is neither an exercise nor used by one, its exercises declared as a student's."""
    module = ast.parse(source)
    kept = _kept(module, source)
    parts = [_text(node, source) for node in kept if not isinstance(node, (ast.Import, ast.ImportFrom))]
    used = names_used("\n".join(parts))
    imports = [line for node in module.body for line in _imports(node, used)]
    docstring = ast.get_docstring(module, clean=False) or ""
    return f'"""{docstring}"""\n\n{_grouped(imports)}{_spaced(parts)}\n'


def answers(source: str) -> list[str]:
    """The lines of every answer, without blanks at their ends: what must appear in no stub."""
    blocks = [found.group() for found in _BLOCK.finditer(source)]
    return [line.strip() for block in blocks for line in block.splitlines() if "SOLUTION" not in line and line.strip()]


def _kept(module: ast.Module, source: str) -> list[ast.stmt]:
    """The statements that a stub keeps: exercises, their forwards, and what these use; in their order."""
    defined = {name: node for node in module.body for name in _defines(node)}
    chosen: set[int] = set()
    waiting = [node for node in module.body if _exercise(node) is not None]
    while waiting:
        node = waiting.pop()
        if id(node) not in chosen:
            chosen.add(id(node))
            waiting += [defined[name] for name in names_used(_text(node, source)) if name in defined]
    return [node for node in module.body if id(node) in chosen]


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets = [each for target in node.targets for each in ast.walk(target)]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _exercise(node: ast.stmt) -> ast.Call | None:
    """The call of `exercise` that decorates a definition."""
    for decorator in getattr(node, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "exercise":
            return decorator
    return None


def names_used(text: str) -> set[str]:
    """The names that a piece of code uses, in annotations that are strings as well."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _text(node: ast.stmt, source: str) -> str:
    """A statement as the stub shows it."""
    text = "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
    call = _exercise(node)
    others = [] if call is None else [d for d in node.decorator_list if d is not call]  # type: ignore[attr-defined]
    above = [f"@{ast.get_source_segment(source, each)}" for each in others]
    return "\n".join([*above, *([] if call is None else [_decorator(call, source)]), text])


def _decorator(call: ast.Call, source: str) -> str:
    """`@task(...)` with what a student may see, on one line if it fits."""
    shown = [_segment(argument, source) for argument in call.args]
    shown += [f"{k.arg}={_segment(k.value, source)}" for k in call.keywords if k.arg not in PRIVATE]
    line = f"@task({', '.join(shown)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    return "@task(\n" + "".join(f"    {each},\n" for each in shown) + ")"


def _segment(node: ast.expr, source: str) -> str:
    """An argument's source, its later lines indented as they are below a decorator."""
    text = ast.get_source_segment(source, node) or ""
    first, newline, rest = text.partition("\n")
    return first + newline + textwrap.indent(textwrap.dedent(rest), "    ") if newline else first


def _imports(node: ast.stmt, used: set[str]) -> Iterator[str]:
    """An import with the names that the stub uses; `exercise` has become `task`."""
    if isinstance(node, ast.Import):
        names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
        yield from (f"import {ast.unparse(alias)}" for alias in names)
    elif isinstance(node, ast.ImportFrom):
        found = [ast.unparse(alias) for alias in node.names if (alias.asname or alias.name) in used]
        if node.module == "checker" and not node.level:
            found = sorted({*found, "task"}, key=lambda name: (name.islower(), name))
        if found:
            yield f"from {'.' * node.level}{node.module or ''} import {', '.join(found)}"


def _grouped(imports: list[str]) -> str:
    """Imports with a blank line between the standard library's, others, the checker's and the course's own."""
    groups: dict[int, list[str]] = {}
    for line in imports:
        package = line.split()[1].split(".")[0]
        group = 3 if not package else 2 if package == "checker" else 1 if package == "numpy" else 0
        groups.setdefault(group, []).append(line)
    return "\n\n".join("\n".join(groups[group]) for group in sorted(groups))


def _spaced(parts: list[str]) -> str:
    """The statements with two blank lines around functions, and none between constants."""
    functions = [part.startswith(("@", "def ", "class ")) for part in parts]
    gaps = ["\n\n\n" if function or before else "\n" for function, before in zip(functions, [False, *functions])]
    first = ["" if functions[:1] == [True] else "\n"]  # a blank line after the imports
    return "".join([*first, *(gap + part for gap, part in zip(gaps, parts))])
