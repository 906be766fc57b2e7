"""Relations of local derivatives: each output takes one entry of the input, or each row or column has its factor."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .case import Cause
from .forms import name_form, sigmoid, steady
from .shapes import fit
from .view import Point, View, join, known, size_of

#: With fewer numbers than this, further points are asked for.
ENOUGH = 12


@dataclass(frozen=True)
class Links:
    """Where each output takes one entry: the right and the claimed local derivatives, and what they may depend on."""

    right: np.ndarray
    yours: np.ndarray
    variables: dict[str, np.ndarray]


def links(view: View) -> Links | None:
    """One entry for each output, in the right and in the claimed Jacobian; None if it is not so."""
    if not view.shaped or view.J is None or (view.C is None and view.J.size > 1):
        return None
    m = view.point.dout.size
    if m == 1 and view.x.size > 1:
        return loss_links(view)
    right = view.J.reshape(-1, m)
    yours = view.C.reshape(-1, m) if view.C is not None else (view.yours / view.point.dout).reshape(-1, m)
    strong = np.abs(right) > 1e-7 * size_of(right)
    felt = strong.any(0)  # an output that no entry moves, as where a function is flat, says nothing
    if np.any(strong.sum(0) > 1) or np.any(np.abs(yours[:, felt][~strong[:, felt]]) > 1e-9 * size_of(yours)):
        return None
    j = np.flatnonzero(felt)
    i = strong.argmax(0)[j]
    x = view.x.ravel()[i]
    variables = {view.name: x, "out": view.point.out[j]}
    for name, other in zip(view.case.names, view.case.inputs, strict=True):
        if name != view.name and (values := spread(other, view.out_shape)) is not None:
            variables[name] = values.ravel()[j]
            if other.shape == view.out_shape and other.ndim:
                variables[f"(normalised {name})"] = normalise(np.asarray(other, float)).ravel()[j]
    return Links(right[i, j], yours[i, j], variables)


def loss_links(view: View) -> Links | None:
    """For a scalar loss: the gradient's entries, each with the entries that stand beside it in the inputs."""
    variables = {view.name: view.x.ravel(), "out": np.full(view.x.size, view.point.out[0])}
    for name, other in zip(view.case.names, view.case.inputs, strict=True):
        if name != view.name and other.shape == view.shape:
            variables[name] = np.asarray(other, float).ravel()
            variables[f"({view.name} - {name})"] = (view.x - other).ravel()
    yours = view.C if view.C is not None else view.yours / view.point.dout
    return Links(view.J.ravel(), yours.ravel(), variables)


def normalise(x: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 over the first axis."""
    with np.errstate(all="ignore"):
        return (x - x.mean(0)) / x.std(0)


def spread(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """`values` broadcast to `shape`, by NumPy's rule or by matching lengths; None if they do not go together."""
    values = np.asarray(values, float)
    for candidate in (values, fit(values, shape)):
        try:
            return np.broadcast_to(candidate, shape)
        except ValueError:
            continue
    return None


def pooled(view: View) -> Links | None:
    """The links of all points together, and of further points if these are few."""
    if (found := known(links(v) for v in view.points)) is None:
        return None
    if sum(len(link.right) for link in found) < ENOUGH:
        near = known_links(View(p, view.k) for p in view.point.near)
        found += [link for link in near if np.all(np.isfinite(link.right)) and np.all(np.isfinite(link.yours))]
    names = [name for name in found[0].variables if all(name in link.variables for link in found)]
    return Links(
        np.concatenate([link.right for link in found]),
        np.concatenate([link.yours for link in found]),
        {name: np.concatenate([link.variables[name] for link in found]) for name in names},
    )


def known_links(views: Iterable[View]) -> list[Links]:
    """The links of those views that have any."""
    return [link for view in views if (link := links(view)) is not None]


def derivative(view: View) -> Cause | None:
    """A wrong local derivative, named where it is a simple function of the input or the output."""
    link = pooled(view)
    if link is None or len(link.right) < 4:
        return None
    strong = np.abs(link.right) > 1e-4 * size_of(link.right)
    variables = {name: z[strong] for name, z in link.variables.items()}
    right, yours = link.right[strong], link.yours[strong]
    if len(right) < 4:
        return None
    t, s = name_form(right, variables), name_form(yours, variables)
    c = steady(yours)
    if c is not None and abs(abs(c) - 1) < 1e-6 and varied_much(right):
        return view.cause(
            "pass-through",
            f"Yours passes dout on {'unchanged' if c > 0 else 'times -1'}; the local derivative is not 1"
            + (f" but {t}." if t else "."),
            "Multiply dout by the derivative of the function at its input.",
        )
    if (twice := activated_twice(view, right, yours, variables)) is not None:
        return twice
    s = s or name_form(yours, variables, any_constant=True)
    t = t or name_form(right, variables, any_constant=True)
    if s and t:
        text = f"The local derivative is {t}; yours is {s}."
    elif (ratio := name_form(yours / right, variables, any_constant=True)) is not None:
        known = MISSING.get(ratio)
        text = f"Your local derivative is the right one times {ratio}" + (f": {known}." if known else ".")
    elif s == "out":
        text = "Your local derivative is the output itself, where its derivative is needed."
    elif s:
        text = f"Your local derivative is {s}; the right one is something else."
    elif varied_much(right) and (term := name_form(right - yours, variables, any_constant=True)) is not None:
        return view.cause(
            "missing-term",
            f"Your local derivative plus {term} is the right one: a term of yours is missing, or derived wrongly.",
            "List every place where the forward uses this input: each contributes one term, and the terms add up.",
        )
    elif (k := steady(right - yours)) is not None and len(right) > 4 and varied_much(right):
        return view.cause(
            "missing-term",
            f"Your local derivative plus {k:.6g} is the right one, at every point.",
            "List every place where the forward uses this input: each contributes one term, and the terms add up.",
        )
    else:
        return None
    return view.cause(
        "local-derivative",
        text,
        "Derive the function once more, and write its derivative in terms of what the cache holds.",
    )


def elementwise(view: View) -> Cause | None:
    """Each dout goes where it belongs, times a wrong local derivative: all that can be told is where it is so."""
    if view.shape != view.out_shape or (link := pooled(view)) is None or len(link.right) < 6:
        return None
    x, off = link.variables[view.name], np.abs(link.yours - link.right)
    wrong = off > 1e-4 * size_of(link.right)
    if np.mean(wrong) < 0.5 or not view.everywhere(lambda v: v.x.size == 1 or v.C is not None):
        return None
    worst = int(np.argmax(np.where(np.abs(x) < 3, off, 0)))
    return view.cause(
        "elementwise",
        f"Each dout goes back to its own entry, times a wrong local derivative: at {view.name} = {x[worst]:.4g} yours "
        f"is {link.yours[worst]:.4g}, right is {link.right[worst]:.4g}.",
        "Derive the function once more, one factor at a time: product rule, chain rule, the inner derivative.",
    )


def varied_much(values: np.ndarray) -> bool:
    """Do the values differ from one another?"""
    return float(np.ptp(values)) > 1e-3 * size_of(values)


def activated_twice(view: View, right: np.ndarray, yours: np.ndarray, variables: dict[str, np.ndarray]) -> Cause | None:
    """The derivative of an activation taken at its output (or written for its output, and given its input)."""
    x, out = variables[view.name], variables["out"]
    with np.errstate(all="ignore"):
        known = {
            "tanh": ((1 - out**2, 1 - np.tanh(out) ** 2, 1 - x**2), "1 - tanh(out)^2", "1 - x^2", "1 - out^2"),
            "sigmoid": (
                (out * (1 - out), sigmoid(out) * sigmoid(-out), x * (1 - x)),
                "sigmoid(out) (1 - sigmoid(out))",
                "x (1 - x)",
                "out (1 - out)",
            ),
        }
    for (true, at_out, at_x), text_out, text_x, text in known.values():
        if not same(right, true):
            continue
        if same(yours, at_out):
            return view.cause(
                "activated-twice",
                f"Your local derivative is {text_out}: the activation is applied to a value that is already activated.",
                f"With out the activated value, the derivative is {text}: post-activation, used as it is.",
            )
        if same(yours, at_x):
            return view.cause(
                "pre-for-post-activation",
                f"Your local derivative is {text_x} with x the input: it must be {text}, with out the activated "
                "output.",
                f"Keep the output in the cache: {text} is written for the value after the activation.",
            )
    return taken_at_output(view)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to within the accuracy of a derivative."""
    return bool(np.all(np.abs(a - b) <= 2e-6 * size_of(b)))


def taken_at_output(view: View) -> Cause | None:
    """Is your local derivative at x the right one at f(x)?"""
    at = view.case.at
    if at is None or view.shape != view.out_shape or len(view.case.inputs) != 1:
        return None

    def at_out(v: View) -> bool:
        try:
            there = links(View(Point((v.case.at or at)((v.out,))), 0))
        except Exception:  # the output may lie outside of the function's domain
            return False
        here = links(v)
        return (
            there is not None
            and here is not None
            and there.right.shape == here.yours.shape
            and same(here.yours, there.right)
        )

    if not view.everywhere(at_out):
        return None
    return view.cause(
        "activated-twice",
        "Yours is the local derivative at the output, f'(f(x)), where it is needed at the input, f'(x).",
        "Keep the input in the cache (or write the derivative in terms of the output).",
    )


def statistics(view: View, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What a factor may be made of: this input, the others, the output, and the spread along an axis."""
    found: dict[str, np.ndarray] = {}
    arrays = {**dict(zip(view.case.names, view.case.inputs, strict=True)), "out": view.out}
    for name, array in arrays.items():
        array = np.asarray(array, float)
        if (values := spread(array, shape)) is not None:
            found[name] = values
        for n in (1, 2, 3):
            for axes in combinations(range(array.ndim), n):
                where = f"over {join(['axis ' + str(a) for a in axes])}"
                with np.errstate(all="ignore"):
                    made = {
                        f"(std of {name} {where})": array.std(axis=axes, keepdims=True),
                        f"(norm of {name} {where})": np.sqrt((array**2).sum(axis=axes, keepdims=True)),
                        f"(sum of {name} {where})": array.sum(axis=axes, keepdims=True),
                        f"(mean square of {name} {where})": (array**2).mean(axis=axes, keepdims=True),
                    }
                for text, values in made.items():
                    for candidate in (values, values.squeeze(axes)):
                        if (wide := spread(candidate, shape)) is not None:
                            found.setdefault(text, wide)
    return found


def factors(view: View, by_output: bool) -> np.ndarray | None:
    """R with claimed Jacobian = r * right one, r depending on the input's entry (or on the output) alone."""
    if not view.shaped:
        return None
    right, yours, outs = view.pair
    if by_output and not outs:
        return None
    k = len(view.shape)
    over = tuple(range(k)) if by_output else tuple(range(k, right.ndim))
    square = (right * right).sum(over, keepdims=True)
    with np.errstate(all="ignore"):
        r = (yours * right).sum(over, keepdims=True) / square
    r = np.where(square > 0, r, np.nan)
    off = np.abs(yours - np.nan_to_num(r) * right)
    if np.any(off > (SAFE * size_of(right) + view.noise) * np.maximum(1, np.nan_to_num(np.abs(r)))):
        return None
    if not outs:
        weak = np.abs(right) < 1e-4 * size_of(right)
        r = np.where(weak, np.nan, r)
    return r.reshape(view.out_shape if by_output else view.shape)


SAFE = 2e-6


def named_factor(view: View, by_output: bool) -> str | None:
    """The factor of each entry (or output) as a statistic to a power."""
    values, tables = [], []
    for v in view.points:
        r = factors(v, by_output)
        if r is None:
            return None
        keep = np.isfinite(r) & (np.abs(np.nan_to_num(r)) > 1e-9)
        if np.any(np.nan_to_num(r, nan=1.0) == 0) or not keep.any():
            return None
        values.append(r[keep])
        tables.append({name: z[keep] for name, z in statistics(v, r.shape).items()})
    every = np.concatenate(values)
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    variables = {name: np.concatenate([table[name] for table in tables]) for name in shared}
    plain = {name: z for name, z in variables.items() if not name.startswith("(")}
    return name_form(every, plain) or name_form(every, variables)


MISSING = {
    "1/(1 - out^2)": "the derivative of tanh, 1 - out^2, is left out",
    "1/(out (1 - out))": "the derivative of the sigmoid, out (1 - out), is left out",
    "1/(1 - out)": "the factor 1 - out is left out",
    "1/out": "the factor out is left out",
    "out": "the factor out is there once too often",
}


def output_factor(view: View) -> Cause | None:
    """Each output's contribution has its own factor: dout is multiplied by something wrong first."""
    if view.C is None or not view.shaped or not dense(view, by_output=True):
        return None
    found = known(factors(v, True) for v in view.points)
    if found is None or size_of(np.nan_to_num(found[0] - np.nanmean(found[0]))) < 1e-6:
        return None
    if (named := named_factor(view, True) or activation_ratio(view, found)) is not None:
        text = MISSING.get(named) or f"each output's contribution is the right one times {named}"
    elif by_index(view) is not None:
        return None
    else:
        text = "each output's whole contribution has a factor of its own, and is right but for it"
    return view.cause(
        "output-factor",
        f"Everything after the first step of the backward is right: {text}.",
        "Look at what dout is multiplied by first: the derivative of the forward's last step (its activation).",
    )


def activation_ratio(view: View, found: list[np.ndarray]) -> str | None:
    """Factors that come from an activation's derivative taken at the activated value."""
    r = np.concatenate([values.ravel() for values in found])
    out = np.concatenate([v.out.ravel() for v in view.points])
    keep = np.isfinite(r)
    r, out = r[keep], out[keep]
    if len(r) < 4:
        return None
    with np.errstate(all="ignore"):
        tanh, logistic, again = 1 - out**2, out * (1 - out), sigmoid(out) * sigmoid(-out)
        ratios = {
            "(1 - tanh(out)^2)/(1 - out^2): tanh is applied to a value that is already activated": (
                1 - np.tanh(out) ** 2
            )
            / tanh,
            "s(1 - s)/(out (1 - out)): s = sigmoid(out) is applied to a value that is already activated": again
            / logistic,
            "(1 - out^2)/(out (1 - out)): the derivative of tanh stands for the sigmoid's": tanh / logistic,
            "out (1 - out)/(1 - out^2): the derivative of the sigmoid stands for tanh's": logistic / tanh,
            "(1 + out^2)/(1 - out^2): a sign in 1 - out^2": (1 + out**2) / tanh,
            "(1 + out)/(1 - out): a sign in out (1 - out)": (1 + out) / (1 - out),
            "out^2/(1 - out^2): out^2 stands for 1 - out^2": out**2 / tanh,
            "out/(1 - out^2): out stands for its derivative 1 - out^2": out / tanh,
            "(1 - out)/(1 - out^2): the square in 1 - out^2 is forgotten": (1 - out) / tanh,
        }
    return next((text for text, made in ratios.items() if np.all(np.isfinite(made)) and same(r, made)), None)


def dense(view: View, by_output: bool) -> bool:
    """Do most outputs (or entries) have two contributions or more, so that one common factor says something?"""
    right, _, outs = view.pair
    if not outs:
        return False
    k = len(view.shape)
    strong = np.abs(right) > 1e-4 * size_of(right)
    number = strong.sum(tuple(range(k)) if by_output else tuple(range(k, right.ndim)))
    felt = number[number > 0]
    return bool(felt.size and np.mean(felt >= 2) > 0.7)


def entry_factors(view: View) -> list[np.ndarray] | None:
    """The entries' factors at every point if they are not all one."""
    if (found := known(factors(v, False) for v in view.points)) is None:
        return None
    usable = found[0][np.isfinite(found[0])]
    return found if len(usable) and np.ptp(usable) > 1e-6 * size_of(usable) else None


def entry_factor(view: View) -> Cause | None:
    """Each entry has its own factor, and it is known what it is: the backward's last step is wrong."""
    if entry_factors(view) is None or (named := named_factor(view, False)) is None:
        return None
    return view.cause(
        "entry-factor",
        f"Each entry of yours is the right one times {named}.",
        "A factor of the last step of the backward is missing, extra or inverted: compare it with the forward's "
        "first step.",
    )


def by_index(view: View) -> tuple[int, ...] | None:
    """The axes along which the entries' factors do not change, as many as possible."""
    found = entry_factors(view)
    n = len(view.shape)
    for axes in (a for size in range(n - 1, 0, -1) for a in combinations(range(n), size)):
        if found and all(constant_along(r, axes) for r in found):
            return axes
    return None


def input_factor(view: View) -> Cause | None:
    """Each entry has its own factor, whatever it is."""
    found = entry_factors(view)
    if found is None:
        return None
    if (axes := by_index(view)) is not None:
        kept = [a for a in range(len(view.shape)) if a not in axes]
        return view.cause(
            "factor-per-index",
            f"Along {view.axes(axes)} yours is right but for one factor, another one for each index of "
            f"{view.axes(kept)}.",
            "Something that has one value for each of those indices (a scale, a sigma, a count) is missing, extra or "
            "inverted.",
        )
    if all(v.C is not None and dense(v, by_output=False) for v in view.points):
        return view.cause(
            "entry-factor",
            "Each entry of yours has its own wrong factor, the same for every upstream gradient: all paths are there.",
            "Look at the backward's last step, the one next to this input: its local derivative is wrong.",
        )
    return None


def constant_along(r: np.ndarray, axes: tuple[int, ...]) -> bool:
    """Is r the same along `axes`, with enough entries there to tell?"""
    if r.ndim <= max(axes):
        return False
    known = np.isfinite(r)
    with np.errstate(all="ignore"):
        middle = np.where(known, r, 0).sum(axes, keepdims=True) / known.sum(axes, keepdims=True)
    off = np.abs(np.where(known, r - middle, 0))
    checks = known.sum() - np.sum(known.any(axes))
    return bool(checks >= 3 and np.max(off) <= 1e-5 * size_of(np.nan_to_num(r)))


def passed_on(view: View) -> Cause | None:
    """Yours is dout itself, where the outputs are not the inputs one by one."""

    def identity(v: View) -> bool:
        if v.C is None or v.shape != v.out_shape or v.x.size < 3 or not v.shaped:
            return False
        return size_of(v.C.reshape(v.x.size, -1) - np.eye(v.x.size)) <= 1e-12

    if not view.everywhere(identity):
        return None
    return view.cause(
        "pass-through",
        "Yours is dout itself, unchanged.",
        "The forward moves or mixes the entries: send each dout back to the entries that it came from.",
    )
