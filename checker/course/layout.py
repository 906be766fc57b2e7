"""`checker course`: a course folder of one's own, with this project's assignments to begin with."""

import argparse
import shutil
from pathlib import Path

from ..errors import UsageError
from . import build, notebooks
from .folder import CONFIG, PROJECT
from .key import KEYS, folder_of

_NEXT = """\
{folder} is a course now:
  {keys}/                       an answer for each exercise, with its hints and known mistakes
  {stubs}/                      what students fill in, made from the answers
  notebooks/sources/               the assignments: prose, with exercises in it
  notebooks/source/                the notebooks that are made from them
  notebooks/{config}     what nbgrader is to know
next, in that folder:
  python -m checker build          after a change to an answer or an assignment
  python -m checker release        make what students get, in notebooks/release/
  python -m checker autograde      grade what they hand in, in notebooks/submitted/STUDENT/ASSIGNMENT/"""


def run(options: argparse.Namespace) -> int:
    """Lay out the course, and say what is where."""
    folder = Path(options.folder)
    lay_out(folder.resolve())
    print(_NEXT.format(folder=folder, keys=KEYS, stubs=build.STUBS, config=CONFIG))
    return 0


def lay_out(folder: Path) -> None:
    """Copy the answers, the stubs, the assignments and the configuration to a folder, and make the notebooks there.

    Raises UsageError where the folder holds anything already, or where it cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds other things already: name a new folder")
    assignments, theirs = PROJECT / notebooks.FOLDER, folder / notebooks.FOLDER
    copied = {folder_of(package): folder / package for package in (KEYS, build.STUBS)}
    copied[assignments / notebooks.SOURCES] = theirs / notebooks.SOURCES
    try:
        for source, goal in copied.items():
            shutil.copytree(source, goal, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        shutil.copyfile(assignments / CONFIG, theirs / CONFIG)
        list(build.assignments(folder, theirs, write=True))
    except OSError as problem:
        raise UsageError(f"{folder} cannot be written: {problem.strerror or problem}") from None
