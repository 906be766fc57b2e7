"""What a student installs: the built wheel and source archive hold no answer, no mistake and no hidden test."""

import importlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import solutions
from checker.course.secrets import secrets
from checker.course.selfcheck.wheel import given_away

ROOT = Path(__file__).parents[1]
MODULES = [importlib.import_module(f"solutions.{topic}") for topic in solutions.TOPICS]
SECRETS = secrets(MODULES, MODULES)


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


def test_no_answer_and_no_mistake_is_there(installed):
    assert list(given_away(installed, SECRETS)) == []


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
