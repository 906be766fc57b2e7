"""Reports as text and as JSON."""

import json

import numpy as np
import pytest

from checker import gradcheck
from checker.render.json import render as as_json
from checker.render.text import LINES, digits_apart, entry_text, headline
from checker.render.text import render as as_text
from checker.report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG, Entry, Finding, Report

ENTRY = Entry((4, 1), 1.15146678413964, -0.72283562648434, 2e-10)


def wrong(subject="x", **changes):
    fields = {
        "kind": "values",
        "cause": "sign",
        "advice": "look for a minus that is missing or extra",
        "shape": (8, 5),
        "wrong": 40,
        "entries": (ENTRY, ENTRY),
    }
    message = f"40 of 40 entries of the gradient of {subject} are wrong: yours is the right gradient negated"
    return Finding(subject, WRONG, message, **{**fields, **changes})


def right(subject="gamma", shape=(5,)):
    return Finding(subject, RIGHT, f"all entries of the gradient of {subject} agree", shape=shape)


REPORT = Report(
    name="batchnorm_backward",
    verdict=WRONG,
    findings=(wrong(), right(), right("beta")),
    kind="values",
    notes=("only the backward's agreement with its own forward was judged",),
    where="right at the given inputs, wrong with eps = 0.1 (seed 0)",
    mode="full",
    forwards=88,
    inputs={"x": np.ones((2, 2)), "eps": 0.1},
)


def test_a_wrong_report_says_where_how_much_why_and_what_to_do():
    assert as_text(REPORT).split("\n") == [
        "batchnorm_backward: wrong (values)",
        "  40 of 40 entries of the gradient of x are wrong: yours is the right gradient negated",
        "    at [4, 1]: yours 1.1515, expected -0.72284 +- 2e-10",
        "    -> look for a minus that is missing or extra",
        "  right: gamma (5,), beta (5,)",
        "  where: right at the given inputs, wrong with eps = 0.1 (seed 0)",
        "  full check, 88 forwards; only the backward's agreement with its own forward was judged",
    ]


def test_str_is_the_text():
    assert str(REPORT) == as_text(REPORT)


def test_a_right_report_is_short():
    report = Report("relu_backward", RIGHT, (right("x", (8, 5)), right("w", ())), mode="fast", forwards=10)
    assert as_text(report).split("\n") == [
        "relu_backward: right",
        "  every entry agrees: x (8, 5), w",
        "  fast check, 10 forwards",
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("values", "values"),
        ("edge", "only in a corner case"),
        ("unstable", "unstable"),
        ("shape", "shape"),
        ("contract", "contract"),
        ("forward", "forward"),
        ("error", "raises an exception"),
    ],
)
def test_each_kind_has_its_words_in_the_headline(kind, words):
    assert headline(Report("f", WRONG, kind=kind)) == f"f: wrong ({words})"


@pytest.mark.parametrize("verdict", [NOT_ATTEMPTED, CANNOT_TELL])
def test_other_verdicts_say_why(verdict):
    report = Report("f_backward", verdict, (Finding("", verdict, "f_backward is not written yet"),))
    assert as_text(report) == f"f_backward: {verdict}\n  f_backward is not written yet"


def test_what_is_right_but_overflows_is_said():
    finding = Finding(
        "x", RIGHT, "right, but overflows where x reaches 1000", "unstable", "overflow", "subtract the maximum"
    )
    report = Report("f", RIGHT, (finding,), "unstable")
    assert as_text(report) == (
        "f: right (unstable)\n  right, but overflows where x reaches 1000\n    -> subtract the maximum"
    )


def test_a_broken_contract_comes_before_any_check_of_numbers():
    finding = Finding(
        "", WRONG, "f_backward writes into dout", "contract", "writes-dout", "copy dout before you change it"
    )
    report = Report("f_backward", WRONG, (finding,), "contract", mode="full", forwards=2)
    assert as_text(report) == (
        "f_backward: wrong (contract)\n  f_backward writes into dout\n    -> copy dout before you change it"
    )


def test_quiet_is_one_line():
    assert as_text(REPORT, quiet=True) == "batchnorm_backward: wrong (values)"


def test_verbose_shows_every_entry_every_finding_and_the_inputs():
    text = as_text(REPORT, verbose=True)
    assert text.count("at [4, 1]: yours") == 2
    assert "  all entries of the gradient of gamma agree" in text.split("\n")
    assert "  x = [[1., 1.],\n   [1., 1.]]\n  eps = 0.1" in text


@pytest.mark.parametrize("count", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_however_much_is_wrong_it_fits(count, width):
    report = Report(
        "f", WRONG, tuple(wrong(f"params['W{k}']") for k in range(count)), "values", REPORT.notes, "here", "full"
    )
    lines = as_text(report, width=width).split("\n")
    assert len(lines) <= LINES
    assert all(len(line) <= width for line in lines)
    assert any("-> look for a minus" in line for line in lines)  # the first finding keeps its advice


def test_what_does_not_fit_is_counted_and_named():
    report = Report("f", WRONG, (*(wrong(f"W{k}") for k in range(30)), right()), "values")
    assert "  23 more (--verbose): W7, W8, W9," in as_text(report)
    assert as_text(report).endswith("  right: gamma (5,)")


def test_notes_without_end_are_cut():
    report = Report("f", WRONG, (wrong(),), "values", notes=tuple(f"note {k} " + "x" * 90 for k in range(30)))
    assert as_text(report).endswith(" ...")
    assert len(as_text(report).split("\n")) == 7


def test_a_cause_without_end_is_cut():
    report = Report("f", WRONG, (wrong(advice="do this " * 400),), "values")
    assert as_text(report).endswith("expected -0.72284 +- 2e-10")  # the advice would not fit
    report = Report("f", WRONG, (Finding("x", WRONG, "so it is " * 400),), "values")
    assert as_text(report).endswith("\n  ... (--verbose shows the rest)")


@pytest.mark.parametrize(
    ("yours", "expected", "text"),
    [
        (1.5, 1.25, "yours 1.5, expected 1.25 +- 1e-09"),
        (1.0000001234, 1.0, "yours 1.00000012, expected 1 +- 1e-09"),
        (123456.001, 123456.002, "yours 123456.001, expected 123456.002 +- 1e-09"),
        (0.0, 2.5e-12, "yours 0, expected 2.5e-12 +- 1e-09"),
        (float("nan"), 2.0, "yours nan, expected 2 +- 1e-09"),
        (float("inf"), 2.0, "yours inf, expected 2 +- 1e-09"),
    ],
)
def test_numbers_show_the_digits_that_differ(yours, expected, text):
    assert entry_text(Entry((), yours, expected, 1e-9)) == text
    assert f"{yours:.{digits_apart(yours, expected)}g}" != f"{expected:.{digits_apart(yours, expected)}g}"


def test_an_exact_value_has_no_error_bar():
    assert entry_text(Entry((0,), 1.0, 2.0, 0.0)) == "at [0]: yours 1, expected 2"


def test_json_is_strict_and_carries_a_version():
    entries = (Entry((0,), float("nan"), float("inf"), float("-inf")),)
    text = as_json([REPORT, Report("g", WRONG, (wrong(entries=entries),))])

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads(text, parse_constant=refuse)
    assert read["version"] == 1
    assert [report["name"] for report in read["reports"]] == ["batchnorm_backward", "g"]
    entry = read["reports"][1]["findings"][0]["entries"][0]
    assert entry == {"index": [0], "yours": "NaN", "expected": "Infinity", "error": "-Infinity"}


def test_json_of_one_report_has_the_same_form():
    (read,) = json.loads(as_json(REPORT))["reports"]
    assert set(read) == {
        *("name", "verdict", "findings", "kind", "notes", "where", "mode", "seed", "forwards", "backwards")
    }
    assert read["findings"][0]["shape"] == [8, 5]


def test_a_batchnorm_without_the_path_through_the_variance_is_told_so_in_twelve_lines():
    def forward(x, gamma, beta, eps=1e-5):
        std = np.sqrt(x.var(axis=0) + eps)
        xhat = (x - x.mean(axis=0)) / std
        return gamma * xhat + beta, (xhat, std, gamma)

    def backward(dout, cache):
        xhat, std, gamma = cache
        dxhat = dout * gamma
        return (dxhat - dxhat.mean(axis=0)) / std, (dout * xhat).sum(axis=0), dout.sum(axis=0)

    rng = np.random.default_rng(0)
    text = str(gradcheck(forward, backward, (rng.normal(size=(8, 5)), rng.normal(size=5), rng.normal(size=5))))
    assert len(text.split("\n")) <= LINES
    assert "variance" in text
    assert "gamma" in text
