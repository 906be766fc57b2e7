"""A function of a stream: its steps come one by one, and once, and it must not keep more the more of them there are.

The answer's first parameter is the stream. What is declared of it, with `arguments`, is an array or a tuple of arrays
whose first axis is the time; the answer gets a one-pass iterator of new copies of their rows. It returns arrays that
are compared as those of a value.

Its memory is measured with `tracemalloc` on SHORT and on LONG steps, made of the rows in turn. By each further step the
peak may grow by less than LIMIT bytes; so steps may be worked off in blocks, of up to SHORT. No right answer is called
wrong by chance: cycles are collected on the way, and of ATTEMPTS measurements the smallest counts, whatever another
thread allocates meanwhile.
"""

import contextlib
import functools
import gc
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .. import environment, tree
from ..recognise import Doing
from ..report import RIGHT, WRONG, Finding, Report
from ..standin import where_it_lives
from . import Answer, value

#: The lengths of the sequences on which memory is measured.
SHORT, LONG = 32, 288
#: By so many bytes may the memory not grow with each further step: two numbers of double precision.
LIMIT = 16
#: Memory that is not the same for both is measured again, at most so many times in all.
ATTEMPTS = 3
#: Cycles are collected every so many steps.
EVERY = 8
#: The subject of what is found about an answer's only value.
ONLY = "value"


class Stream:
    """The steps, one by one and once: `count` copies of the rows of what is declared; `call` precedes some."""

    def __init__(self, rows: Any, count: int | None = None, call: Callable[[], Any] | None = None):
        self.rows = rows
        self.count = min(len(leaf) for leaf in tree.leaves(rows)) if count is None else count
        self.call = call
        self.place = 0
        self.asked_again = False

    def __iter__(self) -> "Stream":
        """The stream itself; a second loop goes on where the first one ended."""
        self.asked_again |= self.place > self.count
        return self

    def __next__(self) -> Any:
        """The next step."""
        ended, place = self.place >= self.count, self.place
        self.place += 1
        if self.call is not None and not place % EVERY:
            self.call()
        if ended:
            raise StopIteration
        return tree.map_leaves(lambda leaf: leaf[place % len(leaf)].copy(), self.rows)


def doing(task: Any, answer: Answer, inputs: Sequence[Any]) -> Doing:
    """The values, the inputs as they are left, and whether the memory grows with the steps."""
    done = value.doing(task, Answer(_streaming(answer.function, [])), inputs)
    if "raised" in done:
        return done
    done = {f"output {ONLY}" if key == "output " else key: array for key, array in done.items()}
    try:
        return {**done, "growing memory": np.array(_grows(answer.function, inputs))}
    except Exception as problem:
        return {**done, "raised": np.array(type(problem).__name__)}


_measured: weakref.WeakKeyDictionary[Callable[..., Any], bool] = weakref.WeakKeyDictionary()


def _grows(function: Callable[..., Any], inputs: Sequence[Any]) -> bool:
    """Whether a function's memory grows, measured once for each: at the inputs that it is asked about first."""
    try:
        known = _measured.get(function)
    except TypeError:  # an object that cannot be a key
        known = None
    if known is None:
        known = growth(function, inputs)[0] >= LIMIT
        with contextlib.suppress(TypeError):
            _measured[function] = known
    return known


def judge(task: Any, answer: Answer, inputs: Sequence[Any], expected: Doing, **options: Any) -> Report:
    """Right if every value equals the expected one, and the memory does not grow with the steps."""
    again: list[bool] = []
    expected = {"output " if key == f"output {ONLY}" else key: array for key, array in expected.items()}
    report = value.judge(task, Answer(_streaming(answer.function, again)), inputs, expected, **options)
    if report.kind in ("", "values", "shape") and report.verdict in (RIGHT, WRONG):
        findings = tuple(replace(finding, subject=finding.subject or ONLY) for finding in report.findings)
        report = replace(report, findings=findings)
    if report.verdict == WRONG:
        report = _advised(report, any(again))
    if report.kind not in ("", "values") or report.verdict not in (RIGHT, WRONG):
        return report
    try:
        by, short, long = growth(answer.function, inputs)
    except (Exception, SystemExit) as problem:
        message = f"with {LONG} steps {environment.describe(problem, answer.function)}"
        finding = Finding("", WRONG, message, "error", type(problem).__name__)
        return replace(report, verdict=WRONG, kind=report.kind or "error", findings=(*report.findings, finding))
    if by < LIMIT:
        finding = Finding("memory", RIGHT, f"memory does not grow with the steps: {long} bytes at {LONG} steps")
        return replace(report, findings=(*report.findings, finding))
    message = (
        f"{task.name} keeps about {by:.0f} bytes more for every further step, {short} bytes in all with {SHORT} "
        f"steps and {long} with {LONG}, where its memory must not grow with their number"
    )
    advice = "a sequence may never end: what later steps need of the past has to fit into arrays of one size"
    finding = Finding("memory", WRONG, message, "contract", "", advice)
    return replace(report, verdict=WRONG, kind=report.kind or "contract", findings=(*report.findings, finding))


def _streaming(function: Callable[..., Any], again: list[bool]) -> Callable[..., Any]:
    """The function with the rows of its first argument handed over as a stream.

    `again` grows by whether the function went through it a second time.
    """

    @functools.wraps(function)
    def streaming(*inputs: Any) -> Any:
        returned, asked_again = _streamed(function, *inputs)
        again.append(asked_again)
        return returned

    return streaming


@where_it_lives
def _streamed(function: Callable[..., Any], rows: Any, *others: Any) -> tuple[Any, bool]:
    """What the function returns for a stream of these rows, and whether it asked for them a second time."""
    stream = Stream(rows)
    returned = function(stream, *others)
    if isinstance(returned, Iterator):
        raise TypeError("the answer yields; it should return what is asked for after the last step")
    return returned, stream.asked_again


def _advised(report: Report, asked_again: bool) -> Report:
    """A wrong report with a word on the stream, where the answer takes it for something else."""
    first, *rest = report.findings
    if "Stream'" in first.message:
        advice = "the steps come one by one, and once: a for loop takes them as they come"
    elif asked_again and first.verdict == WRONG:
        advice = "the steps are gone through a second time, and come only once: the second loop gets none"
    else:
        return report
    return replace(report, findings=(replace(first, advice=first.advice or advice), *rest))


# -- memory -----------------------------------------------------------------------------------------------------------


@where_it_lives
def growth(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[float, int, int]:
    """Bytes by which the memory grows with each further step; and what is needed for SHORT and for LONG steps."""
    short = long = sys.maxsize
    for _ in range(ATTEMPTS):
        short = min(short, needed(function, inputs, SHORT))
        long = min(long, needed(function, inputs, LONG))
        by = (long - short) / (LONG - SHORT)
        if abs(by) < LIMIT:
            break
    return by, short, long


def needed(function: Callable[..., Any], inputs: Sequence[Any], count: int) -> int:
    """The bytes that the function needs at its peak for `count` steps."""
    rows, *others = tree.copy(tuple(inputs))
    mine = not tracemalloc.is_tracing()
    gc.freeze()  # so that the collections on the way look at the answer's objects alone
    if mine:
        tracemalloc.start()
    try:
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with np.errstate(all="ignore"):
            returned = function(Stream(rows, count, gc.collect), *others)
        peak = tracemalloc.get_traced_memory()[1]
        del returned
    finally:
        if mine:
            tracemalloc.stop()
        gc.unfreeze()
    return max(0, peak - before)
