"""A layer object that keeps its own state: forward(x), backward(dout), parameters W with gradients dW.

Where a parameter may live, and where backward may leave its gradient:

    an attribute        self.W                      self.dW, grad_W, W_grad, dLdW ..., or self.grads["W"]
    an entry of a dict  self.params["W"]            self.grads["W"], self.grads["dW"] ..., or self.dW
    an item of a list   self.params[0]              self.grads[0]
    another layer       self.first.W                as above, in self.first; also in lists and dicts of layers

What backward returns beyond the inputs' gradients belongs to the parameters, in their order.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tree
from .calling import CACHE, CONSTANT, UPSTREAM, bind_inputs, is_float, parameters
from .contract import name_of
from .errors import UsageError
from .report import Report
from .verdict import gradcheck

#: Containers of parameters, and those of their gradients.
BOXES = {"params": "grads", "parameters": "gradients"}
#: What the gradient of a parameter may be called.
GRADIENTS = ("d{}", "grad_{}", "{}_grad", "d_{}", "grad{}", "g{}", "dLd{}", "dL_d{}")


def check_layer(layer: Any, inputs: Any, **options: Any) -> Report:
    """Judge an object's `backward(dout)` against its `forward(*inputs)`, with respect to inputs and parameters.

    Parameters are the float arrays in attributes, in a dict or list `params`, and in the layers that the layer is made
    of, for which `backward` leaves or returns a gradient. A method `forward(x) -> (out, cache)` goes with
    `backward(dout, cache)`; anything else that `backward` needs is given by name among the inputs. The object itself
    is never changed. Options as `gradcheck`; raises UsageError if a half is missing or cannot be called.
    """
    if isinstance(layer, type):
        raise UsageError(f"{layer.__name__} is a class; give an object of it, {layer.__name__}(...)")
    title = name_of(type(layer))
    for half in ("forward", "backward"):
        if not callable(getattr(layer, half, None)):
            raise UsageError(f"{title} has no method {half}(); a layer has forward(x) and backward(dout)")
    upstream, more = _wants(layer)
    known = {p.name for p in parameters(layer.forward)}
    by_name = isinstance(inputs, dict)
    settings = {name: inputs[name] for name in more if by_name and name in inputs}
    if by_name:
        inputs = {name: value for name, value in inputs.items() if name in known or name not in settings}
        by_name = set(inputs) <= known
    names, values = bind_inputs(layer.forward, inputs)
    for name in more:
        if name not in settings and name not in names and not CACHE.match(name):
            advice = "give it by name in a dict of inputs, or give it a default value"
            raise UsageError(f"{title}.backward takes {name} besides {', '.join(upstream)}; {advice}")
    own = _lasting(layer, names, values, by_name)
    ran: dict[str, Any] = {}  # the copy of the layer that ran last, under "", and what its backward may ask for

    def forward(*arguments: Any) -> Any:
        fresh = copy.deepcopy(layer)
        held, given = _parameters(fresh), dict(zip(names, arguments))
        for key, value in zip(own, arguments[len(names) :]):
            _put(held[key], value)
        result = fresh.forward(**given) if by_name else fresh.forward(*given.values())
        ran.clear()
        ran.update(given | settings | {"": fresh})
        unmet = [name for name in more if name not in ran]
        if unmet and isinstance(result, tuple) and len(result) > 1:  # (out, cache)
            ran.update(dict.fromkeys(unmet, result[-1]))
            result = result[0] if len(result) == 2 else result[:-1]
        return result

    def pull(*douts: Any) -> Any:
        extra = dict(zip(upstream[1:], douts[1:])) | {name: ran[name] for name in more if name in ran}
        returned = ran[""].backward(*douts[:1], **extra)
        return _collected(returned, ran[""], [n for n, v in zip(names, values) if is_float(v)], list(own))

    def gradient(*arguments: Any) -> Any:
        forward(*arguments)
        return pull()

    if not upstream:  # a loss whose backward() takes nothing
        options.setdefault("style", "gradient")
    backward: Callable[..., Any] = pull if upstream else gradient
    clash = {*names, *own}
    shown = [n if UPSTREAM.match(n) and n not in clash else f"dout{k or ''}" for k, n in enumerate(upstream)]
    if upstream:
        kind = inspect.Parameter.POSITIONAL_ONLY
        pull.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in shown])  # type: ignore[attr-defined]
    forward.__name__, backward.__name__ = f"{title}.forward", f"{title}.backward"
    return gradcheck(forward, backward, [*values, *own.values()], names=[*names, *own], **options)


def _wants(layer: Any) -> tuple[list[str], list[str]]:
    """The names of backward's upstream gradients, and of what else it needs."""
    try:
        signature = inspect.signature(layer.backward).parameters
    except (TypeError, ValueError):
        return ["dout"], []
    named = parameters(layer.backward)
    if not named:
        return (["dout"] if signature else []), []
    first, *rest = named
    needed = [p.name for p in rest if p.default is p.empty]
    inputs = {p.name for p in parameters(layer.forward)}
    upstream = [name for name in needed if UPSTREAM.match(name) and not CACHE.match(name) and name not in inputs]
    return [first.name, *upstream], [name for name in needed if name not in upstream]


# -- parameters -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a parameter lives: an attribute of `owner`, or what its container `box` holds under `key`."""

    name: str
    owner: Any
    box: str
    key: Any

    @property
    def value(self) -> Any:
        """What is there now."""
        return getattr(self.owner, self.box)[self.key] if self.box else getattr(self.owner, self.key)

    def put(self, value: Any) -> None:
        """Replace it."""
        if self.box:
            getattr(self.owner, self.box)[self.key] = value
        else:
            setattr(self.owner, self.key, value)

    def gradients(self) -> Iterator["Place"]:
        """The places where a gradient of it is at present."""
        names = [form.format(self.key) for form in GRADIENTS]
        for box in BOXES.values():
            held = getattr(self.owner, box, None)
            if isinstance(held, dict):
                yield from (Place("", self.owner, box, key) for key in (self.key, *names) if key in held)
            elif isinstance(held, list) and isinstance(self.key, int) and self.key < len(held):
                yield Place("", self.owner, box, self.key)
        yield from (Place("", self.owner, "", name) for name in names if getattr(self.owner, name, None) is not None)


def _attributes(owner: Any) -> dict[str, Any]:
    """What an object holds, in its __dict__ and in the slots of its class and their bases."""
    found: dict[str, Any] = {}
    for kind in reversed(type(owner).__mro__):
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(owner, name):
                found[name] = getattr(owner, name)
    return found | getattr(owner, "__dict__", {})


def _places(owner: Any, prefix: str = "", seen: tuple[int, ...] = ()) -> Iterator[Place]:
    """Every place in a layer, and in the layers within, that may hold a parameter."""
    attributes = _attributes(owner)
    for box in BOXES:
        held = getattr(owner, box, None)
        if isinstance(held, dict):
            yield from (Place(f"{prefix}{key}", owner, box, key) for key, value in held.items() if is_float(value))
        elif isinstance(held, list):
            yield from (Place(f"{prefix}{box}[{k}]", owner, box, k) for k, v in enumerate(held) if is_float(v))
    gradients = {form.format(key) for key in attributes for form in GRADIENTS}
    for key, value in attributes.items():
        if isinstance(value, np.ndarray) and is_float(value) and key not in gradients:
            yield Place(prefix + key, owner, "", key)
        for name, inner in _layers(key, value):
            if id(inner) not in seen and inner is not owner:
                yield from _places(inner, f"{prefix}{name}.", (*seen, id(owner)))


def _layers(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The layers that an attribute holds, in lists and dicts too."""
    if isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _layers(f"{name}.{key}", item)
    elif not isinstance(value, type) and all(callable(getattr(value, half, None)) for half in ("forward", "backward")):
        yield name, value


def _parameters(layer: Any) -> dict[str, list[Place]]:
    """The places of each parameter: one array may be in several, such as a network's list and a layer's attribute."""
    found: dict[Any, list[Place]] = {}
    for place in _places(layer):
        value = place.value
        found.setdefault(id(value) if isinstance(value, np.ndarray) else place.name, []).append(place)
    return {places[0].name: places for places in found.values()}


def _lasting(layer: Any, names: Sequence[str], values: Sequence[Any], by_name: bool) -> dict[str, Any]:
    """The parameters' values, without what a forward saves or keeps count of: that is the layer's state.

    One forward at inputs a little beside the given ones shows it. If that raises, so will the check, which tells it.
    """
    trial = copy.deepcopy(layer)
    before = {name: (places[0].value, tree.copy(places[0].value)) for name, places in _parameters(trial).items()}
    beside = tree.copy(tree.map_leaves(lambda leaf: leaf * (1 - 1e-6) if is_float(leaf) else leaf, list(values)))
    state: set[str] = set(names)
    try:
        with np.errstate(all="ignore"):
            trial.forward(**dict(zip(names, beside))) if by_name else trial.forward(*beside)
    except (Exception, SystemExit):
        return {name: places[0].value for name, places in _parameters(layer).items() if name not in state}
    after = {name: places[0].value for name, places in _parameters(trial).items()}
    for name, (held, value) in before.items():
        replaced = name not in after or after[name] is not held
        changed = name not in after or not np.array_equal(after[name], value, equal_nan=True)
        if changed and (replaced or CONSTANT.match(name.rpartition(".")[2])):
            state.add(name)
    return {name: places[0].value for name, places in _parameters(layer).items() if name not in state}


def _put(places: Sequence[Place], value: Any) -> None:
    """Give a parameter another value, and an accumulated gradient of it a fresh start in the same shape."""
    blank = np.zeros_like(value) if isinstance(value, np.ndarray) else 0.0
    for place in places:
        for gradient in place.gradients():
            gradient.put(blank)
        place.put(value)


# -- gradients --------------------------------------------------------------------------------------------------------


def _left(places: Sequence[Place]) -> Any:
    """The gradient that backward left for a parameter, rather than the zeros that it began with; None if none is."""
    left = [gradient.value for place in places for gradient in place.gradients()]
    return next((g for g in left if np.any(g)), left[0] if left else None)


def _collected(returned: Any, layer: Any, inputs: Sequence[str], own: Sequence[str]) -> Any:
    """All gradients by name; or what backward returned, where its number fits nothing."""
    held = _parameters(layer)
    found = {key: g for key in own if key in held and (g := _left(held[key])) is not None}
    if isinstance(returned, dict):
        return found | returned
    if returned is None:
        places = {name: [Place(name, layer, "", name)] for name in inputs}
        return found | {name: g for name in inputs if (g := _left(places[name])) is not None}
    items = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    beyond = tree.leaves(items[len(inputs) :])
    if not beyond:
        return found | dict(zip(inputs, items))
    for keys in (own, list(found), [key for key in own if not CONSTANT.match(key.rpartition(".")[2])]):
        if len(keys) == len(beyond):
            return found | dict(zip(inputs, items)) | dict(zip(keys, beyond))
    return returned
