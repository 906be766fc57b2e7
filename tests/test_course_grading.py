"""The hidden test of an exercise: points that are right, reasons that help, and nothing that harms the cell."""

import logging
import sys
import warnings

import numpy as np
import pytest

from checker.course.grading import SEEDS, grade
from checker.course.notebooks import exercises, find
from checker.credit import total
from tests.test_course_notebooks import SOURCES

EXERCISES = [
    pytest.param(name, marks=[] if name.startswith("gates.") else pytest.mark.slow)
    for path in SOURCES
    for name in exercises(path.read_text())
]
ADD, NORM = "gates.add_backward", "batchnorm.batchnorm_backward"


def right(name):
    """What a notebook defines whose answer is right."""
    task = find(name)
    return {half.__name__: half for half in task.halves}


def points(name, **answers):
    return grade(name, {**right(name), **answers})


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_answer_earns_all_and_a_known_mistake_less(name, capfd):
    task = find(name)
    most = points(name)
    assert type(most) is float
    assert most == total(task)
    for known in task.mistakes[:: -(-len(task.mistakes) // 4)]:  # that each is found is tested where they are kept
        answers = {task.answer.__name__: known.answer.function}
        if task.forward is not None and known.answer.forward is not None:
            answers[task.forward.__name__] = known.answer.forward
        earned = points(name, **answers)
        assert type(earned) is float
        assert 0 <= earned < most, known.name
    out, err = capfd.readouterr()
    assert err == ""
    assert "(seed" not in out


def test_the_caller_is_the_notebook():
    namespace = {**right(ADD), "grade": grade}
    exec(f"points = grade({ADD!r})", namespace)
    assert namespace["points"] == 1.0


def test_right_gradients_earn_their_share(capsys):
    def forgotten(dout, cache):
        dx, dgamma, dbeta = find(NORM).answer(dout, cache)
        return 2 * dx, dgamma, dbeta

    task = find(NORM)
    earned = points(NORM, batchnorm_backward=forgotten)
    share = task.shares.get("x", total(task) / 3)
    assert earned == pytest.approx(total(task) - share)
    said = capsys.readouterr().out
    assert f"batchnorm_backward: wrong, {earned:.4g} of {total(task):g} points" in said
    assert "points: x 0 of" in said


def unwritten(dout, cache):
    raise NotImplementedError


def ends(dout, cache):
    sys.exit()


def interrupts(dout, cache):
    raise KeyboardInterrupt


def asks(dout, cache):
    return float(input("dx? ")), 0.0


def recurses(dout, cache):
    return recurses(dout, cache)


def alone(dout, cache):
    return dout


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (unwritten, "unwritten is not written yet"),
        (ends, "SystemExit"),
        (interrupts, "interrupted"),
        (asks, "EOFError"),
        (recurses, "RecursionError"),
        (alone, "returned 1 gradient for 2"),
        (None, "add_backward is not defined: its cell raised an exception, or it is gone"),
        (5, "add_backward is not defined"),
        (lambda dout, cache: dout + cache, "TypeError"),
        (lambda dout, cache: None, "not written yet"),
        (lambda dout, cache: ("a", "b"), "wrong"),
    ],
)
def test_whatever_an_answer_does_there_are_points_and_a_reason(answer, reason, capfd):
    earned = points(ADD, add_backward=answer)
    out, err = capfd.readouterr()
    assert type(earned) is float
    assert earned == 0.0
    assert reason in out
    assert err == ""


def test_a_part_is_right_only_if_it_is_right_everywhere():
    task = find("gates.max_backward")
    both = next(known for known in task.mistakes if known.name == "passed_to_both")
    assert points("gates.max_backward", max_backward=both.answer.function) == 0.0


def test_a_missing_forward_is_named(capsys):
    assert grade(ADD, {"add_backward": find(ADD).answer}) == 0.0
    assert "add_forward is not defined" in capsys.readouterr().out


def test_noise_costs_nothing_and_is_not_shown(capfd):
    def noisy(dout, cache):
        print("here")
        print("there", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        logging.getLogger().warning("careful")
        np.log(np.zeros(1))
        return dout, dout

    assert points(ADD, add_backward=noisy) == 1.0
    out, err = capfd.readouterr()
    assert out == "add_backward: right, 1 of 1 point\n"
    assert err == ""


def test_settings_of_a_notebook_are_no_fault():
    before = np.seterr(all="raise")
    try:
        assert points(NORM) == total(find(NORM))
    finally:
        np.seterr(**before)


def test_an_answer_that_draws_gets_the_same_points_again():
    def drawn(dout, cache):
        return (dout, dout) if np.random.default_rng(np.random.randint(2**31)).random() < 2 else (0.0, 0.0)

    state = np.random.get_state()[1].copy()
    assert {points(ADD, add_backward=drawn) for _ in range(3)} == {1.0}
    assert np.array_equal(np.random.get_state()[1], state)


def test_the_hidden_inputs_are_other_than_the_visible_ones():
    seen = []

    def forward(x, y):
        seen.append((x, y))
        return x + y, None

    points(ADD, add_forward=forward)
    hidden = set(map(str, seen))
    assert str(find(ADD).inputs(0)) not in hidden
    assert all(str(find(ADD).inputs(seed)) in hidden for seed in SEEDS)


def test_an_answer_that_is_right_only_at_the_visible_inputs_earns_less():
    visible = {find(ADD).inputs(0), find(ADD).inputs(1)}

    def learned(dout, cache):
        return (dout, dout) if cache in visible else (dout, -dout)

    assert points(ADD, add_forward=lambda x, y: (x + y, (x, y)), add_backward=learned) < 1.0
