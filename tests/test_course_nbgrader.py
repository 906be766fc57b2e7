"""A whole course on nbgrader: released, submitted in every way that students find, graded, and returned."""

import copy
import csv
import html.parser
import json
import multiprocessing
import re
import subprocess
import sys
import time
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import pytest

from checker.cli import main
from checker.course import demo, nbgrader
from checker.course.executors import Place
from checker.course.folder import CONFIG
from checker.course.notebooks import find
from checker.course.outcome import GRADED, NOT_GRADED
from checker.course.runs import autograde
from checker.course.simulate import SENT, asked, cell, changed, mistaken, place, redefined, submit
from checker.credit import total

GATES, NORM = "01_gates", "06_normalisation"
TIMEOUT = 6

pytestmark = pytest.mark.slow


def code(source, name="own"):
    return {"cell_type": "code", "id": name, "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def adding(source, where=3):
    return changed(lambda notebook: notebook["cells"].insert(where, code(source)))


def instead(name, old, new):
    """An answer in which one line is another."""

    def change(notebook):
        text = "".join(cell(notebook, name)["source"])
        assert old in text
        cell(notebook, name)["source"] = text.replace(old, new)

    return changed(change)


def colab(notebook):
    """As Colab saves: no cell ids, metadata of its own."""
    for number, each in enumerate(notebook["cells"]):
        each["metadata"] = {"id": f"x{number}", "colab": {"base_uri": "https://localhost:8080/"}, **each["metadata"]}
        del each["id"]
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook["nbformat_minor"] = 0


def lite(notebook):
    """As JupyterLite saves."""
    kernel = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
    notebook["metadata"] = {"kernelspec": kernel, "language_info": {"name": "python", "version": "3.12"}}
    for each in notebook["cells"]:
        each["metadata"]["trusted"] = True


def old(answers, released):
    """In version 3 of the format."""
    cells = []
    for each in answers["cells"]:
        made = {"cell_type": each["cell_type"], "metadata": each["metadata"]}
        made |= {"source": each["source"]} if each["cell_type"] == "markdown" else {
            "input": each["source"], "language": "python", "outputs": [], "collapsed": False}  # fmt: skip
        cells.append(made)
    return json.dumps({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]})


def copied_test(notebook):
    notebook["cells"].append(copy.deepcopy(cell(notebook, "add_backward_test")))


def stub_below(answers, released):
    notebook = copy.deepcopy(answers)
    notebook["cells"].insert(place(notebook, "add_backward") + 1, copy.deepcopy(cell(released, "add_backward")))
    return json.dumps(notebook)


def flipped(notebook):
    cell(notebook, "add_backward_test")["metadata"]["nbgrader"] |= {"solution": True, "locked": False, "points": 100}
    cell(notebook, "mul_backward")["metadata"]["nbgrader"]["grade"] = True


def julia(notebook):
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}}


def moved(notebook):
    notebook["cells"].insert(0, notebook["cells"].pop(place(notebook, "max_backward_test")))
    notebook["cells"].append(notebook["cells"].pop(place(notebook, "setup")))


STUBBORN = """    while True:
        try:
            while True:
                pass
        except BaseException:
            pass"""
FORGED = "import sys; sys.displayhook(1.0); return 7, 7"
HTML = """from IPython.display import HTML, SVG, Javascript, display
display(Javascript("alert(2)"))
display(HTML("<script>alert(3)</script><iframe src=x></iframe><b onclick='alert(4)'>bold</b>"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(5)</script></svg>"))
open("evil.html", "w").write("x")
open("grades.db", "w").write("x")
print(In, [each for each in globals().values() if isinstance(each, str)])"""
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>a</a>\n\nHere $x<y$."

#: What is sent for the first assignment besides SENT, and what it deserves of its 3 points.
MORE = {
    "from Colab": (changed(colab), 3),
    "from JupyterLite": (changed(lite), 3),
    "an old format": (old, 3),
    "another kernel": (changed(julia), 3),
    "a test copied": (changed(copied_test), 3),
    "the stub copied below": (stub_below, 3),
    "flags flipped": (changed(flipped), 3),
    "cells moved": (changed(moved), 3),
    "sys.exit() in a cell": (adding("import sys\nsys.exit(0)"), 3),
    "exit() in a cell": (adding("exit()"), 3),
    "a loop in a cell": (adding("while True: pass"), 3),
    "a loop that ignores interrupts": (instead("mul_backward", "    x, y = cache", STUBBORN), 2),
    "output without end": (adding("while True: print('x' * 1000)"), 3),
    "huge output": (adding("print('x' * 30_000_000)\nfor i in range(50_000): print(i)"), 3),
    "a syntax error": (instead("mul_backward", "return dout * y,", "return (dout * y,"), 2),
    "a forged value": (instead("add_backward", "return dout, dout", FORGED), 2),
    "a check of one's own": (adding("def check(*given): raise ValueError\ngrade = check"), 3),
    "files and scripts": (changed(lambda n: n["cells"].extend([code(HTML), {
        "cell_type": "markdown", "id": "words", "metadata": {}, "source": SCRIPT}])), 3),
}  # fmt: skip
DESERVED = {
    "everything right": 3, "nothing answered": 0, "only the first answer": 1, "a known mistake": 2,
    "a known mistake in the last": 2, "right numbers, wrong shape": 2, "one gradient too few": 2, "an exception": 2,
    "a warning and a debug print": 3, "an endless loop": 2, "sys.exit()": 2, "the process ended": 2,
    "a cell copied": 3, "tests deleted": 3, "a test edited": 3, "metadata lost": 3,
}  # fmt: skip
REFUSED = {
    "an empty file": "01_gates.ipynb is empty",
    "half a file": r"01_gates\.ipynb is not valid JSON \(line 1\)",
    "another name": None,
    "no notebook": r"there is no 01_gates\.ipynb",
    "a link": r"01_gates\.ipynb is a link to another file",
}


#: Where nothing is graded: it would raise NotImplementedError.
NOBODY = Place(Executor(), 1)


def student(words):
    return re.sub(r"\W+", "-", words).strip("-")


class Story:
    """The course, and the outcome of each submission."""

    def __init__(self, root):
        self.course = demo.prepared(root)
        config = root / CONFIG
        config.write_text(config.read_text() + f"c.Execute.timeout = {TIMEOUT}\n")
        for name in (GATES, NORM):
            nbgrader.release(self.course, name)
        self.notebooks = {name: self.both(name) for name in (GATES, NORM)}
        self.exercises = {name: asked(self.notebooks[name][0]) for name in (GATES, NORM)}
        for words, make in {**SENT, **{words: make for words, (make, _) in MORE.items()}}.items():
            submit(root, student(words), GATES, make(*self.notebooks[GATES]))
        right = json.dumps(self.notebooks[GATES][0])
        submit(root, "another-name", GATES, right, f"{GATES} (1).ipynb")
        submit(root, "no-notebook", GATES, "my answer", "answer.txt")
        submit(root, "shadow", GATES, right)
        submit(root, "shadow", GATES, "raise SystemExit", "numpy.py")
        link = submit(root, "a-link", GATES, right, "secret")
        (link.parent / f"{GATES}.ipynb").symlink_to(link)
        for words in ("everything right", "nothing answered"):
            submit(root, student(words), NORM, SENT[words](*self.notebooks[NORM]))
        for assignment, names in self.exercises.items():
            for name in names:
                text = redefined(self.notebooks[assignment][0], mistaken(name))
                submit(root, f"mistaken-{name.partition('.')[2]}", assignment, text)
        self.rows = {(row.student, name): row for name in (GATES, NORM) for row in autograde(self.course, name, jobs=2)}
        self.pages = {(who, name): page for name in (GATES, NORM) for who, page in nbgrader.feedback(self.course, name)}

    def both(self, name):
        """The notebook with the answers, and the one that was handed out."""
        steps = ("source", "release")
        return [json.loads((self.course.root / step / name / f"{name}.ipynb").read_text()) for step in steps]

    def points(self, name):
        return sum(total(find(each)) for each in self.exercises[name])

    def row(self, words, name=GATES):
        return self.rows[student(words), name]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return Story(tmp_path_factory.mktemp("course"))


@pytest.mark.parametrize("words", [*DESERVED, *MORE])
def test_what_was_sent_earns_what_it_deserves(story, words):
    row = story.row(words)
    assert row.state == GRADED, row.notes
    assert row.score == (DESERVED[words] if words in DESERVED else MORE[words][1]), row.notes


@pytest.mark.parametrize("words", [words for words in REFUSED if words != "another name"])
def test_what_cannot_be_graded_is_no_zero(story, words):
    row = story.row(words)
    assert row.state == NOT_GRADED
    assert re.fullmatch(REFUSED[words], row.notes[0])
    assert not row.ours


def test_what_was_put_right_is_told(story):
    assert story.row("another name").notes == ("01_gates (1).ipynb was taken for 01_gates.ipynb",)
    assert story.row("another name").score == story.row("shadow").score == 3
    assert story.row("an old format").notes == ("it was saved in the notebook format 3, and brought up to 4",)
    assert story.row("a cell copied").notes == ("copied, and kept once: add_backward",)
    assert story.row("an endless loop").incidents == (
        f"add_backward_test: it was stopped after {TIMEOUT} seconds in all",
    )
    assert story.row("the process ended").incidents == (
        "add_backward_test: it ended the Python process that it ran in",
    )


def test_everything_right_earns_everything_but_the_question(story):
    for name in (GATES, NORM):
        row = story.row("everything right", name)
        assert (row.score, row.by_hand) == (story.points(name), row.points - story.points(name))
        assert story.row("nothing answered", name).score == 0


def test_a_mistake_loses_points_of_its_exercise_alone(story):
    with nbgrader._api(story.course) as api, api.gradebook as gradebook:
        for assignment, names in story.exercises.items():
            for name in names:
                own = name.partition(".")[2]
                submission = gradebook.find_submission(assignment, f"mistaken-{own}")
                grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
                assert grades[f"{own}_test"].score < grades[f"{own}_test"].max_score
                others = [grades[f"{other.partition('.')[2]}_test"] for other in names if other != name]
                assert all(grade.score == grade.max_score for grade in others)


def test_partial_credit_reaches_the_gradebook(story):
    row = story.rows["mistaken-batchnorm_backward", NORM]
    task = find("batchnorm.batchnorm_backward")
    share = task.shares.get("x", total(task) / 3)
    assert row.score == pytest.approx(story.points(NORM) - share)


def test_grading_again_gives_the_same(story):
    again = ["everything-right", "a-known-mistake", "an-exception", "nothing-answered"]
    found = {row.student: row for row in autograde(story.course, GATES, again, regrade=True, jobs=2)}
    assert found == {name: replace(story.rows[name, GATES], seconds=found[name].seconds) for name in again}
    assert multiprocessing.active_children() == []


def test_what_has_not_changed_is_not_graded_again(story):
    assert [row.student for row in autograde(story.course, GATES, grade=None, executor=NOBODY)] == sorted(
        name for name, assignment in story.rows if assignment == GATES
    )


def test_submissions_are_as_they_were_sent(story):
    sent = story.course.root / "submitted" / "tests-deleted" / GATES / f"{GATES}.ipynb"
    assert sent.read_text() == SENT["tests deleted"](*story.notebooks[GATES])


# -- release and feedback ---------------------------------------------------------------------------------------------


def test_a_release_shows_nothing(story):
    for name in (GATES, NORM):
        folder = story.course.root / "release" / name
        assert nbgrader.leaks(story.course.root / "source" / name, folder) == []
        assert [path.name for path in folder.iterdir()] == [f"{name}.ipynb"]
        text = (folder / f"{name}.ipynb").read_text()
        for each in story.exercises[name]:
            assert not [known.name for known in find(each).mistakes if known.name in text or known.advice in text]
        released = story.notebooks[name][1]
        assert "raise NotImplementedError  # your answer goes here" in json.dumps(released)
        ids = [each["id"] for each in released["cells"]]
        assert ids == [each["id"] for each in story.notebooks[name][0]["cells"]]


def test_a_release_that_would_show_an_answer_is_refused(story, tmp_path):
    source = story.course.root / "source" / GATES
    leaked = tmp_path / "extra.py"
    leaked.write_text("def add(x):\n    return dout, dout\n")
    assert nbgrader.leaks(source, tmp_path) == ["return dout, dout"]
    leaked.write_text("### BEGIN HIDDEN TESTS\n")
    assert nbgrader.leaks(source, tmp_path) == ["### BEGIN HIDDEN TESTS"]


class Scan(html.parser.HTMLParser):
    """What runs in a page."""

    def __init__(self):
        super().__init__()
        self.running, self.inside = [], ""

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        if tag in ("iframe", "object", "embed"):
            self.running.append(tag)
        for name, value in attributes:
            if name.startswith("on") or "javascript:" in (value or ""):
                self.running.append(f"{tag} {name}")

    def handle_data(self, data):
        if self.inside == "script" and "alert" in data:
            self.running.append(data)

    def handle_endtag(self, tag):
        self.inside = ""


def test_pages_hold_no_script_of_a_students_and_no_hidden_test(story):
    for page in story.pages.values():
        if not isinstance(page, Path):
            continue
        text = page.read_text()
        assert "HIDDEN TESTS" not in text
        assert "checker.course" not in text
        scan = Scan()
        scan.feed(text)
        assert scan.running == []
        assert [each.name for each in page.parent.iterdir()] == [page.name]


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.read_text())))


def test_pages_explain(story):
    said = text_of(story.pages["a-known-mistake", GATES])
    assert "add_backward: wrong, 0 of 1 point" in said
    assert "split between the inputs" in said
    assert find("gates.add_backward").mistakes[0].advice.split(":")[0] in said
    partly = text_of(story.pages["mistaken-batchnorm_backward", NORM])
    assert "points: x 0 of" in partly
    assert "could not be judged to its end: it was stopped after" in text_of(story.pages["an-endless-loop", GATES])
    assert "is not defined" in text_of(story.pages["a-syntax-error", GATES])
    assert "Comments: This is not graded yet." in said
    assert "(Score: 2 / 3 so far) 1 answer, worth 2 points, still waits for a reader, and is not in this score." in said
    assert "01_gates (Score: 0 / 5)" in text_of(story.pages["nothing-answered", GATES])
    assert "Comments: No response." in text_of(story.pages["nothing-answered", GATES])
    assert re.search("x ?< ?y", text_of(story.pages["files-and-scripts", GATES]))
    assert story.pages["an-empty-file", GATES] == "not graded: 01_gates.ipynb is empty"


def test_grades_for_other_systems(story, tmp_path):
    path = tmp_path / "grades.csv"
    count = nbgrader.export(story.course, path)
    with path.open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert len(rows) == count
    gates, norm = (next(key for key in rows["shadow"] if key.startswith(name)) for name in (GATES, NORM))
    assert gates == "01_gates (of 5)"
    assert rows["everything-right"][gates] == "3"
    assert float(rows["everything-right"][norm]) == story.points(NORM)
    assert rows["nothing-answered"][gates] == "0"
    assert rows["an-empty-file"][gates] == rows["shadow"][norm] == ""
    nbgrader.export(story.course, path, details=True)
    with path.open() as file:
        states = {(row["student_id"], row["assignment"], row["exercise"]): row for row in csv.DictReader(file)}
    assert states["everything-right", GATES, "add_backward"]["score"] == "1"
    assert states["everything-right", GATES, "what_gates_do"]["state"] == "to be graded by hand"
    assert states["an-empty-file", GATES, ""]["state"] == "not graded"
    assert states["shadow", NORM, ""]["state"] == "not submitted"


# -- the commands -----------------------------------------------------------------------------------------------------


def test_verbs(story, capsys):
    where = ["--course", str(story.course.root)]
    assert main(["autograde", GATES, *where]) == 1  # some could not be graded
    out = capsys.readouterr().out
    assert re.search(r"everything-right +01_gates +3 of 5", out)
    assert re.search(r"an-empty-file +01_gates +not graded +01_gates.ipynb is empty", out)
    assert main(["feedback", NORM, "--student", "everything-right", *where]) == 0
    assert "06_normalisation.html" in capsys.readouterr().out
    assert main(["export", "--to", str(story.course.root / "g.csv"), *where]) == 0
    assert "waiting to be graded by hand" in capsys.readouterr().out
    assert main(["autograde", "99_x", *where]) == 2
    assert "there is no assignment 99_x" in capsys.readouterr().err
    assert main(["autograde", GATES, "--student", "nobody", *where]) == 2
    assert "nobody has submitted nothing for 01_gates" in capsys.readouterr().err
    assert main(["release", "--course", str(story.course.root / "source")]) == 2
    assert "there is no nbgrader_config.py in" in capsys.readouterr().err


def test_the_demonstration(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"student01 +everything right +01_gates +3 of 5", out)
    assert f"grades: {tmp_path / 'demo' / 'grades.csv'}" in out
    assert main(["demo", str(tmp_path / "demo")]) == 2
    assert "holds a course already" in capsys.readouterr().err


def test_nbgraders_own_commands(tmp_path):
    """On a clean folder, with nothing but the configuration, as an instructor would type them."""
    course = demo.prepared(tmp_path)

    def run(*command):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        return done.returncode, done.stdout + done.stderr

    assert run("generate_assignment", GATES)[0] == 0
    answers, released = (
        json.loads((tmp_path / step / GATES / f"{GATES}.ipynb").read_text()) for step in ("source", "release")
    )
    for words in ("everything right", "nothing answered", "a cell copied", "metadata lost", "the process ended"):
        submit(tmp_path, student(words), GATES, SENT[words](answers, released))
    submit(tmp_path, "zzz", GATES, MORE["files and scripts"][0](answers, released))
    code, log = run("autograde", GATES)
    assert code == 0, log
    assert run("generate_feedback", GATES)[0] == 0
    assert run("export")[0] == 0
    with (tmp_path / "grades.csv").open() as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {
        "everything-right": 3, "nothing-answered": 0, "a-cell-copied": 3, "metadata-lost": 3, "the-process-ended": 2,
        "zzz": 3,
    }  # fmt: skip
    pages = sorted(path.name for path in (course.root / "feedback" / "zzz" / GATES).iterdir())
    assert pages == [f"{GATES}.html"]
    assert run("autograde", GATES, "--force")[0] == 0


def test_every_assignment_can_be_solved_and_handed_in_empty(tmp_path):
    """The right answers earn all points of each, in less than a minute; what was handed out earns none."""
    course = demo.prepared(tmp_path)
    config = tmp_path / CONFIG
    config.write_text(config.read_text() + "c.Execute.timeout = 60\n")  # a network is trained in one of them
    for name in course.assignments():
        nbgrader.release(course, name)
        answers, released = (
            json.loads((tmp_path / s / name / f"{name}.ipynb").read_text()) for s in ("source", "release")
        )
        submit(tmp_path, "right", name, json.dumps(answers))
        submit(tmp_path, "empty", name, json.dumps(released))
        started = time.monotonic()
        rows = {row.student: row for row in autograde(course, name, jobs=2)}
        assert time.monotonic() - started < 60, name
        points = sum(total(find(each)) for each in asked(answers))
        assert (rows["right"].score, rows["right"].points) == (points, points + rows["right"].by_hand), name
        assert (rows["empty"].state, rows["empty"].score, rows["empty"].notes) == (GRADED, 0, ()), name
        graded = json.loads((tmp_path / "autograded" / "right" / name / f"{name}.ipynb").read_text())
        outputs = [output for each in graded["cells"] for output in each.get("outputs", [])]
        assert [output["ename"] for output in outputs if output["output_type"] == "error"] == [], name
