"""What was measured, when and with what, kept in results.json: the README's tables are made from it."""

import datetime
import importlib
import json
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import NAMES
from .table import Cell, Table

#: Below the project's root.
KEPT = Path("benchmarks") / "results.json"


@dataclass(frozen=True)
class Result:
    """The tables of one benchmark by their names, and what they depend on. The date is ISO 8601's."""

    date: str
    cores: int
    versions: dict[str, str]
    tables: dict[str, Table]

    def setting(self) -> str:
        """The sentence that belongs to figures which depend on versions or the machine."""
        day = datetime.date.fromisoformat(self.date)
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"Measured on {day.day} {day:%B %Y} on {self.cores} cores, with {versions}."


def made(tables: Iterable[Table], peers: Iterable[str]) -> Result:
    """A result of today, on this machine."""
    today, cores = datetime.date.today().isoformat(), os.cpu_count() or 1
    versions = {"Python": platform.python_version(), **{name: version(name) for name in ("numpy", *peers)}}
    return Result(today, cores, versions, {table.name: table for table in tables})


def missing(names: Iterable[str]) -> list[str]:
    """The distributions that these benchmarks compare with and that are not installed."""
    absent = set()
    for peer in {peer for name in names for peer in importlib.import_module(f"benchmarks.{name}").PEERS}:
        try:
            version(peer)
        except PackageNotFoundError:
            absent.add(peer)
    return sorted(absent)


def read(root: Path) -> dict[str, Result]:
    """All that was kept, by the names of the benchmarks; nothing if there is no such file."""
    if not (root / KEPT).exists():
        return {}
    kept = json.loads((root / KEPT).read_text(encoding="utf-8"))
    return {
        name: Result(**{**fields, "tables": {key: Table(key, **table) for key, table in fields["tables"].items()}})
        for name, fields in kept.items()
    }


def keep(name: str, result: Result, root: Path) -> None:
    """Put one benchmark's result in the place of its last one. Numbers are rounded to six digits."""
    results = read(root) | {name: result}
    fields = {each: asdict(results[each]) for each in NAMES if each in results}
    for table in (table for each in fields.values() for table in each["tables"].values()):
        del table["name"]  # its key says it
        table["rows"] = [[_rounded(cell) for cell in row] for row in table["rows"]]
    text = json.dumps(fields, indent=1, ensure_ascii=False)
    # Each row in one line: line breaks between brackets are all of the layout, since strings have theirs escaped.
    text = re.sub(r"\[\n[^\[\]]*\]", lambda row: "[" + re.sub(r"\n *", " ", row[0][1:-1].strip()) + "]", text)
    (root / KEPT).write_text(text + "\n", encoding="utf-8")


def _rounded(cell: Cell) -> Cell:
    return float(f"{cell:.6g}") if isinstance(cell, float) else cell
