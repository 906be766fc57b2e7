"""Second derivatives of a scalar function, claimed by hand, against second differences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .calling import Array
from .claims import SettledError, claimed_by, output_shape
from .compare import agreement, share
from .contract import name_of
from .diagnose import Case, diagnose
from .estimate import Estimate, demand_scalar, plain, second_derivatives
from .findings import distances, worst_entries
from .numerical import SAFETY
from .report import CANNOT_TELL, RIGHT, WRONG, Finding, Report
from .settings import demand_settings


def check_hessian(
    f: Callable[..., Any], hessian: Callable[..., Any], inputs: Any, *, wrt: str | None = None, **options: Any
) -> Report:
    """Judge `hessian(*inputs)`, the second derivatives of a scalar function by one input, of shape (*x, *x).

    Options `names`, `seed`, `rtol` and `name` as in `gradcheck`; others are taken, and have no effect. Raises
    UsageError where f is no scalar.
    """
    demand_settings(seed=options.get("seed", 0), rtol=options.get("rtol", 1e-7))
    pair = plain(f, inputs, wrt, options.get("names"))
    path, name = pair.paths[0], options.get("name") or name_of(hessian)
    x = np.asarray(pair.leaves()[0])
    try:
        demand_scalar(pair, output_shape(pair))
        yours = np.asarray(claimed_by(hessian, pair), dtype=float)
        if yours.shape != x.shape * 2:
            message = f"the Hessian by {path} has shape {yours.shape}, where {x.shape * 2} is expected"
            advice = "differentiate every entry of the gradient by every entry of the input"
            raise SettledError(Finding(path, WRONG, message, "shape", "shape", advice, x.shape * 2))
    except SettledError as settled:
        return settled.report(name)
    estimate = second_derivatives(pair)
    rtol, seed = max(float(options.get("rtol", 1e-7)), 1e-7), int(options.get("seed", 0))
    with np.errstate(all="ignore"):
        finding = _second(path, x, yours, estimate, rtol, seed)
    return Report(
        name, finding.verdict, (finding,), finding.kind, mode="full", seed=seed, forwards=pair.forwards, backwards=1
    )


def _second(path: str, x: Array, yours: Array, estimate: Estimate, rtol: float, seed: int) -> Finding:
    """What the second derivatives by one input are, entry by entry."""
    value, error = estimate
    size = float(np.max(np.abs(value[np.isfinite(value)]), initial=0.0))
    off = ~(np.abs(yours - value) <= SAFETY * error + rtol * np.maximum(np.abs(value), 1e-3 * size))
    hidden = ~np.isfinite(value)
    off &= ~(hidden & np.isfinite(yours))
    if hidden.any() and not off.any():
        message = f"{share(hidden, f'the Hessian by {path}')} beyond what can be told: f is not defined all around here"
        advice, entries = "try inputs further inside", worst_entries(hidden, yours, value, error)
        return Finding(path, CANNOT_TELL, message, advice=advice, shape=yours.shape, entries=entries)
    if not off.any():
        return Finding(path, RIGHT, agreement(yours.size, f"the Hessian by {path}"), shape=yours.shape)
    message = f"{share(off, f'the Hessian by {path}')} wrong"
    square = yours.reshape(x.size, x.size)
    cause = advice = ""
    if np.max(np.abs(square - square.T)) > 1e-6 * size:
        cause = "asymmetric"
        advice = "second derivatives can be taken in either order: a Hessian is symmetric, and yours is not"
    elif np.isfinite(yours).all():
        for found in diagnose(_as_jacobian(path, x, yours, estimate, off, seed)):  # one input: one cause at most
            cause, advice, message = found.name, found.advice, f"{message}: {found.message}"
    entries = worst_entries(off, yours, value, error)
    far = distances(off, yours, value)
    return Finding(path, WRONG, message, "values", cause, advice, yours.shape, int(off.sum()), entries, far)


def _as_jacobian(path: str, x: Array, yours: Array, estimate: Estimate, off: Array, seed: int) -> Case:
    """A Hessian as the Jacobian of the gradient, for the diagnosis."""
    rng, square = np.random.default_rng(seed), (x.size, x.size)
    mine, right, error = yours.reshape(square), estimate.value.reshape(square), estimate.error.reshape(square)
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
        numeric=((right @ dout.ravel()).reshape(x.shape),),
        error=((error @ np.abs(dout.ravel())).reshape(x.shape),),
        wrong=(np.asarray(off.reshape(square).any(axis=1).reshape(x.shape)),),
        jacobian=(right,),
        vjp=vjp,
    )
