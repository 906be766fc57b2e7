"""What students send is put in order, or refused in one sentence; what they sent stays as it was."""

import copy
import json

import pytest

from checker.course import precheck
from checker.course.precheck import Expected, UnreadableError, parsed, repaired
from checker.course.simulate import cell as named
from checker.course.simulate import place

STUB = "def add(x, y):\n    raise NotImplementedError"
TEST = "check(add)\n### BEGIN HIDDEN TESTS\ngrade('add')\n### END HIDDEN TESTS"
SHOWN = "check(add)"
EXPECTED = [
    Expected("setup", "code", "import numpy as np", locked=True, checksum="s"),
    Expected("add", "code", STUB, solution=True),
    Expected("add_test", "code", TEST, grade=True, locked=True, points=2.0, checksum="t"),
    Expected("mul", "code", "def mul(x, y):\n    raise NotImplementedError", solution=True),
    Expected("mul_test", "code", "check(mul)", grade=True, locked=True, points=1.0),
    Expected("why", "markdown", "Why is that so?\n\n*Your answer goes here.*", grade=True, solution=True, points=3.0),
]
ANSWERS = {"add": "def add(x, y):\n    return x + y", "mul": "def mul(x, y):\n    return x * y", "add_test": SHOWN,
           "why": "Why is that so?\n\nBecause."}  # fmt: skip


def code(name, source, metadata=None):
    made = {"cell_type": "code", "id": name, "metadata": metadata or {}, "source": source}
    return {**made, "outputs": [], "execution_count": None}


def sent():
    """A submission that is in order, with cells of the student's own."""
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Title"}]
    for each in EXPECTED:
        metadata = {key: value for key, value in each.metadata.items() if key not in ("checksum", "cell_type")}
        made = code(each.grade_id, ANSWERS.get(each.grade_id, each.source), {"nbgrader": metadata})
        cells.append(made if each.kind == "code" else precheck._of_kind(made, "markdown"))
    cells.insert(3, code("scratch", "x = 1"))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def mended(change):
    """The cells after a change, and the notes."""
    notebook = sent()
    change(notebook)
    before = copy.deepcopy(notebook["cells"])
    cells, notes = repaired(notebook["cells"], EXPECTED)
    assert notebook["cells"] == before
    known = [cell["metadata"]["nbgrader"] for cell in cells if "nbgrader" in cell["metadata"]]
    present = [each for each in EXPECTED if each.metadata in known]
    assert known == [each.metadata for each in present]  # each once, in order, as nbgrader knows it
    again, more = repaired(cells, EXPECTED)  # once is enough
    assert again == cells
    assert [note for note in more if not note.startswith("answers that are gone")] == []
    return {"cells": cells}, notes


def test_what_is_in_order_stays_as_it_is():
    notebook, notes = mended(lambda notebook: None)
    assert notes == []
    assert [cell["id"] for cell in notebook["cells"]] == [cell["id"] for cell in sent()["cells"]]
    assert named(notebook, "add")["source"] == ANSWERS["add"]
    assert named(notebook, "add_test")["source"] == TEST  # with what was hidden


def remove(*names):
    def change(notebook):
        notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in names]

    return change


def test_deleted_tests_are_put_back_behind_their_answers():
    notebook, notes = mended(remove("add_test", "mul_test"))
    assert notes == ["missing, and put back: add_test, mul_test"]
    assert place(notebook, "back-add_test") == place(notebook, "add") + 1
    assert named(notebook, "back-add_test")["source"] == TEST
    assert place(notebook, "back-mul_test") == place(notebook, "mul") + 1


def test_a_deleted_setup_is_put_on_top():
    notebook, notes = mended(remove("setup"))
    assert notes == ["missing, and put back: setup"]
    assert place(notebook, "back-setup") == 0


def test_a_deleted_answer_is_named_and_one_in_words_is_put_back_unanswered():
    notebook, notes = mended(remove("add", "why"))
    assert notes == ["answers that are gone: add", "missing, and put back: why"]
    assert named(notebook, "back-why")["source"] == EXPECTED[-1].source


def test_nothing_left_at_all():
    notebook, notes = mended(remove(*(each.grade_id for each in EXPECTED), "title", "scratch"))
    assert [cell["id"] for cell in notebook["cells"]] == ["back-setup", "back-add_test", "back-mul_test", "back-why"]
    assert notes == ["missing, and put back: setup, add_test, mul_test, why", "answers that are gone: add, mul"]


@pytest.mark.parametrize("copied", ["add", "add_test", "setup"])
def test_a_copy_that_says_the_same_is_kept_once(copied):
    def change(notebook):
        notebook["cells"].append(copy.deepcopy(named(notebook, copied)))

    notebook, notes = mended(change)
    assert notes == [f"copied, and kept once: {copied}"]
    assert named(notebook, "add")["source"] == ANSWERS["add"]


def test_an_untouched_copy_does_not_undo_the_answer():
    def change(notebook):
        stub = copy.deepcopy(named(notebook, "add"))
        stub["source"] = STUB
        notebook["cells"].insert(place(notebook, "add") + 1, stub)

    notebook, _ = mended(change)
    assert STUB not in [cell["source"] for cell in notebook["cells"]]
    assert named(notebook, "add")["source"] == ANSWERS["add"]


def test_of_two_answers_the_later_counts_and_the_other_runs():
    def change(notebook):
        first = copy.deepcopy(named(notebook, "add"))
        first["source"], first["id"] = "def add(x, y):\n    return x - y", "first"
        notebook["cells"].insert(place(notebook, "add"), first)

    notebook, _ = mended(change)
    assert "nbgrader" not in named(notebook, "first")["metadata"]
    assert "nbgrader" in named(notebook, "add")["metadata"]


def test_a_scratch_copy_is_not_taken_for_the_answer():
    def change(notebook):
        scratch = copy.deepcopy(named(notebook, "add"))
        scratch["source"], scratch["id"] = "add(1, 2)", "try"
        notebook["cells"].insert(place(notebook, "add") + 1, scratch)

    notebook, _ = mended(change)
    assert named(notebook, "add")["metadata"]["nbgrader"]["grade_id"] == "add"
    assert named(notebook, "try")["metadata"] == {}


def strip(notebook):
    for each in notebook["cells"]:
        each["metadata"] = {}


def strip_ids(notebook):
    for number, each in enumerate(notebook["cells"]):
        each["metadata"], each["id"] = {}, f"new-{number}"


def garble(notebook):
    for each in notebook["cells"]:
        each["metadata"] = {"nbgrader": {"grade_id": 5}}


@pytest.mark.parametrize("change", [strip, strip_ids, garble])
def test_lost_metadata_are_found_by_what_the_cells_say(change):
    _, notes = mended(change)
    assert notes == ["without metadata: setup, add, add_test, mul, mul_test, why"]


def test_changed_metadata_are_as_they_were():
    def change(notebook):
        named(notebook, "add_test")["metadata"]["nbgrader"] |= {"points": 100, "solution": True, "locked": False}

    assert mended(change)[1] == ["with changed metadata: add_test"]


def test_an_edited_test_is_restored():
    notebook, notes = mended(lambda notebook: named(notebook, "add_test").update(source="2.0"))
    assert notes == ["locked, but edited, and restored: add_test"]
    assert named(notebook, "add_test")["source"] == TEST


def test_a_cell_of_another_type_is_turned_back():
    def change(notebook):
        notebook["cells"][place(notebook, "add")] = precheck._of_kind(named(notebook, "add"), "markdown")

    notebook, notes = mended(change)
    assert notes == ["of another type: add"]
    assert named(notebook, "add")["outputs"] == []


def test_moved_cells_go_back():
    def change(notebook):
        notebook["cells"].insert(0, notebook["cells"].pop(place(notebook, "mul_test")))
        notebook["cells"].append(notebook["cells"].pop(place(notebook, "setup")))

    notebook, notes = mended(change)
    assert notes == ["moved, and put back: setup, mul_test"]
    assert place(notebook, "setup") == 0
    assert place(notebook, "mul_test") > place(notebook, "mul")


# -- files ------------------------------------------------------------------------------------------------------------


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "x.ipynb is empty"),
        (" \n", "x.ipynb is empty"),
        ('{"cells": [', r"x.ipynb is not valid JSON \(line 1\)"),
        ('{\n<<<<<<< HEAD\n"cells": []}', "not valid JSON .*with the marks of a merge that failed"),
        ("[1]", "is no notebook: it has no cells"),
        ('{"a": 1}', "is no notebook: it has no cells"),
        ('{"cells": 5, "nbformat": 4}', "is no notebook: it has no cells"),
        ('{"cells": [], "nbformat": 5}', "in the notebook format 5, which is not known here"),
        (b"\x89PNG\x00\xff\xfe", "is not text, so it is no notebook"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_files_that_are_no_notebook_are_refused(tmp_path, text, reason):
    with pytest.raises(UnreadableError, match=reason):
        parsed("x.ipynb", write(tmp_path / "x.ipynb", text).read_bytes())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_are_read_whatever_their_encoding(tmp_path, encoding):
    path = write(tmp_path / "x.ipynb", json.dumps(sent(), ensure_ascii=False).encode(encoding))
    assert len(parsed("x.ipynb", path.read_bytes()).notebook["cells"]) == len(sent()["cells"])


def test_what_no_notebook_may_hold_is_left_out(tmp_path):
    notebook = sent()
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9"}, "widgets": {"x": 1}}
    notebook["cells"] += [
        5,
        {"cell_type": "heading", "source": 7},
        {"cell_type": "code", "id": "add", "source": ["a", "b"]},
    ]
    notebook["cells"][1]["metadata"] = {"nbgrader": "x", "tags": 5}
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "text": "x" * 1000}]
    found = parsed("x.ipynb", json.dumps(notebook).encode())
    cells = found.notebook["cells"]
    assert found.notes == ["its kernel was called 'julia-1.9'; it runs with python3"]
    assert found.notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert cells[1]["metadata"] == {}
    assert cells[1]["outputs"] == []
    assert cells[-2]["cell_type"] == "markdown"
    assert cells[-1]["source"] == "ab"
    assert len({cell["id"] for cell in cells}) == len(cells)


WANTED = {"x": EXPECTED}


def ready(tmp_path):
    """The notebooks of a submission, and what was put right in them."""
    return precheck.prepared(*precheck.collected(tmp_path / "sent"), WANTED)


def test_the_notebook_alone_is_taken_along(tmp_path):
    write(tmp_path / "sent" / "x.ipynb", json.dumps(sent()))
    write(tmp_path / "sent" / "numpy.py", "raise SystemExit")
    write(tmp_path / "sent" / "timestamp.txt", "2026-01-01 00:00:00 UTC")
    assert sorted(precheck.collected(tmp_path / "sent")[0]) == ["timestamp.txt", "x.ipynb"]
    notebooks, notes = ready(tmp_path)
    assert (list(notebooks), notes) == (["x"], [])


@pytest.mark.parametrize("name", ["x (1).ipynb", "X.ipynb.txt", "inner/x.ipynb", "solved.ipynb"])
def test_a_notebook_of_another_name_is_found(tmp_path, name):
    write(tmp_path / "sent" / name, json.dumps(sent()))
    write(tmp_path / "sent" / "other.ipynb", '{"cells": [], "nbformat": 4}')
    notebooks, notes = ready(tmp_path)
    assert (list(notebooks), notes) == (["x"], [f"{name} was taken for x.ipynb"])


def test_there_is_nothing_to_grade(tmp_path):
    (tmp_path / "sent").mkdir()
    with pytest.raises(UnreadableError, match=r"there is no x\.ipynb"):
        ready(tmp_path)
    for name in ("a.ipynb", "b.ipynb"):
        write(tmp_path / "sent" / name, json.dumps(sent()))
    with pytest.raises(UnreadableError, match=r"several files might be meant: a\.ipynb, b\.ipynb"):
        ready(tmp_path)


def test_links_are_not_followed(tmp_path):
    secret = write(tmp_path / "secret", json.dumps(sent()))
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "x.ipynb").symlink_to(secret)
    with pytest.raises(UnreadableError, match="is a link to another file"):
        ready(tmp_path)


def test_line_ends_of_another_system_are_no_edit():
    notebook = sent()
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")
    found = parsed("x.ipynb", json.dumps(notebook).encode())
    assert repaired(found.notebook["cells"], EXPECTED)[1] == []


def test_what_is_nested_too_deeply_for_python_is_read_all_the_same():
    notebook = sent()
    notebook["cells"].append(code("deep", "-" * 200_000 + "1"))
    assert repaired(notebook["cells"], EXPECTED)[1] == []


def test_a_link_of_another_name_is_told(tmp_path):
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "mine.ipynb").symlink_to("/etc/hostname")
    with pytest.raises(UnreadableError, match=r"there is no x\.ipynb; mine\.ipynb is a link to another file"):
        ready(tmp_path)


@pytest.mark.parametrize(
    "metadata", [{"nbgrader": {"grade_id": ["x"]}}, {"nbgrader": {"grade_id": {}}}, {"nbgrader": 3}, [], 7]
)
def test_metadata_of_any_kind_is_read(metadata):
    notebook = sent()
    notebook["cells"].append(code("odd", "x = 1") | {"metadata": metadata})
    found = parsed("x.ipynb", json.dumps(notebook).encode())
    assert repaired(found.notebook["cells"], EXPECTED)[1] == []


def test_a_date_of_many_bytes_is_none(tmp_path):
    folder = tmp_path / "sent"
    write(folder / "x.ipynb", json.dumps(sent()))
    (folder / "timestamp.txt").write_text("2" * 101)
    files, refused = precheck.collected(folder)
    assert list(files) == ["x.ipynb"]
    _, notes = precheck.prepared(files, refused, WANTED)
    assert "timestamp.txt is no date: it counts as handed in on time" in notes


def test_the_wanted_notebook_is_found_among_many(tmp_path):
    for number in range(100):
        write(tmp_path / "sent" / f"{number}.ipynb", "{}")
    write(tmp_path / "sent" / "x.ipynb", json.dumps(sent()))
    files, refused = precheck.collected(tmp_path / "sent", WANTED)
    notebooks, notes = precheck.prepared(files, refused, WANTED)
    assert (list(notebooks), notes) == (["x"], [])
    assert set(refused.values()) == {"is one of too many files"}


@pytest.mark.parametrize("link", ["cheat", "cheat/small"])
def test_a_folder_that_is_a_link_to_another_ones_is_not_read(tmp_path, link):
    write(tmp_path / "honest" / "small" / "x.ipynb", json.dumps(sent()))
    place = tmp_path / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "honest" / ("small" if "/" in link else ""), target_is_directory=True)
    files, refused = precheck.collected(tmp_path / "cheat" / "small", WANTED)
    assert files == {}
    with pytest.raises(UnreadableError, match=r"x\.ipynb lies in a folder that is a link to another one"):
        precheck.prepared(files, refused, WANTED)
