"""What a person sees in a terminal, as pictures: commands are run for real, in a terminal of ninety columns.

A picture is an SVG with its letters in it, so that a test can read what it says; it asks nobody for a font.
"""

import fcntl
import html
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 90, 60
#: How wide a character is in rich's pictures.
CELL = 12.2
#: Seconds for a command to show something new.
PATIENCE = 60

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


#: What stands in a stub where an answer belongs.
UNANSWERED = "raise NotImplementedError  # your answer goes here"
#: What is answered in the stubs that pictures show.
ANSWERS = {
    "add_forward": "return x + y, None",
    "add_backward": "return dout, dout",
    "mul_forward": "return x * y, (x, y)",
}
SWAPPED = {"mul_backward": "x, y = cache\n    return dout * x, dout * y"}


class Shown(NamedTuple):
    """A picture: the commands that are typed, one after the other.

    `answered` are answers in a copy of the stubs, in which they are typed; `saved` are those that are saved while the
    last command watches, which is ended when it shows the words of `until`. Of longer outputs `most` lines are shown.
    """

    commands: tuple[str, ...]
    answered: dict[str, str] | None = None
    saved: dict[str, str] | None = None
    until: str = ""
    most: int = ROWS


#: Each picture's name and what is in it. The first is at the head of README.md.
PICTURES = {
    "wrong": Shown(
        ("tail -n 4 examples/batchnorm.py", "python -m checker gradcheck examples/batchnorm.py::batchnorm_backward")
    ),
    "list": Shown(("python -m checker list",), {**ANSWERS, **SWAPPED}, most=16),
    "watch": Shown(("python -m checker watch coursework.gates",), ANSWERS, SWAPPED, "mul_backward: wrong"),
}


def answer(folder: Path, answers: dict[str, str]) -> None:
    """Write answers into the stubs of the gates, at once, as an editor does."""
    path = folder / "coursework" / "gates.py"
    text = path.read_text(encoding="utf-8")
    for name, code in answers.items():
        before, after = text.split(f"def {name}(")
        text = f"{before}def {name}({after.replace(UNANSWERED, code, 1)}"
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


class Terminal:
    """A command that runs in a terminal of its own."""

    def __init__(self, command: str, folder: Path):
        program, *arguments = shlex.split(command)
        self.command, self.said = command, b""
        self.end, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        environment = {**known, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        called = [sys.executable if program == "python" else program, *arguments]
        self.process = subprocess.Popen(called, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.end)

    def until(self, words: str) -> None:
        """Read until all these words, one to a line, are on the screen; with "" to the end of the command."""
        while not (words and all(word in self.screen() for word in words.split("\n"))):
            ready, _, _ = select.select([self.end], [], [], PATIENCE)
            if not ready:
                raise RuntimeError(f"`{self.command}` shows nothing new:\n{self.screen()}")
            try:
                piece = os.read(self.end, 1 << 16)
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                self.process.wait(PATIENCE)
                if words or self.process.returncode not in (0, 1):
                    ended = f"`{self.command}` ended with {self.process.returncode}"
                    raise RuntimeError(f"{ended}:\n{self.screen()}")
                return
            self.said += piece

    def screen(self) -> str:
        """What is on the screen, colours included."""
        return settled(self.said.decode(errors="ignore"))


def run(shown: Shown, command: str, folder: Path) -> str:
    """What a command of a picture shows last. RuntimeError if it is called wrongly, falls silent or ends early."""
    with Terminal(command, folder) as terminal:
        if shown.saved is None or command != shown.commands[-1]:
            terminal.until("")
            return terminal.screen()
        terminal.until("checked at")
        answer(folder, shown.saved)
        terminal.until(f"{shown.until}\nchecked at")
        screen = terminal.screen()
        terminal.process.send_signal(signal.SIGINT)
        terminal.until("")  # it ends what it has started
        return screen


def settled(said: str) -> str:
    """What is left on the lines of a terminal when what was written over or wiped away is gone."""
    lines, row, again = [""], 0, False
    for piece in re.split(r"(\r?\n|\r|\x1b\[[\d;?]*[A-Za-z])", said):
        if piece.endswith("\n"):
            row, again = row + 1, False
            lines += [""] * (row == len(lines))
        elif piece == "\r":
            again = True  # from the line's beginning
        elif piece == "\x1b[H":
            lines, row, again = [""], 0, False  # what is drawn from the top is drawn as a whole
        elif piece.startswith("\x1b[") and piece[-1] == "K":
            lines[row], again = "", False
        elif piece and (not piece.startswith("\x1b[") or piece[-1] == "m"):
            lines[row], again = piece if again else lines[row] + piece, False
    return "\n".join(line.rstrip() for line in lines).rstrip()


def outputs(shown: Shown) -> list[str]:
    """What each command of a picture shows."""
    if shown.answered is None:
        return [run(shown, command, ROOT) for command in shown.commands]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "coursework", Path(folder) / "coursework", ignore=shutil.ignore_patterns(".*", "__*__"))
        answer(Path(folder), shown.answered)
        return [run(shown, command, Path(folder)) for command in shown.commands]


def picture(shown: Shown, said: Sequence[str]) -> str:
    """The SVG of a terminal in which the commands were typed, and said this."""
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
        for command, text in zip(shown.commands, said):
            console.print(Text.assemble(("$ ", "bright_black"), (command, "bold")), soft_wrap=True)
            lines = text.split("\n")
            if len(lines) > shown.most:
                lines[shown.most - 1 : -1] = ["  ..."]
            console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True)
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
    path.write_text(picture(shown, outputs(shown)), encoding="utf-8")
