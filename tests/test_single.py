"""One notebook graded by itself: which assignment it answers, what is asked of the grader, and what is printed."""

import argparse
import json
import sys
import types
from pathlib import Path

import pytest

from checker.course import demo, nbgrader, precheck, single
from checker.course.outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome
from checker.course.simulate import SENT, cell
from checker.errors import UsageError

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks" / "source").iterdir())
GATES = ROOT / "notebooks" / "source" / "01_gates"
ADD = Mark("add_backward_test", 1.0, 1.0, "gates.add_backward", "right")
MUL = Mark(
    "mul_backward_test", 1.0, 0.5, "gates.mul_backward", "wrong", "values", "inputs_swapped",
    said="mul_backward: wrong, 0.5 of 1 point\n  dx is \x1b[2Jdy", parts=(("x", 0.0, 0.5), ("y", 0.5, 0.5)),
)  # fmt: skip
WORDS = Mark("what_gates_do", 2.0, None)


def answers(source=GATES):
    return json.loads((source / f"{source.name}.ipynb").read_text())


def saved(folder, notebook, name="01_gates.ipynb"):
    path = folder / name
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))
    return path


@pytest.fixture
def grader(monkeypatch):
    """A grader that gives these marks, and keeps what it was asked."""
    fake = types.ModuleType("checker.course.submission")
    fake.asked, fake.marks, fake.more = [], (ADD, MUL, WORDS), {"state": GRADED, "isolation": "limits, seccomp"}

    def graded(job, told=None):
        fake.asked.append(job)
        for mark in fake.marks:
            if told:
                told(mark)
        notebooks = (Graded("01_gates", fake.marks, {"cells": []}),)
        return Outcome(job.student, job.assignment, notebooks=notebooks, **fake.more).to_json()

    fake.graded = graded
    monkeypatch.setitem(sys.modules, "checker.course.submission", fake)
    return fake


def grade(*arguments):
    """What `grade` exits with."""
    parser = argparse.ArgumentParser()
    single.declare(parser)
    return single.run(parser.parse_args([*map(str, arguments), "--course", str(ROOT / "notebooks")]))


# -- which assignment -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_an_assignment_is_found_by_its_cells_whatever_the_file_is_called(source, tmp_path):
    notebook = answers(source)
    for name in ("hand-in (2).ipynb", "01_gates.ipynb", f"{source.name}.ipynb"):
        assert single.job(saved(tmp_path, notebook, name), SOURCES).assignment == source.name
    for each in notebook["cells"]:  # as after a way through other programs
        each["metadata"] = {}
        del each["id"]
    assert single.job(saved(tmp_path, notebook, "x.ipynb"), SOURCES).assignment == source.name


def test_what_is_asked_of_the_grader(tmp_path):
    path = saved(tmp_path, answers(), "mine.ipynb")
    job = single.job(path, SOURCES, "none")
    assert (job.student, job.assignment, job.isolation) == ("", "01_gates", "none")
    assert job.submitted == {"01_gates.ipynb": path.read_bytes()}
    assert not job.refused
    assert list(job.wanted) == ["01_gates"]
    assert single.job(path, SOURCES).isolation == "full"


def test_a_file_that_cannot_be_read_is_the_graders_to_refuse_if_its_name_tells_what_it_is(tmp_path):
    job = single.job(saved(tmp_path, "{"), SOURCES)
    assert (job.assignment, job.submitted) == ("01_gates", {"01_gates.ipynb": b"{"})
    with pytest.raises(
        UsageError, match=r"x\.ipynb is not valid JSON.*: say with --assignment what .*x\.ipynb answers"
    ):
        single.job(saved(tmp_path, "{", "x.ipynb"), SOURCES)
    assert single.job(saved(tmp_path, "{", "x.ipynb"), [GATES]).assignment == "01_gates"


def test_what_may_be_several_or_none_is_asked_for(tmp_path):
    notebook = answers()
    setup = {**notebook, "cells": [cell(notebook, "setup")]}
    with pytest.raises(
        UsageError, match=r"may answer several assignments: say with --assignment which of 01_gates, 02"
    ):
        single.job(saved(tmp_path, setup, "x.ipynb"), SOURCES)
    assert single.job(saved(tmp_path, setup, "03_layers.ipynb"), SOURCES).assignment == "03_layers"
    with pytest.raises(UsageError, match="has no cell of any assignment: say with --assignment which of 01_gates, 02"):
        single.job(saved(tmp_path, {**notebook, "cells": []}, "x.ipynb"), SOURCES)


def test_usage(tmp_path):
    with pytest.raises(UsageError, match=r"there is no file .*nothing\.ipynb"):
        grade(tmp_path / "nothing.ipynb")
    with pytest.raises(UsageError, match=r"there is no assignment 99 in .*; it has 01_gates, 02"):
        grade(saved(tmp_path, answers()), "--assignment", "99")


def test_a_file_that_is_too_large_or_closed_is_refused_at_once(tmp_path, monkeypatch):
    path = saved(tmp_path, answers())
    monkeypatch.setattr(Path, "read_bytes", lambda path: (path / "x").read_text())
    with pytest.raises(UsageError, match=r"01_gates\.ipynb cannot be read: Not a directory"):
        single.job(path, [])
    monkeypatch.setattr(precheck, "LARGEST", 1000)
    with pytest.raises(UsageError, match=r"01_gates\.ipynb is larger than 0 MB, and will not be graded"):
        single.job(path, [])


# -- what was handed out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_what_was_handed_out_holds_no_answer(source):
    (cells,) = single.handed_out(source)[0].values()
    ids = [
        each["metadata"]["nbgrader"]["grade_id"] for each in answers(source)["cells"] if "nbgrader" in each["metadata"]
    ]
    assert [each.grade_id for each in cells] == ids
    for each in cells:
        assert "SOLUTION" not in each.source
        assert not each.solution or single.STUBS[each.kind] in each.source
        assert each.grade == bool(each.points)
        if each.locked and each.grade:
            assert "HIDDEN TESTS" in each.source
            assert "HIDDEN TESTS" not in each.shown


@pytest.mark.slow
def test_what_was_handed_out_is_what_nbgrader_hands_out(tmp_path):
    course = demo.prepared(tmp_path / "course")
    for name in course.assignments()[:2]:
        released = json.loads((nbgrader.release(course, name) / f"{name}.ipynb").read_text())
        theirs = [each for each in released["cells"] if "nbgrader" in each["metadata"]]
        (ours,) = single.handed_out(course.root / "source" / name)[0].values()
        assert [each["metadata"]["nbgrader"]["grade_id"] for each in theirs] == [each.grade_id for each in ours]
        for their, our in zip(theirs, ours):
            own = their["metadata"]["nbgrader"]
            assert "".join(their["source"]).strip() == our.shown
            assert (own["grade"], own["solution"], own["locked"]) == (our.grade, our.solution, our.locked)
            assert own.get("points", 0.0) == our.points


def test_files_beside_a_notebook_are_handed_out_too(tmp_path):
    source = tmp_path / "01_gates"
    (source / "data").mkdir(parents=True)
    (source / ".ipynb_checkpoints").mkdir()
    saved(source, answers())
    saved(source / ".ipynb_checkpoints", answers())
    (source / "data" / "x.bin").write_bytes(b"\x00\xff")
    wanted, files = single.handed_out(source)
    assert list(wanted) == ["01_gates"]
    assert files == {"data/x.bin": b"\x00\xff"}


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_the_table_and_what_is_said(grader, tmp_path, capsys):
    grader.more |= {"notes": ("tests put \x1b]0;back",), "incidents": ("a socket was asked for",)}
    assert grade(saved(tmp_path, answers())) == 1
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["gates.add_backward", "1", "of", "1", "right"] in lines
    assert ["gates.mul_backward", "0.5", "of", "1", "wrong", "(values)"] in lines
    assert ["what_gates_do", "2,", "by", "hand"] in lines
    assert "mul_backward: wrong, 0.5 of 1 point\n  dx is ?[2Jdy\n" in out
    assert "01_gates: 1.5 of 4 points; 2 are to be given by hand\nnote: tests put ?]0;back\n" in out
    assert "sandbox: a socket was asked for\n" in out
    assert "\x1b" not in out
    assert "ISOLATION" not in out
    assert [job.isolation for job in grader.asked] == ["full"]


def test_all_right(grader, tmp_path, capsys):
    grader.marks = (ADD, WORDS)
    grader.more["isolation"] = "none"
    assert grade(saved(tmp_path, answers()), "--no-isolation") == 0
    assert "GRADED WITHOUT ISOLATION" in capsys.readouterr().out
    assert [job.isolation for job in grader.asked] == ["none"]


def test_json(grader, tmp_path, capsys):
    assert grade(saved(tmp_path, answers()), "--json") == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["score"], data["points"], data["by_hand"]) == (1.5, 4.0, 2.0)
    assert (data["assignment"], data["state"], data["isolation"]) == ("01_gates", "graded", "limits, seccomp")
    (notebook,) = data["notebooks"]
    assert set(notebook) == {"name", "marks"}
    assert notebook["marks"][1]["cause"] == "inputs_swapped"
    assert notebook["marks"][1]["parts"] == [["x", 0.0, 0.5], ["y", 0.5, 0.5]]


def test_what_was_not_graded_is_no_0(grader, tmp_path, capsys):
    grader.marks, grader.more = (), {"state": NOT_GRADED, "notes": ("seccomp does not hold", "try again"), "ours": True}
    assert grade(saved(tmp_path, answers())) == 1
    assert capsys.readouterr().out == "01_gates: not graded: seccomp does not hold; try again\n"


def test_plain():
    assert single.plain("a\tb\nc\r\x1b[2J\x9b\u202e\ud800 ∂x/∂y ü") == "a\tb\nc??[2J??? ∂x/∂y ü"


# -- for real ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_notebook_is_graded(tmp_path, capsys):
    notebook = answers()
    assert grade(saved(tmp_path, notebook)) == 0
    assert "01_gates: 3 of 5 points; 2 are to be given by hand" in capsys.readouterr().out
    text = SENT["a known mistake"](notebook, notebook)
    assert grade(saved(tmp_path, text, "x.ipynb"), "--json") == 1
    data = json.loads(capsys.readouterr().out)
    (mark, *others) = data["notebooks"][0]["marks"]
    assert (mark["exercise"], mark["verdict"]) == ("gates.add_backward", "wrong")
    assert mark["cause"]
    assert 0 <= mark["score"] < mark["points"]
    assert all(other["score"] in (None, other["points"]) for other in others)
    assert {"seccomp", "landlock"} <= set(data["isolation"].split(", "))
