"""An assignment's autograder for Gradescope: the zip that an instructor uploads, and what runs in it there.

Gradescope unpacks the zip into `source/`, runs `setup.sh` once, and for each submission a copy of `run_autograder`,
beside `source/` and `submission/`; that has to write `results/results.json`. Whatever has no verdict yet stands there
with no points and a sentence that says so, from the first moment on, so that nothing that stops the grader is taken for
a verdict.
"""

import argparse
import json
import math
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import precheck, single
from .folder import PROJECT, Course, find_course
from .key import KEYS, folder_of
from .outcome import GRADED, Job, Limits, Mark, Outcome
from .precheck import Expected

#: What is packed of the project.
PACKED = ("checker", "coursework", KEYS)
#: What notebooks and the grader import.
REQUIREMENTS = ("numpy", "rich", "ipython", "nbformat", "matplotlib", "scikit-learn")
#: Gradescope ends a run after ten minutes, without a word to the student: the grader has ended before.
LIMITS = Limits(total=480.0)
VISIBILITY = ("visible", "after_due_date", "after_published", "hidden")

UNFINISHED = "The grader was stopped before it had finished."
NO_VERDICT = "Not graded. These 0 points are no verdict on the answers: Gradescope knows no other number for that."

#: Gradescope's own harness needs the system's Python as it is: the grader has its own, of the exporter's version.
SETUP = """\
#!/usr/bin/env bash
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if [ -d "$here/source" ]; then here="$here/source"; fi
python=PYTHON
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    if ! apt-get install -y "$python" "$python-venv"; then
        apt-get install -y software-properties-common && add-apt-repository -y ppa:deadsnakes/ppa || true
        apt-get install -y "$python" "$python-venv" || {
            echo "setup.sh: there is no $python here, and none to install: choose an image of Ubuntu" >&2
            exit 1
        }
    fi
fi
"$python" -m venv "$here/.venv"
own="$here/.venv/bin/python"
"$own" -m pip install --disable-pip-version-check -c "$here/constraints.txt" -r "$here/requirements.txt"
echo "$here" > "$("$own" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/autograder.pth"
"""
RUN = """\
#!/usr/bin/env bash
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here"
if [ ! -d "$root/source" ]; then root="$(dirname "$here")"; fi
cd "$root" || exit 1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec "$root/source/.venv/bin/python" -P -m checker.course.gradescope "$root"
"""


# -- the verb ---------------------------------------------------------------------------------------------------------


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of `export gradescope`."""
    add = parser.add_argument
    add("assignment", metavar="ASSIGNMENT")
    add("--to", metavar="ZIP", default="", help="default ASSIGNMENT_gradescope.zip")
    add("--visibility", choices=VISIBILITY, default=VISIBILITY[0], help="when students see the tests; default visible")
    add("--no-isolation", action="store_true", help="run submissions without a sandbox there")
    add("--course", metavar="FOLDER", default=argparse.SUPPRESS, help="the course; default here, or notebooks/")


def run(options: argparse.Namespace) -> int:
    """Write the zip, and say what remains to be done on Gradescope's pages."""
    course = find_course(options.course)
    (name,) = course.assignments([options.assignment])
    path = Path(options.to or f"{name}_gradescope.zip")
    cells = export(course, name, path, options.visibility, isolated=not options.no_isolation)
    print(f"{path}: upload it under Configure Autograder, on an image of Ubuntu")
    print(f"autograder points: {sum(cell.points for cell in cells if not cell.solution):g}")
    by_hand = [f"{cell.grade_id} ({cell.points:g} points)" for cell in cells if cell.solution]
    if by_hand:
        print(f"to be graded by hand there, each as a question of the outline: {', '.join(by_hand)}")
    print("the zip holds the answers: it is for nobody but Gradescope")
    if options.no_isolation:
        print("WITHOUT ISOLATION: what students submit could read the answers, and write its own results")
    return 0


def export(
    course: Course, assignment: str, path: Path, visibility: str = VISIBILITY[0], *, isolated: bool = True
) -> list[Expected]:
    """Write the autograder of an assignment as a zip, the same bytes every time; the cells that it grades.

    Raises UsageError where the project's own files are not at hand, where two graded cells have one name, or where the
    zip cannot be written.
    """
    source = course.root / "source" / assignment
    cells = _graded_cells(single.handed_out(source)[0].values())
    names = [cell.grade_id for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"{assignment} has several graded cells called {twice[0]}: on Gradescope each needs its own name"
        )
    isolation = "full" if isolated else "none"
    settings = {"isolation": isolation, "limits": asdict(LIMITS), "visibility": visibility}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packed = {
        "setup.sh": SETUP.replace("PYTHON", version).encode(),
        "run_autograder": RUN.encode(),
        "settings.json": json.dumps(settings, indent=1).encode(),
        "requirements.txt": "\n".join([*REQUIREMENTS, ""]).encode(),
        "constraints.txt": (PROJECT / "constraints.txt").read_bytes(),
    }
    for package in PACKED:
        packed |= {f"{package}/{name}": content for name, content in _files(folder_of(package))}
    packed |= {f"assignment/{assignment}/{name}": content for name, content in _files(source)}
    try:
        _zipped(packed, path)
    except OSError as problem:
        raise UsageError(f"{path} cannot be written: {problem.strerror}") from None
    return cells


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files below a folder, but for what programs leave there for themselves."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
            yield name.as_posix(), path.read_bytes()


def _zipped(packed: dict[str, bytes], path: Path) -> None:
    """Write a zip whose bytes depend on nothing but what is in it; whole, or not at all."""
    beside = path.with_name(f"{path.name}.tmp")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(packed.items()):
                entry = zipfile.ZipInfo(name)  # of 1980: no time of its own
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100755 if name in ("setup.sh", "run_autograder") else 0o100644) << 16
                archive.writestr(entry, content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


# -- at Gradescope ----------------------------------------------------------------------------------------------------


def main(root: Path) -> None:
    """Grade what lies in `submission/` of the folder `root`, and write `results/results.json` again with each mark."""
    started = time.monotonic()
    source = Path(__file__).parents[2]
    (assignment,) = (source / "assignment").iterdir()
    settings = json.loads((source / "settings.json").read_text(encoding="utf-8"))
    wanted, files = single.handed_out(assignment)
    cells = _graded_cells(wanted.values())
    marks: list[Mark] = []

    def write(output: str, **more: Any) -> None:
        seconds = {"execution_time": round(time.monotonic() - started, 1)}
        shown = {"visibility": settings["visibility"], "stdout_visibility": "hidden"}
        _written(root / "results" / "results.json", {**results(cells, marks, output), **shown, **seconds, **more})

    def told(mark: Mark) -> None:
        marks.append(mark)
        write(UNFINISHED)

    write(UNFINISHED)
    submitted, refused = precheck.collected(root / "submission")
    limits = Limits(**settings["limits"])
    job = Job("", assignment.name, wanted, submitted, refused, files, limits, isolation=settings["isolation"])
    outcome = single.graded(job, told)
    marks[:] = outcome.marks if outcome.state == GRADED else ()
    known = {"state": outcome.state, "isolation": outcome.isolation, "incidents": list(outcome.incidents)}
    write(summary(outcome), extra_data=known)
    single.show(outcome)  # for the instructor, who alone sees it


def results(cells: Sequence[Expected], marks: Sequence[Mark], output: str) -> dict[str, Any]:
    """What Gradescope is told: a test for each part of what is graded, with no points where there is no mark.

    What is graded by hand is a test without a score.
    """
    known = {mark.grade_id: mark for mark in marks}
    tests = [test for cell in cells for test in _tests(cell, known.get(cell.grade_id))]
    formats = dict.fromkeys(("output_format", "test_output_format", "test_name_format"), "text")
    score = round(math.fsum(test.get("score", 0.0) for test in tests), 6)
    for test in tests:  # a third is shown in few digits, and three of them are one
        test |= {key: round(test[key], 6) for key in ("score", "max_score") if key in test}
    return {"score": score, "output": output, **formats, "tests": tests}


def _tests(cell: Expected, mark: Mark | None) -> Iterator[dict[str, Any]]:
    name = cell.grade_id.removesuffix("_test")
    if cell.solution or (mark is not None and mark.score is None):
        yield {"name": name, "output": f"{cell.points:g} points, to be given by hand"}
        return
    if mark is None or mark.score is None:
        yield _test(name, 0.0, cell.points, NO_VERDICT)
        return
    parts = mark.parts
    if len(parts) < 2 or not math.isclose(math.fsum(earned for _, earned, _ in parts), mark.score, abs_tol=1e-9):
        parts = (("", mark.score, mark.points),)
    said = single.explained(mark)
    for part, earned, points in parts:
        full = earned > points - 1e-9
        yield _test(f"{name}: {part}" if part else name, earned, points, "" if full else said)
        if not full:
            said = f"See what is said of {name} above."


def _test(name: str, score: float, points: float, output: str) -> dict[str, Any]:
    status = "passed" if score > points - 1e-9 else "failed"
    test = {"name": name, "score": score, "max_score": points, "status": status}
    return {**test, **({"output": output} if output else {})}


def summary(outcome: Outcome) -> str:
    """What is said of a whole submission."""
    if outcome.state != GRADED:
        todo = "Please tell your instructor: it is not your fault." if outcome.ours else "Mend that, and submit again."
        return single.plain("\n".join([NO_VERDICT, *outcome.notes, todo]))
    isolation = ["Graded without isolation."] if outcome.isolation == "none" else []
    return single.plain("\n".join([*outcome.notes, *isolation]))


def _graded_cells(notebooks: Iterable[Sequence[Expected]]) -> list[Expected]:
    return [cell for cells in notebooks for cell in cells if cell.grade]


def _written(path: Path, data: dict[str, Any]) -> None:
    """Write JSON; whoever reads meanwhile finds what was there before, whole."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(data, indent=1), encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
