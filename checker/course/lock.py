"""One run on a course at a time."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from .folder import REPORTS, Course

#: Whether there are locks that go with the process that has them; not on Windows.
KERNEL = importlib.util.find_spec("fcntl") is not None


@contextlib.contextmanager
def alone(course: Course) -> Iterator[None]:
    """Keep other runs out of a course. Raises UsageError where one is under way, or where the folder is read-only."""
    path = course.root / REPORTS / "running"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | (0 if KERNEL else os.O_EXCL), 0o644)
    except OSError as problem:
        if isinstance(problem, FileExistsError) and path.is_file():
            raise UsageError(
                f"process {_told(path)} grades this course already: wait until it is done; where there is no such "
                f"process, delete {path}"
            ) from None
        raise UsageError(
            f"{path} cannot be written ({problem.strerror}): grading needs the right to write to the course's folder"
        ) from None
    try:
        if KERNEL:
            _lock(file, path)
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        os.close(file)
        if not KERNEL:
            path.unlink()


def _lock(file: int, path: Path) -> None:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"process {_told(path)} grades this course already: wait until it is done, or end it"
        ) from None
    except OSError:  # the file system of a network may know no locks: then there is none
        pass


def _told(path: Path) -> str:
    """The process id in a file."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")[:20].strip() or "?"
    return "?"
