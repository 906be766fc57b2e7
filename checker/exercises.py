"""An exercise, declared once beside its reference answer: inputs, points, hints, known mistakes.

    @exercise(affine_forward, points=2, hints=("Let the shapes guide you.",))
    def affine_backward(dout, cache): ...

    @mistake(affine_backward, "b is shared by every row: how does each row's gradient reach it?")
    def mean_over_the_batch(dout, cache): ...

The decorated functions stay functions; the declaration is `affine_backward.exercise`. A student's stub carries the same
declaration with `@task` in the place of `@exercise`: its halves are no reference.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from . import tree
from .errors import UsageError
from .inputs import Declaration
from .kinds import MEASURED, Answer, kind
from .recognise import Mistake
from .report import Report
from .settings import demand_function, demand_settings, names_of, told
from .shapes import Shape

Function = TypeVar("Function", bound=Callable[..., Any])
Case = Mapping[str, Any]


@dataclass
class Exercise:
    """One task: the right answer, where to try others, and what is known of wrong ones.

    `answer` is the function (or class) that is asked for, `forward` the function that it belongs to, if any. `edges`
    and `overflow` name cases that an answer must survive: for each, other axis sizes, other constants, or other ways
    to draw an input (`{"batch of 1": {"N": 1}, "eps of 0.1": {"eps": 0.1}}`). In a `stub` both halves are a student's.
    """

    name: str
    answer: Callable[..., Any]
    forward: Callable[..., Any] | None
    declaration: Declaration
    wrt: tuple[str, ...] = ()
    kind: str = "backward"
    layout: str = "denominator"
    nodes: Mapping[str, str] = field(default_factory=dict)
    memory: bool = False
    points: float = 1
    shares: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    edges: Mapping[str, Case] = field(default_factory=dict)
    overflow: Mapping[str, Case] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    stub: bool = False
    #: What the right answer and the known mistakes do, once it has been computed: for all answers that are judged.
    done: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def inputs(self, seed: int = 0, case: Case | None = None) -> tuple[Any, ...]:
        """New inputs at an ordinary point, or at one of the cases of `edges` and `overflow`.

        Raises UsageError where the case names neither an axis, nor a constant, nor an input.
        """
        declaration, sizes = self.at(case or {})
        return declaration.draw(np.random.default_rng([seed, 17]), sizes)

    def at(self, case: Case) -> tuple[Declaration, dict[str, int]]:
        """The declaration with a case's constants and draws, and the sizes of axes that the case names."""
        declaration = self.declaration
        sizes = {name: case[name] for name in case if name in declaration.base}
        shaped = {name: case[name] for name in case if name not in sizes and _shaped(case[name])}
        draws = {name: case[name] for name in case if name in declaration.drawn and name not in {*sizes, *shaped}}
        constants = {name: case[name] for name in case if name not in {*sizes, *shaped, *draws}}
        return declaration.fixing(**constants).shaping(**shaped).drawing(**draws), sizes

    @property
    def halves(self) -> tuple[Callable[..., Any], ...]:
        """What an answer consists of: the function that is asked for, and its forward if it has one."""
        return (self.answer,) if self.forward is None else (self.answer, self.forward)

    @property
    def topic(self) -> str:
        """The module that declares it: `batchnorm`."""
        return self.answer.__module__.rpartition(".")[2]

    def check(
        self,
        answer: Callable[..., Any] | None = None,
        forward: Callable[..., Any] | None = None,
        *,
        seed: int = 0,
        trials: int | None = None,
        mode: str = "auto",
        rtol: float = 1e-7,
    ) -> Report:
        """Judge an answer; the halves that are not given are the exercise's own.

        The forward is compared with the reference, and the backward with the derivative of the reference's forward: at
        ordinary points, then at every edge (wrong only there is of the kind "edge"), then where careless code overflows
        (kind "unstable"). A known mistake is named, with its advice. Raises UsageError where a setting makes no sense.
        """
        demand_settings(seed=seed, trials=trials, mode=mode, rtol=rtol)
        from .answers import check, check_alone

        mine = Answer(answer or self.answer, forward or self.forward)
        options: dict[str, Any] = {"seed": seed, "trials": trials, "mode": mode, "rtol": rtol}
        key = _key(self) if self.stub else self
        return check_alone(self, mine, **options) if key is None else check(key, mine, **options)


def exercise(
    forward: Callable[..., Any] | None = None,
    *,
    kind: str = "backward",
    points: float | Mapping[str, float] = 1,
    rows: Sequence[str] = (),
    hints: Sequence[str] = (),
    draw: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    wrt: Sequence[str] | None = None,
    layout: str = "denominator",
    nodes: Mapping[str, str] | None = None,
    memory: bool = False,
    edges: Mapping[str, Case] | None = None,
    overflow: Mapping[str, Case] | None = None,
    stub: bool = False,
) -> Callable[[Function], Function]:
    """Declare the decorated function to be the right answer: the backward of this forward, or one of another kind.

    The inputs are read from the forward's annotations, or from the answer's own where there is no forward. `rows` are
    the lectures' derivations that it covers, `points` a number or one for each gradient ({"x": 3, "w": 1}), `draw` and
    `arguments` as in `Declaration.from_signature`, `wrt` the inputs that get a gradient (by default every float),
    `nodes` the intermediates of a staged forward with their shapes, in the order in which the backward meets them; with
    `memory`, the cache may keep no more alive than the reference's. Raises UsageError where the declaration does not
    fit.
    """
    demand_settings(layout=layout)
    demand_function("forward", forward, optional=True)
    wrt = names_of("wrt", wrt)
    _demand_lists(rows=rows, hints=hints)
    _demand_dicts(draw=draw, arguments=arguments, nodes=nodes, edges=edges, overflow=overflow)
    _demand_dicts(**{f"the case {name!r}": case for name, case in {**(edges or {}), **(overflow or {})}.items()})
    worth: list[Any] = list(points.values()) if isinstance(points, Mapping) else [points]
    for number in worth:
        if not isinstance(number, Real) or not 0 <= float(number) < np.inf:
            raise UsageError(f"points is {told(number)}; they are a number, or one for each gradient, 0 or more")

    def declare(answer: Function) -> Function:
        _fits(kind, forward, answer)
        declaration = Declaration.from_signature(forward or answer, draw, arguments)
        for name in wrt or ():
            if name.partition("[")[0] not in declaration.names:
                raise UsageError(f"wrt names {name!r}, but the inputs are {', '.join(declaration.names)}")
        if nodes:
            declaration = declaration.without("node")
        declared = Exercise(
            name=answer.__name__,
            answer=answer,
            forward=forward,
            declaration=declaration,
            wrt=tuple(wrt or declaration.differentiable),
            kind=kind,
            layout=layout,
            nodes=dict(nodes or {}),
            memory=memory,
            points=sum(points.values()) if isinstance(points, Mapping) else points,
            shares=dict(points) if isinstance(points, Mapping) else {},
            rows=tuple(rows),
            hints=tuple(hints),
            edges=dict(edges or {}),
            overflow=dict(overflow or {}),
            stub=stub,
        )
        _demand_shares(declared)
        for case in (*declared.edges.values(), *declared.overflow.values()):
            declared.inputs(case=case)
        answer.exercise = declared  # type: ignore[attr-defined]
        return answer

    return declare


def task(forward: Callable[..., Any] | None = None, **declared: Any) -> Callable[[Function], Function]:
    """Declare the decorated function, in a stub, to be a student's answer. Arguments and errors as `exercise`."""
    return exercise(forward, **declared, stub=True)


def _demand_lists(**given: Any) -> None:
    """Refuse anything but lists of texts: a text alone would be its letters."""
    for role, value in given.items():
        if not isinstance(value, (tuple, list)) or not all(isinstance(each, str) for each in value):
            raise UsageError(f"{role} is {told(value)}; it is a list of texts")


def _demand_dicts(**given: Any) -> None:
    """Refuse anything but dicts, and nothing."""
    for role, value in given.items():
        if not isinstance(value, Mapping | None):
            raise UsageError(f"{role} is {told(value)}; it is a dict by name")


def _fits(name: str, forward: Callable[..., Any] | None, answer: Callable[..., Any]) -> None:
    """Refuse a kind that there is not, and a missing forward."""
    kind(name)
    if forward is None and name in MEASURED:
        raise UsageError(f"{answer.__name__} is of the kind {name!r}: name its forward, @exercise(its_forward)")


def _demand_shares(declared: Exercise) -> None:
    """Refuse points for gradients that there are not, and points for some gradients only."""
    gradients = (*declared.nodes, *declared.wrt)
    if declared.shares and set(declared.shares) != set(gradients):
        came, wanted = ", ".join(declared.shares), ", ".join(gradients)
        raise UsageError(f"the points of {declared.name} are for {came}; its gradients are {wanted}")


def _shaped(value: Any) -> bool:
    """Whether a case's value declares arrays anew: shapes, perhaps nested in a list."""
    return any(isinstance(leaf, Shape) for leaf in tree.leaves(value))


def mistake(
    of: Callable[..., Any], advice: str, *, forward: Callable[..., Any] | None = None, half: str = "backward"
) -> Callable[[Function], Function]:
    """Keep the decorated function as a wrong answer to the exercise `of`, recognised by what it computes.

    It stands in the answer's place (with `forward` if it goes with a wrong forward), or, with `half="forward"`, it is a
    forward alone. Its name, underscores as spaces, is the mistake's name. Raises UsageError where `of` is not an
    exercise.
    """
    declared = getattr(of, "exercise", None)
    if not isinstance(declared, Exercise):
        raise UsageError(f"{getattr(of, '__name__', of)} is not an exercise: decorate it with @exercise(forward) first")
    if half not in ("forward", "backward"):
        raise UsageError(f"half is {half!r}; it can be 'forward' or 'backward'")

    def keep(wrong: Function) -> Function:
        if half == "forward":
            wrong_answer = Answer(declared.answer, wrong)
        else:
            wrong_answer = Answer(wrong, forward or declared.forward)
        declared.mistakes.append(Mistake(wrong.__name__, advice, wrong_answer, half))
        return wrong

    return keep


def exercises_in(module: ModuleType) -> list[Exercise]:
    """The exercises that a module declares, in its order."""
    # A subclass or an object of an answer that is a class has it by inheritance only.
    found = (getattr(value, "__dict__", {}).get("exercise") for value in vars(module).values())
    return [each for each in found if isinstance(each, Exercise) and each.answer.__module__ == module.__name__]


def _key(stub: Exercise) -> Exercise | None:
    """The exercise that judges a stub's halves by right ones: only where the instructor's side is installed."""
    found = key_to(stub.topic, stub.name)
    return None if found is None else as_answered(stub, found)


def key_to(topic: str, name: str) -> Exercise | None:
    """The exercise with the right answer of that name; None where the instructor's side is not installed."""
    try:
        course = importlib.import_module("checker.course.key")
    except ModuleNotFoundError:
        return None
    found: Exercise | None = course.key_to(topic, name)
    return found


def as_answered(stub: Exercise, key: Exercise) -> Exercise:
    """The exercise that judges a stub's halves by those of `key`: inputs as the stub declares them."""
    made = replace(key, declaration=stub.declaration, edges=stub.edges, overflow=stub.overflow)
    made.done = key.done
    return made
