"""What a check is called with: what is of a wrong type or makes no sense is refused in a sentence."""

import inspect
from collections.abc import Iterator, Set
from numbers import Integral, Real
from typing import Any

import numpy as np

from .errors import UsageError

#: What settings of few values can be.
CHOICES = {
    "mode": ("auto", "full", "fast"),
    "style": ("auto", "gradient"),
    "layout": ("denominator", "numerator"),
}


def demand_settings(prefix: str = "", **settings: Any) -> None:
    """Raise UsageError for the first setting that makes no sense, called by its name behind `prefix`."""
    for name, value in settings.items():
        problem = _problem(name, value)
        if problem:
            raise UsageError(f"{prefix}{name} is {told(value)}; {problem}")


def _problem(name: str, value: Any) -> str:
    """What a setting can be, if this is nothing of the kind; else ""."""
    if name in CHOICES:
        *others, last = map(repr, CHOICES[name])
        known = isinstance(value, str) and value in CHOICES[name]
        return "" if known else f"it can be {', '.join(others)} or {last}"
    if name == "rtol":
        if not isinstance(value, Real):
            return "it is a number between 0 and 1, such as 1e-7"
        return "" if 0 <= float(value) < 1 else "it lies between 0 and 1"
    if name == "name":
        return "" if value is None or isinstance(value, str) else "it is a text, what the report is about"
    if name == "trials" and value is None:
        return ""
    if not isinstance(value, Integral):
        return "it is a whole number"
    return "" if int(value) >= 0 else "it cannot be negative"


def demand_function(role: str, value: Any, optional: bool = False) -> None:
    """Raise UsageError unless this is a function, or None where it is `optional`: what a function returned is none."""
    if inspect.isclass(value):
        name = value.__name__
        raise UsageError(f"{role} is the class {name}; give a function, or check_layer({name}(...), inputs)")
    if not (callable(value) or (optional and value is None)):
        raise UsageError(f"{role} is {told(value)}; give the function itself{', or None' if optional else ''}")


def demand_inputs(value: Any) -> None:
    """Raise UsageError for what cannot be the arguments of a function."""
    if value is None or isinstance(value, (str, bytes, Set, Iterator)):
        raise UsageError(f"inputs is {told(value)}; give the arguments as a tuple in their order, or a dict by name")


def names_of(role: str, value: Any) -> list[str] | None:
    """The names that an argument lists, of which one can stand alone. Raises UsageError where they are no names."""
    if value is None:
        return None
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, (tuple, list)):
        raise UsageError(f"{role} is {told(value)}; it is a list of the inputs' names")
    for name in listed:
        if not isinstance(name, str):
            raise UsageError(f"{role} holds {told(name)}; it is a list of the inputs' names")
    return list(listed)


def told(value: Any) -> str:
    """A value in a few words: itself if it is short, else what it is."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if value is None or isinstance(value, (Real, str, bytes)):
        shown = f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, Real) else repr(value)
        return shown if len(shown) <= 40 else f"{shown[:37]}..."
    article = "an" if type(value).__name__[0] in "aeiouAEIOU" else "a"
    return f"{article} {type(value).__name__}"
