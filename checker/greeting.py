"""What the command line says to somebody who has not said yet what it is to do, or has misspelled it."""

import argparse
import os
import shlex
from collections.abc import Iterable
from typing import Any

from .errors import UsageError

PURPOSE = "Says whether a hand-written NumPy gradient is right, and if not, which entries are wrong and why."

GREETING = f"""\
checker: {PURPOSE}

  python -m checker demo                               see what it says of right code, and of wrong
  python -m checker gradcheck FILE.py::NAME_backward   judge code of yours
  python -m checker start                              put the exercises of the course into ./coursework

python -m checker --help lists every verb; python -m checker VERB --help says what it takes."""

#: The verbs that gradient-checker-course brings.
INSTRUCTORS = ("course", "selfcheck", "build", "release", "autograde", "feedback", "report", "export", "grade")


class Version(argparse.Action):
    """The option that says which version this is, and looks it up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it, and end."""
        from importlib import metadata

        try:
            print(f"checker {metadata.version('gradient-checker')}")
        except metadata.PackageNotFoundError:
            print("checker, not installed: run from a folder that holds its source")
        parser.exit()


def demand_verb(word: str, known: Iterable[str]) -> None:
    """Raise UsageError, with what may have been meant, for a first word that is neither a verb nor an option."""
    known = list(known)
    if word in known or word.startswith("-"):
        return
    if any(sign in word for sign in (".", ":", "/", os.sep)):
        raise UsageError(f"{word} is no verb; to judge it: python -m checker gradcheck {shlex.quote(word)}")
    if word in INSTRUCTORS:
        raise UsageError(f"{word} is an instructor's verb: it comes with gradient-checker-course")
    from .resolve import near

    raise UsageError(f"there is no verb {word!r}" + (near(word, known) or f"; there are {', '.join(known)}"))
