"""Answers that are given their steps one by one: right with constant memory, wrong with what grows."""

import array
import gc
import itertools
import tracemalloc

import numpy as np
import pytest
from numpy import ndarray

from checker import Float, exercise, mistake
from checker.kinds import Answer
from checker.kinds.stream import LIMIT, LONG, SHORT, Stream, doing, growth, needed


def weighted(steps, w: Float[ndarray, "D"], b: float):
    """The sum over the steps of (w x + b) y."""
    total = 0.0
    for x, y in steps:
        total = total + (w * x + b) * y
    return total


@pytest.fixture
def total():
    @exercise(
        kind="stream",
        arguments={"steps": (Float[ndarray, "T D"], Float[ndarray, "T"])},
        edges={"one step": {"T": 1}},
    )
    def weighted_total(steps, w: Float[ndarray, "D"], b: float):
        return weighted(steps, w, b)

    @mistake(weighted_total, "What can be forgotten of a step, once it is added?")
    def everything_kept(steps, w, b):
        return sum((w * x + b) * y for x, y in list(steps))

    @mistake(weighted_total, "b is there as well.")
    def without_b(steps, w, b):
        return weighted(steps, w, 0.0)

    return weighted_total.exercise


def running(update):
    """An answer that calls update(state, step) at every step."""

    def answer(steps, w, b):
        state = {"total": 0.0, "kept": []}
        for x, y in steps:
            state["total"] = state["total"] + (w * x + b) * y
            update(state, x)
        return state["total"]

    return answer


def in_a_cycle(state, x):
    """Garbage that the collector alone can free."""
    ring = [x]
    ring.append(ring)


class Adder:
    """An answer as an object that cannot be the key of a dict."""

    __hash__ = None

    def __init__(self):
        self.total = 0.0

    def __call__(self, steps, w, b):
        self.total = 0.0
        while (step := next(steps, None)) is not None:
            self.total = self.total + (w * step[0] + b) * step[1]
        return self.total


def in_blocks(steps, w, b):
    """Seven steps at a time."""
    total = np.zeros_like(w)
    while block := list(itertools.islice(steps, 7)):
        xs, ys = map(np.array, zip(*block))
        total += ((w * xs + b) * ys[:, None]).sum(axis=0)
    return total


def large(steps, w, b):
    """Much memory, but no more of it for more steps."""
    room = np.zeros((1000, len(w)))
    for t, (x, y) in enumerate(steps):
        room[t % 1000] += (w * x + b) * y
    return room.sum(axis=0)


RIGHT = {
    "plain": running(lambda state, x: None),
    "cycles": running(in_a_cycle),
    "the last steps": running(lambda state, x: state.update(kept=[*state["kept"], x][-5:])),
    "in blocks": in_blocks,
    "an object": Adder(),
    "much memory": large,
    "temporary arrays": running(lambda state, x: np.zeros((100, 100)).sum()),
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_memory_that_does_not_grow_is_right(total, answer):
    for seed in range(3):
        report = total.check(answer, seed=seed)
        assert report, str(report)
    assert "memory" in [finding.subject for finding in report.findings]


ELSEWHERE = []
NUMBERS = array.array("d")


def every_step_in_a_row(steps, w, b):
    """Allocated as soon as the last step is over."""
    count = 0
    total = np.zeros_like(w)
    for x, y in steps:
        total += (w * x + b) * y
        count += 1
    room = np.zeros((count, len(w)))
    return total + room.sum(axis=0)


def recursive(steps, w, b):
    step = next(steps, None)
    if step is None:
        return np.zeros_like(w)
    return (w * step[0] + b) * step[1] + recursive(steps, w, b)


def twice(steps, w, b):
    first, second = itertools.tee(steps)
    return sum(w * x * y for x, y in first) + sum(b * y for _, y in second)


GROWING = {
    "steps": lambda steps, w, b: sum((w * x + b) * y for x, y in list(steps)),
    "states": running(lambda state, x: state["kept"].append(x.copy())),
    "numbers": running(lambda state, x: state["kept"].append(float(x[0]))),
    "numbers packed": running(lambda state, x: NUMBERS.extend(x)),
    "in a global": running(lambda state, x: ELSEWHERE.append(x)),
    "an array that is made longer": running(lambda state, x: state.update(kept=np.append(state["kept"], x))),
    "after the last step": every_step_in_a_row,
    "recursion": recursive,
    "tee": twice,
}


@pytest.mark.parametrize("answer", GROWING.values(), ids=GROWING)
def test_memory_that_grows_is_wrong(total, answer):
    report = total.check(answer)
    assert (report.verdict, report.kind) == ("wrong", "contract"), str(report)
    assert report.causes == ("everything_kept",)
    (finding,) = [finding for finding in report.findings if finding.verdict == "wrong"]
    assert finding.subject == "memory"
    assert finding.advice == "What can be forgotten of a step, once it is added?"


def test_the_report_says_how_many_bytes_a_step_keeps(total):
    total.mistakes.clear()
    report = total.check(running(lambda state, x: state["kept"].append(x.copy())))
    message = " ".join(str(report).split())
    assert "weighted_total keeps about 1" in message
    assert f"bytes in all with {SHORT} steps and" in message
    assert f"with {LONG}, where its memory must not grow with their number" in message
    assert (
        "-> a sequence may never end: what later steps need of the past has to fit into arrays of one size" in message
    )
    kept = float(report.findings[-1].message.split("about ")[1].split()[0])
    array_of_3 = np.zeros(3)
    least = array_of_3.nbytes + 80
    assert least < kept < least + 60


def test_right_numbers_come_first_and_memory_is_told_as_well(total):
    def both(steps, w, b):
        return 2 * sum((w * x + b) * y for x, y in list(steps))

    report = total.check(both)
    assert (report.verdict, report.kind) == ("wrong", "values")
    assert [finding.subject for finding in report.findings if finding.verdict == "wrong"] == ["value", "memory"]
    assert report.causes == ("everything_kept",)


def test_known_mistakes_are_named(total):
    assert total.check(lambda steps, w, b: sum(w * x * y for x, y in steps)).causes == ("without_b",)

    def both(steps, w, b):
        return sum(w * x * y for x, y in list(steps))

    assert set(total.check(both).causes) == {"without_b", "everything_kept"}


def test_a_second_loop_gets_no_steps(total):
    def again(steps, w, b):
        first = sum(w * x * y for x, y in steps)
        return first + sum(b * y for _, y in steps)

    total.mistakes.clear()
    report = total.check(again)
    assert report.kind == "values"
    assert report.findings[0].advice.startswith("the steps are gone through a second time")


@pytest.mark.parametrize(
    "answer", [lambda steps, w, b: w * len(steps), lambda steps, w, b: w * steps[0][1]], ids=["len", "index"]
)
def test_the_stream_is_no_list(total, answer):
    report = total.check(answer)
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert "Stream'" in report.findings[0].message
    assert report.findings[0].advice == "the steps come one by one, and once: a for loop takes them as they come"


def test_an_answer_that_yields(total):
    def yielding(steps, w, b):
        yield from ((w * x + b) * y for x, y in steps)

    report = total.check(yielding)
    assert report.kind == "error"
    assert "the answer yields; it should return what is asked for after the last step" in str(report).replace(
        "\n    ", " "
    )


def test_unwritten_answers_and_exceptions(total):
    def unwritten(steps, w, b):
        raise NotImplementedError

    def broken(steps, w, b):
        return sum(x @ np.ones(7) for x, _ in steps)

    def deep(steps, w, b):
        result = np.zeros_like(w)
        for t, (x, y) in enumerate(steps):
            if t == 100:
                raise RuntimeError("too many steps")
            result += (w * x + b) * y
        return result

    assert total.check(unwritten).verdict == "not attempted"
    assert total.check(lambda steps, w, b: None).verdict == "not attempted"
    report = total.check(broken)
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert "ValueError" in str(report)
    assert "raised" in doing(total, Answer(broken), total.inputs())
    report = total.check(deep)
    assert (report.verdict, report.kind) == ("wrong", "error")
    assert f"with {LONG} steps deep raised RuntimeError" in str(report)
    assert "raised" in doing(total, Answer(deep), total.inputs())


def test_an_answer_is_measured_once_for_known_mistakes(total):
    answer = running(lambda state, x: None)
    calls = []

    def counting(steps, w, b):
        calls.append(1)
        return answer(steps, w, b)

    first = doing(total, Answer(counting), total.inputs())
    measured = len(calls)
    second = doing(total, Answer(counting), total.inputs(1))
    assert len(calls) == measured + 1
    assert not first["growing memory"]
    assert not second["growing memory"]
    assert not doing(total, Answer(Adder()), total.inputs())["growing memory"]


def test_parameters_may_not_be_overwritten_and_steps_may(total):
    def over_the_steps(steps, w, b):
        result = np.zeros_like(w)
        for x, y in steps:
            x *= w
            x += b
            x *= y
            result += x
        return result

    def over_the_weights(steps, w, b):
        result = weighted(steps, w, b)
        w += 1
        return result

    assert total.check(over_the_steps)
    report = total.check(over_the_weights)
    assert report.kind == "contract"
    assert report.findings[0].message == "weighted_total overwrites its input w"


def test_wrong_only_with_one_step_is_an_edge(total):
    def short(steps, w, b):
        first = next(steps)
        second = next(steps, None)
        if second is None:
            return np.zeros_like(w)
        return weighted(itertools.chain([first, second], steps), w, b)

    report = total.check(short)
    assert (report.verdict, report.kind) == ("wrong", "edge")


def test_the_stream_gives_copies_of_the_rows_in_turn():
    rows = (np.arange(6.0).reshape(3, 2), np.arange(3.0))
    seen = list(Stream(rows))
    assert [float(y) for _, y in seen] == [0, 1, 2]
    seen[0][0][:] = -1
    assert rows[0][0, 0] == 0
    assert [float(y) for _, y in Stream(rows, 5)] == [0, 1, 2, 0, 1]
    stream = Stream(rows)
    assert len(list(stream)) == 3
    assert not stream.asked_again
    assert list(stream) == []
    assert stream.asked_again


def test_measuring_leaves_tracing_and_the_collector_as_they_were(total):
    inputs = total.inputs()
    frozen = gc.get_freeze_count()
    assert not tracemalloc.is_tracing()
    alone = needed(weighted, inputs, SHORT)
    assert not tracemalloc.is_tracing()
    assert gc.get_freeze_count() == frozen
    tracemalloc.start()
    try:
        assert total.check(weighted)
        assert tracemalloc.is_tracing()
        assert abs(needed(weighted, inputs, SHORT) - alone) < 4096
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
def test_no_false_alarm_in_many_measurements(total, answer):
    for seed in range(100):
        assert growth(answer, total.inputs(seed))[0] < LIMIT  # below that it is not measured again


@pytest.mark.slow
@pytest.mark.parametrize("answer", GROWING.values(), ids=GROWING)
def test_nothing_that_grows_gets_through_in_many_measurements(total, answer):
    for seed in range(30):
        ELSEWHERE.clear()
        del NUMBERS[:]
        assert growth(answer, total.inputs(seed))[0] > 1.4 * LIMIT
