"""How far a run is, on a terminal and in a pipe."""

import pytest

from checker.course import progress as module
from checker.course.progress import progress


@pytest.fixture
def clock(monkeypatch):
    """Seconds that go by when they are told to."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def taking(clock, seconds, items):
    for item in items:
        clock[0] += seconds
        yield item


def test_a_short_run_says_nothing(capfd):
    assert list(progress("work", [1, 2, 3])) == [1, 2, 3]
    assert capfd.readouterr() == ("", "")


def test_a_long_run_in_a_pipe_has_a_line_now_and_then(clock, capfd):
    items = taking(clock, 4.0, ["graded", "graded", "not graded", "graded", "graded", "graded"])
    assert len(list(progress("01_gates", items, 900, kind=lambda item: item))) == 6
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "01_gates: 3 of 900 (2 graded, 1 not graded), 15 a minute, 59 min 48 s left",
        "01_gates: 6 of 900 (5 graded, 1 not graded), 15 a minute, 59 min 36 s left",
    ]


def test_without_a_total_or_kinds_there_is_less_to_say(clock, capfd):
    list(progress("work", taking(clock, 11.0, iter("ab"))))
    assert capfd.readouterr().err == "work: 1, 5 a minute\nwork: 2, 5 a minute\n"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (61, "1 min 01 s"), (3599.9, "1 h 00 min"), (7260, "2 h 01 min")]
)
def test_durations(seconds, words):
    assert module._duration(seconds) == words


def test_on_a_terminal_there_is_a_bar(monkeypatch, capfd):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    assert list(progress("01_gates", range(5), kind=lambda item: "even" if item % 2 == 0 else "odd")) == list(range(5))
    out, err = capfd.readouterr()
    assert out == ""
    assert "01_gates" in err
    assert "5/5" in err
    assert "3 even, 2 odd" in err
