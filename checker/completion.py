"""What a shell offers at the Tab key: verbs, options, the exercises' names, and files. argcomplete does the rest.

Nothing of the author's is imported for it: names are read from the source.
"""

import argparse
import ast
import importlib.util
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UsageError

#: What a shell sets when it asks what to offer.
ASKED = "_ARGCOMPLETE"

_STARTS = {
    "bash": 'eval "$({checker} completion bash)"',
    "zsh": 'autoload -Uz compinit && compinit; eval "$({checker} completion zsh)"',
    "fish": "{checker} completion fish | source",
    "powershell": "& {checker} completion powershell | Out-String | Invoke-Expression",
}
_FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish", "powershell": "$PROFILE"}


def declare(verbs: Any, name: str) -> None:
    """The options."""
    checker = f"{shlex.quote(sys.executable)} -m checker"  # a shell starts before any environment is activated in it
    lines = "\n".join(f"  {_FILES[shell]}:\n    {line.format(checker=checker)}" for shell, line in _STARTS.items())
    parser = verbs.add_parser(
        name,
        help="print what makes a shell complete verbs, options and exercises at the Tab key",
        description="Print what makes a shell complete verbs, options and exercises at the Tab key.",
        epilog=f"put into the file that your shell starts with:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=tuple(_STARTS), help="the one that you use")


def run(options: argparse.Namespace) -> int:
    """Print the shell's code. Raises UsageError where argcomplete is not installed."""
    try:
        argcomplete = importlib.import_module("argcomplete")
    except ModuleNotFoundError:
        install = f"{sys.executable} -m pip install argcomplete"
        raise UsageError(f"completion needs the package argcomplete, which is not installed: {install}") from None
    print(argcomplete.shellcode(["checker"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Tell the shell what may follow, and end; nothing, where argcomplete is not installed."""
    try:
        argcomplete = importlib.import_module("argcomplete")
    except ModuleNotFoundError:
        sys.exit(1)

    def offered(prefix: str, action: argparse.Action, **_: Any) -> list[str]:
        if action.dest in ("assignment", "assignments"):
            return assignments()
        if action.dest == "folder":
            return list(argcomplete.completers.DirectoriesCompleter()(prefix))
        files = list(argcomplete.completers.FilesCompleter()(prefix))
        return [*targets(prefix), *files] if action.dest in ("target", "reference") else files

    argcomplete.autocomplete(parser, default_completer=offered)


def targets(prefix: str) -> list[str]:
    """The targets that begin so: `coursework.batchnorm`, `coursework.batchnorm.batchnorm_backward`, `file.py::name`."""
    file, double, _ = prefix.partition("::")
    if double:
        found = [f"{file}::{name}" for name in _names(Path(file))]
    else:
        found = list(_below(prefix.rpartition(".")[0]))
    alike = sorted(target for target in found if target.startswith(prefix))
    if len(alike) == 1 and not double:  # a module, perhaps: what is in it comes next
        alike += _below(alike[0].rstrip("."))
    return alike


def assignments() -> list[str]:
    """The assignments of the course here, or in `notebooks/`."""
    return sorted({path.name for pattern in ("source/*", "notebooks/source/*") for path in Path().glob(pattern)})


def _below(package: str) -> Iterator[str]:
    """What can be named below a package or a module; for "", the course's stubs and the modules here."""
    if not package:
        yield "coursework."
        yield from (path.stem for path in Path().glob("*.py") if path.stem.isidentifier())
        return
    where = _folder(package)
    if where is not None and where.is_dir():
        modules = (path.stem for path in where.glob("*.py"))
        yield from (f"{package}.{name}" for name in modules if not name.startswith(("_", "conftest")))
    elif where is not None:
        yield from (f"{package}.{name}" for name in _names(where))


def _folder(package: str) -> Path | None:
    """The folder of a package or the file of a module, here or installed; None where there is neither."""
    first, *rest = package.split(".")
    spec = None if (Path(first).is_dir() or Path(f"{first}.py").is_file()) else importlib.util.find_spec(first)
    roots = [Path(first)] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
    for root in roots:
        path = root.joinpath(*rest)
        if path.is_dir():
            return path
        if path.with_suffix(".py").is_file():
            return path.with_suffix(".py")
    return None


def _names(file: Path) -> list[str]:
    """What can be checked in a file: its exercises, or, where it has none, its functions and classes."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    defined = [node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    tasks = [node for node in defined if any(map(_declares, node.decorator_list))]
    return [node.name for node in tasks or defined if not node.name.startswith("_")]


def _declares(decorator: ast.expr) -> bool:
    """Whether a decorator declares an exercise."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in ("task", "exercise")
