"""Claims of other kinds than a backward: a Jacobian or tensor derivative, a JVP, a Hessian.

The first two are turned into the claim that `gradcheck` judges. A Jacobian is right if its product with a random
upstream gradient is the gradient; a JVP is right if the Jacobian that it spans is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .calling import Array, Pair
from .claims import SettledError, call, chosen_inputs, claimed_by, judged, output_shape
from .contract import flat, name_of
from .errors import UsageError
from .estimate import plain
from .hessian import check_hessian
from .report import WRONG, Finding, Report
from .settings import demand_settings

__all__ = ["check_hessian", "check_jacobian", "check_jvp"]

LAYOUTS = ("denominator", "numerator")


def check_jacobian(
    f: Callable[..., Any], jacobian: Callable[..., Any], inputs: Any, *, layout: str = "denominator", **options: Any
) -> Report:
    """Judge `jacobian(*inputs)`, the derivative of an array-valued function, entry by entry.

    In denominator layout the derivative of y (*y) by x (*x) has shape (*x, *y): (m, n) for vectors, the transpose of
    the Jacobian; (m, n, p) for a matrix x. In numerator layout it is (*y, *x). For several float inputs the claim is a
    tuple, one derivative each, or the derivative by the input named `wrt`. Options and errors as `gradcheck`.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"layout is {layout!r}; it can be 'denominator' (input's axes first) or 'numerator'")
    pair = plain(f, inputs, options.pop("wrt", None), options.pop("names", None))
    chosen, name = chosen_inputs(pair), options.pop("name", None) or name_of(jacobian)
    try:
        out = output_shape(pair)
        claimed = _parts(claimed_by(jacobian, pair), len(chosen))
        _demand_shapes(pair, jacobian, chosen, claimed, out, layout)
    except SettledError as settled:
        return settled.report(name)

    def contracted(dout: Any, *arguments: Any) -> Any:
        given = dict(zip(pair.names, arguments))
        parts = _parts(call(jacobian, pair, arguments), len(chosen))
        return tuple(_contract(part, given[path], dout, layout) for path, part in zip(chosen, parts))

    contracted.__name__ = name_of(jacobian)
    report = judged(pair, chosen, contracted, options | {"name": name})
    return _reworded(report, "gradient of", "derivative by", "its product with a random upstream gradient was judged")


def _parts(claimed: Any, count: int) -> Sequence[Any]:
    return claimed if isinstance(claimed, (tuple, list)) and count > 1 else (claimed,)


def _contract(claimed: Any, x: Any, dout: Any, layout: str) -> Array:
    """(dy/dx) . dout over the output's axes, of x's dtype."""
    claimed, dout = np.asarray(claimed), np.asarray(dout, dtype=float)
    factors = (dout, claimed) if layout == "numerator" else (claimed, dout)
    return np.tensordot(*factors, axes=dout.ndim).astype(np.asarray(x).dtype)


def _demand_shapes(
    pair: Pair,
    jacobian: Callable[..., Any],
    chosen: Sequence[str],
    claimed: Sequence[Any],
    out: tuple[int, ...],
    layout: str,
) -> None:
    """The claims' number and shapes; raises SettledError."""
    if len(claimed) != len(chosen):
        count = f"{len(claimed)} derivatives for {len(chosen)} inputs ({', '.join(chosen)})"
        advice = "return one for each input, or name one with wrt="
        raise SettledError(Finding("", WRONG, f"{name_of(jacobian)} returned {count}", "contract", "count", advice))
    other = LAYOUTS[layout == "denominator"]
    given = dict(zip(pair.names, pair.values))
    for path, part in zip(chosen, claimed):
        x, shape = np.shape(given[path]), np.shape(part)
        shapes = {"denominator": x + out, "numerator": out + x}
        if shape == shapes[layout]:
            continue
        message = f"the derivative by {path} has shape {shape}; in {layout} layout it is {shapes[layout]}"
        cause, advice = "shape", "the output's axes come first"
        if shape == shapes[other]:
            cause = "layout"
            advice = f"that is the shape in {other} layout: transpose it, or check it with layout={other!r}"
        elif layout == "denominator":
            advice = "the input's axes come first, then the output's"
        raise SettledError(Finding(path, WRONG, message, "shape", cause, advice, shapes[layout]))


def _reworded(report: Report, old: str, new: str, note: str) -> Report:
    findings = tuple(replace(f, message=f.message.replace(old, new)) for f in report.findings)
    return replace(report, findings=findings, notes=(*report.notes, note))


def check_jvp(f: Callable[..., Any], jvp: Callable[..., Any], inputs: Any, **options: Any) -> Report:
    """Judge `jvp(*inputs, *tangents)`, the forward-mode derivative J . v, of the output's shape.

    There is one tangent for each float input (or each named in `wrt`), of its shape. The Jacobian that jvp spans with
    unit tangents is judged; before that, that jvp is linear in the tangents. Options and errors as `gradcheck`.
    """
    demand_settings(seed=options.get("seed", 0))
    pair = plain(f, inputs, options.pop("wrt", None), options.pop("names", None))
    chosen, name = chosen_inputs(pair), options.pop("name", None) or name_of(jvp)
    rng = np.random.default_rng(options.get("seed", 0))
    given = dict(zip(pair.names, pair.values))
    tangents = [rng.standard_normal(np.shape(given[path])) for path in chosen]
    try:
        out = output_shape(pair)
        once = claimed_by(jvp, pair, _typed(given, chosen, tangents))
        back = claimed_by(jvp, pair, _typed(given, chosen, [-2 * t for t in tangents]))
        _demand_tangent(jvp, once, back, out)
    except SettledError as settled:
        return settled.report(name)

    def spanned(dout: Any, *arguments: Any) -> Any:
        given = dict(zip(pair.names, arguments))
        zeros = [np.zeros(np.shape(given[path])) for path in chosen]
        gradients = [np.zeros_like(given[path]) for path in chosen]
        for which, zero in enumerate(zeros):
            for index in np.ndindex(zero.shape):
                unit = [z.copy() for z in zeros]
                unit[which][index] = 1.0
                pushed = call(jvp, pair, arguments, _typed(given, chosen, unit))
                gradients[which][index] = float(np.sum(flat([dout]) * flat([pushed])))
        return tuple(gradients)

    spanned.__name__ = name_of(jvp)
    report = judged(pair, chosen, spanned, options | {"name": name})
    return _reworded(report, "gradient of", "derivative along", "the Jacobian spanned by unit tangents was judged")


def _typed(given: Mapping[str, Any], chosen: Sequence[str], tangents: Sequence[Array]) -> list[Any]:
    """Tangents of the inputs' own kinds: an array of its dtype for an array, a number for a number."""
    return [
        t.astype(x.dtype) if isinstance(x := given[path], np.ndarray) else float(t) for path, t in zip(chosen, tangents)
    ]


def _demand_tangent(jvp: Callable[..., Any], once: Any, back: Any, out: tuple[int, ...]) -> None:
    """The output's shape, and -2 times the derivative along -2 times the tangents; raises SettledError."""
    if np.shape(once) != out:
        wanted = f"the derivative along a tangent has the output's, {out}"
        message = f"{name_of(jvp)} returns shape {np.shape(once)}; {wanted}"
        raise SettledError(Finding("out", WRONG, message, "shape", "shape", "J . v sums over the input's entries", out))
    with np.errstate(all="ignore"):
        linear = np.allclose(back, -2 * np.asarray(once), rtol=1e-9, atol=0.0, equal_nan=True)
    if not linear:
        message = f"{name_of(jvp)} is not linear in its tangents: -2 times these do not give -2 times as much"
        raise SettledError(Finding("", WRONG, message, "contract", "nonlinear", "a tangent enters as a factor, once"))
