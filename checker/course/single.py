"""`checker grade NOTEBOOK`: one file is graded where it lies, without a course's database.

What a database would know of an assignment is read from its notebook in `source/`.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import precheck
from .folder import find_course
from .outcome import GRADED, Job, Mark, Outcome
from .precheck import Expected

#: What nbgrader puts in the place of an answer, as `notebooks/nbgrader_config.py` tells it to.
STUBS = {"code": "raise NotImplementedError  # your answer goes here", "markdown": "*Your answer goes here.*"}

_SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
#: What a terminal obeys, what turns text around, and halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# -- the verb ---------------------------------------------------------------------------------------------------------


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of `grade`."""
    add = parser.add_argument
    add("notebook", metavar="NOTEBOOK", help="a student's file")
    add("--assignment", metavar="NAME", default="", help="what it answers; default by its cells and its name")
    add("--json", action="store_true", help="print all that came of it as JSON")
    add("--no-isolation", action="store_true", help="run it without a sandbox, with all rights that you have")
    add("--course", metavar="FOLDER", default="", help="the course; default here, or notebooks/")


def run(options: argparse.Namespace) -> int:
    """Grade one notebook, and print what came of it; 0 if everything that was graded is right.

    Raises UsageError where there is no such file, or where nothing says which assignment it answers.
    """
    path = Path(options.notebook)
    course = find_course(options.course)
    names = course.assignments([options.assignment] if options.assignment else [])
    sources = [course.root / "source" / name for name in names]
    outcome = graded(job(path, sources, "none" if options.no_isolation else "full"))
    if options.json:
        print(json.dumps(as_data(outcome), indent=1))
    else:
        show(outcome)
    return int(not right(outcome))


def job(path: Path, sources: Sequence[Path], isolation: str = "full") -> Job:
    """What is to be graded: the notebook in a file, as an answer to one of the assignments in the folders `sources`.

    Raises UsageError where the file cannot be read, or where it may be an answer to none of them or to several.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.stat().st_size > precheck.LARGEST:
        raise UsageError(f"{path} is larger than {precheck.LARGEST // 1_000_000} MB, and will not be graded")
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from None
    known = {source: handed_out(source) for source in sources}
    cells = {(source, name): cells for source, (wanted, _) in known.items() for name, cells in wanted.items()}
    source, name = _answered(path, raw, cells)
    wanted = {name: cells[source, name]}
    return Job("", source.name, wanted, {f"{name}.ipynb": raw}, files=known[source][1], isolation=isolation)


def graded(job: Job, told: Callable[[Mark], None] | None = None) -> Outcome:
    """What comes of a job, graded in this process; `told` hears of each mark as soon as it is known."""
    from .submission import graded as grade  # which loads much

    return Outcome.from_json(grade(job, told))


def right(outcome: Outcome) -> bool:
    """Whether everything that was graded has all its points."""
    full = (mark.score is None or mark.score > mark.points - 1e-9 for mark in outcome.marks)
    return outcome.state == GRADED and all(full)


# -- what was handed out, and what of it came back --------------------------------------------------------------------


def handed_out(source: Path) -> tuple[dict[str, tuple[Expected, ...]], dict[str, bytes]]:
    """The cells of an assignment's notebooks in the folder `source`, by their names, and the files beside them."""
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    }
    notebooks = [name for name in files if name.endswith(".ipynb") and "/" not in name]
    wanted = {name.removesuffix(".ipynb"): _expected(json.loads(files.pop(name))) for name in notebooks}
    return wanted, files


def _expected(notebook: Mapping[str, Any]) -> tuple[Expected, ...]:
    """The cells that nbgrader would know of a notebook with all answers, as they are handed out."""
    found = []
    for cell in notebook["cells"]:
        own = cell["metadata"].get("nbgrader", {})
        grade, solution, locked = (bool(own.get(flag)) for flag in ("grade", "solution", "locked"))
        if grade or solution or locked:
            kind, text = cell["cell_type"], "".join(cell["source"])
            text = _SOLUTION.sub(rf"\1{STUBS[kind]}", text) if solution else text
            found.append(Expected(own["grade_id"], kind, text, grade, solution, locked, float(own.get("points", 0))))
    return tuple(found)


def _answered(path: Path, raw: bytes, known: Mapping[tuple[Path, str], Sequence[Expected]]) -> tuple[Path, str]:
    """Which of the notebooks a file answers: the one that it shares most cells with, of equal ones that of its name."""
    if len(known) == 1:
        return next(iter(known))
    named = [each for each in known if each[1] == path.stem]
    try:
        cells = precheck.parsed(path.name, raw).notebook["cells"]
    except precheck.UnreadableError as problem:
        if len(named) == 1:  # grading it says the same, and more
            return named[0]
        raise UsageError(f"{problem}: say with --assignment what {path} answers") from None
    shared = {each: _shared(cells, expected) for each, expected in known.items()}
    most = max(shared.values(), default=0)
    alike = [each for each in known if shared[each] == most]
    best = [each for each in named if each in alike] or (alike if most else [])
    if len(best) == 1:
        return best[0]
    listed = ", ".join(sorted({source.name for source, _ in best or known}))
    doubt = "may answer several assignments" if best else "has no cell of any assignment"
    raise UsageError(f"{path} {doubt}: say with --assignment which of {listed} it is")


def _shared(cells: Sequence[Mapping[str, Any]], expected: Sequence[Expected]) -> int:
    """How many of the expected cells there are, by their ids or by what they define."""
    ids = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells} | {cell["id"] for cell in cells}
    defined = {name for cell in cells for name in precheck.defined(cell["source"])}
    return sum(each.grade_id in ids or (bool(each.defines) and each.defines <= defined) for each in expected)


# -- what is shown ----------------------------------------------------------------------------------------------------


def as_data(outcome: Outcome) -> dict[str, Any]:
    """An outcome for `json`, with its sums, and without the notebooks themselves."""
    data = asdict(outcome)
    for each in data["notebooks"]:
        del each["notebook"]
    return {**data, "score": outcome.score, "points": outcome.points, "by_hand": outcome.by_hand}


def show(outcome: Outcome) -> None:
    """Print the exercises with points and verdicts, then what is said of those that are not right."""
    from rich.console import Console
    from rich.table import Table

    if outcome.state != GRADED:
        print(plain(f"{outcome.assignment}: not graded: {'; '.join(outcome.notes)}"))
    else:
        table = Table("exercise", "points", "verdict", box=None)
        for mark in outcome.marks:
            points = f"{mark.points:g}, by hand" if mark.score is None else f"{mark.score:.4g} of {mark.points:g}"
            kind = f" ({mark.kind})" if mark.kind else ""
            table.add_row(mark.exercise or mark.grade_id, points, plain(mark.verdict + kind))
        Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False).print(table)
        for mark in outcome.marks:
            if mark.score is not None and mark.score < mark.points and explained(mark):
                print(f"\n{explained(mark)}")
        by_hand = f"; {outcome.by_hand:g} are to be given by hand" if outcome.by_hand else ""
        print(f"\n{outcome.assignment}: {outcome.score:.4g} of {outcome.points:g} points{by_hand}")
        for note in outcome.notes:
            print(plain(f"note: {note}"))
    for incident in outcome.incidents:
        print(plain(f"sandbox: {incident}"))
    if outcome.isolation == "none":
        print("GRADED WITHOUT ISOLATION: what was submitted could read and change whatever you can")


def explained(mark: Mark) -> str:
    """What is said of a mark, for a terminal or a page."""
    return plain(mark.said.rstrip() or "\n".join(text for text in (mark.message, mark.advice) if text))


def plain(text: str) -> str:
    """A text without control characters, which a student's message may hold."""
    return _CONTROL.sub("?", text)
