"""Array shapes in jaxtyping's notation: `x: Float[ndarray, "N D"]` on a function's signature.

`Float`, `Int` and `Bool` are small stand-ins that need nothing installed; jaxtyping's own annotations, and annotations
that are still text (`from __future__ import annotations`), are read as well.
"""

import ast
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

from .errors import UsageError

_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}
_WRITTEN = re.compile(r"^(?:\w+\.)*(B?Float|U?Int|Integer|Bool|Num|Real|Inexact|Shaped|Complex|Key)(\d*)$")
_KINDS = {"Int": "int", "UInt": "int", "Integer": "int", "Bool": "bool", "Complex": "complex", "Key": "key"}
_DTYPES = {"float": "float64", "int": "int64", "bool": "bool"}


@dataclass(frozen=True)
class Shape:
    """What an annotation says about an array: its kind ("float", "int", "bool"), dtype, and one text per axis.

    An axis is a name ("N"), a number ("3"), a sum or product of them ("4*H", "H+1"), a name with "#" before it (that
    length or 1), or a name with "*" before it, which stands for any number of axes ("..." is such a one, unnamed).
    """

    kind: str
    dims: tuple[str, ...]
    dtype: str

    def __or__(self, other: Any) -> "Shape":
        """Allow `Float[ndarray, "N"] | None`: an array that may be left out."""
        return self

    __ror__ = __or__

    def __str__(self) -> str:
        return f'{self.kind.title()}[ndarray, "{" ".join(self.dims)}"]'

    @property
    def names(self) -> tuple[str, ...]:
        """The axes' names in order of appearance; those that stand for several axes keep their "*"."""
        found: dict[str, None] = {}
        for dim in self.dims:
            found.update(dict.fromkeys([dim] if dim.startswith("*") else re.findall(r"[A-Za-z_]\w*", dim)))
        return tuple(found)

    def expand(self, ranks: Mapping[str, int]) -> "Shape":
        """The same shape with `ranks[name]` axes (1 unless given) in the place of each "*name"."""
        dims: list[str] = []
        for dim in self.dims:
            name, rank = dim[1:], ranks.get(dim[1:], 1)
            several = [name] if rank == 1 else [f"{name}_{k}" for k in range(rank)]
            dims += several if dim.startswith("*") else [dim]
        return Shape(self.kind, tuple(dims), self.dtype)

    def lengths(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The array's shape, given each name's size. Raises UsageError where a length comes out below zero."""
        lengths = tuple(_length(dim, sizes) for dim in self.dims)
        if any(length < 0 for length in lengths):
            known = ", ".join(f"{name} = {sizes[name]}" for name in self.names)
            raise UsageError(f"{self} has an axis of negative length when {known}")
        return lengths


def _length(dim: str, sizes: Mapping[str, int]) -> int:
    return sizes[dim] if dim in sizes else _evaluate(ast.parse(dim.lstrip("#"), mode="eval").body, sizes)


def _evaluate(node: ast.AST, sizes: Mapping[str, int]) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.Name):
        return sizes[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return int(_OPERATIONS[type(node.op)](_evaluate(node.left, sizes), _evaluate(node.right, sizes)))
    raise ValueError(ast.dump(node))


def shape(kind: str, dims: str, dtype: str | None = None) -> Shape:
    """Read the dims of an annotation. Raises UsageError, naming the annotation, where they cannot be drawn from."""
    if kind not in _DTYPES:
        raise UsageError(f'{kind.title()}[ndarray, "{dims}"]: only float, int and bool arrays can be drawn')
    read = tuple(_axis(dim, f'{kind.title()}[ndarray, "{dims}"]', place) for place, dim in enumerate(dims.split()))
    if sum(dim.startswith("*") for dim in read) > 1:
        raise UsageError(f'{kind.title()}[ndarray, "{dims}"]: only one axis of an array can stand for several')
    return Shape(kind, read, dtype or _DTYPES[kind])


def _axis(dim: str, annotation: str, place: int) -> str:
    dim = re.sub(r"^(#?)\w+=(?=\d+$)", r"\1", dim)  # "rows=3" is a 3 with a comment
    if dim == "...":
        return "*rest"
    if dim == "_":
        return f"_{place}"
    starred, name = re.match(r"^(\*?)#?(.*)$", dim).groups()  # type: ignore[union-attr]
    try:
        names = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", name), 1)
        _evaluate(ast.parse(name, mode="eval").body, names)
    except (SyntaxError, ValueError, ZeroDivisionError):
        raise UsageError(
            f"{annotation}: cannot read the axis {dim!r}; an axis is a name (N), a number (3), a sum or product (4*H, "
            "H+1), #N, *batch or ..."
        ) from None
    if starred and not name.isidentifier():
        raise UsageError(f"{annotation}: {dim!r} should be * and a name")
    return dim if not starred else "*" + name


def read(annotation: Any) -> Shape | None:
    """The shape that an annotation declares, or None where it declares none. Plain `float` is a scalar."""
    if isinstance(annotation, Shape):
        return annotation
    if annotation is float or annotation == "float":
        return Shape("float", (), "float")
    if isinstance(annotation, str):
        return _from_text(annotation)
    if type(None) in get_args(annotation):
        return next(filter(None, map(read, get_args(annotation))), None)
    if hasattr(annotation, "dim_str") and hasattr(annotation, "dtypes"):  # jaxtyping's own
        dtypes = annotation.dtypes if isinstance(annotation.dtypes, (list, tuple)) else ["float64"]
        kind = next((k for k in ("bool", "int", "complex", "key") if str(dtypes[0]).lstrip("u").startswith(k)), "float")
        return shape(kind, annotation.dim_str, str(dtypes[0]) if len(dtypes) == 1 else None)
    return None


def _from_text(text: str) -> Shape | None:
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return next(filter(None, (_from_text(ast.unparse(side)) for side in (node.left, node.right))), None)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # quoted as well as postponed
        return _from_text(node.value)
    if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
        return None
    written, dims = _WRITTEN.match(ast.unparse(node.value)), node.slice.elts[1]
    if not (written and isinstance(dims, ast.Constant) and isinstance(dims.value, str)):
        return None
    kind = _KINDS.get(written[1], "float")
    return shape(kind, dims.value, f"{written[1].lower()}{written[2]}" if written[2] and kind != "bool" else None)


class _Annotation:
    """`Float[ndarray, "N D"]` gives a Shape."""

    def __init__(self, kind: str):
        self.kind = kind

    def __repr__(self) -> str:
        return self.kind.title()

    def __getitem__(self, item: tuple[Any, str]) -> Shape:
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], str)):
            raise UsageError(f'write {self.kind.title()}[ndarray, "N D"]: the array type, then the axes in quotes')
        return shape(self.kind, item[1])


if TYPE_CHECKING:
    Float = Annotated
    Int = Annotated
    Bool = Annotated
else:
    Float, Int, Bool = _Annotation("float"), _Annotation("int"), _Annotation("bool")
