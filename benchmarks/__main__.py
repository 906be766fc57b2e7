"""Measure, print the tables, and with --write keep the figures and put them into the README.

Everything takes about a quarter of an hour. The speeds (startup, watch, grading) need a machine that does nothing else;
the rest is counted and does not depend on it.
"""

import argparse
import importlib
import time
from collections.abc import Sequence
from pathlib import Path

from . import NAMES, ROOT, pages, results


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> None:
    """Run the benchmarks that were named, in order; what is written, is written below the root."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, to see that everything runs")
    parser.add_argument("--write", action="store_true", help="keep the figures, and renew their tables in the README")
    chosen = parser.parse_args(arguments)
    names = chosen.names or NAMES
    for name in names:
        if name not in NAMES:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(NAMES)}")
    if chosen.write:
        if chosen.quick:
            parser.error("--quick measures too little to --write it: leave one of the two out")
        if absent := results.missing(names):
            parser.error(
                f"not installed, so that tables would lose rows: {', '.join(absent)}; "
                "pip install -e '.[test,peers,graders]'"
            )
        try:
            pages.check(names, root)
        except pages.MarkerError as error:
            parser.error(str(error))
    for name in names:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        begun = time.perf_counter()
        tables = []
        for table in benchmark.measure(quick=chosen.quick):
            print(table, flush=True)
            tables.append(table)
        print(f"\n[{name}: {time.perf_counter() - begun:.0f} s]")
        if chosen.write:  # at once: what comes next may fail
            results.keep(name, results.made(tables, benchmark.PEERS), root)
            pages.fill(results.read(root), root)


if __name__ == "__main__":
    main()
