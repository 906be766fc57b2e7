"""Judging an answer to an exercise: ordinary points, edges, large numbers; and which known mistake it makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from . import environment, tree
from .diagnose import Case as Evidence
from .diagnose import Cause
from .errors import UsageError
from .exercises import Case, Exercise
from .kinds import Answer, kind
from .kinds.value import unwritten
from .recognise import APART, SAME, Doing, Mistake, apart, recognise, rounding, same
from .recorded import Recorded, recorded
from .report import RIGHT, WRONG, Finding, Report

#: At how many ordinary points an answer must equal a known mistake, besides the edges.
DRAWS = 3
#: Where numbers are large, an answer may differ from the reference by this.
OVERFLOWN = 1e-6


def check(task: Exercise, answer: Answer, **options: Any) -> Report:
    """Judge an answer by the exercise's own halves, which are right. See `Exercise.check`."""
    return _Judgement(task, answer, options).report()


def check_alone(task: Exercise, answer: Answer, **options: Any) -> Report:
    """Judge a stub where no reference is at hand: by recorded values, and by its own forward's derivative."""
    return _Alone(task, answer, options).report()


def known_mistakes(task: Exercise, answer: Answer) -> dict[str, Mistake]:
    """The known mistakes that an answer makes, by the names of what it does wrong."""
    return _Judgement(task, answer, {}).known


@dataclass
class _Judgement:
    """An answer under judgement, by a right one."""

    task: Exercise
    answer: Answer
    options: dict[str, Any]

    @property
    def right(self) -> Answer:
        """The right answer."""
        return Answer(self.task.answer, self.task.forward)

    @property
    def seed(self) -> int:
        """What draws the inputs."""
        return int(self.options.get("seed", 0))

    def report(self) -> Report:
        """Ordinary points, then the edges, then large numbers; the first fault ends it."""
        task = self.task
        report = self.judge(self.task.inputs(self.seed), **self.options)
        for name, case in {"other numbers": {}, **task.edges}.items() if report else ():
            there = self.judge(task.inputs(self.seed + 1, case), **self.options | {"trials": 0})
            report = _joined(report, there, name, bool(case), self.seed)
            if not report:
                break
        if report:
            report = self.overflowing(report)
        if report.verdict == WRONG:
            return self.named(report)
        tried = ", ".join((*task.edges, *task.overflow)) if report else ""
        return replace(report, notes=(*report.notes, f"tried as well: {tried}")) if tried else report

    def judge(self, inputs: tuple[Any, ...], **options: Any) -> Report:
        """The verdict of the exercise's kind at one point."""
        expected = self.doing(self.right, inputs)
        return _guarded(self.task, self.answer, inputs, expected, advise=self._cause, **options)

    def doing(self, answer: Answer, inputs: tuple[Any, ...], seed: int = 0) -> Doing:
        """What an answer does at one point; `seed` draws the upstream gradient of a backward."""
        drawn = {"seed": seed} if self.task.kind == "backward" else {}
        done: Doing = kind(self.task.kind).doing(self.task, answer, inputs, **drawn)
        return done

    def overflowing(self, report: Report) -> Report:
        """A right report, or one that says where the answer is no longer what the reference gives."""
        for name, case in self.task.overflow.items():
            inputs = self.task.inputs(self.seed, case)
            mine, right = self.doing(self.answer, inputs), self.doing(self.right, inputs)
            report = _overflown(report, name, mine, right, rounding(inputs, 2))
            if not report:
                break
        return report

    # -- known mistakes -----------------------------------------------------------------------------------------------

    def named(self, report: Report) -> Report:
        """The report with each known mistake's name and advice at the first gradient that it gets wrong.

        Where the forward is wrong, that comes first: its cache can make a right backward look wrong.
        """
        forward = [finding for finding in report.findings if finding.kind == "forward"]
        findings = forward or list(report.findings)
        explained: dict[str, set[str]] = {}
        for key, known in self.known.items():
            explained.setdefault(known.name, set()).add(key.partition(" ")[2])
        advice = {known.name: known.advice for known in self.known.values()}
        left = [place for place, finding in enumerate(findings) if finding.verdict == WRONG]
        for name, subjects in explained.items():
            places = [place for place in left if findings[place].subject in {"", *subjects}]
            if not places and not forward:
                places = left[:1]
            for place in places:  # said once, though it may show in several gradients
                cause, help_line = (name, advice[name]) if place == places[0] else ("", "")
                findings[place] = replace(findings[place], cause=cause, advice=help_line)
                left.remove(place)
        return replace(report, findings=tuple(findings))

    def _cause(self, case: Evidence) -> Cause | None:
        """The known mistake, if there is nothing else to explain."""
        wrong = {name for name, entries in zip(case.names, case.wrong) if np.any(entries)}
        known = next(iter(self.known.values()), None)
        if known is None or not wrong <= {key.partition(" ")[2] for key in self.known}:
            return None
        return Cause(known.name, "", f"the numbers of a known mistake, {known.name.replace('_', ' ')}", known.advice)

    @cached_property
    def known(self) -> dict[str, Mistake]:
        """The known mistakes that this answer makes, by what they get wrong."""
        task, how = self.task, kind(self.task.kind)
        rtol, different, bound = getattr(how, "SAME", SAME), getattr(how, "APART", APART), getattr(how, "BOUND", ())
        known = partial(recognise, rtol=rtol, different=different, bound=bound)
        mine, right, *wrong = self._everywhere("edges", [{}] * DRAWS + list(task.edges.values()))
        found = known(mine, right, list(zip(task.mistakes, wrong)))
        if found or not task.overflow:
            return found
        # Two ways to write one formula part where numbers overflow: only mistakes that are right elsewhere count there.
        quiet = [place for place, done in enumerate(wrong) if not apart(done, right, different)]
        mine, right, *wrong = self._everywhere("overflow", list(task.overflow.values()))
        return known(mine, right, [(task.mistakes[place], wrong[place]) for place in quiet])

    def _everywhere(self, what: str, cases: Sequence[Case]) -> list[list[Doing]]:
        """What the answer, the reference and every known mistake do in these cases, each with another upstream."""
        task, points = self.task, [self.task.inputs(100 + place, case) for place, case in enumerate(cases)]
        key, names = f"{what} {len(task.mistakes)}", task.declaration.names
        there, done = task.done.get(key, (None, []))
        if not _alike(there, (names, points)):  # a stub may declare its inputs otherwise than its key does
            answers = [self.right, *(known.answer for known in task.mistakes)]
            done = [self._at_all(answer, points) for answer in answers]
            task.done[key] = (names, points), done
        return [self._at_all(self.answer, points), *done]

    def _at_all(self, answer: Answer, points: Sequence[tuple[Any, ...]]) -> list[Doing]:
        return [self.doing(answer, inputs, place) for place, inputs in enumerate(points)]


@dataclass
class _Alone:
    """A student's answer under judgement where no right one is installed."""

    task: Exercise
    answer: Answer
    options: dict[str, Any]

    def report(self) -> Report:
        """The recorded points first, then others, the edges, and large numbers."""
        task, seed = self.task, int(self.options.get("seed", 0))
        known = recorded(task)
        if known is None:
            raise UsageError(
                f"{task.name} has no recorded values beside its stub; make them with: python -m checker build"
            )
        report: Report | None = None
        for point in known.ordinary:
            there = self.judge(point, **self.options)
            report = there if report is None else _joined(report, there, point.name, point.name in task.edges, seed)
            if not report:
                return report
        assert report is not None
        for point in known.overflow:
            mine: Doing = kind(task.kind).doing(task, self.answer, point.inputs)
            report = _overflown(report, point.name, mine, point.expected, rounding(point.inputs, 2))
            if not report:
                return report
        names = ", ".join(point.name for point in (*known.ordinary[1:], *known.overflow))
        return replace(report, notes=(*report.notes, f"tried as well: {names}")) if names else report

    def judge(self, point: Recorded, **options: Any) -> Report:
        """The verdict at a recorded point; the search for others starts from the first."""
        if point.name != "ordinary":
            options = options | {"trials": 0}
        return _guarded(self.task, self.answer, point.inputs, point.expected, **options)


def _alike(a: Any, b: Any) -> bool:
    """Whether two trees have the same leaves in the same places."""
    mine, theirs = list(tree.flatten(a)), list(tree.flatten(b))
    return len(mine) == len(theirs) and all(
        there == here and type(x) is type(y) and np.array_equal(x, y) for (there, x), (here, y) in zip(mine, theirs)
    )


def _guarded(task: Exercise, answer: Answer, inputs: tuple[Any, ...], expected: Doing, **options: Any) -> Report:
    """The verdict of the exercise's kind; whatever the answer raises is its author's."""
    try:
        report: Report = kind(task.kind).judge(task, answer, inputs, expected, **options)
        return report
    except NotImplementedError:
        return unwritten(task, answer.function)
    except UsageError as problem:  # how the answer is to be called is not clear: for an author's own code, not here
        return Report(task.name, WRONG, (Finding("", WRONG, str(problem), "contract", "signature"),), "contract")
    except Exception as problem:
        if not environment.is_authors(problem):
            raise
        message = environment.describe(problem, answer.function)
        return Report(task.name, WRONG, (Finding("", WRONG, message, "error", type(problem).__name__),), "error")


def _joined(report: Report, there: Report, name: str, edge: bool, seed: int) -> Report:
    """A right report with another point's cost, or that point's if it is wrong."""
    if there.verdict != RIGHT and (there.verdict == WRONG or edge):
        edge = edge and there.kind in ("values", "shape", "forward", "error")
        where = f"right at ordinary inputs, wrong with {name} (seed {seed})" if there.verdict == WRONG else ""
        return replace(there, kind="edge" if edge else there.kind, where=where)
    forwards, backwards = report.forwards + there.forwards, report.backwards + there.backwards
    return replace(report, forwards=forwards, backwards=backwards)


def _overflown(report: Report, case: str, mine: Doing, right: Doing, atol: float) -> Report:
    """A right report, or what is lost where numbers are large."""
    numbers = [key for key in right if key.startswith(("output", "gradient"))]
    lost = [key for key in numbers if not same(mine.get(key), right[key], OVERFLOWN, atol)]
    if not lost:
        return report
    return replace(report, verdict=WRONG, kind="unstable", findings=tuple(_lost(report, case, lost, mine)))


def _lost(report: Report, case: str, lost: list[str], mine: Doing) -> Iterator[Finding]:
    finite = all(np.all(np.isfinite(mine.get(key, np.nan))) for key in lost)
    what = "loses its digits" if finite else "overflows"
    subjects = list(dict.fromkeys(key.partition(" ")[2] for key in lost))
    advice = "rewrite the formula so that nothing that is exponentiated or divided by grows without bound"
    message = f"right at ordinary inputs, but it {what} with {case}"
    yield Finding(subjects[0], WRONG, message, "unstable", "overflow", advice)
    yield from (Finding(s, WRONG, f"{s}: {message}", "unstable") for s in subjects[1:])
    yield from (f for f in report.findings if f.subject not in subjects and f.verdict == RIGHT and not f.kind)
