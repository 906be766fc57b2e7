"""`checker selfcheck`: does the course keep what it promises? For its authors, behind every change, and for CI.

Answers are right, known mistakes are caught and named, stubs are unsolved, everything that is generated is current, and
nothing that goes to students gives anything away. Each complaint names its place, and what mends it.
"""

import argparse
import contextlib
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import BrokenExecutor, as_completed
from pathlib import Path
from typing import Any

from ...resolve import workspace
from .. import executors, notebooks
from ..build import STUBS
from ..folder import cores, one_thread_each
from ..key import KEYS
from ..progress import progress
from . import assignments, declarations, generated, jobs, wheel
from .contents import Contents, contents
from .findings import AGAIN, Finding, Looked, as_json, at, place, printed

#: Seconds for a task, of which the longest take one.
LIMIT = 600.0


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 if anything is to be mended."""
    with workspace(), contextlib.redirect_stdout(io.StringIO()):  # a topic may print as it is imported
        course = contents(Path.cwd(), options.topics)
        looked = list(_looked(course))
    if options.json:
        print(json.dumps(as_json(looked)))
    else:
        printed(looked)
    return int(any(each.complaints for each in looked))


def _looked(course: Contents) -> Iterator[Looked]:
    """Everything that is looked at, in the order of an author's work."""
    found = defaultdict(list, topics=list(course.complaints))
    yield _counted("topics", len(course.chosen) + len(course.complaints), "listed, and importable", found)
    if course.package is None:
        return
    found |= _side_by_side(course)
    tasks, sources = course.exercises, _sources(course)
    wrong = {complaint.what for complaint in found["references"]}
    known = sum(len(task.mistakes) for task in tasks if at(task.answer) not in wrong)
    yield _counted("stubs", len(course.chosen), "unsolved and current, with nothing of an answer in them", found)
    yield _counted("references", len(tasks), "right, at edges too, and finite where careless code overflows", found)
    yield _counted("mistakes", known, "caught, and named by their own advice", found)
    found["declarations"] = list(declarations.amiss(course))
    yield _counted("declarations", len(tasks), "with hints, mistakes, points, rows, formula, own names", found)
    yield generated.looked(course)
    yield _counted("notebooks", len(sources), "as their sources give them", found)
    yield _counted("points", len(sources), "add up to what their sources declare", found)
    yield _counted("releases", len(sources), "without answers, mistakes and hidden tests", found)
    if wheel.built_from(course.root):
        said = "what a student installs holds " + ("what it must not" if found["wheel"] else "no answer and no mistake")
        yield Looked("wheel", said, tuple(found["wheel"]))


def _counted(what: str, number: int, well: str, found: Mapping[str, list[Finding]]) -> Looked:
    """A line that says how many things there are, and whether all of them are well."""
    return Looked(what, f"{number:,}: {'not ' if found[what] else ''}all {well}", tuple(found[what]))


def _sources(course: Contents) -> list[Path]:
    """The sources of notebooks that have to do with the chosen topics, and ask for none that cannot be imported."""
    asked = {source: assignments.topics(source) for source in notebooks.sources(course.root)}
    missing = {path.stem for path in (course.root / KEYS).glob("*.py")} - course.topics.keys()
    return [
        source
        for source, topics in asked.items()
        if not topics & missing and (course.whole or not topics or topics & course.chosen.keys())
    ]


# -- side by side -----------------------------------------------------------------------------------------------------


def _side_by_side(course: Contents) -> dict[str, list[Finding]]:
    """What is found by what takes long, by what was looked at: on all cores, the longest first."""
    found: dict[str, list[Finding]] = defaultdict(list)
    one_thread_each()
    with executors.place(jobs=cores(), limit=LIMIT) as here:
        started = {here.pool.submit(*call): (what, where) for what, where, call in _calls(course)}
        for future in progress("selfcheck", as_completed(started), len(started)):
            what, where = started[future]
            try:
                for area, complaint in future.result():
                    found[area].append(complaint)
            except BrokenExecutor as problem:
                mend = f"find out what ends the process, then: {AGAIN}"
                found[what].append(Finding(where, f"cannot be looked at: {problem}", mend))
    for complaints in found.values():
        complaints.sort(key=lambda each: _numbered(each.what))
    return found


def _calls(course: Contents) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """What is looked at, where, and the call that does it."""
    root, topics, chosen = course.root, tuple(course.topics), tuple(course.chosen)
    if sources := _sources(course):
        yield "releases", notebooks.FOLDER, (jobs.assigned, root, sources, topics)
    if wheel.built_from(root):
        yield "wheel", wheel.PROJECT, (jobs.student, root, chosen, topics)
    for task in sorted(course.exercises, key=lambda task: -len(task.mistakes)):
        yield "mistakes", at(task.answer), (jobs.exercise, f"{task.topic}.{task.name}")
    for topic in chosen:
        yield "stubs", place(root / STUBS / f"{topic}.py"), (jobs.stubs, root, topic, topics)


def _numbered(where: str) -> tuple[str, int]:
    """What sorts places by file and line."""
    file, _, line = where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (where, 0)
