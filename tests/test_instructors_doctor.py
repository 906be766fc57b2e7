"""`checker doctor` looks at what an instructor needs: nbgrader, the sandbox, the course's folder and its gradebook."""

import argparse
import importlib.metadata
import json
import shutil
from pathlib import Path

import pytest

from checker import doctor
from checker.course import doctor as instructors_doctor
from checker.course.folder import Course
from checker.course.gradebook import Gradebook
from checker.course.isolation import client


@pytest.fixture
def instructors():
    """What the instructor's side looks at, by its name, for a folder."""
    return lambda folder: {each.what: each for each in instructors_doctor.findings(folder)}


@pytest.fixture
def course(tmp_path):
    """A course folder with nothing in it but the configuration."""
    shutil.copy(Path(__file__).parents[1] / "notebooks" / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.fixture
def unlocked(monkeypatch):
    """No sandbox is tried, which takes a while."""
    monkeypatch.setattr(instructors_doctor, "_sandbox", lambda: doctor.Finding("the sandbox", "is not looked at"))


def test_an_instructor_is_told_of_their_side_too(tmp_path, capsys, monkeypatch, instructors, unlocked):
    monkeypatch.chdir(tmp_path)
    doctor.run(argparse.Namespace(json=True))
    rows = {row["what"]: row["found"] for row in json.loads(capsys.readouterr().out)}
    assert rows["the course"] == "is not in this folder; to make one: python -m checker course FOLDER"
    assert {"the instructor's side", "nbgrader", "bubblewrap"} <= rows.keys()


def test_halves_of_two_versions(tmp_path, monkeypatch, instructors, unlocked):
    versions = {"gradient-checker": "2.0", "gradient-checker-course": "1.0", "nbgrader": "0.8.1"}
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    rows = instructors(tmp_path)
    assert rows["the instructor's side"].found == "1.0, and the checker itself is 2.0"
    assert rows["the instructor's side"].mend.endswith(" -m pip install gradient-checker-course==2.0")
    assert rows["nbgrader"].mend.endswith(' -m pip install "nbgrader>=0.9"')


def test_a_sandbox_that_holds_and_one_that_does_not(tmp_path, monkeypatch, instructors):
    finding = instructors(tmp_path)["the sandbox"]
    if finding.well:
        assert finding.found.startswith("holds: ")
        assert "seccomp" in finding.found

    def refuse(*_):
        raise client.NotIsolatedError("landlock: this system has none")

    monkeypatch.setattr(client, "Server", refuse)
    finding = instructors(tmp_path)["the sandbox"]
    assert finding.found == "does not hold: landlock: this system has none"
    assert finding.mend.startswith("grade on Linux 5.13 or later, or under WSL; --no-isolation grades")


def test_a_course_and_its_gradebook(course, instructors, unlocked):
    rows = instructors(course)
    assert rows["the course"].found == f"0 assignments in {course}"
    assert rows["the gradebook"].found == f"is made by the first release, in {course}"
    assert rows["the gradebook"].well
    assert not (course / "gradebook.db").exists()
    (course / "gradebook.db").write_text("no database")
    rows = instructors(course)
    assert "no database" in rows["the gradebook"].found
    assert rows["the gradebook"].mend == "see above, and c.CourseDirectory.db_url in nbgrader_config.py"


def test_a_gradebook_with_students(course, instructors, unlocked):
    with Gradebook(Course(course)) as book:
        book.nbgrader.add_student("somebody")
    assert instructors(course)["the gradebook"].found == "can be written; 1 student in it"


def test_a_configuration_that_raises(course, instructors, unlocked):
    (course / "nbgrader_config.py").write_text("1 / 0\n")
    rows = instructors(course)
    assert "nbgrader_config.py, line 1: ZeroDivisionError" in rows["the course"].found
    assert rows["the course"].mend == "mend nbgrader_config.py"
