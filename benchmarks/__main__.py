"""`python -m benchmarks [NAME ...] [--quick]`: print the tables, all of them or the named ones."""

import argparse
import importlib

NAMES = ("startup", "cost", "fast", "locate", "detection", "grading")


def main() -> None:
    """Run the benchmarks that were named, in order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, to see that everything runs")
    chosen = parser.parse_args()
    for name in chosen.names or NAMES:
        if name not in NAMES:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(NAMES)}")
        importlib.import_module(f"benchmarks.{name}").main(quick=chosen.quick)


if __name__ == "__main__":
    main()
