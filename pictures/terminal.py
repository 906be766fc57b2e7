"""What a person sees in a terminal, as pictures: commands are run for real, in a terminal of ninety columns.

A picture is an SVG with its letters in it, so that a test can read what it says; it asks nobody for a font.
"""

import fcntl
import html
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 90, 60
#: How wide a character is in rich's pictures.
CELL = 12.2

#: rich's own frame, but for the fonts: those that a machine has.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Shown(NamedTuple):
    """A picture: the commands that are run, one after the other, and where."""

    commands: tuple[str, ...]
    coursework: bool = False  # in a folder with the stubs, of which some are answered


#: Each picture's name and what is in it. The first is at the head of README.md.
PICTURES = {
    "wrong": Shown(
        ("tail -n 4 examples/batchnorm.py", "python -m checker gradcheck examples/batchnorm.py::batchnorm_backward")
    ),
}


def run(command: str, folder: Path = ROOT) -> str:
    """What a command shows on a terminal, colours included. RuntimeError if it was called wrongly."""
    program, *arguments = shlex.split(command)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment = {**known, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    called = [sys.executable if program == "python" else program, *arguments]
    with subprocess.Popen(called, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            said += piece
    os.close(ours)
    text = _settled(said.decode())
    if process.returncode not in (0, 1):
        raise RuntimeError(f"`{command}` ended with {process.returncode}:\n{text}")
    return text


def _settled(text: str) -> str:
    """What is left on the terminal's lines when those that were written over are gone."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(re.split(r"\r|\x1b\[2?K", line)[-1] for line in lines).rstrip()


def picture(shown: Shown, folder: Path = ROOT) -> str:
    """The SVG of a terminal in which the commands were typed."""
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    theme = TerminalTheme(
        (22, 27, 34),
        (230, 237, 243),
        [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34),
         (88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)],
        [(110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65),
         (121, 192, 255), (210, 168, 255), (86, 212, 221), (240, 246, 252)],
    )  # fmt: skip
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, highlight=False)
        for command in shown.commands:
            console.print(Text.assemble(("$ ", "bright_black"), (command, "bold")), soft_wrap=True)
            console.print(Text.from_ansi(run(command, folder)), soft_wrap=True)
        drawn: str = console.export_svg(title=" ", theme=theme, code_format=FRAME, unique_id="t")
    drawn = re.sub(r"<text[^>]*>\n</text>", "", drawn)  # ends of lines
    return "\n".join(line.strip() for line in drawn.splitlines() if line.strip()) + "\n"


def text_of(drawn: str) -> str:
    """The words in such a picture, line by line."""
    lines: dict[int, str] = {}
    place = r'<text[^>]*? x="([\d.]+)"[^>]*clip-path="url\(#t-line-(\d+)\)"[^>]*>(.*?)</text>'
    for x, line, words in re.findall(place, drawn):
        before = lines.get(int(line), "").ljust(round(float(x) / CELL))
        lines[int(line)] = before + html.unescape(words).replace("\xa0", " ")
    return "\n".join(lines.get(line, "") for line in range(max(lines, default=-1) + 1))


def write(shown: Shown, path: Path) -> None:
    """Run the commands, and make the picture of it."""
    path.write_text(picture(shown), encoding="utf-8")
