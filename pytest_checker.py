"""The checker under pytest: what a failing `assert gradcheck(...)` shows, and a folder of stubs as tests.

A failure shows the whole report, not a shortened `repr`. `pytest coursework` judges every exercise of that folder,
which asks for it in its conftest.py.

pytest loads this in every run of an environment that the checker is installed in. Outside the package, it can be loaded
without importing the checker and NumPy before the tests ask for them.
"""

import importlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section for each report that stopped the test."""
    outcome = yield
    if call.excinfo is not None and call.excinfo.errisinstance(AssertionError):
        for name, text in _reports(call.excinfo.traceback[-1].frame.f_locals):
            outcome.sections.append((f"gradient check of {name}", text))
    return outcome


def _reports(variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and text of the reports that a frame's failed assertion was about, each once.

    In `assert gradcheck(...)` the report is a temporary of pytest's assertion rewriting, `@py_assert1` or the like. In
    `assert report` it is a plain variable, one of those that are false.
    """
    reports = {name: value for name, value in variables.items() if _is_report(value)}
    asserted = [report for name, report in reports.items() if name.startswith("@py_")]
    shown: list[Any] = []
    for report in asserted or [report for report in reports.values() if not report]:
        if not any(report is other for other in shown):
            shown.append(report)
            yield report.name, str(report)


def _is_report(value: Any) -> bool:
    """Whether `value` is a Report, found out without importing the checker."""
    return type(value).__module__ == "checker.report" and type(value).__name__ == "Report"


# -- a folder of stubs ------------------------------------------------------------------------------------------------


def collect_exercises(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A `pytest_collect_file` for the conftest.py of a folder of stubs: every exercise in its files is a test."""
    if file_path.suffix != ".py" or file_path.stem.startswith(("_", "conftest", "test_")):
        return None
    return Topic.from_parent(parent, path=file_path)


class Topic(pytest.File):
    """A file of stubs."""

    def collect(self) -> Iterable[pytest.Item]:
        """Its exercises, in its order."""
        from checker.exercises import exercises_in

        try:  # conftest.py is in that package
            module = importlib.import_module(f"{self.path.parent.name}.{self.path.stem}")
        except Exception as problem:  # a file that somebody is in the middle of editing must not stop the others
            yield Broken.from_parent(self, name=self.path.stem, problem=problem)
            return
        for task in exercises_in(module):
            yield Answer.from_parent(self, name=task.name, task=task)


class NotRightError(Exception):
    """The answer is wrong, or there is none yet."""


class Broken(pytest.Item):
    """A file that cannot be imported: it fails, and nothing else does."""

    def __init__(self, *, problem: Exception, **more: Any):
        super().__init__(**more)
        self.problem = problem

    def runtest(self) -> None:
        """Say what its import raised."""
        raise NotRightError(self.problem)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """What was raised, and at which line of the author's."""
        from checker.environment import cannot_import

        return cannot_import(self.problem, self.path.name)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest calls it."""
        return self.path, None, self.name


class Answer(pytest.Item):
    """One exercise, judged as `python -m checker gradcheck` does."""

    def __init__(self, *, task: Any, **more: Any):
        super().__init__(**more)
        self.task = task

    def runtest(self) -> None:
        """Judge it; whatever is not right fails."""
        report = self.task.check()
        if not report:
            raise NotRightError(report)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report alone: no stack trace of the checker's."""
        if isinstance(excinfo.value, NotRightError):
            return str(excinfo.value).removeprefix(f"{self.name}: ")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest calls it."""
        return self.path, None, self.name
