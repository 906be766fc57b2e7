"""The README and the pages of `docs/` as data, and a folder in which a page's examples run.

What a page shows is run in the page's order, in one folder:

    ```console     lines `$ command`, each with the output that it gives; a line `...` stands for any lines
    ```python      one program, in pieces; a ```text block right below is what the piece above it prints
    ```python      whose first line is `# some/file.py`: that file. If it is there already, functions that it has are
                   replaced, and anything else is added below
    ```sh          commands that succeed, whatever they print

A block below `<!-- not run: reason -->` is left out. The folder is empty at first, and what is installed is what a
student has; or, where the page says `<!-- in a copy of the project -->`, it is such a copy. `python`, `checker` and
`pytest` are those of the tests' interpreter.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(ROOT)): path for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))}
#: Seconds for one command, on a loaded machine too.
PATIENCE = 600
#: What no copy of the project needs.
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "*.db")
COPIED = "<!-- in a copy of the project -->"

#: How the names begin of what a reader's commands have from here. Others may change what a program prints, as CI does.
KEPT = ("HOME", "TMPDIR", "LANG", "LC_", "PIP_", "OMP_", "OPENBLAS_")
#: What a long command says of its progress, if the machine is loaded enough to make it long.
PROGRESS = re.compile(r"^.*\d a minute.*\n", re.MULTILINE)

#: Runs pieces of a program, each a line of JSON, and marks the end of what each one prints.
PROGRAM = r"""
import json, sys
names = {"__name__": "__main__"}
for line in sys.stdin:
    exec(compile(json.loads(line), "<example>", "exec"), names)
    print("\x04", flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A block of code: its language and text, the line it begins at, and why it is not run, if it is not."""

    language: str
    text: str
    line: int
    not_run: str = ""

    @property
    def file(self):
        """The file that the block is, if it is one."""
        found = re.match(r"# ([\w./-]+\.py)\n", self.text)
        return found[1] if found and self.language == "python" else ""

    @property
    def sessions(self):
        """The commands of a console, each with what is shown below it."""
        return re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", self.text, re.MULTILINE)

    @property
    def commands(self):
        """The commands that it shows; those of several lines are joined."""
        if self.language == "console":
            return [command.replace("\\\n", "") for command, _ in self.sessions]
        return self.text.replace("\\\n", "").splitlines() if self.language == "sh" else []


def tokens(path):
    """A page's parts, as markdown-it names them."""
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def blocks(path):
    """A page's blocks of code, in its order."""
    found, reason = [], ""
    for token in tokens(path):
        if token.type == "html_block":
            said = re.fullmatch(r"<!-- not run: (.*?) -->\s*", token.content, re.DOTALL)
            reason = " ".join(said[1].split()) if said else ""
        elif token.type == "fence":
            found.append(Block(token.info.strip(), token.content, token.map[0] + 1, reason))
            reason = ""
        elif token.type in ("paragraph_open", "heading_open"):
            reason = ""
    return found


def inline(path, kind):
    """The page's inline parts of a kind: "code_inline", "link_open" or "image"."""
    return [child for token in tokens(path) for child in token.children or () if child.type == kind]


# -- running ----------------------------------------------------------------------------------------------------------


def install(folder):
    """Put there what a student's wheel holds: no answers, and not the instructor's side."""
    shutil.copytree(ROOT / "checker", folder / "checker", ignore=shutil.ignore_patterns("__pycache__", "course"))
    shutil.copytree(ROOT / "coursework", folder / "coursework", ignore=LEFT_OUT)
    shutil.copy(ROOT / "pytest_checker.py", folder)


class Folder:
    """Where a page's examples run, one after the other."""

    def __init__(self, root, copied):
        self.root = root / "page"
        installed = self.root if copied else root / "installed"
        if copied:
            shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)
        else:
            self.root.mkdir()
            install(installed)
        self.where = root / "where"  # the folder that the last command ended in
        self.where.write_text(str(self.root))
        programs = root / "bin"
        programs.mkdir()
        for name, arguments in {"python": "", "checker": " -m checker", "pytest": " -m pytest"}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
            (programs / name).chmod(0o755)
        path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        self.environment |= {"PATH": path, "PYTHONPATH": str(installed), "COLUMNS": "100", "WHERE": str(self.where)}
        self.program = None

    @property
    def folder(self):
        """Where the page's reader is by now."""
        return Path(self.where.read_text().strip())

    def shell(self, command):
        """Run a command; its exit code, and what it prints."""
        run = subprocess.run(
            ["sh", "-e", "-c", f"trap 'pwd > \"$WHERE\"' EXIT\n{command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return run.returncode, PROGRESS.sub("", run.stdout)

    def piece(self, text):
        """Run a piece of the page's program; what it prints. AssertionError if it raises."""
        if self.program is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            command = [sys.executable, "-c", PROGRAM]
            self.program = subprocess.Popen(command, cwd=self.folder, env=self.environment, text=True, **pipes)
        self.program.stdin.write(json.dumps(text) + "\n")
        self.program.stdin.flush()
        printed = []
        for line in self.program.stdout:
            if line == "\x04\n":
                return "".join(printed)
            printed.append(line)
        raise AssertionError("".join(printed))

    def write(self, name, text):
        """Write a file, or change it if it is there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed(path.read_text(), text) if path.exists() else text)

    def close(self):
        """End the page's program."""
        if self.program is not None:
            self.program.stdin.close()
            self.program.wait(PATIENCE)
            self.program.stdout.close()


def changed(there, block):
    """A file's text with a block's functions in the place of its own, or with the block below it."""
    new = {each.name: each for each in ast.parse(block).body if isinstance(each, ast.FunctionDef)}
    old = {each.name: each for each in ast.parse(there).body if isinstance(each, ast.FunctionDef)}
    if not new or not new.keys() <= old.keys():
        below = block.partition("\n")[2].strip()
        return f"{there.rstrip()}\n\n\n{below}\n"
    lines = there.splitlines()
    for name in sorted(new, key=lambda name: -old[name].lineno):
        lines[old[name].lineno - 1 : old[name].end_lineno] = ast.get_source_segment(block, new[name]).splitlines()
    return "\n".join(lines) + "\n"


def run(path, folder, leave_out=()):
    """Run a page's examples but for some languages. AssertionError where one does not do what is shown."""
    page = Folder(folder, path.name == "README.md" or COPIED in path.read_text(encoding="utf-8"))
    printed = ""
    try:
        for block in blocks(path):
            where = f"{path.name}, line {block.line}"
            if block.not_run or block.language in leave_out:
                continue
            if block.file:
                page.write(block.file, block.text)
            elif block.language == "python":
                try:
                    printed = page.piece(block.text)
                except AssertionError as problem:
                    raise AssertionError(f"{where}: {problem}") from None
                continue
            elif block.language == "text" and printed:
                agree(block.text, printed, where)
            elif block.language == "console":
                for command, shown in block.sessions:
                    agree(shown, page.shell(command)[1], f"{where}, `{command}`")
            elif block.language == "sh":
                code, said = page.shell(block.text)
                assert code == 0, f"{where} ends with {code}:\n{said}"
            printed = ""
    finally:
        page.close()


def plain(text):
    """The text without its numbers, whose last digits depend on the machine, and without the line breaks they move."""
    return " ".join(re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?", "#", text).split())


def agree(shown, printed, where):
    """Demand that what is shown was printed."""
    parts = re.split(r"^ *\.\.\.$\n?", textwrap.dedent(shown), flags=re.MULTILINE)
    pattern = r"\s*.*\s*".join(re.escape(plain(part)) for part in parts)
    assert re.fullmatch(pattern, plain(printed), re.DOTALL), f"{where} should show:\n{printed}"
