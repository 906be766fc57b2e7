"""Plain tables, the first column to the left and the others to the right."""

from collections.abc import Sequence


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[object]], note: str = "") -> None:
    """Print rows under a header. Floats get three significant digits, None a dash."""
    lines = [list(header), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    print(f"\n{title}\n")
    for line in (lines[0], rule, *lines[1:]):
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        print("  ".join(cells).rstrip())
    if note:
        print(f"\n{note}")


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell >= 1000 else f"{cell:#.3g}".rstrip(".")
    return str(cell)
