"""The truth about a case: the derivative by autograd or in closed form, and the claim, whatever the calling style."""

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd import jacobian, make_vjp

from .case import Case

Arrays = list[np.ndarray]


def is_float(value: Any) -> bool:
    """Whether a derivative with respect to `value` makes sense: a float, or an array of floats."""
    return isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def paths(value: Any, here: tuple = ()) -> list[tuple]:
    """Where the float leaves of nested tuples, lists and dicts are."""
    if isinstance(value, dict):
        return [path for key, item in value.items() for path in paths(item, (*here, key))]
    if isinstance(value, tuple | list):
        return [path for i, item in enumerate(value) for path in paths(item, (*here, i))]
    return [here] if is_float(value) else []


def get(value: Any, path: tuple) -> Any:
    """The leaf at `path`."""
    for key in path:
        value = value[key]
    return value


def put(value: Any, path: tuple, leaf: Any) -> Any:
    """A copy of the nest `value` with the leaf at `path` replaced."""
    if not path:
        return leaf
    if isinstance(value, dict):
        return {**value, path[0]: put(value[path[0]], path[1:], leaf)}
    items = list(value)
    items[path[0]] = put(items[path[0]], path[1:], leaf)
    return tuple(items) if isinstance(value, tuple) else items


def differentiated(case: Case, inputs: tuple) -> list[tuple]:
    """Where the inputs are that the case's backward has gradients for."""
    return [path for path in paths(inputs) if case.wrt is None or path[0] in case.wrt]


def outputs(case: Case, forward: Callable, inputs: tuple) -> tuple:
    """The outputs alone, as a tuple."""
    result = forward(*inputs)
    if case.style in ("cache", "cache first", "dict", "value_and_grad"):
        return (result[0],)
    if case.style == "several":
        return tuple(result[: case.outs])
    if case.style == "tuple":
        return tuple(result[0])
    return (result,)


def traced(case: Case) -> Callable[[tuple], tuple]:
    """The outputs as a function of the inputs, in a form that autograd can trace."""
    if case.oracle is None:
        return lambda inputs: outputs(case, case.forward, inputs)

    def run(inputs: tuple) -> tuple:
        result = case.oracle(*inputs)
        return tuple(result) if isinstance(result, tuple) else (result,)

    return run


def values(case: Case, inputs: tuple) -> Arrays:
    """What the forward under test gives."""
    if case.style in ("methods", "layer"):
        return [np.asarray(case.forward().forward(*inputs))]
    return [np.asarray(out) for out in outputs(case, case.forward, inputs)]


def truth(case: Case, inputs: tuple, douts: Arrays) -> Arrays:
    """The sum over the outputs of J^T dout, for each differentiated input. float32 inputs are taken as float64."""
    if case.parameters:
        layer = case.forward()
        inputs = (*inputs, *(getattr(layer, name) for name in case.parameters))
    where = differentiated(case, inputs)
    leaves = [np.asarray(get(inputs, path), dtype=np.float64) for path in where]
    for path, leaf in zip(where, leaves, strict=True):
        inputs = put(inputs, path, leaf)
    if case.vjp is not None:
        return [np.asarray(grad, dtype=np.float64) for grad in case.vjp(*douts, *inputs)]
    total = [np.zeros(leaf.shape) for leaf in leaves]
    for k, dout in enumerate(douts):
        for i, (path, leaf) in enumerate(zip(where, leaves, strict=True)):
            pull, out = make_vjp(lambda leaf, path=path, k=k: traced(case)(put(inputs, path, leaf))[k])(leaf)
            total[i] = total[i] + pull(np.asarray(dout, dtype=np.float64).reshape(np.shape(out)))
    return total


def claim(case: Case, inputs: tuple, douts: Arrays) -> list[Any]:
    """The gradients that the pair under test gives, flat, in the inputs' order; of a scalar, times its dout."""
    if case.style == "gradient":
        grads = case.backward(*inputs)
    elif case.style == "value_and_grad":
        grads = case.forward(*inputs)[1]
    elif case.style == "inputs":
        grads = case.backward(douts[0], *inputs)
    elif case.style == "jvp":
        (x,) = inputs
        return [np.stack([case.backward(x, tangent) for tangent in np.eye(x.size)])]
    elif case.style in ("jacobian", "hessian"):
        return [np.asarray(case.backward(*inputs), dtype=np.float64)]
    elif case.style == "dout last":
        grads = case.backward(*inputs, douts[0])
    elif case.style == "cache first":
        grads = case.backward(case.forward(*inputs)[1], douts[0])
    elif case.style in ("methods", "layer"):
        layer = case.forward()
        layer.forward(*inputs)
        grads = (layer.backward(douts[0]), *(getattr(layer, f"d{name}") for name in case.parameters))
    else:
        *_, cache = case.forward(*inputs)
        grads = case.backward(tuple(douts), cache) if case.style == "tuple" else case.backward(*douts, cache)
    grads = flat(grads, inputs, case)
    if case.style in ("gradient", "value_and_grad"):
        grads = [grad * np.asarray(douts[0]) for grad in grads]
    return grads


def flat(grads: Any, inputs: tuple, case: Case) -> list[Any]:
    """Gradients as a flat list in the inputs' order, from one array, a tuple, or nests of either."""
    if isinstance(grads, dict) and len(inputs) > 1:
        names = case.forward.__code__.co_varnames[: case.forward.__code__.co_argcount]
        grads = tuple(grads.get(name, grads.get("d" + name)) for name in names)
    if not isinstance(grads, tuple | list):
        grads = (grads,)
    found = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, tuple | list):
            for item in value:
                walk(item)
        elif value is not None:
            found.append(value)

    walk(grads)
    return found


def full(case: Case, inputs: tuple) -> np.ndarray:
    """The Jacobian (input first: denominator layout) or the Hessian of a function of one array."""
    (x,) = (np.asarray(value, dtype=np.float64) for value in inputs)

    def run(x: np.ndarray) -> Any:
        return traced(case)((x,))[0]

    if case.style == "hessian":
        return jacobian(jacobian(run))(x)
    numerator = jacobian(run)(x)
    n_out = numerator.ndim - x.ndim
    return np.moveaxis(numerator, range(n_out), range(-n_out, 0)) if n_out else numerator


def gap(claimed: Any, exact: np.ndarray, floor: float = 0.0) -> float:
    """The largest difference above `floor`, relative to the gradient's scale; inf if a shape or number is no good."""
    claimed = np.asarray(claimed, dtype=np.float64)
    if claimed.shape != exact.shape or not np.all(np.isfinite(claimed)):
        return float("inf")
    if not exact.size:
        return 0.0
    scale = max(np.max(np.abs(exact)), np.finfo(float).tiny)
    return float(max(0.0, np.max(np.abs(claimed - exact)) - floor) / scale)


def worst(claimed: Any, exact: np.ndarray, tolerance: float) -> float:
    """The largest difference relative to its own entry, among those above `tolerance` of the gradient's scale."""
    claimed = np.asarray(claimed, dtype=np.float64)
    if claimed.shape != exact.shape or not np.all(np.isfinite(claimed)):
        return float("inf")
    if not exact.size:
        return 0.0
    difference = np.abs(claimed - exact)
    seen = difference > tolerance * max(np.max(np.abs(exact)), 1e-300)
    return float(np.max(np.where(seen, difference / np.maximum(np.abs(exact), 1e-300), 0.0)))
