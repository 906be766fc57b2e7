"""What a cheat hands in, as data: code in the places of a released notebook, or anything else under its name.

Every answer is wrong or missing, so that whatever is earned was not deserved, unless `deserves` says otherwise. In
code and in file names these words stand for what an attacker knows or guesses of the grader's machine:

    @COURSE@    the course folder             @OUTSIDE@  a folder that is none of the submission's business
    @TMP@       where temporary files go      @PORT@     a port of 127.0.0.1 where somebody listens
    @TOKEN@     a word that marks what the submission starts or leaves

Whatever is done is bounded in itself, in time and in size, so that it harms nobody where nothing guards against it.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Notebook = dict[str, Any]
Change = Callable[[Notebook], Any]

#: The assignments' exercises and questions; see `world`.
SMALL, MEASURED = "small", "measured"

#: Shows what was got hold of, so that it is seen from outside; the word stands in no source.
LOOT = 'def loot(*what):\n    print(chr(76) + "OOT", *[str(each)[:300] for each in what])\n\n\n'

MUL = """def mul_forward(x, y):
    return x * y, (x, y)


def mul_backward(dout, cache):
    @FIRST@
    return 0.0, 0.0
"""
AFFINE = """def affine_forward(x, w, b):
    return x @ w.T + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    @SECOND@
    return np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[0])
"""

#: What an attack comes to, where nothing is in its way or where it gets through.
MARKS, SEEN, CHANGED, LEFT, SENT = "marks", "seen", "changed", "left", "sent"


@dataclass(frozen=True)
class Submission:
    """One file (or several) as a student sends them.

    `make` takes the released notebook and gives the files by name: bytes, or what `world` knows to put there. `works`
    says what comes of it in the hands of a grader that runs tests and answers in one process: MARKS "by asserts" or
    "by grade" (how its tests are written), SEEN, CHANGED, LEFT, SENT. It is empty where there is nothing to gain, and
    the attack is on the time, the memory or the nerves of the grader. `states` are those that it may end in.
    """

    group: str
    words: str
    make: Callable[[Notebook], Mapping[str, Any]]
    works: tuple[str, ...] = ()
    by: str = "grade"
    deserves: float = 0.0
    states: tuple[str, ...] = ("graded",)
    assignment: str = SMALL

    @property
    def name(self) -> str:
        """As a test or a student is called."""
        words = f"{self.group} {self.words}".lower()
        return "-".join("".join(each if each.isalnum() and each.isascii() else " " for each in words).split())


def cell(source: str, name: str = "own") -> dict[str, Any]:
    """A code cell of the student's own."""
    made = {"cell_type": "code", "id": name, "metadata": {}, "source": source}
    return {**made, "outputs": [], "execution_count": None}


def named(notebook: Notebook, name: str) -> dict[str, Any]:
    """The cell of a name."""
    found: dict[str, Any] = next(each for each in notebook["cells"] if each["id"] == name)
    return found


def filled(
    released: Notebook, *, top: str = "", first: str = "", second: str = "", last: str = "", mul: str = MUL,
    affine: str = AFFINE,
) -> Notebook:  # fmt: skip
    """The notebook with wrong answers: code above them, within the first backward, within the second, and below all."""
    notebook = copy.deepcopy(released)
    named(notebook, "mul_backward")["source"] = mul.replace("@FIRST@", _indented(first))
    named(notebook, "affine_backward")["source"] = affine.replace("@SECOND@", _indented(second))
    place = notebook["cells"].index(named(notebook, "mul_backward"))
    notebook["cells"].insert(place, cell(LOOT + top, "own-top"))
    if last:
        notebook["cells"].append(cell(last, "own-last"))
    return notebook


def _indented(text: str) -> str:
    return text.strip("\n").replace("\n", "\n    ") or "pass"


def sent(notebook: Notebook, name: str = SMALL) -> dict[str, Any]:
    """A notebook as a file."""
    return {f"{name}.ipynb": json.dumps(notebook).encode()}


class Group:
    """A group of submissions, to which each call adds one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.all: list[Submission] = []

    def code(self, words: str, *works: str, beside: Mapping[str, Any] | None = None, **given: Any) -> None:
        """Wrong answers, with code in their places; see `filled` and `Submission` for what may be given."""
        options = {key: given.pop(key) for key in ("by", "deserves", "states") if key in given}
        parts = {key: value.strip("\n") + "\n" for key, value in given.items()}
        self.files(words, lambda released: {**sent(filled(released, **parts)), **(beside or {})}, *works, **options)

    def changed(self, words: str, *works: str, **options: Any) -> Callable[[Change], Change]:
        """Wrong answers in a notebook to which the decorated function does something."""

        def add(change: Change) -> Change:
            def make(released: Notebook) -> Mapping[str, Any]:
                notebook = filled(released)
                change(notebook)
                return sent(notebook)

            self.files(words, make, *works, **options)
            return change

        return add

    def raw(self, words: str, text: Callable[[Notebook], bytes], *works: str, **options: Any) -> None:
        """The bytes of the notebook's file."""
        self.files(words, lambda released: {f"{SMALL}.ipynb": text(filled(released))}, *works, **options)

    def files(self, words: str, make: Callable[[Notebook], Mapping[str, Any]], *works: str, **options: Any) -> None:
        """Anything."""
        self.all.append(Submission(self.name, words, make, works, **options))
