"""An exercise, declared once beside its reference answer: inputs, points, hints, known mistakes.

    @exercise(affine_forward, points=2, hints=("Let the shapes guide you.",))
    def affine_backward(dout, cache): ...

    @mistake(affine_backward, "b is shared by every row: how does each row's gradient reach it?")
    def mean_over_the_batch(dout, cache): ...

The decorated functions stay functions; the declaration is `affine_backward.exercise`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from . import diagnose
from .diagnose import Cause
from .errors import UsageError
from .inputs import Declaration
from .recognise import Doing, Mistake, apart, doing, recognise, same
from .report import RIGHT, WRONG, Finding, Report
from .verdict import gradcheck

Function = TypeVar("Function", bound=Callable[..., Any])
Case = Mapping[str, Any]

#: At how many ordinary points an answer must equal a known mistake, besides the edges.
DRAWS = 3


@dataclass
class Exercise:
    """One task: the right forward and backward, where to try them, and what is known of wrong answers.

    `edges` and `overflow` name cases that an answer must survive: for each, other axis sizes, other constants, or other
    ways to draw an input (`{"batch of 1": {"N": 1}, "eps of 0.1": {"eps": 0.1}}`).
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    declaration: Declaration
    wrt: tuple[str, ...]
    points: float = 1
    rows: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    edges: Mapping[str, Case] = field(default_factory=dict)
    overflow: Mapping[str, Case] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def inputs(self, seed: int = 0, case: Case | None = None) -> tuple[Any, ...]:
        """New inputs at an ordinary point, or at one of the cases of `edges` and `overflow`.

        Raises UsageError where the case names neither an axis, nor a constant, nor an input.
        """
        declaration, case = self.declaration, case or {}
        sizes = {name: case[name] for name in case if name in declaration.base}
        draws = {name: case[name] for name in case if name in declaration.drawn and name not in sizes}
        constants = {name: case[name] for name in case if name not in sizes and name not in draws}
        declaration = declaration.fixing(**constants).drawing(**draws)
        return declaration.draw(np.random.default_rng([seed, 17]), sizes)

    # -- judging ------------------------------------------------------------------------------------------------------

    def check(
        self,
        backward: Callable[..., Any] | None = None,
        forward: Callable[..., Any] | None = None,
        *,
        seed: int = 0,
        trials: int | None = None,
        mode: str = "auto",
        rtol: float = 1e-7,
    ) -> Report:
        """Judge an answer; the halves that are not given are the reference's own.

        The forward is compared with the reference, and the backward with the derivative of the reference's forward: at
        ordinary points, then at every edge (wrong only there is of the kind "edge"), then where careless code overflows
        (kind "unstable"). A known mistake is named, with its advice.
        """
        answer = _Answer(self, forward or self.forward, backward or self.backward, seed)
        options: dict[str, Any] = {"seed": seed, "mode": mode, "rtol": rtol}
        report = answer.judge(self.inputs(seed), trials=trials, **options)
        for name, case in {"other numbers": {}, **self.edges}.items() if report else ():
            there = answer.judge(self.inputs(seed + 1, case), trials=0, **options)
            if there.verdict == WRONG:
                kind = "edge" if case and there.kind in ("values", "shape", "forward") else there.kind
                report = replace(there, kind=kind, where=f"right at ordinary inputs, wrong with {name} (seed {seed})")
                break
            forwards, backwards = report.forwards + there.forwards, report.backwards + there.backwards
            report = replace(report, forwards=forwards, backwards=backwards)
        if report:
            report = answer.overflowing(report)
        if report.verdict == WRONG:
            return answer.named(report)
        tried = ", ".join((*self.edges, *self.overflow)) if report else ""
        return replace(report, notes=(*report.notes, f"tried as well: {tried}")) if tried else report


def exercise(
    forward: Callable[..., Any],
    *,
    points: float = 1,
    rows: Sequence[str] = (),
    hints: Sequence[str] = (),
    draw: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    wrt: Sequence[str] | None = None,
    edges: Mapping[str, Case] | None = None,
    overflow: Mapping[str, Case] | None = None,
) -> Callable[[Function], Function]:
    """Declare the decorated backward to be the right answer for this forward.

    The inputs are read from the forward's annotations. `rows` are the lectures' derivations that it covers, `draw` and
    `arguments` as in `Declaration.from_signature`, `wrt` the inputs that get a gradient (by default every float).
    Raises UsageError where the declaration does not fit the forward.
    """

    def declare(backward: Function) -> Function:
        declaration = Declaration.from_signature(forward, draw, arguments)
        declared = Exercise(
            name=backward.__name__,
            forward=forward,
            backward=backward,
            declaration=declaration,
            wrt=tuple(wrt or declaration.differentiable),
            points=points,
            rows=tuple(rows),
            hints=tuple(hints),
            edges=dict(edges or {}),
            overflow=dict(overflow or {}),
        )
        for case in (*declared.edges.values(), *declared.overflow.values()):
            declared.inputs(case=case)
        backward.exercise = declared  # type: ignore[attr-defined]
        return backward

    return declare


def mistake(
    of: Callable[..., Any], advice: str, *, forward: Callable[..., Any] | None = None, half: str = "backward"
) -> Callable[[Function], Function]:
    """Keep the decorated function as a wrong answer to the exercise `of`, recognised by what it computes.

    It is a backward (with `forward` if it goes with a wrong forward), or, with `half="forward"`, a forward alone. Its
    name, underscores as spaces, is the mistake's name. Raises UsageError where `of` is not an exercise.
    """
    declared = getattr(of, "exercise", None)
    if not isinstance(declared, Exercise):
        raise UsageError(f"{getattr(of, '__name__', of)} is not an exercise: decorate it with @exercise(forward) first")
    if half not in ("forward", "backward"):
        raise UsageError(f"half is {half!r}; it can be 'forward' or 'backward'")

    def keep(wrong: Function) -> Function:
        alone = half == "forward"
        own_backward, own_forward = (
            declared.backward if alone else wrong,
            wrong if alone else forward or declared.forward,
        )
        declared.mistakes.append(Mistake(wrong.__name__, advice, own_backward, own_forward, half))
        return wrong

    return keep


def exercises_in(module: ModuleType) -> list[Exercise]:
    """The exercises that a module declares, in its order."""
    found = (getattr(value, "exercise", None) for value in vars(module).values())
    return [each for each in found if isinstance(each, Exercise) and each.backward.__module__ == module.__name__]


class _Answer:
    """A pair under judgement, as an answer to an exercise."""

    def __init__(self, task: Exercise, forward: Callable[..., Any], backward: Callable[..., Any], seed: int):
        self.task, self.forward, self.backward, self.seed = task, forward, backward, seed

    def judge(self, inputs: tuple[Any, ...], **options: Any) -> Report:
        """The general check at one point, against the reference."""
        task = self.task
        return gradcheck(
            self.forward, self.backward, inputs, names=task.declaration.names, wrt=task.wrt, reference=task.forward,
            declaration=task.declaration, name=task.name, advise=self._cause, **options,
        )  # fmt: skip

    def overflowing(self, report: Report) -> Report:
        """A right report, or one that says where the answer is no longer what the reference gives."""
        for name, case in self.task.overflow.items():
            inputs = self.task.inputs(self.seed, case)
            mine = self._doing(self.forward, self.backward, inputs)
            right = self._doing(self.task.forward, self.task.backward, inputs)
            numbers = [key for key in right if key.startswith(("output", "gradient"))]
            lost = [key for key in numbers if not same(mine.get(key), right[key], 1e-6)]
            if lost:
                findings = tuple(self._lost(report, name, lost, mine))
                return replace(report, verdict=WRONG, kind="unstable", findings=findings)
        return report

    def _lost(self, report: Report, case: str, lost: list[str], mine: Doing) -> Iterator[Finding]:
        finite = all(np.all(np.isfinite(mine.get(key, np.nan))) for key in lost)
        what = "loses its digits" if finite else "overflows"
        subject = lost[0].partition(" ")[2]
        yield Finding(
            subject, WRONG, f"right at ordinary inputs, but it {what} with {case}", "unstable", "overflow",
            "rewrite the formula so that nothing that is exponentiated or divided by grows without bound",
        )  # fmt: skip
        yield from (f for f in report.findings if f.subject != subject and f.verdict == RIGHT and not f.kind)

    # -- known mistakes -----------------------------------------------------------------------------------------------

    def named(self, report: Report) -> Report:
        """The report with each known mistake's name and advice at the first gradient that it gets wrong.

        Where the forward is wrong, that comes first: its cache can make a right backward look wrong.
        """
        findings = [finding for finding in report.findings if finding.kind == "forward"] or list(report.findings)
        explained: dict[str, set[str]] = {}
        for key, known in self.known.items():
            explained.setdefault(known.name, set()).add(key.partition(" ")[2])
        advice = {known.name: known.advice for known in self.known.values()}
        left = [place for place, finding in enumerate(findings) if finding.verdict == WRONG]
        for name, subjects in explained.items():
            places = [place for place in left if findings[place].subject in {"", *subjects}] or left[:1]
            for place in places:  # said once, though it may show in several gradients
                cause, help_line = (name, advice[name]) if place == places[0] else ("", "")
                findings[place] = replace(findings[place], cause=cause, advice=help_line)
                left.remove(place)
        return replace(report, findings=tuple(findings))

    def _cause(self, case: diagnose.Case) -> Cause | None:
        """The known mistake, if there is nothing else to explain."""
        wrong = {name for name, entries in zip(case.names, case.wrong) if np.any(entries)}
        known = next(iter(self.known.values()), None)
        if known is None or not wrong <= {key.partition(" ")[2] for key in self.known}:
            return None
        return Cause(known.name, "", f"the numbers of a known mistake, {known.name.replace('_', ' ')}", known.advice)

    @cached_property
    def known(self) -> dict[str, Mistake]:
        """The known mistakes that this answer makes, by what they get wrong."""
        task = self.task
        mine, right, *wrong = self._everywhere([{}] * DRAWS + list(task.edges.values()))
        found = recognise(mine, right, list(zip(task.mistakes, wrong)))
        if found or not task.overflow:
            return found
        # Two ways to write one formula part where numbers overflow: only mistakes that are right elsewhere count there.
        quiet = [place for place, done in enumerate(wrong) if not apart(done, right)]
        mine, right, *wrong = self._everywhere(list(task.overflow.values()))
        return recognise(mine, right, [(task.mistakes[place], wrong[place]) for place in quiet])

    def _everywhere(self, cases: Sequence[Case]) -> list[list[Doing]]:
        """What the answer, the reference and every known mistake do in these cases."""
        task, points = self.task, [self.task.inputs(100 + place, case) for place, case in enumerate(cases)]
        pairs = [(self.forward, self.backward), (task.forward, task.backward)]
        pairs += [(known.forward, known.backward) for known in task.mistakes]
        return [[self._doing(*pair, inputs) for inputs in points] for pair in pairs]

    def _doing(self, forward: Callable[..., Any], backward: Callable[..., Any], inputs: tuple[Any, ...]) -> Doing:
        return doing(forward, backward, inputs, self.task.declaration.names, self.task.wrt)
