"""The gradebook in PostgreSQL, through nbgrader's `db_url`: a server of our own, in a folder of its own."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from checker.course import demo, nbgrader, runs
from checker.course.executors import place
from checker.course.gradebook import Gradebook
from checker.course.outcome import GRADED, NOT_GRADED
from checker.errors import UsageError
from tests.small_course import NAME, fake, hand_in

pytestmark = pytest.mark.slow
ROOT = os.name == "posix" and os.geteuid() == 0


def programs():
    """Where the server's programs are; Debian keeps them off the path. They are installed if that is allowed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and shutil.which("initdb"):
        found = [Path(shutil.which("initdb"))]
    if not found and ROOT and shutil.which("apt-get"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "postgresql"]):
            subprocess.run(["apt-get", "-qq", *command], capture_output=True, timeout=300, check=False)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed, and only root may install it")
    return found[-1].parent


class Server:
    """A database server that listens on the loopback alone; it will not run as root, so there it is `postgres`."""

    def __init__(self, folder):
        self.folder, self.programs = folder, programs()
        self.user = "postgres" if ROOT else getpass.getuser()
        if ROOT:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"postgresql+psycopg2://{self.user}@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={self.user}")
        self.start()

    def command(self, program, *options):
        return [self.programs / program, "-D", self.folder / "data", *options]

    def run(self, program, *options):
        done = subprocess.run(
            self.command(program, *options), user=self.user if ROOT else None, capture_output=True, text=True,
            cwd=self.folder, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        options = ("-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder, "-c", "fsync=off")
        self.process = subprocess.Popen(
            self.command("postgres", *options), user=self.user if ROOT else None, cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        import psycopg2

        ends = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(host="127.0.0.1", port=self.port, user=self.user, dbname="postgres").close()
                return
            except psycopg2.OperationalError:  # it listens before it answers
                assert time.monotonic() < ends
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()  # which lets clients end first; an interrupt does not
        self.process.send_signal(2)
        self.process.wait(60)


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install psycopg2-binary")
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir="/tmp") as folder:  # a socket's path has to be short
        server = Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="module")
def course(server, tmp_path_factory):
    course = demo.prepared(tmp_path_factory.mktemp("postgresql") / "course")
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"c.CourseDirectory.db_url = {server.url!r}\n")
    nbgrader.release(course, NAME)
    return course


@pytest.fixture(scope="module")
def two():
    with place(jobs=2) as two:
        yield two


def grade(course, two, *students, **more):
    return {each.student: each for each in runs.autograde(course, NAME, students, executor=two, grade=fake, **more)}


def test_a_class_is_graded_into_it(course, two, tmp_path):
    for n in range(20):
        hand_in(course, f"s{n:02}", f"share {n / 20} \u03c3\x01" if n else "unreadable")
    found = grade(course, two)
    assert [found[f"s{n:02}"].score for n in range(20)] == pytest.approx([0, *(3 * n / 20 for n in range(1, 20))])
    assert grade(course, two) == found
    assert not (course.root / "gradebook.db").exists()
    with Gradebook(course) as book:
        assert {outcome.student: outcome for outcome in book.outcomes(NAME)} == found
        assert book.known(NAME)["s00"].state == NOT_GRADED
        assert book.waiting() == 19
        scores = {each.student.id: each.score for each in book.nbgrader.assignment_submissions(NAME)}
    assert scores == {name: pytest.approx(each.score) for name, each in found.items() if each.state == GRADED}
    assert nbgrader.export(course, tmp_path / "grades.csv") == 20


def test_texts_that_it_cannot_keep(course, two):
    hand_in(course, "zero", "share 1")
    (zero,) = grade(course, two, "zero").values()
    with Gradebook(course) as book:
        book.record(replace(zero, notes=("a zero \x00 and half a pair \ud800",)))
        assert book.outcome("zero", NAME).notes == ("a zero \x00 and half a pair \ud800",)


def test_a_server_that_goes_away_and_comes_back(course, two, server):
    for n in range(20, 40):
        hand_in(course, f"s{n:02}", "share 1 slow")
    started = runs.autograde(course, NAME, executor=two, grade=fake)
    seen = [next(started) for _ in range(26)]
    server.stop()
    said = r"the gradebook postgresql\+psycopg2://.* cannot be used: .*(server|connection|terminat)"
    with pytest.raises(UsageError, match=said) as raised:
        seen += started
    assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match=r"the gradebook postgresql\+psycopg2.*cannot be used: connection .*refused"):
        Gradebook(course)
    server.start()
    assert len(grade(course, two)) == 41
    with Gradebook(course) as book:
        assert len(book.known(NAME)) == 41


def test_another_writer_is_waited_for(course, two):
    """nbgrader's formgrader writes while a class is graded: no row of either is lost."""
    script = f"""
import sys
sys.path.insert(0, {str(course.root)!r})
import warnings; warnings.simplefilter("ignore")
from nbgrader.api import Gradebook
for n in range(30):
    with Gradebook({f"{course.configuration().CourseDirectory.db_url}"!r}, "backpropagation") as book:
        for grade in book.find_submission({NAME!r}, "s01").notebooks[0].grades:
            grade.extra_credit = n
        book.db.commit()
"""
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True) as other:
        found = grade(course, two, regrade=True)
        _, err = other.communicate(timeout=120)
    assert (other.returncode, err) == (0, "")
    assert len(found) == 41
    with Gradebook(course) as book:
        submission = book.nbgrader.find_submission(NAME, "s01")
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        assert {grade.extra_credit for grade in grades} == {29}
        assert sum(grade.auto_score or 0 for grade in grades) == pytest.approx(found["s01"].score)
