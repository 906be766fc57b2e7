"""Functions that are called here and run elsewhere: stand-ins for those of another process.

A stand-in is called as the function would be. Some things cannot be seen through calls: how much memory a cache keeps
alive, or what a source says. Such a measurement is made where the function lives; `where_it_lives` marks it.
"""

import builtins
import functools
import inspect
import keyword
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from . import errors, tree

Measurement = TypeVar("Measurement", bound=Callable[..., Any])

#: Every measurement by its name, "module.function": what may be asked for in another process.
MEASUREMENTS: dict[str, Callable[..., Any]] = {}


class StandIn:
    """A function that runs elsewhere. `parameters` are (name, kind, whether it has a default), None if unreadable."""

    def __init__(self, name: str, parameters: Sequence[tuple[str, int, bool]] | None):
        self.__name__ = name
        if parameters is not None:
            self.__signature__ = _signature(parameters)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the function returns. Raises what it raises, with `told`: see `raised`."""
        raise NotImplementedError

    def measured(self, measurement: str, *arguments: Any) -> Any:
        """What the measurement of that name gives for the function, made where it lives."""
        raise NotImplementedError


class Opaque:
    """A value that stays elsewhere, such as a cache object. `written` names an array in it that a call wrote into."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.written = ""


def where_it_lives(measurement: Measurement) -> Measurement:
    """Mark `measurement(function, *arguments)`: of a stand-in it is made in the process of the function itself."""
    name = f"{measurement.__module__}.{measurement.__qualname__}"
    MEASUREMENTS[name] = measurement

    @functools.wraps(measurement)
    def made(function: Any, *arguments: Any) -> Any:
        if isinstance(function, StandIn):
            return function.measured(name, *arguments)
        return measurement(function, *arguments)

    return made  # type: ignore[return-value]


def raised(name: str, text: str, told: str) -> Exception:
    """An exception of another process: of the built-in class of that name, or of a new one.

    `told` is the sentence that its own process made of it: where it was raised, and how to mend that. What ends a
    process there (SystemExit) is an ordinary exception here.
    """
    name = name if name.isidentifier() else "Exception"
    known = getattr(builtins, name, None) or getattr(errors, name, None)
    base = known if isinstance(known, type) and issubclass(known, Exception) else Exception
    try:
        made: Exception = type(name, (base,), {"told": told})(text)
    except (TypeError, ValueError):  # one that takes other arguments, such as UnicodeDecodeError
        made = type(name, (Exception,), {"told": told})(text)
    return made


def opaque(value: Any) -> Iterator[tuple[str, Opaque]]:
    """Every opaque part of a value, by its path."""
    yield from ((path, leaf) for path, leaf in tree.flatten(value) if isinstance(leaf, Opaque))


def described(function: Any) -> list[tuple[str, int, bool]] | None:
    """The parameters of a function as `StandIn` takes them."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [(each.name, int(each.kind), each.default is not each.empty) for each in found]


def _signature(parameters: Sequence[tuple[str, int, bool]]) -> inspect.Signature:
    """A signature whose defaults are unknown. Raises ValueError where it would be none."""
    for name, _, _ in parameters:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} is no parameter's name")
    return inspect.Signature(
        [
            inspect.Parameter(name, inspect._ParameterKind(kind), default=... if default else inspect.Parameter.empty)
            for name, kind, default in parameters
        ]
    )
