"""The README, and pages below docs/, with what was measured between `<!-- benchmarks: NAME -->` and its end."""

import importlib
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from . import NAMES
from .results import Result

END = "<!-- /benchmarks -->"
#: A line that begins a block, or ends one.
_MARKER = re.compile(rf"^(?:<!-- benchmarks: (.+) -->|{END})$")


class MarkerError(ValueError):
    """A page's markers are not what the benchmarks can be written between."""


def pages(root: Path) -> list[Path]:
    """The files that may have blocks."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def check(names: Collection[str], root: Path) -> None:
    """Raise MarkerError unless every block has a known name and an end, and each of the names has a block somewhere."""
    there = {name for page in pages(root) for name in _blocks(page)}
    for name in names:
        if name not in there:
            raise MarkerError(
                f"no page has a place for {name!r}: write <!-- benchmarks: {name} --> and, in a line below, {END} "
                "into README.md or a page below docs/"
            )


def _blocks(page: Path) -> Iterator[str]:
    """The names of a page's blocks."""
    begun = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if not (found := _MARKER.match(line)):
            continue
        name = found[1]
        if name and begun:
            raise MarkerError(f"{page}, line {number}: the block {begun!r} above has no end: write {END} below it")
        if name and name not in NAMES:
            raise MarkerError(f"{page}, line {number}: no benchmark is called {name!r}; there are {', '.join(NAMES)}")
        if not name and not begun:
            raise MarkerError(f"{page}, line {number}: {END} ends a block that has not begun")
        if name:
            yield name
        begun = name or ""
    if begun:
        raise MarkerError(f"{page}: the block {begun!r} has no end: write {END} below it")


def filled(text: str, results: Mapping[str, Result]) -> str:
    """A page's text with the blocks of these results as they should be; the others are left as they are."""
    for name, result in results.items():
        text = _put(importlib.import_module(f"benchmarks.{name}").readme(result), name, text)
    return text


def _put(block: str, name: str, text: str) -> str:
    """The text with a block, its prose in lines of 120 characters, in its places."""
    lines = textwrap.TextWrapper(120, break_long_words=False, break_on_hyphens=False)
    block = "\n\n".join(each if each.startswith("|") else lines.fill(each) for each in block.split("\n\n"))
    begin = f"<!-- benchmarks: {name} -->"
    within = re.compile(rf"^{re.escape(begin)}$.*?^{END}$", re.MULTILINE | re.DOTALL)
    return within.sub(lambda _: f"{begin}\n\n{block}\n\n{END}", text)


def fill(results: Mapping[str, Result], root: Path) -> None:
    """Write the results into every page that has blocks for them."""
    for page in pages(root):
        before = page.read_text(encoding="utf-8")
        after = filled(before, results)
        if after != before:
            page.write_text(after, encoding="utf-8")
