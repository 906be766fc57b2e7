"""The course's own check is checked: each thing that can go wrong is done to a small course, found, and mended."""

import contextlib
import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from checker.cli import main
from checker.course import cells, executors
from checker.doctor import Finding
from tests.small_project import PROJECT, written

ANSWER = "    return dout * gain, (dout * x).sum(axis=0)\n"
MISTAKE = """

@mistake(scale_backward, "Look again.")
def {name}(dout, cache):
    x, gain = cache
    {body}
"""
EXTRA = '''
from numpy import ndarray
from checker import Float, exercise

def twice_forward(x: Float[ndarray, "N"]):
    """Lecture S0-01."""
    return 2 * x, None

@exercise(twice_forward)
def twice_backward(dout, cache):
    """Return dx."""
    ### BEGIN SOLUTION
    return 2 * dout
    ### END SOLUTION
'''
BUILD = "python -m checker build"


def command(*words, cwd):
    return subprocess.run([sys.executable, "-m", "checker", *words], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = written(tmp_path_factory.mktemp("built"))
    assert command("build", cwd=folder).returncode == 0
    return folder


class Project:
    """A folder that can be broken, and looked at without leaving this process."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys

    def replace(self, name, old, new):
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def add(self, name, text):
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def do(self, *words):
        forget()
        try:
            code = main(words)
        finally:
            forget()
        return code, *self.capsys.readouterr()

    def look(self, *topics):
        """What was found, by what was looked at."""
        code, out, err = self.do("selfcheck", *topics, "--json")
        found = {each["what"]: [Finding(**one) for one in each["complaints"]] for each in json.loads(out)}
        assert code == int(any(found.values())), err
        return {what: complaints for what, complaints in found.items() if complaints}

    def mended(self, complaint):
        """What is found after the command that mends a complaint."""
        assert complaint.mend.startswith("python -m checker ")
        code, *_ = self.do(*shlex.split(complaint.mend)[3:])
        assert code == 0
        return self.look()


def forget():
    """No course has been imported: each command sees the files as they are."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("solutions", "coursework")]:
        del sys.modules[name]
    cells._defined.cache_clear()
    importlib.invalidate_caches()


@contextlib.contextmanager
def here(where="", jobs=1, limit=None):
    """In the place of processes, this one."""
    with ThreadPoolExecutor(1) as pool:
        yield executors.Place(pool, 1)


@pytest.fixture
def assignment(built, tmp_path, monkeypatch, capsys):
    """The whole project."""
    folder = tmp_path / "project"
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns("__pycache__", "release", "*.db"))
    before = {
        name: module for name, module in sys.modules.items() if name.partition(".")[0] in ("solutions", "coursework")
    }
    monkeypatch.setattr(executors, "place", here)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(folder)
    yield Project(folder, capsys)
    forget()
    sys.modules.update(before)


@pytest.fixture
def project(assignment):
    """Its answers and its stubs alone, which takes less time."""
    shutil.rmtree(assignment.folder / "notebooks")
    (assignment.folder / "pyproject.toml").unlink()
    return assignment


SCALING, STUB, VALUES = "solutions/scaling.py", "coursework/scaling.py", "coursework/values/scaling.json"
BUILD, FORCE = "python -m checker build", "python -m checker build --force"
GRADCHECK = "python -m checker gradcheck solutions.scaling.scale_backward --seed 2"
RAISE = "    raise NotImplementedError  # your answer goes here"


def solved(project):
    project.replace(STUB, RAISE, "    return x * gain, (x, gain)")
    project.replace(STUB, RAISE, f"    x, gain = cache\n{ANSWER.rstrip()}")


def not_set_off(project):
    project.replace(SCALING, "    ### BEGIN SOLUTION\n    # ", "    # ")
    project.replace(SCALING, f"{ANSWER}    ### END SOLUTION\n", ANSWER)
    project.do("build")


def in_the_docstring(project):
    project.replace(SCALING, "Return (dx, dgain), of", f"{ANSWER.strip()}, of")
    project.do("build")


def wrong(name, body):
    """A mistake more."""

    def add(project):
        project.add(SCALING, MISTAKE.format(name=name, body=body))
        project.do("build")

    return add


def changed(name, old, new):
    """Another text in a file, for which nothing is built anew."""
    return lambda project: project.replace(name, old, new)


def rewritten(name, old, new):
    """Another text in a file, behind which everything is built."""

    def rewrite(project):
        project.replace(name, old, new)
        project.do("build")

    return rewrite


def added(name, text):
    return lambda project: project.add(name, text)


#: What is done to the course, what finds it, where, what is said, and what mends it.
BROKEN = {
    "a solved stub": (
        solved, "stubs", STUB, "has been edited; what was written there is lost by the command below", FORCE,
    ),
    "a stub that is right": (solved, "stubs", f"{STUB}:14", "scale_backward is no stub: it is judged right", FORCE),
    "a stub that is gone": (lambda p: (p.folder / STUB).unlink(), "stubs", STUB, "is missing", BUILD),
    "a stub that cannot be imported": (
        added(STUB, "1 / 0\n"), "stubs", f"{STUB}:17",
        "coursework/scaling.py cannot be imported: ZeroDivisionError: division by zero", FORCE,
    ),
    "a stale stub": (changed(SCALING, "(dx, dgain), of", "dx, dgain, of"), "stubs", STUB, "is stale", BUILD),
    "stale values": (changed(SCALING, "every row.", "all rows."), "stubs", VALUES, "is stale", BUILD),
    "values behind a merge": (added(VALUES, "<<<<<<< mine\n"), "stubs", VALUES, "is stale", BUILD),
    "an answer that is not set off": (
        not_set_off, "declarations", f"{SCALING}:21",
        "the answer of scale_backward is not set off, so that its stub shows it",
        f"put ### BEGIN SOLUTION above its first line and ### END SOLUTION below its last, then: {BUILD}",
    ),
    "an answer in a docstring": (
        in_the_docstring, "stubs", f"{STUB}:15",
        "shows a line of an answer: return dout * gain, (dout * x).sum(axis=0)",
        f"set it off in {SCALING} by ### BEGIN SOLUTION and ### END SOLUTION, then: {BUILD}",
    ),
    "a wrong reference": (
        rewritten(SCALING, ".sum(axis=0)", ".mean(axis=0)"), "references", f"{SCALING}:21",
        "scale_backward (seed 2): wrong (values): 5 of 5 entries of the gradient of gain are wrong: yours is the right "
        "gradient times 1/n (n = 3, the length of axis 0 of x and of out), in every entry",
        f"mend the answer or its forward, and see: {GRADCHECK}",
    ),
    "a reference that warns": (
        rewritten(SCALING, ANSWER, f"    import warnings\n    warnings.warn('old')\n{ANSWER}"), "references",
        f"{SCALING}:21",
        "scale_backward (seed 2): wrong (error): scale_backward raised UserWarning at solutions/scaling.py, line 27, "
        "`warnings.warn('old')`: old",
        f"mend the answer or its forward, and see: {GRADCHECK}",
    ),
    "a reference that overflows": (
        rewritten(SCALING, "points=2,", "points=2, overflow={'huge x': {'x': (1.7e308, 1.75e308)}},"), "references",
        f"{SCALING}:21", "scale_backward: the reference is lost with huge x: output out is not finite",
        "rewrite the formula so that nothing that is exponentiated or divided by grows without bound",
    ),
    "a mistake that is right": (
        wrong("none_at_all", ANSWER.strip()), "mistakes", f"{SCALING}:49",
        "none_at_all of scale_backward (seed 11) is judged right",
        "delete it, or add a case to the edges of scale_backward at which it is wrong",
    ),
    "a mistake with another's advice": (
        wrong("sign_again", "return dout * gain, -(dout * x).sum(axis=0)"), "mistakes", f"{SCALING}:49",
        f"sign_again of scale_backward (seed 11) is named as another, gain_with_a_wrong_sign ({SCALING}:37)",
        "let the two compute different numbers, or delete one of them",
    ),
    "a mistake that is never the same": (
        wrong("by_chance", "import random; return dout * gain * random.random(), 0 * gain"), "mistakes",
        f"{SCALING}:49",
        "by_chance of scale_backward (seed 11) is wrong, but not named once, by its own advice",
        "let it do the same in every call, and differ from the answer at ordinary inputs or at an edge of "
        "scale_backward",
    ),
    "too few mistakes": (
        rewritten(SCALING, "@mistake(scale_backward, \"Is", "@(lambda *x: id)(scale_backward, \"Is"), "declarations",
        f"{SCALING}:21", "scale_backward has 2 known mistakes",
        "keep at least 3 wrong answers beside it, each below an @mistake(scale_backward, ...)",
    ),
    "too few hints": (
        rewritten(SCALING, ', "What is used in several places gets the sum of their gradients."', ","), "declarations",
        f"{SCALING}:21", "scale_backward has 1 hint",
        "give its @exercise at least 2 hints, from a nudge to the formula in words",
    ),
    "an answer in a hint": (
        rewritten(SCALING, "Each gain is used in every row.", "It is dout*gain, (dout * x).sum(axis=0)."),
        "declarations", f"{SCALING}:21",
        "a hint of scale_backward holds a line of the answer: dout * gain, (dout * x).sum(axis=0)",
        f"say it in words, then: {BUILD}",
    ),
    "no points": (
        rewritten(SCALING, "points=2", "points=0"), "declarations", f"{SCALING}:21", "scale_backward is worth 0 points",
        "give its @exercise points above 0",
    ),
    "an unknown row": (
        rewritten(SCALING, '"S0-01",', '"S0-01", "S0-09",'), "declarations", f"{SCALING}:21",
        "scale_backward has the row S0-09, which is none of the table of derivations",
        f"mend the row, or add it to ROWS in solutions/lectures.py; then: {BUILD}",
    ),
    "no formula": (
        rewritten(SCALING, "# $", "# "), "declarations", f"{SCALING}:21",
        "no formula stands beside the answer of scale_backward",
        "put the derivation beside it, between the marks of the solution, as a comment in LaTeX: # $...$",
    ),
    "a row without an exercise": (
        rewritten("solutions/lectures.py", "ROWS = {", 'ROWS = {\n    "S0-00": "a beginning",'), "declarations",
        "solutions/lectures.py:6", "no exercise has the row S0-00, a beginning",
        f"name it among the rows of an @exercise, or say in NOTHING_TO_DERIVE why there is none; then: {BUILD}",
    ),
    "a name that is used twice": (
        wrong("mean_over_the_rows", "return 0 * dout, gain"), "declarations", f"{SCALING}:49",
        f"the mistake mean_over_the_rows has the name of another, {SCALING}:31", "rename one of them",
    ),
    "a stale table": (changed("README.md", "| 2 | 3 |", "| 2 | 4 |"), "generated", "README.md", "is stale", BUILD),
    "a stale list of stubs": (
        changed("coursework/__init__.py", '"scaling"', '"other"'), "generated", "coursework/__init__.py", "is stale",
        BUILD,
    ),
    "a stub of no topic": (
        lambda p: (p.folder / "coursework/old.py").touch(), "generated", "coursework/old.py",
        "belongs to no topic of solutions", "delete coursework/old.py",
    ),
    "an exercise that is not listed": (
        added("solutions/extra.py", EXTRA), "topics", "solutions/__init__.py:4",
        "solutions/extra.py declares exercises, and is not in TOPICS",
        f'put "extra" into TOPICS, in the order of learning, then: {BUILD}',
    ),
    "a topic without a file": (
        changed("solutions/__init__.py", '"scaling",', '"scaling",\n    "shifting",'), "topics",
        "solutions/__init__.py:6", "TOPICS names shifting, and there is no solutions/shifting.py",
        "take the name out, or write the file",
    ),
    "a syntax error": (
        added(SCALING, "\ndef broken(:\n"), "topics", f"{SCALING}:47",
        "solutions/scaling.py cannot be imported: SyntaxError: invalid syntax (scaling.py, line 47)",
        "mend that line, then: python -m checker selfcheck scaling",
    ),
    "a topic that ends the program": (
        added(SCALING, "\nraise SystemExit\n"), "topics", f"{SCALING}:47",
        "solutions/scaling.py cannot be imported: SystemExit: no reason is given",
        "mend that line, then: python -m checker selfcheck scaling",
    ),
    "a declaration that does not fit": (
        changed(SCALING, "points=2", "points={'y': 2}"), "topics", f"{SCALING}:15",
        "solutions/scaling.py cannot be imported: UsageError: the points of scale_backward are for y; its gradients "
        "are x, gain",
        "mend that line, then: python -m checker selfcheck scaling",
    ),
    "lectures that cannot be imported": (
        added("solutions/lectures.py", "1 / 0\n"), "topics", "solutions/lectures.py:11",
        "solutions/lectures.py cannot be imported: ZeroDivisionError: division by zero",
        "mend that line, then: python -m checker selfcheck",
    ),
    "a list that cannot be imported": (
        added("solutions/__init__.py", "1 / 0\n"), "topics", "solutions/__init__.py:7",
        "solutions/__init__.py cannot be imported: ZeroDivisionError: division by zero",
        "mend that line, then: python -m checker selfcheck",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_named(project, name):
    break_it, what, where, found, mend = BROKEN[name]
    break_it(project)
    looked = project.look()
    complaint = Finding(where, found, mend)
    assert complaint in looked.get(what, ()), looked
    if mend in (BUILD, FORCE):
        assert project.mended(complaint) == {}


# -- assignments and what is handed out -------------------------------------------------------------------------------

SOURCE, NOTEBOOK = "notebooks/sources/01_scaling.py", "notebooks/source/01_scaling/01_scaling.ipynb"
CONFIG = "notebooks/nbgrader_config.py"
OUT = f"take it out, or set it off by ### BEGIN SOLUTION and ### END SOLUTION; then: {BUILD}"
CONFIGURE = "mend it, or install what it lacks; python -m checker course FOLDER lays out a course with one that works"
PACKED = "leave it out of [tool.hatch.build.targets.wheel] in pyproject.toml, or take it out of the file"


#: As above.
HANDED_OUT = {
    "a stale notebook": (changed(SOURCE, "Why a sum?", "Why?"), "notebooks", NOTEBOOK, "is stale", BUILD),
    "a notebook behind a merge": (added(NOTEBOOK, "<<<<<<< mine\n"), "notebooks", NOTEBOOK, "is stale", BUILD),
    "an exercise that there is not": (
        changed(SOURCE, "scale_backward", "scale_backwards"), "notebooks", f"{SOURCE}:4",
        "solutions/scaling.py has no exercise scale_backwards", f"mend that cell of the source, then: {BUILD}",
    ),
    "an exercise that is asked for twice": (
        added(SOURCE, '\n# %%\nexercise("scaling.scale_backward")\n'), "notebooks", SOURCE,
        "two cells are called scale_backward: ask for an exercise once, and give questions other names",
        f"mend that cell of the source, then: {BUILD}",
    ),
    "a notebook of no source": (
        lambda p: (p.folder / SOURCE).rename(p.folder / SOURCE.replace("01", "02")), "generated", NOTEBOOK,
        "belongs to no source in notebooks/sources", f"delete {NOTEBOOK}",
    ),
    "points that do not add up": (
        changed(NOTEBOOK, '"points": 2', '"points": 4'), "points", NOTEBOOK,
        "its cells have 7 points, where its source declares 5: scale_backward_test has 4 of 2", BUILD,
    ),
    "an answer in the prose": (
        rewritten(SOURCE, "# # Scaling", f"# # Scaling\n#\n#     {ANSWER.strip()}"), "releases", f"{SOURCE}:4",
        f"its release shows a line of an answer: {ANSWER.strip()}", OUT,
    ),
    "hidden tests that are not hidden": (
        rewritten(CONFIG, "c.ClearSolutions.code", "c.ClearHiddenTests.enabled = False\nc.ClearSolutions.code"),
        "releases", SOURCE, "its release shows what only an answer or a hidden test has: ### BEGIN HIDDEN TESTS", OUT,
    ),
    "a mistake beside the notebook": (
        lambda p: (p.folder / "notebooks/source/01_scaling/notes.txt").write_text("see mean_over_the_rows"),
        "releases", SOURCE, "its release shows the name of a mistake: mean_over_the_rows", OUT,
    ),
    "a notebook that nbgrader refuses": (
        rewritten(SOURCE, "# # Scaling", "# # Scaling\n# ### BEGIN SOLUTION"), "releases", SOURCE,
        "01_scaling was not released: RuntimeError: no end solution statement found",
        "mend what nbgrader refuses, in the source or in nbgrader_config.py",
    ),
    "answers in the wheel": (
        changed("pyproject.toml", '["coursework"]', '["coursework", "solutions"]'), "wheel", "solutions/scaling.py",
        "a student's wheel holds this file, which is the instructor's", PACKED,
    ),
    "an answer in the wheel": (
        added("coursework/conftest.py", f"#\n{ANSWER}"), "wheel", "coursework/conftest.py:2",
        f"a student's wheel shows a line of an answer: {ANSWER.strip()}", PACKED,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HANDED_OUT)
def test_what_is_handed_out_is_looked_at(assignment, name):
    break_it, what, where, found, mend = HANDED_OUT[name]
    break_it(assignment)
    looked = assignment.look()
    assert Finding(where, found, mend) in looked.get(what, ()), looked
    if mend == BUILD:
        assert assignment.mended(Finding(where, found, mend)) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda p: (p.folder / CONFIG).unlink(), r"nbgrader_config\.py: ConfigFileNotFound: "),
        (lambda p: p.replace(CONFIG, "import os", "1 / 0"), r"nbgrader_config\.py, line 9: ZeroDivisionError: "),
    ],
)
def test_a_configuration_without_which_nothing_is_released(assignment, break_it, says):
    break_it(assignment)
    (complaint,) = assignment.look()["releases"]
    assert complaint.what == CONFIG
    assert re.search(f"no release can be made: .*{says}", complaint.found)
    assert complaint.mend == CONFIGURE


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_course_in_order(project):
    code, out, err = project.do("selfcheck")
    assert (code, err) == (0, "")
    assert (
        out
        == """\
+ topics        1: all listed, and importable
+ stubs         1: all unsolved and current, with nothing of an answer in them
+ references    1: all right, at edges too, and finite where careless code overflows
+ mistakes      3: all caught, and named by their own advice
+ declarations  1: all with hints, mistakes, points, rows, formula, own names
+ generated     README.md and coursework/ are what solutions/ give
+ notebooks     0: all as their sources give them
+ points        0: all add up to what their sources declare
+ releases      0: all without answers, mistakes and hidden tests

all is well
"""
    )


def test_complaints_stand_below_with_what_mends_them(project):
    project.replace(SCALING, "points=2", "points=0")
    project.do("build")
    code, out, err = project.do("selfcheck")
    assert (code, err) == (1, "")
    assert "+ mistakes      3: all caught" in out
    assert "- declarations  1: not all with hints" in out
    assert "                -> 1 to mend, below\n" in out
    assert out.endswith("""
- solutions/scaling.py:21  scale_backward is worth 0 points
                           -> give its @exercise points above 0

1 to mend
""")


def test_a_topic_is_looked_at_alone(project):
    project.add("solutions/other.py", "1 / 0\n")
    project.replace("solutions/__init__.py", '"scaling",', '"scaling",\n    "other",')
    assert project.look("scaling") == {}
    code, out, _ = project.do("selfcheck", "scaling")
    assert "not looked at, for not everything in solutions/ can be imported" in out
    assert list(project.look("other")) == ["topics"]
    assert list(project.look()) == ["topics"]


def test_what_a_course_prints_is_left_out(project):
    project.add(SCALING, "\nprint('hello')\n")
    project.replace(SCALING, ANSWER, f"    print('at work')\n{ANSWER}")
    code, out, err = project.do("selfcheck")
    assert (code, err) == (0, "")
    assert "hello" not in out
    assert "at work" not in out


def test_a_formula_may_have_several_lines(project):
    project.replace(SCALING, "# $", "# $\n    # ")
    assert project.look() == {}


def test_a_wheel_that_cannot_be_looked_into(project, monkeypatch):
    project.add("pyproject.toml", PROJECT)
    monkeypatch.setitem(sys.modules, "hatchling.builders.wheel", None)
    complaint = Finding(
        "pyproject.toml", "hatchling, which knows what a wheel holds, is missing", "python -m pip install hatchling"
    )
    assert project.look() == {"wheel": [complaint]}


def test_a_course_from_which_no_wheel_is_built(project):
    project.add("pyproject.toml", "[tool.ruff]\nline-length = 120\n")
    code, out, _ = project.do("selfcheck")
    assert code == 0
    assert "wheel" not in out


def test_a_file_that_helps_others_is_no_topic(project):
    project.add("solutions/helper.py", "ONE = 1\n")
    assert project.look() == {}


def test_what_raises_in_the_middle(project):
    """Inputs that can be drawn when the exercise is declared, and no more."""
    draw = "def draw(rng, sizes, seen=[]):\n    return seen.append(1) or 1 / (len(seen) < 2)\n\n\n@exercise("
    project.replace(SCALING, "@exercise(", draw)
    project.replace(SCALING, "points=2,", "points=2, edges={'odd': {'x': draw}},")
    mend = "mend that line, then: python -m checker selfcheck scaling"
    assert project.look()["references"] == [
        Finding(f"{SCALING}:16", "raises ZeroDivisionError: division by zero", mend)
    ]


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("scalings", "solutions/ has no topic 'scalings'; did you mean scaling?"),
        ("rnn", "solutions/ has no topic 'rnn'"),
    ],
)
def test_a_topic_that_there_is_not(project, topic, says):
    assert project.do("selfcheck", topic) == (2, "", f"checker: {says}\n")


def test_where_there_is_no_course(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = project.do("selfcheck")
    assert (code, out) == (2, "")
    assert "run selfcheck from the folder that holds solutions/ and coursework/" in err


@pytest.mark.slow
def test_processes_side_by_side(assignment):
    """As it is typed: everything is looked at, and what ends a process is a complaint like others."""
    done = command("selfcheck", cwd=assignment.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+ releases      1: all without answers" in done.stdout
    assert "+ wheel         what a student installs holds no answer and no mistake" in done.stdout
    assignment.replace(SCALING, ANSWER, f"    import os\n    os._exit(3)\n{ANSWER}")
    done = command("selfcheck", "--json", cwd=assignment.folder)
    assert done.returncode == 1
    found = {each["what"]: each["complaints"] for each in json.loads(done.stdout)}
    complaint = Finding(
        f"{SCALING}:21",
        "cannot be looked at: its process ended with the exit code 3",
        "find out what ends the process, then: python -m checker selfcheck",
    )
    assert asdict(complaint) in found["mistakes"]
