"""Which constant a number is: 2, 1/N, sqrt(D), 1 - p, ... It must be so at every point that was tried."""

from collections.abc import Iterator
from itertools import combinations, permutations
from math import e, log, pi, prod, sqrt
from typing import Any

import numpy as np

from .case import Case
from .view import View

CLOSE = 3e-6

FIXED = {
    "2": 2.0, "1/2": 0.5, "3": 3.0, "1/3": 1 / 3, "4": 4.0, "1/4": 0.25, "5": 5.0, "1/5": 0.2, "6": 6.0, "1/6": 1 / 6,
    "8": 8.0, "1/8": 0.125, "10": 10.0, "1/10": 0.1, "3/2": 1.5, "2/3": 2 / 3, "3/4": 0.75, "4/3": 4 / 3,
    "100": 100.0, "1/100": 0.01, "1000": 1000.0, "1/1000": 0.001,
    "ln 2": log(2), "1/ln 2": 1 / log(2), "ln 10": log(10), "1/ln 10": 1 / log(10),
    "pi": pi, "1/pi": 1 / pi, "2 pi": 2 * pi, "1/(2 pi)": 0.5 / pi, "pi/180": pi / 180, "180/pi": 180 / pi,
    "sqrt(pi)": sqrt(pi), "1/sqrt(pi)": 1 / sqrt(pi), "2/sqrt(pi)": 2 / sqrt(pi), "sqrt(pi)/2": sqrt(pi) / 2,
    "sqrt(2 pi)": sqrt(2 * pi), "1/sqrt(2 pi)": 1 / sqrt(2 * pi), "sqrt(2/pi)": sqrt(2 / pi),
    "sqrt(pi/2)": sqrt(pi / 2), "e": e, "1/e": 1 / e,
    "sqrt(2)": sqrt(2), "1/sqrt(2)": 1 / sqrt(2), "sqrt(3)": sqrt(3), "1/sqrt(3)": 1 / sqrt(3),
}  # fmt: skip


def lengths(case: Case) -> dict[str, int]:
    """The axes that a factor could be the length of: declared names first, then the axes of inputs and outputs."""
    found = {name: length for name, length in case.axes.items() if not name.startswith("axis ")}
    declared = set(found.values())
    arrays = list(zip(case.names, case.inputs, strict=True)) + list(zip(case.out_names, case.outs, strict=True))
    for name, array in arrays:
        for axis, length in enumerate(array.shape):
            if length not in declared:
                found[f"axis {axis} of {name}"] = length
    return {name: length for name, length in found.items() if length > 1}


def of_a_length(n: int, name: str) -> Iterator[tuple[str, float]]:
    """What a factor can be made of one length."""
    word = name if not name.startswith("axis ") else f"the length of {name}"
    for form, value in (
        ("{}", n), ("1/{}", 1 / n), ("sqrt({})", sqrt(n)), ("1/sqrt({})", 1 / sqrt(n)),
        ("{}/({} - 1)", n / (n - 1)), ("({} - 1)/{}", (n - 1) / n), ("({} - 1)", n - 1), ("1/({} - 1)", 1 / (n - 1)),
        ("2/{}", 2 / n), ("{}/2", n / 2), ("2 {}", 2 * n), ("1/(2 {})", 0.5 / n),
        ("{}^2", n * n), ("1/{}^2", 1 / n**2),
    ):  # fmt: skip
        short = word if word == name else "n"
        where = f"{name} = {n}" if word == name else f"n = {n}, the length of {name}"
        yield f"{form.replace('{}', short)} ({where})", value


def of_two_lengths(n: int, name: str, m: int, other: str) -> Iterator[tuple[str, float]]:
    """A ratio or a product of two lengths."""
    where = f"{name} is {n}, {other} is {m}" if name.startswith("axis ") else f"{name} = {n}, {other} = {m}"
    a, b = ("n", "m") if name.startswith("axis ") or other.startswith("axis ") else (name, other)
    if a == "n":
        where = f"n = {n}, the length of {name}, and m = {m}, of {other}"
    yield f"{a}/{b} ({where})", n / m
    if name < other:
        yield f"{a} {b} ({where})", n * m
        yield f"1/({a} {b}) ({where})", 1 / (n * m)


def of_a_hyperparameter(p: float, name: str) -> Iterator[tuple[str, float]]:
    """What a factor can be made of a setting."""
    for form, value in (
        ("{}", p), ("1/{}", 1 / p if p else 0), ("2 {}", 2 * p), ("{}/2", p / 2), ("(1 - {})", 1 - p),
        ("1/(1 - {})", 1 / (1 - p) if p != 1 else 0), ("{}^2", p * p), ("1/{}^2", 1 / p**2 if p else 0),
        ("sqrt({})", sqrt(p) if p > 0 else 0), ("1/sqrt({})", 1 / sqrt(p) if p > 0 else 0),
        ("1/(2 {})", 0.5 / p if p else 0), ("(1 + {})", 1 + p), ("1/(1 + {})", 1 / (1 + p) if p != -1 else 0),
        ("{}/(1 - {})", p / (1 - p) if p != 1 else 0), ("(1 - {})/{}", (1 - p) / p if p else 0),
        ("4 {}", 4 * p), ("{}/4", p / 4),
    ):  # fmt: skip
        yield f"{form.replace('{}', name)} ({name} = {p:g})", value


def candidates(case: Case) -> Iterator[tuple[tuple[Any, ...], str, float]]:
    """(key, text, value): the same key is the same constant at another point, where its value may differ."""
    for text, value in FIXED.items():
        yield ("fixed", text), text, value
    for name, p in case.constants.items():
        for i, (text, value) in enumerate(of_a_hyperparameter(float(p), name)):
            yield ("constant", name, i), text, value
    for name, array in zip(case.names, case.inputs, strict=True):
        if array.size == 1:
            for i, (text, value) in enumerate(of_a_hyperparameter(float(array.ravel()[0]), name)):
                yield ("input", name, i), text, value
    sizes = lengths(case)
    for name, n in sizes.items():
        for i, (text, value) in enumerate(of_a_length(n, name)):
            yield ("length", name, i), text, value
    for name, array in (*zip(case.names, case.inputs, strict=True), *zip(case.out_names, case.outs, strict=True)):
        if array.ndim > 1:
            text = f"{array.size}, the number of entries of {name}"
            yield ("size", name, 0), text, array.size
            yield ("size", name, 1), f"1/{text}", 1 / array.size if array.size else 0
        for n in range(2, array.ndim):
            for axes in combinations(range(array.ndim), n):
                text = " * ".join(str(array.shape[axis]) for axis in axes)
                where = f"the lengths of axes {', '.join(map(str, axes[:-1]))} and {axes[-1]} of {name}"
                product = prod(array.shape[axis] for axis in axes)
                yield ("size", name, axes, 0), f"{text} ({where})", product
                yield ("size", name, axes, 1), f"1/({text}) ({where})", 1 / product if product else 0
    distinct = {n: name for name, n in reversed(sizes.items())}
    for (n, name), (m, other) in permutations(distinct.items(), 2):
        for i, (text, value) in enumerate(of_two_lengths(n, name, m, other)):
            yield ("two", name, other, i), text, value


def recognise(view: View, values: list[float]) -> str | None:
    """The name of the constant that `values` (one per point of `view`) are, or None."""
    if any(value == 0 for value in values):
        return None
    if all(abs(value + 1) < 1e-5 for value in values):
        return "-1"
    sign = "-" if values[0] < 0 else ""
    if any((value < 0) != (values[0] < 0) for value in values):
        return None
    close = max(CLOSE, min(1e-4, max(20 * v.usual_error / v.scale for v in view.points if v.scale)))
    tables = [{key: value for key, _, value in candidates(point.case)} for point in view.points]
    found = {
        key: text
        for key, text, _ in candidates(view.case)
        if all(
            abs(abs(value) - table.get(key, 0)) <= close * abs(value)
            for value, table in zip(values, tables, strict=True)
        )
    }
    if not found:
        return None
    best = min(key_order(key) for key in found)
    if best == key_order(("input",)):
        return None
    texts = [text for key, text in found.items() if key_order(key) == best]
    if best == 0:  # a plain number may be an axis' length as well: say both
        made = [
            text
            for key, text in found.items()
            if (key[0] == "length" and "- 1" not in text) or (key[0] == "input" and varies(view, key[1]))
        ]
        made = made or [text for key, text in found.items() if key[0] == "two"][:1]
        texts = texts[:1] + one_phrase(made)[:1]
    return sign + " or ".join(one_phrase(texts)[:2])


def varies(view: View, name: str) -> bool:
    """Has the input other numbers at some point? Where it never moves, a plain number may be its value by chance."""
    inputs = [point.case.inputs[point.case.names.index(name)] for point in view.points]
    return any(not np.array_equal(inputs[0], other) for other in inputs)


def one_phrase(texts: list[str]) -> list[str]:
    """`1/n (n = 7, the length of axis 0 of x and of out)` for the same said of two axes."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        mark = next((mark for mark in (", the length of ", " (the lengths of ") if mark in text), "\n")
        start, found, axis = text.partition(mark)
        groups.setdefault(start + found, []).append(axis.removesuffix(")"))
    return [start if not axes[0] else f"{start}{axes_named(axes)})" for start, axes in groups.items()]


def axes_named(axes: list[str]) -> str:
    """`axis 0 of x and of out` for `axis 0 of x`, `axis 0 of out`."""
    first = axes[0].split(" of ")[0]
    if len(axes) > 3 or (", " in axes[0]):
        return axes[0]
    return " and ".join([axes[0]] + [f"of {axis}".removeprefix(f"of {first} ") for axis in axes[1:]])


def key_order(key: tuple[Any, ...]) -> int:
    """The plainest kind of constant first."""
    return ("fixed", "constant", "length", "size", "two", "input").index(key[0])
