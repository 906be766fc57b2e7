"""A report as a small piece of HTML: for a notebook's output, and for a feedback page.

It looks right on light and on dark pages, as it takes the page's own text colour and lies on its background. It has no
style sheet, script, id or link: several reports on a page do not know of one another. Every text in it is escaped.
"""

import math
import re
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from ..report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG, Entry, Finding, Report
from .svg import heatmap
from .text import digits_apart

#: A table has at most so many rows; what is right beyond is counted.
ROWS = 12
#: No text is longer than this many characters, whatever a student's exception says.
LONGEST = 1500

_WORDS = {
    "values": "numbers differ",
    "edge": "right at ordinary inputs, wrong in a corner case",
    "unstable": "right at ordinary inputs, loses digits or overflows elsewhere",
    "shape": "an array has the wrong shape",
    "contract": "a rule that every answer keeps is broken",
    "forward": "the forward differs from the reference",
    "error": "the code raises an exception",
}
#: Colours dark enough for white letters; the signs tell the verdicts apart where colours do not.
_VERDICTS = {
    RIGHT: ("#2b8a3e", "&#10003;"),
    WRONG: ("#c92a2a", "&#10007;"),
    NOT_ATTEMPTED: ("#5c6670", "&#9675;"),
    CANNOT_TELL: ("#8a5a00", "?"),
}
_FAINT = "rgba(134,142,150,0.35)"
_MONO = "font-family:ui-monospace,Menlo,Consolas,monospace"
_CELL = "border:none;background:none;padding:2px 14px 2px 0;text-align:left;vertical-align:top;white-space:nowrap"
_SMALL = "font-size:0.87em;opacity:0.8;margin-top:6px"


def render(report: Report, *, hints: Sequence[str] = (), inputs: bool = True) -> str:
    """The report as one `<div>`: verdict, a table with a row for each gradient, explanation, and what is left to tell.

    `hints` are shown one by one, each when the one before has been opened. Without `inputs`, those that showed the
    failure are left out.
    """
    colour, _ = _VERDICTS.get(report.verdict, _VERDICTS[CANNOT_TELL])
    told = _narrow(*_explanations(report)) + _table(report) + _narrow(*_remarks(report))
    drawn = _drawn(report)
    picture = _picture(report, drawn) if drawn else ""
    more = "".join(_more(report, inputs))
    parts = (
        f'<div style="border-left:4px solid {colour};padding:4px 0 4px 12px;margin:4px 0;max-width:60em;'
        'line-height:1.45;text-align:left">',
        _headline(report),
        _side_by_side(told, picture) if picture else told,
        _folded("more", more) if more else "",
        _hints(hints),
        "</div>",
    )
    return "".join(parts)


def _side_by_side(left: str, right: str) -> str:
    """Two columns, or one below the other where there is no room."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0 28px"><div style="flex:1 1 auto;min-width:22em;max-width:100%">'
        f'{left}</div><div style="flex:0 1 auto;margin-top:9px">{right}</div></div>'
    )


def _narrow(*parts: str) -> str:
    """Text that is as wide as its column, and does not widen it: a column is as wide as its table."""
    return f'<div style="width:0;min-width:100%">{"".join(parts)}</div>' if parts else ""


def _headline(report: Report) -> str:
    colour, sign = _VERDICTS.get(report.verdict, _VERDICTS[CANNOT_TELL])
    pill = (
        f'<span style="background:{colour};color:#fff;border-radius:4px;padding:1px 9px;font-weight:600;'
        f'white-space:nowrap">{sign} {_text(report.verdict)}</span>'
    )
    kind = _text(_WORDS.get(report.kind, report.kind))
    words = f'<span style="opacity:0.8;margin-left:8px">{kind}</span>' if kind else ""
    return f'<div>{pill} <span style="{_MONO};font-weight:600;margin-left:6px">{_text(report.name)}</span>{words}</div>'


# -- what is wrong ----------------------------------------------------------------------------------------------------


def _told(report: Report) -> list[Finding]:
    """Findings that are told in full: the first that is not simply right, and others that come with advice."""
    special = [f for f in report.findings if f.verdict != RIGHT or f.kind or f.cause]
    return [f for place, f in enumerate(special) if not place or f.advice][:4]


def _explanations(report: Report) -> Iterator[str]:
    """Message and advice of what is told in full."""
    for finding in _told(report):
        yield f'<div style="margin-top:7px">{_text(finding.message)}</div>'
        if finding.advice:
            yield f'<div style="margin-top:3px">&#8594; <em>{_text(finding.advice)}</em></div>'


def _drawn(report: Report) -> Finding | None:
    """The finding whose picture stands beside the words."""
    return next((f for f in _told(report) if _picture(report, f)), None)


def _picture(report: Report, finding: Finding) -> str:
    """A heat map, but of nothing whose numbers are not shown: what may only follow from an earlier fault."""
    if finding.errors is None or not finding.entries:
        return ""
    return heatmap(finding.errors, finding.subject or report.name)


# -- the table --------------------------------------------------------------------------------------------------------


def _table(report: Report) -> str:
    """A row for each gradient or value, with its worst entry; none for what concerns the whole answer."""
    listed = [f for f in report.findings if f.subject or f.shape or f.entries]
    wrong = [f for f in listed if f.verdict != RIGHT]
    shown = [*wrong[:ROWS], *[f for f in listed if f.verdict == RIGHT][: max(0, ROWS - len(wrong))]]
    if not listed:
        return ""
    columns = _columns([f for f in listed if f in shown])
    filled = [title for title, cells in columns.items() if any(cells)]
    rows = ["".join(_cell(cell) for cell in row) for row in zip(*(columns[title] for title in filled))]
    rows += [_cell(words, f'colspan="{len(filled)}"') for words in _left_out(len(listed) - len(shown), wrong[ROWS:])]
    top = "".join(f'<th style="{_CELL};font-weight:normal;opacity:0.75">{title.strip()}</th>' for title in filled)
    head = f'<thead style="border-bottom:1px solid {_FAINT}"><tr style="background:none">{top}</tr></thead>'
    head = head if any(map(str.strip, filled)) else ""
    body = "".join(f'<tr style="background:none">{row}</tr>' for row in rows)
    return (
        '<div style="overflow-x:auto;margin-top:7px"><table style="border-collapse:collapse;border:none;margin:0;'
        f'table-layout:auto;font-size:inherit">{head}<tbody>{body}</tbody></table></div>'
    )


def _columns(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The cells of each column by its title; a column without any content is left out."""
    worst = [_entry(f.entries[0]) if f.entries else ("", "", "") for f in findings]
    return {
        "": [f'<span style="font-weight:600">{_text(f.subject or "result")}</span>' for f in findings],
        "shape": [_text(str(f.shape)) if f.shape else "" for f in findings],
        " ": [_count(f) for f in findings],
        "worst at": [entry[0] for entry in worst],
        "yours": [entry[1] for entry in worst],
        "expected": [entry[2] for entry in worst],
    }


def _cell(content: str, attributes: str = "") -> str:
    return f'<td {attributes} style="{_CELL};{_MONO}">{content}</td>'


def _left_out(count: int, wrong: Sequence[Finding]) -> Iterator[str]:
    """How many rows there would be more."""
    for number, words in ((len(wrong), "not right"), (count - len(wrong), "right")):
        if number:
            yield f'<span style="opacity:0.8">and {number} more {words}</span>'


def _count(finding: Finding) -> str:
    """A sign and a word, and how many of how many entries are wrong."""
    sign = _VERDICTS.get(finding.verdict, _VERDICTS[CANNOT_TELL])[1]
    if finding.verdict == RIGHT:
        words = f"right, but {finding.kind}" if finding.kind else "right"
    elif finding.wrong:
        words = f"{finding.wrong} of {finding.size} wrong"
    else:
        words = finding.kind if finding.kind not in ("", "values") else finding.verdict
    return f"{sign} {_text(words)}"


def _entry(entry: Entry) -> tuple[str, str, str]:
    """Where, yours, and expected with its error bar, with as many digits as tell the two apart."""
    digits = digits_apart(entry.yours, entry.expected)
    bar = (
        f' <span style="opacity:0.7;font-size:0.9em">&#177; {entry.error:.0e}</span>'
        if _worth_telling(entry.error)
        else ""
    )
    place = str(list(entry.index)) if entry.index else ""
    return place, f"{entry.yours:.{digits}g}", f"{entry.expected:.{digits}g}{bar}"


def _worth_telling(error: float) -> bool:
    return bool(error) and math.isfinite(error)


# -- the rest ---------------------------------------------------------------------------------------------------------


def _remarks(report: Report) -> Iterator[str]:
    """Where it is wrong, and how it was judged, in small letters."""
    judged = report.mode and report.kind not in ("contract", "error")
    how = [f"{report.mode} check, {report.forwards} forwards"] if judged else []
    for text in (report.where, "; ".join((*how, *report.notes))):
        if text:
            yield f'<div style="{_SMALL}">{_text(text)}</div>'


def _more(report: Report, inputs: bool) -> Iterator[str]:
    """What is behind the fold: other wrong findings with their pictures, more entries, the inputs."""
    told, drawn = _told(report), _drawn(report)
    for finding in report.findings:
        if finding.verdict == RIGHT:
            continue
        if finding not in told:
            yield f'<div style="margin-top:6px">{_text(finding.message)}</div>'
        if len(finding.entries) > 1:
            name = _text(finding.subject or "result")
            lines = "".join(f"<div>{name} {_told_apart(entry)}</div>" for entry in finding.entries[1:])
            yield f'<div style="{_MONO};margin-top:4px">{lines}</div>'
        if finding is not drawn:
            yield _picture(report, finding)
    if inputs and report.verdict in (WRONG, CANNOT_TELL) and report.inputs:
        yield f'<div style="margin-top:6px">inputs{" that show it" * (report.verdict == WRONG)}:</div>'
        text = "\n".join(_shown(name, value) for name, value in report.inputs.items())
        yield (
            f'<pre style="{_MONO};margin:2px 0;max-height:20em;overflow:auto;background:none;color:inherit;'
            f'line-height:1.35">{_plain(text, 20 * LONGEST)}</pre>'
        )


def _told_apart(entry: Entry) -> str:
    place, yours, expected = _entry(entry)
    return f"at {place}: yours {yours}, expected {expected}"


def _shown(name: str, value: object) -> str:
    told = repr(value)
    if isinstance(value, np.ndarray):
        told = np.array2string(value, precision=6, threshold=60, separator=", ", prefix=f"{name} = ")
    return f"{name} = {told[:LONGEST]}"


def _hints(hints: Sequence[str]) -> str:
    """Each hint inside the one before it: one has to be opened to see that there is another."""
    inner = ""
    for place in reversed(range(len(hints))):
        inner = _folded(f"hint {place + 1} of {len(hints)}", f"<div>{_text(hints[place])}</div>{inner}")
    return inner


def _folded(title: str, content: str) -> str:
    return (
        f'<details style="margin-top:6px"><summary style="cursor:pointer;opacity:0.85">{_text(title)}</summary>'
        f'<div style="padding:2px 0 2px 14px">{content}</div></details>'
    )


def _text(text: str) -> str:
    """Escaped, not too long, and with `code` as code."""
    return re.sub(r"`([^`]+)`", rf'<code style="{_MONO};color:inherit">\1</code>', _plain(text, LONGEST))


def _plain(text: str, longest: int) -> str:
    return escape(text if len(text) <= longest else text[:longest].rstrip() + " [...]")
