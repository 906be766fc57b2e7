"""What a target turned out to be, and its check: a pair, a loss, a layer object, a network, an exercise."""

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from . import adapt, environment
from .calling import CACHE, is_float
from .derivatives import check_hessian, check_jacobian, check_jvp
from .errors import UsageError
from .exercises import Exercise, exercises_in
from .gather import NUMBERS, Given, Inputs, gather, takes_any
from .layer import check_layer
from .places import is_theirs
from .report import RIGHT, WRONG, Report
from .resolve import (
    Found,
    Names,
    Pair,
    choose,
    classes,
    find,
    functions,
    looked_for,
    near,
    own_parameters,
    pairs,
    submodules,
)
from .suggest import guess
from .verdict import check_grad, check_value_and_grad, gradcheck

Function = Callable[..., Any]


_VALUES = ("fast", "trials", "rtol"), "its values are compared with those of the right answer"
#: By kind, of a subject or of an exercise, options that do not apply to it, and why.
_IGNORED = {
    "hessian": (("fast", "trials"), "every second derivative is compared, at the given inputs"),
    "value": _VALUES,
    "initialiser": (("fast", "trials", "rtol"), "the statistics of many draws are compared"),
    "stream": _VALUES,
    "expressions": (("fast",), "every gradient of an expression is compared"),
}


@dataclass
class Subject:
    """One thing to check. `signature` is the function whose parameters are the inputs."""

    name: str
    kind: str
    forward: Any
    backward: Any = None
    module: ModuleType | None = None
    called: tuple[str, ...] = ()
    wrt: list[str] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    made_with: tuple[str, ...] = ()  # what its constructor takes

    @property
    def signature(self) -> Function:
        """The function whose parameters are the inputs."""
        function: Function = self.forward.forward if self.kind == "layer" else self.forward
        return function

    def gather(self, given: Given, seed: int, command: str) -> Inputs:
        """The inputs, as `checker.gather.gather` finds them. An exercise brings its own."""
        if self.kind == "unclear":
            raise UsageError(self.forward)
        self._settle(given.draw(seed))
        if self.kind == "exercise":
            return Inputs({})
        needed: list[str] = []
        if self.kind == "value_and_grad":  # y=None asks a network for its scores
            optional = [p.name for p in own_parameters(self.signature) if p.default is None]
            needed = [name for name in optional if re.fullmatch(r"y|t|labels?|targets?", name)]
        values = given if not self.defaults else Given({**self.defaults, **given.values})
        return gather(self.signature, values, self.module, self.called, seed, command, needed)

    def _settle(self, given: Mapping[str, Any]) -> None:
        """Give the backward what it alone takes, and what was given: a learning rate, a flag."""
        if not callable(self.backward) or takes_any(self.signature):
            return
        theirs, own = {p.name for p in own_parameters(self.signature)}, own_parameters(self.backward)
        extra = {p.name: given[p.name] for p in own if p.name in given and p.name not in theirs}
        if extra:
            self.backward = adapt.with_signature(functools.partial(self.backward, **extra), self.backward, own, extra)
        left = [p for p in own if p.name not in extra]
        for p in left:
            if p.default is p.empty and p.name not in theirs and len(p.name) > 1 and NUMBERS.fullmatch(p.name):
                raise UsageError(f"{self.name} takes {p.name} too; give it, like --arg {p.name}=0.1")
        if self.kind == "vjp" and len(left) == 1 and left[0].name not in theirs and not CACHE.match(left[0].name):
            self.forward, self.backward = adapt.upstream_alone(self.forward, self.backward)

    def takes(self) -> list[str]:
        """Everything that can be given for it: its inputs, what the backward takes, what its constructor takes."""
        if self.kind in ("exercise", "unclear"):
            return []
        halves = [self.signature, *([self.backward] if callable(self.backward) else [])]
        return [*(p.name for half in halves for p in own_parameters(half)), *self.made_with]

    def ignores(self, option: str) -> str:
        """Why an option (`layout`, `fast`, `trials`, `rtol`) does not apply to it; "" where it does."""
        if option == "layout":
            if self.kind == "exercise":
                return "an exercise declares its own"
            return "" if self.kind in ("jacobian", "unclear") else "it is for functions that return a Jacobian"
        options, why = _IGNORED.get(self.forward.kind if self.kind == "exercise" else self.kind, ((), ""))
        return why if option in options else ""

    def check(self, inputs: Inputs, **options: Any) -> Report:
        """Judge it. `options` are those of `gradcheck`, and `layout` for a Jacobian."""
        layout = options.pop("layout", None)
        options = {key: value for key, value in options.items() if value is not None}
        if self.kind == "exercise":
            return _exercise(self.forward, options)
        options.setdefault("name", self.name)
        if self.wrt is not None:
            options.setdefault("wrt", self.wrt)
        if inputs.declaration is not None and self.kind in ("vjp", "grad", "value_and_grad"):
            options["declaration"] = inputs.declaration
        if self.kind == "jacobian":
            options["layout"] = layout or "denominator"
        if self.kind in ("hessian", "layer"):
            _refuse(options, self.kind)
        report = _CHECKS[self.kind](self.forward, self.backward, inputs.values, **options)
        return _with_notes(report, self)


def _refuse(options: Mapping[str, Any], kind: str) -> None:
    if "reference" in options:
        raise UsageError(f"a reference cannot be given for a {kind}; it goes with a pair of functions")


def _exercise(exercise: Exercise, options: Mapping[str, Any]) -> Report:
    """Judge the answer that the exercise was declared beside."""
    if "reference" in options or "wrt" in options:
        raise UsageError(f"{exercise.name} is an exercise, whose declaration says what it is compared with")
    known = ("seed", "trials", "mode", "rtol")
    return exercise.check(**{key: options[key] for key in known if key in options})


def _with_notes(report: Report, subject: Subject) -> Report:
    """A wrong report with notes on code that meant something else on an older NumPy."""
    if report.verdict != WRONG:
        return report
    functions = [f for f in (subject.backward, subject.signature) if inspect.isfunction(f) or inspect.ismethod(f)]
    found = [note for f in functions for note in environment.changed_meaning(f) if note not in report.notes]
    return replace(report, notes=(*report.notes, *dict.fromkeys(found))) if found else report


# -- the kinds --------------------------------------------------------------------------------------------------------


def _grad(forward: Function, backward: Function, inputs: dict[str, Any], **options: Any) -> Report:
    """`x_grad` may take the inputs, an upstream gradient with them, or (as sigmoid's often does) the output alone."""
    theirs = [p.name for p in own_parameters(forward)] or list(inputs)
    own = [p.name for p in own_parameters(backward) if p.default is p.empty]
    upstream = any(re.match(r"d[a-zA-Z_]|up|grad", name) for name in own)
    if not set(own) <= set(theirs) and (len(own) > len(theirs) or upstream):
        return gradcheck(forward, backward, inputs, **options)
    report = check_grad(forward, backward, inputs, **options)
    if report.verdict != WRONG or len(own) != 1 or len(inputs) != 1 or own[0] in theirs:
        return report

    def of_the_output(*arguments: Any) -> Any:
        return backward(forward(*arguments))

    of_the_output.__name__ = getattr(backward, "__name__", "the gradient")
    other = check_grad(forward, of_the_output, inputs, **options)
    if other.verdict != RIGHT:
        return report
    note = f"it was given the forward's output, as {of_the_output.__name__}({own[0]}) seems to expect"
    return replace(other, notes=(*other.notes, note))


def _layer(layer: Any, _: None, inputs: dict[str, Any], **options: Any) -> Report:
    return check_layer(layer, inputs, **options)


def _value_and_grad(function: Function, _: None, inputs: dict[str, Any], **options: Any) -> Report:
    """A function that returns its gradients itself: with respect to what, its one gradient's shape may tell."""
    returned = _tried(function, inputs)
    pair = isinstance(returned, tuple) and len(returned) == 2
    if pair and isinstance(returned[0], dict) and np.ndim(returned[1]) == 0:
        function, returned = adapt.swapped(function), returned[::-1]
    if returned is not None:
        if not (isinstance(returned, (tuple, list)) and len(returned) > 1 and np.ndim(returned[0]) == 0):
            raise UsageError(_no_other_half(options["name"], returned))
        if "wrt" not in options and len(returned) == 2 and isinstance(returned[1], np.ndarray):
            floats = [name for name, value in inputs.items() if is_float(value) and isinstance(value, np.ndarray)]
            alike = [name for name in floats if inputs[name].shape == returned[1].shape]
            if len(floats) > 1 and len(alike) == 1:
                options = {**options, "wrt": alike}
    return check_value_and_grad(function, inputs, **options)


def _tried(function: Function, inputs: dict[str, Any]) -> Any:
    """What the function returns; None where it raises, which the check will report as the author's."""
    try:
        given = copy.deepcopy(inputs)
        with np.errstate(all="ignore"):  # NumPy's own functions take nothing by name
            return function(*given.values()) if isinstance(function, np.ufunc) else function(**given)
    except Exception:
        return None


def _no_other_half(name: str, returned: Any) -> str:
    what = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else type(returned).__name__
    return (
        f"nothing says what the other half of {name} is. It returned {what}, so it is no function that returns (loss, "
        f"gradients) itself; and there is no {looked_for(name)} or the like beside it. Name the forward with --forward"
    )


#: By kind: check(forward, backward, inputs, **options).
_CHECKS: dict[str, Callable[..., Report]] = {
    "vjp": gradcheck,
    "grad": _grad,
    "jacobian": check_jacobian,
    "hessian": check_hessian,
    "jvp": check_jvp,
    "layer": _layer,
    "value_and_grad": _value_and_grad,
}


# -- from a target to its subjects ------------------------------------------------------------------------------------


def subjects(target: str, forward: str = "", given: Given | None = None, seed: int = 0) -> list[Subject]:
    """Everything that a target names. Call it inside `resolve.workspace()`, and check there too.

    Raises UsageError where the target names nothing that can be checked, and BrokenModuleError.
    """
    found = find(target)
    given = given or Given()
    if not found.name and forward:
        raise UsageError(f"--forward {forward} goes with one function: {found.where}::its_name")
    if not found.name:
        return _whole(found, given, seed)
    first, *rest = found.name.split(".")
    value = vars(found.module).get(first)
    answers = [exercise.answer for exercise in exercises_in(found.module) if exercise.forward is value is not None]
    if _declared(value) is not None or answers:
        _demand_no_forward(forward, f"{first} belongs to an exercise, which has its own")
        return [_declared_subject(value if _declared(value) is not None else answers[0])]
    if inspect.isclass(value) or callable(getattr(value, "forward", None)):
        _demand_no_forward(forward, f"{first} has both halves in it")
    if inspect.isclass(value) and is_theirs(_file(value)):
        return _of_class(value, rest, found.module, given, seed)
    if value is not None and (callable(getattr(value, "forward", None)) or rest):
        return _of_object(value, rest, found.module, first)
    other = forward and _elsewhere(forward, found)
    if other:
        return [Subject(first, "vjp", other, value, found.module, _called(Pair("vjp", first, other.__name__)))]
    return [_pair(pair, functions(found.module) | vars(found.module), found.module) for pair in choose(found, forward)]


def _demand_no_forward(forward: str, why: str) -> None:
    if forward:
        raise UsageError(f"--forward {forward} goes with one function; {why}")


def _file(value: Any) -> str:
    return getattr(inspect.getmodule(value), "__file__", None) or "<none>"


def _declared(value: Any) -> Exercise | None:
    exercise = getattr(value, "exercise", None)
    return exercise if isinstance(exercise, Exercise) else None


def _declared_subject(backward: Any) -> Subject:
    exercise = _declared(backward)
    assert exercise is not None
    return Subject(exercise.name, "exercise", exercise, backward)


def _elsewhere(forward: str, found: Found) -> Function | None:
    """The forward's function where `--forward` names another module's."""
    if "::" not in forward and "." not in forward:
        return None
    there = find(forward)
    function = vars(there.module).get(there.name)
    if not callable(function):
        raise UsageError(f"{there.where} has no function {there.name!r}{near(there.name, functions(there.module))}")
    return function


def _pair(pair: Pair, names: Names, module: ModuleType | None) -> Subject:
    backward = None if pair.kind == "value_and_grad" else names[pair.backward]
    return Subject(pair.backward, pair.kind, names[pair.forward], backward, module, _called(pair))


def _called(pair: Pair) -> tuple[str, ...]:
    """What a module's example inputs may be called after: affine_backward, affine_forward, affine."""
    stem = re.sub(r"_?(forward|fwd)_?", "_", pair.forward).strip("_")
    return tuple(dict.fromkeys(name for name in (pair.backward, pair.forward, stem) if name))


def _whole(found: Found, given: Given, seed: int) -> list[Subject]:
    """All that a module holds: exercises, pairs, losses, and its layer classes."""
    declared = exercises_in(found.module)
    if declared:
        return [_declared_subject(exercise.answer) for exercise in declared]
    names = functions(found.module)
    chosen = [_pair(pair, names, found.module) for pair in choose(found)]
    own = classes(found.module).values()
    for cls in own:
        if _is_layer(cls) and not _is_base(cls, own):
            try:
                chosen += _of_class(cls, [], found.module, given, seed)
            except UsageError as problem:
                chosen.append(Subject(cls.__name__, "unclear", str(problem)))
    if not chosen:
        inside = submodules(found.module)
        if inside:
            raise UsageError(f"{found.module.__name__} is a package; name a module in it: {', '.join(inside)}")
        listed = ", ".join(n for n, v in names.items() if getattr(v, "__module__", "") == found.module.__name__)
        if not listed:
            raise UsageError(f"{found.where} holds no functions of its own")
        raise UsageError(
            f"{found.where} holds no pair of functions like affine_forward and affine_backward, f and f_grad; its "
            f"functions are {listed}. Name the halves: {found.where}::mine --forward theirs"
        )
    return chosen


def _is_layer(cls: type) -> bool:
    return (
        callable(getattr(cls, "forward", None))
        and callable(getattr(cls, "backward", None))
        and not inspect.isabstract(cls)
    )


def _is_base(cls: type, others: Iterable[type]) -> bool:
    """Whether a class only says what its children must have."""
    code = getattr(cls.forward, "__code__", None)  # type: ignore[attr-defined]
    unwritten = code is not None and "NotImplementedError" in code.co_names
    return unwritten and any(issubclass(other, cls) and other is not cls for other in others)


# -- classes ----------------------------------------------------------------------------------------------------------


def _of_class(cls: type, rest: list[str], module: ModuleType, given: Given, seed: int) -> list[Subject]:
    """A class of static methods is a pair; any other is checked as an object of it."""
    static = inspect.getattr_static(cls, "forward", None), inspect.getattr_static(cls, "backward", None)
    if all(isinstance(half, (staticmethod, classmethod)) for half in static):
        return [Subject(cls.__name__, "vjp", *adapt.with_context(cls), module, _names(cls.__name__))]
    instance = next((v for v in vars(module).values() if type(v) is cls), None)
    if instance is None:
        instance = _constructed(cls, given, seed)
    made_with = tuple(parameter.name for parameter in own_parameters(cls))
    return [replace(subject, made_with=made_with) for subject in _of_object(instance, rest, module, cls.__name__)]


def _constructed(cls: type, given: Given, seed: int) -> Any:
    parameters = own_parameters(cls)
    arguments = {name: value for name, value in given.draw(seed).items() if name in {p.name for p in parameters}}
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in arguments]
    if missing:
        options = " ".join(option for name in missing for option in guess(cls, name))
        raise UsageError(
            f"{cls.__name__} cannot be made without {', '.join(missing)}. Type, with your own values: {options}\n"
            f"or make one in the module: example_{cls.__name__.lower()} = {cls.__name__}(...)"
        )
    np.random.seed(seed)  # so that its weights come out the same every time
    try:
        return cls(**arguments)
    except Exception as problem:
        raise UsageError(f"cannot make a {cls.__name__}: {environment.describe(problem, cls)}") from problem


def _of_object(instance: Any, rest: list[str], module: ModuleType, name: str) -> list[Subject]:
    """A layer with forward and backward, a network whose loss returns the gradients too, or pairs of methods."""
    methods = dict(_methods(instance))
    wanted = rest[0] if rest else ""
    if wanted and wanted not in methods:
        raise UsageError(f"{name} has no method {wanted!r}{near(wanted, methods)}")
    if {"forward", "backward"} <= methods.keys() and wanted in ("", "forward", "backward"):
        return [Subject(name, "layer", instance, None, module, _names(name))]
    if (wanted or "loss") == "loss" and "loss" in methods:
        function, params = adapt.network(instance, methods["loss"], name)
        title = f"{name}.loss"
        return [Subject(title, "value_and_grad", function, None, module, _names(name), ["params"], {"params": params})]
    found = [p for p in pairs(methods) if wanted in ("", p.backward, p.forward)]
    if not found:
        raise UsageError(
            f"{name} has neither forward and backward, nor a loss that returns (loss, gradients), nor any pair of "
            f"methods like relu and relu_backward; its methods are {', '.join(methods) or 'none'}"
        )
    return [replace(_pair(pair, methods, module), name=f"{name}.{pair.backward}") for pair in found]


def _names(name: str) -> tuple[str, ...]:
    """What a module's example inputs may be called after, for a class."""
    return name, name.lower()


def _methods(instance: Any) -> Iterator[tuple[str, Function]]:
    for key in dict.fromkeys(key for kind in type(instance).__mro__ for key in vars(kind)):
        static = inspect.getattr_static(type(instance), key, None)
        if not key.startswith("__") and (callable(static) or isinstance(static, (staticmethod, classmethod))):
            yield key, getattr(instance, key)
