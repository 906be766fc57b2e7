"""Settings that all tests share."""

import importlib.util
import os
import signal
import sys

import pytest

# The arrays in the tests are small: threads of the linear algebra library would only cost time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A run in the background may ignore Ctrl-C, and hand that down to the programs that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: Modules of tests that need the extra [course]: without it they are not collected.
COURSE = (
    "test_browser_pages.py", "test_class_report.py", "test_crash.py", "test_dask.py", "test_equal_grades.py",
    "test_gradebook.py", "test_hostile.py", "test_instructors_doctor.py", "test_isolation.py", "test_judging.py",
    "test_outputs.py", "test_pages.py", "test_postgresql.py", "test_residence.py", "test_runs.py", "test_spelled.py",
)  # fmt: skip
collect_ignore = [] if importlib.util.find_spec("nbgrader") else list(COURSE)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in COURSE:
            item.add_marker("course")


@pytest.fixture(autouse=True)
def _the_same_path(monkeypatch):
    """What a test puts before everything else on the path, as building a project does, is nothing to the next one."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(scope="module")
def server():
    """A warm server that forks sandboxed workers."""
    from checker.course.isolation.client import FULL, Server

    made = Server((), FULL)
    yield made
    made.close()


@pytest.fixture
def worker(server, request):
    """A worker with the LIMITS of the test's module."""
    from checker.course.isolation.client import Worker

    made = Worker(server, request.module.LIMITS)
    yield made
    made.kill()
