"""Tables as data, and as plain text or Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: A text, an integer or a float, or None where there is no answer.
Cell = Any


@dataclass(frozen=True)
class Table:
    """Rows under a header, found by `name` among the tables of its benchmark."""

    name: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def column(self, heading: str) -> dict[str, Cell]:
        """The cells below a heading, by what stands first in their row."""
        place = list(self.header).index(heading)
        return {str(row[0]): row[place] for row in self.rows}

    def __str__(self) -> str:
        """As plain text, the first column to the left and the others to the right."""
        lines = [list(self.header), *([written(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        lines.insert(1, ["-" * width for width in widths])
        text = [f"\n{self.title}\n"]
        for line in lines:
            cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
            text.append("  ".join(cells).rstrip())
        if self.note:
            text.append(f"\n{self.note}")
        return "\n".join(text)


def markdown(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(map(written, line))} |".replace("|  |", "| |") for line in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join(lines)


def written(cell: Cell) -> str:
    """A cell as text: floats with three significant digits, large integers with commas, None as a dash."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell == 0 or abs(cell) >= 1000 else f"{cell:#.3g}".rstrip(".")
    return f"{cell:,}" if isinstance(cell, int) and abs(cell) >= 10**4 else str(cell)


def percent(share: Cell) -> str:
    """A percentage without decimals, unless that would make it 0 or 100 though it is neither."""
    if not isinstance(share, int | float):
        return written(share)
    return f"{share:.1f}" if round(share) in (0, 100) and share not in (0, 100) else f"{share:.0f}"


def span(cells: Iterable[Cell], form: str = ".2f") -> str:
    """The numbers among some cells, from the least to the largest."""
    numbers = [cell for cell in cells if isinstance(cell, int | float)]
    least, largest = f"{min(numbers):{form}}", f"{max(numbers):{form}}"
    return least if least == largest else f"{least} to {largest}"
