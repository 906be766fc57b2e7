"""Set up and go, with nothing but Python and pip: `python3 run.py demo`, `python3 run.py tests [pytest's options]`.

Makes a virtual environment in `.venv` the first time, so that nothing is installed outside this folder.
"""

import importlib.util
import shlex
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

RIGHT = "solutions.batchnorm.batchnorm_backward"
WRONG = "examples/batchnorm.py::batchnorm_backward"


def install(extras: str) -> None:
    """Make the environment if there is none, and install this checkout with `extras` unless that has been done."""
    done = ENVIRONMENT / f".installed{extras}"
    wanted = (ROOT / "pyproject.toml").read_text() + (ROOT / "constraints.txt").read_text()
    if done.exists() and done.read_text() == wanted:
        return
    print("setting up .venv, for which pip downloads NumPy and more ...", file=sys.stderr)
    if not PYTHON.exists():
        # Some systems ship Python without ensurepip: there, the pip of this file's Python serves the environment.
        venv.create(ENVIRONMENT, with_pip=importlib.util.find_spec("ensurepip") is not None)
    has_pip = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    pip = [str(PYTHON), "-m", "pip"] if has_pip else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    quiet = ["--quiet", "--disable-pip-version-check"]
    installed = subprocess.run([*pip, "install", *quiet, "-c", "constraints.txt", "-e", f".{extras}"], cwd=ROOT)
    if installed.returncode:
        sys.exit("run.py: pip could not install what is needed, for the reason above; the same command tries again")
    done.write_text(wanted)


def python(*arguments: str) -> int:
    """Run the environment's Python here, showing the command; its exit code."""
    print("$", shlex.join(["python", *arguments]), flush=True)
    return subprocess.run([PYTHON, *arguments], cwd=ROOT).returncode


def demo() -> int:
    """Check a right backward, then one with a mistake in it. 0 if the two verdicts are *right* and *wrong*."""
    install("")
    verdicts = [python("-m", "checker", "gradcheck", target) for target in (RIGHT, WRONG)]
    return 0 if verdicts == [0, 1] else 1


def tests(*options: str) -> int:
    """Run the tests, on all processors."""
    install("[test]")
    return python("-m", "pytest", "-n", "auto", *options)


if __name__ == "__main__":  # in words that an old Python reads too, which is told so
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(f"run.py needs Python 3.11 or later, and {sys.executable} is {sys.version.split()[0]}")
    if sys.argv[1:] == ["demo"]:
        sys.exit(demo())
    if sys.argv[1:2] == ["tests"]:
        sys.exit(tests(*sys.argv[2:]))
    sys.exit("usage: python3 run.py demo | python3 run.py tests [pytest's options]")
