"""Declaring an exercise, judging answers to it, and recognising known mistakes."""

from types import ModuleType

import numpy as np
import pytest
from numpy import ndarray

from checker import Float, UsageError, exercise, mistake
from checker.exercises import Exercise, exercises_in


def scale_forward(x: Float[ndarray, "N D"], gain: Float[ndarray, "D"], power: int = 2):
    return gain * x**power, (x, gain, power)


@pytest.fixture
def task():
    """An exercise with two mistakes in the backward and one in the forward, made anew for each test."""

    @exercise(
        scale_forward,
        points=2,
        rows=("S0-01",),
        hints=("first", "second"),
        edges={"a batch of 1": {"N": 1}, "power of 3": {"power": 3}, "negative numbers": {"x": (-2, -1)}},
        overflow={"huge numbers": {"x": (1e150, 1e151), "gain": (1e-300, 2e-300)}},
    )
    def scale_backward(dout, cache):
        x, gain, power = cache
        return dout * gain * power * x ** (power - 1), (dout * x**power).sum(axis=0)

    @mistake(scale_backward, "The exponent comes down.")
    def power_left_up(dout, cache):
        x, gain, power = cache
        return dout * gain * x ** (power - 1), (dout * x**power).sum(axis=0)

    @mistake(scale_backward, "gain is shared by the rows.")
    def mean_for_sum(dout, cache):
        dx, dgain = scale_backward(dout, cache)
        return dx, dgain / len(dx)

    @mistake(scale_backward, "The power belongs to x alone.", half="forward")
    def gain_raised_too(x, gain, power=2):
        return (gain * x) ** power, (x, gain, power)

    return scale_backward.exercise


def right(dout, cache):
    x, gain, power = cache
    return power * (gain * dout) * x**power / x, np.einsum("nd,nd->d", dout, x**power)


def test_the_declaration_is_kept(task):
    assert isinstance(task, Exercise)
    assert (task.name, task.points, task.rows, task.hints) == ("scale_backward", 2, ("S0-01",), ("first", "second"))
    assert task.wrt == ("x", "gain")
    assert task.answer.__name__ == "scale_backward"
    assert [known.name for known in task.mistakes] == ["power_left_up", "mean_for_sum", "gain_raised_too"]


def test_the_reference_is_right(task):
    report = task.check()
    assert report
    assert report.notes[-1] == "tried as well: a batch of 1, power of 3, negative numbers, huge numbers"


def test_another_right_answer_is_right(task):
    report = task.check(right)
    assert report, str(report)
    assert report.name == "scale_backward"


def test_an_answer_may_bring_its_own_forward_and_cache(task):
    def forward(x, gain, power=2):
        return np.power(x, power) * gain, {"inputs": (x, gain, power)}

    assert task.check(lambda dout, cache: right(dout, cache["inputs"]), forward)


def test_a_mistake_written_differently_is_named(task):
    def answer(dout, cache):
        x, gain, power = cache
        return np.multiply(gain, dout * x**power) / x, np.einsum("nd,nd->d", dout, x**power)

    report = task.check(answer)
    assert (report.verdict, report.kind, report.causes) == ("wrong", "values", ("power_left_up",))
    assert report.findings[0].advice == "The exponent comes down."
    assert "known mistake, power left up" in report.findings[0].message


def test_two_mistakes_at_once_are_both_named(task):
    def answer(dout, cache):
        x, gain, power = cache
        return dout * gain * x ** (power - 1), (dout * x**power).mean(axis=0)

    report = task.check(answer)
    assert set(report.causes) == {"power_left_up", "mean_for_sum"}
    assert {f.subject: f.cause for f in report.findings} == {"x": "power_left_up", "gain": "mean_for_sum"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda dout, cache: (2 * right(dout, cache)[0], right(dout, cache)[1]),
        lambda dout, cache: (right(dout, cache)[0], right(dout, cache)[1] / 3.0001),
        lambda dout, cache: (right(dout, cache)[0] * 0.5000001, right(dout, cache)[1]),
        lambda dout, cache: (-right(dout, cache)[0], -right(dout, cache)[1]),
    ],
    ids=["twice", "nearly the mean", "nearly the exponent", "sign"],
)
def test_another_mistake_is_not_given_a_known_ones_advice(task, wrong):
    report = task.check(wrong)
    assert report.verdict == "wrong"
    assert not {"power_left_up", "mean_for_sum", "gain_raised_too"} & set(report.causes)


def test_an_answer_that_goes_by_douts_sign_is_not_taken_for_one_that_equals_it_at_some_dout():
    def square_forward(x: float):
        return x * x, x

    @exercise(square_forward)
    def square_backward(dout, cache):
        return 2 * cache * dout

    @mistake(square_backward, "Which way does it rise?")
    def turned(dout, cache):
        return -2 * cache * dout

    task = square_backward.exercise
    assert task.check(lambda dout, cache: -dout * cache - dout * cache).causes == ("turned",)
    for sign in (1, -1):
        assert "turned" not in task.check(lambda dout, cache, sign=sign: sign * 2 * cache * abs(dout)).causes


def test_the_forward_comes_first(task):
    report = task.check(forward=lambda x, gain, power=2: ((gain * x) ** power, (x, gain, power)))
    assert (report.verdict, report.kind, report.causes) == ("wrong", "forward", ("gain_raised_too",))
    assert [finding.kind for finding in report.findings] == ["forward"]


def test_a_known_wrong_forward_is_named_whatever_its_author_saves(task):
    def forward(x, gain, power=2):
        return gain**power * x**power, (x, gain, power, "mine")

    def backward(dout, cache):
        x, gain, power, _ = cache
        return dout * power * gain**power * x ** (power - 1), (dout * power * gain ** (power - 1) * x**power).sum(
            axis=0
        )

    report = task.check(backward, forward)
    assert (report.kind, report.causes) == ("forward", ("gain_raised_too",))


def test_an_unknown_wrong_forward_is_wrong_even_with_its_own_gradient(task):
    def forward(x, gain, power=2):
        return 0.0 * x, (x, gain)

    report = task.check(lambda dout, cache: (0 * cache[0], 0 * cache[1]), forward)
    assert (report.verdict, report.kind) == ("wrong", "forward")


def test_wrong_at_an_edge_only(task):
    def answer(dout, cache):
        x, gain, power = cache
        return 2 * dout * gain * x, (dout * x**power).sum(axis=0)

    report = task.check(answer, trials=0)
    assert (report.verdict, report.kind) == ("wrong", "edge")
    assert "right at ordinary inputs, wrong with power of 3" in report.where


def test_a_forward_wrong_at_an_edge_only(task):
    def forward(x, gain, power=2):
        return gain * x**2, (x, gain, power)

    report = task.check(right, forward, trials=0)
    assert (report.verdict, report.kind) == ("wrong", "edge")


def test_a_crash_at_an_edge_is_wrong(task):
    def answer(dout, cache):
        if len(dout) == 1:
            raise IndexError("no second row")
        return right(dout, cache)

    report = task.check(answer)
    assert report.verdict == "wrong"
    assert "IndexError" in str(report.findings) or "no second row" in str(report.findings)


def test_right_but_overflowing(task):
    def answer(dout, cache):
        x, gain, power = cache
        return dout * gain * power * x ** (power - 1), (dout * x ** (2 * power) / x**power).sum(axis=0)

    report = task.check(answer)
    assert (report.verdict, report.kind) == ("wrong", "unstable")
    assert report.findings[0].subject == "gain"
    assert "overflows with huge numbers" in report.findings[0].message


def test_an_empty_stub_is_not_attempted(task):
    def stub(dout, cache):
        raise NotImplementedError

    assert task.check(stub).verdict == "not attempted"
    assert task.check(lambda dout, cache: None).verdict == "not attempted"


def test_a_breach_of_the_contract_is_recognised_too(task):
    @mistake(task.answer, "Copy first.")
    def overwritten(dout, cache):
        dout *= 2
        return task.answer(dout / 2, cache)

    def answer(dout, cache):
        gradients = right(dout, cache)
        dout[...] = dout + dout
        return gradients

    report = task.check(answer)
    assert (report.verdict, report.kind, report.causes) == ("wrong", "contract", ("overwritten",))


def test_checks_are_repeatable(task):
    wrong = task.mistakes[0].answer.function
    assert str(task.check(wrong, seed=3).to_dict()) == str(task.check(wrong, seed=3).to_dict())


def test_inputs_of_a_case(task):
    x, gain, power = task.inputs(case={"N": 1, "power": 3, "gain": (5, 6)})
    assert len(x) == 1
    assert power == 3
    assert 5 <= gain.min() <= gain.max() <= 6


def test_what_does_not_fit_is_refused_when_declared():
    with pytest.raises(UsageError, match="no constant is called 'Q'"):
        exercise(scale_forward, edges={"?": {"Q": 1}})(lambda dout, cache: None)
    with pytest.raises(UsageError, match="scale_forward has no parameter 'z'"):
        exercise(scale_forward, draw={"z": (0, 1)})(lambda dout, cache: None)
    with pytest.raises(UsageError, match="right is not an exercise"):
        mistake(right, "advice")


def test_a_mistake_is_of_one_half(task):
    with pytest.raises(UsageError, match="half is 'both'"):
        mistake(task.answer, "advice", half="both")


def test_a_modules_exercises_in_order(task):
    module = ModuleType(task.answer.__module__)
    module.first, module.other, module.second = task.answer, right, task.answer
    assert exercises_in(module) == [task, task]


def test_a_wrong_forward_is_not_explained_by_a_mistake_of_the_backward(task):
    """Both halves are wrong: the forward comes first, with its own advice."""
    wrong_forward, wrong_backward = task.mistakes[2].answer.forward, task.mistakes[1].answer.function
    report = task.check(wrong_backward, wrong_forward)
    assert (report.kind, report.causes) == ("forward", ("gain_raised_too",))


def test_points_may_be_given_by_gradient():
    @exercise(scale_forward, points={"x": 3, "gain": 1})
    def scale_backward(dout, cache):
        return dout, dout

    assert (scale_backward.exercise.points, scale_backward.exercise.shares) == (4, {"x": 3, "gain": 1})
    with pytest.raises(UsageError, match="the points of scale_backward are for x; its gradients are x, gain"):
        exercise(scale_forward, points={"x": 3})(scale_backward)


def test_none_is_a_cache_where_the_reference_keeps_an_array():
    """A layer that does nothing in test mode need not save anything."""

    def drop_forward(x: Float[ndarray, "N D"], mode: str = "train"):
        return (2 * x, np.full(x.shape, 2.0)) if mode == "train" else (x.copy(), np.ones(x.shape))

    @exercise(drop_forward, edges={"test mode": {"mode": "test"}})
    def drop_backward(dout, cache):
        return dout * cache

    def mine(x, mode="train"):
        return (2 * x, 2.0) if mode == "train" else (x.copy(), None)

    report = drop_backward.exercise.check(lambda dout, cache: dout * (1.0 if cache is None else cache), mine)
    assert report, str(report)


def test_a_backward_that_asks_for_more_than_it_is_handed(task):
    report = task.check(lambda dout, cache, lr: right(dout, cache))
    assert (report.verdict, report.kind) == ("wrong", "contract")
    assert report.findings[0].message == "<lambda> takes dout, cache, lr; it is called with (dout, cache)"
    assert report.findings[0].advice == "leave out lr, or give a default"


def test_a_backward_that_nobody_knows_how_to_call_is_wrong_and_raises_nothing():
    def pair_forward(x: Float[ndarray, "N"]):
        return (x + 1, 2 * x), x

    @exercise(pair_forward)
    def pair_backward(da, db, cache):
        return da + 2 * db

    assert pair_backward.exercise.check()
    report = pair_backward.exercise.check(lambda da, db, stuff: da + 2 * db)
    assert report.verdict in ("right", "wrong"), str(report)
    assert "cannot tell how to call" in str(report) or report
