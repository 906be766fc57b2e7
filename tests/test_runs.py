"""Grading a class: everybody gets an outcome, once, whatever happens to one of them or to the grading process."""

import concurrent.futures
import contextlib
import importlib.metadata
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from checker.course import gradebook, journal, lock, runs
from checker.course.executors import Place, one_at_a_time, place
from checker.course.gradebook import Gradebook
from checker.course.outcome import GRADED, NOT_GRADED, Limits
from checker.errors import UsageError
from tests.small_course import NAME, fake, hand_in, small_course

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two():
    with place(jobs=2) as two:
        yield two


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


@pytest.fixture
def grade(course, two):
    """Grade the class with `fake`, in processes that are there already; the outcomes by student."""

    def grade(*students, **more):
        found = runs.autograde(course, NAME, students, **{"executor": two, "grade": fake, **more})
        return {outcome.student: outcome for outcome in found}

    return grade


def events(course, kind="outcome"):
    return [event for event in journal.read(course, NAME) if event["event"] == kind]


def graded_in_log(course):
    return [event["student"] for event in events(course)]


def recorded(course):
    with Gradebook(course) as book:
        return {outcome.student: outcome for outcome in book.outcomes(NAME)}


CLASS = {"ann": "share 1", "bob": "share 0.5 a-note", "cat": "unreadable", "dan": "unsafe", "eve": "share 0"}


@pytest.fixture
def classroom(course):
    for student, text in CLASS.items():
        hand_in(course, student, text)
    return course


def test_everybody_gets_an_outcome(classroom, grade):
    found = grade()
    assert {name: (each.state, each.score) for name, each in found.items()} == {
        "ann": (GRADED, 3), "bob": (GRADED, 1.5), "cat": (NOT_GRADED, 0), "dan": (NOT_GRADED, 0), "eve": (GRADED, 0),
    }  # fmt: skip
    assert found["bob"].notes == ("a-note",)
    assert (found["bob"].points, found["bob"].by_hand) == (5, 2)
    assert recorded(classroom) == found
    assert all(len(each.digest) == 64 for each in found.values())


def test_only_what_has_changed_is_graded_again_and_what_was_our_fault(classroom, grade):
    first = grade()
    assert grade() == first
    assert sorted(graded_in_log(classroom)) == ["ann", "bob", "cat", "dan", "dan", "eve"]
    hand_in(classroom, "bob", "share 0.75")
    hand_in(classroom, "fay", "share 1")
    again = grade()
    assert (again["bob"].score, again["fay"].score) == (2.25, 3)
    assert sorted(graded_in_log(classroom)[6:]) == ["bob", "dan", "fay"]
    assert events(classroom, "end")[-1]["unchanged"] == 3


def test_some_only_and_everything_anew(classroom, grade):
    assert set(grade("bob", "ann", "bob")) == {"ann", "bob"}
    assert set(recorded(classroom)) == {"ann", "bob"}
    before = len(graded_in_log(classroom))
    grade("ann", regrade=True)
    assert graded_in_log(classroom)[before:] == ["ann"]


@pytest.mark.parametrize("change", ["assignment", "files", "version", "stamp", "link", "another file"])
def test_what_makes_a_submission_another(classroom, grade, change, monkeypatch):
    grade("ann")
    folder = classroom.submitted("ann", NAME)
    if change == "assignment":
        with contextlib.closing(sqlite3.connect(classroom.root / "gradebook.db")) as db, db:
            db.execute("update grade_cells set max_score = 2 where max_score = 1")
    elif change == "files":
        (classroom.root / "release" / NAME / "data.csv").write_text("1,2")
    elif change == "version":
        monkeypatch.setattr(importlib.metadata, "version", lambda name: "99")
    elif change == "stamp":
        (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    elif change == "link":
        (folder / "other.ipynb").symlink_to(folder / f"{NAME}.ipynb")
    else:
        (folder / "other.ipynb").write_text("{}")
    grade("ann")
    assert graded_in_log(classroom) == ["ann", "ann"]


def test_files_that_are_no_notebooks_do_not_make_it_another(classroom, grade):
    grade("ann")
    (classroom.submitted("ann", NAME) / "numpy.py").write_text("raise SystemExit")
    grade("ann")
    assert graded_in_log(classroom) == ["ann"]


def test_a_killed_process_costs_nobody_else_anything(classroom, grade, tmp_path):
    hand_in(classroom, "kim", "share 1 killed")
    hand_in(classroom, "lea", f"share 1 once {tmp_path / 'marker'}")
    found = grade()
    assert {name: each.score for name, each in found.items() if name in CLASS} == {
        "ann": 3, "bob": 1.5, "cat": 0, "dan": 0, "eve": 0,
    }  # fmt: skip
    assert (found["lea"].state, found["lea"].score) == (GRADED, 3)
    assert found["kim"].state == NOT_GRADED
    assert found["kim"].notes == ("the grading process ended twice: its process was killed by SIGKILL",)
    assert found["kim"].ours
    hand_in(classroom, "kim", "share 1")
    assert grade("kim")["kim"].score == 3


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("share 1 raises", "the grader failed twice: RuntimeError: there are no solutions"),
        ("share 1 garbled", "the grader failed twice: RuntimeError: SystemExit: "),
        ("share", "the grader failed twice: IndexError: list index out of range"),
    ],
)
def test_a_grader_that_fails_is_no_zero(classroom, grade, text, note):
    hand_in(classroom, "kim", text)
    found = grade("ann", "kim")
    assert found["ann"].score == 3
    assert (found["kim"].state, found["kim"].ours, found["kim"].notes) == (NOT_GRADED, True, (note,))


def nonsense(job):
    return "{}"


def other_cells(job):
    text = fake(job)
    return text.replace("add_backward_test", "no_such_cell")


def test_an_answer_that_is_none(classroom, grade):
    found = grade("ann", grade=nonsense)
    assert found["ann"].notes == ("the grader failed twice: KeyError: 'notebooks'",)


def test_cells_that_the_gradebook_does_not_have_end_the_run(classroom, grade):
    with pytest.raises(UsageError, match=r"01_gates has no graded cell no_such_cell in sqlite.*: was it released anew"):
        grade("ann", grade=other_cells)
    assert recorded(classroom) == {}
    assert events(classroom, "end")[-1]["ended"] == "failed"


def test_an_outcome_that_cannot_be_written_costs_the_others_nothing(classroom, grade, monkeypatch):
    real = Gradebook._save

    def failing(self, outcome, *more):
        if outcome.student == "ann":
            raise ZeroDivisionError("what nobody thought of")
        real(self, outcome, *more)

    monkeypatch.setattr(Gradebook, "_save", failing)
    found = grade()
    assert found["bob"].score == 1.5
    assert found["ann"].notes == ("its outcome could not be written down: ZeroDivisionError: what nobody thought of",)
    monkeypatch.undo()
    assert grade()["ann"].score == 3  # it was ours, so it is tried again


def test_a_submission_may_hold_anything(classroom, grade):
    folder = hand_in(classroom, "kim", "")
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to("/etc/passwd")
    hand_in(classroom, "lea", "share 1", stamp="when I was done\x00")
    os.mkfifo(hand_in(classroom, "max", "share 1") / "pipe.ipynb")
    classroom.submitted("ned", NAME).mkdir(parents=True)
    hand_in(classroom, "o" * 129, "share 1")
    hand_in(classroom, "p\nq", "share 1")
    hand_in(classroom, os.fsdecode(b"\xff\xfe"), "share 1")
    found = grade()
    assert found["kim"].notes == ("is a link to another file",)
    note = r"its timestamp.txt tells no time ('when I was done\x00'): it counts as handed in on time"
    assert (found["lea"].score, found["lea"].notes) == (3, (note,))
    assert found["max"].score == 3
    assert found["ned"].notes == ("nothing was handed in",)
    assert found["o" * 129].notes == ("the folder's name has 129 characters, and nbgrader keeps 128: rename it",)
    strange = "the folder's name has characters that cannot be shown: rename it"
    assert found[r"p\nq"].notes == found[r"\udcff\udcfe"].notes == (strange,)
    assert found["ann"].score == 3
    assert grade() == found


def test_files_that_cannot_be_read(classroom, grade, monkeypatch):
    def forbidden(folder, wanted):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(runs, "collected", forbidden)
    (found,) = grade("ann").values()
    assert found.notes == (f"{classroom.submitted('ann', NAME)} cannot be read (Permission denied)",)
    assert found.ours


def test_what_is_handed_out_beside_the_notebooks_travels(classroom, tmp_path):
    folder = classroom.root / "release" / NAME
    (folder / "data").mkdir()
    (folder / "data" / "digits.csv").write_text("1,2,3")
    with Gradebook(classroom) as book:
        task = runs._Assignment.of(classroom, book, NAME, "none")
    job = task.job("ann")
    assert job.files == {"data/digits.csv": b"1,2,3"}
    assert job.submitted == {f"{NAME}.ipynb": b"share 1"}
    assert (job.isolation, job.student, job.assignment) == ("none", "ann", NAME)
    assert {cell.grade_id for cell in job.wanted[NAME]} >= {"setup", "add_backward", "add_backward_test"}


def test_limits_are_nbgraders(course):
    assert runs.limits(course).cell == 10  # what the demonstration's configuration says
    path = course.root / "nbgrader_config.py"
    path.write_text(path.read_text() + "c.Execute.timeout = 7\n")
    assert runs.limits(course) == replace(Limits(), cell=7.0)
    assert runs.patience(Limits()) > Limits().total


class Eager(concurrent.futures.Executor):
    """Does everything at once, here; counts how much waits to be looked at."""

    def __init__(self):
        self.most, self.waiting = 0, set()

    def submit(self, function, /, *arguments):
        future = concurrent.futures.Future()
        self.waiting = {each for each in self.waiting if not each.looked}
        future.looked = False
        self.waiting.add(future)
        self.most = max(self.most, len(self.waiting))
        future.set_result(function(*arguments))
        result = future.result
        future.result = lambda *given: (setattr(future, "looked", True), result(*given))[1]
        return future


def test_only_so_many_submissions_are_in_memory(course, grade):
    for n in range(20):
        hand_in(course, f"s{n:02}", "share 1")
    pool = Eager()
    assert len(grade(executor=Place(pool, 3))) == 20
    assert 3 <= pool.most <= 3 * runs.WINDOW


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_an_interrupted_run_keeps_what_is_done_and_goes_on(classroom, two):
    def some():
        return runs.autograde(classroom, NAME, executor=two, grade=fake)

    started = some()
    first = next(started)
    with pytest.raises(KeyboardInterrupt):
        started.throw(KeyboardInterrupt())
    done = recorded(classroom)
    assert first.student in done
    end = events(classroom, "end")[-1]
    assert end["ended"] == "stopped"
    assert end["graded"] + end["not_graded"] == len(done) == len(graded_in_log(classroom))
    assert {outcome.student for outcome in some()} == set(CLASS)
    graded = graded_in_log(classroom)
    assert sorted(set(graded)) == sorted(CLASS)
    assert len([name for name in graded if name != "dan"]) == 4


def test_what_came_back_is_recorded_though_nobody_looked_at_it(classroom):
    started = runs.autograde(classroom, NAME, executor=Place(Eager(), 2), grade=fake)
    next(started)
    started.close()
    assert len(recorded(classroom)) == 4  # all that were handed out


def test_processes_end_with_an_interrupted_run(classroom, tmp_path):
    for student in ("kim", "lea"):
        hand_in(classroom, student, f"share 1 waits {tmp_path / 'pids'}")
    started = runs.autograde(classroom, NAME, ["ann", "kim", "lea"], jobs=3, grade=fake)
    assert next(started).student == "ann"
    ends = time.monotonic() + 20
    while not (tmp_path / "pids").is_dir() or len(list((tmp_path / "pids").iterdir())) < 2:
        assert time.monotonic() < ends
        time.sleep(0.01)
    began = time.monotonic()
    started.close()
    assert time.monotonic() - began < 3
    for pid in (tmp_path / "pids").iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.name), 0)
    assert set(recorded(classroom)) == {"ann"}


# -- the log ----------------------------------------------------------------------------------------------------------


def test_the_log_tells_all(classroom, grade):
    found = grade(isolation="none")
    lines = journal.path_of(classroom, NAME).read_text().splitlines()
    all_events = [json.loads(line) for line in lines]
    assert [event["event"] for event in all_events] == ["start", *["outcome"] * 5, "end"]
    assert all(event["assignment"] == NAME and event["time"].endswith("+00:00") for event in all_events)
    start, *_, end = all_events
    assert (start["submissions"], start["isolation"], start["regrade"], start["jobs"]) == (5, "none", False, 2)
    assert start["executor"] == "Processes"
    assert start["limits"] == asdict(runs.limits(classroom))
    assert start["version"] == runs.version()
    assert (end["graded"], end["not_graded"], end["unchanged"], end["ended"]) == (3, 2, 0, "done")
    for event in all_events[1:-1]:
        outcome = found[event["student"]]
        assert [event[key] for key in ("state", "score", "points", "by_hand", "digest", "ours", "isolation")] == [
            outcome.state, outcome.score, outcome.points, outcome.by_hand, outcome.digest, outcome.ours,
            outcome.isolation,
        ]  # fmt: skip
        assert (event["notes"], event["incidents"]) == (list(outcome.notes), [])


def test_a_torn_line_spoils_no_other(classroom, grade):
    grade("ann")
    path = journal.path_of(classroom, NAME)
    path.write_bytes(path.read_bytes()[:-20])
    grade("bob")
    assert graded_in_log(classroom) == ["ann", "bob"]
    assert [event["event"] for event in journal.read(classroom, NAME)] == [
        "start",
        "outcome",
        "start",
        "outcome",
        "end",
    ]
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n[1]\n")
    assert len(list(journal.read(classroom, NAME))) == 5


def test_without_a_log_there_are_no_events(course):
    assert list(journal.read(course, NAME)) == []


# -- what cannot be asked ---------------------------------------------------------------------------------------------


def test_who_has_submitted_nothing_cannot_be_graded(classroom, grade):
    with pytest.raises(UsageError, match="nobody has submitted nothing for 01_gates"):
        grade("ann", "nobody")


def test_an_assignment_that_was_not_released(classroom, two):
    with pytest.raises(UsageError, match="02_derivatives has not been released: python -m checker release 02_deriv"):
        next(runs.autograde(classroom, "02_derivatives", executor=two, grade=fake))
    assert not journal.path_of(classroom, "02_derivatives").exists()


@pytest.mark.parametrize(
    ("where", "jobs", "said"),
    [
        ("ray://x:1", 1, r"--executor is 'ray://x:1'; it is dask://HOST:PORT, the address of a Dask scheduler"),
        ("dask://x", 1, "it is dask://HOST:PORT"),
        ("dask://x:99999", 1, "it is dask://HOST:PORT"),
        ("dask://u:p@x:1", 1, "it is dask://HOST:PORT"),
        ("", 0, "--jobs is 0; it is at least 1"),
    ],
)
def test_a_place_that_there_is_not(where, jobs, said):
    with pytest.raises(UsageError, match=said), place(where, jobs):
        pass


def test_dask_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = r"distributed is not installed; pip install -e '.\[dask\]' installs it"
    with pytest.raises(UsageError, match=said), place("dask://localhost:8786"):
        pass


HOLD = """
import sys
from pathlib import Path
from checker.course.folder import Course
from checker.course.lock import alone
with alone(Course(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_runs_on_one_course(classroom, grade):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, classroom.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {other.pid} grades this course already: wait until it is done"):
            grade("ann")
        other.kill()
    assert grade("ann")["ann"].score == 3  # a killed process holds nothing


def test_a_lock_where_the_system_has_none(course, monkeypatch):
    monkeypatch.setattr(lock, "KERNEL", False)
    with lock.alone(course):
        said = rf"process {os.getpid()} grades this course already: .* no such process, delete .*running"
        with pytest.raises(UsageError, match=said), lock.alone(course):
            pass
    with lock.alone(course):
        pass


def test_a_folder_that_cannot_be_written(classroom, grade):
    (classroom.root / "reports").write_text("in the way")
    with pytest.raises(UsageError, match=r"reports/running cannot be written \(.*\): grading needs the right to write"):
        grade("ann")


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # of a library that other tests have loaded here
def test_a_folder_that_belongs_to_somebody_else():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        course = small_course(Path(folder) / "course")
        hand_in(course, "ann", "share 1")
        before = sorted(course.root.rglob("*"))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # as somebody without rights; whatever happens, this is no second pytest
            try:
                os.setuid(65534)
                next(runs.autograde(course, NAME, grade=fake))
            except UsageError as problem:
                os.write(write, str(problem).encode())
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        with os.fdopen(read) as told:
            said = f"{course.root}/reports/running cannot be written (Permission denied): grading needs the right to "
            assert told.read() == f"{said}write to the course's folder"
        assert sorted(course.root.rglob("*")) == before


def test_a_log_that_cannot_be_written(classroom, grade):
    journal.path_of(classroom, NAME).mkdir(parents=True)
    with pytest.raises(UsageError, match=r"the log .*01_gates.jsonl cannot be written \(Is a directory\): mend that"):
        grade("ann")


def test_a_pool_that_takes_no_more(classroom, grade):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(UsageError, match="nothing can be graded: cannot schedule new futures after shutdown; the same"):
        grade("ann", executor=Place(pool, 1))
    with pytest.raises(UsageError, match="the cluster is gone; the same command goes on where it stopped"):
        grade("ann", executor=Place(pool, 1, lambda: "the cluster is gone"))


def test_a_database_that_fails_midway(classroom, grade, monkeypatch):
    monkeypatch.setattr(gradebook, "PATIENCE", 0.1)
    calls = []
    real = Gradebook.record

    def failing(self, outcome, stamp=""):
        calls.append(outcome.student)
        if len(calls) == 3:
            raise UsageError("the gradebook is locked")
        real(self, outcome, stamp)

    monkeypatch.setattr(Gradebook, "record", failing)
    with pytest.raises(UsageError, match="the gradebook is locked"):
        grade()
    monkeypatch.undo()
    assert len(recorded(classroom)) == 2
    assert events(classroom, "end")[-1]["ended"] == "failed"
    assert set(grade()) == set(CLASS)


def test_one_thread_of_a_process_grades_at_a_time():
    running, most = [], []

    def call(n):
        running.append(n)
        most.append(len(running))
        time.sleep(0.002)
        running.remove(n)
        return n

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one_at_a_time, [call] * 12, range(12))) == list(range(12))
    assert max(most) == 1
