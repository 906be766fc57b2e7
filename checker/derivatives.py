"""Claims of other kinds than a backward: a Jacobian or tensor derivative, a Hessian, a JVP.

Each is turned into the claim that `gradcheck` judges. A Jacobian is right if its product with a random upstream
gradient is the gradient; a JVP is right if the Jacobian that it spans is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import environment
from .calling import Array, Pair, bind_inputs, is_float
from .contract import flat, name_of
from .diagnose import Case, diagnose
from .errors import UsageError
from .estimate import numerical_hessian
from .findings import share, worst_entries
from .report import NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report
from .verdict import gradcheck

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
    names, values = bind_inputs(f, inputs, options.pop("names", None))
    wrt = options.pop("wrt", None)
    chosen = [wrt] if isinstance(wrt, str) else list(wrt or [n for n, v in zip(names, values) if is_float(v)])

    def contracted(dout: Any, *arguments: Any) -> Any:
        given = dict(zip(names, arguments))
        claimed = _tuple(jacobian(*arguments), len(chosen))
        return tuple(_contract(c, np.shape(given[name]), dout, layout) for name, c in zip(chosen, claimed))

    contracted.__name__ = name_of(jacobian)
    try:
        misfit = _misfit(f, jacobian, names, values, chosen, layout)
    except NotImplementedError:
        finding = Finding("", NOT_ATTEMPTED, f"{name_of(jacobian)} is not written yet")
        return Report(name_of(jacobian), NOT_ATTEMPTED, (finding,))
    except Exception as problem:
        finding = Finding("", WRONG, environment.describe(problem, jacobian), "error", type(problem).__name__)
        return Report(name_of(jacobian), WRONG, (finding,), "error")
    if misfit is not None:
        return Report(name_of(jacobian), WRONG, (misfit,), misfit.kind)
    report = gradcheck(f, contracted, values, names=names, wrt=chosen, **options)
    return _reworded(report, "gradient of", "derivative by", "its product with a random upstream gradient was judged")


def _tuple(claimed: Any, count: int) -> Sequence[Any]:
    return claimed if isinstance(claimed, (tuple, list)) and count > 1 else (claimed,)


def _contract(claimed: Any, shape: tuple[int, ...], dout: Any, layout: str) -> Array:
    """(dy/dx) . dout over the output's axes."""
    claimed, dout = np.asarray(claimed, dtype=float), np.asarray(dout, dtype=float)
    if layout == "numerator":
        return np.array(np.tensordot(dout, claimed, axes=dout.ndim)).reshape(shape)
    return np.array(np.tensordot(claimed, dout, axes=dout.ndim)).reshape(shape)


def _misfit(
    f: Callable[..., Any],
    jacobian: Callable[..., Any],
    names: Sequence[str],
    values: Sequence[Any],
    chosen: Sequence[str],
    layout: str,
) -> Finding | None:
    """What is wrong with the claims' number or shapes, if anything is."""
    out = np.shape(f(*values))
    returned = jacobian(*values)
    if returned is None:
        raise NotImplementedError
    claimed = _tuple(returned, len(chosen))
    if len(claimed) != len(chosen):
        message = (
            f"{name_of(jacobian)} returned {len(claimed)} derivatives for {len(chosen)} inputs ({', '.join(chosen)})"
        )
        return Finding("", WRONG, message, "contract", "count", "return one for each input, or name one with wrt=")
    for name, c in zip(chosen, claimed):
        x = np.shape(values[list(names).index(name)])
        wanted = x + out if layout == "denominator" else out + x
        if np.shape(c) == wanted:
            continue
        message = f"the derivative by {name} has shape {np.shape(c)}; in {layout} layout it is {wanted}"
        other = LAYOUTS[layout == "denominator"]
        if np.shape(c) == (out + x if layout == "denominator" else x + out):
            advice = f"that is the shape in {other} layout: transpose it, or check it with layout={other!r}"
            return Finding(name, WRONG, message, "shape", "layout", advice, wanted)
        order = (
            "the input's axes come first, then the output's"
            if layout == "denominator"
            else "the output's axes come first"
        )
        return Finding(name, WRONG, message, "shape", "shape", order, wanted)
    return None


def _reworded(report: Report, old: str, new: str, note: str) -> Report:
    findings = tuple(replace(f, message=f.message.replace(old, new)) for f in report.findings)
    return replace(report, findings=findings, notes=(*report.notes, note))


def check_jvp(f: Callable[..., Any], jvp: Callable[..., Any], inputs: Any, **options: Any) -> Report:
    """Judge `jvp(*inputs, *tangents)`, the forward-mode derivative J . v, of the output's shape.

    There is one tangent for each float input, of its shape. The Jacobian that jvp spans with unit tangents is judged;
    before that, that jvp is linear in the tangents. Options and errors as `gradcheck`.
    """
    names, values = bind_inputs(f, inputs, options.pop("names", None))
    chosen = [name for name, value in zip(names, values) if is_float(value)]
    rng = np.random.default_rng(options.get("seed", 0))

    def spanned(dout: Any, *arguments: Any) -> Any:
        given = dict(zip(names, arguments))
        zeros = [np.zeros(np.shape(given[name])) for name in chosen]
        gradients = []
        for which, zero in enumerate(zeros):
            gradient = np.zeros(zero.shape)
            for index in np.ndindex(zero.shape):
                tangents = [z.copy() for z in zeros]
                tangents[which][index] = 1.0
                gradient[index] = float(np.sum(flat([dout]) * flat([_jvp(jvp, arguments, given, chosen, tangents)])))
            gradients.append(gradient)
        return tuple(gradients)

    spanned.__name__ = name_of(jvp)
    given = dict(zip(names, values))
    tangents = [rng.standard_normal(np.shape(given[name])) for name in chosen]
    try:
        once = _jvp(jvp, values, given, chosen, tangents)
        twice = _jvp(jvp, values, given, chosen, [2 * t for t in tangents])
        out = f(*values)
    except NotImplementedError:
        once = None
    except Exception as problem:
        finding = Finding("", WRONG, environment.describe(problem, jvp), "error", type(problem).__name__)
        return Report(name_of(jvp), WRONG, (finding,), "error")
    if once is None:
        return Report(name_of(jvp), NOT_ATTEMPTED, (Finding("", NOT_ATTEMPTED, f"{name_of(jvp)} is not written yet"),))
    if np.shape(once) != np.shape(out):
        wanted = f"the derivative along a tangent has the output's, {np.shape(out)}"
        message = f"{name_of(jvp)} returns shape {np.shape(once)}; {wanted}"
        finding = Finding("out", WRONG, message, "shape", "shape", "J . v sums over the input's entries", np.shape(out))
        return Report(name_of(jvp), WRONG, (finding,), "shape")
    if not np.allclose(twice, 2 * np.asarray(once), rtol=1e-9, atol=0.0):
        message = f"{name_of(jvp)} is not linear in its tangents: it does not double when they double"
        finding = Finding("", WRONG, message, "contract", "nonlinear", "a tangent enters as a factor, once")
        return Report(name_of(jvp), WRONG, (finding,), "contract")
    report = gradcheck(f, spanned, values, names=names, wrt=chosen, **options)
    return _reworded(report, "gradient of", "derivative along", "the Jacobian spanned by unit tangents was judged")


def _jvp(
    jvp: Callable[..., Any],
    arguments: Sequence[Any],
    given: dict[str, Any],
    chosen: Sequence[str],
    tangents: Sequence[Any],
) -> Any:
    """Tangents of the inputs' own kinds: a number for a number."""
    typed = [t if isinstance(given[name], np.ndarray) else float(t) for name, t in zip(chosen, tangents)]
    return jvp(*arguments, *typed)


def check_hessian(
    f: Callable[..., Any], hessian: Callable[..., Any], inputs: Any, *, wrt: str | None = None, **options: Any
) -> Report:
    """Judge `hessian(*inputs)`, the second derivatives of a scalar function by one input, of shape (*x, *x).

    Options `seed`, `rtol` and `name` as in `gradcheck`; others are taken, and have no effect.
    """
    pair = Pair(f, None, inputs, wrt=wrt)
    path, name = pair.paths[0], options.get("name") or name_of(hessian)
    x = np.asarray(pair.leaves()[0], dtype=float)
    try:
        claimed = hessian(*pair.arguments())
    except NotImplementedError:
        claimed = None
    except Exception as problem:
        finding = Finding("", WRONG, environment.describe(problem, hessian), "error", type(problem).__name__)
        return Report(name, WRONG, (finding,), "error")
    if claimed is None:
        return Report(name, NOT_ATTEMPTED, (Finding("", NOT_ATTEMPTED, f"{name} is not written yet"),))
    if np.shape(claimed) != x.shape * 2:
        message = f"the Hessian by {path} has shape {np.shape(claimed)}, where {x.shape * 2} is expected"
        advice = "differentiate every entry of the gradient by every entry of the input"
        return Report(name, WRONG, (Finding(path, WRONG, message, "shape", "shape", advice, x.shape * 2),), "shape")
    estimate = numerical_hessian(f, inputs, path)
    yours = np.asarray(claimed, dtype=float)
    size = float(np.max(np.abs(estimate.value), initial=0.0))
    rtol = max(float(options.get("rtol", 1e-7)), 1e-7)
    off = ~(
        np.abs(yours - estimate.value) <= 5 * estimate.error + rtol * np.maximum(np.abs(estimate.value), 1e-3 * size)
    )
    if not off.any():
        message = f"all {yours.size} entries of the Hessian by {path} agree"
        return Report(
            name, RIGHT, (Finding(path, RIGHT, message, shape=yours.shape),), mode="full", forwards=pair.forwards
        )
    message = f"{share(off, 'entries')} of the Hessian by {path} {'is' if off.sum() == 1 else 'are'} wrong"
    advice, cause = "", ""
    if (
        np.max(np.abs(yours - np.moveaxis(yours.reshape(x.size, x.size), 0, 1).reshape(yours.shape)), initial=0.0)
        > 1e-6 * size
    ):
        cause, advice = (
            "asymmetric",
            "second derivatives can be taken in either order: a Hessian is symmetric, and yours is not",
        )
    else:
        for found in diagnose(
            _as_jacobian(path, x, yours, estimate.value, estimate.error, off, int(options.get("seed", 0)))
        ):
            cause, advice, message = found.name, found.advice, f"{message}: {found.message}"
            break
    entries = worst_entries(off, yours, estimate.value, estimate.error)
    finding = Finding(path, WRONG, message, "values", cause, advice, yours.shape, int(off.sum()), entries)
    return Report(name, WRONG, (finding,), "values", mode="full", forwards=pair.forwards)


def _as_jacobian(path: str, x: Array, yours: Array, right: Array, error: Array, off: Array, seed: int) -> Case:
    """A Hessian as the Jacobian of the gradient, for the diagnosis."""
    rng = np.random.default_rng(seed)
    mine, true = yours.reshape(x.size, x.size), right.reshape(x.size, x.size)
    dout = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)

    def vjp(douts: tuple[Array, ...]) -> tuple[Array, ...]:
        return ((mine @ np.ravel(douts[0])).reshape(x.shape),)

    return Case(
        names=(path,),
        inputs=(x,),
        out_names=("gradient",),
        outs=(np.zeros(x.shape),),
        douts=(dout,),
        claimed=vjp((dout,)),
        numeric=((true @ dout.ravel()).reshape(x.shape),),
        error=((error.reshape(x.size, x.size) @ np.abs(dout.ravel())).reshape(x.shape),),
        wrong=(np.asarray(off.reshape(x.size, x.size).any(axis=1).reshape(x.shape)),),
        jacobian=(true,),
        vjp=vjp,
    )
