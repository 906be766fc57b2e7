"""Inside a notebook: `check(batchnorm_backward)` judges what the cells above define, `hint(batchnorm_backward)` helps.

    from checker.notebook import check, draw, hint

The exercise is found by the function's name in the installed `coursework`, the forward by its name in the notebook. The
verdict is shown as HTML where that can be shown, and as text elsewhere; so is `draw(softplus_graph_backward)`, what a
staged exercise computes. Nothing goes to standard error, where it would cost the cell its points.
"""

import builtins
import contextlib
import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from . import environment
from .errors import UsageError
from .exercises import Exercise, exercises_in
from .graph.data import Graph
from .recorded import recorded
from .report import NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report
from .resolve import near

#: Where the exercises are declared.
COURSEWORK = "coursework"
SILENCED = "what your code prints during a check is not shown: it runs hundreds of times"


class Shown:
    """What a cell shows: HTML where that can be, text elsewhere."""

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Both forms; a front end takes the richest that it knows."""
        return {"text/plain": str(self), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Outcome(Shown):
    """The outcome of a check: its `report`, and the hints that there are. True only if the answer is right."""

    report: Report
    hints: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.report)

    def __str__(self) -> str:
        from .render.text import render

        text = render(self.report)
        return f"{text}\n  hint({self.report.name}) shows a hint" if self.hints else text

    def _repr_html_(self) -> str:
        from .render.html import render

        return render(self.report, hints=self.hints)


@dataclass(frozen=True, repr=False)
class Unchecked(Shown):
    """In the place of an outcome while a submission is graded: what is `said` instead."""

    said: str

    def __str__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        return f"<i>{escape(self.said)}</i>"


class NotRightError(AssertionError):
    """An answer is not right: raised only where nbgrader validates a notebook. It shows its report alone."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class RefusedError(UsageError):
    """What a cell asks for cannot be done. A notebook shows the sentence alone: where it was raised is no help."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


@dataclass(frozen=True, repr=False)
class Hint(Shown):
    """One hint, the `place`th (from 1) of `count`."""

    name: str
    text: str
    place: int
    count: int

    def __str__(self) -> str:
        if not self.count:
            return f"{self.name} has no hints"
        return f"{self.name}, hint {self.place} of {self.count}: {self.text}"

    def _repr_html_(self) -> str:
        title, colon, text = str(self).partition(": ")
        style = "border-left:4px solid #1971c2;padding:4px 0 4px 12px;margin:4px 0;text-align:left"
        return f'<div style="{style}"><b>{escape(title + colon)}</b>{escape(text)}</div>'


@dataclass(frozen=True, repr=False)
class Drawing(Shown):
    """A drawn `graph`."""

    graph: Graph

    def __str__(self) -> str:
        from .render.graph_text import render

        return render(self.graph)

    def _repr_html_(self) -> str:
        from .render.graph_svg import render

        return f'<div style="overflow-x:auto">{render(self.graph)}</div>'


def check(
    function: Callable[..., Any], forward: Callable[..., Any] | None = None, *, seed: int = 0
) -> "Outcome | Unchecked":
    """Judge the answer to the exercise that is called as `function` is; see `Exercise.check`.

    The forward, where the exercise has one, is the function of its name in the caller's namespace. Where no notebook
    would show what is returned, it is printed. Raises UsageError, with near names, where there is no such exercise, and
    under nbgrader's Validate NotRightError where the answer is not right. While one is graded it judges nothing.
    """
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":  # the hidden test below judges it, and says more
        return Unchecked("not checked here: the test of this answer says more")
    names = _names(sys._getframe(1))
    with _refusals():
        task = _exercise(function)
        outcome = _judged(task, function, forward or _forward(task, function, names), seed)
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not outcome:
        raise NotRightError(str(outcome))  # nbgrader's Validate takes a cell that raises nothing for a right one
    if not _displayed():
        print(outcome)
    return outcome


def hint(function: Callable[..., Any] | str) -> Hint:
    """The next hint for an exercise, by its function or by its name; after the last one, the last one again.

    Raises UsageError, with near names, where there is no such exercise.
    """
    with _refusals():
        task = _exercise(function)
    hints = _hints(task)
    place = min(_SHOWN.get(task.name, 0) + 1, len(hints))
    _SHOWN[task.name] = place
    shown = Hint(task.name, hints[place - 1] if hints else "", place, len(hints))
    if not _displayed():
        print(shown)
    return shown


def draw(target: "Callable[..., Any] | str", /, **at: float) -> "Drawing | Unchecked":
    """The graph of a staged exercise, by its function or name, or of a formula: `draw("tanh(x*w)", x=2, w=-3)`.

    Raises UsageError where there is nothing to draw, saying what there is. While a submission is graded it draws
    nothing.
    """
    from .graph.formula import formula
    from .graph.targets import is_formula, of_exercise

    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        return Unchecked("not drawn while answers are graded: run this cell in your own notebook")
    names = _names(sys._getframe(1))
    with _refusals():
        if isinstance(target, str) and (at or is_formula(target)):
            shown = Drawing(formula(target, at, option=""))
        elif at:
            what = ", ".join(at)
            raise UsageError(f"values go with a formula: an exercise draws its own inputs, and takes no {what}")
        else:
            task = _exercise(target)
            function = names.get(task.name, task.answer) if isinstance(target, str) else target
            with silence():
                shown = Drawing(of_exercise(task, function, _forward(task, function, names)))
    if not _displayed():
        print(shown)
    return shown


#: How many hints were shown in this session, by exercise.
_SHOWN: dict[str, int] = {}


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Raise RefusedError in the place of a UsageError."""
    try:
        yield
    except UsageError as problem:
        raise RefusedError(str(problem)) from None


# -- which exercise ---------------------------------------------------------------------------------------------------


def _exercise(function: Callable[..., Any] | str) -> Exercise:
    """The declaration that goes with a function: its own, or the course's for its name."""
    own = getattr(function, "exercise", None)
    if isinstance(own, Exercise):
        return own
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    if not name or not (callable(function) or isinstance(function, str)):
        kind = type(function).__name__
        raise UsageError(f"check a function by its name, as in check(relu_backward): this is of the type {kind}")
    found: list[Exercise] = []
    broken: list[str] = []
    for topic in _course().TOPICS:
        try:
            module = importlib.import_module(f"{COURSEWORK}.{topic}")
        except Exception as problem:  # a stub that somebody is in the middle of editing
            broken.append(f"; {COURSEWORK}.{topic} cannot be imported ({type(problem).__name__}: {problem})")
            continue
        tasks = exercises_in(module)
        if name in (task.name for task in tasks):
            return next(task for task in tasks if task.name == name)
        found += tasks
    raise UsageError(_unknown(name, found) + "".join(broken))


def _course() -> Any:
    try:
        return importlib.import_module(COURSEWORK)
    except ModuleNotFoundError:
        raise UsageError(f"the exercises are not installed: there is no package {COURSEWORK}") from None


def _unknown(name: str, known: Sequence[Exercise]) -> str:
    """What to say of a name that is no exercise's."""
    whole = [task.name for task in known if getattr(task.forward, "__name__", "") == name]
    if whole:
        return f"{name} is judged together with what belongs to it: check({whole[0]})"
    return f"there is no exercise {name}{near(name, [task.name for task in known])}"


def _names(frame: Any) -> Mapping[str, Any]:
    """What the caller's cell can see."""
    return {**frame.f_globals, **frame.f_locals}


def _forward(task: Exercise, function: Callable[..., Any], names: Mapping[str, Any]) -> Callable[..., Any] | None:
    """The student's forward, by its name: in the notebook, or where the function comes from; else the given one."""
    if task.forward is None:
        return None
    name = task.forward.__name__
    found = names.get(name) or getattr(function, "__globals__", {}).get(name)
    return found if callable(found) else task.forward


def _hints(task: Exercise) -> tuple[str, ...]:
    values = recorded(task) if task.stub else None
    return task.hints if values is None else values.hints


# -- the verdict ------------------------------------------------------------------------------------------------------


def _judged(task: Exercise, function: Callable[..., Any], forward: Callable[..., Any] | None, seed: int) -> Outcome:
    """The outcome of a check in which the student's code is not heard."""
    with silence() as heard:
        try:
            report = task.check(function, forward, seed=seed)
        except (Exception, SystemExit) as problem:
            if isinstance(problem, UsageError) or environment.user_line(problem) is None:
                raise  # not the student's
            message = environment.describe(problem, function)
            report = Report(task.name, WRONG, (Finding("", WRONG, message, "error", type(problem).__name__),), "error")
    if report.verdict == NOT_ATTEMPTED and forward is not None and forward is task.forward and function is not forward:
        report = _told_of(report, task, forward)
    if heard():
        report = replace(report, notes=(*report.notes, SILENCED))
    return Outcome(report, () if report.verdict == RIGHT else _hints(task))


def _told_of(report: Report, task: Exercise, forward: Callable[..., Any]) -> Report:
    """A report of what is not written yet, in which a forward that the notebook lacks is said to be missing."""
    name = forward.__name__
    if task.stub and any(finding.message.startswith(f"{name} is not written") for finding in report.findings):
        message = f"{name} is not defined here: run the cell that defines it first"
        return replace(report, findings=(Finding("", NOT_ATTEMPTED, message),))
    return report


@contextlib.contextmanager
def silence() -> Iterator[Callable[[], bool]]:
    """Keep back what code prints, warns of, logs, displays and asks; yields a function that says if it printed."""
    printed = _Sink()
    disabled = logging.root.manager.disable
    asked = builtins.input
    with contextlib.ExitStack() as stack:
        stack.enter_context(_undisplayed())
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        warnings.showwarning = lambda *_, **__: None  # for code that sets a filter of its own
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(_muted_descriptor())
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, disabled)
        builtins.input = _unanswered
        stack.callback(setattr, builtins, "input", asked)
        yield lambda: printed.used


@contextlib.contextmanager
def _muted_descriptor() -> Iterator[None]:
    """Keep back what compiled code writes to standard error past Python, as NumPy does after np.seterr(all="print")."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class _Sink(io.TextIOBase):
    """A stream that forgets what is written to it, however much that is."""

    used = False

    def write(self, text: str) -> int:
        self.used = self.used or bool(text)
        return len(text)


def _unanswered(*prompt: Any) -> str:
    raise EOFError("input() has nobody to ask during a check")


def _undisplayed() -> contextlib.AbstractContextManager[Any]:
    """Keep back pictures and other rich output, where IPython would show them."""
    if _shell() is None:
        return contextlib.nullcontext()
    capture = importlib.import_module("IPython.utils.capture")
    captured: contextlib.AbstractContextManager[Any] = capture.capture_output(stdout=False, stderr=False, display=True)
    return captured


def _shell() -> Any:
    """IPython's shell, if one runs; it is not imported for that."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None


def _displayed() -> bool:
    """Whether somebody shows what an expression gives: IPython, or Python's own prompt."""
    return _shell() is not None or hasattr(sys, "ps1")
