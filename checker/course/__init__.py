"""The instructor's side: stubs are made here, and the answers are known. It is not part of a student's install."""

import argparse
import importlib
from collections.abc import Callable
from typing import Any

Run = Callable[[argparse.Namespace], int]
Verb = tuple[Callable[[Any, str], None], Run]


def _later(module: str, run: str = "run") -> Run:
    """What a module of this folder does, which is imported when that is wanted."""

    def start(options: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"{__name__}.{module}"), run)(options)
        return code

    return start


def _declare_build(verbs: Any, name: str) -> None:
    parser = verbs.add_parser(
        name,
        help="make stubs and notebooks from solutions/",
        description="Make coursework/ from solutions/, and notebooks/source/ from notebooks/sources/, in this folder. "
        "A stub that somebody has edited is left as it is.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale, and exit with 1")
    parser.add_argument("--force", action="store_true", help="overwrite stubs that have been edited")


def _wrapper(help_text: str, run: str, description: str) -> Verb:
    """A verb whose options and work are in `verbs`, which is imported when they are wanted."""

    def declare(verbs: Any, name: str) -> None:
        from .verbs import declare

        declare(verbs.add_parser(name, help=help_text, description=description), name)

    return declare, _later("verbs", run)


def _declare_grade(verbs: Any, name: str) -> None:
    from . import single

    parser = verbs.add_parser(
        name,
        help="grade one notebook, without a database",
        description="Grade one notebook as autograde does, print each mark with what explains it, and keep nothing.",
    )
    single.declare(parser)


def _declare_course(verbs: Any, name: str) -> None:
    parser = verbs.add_parser(
        name,
        help="lay out a course folder of your own",
        description="Lay out a course folder of your own: answers, stubs, assignments and nbgrader's configuration, as "
        "they are here, for you to change. All other verbs for instructors work in it.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="where the course is to be: a new folder, or an empty one")


def _declare_selfcheck(verbs: Any, name: str) -> None:
    parser = verbs.add_parser(
        name,
        help="check the course itself, as its authors do behind every change",
        description="Check the course itself: answers are right, known mistakes are caught, whatever is generated is "
        "current, and nothing that goes to students gives anything away.",
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="look at these alone; default all of solutions/")
    parser.add_argument("--json", action="store_true", help="print JSON")


#: The instructor's verbs: what declares each one's options, and what runs it.
VERBS: dict[str, Verb] = {
    "course": (_declare_course, _later("layout")),
    "selfcheck": (_declare_selfcheck, _later("selfcheck")),
    "build": (_declare_build, _later("build")),
    "release": _wrapper(
        "make what students get of the assignments",
        "run_release",
        "Build, then make release/ASSIGNMENT/ in the course's folder: what students get, without answers and hidden "
        "tests.",
    ),
    "autograde": _wrapper(
        "grade what was submitted",
        "run_autograde",
        "Grade submitted/STUDENT/ASSIGNMENT/ of the course's folder, each in a sandbox, into its gradebook. What has "
        "not changed since it was graded is left out, so a run that was stopped goes on where it was.",
    ),
    "feedback": _wrapper(
        "make the pages that go back to students",
        "run_feedback",
        "Make feedback/STUDENT/ASSIGNMENT/ in the course's folder: a page for each notebook that was graded.",
    ),
    "report": _wrapper(
        "write a page about the class",
        "run_report",
        "Write reports/class.html in the course's folder: scores, mistakes by name, and who needs a hand.",
    ),
    "export": _wrapper(
        "write the grades as CSV, or an autograder for Gradescope",
        "run_export",
        "Write the grades as CSV; or, with `gradescope ASSIGNMENT`, that assignment's autograder as a zip.",
    ),
    "grade": (_declare_grade, _later("single")),
}
