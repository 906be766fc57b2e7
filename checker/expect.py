"""Clear errors for arguments that do not fit: what a reference says of wrong shapes and labels."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import shapes


def expect_shapes(function: Callable[..., Any], *arguments: Any) -> None:
    """Demand that the arguments have the shapes that the function's annotations declare, with no empty axis.

    The arguments come in the order of the parameters; those that declare no array are not looked at. Raises ValueError,
    naming the argument, the shape that came, the shape wanted, and the argument that fixed each axis.
    """
    declared = []
    for parameter, value in zip(inspect.signature(function).parameters.values(), arguments):
        shape = shapes.read(parameter.annotation)
        if shape is not None and value is not None:
            declared.append((parameter.name, np.shape(value), shape))
    sizes: dict[str, int] = {}
    fixed_by: dict[str, str] = {}
    for name, came, shape in declared:
        dims = _axes(shape, len(came))
        if dims is None:
            raise ValueError(f"{name} has shape {came}, where {_written(shape.dims)} is wanted")
        for dim, length in zip(dims, came):
            if length == 0:
                wanted = f"{_written(shape.dims)} with {dim} of at least 1"
                raise ValueError(f"{name} has shape {came}, where {wanted} is wanted")
            if dim.isidentifier() and dim not in sizes:
                sizes[dim], fixed_by[dim] = length, f"{name} {came}"
    for name, came, shape in declared:
        for dim, length in zip(_axes(shape, len(came)) or (), came):
            known = [axis for axis in shapes.Shape("float", (dim.lstrip("#"),), "").names if axis in sizes]
            wanted_length = _length(dim, sizes)
            if wanted_length is not None and length != wanted_length and not (dim.startswith("#") and length == 1):
                because = " and ".join(f"{axis} = {sizes[axis]}, as {fixed_by[axis]} has" for axis in known)
                raise ValueError(
                    f"{name} has shape {came}, where {_written(shape.dims)} is wanted"
                    + (f" with {because}" * bool(known))
                )


def expect_labels(name: str, labels: Any, classes: int) -> None:
    """Demand whole numbers from 0 to classes - 1. Raises ValueError with the first that is none, and where it is."""
    array = np.asarray(labels)
    bad = np.ones(array.shape, dtype=bool) if array.dtype.kind not in "iub" else (array < 0) | (array >= classes)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        wanted = f"whole numbers from 0 to {classes - 1}"
        raise ValueError(f"{name}{list(place) if place else ''} is {array[place]}, where {wanted} are wanted")


def _axes(shape: shapes.Shape, count: int) -> tuple[str, ...] | None:
    """One text per axis of an array with `count` axes; None where it cannot have so many."""
    several = [dim for dim in shape.dims if dim.startswith("*")]
    if not several:
        return shape.dims if count == len(shape.dims) else None
    rank = count - len(shape.dims) + 1
    return shape.expand({several[0][1:]: rank}).dims if rank >= 0 else None


def _length(dim: str, sizes: dict[str, int]) -> int | None:
    """What an axis should be, if the sizes of its names are known."""
    one = shapes.Shape("float", (dim.lstrip("#"),), "")
    return one.lengths(sizes)[0] if all(name in sizes for name in one.names) else None


def _written(dims: tuple[str, ...]) -> str:
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"
