"""The checker says of every labelled pair what its label asks for. The labels are proven in test_bank_oracle."""

from functools import cache

import pytest

from checker.report import Report
from tests.bank import CASES, Case
from tests.bank.judge import attempt, holds, named, text

BY_NAME = {case.name: case for case in CASES}
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@cache
def report_of(name: str) -> Report:
    """One check of each case, shared by the tests and the summaries."""
    return attempt(BY_NAME[name])


def cases(*labels: str):
    """The cases of these labels, as parameters named after them."""
    return pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.label in labels])


def told(case: Case) -> str:
    """What a failing test prints."""
    report = report_of(case.name)
    return f"{case.label}: got {report.verdict} ({report.kind}): {text(report)[:500]}"


def share(found: dict[str, bool], at_least: float) -> None:
    """Assert that at least this share of the named things is so; name the others."""
    missed = [name for name, good in found.items() if not good]
    assert 1 - len(missed) / len(found) >= at_least, f"{len(missed)} of {len(found)}: {', '.join(missed)}"


@cases("wrong", "right", "nasty", "contract", "shape", "forward", "unstable", "error", "unattempted")
def test_each_case_gets_the_verdict_of_its_label(case: Case):
    assert holds(case, report_of(case.name)), told(case)


def test_almost_all_nasty_points_are_called_right():
    share({c.name: report_of(c.name).verdict == "right" for c in CASES if c.label == "nasty"}, 0.97)


def test_mistakes_that_the_point_hides_are_found():
    share({c.name: report_of(c.name).verdict == "wrong" for c in CASES if c.label == "elsewhere"}, 0.9)


def test_mistakes_in_corner_cases_are_found_and_called_so():
    share({c.name: report_of(c.name).verdict == "wrong" for c in CASES if c.label == "edge"}, 0.9)
    found = {c.name: report_of(c.name) for c in CASES if c.label == "edge" and report_of(c.name).verdict == "wrong"}
    share({name: report.kind == "edge" for name, report in found.items()}, 0.9)


def test_causes_are_named():
    share({c.name: named(c, report_of(c.name)) for c in CASES if c.label == "wrong" and c.cause}, 0.85)


@cases("right", "nasty")
def test_a_right_answer_gets_no_cause(case: Case):
    assert report_of(case.name).causes == (), told(case)
