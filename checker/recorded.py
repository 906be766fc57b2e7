"""What the right answer gives at a few points, as numbers: so that an answer is judged where no reference is installed.

The numbers of a topic lie in a JSON file beside its stub, `values/<topic>.json`, with the hints and the digest of the
stub that was generated last.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .recognise import Doing

FOLDER = "values"


@dataclass(frozen=True)
class Recorded:
    """A point: the name of its case ("ordinary", "other numbers", an edge's), the inputs, and what is right there."""

    name: str
    inputs: tuple[Any, ...]
    expected: Doing


@dataclass(frozen=True)
class Values:
    """What is recorded of one exercise."""

    ordinary: tuple[Recorded, ...]
    overflow: tuple[Recorded, ...]
    hints: tuple[str, ...]


def path_of(stub: Path) -> Path:
    """Where the numbers of a stub's exercises lie."""
    return stub.parent / FOLDER / f"{stub.stem}.json"


def recorded(task: Any) -> Values | None:
    """What is recorded of a stub's exercise; None where nothing is."""
    path = path_of(Path(inspect.getfile(task.answer)))
    found = _topic(path).get("exercises", {}).get(task.name) if path.is_file() else None
    if found is None:
        return None
    points = {part: tuple(_point(each) for each in found[part]) for part in ("ordinary", "overflow")}
    return Values(points["ordinary"], points["overflow"], tuple(found["hints"]))


@cache
def _topic(path: Path) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _point(data: Mapping[str, Any]) -> Recorded:
    expected = {key: np.array(decoded(value)) for key, value in data["expected"].items()}
    return Recorded(data["name"], tuple(decoded(value) for value in data["inputs"]), expected)


def encoded(value: Any) -> Any:
    """A value of plain numbers, texts, containers and arrays as JSON; arrays keep dtype and shape."""
    if isinstance(value, np.ndarray):
        return {"array": value.ravel().tolist(), "shape": list(value.shape), "dtype": value.dtype.str.lstrip("<>=|")}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return {"tuple": [encoded(item) for item in value]}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[key, encoded(item)] for key, item in value.items()]}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def decoded(data: Any) -> Any:
    """The value that `encoded` was given."""
    if isinstance(data, list):
        return [decoded(item) for item in data]
    if not isinstance(data, dict):
        return data
    if "array" in data:
        return np.array(data["array"], dtype=data["dtype"]).reshape(data["shape"])
    if "tuple" in data:
        return tuple(decoded(item) for item in data["tuple"])
    if "set" in data:
        return set(data["set"])
    return {key: decoded(item) for key, item in data["dict"]}
