"""One uniform way to call whatever forward and backward their author wrote.

People write the two halves of a layer in a handful of styles. `Pair` finds out which one it has been given, from the
parameters' names and from what the forward returns, and offers the same two calls for all of them: `forward(inputs)`
and `pull(run, douts)`. Everything behind this module sees lists of arrays only.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import tree
from .errors import UsageError, UserCodeError
from .settings import demand_function, demand_inputs, names_of

Array = np.ndarray

#: Names that people give to what the forward saves, to the forward's own output, and to inputs that take no gradient.
CACHE = re.compile(r"(.*_)?(caches?|ctx|context|saved|memo|tape|state|stash|store[ds]?|residuals?)$", re.I)
OUTPUT = re.compile(r"(out|outputs?|result)$", re.I)
UPSTREAM = re.compile(
    r"(d_?\w+|\w*grad\w*|upstream|g|gy|g_\w+|delta\w*|cotangents?|ct|v|vjp|up|\w+_bar|next_d\w+)$", re.I
)
#: A single parameter of this name takes the upstream gradients of all outputs, nested as they are.
ALL_UPSTREAM = re.compile(
    r"(d_?outs?|douts|grads?|grad_?outputs?|gradients?|upstream|g|gs|cotangents?|cts?|v|dys?|d)$", re.I
)
#: Beside a first parameter of such a name, a second of this name is what the forward saved: a slope, an eigenvector.
SLOPE = re.compile(r"(g|v|delta\w*|local_?\w+|dy_?d\w+|d\w+_d\w+)$", re.I)
LABEL = re.compile(r"(y|t|ys|y_?true|target\w*|label\w*|truth|gt|mask\w*|keep)$", re.I)
SETTING = re.compile(
    r"(eps\w*|epsilon|reg\w*|lam\w*|lambda_?|alpha|slope|momentum|p|rate|prob|temperature|tau|decay|weight_decay|lr|"
    r"learning_rate|threshold|margin|running_\w+|moving_\w+)$",
    re.I,
)
CONSTANT = re.compile(f"{LABEL.pattern}|{SETTING.pattern}", re.I)


@dataclass(frozen=True)
class Run:
    """One forward call: its outputs as float arrays, how they were nested, what it saved, and the arguments it had."""

    outs: list[Array]
    out_tree: Any
    cache: Any
    arguments: list[Any]


def is_numeric(value: Any) -> bool:
    """Whether the value is a real number or an array of them."""
    return isinstance(value, (int, float, np.number, np.ndarray)) and np.asarray(value).dtype.kind in "fiub"


def is_float(value: Any) -> bool:
    """Whether a gradient with respect to the value makes sense: a float, or an array of floats."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f"
    return isinstance(value, (float, np.floating))


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The named parameters; empty where the signature cannot be read."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _takes_any_number(function: Callable[..., Any]) -> bool:
    try:
        return any(p.kind == p.VAR_POSITIONAL for p in inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return True


def bind_inputs(
    forward: Callable[..., Any], inputs: Any, names: Sequence[str] | None = None
) -> tuple[list[str], list[Any]]:
    """Names and values of the forward's arguments, in its own order.

    Raises UsageError where the inputs do not fit the forward's parameters.
    """
    demand_inputs(inputs)
    known = [p.name for p in parameters(forward)]
    function = getattr(forward, "__name__", "the forward")
    if isinstance(inputs, dict):
        unknown = [name for name in inputs if known and name not in known and not _takes_keywords(forward)]
        if unknown:
            raise UsageError(f"{function} has no parameter {unknown[0]!r}; its parameters are {', '.join(known)}")
        required = [p.name for p in parameters(forward) if p.default is p.empty]
        missing = [name for name in required if name not in inputs]
        if missing:
            raise UsageError(
                f"{function} needs a value for {', '.join(missing)}; inputs has {', '.join(inputs) or 'nothing'}"
            )
        ordered = [name for name in known if name in inputs] + [name for name in inputs if name not in known]
        return ordered, [inputs[name] for name in ordered]
    if not isinstance(inputs, (tuple, list)):
        inputs = (inputs,)
    values = list(inputs)
    if names is None:
        names = known[: len(values)]
        names += [f"x{position}" for position in range(len(names), len(values))]
    if len(names) != len(values):
        raise UsageError(f"names lists {', '.join(names) or 'nothing'} for {_count(len(values), 'input')}")
    if known and not _takes_any_number(forward):
        required = [p.name for p in parameters(forward) if p.default is p.empty]
        if not len(required) <= len(values) <= len(known):
            takes = f"{_count(len(known), 'input')} ({', '.join(known)})" if known else "no inputs"
            given = "1 was" if len(values) == 1 else f"{len(values) or 'none'} were"
            raise UsageError(f"{function} takes {takes}, but {given} given")
    return list(names), values


def _takes_keywords(function: Callable[..., Any]) -> bool:
    try:
        return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return True


class Pair:
    """A forward and a backward, called in whichever style they were written.

    `paths` names the leaves to differentiate with respect to, such as `x` or `params['W1']`. The styles are

    - `forward(*inputs) -> (out, cache)` with `backward(dout, cache)`, also with several outputs and douts;
    - `forward(*inputs) -> out` with `backward(dout, *inputs)`, in any order of parameters whose names tell;
    - `forward(*inputs) -> scalar` with `gradient(*inputs)`, which takes no upstream gradient;
    - `forward(*inputs) -> (loss, gradients)` with no backward at all (`backward=None`);
    - `forward` and `backward(dout)` that share state (methods, closures).
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any] | None,
        inputs: Any,
        *,
        names: Sequence[str] | None = None,
        wrt: Sequence[str] | None = None,
        reference: Callable[..., Any] | None = None,
        gradient: bool = False,
    ):
        demand_function("forward", forward)
        demand_function("backward", backward, optional=True)
        demand_function("reference", reference, optional=True)
        self.forward_function, self.backward_function, self.reference = forward, backward, reference
        self.names, self.values = bind_inputs(forward, inputs, names_of("names", names))
        self.keywords = _by_keyword(forward, self.names)
        self.forwards = self.backwards = 0
        self.out_names: list[str] = []
        self.has_cache = False  # the forward returns one beside its outputs, if only None
        self.saves = False  # and there is something in it
        self.left_out: list[str] = []  # outputs without an upstream gradient
        self.out_shapes: list[tuple[int, ...]] = []  # at the given inputs
        self._bindings: list[str] | None = None
        if gradient and backward is not None:
            own = self.names if _takes_any_number(backward) else [p.name for p in parameters(backward)]
            self._bindings = [
                n if n in self.names else self.names[k] if k < len(self.names) else "default" for k, n in enumerate(own)
            ]
        self._wrt = names_of("wrt", wrt)
        if self._wrt == []:
            raise UsageError("wrt names no input; leave it out to differentiate with respect to every float")
        self.paths = self._differentiable()

    # -- inputs ---------------------------------------------------------------------------------------------------

    def _differentiable(self) -> list[str]:
        everything = [
            (path, leaf) for name, value in zip(self.names, self.values) for path, leaf in tree.flatten(value, name)
        ]
        if self._wrt is not None:
            chosen = [p for p, _ in everything if any(p == w or p.startswith(w + "[") for w in self._wrt)]
            for wanted in self._wrt:
                if not any(p == wanted or p.startswith(wanted + "[") for p, _ in everything):
                    raise UsageError(f"wrt names {wanted!r}, but the inputs are {', '.join(p for p, _ in everything)}")
            for path, leaf in everything:
                if path in chosen and not is_float(leaf):
                    raise UsageError(
                        f"cannot differentiate with respect to {path}: it holds {_kind(leaf)}; give floats"
                    )
            return chosen
        found, aside = [], []
        for name, value in zip(self.names, self.values):
            inside = list(tree.flatten(value, name))
            floats = [path for path, leaf in inside if is_float(leaf)]
            # A dict with strings, flags or plain numbers in it is a bag of settings, such as bn_param.
            if isinstance(value, dict) and not all(isinstance(leaf, np.ndarray) for _, leaf in inside):
                aside += floats if len(floats) == len(inside) else []
                continue
            found += floats
        found = found or aside  # unless there is nothing else
        if not found:
            kinds = ", ".join(f"{path}: {_kind(leaf)}" for path, leaf in everything) or "none at all"
            raise UsageError(f"nothing to differentiate: no input holds floats ({kinds}); {_floats(everything)}")
        for path, leaf in everything:
            if isinstance(leaf, (complex, np.complexfloating)) or getattr(leaf, "dtype", np.dtype(float)).kind == "c":
                raise UsageError(f"{path} is complex; only real inputs can be checked (split it into two real arrays)")
        return found

    def leaves(self, values: Sequence[Any] | None = None) -> list[Any]:
        """The differentiable leaves of the arguments, as the author gave them."""
        values = self.values if values is None else values
        inside = dict(pair for name, value in zip(self.names, values) for pair in tree.flatten(value, name))
        return [inside[path] for path in self.paths]

    def arguments(self, values: Sequence[Any] | None = None, leaves: Sequence[Any] | None = None) -> list[Any]:
        """Fresh arguments for one forward call, with `leaves` in the places of the differentiable ones."""
        values = self.values if values is None else values
        if leaves is None:
            return [tree.copy(value) for value in values]
        given = dict(zip(self.paths, leaves))
        filled = []
        for name, value in zip(self.names, values):
            inside = [given[path] if path in given else tree.copy(leaf) for path, leaf in tree.flatten(value, name)]
            filled.append(tree.fill(value, iter(inside)))
        return filled

    def adopt(self, names: Sequence[str], values: Sequence[Any]) -> None:
        """Pass more of the forward's parameters explicitly: those that were left at their defaults."""
        self.names, self.values = list(names), list(values)
        self.keywords = _by_keyword(self.forward_function, self.names)

    # -- forward --------------------------------------------------------------------------------------------------

    def _call(self, function: Callable[..., Any], arguments: Sequence[Any], during: str) -> Any:
        positional = [a for name, a in zip(self.names, arguments) if name not in self.keywords]
        named = {name: a for name, a in zip(self.names, arguments) if name in self.keywords}
        self.forwards += 1
        try:
            with np.errstate(all="ignore"):
                return function(*positional, **named)
        except (Exception, SystemExit) as problem:
            raise UserCodeError(function, during) from problem

    def forward(self, arguments: Sequence[Any]) -> Run:
        """Run the author's own forward."""
        result = self._call(self.forward_function, arguments, "running the forward")
        return self._split(result, list(arguments))

    def outputs(self, arguments: Sequence[Any]) -> list[Array]:
        """What the numeric derivative differentiates: the reference's outputs if there is a reference."""
        if self.reference is None:
            return self.forward(arguments).outs
        result = self._call(self.reference, arguments, "running the reference forward")
        if not self.out_names:
            return self._split(result, list(arguments)).outs
        outs = list(result[:-1]) if isinstance(result, tuple) and not is_numeric(result[-1]) else result
        if isinstance(result, tuple) and self.has_cache and is_numeric(result[-1]):
            outs = list(result[:-1])
        leaves = [np.asarray(leaf) for leaf in tree.leaves(outs)]
        return leaves[: len(self.out_names)] if len(leaves) == len(self.out_names) + len(self.left_out) else leaves

    def _split(self, result: Any, arguments: list[Any]) -> Run:
        outs, cache = self._without_cache(result, arguments)
        author = getattr(self.forward_function, "__name__", "the forward")
        named = list(tree.flatten(outs, "out"))
        if not self.out_names:
            for path, leaf in named:
                if leaf is None:
                    raise NotImplementedError(f"{author} returned None")
                if not is_numeric(leaf):
                    advice = "a forward returns arrays, or (out, cache)"
                    raise UsageError(f"{author} returned {_kind(leaf)} as its output {path}; {advice}")
            self._choose_outputs([path for path, _ in named])
            self.out_shapes = [np.shape(leaf) for path, leaf in named if path in self.out_names]
            self.has_cache, self.saves = outs is not result, cache is not None
        chosen = [np.asarray(leaf) for path, leaf in named if path in self.out_names]
        return Run(chosen, outs, cache, arguments)

    def _choose_outputs(self, paths: list[str]) -> None:
        """Which outputs the backward takes upstream gradients of: all of them, or the first few if it names fewer."""
        upstream = self.roles(len(paths)).count("dout") if self.backward_function is not None else 0
        own = [p.name for p in parameters(self.backward_function)] if self.backward_function is not None else []
        one = next((name for name, role in zip(own, self._bindings or []) if role == "dout"), "")
        if 1 < upstream < len(paths) or (upstream == 1 < len(paths) and one and not ALL_UPSTREAM.match(one)):
            self.out_names = paths[:upstream]
            self.left_out = paths[upstream:]
        else:
            self.out_names = paths

    def _without_cache(self, result: Any, arguments: Sequence[Any]) -> tuple[Any, Any]:
        """Split what the forward returned into outputs and cache, according to what the backward takes."""
        several = isinstance(result, (tuple, list)) and len(result) > 1
        if self.backward_function is not None:
            self.roles(len(result) if several else 1)
        if not several:
            return result, None
        if self.backward_function is None:
            return result[0], result[1] if len(result) == 2 else tuple(result[1:])
        if self._has_cache(result, arguments):
            return (result[0] if len(result) == 2 else tuple(result[:-1])), result[-1]
        return result, None

    def _has_cache(self, result: Sequence[Any], arguments: Sequence[Any]) -> bool:
        roles = self.roles(len(result))
        if "cache" in roles:
            return True
        if not is_numeric(result[-1]):
            complete = set(self.names) <= set(roles)  # all that the backward needs, without a cache
            if len(roles) == len(result) and roles[-1] in self.names and not complete:  # called as an input is
                roles[-1] = "cache"
            return True
        # No parameter asks for a cache; yet relu_forward(x) -> (out, x) with relu_backward(dout, x) saves one.
        return any(result[-1] is argument for argument in arguments)

    # -- backward -------------------------------------------------------------------------------------------------

    def roles(self, returned: int) -> list[str]:
        """What each parameter of the backward is given: "dout", "cache", "out", or the name of an input.

        `returned` is how many values the forward returns. Names decide where they tell; positions decide the rest.
        """
        if self._bindings is not None:
            return self._bindings
        assert self.backward_function is not None
        own = parameters(self.backward_function)
        if not own and not _takes_any_number(self.backward_function):  # a gradient that shares state
            self._bindings = []
            return self._bindings
        if not own:  # a C function, or *args only: the commonest contract
            self._bindings = ["dout", "cache"] if returned > 1 else ["dout", *self.names]
            return self._bindings
        forward_names = set(self.names)
        roles: list[str | None] = []
        for parameter in own:
            name = parameter.name
            if name in forward_names and not (CACHE.match(name) and returned > 1):
                roles.append(name)
            elif CACHE.match(name):
                roles.append("cache")
            elif parameter.default is not parameter.empty:  # nothing fills it: it keeps its default
                roles.append("default")
            elif OUTPUT.match(name) or any(
                role == "dout" and own[k].name in (f"d{name}", f"d_{name}", f"grad_{name}")
                for k, role in enumerate(roles)
            ):  # sigmoid_backward(dy, y)
                roles.append("out")
            else:
                roles.append("dout" if UPSTREAM.match(name) or (name == "d" and len(own) == 1) else None)
        if roles == ["dout", "dout"] and returned == 2 and ALL_UPSTREAM.match(own[0].name):
            slope = SLOPE.match(own[1].name) or own[1].name in {f"d{name}" for name in self.names}
            roles[1] = "cache" if slope else "dout"
        if _takes_any_number(self.backward_function) and "cache" not in roles:  # backward(dout, *inputs)
            roles += [name for name in self.names if name not in roles]
        self._bindings = self._by_position(roles, returned)
        return self._bindings

    def _by_position(self, roles: list[str | None], returned: int) -> list[str]:
        inputs = list(self.names)
        if all(role in inputs for role in roles):
            return [str(role) for role in roles]  # a gradient function: the forward's parameters and nothing else
        if None not in roles and ("dout" in roles or "cache" in roles):
            return [str(role) for role in roles]
        count = len([role for role in roles if role != "default"])
        if returned > 1 and count == returned:
            by_position = ["dout"] * (returned - 1) + ["cache"]
        elif count == 1 and len(inputs) != 1:
            by_position = ["dout"]
        elif count == 2 and returned > 1:
            by_position = ["dout", "cache"]
        elif count == 1 + len(inputs):
            by_position = ["dout", *inputs]
        elif count == returned + len(inputs):
            by_position = ["dout"] * returned + inputs
        elif count == len(inputs):
            by_position = inputs
        else:
            by_position = []
        if not by_position:
            name = getattr(self.backward_function, "__name__", "the backward")
            wants = ", ".join(p.name for p in parameters(self.backward_function))  # type: ignore[arg-type]
            raise UsageError(
                f"cannot tell how to call {name}({wants}): its parameters are neither (dout, cache), nor dout with the "
                f"forward's own parameters ({', '.join(inputs)})"
            )
        filled = iter(by_position)
        return ["default" if role == "default" else next(filled) for role in roles]

    @property
    def is_gradient(self) -> bool:
        """Whether the backward takes no upstream gradient, so that the output must be a scalar."""
        return self.backward_function is None or (self._bindings is not None and "dout" not in self._bindings)

    def fresh(self, run: Run, values: Sequence[Any]) -> Run:
        """A run that a backward may use up: the same one, unless the two halves share hidden state."""
        if self._bindings is not None and set(self._bindings) <= {"dout", "default"}:
            return self.forward(self.arguments(values))
        return run

    def pull(self, run: Run, douts: Sequence[Any]) -> Any:
        """What the author's backward returns for these upstream gradients, untouched."""
        self.backwards += 1
        if self.backward_function is None:
            return run.cache
        roles = self.roles(1)
        if roles.count("dout") == len(douts) > 1 or self.left_out:
            upstream = iter(douts)
        else:  # one parameter for all: nested as the outputs are
            upstream = iter([tree.fill(run.out_tree, iter(douts))] * roles.count("dout"))
        given = dict(zip(self.names, run.arguments)) | {"cache": run.cache, "out": run.out_tree}
        own = parameters(self.backward_function)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for place, role in enumerate(roles):
            if role == "default":
                continue
            value = next(upstream) if role == "dout" else given[role]
            if place == len(positional) and (place >= len(own) or own[place].kind != inspect.Parameter.KEYWORD_ONLY):
                positional.append(value)
            else:  # after a parameter that keeps its default
                named[own[place].name] = value
        try:
            with np.errstate(all="ignore"):
                return self.backward_function(*positional, **named)
        except (Exception, SystemExit) as problem:
            raise UserCodeError(self.backward_function, "running the backward") from problem

    def upstream(self, run: Run, flat: Sequence[Array]) -> list[Any]:
        """Upstream gradients of the outputs' own types: a number for a number, an array of its dtype for an array."""
        typed: list[Any] = []
        leaves = [leaf for path, leaf in tree.flatten(run.out_tree, "out") if path in self.out_names]
        for leaf, dout in zip(leaves, flat):
            dtype = (
                leaf.dtype if isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind == "f" else np.dtype(float)
            )
            typed.append(np.array(dout, dtype=dtype) if isinstance(leaf, np.ndarray) else dtype.type(dout))
        return typed

    # -- the gradients' places ------------------------------------------------------------------------------------

    def assign(self, returned: Any) -> dict[str, Any]:
        """Gradients by the path of their input. Raises MisfitError where the number or the names do not fit."""
        if isinstance(returned, dict):
            return self._by_name(returned)
        top = [name for name in self.names if any(_under(path, name) for path in self.paths)]
        items = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        if len(items) == len(self.names) > len(top):  # a None for each input without a gradient
            aside = [item for name, item in zip(self.names, items) if name not in top]
            if all(item is None for item in aside):
                items = [item for name, item in zip(self.names, items) if name in top]
        for candidates in self._candidates(top):
            if len(candidates) == len(items):
                return self._spread({n: g for n, g in zip(candidates, items) if n in top})
        if len(items) == len(self.paths):
            return dict(zip(self.paths, items))
        if self.backward_function is None and (fitting := self._by_shape(top, items)):
            return self._spread(fitting)
        if len(top) == 1 and isinstance(returned, (tuple, list)) and isinstance(self._value(top[0]), (tuple, list)):
            return self._spread({top[0]: returned})
        raise MisfitError(
            f"returned {len(items)} gradient{'s' if len(items) != 1 else ''} for {len(top)} differentiable "
            f"input{'s' if len(top) != 1 else ''} ({', '.join(top)})"
        )

    def is_constant(self, path: str) -> bool:
        """Whether an input takes no gradient by its name: labels and masks; a number such as eps; running averages."""
        name = path.split("[")[0]
        moving = name.lower().startswith(("running_", "moving_"))
        number = isinstance(self._value(name), (int, float, np.generic))
        return bool(LABEL.match(name) or (SETTING.match(name) and (number or moving)))

    def may_vary(self, path: str) -> bool:
        """Whether a constant is one by a label's name alone: it is an array of floats, and not all 0 and 1."""
        name = path.split("[")[0]
        value = self._value(name)
        return bool(LABEL.match(name)) and isinstance(value, np.ndarray) and is_float(value) and not _is_mask(value)

    def _by_shape(self, top: list[str], items: list[Any]) -> dict[str, Any]:
        """The inputs to which a (loss, gradients) function's gradients belong by shape; empty if that is unclear."""
        found: dict[str, Any] = {}
        for item in items:
            fits = [name for name in top if _nesting(self._value(name)) == _nesting(item)]
            if len(fits) != 1 or fits[0] in found:
                return {}
            found[fits[0]] = item
        return found

    def _candidates(self, top: list[str]) -> list[list[str]]:
        """Which inputs a sequence of gradients may belong to, most likely first."""
        if self._wrt is not None:
            return [
                top,
                [name for name in self.names if any(is_float(leaf) for leaf in tree.leaves(self._value(name)))],
            ]
        containers = [name for name in self.names if name in top or isinstance(self._value(name), (tuple, list))]
        arrays = [name for name in top if not isinstance(self._value(name), (float, np.floating))]
        variables = [name for name in top if not self.is_constant(name)]
        both = [name for name in arrays if name in variables]
        weights = [name for name in top if not _is_mask(self._value(name))]
        return [top, arrays, variables, both, containers, weights]

    def _value(self, name: str) -> Any:
        return self.values[self.names.index(name)]

    def _spread(self, by_input: dict[str, Any]) -> dict[str, Any]:
        """From gradients by input to gradients by leaf."""
        found: dict[str, Any] = {}
        for name, gradient in by_input.items():
            own = [path for path in self.paths if _under(path, name)]
            if own == [name]:
                found[name] = gradient
            elif gradient is None:
                found.update(dict.fromkeys(own))
            elif set(own) <= (nested := dict(tree.flatten(gradient, name))).keys():  # nested as the input is
                found.update({path: nested[path] for path in own})
            elif isinstance(gradient, dict):
                matched = self._match_keys(_by_last_key(gradient), own)
                missing = [path for path in own if path not in matched]
                if missing and not self.left_out:
                    keys = ", ".join(map(str, gradient)) or "nothing"
                    raise MisfitError(
                        f"returned gradients named {keys} for {name}, and none of them is for {', '.join(missing)}"
                    )
                found.update(matched)
            else:
                inside = tree.leaves(gradient)
                if len(inside) != len(own):
                    if isinstance(gradient, np.ndarray) and gradient.shape == np.shape(self._value(name)):  # for a list
                        inside = [np.asarray(g) for g in np.ravel(gradient)]
                    else:
                        raise MisfitError(
                            f"returned {_count(len(inside), 'gradient')} for the {len(own)} arrays in {name}"
                        )
                found.update(zip(own, inside))
        return found

    def _by_name(self, returned: dict[Any, Any]) -> dict[str, Any]:
        nested = {path: leaf for key, value in returned.items() for path, leaf in tree.flatten(value, str(key))}
        if set(self.paths) <= nested.keys():
            return {path: nested[path] for path in self.paths}
        flat = _by_last_key(returned)
        found = self._match_keys(flat, self.paths)
        claimed = {path.split("[")[0] for path in found}
        missing = [path for path in self.paths if path not in found and (self._wrt or path.split("[")[0] in claimed)]
        if not found or (missing and not self.left_out):  # a parameter of an output left out has no gradient
            raise MisfitError(
                f"returned gradients named {', '.join(map(str, flat)) or 'nothing'}, and none of them is for "
                f"{', '.join(missing or self.paths)}"
            )
        return found

    @staticmethod
    def _match_keys(gradients: dict[Any, Any], paths: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in paths:
            own = re.sub(r"^.*\['?(.*?)'?\]$", r"\1", path)
            for key in gradients:
                if str(key) in (path, own) or _base(str(key)) == _base(own):
                    found[path] = gradients[key]
                    break
            else:  # deeplearning.ai's style: dxt for xt, da_prev for a_prev, da0 for a0
                close = [
                    key for key in gradients if own and str(key).lower() in ("d" + own.lower(), "d_" + own.lower())
                ]
                if close:
                    found[path] = gradients[close[0]]
        return found


class MisfitError(Exception):
    """The gradients returned do not fit the inputs in number or name; the text completes "<backward> ..."."""


def _by_last_key(gradients: dict[Any, Any]) -> dict[str, Any]:
    """The leaves of nested dicts by their innermost key."""
    found: dict[str, Any] = {}
    for key, value in gradients.items():
        found.update(_by_last_key(value) if isinstance(value, dict) else {str(key): value})
    return found


def _is_mask(value: Any) -> bool:
    """Whether an array holds nothing but zeros and ones."""
    return isinstance(value, np.ndarray) and value.size > 1 and bool(np.all((value == 0) | (value == 1)))


def _nesting(value: Any) -> Any:
    """Shapes, nested as the arrays are."""
    return tree.map_leaves(np.shape, list(value) if isinstance(value, tuple) else value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _base(name: str) -> str:
    """dW1, grad_W1, W1_grad and W1 are the same gradient's name."""
    return re.sub(r"^(d(?=[A-Z_])_?|grad_?|g_)|(_?grad)$", "", name)


def _under(path: str, name: str) -> bool:
    return path == name or path.startswith(name + "[")


def _by_keyword(function: Callable[..., Any], names: Sequence[str]) -> list[str]:
    """Which arguments must be passed by keyword: keyword-only ones, and those after a parameter that is left out."""
    order = [p.name for p in parameters(function)]
    try:
        found = [p.name for p in inspect.signature(function).parameters.values() if p.kind == p.KEYWORD_ONLY]
    except (TypeError, ValueError):
        return []
    late = [n for k, n in enumerate(names) if (order.index(n) != k if n in order else _takes_keywords(function))]
    return [name for name in names if name in found or name in late]


def _kind(leaf: Any) -> str:
    if isinstance(leaf, np.ndarray):
        return f"an array of {leaf.dtype}"
    return f"{type(leaf).__name__}"


def _floats(leaves: Sequence[tuple[str, Any]]) -> str:
    """How to make floats of the inputs that there are."""
    if any(isinstance(leaf, int) for _, leaf in leaves):
        return "write 3.0 rather than 3"
    whole = next((path for path, leaf in leaves if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iub"), None)
    return f"give {whole}.astype(float)" if whole is not None else "give floats, or arrays of floats"
