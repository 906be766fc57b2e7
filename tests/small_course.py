"""A course of one small assignment, and a way to grade it that costs nothing and does what a submission tells it to."""

import copy
import functools
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from checker.course import demo, nbgrader
from checker.course.folder import Course
from checker.course.outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome
from checker.course.simulate import SENT

NAME = "01_gates"


@functools.cache
def _template():
    """A folder in which the assignment has been released; it is kept as long as this process runs."""
    kept = tempfile.TemporaryDirectory(prefix="course-")
    course = demo.prepared(Path(kept.name) / "course")
    nbgrader.release(course, NAME)
    return kept


def small_course(folder):
    """A new course in a folder that does not exist yet."""
    shutil.copytree(Path(_template().name) / "course", folder)
    return Course(folder)


def released(course):
    """The notebook that was handed out."""
    return json.loads((course.root / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8"))


def hand_in(course, student, text, stamp="", name=f"{NAME}.ipynb"):
    """A student's submission: a text that `fake` understands, in the place of a notebook."""
    folder = course.submitted(student, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    if stamp:
        (folder / "timestamp.txt").write_text(stamp)
    return folder


def hand_in_for_real(course, student, words):
    """A student's notebook, made as `checker.course.simulate` makes those of the demonstration."""
    source = course.root / "source" / NAME / f"{NAME}.ipynb"
    answers = json.loads(source.read_text(encoding="utf-8"))
    return hand_in(course, student, SENT[words](answers, released(course)))


def fake(job):
    """Grade a submission by what its file says: "share 0.5 WORD..." gives half of all points; the WORDS do harm."""
    said = next(iter(job.submitted.values()), b"").decode()
    words = said.split()
    if job.refused or not said:
        reason = next(iter(job.refused.values()), "nothing was handed in")
        return Outcome(job.student, job.assignment, NOT_GRADED, notes=(reason,), isolation="seccomp").to_json()
    if words[0] == "unreadable":
        return Outcome(job.student, job.assignment, NOT_GRADED, notes=("it is unreadable",)).to_json()
    if words[0] == "unsafe":
        return Outcome(job.student, job.assignment, NOT_GRADED, notes=("the sandbox refused",), ours=True).to_json()
    _harm(words)
    share = float(words[1])
    made = []
    for name, cells in job.wanted.items():
        marks = tuple(
            Mark(each.grade_id, each.points, each.points * share if each.kind == "code" else None)
            for each in cells
            if each.grade
        )
        made.append(Graded(name, marks, notebook_of(cells, share)))
    return Outcome(
        job.student, job.assignment, GRADED, tuple(made), tuple(words[2:]), isolation=job.isolation
    ).to_json()


def _harm(words):
    if "killed" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    if "once" in words and not (marker := Path(words[-1])).exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "raises" in words:
        raise RuntimeError("there are no solutions")
    if "waits" in words:
        Path(words[-1]).mkdir(exist_ok=True)
        (Path(words[-1]) / str(os.getpid())).touch()
        time.sleep(60)
    if "slow" in words:
        time.sleep(0.05)
    if "garbled" in words:
        raise SystemExit


def notebook_of(cells, share, words="My answer."):
    """A graded notebook: each test with its points as its value, each question answered."""
    made = []
    for each in cells:
        cell = {"cell_type": each.kind, "id": each.grade_id, "metadata": {"nbgrader": each.metadata}}
        cell["source"] = each.source if each.locked or each.kind == "code" else words
        if each.kind == "code":
            cell |= {"execution_count": 1, "outputs": []}
            if each.grade:
                value = {"text/plain": str(each.points * share)}
                cell["outputs"].append(
                    {"output_type": "execute_result", "data": value, "metadata": {}, "execution_count": 1}
                )
        made.append(copy.deepcopy(cell))
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
