"""A report is plain data: true only if right, equal by value, and ready for JSON."""

import json
import pickle

import numpy as np
import pytest

from checker import Entry, Finding, Report, gradcheck
from checker.report import CANNOT_TELL, KINDS, NOT_ATTEMPTED, RIGHT, WRONG

X = np.random.default_rng(1).normal(size=(4, 3))


@pytest.mark.parametrize("verdict", [RIGHT, WRONG, NOT_ATTEMPTED, CANNOT_TELL])
def test_only_right_is_true(verdict):
    assert bool(Report("f", verdict)) == (verdict == "right")
    assert str(Report("f_backward", verdict)).startswith(f"f_backward: {verdict}")


def plain(data):
    """Whether there is nothing but what JSON has."""
    if isinstance(data, dict):
        return all(type(key) is str and plain(value) for key, value in data.items())
    if isinstance(data, (list, tuple)):
        return all(plain(value) for value in data)
    return type(data) in (str, int, float, bool, type(None))


def infinite(dout, x):
    return dout * np.inf


REPORTS = {
    "right": gradcheck(np.sin, lambda dout, x: dout * np.cos(x), (X,)),
    "wrong": gradcheck(np.sin, lambda dout, x: 2 * dout * np.cos(x), (X.astype(np.float32),)),
    "a number": gradcheck(np.sin, lambda dout, x: 2 * dout * np.cos(x), (np.float64(0.3),)),
    "misshapen": gradcheck(np.sin, lambda dout, x: (dout * np.cos(x)).T, (X,)),
    "not finite": gradcheck(np.sin, infinite, (X,)),
    "a nan among the numbers": gradcheck(np.log, lambda dout, x: dout / x, (np.array([0.0, 1.0]),)),
    "elsewhere": gradcheck(
        lambda x, pad: np.pad(x, pad), lambda dout, x, pad: 1 * dout[pad:-pad, pad:-pad], (X, 1), name="pad_backward"
    ),
    "an error": gradcheck(np.sin, lambda dout, x: dout @ x, (X,)),
    "not attempted": gradcheck(np.sin, lambda dout, x: None, (X,)),
    "a forward": gradcheck(
        np.sin, lambda dout, x: dout * np.cos(x), (X,), reference=lambda x: np.full(x.shape, np.nan)
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_plain_data(name):
    report = REPORTS[name]
    data = report.to_dict()
    assert plain(data)
    assert "inputs" not in data
    assert json.loads(json.dumps(data)).keys() == data.keys()
    assert set(data) == {
        "name", "verdict", "kind", "findings", "notes", "where", "mode", "seed", "forwards", "backwards",
    }  # fmt: skip
    assert report.kind in ("", *KINDS)
    assert (report.kind != "") >= (report.verdict == WRONG)
    assert str(report).startswith(f"{report.name}: {report.verdict}")


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_values(name):
    again = pickle.loads(pickle.dumps(REPORTS[name]))
    assert str(again) == str(REPORTS[name])
    with pytest.raises(AttributeError):
        again.verdict = RIGHT


def test_numbers_survive_json():
    entry = Entry((2, 1), float("nan"), -1.5, 1e-12)
    report = Report(
        "f", WRONG, (Finding("w", WRONG, "no", "values", entries=(entry,), shape=(3, 2), wrong=1),), "values"
    )
    (finding,) = json.loads(json.dumps(report.to_dict()))["findings"]
    assert np.isnan(finding["entries"][0]["yours"])
    assert finding["entries"][0]["index"] == [2, 1]
    assert (finding["shape"], finding["wrong"]) == ([3, 2], 1)


def test_causes_are_the_findings_own_in_order():
    findings = (Finding("x", WRONG, "", cause="sign"), Finding("w", RIGHT, ""), Finding("b", WRONG, "", cause="factor"))
    assert Report("f", WRONG, findings).causes == ("sign", "factor")


def test_a_notebook_shows_a_report_that_ends_a_cell():
    shown = REPORTS["elsewhere"]._repr_mimebundle_()
    assert shown["text/plain"] == str(REPORTS["elsewhere"])
    assert shown["text/html"].startswith("<div")
    assert "wrong" in shown["text/html"]


@pytest.mark.parametrize(("shape", "size"), [((), 1), ((3,), 3), ((3, 2), 6), ((0, 4), 0)])
def test_a_finding_knows_its_size(shape, size):
    assert Finding("x", RIGHT, "", shape=shape).size == size


def test_the_inputs_that_show_a_failure_are_at_hand():
    report = REPORTS["elsewhere"]
    assert report.verdict == WRONG
    assert report.inputs["pad"] == 0
    assert report != Report("f", WRONG)
    assert "inputs=" not in repr(report)
