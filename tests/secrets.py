"""What nobody but the instructor may see: the lines of the answers."""

import importlib
import inspect
from functools import cache
from pathlib import Path

import solutions
from checker.course import stubs
from checker.exercises import exercises_in

ROOT = Path(__file__).parents[1]
#: Shorter lines occur in any code: `return x`.
TELLING = 25


def source(topic):
    """The text of a topic's answers."""
    return (ROOT / "solutions" / f"{topic}.py").read_text(encoding="utf-8")


@cache
def given():
    """The text of the forwards that students are given whole."""
    modules = [importlib.import_module(f"solutions.{topic}") for topic in solutions.TOPICS]
    texts = [inspect.getsource(task.forward) for module in modules for task in exercises_in(module) if task.forward]
    return "".join(text for text in texts if "### BEGIN SOLUTION" not in text)


def secret_lines(topic):
    """The telling lines of a topic's answers; not those that a given forward has too."""
    return [line for line in stubs.answers(source(topic)) if len(line) >= TELLING and line not in given()]
