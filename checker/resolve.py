"""From the text `pkg.module.fn` or `path/to/file.py::fn` to the author's functions, and to a function's other half.

The author's code is imported from where it lies, with nothing installed: the current folder comes first, a file's own
folder with it, and what was imported is forgotten afterwards.
"""

import ast
import contextlib
import difflib
import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .calling import parameters
from .errors import UsageError
from .places import is_theirs, shown
from .settings import told

# -- loading ----------------------------------------------------------------------------------------------------------


class BrokenModuleError(Exception):
    """The author's module raised while it was imported; what it raised is the `__cause__`."""


@contextlib.contextmanager
def workspace() -> Iterator[None]:
    """Import the author's code from the current folder, write no bytecode beside it, and forget it at the end."""
    path, modules, bytecode = list(sys.path), dict(sys.modules), sys.dont_write_bytecode
    _first_on_path(Path.cwd())
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name not in modules and (file is None or is_theirs(file)):
                del sys.modules[name]


def _first_on_path(folder: Path) -> None:
    folder_name = str(folder)
    if folder_name in sys.path:
        sys.path.remove(folder_name)
    sys.path.insert(0, folder_name)


@dataclass(frozen=True)
class Found:
    """What a target's text names: a module, and a name inside it ("" for the whole module)."""

    module: ModuleType
    name: str

    @property
    def where(self) -> str:
        """The module as its author would call it."""
        return shown(getattr(self.module, "__file__", None) or self.module.__name__)


def find(target: str) -> Found:
    """Import what `target` names. Call it inside `workspace()`.

    Raises UsageError, with near names, where there is no such file or module, and BrokenModuleError where the author's
    own code fails to be imported.
    """
    file, separator, name = target.partition("::")
    if separator and not file.strip():
        raise UsageError(f"{target} names no file: write FILE.py{target}")
    if separator and not name.strip():
        raise UsageError(f"{target} names no function: write {file}::NAME, or {file} alone for all that it holds")
    if separator or file.endswith((".py", ".ipynb")) or os.sep in file or "/" in file or file in (".", ".."):
        return Found(_load_file(file), name.strip().removesuffix("()"))
    return _load_dotted(target)


def _load_file(text: str) -> ModuleType:
    path = Path(text)
    if path.suffix == ".ipynb":
        raise UsageError(f"{text} is a notebook: check its functions in there by check(NAME), or put them into a file")
    if not path.is_file():
        if path.is_dir():
            files = [p.name for p in sorted(path.glob("*.py")) if p.stem not in _NO_TARGETS]
            listed = ", ".join(files[:8]) + (", ..." if len(files) > 8 else "")
            raise UsageError(f"{text} is a folder; name a file in it" + (f": {listed}" if files else ""))
        if path.with_name(path.name + ".py").is_file():
            raise UsageError(f"there is no file {text}; did you mean {text}.py?")
        raise UsageError(f"there is no file {text}{_meant(text) or near(text, _files_beside(path))}")
    path = path.resolve()
    depth = max(_packages_above(path), _relative_imports(path))
    root, parts = path.parents[depth], path.relative_to(path.parents[depth]).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if depth:
        _first_on_path(root)
        return _imported(".".join(parts), text)
    _first_on_path(path.parent)
    return _imported_from(path, text)


def _meant(text: str) -> str:
    """A question that completes "there is no file x", where x is another way to write one that there is; else ""."""
    forward = text.replace("\\", "/")
    above = [Path(os.path.relpath(folder)) / text for folder in Path.cwd().parents[:3]]
    written = [forward, *(f"{dotted.replace('.', '/')}.py" for dotted in (text, text.removesuffix(".py")))]
    found = [path for path in (*written, *map(str, above)) if path != text and Path(path).is_file()]
    inside = re.fullmatch(r"(.+\.py)(?::|\.)(\w+)", text)  # mine.py:f, mine.py.f
    if inside is not None and Path(inside[1]).is_file():
        found = [f"{inside[1]}::{inside[2]}"]
    return f"; did you mean {found[0]}?" if found else ""


def _files_beside(path: Path) -> list[str]:
    folder = path.parent if path.parent.is_dir() else Path()
    found = [str(p.relative_to(folder)) for p in folder.glob("*.py")]
    return [str(path.parent / name) if folder == path.parent and path.parent != Path() else name for name in found]


def _packages_above(path: Path) -> int:
    depth = 0
    while (path.parents[depth] / "__init__.py").is_file():
        depth += 1
    return depth


def _relative_imports(path: Path) -> int:
    """How many folders above the file's own name its relative imports reach: `from ..a import b` needs two."""
    try:
        body = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return 0
    return max((node.level for node in ast.walk(body) if isinstance(node, ast.ImportFrom)), default=0)


def _imported_from(path: Path, text: str) -> ModuleType:
    """Import a file that is no part of a package, under its own name unless that is another module's."""
    name = path.stem if path.stem.isidentifier() else re.sub(r"\W", "_", path.stem)
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    if name in sys.modules or name in sys.stdlib_module_names:
        name = f"{name}_file"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{text} is not a Python file; its name should end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _their_import(text):
        spec.loader.exec_module(module)
    return module


def _load_dotted(target: str) -> Found:
    parts = target.split(".")
    unreadable = not all(part.isidentifier() for part in parts)
    meant = _meant(target) if unreadable or "py" in parts[1:] else ""
    if unreadable or meant:
        how = meant or ": write pkg.module.function, or path/to/file.py::function"
        raise UsageError(f"cannot read the target {target!r}{how}")
    module, depth = None, 0
    while depth < len(parts) and (module is None or hasattr(module, "__path__")):
        name = ".".join(parts[: depth + 1])
        if not _exists(name):
            break
        module, depth = _imported(name, name), depth + 1
    if module is None and Path(target).is_file():
        raise UsageError(f"{target} is not a Python file; its name should end in .py")
    if module is None:
        known = [p.stem for p in Path().glob("*.py")] + [p.parent.name for p in Path().glob("*/__init__.py")]
        raise UsageError(f"there is no module {parts[0]}{_in_course(parts) or near(parts[0], known)}")
    rest = parts[depth:]
    if rest and hasattr(module, "__path__") and not hasattr(module, rest[0]) and len(rest) > 1:
        parent = ".".join(parts[:depth])
        known = [f"{parent}.{name}" for name in submodules(module)]
        raise UsageError(f"there is no module {parent}.{rest[0]}{near(f'{parent}.{rest[0]}', known)}")
    return Found(module, ".".join(rest))


def _in_course(parts: list[str]) -> str:
    """A question that completes "there is no module x", where x is a topic or an exercise of the course; else ""."""
    spec = importlib.util.find_spec("coursework")
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        if (folder / f"{parts[0]}.py").is_file():
            return f"; did you mean coursework.{'.'.join(parts)}?"
        for path in sorted(folder.glob("*.py")):
            if len(parts) == 1 and f"\ndef {parts[0]}(" in path.read_text(encoding="utf-8"):
                return f"; did you mean coursework.{path.stem}.{parts[0]}?"
    return ""


#: Files of a package that hold nothing to check.
_NO_TARGETS = ("__init__", "__main__", "conftest")


def submodules(module: ModuleType) -> list[str]:
    """The modules that lie in a package's folder."""
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    return sorted(path.stem for folder in folders for path in folder.glob("*.py") if path.stem not in _NO_TARGETS)


def _exists(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _imported(name: str, text: str) -> ModuleType:
    with _their_import(text):
        importlib.import_module(name)
    return sys.modules[name]


@contextlib.contextmanager
def _their_import(text: str) -> Iterator[None]:
    """Whatever the author's module raises is the author's."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # SystemExit too: a script that ends itself
        raise BrokenModuleError(text) from problem


def near(name: str, known: Iterable[str]) -> str:
    """A question that completes "there is no x", with the names that are most like it; empty where none is."""
    alike = difflib.get_close_matches(name, list(known), 3, 0.7)
    return f"; did you mean {' or '.join(alike)}?" if alike else ""


# -- pairing ----------------------------------------------------------------------------------------------------------

#: What the second half of a pair is called: by kind, words in its name. "d" is also a prefix: dsigmoid, d_sigmoid.
WORDS = {
    "vjp": ("backward", "backprop", "bwd", "back", "bprop", "vjp", "pullback"),
    "grad": ("gradient", "gradients", "grad", "grads", "derivative", "deriv", "prime", "der", "d"),
    "jacobian": ("jacobian", "jac"),
    "hessian": ("hessian", "hess"),
    "jvp": ("jvp", "pushforward", "tangent"),
}
#: What the first half may carry in place of that word.
FORWARD = {
    "backward": ("forward",),
    "backprop": ("forward", "forwardprop", "fprop", "forward_prop"),
    "bwd": ("fwd", "forward"),
    "back": ("forward", "fwd"),
    "bprop": ("fprop", "forward"),
    "gradient": ("cost", "loss"),
    "grad": ("cost", "loss"),
}
#: What a function alone is called whose second half is just `grad` or `jacobian`.
ALONE = ("f", "func", "function", "fn", "loss", "cost", "objective", "forward")
_LOSS = re.compile(r"(^|_)(loss|cost|objective|loss_and_grads?|value_and_grads?)(_|$)|[a-z]Loss$", re.IGNORECASE)

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two names that belong together: kind, the second half's name, and the first's."""

    kind: str
    backward: str
    forward: str


def forward_names(backward: str) -> Iterator[tuple[str, str]]:
    """(kind, forward's name) that the name of a second half suggests, likeliest first."""
    for kind, words in WORDS.items():
        for word in words:
            # a word of its own between underscores, or in camelCase
            pattern = rf"(?:^|(?<=_)){word}(?=_|$)|(?<=[a-z0-9]){word.title()}(?=[A-Z_]|$)|^{word}(?=[A-Z])"
            for found in reversed(list(re.finditer(pattern, backward))):
                yield from ((kind, name) for name in _without(backward, found, word, kind))
    if re.match(r"d[a-zA-Z]", backward):
        yield "grad", backward[1:]
        yield "grad", backward[1].lower() + backward[2:]


def _without(name: str, found: re.Match[str], word: str, kind: str) -> Iterator[str]:
    """The name with a first half's word in the place of `found`, and with nothing there."""
    before, after = name[: found.start()], name[found.end() :]
    others = [other.title() if found[0][0].isupper() else other for other in FORWARD.get(word, ())]
    bare = re.sub(r"__+", "_", before + after).strip("_")
    replaced = [before + other + after for other in others]
    removed = [bare, bare + "_forward", bare + "_fwd", bare + "_fn", "forward_" + bare, bare[:1].lower() + bare[1:]]
    yield from (*replaced, *removed) if kind == "vjp" else (*removed, *replaced)
    if not bare:
        yield from ALONE
    parts = after.strip("_").split("_") if after else []  # batchnorm_backward_alt belongs to batchnorm_forward
    for kept in reversed(range(len(parts))):
        tail = "".join("_" + part for part in parts[:kept])
        for other in (*others, ""):
            yield re.sub(r"__+", "_", before + other + tail).strip("_")


def pairs(names: Names) -> list[Pair]:
    """Every pair among functions, in their order: each second half with the likeliest first half that is there."""
    found = []
    for backward, value in names.items():
        if not callable(value):
            continue
        for kind, forward in forward_names(backward):
            if forward != backward and callable(names.get(forward)) and not inspect.isclass(names[forward]):
                found.append(Pair(kind, backward, forward))
                break
    return found


def functions(module: ModuleType) -> dict[str, Any]:
    """A module's functions by name, its own and those that it imported from its author's other modules."""
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and not inspect.isclass(value) and not name.startswith("__") and _is_authors(value)
    }


def classes(module: ModuleType) -> dict[str, type]:
    """The classes that a module defines."""
    return {n: v for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module.__name__}


def _is_authors(value: Any) -> bool:
    if isinstance(value, np.vectorize):
        return _is_authors(value.pyfunc)
    code = getattr(inspect.unwrap(value), "__code__", None)
    if code is None:  # functools.partial, a callable object, a ufunc
        return not (getattr(type(value), "__module__", "").startswith("numpy") or inspect.isbuiltin(value))
    return is_theirs(code.co_filename)


def is_loss(name: str) -> bool:
    """Whether a function's name suggests that it returns a loss, and its gradients with it."""
    return bool(_LOSS.search(name))


def looked_for(name: str) -> str:
    """The names that would have been the other half, in words."""
    return f"{name}_backward, {name}_grad, grad_{name}, d{name}"


def own_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a check fills: by position, and those by keyword only."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return parameters(function)
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def choose(found: Found, forward: str = "") -> list[Pair]:
    """The pairs that a target's name stands for; a single function stands for itself (kind "value_and_grad").

    Raises UsageError, with near names, where the module has no such function.
    """
    names, name = functions(found.module), found.name
    known = {**names, **{n: v for n, v in vars(found.module).items() if callable(v)}}
    if forward and name:
        if forward == name:
            raise UsageError(f"--forward {forward} is the target itself: name the function that it is a derivative of")
        for half in (name, forward):
            if half not in known:
                raise UsageError(f"{found.where} has no function {half!r}{near(half, names)}")
        kind = next((k for k, words in WORDS.items() for w in words if re.search(rf"(^|_){w}(_|$)", name)), "vjp")
        return [Pair(kind, name, forward)]
    every = pairs(names)
    if not name:
        own = {n for n, v in names.items() if getattr(v, "__module__", "") == found.module.__name__}
        chosen = [p for p in every if p.backward in own and not p.backward.startswith("_")]
        halves = {half for p in every for half in (p.backward, p.forward)}
        chosen += [Pair("value_and_grad", n, n) for n in names if n in own and is_loss(n) and n not in halves]
        return chosen
    if name not in known and hasattr(found.module, "__path__"):
        inside = [*submodules(found.module), *names]
        raise UsageError(f"{found.module.__name__} has no module or function {name!r}{near(name, inside)}")
    if name in vars(found.module) and name not in known:
        raise UsageError(f"{name} in {found.where} is no function: it holds {told(vars(found.module)[name])}")
    if name not in known:
        theirs = [n for n in known if is_theirs(getattr(inspect.getmodule(known[n]), "__file__", None) or "<none>")]
        raise UsageError(f"{found.where} has no function {name!r}{near(name, theirs)}")
    mine = [p for p in every if p.backward == name] or [p for p in every if p.forward == name]
    return mine or [Pair("value_and_grad", name, name)]
