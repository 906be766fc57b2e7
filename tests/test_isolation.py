"""The worker and its stand-ins: what a student's function does there is seen here, and nothing more than that."""

import importlib
import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("IPython")

import solutions
from checker import gradcheck
from checker.course.isolation import client
from checker.course.isolation.client import BUBBLEWRAP, EndedError, NotIsolatedError, Server, Worker
from checker.course.isolation.sandbox import bubblewrap
from checker.course.outcome import Limits
from checker.course.simulate import mistaken
from checker.course.transcript import taken
from checker.exercises import exercises_in
from checker.standin import Opaque

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
LIMITS = Limits(cell=5.0, call=2.0, total=60.0, output=5000)


def define(worker, source, *names):
    """Stand-ins for what a piece of code defines."""
    told = worker.cell("import numpy as np\n" + textwrap.dedent(source))
    assert [each for each in told if each["output_type"] == "error"] == []
    found = worker.functions(names)
    return found[names[0]] if len(names) == 1 else [found[name] for name in names]


# -- cells ------------------------------------------------------------------------------------------------------------


def test_a_cell_prints_shows_and_gives_its_last_value(worker):
    told = worker.cell("print('here')\nimport sys\nprint('there', file=sys.stderr)\n3 + 4")
    assert told == [
        {"output_type": "stream", "name": "stdout", "text": "here\n"},
        {"output_type": "stream", "name": "stderr", "text": "there\n"},
        {"output_type": "execute_result", "data": {"text/plain": "7"}, "metadata": {}},
    ]


def test_names_live_from_cell_to_cell_and_an_error_is_told_with_its_line(worker):
    assert worker.cell("x = 3") == []
    (told,) = worker.cell("y = 1\nx / 0")
    assert (told["ename"], told["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "----> 2 x / 0" in "\n".join(told["traceback"])


def test_magics_and_rich_output_work(worker):
    (told,) = worker.cell("from IPython.display import HTML\nHTML('<b>bold</b>')")
    assert told["data"]["text/html"] == "<b>bold</b>"
    assert "per loop" in worker.cell("%timeit -n1 -r1 1 + 1")[0]["text"]


@pytest.mark.slow
def test_all_of_it_works_within_bubblewrap():
    why = bubblewrap.available()
    if why:
        pytest.skip(why)
    server = Server((), BUBBLEWRAP)
    try:
        worker = Worker(server, LIMITS, {"data.txt": b"7"})
        assert worker.cell("print(open('data.txt').read())")[0]["text"] == "7\n"
        with pytest.raises(EndedError, match="it ended the Python process"):
            worker.cell("import os\nos._exit(0)")
        f = define(worker, "import os\ndef f(x): return x + 1, os.path.exists('/etc/passwd')", "f")
        total, seen = f(np.ones(2))
        np.testing.assert_array_equal(total, [2.0, 2.0])
        assert not seen
        worker.kill()
    finally:
        server.close()


def test_a_system_that_cannot_fork_is_told(monkeypatch):
    monkeypatch.delattr("os.fork")
    with pytest.raises(NotIsolatedError, match="this system cannot fork a process: grade on Linux, or under WSL"):
        Server()


def test_a_layer_that_does_not_hold_ends_it(monkeypatch, server):
    policy = server.policy
    readable = ("/etc", *policy("x", LIMITS).readable)
    monkeypatch.setattr(server, "policy", lambda *given: replace(policy(*given), readable=readable))
    with pytest.raises(NotIsolatedError, match=r"the sandbox does not hold: landlock: .*"):
        Worker(server, LIMITS)


def test_what_may_be_read_may_have_many_long_names(server, monkeypatch, tmp_path):
    """As where the instructor's side is installed among other packages: a request does not come in one piece then."""
    folder = tmp_path / ("long" * 50)
    names = [folder / f"package{n}" for n in range(400)]
    for name in names:
        name.mkdir(parents=True)
    there = client._readable
    monkeypatch.setattr(client, "_readable", lambda: (*there(), *map(str, names)))
    worker = Worker(server, LIMITS)
    assert "seccomp" in worker.layers
    worker.kill()


def test_nothing_of_the_instructors_is_in_a_workers_memory(worker):
    source = "import sys\nsorted(name for name, module in sys.modules.items() if module and name.startswith(%r))"
    loaded = worker.cell(source % (("checker.course", "solutions"),))[0]["data"]["text/plain"]
    found = set(re.findall(r"'([\w.]+)'", loaded))
    own = {name for name in found if name.startswith("checker.course.isolation")}
    assert found - own == {"checker.course"}
    assert not {"checker.course.isolation.client", "checker.course.isolation.remote"} & own
    for module in ("solutions.affine", "checker.course.grading", "checker.course.key"):
        (told,) = worker.cell(f"import {module}")
        assert told["ename"] in ("ModuleNotFoundError", "PermissionError", "ImportError")


def test_folders_within_folders_are_removed(tmp_path):
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    client._remove(str(tmp_path / "d"))
    assert list(tmp_path.iterdir()) == []


def test_await_works_in_a_cell(worker):
    assert worker.cell("async def later(): return 7\nawait later()")[0]["data"]["text/plain"] == "7"


def test_calls_together_have_a_limit_too(worker):
    f = define(worker, "import time\ndef f(): time.sleep(0.2)", "f")
    with worker.within(0.5):
        f()
        f()
        with pytest.raises(EndedError, match=r"it was stopped after 0\.5 seconds in all"):
            f()


def test_a_plot_becomes_a_picture(worker):
    pytest.importorskip("matplotlib")
    told = worker.cell("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert [each["data"]["image/png"][:8] for each in told if "image/png" in each.get("data", {})] == ["iVBORw0K"]


def test_output_is_cut_where_it_grows_without_end(worker):
    told = worker.cell("for number in range(10**5): print(number)")
    text = "".join(each["text"] for each in told)
    assert len(text) < LIMITS.output + 100
    assert text.endswith("... (the rest was left out)\n")


def test_exit_ends_nothing(worker):
    worker.cell("x = 1\nexit()")
    worker.cell("import sys\nsys.exit(1)")
    assert worker.cell("x")[0]["data"]["text/plain"] == "1"


def test_a_cell_that_does_not_end_is_stopped_and_the_others_are_run_again(server):
    worker = Worker(server, replace(LIMITS, cell=0.5))
    try:
        worker.cell("x = 3")
        with pytest.raises(EndedError, match=r"it was stopped after 0\.5 seconds"):
            worker.cell("while True: pass")
        assert worker.cell("x")[0]["data"]["text/plain"] == "3"
    finally:
        worker.kill()


def test_a_cell_that_ends_its_process_is_told(worker):
    with pytest.raises(EndedError, match="it ended the Python process that it ran in"):
        worker.cell("import os\nos._exit(0)")
    assert worker.cell("1")[0]["data"]["text/plain"] == "1"


def test_after_some_restarts_the_rest_is_left(worker):
    for _ in range(6):
        with pytest.raises(EndedError, match="ended the Python process"):
            worker.cell("import os\nos._exit(0)")
    with pytest.raises(EndedError, match="too many cells and calls had to be stopped"):
        worker.cell("1")


def test_random_numbers_begin_the_same_for_everyone(server):
    drawn = []
    for _ in range(2):
        worker = Worker(server, LIMITS)
        drawn.append(worker.cell("import numpy as np\nimport random\nnp.random.rand(), random.random()"))
        worker.kill()
    assert drawn[0] == drawn[1]


def test_files_of_the_assignment_lie_beside_the_notebook(server):
    worker = Worker(server, LIMITS, {"data/numbers.csv": b"1,2\n"})
    try:
        assert worker.cell("print(open('data/numbers.csv').read())")[0]["text"] == "1,2\n\n"
    finally:
        worker.kill()


GRADER = """
import os, sys, time
from checker.course.isolation.client import FULL, Server, Worker
from checker.course.outcome import Limits
server = Server((), FULL)
worker = Worker(server, Limits())
print(server.folder, server.process.pid, worker.pid, flush=True)
worker.ask("cell", 60.0, source="while True: pass")
"""


def alive(pid):
    try:
        return "Z" not in Path("/proc", pid, "stat").read_text()
    except FileNotFoundError:
        return False


def test_nothing_is_left_of_a_grader_that_was_killed():
    grader = subprocess.Popen([sys.executable, "-c", GRADER], stdout=subprocess.PIPE, text=True)
    folder, *pids = grader.stdout.readline().split()
    grader.kill()
    grader.wait()
    grader.stdout.close()
    for _ in range(200):
        left = [pid for pid in pids if alive(pid)]
        if not left and not Path(folder).exists():
            return
        time.sleep(0.05)
    raise AssertionError((left, folder))


# -- functions --------------------------------------------------------------------------------------------------------


def test_arrays_and_numbers_cross_in_both_directions(worker):
    f = define(worker, "def f(x, *, y=1):\n    return {'sum': x + y, 'all': (x, [1.5, None, 'text'], {3})}", "f")
    x = np.arange(6.0).reshape(2, 3)
    returned = f(x, y=2)
    np.testing.assert_array_equal(returned["sum"], x + 2)
    assert returned["all"][1:] == ([1.5, None, "text"], {3})
    assert f.__name__ == "f"


def test_what_is_not_defined_is_not_found(worker):
    worker.cell("g = 3")
    assert worker.functions(["f", "g"]) == {}


def test_an_exception_has_its_class_its_text_and_its_line(worker):
    f = define(worker, "def f(x):\n    return x @ np.ones((4, 4))", "f")
    with pytest.raises(ValueError, match="mismatch in its core dimension") as caught:
        f(np.ones((2, 3)))
    assert "`return x @ np.ones((4, 4))`" in caught.value.told
    g = define(worker, "def g():\n    raise NotImplementedError", "g")
    with pytest.raises(NotImplementedError):
        g()


def test_leaving_the_program_is_an_ordinary_exception_here(worker):
    f = define(worker, "def f():\n    raise SystemExit(3)", "f")
    with pytest.raises(Exception, match="3") as caught:
        f()
    assert type(caught.value).__name__ == "SystemExit"
    assert isinstance(caught.value, Exception)


def test_an_exception_that_raises_when_it_is_asked_for_its_text(worker):
    f = define(
        worker,
        """
        class Odd(Exception):
            def __str__(self): raise RuntimeError
        def f(): raise Odd
        """,
        "f",
    )
    with pytest.raises(Exception, match=r"^$") as caught:
        f()
    assert type(caught.value).__name__ == "Odd"


def test_writing_into_an_argument_shows_here(worker):
    f = define(worker, "def f(x, others):\n    x *= 2\n    others.append(7)\n    return 0", "f")
    x, others = np.ones(3), [1]
    f(x, others)
    np.testing.assert_array_equal(x, 2 * np.ones(3))
    assert others == [1, 7]


def test_memory_that_is_shared_there_is_shared_here(worker):
    same, view, twice = define(
        worker,
        """
        def same(x): return x
        def view(x): return x[::2, 1:]
        def twice(x):
            y = x + 1
            return y, y
        """,
        "same", "view", "twice",
    )  # fmt: skip
    x = np.arange(12.0).reshape(4, 3)
    assert same(x) is x
    part = view(x)
    np.testing.assert_array_equal(part, x[::2, 1:])
    assert np.shares_memory(part, x)
    assert np.shares_memory(*twice(x))
    fresh = define(worker, "def fresh(x): return x.copy()", "fresh")(x)
    assert not np.shares_memory(fresh, x)


def test_one_array_handed_over_twice_is_one_array_there(worker):
    f = define(worker, "def f(a, b):\n    a[0] = 5.0\n    return b[0], a is b", "f")
    x = np.zeros(2)
    assert f(x, x) == (5.0, True)
    assert x[0] == 5.0


def test_an_object_stays_there_and_comes_back_as_it_was(worker):
    forward, backward = define(
        worker,
        """
        class Cache:
            def __init__(self, x): self.x = x
        def forward(x): return x * x, Cache(x)
        def backward(dout, cache): return 2 * cache.x * dout
        """,
        "forward", "backward",
    )  # fmt: skip
    out, cache = forward(np.array([3.0]))
    assert isinstance(cache, Opaque)
    assert cache.kind == "Cache"
    np.testing.assert_array_equal(backward(np.ones(1), cache), [6.0])
    assert gradcheck(forward, backward, (np.array([[1.0, -2.0]]),)).verdict == "right"


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("dx = 2 * cache * dout; dout *= 0; return dx", "writes-dout"),
        ("dx = 2 * cache * dout; cache += 1; return dx", "writes-input"),
        ("return dout", "shares-memory"),
        ("dx = 2 * cache * dout", "none"),
        ("return (2 * cache * dout).astype(np.float32)", "dtype"),
        ("global n; n += 1; return 2 * cache * dout + n", "unrepeatable"),
        ("return 2 * cache", "ignores-dout"),
    ],
)
def test_the_promises_of_a_backward_are_judged_as_they_are_here(worker, body, cause):
    code = f"""
def square(x):
    return x * x, x
n = 0
def square_backward(dout, cache):
    {body.replace("; ", chr(10) + "    ")}
"""
    functions = define(worker, code, "square", "square_backward")
    x = (np.array([[1.0, -2.0, 3.0]]),)
    names: dict = {"np": np}
    exec(code, names)
    there, here = gradcheck(*functions, x), gradcheck(names["square"], names["square_backward"], x)
    assert [(f.subject, f.verdict, f.message, f.cause) for f in there.findings] == [
        (f.subject, f.verdict, f.message, f.cause) for f in here.findings
    ]
    assert (there.verdict, there.kind) == (here.verdict, here.kind)
    assert cause in {finding.cause for finding in there.findings}


def test_writing_into_an_object_that_stays_there_is_told(worker):
    functions = define(
        worker,
        """
        class Cache: pass
        def forward(x):
            cache = Cache()
            cache.x = 2 * x
            return x * x, cache
        def backward(dout, cache):
            dx = cache.x * dout
            cache.x *= 0
            return dx
        """,
        "forward", "backward",
    )  # fmt: skip
    report = gradcheck(*functions, (np.array([[1.0, -2.0]]),))
    assert [finding.cause for finding in report.findings] == ["writes-cache"]


def test_a_call_that_does_not_end_ends_its_worker(worker):
    f = define(worker, "def f():\n    while True: pass", "f")
    with pytest.raises(EndedError, match="it was stopped after 2 seconds"):
        f()
    with pytest.raises(EndedError, match="it was stopped after 2 seconds"):
        f()  # at once
    assert define(worker, "def g(): return 1", "g")() == 1


def test_what_cannot_cross_is_told(worker):
    f = define(worker, "def f(): return 2 ** 100000", "f")
    with pytest.raises(Exception, match="what it gave cannot be handed over"):
        f()


def test_large_arrays_cross(worker):
    f = define(worker, "def f(x): return x + 1", "f")
    x = np.random.default_rng(0).normal(size=200_000)
    np.testing.assert_array_equal(f(x), x + 1)


# -- exercises --------------------------------------------------------------------------------------------------------

EVERY = [
    f"{topic}.{task.name}"
    for topic in solutions.TOPICS
    for task in exercises_in(importlib.import_module(f"solutions.{topic}"))
]


def exercise(name):
    topic, _, own = name.partition(".")
    return getattr(importlib.import_module(f"solutions.{topic}"), own).exercise


def frame(transcript, functions):
    return transcript.frame(tuple(function.handle for function in functions))


def said(report):
    """What a report says, but for line numbers and bytes."""
    findings = [
        (f.subject, f.verdict, re.sub(r" at [^:]*, line.*?`: |\d+", "", f.message), f.cause, f.advice)
        for f in report.findings
    ]
    return report.verdict, report.kind, findings


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_mistake_is_judged_there_as_it_is_here(server, name):
    task = exercise(name)
    known = task.mistakes[-1]
    worker = Worker(server, Limits(total=300.0))
    try:
        (code,) = mistaken(name, known.name).values()
        functions = {"answer": known.answer.function, "forward": known.answer.forward}
        here = task.check(functions["answer"], functions["forward"], mode="full")
        worker.cell("import numpy as np\n" + code)
        names = [task.name, *([task.forward.__name__] if task.forward else [])]
        found = worker.functions(names)
        there = task.check(
            found.get(task.name) or task.answer,
            found.get(names[-1]) or task.forward if task.forward else None,
            mode="full",
        )
        assert said(there) == said(here)
    finally:
        worker.kill()


def test_a_right_answer_does_what_the_reference_does_wherever_a_check_looks(worker):
    task = exercise("affine.affine_backward")
    transcript = taken(task, 7919, trials=12, mode="full")
    functions = define(
        worker,
        """
        def affine_forward(x, w, b):
            return np.einsum("nd,md->nm", x, w) + b, (w, x)
        def affine_backward(dout, cache):
            w, x = cache
            return [dout.dot(w), (x.T @ dout).T.copy(), dout.T @ np.ones(len(dout))]
        """,
        "affine_backward", "affine_forward",
    )  # fmt: skip
    assert len(transcript.steps) > 50
    assert transcript.matches(worker.replay(frame(transcript, functions)))


@pytest.mark.parametrize(
    "wrong",
    ["dout.sum(0) * (1 + 1e-6)", "dout[0]", "dout.mean(0)", "dout.sum(0)[None]", "dout.sum(0).astype('f')", "None"],
)
def test_a_wrong_one_does_not(worker, wrong):
    task = exercise("affine.affine_backward")
    transcript = taken(task, 7919, trials=12, mode="full")
    functions = define(
        worker,
        f"""
        def affine_forward(x, w, b):
            return x @ w.T + b, (w, x)
        def affine_backward(dout, cache):
            w, x = cache
            return dout @ w, dout.T @ x, {wrong}
        """,
        "affine_backward", "affine_forward",
    )  # fmt: skip
    assert not transcript.matches(worker.replay(frame(transcript, functions)))


@pytest.mark.parametrize("answers", [None, [], [{}], [{"value": 1}] * 3, "x", {"a": 1}, [None] * 5])
def test_answers_of_any_form_are_compared(answers):
    transcript = taken(exercise("gates.square_backward"), 7919, trials=0, mode="full")
    assert not transcript.matches(answers)


@pytest.mark.parametrize(
    ("body", "touched"),
    [("return dout * cache * (1 - cache)", False), ("cache *= 1.0; return dout * cache * (1 - cache)", False),
     ("cache += 1; return dout * (cache - 1) * (2 - cache)", True),
     ("dout *= 1.5; return dout / 1.5 * cache * (1 - cache)", True)],
)  # fmt: skip
def test_writing_into_what_is_shared_is_seen_in_a_replay(worker, body, touched):
    task = exercise("activations.sigmoid_backward")
    transcript = taken(task, 7919, trials=0, mode="full")
    code = f"""
def sigmoid_forward(z):
    e = np.exp(-np.abs(z))
    a = np.where(z >= 0, 1, e) / (1 + e)
    return a, a.copy()
def sigmoid_backward(dout, cache):
    {body.replace("; ", chr(10) + "    ")}
"""
    functions = define(worker, code, "sigmoid_backward", "sigmoid_forward")
    assert transcript.matches(worker.replay(frame(transcript, functions))) is not touched
