"""`checker demo`: a right backward, then one with a mistake in it; and, for an instructor, a whole course."""

import argparse
import importlib
import importlib.util
import inspect
from typing import Any

from .errors import UsageError

#: What is checked, and the exit code that it should have.
SHOWN = {"unit_backward": 0, "hasty_backward": 1}

_NEXT = """\
Their forward is in {file}.

next, in a folder of your own:
  python -m checker gradcheck FILE.py::NAME_backward   judge code of yours (--help says how inputs are given)
  python -m checker start                              put the exercises of the course into ./coursework
  python -m checker list                               see them all, and how far you are"""
_NO_COURSE = "no class can be shown in {}: gradient-checker-course, which brings one, or nbgrader is not installed"


def declare(verbs: Any, name: str) -> None:
    """The options."""
    parser = verbs.add_parser(
        name,
        help="show what a check says; for an instructor, a class as well",
        description="Check a right backward, then one with a mistake in it. Where the instructor's side is installed, "
        "go on with a class of simulated students, from the release of two assignments to the pages that go back.",
    )
    parser.add_argument(
        "folder", nargs="?", default="", help="where to leave the class, for an instructor; default a temporary folder"
    )


def run(options: argparse.Namespace) -> int:
    """Show both; 1 if a verdict is not what it should be, or if the class's grades are not."""
    from .cli import main

    example = importlib.import_module("checker.example")
    course = _course()
    if options.folder and course is None:
        raise UsageError(_NO_COURSE.format(options.folder))
    as_expected = True
    for name, code in SHOWN.items():
        print(inspect.getsource(getattr(example, name)))
        print(f"$ python -m checker gradcheck {example.__name__}.{name}", flush=True)
        as_expected &= main(["gradcheck", f"{example.__name__}.{name}"]) == code
        print()
    if course is None:
        print(_NEXT.format(file=example.__file__))
        return int(not as_expected)
    print("A class, from the release of two assignments to the pages that go back:\n", flush=True)
    return max(int(not as_expected), int(course.run(options)))


def _course() -> Any:
    """The instructor's demonstration, where all that it needs is installed; else None."""
    if importlib.util.find_spec("nbgrader") is None:
        return None
    try:
        return importlib.import_module("checker.course.demo")
    except ModuleNotFoundError:
        return None
