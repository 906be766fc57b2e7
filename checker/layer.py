"""A layer object that keeps its own state: forward(x), backward(dout), parameters W with gradients dW."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from .calling import is_float, parameters
from .contract import name_of
from .errors import UsageError
from .report import Report
from .verdict import gradcheck


def check_layer(layer: Any, inputs: Any, **options: Any) -> Report:
    """Judge an object's `backward(dout)` against its `forward(*inputs)`, with respect to inputs and parameters.

    Parameters are the float attributes (or the entries of a dict `params`) for which `backward` leaves a gradient:
    `dW`, `grad_W` or `W_grad` for `W`, or an entry of a dict `grads`. What `backward` returns are the inputs'
    gradients. The object itself is never changed. Options as `gradcheck`; raises UsageError if a half is missing.
    """
    for half in ("forward", "backward"):
        if not callable(getattr(layer, half, None)):
            raise UsageError(
                f"{name_of(type(layer))} has no method {half}(); a layer has forward(x) and backward(dout)"
            )
    values = (
        list(inputs.values())
        if isinstance(inputs, dict)
        else list(inputs if isinstance(inputs, (tuple, list)) else [inputs])
    )
    names = [p.name for p in parameters(layer.forward)][: len(values)]
    names += [f"x{k}" for k in range(len(names), len(values))]
    own = {key: value for key, value in _parameters(layer).items() if key not in names}
    current: list[Any] = []

    def forward(*arguments: Any) -> Any:
        fresh = copy.deepcopy(layer)
        for key, value in zip(own, arguments[len(values) :]):
            _set(fresh, key, value)
        current[:] = [fresh]
        return fresh.forward(*arguments[: len(values)])

    def collect(returned: Any) -> dict[str, Any]:
        found = _returned(returned, names, current[0], values)
        return found | {key: g for key in own if (g := _gradient(current[0], key)) is not None}

    backward: Callable[..., Any]
    if parameters(layer.backward):

        def backward(dout: Any) -> dict[str, Any]:
            return collect(layer_backward(current[0])(dout))

    else:  # a loss whose backward() takes nothing

        def backward(*arguments: Any) -> dict[str, Any]:
            forward(*arguments)
            return collect(layer_backward(current[0])())

        options.setdefault("style", "gradient")
    forward.__name__, backward.__name__ = f"{name_of(type(layer))}.forward", f"{name_of(type(layer))}.backward"
    return gradcheck(forward, backward, [*values, *own.values()], names=[*names, *own], **options)


def layer_backward(layer: Any) -> Callable[..., Any]:
    """The method, looked up anew: a copy of the layer has its own."""
    method: Callable[..., Any] = layer.backward
    return method


def _parameters(layer: Any) -> dict[str, Any]:
    """Attributes that may be trained, before any forward has run."""
    params = getattr(layer, "params", None)
    if isinstance(params, dict):
        return {key: value for key, value in params.items() if is_float(value)}
    if hasattr(layer, "__dict__"):
        attributes = vars(layer)
    else:
        attributes = {key: getattr(layer, key) for key in getattr(layer, "__slots__", ()) if hasattr(layer, key)}
    return {
        key: value
        for key, value in attributes.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not _is_gradient(key, attributes)
    }


def _gradient_names(key: str) -> tuple[str, ...]:
    return (f"d{key}", f"grad_{key}", f"{key}_grad", f"d_{key}", f"grad{key}", f"g{key}")


def _is_gradient(key: str, attributes: dict[str, Any]) -> bool:
    return any(key in _gradient_names(other) for other in attributes)


def _gradient(layer: Any, key: str) -> Any:
    """The gradient that backward left for a parameter, or None."""
    grads = getattr(layer, "grads", None)
    if isinstance(grads, dict):
        for name in (key, *_gradient_names(key)):
            if name in grads:
                return grads[name]
    return next((g for name in _gradient_names(key) if (g := getattr(layer, name, None)) is not None), None)


def _set(layer: Any, key: str, value: Any) -> None:
    """Give a parameter another value, and an accumulated gradient of it a fresh start in the same shape."""
    for holder in ("params", "grads"):
        if isinstance(getattr(layer, holder, None), dict) and key in getattr(layer, holder):
            getattr(layer, holder)[key] = value if holder == "params" else np.zeros_like(value)
    if not isinstance(getattr(layer, "params", None), dict):
        setattr(layer, key, value)
        for name in _gradient_names(key):
            if isinstance(getattr(layer, name, None), np.ndarray):
                setattr(layer, name, np.zeros_like(value))


def _returned(returned: Any, names: list[str], layer: Any, values: list[Any]) -> dict[str, Any]:
    """The inputs' gradients by name: those of the float inputs, in order; or left as attributes dx."""
    floats = [name for name, value in zip(names, values) if is_float(value)]
    if isinstance(returned, dict):
        return dict(returned)
    if returned is None:
        return {name: g for name in floats if (g := _gradient(layer, name)) is not None}
    items = returned if isinstance(returned, (tuple, list)) else (returned,)
    return dict(zip(floats, items))
