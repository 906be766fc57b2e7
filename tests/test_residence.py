"""Memory as the kernel counts it: what is kept shows, whatever a notebook says of it; honest answers keep little."""

import multiprocessing
import re
import sys
import textwrap
from dataclasses import replace

import pytest

pytest.importorskip("IPython")

from checker.course import judging, residence
from checker.course.cells import standalone
from checker.course.isolation.client import Server, Worker
from checker.course.notebooks import find
from checker.course.outcome import Limits
from checker.course.precheck import Expected
from checker.report import CANNOT_TELL, WRONG

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
LIMITS = Limits(cell=60.0, call=20.0, total=600.0)
STREAM, CACHE, PRODUCT = "rtrl.rtrl", "memory.freeze_backward", "tensors.product_backward"


def own(name):
    """The right answer as a notebook would have it."""
    task = find(name)
    return standalone(task.topic, [half.__name__ for half in task.halves])


def defined(worker, code):
    """Run a cell that raises nothing."""
    told = worker.cell("import numpy as np\n" + textwrap.dedent(code))
    assert [each for each in told if each["output_type"] == "error"] == []


def looked(worker, name, code, seed=5):
    """What the system says against a piece of code."""
    defined(worker, code)
    return residence.looked(worker, find(name), seed)


def mark(worker, name, code):
    """The mark for a piece of code."""
    defined(worker, code)
    each = Expected("the_test", "code", f'grade("{name}")', grade=True, points=float(find(name).points))
    return judging.mark(worker, each, name, (11, 12, 13), 60.0)


# -- honest answers ---------------------------------------------------------------------------------------------------

IN_LISTS = """
import math
def rtrl(steps, a0, w, w_in, b, w_out):
    w, w_in, b, w_out, a = (each.tolist() for each in (w, w_in, b, w_out, a0))
    units, columns = range(len(a)), range(len(a) + len(w_in[0]) + 1)
    m = [[[0.0 for _ in columns] for _ in units] for _ in units]
    total = [[0.0 for _ in columns] for _ in units]
    for x, y in steps:
        seen = a + x.tolist() + [1.0]
        a = [math.tanh(sum(p * q for p, q in zip(w[k] + w_in[k] + [b[k]], seen))) for k in units]
        slope = [1 - each * each for each in a]
        m = [[[slope[k] * (sum(w[k][l] * m[l][i][j] for l in units) + (seen[j] if i == k else 0.0))
               for j in columns] for i in units] for k in units]
        off = [sum(p * q for p, q in zip(row, a)) - each for row, each in zip(w_out, y.tolist())]
        q = [sum(w_out[o][k] * off[o] for o in range(len(off))) for k in units]
        for i in units:
            for j in columns:
                total[i][j] += sum(q[k] * m[k][i][j] for k in units)
    return np.array(total)
"""
LOOP = "    for x, y in steps:\n"


def in_the_loop(lines, before=""):
    """The right answer to the stream's exercise, with more in its loop."""
    text = own(STREAM)
    assert text.count(LOOP) == 1
    return before + text.replace(LOOP, LOOP + "".join(f"        {line}\n" for line in lines.split("; ")))


STREAMS = {
    "the solution's own": lambda: own(STREAM),
    "lists": lambda: IN_LISTS,
    "cycles": lambda: in_the_loop("ring = [x, y]; ring.append(ring)"),
    "blocks": lambda: own(STREAM).replace(
        LOOP,
        "    import itertools\n"
        "    blocks = iter(lambda: list(itertools.islice(steps, 30)), [])\n"
        "    for x, y in itertools.chain.from_iterable(blocks):\n",
    ),
    "much memory of one size": lambda: in_the_loop(
        "room = room if 'room' in locals() else np.zeros((30_000, 40)); room[len(room) // 2:] += x[0]"
    ),
    "large temporary arrays": lambda: in_the_loop("x = x + 0 * np.ones((300, 300)).sum()"),
    "memory that was there before": lambda: in_the_loop("pass", before="was = [bytes(9_000) for _ in range(9_000)]\n"
                                                        "del was[::2]\n"),
    "output": lambda: in_the_loop("print(x, y)"),
}  # fmt: skip

BACKWARD = """
def freeze_backward(dout, cache):
    h2, mask, w4, h4, w5 = (cache[key] for key in ("h2", "mask", "w4", "h4", "w5"))
    dz3 = (dout @ w5 * (h4 > 0)) @ w4 * mask
    return dz3.T @ h2, dout.T @ h4
"""
#: Each writes h2, mask and h4 in its own way.
CACHES = {
    "the solution's own": lambda: own(CACHE),
    "a dict": lambda: """
def freeze_forward(x, w1, w2, w3, w4, w5):
    h2 = np.maximum(np.maximum(x @ w1.T, 0) @ w2.T, 0)
    h3 = np.maximum(h2 @ w3.T, 0)
    h4 = np.maximum(h3 @ w4.T, 0)
    return h4 @ w5.T, dict(h2=h2, mask=h3 > 0, w4=w4, h4=h4, w5=w5)
""" + BACKWARD,
    "many temporary arrays": lambda: """
def relu(z):
    mask = z > 0
    a = np.zeros_like(z)
    a[mask] = z[mask]
    return np.where(mask, a, 0 * z), mask
def freeze_forward(x, w1, w2, w3, w4, w5):
    h1, _ = relu(np.einsum("nd,ed->ne", x, w1))
    h2, _ = relu(np.einsum("ne,fe->nf", h1, w2))
    h3, mask = relu(np.dot(h2, w3.T) + 0.0)
    h4, _ = relu(np.array([row @ w4.T for row in h3]))
    return h4 @ w5.T, {"h2": h2.copy(), "mask": mask.copy(), "h4": h4.copy(), "w4": w4, "w5": w5}
""" + BACKWARD,
    "a closure": lambda: """
def freeze_forward(x, w1, w2, w3, w4, w5):
    h2 = np.maximum(np.maximum(x @ w1.T, 0) @ w2.T, 0)
    mask = h2 @ w3.T > 0
    h4 = np.maximum((h2 @ w3.T * mask) @ w4.T, 0)
    def back(dout):
        return ((dout @ w5 * (h4 > 0)) @ w4 * mask).T @ h2, dout.T @ h4
    return h4 @ w5.T, back
def freeze_backward(dout, cache):
    return cache(dout)
""",
    "everything anew": lambda: """
def hidden(x, *ws):
    for w in ws:
        x = np.maximum(x @ w.T, 0)
    return x
def freeze_forward(x, w1, w2, w3, w4, w5):
    return hidden(x, w1, w2, w3, w4) @ w5.T, (x, w1, w2, w3, w4, w5)
def freeze_backward(dout, cache):
    x, w1, w2, w3, w4, w5 = cache
    h2 = hidden(x, w1, w2)
    h3 = hidden(h2, w3)
    h4 = hidden(h3, w4)
    return ((dout @ w5 * (h4 > 0)) @ w4 * (h3 > 0)).T @ h2, dout.T @ h4
""",
}  # fmt: skip
HONEST = [
    *((STREAM, words, code) for words, code in STREAMS.items()),
    *((CACHE, words, code) for words, code in CACHES.items()),
    (PRODUCT, "the solution's own", lambda: own(PRODUCT)),
]
NAMES = [f"{name}: {words}" for name, words, _ in HONEST]


@pytest.mark.parametrize("name", [pytest.param(STREAM, marks=pytest.mark.slow), CACHE, PRODUCT])
def test_a_right_answer_has_all_its_points(worker, name):
    made = mark(worker, name, own(name))
    assert (made.score, worker.incidents) == (made.points, [])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words", "code"), HONEST, ids=NAMES)
def test_no_honest_answer_is_held_to_keep_much(server, name, words, code):
    """Several times, in old and in new processes, while others want the machine's time."""
    busy = [multiprocessing.get_context("spawn").Process(target=_busy, daemon=True) for _ in range(2)]
    for each in busy:
        each.start()
    try:
        for turn in range(2):
            worker = Worker(server, LIMITS)
            try:
                found = [looked(worker, name, code(), seed=20 * turn + again) for again in range(2)]
            finally:
                worker.kill()
            assert found == [None] * 2
    finally:
        for each in busy:
            each.kill()
            each.join()


def _busy():
    while multiprocessing.parent_process().is_alive():
        sum(range(10_000))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words", "code"), HONEST, ids=NAMES)
def test_each_of_them_is_right_indeed(worker, name, words, code):
    made = mark(worker, name, code())
    assert (made.score, worker.incidents) == (made.points, [])


# -- others -----------------------------------------------------------------------------------------------------------

FORGED = """
import checker.standin
for name in list(checker.standin.MEASUREMENTS):
    if name.endswith(("stream.growth", "stream.needed")):
        checker.standin.MEASUREMENTS[name] = lambda function, *given: (0.0, 1000, 1000)
    if name.endswith("retained.retained"):
        checker.standin.MEASUREMENTS[name] = lambda forward, given: np.array({})
"""
THROUGH_TIME = """
def rtrl(steps, a0, w, w_in, b, w_out):
    states, xs, das = [a0], [], []
    for x, y in steps:
        states.append(np.tanh(w @ states[-1] + w_in @ x + b))
        das.append(w_out.T @ (w_out @ states[-1] - y))
        xs.append(x)
    total, da = np.zeros((len(a0), len(a0) + w_in.shape[1] + 1)), np.zeros_like(a0)
    for t in range(len(xs) - 1, -1, -1):
        dz = (da + das[t]) * (1 - states[t + 1] ** 2)
        total += np.outer(dz, np.concatenate([states[t], xs[t], [1.0]]))
        da = w.T @ dz
    return total
"""
TOO_MUCH = """
def freeze_forward(x, w1, w2, w3, w4, w5):
    h1 = np.maximum(x @ w1.T, 0)
    h2 = np.maximum(h1 @ w2.T, 0)
    h3 = np.maximum(h2 @ w3.T, 0)
    h4 = np.maximum(h3 @ w4.T, 0)
    return h4 @ w5.T, (h2, {}, w4, h4, w5)
def freeze_backward(dout, cache):
    h2, kept, w4, h4, w5 = cache
    mask = kept[0] if isinstance(kept, tuple) else kept
    dz3 = (dout @ w5 * (h4 > 0)) @ w4 * (mask > 0)
    return dz3.T @ h2, dout.T @ h4
"""
TENSOR = """
def product_forward(w, x):
    tensor = np.zeros((len(w), *w.shape))
    tensor[range(len(w)), range(len(w))] = x
    return w @ x, (w, tensor)
def product_backward(dz, cache):
    w, tensor = cache
    return np.tensordot(dz, tensor, 1), w.T @ dz
"""


def test_a_stream_that_is_kept_is_seen(worker):
    finding, counted = looked(worker, STREAM, THROUGH_TIME)
    assert finding.verdict == WRONG
    assert re.fullmatch(
        r"rtrl keeps about \d{3} bytes more for every further step, as the system counts the memory at 1000 steps and "
        r"at 10000, where its memory must not grow with their number",
        finding.message,
    )
    assert re.fullmatch(r"about \d{3} bytes more for every further step", counted)


@pytest.mark.slow
def test_a_stream_that_is_kept_is_seen_though_its_measurement_is_forged(worker):
    made = mark(worker, STREAM, FORGED + THROUGH_TIME)
    assert (made.score, made.verdict, made.kind) == (0.0, WRONG, "contract")
    assert re.match(r"rtrl keeps about [3-9]\d\d bytes", made.message)
    assert "more for every further step, as the system counts" in made.message
    assert made.advice.startswith("a sequence may never end")
    assert "memory does not grow" not in made.said
    (incident,) = worker.incidents
    assert re.match(r"the_test: memory as the system counts it: about [3-9]\d\d", incident)
    assert incident.endswith("as the notebook's process told it, no more than it should be")


@pytest.mark.parametrize("kept", ["h3", "(h3 > 0, h1)", "(h3, h1, x)"])
def test_a_cache_that_keeps_too_much_is_seen_though_its_measurement_is_forged(worker, kept):
    needed = "len(given[0]) * (8 * len(given[2]) + len(given[3]) + 8 * len(given[4]))"
    made = mark(worker, CACHE, FORGED.replace("{}", needed) + TOO_MUCH.replace("{}", kept))
    assert (made.score, made.verdict, made.kind) == (0.0, WRONG, "contract")
    assert made.message.startswith("the cache keeps about")
    assert "beside the inputs and the output, as the system counts the memory of 100 of them" in made.message
    assert made.advice.startswith("ask of each array that is kept")
    (incident,) = worker.incidents
    assert "memory as the system counts it: about" in incident
    assert "bytes in a cache, where 546000 are enough; as the notebook's process told it" in incident


def test_a_tensor_in_the_cache_is_seen_though_its_measurement_is_forged(worker):
    made = mark(worker, PRODUCT, FORGED.replace("{}", "0") + TENSOR)
    assert (made.score, made.verdict) == (0.0, WRONG)
    assert "where 0 are enough" in made.message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at_length", "why"),
    [
        ("raise OverflowError('so many')", "with 10000 steps it raises OverflowError"),
        ("total = total + 1", "with 10000 steps it does not give what it should"),
        ("import os; os._exit(0)", "it ended the Python process that it ran in"),
    ],
)
def test_what_is_different_at_length_is_left_to_a_reader(worker, at_length, why):
    counted = own(STREAM).replace(LOOP, f"    count = 0\n{LOOP}        count += 1\n")
    head, last, _ = counted.rpartition("    return total")
    made = mark(worker, STREAM, f"{head}    if count > 5000:\n        {at_length}\n{last}\n")
    assert made.score is None
    assert f"the memory of rtrl could not be seen: {why}: your instructor will read it" in made.said
    assert worker.incidents == [f"the_test: the memory of rtrl could not be seen: {why}"]
    assert mark(worker, PRODUCT, own(PRODUCT)).score == find(PRODUCT).points


def test_an_answer_that_takes_its_time_over_it_is_not_wrong(server):
    worker = Worker(server, replace(LIMITS, cell=2.0))
    try:
        finding, _ = looked(worker, STREAM, in_the_loop("import time; time.sleep(0.01)"))
    finally:
        worker.kill()
    assert finding.verdict == CANNOT_TELL
    assert finding.message == "the memory of rtrl could not be seen: it was stopped after 2 seconds in all"


def test_where_the_system_tells_nothing_nothing_is_asked(worker, monkeypatch):
    monkeypatch.setattr(residence, "resident", lambda worker: None)
    monkeypatch.setattr(Worker, "ask", None)
    assert residence.looked(worker, find(STREAM), 1) is None


def test_what_is_not_for_its_memory_is_not_looked_at(worker, monkeypatch):
    monkeypatch.setattr(residence, "looked", None)
    made = mark(worker, "activations.sigmoid_backward", own("activations.sigmoid_backward"))
    assert made.score == made.points


def test_a_worker_has_the_memory_that_it_takes_and_one_that_has_ended_has_none(worker):
    before, most = residence.resident(worker)
    assert 0 < before <= most
    defined(worker, "kept = bytes([1]) * (50 << 20)")
    now, most = residence.resident(worker)
    assert 45 << 20 < now - before < 60 << 20
    assert now <= most
    worker.kill()
    assert residence.resident(worker) is None


def test_another_process_within_bubblewrap_is_found(monkeypatch):
    from checker.course.isolation.client import BUBBLEWRAP
    from checker.course.isolation.sandbox import bubblewrap

    if bubblewrap.available():
        pytest.skip(bubblewrap.available())
    inside = Server((), BUBBLEWRAP)
    try:
        worker = Worker(inside, LIMITS)
        before, _ = residence.resident(worker)
        defined(worker, "kept = bytes([1]) * (50 << 20)")
        assert residence.resident(worker)[0] - before > 45 << 20
        worker.kill()
    finally:
        inside.close()


@pytest.mark.parametrize(("name", "case"), [(CACHE, {"N": 7000, "M": 1}), (PRODUCT, {"N": 7000})])
def test_the_axis_that_caches_grow_by_is_made_long(name, case):
    assert residence._case(find(name)) == case
