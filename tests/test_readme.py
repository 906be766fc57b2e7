"""The README's examples do what it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, str]]:
    """Every command shown with its output."""
    pattern = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
    return [found for block in blocks("console") for found in pattern.findall(block)]


def plain(text: str) -> str:
    """The text without its numbers, whose last digits depend on the machine, and without the line breaks they move."""
    return " ".join(re.sub(r"[-+]?\d[\d.]*(e[-+]?\d+)?", "#", text).split())


@pytest.mark.parametrize(("command", "shown"), sessions())
def test_a_command_prints_what_is_shown(command, shown):
    program, *arguments = shlex.split(command)
    assert program == "python"
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert run.stderr == ""
    assert plain(run.stdout) == plain(shown), f"README.md should show, of `{command}`:\n{run.stdout}"


def test_the_python_examples_run():
    programs = blocks("python")
    assert programs
    run = subprocess.run([sys.executable, "-c", "\n".join(programs)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_files_named_exist():
    for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|txt|md))`", README):
        assert (ROOT / path).exists(), path
