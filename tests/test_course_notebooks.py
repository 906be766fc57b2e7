"""Notebooks from percent-format sources: the same bytes every time, every exercise of the course, nothing shown."""

import importlib
import json
from pathlib import Path

import pytest

import solutions
from checker.course import cells, notebooks
from checker.course.grading import judged
from checker.errors import UsageError
from checker.exercises import exercises_in

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks" / "sources").glob("*.py"))
BRIEFLY = [
    pytest.param(path, id=path.stem, marks=[] if path.stem.startswith("01") else pytest.mark.slow) for path in SOURCES
]
SOURCE = """# ---
# jupyter: no cell
# ---

# %% [markdown]
# # Title
#
# A line with $x_1$,
#     and an indented one.

# %%
print(1)

# %%
exercise("gates.add_backward")

# %% [markdown]
# ## Below

# %%
question("why", points=1.5)

# %% [markdown]
# Why?
#
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
"""


def text(cell):
    return "".join(cell["source"])


def run(notebook, namespace):
    """Run a notebook's code, but for tests and for what is imported from a notebook's tools."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and not cell["id"].endswith("_test"):
            exec(compile(text(cell), cell["id"], "exec"), namespace)
    return namespace


def test_a_source_becomes_a_notebook():
    made = notebooks.notebook(SOURCE)
    assert [cell["id"] for cell in made["cells"]] == [
        "cell-1", "setup", "cell-3", "add_backward", "add_backward_test", "cell-6", "why",
    ]  # fmt: skip
    title, setup, code, answer, test, below, why = made["cells"]
    assert text(title) == "# Title\n\nA line with $x_1$,\n    and an indented one."
    assert text(setup) == "import numpy as np\nfrom checker.notebook import check, draw, hint"
    assert text(code) == "print(1)"
    assert text(below) == "## Below"
    assert text(answer).startswith("def add_forward(x: float, y: float):\n")
    assert text(answer).count("### BEGIN SOLUTION") == text(answer).count("### END SOLUTION") == 2
    assert "exercise" not in text(answer)
    assert text(test) == (
        "check(add_backward)\n### BEGIN HIDDEN TESTS\nfrom checker.course.grading import grade\n\n"
        'grade("gates.add_backward")\n### END HIDDEN TESTS'
    )
    assert text(why) == "Why?\n\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    known = {cell["id"]: cell["metadata"].get("nbgrader") for cell in made["cells"]}
    base = {"grade": False, "locked": False, "solution": False, "schema_version": 3, "task": False}
    assert known["cell-1"] is known["cell-3"] is known["cell-6"] is None
    assert known["setup"] == {**base, "grade_id": "setup", "locked": True}
    assert known["add_backward"] == {**base, "grade_id": "add_backward", "solution": True}
    test_id = {"grade_id": "add_backward_test", "points": 1}
    assert known["add_backward_test"] == {**base, **test_id, "grade": True, "locked": True}
    assert known["why"] == {**base, "grade_id": "why", "points": 1.5, "grade": True, "solution": True}
    assert type(known["setup"]["schema_version"]) is int


def test_a_notebook_is_the_same_every_time():
    assert notebooks.written(SOURCE) == notebooks.written(SOURCE)
    assert json.loads(notebooks.written(SOURCE)) == notebooks.notebook(SOURCE)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('exercise("gates.ad_backward")', r"line 4: solutions/gates\.py has no exercise ad_backward"),
        ('exercise("gate.add_backward")', r"line 4: there is no solutions/gate\.py"),
        ("exercise(name)", r"line 4: exercise\(\.\.\.\) stands in a cell of its own, with plain values"),
        ("exercise()", "there is no solutions"),
        ('question("a.b", points=1)', "a question is declared as"),
        ('question("why")', "a question is declared as"),
        ("question()", "a question is declared as"),
        ('question("why", points=0)', "a question is declared as"),
        ('question("why", points=1)', "no markdown cell stands below the question why"),
        ('question("why", points=1)\n\n# %%\nprint(1)', "with its model answer between"),
        ('question("why", points=1)\n\n# %% [markdown]\n# Why?', "with its model answer between"),
    ],
)
def test_what_a_source_may_not_say(line, complaint):
    with pytest.raises(UsageError, match=complaint):
        notebooks.notebook(f"# %% [markdown]\n# Title\n\n# %%\n{line}\n")


def test_an_exercise_is_asked_for_once():
    line = '# %%\nexercise("gates.add_backward")\n'
    with pytest.raises(UsageError, match="two cells are called add_backward"):
        notebooks.notebook(line + line)


def test_a_wrong_source_is_named(tmp_path):
    folder = tmp_path / "notebooks" / "sources"
    folder.mkdir(parents=True)
    (folder / "01_x.py").write_text('# %%\nexercise("gates.x")\n')
    with pytest.raises(UsageError, match=r"01_x\.py, line 1: solutions/gates\.py has no exercise x"):
        notebooks.made(tmp_path, folder / "01_x.py")


def test_notebooks_without_a_source_are_found(tmp_path):
    lost = tmp_path / "notebooks" / "source" / "01_x" / "01_x.ipynb"
    lost.parent.mkdir(parents=True)
    lost.write_text("{}")
    assert notebooks.orphans(tmp_path) == [lost]
    assert notebooks.sources(tmp_path) == []


def test_what_an_answer_uses_stands_in_its_region():
    made = notebooks.notebook('# %%\nexercise("losses.bce_with_logits_backward")\n')
    answer = next(text(cell) for cell in made["cells"] if cell["id"] == "bce_with_logits_backward")
    shown = cells._REGION.sub("", answer + "\n")
    assert "def logistic" in answer
    assert "logistic" not in shown


@pytest.mark.parametrize("topic", solutions.TOPICS)
def test_every_exercise_runs_in_a_notebook_by_itself(topic):
    for task in exercises_in(importlib.import_module(f"solutions.{topic}")):
        made = notebooks.notebook(f'# %%\nexercise("{topic}.{task.name}")\n')
        defined = run(made, {"__name__": "notebook"})
        halves = [defined[half.__name__] for half in task.halves]
        assert all(map(callable, halves))
        report = task.check(*halves, seed=3, trials=0)
        assert report, str(report)


@pytest.mark.parametrize("path", BRIEFLY)
def test_the_exercises_of_a_source_earn_full_marks_as_built(path):
    source = path.read_text()
    made = notebooks.notebook(source)
    known = {cell["id"]: cell["metadata"].get("nbgrader", {}) for cell in made["cells"]}
    defined = {}
    for cell in made["cells"]:
        if known[cell["id"]] and cell["cell_type"] == "code" and not cell["id"].endswith("_test"):
            exec(compile(text(cell), cell["id"], "exec"), defined)
    for name in notebooks.exercises(source):
        task = notebooks.find(name)
        assert judged(task, defined)[0] == known[f"{task.name}_test"]["points"], name


@pytest.mark.slow
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_sources_are_read_as_jupytext_reads_them(path):
    import jupytext

    theirs = jupytext.reads(path.read_text(), fmt="py:percent").cells
    mine = notebooks.read(path.read_text())
    assert [(part.kind, part.text) for part in mine] == [(cell.cell_type, cell.source) for cell in theirs]
