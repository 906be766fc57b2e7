"""Which terms of the layer contract a pair breaks, by plain comparison: the proof of the contract cases' labels."""

from copy import deepcopy
from typing import Any

import numpy as np

from .case import Case
from .oracle import differentiated, flat, get, values


def same(a: Any, b: Any) -> bool:
    """Bitwise equality of nests of arrays and plain values."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return isinstance(b, tuple | list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic | float | int):
        a, b = np.asarray(a), np.asarray(b)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b or type(a) is type(b)


def arrays(value: Any) -> list[np.ndarray]:
    """The arrays in a nest."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [array for item in value for array in arrays(item)]
    return [value] if isinstance(value, np.ndarray) else []


def overlap(one: Any, other: Any) -> bool:
    """Whether any two arrays of the two nests share memory."""
    return any(np.shares_memory(a, b) for a in arrays(one) for b in arrays(other) if a.size and b.size)


def listed(case: Case, inputs: tuple, grads: Any) -> list:
    """The gradients as a list in the inputs' order, nests within left as they are unless they were named."""
    if isinstance(grads, dict):
        return flat(grads, inputs, case)
    return list(grads) if isinstance(grads, tuple | list) else [grads]


def breaches(case: Case, inputs: tuple) -> set[str]:
    """Names of the broken terms."""
    if case.style not in ("cache", "several", "tuple", "dict"):
        return set()
    before = deepcopy(inputs)
    first, second = values(case, deepcopy(inputs)), values(case, deepcopy(inputs))
    if not same(first, second):
        return {"random"}
    found = set()
    *_, cache = case.forward(*inputs)
    if not same(before, inputs):
        found.add("writes input")
        inputs = deepcopy(before)
        *_, cache = case.forward(*inputs)
        inputs_after_forward = deepcopy(inputs)
    else:
        inputs_after_forward = before
    rng = np.random.default_rng(5)
    douts = [np.asarray(rng.uniform(0.5, 2.0, out.shape), dtype=out.dtype) for out in first]
    kept, kept_cache = deepcopy(douts), deepcopy(cache)

    def back(douts: list, cache: Any) -> Any:
        return case.backward(tuple(douts), cache) if case.style == "tuple" else case.backward(*douts, cache)

    grads = back(douts, cache)
    if not same(inputs, inputs_after_forward):
        found.add("writes input")
    if not same(douts, kept):
        found.add("writes dout")
    if not same(cache, kept_cache) and "writes input" not in found:
        found.add("writes cache")
    if grads is None:
        return found | {"None"}
    grads = listed(case, inputs, grads)
    where = differentiated(case, before)
    nested = any(isinstance(value, dict | list | tuple) for value in inputs) and any(
        isinstance(grad, dict | list | tuple) for grad in grads
    )
    if any(grad is None for grad in grads[: len(where)]):
        found.add("None")
    elif not nested and len([grad for grad in grads if grad is not None]) != len(where):
        found.add("count")
    elif not nested:
        found |= compared([get(before, path) for path in where], [grad for grad in grads if grad is not None])
    if overlap(grads, douts):
        found.add("returns dout")
    if overlap(grads, inputs):
        found.add("shares input")
    if not nested and any(overlap(a, b) for i, a in enumerate(grads) for b in grads[:i]):
        found.add("shares gradient")
    return found | repeated(case, before, kept, deepcopy(grads))


def compared(inputs: list, grads: list) -> set[str]:
    """Breaches of shape, type and finiteness."""
    found = set()
    for value, grad in zip(inputs, grads, strict=True):
        if not isinstance(grad, np.ndarray | np.generic | float | int):
            found.add("type")
        elif np.shape(grad) != np.shape(value):
            found.add("shape")
        elif np.asarray(grad).dtype != np.asarray(value).dtype:
            found.add("dtype")
        elif not np.all(np.isfinite(grad)):
            found.add("not finite")
    return found


def repeated(case: Case, inputs: tuple, douts: list, grads: list) -> set[str]:
    """Breaches seen only in a second call: state kept between calls, and what is not linear in dout."""

    def run(factor: float, twice: bool = False) -> list:
        *_, cache = case.forward(*deepcopy(inputs))
        for _ in range(1 + twice):
            scaled = [np.asarray(factor * dout, dtype=dout.dtype) for dout in douts]
            result = case.backward(tuple(scaled), cache) if case.style == "tuple" else case.backward(*scaled, cache)
        return deepcopy(listed(case, inputs, result))

    found = set()
    if not same(run(1.0), grads):
        found.add("another answer")
    if not same(run(1.0, twice=True), grads):
        found.add("another answer on the same cache")
    once, double, negative = run(1.0), run(2.0), run(-1.0)
    if found or any(grad is None for grad in once):
        return found
    if any(np.any(a) for a in arrays(once) if a.dtype.kind == "f") and same(once, double) and same(once, negative):
        found.add("ignores dout")
        return found
    for a, b, c in zip(*map(numbers, (once, double, negative)), strict=True):
        slack = (1e-4 if a.dtype == np.float32 else 1e-9) * np.max(np.abs(a), initial=0.0)
        if not (np.allclose(b, 2 * a, rtol=0, atol=2 * slack) and np.allclose(c, -a, rtol=0, atol=slack)):
            found.add("not linear")
    return found


def numbers(grads: list) -> list[np.ndarray]:
    """The gradients as finite arrays."""
    return [
        np.nan_to_num(np.asarray(grad))
        for item in grads
        for grad in (arrays(item) or [item])
        if not isinstance(grad, str)
    ]
