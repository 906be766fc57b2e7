"""What students send, made fit for nbgrader or refused in one sentence: files first, then cells.

nbgrader takes a notebook as it comes: a cell that was copied ends the whole batch, one that was deleted leaves its
points open for ever. Here a submission's cells are compared with those that were handed out. Whatever can be put right
is, with a note that says so; nothing that was submitted is changed.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
#: What was put right, and the id of the cell.
Note = tuple[str, str]
COPIED, MOVED, EDITED = "copied, and kept once", "moved, and put back", "locked, but edited, and restored"
MISSING, GONE = "missing, and put back", "answers that are gone"
RETYPED, LOST, CHANGED = "of another type", "without metadata", "with changed metadata"

#: Bytes of one file, and how many files are looked at.
LARGEST, MOST = 200_000_000, 50
#: When something was handed in, as nbgrader writes it.
STAMP = "timestamp.txt"
#: Bytes of a date. Of a long text, reading it as one takes for ever.
DATED = 100
_HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS\n?", re.MULTILINE | re.DOTALL)


class UnreadableError(Exception):
    """A submission that cannot be graded; the message says why."""


@dataclass(frozen=True)
class Expected:
    """A cell as nbgrader knows it from the assignment: `source` is what was handed out, with hidden tests."""

    grade_id: str
    kind: str
    source: str
    grade: bool = False
    solution: bool = False
    locked: bool = False
    points: float = 0.0
    checksum: str | None = None

    @property
    def shown(self) -> str:
        """What a student was given."""
        return _HIDDEN.sub("", self.source).strip()

    @property
    def defines(self) -> set[str]:
        """The functions and classes that are asked for there."""
        return defined(self.source) if self.solution and self.kind == "code" else set()

    @property
    def metadata(self) -> dict[str, Any]:
        """What nbgrader wants to find in the cell."""
        known = {"grade": self.grade, "grade_id": self.grade_id, "locked": self.locked, "solution": self.solution}
        points = {"points": self.points} if self.grade else {}
        checksum = {"checksum": self.checksum} if self.checksum else {}
        return {**known, "schema_version": 3, "task": False, "cell_type": self.kind, **points, **checksum}


@dataclass
class Submission:
    """A notebook that can be graded, and what was put right in it."""

    notebook: dict[str, Any]
    notes: list[str] = field(default_factory=list)


# -- files ------------------------------------------------------------------------------------------------------------


def collected(folder: Path, wanted: Iterable[str] = ()) -> tuple[dict[str, bytes], dict[str, str]]:
    """A student's notebooks as bytes, by their path below the folder; and why others are left where they are.

    Those that are `wanted`, by name, come first. Nothing is followed that leads out of the folder, and nothing is read
    as anything but bytes. Files that are no notebooks are left behind, but for nbgrader's `timestamp.txt`.
    """
    first = [f"{name}.ipynb" for name in wanted]
    if folder.is_symlink() or folder.parent.is_symlink():
        return {}, dict.fromkeys(first or [folder.name], "lies in a folder that is a link to another one")
    found: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    for name, path in sorted(paths.items(), key=lambda item: item[0] not in (STAMP, *first)):
        if (".ipynb" not in path.name and name != STAMP) or ".ipynb_checkpoints" in path.parts:
            continue
        try:
            if path.is_symlink() or any(part.is_symlink() for part in path.parents if folder in part.parents):
                refused[name] = "is a link to another file"
            elif path.is_file():
                why = _unfit(name, path.stat().st_size, found)
                if why:
                    refused[name] = why
                else:
                    found[name] = path.read_bytes()
        except OSError as problem:
            refused[name] = f"cannot be read: {problem.strerror}"
    return found, refused


def _unfit(name: str, size: int, found: Mapping[str, bytes]) -> str:
    """Why a file of that size is not read behind those that were; "" if it is."""
    if name == STAMP:
        return "is no date: it counts as handed in on time" if size > DATED else ""
    if size > LARGEST:
        return f"is larger than {LARGEST // 1_000_000} MB"
    if len(found) >= MOST or size + sum(map(len, found.values())) > 2 * LARGEST:
        return "is one of too many files"
    return ""


def prepared(
    submitted: Mapping[str, bytes], refused: Mapping[str, str], wanted: Mapping[str, Sequence[Expected]]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The notebooks of a submission, repaired, by name; and what was put right.

    `wanted` holds the cells of each notebook of the assignment, by its name. Raises UnreadableError where there is
    nothing to grade.
    """
    notes = [f"{STAMP} {refused[STAMP]}"] if STAMP in refused else []
    problems: list[str] = []
    ready: dict[str, dict[str, Any]] = {}
    for name, expected in wanted.items():
        try:
            found, remarks = _found(submitted, refused, name, expected)
        except UnreadableError as problem:
            problems.append(str(problem))
            continue
        cells, repairs = repaired(found.notebook["cells"], expected)
        ready[name] = {**found.notebook, "cells": cells}
        notes += [*remarks, *found.notes, *repairs]
    if not ready:
        raise UnreadableError("; ".join(problems))
    return ready, [*problems, *notes]


def _found(
    submitted: Mapping[str, bytes], refused: Mapping[str, str], name: str, expected: Sequence[Expected]
) -> tuple[Submission, list[str]]:
    """A notebook; one of another name if it is plain which one is meant."""
    wanted = f"{name}.ipynb"
    if wanted in refused:
        raise UnreadableError(f"{wanted} {refused[wanted]}")
    if wanted in submitted:
        return parsed(wanted, submitted[wanted]), []
    alike = [other for other in submitted if other != STAMP and _resembles(other, submitted[other], expected)]
    if len(alike) == 1:
        return parsed(alike[0], submitted[alike[0]]), [f"{alike[0]} was taken for {wanted}"]
    if alike:
        raise UnreadableError(f"there is no {wanted}, and several files might be meant: {', '.join(alike)}")
    left = "".join(f"; {other} {why}" for other, why in refused.items())
    raise UnreadableError(f"there is no {wanted}{left}")


def _resembles(name: str, data: bytes, expected: Sequence[Expected]) -> bool:
    """Whether a file holds cells of a notebook."""
    try:
        cells, ids = parsed(name, data).notebook["cells"], {each.grade_id for each in expected}
    except UnreadableError:
        return False
    return any(_grade_id(cell) in ids for cell in cells)


def parsed(name: str, raw: bytes) -> Submission:
    """A notebook's file in today's format, without outputs. Raises UnreadableError where it is none."""
    name = name.rpartition("/")[2]
    text = _decoded(name, raw)
    if not text.strip():
        raise UnreadableError(f"{name} is empty")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        line = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        merge = ", with the marks of a merge that failed" if "\n<<<<<<< " in text else ""
        raise UnreadableError(f"{name} is not valid JSON{line}{merge}") from None
    notes: list[str] = []
    if isinstance(data, dict) and data.get("nbformat") in (1, 2, 3) and "worksheets" in data:
        notes.append(f"it was saved in the notebook format {data['nbformat']}, and brought up to 4")
        data = _upgraded(text, name)
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        raise UnreadableError(f"{name} is no notebook: it has no cells")
    if data.get("nbformat", 4) != 4:
        raise UnreadableError(f"{name} is in the notebook format {data['nbformat']}, which is not known here")
    metadata = data["metadata"] if isinstance(data.get("metadata"), dict) else {}
    kernel = metadata.get("kernelspec")
    kernel = kernel.get("name") if isinstance(kernel, dict) else None
    if kernel not in (None, "python3"):
        notes.append(f"its kernel was called {str(kernel)[:40]!r}; it runs with python3")
    cells = [_plain(cell, place) for place, cell in enumerate(data["cells"]) if isinstance(cell, dict)]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": _named_once(cells), "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    return Submission(notebook, notes)


def _decoded(name: str, raw: bytes) -> str:
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            break
    raise UnreadableError(f"{name} is not text, so it is no notebook")


def _upgraded(text: str, name: str) -> Any:
    """A notebook of an old format in today's."""
    import nbformat

    try:
        return json.loads(nbformat.writes(nbformat.reads(text, as_version=4)))
    except Exception as problem:
        raise UnreadableError(f"{name} is in an old notebook format and cannot be converted: {problem}") from None


def _plain(cell: Mapping[str, Any], place: int) -> Cell:
    """A cell with what nbformat demands, and no outputs."""
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "markdown"
    source = cell.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else source if isinstance(source, str) else ""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    metadata = dict(cell["metadata"]) if isinstance(cell.get("metadata"), dict) else {}
    known = metadata.get("nbgrader", {})
    if not isinstance(known, dict) or not isinstance(known.get("grade_id", ""), str):
        del metadata["nbgrader"]
    kept = {key: metadata[key] for key in ("nbgrader", "tags") if key in metadata}
    if not (isinstance(kept.get("tags", []), list) and all(isinstance(tag, str) for tag in kept.get("tags", []))):
        del kept["tags"]
    name = cell.get("id")
    named = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
    return _of_kind({"id": name if named else f"sent-{place + 1}", "metadata": kept, "source": source}, kind)


def _of_kind(cell: Cell, kind: str) -> Cell:
    """A cell of another type."""
    plain = {key: value for key, value in cell.items() if key not in ("outputs", "execution_count")}
    return {**plain, "cell_type": kind, **({"outputs": [], "execution_count": None} if kind == "code" else {})}


def _named_once(cells: list[Cell]) -> list[Cell]:
    """Cells of which no two have one id."""
    met: set[str] = set()
    for place, cell in enumerate(cells):
        if cell["id"] in met:
            cell["id"] = f"again-{place + 1}"
        met.add(cell["id"])
    return cells


# -- cells ------------------------------------------------------------------------------------------------------------


def repaired(cells: Sequence[Cell], expected: Sequence[Expected]) -> tuple[list[Cell], list[str]]:
    """The cells with those of the assignment in order: each there once, as it was handed out, but for the answers.

    Also returned is a note on everything that was put right.
    """
    ids = {each.grade_id for each in expected}
    left = [_claiming(cell, ids) for cell in cells]
    notes: list[Note] = []
    chosen: dict[str, Cell] = {}
    for each in expected:
        alike = _candidates(left, each, [id(cell) for cell in chosen.values()])
        if alike:
            chosen[each.grade_id] = _best(alike, each)
        if len(alike) > 1:
            notes.append((COPIED, each.grade_id))
            copies = [cell for cell in alike if cell is not chosen[each.grade_id]]
            same = {each.shown, each.source.strip(), chosen[each.grade_id]["source"].strip()}
            left = [
                cell for cell in left if not any(cell is copy for copy in copies) or cell["source"].strip() not in same
            ]
    for cell in left:
        if not any(cell is each for each in chosen.values()):
            cell["metadata"].pop("nbgrader", None)
    for each in expected:
        if each.grade_id in chosen:
            notes += _restore(chosen[each.grade_id], each)
    notes += _in_order(left, chosen, expected)
    told: dict[str, list[str]] = {}
    for what, grade_id in notes:
        told.setdefault(what, []).append(grade_id)
    return left, [f"{what}: {', '.join(names)}" for what, names in told.items()]


def _claiming(cell: Cell, ids: set[str]) -> Cell:
    """A copy of a cell, without nbgrader's metadata if these name no cell of the assignment."""
    metadata = dict(cell.get("metadata", {}))
    if metadata.get("nbgrader", {}).get("grade_id") not in ids:
        metadata.pop("nbgrader", None)
    return {**cell, "metadata": metadata}


def _grade_id(cell: Cell) -> Any:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _candidates(cells: Sequence[Cell], each: Expected, taken: Sequence[int]) -> list[Cell]:
    """The cells that claim to be this one; where none does, those that look like it."""
    free = [cell for cell in cells if id(cell) not in taken]
    claiming = [cell for cell in free if _grade_id(cell) == each.grade_id]
    if claiming:
        return claiming
    free = [cell for cell in free if _grade_id(cell) is None]
    named = [cell for cell in free if cell["id"] == each.grade_id]
    if named:
        return named
    if each.locked:
        return [cell for cell in free if cell["source"].strip() == each.shown]
    if each.kind == "markdown":
        return [cell for cell in free if cell["cell_type"] == "markdown" and _keeps(cell["source"], each.shown)]
    wanted = each.defines
    return [cell for cell in free if cell["cell_type"] == "code" and wanted and wanted <= defined(cell["source"])]


def _keeps(text: str, shown: str) -> bool:
    """Whether an answer in words still has most of the lines of its question, of which the last was to be replaced."""
    lines = [line.strip() for line in shown.splitlines() if line.strip()][:-1]
    return bool(lines) and sum(line in text for line in lines) > len(lines) / 2


def _best(alike: Sequence[Cell], each: Expected) -> Cell:
    """Of several, the last that is an answer: it defines what is asked for, and is not as it was handed out."""
    edited = [cell for cell in alike if cell["source"].strip() != each.shown]
    answering = [cell for cell in edited if each.defines <= defined(cell["source"])]
    last = (answering or edited or list(alike))[-1]
    return next(cell for cell in alike if cell["source"] == last["source"]) if each.solution else alike[0]


def _restore(cell: Cell, each: Expected) -> Iterator[Note]:
    """Make a cell what nbgrader knows it as."""
    if cell["cell_type"] != each.kind:
        yield RETYPED, each.grade_id
        changed = _of_kind(cell, each.kind)
        cell.clear()
        cell.update(changed)
    claimed = cell["metadata"].get("nbgrader")
    if not claimed:
        yield LOST, each.grade_id
    elif any(claimed.get(key) != each.metadata.get(key) for key in ("grade", "solution", "locked", "points")):
        yield CHANGED, each.grade_id
    cell["metadata"]["nbgrader"] = each.metadata
    if each.locked:
        if cell["source"].strip() not in (each.shown, each.source.strip()):
            yield EDITED, each.grade_id
        cell["source"] = each.source


def _in_order(cells: list[Cell], chosen: dict[str, Cell], expected: Sequence[Expected]) -> Iterator[Note]:
    """Put back what is missing, and a test behind the answer that it tests."""
    before: Cell | None = None  # the cell of the assignment that this one follows
    answers = [each.grade_id for each in expected if each.solution]
    for each in expected:
        cell = chosen.get(each.grade_id)
        if cell is None and each.solution and not each.grade:
            yield GONE, each.grade_id
            continue
        if cell is None:
            yield MISSING, each.grade_id
            made = {"id": f"back-{each.grade_id}"[:64], "metadata": {"nbgrader": each.metadata}, "source": each.source}
            cell = _of_kind(made, each.kind)
            cells.insert(_place(cells, before) + 1, cell)
        elif each.locked and _place(cells, cell) < _place(cells, before):
            yield MOVED, each.grade_id
            del cells[_place(cells, cell)]
            cells.insert(_place(cells, before) + 1, cell)
        elif (
            each.locked
            and before is None
            and any(_place(cells, chosen[answer]) < _place(cells, cell) for answer in answers if answer in chosen)
        ):
            yield MOVED, each.grade_id
            del cells[_place(cells, cell)]
            cells.insert(0, cell)
        before = cell if before is None or _place(cells, cell) > _place(cells, before) else before


def _place(cells: Sequence[Cell], cell: Cell | None) -> int:
    return next((place for place, each in enumerate(cells) if each is cell), -1)


def defined(source: str) -> set[str]:
    """The functions and classes that a cell defines, also where it does not parse."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last for what is nested too deeply
        return set(re.findall(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE))
    return {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
