"""IPython without a terminal and without a kernel: runs cells, magics and plots included, and keeps what they put out.

Outputs are dicts as a notebook stores them. Of each cell only so many characters are kept, whatever it puts out.
"""

import io
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

Output = dict[str, Any]


class Outputs:
    """What the running cell has put out; `limit` characters of it are kept, and pictures of up to ten times that."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.kept: list[Output] = []
        self.size = 0
        self.cut = False
        self.heard = True
        self.unheard = False  # whether something was put out while nobody heard it

    def write(self, name: str, text: str) -> None:
        """Text on a stream."""
        if not self.heard or not text:
            self.unheard = self.unheard or bool(text)
            return
        left = self.limit - self.size
        self.size += len(text)
        if left <= 0:
            self.cut = True
            return
        if len(text) > left:
            text, self.cut = text[:left], True
        if self.kept and self.kept[-1].get("name") == name:
            self.kept[-1]["text"].append(text)
        else:
            self.kept.append({"output_type": "stream", "name": name, "text": [text]})

    def show(self, kind: str, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """A rich output."""
        if not self.heard:
            return
        texts = {mime: value for mime, value in data.items() if isinstance(value, str)}
        weight = sum(len(value) // (10 if mime.startswith("image/") else 1) for mime, value in texts.items())
        self.size += weight
        if self.size > self.limit:
            self.cut = True
            return
        self.kept.append({"output_type": kind, "data": texts, "metadata": {}})

    def fail(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception."""
        left = max(2000, self.limit - self.size)
        lines = "\n".join(traceback)[-left:].split("\n")
        self.kept.append({"output_type": "error", "ename": name, "evalue": value[:left], "traceback": lines})

    def take(self) -> list[Output]:
        """All of it, for a notebook; then begin anew."""
        found = self.kept
        for output in found:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        if self.cut:
            found.append({"output_type": "stream", "name": "stdout", "text": "... (the rest was left out)\n"})
        self.kept, self.size, self.cut = [], 0, False
        return found


class Stream(io.TextIOBase):
    """Standard output or error, into the outputs."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: Outputs) -> None:
        self.name, self.outputs = name, outputs

    def write(self, text: str) -> int:
        """Keep a text."""
        self.outputs.write(self.name, str(text))
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """It is none."""
        return False


class _Publisher(DisplayPublisher):
    """`display(...)`, and pictures."""

    def publish(self, data: dict[str, Any], metadata: Any = None, *_: Any, **__: Any) -> None:  # type: ignore[override]
        self.shell.outputs.show("display_data", data, metadata)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.kept.clear()


class _Hook(DisplayHook):
    """The value of a cell's last expression."""

    shell: Any

    def quiet(self) -> bool:
        return False

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self.shell.outputs.show("execute_result", format_dict)

    def finish_displayhook(self) -> None:
        pass


class Shell(InteractiveShell):
    """The shell of a worker."""

    displayhook_class = Type(_Hook)
    display_pub_class = Type(_Publisher)
    outputs: Outputs

    def init_readline(self) -> None:
        """There is no keyboard."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no screen."""

    def ask_exit(self) -> None:
        """`exit()` in a cell ends nothing."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        try:
            text = str(evalue)
        except Exception:
            text = ""
        self.outputs.fail(getattr(etype, "__name__", "Exception"), text, [str(line) for line in stb])

    def cell(self, source: str) -> list[Output]:
        """Run a cell; what it put out, an exception included."""
        try:
            self.run_cell(source, store_history=False)
        except BaseException as problem:  # what a cell did to the shell itself, or SystemExit on a strange way
            self.outputs.fail(type(problem).__name__, "the cell ended in a way that the shell does not know", [])
        return self.outputs.take()


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a cell with `await` gives. An event loop would want a socket, which the sandbox refuses."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("nothing outside of the notebook can be waited for here: there is no event loop")


def started(limit: int) -> Shell:
    """The shell of this process, with its streams in place of the process's own."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autoindent = False
    config.InlineBackend.close_figures = True
    shell: Shell = Shell.instance(config=config)
    shell.loop_runner = _awaited
    shell.outputs = Outputs(limit)
    sys.stdout, sys.stderr = Stream("stdout", shell.outputs), Stream("stderr", shell.outputs)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    shell.cell("1 + 1")
    return shell


@contextmanager
def unheard(shell: Shell) -> Iterator[None]:
    """Within, nothing that is put out is kept."""
    before = shell.outputs.heard
    shell.outputs.heard = False
    try:
        yield
    finally:
        shell.outputs.heard = before
