"""`checker doctor` names what is missing, and the command that mends it."""

import argparse
import importlib
import json
from pathlib import Path

import pytest

from checker import doctor


def found(folder):
    return {each.what: each for each in doctor.findings(folder)}


def test_a_set_up_in_order(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "FRONT_ENDS", ())
    monkeypatch.setattr(doctor, "NOTEBOOKS", {})
    monkeypatch.setattr(doctor, "_kernel", lambda: doctor.Finding("the kernel", "runs"))
    assert doctor.run(argparse.Namespace(json=False)) == 0
    out = capsys.readouterr().out
    assert "+ Python" in out
    assert "tells right from wrong" in out
    assert out.endswith("\nall is well\n")


def test_json(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("")
    assert doctor.run(argparse.Namespace(json=True)) == 1
    rows = {row["what"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["this folder"]["mend"] == "rename numpy.py"


def test_files_that_hide_modules(tmp_path):
    for name in ("numpy.py", "random.py", "mine.py"):
        (tmp_path / name).write_text("")
    finding = found(tmp_path)["this folder"]
    assert finding.found == "holds numpy.py, random.py, which hides the module of that name"
    assert finding.mend == "rename numpy.py, random.py"


def test_old_versions(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "PYTHON", (4, 0))
    monkeypatch.setattr(doctor, "NUMPY", (99, 0))
    rows = found(tmp_path)
    assert rows["Python"].mend.startswith("install Python 4.0 or later")
    assert rows["NumPy"].mend.endswith(' -m pip install "numpy>=99.0"')


def test_the_exercises_are_those_that_are_worked_on(tmp_path):
    assert Path(found(tmp_path)["the exercises"].found.partition(" topics in ")[2]).name == "coursework"
    own = tmp_path / "coursework"
    (own / "values").mkdir(parents=True)
    (own / "__init__.py").write_text('TOPICS = ("gates",)\n')
    assert found(tmp_path)["the exercises"].found == f"{own} lacks the recorded values of gates"
    (own / "values" / "gates.json").write_text("{}")
    assert found(tmp_path)["the exercises"].found == f"1 topics in {own}"


def test_nothing_for_notebooks_is_no_fault(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    rows = found(tmp_path)
    assert rows["notebooks"].well
    assert "pip install notebook matplotlib" in rows["notebooks"].found
    assert "install the course's package again" in rows["the exercises"].mend


def test_parts_that_are_missing_for_notebooks(monkeypatch, tmp_path):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: there("json") if name == "ipykernel" else None)
    rows = found(tmp_path)
    assert rows["ipykernel"].well
    assert rows["notebook"].mend.endswith(" -m pip install notebook")
    assert rows["matplotlib"].mend.endswith(" -m pip install matplotlib")


def kernels(monkeypatch, argv):
    class Manager:
        def get_kernel_spec(self, name):
            if argv is None:
                raise ValueError("no such kernel named python3")
            return argparse.Namespace(argv=argv)

    module = argparse.Namespace(KernelSpecManager=Manager)
    real = importlib.import_module
    monkeypatch.setattr(
        importlib, "import_module", lambda name: module if name == "jupyter_client.kernelspec" else real(name)
    )


@pytest.mark.parametrize(
    ("argv", "says", "well"),
    [
        (["python", "-m", "ipykernel_launcher"], "python3 runs with this Python", True),
        (["/usr/bin/other", "-m", "ipykernel_launcher"], "notebooks run with another Python: /usr/bin/other", False),
        (None, "there is no kernel python3: no such kernel", False),
    ],
)
def test_the_kernel(monkeypatch, argv, says, well):
    kernels(monkeypatch, argv)
    finding = doctor._kernel()
    assert says in finding.found
    assert finding.well is well
    assert well or finding.mend.endswith(" -m ipykernel install --sys-prefix")


def test_a_checker_that_is_wrong_itself(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_square_backward", doctor._square_forgotten)
    assert found(tmp_path)["a check"].mend == "install the checker again"


def test_a_student_is_not(tmp_path, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nbgrader" else there(name))
    assert list(doctor._instructors(tmp_path)) == []
