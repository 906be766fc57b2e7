"""`assert gradcheck(...)` under pytest: a failure shows the whole report, not a shortened `repr`.

pytest loads this in every run of an environment that the checker is installed in, so it imports nothing to speak of.
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
    """Name and text of the failing reports among a frame's variables, each once.

    In `assert gradcheck(...)` the report is a temporary of pytest's assertion rewriting, `@py_assert1` or the like; in
    `assert report` it is a variable, and a temporary as well. Where there are temporaries, they are what was asserted.
    """
    failed = {name: value for name, value in variables.items() if _is_report(value) and not value}
    asserted = [value for name, value in failed.items() if name.startswith("@py_")]
    seen: list[Any] = []
    for report in asserted or failed.values():
        if not any(report is other for other in seen):
            seen.append(report)
            yield report.name, str(report)


def _is_report(value: Any) -> bool:
    """Whether `value` is a Report, found out without importing the checker."""
    return type(value).__module__ == "checker.report" and type(value).__name__ == "Report"
