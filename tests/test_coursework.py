"""The stubs: made from solutions, never overwritten once edited, and judged without any answer at hand."""

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import solutions
from checker import answers
from checker import exercises as declared
from checker.cli import main
from checker.course import stubs
from checker.course.build import EDITED, MISSING, STALE, WRITTEN, build, digest
from checker.course.secrets import secrets
from checker.exercises import exercises_in
from checker.recorded import decoded, encoded, recorded
from checker.resolve import find, workspace

ROOT = Path(__file__).parents[1]
MODULES = {topic: importlib.import_module(f"solutions.{topic}") for topic in solutions.TOPICS}
SOLUTIONS = {topic: Path(module.__file__).read_text(encoding="utf-8") for topic, module in MODULES.items()}
TOPIC = '''"""A topic."""

import math

import numpy as np
from numpy import ndarray

from checker import Float, exercise, expect_shapes, mistake

from .helpers import given_helper, secret_helper

WIDTH, HIDDEN = 2, 4


def helper(x):
    return np.exp(x)


LAST = {"x": 1}


def scale_forward(x: Float[ndarray, "N"]):
    """x times three: return (out, cache). Lecture S0-01."""
    ### BEGIN SOLUTION
    expect_shapes(scale_forward, x)
    return secret_helper(helper(x)), math.pi
    ### END SOLUTION


@exercise(
    scale_forward,
    points=2,
    hints=(
        "One, in (brackets), and a comma.",
        "Two.",
    ),
    edges={
        "one": {"N": 1},
        "drawn": {"x": lambda rng, sizes: given_helper(rng.normal(size=sizes["N"] * WIDTH + LAST["x"]))},
    },
)
def scale_backward(dout, cache):
    """Return dx."""
    ### BEGIN SOLUTION
    # $3\\bar o$
    if True:
        return 3 * dout
    ### END SOLUTION


@mistake(scale_backward, "Look again.")
def forgotten(dout, cache):
    return dout
'''
STUB = '''"""A topic."""

from numpy import ndarray

from checker import Float, task

from .helpers import given_helper

WIDTH, HIDDEN = 2, 4
LAST = {"x": 1}


def scale_forward(x: Float[ndarray, "N"]):
    """x times three: return (out, cache). Lecture S0-01."""
    raise NotImplementedError  # your answer goes here


@task(
    scale_forward,
    points=2,
    edges={
        "one": {"N": 1},
        "drawn": {"x": lambda rng, sizes: given_helper(rng.normal(size=sizes["N"] * WIDTH + LAST["x"]))},
    },
)
def scale_backward(dout, cache):
    """Return dx."""
    raise NotImplementedError  # your answer goes here
'''


@pytest.fixture(autouse=True)
def forgotten():
    """No `coursework` has been imported: each test has a folder of its own."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "coursework"]:
        del sys.modules[name]


def test_a_stub_is_the_topic_without_answers_mistakes_hints_and_their_helpers():
    assert stubs.stub(TOPIC) == STUB


@pytest.mark.parametrize("topic", SOLUTIONS)
def test_the_stubs_show_nothing_of_the_answers(topic):
    text = (ROOT / "coursework" / f"{topic}.py").read_text()
    assert "SOLUTION" not in text
    assert "mistake" not in text
    assert [secret for secret in secrets([MODULES[topic]], MODULES.values()) if secret.text in text] == []


@pytest.mark.parametrize("topic", SOLUTIONS)
def test_the_recorded_numbers_hold_no_code(topic):
    text = (ROOT / "coursework" / "values" / f"{topic}.json").read_text()
    data = json.loads(text)
    assert data.keys() == {"stub", "exercises"}
    assert all(found.keys() == {"hints", "ordinary", "overflow"} for found in data["exercises"].values())
    assert [secret for secret in secrets([MODULES[topic]], MODULES.values()) if secret.text in text] == []


def test_coursework_is_what_solutions_give():
    assert [f"{outcome.path}: {outcome.state}" for outcome in build(ROOT, write=False)] == []


# -- build ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A folder with the stubs of two topics, in which `build` can be tried."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "__init__.py").write_text("")
    monkeypatch.setattr(solutions, "TOPICS", ("gates", "affine"))
    monkeypatch.chdir(tmp_path)
    assert {outcome.state for outcome in build(tmp_path)} == {WRITTEN}
    return tmp_path / "coursework"


def states(root, **options):
    return {outcome.path.name: outcome.state for outcome in build(root, **options)}


def test_check_names_what_is_stale_and_the_command_that_mends_it(course, capsys):
    (course / "gates.py").unlink()
    (course / "values" / "affine.json").write_text("{}")
    assert main(["build", "--check"]) == 1
    shown = capsys.readouterr().out
    assert "coursework/gates.py: is missing" in shown.replace("\\", "/")
    assert "coursework/values/affine.json: is stale" in shown.replace("\\", "/")
    assert "mend them with: python -m checker build" in shown
    assert not (course / "gates.py").exists()
    assert main(["build"]) == 0
    capsys.readouterr()
    assert main(["build", "--check"]) == 0
    assert capsys.readouterr().out == "coursework/ is up to date\n"


def test_an_edited_stub_is_never_overwritten(course, capsys):
    mine = (course / "gates.py").read_text().replace("raise NotImplementedError", "return x + y, None", 1)
    (course / "gates.py").write_text(mine)
    (course / "affine.py").unlink()
    assert main(["build"]) == 1
    shown = capsys.readouterr().out
    remark = "it is left as it is; --force would overwrite it, and what was written there would be lost"
    assert f"gates.py: has been edited: {remark}" in shown
    assert (course / "gates.py").read_text() == mine
    assert (course / "affine.py").exists()
    assert states(course.parent) == {"gates.py": EDITED}
    assert main(["build", "--force"]) == 0
    assert "raise NotImplementedError" in (course / "gates.py").read_text()
    assert states(course.parent) == {}


def test_a_stub_that_nobody_edited_is_brought_up_to_date(course):
    old = (course / "gates.py").read_text() + "\n# an older version\n"
    beside = course / "values" / "gates.json"
    beside.write_text(beside.read_text().replace(digest((course / "gates.py").read_text()), digest(old)))
    (course / "gates.py").write_text(old)
    assert states(course.parent, write=False)["gates.py"] == STALE
    assert states(course.parent)["gates.py"] == WRITTEN
    assert states(course.parent) == {}


def test_a_file_of_no_topic_is_mentioned(course):
    (course / "mine.py").write_text("")
    assert states(course.parent, write=False) == {"mine.py": "belongs to no topic of solutions"}
    assert MISSING not in states(course.parent, write=False).values()


def test_build_where_there_are_no_solutions(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["build"]) == 2
    assert "run build from the folder that holds solutions/ and coursework/" in capsys.readouterr().err
    assert main(["build", "--check", "--force"]) == 2


def test_recorded_values_come_back_as_they_were():
    import numpy as np

    values = [np.arange(6.0).reshape(2, 3), np.array([], int), {"a": (1, [2.5, None])}, {"b", "a"}, "text", True]
    for value in values:
        there = decoded(json.loads(json.dumps(encoded(value))))
        assert type(there) is type(value)
        assert repr(there) == repr(value) or there == value
    with pytest.raises(TypeError, match="function cannot be recorded"):
        encoded(test_recorded_values_come_back_as_they_were)


# -- a student's machine ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A folder of stubs in which every answer has been written, right."""
    folder = tmp_path_factory.mktemp("student") / "coursework"
    shutil.copytree(ROOT / "coursework", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for topic, text in SOLUTIONS.items():
        (folder / f"{topic}.py").write_text(stubs.outline(text))
    return folder


@pytest.fixture
def alone(monkeypatch):
    """No answers are installed."""
    monkeypatch.setattr(declared, "_key", lambda stub: None)


@pytest.mark.parametrize("topic", SOLUTIONS)
def test_right_answers_are_right_without_a_reference(answered, alone, monkeypatch, topic):
    monkeypatch.chdir(answered.parent)
    with workspace():
        for task in exercises_in(find(f"coursework.{topic}").module):
            assert task.stub
            report = task.check(trials=2)
            assert report.verdict == "right", str(report)
            assert recorded(task).hints


@pytest.mark.parametrize("topic", SOLUTIONS)
def test_the_empty_stubs_are_not_attempted(topic, alone, monkeypatch):
    monkeypatch.chdir(ROOT)
    with workspace():
        for task in exercises_in(find(f"coursework.{topic}").module):
            report = task.check()
            assert report.verdict == "not attempted", str(report)


@pytest.mark.parametrize("topic", SOLUTIONS)
def test_the_empty_stubs_are_not_attempted_with_the_answers_at_hand(topic, monkeypatch):
    monkeypatch.chdir(ROOT)
    with workspace():
        for task in exercises_in(find(f"coursework.{topic}").module):
            report = task.check()
            assert report.verdict == "not attempted", str(report)


@pytest.mark.slow
@pytest.mark.parametrize("topic", SOLUTIONS)
def test_known_mistakes_are_wrong_without_a_reference(answered, alone, monkeypatch, topic):
    """Without a name, but wrong: the recorded values and the student's own forward are enough."""
    monkeypatch.chdir(answered.parent)
    module = __import__(f"solutions.{topic}", fromlist=["exercises"])
    mistakes = {task.name: task.mistakes for task in exercises_in(module)}
    with workspace():
        for task in exercises_in(find(f"coursework.{topic}").module):
            for known in mistakes[task.name]:
                report = task.check(known.answer.function, known.answer.forward, trials=0)
                assert report.verdict == "wrong", f"{known.name}: {report}"


def test_a_stub_judged_with_the_answers_at_hand_names_the_mistake(monkeypatch):
    monkeypatch.chdir(ROOT)
    with workspace():
        module = find("coursework.affine").module
        key = __import__("solutions.affine", fromlist=["exercises"])
        wrong = key.affine_backward.exercise.mistakes[0]
        report = module.affine_backward.exercise.check(wrong.answer.function, wrong.answer.forward)
    assert report.causes == (wrong.name,)


def test_a_stub_without_its_recorded_values_says_so(alone, monkeypatch, tmp_path):
    (tmp_path / "coursework").mkdir()
    (tmp_path / "coursework" / "__init__.py").write_text('TOPICS = ("gates",)\n')
    shutil.copyfile(ROOT / "coursework" / "gates.py", tmp_path / "coursework" / "gates.py")
    monkeypatch.chdir(tmp_path)
    with workspace():
        task = exercises_in(find("coursework.gates").module)[0]
        with pytest.raises(answers.UsageError, match="add_backward has no recorded values beside its stub"):
            task.check()


# -- list, hint, start, pytest ----------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A student's folder, with the stubs and nothing else."""
    monkeypatch.chdir(tmp_path)
    assert main(["start"]) == 0
    return tmp_path / "coursework"


def test_start_copies_the_stubs_and_overwrites_nothing(desk, capsys):
    (desk / "gates.py").write_text("mine")
    (desk / "affine.py").unlink()
    capsys.readouterr()
    assert main(["start"]) == 0
    assert re.fullmatch(
        r"1 files? copied to coursework; \d+ were there already and are as they were\n", capsys.readouterr().out
    )
    assert (desk / "gates.py").read_text() == "mine"
    assert (desk / "affine.py").is_file()
    assert main(["start", str(ROOT)]) == 2
    assert "holds the stubs already" in capsys.readouterr().err


def answer(path, *replacements):
    text = path.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)


ADD = ("    raise NotImplementedError  # your answer goes here", "    return x + y, None")
ADD_BACK = ("    raise NotImplementedError  # your answer goes here", "    return dout, dout")


def test_list_shows_the_ladder_and_how_far_one_is(desk, capsys):
    answer(desk / "gates.py", ADD, ADD_BACK)
    capsys.readouterr()
    assert main(["list"]) == 1
    shown = capsys.readouterr().out
    assert "gates\n  + add_backward" in shown
    assert "1 point    right" in shown
    assert ". mul_backward" in shown
    assert "1 of " in shown.splitlines()[-1]
    assert json.loads((desk / ".progress.json").read_text())["verdicts"]["coursework.gates"]["add_backward"] == "right"
    answer(desk / "gates.py", ("return dout, dout", "return dout, -dout"))
    assert main(["list", "--json"]) == 1
    row = next(r for r in json.loads(capsys.readouterr().out) if r["exercise"] == "add_backward")
    assert row["verdict"] == "wrong"


@pytest.mark.parametrize("topic", ["coursework.gates", "coursework/gates.py"])
def test_list_shows_one_topic(desk, capsys, topic):
    answer(desk / "gates.py", ADD, ADD_BACK)
    capsys.readouterr()
    assert main(["list", topic]) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("gates", "1 of 9 exercises right, 1 of 11 points")
    assert main(["list", "coursework.gates", "--json"]) == 1
    assert {row["topic"] for row in json.loads(capsys.readouterr().out)} == {"gates"}


def test_one_exercise_is_counted_as_one(desk, capsys):
    text = (desk / "gates.py").read_text()
    (desk / "gates.py").write_text(text[: text.index("def mul_forward")])
    capsys.readouterr()
    main(["list", "coursework.gates"])
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 exercise right, 0 of 1 point"


@pytest.fixture
def gates(desk):
    """A student's folder whose course is one topic."""
    (desk / "__init__.py").write_text('TOPICS = ("gates",)\n')
    return desk


def test_what_list_suggests_can_be_typed(gates, capsys):
    capsys.readouterr()
    assert main(["list", "gates"]) == 2
    assert capsys.readouterr().err == "checker: there is no module gates; did you mean coursework.gates?\n"
    assert main(["list", "coursework.gates"]) == 1
    capsys.readouterr()
    assert main(["list", "coursework.gates.add_backward"]) == 2
    assert capsys.readouterr().err == (
        "checker: coursework.gates.add_backward is neither a course nor a topic of one; try python -m checker list "
        "coursework, or coursework.gates for one topic\n"
    )
    assert main(["list", "coursework"]) == 1


def test_a_topic_that_there_is_not_is_not_taken_for_all_of_them(gates, capsys):
    capsys.readouterr()
    for verb in ("list", "hint"):
        assert main([verb, "coursework.gatez"]) == 2
        assert capsys.readouterr().err == "checker: coursework has no topic gatez; did you mean coursework.gates?\n"


@pytest.mark.parametrize(("terminal", "moves"), [("xterm", True), ("dumb", False)])
def test_list_says_where_it_is_on_a_terminal_that_can_take_it_back(gates, capsys, monkeypatch, terminal, moves):
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    capsys.readouterr()
    main(["list"])
    assert ("\r\033[Kgates ..." in capsys.readouterr().err) == moves


def test_list_takes_the_folder_as_a_shell_completes_it(gates, capsys, monkeypatch):
    assert main(["list", "coursework/"]) == main(["list", "./coursework"]) == 1
    (gates / "deeper").mkdir()
    monkeypatch.chdir(gates / "deeper")
    capsys.readouterr()
    assert main(["list", "../../coursework"]) == 2
    assert capsys.readouterr().err == (
        "checker: ../../coursework is not in this folder: cd ../.., then: python -m checker list coursework\n"
    )


def test_a_course_that_cannot_be_imported_is_said(desk, capsys):
    (desk.parent / "mine.py").write_text("1 / 0\n")
    capsys.readouterr()
    assert main(["list", "mine"]) == 2
    assert capsys.readouterr().err == "checker: mine cannot be imported: division by zero\n"


def test_start_takes_the_folder_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["start", "coursework"]) == 0
    assert (tmp_path / "coursework" / "gates.py").is_file()
    assert re.fullmatch(r"\d+ files copied to coursework\n", capsys.readouterr().out)


def test_start_where_nothing_can_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["start", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.startswith(f"checker: cannot write {tmp_path / 'file' / 'coursework'}: ")


def test_list_goes_on_where_a_stub_is_broken(desk, capsys):
    (desk / "gates.py").write_text("def broken(:\n")
    capsys.readouterr()
    assert main(["list"]) == 1
    shown = capsys.readouterr().out
    assert "SyntaxError" in shown
    assert "affine_backward" in shown


def test_hints_climb_and_end(desk, capsys):
    capsys.readouterr()
    said = []
    for _ in range(4):
        assert main(["hint", "coursework.gates.add_backward"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0].startswith("add_backward, hint 1 of 2: ")
    assert said[1].startswith("add_backward, hint 2 of 2: ")
    assert said[2] == said[3]
    assert said[2].endswith("\nthat was the last one\n")


def test_a_topics_hint_is_that_of_the_first_exercise_that_is_not_right(desk, capsys):
    answer(desk / "gates.py", ADD, ADD_BACK)
    capsys.readouterr()
    assert main(["hint", "coursework.gates"]) == 0
    assert not capsys.readouterr().out.startswith("add_backward")
    assert main(["hint", "coursework.gates.add_backward"]) == 0
    assert capsys.readouterr().out == "add_backward: right already\n"


def test_hints_for_what_there_is_not(desk, capsys):
    capsys.readouterr()
    assert main(["hint", "coursework.gates.ad_backward"]) == 2
    assert "has no exercise ad_backward; did you mean add_backward" in capsys.readouterr().err
    assert main(["hint", "coursework"]) == 2
    assert capsys.readouterr().err == (
        "checker: a hint is for one exercise, or for the next of a topic: name one, as coursework.gates\n"
    )
    (desk / "gates.py").write_text("1 / 0\n")
    assert main(["hint", "coursework.gates"]) == 2
    assert "coursework.gates cannot be imported: division by zero" in capsys.readouterr().err


def test_gradcheck_takes_a_stub(desk, capsys):
    answer(desk / "gates.py", ADD, ADD_BACK)
    capsys.readouterr()
    assert main(["gradcheck", "coursework.gates.add_backward"]) == 0
    assert main(["gradcheck", "coursework.gates"]) == 1
    shown = capsys.readouterr().out
    assert "add_backward: right" in shown
    assert "mul_backward: not attempted" in shown


def test_pytest_judges_a_folder_of_stubs(desk):
    answer(desk / "gates.py", ADD, ADD_BACK)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "coursework/gates.py"]
    run = subprocess.run(command, cwd=desk.parent, capture_output=True, text=True)
    assert run.returncode == 1
    assert "coursework/gates.py::mul_backward - not attempted" in run.stdout
    assert "1 passed" in run.stdout
    assert "Traceback" not in run.stdout


def test_a_file_that_cannot_be_imported_stops_no_other(desk):
    (desk / "gates.py").write_text("def broken(:\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "coursework"]
    run = subprocess.run(command, cwd=desk.parent, capture_output=True, text=True)
    assert "coursework/gates.py::gates - " in run.stdout
    assert "SyntaxError" in run.stdout
    assert "importlib" not in run.stdout
    assert "affine_backward - not attempted" in run.stdout
