"""What it costs to say which entries are wrong, in forward evaluations."""

import numpy as np

from .functions import sized
from .table import show

#: What finding one wrong entry may cost, by the number of entries.
TARGETS = {10**4: 60, 10**6: 130}


def main(quick: bool = False) -> None:
    """Print the median and the worst over some seeds, from the first call to the report that names the entries."""
    rows = []
    for size, target in TARGETS.items():
        function = sized(size)
        for wrong in (1, 2, 8):
            counts, found = [], 0
            for seed in range(3 if quick or size > 10**5 else 20):
                entries = np.random.default_rng(seed).choice(function.size, wrong, replace=False)
                spoiled = function.spoiled({int(entry): -1.0 for entry in entries})
                report, calls = spoiled.check(mode="fast", seed=seed)
                counts.append(calls)
                found += sum(finding.wrong for finding in report.findings) == wrong
            name, limit, exactly = f"{wrong} of {function.size}", target if wrong == 1 else None, found / len(counts)
            rows.append([name, int(np.median(counts)), max(counts), limit, f"{100 * exactly:.0f} %", 2 * function.size])
        if quick:
            break
    header = ["wrong entries", "median", "worst", "target", "found exactly", "full check"]
    show("Locating wrong entries: forward evaluations of the whole fast check", header, rows)
