"""A report as plain text for a terminal: what is wrong first, in a few lines."""

import math
import textwrap
from collections.abc import Iterator

import numpy as np

from ..report import CANNOT_TELL, RIGHT, WRONG, Entry, Finding, Report

#: A report has at most this many lines, unless everything is asked for.
LINES = 12
WIDTH = 100

_KINDS = {
    "values": "values",
    "edge": "only in a corner case",
    "unstable": "unstable",
    "shape": "shape",
    "contract": "contract",
    "forward": "forward",
    "error": "raises an exception",
}


def render(report: Report, *, verbose: bool = False, quiet: bool = False, width: int = WIDTH) -> str:
    """The report's text, without a newline at its end; `quiet` gives one line, `verbose` everything there is."""
    if quiet:
        return headline(report)
    if verbose:
        return "\n".join(_lines(report, width, [_ALL] * len(report.findings), _ALL))
    # Say less about the later findings, and then about the first, until it fits.
    detail = [_FULL] * len(report.findings)
    later = list(reversed(range(1, len(detail))))
    steps = [(place, level) for level in (_NO_ADVICE, _ONE_LINE, _NAME) for place in later] + [(0, _NO_ADVICE)]
    for place, level in steps if detail else ():
        if len(list(_lines(report, width, detail, _FULL))) <= LINES:
            break
        detail[place] = level
    lines = list(_lines(report, width, detail, _FULL))
    if len(lines) > LINES:
        lines[LINES - 1 :] = ["  ... (--verbose shows the rest)"]
    return "\n".join(lines)


_NAME, _ONE_LINE, _NO_ADVICE, _FULL, _ALL = range(5)


def headline(report: Report) -> str:
    """Name, verdict and kind on one line."""
    kind = f" ({_KINDS.get(report.kind, report.kind)})" if report.kind else ""
    return f"{report.name}: {report.verdict}{kind}"


def _lines(report: Report, width: int, detail: list[int], level: int) -> Iterator[str]:
    yield headline(report)
    plain = [f for f in report.findings if f.verdict == RIGHT and not f.cause and not f.kind]
    told = [(finding, own) for finding, own in zip(report.findings, detail) if finding not in plain]
    for finding, own in told:
        if own != _NAME:
            yield from _finding(finding, own, width)
    rest = [finding.subject or finding.message for finding, own in told if own == _NAME]
    if rest:
        yield from _wrapped(f"{len(rest)} more (--verbose): {', '.join(rest)}", width, "  ", 1)
    if level == _ALL:
        yield from (f"  {finding.message}" for finding in plain)
    elif plain:
        names = ", ".join(f"{f.subject} {f.shape}" if f.shape else f.subject or f.message for f in plain)
        opening = "every entry agrees" if report.verdict == RIGHT else "right"
        yield from _wrapped(f"{opening}: {names}", width, "  ", 1)
    if report.where:
        yield from _wrapped(f"where: {report.where}", width, "  ", None if level == _ALL else 3)
    judged = report.mode and (level == _ALL or report.kind not in ("contract", "error"))
    how = [f"{report.mode} check, {report.forwards} forwards"] if judged else []
    if level == _ALL:
        yield from (f"  {note}" for note in (*how, *report.notes))
        yield from _inputs(report)
    elif how or report.notes:
        yield from _wrapped("; ".join((*how, *report.notes)), width, "  ", 3)


def _finding(finding: Finding, level: int, width: int) -> Iterator[str]:
    if level == _ONE_LINE:
        yield from _wrapped(finding.message, width, "  ", 1)
        return
    yield from _wrapped(finding.message, width, "  ", None)
    shown = finding.entries if level == _ALL else finding.entries[:1]
    for entry in shown:
        yield f"    {entry_text(entry)}"
    if finding.advice and level > _NO_ADVICE:
        yield from _wrapped(f"-> {finding.advice}", width, "    ", None)


def _wrapped(text: str, width: int, indent: str, most: int | None) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + ("   " if text.startswith("-> ") else "  "),
        max_lines=most,
        placeholder=" ...",
        break_long_words=False,
        break_on_hyphens=False,
    )


def entry_text(entry: Entry) -> str:
    """`at [0, 3]: yours -1.25, expected 1.2501 +- 3e-10`, with as many digits as the difference needs."""
    digits = digits_apart(entry.yours, entry.expected)
    place = f"at {list(entry.index)}: " if entry.index else ""
    bar = f" +- {entry.error:.0e}" if entry.error and math.isfinite(entry.error) else ""
    return f"{place}yours {entry.yours:.{digits}g}, expected {entry.expected:.{digits}g}{bar}"


def digits_apart(a: float, b: float) -> int:
    """How many digits show that two numbers differ: two beyond the first that does, at least five, at most 17."""
    size = max(abs(a), abs(b))
    if a == b or not math.isfinite(a - b) or size == 0.0:
        return 5
    return min(17, max(5, math.ceil(-math.log10(abs(a - b) / size)) + 2))


def _inputs(report: Report) -> Iterator[str]:
    """The inputs that the findings are about."""
    for name, value in report.inputs.items() if report.verdict in (WRONG, CANNOT_TELL) else ():
        told = value
        if isinstance(value, np.ndarray):
            told = np.array2string(value, precision=6, threshold=60, separator=", ")
        yield from textwrap.indent(f"{name} = {told}", "  ").split("\n")
