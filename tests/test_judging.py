"""Marks for answers that run in a worker: equal to those of a check here, and none for what was not derived."""

import importlib
import sys
import textwrap

import pytest

pytest.importorskip("IPython")

from checker.course import judging
from checker.course.grading import judged
from checker.course.isolation.client import Worker
from checker.course.outcome import Limits
from checker.course.precheck import Expected
from checker.course.simulate import mistaken

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
SEEDS = (11, 12, 13)
LIMITS = Limits(cell=30.0, call=5.0, total=200.0)


def exercise(name):
    topic, _, own = name.partition(".")
    return getattr(importlib.import_module(f"solutions.{topic}"), own).exercise


def mark(worker, name, code, points=None, seconds=30.0):
    """The mark for a piece of code."""
    told = worker.cell("import numpy as np\n" + textwrap.dedent(code))
    assert [each for each in told if each["output_type"] == "error"] == []
    worth = points if points is not None else float(exercise(name).points)
    each = Expected(f"{name.partition('.')[2]}_test", "code", f'grade("{name}")', grade=True, points=worth)
    return judging.mark(worker, each, name, SEEDS, seconds)


SIGMOID = """
def sigmoid_forward(z):
    e = np.exp(-np.abs(z))
    a = np.where(z >= 0, 1, e) / (1 + e)
    return a, {body}
def sigmoid_backward(dout, cache):
    a = cache
    return dout * a * (1 - a)
"""


def test_a_right_answer_has_all_its_points_and_no_whole_check(worker, monkeypatch):
    monkeypatch.setattr(judging, "judged", None)
    made = mark(worker, "activations.sigmoid_backward", SIGMOID.format(body="a"))
    assert (made.score, made.points, made.verdict, made.exercise) == (1.0, 1.0, "right", "activations.sigmoid_backward")
    assert "1 of 1 point" in made.said
    assert worker.incidents == []


def test_another_convention_at_a_corner_is_right_too(worker):
    made = mark(
        worker,
        "activations.relu_backward",
        """
        def relu_forward(z):
            return np.maximum(z, 0), z
        def relu_backward(dout, cache):
            return dout * (cache >= 0)
        """,
    )
    assert made.score == made.points


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        ("print('here')", "what it printed during the test is left out, and costs nothing"),
        ("import sys; print('here', file=sys.stderr)", "what it printed during the test"),
        ("import warnings; warnings.warn('here')", "what it warned of during the test is left out, and costs nothing"),
        ("np.ones(1) / np.zeros(1)", "what it warned of during the test"),
        ("print(np.log(np.zeros(1)))", "what it printed and warned of during the test"),
        ("pass", ""),
    ],
)
def test_prints_and_warnings_cost_nothing_and_are_told(worker, noise, told):
    code = SIGMOID.format(body="a").replace("    a = cache", f"    {noise}\n    a = cache")
    made = mark(worker, "activations.sigmoid_backward", code)
    assert made.score == 1.0
    assert told in made.said
    assert bool(told) is ("costs nothing" in made.said)


def test_another_formula_leaves_other_dust_where_the_gradient_is_zero(worker, monkeypatch):
    """The textbook's three terms, where all rows are equal: both give some 1e-12 for an exact 0."""
    monkeypatch.setattr(judging, "judged", None)
    made = mark(
        worker,
        "batchnorm.batchnorm_backward",
        """
        def batchnorm_forward(x, gamma, beta, eps):
            mean, var = x.mean(0), x.var(0)
            std = np.sqrt(var + eps)
            x_hat = (x - mean) / std
            return gamma * x_hat + beta, (x_hat, gamma, std)
        def batchnorm_backward(dout, cache):
            x_hat, gamma, std = cache
            n = len(dout)
            d = dout * gamma
            dx = (n * d - d.sum(0) - x_hat * (d * x_hat).sum(0)) / (n * std)
            return dx, (dout * x_hat).sum(0), dout.sum(0)
        """,
    )
    assert made.score == made.points


def test_points_of_the_assignment_scale_those_of_the_exercise(worker):
    made = mark(worker, "activations.sigmoid_backward", SIGMOID.format(body="a"), points=5.0)
    assert (made.score, made.parts) == (5.0, (("z", 5.0, 5.0),)) or made.parts[0][1:] == (5.0, 5.0)


def test_nothing_written_is_not_attempted(worker):
    made = mark(
        worker,
        "activations.sigmoid_backward",
        "def sigmoid_forward(z): return z, z\ndef sigmoid_backward(dout, cache): raise NotImplementedError",
    )
    assert (made.score, made.verdict) == (0.0, "not attempted")


def test_a_missing_function_is_told(worker):
    made = mark(worker, "activations.sigmoid_backward", "x = 1")
    assert made.score == 0.0
    assert "sigmoid_backward is not defined: its cell raised an exception, or it is gone" in made.said


@pytest.mark.parametrize(
    "name",
    ["affine.affine_backward", "losses.softmax_ce_graph_backward", "jacobians.softmax_jacobian", "gates.max_backward"],
)
def test_a_mistake_earns_what_it_earns_here_and_is_named(worker, name):
    task = exercise(name)
    for known in task.mistakes[:3]:
        (code,) = mistaken(name, known.name).values()
        here = dict.fromkeys((), None)
        here = {task.answer.__name__: known.answer.function}
        if task.forward is not None:
            here[task.forward.__name__] = known.answer.forward
        given = (
            "" if known.answer.function is not task.answer and known.answer.forward is not task.forward else _own(name)
        )
        made = mark(worker, name, given + "\n" + code)
        points, report, _ = judged(task, here)
        assert (made.score, made.verdict, made.kind) == (points, report.verdict, report.kind)
        first = next(finding for finding in report.findings if finding.verdict != "right")
        assert (made.cause, made.advice) == (first.cause, first.advice)


def _own(name):
    """The right answer as a notebook would have it."""
    from checker.course.cells import standalone

    task = exercise(name)
    return standalone(task.topic, [half.__name__ for half in task.halves])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        # its own forward, by central differences and by complex steps
        ("up, down = (sigmoid_forward(x + s)[0] for s in (1e-5, -1e-5)); total = up - down; "
         "[sigmoid_forward(x) for _ in range(4)]; return dout * total / 2e-5", "runs its forward 6 times in one call"),
        ("[f(x) for _ in range(9)]; return dout * (f(x + 1e-5) - f(x - 1e-5)) / 2e-5", "is off by"),
        ("return dout * (f(x + 1e-4) - f(x - 1e-4)) / 2e-4", "is off by"),
        ("return dout * (f(x + 1e-6) - f(x - 1e-6)) / 2e-6", "is off by"),
        ("return dout * (8 * (f(x + 1e-3) - f(x - 1e-3)) - (f(x + 2e-3) - f(x - 2e-3))) / 12e-3", "is off by"),
    ],
)  # fmt: skip
def test_what_was_measured_and_not_derived_is_left_to_a_reader(worker, body, why):
    code = f"""
def f(z):
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)
def sigmoid_forward(z):
    return f(z), z
def sigmoid_backward(dout, x):
    {body.replace("; ", chr(10) + "    ")}
"""
    made = mark(worker, "activations.sigmoid_backward", code)
    assert made.score is None
    assert why in made.said
    assert "your instructor will read it" in made.said
    assert any(why in incident for incident in worker.incidents)


def test_what_is_worth_nothing_is_not_left_to_a_reader(worker):
    made = mark(
        worker,
        "activations.sigmoid_backward",
        """
        def sigmoid_forward(z): return z, z
        def sigmoid_backward(dout, cache):
            return dout * (sigmoid_forward(cache + 1e-5)[0] - sigmoid_forward(cache - 1e-5)[0]) / 2e-5
        """,
    )
    assert made.score == 0.0
    assert made.kind == "forward"


def test_a_table_of_what_others_were_asked_earns_nothing(worker, server):
    """A right answer writes down what it was asked; another notebook, asked with other inputs, looks it up."""
    right = """
table = {}
def key(*arrays):
    return b"".join(np.asarray(each).tobytes() for each in arrays)
def sigmoid_forward(z):
    e = np.exp(-np.abs(z))
    a = np.where(z >= 0, 1, e) / (1 + e)
    table[key(z)] = a
    return a, a
def sigmoid_backward(dout, cache):
    table[key(dout, cache)] = dout * cache * (1 - cache)
    return table[key(dout, cache)]
"""
    assert mark(worker, "activations.sigmoid_backward", right).score == 1.0
    table = worker.ask("values", names=["table"])["values"]["table"]
    assert len(table) > 50
    other = Worker(server, LIMITS)
    try:
        other.cell(f"import numpy as np\ntable = {{k: np.array(v) for k, v in {as_code(table)}.items()}}")
        looked_up = right.replace("table = {}", "").replace("table[key(z)] = a", "a = table[key(z)]")
        looked_up = looked_up.replace("table[key(dout, cache)] = dout * cache * (1 - cache)", "pass")
        each = Expected("t", "code", "", grade=True, points=1.0)
        other.cell(looked_up)
        made = judging.mark(other, each, "activations.sigmoid_backward", (21, 22, 23), 30.0)
        assert made.score == 0.0
        assert "KeyError" in made.said
    finally:
        other.kill()


def as_code(table):
    return repr({key: value.tolist() for key, value in table.items()})


def test_an_answer_that_does_not_end_has_no_points_and_the_next_one_is_judged(worker):
    endless = SIGMOID.format(body="a").replace("    a = cache", "    while True: pass")
    made = mark(worker, "activations.sigmoid_backward", endless, seconds=1.0)
    assert made.score == 0.0
    assert "sigmoid_backward could not be judged to its end: it was stopped after 1 seconds" in made.said
    assert worker.incidents == ["sigmoid_backward_test: it was stopped after 1 seconds in all"]
    made = mark(worker, "activations.sigmoid_backward", SIGMOID.format(body="a"))
    assert made.score == 1.0


@pytest.mark.slow
def test_no_right_answer_is_taken_for_a_measured_one(server):
    """The reference of every exercise, in a notebook of its own."""
    import solutions
    from checker.exercises import exercises_in

    for topic in solutions.TOPICS:
        for task in exercises_in(importlib.import_module(f"solutions.{topic}")):
            worker = Worker(server, LIMITS)
            name = f"{topic}.{task.name}"
            made = mark(worker, name, _own(name))
            worker.kill()
            assert (name, made.score, worker.incidents) == (name, made.points, [])
