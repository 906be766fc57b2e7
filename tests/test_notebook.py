"""`check` and `hint` as a student meets them: functions defined in a notebook, the exercises installed elsewhere."""

import builtins
import contextlib
import logging
import os
import sys
import types
import warnings

import numpy as np
import pytest

from checker import UsageError, notebook
from checker import exercises as declared
from checker.notebook import Hint, Outcome, check, hint, silence
from checker.report import NOT_ATTEMPTED, RIGHT, WRONG
from coursework import gates as stubs
from solutions import affine, batchnorm, hessians, initialisation, tape

CELL = """
def affine_forward(x, w, b):
    return x @ w.T + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w, dout.T @ x, dout.sum(axis=0)
"""


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """No hints shown yet, and nobody who would show what an expression gives."""
    monkeypatch.setattr(notebook, "_SHOWN", {})
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.delattr(sys, "ps1", raising=False)


@pytest.fixture(params=["with solutions", "with recorded values alone"])
def _machine(request, monkeypatch):
    """An instructor's machine, and a student's."""
    if request.param != "with solutions":
        monkeypatch.setattr(declared, "_key", lambda stub: None)


class Notebook:
    """Cells that are run one after the other in one namespace, which is nobody's module."""

    def __init__(self):
        self.names = {"__name__": "__main__", "np": np, "check": check, "hint": hint}

    def run(self, cell):
        exec(cell, self.names)

    def value(self, expression):
        return eval(expression, self.names)


@pytest.fixture
def cells():
    return Notebook()


# -- which exercise ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_machine")
def test_an_answer_is_judged_with_the_forward_beside_it(cells, capsys):
    cells.run(CELL)
    outcome = cells.value("check(affine_backward)")
    assert isinstance(outcome, Outcome)
    assert outcome, str(outcome)
    assert (outcome.report.verdict, outcome.hints) == (RIGHT, ())
    assert capsys.readouterr() == (f"{outcome}\n", "")


@pytest.mark.usefixtures("_machine")
def test_a_wrong_answer_is_explained(cells):
    cells.run(CELL.replace("dout.sum(axis=0)", "dout.mean(axis=0)"))
    outcome = cells.value("check(affine_backward)")
    assert not outcome
    assert outcome.report.verdict == WRONG
    assert [f.subject for f in outcome.report.findings if f.verdict == WRONG] == ["b"]
    assert str(outcome).endswith("\n  hint(affine_backward) shows a hint")


@pytest.mark.usefixtures("_machine")
def test_a_wrong_forward_comes_first(cells):
    cells.run(CELL.replace("+ b", "- b"))
    assert cells.value("check(affine_backward)").report.kind == "forward"


def test_the_forward_is_the_latest_in_the_notebook_or_the_one_that_is_given(cells):
    cells.run(CELL)
    backward = cells.names["affine_backward"]
    cells.run("def affine_forward(x, w, b):\n    return x @ w.T - b, (x, w)")
    assert cells.value("check(affine_backward)").report.kind == "forward"
    assert check(backward, affine.affine_forward)  # looked up neither here nor there


def test_a_forward_is_found_inside_a_function(cells):
    def affine_forward(x, w, b):
        return x @ w.T + b, (x, w)

    def affine_backward(dout, cache):
        return affine.affine_backward(dout, cache)

    assert check(affine_backward)


@pytest.mark.usefixtures("_machine")
def test_without_its_forward_an_answer_cannot_be_judged(cells):
    cells.run(CELL)
    del cells.names["affine_forward"]
    report = cells.value("check(affine_backward)").report
    assert report.verdict == NOT_ATTEMPTED
    assert report.findings[0].message == "affine_forward is not defined here: run the cell that defines it first"


@pytest.mark.usefixtures("_machine")
def test_a_forward_that_is_not_written_is_called_so(cells):
    cells.run("def affine_forward(x, w, b):\n    raise NotImplementedError\n" + CELL[CELL.index("def affine_b") :])
    report = cells.value("check(affine_backward)").report
    assert (report.verdict, report.findings[0].message) == (NOT_ATTEMPTED, "affine_forward is not written yet")


@pytest.mark.usefixtures("_machine")
def test_a_given_forward_need_not_be_in_the_notebook(cells):
    code = batchnorm.batchnorm_graph_backward.__code__
    cells.names["batchnorm_graph_backward"] = types.FunctionType(code, {"np": np}, "batchnorm_graph_backward")
    assert cells.value("check(batchnorm_graph_backward)")


MOMENTS = """
def relu_moments(variance):
    mean, second = np.sqrt(variance / 2 / np.pi), variance / 2
    return mean, second, second - mean**2
"""


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize(
    ("name", "code", "slip"),
    [
        ("relu_moments", MOMENTS, ("- mean**2", "- mean")),
        ("he_std", "def he_std(n_in):\n    return np.sqrt(2 / n_in)", ("2 /", "1 /")),
        (
            "small_init",
            "def small_init(n_in, n_out, rng):\n    return 0.01 * rng.normal(size=(n_out, n_in))",
            ("0.01", "0.1"),
        ),
    ],
    ids=["several values", "one value", "draws"],
)
def test_values_and_draws_are_judged(cells, name, code, slip):
    cells.run(code)
    assert cells.value(f"check({name})")
    cells.run(code.replace(*slip))
    assert cells.value(f"check({name})").report.verdict == WRONG


@pytest.mark.usefixtures("_machine")
def test_a_class_is_judged(cells):
    class Var(tape.Var):
        exercise = None

    assert check(Var)
    cells.run("class Var:\n    def __init__(self, value):\n        raise NotImplementedError")
    assert cells.value("check(Var)").report.verdict == NOT_ATTEMPTED


def test_a_stub_or_an_answer_brings_its_own_declaration():
    assert check(stubs.add_backward).report.verdict == NOT_ATTEMPTED
    assert check(hessians.quadratic_hessian)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("afine_backward", r"there is no exercise afine_backward; did you mean affine_backward"),
        ("zzz", r"there is no exercise zzz$"),
        ("affine_forward", r"affine_forward is judged together with what belongs to it: check\(affine_backward\)"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(cells, capsys, name, message):
    cells.run(f"def {name}(x):\n    return x")
    with pytest.raises(UsageError, match=message) as checked:
        cells.value(f"check({name})")
    with pytest.raises(UsageError, match=message) as hinted:
        hint(name)
    for refused in (checked, hinted):
        assert refused.value._render_traceback_() == [str(refused.value)]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("thing", [3, None, np.ones(2)])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(UsageError, match="check a function by its name"):
        check(thing)


def test_where_no_exercises_are_installed_that_is_said(monkeypatch):
    monkeypatch.setattr(notebook, "COURSEWORK", "no_such_coursework")
    with pytest.raises(UsageError, match="there is no package no_such_coursework"):
        hint("affine_backward")


def test_a_topic_that_cannot_be_imported_hides_no_other(monkeypatch, tmp_path):
    package = tmp_path / "halfdone"
    package.mkdir()
    (package / "__init__.py").write_text("TOPICS = ('broken', 'whole')\n")
    (package / "broken.py").write_text("1 +\n")
    (package / "whole.py").write_text(
        "from checker import task\n\n\n@task(kind='value')\ndef half_of(x: float):\n    raise NotImplementedError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(notebook, "COURSEWORK", "halfdone")
    assert hint("half_of").count == 0
    with pytest.raises(UsageError, match=r"no exercise hlf_of; did you mean half_of\?; halfdone.broken cannot be"):
        hint("hlf_of")


# -- hints ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_machine")
def test_hints_come_one_after_the_other(capsys):
    hints = affine.affine_backward.exercise.hints
    shown = [hint("affine_backward") for _ in range(len(hints) + 1)]
    assert [each.text for each in shown] == [*hints, hints[-1]]
    assert str(shown[0]) == f"affine_backward, hint 1 of {len(hints)}: {hints[0]}"
    assert capsys.readouterr().out.splitlines() == [str(each) for each in shown]
    assert hint(stubs.add_backward).place == 1


def test_an_outcome_carries_every_hint_unless_it_is_right(cells):
    cells.run(CELL.replace("dout @ w", "0 * x"))
    html = cells.value("check(affine_backward)")._repr_html_()
    count = len(affine.affine_backward.exercise.hints)
    assert [f"hint {place} of {count}" in html for place in range(1, count + 1)] == [True] * count
    cells.run(CELL)
    assert "hint" not in cells.value("check(affine_backward)")._repr_html_()


def test_no_hints_is_said():
    assert str(Hint("f", "", 0, 0)) == "f has no hints"
    assert "f has no hints" in Hint("f", "", 0, 0)._repr_html_()
    assert "&lt;b&gt;" in Hint("f", "<b>", 1, 1)._repr_html_()


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_a_front_end_takes_html_or_text(cells):
    cells.run(CELL)
    for shown in (cells.value("check(affine_backward)"), hint("affine_backward")):
        bundle = shown._repr_mimebundle_(include=None, exclude=None)
        assert bundle == {"text/plain": str(shown), "text/html": shown._repr_html_()}
        assert repr(shown) == str(shown)
        assert bundle["text/html"].startswith("<div")


def test_where_the_value_of_an_expression_is_shown_nothing_is_printed(cells, capsys, monkeypatch):
    cells.run(CELL)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert cells.value("check(affine_backward)")
    assert cells.value("hint(affine_backward)")
    assert capsys.readouterr() == ("", "")


def test_in_ipython_nothing_is_printed_and_displays_are_kept_back(cells, capsys, monkeypatch):
    caught = []

    def capture_output(stdout, stderr, display):
        caught.append((stdout, stderr, display))
        return contextlib.nullcontext()

    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: object()))
    monkeypatch.setitem(sys.modules, "IPython.utils", types.ModuleType("IPython.utils"))
    capture = types.SimpleNamespace(capture_output=capture_output)
    monkeypatch.setitem(sys.modules, "IPython.utils.capture", capture)
    cells.run(CELL)
    assert cells.value("check(affine_backward)")
    assert capsys.readouterr() == ("", "")
    assert caught == [(False, False, True)]


# -- what must not be heard -------------------------------------------------------------------------------------------

LOUD = {
    "print": "print('noise')",
    "stderr": "print('noise', file=sys.stderr)",
    "a warning": "warnings.warn('noise')",
    "NumPy's warning": "np.log(np.zeros(2))",
    "a warning that must be shown": "warnings.simplefilter('always'); warnings.warn('noise')",
    "logging": "logging.warning('noise')",
    "NumPy's own way": "np.seterr(all='print'); np.log(np.zeros(2)); np.seterr(all='warn')",
    "the descriptor": "os.write(2, b'noise')",
}


@pytest.mark.parametrize("name", LOUD)
def test_nothing_of_an_answer_is_heard(cells, capfd, name):
    cells.names |= {"sys": sys, "warnings": warnings, "logging": logging, "os": os}
    cells.run(CELL.replace("    x, w = cache\n", f"    x, w = cache\n    {LOUD[name]}\n"))
    state = np.geterr(), list(warnings.filters), logging.root.manager.disable, builtins.input
    outcome = cells.value("check(affine_backward)")
    assert outcome, str(outcome)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert "noise" not in captured.out
    assert (notebook.SILENCED in outcome.report.notes) == (name in ("print", "stderr"))
    assert state == (np.geterr(), list(warnings.filters), logging.root.manager.disable, builtins.input)


def test_however_much_is_printed_is_forgotten():
    with silence() as heard:
        assert not heard()
        for _ in range(100):
            print("x" * 1_000_000)
        assert heard()
        assert sys.stdout.used


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("raise ValueError('<b>no</b>')", "ValueError"),
        ("sys.exit(0)", "SystemExit"),
        ("exit_code = input('? ')", "EOFError"),
        ("dout @ dout @ dout", "ValueError"),
    ],
)
def test_what_an_answer_raises_is_reported(cells, capsys, line, name):
    cells.names |= {"sys": sys}
    cells.run(CELL.replace("    x, w = cache\n", f"    x, w = cache\n    {line}\n"))
    outcome = cells.value("check(affine_backward)")
    assert (outcome.report.verdict, outcome.report.kind) == (WRONG, "error")
    assert name in outcome.report.findings[0].message
    assert "<b>no" not in outcome._repr_html_()
    assert capsys.readouterr().err == ""


def test_an_interrupt_gets_out(cells):
    cells.run("def relu_moments(variance):\n    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        cells.value("check(relu_moments)")
    assert sys.stdout is not None
    assert not logging.root.manager.disable


def test_a_process_without_standard_error_is_no_obstacle(monkeypatch):
    def refuse(descriptor):
        raise OSError("none")

    monkeypatch.setattr(os, "dup", refuse)
    with silence() as heard:
        assert not heard()


def test_a_seed_draws_other_inputs(cells):
    cells.run("def relu_moments(variance):\n    return 0, 0, 0")
    first, second = (cells.value(f"check(relu_moments, seed={seed})").report for seed in (0, 1))
    assert first.findings[0].entries != second.findings[0].entries
    assert initialisation.relu_moments.exercise.name == first.name


def test_nbgraders_validate_hears_of_an_answer_that_is_not_right(cells, monkeypatch):
    """It takes a cell that raises nothing for a right one."""
    cells.run(CELL)
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    cells.run("check(affine_backward)")
    cells.run(CELL.replace("dout @ w", "dout @ w / 2"))
    with pytest.raises(AssertionError, match="affine_backward: wrong") as raised:
        cells.run("check(affine_backward)")
    assert raised.value._render_traceback_()[0] == "affine_backward: wrong (values)"
