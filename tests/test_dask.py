"""A class graded on a Dask cluster: a scheduler and workers that share nothing with the grader but the network."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checker.course import executors, runs
from checker.course.executors import place
from checker.course.gradebook import Gradebook
from checker.course.outcome import GRADED, NOT_GRADED
from checker.errors import UsageError
from tests.small_course import NAME, fake, hand_in, hand_in_for_real, small_course

pytest.importorskip("distributed", reason="the extra [dask] is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of distributed and tornado, about themselves
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # a cluster that is killed closes nothing
]

ROOT = Path(__file__).parents[1]


class Cluster:
    """A scheduler and workers on this machine's loopback, each a process of its own, without nannies."""

    def __init__(self, folder, workers=2, allowed_failures=3):
        self.folder, self.file = folder, folder / "scheduler.json"
        folder.mkdir()
        self.environment = {
            **os.environ, "OMP_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures),
        }  # fmt: skip
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.wait_for(self.file.exists)
        self.where = json.loads(self.file.read_text())["address"].replace("tcp", "dask")
        self.workers = [self.worker() for _ in range(workers)]

    def worker(self):
        return self.start("worker", "--host", "127.0.0.1", "--nthreads", "2", "--no-nanny", "--death-timeout", "20")

    def start(self, what, *options):
        command = ["-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard", "--scheduler-file", self.file]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-W", "ignore", *command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    @staticmethod
    def wait_for(condition, seconds=30):
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends
            time.sleep(0.02)

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    started = Cluster(tmp_path / "cluster")
    yield started
    started.close()


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def grade(course, where, **more):
    found = list(runs.autograde(course, NAME, executor=where, grade=fake, **more))
    assert len({outcome.student for outcome in found}) == len(found)
    return {outcome.student: outcome for outcome in found}


def test_a_cluster_grades_as_this_machine_does(course, cluster, tmp_path):
    here = small_course(tmp_path / "here")
    for n in range(12):
        for folder in (course, here):
            hand_in(folder, f"s{n:02}", "unreadable" if n == 5 else f"share {n / 12} slow")
    found = grade(course, cluster.where)
    assert found == grade(here, "")
    assert [outcome.state for outcome in found.values()].count(GRADED) == 11
    assert grade(course, cluster.where) == found


def test_a_worker_that_is_killed_costs_nobody_anything(course, cluster):
    for n in range(40):
        hand_in(course, f"s{n:02}", "share 1 slow")
    started = runs.autograde(course, NAME, executor=cluster.where, grade=fake)
    found = [next(started) for _ in range(5)]
    os.kill(cluster.workers[0].pid, signal.SIGKILL)
    found += started
    assert sorted(outcome.student for outcome in found) == [f"s{n:02}" for n in range(40)]
    assert {(outcome.state, outcome.score) for outcome in found} == {(GRADED, 3)}
    with Gradebook(course) as book:
        assert len(book.known(NAME)) == 40


def test_a_submission_over_which_workers_end(course, tmp_path):
    cluster = Cluster(tmp_path / "cluster", workers=3, allowed_failures=0)
    try:
        with place(cluster.where) as dask:
            cluster.wait_for(lambda: len(dask.pool._client.nthreads()) == 3)
            hand_in(course, "ann", "share 1 slow")
            hand_in(course, "kim", "share 1 killed")
            found = grade(course, dask)
    finally:
        cluster.close()
    assert found["ann"].score == 3
    assert (found["kim"].state, found["kim"].ours) == (NOT_GRADED, True)
    assert found["kim"].notes[0].startswith("the grading process ended twice: Attempted to run task")


def test_real_submissions_on_a_cluster(course, cluster, tmp_path):
    here = small_course(tmp_path / "here")
    for words in ("everything right", "nothing answered", "a known mistake", "the process ended", "an empty file"):
        for folder in (course, here):
            hand_in_for_real(folder, words.replace(" ", "-"), words)
    there = {each.student: replace(each, seconds=0.0) for each in runs.autograde(course, NAME, executor=cluster.where)}
    ours = {each.student: replace(each, seconds=0.0) for each in runs.autograde(here, NAME, jobs=2)}
    assert there == ours
    assert [each.score for each in ours.values() if each.state == GRADED].count(3) == 1
    assert all(each.isolation for each in ours.values() if each.state == GRADED)


def test_a_cluster_that_is_gone(course, cluster):
    for n in range(30):
        hand_in(course, f"s{n:02}", "share 1 slow")
    started = runs.autograde(course, NAME, executor=cluster.where, grade=fake)
    found = [next(started) for _ in range(3)]
    cluster.close()
    with pytest.raises(
        UsageError, match=r"the cluster dask://127.0.0.1:\d+ is gone; the same command goes on where it"
    ):
        found += started
    with Gradebook(course) as book:
        assert all(known.state == GRADED for known in book.known(NAME).values())
        assert 3 <= len(book.known(NAME)) < 30
    assert len(grade(course, "", jobs=2)) == 30


def test_a_cluster_whose_workers_are_all_gone(course, cluster, monkeypatch):
    monkeypatch.setattr(runs, "LOOK", 1.0)
    for n in range(30):
        hand_in(course, f"s{n:02}", "share 1 slow")
    started = runs.autograde(course, NAME, executor=cluster.where, grade=fake)
    found = [next(started) for _ in range(3)]
    for worker in cluster.workers:
        worker.kill()
    with pytest.raises(UsageError, match=r"the cluster dask://127.0.0.1:\d+ has no worker any more; the same command"):
        found += started
    monkeypatch.setattr(executors, "PATIENCE", 0.5)
    said = r"the cluster dask://.* has no worker: start some with dask worker 127.0.0.1:\d+ --nthreads 1, where the che"
    with pytest.raises(UsageError, match=said):
        grade(course, cluster.where)
    cluster.workers.append(cluster.worker())
    monkeypatch.setattr(executors, "PATIENCE", 30)
    assert len(grade(course, cluster.where)) == 30


def test_a_cluster_that_is_not_there(monkeypatch):
    monkeypatch.setattr(executors, "PATIENCE", 0.5)
    said = "there is no Dask scheduler at dask://127.0.0.1:9: Connection refused"
    with pytest.raises(UsageError, match=said), place("dask://127.0.0.1:9"):
        pass
    with pytest.raises(UsageError, match="there is no Dask scheduler at dask://nowhere"):
        place("dask://nowhere.invalid:8786").__enter__()


@pytest.mark.parametrize(
    ("said", "reason"),
    [(None, "timed out"), (b"SSH-2.0-OpenSSH_9.2\r\n", "something else answers"), (b"", "something")],
)
def test_something_else_at_the_address(monkeypatch, said, reason):
    monkeypatch.setattr(executors, "PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            line, _ = server.accept()
            if said is not None:
                line.sendall(said)
                line.close()
            else:
                kept.append(line)

        kept = []
        thread = threading.Thread(target=answer)
        thread.start()
        where = f"dask://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"there is no Dask scheduler at {where}: {reason}"), place(where):
            pass
        thread.join()
        for line in kept:
            line.close()
