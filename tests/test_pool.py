"""A pool of processes: tasks are done, a killed process costs one of them, and nothing is left behind."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, CancelledError, wait
from pathlib import Path

import pytest

from checker.course.pool import BrokenProcessError, Processes

ROOT = Path(__file__).parents[1]


def own_pid(_=None):
    return os.getpid()


def end(how):
    if how is None:
        sys.exit(3)
    if isinstance(how, int):
        os.kill(os.getpid(), how)
    os._exit(0)


def refuse(text):
    raise LookupError(text)


class NeedyError(Exception):
    """One that pickle cannot make again."""

    def __init__(self, a, b):
        super().__init__("a and b")


def needy():
    raise NeedyError(1, 2)


def unsendable():
    return lambda: None


def told_and_waiting(folder):
    (Path(folder) / str(os.getpid())).touch()
    while True:
        signal.pause()


def within(seconds, condition):
    """Whether a condition comes true in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.01)
    return False


def running(pid):
    """Whether a process is there and is more than a zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture(scope="module")
def pool():
    with Processes(2) as pool:
        yield pool


def test_calls_are_made_elsewhere_and_in_order(pool):
    assert list(pool.map(pow, range(20), [2] * 20)) == [n * n for n in range(20)]
    assert pool.submit(int, "11", base=2).result() == 3
    pids = {pool.submit(own_pid).result() for _ in range(5)}
    assert os.getpid() not in pids
    assert len(pids) <= 2


def test_large_things_travel(pool):
    sent = os.urandom(5_000_000)
    assert pool.submit(bytes, sent).result() == sent


def test_what_a_call_raises_is_raised_here(pool):
    before = pool.submit(own_pid).result()
    with pytest.raises(LookupError, match="no such thing"):
        pool.submit(refuse, "no such thing").result()
    with pytest.raises(RuntimeError, match="NeedyError: a and b"):
        pool.submit(needy).result()
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        pool.submit(sys.exit, 3).result()
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pool.submit(unsendable).result()
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pool.submit(lambda: None).result()
    assert before in {pool.submit(own_pid).result() for _ in range(20)} | {before}


@pytest.mark.parametrize(
    ("how", "said"),
    [(signal.SIGKILL, "was killed by SIGKILL"), (signal.SIGSEGV, "was killed by SIGSEGV"), ("", "exit code 0")],
)
def test_a_process_that_ends_costs_its_own_task_alone(pool, how, said):
    others = [pool.submit(pow, n, 2) for n in range(10)]
    ended = pool.submit(end, how)
    later = [pool.submit(pow, n, 3) for n in range(10)]
    with pytest.raises(BrokenProcessError, match=said) as raised:
        ended.result()
    assert isinstance(raised.value, BrokenExecutor)
    assert [each.result() for each in others + later] == [n**2 for n in range(10)] + [n**3 for n in range(10)]


def test_one_that_is_killed_while_it_has_nothing_to_do_costs_nothing(tmp_path):
    with Processes(1) as pool:
        pid = pool.submit(own_pid).result()
        os.kill(pid, signal.SIGKILL)
        assert within(5, lambda: not pool._slots[0].process.is_alive())
        assert pool.submit(own_pid).result() != pid


def test_a_task_without_end_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr("checker.course.pool.LOOK", 0.05)
    with Processes(1, limit=60) as pool:
        pool.submit(own_pid).result()  # it has started, and has imported what it needs
        pool._slots[0].limit = 0.3
        with pytest.raises(BrokenProcessError, match=r"took more than 0\.3 s"):
            pool.submit(told_and_waiting, tmp_path).result()
        (left,) = tmp_path.iterdir()
        assert not running(int(left.name))
        pool._slots[0].limit = 60
        assert pool.submit(pow, 2, 2).result() == 4


def test_shutdown_waits_for_what_was_asked():
    pool = Processes(2)
    futures = [pool.submit(pow, n, 2) for n in range(6)]
    pool.shutdown()
    assert [future.result(0) for future in futures] == [n**2 for n in range(6)]
    with pytest.raises(RuntimeError, match="the pool was shut down: it takes no further task"):
        pool.submit(pow, 2, 2)
    pool.shutdown()  # once more does no harm


def test_shutdown_at_once_ends_what_runs_and_cancels_what_waits(tmp_path):
    pool = Processes(2)
    futures = [pool.submit(told_and_waiting, tmp_path) for _ in range(6)]
    assert within(20, lambda: len(list(tmp_path.iterdir())) == 2)
    began = time.monotonic()
    pool.shutdown(cancel_futures=True)
    assert time.monotonic() - began < 3
    wait(futures, timeout=3)
    assert [future.cancelled() for future in futures] == [False, False, *[True] * 4]
    assert all(isinstance(future.exception(), BrokenProcessError) for future in futures[:2])
    with pytest.raises(CancelledError):
        futures[-1].result()
    assert not any(running(int(path.name)) for path in tmp_path.iterdir())


def test_a_cancelled_future_is_never_begun(tmp_path):
    with Processes(1) as pool:
        first = pool.submit(told_and_waiting, tmp_path)
        second = pool.submit(pow, 2, 2)
        assert within(20, lambda: list(tmp_path.iterdir()))
        assert second.cancel()
        os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
        with pytest.raises(BrokenProcessError):
            first.result()
        assert pool.submit(pow, 3, 2).result() == 9


def test_a_pool_needs_a_process():
    with pytest.raises(ValueError, match="a pool of 0 processes can do nothing"):
        Processes(0)


def is_waiting(folder):
    """A process with two that are at work, which have told who they are in a folder."""
    pool = Processes(2)
    futures = [pool.submit(told_and_waiting, folder) for _ in range(2)]
    return pool, futures


def until_interrupted(folder):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
    pool, futures = is_waiting(folder)
    try:
        futures[0].result()
    except KeyboardInterrupt:
        print(all(future.running() for future in futures))
        pool.shutdown(cancel_futures=True)


def for_a_moment(folder):
    _, futures = is_waiting(folder)
    assert within(30, lambda: len(list(Path(folder).iterdir())) == 2)
    assert all(future.running() for future in futures)


def started(story, folder):
    """A process of its own that plays a story."""
    call = f"from tests import test_pool; test_pool.{story.__name__}({str(folder)!r})"
    return subprocess.Popen(
        [sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def pids(folder):
    return [int(path.name) for path in folder.iterdir()]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_their_parent_whatever_ends_it(tmp_path, sent):
    with started(until_interrupted, tmp_path) as parent:
        assert within(30, lambda: len(pids(tmp_path)) == 2)
        os.kill(parent.pid, sent)  # to it alone
        parent.communicate(timeout=10)
    assert within(5, lambda: not any(map(running, pids(tmp_path))))


def test_a_pool_that_nobody_shut_down_does_not_hold_up_the_end(tmp_path):
    with started(for_a_moment, tmp_path) as parent:
        _, err = parent.communicate(timeout=60)
    assert (parent.returncode, err) == (0, "")
    assert within(5, lambda: not any(map(running, pids(tmp_path))))


def test_a_ctrl_c_is_the_parents_alone(tmp_path):
    """The terminal sends it to all: the processes go on, and it is the parent that ends them."""
    with started(until_interrupted, tmp_path) as parent:
        assert within(30, lambda: len(pids(tmp_path)) == 2)
        os.killpg(parent.pid, signal.SIGINT)
        try:
            out, err = parent.communicate(timeout=20)
        finally:
            parent.kill()
    assert (parent.returncode, out, err) == (0, "True\n", "")
    assert not any(map(running, pids(tmp_path)))


def test_threads_may_share_a_pool(pool):
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(pool.submit(pow, n, 2).result())) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [n**2 for n in range(8)]
