"""What a student installs: the built wheel and source archive hold no answer, no mistake and no hidden test."""

import importlib
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
