"""What a save costs while `checker watch` runs: until its verdict is on the screen, beside a cold `gradcheck`."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from . import ROOT
from .results import Result
from .startup import ENVIRONMENT
from .table import Table, markdown

PEERS = ()
#: From a save to the verdict, in milliseconds.
TARGET = 500
#: Seconds between a verdict and the next save.
PAUSE = 1.5

FILE, EXERCISE = "coursework/batchnorm.py", "batchnorm_backward"
_FORWARD = """std = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / std
    return gamma * x_hat + beta, (x_hat, std, gamma)"""
_BACKWARD = """x_hat, std, gamma = cache
    direct = gamma * dout
    dx = (direct - direct.mean(axis=0) - x_hat * (direct * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)"""
#: What is saved: the backward's code, and how the first line of its verdict begins.
ANSWERS = {
    "right": (_BACKWARD, f"{EXERCISE}: right"),
    "wrong": (_BACKWARD.replace(" - x_hat * (direct * x_hat).mean(axis=0)", ""), f"{EXERCISE}: wrong"),
    "broken": (_BACKWARD.replace("/ std", "/ std)"), f"{FILE}: wrong"),
}


def measure(quick: bool = False) -> Iterator[Table]:
    """Milliseconds for a file of seven exercises of which one is edited, with and without the answers at hand."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, student = Path(scratch, "work"), Path(scratch, "student")
        shutil.copytree(ROOT / "coursework", folder / "coursework")
        shutil.copytree(ROOT / "checker", student / "checker", ignore=shutil.ignore_patterns("course", "__pycache__"))
        for words, installed in (("answers at hand", ROOT), ("a student's install", student)):
            rows += [[f"{name}, {words}", *cells] for name, *cells in _rows(folder, installed, 2 if quick else 9)]
    header = ["what is saved", "median ms", "worst ms", "gradcheck, cold: median ms"]
    yield Table("saves", f"From a save of {FILE} to the verdict", header, rows, f"Target: under {TARGET} ms.")


def readme(result: Result) -> str:
    """Milliseconds from a save to the verdict."""
    saves = result.tables["saves"]
    rows = [[name, *(f"{cell:.0f}" for cell in cells)] for name, *cells in saves.rows]
    return f"{markdown(saves.header, rows)}\n\n{result.setting()}"


def _rows(folder: Path, installed: Path, times: int) -> list[list[object]]:
    """By what is saved: the median and the worst milliseconds, and the median of `gradcheck` on the same file."""
    stub = (ROOT / FILE).read_text(encoding="utf-8")
    (folder / FILE).write_text(stub, encoding="utf-8")
    watched: dict[str, list[float]] = {name: [] for name in ANSWERS}
    cold: dict[str, list[float]] = {name: [] for name in ANSWERS}
    with _watching(folder, installed) as lines:
        _wait(lines, "watching ")
        for count in range(times + 1):
            for name, (backward, verdict) in ANSWERS.items():
                time.sleep(PAUSE)
                # No two saves are the same, so that each is an edit of this exercise alone.
                text = _answered(_answered(stub, "batchnorm_forward", _FORWARD), EXERCISE, f"# {count}\n    {backward}")
                begun = time.perf_counter()
                (folder / FILE).write_text(text, encoding="utf-8")
                _wait(lines, verdict)
                if count:  # not the first: it edits the forward as well, which others call
                    watched[name].append(1000 * (time.perf_counter() - begun))
                _wait(lines, "watching ")
                if count:
                    time.sleep(PAUSE)
                    cold[name].append(1000 * _cold(folder, installed))
    return [[name, statistics.median(t), max(t), statistics.median(cold[name])] for name, t in watched.items()]


def _answered(stub: str, name: str, body: str) -> str:
    """The stub with one function's body."""
    unwritten = r"raise NotImplementedError[^\n]*"
    return re.sub(rf"(def {name}\(.*?){unwritten}", lambda found: found[1] + body, stub, count=1, flags=re.DOTALL)


@contextmanager
def _watching(folder: Path, installed: Path) -> Iterator[IO[str]]:
    """The lines that `checker watch` prints, which ends afterwards."""
    command = [sys.executable, "-m", "checker", "watch", FILE]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(installed)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.terminate()


def _wait(lines: IO[str], words: str) -> None:
    """Read on to the line that begins with these words."""
    for line in lines:
        if line.startswith(words):
            return
    raise RuntimeError(f"checker watch ended before it printed {words!r}")


def _cold(folder: Path, installed: Path) -> float:
    """Seconds of `gradcheck` on the exercise."""
    command = [sys.executable, "-m", "checker", "gradcheck", f"{FILE}::{EXERCISE}"]
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**ENVIRONMENT, "PYTHONPATH": str(installed)}, capture_output=True)
    return time.perf_counter() - begun
