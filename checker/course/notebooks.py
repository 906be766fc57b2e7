"""From a percent-format source to the nbgrader notebook of an assignment, the same bytes every time.

A source is prose and code in cells that begin with `# %%` or `# %% [markdown]`. Two lines stand for more, each in a
code cell of its own:

    exercise("batchnorm.batchnorm_backward")     a cell for the answer, and one that tests it
    question("why_sum", points=2)                the markdown cell below is answered in words, and graded by hand

A question's model answer stands between `### BEGIN SOLUTION` and `### END SOLUTION`. Code that the exercises need (the
imports, `check`, `draw` and `hint`) is put into a cell of its own above the first code.
"""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..credit import total
from ..errors import UsageError
from ..exercises import Exercise, exercises_in
from . import cells
from .key import KEYS

FOLDER, SOURCES, SOURCE = "notebooks", "sources", "source"
SCHEMA = 3
#: What is in reach of every cell below the first.
TOOLS = ("import numpy as np", "from checker.notebook import check, draw, hint")

_HEAD = re.compile(r"^# %%(?: +(?P<rest>.*))?$")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,55}")  # as nbgrader and nbformat take them, with room for an ending


@dataclass(frozen=True)
class Part:
    """A cell of a source: "code" or "markdown", its text, and the line where it begins."""

    kind: str
    text: str
    line: int


def sources(root: Path) -> list[Path]:
    """The sources of the assignments."""
    return sorted((root / FOLDER / SOURCES).glob("*.py"))


def made(root: Path, source: Path) -> tuple[Path, str]:
    """The path and the text of a source's notebook. Raises UsageError where it asks for what there is not."""
    try:
        text = written(source.read_text(encoding="utf-8"))
    except UsageError as problem:
        raise UsageError(f"{source.relative_to(root)}, {problem}") from None
    return root / FOLDER / SOURCE / source.stem / f"{source.stem}.ipynb", text


def orphans(root: Path) -> list[Path]:
    """Notebooks whose source is gone."""
    found = sorted((root / FOLDER / SOURCE).glob("*/*.ipynb"))
    return [path for path in found if not (root / FOLDER / SOURCES / f"{path.parent.name}.py").is_file()]


def written(source: str) -> str:
    """The notebook of a source, as the text of its file."""
    return json.dumps(notebook(source), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def notebook(source: str) -> dict[str, Any]:
    """The notebook of a source, in nbformat's version 4.5. Raises UsageError with the line that is at fault."""
    parts = read(source)
    asked = [_exercise(found[0], part) for part in parts if (found := _call(part, "exercise"))]
    made: list[dict[str, Any]] = []
    known, first = _setup(asked)
    setup: dict[str, Any] | None = first
    waiting: dict[str, Any] | None = None
    for part in parts:
        if part.kind == "code" and setup is not None:
            made.append(setup)
            setup = None
        if found := _call(part, "exercise"):
            made += _asked(_exercise(found[0], part), known)
        elif found := _call(part, "question"):
            waiting = _question(*found, part)
        elif waiting is not None:
            made.append(_in_words(part, waiting))
            waiting = None
        else:
            made.append(_cell(part.kind, part.text, f"cell-{len(made) + 1}"))
    if waiting is not None:
        raise UsageError(f"line {parts[-1].line}: no markdown cell stands below the question {waiting['grade_id']}")
    _demand_own_names(made)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def exercises(source: str) -> list[str]:
    """The exercises that a source asks for, as "topic.name", in its order."""
    return [str(found[0]) for part in read(source) if (found := _call(part, "exercise"))]


def questions(source: str) -> dict[str, float]:
    """The points of the questions that a source asks, by name."""
    return {str(found[0]): float(found[-1]["points"]) for part in read(source) if (found := _call(part, "question"))}


def read(source: str) -> list[Part]:
    """The cells of a percent-format text; what stands above the first one is no cell."""
    parts: list[Part] = []
    kind, lines, first = "", [""], 0
    for number, line in enumerate([*source.splitlines(), "# %%"], 1):
        head = _HEAD.match(line)
        if head is None:
            lines.append(line)
            continue
        if kind:
            parts.append(Part(kind, _text(kind, lines), first))
        kind = "markdown" if "[markdown]" in (head["rest"] or "") else "code"
        lines, first = [], number
    return [part for part in parts if part.text]


def _text(kind: str, lines: list[str]) -> str:
    if kind == "markdown":
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
    return "\n".join(lines).strip("\n")


def _call(part: Part, name: str) -> list[Any] | None:
    """The arguments of `name(...)` if that is all that a code cell says: the positional ones, then a dict of others."""
    if part.kind != "code" or not part.text.startswith(f"{name}("):
        return None
    try:
        (line,) = ast.parse(part.text).body
        call = line.value  # type: ignore[attr-defined]
        return [ast.literal_eval(each) for each in call.args] + [
            {each.arg: ast.literal_eval(each.value) for each in call.keywords}
        ]
    except (SyntaxError, ValueError, AttributeError):
        raise UsageError(f"line {part.line}: {name}(...) stands in a cell of its own, with plain values") from None


def _exercise(name: Any, part: Part) -> Exercise:
    """The exercise of a name."""
    try:
        return find(str(name))
    except UsageError as problem:
        raise UsageError(f"line {part.line}: {problem}") from None


def find(name: str) -> Exercise:
    """The exercise "topic.name" of `solutions/`. Raises UsageError where there is none."""
    topic, _, own = name.rpartition(".")
    try:
        module = importlib.import_module(f"{KEYS}.{topic}")
    except ModuleNotFoundError:
        raise UsageError(f"there is no {KEYS}/{topic}.py") from None
    found = next((task for task in exercises_in(module) if task.name == own), None)
    if found is None:
        raise UsageError(f"{KEYS}/{topic}.py has no exercise {own}")
    return found


# -- cells ------------------------------------------------------------------------------------------------------------


def _setup(asked: list[Exercise]) -> tuple[set[str], dict[str, Any]]:
    """The names that the first code cell brings, and that cell."""
    imports = {piece.text: piece.name for task in asked for piece in _pieces(task) if piece.imported}
    lines = cells.merged([*imports, *TOOLS])
    names = {*imports.values(), "np", "check", "draw", "hint"}
    return names, _graded("code", "\n".join(lines), "setup", locked=True)


def _pieces(task: Exercise) -> list[cells.Piece]:
    return cells.pieces(task.topic, [half.__name__ for half in reversed(task.halves)])


def _asked(task: Exercise, known: set[str]) -> Iterator[dict[str, Any]]:
    """The cell for an answer and the cell that tests it; `known` grows by what the first one defines."""
    new = [piece for piece in _pieces(task) if piece.name not in known]
    known |= {piece.name for piece in new}
    yield _graded("code", _joined([cells.filled(piece, known) for piece in new]), task.name, solution=True)
    hidden = f'from checker.course.grading import grade\n\ngrade("{task.topic}.{task.name}")'
    test = f"check({task.name})\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    yield _graded("code", test, f"{task.name}_test", grade=True, locked=True, points=total(task))


def _joined(texts: list[str]) -> str:
    """Statements with two blank lines around functions and classes, and none between constants."""
    shown = list(dict.fromkeys(texts))  # one statement may define several names
    long = [text.startswith(("def ", "class ", "@")) for text in shown]
    gaps = ["\n\n\n" if this or before else "\n" for this, before in zip(long[1:], long)]
    return "".join([*shown[:1], *(gap + text for gap, text in zip(gaps, shown[1:]))])


def _question(grade_id: Any, *others: Any) -> dict[str, Any]:
    """What a question declares: its id and its points."""
    named, part = others[0], others[-1]
    if len(others) != 2 or set(named) != {"points"} or not _ID.fullmatch(str(grade_id)) or not named["points"] > 0:
        raise UsageError(f'line {part.line}: a question is declared as question("its_name", points=2)')
    return {"grade_id": str(grade_id), "points": named["points"]}


def _in_words(part: Part, declared: dict[str, Any]) -> dict[str, Any]:
    """The markdown cell of a question."""
    if part.kind != "markdown" or "### BEGIN SOLUTION" not in part.text or "### END SOLUTION" not in part.text:
        raise UsageError(
            f"line {part.line}: a question is a markdown cell below question(...), with its model answer between "
            "### BEGIN SOLUTION and ### END SOLUTION"
        )
    return _graded("markdown", part.text, **declared, grade=True, solution=True)


def _graded(
    kind: str,
    text: str,
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict[str, Any]:
    """A cell that nbgrader knows."""
    known: dict[str, Any] = {"grade": grade, "grade_id": grade_id, "locked": locked, "solution": solution}
    known |= {"schema_version": SCHEMA, "task": False}
    if points is not None:
        known["points"] = int(points) if float(points).is_integer() else float(points)
    return _cell(kind, text, grade_id, {"nbgrader": known})


def _cell(kind: str, text: str, name: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata or {}, "source": lines}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _demand_own_names(made: list[dict[str, Any]]) -> None:
    """Refuse two cells of one name: nbgrader would take one for the other."""
    names = [cell["id"] for cell in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two cells are called {twice[0]}: ask for an exercise once, and give questions other names")
