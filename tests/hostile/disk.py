"""What may lie where a submission should: links, pipes, folders, weights, and names that somebody else obeys."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path, Path, bytes], None]

NAME = "small.ipynb"


def _link(target: str) -> Make:
    def make(folder: Path, course: Path, right: bytes) -> None:
        folder.mkdir(parents=True)
        (folder / NAME).symlink_to(target.replace("@COURSE@", str(course)))

    return make


def _folder_link(folder: Path, course: Path, right: bytes) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(course / "submitted" / "honest" / "small")


def _student_link(folder: Path, course: Path, right: bytes) -> None:
    folder.parent.symlink_to(course / "submitted" / "honest")


def _pipe(folder: Path, course: Path, right: bytes) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / NAME)
    os.mkfifo(folder / "timestamp.txt")


def _socket(folder: Path, course: Path, right: bytes) -> None:
    folder.mkdir(parents=True)
    here = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(NAME)
    finally:
        os.chdir(here)


def _directory(folder: Path, course: Path, right: bytes) -> None:
    (folder / NAME / "inside").mkdir(parents=True)


def _sparse(folder: Path, course: Path, right: bytes) -> None:
    folder.mkdir(parents=True)
    with open(folder / NAME, "wb") as file:
        file.truncate(1 << 30)


def _beside(folder: Path, course: Path, right: bytes) -> None:
    """A right notebook among what nobody should read."""
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(right)
    with open(folder / "data.bin", "wb") as file:
        file.truncate(1 << 30)
    for number in range(2000):
        (folder / f"{number}.txt").touch()
    for number in range(100):
        (folder / f"{number}.ipynb").write_bytes(b"[" * 1000)  # before the right one in the alphabet
    (folder / "secret.txt").symlink_to(course / "gradebook.db")
    (folder / "elsewhere").symlink_to(course / "source")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "waits.txt")
    deep = folder
    for _ in range(100):
        deep /= "d"
    deep.mkdir(parents=True)


def _stamp(text: bytes) -> Make:
    def make(folder: Path, course: Path, right: bytes) -> None:
        folder.mkdir(parents=True)
        (folder / NAME).write_bytes(right)
        (folder / "timestamp.txt").write_bytes(text)

    return make


def _stamp_link(folder: Path, course: Path, right: bytes) -> None:
    _stamp(b"")(folder, course, right)
    (folder / "timestamp.txt").unlink()
    (folder / "timestamp.txt").symlink_to(course / "gradebook.db")


#: Nothing is there that could be graded.
NOTHING: dict[str, Make] = {
    "a link to the source": _link("@COURSE@/source/small/small.ipynb"),
    "a link to another's work": _link("../../honest/small/small.ipynb"),
    "a link to the gradebook": _link("@COURSE@/gradebook.db"),
    "a link without end": _link("/dev/zero"),
    "a link to itself": _link(NAME),
    "a link of the whole folder": _folder_link,
    "a link of the whole student": _student_link,
    "a pipe": _pipe,
    "a socket": _socket,
    "a folder of that name": _directory,
    "a GB of nothing": _sparse,
}
#: A right notebook, and something odd about it.
RIGHT: dict[str, Make] = {
    "much beside it": _beside,
    "a date of nonsense": _stamp(b"\xff\xfe yesterday <script>" * 1000),
    "a date of 100 MB": _stamp(b"2" * 100_000_000),
    "a date far ahead": _stamp(b"9999-12-31 23:59:59 UTC"),
    "a date that is a link": _stamp_link,
}
#: Folders' names, as a careless program would run, show or write them; what lies there is right.
STUDENTS = (
    "=1+1", "+1", "-rf", "$(touch pwned)", "`id`", "a b", "<img src=x onerror=pwned()>", "'; drop table grade;",
    "%s%n", "{0.__class__}", "..x", "...", "~", "ünï", "\U0001f600", "a\nb", "\x1b[31mred", "x" * 200, "CON", "a'b\"c",
)  # fmt: skip
