"""`checker build`: from `solutions/`, stubs with their recorded values, the README's table, and the notebooks."""

import hashlib
import importlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import UsageError
from ..exercises import Exercise, exercises_in
from ..kinds import MEASURED, Answer, kind
from ..recognise import same
from ..recorded import decoded, encoded, path_of
from . import notebooks
from .key import KEYS, use
from .stubs import stub
from .table import filled

STUBS = "coursework"
#: Recorded numbers are current if they agree to this with the right answers: another machine's last digits differ.
CURRENT = 1e-9
#: What an answer does beside its results is recorded nowhere, and gradients that are measured only at large numbers.
UNRECORDED = ("left", "shared", "raised")
FIRST_SEED = 1000

MISSING, STALE, EDITED, WRITTEN = "is missing", "is stale", "has been edited", "written"


@dataclass(frozen=True)
class Outcome:
    """What `build` found or did about one file."""

    path: Path
    state: str


def build(root: Path, *, write: bool = True, force: bool = False) -> Iterator[Outcome]:
    """Bring `coursework/`, the README's table and the notebooks up to date, or, without `write`, say what is not.

    A stub that somebody has edited is left as it is unless `force`. Raises UsageError where there are no solutions.
    """
    demand_solutions(root, "build")
    package = importlib.import_module(KEYS)
    for topic in package.TOPICS:
        yield from stubs_of(root, importlib.import_module(f"{KEYS}.{topic}"), write, force)
    yield from shared(root, package, write)
    yield from assignments(root, root / notebooks.FOLDER, write)
    yield from orphans(root, package)


def demand_solutions(root: Path, verb: str) -> None:
    """Raise UsageError where there are no solutions; else import those from now on."""
    if not (root / KEYS / "__init__.py").is_file():
        raise UsageError(f"there is no {KEYS}/ in {root}: run {verb} from the folder that holds {KEYS}/ and {STUBS}/")
    use(root)


def stubs_of(root: Path, module: ModuleType, write: bool, force: bool = False) -> Iterator[Outcome]:
    """A topic's stub and its recorded values."""
    assert module.__file__ is not None
    path = root / STUBS / Path(module.__file__).name
    text, beside = stub(Path(module.__file__).read_text(encoding="utf-8")), path_of(path)
    before = _stored(beside)
    there = path.read_text(encoding="utf-8") if path.is_file() else None
    edited = there is not None and there != text and digest(there) != before.get("stub")
    if edited and not force:
        yield Outcome(path, EDITED)
    else:
        yield from _file(path, text, write)
    stored = before.get("exercises", {}) if before.get("stub") == digest(text) else {}
    exercises = {task.name: _exercise(task, stored.get(task.name)) for task in exercises_in(module)}
    data = {"stub": before.get("stub") if edited and not force else digest(text), "exercises": exercises}
    if not _same(before, data):
        yield from _file(beside, _written(data), write)


def shared(root: Path, package: ModuleType, write: bool) -> Iterator[Outcome]:
    """What all topics have a part in: the list of the stubs, and the README's table."""
    listed = "".join(f'    "{name}",\n' for name in package.TOPICS)
    order = f"{_INTRODUCTION}\n\n#: In the order of learning.\nTOPICS = (\n{listed})\n"
    yield from _file(root / STUBS / "__init__.py", order, write)
    readme = root / "README.md"
    if readme.is_file():
        yield from _file(readme, filled(readme.read_text(encoding="utf-8"), package), write)


def assignments(root: Path, folder: Path, write: bool) -> Iterator[Outcome]:
    """The notebooks of a project's sources, in a course's folder. Raises UsageError as `assignment` does."""
    for source in notebooks.sources(root):
        yield from assignment(root, source, folder, write)


def assignment(root: Path, source: Path, folder: Path, write: bool) -> Iterator[Outcome]:
    """The notebook of a source, in a course's folder. Raises UsageError where the source asks for what there is not."""
    path, text = notebooks.made(root, source)
    yield from _file(folder / path.relative_to(root / notebooks.FOLDER), text, write)


def orphans(root: Path, package: ModuleType) -> Iterator[Outcome]:
    """Stubs and notebooks whose topic or source is gone; nobody but their author deletes them."""
    known = {"__init__", "conftest", *package.TOPICS}
    for path in sorted((root / STUBS).glob("*.py")):
        if path.stem not in known:
            yield Outcome(path, f"belongs to no topic of {KEYS}")
    for path in notebooks.orphans(root):
        yield Outcome(path, f"belongs to no source in {notebooks.FOLDER}/{notebooks.SOURCES}")


_INTRODUCTION = '''"""Your answers: edit these files, then check them.

    python -m checker gradcheck coursework.gates
    pytest coursework

`python -m checker list` shows how far you are, and `python -m checker hint coursework.gates` helps.
"""'''


def _file(path: Path, text: str, write: bool) -> Iterator[Outcome]:
    """A file that nobody edits."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    yield Outcome(path, WRITTEN if write else STALE if path.is_file() else MISSING)
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _stored(path: Path) -> dict[str, Any]:
    """What is recorded in a file; nothing where it cannot be read, as behind a merge that has left its marks there."""
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        return {}
    return stored


def digest(text: str) -> str:
    """What tells a stub from an edited one."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


# -- recorded values --------------------------------------------------------------------------------------------------


def _exercise(task: Exercise, stored: dict[str, Any] | None) -> dict[str, Any]:
    """What is recorded of an exercise: at the stored inputs if its declaration is what it was, else at new ones."""
    cases = {"ordinary": {"ordinary": {}, "other numbers": {}, **task.edges}, "overflow": task.overflow}
    found: dict[str, Any] = {"hints": list(task.hints)}
    for part, named in cases.items():
        before = {point["name"]: tuple(map(decoded, point["inputs"])) for point in (stored or {}).get(part, ())}
        found[part] = [
            _point(task, name, before.get(name) or task.inputs(FIRST_SEED + place, case), part == "overflow")
            for place, (name, case) in enumerate(named.items())
        ]
    return found


def _point(task: Exercise, name: str, inputs: tuple[Any, ...], overflow: bool) -> dict[str, Any]:
    """Inputs of a case, and what the right answer does there, in a form for JSON."""
    done = kind(task.kind).doing(task, Answer(*task.halves), inputs)
    without = UNRECORDED if overflow or task.kind not in MEASURED else (*UNRECORDED, "gradient")
    expected = {key: encoded(np.asarray(value)) for key, value in done.items() if not key.startswith(without)}
    return {"name": name, "inputs": [encoded(value) for value in inputs], "expected": expected}


def _same(a: Any, b: Any) -> bool:
    """Whether recorded values are still right: to within rounding, which differs between machines."""
    if isinstance(b, dict) and "array" in b and isinstance(a, dict) and "array" in a:
        first, second = decoded(a), decoded(b)
        return first.dtype == second.dtype and same(first, second, CURRENT)
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in b)
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(b, float) and isinstance(a, (int, float)):
        return bool(np.isclose(a, b, rtol=CURRENT, atol=0.0, equal_nan=True))
    return bool(a == b)


def _written(data: dict[str, Any]) -> str:
    """The JSON of a topic, with a point on a line."""
    points = []
    for name, found in data["exercises"].items():
        parts = [f'   "hints": {json.dumps(found["hints"])}']
        for part in ("ordinary", "overflow"):
            lines = ",\n".join(f"    {json.dumps(point)}" for point in found[part])
            parts.append(f'   "{part}": [\n{lines}\n   ]' if lines else f'   "{part}": []')
        points.append(f'  "{name}": {{\n' + ",\n".join(parts) + "\n  }")
    return f'{{\n "stub": "{data["stub"]}",\n "exercises": {{\n' + ",\n".join(points) + "\n }\n}\n"


# -- the command -------------------------------------------------------------------------------------------------------


def run(options: Any) -> int:
    """Run `build`; its exit code."""
    if options.check and options.force:
        raise UsageError("--check writes nothing, and --force overwrites: give one of them")
    outcomes = list(build(Path.cwd(), write=not options.check, force=options.force))
    for outcome in outcomes:
        print(f"{outcome.path.relative_to(Path.cwd())}: {outcome.state}{_remark(outcome.state, options.check)}")
    return report_of(outcomes, options.check)


def _remark(state: str, checking: bool) -> str:
    if state != EDITED:
        return ""
    what = "build leaves it as it is" if checking else "it is left as it is"
    return f": {what}; --force would overwrite it, and what was written there would be lost"


def report_of(outcomes: Sequence[Outcome], checking: bool) -> int:
    """The last line, and the exit code."""
    wrong = [outcome for outcome in outcomes if outcome.state != WRITTEN]
    if checking and wrong:
        print(f"{len(wrong)} of the files are not what {KEYS}/ would give; mend them with: python -m checker build")
    elif not outcomes:
        print(f"{STUBS}/ is up to date")
    return int(bool(wrong) and (checking or any(outcome.state == EDITED for outcome in wrong)))
