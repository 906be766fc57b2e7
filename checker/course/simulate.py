"""Submissions as students send them, made from an assignment: right, wrong in every way, unfinished and broken.

A maker takes the notebook with all answers and the one that was handed out; it gives what the student sends, as the
text of a file.
"""

import copy
import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..kinds import Answer
from .cells import standalone
from .notebooks import find

Notebook = dict[str, Any]
Maker = Callable[[Notebook, Notebook], str]


def submit(folder: Path, student: str, assignment: str, text: str, name: str = "") -> Path:
    """Put a file where a course's `submitted/` wants it."""
    path = folder / "submitted" / student / assignment / (name or f"{assignment}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def asked(answers: Notebook) -> list[str]:
    """The exercises of a notebook, as "topic.name", in their order."""
    sources = ["".join(cell["source"]) for cell in answers["cells"]]
    return [text.split('grade("')[1].split('"')[0] for text in sources if "checker.course.grading" in text]


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    """The cell of a name."""
    found: dict[str, Any] = next(each for each in notebook["cells"] if each["id"] == name)
    return found


def place(notebook: Notebook, name: str) -> int:
    """Where that cell stands."""
    return next(place for place, each in enumerate(notebook["cells"]) if each["id"] == name)


def redefined(answers: Notebook, code: Mapping[str, str]) -> str:
    """All answers right, but for what is defined again below those to the exercises named."""
    notebook = copy.deepcopy(answers)
    for name, text in code.items():
        answer = cell(notebook, name)
        answer["source"] = "".join(answer["source"]) + "\n\n\n" + text
    return json.dumps(notebook)


def mistaken(exercise: str, mistake: str = "") -> dict[str, str]:
    """A known mistake in the place of an answer, by default the first: for `redefined`."""
    task = find(exercise)
    known = next(each for each in task.mistakes if mistake in ("", each.name))
    right = Answer(*task.halves)
    halves = ((known.answer.function, right.function), (known.answer.forward, right.forward))
    changed = [(wrong, own) for wrong, own in halves if wrong is not None and own is not None and wrong is not own]
    code = standalone(task.topic, [wrong.__name__ for wrong, _ in changed])
    # Within a function: there a mistake may call the right answer by the name that the mistake itself gets outside.
    returned, names = (", ".join(each.__name__ for each in side) for side in zip(*changed))
    body = textwrap.indent(f"{code}\nreturn {returned}", "    ")
    return {task.name: f"def _mistaken():\n{body}\n\n\n{names} = _mistaken()"}


def changed(change: Callable[[Notebook], Any]) -> Maker:
    """The right answers in a notebook that something was done to."""

    def make(answers: Notebook, released: Notebook) -> str:
        notebook = copy.deepcopy(answers)
        change(notebook)
        return json.dumps(notebook)

    return make


def _first(answers: Notebook) -> str:
    return asked(answers)[0].rpartition(".")[2]


def _wrapped(body: str) -> Maker:
    """The first answer, called by something that spoils it."""

    def make(answers: Notebook, released: Notebook) -> str:
        name = _first(answers)
        code = f"_right = {name}\n\n\ndef {name}(*given):\n    {body}\n    return _right(*given)"
        return redefined(answers, {name: code})

    return make


def _unfinished(answers: Notebook, released: Notebook) -> str:
    """The first answer alone."""
    notebook, name = copy.deepcopy(released), _first(answers)
    cell(notebook, name)["source"] = cell(answers, name)["source"]
    return json.dumps(notebook)


def _copied(notebook: Notebook) -> None:
    name = _first(notebook)
    notebook["cells"].insert(place(notebook, name), copy.deepcopy(cell(notebook, name)))


def _without_metadata(notebook: Notebook) -> None:
    for each in notebook["cells"]:
        each["metadata"] = {}


def _without_tests(notebook: Notebook) -> None:
    notebook["cells"] = [each for each in notebook["cells"] if not each["id"].endswith("_test")]


def _easier_tests(notebook: Notebook) -> None:
    cell(notebook, f"{_first(notebook)}_test")["source"] = "1.0"


#: What is sent, in words, and how it is made.
SENT: dict[str, Maker] = {
    "everything right": changed(lambda notebook: None),
    "nothing answered": lambda answers, released: json.dumps(released),
    "only the first answer": _unfinished,
    "a known mistake": lambda answers, released: redefined(answers, mistaken(asked(answers)[0])),
    "a known mistake in the last": lambda answers, released: redefined(answers, mistaken(asked(answers)[-1])),
    "right numbers, wrong shape": _wrapped("return tuple(np.asarray(each)[None] for each in _right(*given))"),
    "one gradient too few": _wrapped("return _right(*given)[:-1]"),
    "an exception": _wrapped("raise ValueError('shapes do not fit')"),
    "a warning and a debug print": _wrapped("import sys; print('here'); print('here', file=sys.stderr)"),
    "an endless loop": _wrapped("while True: pass"),
    "sys.exit()": _wrapped("raise SystemExit"),
    "the process ended": _wrapped("import os; os._exit(1)"),
    "a cell copied": changed(_copied),
    "tests deleted": changed(_without_tests),
    "a test edited": changed(_easier_tests),
    "metadata lost": changed(_without_metadata),
    "an empty file": lambda answers, released: "",
    "half a file": lambda answers, released: json.dumps(answers)[: len(json.dumps(answers)) // 2],
}
