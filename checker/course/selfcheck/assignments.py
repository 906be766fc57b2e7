"""Is a notebook what its source gives, is it worth what the source declares, and does its release give nothing away?"""

import json
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ...credit import total
from ...errors import UsageError
from .. import nbgrader, notebooks
from ..build import assignment
from ..folder import CONFIG, Course
from ..secrets import Secret, leaks
from .coursework import complaint
from .findings import BUILD, Finding, line_of, place

_CONFIGURE = "mend it, or install what it lacks; python -m checker course FOLDER lays out a course with one that works"
_LINE = re.compile(r"line (?P<line>\d+): (?P<said>.*)", re.DOTALL)


def topics(source: Path) -> set[str]:
    """The topics that a source asks for exercises of; none where it cannot be read, which `unreadable` says."""
    try:
        return {name.rpartition(".")[0] for name in notebooks.exercises(source.read_text(encoding="utf-8"))}
    except UsageError:
        return set()


def unreadable(source: Path) -> Iterator[Finding]:
    """What a source asks for that there is not."""
    try:
        notebooks.written(source.read_text(encoding="utf-8"))
    except UsageError as problem:
        found = _LINE.fullmatch(str(problem))
        where, said = (place(source, int(found["line"])), found["said"]) if found else (place(source), str(problem))
        yield Finding(where, said, f"mend that cell of the source, then: {BUILD}")


def current(root: Path, source: Path) -> Iterator[Finding]:
    """Whether the notebook of a readable source is what it gives."""
    yield from (complaint(outcome) for outcome in assignment(root, source, root / notebooks.FOLDER, write=False))


def worth(root: Path, source: Path) -> Iterator[Finding]:
    """Where the points of a notebook's cells are not what its source declares."""
    path, text = notebooks.made(root, source)[0], source.read_text(encoding="utf-8")
    try:
        found = _points(path)
    except (OSError, ValueError, LookupError):  # it is not there, or is no notebook: it is not current either
        return
    declared = {f"{task.name}_test": total(task) for task in map(notebooks.find, notebooks.exercises(text))}
    declared |= notebooks.questions(text)
    if found == declared:
        return
    wrong = next(name for name in {**declared, **found} if declared.get(name) != found.get(name))
    said = f"its cells have {sum(found.values()):g} points, where its source declares {sum(declared.values()):g}"
    at_fault = f"{wrong} has {found.get(wrong, 0.0):g} of {declared.get(wrong, 0.0):g}"
    yield Finding(place(path), f"{said}: {at_fault}", BUILD)


def _points(path: Path) -> dict[str, float]:
    """The points of a notebook's graded cells, by name."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    known = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {each["grade_id"]: float(each["points"]) for each in known if each.get("grade")}


# -- releases ---------------------------------------------------------------------------------------------------------


def shown(root: Path, sources: Iterable[Path], secrets: Collection[Secret]) -> Iterator[Finding]:
    """What the releases of readable sources would give away: made in a temporary folder, as `release` makes them."""
    theirs = Course(root / notebooks.FOLDER)
    try:
        theirs.configuration()
    except UsageError as problem:
        yield Finding(place(theirs.root / CONFIG), f"no release can be made: {problem}", _CONFIGURE)
        return
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        course = Course(Path(folder))
        shutil.copyfile(theirs.root / CONFIG, course.root / CONFIG)
        for source in sources:
            made = theirs.root / notebooks.SOURCE / source.stem
            if made.is_dir():
                shutil.copytree(made, course.root / notebooks.SOURCE / source.stem)  # with the files that go with it
            list(assignment(root, source, course.root, write=True))
            yield from _shown(course, source, secrets)


def _shown(course: Course, source: Path, secrets: Collection[Secret]) -> Iterator[Finding]:
    """What the release of an assignment would give away."""
    try:
        released = nbgrader.stripped(course, source.stem)
    except UsageError as refused:
        yield Finding(place(source), str(refused), f"mend what nbgrader refuses, in the source or in {CONFIG}")
        return
    lines = dict.fromkeys(nbgrader.leaks(course.root / "source" / source.stem, released))
    found = {line: f"shows what only an answer or a hidden test has: {line}" for line in lines}
    texts = {str(file): nbgrader.text_of(file) for file in sorted(released.rglob("*")) if file.is_file()}
    for leak in leaks(secrets, texts, texts):
        found.setdefault(leak.secret.text, leak.says)
    for secret, said in found.items():
        mend = f"take it out, or set it off by ### BEGIN SOLUTION and ### END SOLUTION; then: {BUILD}"
        yield Finding(place(source, line_of(source, secret)), f"its release {said}", mend)


# -- all of it --------------------------------------------------------------------------------------------------------


def findings(root: Path, sources: Iterable[Path], secrets: Collection[Secret]) -> Iterator[tuple[str, Finding]]:
    """Everything that there is to say of sources, their notebooks and their releases."""
    readable = []
    for source in sources:
        refused = list(unreadable(source))
        yield from (("notebooks", each) for each in refused)
        if not refused:
            readable.append(source)
            yield from (("notebooks", each) for each in current(root, source))
            yield from (("points", each) for each in worth(root, source))
    if readable:
        yield from (("releases", each) for each in shown(root, readable, secrets))
