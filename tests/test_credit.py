"""What reports are worth: real answers with one fault, and declarations with points for each gradient."""

import numpy as np
import pytest
from numpy import ndarray

from checker import Entry, Finding, Float, Report, exercise
from checker.credit import Part, credit, parts, total
from checker.report import CANNOT_TELL, KINDS, NOT_ATTEMPTED, RIGHT, WRONG
from solutions import activations, affine, batchnorm, gates, hessians, initialisation, jacobians, staged, tape, tensors

AFFINE = affine.affine_backward.exercise
REFERENCES = (
    affine.affine_backward, batchnorm.batchnorm_graph_backward, tensors.rows_tensors, jacobians.softmax_jacobian,
    hessians.quadratic_hessian, initialisation.relu_moments, initialisation.small_init, gates.square_slopes,
)  # fmt: skip


def judged(answer, wrong, forward=None):
    """The report on a wrong answer to the exercise of a right one."""
    return answer.exercise.check(wrong, forward, trials=0)


def earned(answer, wrong, forward=None):
    """Points for a wrong answer, and what each part has earned."""
    report = judged(answer, wrong, forward)
    return credit(answer.exercise, report), {part.name: part.earned for part in parts(answer.exercise, report)}


def known(answer, name):
    """What a known mistake earns."""
    mistake = next(each for each in answer.exercise.mistakes if each.name == name)
    return earned(answer, mistake.answer.function, mistake.answer.forward)


def without_dx(dout, cache):
    dx, dw, db = affine.affine_backward(dout, cache)
    return 2 * dx, dw, db


def unfinished(*_):
    raise NotImplementedError


# -- kinds of exercise ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", REFERENCES, ids=lambda answer: answer.__name__)
def test_a_right_answer_earns_everything_and_a_stub_nothing(answer):
    task = answer.exercise
    points = credit(task, task.check(trials=0))
    assert points == total(task) == task.points
    assert type(points) is float
    assert credit(task, judged(answer, unfinished)) == 0.0


def test_a_wrong_gradient_costs_its_own_share():
    points, by_part = earned(affine.affine_backward, without_dx)
    assert points == pytest.approx(total(AFFINE) * 2 / 3)
    assert by_part == {"x": 0.0, "w": pytest.approx(2 / 3), "b": pytest.approx(2 / 3)}


def test_a_wrong_shape_costs_its_own_share():
    _, by_part = known(affine.affine_backward, "bias_with_an_extra_axis")
    assert [name for name, points in by_part.items() if not points] == ["b"]


def test_of_a_staged_graph_every_node_that_is_right_counts():
    points, by_part = known(batchnorm.batchnorm_graph_backward, "mean_of_the_upstream_for_beta")
    assert points == 5.4
    assert len(by_part) == 10
    assert by_part["beta"] == 0.0


def test_a_jacobian_by_one_of_two_inputs():
    assert known(tensors.rows_tensors, "every_row_moves_every_output") == (2.0, {"x": 0.0, "w": 2.0})


def test_values_count_one_by_one():
    assert known(initialisation.relu_moments, "variance_halves") == (2.0, {"[0]": 1.0, "[1]": 1.0, "[2]": 0.0})


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (initialisation.small_init, "small_variance"),
        (tape.Var, "order_not_reversed"),
        (hessians.quadratic_hessian, "matrix_itself"),
    ],
)
def test_other_kinds_are_right_or_wrong_as_a_whole(answer, name):
    points, by_part = known(answer, name)
    assert points == 0.0
    assert len(by_part) == 1


def test_a_list_of_gradients_is_worth_what_its_part_of_right_ones_is():
    _, by_part = known(initialisation.init_backward, "upstream_at_every_layer")
    assert by_part == {"x": 0.0, "ws": pytest.approx(2 / 3)}  # the last of three layers


# -- kinds of fault ---------------------------------------------------------------------------------------------------


def test_wrong_in_a_corner_costs_half_of_what_is_wrong_there():
    assert known(gates.mul_backward, "divided_out") == (0.75, {"x": 0.25, "y": 0.5})


def test_overflowing_costs_half():
    assert known(activations.sigmoid_backward, "exponential_of_large_numbers")[0] == 0.5
    points, by_part = known(staged.staged_backward, "exponential_of_a_large_number")
    assert points == total(staged.staged_backward.exercise) / 2
    assert by_part["x"] == by_part["y"]


def overwriting(dout, cache):
    dout *= 1.0
    dout += 1.0
    return affine.affine_backward(dout, cache)


def raising(dout, cache):
    raise ValueError("no")


@pytest.mark.parametrize(
    ("wrong", "forward", "kind"),
    [
        (overwriting, None, "contract"),
        (raising, None, "error"),
        (affine.affine_backward, lambda x, w, b: (x @ w.T - b, (x, w)), "forward"),
        (lambda dout, cache: affine.affine_backward(dout, cache)[:2], None, "contract"),
    ],
    ids=["contract", "error", "forward", "count"],
)
def test_what_concerns_the_whole_answer_earns_nothing(wrong, forward, kind):
    report = judged(affine.affine_backward, wrong, forward)
    assert (report.verdict, report.kind) == (WRONG, kind)
    assert credit(AFFINE, report) == 0.0
    assert [part.earned for part in parts(AFFINE, report)] == [0.0] * len(parts(AFFINE, report))


def test_an_exception_of_a_value_earns_nothing():
    assert earned(initialisation.relu_moments, lambda variance: 1 / 0) == (0.0, {"": 0.0})


def finding(subject, verdict=WRONG, kind="values"):
    return Finding(subject, verdict, "", kind if verdict == WRONG else "", shape=(3, 5), wrong=1, entries=(NUMBER,))


NUMBER = Entry((0, 0), 1.0, 2.0, 0.0)


def test_what_cannot_be_told_earns_nothing_and_the_rest_does():
    report = Report("f", CANNOT_TELL, (finding("x", CANNOT_TELL), finding("w", RIGHT), finding("b", RIGHT)))
    assert credit(AFFINE, report) == pytest.approx(total(AFFINE) * 2 / 3)
    whole = Finding("", CANNOT_TELL, "the slope differs, but no single entry does")
    assert credit(AFFINE, Report("f", CANNOT_TELL, (whole, finding("x", RIGHT)))) == 0.0


def test_low_precision_costs_half_of_its_gradient():
    report = Report(
        "f", WRONG, (finding("x", kind="unstable"), finding("w", RIGHT), finding("b", RIGHT)), kind="unstable"
    )
    assert credit(AFFINE, report) == pytest.approx(total(AFFINE) * 2.5 / 3)


def test_what_was_not_judged_earns_nothing():
    assert credit(AFFINE, Report("f", WRONG, (finding("x"),), "values")) == 0.0
    assert credit(AFFINE, Report("f", RIGHT, (finding("x", RIGHT), finding("w", RIGHT)))) == pytest.approx(4 / 3)


def test_a_fast_check_vouches_for_no_part_of_a_wrong_answer():
    report = AFFINE.check(lambda dout, cache: tuple(map(np.multiply, (2, 3, 5), affine.affine_backward(dout, cache))))
    assert credit(AFFINE, report) == 0.0
    findings = (finding("x"), finding("w", RIGHT), finding("b", RIGHT))
    assert credit(AFFINE, Report("f", WRONG, findings, "values", mode="fast")) == 0.0
    assert credit(AFFINE, Report("f", WRONG, findings, "edge", mode="fast")) > total(AFFINE) / 2
    assert credit(AFFINE, AFFINE.check(mode="fast", trials=0)) == total(AFFINE)


def test_an_exception_in_a_corner_leaves_half_of_everything():
    report = Report("f", WRONG, (Finding("", WRONG, "it raised", "error"),), "edge")
    assert credit(AFFINE, report) == total(AFFINE) / 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_without_findings_earns_no_more_than_half(kind):
    assert 0.0 <= credit(AFFINE, Report("f", WRONG, kind=kind)) <= total(AFFINE) / 2


# -- points by gradient -----------------------------------------------------------------------------------------------


def scale_forward(x: Float[ndarray, "N D"], gain: Float[ndarray, "D"], shift: Float[ndarray, "D"]):
    return gain * x + shift, (x, gain)


def declared(points):
    """An exercise with these points, and its answer."""

    @exercise(scale_forward, points=points)
    def scale_backward(dout, cache):
        x, gain = cache
        return dout * gain, (dout * x).sum(axis=0), dout.sum(axis=0)

    return scale_backward


@pytest.mark.parametrize("wrong", ["x", "gain", "shift"])
def test_points_are_as_declared(wrong):
    points = {"x": 3, "gain": 1.5, "shift": 0.5}
    right = declared(points)

    def answer(dout, cache):
        gradients = dict(zip(points, right(dout, cache)))
        return tuple(-g if name == wrong else g for name, g in gradients.items())

    score, by_part = earned(right, answer)
    assert score == 5 - points[wrong]
    assert by_part == {**points, wrong: 0}


def test_tenths_add_up_to_the_point():
    right = declared({"x": 0.1, "gain": 0.2, "shift": 0.7})
    task = right.exercise
    assert total(task) == credit(task, task.check(trials=0)) == 1.0
    assert earned(right, lambda dout, cache: (*right(dout, cache)[:2], np.zeros(cache[1].shape)))[0] == 0.3


def test_thirds_add_up_to_the_point():
    right = declared(1)
    assert credit(right.exercise, right.exercise.check(trials=0)) == 1.0
    report = judged(right, lambda dout, cache: (*right(dout, cache)[:2], -right(dout, cache)[2]))
    assert credit(right.exercise, report) == pytest.approx(2 / 3, abs=1e-15)
    assert parts(right.exercise, report)[2] == Part("shift", 0.0, pytest.approx(1 / 3))


def test_a_stub_earns_nothing_whatever_else_is_said():
    assert credit(AFFINE, Report("f", NOT_ATTEMPTED, (finding("x", RIGHT),))) == 0.0
