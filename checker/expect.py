"""Clear errors for arguments that do not fit: what a reference says of wrong shapes and labels."""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from . import shapes


def expect_shapes(function: Callable[..., Any], *arguments: Any) -> None:
    """Demand that the arguments have the shapes that the function's annotations declare, with no empty axis.

    The arguments come in the order of the parameters; those that declare no array are not looked at. Raises ValueError,
    naming the argument, the shape that came, the shape wanted, and the argument that fixed each axis.
    """
    declared = [
        (name, np.shape(value), shape)
        for (name, shape), value in zip(_parameters(function), arguments)
        if shape is not None and value is not None
    ]
    sizes: dict[str, int] = {}
    # A forward is called hundreds of times in a check, and nearly always with axes that plainly fit.
    if any(
        len(came) != len(shape.dims)
        or not all(
            dim.isidentifier() and length == sizes.setdefault(dim, length) > 0 for dim, length in zip(shape.dims, came)
        )
        for _, came, shape in declared
    ):
        _complain(declared)


@cache
def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, shapes.Shape | None], ...]:
    """The function's parameters, and the shape that each declares."""
    return tuple((p.name, shapes.read(p.annotation)) for p in inspect.signature(function).parameters.values())


def _complain(declared: Sequence[tuple[str, tuple[int, ...], shapes.Shape]]) -> None:
    """Raise ValueError for the first shape that does not fit; none may be wrong, if sums or products of axes fit."""
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
            one = shapes.Shape("float", (dim.lstrip("#"),), "")
            known = all(axis in sizes for axis in one.names)
            if known and length != one.lengths(sizes)[0] and not (dim.startswith("#") and length == 1):
                because = " and ".join(f"{axis} = {sizes[axis]}, as {fixed_by[axis]} has" for axis in one.names)
                wanted = f"{_written(shape.dims)} is wanted" + (f" with {because}" if because else "")
                raise ValueError(f"{name} has shape {came}, where {wanted}")


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


def _written(dims: tuple[str, ...]) -> str:
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"
