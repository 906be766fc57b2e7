"""What any backward must keep, whatever it computes: each breach gets a sentence of its own, before any number.

One gradient per input, of its input's shape and dtype, finite; nothing written into the inputs, the upstream gradient
or the cache; nothing returned that shares memory with these; the same answer every time; linear in the upstream
gradient.
"""

import dis
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import tree
from .calling import Array, MisfitError, Pair, Run
from .errors import UserCodeError
from .report import WRONG, Finding
from .standin import opaque, where_it_lives


@dataclass
class Observation:
    """What a pair did at one point: outputs, upstream gradients, gradients by input path, and the breaches seen."""

    values: list[Any]
    run: Run
    douts: list[Any]
    gradients: dict[str, Any] = field(default_factory=dict)
    breaches: list[Finding] = field(default_factory=list)
    attempted: bool = True

    @property
    def dout(self) -> Array:
        """All upstream gradients as one flat vector."""
        return flat(self.douts)


def flat(arrays: Sequence[Any]) -> Array:
    """Arrays or numbers as one float vector."""
    parts = [np.asarray(a, dtype=float).ravel() for a in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def random_upstream(run: Run, rng: np.random.Generator) -> list[Array]:
    """Signed, continuous, away from zero, and never 1: ones hide that a backward ignores what it is given."""
    draws = [rng.uniform(0.5, 1.5, out.shape) * rng.choice([-1.0, 1.0], out.shape) for out in run.outs]
    return [np.where(np.isfinite(out), draw, 0.0) for out, draw in zip(run.outs, draws)]


def name_of(function: Any) -> str:
    """How the function is called in a sentence."""
    return getattr(function, "__name__", type(function).__name__)


def breach(message: str, advice: str, subject: str = "", cause: str = "", kind: str = "contract") -> Finding:
    """A finding about the contract."""
    return Finding(subject, WRONG, message, kind=kind, cause=cause, advice=advice)


def observe(pair: Pair, values: Sequence[Any], rng: np.random.Generator) -> Observation:
    """Call forward and backward as often as the contract needs, and note every breach.

    Raises UserCodeError where the author's code raises.
    """
    values = [tree.copy(value) for value in values]
    run = pair.forward(pair.arguments(values))
    forward = name_of(pair.forward_function)
    breaches = [
        breach(
            f"{forward} writes into its input {path}",
            f"work on a copy: {path} belongs to the caller, and its old values are needed again",
            path,
            "writes-input",
        )
        for path, before, after in zip(pair.paths, pair.leaves(values), pair.leaves(run.arguments))
        if not _same(before, after)
    ]
    outs = [np.array(out) for out in run.outs]
    again = pair.forward(pair.arguments(values))
    if not breaches and not all(_close(a, b) for a, b in zip(outs, again.outs)):
        change = max(
            float(np.nanmax(np.abs(a - b), initial=0.0)) for a, b in zip(outs, again.outs) if a.shape == b.shape
        )
        breaches.append(
            breach(
                f"{forward} is not deterministic: the same inputs gave outputs that differ by up to {change:.2g}",
                "fix the seed inside, or draw the random mask outside and pass it in, so that a gradient is defined",
                cause="random-forward",
            )
        )
    if pair.is_gradient or pair.backward_function is None:
        douts = pair.upstream(run, [np.ones(out.shape) for out in outs])
    else:
        pair.roles(1)
        douts = pair.upstream(run, random_upstream(run, rng))
    seen = Observation(values, run, douts, breaches=breaches)
    if not breaches:
        _observe_backward(pair, seen, again)
    return seen


def _observe_backward(pair: Pair, seen: Observation, again: Run) -> None:
    run, values = seen.run, seen.values
    backward = name_of(pair.backward_function or pair.forward_function)
    given = [np.array(d) if isinstance(d, np.ndarray) else d for d in seen.douts]
    saved = snapshot(run.cache, exclude=[*pair.leaves(run.arguments), *given])
    try:
        returned = pair.pull(run, given)
    except Exception as problem:
        if isinstance(problem.__cause__, NotImplementedError):
            seen.attempted = False
            return
        raise
    if all(leaf is None for leaf in tree.leaves(returned)):
        seen.attempted = returned is None and _computes(pair.backward_function)
        if seen.attempted:
            seen.breaches.append(breach(f"{backward} returned None", "is its return statement missing?", cause="none"))
        return
    try:
        seen.gradients = pair.assign(returned)
    except MisfitError as problem:
        advice = "return one gradient for each differentiable input, in the inputs' order; name others with wrt="
        seen.breaches.append(breach(f"{backward} {problem}", advice, cause="count"))
        return
    seen.breaches += list(_forms(pair, seen))
    gradients = {path: tree.copy(g) for path, g in seen.gradients.items()}
    for path, before, after in zip(pair.paths, pair.leaves(values), pair.leaves(run.arguments)):
        if not _same(before, after):
            advice = f"work on a copy: whoever uses {path} next would get changed values"
            seen.breaches.append(breach(f"{backward} writes into the input {path}", advice, path, "writes-input"))
    if any(not _same(a, b) for a, b in zip(seen.douts, given)):
        advice = "copy dout before you change it: another consumer of the same node would get a damaged gradient"
        seen.breaches.append(breach(f"{backward} writes into dout", advice, cause="writes-dout"))
    written = [where for where, array, before in saved if not _same(array, before)]
    written += [f"cache{path}{part.written}" for path, part in opaque(run.cache) if part.written]
    if written:
        advice = "copy what you change: a second backward on this cache would start from changed values"
        seen.breaches.append(breach(f"{backward} writes into the cache ({written[0]})", advice, cause="writes-cache"))
    seen.breaches += list(_aliases(pair, seen, given))
    seen.gradients = gradients
    if not any(b.cause in ("none", "type") for b in seen.breaches):
        seen.breaches += list(_repeats(pair, seen, again))
    if all(b.kind == "shape" for b in seen.breaches):
        seen.breaches += list(_linear(pair, seen, again))


@where_it_lives
def _computes(function: Any) -> bool:
    """Whether the function's body does anything: a stub that only returns None has not been attempted."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and any(op.opname.startswith(("CALL", "BINARY_OP")) for op in dis.get_instructions(code))


def _forms(pair: Pair, seen: Observation) -> Iterator[Finding]:
    """Shape, dtype, None, not a number."""
    inputs = dict(zip(pair.paths, pair.leaves(seen.values)))
    for path, gradient in seen.gradients.items():
        x = inputs[path]
        if gradient is None:
            yield breach(f"the gradient of {path} is None", f"return an array of shape {np.shape(x)}", path, "none")
            continue
        if isinstance(x, np.ndarray) and isinstance(gradient, (list, tuple)):
            yield breach(
                f"the gradient of {path} is a {type(gradient).__name__}, not an array",
                "return a NumPy array",
                path,
                "type",
            )
            continue
        array = np.asarray(gradient)
        if array.dtype.kind not in "fiub":
            advice = "return real floats"
            yield breach(
                f"the gradient of {path} has dtype {array.dtype}, but {path} holds floats", advice, path, "type"
            )
        elif array.shape != np.shape(x):
            yield Finding(
                path,
                WRONG,
                f"the gradient of {path} has shape {array.shape}, but {path} has shape {np.shape(x)}",
                kind="shape",
                advice="a gradient has exactly the shape of the thing that it is the gradient of",
                shape=np.shape(x),
            )
        elif isinstance(x, np.ndarray) and array.dtype.newbyteorder("=") != x.dtype.newbyteorder("="):
            advice = f"keep the input's dtype: start from np.zeros_like({path}), or convert with astype({path}.dtype)"
            yield breach(
                f"the gradient of {path} has dtype {array.dtype}, but {path} has dtype {x.dtype}", advice, path, "dtype"
            )


def _aliases(pair: Pair, seen: Observation, given: Sequence[Any]) -> Iterator[Finding]:
    """Gradients that share memory with what they must not."""
    # A gradient function may well return an input as it is: that of x * y by x is y.
    inputs = [] if pair.is_gradient else list(zip(pair.paths, pair.leaves(seen.run.arguments)))
    earlier: list[tuple[str, Array]] = []
    for path, gradient in seen.gradients.items():
        if not isinstance(gradient, np.ndarray) or gradient.size == 0:
            continue
        shared = ""
        if any(gradient is d for d in given):
            shared = "dout itself"
        elif any(isinstance(d, np.ndarray) and np.shares_memory(gradient, d) for d in given):
            shared = "a view of dout"
        for other, x in inputs:
            if not shared and isinstance(x, np.ndarray) and np.shares_memory(gradient, x):
                shared = f"the input {other} itself" if gradient is x else f"a view of the input {other}"
        for other, x in earlier:
            if not shared and np.shares_memory(gradient, x):
                shared = f"the same memory as the gradient of {other}"
        if shared:
            advice = "return a copy: gradients are added to in place, and that would change both"
            yield breach(f"the gradient of {path} is {shared}", advice, path, "shares-memory")
        earlier.append((path, gradient))


def _repeats(pair: Pair, seen: Observation, again: Run) -> Iterator[Finding]:
    """The same answer from a fresh forward, and a second time from the same cache."""
    backward = name_of(pair.backward_function or pair.forward_function)
    fresh = _gradients(pair, pair.fresh(again, seen.values), seen.douts)
    if not _all_close(fresh, seen.gradients):
        advice = "look for state that survives a call: a global, a default argument, a counter, random numbers"
        yield breach(f"{backward} gives another answer the second time", advice, cause="unrepeatable")
        return
    if pair.backward_function is None or "cache" not in pair.roles(1):
        return
    if any(b.cause in ("writes-cache", "writes-input") for b in seen.breaches):  # this is why
        return
    try:
        second = _gradients(pair, again, seen.douts)
    except UserCodeError:
        second = {}
    if not _all_close(second, seen.gradients):
        advice = "do not change or use up what the forward saved"
        yield breach(f"{backward} gives another answer the second time on the same cache", advice, cause="unrepeatable")


def _linear(pair: Pair, seen: Observation, again: Run) -> Iterator[Finding]:
    """backward(2 dout) = 2 backward(dout), backward(-dout) = -backward(dout), for each gradient that is not zero."""
    if pair.is_gradient:
        return
    backward = name_of(pair.backward_function)
    doubled = _gradients(pair, pair.fresh(again, seen.values), [2 * d for d in seen.douts])
    negated = _gradients(pair, pair.fresh(again, seen.values), [-d for d in seen.douts])
    for path, gradient in seen.gradients.items():
        if path not in doubled or path not in negated or np.size(gradient) == 0:
            continue
        g, twice, minus = (np.asarray(a, dtype=float) for a in (gradient, doubled[path], negated[path]))
        size = float(np.max(np.abs(g), initial=0.0))
        if size > np.finfo(float).max / 8:  # twice as much may not be a number
            continue
        slack = rounding_of(np.asarray(gradient).dtype, 840, 1e-9, size)
        if not np.isfinite(size) or (np.all(np.abs(twice - 2 * g) <= slack) and np.all(np.abs(minus + g) <= slack)):
            continue
        if np.all(np.abs(twice - g) <= slack) and np.all(np.abs(minus - g) <= slack):
            message, cause = (
                f"the gradient of {path} ignores dout: it stays the same when dout doubles or changes sign",
                "ignores-dout",
            )
            advice = "multiply the local derivative by the upstream gradient dout, also where the output is a loss"
        elif np.all(np.abs(twice - 4 * g) <= 4 * slack):
            message, cause = f"the gradient of {path} uses dout twice: it quadruples when dout doubles", "dout-twice"
            advice = "dout enters a gradient once, as a factor"
        else:
            message, cause = (
                f"the gradient of {path} is not linear in dout: {backward}(2 dout) is not 2 {backward}(dout)",
                "nonlinear",
            )
            advice = "nothing in a backward may depend on dout other than as a factor: no max, abs or added constant"
        yield breach(message, advice, path, cause)


def _gradients(pair: Pair, run: Run, douts: Sequence[Any]) -> dict[str, Any]:
    """The gradients for these upstream gradients; empty where they do not fit."""
    given = [np.array(d) if isinstance(d, np.ndarray) else d for d in douts]
    try:
        return {path: tree.copy(g) for path, g in pair.assign(pair.pull(run, given)).items()}
    except MisfitError:
        return {}


def _all_close(some: dict[str, Any], others: dict[str, Any]) -> bool:
    return some.keys() == others.keys() and all(_close(some[path], others[path]) for path in some)


def _close(a: Any, b: Any) -> bool:
    """Equal up to the last digits, which threads may add in another order."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
        return True
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return False
    size = np.max(np.abs(a[np.isfinite(a)]), initial=0.0) if a.dtype.kind == "f" else 0
    slack = rounding_of(a.dtype, 84, 1e-12, float(size))
    return bool(np.all((np.abs(a - b) <= slack) | (a == b) | (np.isnan(a) & np.isnan(b))))


def rounding_of(dtype: np.dtype[Any], operations: float, least: float, size: float) -> float:
    """How far numbers of this size may be apart after so many roundings in a dtype, or by `least` relative to them.

    Numbers below the smallest normal one, which float16 reaches soon, round to multiples of the smallest of all.
    """
    if dtype.kind != "f" or dtype == np.float64:
        return least * size
    kind = np.finfo(dtype)
    return max(least, min(0.1, operations * float(kind.eps))) * size + operations * float(kind.smallest_subnormal)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return isinstance(a, np.ndarray) == isinstance(b, np.ndarray)


def snapshot(cache: Any, exclude: Sequence[Any] = ()) -> list[tuple[str, Array, Array]]:
    """Every float array in the cache (where, the array, a copy), other than the inputs, which are watched anyway."""
    found: list[tuple[str, Array, Array]] = []
    seen: set[int] = set()

    def walk(value: Any, where: str, depth: int) -> None:
        if id(value) in seen or depth > 6:
            return
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            if value.dtype != object and not any(
                isinstance(x, np.ndarray) and np.shares_memory(value, x) for x in exclude
            ):
                found.append((where, value, value.copy()))
        elif isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{where}[{key!r}]", depth + 1)
        elif isinstance(value, (tuple, list)):
            for position, item in enumerate(value):
                walk(item, f"{where}[{position}]", depth + 1)
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            for key, item in vars(value).items():
                walk(item, f"{where}.{key}", depth + 1)

    walk(cache, "cache", 0)
    return found
