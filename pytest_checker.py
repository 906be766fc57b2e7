"""`assert gradcheck(...)` under pytest: a failure shows the whole report, not a shortened `repr`.

pytest loads this in every run of an environment that the checker is installed in. Outside the package, it can be loaded
without importing the checker and NumPy before the tests ask for them.
"""

from collections.abc import Generator, Iterator
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
