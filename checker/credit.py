"""Partial credit: what an exercise's report is worth, gradient by gradient.

An exercise's points belong to the parts of its answer: the gradients of a backward, the derivatives of a Jacobian by
several inputs, a staged graph's nodes and inputs, the values of a function that returns several. They are as declared
(`points={"x": 3, "gamma": 1}`), or equal. A part that is right earns its points although another has wrong numbers or a
wrong shape; what is right at ordinary inputs, and wrong in a corner case or where numbers are large, earns SPOILT of
them. What concerns the whole answer earns nothing: a wrong forward, a broken contract, an exception, a stub.

Grade by full checks: once a fast one has found something wrong, it does not vouch for the rest, and no part earns.
"""

from dataclasses import dataclass
from fractions import Fraction

from .exercises import Exercise
from .kinds import MEASURED
from .report import NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report

#: The share that a part keeps which is right at ordinary inputs, but wrong at an edge or where numbers are large.
SPOILT = Fraction(1, 2)
#: Faults that are met only there.
ELSEWHERE = ("edge", "unstable")
#: Faults that leave no part to be trusted, where they are met at ordinary inputs.
WHOLE = ("forward", "contract", "error")
#: Kinds of exercise whose parts are the values that they return; of those that are MEASURED, the parts are the inputs
#: (and nodes) that they are differentiated by. Of any other kind an answer has one part.
VALUED = ("value", "stream")


@dataclass(frozen=True)
class Part:
    """One gradient or value (`name` is "" where the answer is one whole): what it earned, of how many points."""

    name: str
    earned: float
    points: float


def total(task: Exercise) -> float:
    """The points of an exercise."""
    return float(sum(map(_exact, task.shares.values())) if task.shares else _exact(task.points))


def credit(task: Exercise, report: Report) -> float:
    """The points that a report on an answer to `task` earns: a plain float from 0 to `total(task)`."""
    return float(sum(earned for earned, _ in _earned(task, report).values()))


def parts(task: Exercise, report: Report) -> tuple[Part, ...]:
    """What each part of the answer earned; together they have the points of the exercise."""
    return tuple(Part(name, float(earned), float(share)) for name, (earned, share) in _earned(task, report).items())


def _earned(task: Exercise, report: Report) -> dict[str, tuple[Fraction, Fraction]]:
    """For each part, the points that it earned and those that it has."""
    shares = _shares(task, report)
    owner = [_owner(finding, shares) for finding in report.findings]
    common = [finding for finding, name in zip(report.findings, owner) if name is None]
    whole = _common(report, common)
    found: dict[str, tuple[Fraction, Fraction]] = {}
    for name, share in shares.items():
        own = [_worth(report, finding) for finding, its in zip(report.findings, owner) if its == name]
        found[name] = share * min(whole, sum(own) / Fraction(len(own)) if own else _unjudged(task, report)), share
    return found


def _shares(task: Exercise, report: Report) -> dict[str, Fraction]:
    """The points of each part, by its name."""
    names: tuple[str, ...] = ()
    if task.kind in MEASURED:
        names = (*task.nodes, *task.wrt)
    elif task.kind in VALUED and report.kind not in WHOLE:
        names = tuple(dict.fromkeys(f.subject for f in report.findings if f.subject != "memory"))
    if task.kind in MEASURED and task.shares:
        return {name: _exact(task.shares[name]) for name in names}
    return dict.fromkeys(names or ("",), _exact(task.points) / max(1, len(names)))


def _owner(finding: Finding, shares: dict[str, Fraction]) -> str | None:
    """The part that a finding is about: `ws[0]` belongs to ws. None where it is about the whole answer."""
    if finding.subject in shares:
        return finding.subject
    root = finding.subject.partition("[")[0]
    return root if root in shares else None


def _worth(report: Report, finding: Finding) -> Fraction:
    """The share that is left of what a finding is about."""
    if finding.verdict == RIGHT:
        return Fraction(not (report.mode == "fast" and report.verdict == WRONG and report.kind not in ELSEWHERE))
    spoilt = finding.verdict == WRONG and (report.kind in ELSEWHERE or finding.kind == "unstable")
    return SPOILT if spoilt else Fraction(0)


def _common(report: Report, common: list[Finding]) -> Fraction:
    """The share that every part keeps, whatever is known of it: none where a fault concerns the whole answer."""
    if report.verdict == RIGHT:
        return Fraction(1)
    if report.verdict == NOT_ATTEMPTED or report.kind in WHOLE:
        return Fraction(0)
    return min((_worth(report, finding) for finding in common), default=Fraction(1))


def _unjudged(task: Exercise, report: Report) -> Fraction:
    """The share of a part that no finding is about, such as a gradient that was not returned."""
    if report.kind in ELSEWHERE:  # at ordinary inputs it was right
        return SPOILT
    return Fraction(report.verdict == RIGHT and task.kind not in MEASURED)


def _exact(points: float) -> Fraction:
    """Points as they are written: three tenths are three tenths."""
    return Fraction(str(float(points)))
