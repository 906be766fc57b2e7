"""`python -m tests.bank`: how the checker does on the bank, in percent; `-v` lists what it gets wrong."""

import sys
from collections import defaultdict

from . import CASES, LABELS
from .judge import attempt, holds, named, text


def main(verbose: bool = False) -> dict[str, float]:
    """Print and return the percentages: each label's, nasty points called right, edges called edges, causes named."""
    results: dict[str, list[bool]] = defaultdict(list)
    for case in CASES:
        report = attempt(case)
        good = holds(case, report)
        results[case.label].append(good)
        if verbose and not good:
            print(f"{case.label:12} {case.name}: {report.verdict} {report.kind}: {text(report)[:300]}")
        if case.label == "nasty":
            results["nasty called right"].append(report.verdict == "right")
        if case.label == "edge":
            results["edge called edge"].append(report.kind == "edge")
        if case.label == "wrong" and case.cause:
            results["cause named"].append(named(case, report))
            if verbose and not named(case, report):
                print(f"{'not named':12} {case.name}: {report.causes} for {case.cause}")
    table = {label: 100 * sum(goods) / len(goods) for label, goods in results.items()}
    for label, percent in table.items():
        print(f"{label:20} {len(results[label]):4} {percent:6.1f} %  {LABELS.get(label, '')}".rstrip())
    return table


if __name__ == "__main__":
    main(verbose="-v" in sys.argv[1:])
