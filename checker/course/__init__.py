"""The instructor's side: stubs are made here, and the answers are known. It is not part of a student's install."""

import argparse
from collections.abc import Callable
from typing import Any


def _declare_build(verbs: Any, name: str) -> None:
    parser = verbs.add_parser(name, help="make the stubs in coursework/ from solutions/")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale, and exit with 1")
    parser.add_argument("--force", action="store_true", help="overwrite stubs that have been edited")


def _run_build(options: argparse.Namespace) -> int:
    from . import build

    return build.run(options)


#: The instructor's verbs: what declares each one's options, and what runs it.
VERBS: dict[str, tuple[Callable[[Any, str], None], Callable[[argparse.Namespace], int]]] = {
    "build": (_declare_build, _run_build),
}
