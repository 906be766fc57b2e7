"""Who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted(path for path in (ROOT / "checker").rglob("*.py") if "course" not in path.parts)
EXERCISES = sorted(path for folder in ("solutions", "coursework") for path in (ROOT / folder).rglob("*.py"))
EXERCISES = [path for path in EXERCISES if path.stem != "conftest"]  # pytest's, not a student's
STANDARD = frozenset(sys.stdlib_module_names)

#: What the core may import inside functions, when it is needed and if it is there.
WHEN_NEEDED = {"hypothesis", "rich", "IPython"}

#: Import every module named on the command line where nothing but the standard library and some packages can be had.
#: What the environment itself loaded before, as editable installs do, does not count.
PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package not in sys.stdlib_module_names | {allowed!r} and not package.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"no {{name}} here", name=name)

before = set(sys.modules)
sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    __import__(name)
# Compiled modules may add entries that were never imported; those have no spec.
found = {{name.partition(".")[0] for name in set(sys.modules) - before if getattr(sys.modules[name], "__spec__", None)}}
print(*sorted(name for name in found - sys.stdlib_module_names if not name.startswith("_sysconfigdata")))
"""


def loaded(modules: list[str], allowed: set[str]) -> set[str]:
    """The packages outside the standard library that are loaded by importing `modules` where only `allowed` exist."""
    command = [sys.executable, "-c", PROGRAM.format(allowed=allowed), *modules]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def dotted(path: Path) -> str:
    """`checker/render/text.py` -> `checker.render.text`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Every absolute import in a file, and whether it is made as soon as the file is imported."""

    def walk(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, at_once) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and not child.level:
                yield child.module or "", at_once
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or typing_only
            yield from walk(child, at_once and not deferred)

    return walk(ast.parse(path.read_text()), True)


def ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_importing_the_checker_loads_numpy_alone():
    assert loaded(["checker"], {"checker", "numpy"}) <= {"checker", "numpy"}


def test_every_module_of_the_core_can_be_imported_with_numpy_alone():
    assert loaded([dotted(path) for path in CORE], {"checker", "numpy"}) == {"checker", "numpy"}


def test_every_exercise_can_be_imported_with_numpy_and_the_core_alone():
    packages = {"checker", "numpy", "solutions", "coursework"}
    assert loaded([dotted(path) for path in EXERCISES], packages) <= packages


@pytest.mark.parametrize("path", CORE, ids=ids(CORE))
def test_the_core_imports_what_it_may(path):
    for name, at_once in imports(path):
        package = name.partition(".")[0]
        assert not name.startswith("checker.course"), name
        assert package in STANDARD | {"numpy", "checker"} | (set() if at_once else WHEN_NEEDED), name


@pytest.mark.parametrize("path", EXERCISES, ids=ids(EXERCISES))
def test_an_exercise_imports_what_it_may(path):
    for name, _ in imports(path):
        assert not name.startswith("checker.course"), name
        assert name.partition(".")[0] in STANDARD | {"numpy", "checker", path.relative_to(ROOT).parts[0]}, name
