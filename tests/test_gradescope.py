"""An autograder for Gradescope: what is in the zip, and what it writes in a folder laid out as Gradescope's."""

import argparse
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from checker.course import gradescope, single
from checker.course.folder import Course
from checker.course.outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome
from checker.course.simulate import SENT, redefined
from checker.errors import UsageError

ROOT = Path(__file__).parents[1]
GATES, NORM = "01_gates", "06_normalisation"
COURSE = Course(ROOT / "notebooks")
CELLS = [cell for cell in single.handed_out(COURSE.root / "source" / GATES)[0][GATES] if cell.grade]
ADD = Mark("add_backward_test", 1.0, 1.0, "gates.add_backward", "right", parts=(("x", 0.5, 0.5), ("y", 0.5, 0.5)))
MUL = Mark(
    "mul_backward_test", 1.0, 0.5, "gates.mul_backward", "wrong", "values",
    said="mul_backward: wrong\n  dx is \x1b[2Jdy\n", parts=(("x", 0.0, 0.5), ("y", 0.5, 0.5)),
)  # fmt: skip
MAX = Mark("max_backward_test", 1.0, 0.0, "gates.max_backward", "wrong", said="max_backward: wrong", parts=())
WORDS = Mark("what_gates_do", 2.0, None)

#: In the place of the grader: what it does with each submission is the text of the file that was handed in.
FAKE = """
import json
import os
import pathlib

from .outcome import GRADED, NOT_GRADED, Graded, Mark, Outcome

MARK = Mark("add_backward_test", 1.0, 1.0, "gates.add_backward", "right")


def graded(job, told=None):
    assert job.refused in ({}, {"link.ipynb": "is a link to another file"}), job.refused
    what, = (raw.decode() for raw in job.submitted.values())
    told(MARK)
    if what == "killed":
        os.kill(os.getpid(), 9)
    if what == "failing":
        raise OSError("no more processes")
    notes = (json.dumps([job.assignment, sorted(job.wanted), sorted(job.files), job.isolation, job.limits.total]),)
    if what == "refused":
        return Outcome("", job.assignment, NOT_GRADED, notes=notes, ours=True).to_json()
    found = (Graded("01_gates", (MARK,), {}),)
    return Outcome("", job.assignment, GRADED, found, notes, ("a socket",), isolation=job.isolation).to_json()
"""


def export(*arguments):
    parser = argparse.ArgumentParser()
    gradescope.declare(parser)
    return gradescope.run(parser.parse_args([*map(str, arguments), "--course", str(COURSE.root)]))


def laid_out(folder, assignment, **more):
    """A folder as Gradescope's /autograder is, before `setup.sh`."""
    gradescope.export(COURSE, assignment, folder / "a.zip", **more)
    root = folder / "autograder"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", folder / "a.zip", root / "source"], check=True)
    for folder in ("submission", "results"):
        (root / folder).mkdir()
    shutil.copyfile(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    return root


def with_these_packages(root):
    """What `setup.sh` makes, with the packages that are installed here in the place of downloaded ones."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "source" / ".venv"], check=True)
    (packages,) = (root / "source" / ".venv").glob("lib/python*/site-packages")
    (packages / "autograder.pth").write_text(f"{root / 'source'}\n{sysconfig.get_path('purelib')}\n")
    return root


def run(root):
    """What it writes, and what it prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root)}
    done = subprocess.run(
        [root / "run_autograder"], cwd="/", env=environment, capture_output=True, text=True, timeout=300
    )
    return json.loads((root / "results" / "results.json").read_text()), done


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """One with a fake grader."""
    root = with_these_packages(laid_out(tmp_path_factory.mktemp("gradescope"), GATES, visibility="after_due_date"))
    (root / "source" / "checker" / "course" / "submission.py").write_text(FAKE)
    return root


@pytest.fixture
def sent(autograder):
    """Hand in a text, and let it be graded."""

    def hand_in(text):
        for old in (*(autograder / "submission").iterdir(), *(autograder / "results").iterdir()):
            old.unlink()
        (autograder / "submission" / "mine.ipynb").write_text(text)
        (autograder / "submission" / "link.ipynb").symlink_to("/etc/passwd")
        return run(autograder)

    return hand_in


# -- the zip ----------------------------------------------------------------------------------------------------------


def test_the_zip_has_what_it_needs_and_is_the_same_every_time(tmp_path):
    gradescope.export(COURSE, GATES, tmp_path / "a.zip")
    gradescope.export(COURSE, GATES, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
        settings = json.loads(archive.read("settings.json"))
        wanted = archive.read("requirements.txt").decode().split()
        pinned = archive.read("constraints.txt").decode()
    assert [name for name in modes if "/" not in name] == [
        "constraints.txt", "requirements.txt", "run_autograder", "settings.json", "setup.sh"]  # fmt: skip
    assert {"checker/course/outcome.py", "solutions/gates.py", "coursework/values/gates.json"} <= modes.keys()
    assert [name for name in modes if name.startswith("assignment/")] == [f"assignment/{GATES}/{GATES}.ipynb"]
    assert not [name for name in modes if "__pycache__" in name or "/." in name]
    assert {name for name, mode in modes.items() if mode & stat.S_IXUSR} == {"setup.sh", "run_autograder"}
    assert settings["isolation"] == "full"
    assert settings["limits"]["total"] < 600  # Gradescope's own limit
    assert all(f"\n{name}==" in pinned for name in wanted)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.zip", "b.zip"]


def test_what_is_said_of_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export(GATES) == 0
    said = capsys.readouterr().out
    assert said.startswith("01_gates_gradescope.zip: upload it")
    assert (tmp_path / "01_gates_gradescope.zip").is_file()
    assert "autograder points: 3\n" in said
    assert "to be graded by hand there, each as a question of the outline: what_gates_do (2 points)\n" in said
    assert "it is for nobody but Gradescope" in said
    assert "ISOLATION" not in said
    assert export(GATES, "--to", "x.zip", "--no-isolation", "--visibility", "hidden") == 0
    assert "WITHOUT ISOLATION" in capsys.readouterr().out
    with zipfile.ZipFile("x.zip") as archive:
        settings = json.loads(archive.read("settings.json"))
    assert (settings["isolation"], settings["visibility"]) == ("none", "hidden")


def test_usage(tmp_path):
    with pytest.raises(UsageError, match=r"there is no assignment 99 in .*; it has 01_gates"):
        export("99")
    with pytest.raises(UsageError, match=r"nowhere/x\.zip cannot be written: No such file or directory"):
        export(GATES, "--to", tmp_path / "nowhere" / "x.zip")
    for name in ("one", "two"):
        folder = tmp_path / "source" / "twice"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(COURSE.root / "source" / GATES / f"{GATES}.ipynb", folder / f"{name}.ipynb")
    with pytest.raises(UsageError, match="twice has several graded cells called add_backward_test"):
        gradescope.export(Course(tmp_path), "twice", tmp_path / "x.zip")
    assert not list(tmp_path.glob("*.zip*"))


@pytest.mark.parametrize("script", [gradescope.SETUP, gradescope.RUN])
def test_the_scripts_are_bash(script):
    assert script.startswith("#!/usr/bin/env bash\n")
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def script(path, *lines):
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


@pytest.mark.parametrize("found", [True, False])
def test_a_python_that_an_image_lacks_is_installed(tmp_path, found):
    """With the commands that would do so in the place of those that do."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    commands, log = tmp_path / "bin", tmp_path / "log"
    commands.mkdir()
    own = f'printf "#!/bin/sh\\necho \\$* >> {log}; echo {tmp_path}\\n" > $3/bin/python; chmod +x $3/bin/python'
    script(
        commands / version,
        f"[ -f {tmp_path}/installed ] || exit 127",
        f'[ "$2" != venv ] || {{ mkdir -p $3/bin; {own}; }}',
    )
    script(commands / "add-apt-repository", f"echo ppa $* >> {log}", f"touch {tmp_path}/ppa")
    offered = f"[ -f {tmp_path}/ppa ] && touch {tmp_path}/installed" if found else "exit 100"
    script(commands / "apt-get", f"echo apt $* >> {log}", f'case "$*" in *{version}*) {offered};; esac')
    (tmp_path / "setup.sh").write_text(gradescope.SETUP.replace("PYTHON", version))
    path = os.pathsep.join([str(commands), "/usr/bin", "/bin"])
    done = subprocess.run(["bash", tmp_path / "setup.sh"], env={"PATH": path}, capture_output=True, text=True)
    said = log.read_text().splitlines()
    assert said[:5] == [
        "apt update",
        f"apt install -y {version} {version}-venv",
        "apt install -y software-properties-common",
        "ppa -y ppa:deadsnakes/ppa",
        f"apt install -y {version} {version}-venv",
    ]
    if found:
        assert done.returncode == 0, done.stderr
        assert f"-c {tmp_path}/constraints.txt -r {tmp_path}/requirements.txt" in said[5]
        assert (tmp_path / "autograder.pth").read_text() == f"{tmp_path}\n"
    else:
        assert done.returncode == 1
        assert f"there is no {version} here, and none to install: choose an image of Ubuntu" in done.stderr


# -- what Gradescope is told ------------------------------------------------------------------------------------------


def test_a_test_for_each_part():
    told = gradescope.results(CELLS, [ADD, MUL, MAX, WORDS], "all of it")
    assert told["tests"] == [
        {"name": "add_backward: x", "score": 0.5, "max_score": 0.5, "status": "passed"},
        {"name": "add_backward: y", "score": 0.5, "max_score": 0.5, "status": "passed"},
        {"name": "mul_backward: x", "score": 0.0, "max_score": 0.5, "status": "failed",
         "output": "mul_backward: wrong\n  dx is ?[2Jdy"},
        {"name": "mul_backward: y", "score": 0.5, "max_score": 0.5, "status": "passed"},
        {"name": "max_backward", "score": 0.0, "max_score": 1.0, "status": "failed", "output": "max_backward: wrong"},
        {"name": "what_gates_do", "output": "2 points, to be given by hand"},
    ]  # fmt: skip
    assert (told["score"], told["output"]) == (1.5, "all of it")
    assert told["output_format"] == told["test_output_format"] == told["test_name_format"] == "text"


def test_what_has_no_mark_yet_is_no_verdict():
    told = gradescope.results(CELLS, [ADD], "")
    assert [test["name"] for test in told["tests"]] == [
        "add_backward: x", "add_backward: y", "mul_backward", "max_backward", "what_gates_do"]  # fmt: skip
    for test in told["tests"][2:4]:
        assert (test["score"], test["max_score"], test["output"]) == (0.0, 1.0, gradescope.NO_VERDICT)
    assert told["score"] == 1.0


def test_the_reason_is_given_once():
    mark = Mark("mul_backward_test", 1.0, 0.0, said="swapped", parts=(("x", 0.0, 0.5), ("y", 0.0, 0.5)))
    tests = gradescope.results(CELLS, [mark], "")["tests"]
    assert [test["output"] for test in tests[1:3]] == ["swapped", "See what is said of mul_backward above."]


def test_parts_that_do_not_add_up_are_not_shown():
    mark = Mark("mul_backward_test", 1.0, 0.25, said="unstable", parts=(("x", 0.0, 0.5), ("y", 0.5, 0.5)))
    told = gradescope.results(CELLS, [mark], "")
    assert {"name": "mul_backward", "score": 0.25, "max_score": 1.0, "status": "failed", "output": "unstable"} in told[
        "tests"
    ]
    assert told["score"] == 0.25


def test_three_thirds_are_one():
    third = 1 / 3
    mark = Mark("mul_backward_test", 1.0, 1.0, parts=(("x", third, third), ("y", third, third), ("z", third, third)))
    told = gradescope.results(CELLS, [mark], "")
    assert told["score"] == 1.0
    assert told["tests"][1] == {"name": "mul_backward: x", "score": 0.333333, "max_score": 0.333333, "status": "passed"}


def test_summary():
    fine = Outcome("", GATES, GRADED, (Graded(GATES, (ADD,)),), notes=("add_backward\x1b[1m was copied",))
    assert gradescope.summary(fine) == "add_backward?[1m was copied"
    bare = Outcome("", GATES, GRADED, isolation="none")
    assert gradescope.summary(bare) == "Graded without isolation."
    theirs = Outcome("", GATES, NOT_GRADED, notes=("x.ipynb is empty",))
    assert gradescope.summary(theirs) == f"{gradescope.NO_VERDICT}\nx.ipynb is empty\nMend that, and submit again."
    ours = Outcome("", GATES, NOT_GRADED, notes=("seccomp does not hold",), ours=True)
    assert "Please tell your instructor: it is not your fault." in gradescope.summary(ours)


# -- in its own place -------------------------------------------------------------------------------------------------


def test_what_is_asked_of_the_grader_and_what_is_written(sent):
    told, done = sent("graded")
    assert done.returncode == 0, done.stderr
    asked = json.loads(told["output"])
    assert asked == [GATES, [GATES], [], "full", gradescope.LIMITS.total]
    assert (told["visibility"], told["stdout_visibility"]) == ("after_due_date", "hidden")
    assert told["extra_data"] == {"state": "graded", "isolation": "full", "incidents": ["a socket"]}
    assert told["tests"][0] == {"name": "add_backward", "score": 1.0, "max_score": 1.0, "status": "passed"}
    assert 0 <= told["execution_time"] < 60
    assert "gates.add_backward" in done.stdout  # for instructors
    assert "sandbox: a socket" in done.stdout


@pytest.mark.parametrize("how", ["killed", "failing"])
def test_what_is_known_when_the_grader_ends_is_there(sent, how):
    told, done = sent(how)
    assert done.returncode != 0
    assert told["output"] == gradescope.UNFINISHED
    assert [test["score"] for test in told["tests"][:3]] == [1.0, 0.0, 0.0]
    assert [test.get("output") for test in told["tests"][:3]] == [None, gradescope.NO_VERDICT, gradescope.NO_VERDICT]


def test_what_was_not_graded_has_no_verdict(sent):
    told, done = sent("refused")
    assert done.returncode == 0, done.stderr
    assert told["output"].startswith(gradescope.NO_VERDICT)
    assert told["output"].endswith("Please tell your instructor: it is not your fault.")
    assert [test["score"] for test in told["tests"] if "score" in test] == [0.0, 0.0, 0.0]
    assert {test["output"] for test in told["tests"] if "score" in test} == {gradescope.NO_VERDICT}
    assert told["extra_data"]["state"] == "not graded"


# -- for real ---------------------------------------------------------------------------------------------------------

#: An answer that raises what it could read and write of the folder that it is graded in.
SPY = """
def add_backward(dout, cache):
    import pathlib
    import checker

    source = pathlib.Path(checker.__file__).parents[1]
    told = []
    for path in ("assignment/01_gates/01_gates.ipynb", "solutions/gates.py", "checker/course/grading.py",
                 "settings.json", "../submission/mine.ipynb", "../results/results.json"):
        for name, act in (("READ", lambda path: path.read_bytes()), ("WRITTEN", lambda path: path.open("a"))):
            try:
                act(source / path)
                told.append(f"{name} {path}")
            except OSError as problem:
                told.append("refused")
    raise ValueError(" ".join(told))
"""


def submitted(root, text, name="mine.ipynb"):
    for old in (root / "submission").iterdir():
        old.unlink()
    (root / "submission" / name).write_text(text)
    return run(root)


def answers(assignment):
    return json.loads((COURSE.root / "source" / assignment / f"{assignment}.ipynb").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("isolated", [True, False])
def test_submissions_are_graded_there(tmp_path, isolated):
    root = with_these_packages(laid_out(tmp_path, GATES, isolated=isolated))
    notebook = answers(GATES)
    told, done = submitted(root, SENT["everything right"](notebook, notebook))
    assert done.returncode == 0, done.stderr
    assert told["score"] == 3.0
    assert ("Graded without isolation." in told["output"]) == (not isolated)
    assert {test["status"] for test in told["tests"] if "score" in test} == {"passed"}
    assert len(told["tests"]) > len(CELLS)  # of an exercise, a test for each gradient
    told, done = submitted(root, SENT["a known mistake"](notebook, notebook))
    assert told["score"] < 3.0
    assert told["tests"][0]["status"] == "failed"
    assert "add_backward: wrong" in told["tests"][0]["output"]
    told, done = submitted(root, SENT["half a file"](notebook, notebook), f"{GATES}.ipynb")
    assert told["score"] == 0.0
    assert told["output"].startswith(f"{gradescope.NO_VERDICT}\n{GATES}.ipynb is not valid JSON")
    assert told["output"].endswith("Mend that, and submit again.")


@pytest.mark.slow
def test_a_submission_finds_neither_answers_nor_its_results(tmp_path):
    root = with_these_packages(laid_out(tmp_path, GATES))
    told, done = submitted(root, redefined(answers(GATES), {"add_backward": SPY}))
    said = told["tests"][0]["output"]
    assert said.count("refused") == 12, said
    assert "READ" not in said
    assert "WRITTEN" not in said


@pytest.mark.slow
def test_its_own_environment_is_made_by_setup(tmp_path):
    """Downloads the packages; leaves the system as it is where there is a Python of this version."""
    root = laid_out(tmp_path, NORM)
    path = os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ["PATH"]])
    setup = ["bash", root / "source" / "setup.sh"]
    done = subprocess.run(setup, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    notebook = answers(NORM)
    told, done = submitted(root, SENT["a known mistake"](notebook, notebook))
    assert done.returncode == 0, done.stderr
    assert told["extra_data"]["state"] == "graded", told["output"]
    assert 0 < told["score"] < sum(test["max_score"] for test in told["tests"] if "score" in test)
