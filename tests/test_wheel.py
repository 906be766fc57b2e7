"""What a student installs: the built wheel and source archive hold no answer, no mistake and no hidden test."""

import importlib
import inspect
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import solutions
from checker.exercises import exercises_in
from tests.secrets import secret_lines

ROOT = Path(__file__).parents[1]
TASKS = [t for topic in solutions.TOPICS for t in exercises_in(importlib.import_module(f"solutions.{topic}"))]


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request, tmp_path_factory):
    """The files of a build, by name."""
    folder = tmp_path_factory.mktemp("dist")
    builder = {"wheel": WheelBuilder, "sdist": SdistBuilder}[request.param](str(ROOT))
    (path,) = builder.build(directory=str(folder), versions=["standard"])
    if request.param == "wheel":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}
    with tarfile.open(path) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        return {each.name.partition("/")[2]: archive.extractfile(each).read().decode() for each in files}


def test_the_checker_and_the_stubs_are_there(installed):
    assert {"checker/__main__.py", "coursework/conftest.py", "pytest_checker.py"} <= installed.keys()
    for topic in solutions.TOPICS:
        assert {f"coursework/{topic}.py", f"coursework/values/{topic}.json"} <= installed.keys()


def test_neither_the_instructors_side_nor_solutions_nor_tests_are_there(installed):
    folders = {name.partition("/")[0] for name in installed if "/" in name and not name.startswith("gradient_checker")}
    assert folders <= {"checker", "coursework"}
    assert not [name for name in installed if name.startswith("checker/course/")]
    assert "coursework/.progress.json" not in installed


def test_no_line_of_an_answer_is_there(installed):
    """Lines long enough to be told from ordinary code; the checker's own formulas are not the exercises'."""
    texts = {name: text for name, text in installed.items() if not name.endswith((".md", "METADATA", "PKG-INFO"))}
    for topic in solutions.TOPICS:
        for line in secret_lines(topic):
            for name, text in texts.items():
                if name.startswith("coursework/") or len(line) > 45:
                    assert line not in text, f"{line!r} is in {name}"


def test_no_mistake_is_there(installed):
    texts = {name: text for name, text in installed.items() if not name.endswith((".md", "METADATA", "PKG-INFO"))}
    wrong = {m.name: m.answer.forward if m.half == "forward" else m.answer.function for t in TASKS for m in t.mistakes}
    sources = {name: inspect.getsource(function) for name, function in wrong.items()}
    for task in TASKS:
        for known in task.mistakes:
            for name, text in texts.items():
                assert sources[known.name] not in text, f"{known.name} is in {name}"
                if name.startswith("coursework/"):
                    assert "_" not in known.name or known.name not in text, f"{known.name} is in {name}"
                    assert known.advice not in text or known.advice in task.hints, f"{known.advice} is in {name}"


@pytest.mark.slow
def test_a_student_works_with_the_wheel_alone(tmp_path):
    """Installed into an environment of its own: the stubs come into a folder, and are judged there."""
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    environment, desk = tmp_path / "environment", tmp_path / "desk"
    desk.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", path, "pytest"], check=True)

    def run(*arguments):
        return subprocess.run([python, *arguments], cwd=desk, capture_output=True, text=True)

    assert run("-m", "checker", "start").returncode == 0
    assert "add_backward: not attempted" in run("-m", "checker", "gradcheck", "coursework.gates").stdout
    stub = desk / "coursework" / "gates.py"
    empty = "    raise NotImplementedError  # your answer goes here"
    written = stub.read_text().replace(empty, "    return x + y, None", 1).replace(empty, "    return dout, dout", 1)
    stub.write_text(written)
    right = run("-m", "checker", "gradcheck", "coursework.gates.add_backward")
    assert right.returncode == 0, right.stdout + right.stderr
    stub.write_text(written.replace("return dout, dout", "return dout, -dout", 1))
    wrong = run("-m", "checker", "gradcheck", "coursework.gates.add_backward")
    assert wrong.returncode == 1
    assert "sign" in wrong.stdout
    assert "x add_backward" in run("-m", "checker", "list").stdout
    assert "hint 1 of" in run("-m", "checker", "hint", "coursework.gates.add_backward").stdout
    assert "not attempted" in run("-m", "pytest", "-p", "no:cacheprovider", "coursework/affine.py").stdout
    assert run("-m", "checker", "build").returncode == 2
