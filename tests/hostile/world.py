"""A course, its surroundings and a grader for each submission, and what has become of them afterwards."""

import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checker.course import folder, nbgrader, notebooks
from checker.course.outcome import Job, Limits, Outcome
from checker.course.precheck import Expected

from .honest import AFFINE, MUL
from .submission import CHANGED, LEFT, MARKS, MEASURED, SEEN, SENT, SMALL, Submission, filled, sent

ROOT = Path(__file__).parents[2]
#: A submission may use so much, and its grading take so many seconds more before it is said to hang.
LIMITS = Limits(cell=8, call=4, total=60, memory=2 << 30, disk=16 << 20, output=20_000)
PATIENCE = 30.0
#: What became of a grader that did not answer, or answered nonsense; and what was left lying about.
HUNG, FAILED, LITTER, OURS, RAW = "hung", "failed", "litter", "said to be our fault", "control characters"
#: Stands in everything that no submission may see.
CANARY = "CANARY"
#: Bytes of a file that is compared by its size and time alone.
LARGE = 50_000_000
#: What a terminal obeys, or no text can hold.
WILD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

SOURCE = """# %% [markdown]
# # Small

# %%
exercise("gates.mul_backward")

# %%
exercise("affine.affine_backward")

# %%
question("why", points=2)

# %% [markdown]
# Why is that so? One sentence.
#
# ### BEGIN SOLUTION
#
# CANARY-ANSWER: because.
#
# ### END SOLUTION
"""
MEASURED_SOURCE = "\n\n".join(
    f'# %%\nexercise("{name}")' for name in ("memory.freeze_backward", "tape.Var", "rtrl.rtrl")
)


class Course:
    """A released course with two assignments, two students and a gradebook, to be copied for each submission."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        config = (ROOT / "notebooks" / folder.CONFIG).read_text(encoding="utf-8")
        (root / folder.CONFIG).write_text(config, encoding="utf-8")
        self.released: dict[str, Any] = {}
        self.wanted: dict[str, tuple[Expected, ...]] = {}
        for name, source in ((SMALL, SOURCE), (MEASURED, MEASURED_SOURCE)):
            path = root / "source" / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(notebooks.written(source), encoding="utf-8")
            nbgrader.release(folder.Course(root), name)
            whole = json.loads(path.read_text(encoding="utf-8"))
            self.released[name] = json.loads((root / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8"))
            self.wanted[name] = tuple(_expected(whole, self.released[name]))
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
            gradebook.update_or_create_student("other", first_name=f"{CANARY}-STUDENT")
        right = filled(self.released[SMALL], mul=MUL, affine=AFFINE, last=f"# {CANARY}-OTHER")
        for place in ("submitted/honest", "submitted/other", "autograded/honest"):
            into = root / place / SMALL
            into.mkdir(parents=True)
            (into / f"{SMALL}.ipynb").write_bytes(sent(right)[f"{SMALL}.ipynb"])


def _expected(whole: Mapping[str, Any], released: Mapping[str, Any]) -> Iterator[Expected]:
    """The cells of an assignment as the gradebook has them: cleared of answers, with hidden tests."""
    cleared = {cell["id"]: "".join(cell["source"]) for cell in released["cells"]}
    for cell in whole["cells"]:
        known = cell["metadata"].get("nbgrader")
        if known:
            text = "".join(cell["source"]) if known["grade"] and not known["solution"] else cleared[cell["id"]]
            yield Expected(
                known["grade_id"], cell["cell_type"], text, grade=known["grade"], solution=known["solution"],
                locked=known["locked"], points=float(known.get("points", 0.0)),
            )  # fmt: skip


@dataclass
class Result:
    """What came of a submission."""

    outcome: Outcome | None
    effects: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    text: str = ""


class World:
    """A copy of the course for one submission, a folder beside it, and somebody who listens."""

    def __init__(self, course: Course, root: Path) -> None:
        self.token = f"h{uuid.uuid4().hex[:12]}"
        self.root = root
        self.course, self.outside = root / "course", root / "outside"
        shutil.copytree(course.root, self.course)
        (self.outside / "home").mkdir(parents=True)
        (self.outside / "secret.txt").write_text(f"{CANARY}-FILE\n")
        self.heard: list[str] = []
        self.lines = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
        self.port = self._bound()
        for name in (f"{self.outside}/listen.sock", f"\0{self.token}"):
            self.lines.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            self.lines[-1].bind(name)
        for line in self.lines:
            if line.type == socket.SOCK_STREAM:
                line.listen(50)
            line.setblocking(False)
        self.over = threading.Event()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()
        self.before = self.state()

    def _bound(self) -> int:
        for _ in range(20):
            with contextlib.suppress(OSError):
                self.lines[0].bind(("127.0.0.1", 0))
                self.lines[1].bind(self.lines[0].getsockname())
                return int(self.lines[0].getsockname()[1])
        raise OSError("no port is free for both kinds of sockets")

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for line in self.lines:
                selector.register(line, selectors.EVENT_READ)
            while not self.over.is_set():
                for key, _ in selector.select(0.1):
                    line = key.fileobj
                    assert isinstance(line, socket.socket)
                    with contextlib.suppress(OSError):
                        if line.type == socket.SOCK_DGRAM:
                            self.heard.append(f"datagram {line.recv(100)!r}")
                        else:
                            line.accept()[0].close()
                            self.heard.append(f"connection to {line.getsockname()!r}")

    def close(self) -> None:
        """Stop listening."""
        self.over.set()
        self.listener.join()
        for line in self.lines:
            line.close()

    def filled(self, data: Any, tmp: Path) -> Any:
        """What is sent, with what an attacker knows or guesses in its places."""
        if not isinstance(data, bytes):
            return data
        words = {"COURSE": self.course, "OUTSIDE": self.outside, "TMP": tmp, "PORT": self.port, "TOKEN": self.token}
        for name, word in words.items():
            data = data.replace(f"@{name}@".encode(), str(word).encode())
        return data

    def state(self) -> dict[str, tuple[Any, ...]]:
        """Every file and folder of the course and beside it."""
        found: dict[str, tuple[Any, ...]] = {}
        for path in (*self.course.rglob("*"), self.course, *self.outside.rglob("*"), self.outside):
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                whole = path.is_file() and not path.is_symlink() and about.st_size < LARGE
                digest = hashlib.sha256(path.read_bytes()).hexdigest() if whole else ""
                found[str(path)] = (about.st_mode, about.st_uid, about.st_mtime_ns, about.st_size, digest)
        return found

    def changed(self) -> list[str]:
        """Files and folders that are not as they were."""
        after = self.state()
        paths = {path for path in {**self.before, **after} if self.before.get(path) != after.get(path)}
        return sorted(os.path.relpath(path, self.root) for path in paths)

    def effects(self, known: Mapping[int, str]) -> dict[str, str]:
        """What has changed, who was told, and what still runs; the latter is ended."""
        found = {}
        if changed := self.changed():
            found[CHANGED] = ", ".join(changed)[:500]
        left = self.left(known)
        if left:
            found[LEFT] = f"{len(left)} processes: {next(iter(left.values()))}"
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.15)
        if self.heard:
            found[SENT] = ", ".join(self.heard[:5])
        return found

    def left(self, known: Mapping[int, str]) -> dict[int, str]:
        """Processes of the submission's making: those with its token, and those below a server of `known` ones."""
        ends = time.monotonic() + 2
        while True:
            found = {}
            for pid, parent, text in _processes():
                if self.token in text or parent in known:
                    found[pid] = text
            if not found or time.monotonic() > ends:
                return found
            time.sleep(0.1)


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every process, its parent and its names; not those that have ended."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                stat = Path(f"/proc/{name}/stat").read_text()
                text = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                own, _, rest = stat.rpartition(")")
                state, parent = rest.split()[:2]
                if state not in ("Z", "X"):
                    yield int(name), int(parent), f"{own.partition('(')[2]} {text}"


# -- graders ----------------------------------------------------------------------------------------------------------


def _serve(line: Any, work: Callable[[Any], str], folder: str) -> None:
    """Be a grader: answer what comes until nothing does."""
    os.setsid()
    os.environ.update(TMPDIR=folder, HOME=f"{folder}/home", CHECKER_CANARY=f"{CANARY}-ENVIRONMENT", IPYTHONDIR=folder)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.makedirs(f"{folder}/home", exist_ok=True)
    os.dup2(os.open(f"{folder}/errors.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND), 2)
    while True:
        try:
            task = line.recv()
        except EOFError:
            return
        try:
            line.send((True, work(task)))
        except BaseException as problem:
            line.send((False, f"{type(problem).__name__}: {problem}"))


class Grader:
    """A process that grades one submission after another, and is replaced where it hangs or dies."""

    def __init__(self, work: Callable[[Any], str], folder: Path) -> None:
        self.work, self.folder = work, folder
        folder.mkdir(parents=True)
        self.start()

    def start(self) -> None:
        """Begin anew."""
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.work, str(self.folder)), daemon=True)
        self.process.start()
        theirs.close()

    def ask(self, task: Any, seconds: float) -> tuple[str, str]:
        """The answer and "", or "" and what went wrong."""
        self.line.send(task)
        try:
            if self.line.poll(seconds):
                good, text = self.line.recv()
                return (text, "") if good else ("", f"{FAILED}: {text}")
            wrong = f"{HUNG}: no answer in {seconds:.0f} s"
        except (EOFError, OSError):
            wrong = f"{FAILED}: the grading process ended"
        self.close()
        self.start()
        return "", wrong

    def servers(self) -> dict[int, str]:
        """Its own children: servers that may stay."""
        return {pid: text for pid, parent, text in _processes() if parent == self.process.pid}

    def close(self) -> None:
        """End it, and what it started."""
        below = set(self.servers())
        self.line.close()
        self.process.kill()
        self.process.join()
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def litter(self) -> list[str]:
        """What lies in the folders of workers that are gone."""
        return [str(path.relative_to(self.folder)) for path in self.folder.glob("grading-*/*")]


def job(submission: Submission, course: Course, world: World, tmp: Path, limits: Limits = LIMITS) -> Job:
    """What a grading process is given."""
    made = submission.make(course.released[submission.assignment])
    files = {name.replace("@OUTSIDE@", str(world.outside)): world.filled(data, tmp) for name, data in made.items()}
    wanted = {submission.assignment: course.wanted[submission.assignment]}
    return Job(submission.name[:60], submission.assignment, wanted, files, limits=limits)


def guarded(submission: Submission, course: Course, root: Path, grader: Grader, limits: Limits = LIMITS) -> Result:
    """Grade a submission as this project does."""
    world = World(course, root)
    try:
        asked = job(submission, course, world, grader.folder, limits)
        started = time.monotonic()
        text, wrong = grader.ask(asked, limits.total + PATIENCE)
        seconds = time.monotonic() - started
        effects = world.effects(grader.servers())
    finally:
        world.close()
    shutil.rmtree(root, ignore_errors=True)
    if wrong:
        return Result(None, {**effects, wrong.partition(":")[0]: wrong}, seconds)
    outcome = Outcome.from_json(text)
    effects |= told(outcome, text)
    if outcome.score > submission.deserves + 1e-9:
        marks = ", ".join(f"{mark.grade_id} {mark.score:g}" for mark in outcome.marks if mark.score)
        effects[MARKS] = f"{outcome.score:g} of {outcome.points:g}: {marks}"
    if litter := grader.litter():
        effects[LITTER] = ", ".join(litter)[:300]
        for path in grader.folder.glob("grading-*/*"):  # deeper than Python can go
            subprocess.run(["rm", "-rf", str(path)], check=False, stderr=subprocess.DEVNULL)
    return Result(outcome, effects, seconds, text)


def told(outcome: Outcome, text: str) -> dict[str, str]:
    """What an outcome tells that nobody should hear, or no terminal get."""
    found = {}
    for word in ("LOOT", CANARY):
        if word in text:
            found[SEEN] = text[text.index(word) :][:200]
    said = [*outcome.notes, *outcome.incidents]
    said += [part for mark in outcome.marks for part in (mark.message, mark.advice, mark.said, mark.cause)]
    wild = [each for each in said if WILD.search(each)]
    if wild:
        found[RAW] = repr(wild[0])[:300]
    if outcome.ours:
        found[OURS] = "; ".join(outcome.notes)[:500]
    return found


def everything(
    submissions: tuple[Submission, ...], course: Course, root: Path, limits: Limits = LIMITS, graders: int = 2
) -> dict[str, Result]:
    """The result of each submission, by its name."""
    from concurrent.futures import ThreadPoolExecutor

    from checker.course.submission import graded

    own = threading.local()
    all_graders: list[Grader] = []

    def one(place: int, submission: Submission) -> Result:
        if not hasattr(own, "grader"):
            own.grader = Grader(graded, root / f"tmp-{threading.get_ident()}")
            all_graders.append(own.grader)
        return guarded(submission, course, root / str(place), own.grader, limits)  # a socket's path is short

    try:
        with ThreadPoolExecutor(graders) as pool:
            return dict(zip((each.name for each in submissions), pool.map(one, range(len(submissions)), submissions)))
    finally:
        for grader in all_graders:
            grader.close()
