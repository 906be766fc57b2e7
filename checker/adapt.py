"""Other styles of code as plain functions: methods that keep state, contexts, networks that hold their parameters."""

import copy
import functools
import inspect
import re
from collections.abc import Callable, Container, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .calling import is_float
from .errors import UsageError
from .resolve import own_parameters

Function = Callable[..., Any]


def parameter(name: str) -> inspect.Parameter:
    """A parameter for a made-up signature."""
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def with_signature(
    call: Any, function: Function, parameters: Sequence[inspect.Parameter], without: Container[str] = ()
) -> Function:
    """A callable that passes for `function`, with other parameters."""
    call.__name__ = getattr(function, "__name__", type(function).__name__)
    call.__signature__ = inspect.Signature([p for p in parameters if p.name not in without])
    named: Function = call
    return named


def upstream_alone(forward: Function, backward: Function) -> tuple[Function, Function]:
    """A pair whose backward takes the upstream gradient and nothing else, whatever it is called.

    Methods get a copy of their object for each forward: what a backward does to it is nobody's concern here.
    """
    dout, cache = parameter("dout"), parameter("cache")
    method = backward.func if isinstance(backward, functools.partial) else backward
    owner = getattr(method, "__self__", None)
    if owner is None or getattr(forward, "__self__", None) is not owner:
        return forward, with_signature(functools.partial(backward), backward, [dout])
    extra = backward.keywords if isinstance(backward, functools.partial) else {}

    def run(*arguments: Any, **named: Any) -> Any:
        fresh = copy.deepcopy(owner)
        return getattr(fresh, forward.__name__)(*arguments, **named), fresh

    def pull(dout: Any, cache: Any) -> Any:
        return getattr(copy.deepcopy(cache), method.__name__)(dout, **extra)

    return with_signature(run, forward, own_parameters(forward)), with_signature(pull, backward, [dout, cache])


def swapped(function: Function) -> Function:
    """A function that returns (gradients, loss), the other way round."""

    @functools.wraps(function)
    def loss_first(*arguments: Any, **named: Any) -> Any:
        gradients, loss = function(*arguments, **named)
        return loss, gradients

    return loss_first


class Context(SimpleNamespace):
    """What `forward(ctx, ...)` saves for `backward(ctx, dout)`, in the ways that frameworks offer."""

    saved_tensors: tuple[Any, ...] = ()
    saved_values: tuple[Any, ...] = ()

    def save_for_backward(self, *values: Any) -> None:
        """Keep values."""
        self.saved_tensors = self.saved_values = values


def with_context(cls: Any) -> tuple[Function, Function]:
    """The pair of a class of static methods: `forward(ctx, x, w)` and `backward(ctx, dout)`, or a plain pair."""
    forward, backward = cls.forward, cls.backward
    own, theirs = own_parameters(forward), own_parameters(backward)
    if not (own and theirs and own[0].name == theirs[0].name and re.match(r"ctx|context|self|cls", own[0].name)):
        return forward, backward

    def run(*arguments: Any, **named: Any) -> tuple[Any, Context]:
        context = Context()
        return forward(context, *arguments, **named), context

    def pull(dout: Any, cache: Context) -> Any:
        return backward(cache, dout)

    upstream = [parameter("dout"), parameter("cache")]
    halves = with_signature(run, forward, own[1:]), with_signature(pull, backward, upstream)
    for half in halves:
        half.__name__ = f"{cls.__name__}.{half.__name__}"
    return halves


def network(owner: Any, loss: Function, name: str) -> tuple[Function, dict[str, Any]]:
    """An object that holds its parameters, and whose `loss(X, y)` returns (loss, gradients), as `loss(params, X, y)`.

    The parameters are those in its dict `params`, or else its float arrays. Raises UsageError where there are none.
    """
    held = getattr(owner, "params", None)
    inside = isinstance(held, dict)
    params = {key: value for key, value in (held if isinstance(held, dict) else vars(owner)).items() if is_float(value)}
    params = {key: value for key, value in params.items() if inside or isinstance(value, np.ndarray)}
    if not params:
        raise UsageError(f"{name} holds no parameters: neither a dict params, nor arrays as attributes")

    def value_and_grad(params: Any, *arguments: Any, **named: Any) -> Any:
        fresh = copy.deepcopy(owner)
        (fresh.params if inside else vars(fresh)).update(params)
        return getattr(fresh, loss.__name__)(*arguments, **named)

    function = with_signature(value_and_grad, loss, [parameter("params"), *own_parameters(loss)])
    function.__name__ = f"{name}.{loss.__name__}"
    return function, params
