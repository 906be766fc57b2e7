"""What `checker doctor` looks at for an instructor: nbgrader, the sandbox, the course's folder and its gradebook."""

import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..doctor import Finding, install
from ..errors import UsageError
from .folder import CONFIG, Course, find_course

STUDENTS, INSTRUCTORS = "gradient-checker", "gradient-checker-course"
NBGRADER = (0, 9)


def findings(folder: Path) -> Iterator[Finding]:
    """Everything that a class graded in `folder` depends on."""
    yield _versions()
    yield _nbgrader()
    yield _sandbox()
    yield _bubblewrap()
    try:
        course = find_course(str(folder))
        course.configuration()
    except UsageError as problem:
        if (folder / CONFIG).is_file() or (folder / "notebooks" / CONFIG).is_file():
            yield Finding("the course", str(problem), f"mend {CONFIG}")
        else:
            yield Finding("the course", "is not in this folder; to make one: python -m checker course FOLDER")
        return
    names = course.assignments()
    yield Finding("the course", f"{len(names)} assignment{'s' * (len(names) != 1)} in {course.root}")
    yield _gradebook(course)


def _versions() -> Finding:
    """Whether both halves are of one version, where they were installed apart."""
    what = "the instructor's side"
    try:
        theirs = metadata.version(INSTRUCTORS)
    except metadata.PackageNotFoundError:
        return Finding(what, "of this clone")
    ours = metadata.version(STUDENTS)
    mend = "" if ours == theirs else install(f"{INSTRUCTORS}=={ours}")
    return Finding(what, theirs if not mend else f"{theirs}, and the checker itself is {ours}", mend)


def _nbgrader() -> Finding:
    version = metadata.version("nbgrader")
    numbers = tuple(int(part) for part in version.split(".")[:2])
    wanted = ".".join(map(str, NBGRADER))
    return Finding("nbgrader", version, "" if numbers >= NBGRADER else install(f"nbgrader>={wanted}"))


def _sandbox() -> Finding:
    """Whether a submission can be locked in here, found out by locking nothing in, as it is done for each."""
    from .isolation.client import NotIsolatedError, Server, Worker
    from .outcome import Limits

    server = worker = None
    try:
        server = Server()
        worker = Worker(server, Limits())
        layers = ", ".join(worker.layers)
    except NotIsolatedError as problem:
        mend = "grade on Linux 5.13 or later, or under WSL; --no-isolation grades the work of people whom you trust"
        return Finding("the sandbox", f"does not hold: {problem}", mend)
    finally:
        for started in (worker and worker.kill, server and server.close):
            if started:
                started()
    from .isolation.sandbox import namespaces

    without = "" if namespaces.NAME in layers else f"; this system has no {namespaces.NAME} for it, which costs little"
    return Finding("the sandbox", f"holds: {layers}{without}")


def _bubblewrap() -> Finding:
    from .isolation.sandbox import bubblewrap

    why = bubblewrap.available()
    return Finding(
        "bubblewrap", f"cannot be used: {why}; nothing needs it" if why else "can be used: --sandbox bubblewrap"
    )


def _gradebook(course: Course) -> Finding:
    """Whether grades can be kept. A gradebook that is not there yet is not made."""
    from .gradebook import Gradebook

    file = course.root / "gradebook.db"
    url = str(course.configuration().CourseDirectory.get("db_url", ""))
    if not url and not file.exists():
        mend = "" if os.access(course.root, os.W_OK) else "give yourself the right to write there"
        return Finding("the gradebook", f"is made by the first release, in {course.root}", mend)
    try:
        with Gradebook(course) as book:
            known = len(book.nbgrader.students)
    except UsageError as problem:
        return Finding("the gradebook", str(problem), "see above, and c.CourseDirectory.db_url in " + CONFIG)
    if not url and not os.access(file, os.W_OK):
        return Finding("the gradebook", f"{file} cannot be written", "give yourself the right to write there")
    return Finding("the gradebook", f"can be written; {known} student{'s' * (known != 1)} in it")
