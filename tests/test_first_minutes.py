"""What meets somebody who has just installed the checker: a greeting, a demonstration, false starts that lead on."""

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checker import cli, demo, greeting, needs

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checker(capsys):
    """Run `checker ...`; the exit code, what it printed, and what it complained of."""

    def run(*words):
        code = cli.main(words)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def students(monkeypatch):
    """An installation without the instructor's side."""
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nbgrader" else there(name))
    monkeypatch.setattr(cli, "_course_verbs", dict)


# -- the greeting -----------------------------------------------------------------------------------------------------


def test_without_a_verb_it_says_what_it_is_and_how_to_begin(checker):
    code, out, err = checker()
    assert (code, out) == (2, "")
    assert err.startswith("checker: Says whether a hand-written NumPy gradient is right, and if not, which entries")
    for words in ("demo", "gradcheck FILE.py::NAME_backward", "start", "--help lists every verb", "VERB --help says"):
        assert f"python -m checker {words}" in err


def test_what_the_greeting_names_can_be_typed():
    verbs = re.findall(r"python -m checker ([a-z]+)", greeting.GREETING)
    assert verbs == ["demo", "gradcheck", "start"]
    assert set(verbs) <= cli.VERBS.keys()


def test_the_version(checker):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert checker("--version") == (0, f"checker {version}\n", "")


def test_the_version_of_what_is_not_installed(checker, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert checker("--version")[1] == "checker, not installed: run from a folder that holds its source\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("gradchek", "there is no verb 'gradchek'; did you mean gradcheck"),
        ("hints", "there is no verb 'hints'; did you mean hint?"),
        ("zzz", "there is no verb 'zzz'; there are gradcheck, "),
        (
            "coursework/gates.py",
            "coursework/gates.py is no verb; to judge it: python -m checker gradcheck course",
        ),
        (
            "layers.f_backward",
            "layers.f_backward is no verb; to judge it: python -m checker gradcheck layers.f",
        ),
        ("a b.py::f", "a b.py::f is no verb; to judge it: python -m checker gradcheck 'a b.py::f'"),
    ],
)
def test_what_is_no_verb_leads_on(checker, word, said):
    code, out, err = checker(word)
    assert (code, out) == (2, "")
    assert err.startswith(f"checker: {said}")


@pytest.mark.parametrize("verb", greeting.INSTRUCTORS)
def test_an_instructors_verb_is_known_to_students(checker, students, verb):
    said = f"checker: {verb} is an instructor's verb: it comes with gradient-checker-course\n"
    assert checker(verb) == (2, "", said)


def test_the_instructors_verbs_are_those_of_the_course():
    assert set(greeting.INSTRUCTORS) == importlib.import_module("checker.course").VERBS.keys()


def test_help_is_a_verb_too(checker):
    assert checker("help") == checker("--help")
    code, out, _ = checker("help", "hint")
    assert code == 0
    assert "The next hint for an exercise" in out


@pytest.mark.parametrize("verb", sorted({**cli.VERBS, **cli._course_verbs()}))
def test_every_verb_says_what_it_does_and_what_it_takes(checker, verb):
    code, out, _ = checker(verb, "--help")
    assert code == 0
    shown = out.partition("\n\n")[2]
    assert re.match(r"[A-Z`]", shown), f"{verb} --help has no description:\n{out}"
    assert "\n\n\n" not in out
    for line in re.findall(r"^  (-[\w-]+(?:, --[\w-]+)?(?: [\w=.,\[\]]+)*|[A-Z]+)$\n(?! {4})", out, re.MULTILINE):
        raise AssertionError(f"{verb} --help does not explain {line}")


# -- the demonstration ------------------------------------------------------------------------------------------------


def test_a_student_sees_a_right_and_a_wrong_backward_and_what_to_do_next(checker, students):
    code, out, err = checker("demo")
    assert (code, err) == (0, "")
    assert re.search(r"\$ python -m checker gradcheck checker\.example\.unit_backward\nunit_backward: right\n", out)
    assert re.search(r"gradcheck checker\.example\.hasty_backward\nhasty_backward: wrong \(values\)\n", out)
    assert "The path through a norm or a sum of squares over that axis" in " ".join(out.split())
    assert "    return dout / length" in out
    following = out.partition("next, in a folder of your own:\n")[2]
    verbs = re.findall(r"^  python -m checker (\w+)", following, re.MULTILINE)
    assert verbs == ["gradcheck", "start", "list"]


def test_what_the_demonstration_shows_can_be_typed(checker):
    assert checker("gradcheck", "checker.example.unit_backward")[0] == 0
    assert checker("gradcheck", "checker.example.hasty_backward")[0] == 1


def test_a_demonstration_that_goes_wrong_says_so_by_its_exit_code(checker, students, monkeypatch):
    monkeypatch.setattr(demo, "SHOWN", {"hasty_backward": 0})
    assert checker("demo")[0] == 1


def test_a_class_is_shown_to_instructors_alone(checker, students, tmp_path):
    code, out, err = checker("demo", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith(f"checker: no class can be shown in {tmp_path}: gradient-checker-course, which brings")


def test_an_instructor_sees_a_class_as_well(checker, monkeypatch):
    told = []

    class Course:
        @staticmethod
        def run(options):
            told.append(options.folder)
            return 0

    monkeypatch.setattr(demo, "_course", lambda: Course)
    code, out, _ = checker("demo", "class")
    assert (code, told) == (0, ["class"])
    assert out.endswith("A class, from the release of two assignments to the pages that go back:\n\n")
    assert "hasty_backward: wrong" in out


# -- false starts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path, monkeypatch, checker):
    """A student's folder, with the stubs and a notebook in it."""
    monkeypatch.chdir(tmp_path)
    assert checker("start")[0] == 0
    (tmp_path / "mine.ipynb").write_text("{}")
    (tmp_path / "layers.py").write_text("def f(x): ...\n")
    (tmp_path / "lab").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "mine.ipynb",
            "mine.ipynb is a notebook: check its functions in there by check(NAME), or put them into",
        ),
        ("mine.ipynb::f", "mine.ipynb is a notebook: check its functions in there by check(NAME)"),
        ("gates", "there is no module gates; did you mean coursework.gates?"),
        ("gates.add_backward", "there is no module gates; did you mean coursework.gates.add_backward?"),
        ("add_backward", "there is no module add_backward; did you mean coursework.gates.add_backward?"),
        ("coursework.gates::add_backward", "there is no file coursework.gates; did you mean coursework/gates.py?"),
        (
            "coursework/gates.py:add_backward",
            "there is no file coursework/gates.py:add_backward; did you mean course",
        ),
        ("coursework/gats.py", "there is no file coursework/gats.py; did you mean coursework/gates.py"),
        ("coursework", "coursework is a package; name a module in it: activations, "),
        ("coursework/", "coursework/ is a folder; name a file in it: "),
    ],
)
def test_a_target_that_was_meant_otherwise(desk, checker, target, said):
    code, out, err = checker("gradcheck", target)
    assert (code, out) == (2, "")
    assert err.startswith(f"checker: {said}"), err


@pytest.mark.skipif(sys.platform == "win32", reason="there it is how paths are written")
def test_a_path_of_another_system(desk, checker):
    err = checker("gradcheck", "coursework\\gates.py::add_backward")[2]
    assert err == "checker: there is no file coursework\\gates.py; did you mean coursework/gates.py?\n"


def test_the_wrong_folder(desk, checker, monkeypatch):
    monkeypatch.chdir(desk / "lab")
    above = Path("..") / "layers.py"
    assert checker("gradcheck", "layers.py")[2] == f"checker: there is no file layers.py; did you mean {above}?\n"


def run(*command, code="", cwd=ROOT):
    """Run Python without what is installed beside it."""
    words = [sys.executable, "-S", *(("-c", code) if code else command)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True)


def test_without_numpy_a_sentence_says_what_to_do():
    done = run("-m", "checker", "demo")
    assert (done.returncode, done.stdout) == (2, "")
    advice = f"activate the environment that has it, or: {sys.executable} -m pip install numpy rich"
    assert done.stderr == f"checker: it needs NumPy, which {sys.executable} does not have; {advice}\n"


def test_without_numpy_an_import_says_what_to_do():
    done = run(code="import checker")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: checker: it needs NumPy, which {sys.executable} does not have; ")


def test_an_old_python_is_named(monkeypatch):
    monkeypatch.setattr(needs, "PYTHON", (4, 0))
    with pytest.raises(ModuleNotFoundError, match=r"it needs Python 4\.0 or later, and .* is 3\."):
        needs.demand()


def test_an_old_python_cannot_run_what_it_would_not_install(tmp_path):
    text = (ROOT / "run.py").read_text(encoding="utf-8")
    (tmp_path / "run.py").write_text(text.replace("sys.version_info < (3, 11)", "sys.version_info < (4, 0)"))
    done = run("run.py", "demo", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"run.py needs Python 3.11 or later, and {sys.executable} is 3.")
    assert not (tmp_path / ".venv").exists()
