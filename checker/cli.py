"""The command line: `python -m checker VERB ...`, or `checker VERB ...`.

Each verb is two functions, one that adds its options and one that runs it, and a line in VERBS. Exit codes: 0 right; 1
wrong, not attempted or cannot tell; 2 called in a way that makes no sense; 130 interrupted.
"""

import argparse
import contextlib
import importlib
import io
import os
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import completion, demo, doctor, greeting, ladder
from .errors import Interrupted, UsageError
from .graph import verb as graph
from .report import CANNOT_TELL, NOT_ATTEMPTED, RIGHT, WRONG, Finding, Report
from .settings import demand_settings
from .watch import verb as watch

if TYPE_CHECKING:  # what a check needs is imported when there is one
    from .gather import Given
    from .subjects import Subject

USAGE, INTERRUPTED = 2, 130

#: A progress bar appears when the work has lasted this many seconds.
PATIENCE = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = greeting.Parser(prog="checker", description=greeting.PURPOSE)
    parser.add_argument("--version", action=greeting.Version, nargs=0, help="say which version this is")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    known = {**VERBS, **_course_verbs()}
    for name, (declare, _) in known.items():
        declare(verbs, name)
    if completion.ASKED in os.environ:
        completion.complete(parser)
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(greeting.GREETING, file=sys.stderr)
        return USAGE
    try:
        if words[0] == "help":
            words = [*words[1:], "--help"]
        greeting.demand_verb(words[0], known)
        options, left = parser.parse_known_args(words)
        verbs.choices[options.verb].demand_nothing_more(left)
    except UsageError as problem:
        print(f"checker: {problem}", file=sys.stderr)
        return USAGE
    except SystemExit:  # the help has been shown, or the version
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no sigma must not end the check, and what
            stream.reconfigure(errors="replace", line_buffering=True)  # both say keeps its order in one pipe
    try:
        return known[options.verb][1](options)
    except UsageError as problem:
        print(f"checker: {problem}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


# -- gradcheck --------------------------------------------------------------------------------------------------------

_EXAMPLES = """examples:
  checker gradcheck layers.py::affine_backward --input x=8,5 --input w=5,4 --input b=4
  checker gradcheck mypkg.layers.batchnorm_backward --arg bn_param='{"mode": "train"}' --input x=8,5:-1..1 ...
  checker gradcheck losses.py::svm_loss --input x=8,5 --input y=8:int0..4
  checker gradcheck layers.py                                    all pairs in it, with its own example_inputs
"""


def _declare_gradcheck(verbs: Any, name: str) -> None:
    parser = verbs.add_parser(
        name,
        help="compare a hand-written derivative with a numeric one",
        description="Compare a hand-written derivative with a numeric one: right, or wrong and why.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    declare_checks(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def declare_checks(parser: argparse.ArgumentParser) -> None:
    """Add the target, and what says how it is checked."""
    add = parser.add_argument
    add("target", help="pkg.module.function, pkg.module.Class, path/to/file.py::function, a module or a file")
    add("--forward", metavar="NAME", default="", help="the forward, where its name does not tell")
    add("--reference", metavar="TARGET", default="", help="a forward known to be right, to compare with")
    add("--input", metavar="x=8,5", action="append", default=[], dest="inputs",
        help="an array to draw (x=8,5 x=8,5:-1..1 y=8:int0..4 params.W1=5,6), a file x=x.npy or data.npz")  # fmt: skip
    add("--arg", metavar="mode=train", action="append", default=[], dest="arguments",
        help="any other argument, as Python or JSON")  # fmt: skip
    add("--wrt", metavar="NAME", action="append", help="differentiate with respect to this input only")
    add("--seed", type=int, default=0, help="draws inputs and directions; default 0")
    add("--trials", type=int, help="how many other points and shapes to try; default 8, and none with --fast")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--fast", action="store_const", const="fast", dest="mode", help="a few forwards, whatever the size"
    )
    mode.add_argument("--full", action="store_const", const="full", dest="mode", help="every entry, whatever it costs")
    add("--rtol", type=float, help="relative difference allowed beyond the estimate's own error; default 1e-7")
    add("--layout", choices=("denominator", "numerator"), help="of a Jacobian; default denominator")
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("--quiet", action="store_true", help="one line for each check")
    loud.add_argument("--verbose", action="store_true", help="everything there is to say")


def _run_gradcheck(options: argparse.Namespace) -> int:
    from . import resolve

    sensible(options)
    reports: list[Report] = []
    unclear: list[UsageError] = []
    with resolve.workspace():
        try:
            for outcome in checks(options):
                if isinstance(outcome, Report):
                    reports.append(outcome)
                    _show(outcome, options, first=len(reports) == 1)
                else:
                    unclear.append(outcome)
            code = _code(reports) or (USAGE if unclear else 0)
        except Interrupted as stopped:
            reports.append(stopped.report)
            _show(stopped.report, options, first=len(reports) == 1)
            code = INTERRUPTED
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            code = INTERRUPTED
    if options.json:
        from .render.json import render

        print(render(reports))
    elif len(reports) + len(unclear) > 1:
        print(("" if options.quiet or not reports else "\n") + _summary(reports, len(unclear)))
    complain(unclear)
    return code


def sensible(options: argparse.Namespace) -> None:
    """Refuse settings that make no sense."""
    given = {name: getattr(options, name) for name in ("trials", "seed", "rtol")}
    demand_settings("--", **{name: value for name, value in given.items() if value is not None})


def checks(
    options: argparse.Namespace, choose: Callable[[list[Any]], list[Any]] = lambda found: found
) -> Iterator[Report | UsageError]:
    """The report of each check; the complaint where one of several could not be set up.

    Of the subjects that the target names, those that `choose` returns are checked. Call it inside `workspace()`.
    """
    from . import environment
    from .gather import Given
    from .resolve import BrokenModuleError
    from .subjects import subjects

    given = Given.read(options.inputs, options.arguments)
    loud = options.verbose and not options.json
    try:
        with _muted(loud):
            found = subjects(options.target, options.forward, given, options.seed)
            reference = _reference(options.reference) if options.reference else None
    except BrokenModuleError as broken:
        problem = broken.__cause__ or broken
        yield _theirs(options.target, environment.cannot_import(problem, str(broken)), problem)
        return
    _all_known(given, found, options.target)
    _all_apply(options, found)
    for subject in choose(found):
        command = _command(options, subject if len(found) > 1 else None)
        settings = {name: getattr(options, name) for name in ("seed", "trials", "mode", "rtol", "wrt", "layout")}
        bar = _Bar(subject.name)
        outcome: Report | UsageError
        try:
            with _muted(loud) as printed:
                inputs = subject.gather(given, options.seed, command)
                outcome = _told_of(printed, subject.check(inputs, reference=reference, progress=bar, **settings))
        except UsageError as problem:
            if len(found) == 1:
                raise
            outcome = problem
        except (Exception, SystemExit) as problem:
            place = environment.user_line(problem)
            if place is None:  # ours, and then a bug that should show where it is
                raise
            outcome = _theirs(subject.name, environment.describe(problem, subject.signature), problem)
        finally:
            bar.stop()
        yield outcome


def _told_of(printed: io.StringIO, report: Report) -> Report:
    """The report with a note on what the author's code printed, which is not shown."""
    count = printed.getvalue().count("\n")
    note = f"your code printed {count} line{'s' * (count != 1)}: --verbose shows what"
    return replace(report, notes=(*report.notes, note)) if count else report


def _theirs(name: str, message: str, problem: BaseException) -> Report:
    """A report on an exception of the author's that came before any check, or ended it."""
    return Report(name, WRONG, (Finding("", WRONG, message, "error", type(problem).__name__),), "error")


def _reference(target: str) -> Callable[..., Any]:
    from .resolve import find, functions, near

    found = find(target)
    if not found.name:
        raise UsageError(
            f"--reference {target} names no function: write {target}{'::' if '.py' in target else '.'}NAME"
        )
    function = functions(found.module).get(found.name)
    if function is None:
        raise UsageError(f"{found.where} has no function {found.name!r}{near(found.name, functions(found.module))}")
    return function


def _all_known(given: "Given", found: Sequence["Subject"], target: str) -> None:
    """Refuse an input that nothing takes."""
    from .gather import takes_any
    from .resolve import near, own_parameters

    first = found[0]
    if first.kind == "exercise":
        if given.values:
            raise UsageError(f"{first.name} is an exercise, which draws its own inputs: leave out --input and --arg")
        return
    if any(subject.kind == "unclear" or takes_any(subject.signature) for subject in found):
        return
    known = list(dict.fromkeys(p.name for subject in found for p in own_parameters(subject.signature)))
    for name in sorted(given.typed.difference(*(subject.takes() for subject in found))):
        question = near(name, known)
        if len(found) > 1:
            raise UsageError(f"nothing in {target} has an input {name!r}{question}")
        listed = ", ".join(known) or "none"
        raise UsageError(f"{first.name} has no input {name!r}{question + ' It' if question else '; it'} takes {listed}")


def _all_apply(options: argparse.Namespace, found: Sequence["Subject"]) -> None:
    """Refuse an option that applies to nothing of what was found."""
    typed = {"layout": options.layout, "fast": options.mode == "fast", "trials": options.trials, "rtol": options.rtol}
    for option in (name for name, value in typed.items() if value not in (None, False)):
        reasons = [subject.ignores(option) for subject in found]
        if all(reasons):
            whom = found[0].name if len(found) == 1 else f"anything in {options.target}"
            raise UsageError(f"--{option} does not apply to {whom}: {reasons[0]}")


def _command(options: argparse.Namespace, one: Any = None) -> str:
    """What was typed, as far as a mended command repeats it; for `one` of several subjects, what concerns that one."""
    target = options.target
    if one is not None:
        target = f"{target}::{one.name}" if target.endswith(".py") else f"{target}.{one.name}"
    words = ["python", "-m", "checker", options.verb, target]
    words += ["--forward", options.forward] if options.forward else []
    for option, texts in (("--input", options.inputs), ("--arg", options.arguments)):
        for text in texts:
            if one is None or text.partition("=")[0].split(".")[0] in one.takes():
                words += [option, text]
    return shlex.join(words)


# -- what is shown ----------------------------------------------------------------------------------------------------

COLOURS = {RIGHT: "green", WRONG: "red", NOT_ATTEMPTED: "yellow", CANNOT_TELL: "yellow"}


def _show(report: Report, options: argparse.Namespace, first: bool) -> None:
    """Print a report, in colour on a terminal."""
    if options.json:
        return
    from .render.text import WIDTH, render

    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH
    text = render(report, verbose=options.verbose, quiet=options.quiet, width=max(40, width))
    if not first and not options.quiet:
        print()
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.text import Text

        headline, newline, rest = text.partition("\n")
        console = Console(highlight=False, soft_wrap=True)
        coloured = (headline, f"bold {COLOURS[report.verdict]}")
        console.print(Text.assemble(coloured, newline + rest))
    else:
        print(text, flush=True)


def complain(problems: Sequence[UsageError]) -> None:
    """Say what is missing: for several, a line each."""
    from .suggest import MissingInputsError

    missing = [problem for problem in problems if isinstance(problem, MissingInputsError)]
    commands = [problem.command for problem in missing]
    if len(commands) > 1:
        print("checker: nothing says what the inputs are. Type, with your own shapes:\n", file=sys.stderr)
        print(*(f"  {command}" for command in commands), sep="\n", file=sys.stderr)
        print(f"\nor put example_inputs = {{...}} or {missing[0].own} = {{...}} into the module", file=sys.stderr)
    for problem in problems:
        if len(commands) < 2 or not isinstance(problem, MissingInputsError):
            print(f"checker: {problem}", file=sys.stderr)


def _summary(reports: Sequence[Report], unclear: int) -> str:
    """`7 checked: 5 right, 2 wrong (affine_backward, svm_loss)`."""
    parts = []
    for verdict in (RIGHT, WRONG, NOT_ATTEMPTED, CANNOT_TELL):
        names = [report.name for report in reports if report.verdict == verdict]
        if names:
            parts.append(f"{len(names)} {verdict}" + (f" ({', '.join(names)})" if verdict != RIGHT else ""))
    if unclear:
        parts.append(f"{unclear} without inputs")
    return f"{len(reports) + unclear} found: {', '.join(parts)}"


def _code(reports: Sequence[Report]) -> int:
    return int(not all(reports))


# -- while it runs ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _muted(loud: bool) -> Iterator[io.StringIO]:
    """Take what the author's code prints, hundreds of times, without its warnings, and let it ask nothing."""
    printed = io.StringIO()
    with contextlib.ExitStack() as stack:
        if not loud:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(contextlib.redirect_stdout(printed))
        stdin, sys.stdin = sys.stdin, io.StringIO()  # nobody would see what an input() asks
        stack.callback(setattr, sys, "stdin", stdin)
        yield printed


class _Bar:
    """A progress bar on standard error, once the work has lasted a while; nothing where that is no terminal."""

    def __init__(self, name: str):
        self.name, self.started = name, time.monotonic()
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` steps are done."""
        if self.bar is None and sys.stderr.isatty() and time.monotonic() - self.started > PATIENCE:
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(
                console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self.bar.start()
            self.task = self.bar.add_task(self.name, total=total)
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=total)

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()


Verb = tuple[Callable[[Any, str], None], Callable[[argparse.Namespace], int]]
VERBS: dict[str, Verb] = {
    "gradcheck": (_declare_gradcheck, _run_gradcheck),
    "watch": (watch.declare, watch.run),
    "list": (ladder.declare_list, ladder.run_list),
    "hint": (ladder.declare_hint, ladder.run_hint),
    "start": (ladder.declare_start, ladder.run_start),
    "explain": (graph.declare, graph.run),
    "doctor": (doctor.declare, doctor.run),
    "demo": (demo.declare, demo.run),
    "completion": (completion.declare, completion.run),
}


def _course_verbs() -> dict[str, Verb]:
    """The instructor's verbs, where that side is installed."""
    try:
        verbs: dict[str, Verb] = importlib.import_module("checker.course").VERBS
    except ModuleNotFoundError:
        return {}
    return verbs
