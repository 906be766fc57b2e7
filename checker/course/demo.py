"""`checker demo`: a course from its release to the pages that go back, with simulated students."""

import argparse
import json
import tempfile
import time
from pathlib import Path

from ..errors import UsageError
from . import build, notebooks
from .executors import place
from .folder import CONFIG, PROJECT, Course, cores
from .nbgrader import export, feedback, release
from .outcome import GRADED, Outcome
from .progress import progress
from .runs import autograde
from .simulate import SENT, submit
from .verbs import show

#: The assignments that are shown where they exist; else the first two.
ASSIGNMENTS = ("01_gates", "06_normalisation")
#: What is sent for the second: a notebook takes a second or two.
SECOND = ("everything right", "nothing answered", "a known mistake", "right numbers, wrong shape", "an endless loop")
#: Seconds for a cell. Students would get more.
TIMEOUT = 10


def run(options: argparse.Namespace) -> int:
    """Play the story, and print it; 1 if the reference does not get full marks, or an empty notebook gets any."""
    started = time.monotonic()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="course-")).resolve()
    course = prepared(folder)
    names = [name for name in ASSIGNMENTS if name in course.assignments()] or course.assignments()[:2]
    for name in progress("release", names):
        release(course, name)
    sent: dict[str, str] = {}
    for name in names:
        sent |= hand_in(course, name, tuple(SENT) if name == names[0] else SECOND)
    rows: list[Outcome] = []
    with place(jobs=cores()) as where:
        for name in names:
            rows += progress(name, autograde(course, name, executor=where), len(course.students(name)))
    rows.sort(key=lambda row: (row.assignment, row.student))
    pages = {}
    for name in names:
        for student, page in progress(f"{name}, feedback", feedback(course, name), len(course.students(name))):
            pages[student, name] = page
    export(course, folder / "grades.csv")
    show(rows, sent=sent)
    print(f"\nfeedback, one page for each notebook that was graded ({sum(row.state == GRADED for row in rows)}):")
    for page in pages.values():
        if isinstance(page, Path):
            print(f"  {page}")
    print(f"grades: {folder / 'grades.csv'}\nthe course: {folder}, made in {time.monotonic() - started:.0f} s")
    right = [row for row in rows if sent[row.student] == "everything right"]
    none = [row for row in rows if sent[row.student] == "nothing answered"]
    full = all(row.state == GRADED and row.score + row.by_hand == row.points for row in right)
    return int(not full or any(row.state != GRADED or row.score for row in none))


def prepared(folder: Path) -> Course:
    """A course folder with this project's assignments, as they are built now. Raises UsageError where it holds one."""
    if (folder / CONFIG).exists():
        raise UsageError(f"{folder} holds a course already: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    config = (PROJECT / notebooks.FOLDER / CONFIG).read_text(encoding="utf-8")
    (folder / CONFIG).write_text(f"{config}c.Execute.timeout = {TIMEOUT}  # of a demonstration\n", encoding="utf-8")
    list(build.assignments(PROJECT, folder, write=True))
    return Course(folder)


def hand_in(course: Course, assignment: str, what: tuple[str, ...]) -> dict[str, str]:
    """Let simulated students submit; what each of them sent, by name."""
    answers, released = (
        json.loads((course.root / step / assignment / f"{assignment}.ipynb").read_text(encoding="utf-8"))
        for step in ("source", "release")
    )
    sent = {f"student{tuple(SENT).index(words) + 1:02}": words for words in what}
    for student, words in sent.items():
        submit(course.root, student, assignment, SENT[words](answers, released))
    return sent
