"""A function of a worker, to be called like one of this process: the checker judges it as it judges any other.

Arguments are copied over, and what the function did to them is copied back: an array that it wrote into changes here
too, and a result that shares memory with an argument there shares it here. So the promises of a backward (write into
nothing, share nothing) are judged by the same code, whichever process the function runs in.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import tree
from ...standin import Opaque, StandIn, raised
from . import wire

if TYPE_CHECKING:
    from .client import Worker


class Elsewhere(Opaque):
    """An object of the student's that stays in the worker."""

    def __init__(self, handle: wire.Handle) -> None:
        super().__init__(handle.kind)
        self.handle = handle


class Remote(StandIn):
    """A stand-in for a function of a worker, by what the worker told of it."""

    def __init__(self, worker: "Worker", told: Any) -> None:
        name, parameters = told.get("name"), told.get("parameters")
        name = name if isinstance(name, str) and name.isprintable() else "the answer"
        try:
            super().__init__(name[:100], parameters)
        except (TypeError, ValueError):
            super().__init__(name[:100], None)
        handle = told.get("handle")
        self.worker, self.handle = worker, handle.handle if isinstance(handle, Elsewhere) else wire.Handle(-1, "")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the function returns. Raises what it raises, or EndedError."""
        return self._called("", arguments, named)

    def measured(self, measurement: str, *arguments: Any) -> Any:
        """What a measurement gives in the worker."""
        return self._called(measurement, arguments, {})

    def _called(self, measurement: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        sent, parts = _sent((arguments, named))
        given = wire.arrays(sent)
        answer = self.worker.ask(
            "call", self.worker.limits.call, given, function=self.handle, measurement=measurement,
            arguments=sent[0], named=sent[1],
        )  # fmt: skip
        written = answer.get("written")
        if isinstance(written, str) and parts:
            parts[0].written = written[:100]
        _adopt(given, answer.get("changed"))
        if isinstance(answer.get("left"), tuple):
            _refill((arguments, named), answer["left"])
        if "raised" in answer:
            raise failure(answer)
        return answer.get("value")


def failure(answer: Mapping[str, Any]) -> Exception:
    """The exception that an answer tells of, in plain text of bounded length."""
    name, text, told = (_text(answer.get(key)) for key in ("raised", "text", "told"))
    return raised(name if name.isidentifier() else "Exception", text, told or name)


def _text(value: Any) -> str:
    """A text without control characters."""
    text = value if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text[:2000])


def _sent(value: Any) -> tuple[Any, list[Elsewhere]]:
    """A value with handles in the places of what is elsewhere, and those parts."""
    parts: list[Elsewhere] = []

    def handle(leaf: Any) -> Any:
        if isinstance(leaf, Elsewhere):
            parts.append(leaf)
            return leaf.handle
        return leaf

    return tree.map_leaves(handle, value), parts


def _adopt(given: Sequence[np.ndarray], changed: Any) -> None:
    """Write into the arguments what was written into them there."""
    if not isinstance(changed, dict):
        return
    for place, contents in changed.items():
        fits = isinstance(place, int) and 0 <= place < len(given) and isinstance(contents, np.ndarray)
        if fits and contents.shape == given[place].shape and contents.dtype == given[place].dtype:
            np.copyto(given[place], contents)


def _refill(mine: Any, left: Any) -> None:
    """Give lists and dicts among the arguments the contents that they were left with there."""
    if isinstance(mine, list) and isinstance(left, list):
        if len(mine) == len(left):
            for place, (old, new) in enumerate(zip(mine, left)):
                _refill(old, new)
                if not isinstance(old, (list, dict, tuple)):
                    mine[place] = new
        else:
            mine[:] = left
    elif isinstance(mine, dict) and isinstance(left, dict):
        for key in [key for key in mine if key not in left]:
            del mine[key]
        for key, new in left.items():
            if key in mine and isinstance(mine[key], (list, dict, tuple)):
                _refill(mine[key], new)
            else:
                mine[key] = new
    elif isinstance(mine, tuple) and isinstance(left, tuple):
        for old, new in zip(mine, left):
            _refill(old, new)
