"""A course folder: where its assignments, its submissions and nbgrader's configuration lie."""

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .key import use

CONFIG, REPORTS = "nbgrader_config.py", "reports"
#: Where this project's `notebooks/` and constraints.txt lie: in what the instructor's wheel has brought, or in a clone.
PROJECT = next(path for path in (Path(__file__).with_name("project"), Path(__file__).parents[2]) if path.is_dir())


@dataclass(frozen=True)
class Course:
    """A course folder: `source/`, `release/`, `submitted/` and so on, beside nbgrader's configuration."""

    root: Path

    def assignments(self, names: Sequence[str] = ()) -> list[str]:
        """The assignments in `source/`, or those that are named. Raises UsageError for one that there is not."""
        known = sorted({path.parent.name for path in self.root.glob("source/*/*.ipynb")})
        for name in names:
            if name not in known:
                raise UsageError(f"there is no assignment {name} in {self.root / 'source'}; it has {', '.join(known)}")
        return list(dict.fromkeys(names)) or known

    def students(self, assignment: str) -> list[str]:
        """Who has submitted anything for an assignment."""
        return sorted(path.parent.name for path in self.root.glob(f"submitted/*/{assignment}") if path.is_dir())

    def handed_in(self, names: Sequence[str] = (), students: Sequence[str] = ()) -> dict[str, list[str]]:
        """Who is to be graded for which assignment: of all, or of those that are named.

        Raises UsageError where one of `students` has submitted nothing, or nobody has.
        """
        found: dict[str, list[str]] = {}
        for name in self.assignments(names):
            known = self.students(name)
            missing = [student for student in students if student not in known]
            if names and missing:
                raise UsageError(f"{missing[0]} has submitted nothing for {name}")
            found[name] = [student for student in known if not students or student in students]
        for student in students:
            if not any(student in people for people in found.values()):
                raise UsageError(f"{student} has submitted nothing: there is no {self.root / 'submitted' / student}/")
        if not any(found.values()):
            where = self.root / "submitted" / "STUDENT" / (names[0] if len(names) == 1 else "ASSIGNMENT")
            raise UsageError(f"nothing was submitted: there is no {where}")
        return {name: people for name, people in found.items() if people}

    def submitted(self, student: str, assignment: str) -> Path:
        """Where a student's submission lies."""
        return self.root / "submitted" / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        """Where a student's notebooks lie as they were graded."""
        return self.root / "autograded" / student / assignment

    def page(self, student: str, assignment: str) -> Path:
        """Where the feedback on a submission lies."""
        return self.root / "feedback" / student / assignment / f"{assignment}.html"

    def configuration(self) -> Any:
        """What nbgrader's configuration says, with this folder as the course's.

        Raises UsageError where nbgrader is not installed, or where the configuration raises.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nbgrader's dependencies, about themselves
            try:
                import nbgrader.apps  # noqa: F401
                from traitlets.config.loader import PyFileConfigLoader
            except ModuleNotFoundError as missing:
                raise UsageError(f"{missing.name} is not installed; pip install -e '.[course]' installs it") from None
            one_thread_each()
            try:
                config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
            except Exception as problem:
                raise UsageError(f"{self.root / CONFIG}{_line(problem)}: {type(problem).__name__}: {problem}") from None
        config.CourseDirectory.root = str(self.root)
        return config


def _line(problem: Exception) -> str:
    """Where in the configuration something was raised, in words."""
    frames = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename.endswith(CONFIG)]
    lines = [problem.lineno] if isinstance(problem, SyntaxError) else frames
    return f", line {lines[-1]}" if lines else ""


def find_course(folder: str = "") -> Course:
    """The course in a folder or in its `notebooks/`, by default here; the answers beside `notebooks/` belong to it.

    Raises UsageError where there is none.
    """
    for root in (Path(folder) / "notebooks", Path(folder)):
        if (root / CONFIG).is_file():
            course = Course(root.resolve())
            use(course.root.parent)
            return course
    where = f"in {folder}" if folder else "here, or in notebooks/"
    raise UsageError(f"there is no {CONFIG} {where}; a new course begins with: python -m checker course FOLDER")


def one_thread_each() -> None:
    """Let the linear algebra of processes that are started from now on have one thread: they are many on few cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def cores() -> int:
    """How many processes this one may run side by side."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
