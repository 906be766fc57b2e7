"""The graders, each over a class in a process of its own: `python -m benchmarks.graders NAME FOLDER` prints a `Run`.

Every one grades a first submission before the clock runs, so that none pays for its imports.
"""

import argparse
import contextlib
import dataclasses
import functools
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from checker.course.outcome import GRADED

from . import ROOT
from .classroom import ASSIGNMENT, NOTEBOOKS, Answers, hand_in, write_course

#: With warnings as students meet them, whatever this shell says.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
#: An ordinary course's settings: nbgrader's own, but for what stands in the place of an answer.
CONFIG = """
import os, sys
c = get_config()
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])  # of alembic
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "backpropagation"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your answer goes here"}
"""
OTTER_TEST = """
from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {points}

@test_case(points=None, hidden=True)
def test(env):
    globals().update({{key: value for key, value in env.items() if not key.startswith("_")}})
{body}
"""


@dataclasses.dataclass
class Run:
    """The scores of a class, None where there is none, and how many seconds it took."""

    scores: dict[str, float | None]
    seconds: float


# -- courses ----------------------------------------------------------------------------------------------------------


def prepare(folder: Path, class_: Mapping[str, Answers], grader: str) -> Path:
    """A course of this grader's, in which the class has handed in."""
    shutil.copytree(Path(_released(grader == "checker").name) / "course", folder)
    hand_in(folder, class_)
    if grader == "otter":
        _tests(folder)
    return folder


@functools.cache
def _released(ours: bool) -> tempfile.TemporaryDirectory[str]:
    """A folder with a course whose assignment was released; it is kept as long as this process runs."""
    kept = tempfile.TemporaryDirectory(prefix="grading-")
    folder = Path(kept.name) / "course"
    write_course(folder, ours=ours)
    config = (ROOT / "notebooks" / "nbgrader_config.py").read_text(encoding="utf-8") if ours else CONFIG
    (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    with _nbgrader(folder) as api:
        done = api.generate_assignment(ASSIGNMENT)
    if not done["success"]:
        raise RuntimeError(f"nbgrader did not release the assignment: {done['error']} {done['log']}")
    return kept


def _tests(folder: Path) -> None:
    """A zip of tests for each notebook, as `otter generate` writes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, about themselves
        from otter.generate import main

    for name, questions in NOTEBOOKS.items():
        tests = folder / "tests" / name
        tests.mkdir(parents=True)
        for question in questions:
            body = "".join(f"    {line}\n" for line in question.test.splitlines())
            text = OTTER_TEST.format(name=question.name, points=question.points, body=body)
            (tests / f"{question.name}.py").write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(sys.stderr):
            main(tests_dir=str(tests), output_path=str(folder / f"{name}.zip"), no_environment=True)


@contextlib.contextmanager
def _nbgrader(folder: Path) -> Iterator[Any]:
    """Nbgrader's interface to a course, with this course's settings alone."""
    before = Path.cwd()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nbgrader.apps import NbGraderAPI
        from traitlets.config.loader import PyFileConfigLoader

        config = PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config()
        log = logging.getLogger("benchmark")
        log.propagate, log.handlers = False, [logging.NullHandler()]
        try:
            yield NbGraderAPI(config=config, log=log)
        finally:
            os.chdir(before)


# -- graders ----------------------------------------------------------------------------------------------------------


def nbgrader(folder: Path, jobs: int) -> Run:
    """`nbgrader autograde`, as it comes."""
    names = sorted(path.name for path in (folder / "submitted").iterdir())
    with _nbgrader(folder) as api:
        api.autograde(ASSIGNMENT, names[0])
        begun = time.perf_counter()
        api.autograde(ASSIGNMENT, "*")
        seconds = time.perf_counter() - begun
        with api.gradebook as gradebook:
            scores = {each.student_id: float(each.score) for each in gradebook.assignment_submissions(ASSIGNMENT)}
    graded = {name for name in names if (folder / "autograded" / name / ASSIGNMENT).is_dir()}
    return Run({name: scores[name] if name in graded else None for name in names}, seconds)


def otter(folder: Path, jobs: int) -> Run:
    """`otter.api.grade_submission`, for one notebook after the other."""
    from otter.api import grade_submission

    def graded(student: str) -> float | None:
        total = 0.0
        for name in NOTEBOOKS:
            submitted = folder / "submitted" / student / ASSIGNMENT / f"{name}.ipynb"
            try:
                total += grade_submission(str(submitted), str(folder / f"{name}.zip"), quiet=True).total
            except Exception:
                return None
        return total

    names = sorted(path.name for path in (folder / "submitted").iterdir())
    graded(names[0])
    begun = time.perf_counter()
    return Run({name: graded(name) for name in names}, time.perf_counter() - begun)


def checker(folder: Path, jobs: int) -> Run:
    """`python -m checker autograde`, in so many processes."""
    from checker.course.executors import place
    from checker.course.folder import find_course
    from checker.course.runs import autograde

    course = find_course(str(folder))
    names = course.students(ASSIGNMENT)
    with place("", jobs) as where:
        list(autograde(course, ASSIGNMENT, names[: 2 * jobs], executor=where, regrade=True))
        begun = time.perf_counter()
        outcomes = list(autograde(course, ASSIGNMENT, executor=where, regrade=True))
        seconds = time.perf_counter() - begun
    return Run({each.student: each.score if each.state == GRADED else None for each in outcomes}, seconds)


#: By name, and in the order in which they are shown.
GRADERS: dict[str, Callable[[Path, int], Run]] = {"nbgrader": nbgrader, "otter": otter, "checker": checker}
#: What each of them needs, and the extra that installs it.
NEEDS = {"nbgrader": ("nbgrader", "course"), "otter": ("otter", "graders"), "checker": ("nbgrader", "course")}


def installed(name: str) -> bool:
    """Whether a grader is there; says how to get it if not."""
    package, extra = NEEDS[name]
    there = importlib.util.find_spec("nbgrader") is not None and importlib.util.find_spec(package) is not None
    if not there:
        print(f"{name} is not installed and left out: pip install -e '.[{extra}]'")
    return there


def run(name: str, folder: Path, jobs: int = 1) -> Run:
    """Let a grader grade a class in a new process."""
    command = [sys.executable, "-m", "benchmarks.graders", name, str(folder), "--jobs", str(jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def graded(name: str, class_: Mapping[str, Answers], jobs: int = 1) -> Run:
    """A class graded in a course of its own, which is removed."""
    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        return run(name, prepare(Path(scratch) / "course", class_, name), jobs)


def main() -> None:
    """Grade, and print the outcome."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graders", description=__doc__)
    parser.add_argument("name", choices=GRADERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    outcome = GRADERS[chosen.name](chosen.folder.resolve(), chosen.jobs)
    print("\n" + json.dumps(dataclasses.asdict(outcome)))


if __name__ == "__main__":
    main()
