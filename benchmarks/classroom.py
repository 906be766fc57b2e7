"""A class to grade: an assignment of two notebooks with six exercises, and what its students send.

The same notebooks for every grader. Ours tests with the references of `solutions/`; the others have what a course hands
out without it: a numeric gradient of the student's own forward, and `np.testing.assert_allclose`.
"""

import copy
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.course.notebooks import TOOLS, find, notebook
from checker.course.simulate import cell

ASSIGNMENT = "backward"
#: One student's answers: the text of a cell, by its name.
Answers = Mapping[str, str]
Notebook = dict[str, Any]

HELPER = '''
def num_grad(f, x, dout, h=1e-5):
    """The gradient of sum(dout * f(x)), entry by entry."""
    x = np.array(x, dtype=float)
    grad = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        old = x[place]
        x[place] = old + h
        above = f(x)
        x[place] = old - h
        grad[place] = np.sum((above - f(x)) * dout) / (2 * h)
        x[place] = old
    return grad'''


@dataclass(frozen=True)
class Question:
    """An exercise "topic.name", how an ordinary test draws its inputs, and bodies of its backward.

    One is wrong, and one is right, though written in another way than the reference.
    """

    exercise: str
    draws: str
    mistake: str
    otherwise: str

    @property
    def name(self) -> str:
        """Of the backward, and of its cell."""
        return self.exercise.rpartition(".")[2]

    @property
    def points(self) -> float:
        """What a right answer earns."""
        return float(find(self.exercise).points)

    @property
    def test(self) -> str:
        """The test of an ordinary course."""
        task = find(self.exercise)
        assert task.forward is not None
        forward, arguments = task.forward.__name__, ", ".join(inspect.signature(task.forward).parameters)
        lines = [
            "rng = np.random.default_rng(1)",
            self.draws,
            f"out, cache = {forward}({arguments})",
            "dout = rng.standard_normal(np.shape(out))",
            f"{', '.join(f'd{name}' for name in task.wrt)} = {self.name}(dout, cache)",
        ]
        for name in task.wrt:
            lines.append(f"numeric = num_grad(lambda {name}: {forward}({arguments})[0], {name}, dout)")
            lines.append(f"np.testing.assert_allclose(d{name}, numeric, rtol=1e-5, atol=1e-8)")
        return "\n".join(lines)


NOTEBOOKS = {
    "gates": (
        Question(
            "gates.mul_backward",
            "x, y = rng.standard_normal(2)",
            "x, y = cache\nreturn dout * x, dout * y",
            "x, y = cache\ndx = y * dout\ndy = x * dout\nreturn dx, dy",
        ),
        Question(
            "activations.sigmoid_backward",
            "x = rng.standard_normal((4, 5))",
            "return dout * cache",
            """
dx = np.zeros_like(dout)
for n in range(dout.shape[0]):
    for d in range(dout.shape[1]):
        dx[n, d] = cache[n, d] * (1 - cache[n, d]) * dout[n, d]
return dx
""",
        ),
        Question(
            "activations.relu_backward",
            "x = rng.standard_normal((4, 5))",
            "return dout * 1.0",
            "dx = np.array(dout)\ndx[cache <= 0] = 0\nreturn dx",
        ),
    ),
    "layers": (
        Question(
            "affine.affine_backward",
            "x, w, b = rng.standard_normal((4, 6)), rng.standard_normal((3, 6)), rng.standard_normal(3)",
            "x, w = cache\nreturn dout @ w, dout.T @ x / len(dout), dout.mean(axis=0)",
            """
x, w = cache
dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w[:, 0])
for n in range(len(x)):
    dx[n] = w.T @ dout[n]
    dw += np.outer(dout[n], x[n])
    db += dout[n]
return dx, dw, db
""",
        ),
        Question(
            "losses.softmax_ce_backward",
            "z, y = rng.standard_normal((4, 5)), rng.integers(5, size=4)",
            "p, y = cache\ndz = p.copy()\ndz[np.arange(len(y)), y] -= 1\nreturn dz * dout",
            "p, y = cache\nreturn dout / len(y) * (p - np.eye(p.shape[1], dtype=p.dtype)[y])",
        ),
        Question(
            "batchnorm.batchnorm_backward",
            "x, gamma, beta, eps = rng.standard_normal((4, 5)), rng.standard_normal(5), rng.standard_normal(5), 1e-5",
            "x_hat, std, gamma = cache\nreturn gamma * dout / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)",
            """
x_hat, std, gamma = cache
N = len(x_hat)
dx_hat = dout * gamma
dx = (N * dx_hat - dx_hat.sum(axis=0) - x_hat * (dx_hat * x_hat).sum(axis=0)) / (N * std)
return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)
""",
        ),
    ),
}
QUESTIONS = tuple(question for questions in NOTEBOOKS.values() for question in questions)
POINTS = sum(question.points for question in QUESTIONS)


# -- notebooks --------------------------------------------------------------------------------------------------------


def notebooks(*, ours: bool) -> dict[str, Notebook]:
    """The notebooks with answers and hidden tests, by name: our tests, or those of an ordinary course."""
    made = {}
    for name, questions in NOTEBOOKS.items():
        made[name] = notebook("".join(f'# %%\nexercise("{question.exercise}")\n' for question in questions))
        if not ours:
            setup = cell(made[name], "setup")
            setup["source"] = "".join(setup["source"]).replace(TOOLS[-1], "") + "\n" + HELPER
            for question in questions:
                hidden = f"### BEGIN HIDDEN TESTS\n{question.test}\n### END HIDDEN TESTS"
                cell(made[name], f"{question.name}_test")["source"] = hidden
    return made


def write_course(folder: Path, *, ours: bool) -> None:
    """A course folder's `source/`."""
    for name, made in notebooks(ours=ours).items():
        path = folder / "source" / ASSIGNMENT / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made, indent=1), encoding="utf-8")


def hand_in(folder: Path, class_: Mapping[str, Answers]) -> None:
    """Put each student's notebooks into a course folder whose assignment has been released."""
    for name in NOTEBOOKS:
        released = json.loads((folder / "release" / ASSIGNMENT / f"{name}.ipynb").read_text(encoding="utf-8"))
        for student, answers in class_.items():
            path = folder / "submitted" / student / ASSIGNMENT / f"{name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(filled(released, answers)), encoding="utf-8")


def filled(released: Notebook, answers: Answers) -> Notebook:
    """A notebook as it was handed out, with a student's answers in it. A cell called "copied" is there twice."""
    sent = copy.deepcopy(released)
    for each in sent["cells"]:
        each["source"] = answers.get(each["id"], each["source"])
    for place in [place for place, each in enumerate(sent["cells"]) if each["id"] == answers.get("copied")]:
        sent["cells"].insert(place, copy.deepcopy(sent["cells"][place]))
    return sent


# -- students ---------------------------------------------------------------------------------------------------------


def right() -> dict[str, str]:
    """All answers, right."""
    cells = [each for made in notebooks(ours=True).values() for each in made["cells"]]
    texts = {each["id"]: "".join(each["source"]) for each in cells if each["metadata"]["nbgrader"]["solution"]}
    marker = re.compile(r"^ *### (BEGIN|END) SOLUTION(\n|$)", re.MULTILINE)
    return {name: marker.sub("", text) for name, text in texts.items()}


def redefined(answers: Answers, bodies: Mapping[str, str]) -> dict[str, str]:
    """Answers in which some backwards are defined anew below, with other bodies."""
    new = {name: _function(name, body) for name, body in bodies.items()}
    return {name: f"{text}\n\n\n{new[name]}" if name in new else text for name, text in answers.items()}


def _function(name: str, body: str) -> str:
    return f"def {name}(dout, cache):\n" + "".join(f"    {line}\n" for line in body.strip().splitlines())


def students(count: int) -> Iterator[tuple[str, Answers]]:
    """A class: of each 20, twelve have everything right, five have one or two mistakes, three have not finished.

    Of the answers that are right half are written in another way than the reference.
    """
    answers = right()
    for k in range(count):
        kind = k % 20 * 7 % 20  # spread over the alphabet
        bodies = {question.name: question.otherwise for place, question in enumerate(QUESTIONS) if (k + place) % 2}
        if 12 <= kind < 17:
            chosen = [QUESTIONS[(kind + k // 20) % 6], QUESTIONS[(kind + 4) % 6]][: 1 + kind % 2]
            bodies |= {question.name: question.mistake for question in chosen}
        sent = redefined(answers, bodies)
        if kind >= 17:
            sent = {name: sent[name] for name in list(sent)[: 1 + 2 * (kind - 17)]}
        yield f"student{k:03}", sent
