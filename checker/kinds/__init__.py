"""The kinds of exercise: what an answer is, how it is judged at one point, and what tells two answers apart.

A kind is a module here, of the kind's name, with two functions:

- `judge(task, answer, inputs, expected, **options) -> Report`: the verdict at one point. `expected` is what the right
  answer does there (from `doing`, or as recorded for a student); the options are `seed`, `trials`, `mode`, `rtol`, and
  `advise`, which kinds that do not use it ignore.
- `doing(task, answer, inputs) -> Doing`: what an answer does there, as arrays by name: "output ..." and "gradient ..."
  name what is compared, the words after the blank being the subject of the finding that would tell of it. An answer
  that raises has the key "raised".

It may also set `SAME` and `APART`: to within which relative difference two doings are the same, and from which on they
differ (where numbers are drawn at random, these are wide).
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..errors import UsageError

#: Those that are judged by the numeric derivative of a forward, and the others.
MEASURED = ("backward", "jacobian", "hessian")
KINDS = (*MEASURED, "value", "initialiser", "stream", "expressions")


@dataclass(frozen=True)
class Answer:
    """What is judged: the function (or class) asked for, and the forward that goes with it, if there is one."""

    function: Callable[..., Any]
    forward: Callable[..., Any] | None = None


def kind(name: str) -> ModuleType:
    """The module of a kind. Raises UsageError where there is none of that name."""
    if name not in KINDS:
        raise UsageError(f"kind is {name!r}; it can be {', '.join(KINDS)}")
    return importlib.import_module(f"{__name__}.{name}")
