"""The two wheels, built by the documented command and installed into clean environments, used from an empty folder.

A student and an instructor have the oldest Python that there is here, or the newest; the student, with the oldest, also
the oldest NumPy.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import documents
from tests.small_project import SCALING

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RELEASING = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installed")]


def supported():
    """The Pythons here that the project supports, by version: this one, pyenv's, and those on the path."""
    oldest = int(PROJECT["requires-python"].rpartition(".")[2])
    found = {sys.version_info[:2]: sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(oldest, oldest + 10):
        installed = [str(path) for path in pyenv.glob(f"3.{minor}.*/bin/python3")]
        for python in (*installed, shutil.which(f"python3.{minor}")):
            works = python and not subprocess.run([python, "-c", "import ensurepip"], capture_output=True).returncode
            if works and (3, minor) not in found:
                found[3, minor] = python
    return dict(sorted(found.items()))


PYTHONS = supported()
OLDEST, NEWEST = min(PYTHONS), max(PYTHONS)
on_the_oldest_and_the_newest = pytest.mark.parametrize(
    "version", sorted({OLDEST, NEWEST}), ids=lambda version: f"python3.{version[1]}"
)


@dataclass(frozen=True)
class Installed:
    """An environment, and an empty folder beside it."""

    folder: Path
    desk: Path

    @classmethod
    def make(cls, folder, python, *packages):
        subprocess.run([python, "-m", "venv", folder / "environment"], check=True)
        (folder / "desk").mkdir()
        made = cls(folder / "environment" / SCRIPTS, folder / "desk")
        made.install(*packages)
        return made

    def install(self, *packages):
        quiet = ["-qq", "--disable-pip-version-check"]
        subprocess.run([self.folder / "python", "-m", "pip", "install", *quiet, *packages], check=True)

    def run(self, command, code=0, cwd=""):
        """Run a command of the environment; what it prints. AssertionError where its exit code is another than `code`.

        Where that is None, any will do.
        """
        program, *arguments = shlex.split(command, comments=True)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL"))
        }
        environment = kept | {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}
        done = subprocess.run(
            [self.folder / program, *arguments], cwd=self.desk / cwd, env=environment, capture_output=True, text=True
        )
        assert code in (None, done.returncode), f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def follow(self, wheel):
        """Do what the page says that a registry shows of a wheel. AssertionError where its examples are not true."""
        page, folder = self.desk / "page.md", ""
        page.write_text(metadata(wheel).partition("\n\n")[2])
        for block in documents.blocks(page):
            if block.file:
                (self.desk / block.file).write_text(block.text)
            if block.language == "console":
                for command, shown in block.sessions:
                    documents.agree(shown, self.run(command, code=None), f"the page of {wheel.name}, `{command}`")
            elif not block.not_run:
                for command in block.commands:
                    if command.startswith("cd "):
                        folder = command.removeprefix("cd ")
                    else:
                        self.run(command, cwd=folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What has been committed, and nothing that lies about."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def wheels(clone):
    """The student's wheel and the instructor's, built by the release's own command."""
    (command,) = re.findall(r"^ *python (-m pip wheel .*)$", RELEASING, re.MULTILINE)
    subprocess.run([sys.executable, *shlex.split(command)], cwd=clone, check=True, capture_output=True)
    return tuple(sorted((clone / "dist").glob("*.whl")))


def test_where_pip_finds_nothing_the_first_command_says_so(clone):
    nowhere = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    command = [sys.executable, "run.py", "demo"]
    done = subprocess.run(command, cwd=clone, env=os.environ | nowhere, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("setting up .venv, for which pip downloads NumPy and more ...\n")
    assert done.stderr.endswith(
        "run.py: pip could not install what is needed, for the reason above; the same command tries again\n"
    )
    assert "Traceback" not in done.stderr


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name).decode()


def test_no_file_is_in_both(wheels):
    students, instructors = wheels
    assert not names(students) & names(instructors)


def test_the_instructors_wheel_holds_their_side_and_nothing_else(wheels, clone):
    packed = {
        "checker/course": "checker/course",
        "solutions": "solutions",
        "checker/course/project/notebooks/sources": "notebooks/sources",
    }
    wanted = {
        f"{there}/{path.relative_to(clone / here).as_posix()}"
        for there, here in packed.items()
        for path in (clone / here).rglob("*")
        if path.is_file()
    }
    project = ("constraints.txt", "notebooks/nbgrader_config.py")
    assert names(wheels[1]) == wanted | {f"checker/course/project/{name}" for name in project}


def test_both_have_one_version_and_the_instructors_needs_the_students(wheels):
    for wheel in wheels:
        assert f"\nVersion: {PROJECT['version']}\n" in metadata(wheel)
        assert f"\nRequires-Python: {PROJECT['requires-python']}\n" in metadata(wheel)
        for version in (each for each in PROJECT["classifiers"] if " :: Python :: " in each):
            assert f"\nClassifier: {version}\n" in metadata(wheel)
    assert f"\nRequires-Dist: {PROJECT['name']}[course]=={PROJECT['version']}\n" in metadata(wheels[1])


def test_both_say_what_they_are_and_hold_the_licence(wheels):
    for wheel in wheels:
        for field in ("Summary", "Keywords", "License-Expression", "Description-Content-Type: text/markdown"):
            assert f"\n{field}" in metadata(wheel)
        with zipfile.ZipFile(wheel) as archive:
            (licence,) = (name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
            assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


# -- a student --------------------------------------------------------------------------------------------------------


@on_the_oldest_and_the_newest
def test_a_student_works_with_the_wheel_alone(wheels, tmp_path, version):
    (lowest,) = re.findall(r"numpy>=([\d.]+)", " ".join(PROJECT["dependencies"]))
    numpy = f"numpy=={lowest}.*" if version == OLDEST < (3, 13) else "numpy"
    student = Installed.make(tmp_path, PYTHONS[version], wheels[0], numpy, "pytest")
    run = student.run

    assert "python -m checker demo" in run("checker", code=2)
    assert run("checker --version") == f"checker {PROJECT['version']}\n"
    shown = run("checker demo")
    assert "unit_backward: right" in shown
    assert "hasty_backward: wrong (values)" in shown
    assert "python -m checker start" in shown
    assert "A class" not in shown
    assert "build is an instructor's verb: it comes with gradient-checker-course" in run("checker build", code=2)

    assert re.search(r"\d+ files copied to coursework", run("checker start"))
    assert "add_backward: not attempted" in run("checker gradcheck coursework.gates", code=1)
    stub = student.desk / "coursework" / "gates.py"
    empty = "    raise NotImplementedError  # your answer goes here"
    written = stub.read_text().replace(empty, "    return x + y, None", 1).replace(empty, "    return dout, dout", 1)
    stub.write_text(written)
    assert "add_backward: right" in run("checker gradcheck coursework.gates.add_backward")
    stub.write_text(written.replace("return dout, dout", "return dout, -dout", 1))
    assert "sign" in run("checker gradcheck coursework.gates.add_backward", code=1)
    assert "x add_backward" in run("checker list", code=1)
    assert "add_backward, hint 1 of" in run("checker hint coursework.gates.add_backward")
    assert "not attempted" in run("python -m pytest -p no:cacheprovider coursework/affine.py", code=1)
    said = run("checker doctor")
    assert said.endswith("all is well\n")
    assert re.search(rf"\+ NumPy +{lowest if numpy.startswith('numpy==') else ''}", said)
    assert "the sandbox" not in said


def test_the_page_of_the_students_wheel_is_true(wheels, tmp_path):
    Installed.make(tmp_path, sys.executable, wheels[0]).follow(wheels[0])


# -- an instructor ----------------------------------------------------------------------------------------------------

ASSIGNMENT = '# %% [markdown]\n# # Of my own\n\n# %%\nexercise("mine.scale_backward")\n'
READ = "(pathlib.Path(numpy.__file__).parents[1] / 'solutions' / 'gates.py').read_text()"
#: What is handed in: a line above the right answers, or what takes the place of what in them.
SENT = {
    "right": ("", ""),
    "mistaken": ("(dout * x).sum(axis=0)", "(dout * x).mean(axis=0)"),
    "borrower": ("def scale_forward", "import sqlalchemy, tornado\ndef scale_forward"),
    "spy": ("def scale_forward", "import solutions.mine\ndef scale_forward"),
    "reader": ("def scale_forward", f"import numpy, pathlib\n{READ}\ndef scale_forward"),
}


def changed(text, old, new):
    """A notebook's file with something else in its cells."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace(old, new)
    return json.dumps(notebook)


@pytest.mark.skipif(sys.platform != "linux", reason="submissions are graded on Linux")
@on_the_oldest_and_the_newest
def test_an_instructor_works_with_the_two_wheels_alone(wheels, tmp_path, version):
    folder = str(wheels[0].parent)
    instructor = Installed.make(tmp_path, PYTHONS[version], "--find-links", folder, f"{wheels[0]}[course]", wheels[1])
    run, desk = instructor.run, instructor.desk

    said = run("checker doctor")
    assert said.endswith("all is well\n")
    assert re.search(rf"\+ the instructor's side +{re.escape(PROJECT['version'])}", said)
    assert re.search(r"\+ the sandbox +holds: ", said)
    assert "to make one: python -m checker course FOLDER" in said
    story = run("checker demo class")
    assert "hasty_backward: wrong (values)" in story
    assert re.search(r"student01 +everything right +01_gates +3 of 5", story)
    assert (desk / "class" / "grades.csv").is_file()

    instructor.follow(wheels[1])
    assert "up to date" in run("checker build --check", cwd="mine")
    assert "holds other things already: name a new folder" in run("checker course mine", code=2)
    course = desk / "mine" / "notebooks"
    topics = desk / "mine" / "solutions" / "__init__.py"
    topics.write_text(topics.read_text().replace("TOPICS = (\n", 'TOPICS = (\n    "mine",\n'))
    (topics.parent / "mine.py").write_text(SCALING)
    (course / "sources" / "10_mine.py").write_text(ASSIGNMENT)
    assert "coursework/mine.py: written" in run("checker build", cwd="mine")
    assert "10_mine: notebooks/release/10_mine" in run("checker release 10_mine", cwd="mine")
    assert "scale_backward: not attempted" in run("checker gradcheck coursework.mine", code=1, cwd="mine")

    answers, released = ((course / step / "10_mine" / "10_mine.ipynb").read_text() for step in ("source", "release"))
    sent = {"empty": released, **{name: changed(answers, *pair) for name, pair in SENT.items()}}
    for name, text in sent.items():
        submission = course / "submitted" / name / "10_mine"
        submission.mkdir(parents=True)
        (submission / "10_mine.ipynb").write_text(text)
    table = run("checker autograde --course mine")
    for name, score in {"right": 2, "borrower": 2, "mistaken": 1, "empty": 0, "spy": 0, "reader": 0}.items():
        assert re.search(rf"^ {name} +10_mine +{score} of 2", table, re.MULTILINE), table
    assert re.search(r" reader .*PermissionError", table)
    assert "right: mine/notebooks/feedback/right/10_mine/10_mine.html" in run("checker feedback --course mine")
    page = (course / "feedback" / "mistaken" / "10_mine" / "10_mine.html").read_text()
    assert "Is anything in the forward divided by N?" in page
    assert "class.html" in run("checker report", cwd="mine")
    assert "grades.csv: 6 lines" in run("checker export", cwd="mine")
    with (desk / "mine" / "grades.csv").open() as file:
        assert {row["student_id"]: row["10_mine (of 2)"] for row in csv.DictReader(file)}["mistaken"] == "1"
    (desk / "one.ipynb").write_text(answers)
    assert "2 of 2" in run("checker grade one.ipynb --course mine")
    assert "autograder points: 2" in run("checker export gradescope 10_mine", cwd="mine")
    with zipfile.ZipFile(desk / "mine" / "10_mine_gradescope.zip") as archive:
        packed = set(archive.namelist())
    assert {"constraints.txt", "checker/verdict.py", "checker/course/gradescope.py", "solutions/mine.py"} <= packed
    assert "students in it" in run("checker doctor", cwd="mine")
