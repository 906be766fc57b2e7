"""The grader is killed at any moment: after reruns the gradebook is right, and nothing was done twice."""

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checker.course import journal
from checker.course.gradebook import Gradebook
from tests.small_course import NAME, hand_in, hand_in_for_real, small_course
from tests.test_gradebook import rows

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SEED, KILLS, STUDENTS = 20260301, 50, 40
#: A grader is killed when it has told of so many outcomes at most, and so many seconds later at most.
OUTCOMES, SECONDS = 6, 0.12
GRADE = """
import sys
from pathlib import Path
from checker.course import runs
from checker.course.folder import Course
from tests.small_course import NAME, fake

if __name__ == "__main__":
    for outcome in runs.autograde(Course(Path(sys.argv[1])), NAME, jobs=2, grade=fake):
        print(outcome.student, flush=True)
"""


def class_of_forty(folder):
    course = small_course(folder)
    for n in range(STUDENTS):
        hand_in(course, f"s{n:02}", "unreadable" if n % 10 == 7 else f"share {n % 5 / 4} slow")
    return course


def grader(course, script):
    """A grader that leads a group of processes."""
    return subprocess.Popen(
        [sys.executable, script, course.root], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def done(course):
    """The students whose outcome is recorded."""
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db", timeout=60)) as db:  # it may have to undo
        if not db.execute("select 1 from sqlite_master where name = 'checker_outcomes'").fetchall():
            return set()
        return {student for (student,) in db.execute("select student from checker_outcomes")}


def state(course):
    """What an undisturbed run would leave as well."""
    with Gradebook(course) as book:
        ours = [json.loads(outcome.to_json()) for outcome in book.outcomes(NAME)]
    files = {
        path.relative_to(course.root): path.read_bytes()
        for path in sorted((course.root / "autograded").rglob("*"))
        if path.is_file()
    }
    return ours, rows(course), files


def killed(process, draw, known):
    """Kill a grader at a random moment; what it had told of that was not known, and whether it was at work still."""
    told = []
    if draw.random() < 0.2:  # before it has graded anything
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 2))
    else:
        most = draw.randint(0, OUTCOMES)
        while len(told) < most and (line := process.stdout.readline()):
            told += {line.strip()} - known
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, SECONDS))
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    with process:
        told += process.stdout.read().split("\n")[:-1]  # the last line may be torn
    return set(told), alive


def test_a_grader_that_is_killed_at_fifty_moments(tmp_path):
    script = tmp_path / "grade.py"
    script.write_text(GRADE)
    draw = random.Random(SEED)
    everybody = [f"s{n:02}" for n in range(STUDENTS)]
    undisturbed = class_of_forty(tmp_path / "undisturbed")
    out, err = grader(undisturbed, script).communicate(timeout=120)
    assert (sorted(out.split()), err) == (everybody, "")
    expected = state(undisturbed)
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        course = class_of_forty(tmp_path / f"killed{rounds}")
        recorded, alive = set(), True
        while alive and kills < KILLS:
            told, alive = killed(grader(course, script), draw, recorded)
            kills += alive
            now = done(course)
            assert recorded | told <= now  # what was written down, or said to be, stays so
            recorded = now
        out, err = grader(course, script).communicate(timeout=120)
        assert (sorted(out.split()), err) == (everybody, "")
        assert state(course) == expected
        logged = [event["student"] for event in journal.read(course, NAME) if event["event"] == "outcome"]
        assert len(logged) == len(set(logged))  # nothing that was recorded was graded again
        assert not list(course.root.rglob("*.part"))
    assert rounds > 1


SENT = ("everything right", "nothing answered", "a known mistake", "an exception", "the process ended", "half a file")


def real_class(folder):
    course = small_course(folder)
    for n in range(12):
        hand_in_for_real(course, f"s{n:02}", SENT[n % len(SENT)])
    return course


def command(course):
    """The command that an instructor would type, leading a group of processes as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "checker", "autograde", "--jobs", "2", "--course", course.root], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def left_behind(group):
    """The processes of a group, other than zombies."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


def without_times(state):
    ours, theirs, files = state
    return [{key: each[key] for key in each if key != "seconds"} for each in ours], theirs, files


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_real_class_whose_grader_is_stopped(tmp_path, sent):
    undisturbed = real_class(tmp_path / "undisturbed")
    out, err = command(undisturbed).communicate(timeout=200)
    assert "2 of 12 could not be graded" in out
    assert err == ""
    course = real_class(tmp_path / "stopped")
    seen = set()
    for most in (1, 4, 7):  # of twelve: the last ones may be done before they can be counted
        process = command(course)
        ends = time.monotonic() + 100
        # One more than the last run left: the signal is for a class that is being graded, not for a start.
        while not (course.root / "reports").is_dir() or len(done(course)) < max(most, len(seen) + 1):
            assert time.monotonic() < ends
            if process.poll() is not None:  # it was quicker
                break
            time.sleep(0.01)
        if process.poll() is not None:
            process.communicate()
            continue
        os.killpg(process.pid, sent)
        out, err = process.communicate(timeout=30)
        if sent == signal.SIGINT and not (process.returncode in (0, 1) and len(done(course)) == 12):  # it was quicker
            assert (process.returncode, err) == (130, "")
            (count,) = re.fullmatch(
                r"stopped: (\d+) of 12 graded; the same command goes on where it stopped\n", out
            ).groups()
            assert int(count) <= len(done(course))
        ends = time.monotonic() + 10
        while left_behind(process.pid):
            assert time.monotonic() < ends, left_behind(process.pid)
            time.sleep(0.05)
        assert seen <= done(course)
        seen = done(course)
    out, err = command(course).communicate(timeout=200)
    assert err == ""
    assert without_times(state(course)) == without_times(state(undisturbed))
    logged = [event["student"] for event in journal.read(course, NAME) if event["event"] == "outcome"]
    assert len(logged) == len(set(logged))  # nothing that was recorded was graded again
    if sent == signal.SIGINT:  # a kill may come between the gradebook and the log
        assert sorted(logged) == [f"s{n:02}" for n in range(12)]
