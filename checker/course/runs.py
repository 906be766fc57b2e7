"""Grading a class: each submission by itself, in whatever process is free, and written down as soon as it is done.

This process never parses a submission and never runs anything of it: it reads bytes, hands them to a grading process,
and writes what comes back into the gradebook, to which it is the only writer. Whatever ends it, what was written down
is done, and the next run does the rest.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future
from dataclasses import asdict, dataclass, replace

from ..errors import UsageError
from .executors import Place, one_at_a_time, place
from .folder import Course
from .gradebook import LONGEST, STAMP, Gradebook, Known, handed_in_at
from .journal import END, START, Journal
from .lock import alone
from .outcome import GRADED, NOT_GRADED, Job, Limits, Outcome, add_files
from .precheck import Expected, collected

#: What grades a job, in a process of its own: the outcome as JSON.
Grade = Callable[[Job], str]

#: How many submissions are under way for each process: one in its hands, one that waits.
WINDOW = 2
#: Seconds without any outcome after which it is asked why.
LOOK = 30.0
#: How often a grading process is given a submission that it has ended over.
ATTEMPTS = 2


def autograde(
    course: Course,
    assignment: str,
    students: Sequence[str] = (),
    *,
    jobs: int = 1,
    regrade: bool = False,
    executor: str | Place = "",
    isolation: str = "full",
    grade: Grade | None = None,
) -> Generator[Outcome, None, None]:
    """Grade the submissions for an assignment, those of `students` or all; each outcome as it comes.

    What was graded before and has not changed is not graded again, unless `regrade`: its outcome comes from the
    gradebook, without notebooks. What the grader was to blame for is always tried again. Raises UsageError where
    nothing can be graded at all; what was graded by then stays so.
    """
    people = _people(course, assignment, students)
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone(course))
        book = stack.enter_context(Gradebook(course))
        task = _Assignment.of(course, book, assignment, isolation)
        if isinstance(executor, str):
            executor = stack.enter_context(place(executor, jobs, limit=patience(task.limits)))
        journal = stack.enter_context(Journal(course, assignment))
        run = _Run(task, book, journal, executor, grade or _grade)
        yield from run.over(people, regrade)


def version() -> str:
    """The checker's version; "" where it is not installed but only lies there."""
    import importlib.metadata  # thirty milliseconds, of which every command would have its share

    try:
        return importlib.metadata.version("gradient-checker")
    except importlib.metadata.PackageNotFoundError:
        return ""


def limits(course: Course) -> Limits:
    """What a submission may use; the seconds for a cell are those of nbgrader's `c.Execute.timeout`."""
    timeout = course.configuration().Execute.get("timeout")
    return Limits(cell=float(timeout)) if timeout else Limits()


def patience(allowed: Limits) -> float:
    """Seconds after which a process is thought to have lost its way over a submission."""
    return 2 * allowed.total + 60


def _people(course: Course, assignment: str, students: Sequence[str]) -> list[str]:
    known = course.students(assignment)
    for name in students:
        if name not in known:
            raise UsageError(f"{name} has submitted nothing for {assignment}")
    return list(dict.fromkeys(students)) or known


def _grade(job: Job) -> str:
    """Grade a job, in a grading process, which is where the answers are imported."""
    from .submission import graded

    return graded(job)


@dataclass(frozen=True)
class _Assignment:
    """What all jobs for an assignment have in common."""

    course: Course
    name: str
    wanted: Mapping[str, tuple[Expected, ...]]
    files: Mapping[str, bytes]
    limits: Limits
    isolation: str

    @classmethod
    def of(cls, course: Course, book: Gradebook, name: str, isolation: str) -> "_Assignment":
        """What the gradebook and the released folder tell. Raises UsageError where it was never released."""
        folder = course.root / "release" / name
        if not folder.is_dir():
            raise UsageError(f"{name} has not been released: python -m checker release {name}")
        others = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".ipynb"]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in others}
        return cls(course, name, book.expected(name), files, limits(course), isolation)

    @functools.cached_property
    def digest(self) -> bytes:
        """What tells this assignment, as this version of the checker grades it, from any other."""
        state = hashlib.sha256(version().encode())
        for name, cells in self.wanted.items():
            state.update(json.dumps([name, *(asdict(cell) for cell in cells)]).encode())
        add_files(state, self.files)
        return state.digest()

    def job(self, student: str) -> Job:
        """A student's submission as it is now: its bytes are read, and nothing in them is looked at."""
        submitted, refused = collected(self.course.submitted(student, self.name), self.wanted)
        state = hashlib.sha256(self.digest)
        add_files(state, submitted)
        state.update(json.dumps(sorted(refused.items())).encode())
        return Job(
            student, self.name, self.wanted, submitted, refused, self.files, self.limits, self.isolation,
            state.hexdigest(),
        )  # fmt: skip


@dataclass
class _Run:
    """One grading of a class."""

    task: _Assignment
    book: Gradebook
    journal: Journal
    place: Place
    grade: Grade

    def __post_init__(self) -> None:
        self.waiting: dict[Future[str], tuple[Job, int]] = {}
        self.counts = {GRADED: 0, NOT_GRADED: 0, "unchanged": 0}

    def over(self, people: Sequence[str], regrade: bool) -> Iterator[Outcome]:
        """The outcomes of these people's submissions. However this ends, the log says how."""
        began, ended = time.monotonic(), "failed"
        self.journal.write(
            START, submissions=len(people), regrade=regrade, isolation=self.task.isolation, jobs=self.place.width,
            executor=type(self.place.pool).__name__, limits=asdict(self.task.limits), version=version(),
        )  # fmt: skip
        try:
            yield from self.outcomes(self.work(people, regrade))
            ended = "done"
        except (KeyboardInterrupt, GeneratorExit):
            ended = "stopped"
            self.rescue()
            raise
        finally:
            for future in self.waiting:
                future.cancel()
            counts = {name.replace(" ", "_"): count for name, count in self.counts.items()}
            with contextlib.suppress(UsageError):  # what stopped the run is told, not this
                self.journal.write(END, ended=ended, **counts, seconds=round(time.monotonic() - began, 3))

    def work(self, people: Sequence[str], regrade: bool) -> Iterator[Job | Outcome]:
        """For each student what is to be graded, or the outcome, where that is known."""
        before = self.book.known(self.task.name)
        for student in people:
            if why := _unnameable(student):
                yield self.blamed(Job(_shown(student), self.task.name, {}, {}), why, ours=False)
                continue
            try:
                job = self.task.job(student)
            except OSError as problem:
                job = Job(student, self.task.name, {}, {})
                yield self.blamed(job, f"{problem.filename} cannot be read ({problem.strerror})")
                continue
            if not regrade and _settled(before.get(student), job.digest):
                self.counts["unchanged"] += 1
                yield self.book.outcome(student, self.task.name)
            else:
                yield job

    def outcomes(self, work: Iterator[Job | Outcome]) -> Iterator[Outcome]:
        """Every outcome, in the order in which they come; only so many jobs are in memory at a time."""
        left = True
        while left or self.waiting:
            while left and len(self.waiting) < WINDOW * self.place.width:
                item = next(work, None)
                if item is None:
                    left = False
                elif isinstance(item, Outcome):
                    yield item
                else:
                    self.give(item, 1)
            if self.waiting:
                done, _ = concurrent.futures.wait(self.waiting, LOOK, return_when=FIRST_COMPLETED)
                if not done and (why := self.place.idle()):
                    raise UsageError(f"{why}; {_GOES_ON}")
                for future in done:
                    outcome = self.taken(future)
                    if outcome is not None:
                        yield outcome

    def give(self, job: Job, attempt: int) -> None:
        """Hand a job out. Raises UsageError where there is nobody any more to take it."""
        try:
            future = self.place.pool.submit(one_at_a_time, self.grade, job)
        except Exception as problem:
            raise UsageError(f"{self.place.gone() or f'nothing can be graded: {problem}'}; {_GOES_ON}") from None
        self.waiting[future] = job, attempt

    def taken(self, future: Future[str]) -> Outcome | None:
        """The outcome of a job that came back, recorded; None if it was handed out again."""
        job, attempt = self.waiting.pop(future)
        try:
            outcome = replace(Outcome.from_json(future.result()), digest=job.digest)
        except UsageError:
            raise
        except (Exception, CancelledError) as problem:
            if gone := self.place.gone():
                raise UsageError(f"{gone}; {_GOES_ON}") from None
            if attempt < ATTEMPTS:
                self.give(job, attempt + 1)
                return None
            return self.blamed(job, _twice(problem))
        return self.recorded(outcome, job)

    def blamed(self, job: Job, why: str, *, ours: bool = True) -> Outcome:
        """The outcome of a job that could not be graded, recorded."""
        outcome = Outcome(job.student, job.assignment, NOT_GRADED, notes=(why,), digest=job.digest, ours=ours)
        return self.recorded(outcome, job)

    def recorded(self, outcome: Outcome, job: Job) -> Outcome:
        """Write an outcome down: first in the gradebook, then in the log."""
        stamp = job.submitted.get(STAMP, b"").decode("utf-8", "replace").strip()
        if stamp and handed_in_at(stamp) is None:
            note = f"its {STAMP} tells no time ({stamp[:40]!r}): it counts as handed in on time"
            outcome = replace(outcome, notes=(*outcome.notes, note))
        try:
            self.book.record(outcome, stamp)
        except UsageError:
            raise
        except Exception as problem:  # one outcome that cannot be written must not cost the others theirs
            why = f"its outcome could not be written down: {type(problem).__name__}: {problem}"[:500]
            outcome = Outcome(job.student, job.assignment, NOT_GRADED, notes=(why,), digest=job.digest, ours=True)
            self.book.record(outcome)
        self.journal.outcome(outcome)
        self.counts[outcome.state] += 1
        return outcome

    def rescue(self) -> None:
        """Record what has come back and was not looked at yet."""
        for future in [each for each in self.waiting if each.done() and not each.cancelled() and not each.exception()]:
            job, _ = self.waiting.pop(future)
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self.recorded(replace(Outcome.from_json(future.result()), digest=job.digest), job)


_GOES_ON = "the same command goes on where it stopped"


def _settled(known: Known | None, digest: str) -> bool:
    """Whether a submission need not be graded again."""
    return known is not None and known.digest == digest and not known.ours


def _twice(problem: BaseException) -> str:
    """Why a job that was handed out twice came back without an outcome."""
    if isinstance(problem, (BrokenExecutor, CancelledError)) or type(problem).__name__ == "KilledWorker":
        said = (str(problem) or type(problem).__name__).splitlines()[0]
        return f"the grading process ended twice: {said}"[:500]
    return f"the grader failed twice: {type(problem).__name__}: {problem}"[:500]


def _unnameable(student: str) -> str:
    """Why a folder's name cannot be a student's; "" if it can."""
    if not student.isprintable():
        return "the folder's name has characters that cannot be shown: rename it"
    if len(student) > LONGEST:
        return f"the folder's name has {len(student)} characters, and nbgrader keeps {LONGEST}: rename it"
    return ""


def _shown(student: str) -> str:
    """A name as the gradebook can keep it."""
    return ascii(student)[1:-1][:255]
