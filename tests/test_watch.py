"""`checker watch`: the command in a process of its own, driven by saves and by what it prints."""

import argparse
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from checker import Float, exercise, mistake, task
from checker.answers import known_mistakes
from checker.cli import main
from checker.exercises import as_answered
from checker.kinds import Answer
from checker.watch.edited import digests
from checker.watch.screen import Board, Verdict
from checker.watch.standby import Standby
from checker.watch.verb import declare

ROOT = Path(__file__).parents[1]
#: Seconds after which something that should be printed is taken not to come.
PATIENCE = 60

SQUARE = "def square(x):\n    return x * x\n\n\ndef square_grad(x):\n    return {}\n"
CUBE = "\n\ndef cube(x):\n    return x**3\n\n\ndef cube_grad(x):\n    return {}\n"
RIGHT, WRONG = SQUARE.format("2 * x"), SQUARE.format("3 * x")
BOTH = SQUARE.format("2 * x") + CUBE.format("3 * x**2")
INPUT = ("--input", "x=3")
END = "Ctrl-C ends it"


class Watch:
    """A running `checker watch`, and what it has printed."""

    def __init__(self, folder, *arguments, **options):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "checker", "watch", *arguments],
            cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        self.lines = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def check(self):
        """All that is printed of the next check."""
        text = ""
        while END not in text:
            line = self.lines.get(timeout=PATIENCE)
            assert line is not None, self.process.stderr.read()
            text += line
        return text.lstrip("\n")

    def until(self, words):
        """The first check that says this."""
        while words not in (text := self.check()):
            pass
        return text

    def quiet(self):
        """Whether nothing more is printed for a moment."""
        try:
            return self.lines.get(timeout=1.5) == "\n" and self.quiet()
        except queue.Empty:
            return True

    def interrupt(self):
        """End it as Ctrl-C does: its exit code, once it has said nothing on standard error."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=PATIENCE)
        assert self.process.stderr.read() == ""
        return code


@pytest.fixture
def watch(tmp_path):
    """Start the command in an empty folder, whose files are given by name."""
    started = []

    def start(*arguments, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        started.append(Watch(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        for pipe in (each.process.stdout, each.process.stderr):
            pipe.close()


def wait_for(condition):
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


# -- saves ------------------------------------------------------------------------------------------------------------


def in_place(path, text):
    path.write_text(text)


def renamed(path, text):
    path.with_suffix(".swp").write_text(text)
    path.with_suffix(".swp").replace(path)


def anew(path, text):
    path.unlink()
    path.write_text(text)


@pytest.mark.parametrize("save", [renamed, pytest.param(in_place, marks=pytest.mark.slow), anew])
def test_a_save_is_checked_at_once(watch, tmp_path, save):
    running = watch("mine.py", *INPUT, mine=WRONG)
    first = running.check()
    assert first.startswith("square_grad: wrong (values)\n")
    assert re.search(r"\nwatching mine\.py; checked at \d\d:\d\d:\d\d in \d+\.\d\d s; Ctrl-C ends it\n", first)
    save(tmp_path / "mine.py", RIGHT)
    assert running.check().startswith("square_grad: right\n")
    save(tmp_path / "mine.py", WRONG)
    assert running.check().startswith("square_grad: wrong (values)\n")
    assert running.interrupt() == 1


@pytest.mark.slow
def test_the_report_is_that_of_gradcheck(watch, tmp_path, monkeypatch, capsys):
    text = watch("mine.py::square_grad", *INPUT, mine=WRONG).check()
    monkeypatch.chdir(tmp_path)
    main(["gradcheck", "mine.py::square_grad", *INPUT])
    assert text.partition("\n\n")[0] == capsys.readouterr().out.rstrip()


@pytest.mark.slow
def test_many_saves_at_once_are_one_check_of_the_last(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine=RIGHT)
    running.check()
    for factor in range(3, 30):
        (tmp_path / "mine.py").write_text(SQUARE.format(f"{factor} * x"))
    (tmp_path / "mine.py").write_text(SQUARE.format("-2 * x"))
    text = running.check()
    assert "the negative of" in text or "sign" in text
    assert running.quiet()


def test_code_that_cannot_be_read_is_shown_until_it_can(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine=BOTH)
    running.check()
    (tmp_path / "mine.py").write_text(BOTH[:-3] + "(((\n")
    broken = running.check()
    assert broken.startswith("mine.py: wrong (raises an exception)\n  mine.py cannot be imported: it raised")
    assert "\nbefore that:\n  + square_grad  right\n  + cube_grad    right\n" in broken
    (tmp_path / "mine.py").write_text(BOTH)
    assert running.check().startswith("square_grad: right\n")
    assert running.interrupt() == 0


@pytest.mark.slow
def test_broken_code_can_be_watched_from_the_start(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine="def square(:\n")
    assert "SyntaxError" in running.check()
    (tmp_path / "mine.py").write_text(RIGHT)
    assert running.check().startswith("square_grad: right\n")


def test_a_file_that_is_deleted_is_waited_for(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine=RIGHT)
    running.check()
    (tmp_path / "mine.py").unlink()
    assert running.check().startswith("mine.py is gone: it will be checked when it is there again\n")
    (tmp_path / "mine.py").write_text(WRONG)
    assert running.check().startswith("square_grad: wrong (values)\n")


@pytest.mark.slow
def test_a_function_that_is_no_longer_there_is_waited_for(watch, tmp_path):
    running = watch("mine.py::square_grad", *INPUT, mine=RIGHT)
    running.check()
    (tmp_path / "mine.py").write_text(RIGHT.replace("square_grad", "square_gradient"))
    assert running.check().startswith(
        "checker: mine.py has no function 'square_grad'; did you mean square_gradient or square?"
    )
    (tmp_path / "mine.py").write_text(RIGHT)
    assert running.check().startswith("square_grad: right\n")
    assert running.interrupt() == 0


@pytest.mark.slow
def test_helpers_are_watched(watch, tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "helper.py").write_text("FACTOR = 2\n")
    (tmp_path / "package" / "mine.py").write_text("from .helper import FACTOR\n" + SQUARE.format("FACTOR * x"))
    running = watch("package.mine", *INPUT)
    first = running.check()
    assert first.startswith("square_grad: right\n")
    assert "watching package.mine and 2 other files;" in first
    (tmp_path / "package" / "helper.py").write_text("FACTOR = 3\n")
    assert running.check().startswith("square_grad: wrong (values)\n")
    (tmp_path / "package" / "helper.py").write_text("FACTOR =\n")
    assert "it raised SyntaxError at package/helper.py, line 1" in " ".join(running.check().split())
    (tmp_path / "package" / "helper.py").write_text("FACTOR = 2\n")
    assert running.check().startswith("square_grad: right\n")


@pytest.mark.slow
def test_a_helper_that_is_missing_is_found_when_it_is_written(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine="from helper import FACTOR\n" + SQUARE.format("FACTOR * x"))
    assert "ModuleNotFoundError" in running.check()
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    assert running.until("right").startswith("square_grad: right\n")


def test_a_check_that_does_not_end_is_ended_by_the_next_save(watch, tmp_path):
    endless = "import pathlib\n" + SQUARE.format("pathlib.Path('reached').touch() or forever()")
    running = watch("mine.py", *INPUT, mine=RIGHT)
    running.check()
    (tmp_path / "mine.py").write_text(endless + "\n\ndef forever():\n    while True:\n        pass\n")
    wait_for((tmp_path / "reached").exists)
    (tmp_path / "mine.py").write_text(RIGHT)
    assert running.check().startswith("square_grad: right\n")


@pytest.mark.slow
def test_code_that_ends_its_process_is_told(watch, tmp_path):
    running = watch("mine.py", *INPUT, mine="import os\n" + SQUARE.format("os._exit(3)"))
    text = running.check()
    assert text.startswith("the check ended without a verdict (exit code 3); it is tried again at the next save\n")
    (tmp_path / "mine.py").write_text(RIGHT)
    assert running.check().startswith("square_grad: right\n")


@pytest.mark.slow
def test_what_the_code_prints_is_left_out_unless_asked_for(watch):
    noisy = "import os\nprint('loading')\nos.write(1, b'underneath')\n" + RIGHT
    assert "loading" not in watch("mine.py", *INPUT, mine=noisy).check()
    loud = watch("mine.py", *INPUT, "--verbose", mine=noisy).check()
    assert loud.startswith("loading\nsquare_grad: right\n")
    assert "underneath" not in loud


@pytest.mark.slow
def test_a_file_of_inputs_is_watched(watch, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    running = watch("mine.py", "--input", "x=x.npy", mine=WRONG)
    assert running.check().startswith("square_grad: ")
    np.save(tmp_path / "x.npy", np.ones(4))
    assert "4 of 4 entries" in running.check()


# -- several in a file ------------------------------------------------------------------------------------------------


def test_only_what_was_edited_is_checked_and_the_rest_stays(watch, tmp_path):
    counted = BOTH.replace("return x * x", "open('calls', 'a').close()\n    return x * x")
    running = watch("mine.py", *INPUT, mine=counted)
    first = running.check()
    assert first.startswith("square_grad: right\n")
    assert "\n\n  + square_grad  right\n  + cube_grad    right\n\nwatching" in first
    (tmp_path / "calls").unlink()
    (tmp_path / "mine.py").write_text(counted.replace("3 * x**2", "3 * x"))
    edited = running.check()
    assert edited.startswith("cube_grad: wrong (values)\n")
    assert "\n\n  + square_grad  right\n  x cube_grad    wrong (values)\n\nwatching" in edited
    assert not (tmp_path / "calls").exists()
    (tmp_path / "mine.py").write_text(counted)
    assert running.check().startswith("cube_grad: right\n")
    assert not (tmp_path / "calls").exists()
    assert running.interrupt() == 0


@pytest.mark.slow
def test_at_first_the_first_that_is_wrong_is_shown(watch):
    running = watch("mine.py", *INPUT, mine=SQUARE.format("2 * x") + CUBE.format("x"))
    assert running.check().startswith("cube_grad: wrong (values)\n")


@pytest.mark.slow
def test_what_is_shared_concerns_all(watch, tmp_path):
    text = "K = 1\n" + SQUARE.format("2 * x * K") + CUBE.format("3 * x**2 * K")
    running = watch("mine.py", *INPUT, mine=text)
    running.check()
    (tmp_path / "mine.py").write_text(text.replace("K = 1", "K = 2"))
    assert "\n  x square_grad  wrong (values)\n  x cube_grad    wrong (values)\n" in running.check()


@pytest.mark.slow
def test_a_save_without_an_edit_checks_everything(watch, tmp_path):
    (tmp_path / "k").write_text("2")
    running = watch("mine.py", *INPUT, mine=SQUARE.format("x * int(open('k').read())") + CUBE.format("3 * x**2"))
    assert "  + square_grad  right\n" in running.check()
    (tmp_path / "k").write_text("3")
    (tmp_path / "mine.py").touch()
    assert "  x square_grad  wrong (values)\n" in running.check()


@pytest.mark.slow
def test_one_without_inputs_is_a_line_among_others(watch):
    running = watch("mine.py", *INPUT, mine=RIGHT + "\n\ndef f(q):\n    return q\n\n\ndef f_grad(q):\n    return 1\n")
    text = running.check()
    assert text.startswith("square_grad: right\n")
    assert "\n  ! f_grad       without inputs\n" in text
    assert running.interrupt() == 1


AB = "def a(x): return h(x)\ndef b(x): return 1\ndef h(x): return x\nK = 2\n"


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        (("return 1", "return 2"), {"b": [0, 1]}),
        (("h(x): return x", "h(x): return 0"), {"a": [1]}),
        (("K = 2", "K = 3"), {"a": [2], "b": [2]}),
        (("def b", "# what b is for\n\ndef b"), {}),
    ],
    ids=["its own", "what it reaches", "what nobody reaches", "a remark"],
)
def test_an_edit_concerns_what_reaches_it(edit, changed):
    before, after = (digests(text, {"a": ["a"], "b": ["b"]}) for text in (AB, AB.replace(*edit)))
    differ = {name: [k for k in range(3) if before[name][k] != after[name][k]] for name in before}
    assert {name: places for name, places in differ.items() if places} == changed


def test_an_edit_of_another_file_concerns_all():
    one, other = (digests(AB, {"a": ["a"], "b": ["b"]}, others) for others in (b"1", b"2"))
    assert all(one[name][:2] == other[name][:2] and one[name][2] != other[name][2] for name in "ab")


def test_names_are_followed_through_imports_and_globals():
    text = "import numpy as np\ndef a():\n    global K\n    K = np.ones(1)\ndef b():\n    return K\n"
    before, after = digests(text, {"b": ["b"]}), digests(text.replace("np.ones", "np.zeros"), {"b": ["b"]})
    assert before["b"][0] == after["b"][0]
    assert before["b"][1] != after["b"][1]


# -- exercises --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stubs(tmp_path):
    """The stubs of the course, in the folder where the command runs."""
    shutil.copytree(ROOT / "coursework", tmp_path / "coursework", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return tmp_path / "coursework"


def answered(stub, name, body):
    """The stub with one function written."""
    return re.sub(
        rf"(def {name}\(.*?)raise NotImplementedError  # your answer goes here", rf"\1{body}", stub, count=1,
        flags=re.DOTALL,
    )  # fmt: skip


def test_an_exercise_is_checked_among_those_that_are_not_written(watch, stubs):
    running = watch("coursework/gates.py")
    first = running.check()
    assert first.startswith("add_backward: not attempted\n")
    assert "\n  . mul_backward " in first
    stub = (stubs / "gates.py").read_text()
    stub = answered(answered(stub, "add_forward", "return x + y, None"), "add_backward", "return dout, dout.copy()")
    (stubs / "gates.py").write_text(stub)
    assert running.check().startswith("add_backward: right\n")
    (stubs / "gates.py").write_text(stub.replace("return dout, dout.copy()", "return dout.copy(), -dout"))
    wrong = running.check()
    assert wrong.startswith("add_backward: wrong (values)\n")
    assert "\n  . mul_backward " in wrong
    assert running.interrupt() == 1


def test_what_is_read_ahead_is_no_edit(stubs, monkeypatch):
    monkeypatch.chdir(stubs.parent)
    parser = argparse.ArgumentParser()
    declare(parser.add_subparsers(dest="verb"), "watch")
    options = vars(parser.parse_args(["watch", "coursework/gates.py"]))
    read, found = [], []
    for ahead in ([], [("gates", "add_backward")]):
        heard = queue.SimpleQueue()
        process = Standby(lambda _, message, heard=heard: heard.put(message), ahead)
        try:
            read.append(heard.get(timeout=PATIENCE)["ready"])
            process.ask(options=options, known={}, shown="", width=100)
            found.append(heard.get(timeout=PATIENCE)["digests"])
        finally:
            process.end()
    assert not read[0]
    assert str(ROOT / "solutions" / "gates.py") in read[1]
    assert found[0] == found[1]


def test_known_mistakes_are_tried_once_for_a_key_and_its_stubs():
    tried = []

    def scale_forward(x: Float[np.ndarray, "N D"], k: float = 2.0):
        return k * x, k

    def scale_backward(dout, cache):
        return cache * dout

    key = exercise(scale_forward)(scale_backward).exercise

    @mistake(scale_backward, "Is that the derivative?")
    def squared(dout, cache):
        tried.append(1)
        return cache**2 * dout

    known_mistakes(key, Answer(key.answer, key.forward))
    before = len(tried)
    assert before
    same, other = (
        task(scale_forward, arguments=given)(lambda dout, cache: dout).exercise for given in ({}, {"k": 3.0})
    )
    wrong = Answer(lambda dout, cache: cache**2 * dout, scale_forward)
    assert [found.name for found in known_mistakes(as_answered(same, key), wrong).values()] == ["squared"]
    assert len(tried) == before
    assert [found.name for found in known_mistakes(as_answered(other, key), wrong).values()] == ["squared"]
    assert len(tried) > before


# -- how it begins and ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["none.py", "nothing.here", "folder", "mine.py::squaregrad", "mine.py::square_grad", "mine.py --seed -1"]
)
def test_what_makes_no_sense_is_said_as_gradcheck_says_it(tmp_path, monkeypatch, capsys, target):
    (tmp_path / "mine.py").write_text(RIGHT)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["gradcheck", *target.split()]) == 2
    said = capsys.readouterr().err
    assert main(["watch", *target.split()]) == 2
    assert capsys.readouterr() == ("", said.replace("checker gradcheck", "checker watch"))


def descendants(pid):
    """The processes that a process has started, and theirs."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [each for child in found for each in descendants(child)]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for processes")
@pytest.mark.parametrize(
    "end", [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGTERM, signal.SIGKILL))]
)
def test_nothing_is_left_behind_whenever_it_is_ended(watch, tmp_path, end):
    endless = "import pathlib\nwhile True:\n    pathlib.Path('reached').touch()\n"
    running = watch("mine.py", *INPUT, mine=endless)
    wait_for((tmp_path / "reached").exists)
    wait_for(lambda: len(descendants(running.process.pid)) == 2)
    processes = descendants(running.process.pid)
    running.process.send_signal(end)
    assert running.process.wait(timeout=PATIENCE) == (1 if end == signal.SIGINT else -end)
    wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in processes))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "reached"]


# -- the screen -------------------------------------------------------------------------------------------------------


def board(count, text="a: wrong\n  because", verdict="wrong"):
    names = [chr(ord("a") + place) for place in range(count)]
    made = Board("mine.py", names, at="12:00:00", took=0.1, checks=1)
    made.last = {name: Verdict(name, "right", f"{name}: right", f"{name}: right") for name in names}
    made.last["a"] = made.shown = Verdict("a", verdict, f"a: {verdict}", text)
    return made


def test_a_verdict_from_before_a_long_check_is_called_so():
    there = board(1, "a: right", "right")
    there.begun, there.settled = time.monotonic() - 0.1, False
    assert there.report()[0][0] == "a: right"
    there.begun = time.monotonic() - 4
    assert [text for text, _ in there.report()[:2]] == ["before that:", "a: right"]
    there.settled = True
    assert there.report()[0][0] == "a: right"


def test_what_is_right_is_left_out_first_where_there_is_little_room():
    lines = [text for text, _ in board(20).lines(80, 10)]
    assert len(lines) == 10
    assert lines[:4] == ["a: wrong", "  because", "", "  x a  wrong"]
    assert lines[6:9] == ["  + d  right", "  ... and 16 more", ""]
    assert lines[-1].endswith(END)


def test_a_narrow_terminal_breaks_lines_and_keeps_their_indent():
    made = board(1, "a: wrong\n    because of what is said here")
    assert [text for text, _ in made.report(20)] == ["a: wrong", "    because of what", "      is said here"]


@pytest.mark.parametrize("height", range(2, 30))
def test_the_last_line_is_always_seen(height):
    lines = [text for text, _ in board(9, "\n".join("abcdefghijkl")).lines(120, height)]
    assert lines[-1].endswith(END)
    assert lines[0] == "a"
    assert len(lines) <= max(height, 4)


def test_one_that_is_being_checked_says_for_how_long():
    made = board(2)
    made.begun, made.checking = time.monotonic() - 3.5, "a"
    assert made.lines()[-1][0] == "watching mine.py; checking a for 3 s; Ctrl-C ends it"
    made.begun -= 5
    assert made.lines()[-1][0] == "watching mine.py; checking a for 8 s; the next save ends that; Ctrl-C ends it"


def test_all_is_right_only_if_the_last_check_came_to_that():
    made = board(2, verdict="right")
    assert made.right()
    made.trouble = "mine.py is gone"
    assert not made.right()
    made.trouble, made.shown = "", Verdict("", "wrong", "mine.py: wrong", "mine.py: wrong")
    assert not made.right()


#: Takes the terminal it is given for its own, and becomes `checker`. (Done after a fork of the tests' process instead,
#: it would warn where a library has threads.)
ON_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "checker", *sys.argv[1:]])
"""


class Terminal:
    """`checker watch` on a terminal of its own, 60 wide and 20 high, and what it writes there."""

    def __init__(self, folder, colour=True):
        import fcntl
        import pty
        import struct
        import termios

        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        environment |= {} if colour else {"NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, "watch", "mine.py", *INPUT],
            cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.written, self.text = queue.SimpleQueue(), ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while data := os.read(self.ours, 65536):
                self.written.put(data.decode(errors="replace"))
        except OSError:  # the other end is closed
            pass
        self.written.put("")

    def seen(self, words):
        """All that is written until it says this."""
        while not re.search(words, self.text):
            piece = self.written.get(timeout=PATIENCE)
            assert piece, self.text
            self.text += piece
        before, self.text = self.text, ""
        return before

    def left(self):
        """What is written until it ends, and its exit code."""
        text = "".join(iter(lambda: self.written.get(timeout=PATIENCE), ""))
        code = self.process.wait(timeout=PATIENCE)
        os.close(self.ours)
        return text, code


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("colour", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_terminal_is_redrawn_in_place_and_keeps_the_last_verdict(tmp_path, colour):
    (tmp_path / "mine.py").write_text(WRONG)
    terminal = Terminal(tmp_path, colour)
    shown = terminal.seen(r"checked at")
    assert "\x1b[?1049h" in shown  # a screen of its own
    assert "wrong (values)" in shown
    assert ("\x1b[1;31m" in shown) == colour
    (tmp_path / "mine.py").write_text(RIGHT)
    assert "square_grad: right" in terminal.seen(r"square_grad: right(.|\n)*checked at")
    os.write(terminal.ours, b"\x03")
    text, code = terminal.left()
    assert "square_grad: right" in text.rpartition("\x1b[?1049l")[2]
    assert code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_sigterm_gives_the_terminal_back(tmp_path):
    (tmp_path / "mine.py").write_text(WRONG)
    terminal = Terminal(tmp_path)
    terminal.seen(r"checked at")
    terminal.process.terminate()
    text, code = terminal.left()
    assert "\x1b[?1049l" in text  # the screen of before
    assert "\x1b[?25h" in text  # and the cursor
    assert "square_grad: wrong" in text.rpartition("\x1b[?1049l")[2]
    assert "Traceback" not in text
    assert code == -signal.SIGTERM
