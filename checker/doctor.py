"""`checker doctor`: what a student's set-up lacks, and the command that mends it. NumPy and this package are enough."""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from .needs import PYTHON

NUMPY = (1, 26)
COURSEWORK = "coursework"
#: What a notebook needs, by the name that it is imported by: its package, and what it is for.
NOTEBOOKS = {
    "ipykernel": ("ipykernel", "runs the cells"),
    "notebook": ("notebook", "opens notebooks"),
    "matplotlib": ("matplotlib", "draws the pictures"),
    "sklearn": ("scikit-learn", "brings the digits of the last notebook"),
}
#: Instead of `notebook`, any of these will do.
FRONT_ENDS = ("notebook", "jupyterlab", "jupyterlite_core")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, and, if that will not do, how to mend it."""

    what: str
    found: str
    mend: str = ""

    @property
    def well(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.mend


def declare(verbs: Any, name: str) -> None:
    """The options."""
    parser = verbs.add_parser(
        name,
        help="say what is missing in your set-up, and how to mend it",
        description="Say what is missing in your set-up, with the command that mends it: Python, NumPy, this folder, "
        "the exercises, and what notebooks need; for an instructor, the sandbox, the course and its gradebook too.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 if anything is to be mended."""
    found = [*findings(Path.cwd()), *_instructors(Path.cwd())]
    if options.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        show(found)
        bad = sum(not each.well for each in found)
        print("\nall is well" if not bad else f"\n{bad} to mend; then run this again: {_python()} -m checker doctor")
    return int(not all(each.well for each in found))


def show(found: Sequence[Finding]) -> None:
    """Print a line for each thing that was looked at, and how to mend it below."""
    width = max(len(each.what) for each in found)
    for each in found:
        print(f"{'+' if each.well else '-'} {each.what:<{width}}  {each.found}")
        if not each.well:
            print(f"  {'':<{width}}  -> {each.mend}")


def findings(folder: Path) -> Iterator[Finding]:
    """Everything that a student's work in `folder` depends on."""
    yield _interpreter()
    yield _numpy()
    yield _shadows(folder)
    yield _stubs(folder)
    yield _works()
    yield _writable(folder)
    if not any(map(importlib.util.find_spec, ("ipykernel", *FRONT_ENDS))):
        yield Finding("notebooks", f"nothing is installed for them, if you want any: {install('notebook matplotlib')}")
        return
    for module in NOTEBOOKS:
        yield _package(module)
    yield _kernel()


def _python() -> str:
    """The interpreter, as one would type it."""
    found = shutil.which("python")
    return "python" if found and Path(found).resolve() == Path(sys.executable).resolve() else sys.executable


def install(package: str) -> str:
    """The command that installs a package for the Python that runs this."""
    quoted = f'"{package}"' if ">" in package else package
    return f"{_python()} -m pip install {quoted}"


def _instructors(folder: Path) -> Iterator[Finding]:
    """What the instructor's side depends on; nothing, where that or nbgrader is not installed."""
    if importlib.util.find_spec("nbgrader") is not None and importlib.util.find_spec("checker.course") is not None:
        yield from importlib.import_module("checker.course.doctor").findings(folder)


def _interpreter() -> Finding:
    found = f"{platform.python_version()}, {sys.executable}"
    wanted = ".".join(map(str, PYTHON))
    mend = f"install Python {wanted} or later, make a new environment with it, and install the checker there"
    return Finding("Python", found, "" if sys.version_info[:2] >= PYTHON else mend)


def _numpy() -> Finding:
    wanted = ".".join(map(str, NUMPY))
    try:
        numpy = importlib.import_module("numpy")
        version = str(numpy.__version__)
        numbers = tuple(int(part) for part in version.split(".")[:2])
        where = "" if numbers >= NUMPY else install(f"numpy>={wanted}")
        return Finding("NumPy", version, where)
    except ModuleNotFoundError:
        return Finding("NumPy", "is not installed", install(f"numpy>={wanted}"))
    except Exception as problem:  # half an installation, or a file of that name
        return Finding("NumPy", f"cannot be imported: {problem}", install(f"numpy>={wanted}") + " --force-reinstall")


def _shadows(folder: Path) -> Finding:
    """Files that would be imported in the place of something that is needed."""
    needed = {"numpy", "checker", "matplotlib", "IPython", "ipykernel", *sys.stdlib_module_names}
    names = sorted(path.name for path in folder.glob("*.py") if path.stem in needed)
    if not names:
        return Finding("this folder", str(folder))
    listed = ", ".join(names)
    return Finding("this folder", f"holds {listed}, which hides the module of that name", f"rename {listed}")


def _stubs(folder: Path) -> Finding:
    own = folder / COURSEWORK / "__init__.py"
    if own.is_file():
        spec = importlib.util.spec_from_file_location(COURSEWORK, own)
    else:
        spec = importlib.util.find_spec(COURSEWORK)
    if spec is None or spec.origin is None or spec.loader is None:
        mend = "install the course's package again: the exercises come with it"
        return Finding("the exercises", f"there is no {COURSEWORK}", mend)
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    missing = [t for t in package.TOPICS if not (Path(spec.origin).parent / "values" / f"{t}.json").is_file()]
    where = Path(spec.origin).parent
    if missing:
        listed = ", ".join(missing)
        mend = f"they belong beside the stubs; install the package again, or: {_python()} -m checker start"
        return Finding("the exercises", f"{where} lacks the recorded values of {listed}", mend)
    return Finding("the exercises", f"{len(package.TOPICS)} topics in {where}")


def _works() -> Finding:
    """Whether a check gives the right verdicts."""
    try:
        import numpy as np

        from .verdict import gradcheck

        point = (np.array([1.0, 2.0, 3.0]),)
        right = gradcheck(_square, _square_backward, point, trials=0)
        wrong = gradcheck(_square, _square_forgotten, point, trials=0)
    except Exception as problem:
        return Finding("a check", f"ends with {type(problem).__name__}: {problem}", "install the checker again")
    if right.verdict == "right" and wrong.verdict == "wrong":
        return Finding("a check", "tells right from wrong")
    return Finding("a check", f"calls right {right.verdict}, and wrong {wrong.verdict}", "install the checker again")


def _square(x: Any) -> Any:
    return x * x, x


def _square_backward(dout: Any, cache: Any) -> Any:
    return 2 * cache * dout


def _square_forgotten(dout: Any, cache: Any) -> Any:
    return cache * dout


def _package(module: str) -> Finding:
    package, purpose = NOTEBOOKS[module]
    for name in FRONT_ENDS if module == "notebook" else (module,):
        if importlib.util.find_spec(name) is not None:
            return Finding(name, f"{_version(package if name == module else name)} ({purpose})")
    return Finding(module, f"is not installed; it {purpose}", install(package))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "installed"


def _kernel() -> Finding:
    """Whether notebooks run with this Python, where the checker is installed."""
    what = "the kernel"
    mend = f"{_python()} -m ipykernel install --sys-prefix"
    try:
        specs = importlib.import_module("jupyter_client.kernelspec")
        spec = specs.KernelSpecManager().get_kernel_spec("python3")
    except ModuleNotFoundError:
        return Finding(what, "is not installed", install("ipykernel"))
    except Exception as problem:
        return Finding(what, f"there is no kernel python3: {problem}", mend)
    command = str(spec.argv[0])
    started = shutil.which(command) or command
    # "python" alone is what Jupyter replaces by the interpreter that it runs in.
    if command in ("python", "python3") or _same(started, sys.executable):
        return Finding(what, "python3 runs with this Python")
    return Finding(what, f"notebooks run with another Python: {started}", mend)


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _writable(folder: Path) -> Finding:
    if os.access(folder, os.W_OK):
        return Finding("saving", "this folder can be written")
    return Finding("saving", f"{folder} cannot be written", "work in a folder of your own: cd there, and start again")
