"""What the command line says to somebody who has not said yet what it is to do, or has misspelled it."""

import argparse
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

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


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are UsageErrors of one sentence, in the place of usage lines and an exit.

    What argparse's own complaint is about is read from its words; one that is worded otherwise is passed on as it is.
    """

    def error(self, message: str) -> NoReturn:
        """Raise UsageError that says what was wrong, and what to write."""
        about, _, said = message.removeprefix("argument ").partition(": ")
        named = [each for each in self._actions if about in (*each.option_strings, each.metavar, each.dest)]
        sentence = self._of_an_option(about, said, named[0]) if named else self._of_the_line(message)
        raise UsageError(sentence or f"{message}; {self._more()}")

    @property
    def _name(self) -> str:
        return self.prog.partition(" ")[2] or self.prog

    def _more(self) -> str:
        return f"python -m {self.prog} --help says what it takes"

    def _of_an_option(self, about: str, said: str, option: argparse.Action) -> str:
        value = re.match(r"invalid (?:int|float) value: '(.*)'", said)
        if value is not None:
            wanted = "a whole number" if option.type is int else "a number, such as 1e-7"
            return f"{about} is {value[1]}; it is {wanted}"
        value = re.match(r"invalid choice: '(.*?)'", said)
        known = [str(choice) for choice in option.choices or ()]
        if value is not None and option.option_strings:
            return f"{about} is {value[1]}" + (_near(value[1], known) or f"; it can be {_listed(known)}")
        if value is not None:
            return f"{self._name} does not know {value[1]}" + (_near(value[1], known) or f"; it knows {_listed(known)}")
        if said.startswith("expected one argument"):
            example = option.metavar or _listed(known) or ("N" if option.type is int else "NUMBER")
            return f"{about} needs a value behind it: {about} {example}"
        if said.startswith("ignored explicit argument"):
            return f"{about} takes no value: leave out what is behind it"
        other = re.match(r"not allowed with argument (\S+)", said)
        return f"{about} and {other[1]} exclude each other: leave out one of them" if other is not None else ""

    def _of_the_line(self, message: str) -> str:
        missing = re.match(r"the following arguments are required: ([^,]+)", message)
        if missing is not None:
            wanted = next(each for each in self._actions if missing[1] in (each.metavar, each.dest))
            told = _listed([str(choice) for choice in wanted.choices or ()]) or wanted.help
            what = f"a {missing[1]}" if missing[1].islower() else missing[1]
            return f"{self._name} needs {what}" + (f": {told}" if told else "")
        several = re.match(r"ambiguous option: (\S+) could match (.*)", message)
        return f"{several[1]} may be {_listed(several[2].split(', '))}: write it in full" if several else ""

    def demand_nothing_more(self, left: Sequence[str]) -> None:
        """Raise UsageError for what stands on the line and nothing takes: an option first, with near names."""
        if not left:
            return
        options = [word for word in left if word.startswith("-") and word != "-"]
        if options:
            name = options[0].partition("=")[0]
            known = [each for action in self._actions for each in action.option_strings if each.startswith("--")]
            raise UsageError(f"{self._name} has no option {name}" + (_near(name, known) or f"; {self._more()}"))
        known = [option for action in self._actions for option in action.option_strings]
        if re.match(r"[A-Za-z_][\w.]*=", left[0]) and "--input" in known:
            raise UsageError(f"{left[0]} stands alone: each input has its own --input, as in --input {left[0]}")
        taken = [str(action.metavar or action.dest) for action in self._actions if not action.option_strings]
        what = f"one {taken[0]} and options" if taken else "options only"
        raise UsageError(f"{left[0]} is too much: {self._name} takes {what}")


def _near(name: str, known: Iterable[str]) -> str:
    from .resolve import near

    return near(name, known)


def _listed(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def demand_verb(word: str, known: Iterable[str]) -> None:
    """Raise UsageError, with what may have been meant, for a first word that is neither a verb nor asks for help."""
    known = list(known)
    if word in (*known, "-h", "--help", "--version"):
        return
    if word.startswith("-"):
        raise UsageError(f"the verb comes first, and then {word}; there are {', '.join(known)}")
    if any(sign in word for sign in (".", ":", "/", os.sep)):
        raise UsageError(f"{word} is no verb; to judge it: python -m checker gradcheck {shlex.quote(word)}")
    if word in INSTRUCTORS:
        raise UsageError(f"{word} is an instructor's verb: it comes with gradient-checker-course")
    raise UsageError(f"there is no verb {word!r}" + (_near(word, known) or f"; there are {', '.join(known)}"))
