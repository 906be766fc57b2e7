"""`checker explain`: what a derivation computes, with its values and gradients, in the terminal or as a picture."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..report import RIGHT
from ..resolve import workspace
from ..settings import demand_settings

if TYPE_CHECKING:  # what draws is imported when something is drawn
    from .data import Graph

_EXAMPLES = """examples:
  checker explain coursework.staged.softplus_graph_backward
  checker explain coursework.tape.Var --svg tape.svg
  checker explain "tanh(x*w + b)" --at x=2 --at w=-3 --at b=1

A staged exercise is one whose forward names its nodes. Where your answer is wrong, your gradient stands beside the
right one, and the first node that is wrong is marked. The exit code is 0; 1 if an answer is wrong or not written yet.
"""
#: No wider than this, however wide the terminal is.
_WIDEST = 110


def declare(verbs: Any, name: str) -> None:
    """Add `explain` to the command line."""
    parser = verbs.add_parser(
        name,
        help="draw what a derivation computes, with values and gradients",
        description="Draw the computational graph of a staged exercise or of a formula.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("target", help="a staged exercise (pkg.module.name, path/to/file.py::name), a module of them, or a formula")
    add("--at", metavar="x=2", action="append", default=[], help="the value of a formula's variable")
    add("--seed", type=int, help="draws an exercise's inputs; default 0")
    add("--svg", metavar="FILE", help="write a picture into this file, in the place of the text")


def run(options: argparse.Namespace) -> int:
    """Run `explain`; 1 if an answer is not right."""
    from ..notebook import silence
    from .targets import graphs, values

    if options.seed is not None:
        demand_settings("--", seed=options.seed)
    with workspace(), silence():  # the author's code runs hundreds of times
        found = graphs(options.target, values(options.at), options.seed)
    if options.svg is None:
        print("\n\n".join(_text(found)))
    else:
        _write(found, options.target, Path(options.svg))
    return int(any(graph.verdict not in ("", RIGHT) for graph in found))


def _text(found: Sequence["Graph"]) -> list[str]:
    """The graphs as this terminal can show them."""
    from ..render.graph_text import WIDTH, needs, render

    try:
        needs().encode(sys.stdout.encoding or "ascii")
        plain = False
    except (UnicodeEncodeError, LookupError):
        plain = True
    width = min(_WIDEST, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH
    return [render(graph, width=max(40, width), ascii_only=plain) for graph in found]


def _write(found: Sequence["Graph"], target: str, path: Path) -> None:
    """Write the one graph. Raises UsageError where there are several, and where the file cannot be written."""
    from ..render.graph_svg import render

    if len(found) > 1:
        names = ", ".join(graph.name for graph in found)
        raise UsageError(f"{target} has {len(found)} graphs, and a picture is of one: name {names}")
    try:
        path.write_text(render(found[0], page=True), encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"cannot write {path}: {problem.strerror or problem}") from None
    verdict = f" ({found[0].verdict})" if found[0].verdict else ""
    print(f"{path}: the graph of {found[0].name}{verdict}")
