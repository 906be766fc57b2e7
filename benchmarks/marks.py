"""Marks from nbgrader, otter and ours: what tricks earn whose answers are worthless, and what honest students lose."""

from collections.abc import Iterator

from . import tricks
from .classroom import POINTS
from .graders import GRADERS, graded, installed
from .results import Result
from .table import Cell, Table, markdown

PEERS = ("nbgrader", "otter-grader")
#: What stands for the marks of a student whom a grader did not grade.
UNGRADED = "not graded"


def measure(quick: bool = False) -> Iterator[Table]:
    """What is earned, and what is lost, unfairly."""
    # Otter takes ten seconds for a submission.
    graders = [name for name in GRADERS if installed(name) and not (quick and name == "otter")]
    yield earned(graders, 1 if quick else None)
    yield lost(graders, 1 if quick else None)


def earned(graders: list[str], count: int | None) -> Table:
    """What tricks earn that deserve nothing."""
    runs = [graded(name, tricks.hostile(count)) for name in graders]
    rows = [
        [words, *(taken.scores[f"trick{place:02}"] for taken in runs)]
        for place, words in enumerate(list(tricks.TRICKS)[:count])
    ]
    title = f"Marks of {POINTS:g} for worthless answers: deserved are none; a dash is none given"
    return Table("earned", title, ["trick", *graders], rows)


def lost(graders: list[str], count: int | None) -> Table:
    """What honest students lose, whose answers are all right."""
    runs = [graded(name, tricks.honest(count)) for name in graders]
    rows = [
        [words, *(_lost(taken.scores[f"odd{place:02}"]) for taken in runs)]
        for place, words in enumerate(list(tricks.ODDITIES)[:count])
    ]
    slips = [graded(name, tricks.copied()) for name in graders]
    rows.append([f"{tricks.COPIED} (its owner)", *(_lost(taken.scores["mmm"]) for taken in slips)])
    rows.append([f"{tricks.COPIED} (who comes next)", *(_lost(taken.scores["zzz"]) for taken in slips)])
    title = f"Marks of {POINTS:g} that honest students lose"
    return Table("lost", title, ["what they did beside right answers", *graders], rows)


def _lost(score: float | None) -> Cell:
    return UNGRADED if score is None else POINTS - score


def readme(result: Result) -> str:
    """How many tricks earn anything, and every oddity."""
    earned, lost = result.tables["earned"], result.tables["lost"]
    graders = earned.header[1:]
    successes = [sum(map(bool, earned.column(name).values())) for name in graders]
    rows = [[f"of {len(earned.rows)} well-known tricks, those that earn marks for worthless answers", *successes]]
    for words, *cells in lost.rows:
        rows.append([f"right answers and {words}: marks lost, of {POINTS:g}", *map(_points, cells)])
    names = ["this" if name == "checker" else name for name in graders]
    return markdown(["", *names], rows) + "\n\n" + result.setting()


def _points(cell: Cell) -> Cell:
    return f"{cell:g}" if isinstance(cell, int | float) else cell
