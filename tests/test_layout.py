"""`checker course` lays out a course of one's own, and what is found in it comes before what is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from checker.cli import main
from checker.course import folder, key, layout
from checker.errors import UsageError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A course of one's own."""
    course = tmp_path_factory.mktemp("own") / "course"
    layout.lay_out(course)
    return course


def files(where):
    return {path.relative_to(where).as_posix(): path.read_bytes() for path in where.rglob("*") if path.is_file()}


def test_it_holds_what_this_project_has(own):
    here = files(own)
    assert {name.partition("/")[0] for name in here} == {"solutions", "coursework", "notebooks"}
    for name, content in here.items():
        assert content == (ROOT / name).read_bytes(), name
    sources = {path.stem for path in (ROOT / "notebooks" / "sources").glob("*.py")}
    assert set(folder.Course(own / "notebooks").assignments()) == sources


def test_what_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["course", "mine"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mine is a course now:\n  solutions/ ")
    assert [line.split()[3] for line in out.splitlines() if "python -m checker" in line] == [
        "build", "release", "autograde",
    ]  # fmt: skip
    assert main(["course", "mine"]) == 2
    err = capsys.readouterr().err
    assert err == f"checker: {tmp_path / 'mine'} holds other things already: name a new folder\n"
    (tmp_path / "file").write_text("")
    assert main(["course", "file"]) == 2
    assert capsys.readouterr().err.startswith(f"checker: {tmp_path / 'file'} cannot be written: ")


def test_a_course_is_found_beside_its_answers(own, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    for where in (own, own / "notebooks"):
        assert folder.find_course(str(where)) == folder.Course(own / "notebooks")
    assert sys.path[0] == str(own)
    assert [path.parent for path in key.everywhere()][:1] == [own]
    assert ROOT / "solutions" in key.everywhere()


def test_where_there_is_no_course_it_says_how_to_begin(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^there is no nbgrader_config\.py here, or in notebooks/; a new"):
        folder.find_course()
    with pytest.raises(UsageError, match=r"in nothing; a new course begins with: python -m checker course FOLDER$"):
        folder.find_course("nothing")


def test_a_folder_without_answers_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    key.use(tmp_path)
    assert sys.path == before


def test_ones_own_answers_come_before_the_installed_ones(own):
    """As a console script, whose own folder is the first that Python looks into."""
    program = f"""
import sys
sys.path[0] = {str(Path(sys.executable).parent)!r}
from checker.cli import main
main(["build", "--check"])
import solutions
print(solutions.__file__)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=own, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == str(own / "solutions" / "__init__.py"), run.stderr


def test_a_package_that_is_not_there():
    with pytest.raises(UsageError, match="there is no package nothing_of_the_kind here: install gradient-checker"):
        key.folder_of("nothing_of_the_kind")
