"""What it costs to say which entries are wrong, in forward evaluations."""

from collections.abc import Iterator

import numpy as np

from .functions import sized
from .results import Result
from .table import Table, markdown

PEERS = ()
#: What finding one wrong entry may cost, by the number of entries.
TARGETS = {10**4: 60, 10**6: 130}


def measure(quick: bool = False) -> Iterator[Table]:
    """The median and the worst over some seeds, from the first call to the report that names the entries."""
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
            limit, exactly = target if wrong == 1 else None, 100 * found / len(counts)
            name, full = f"{wrong} of {function.size:,}", 2 * function.size
            rows.append([name, int(np.median(counts)), max(counts), limit, exactly, full])
        if quick:
            break
    header = ["wrong entries", "median", "worst", "target", "found exactly, %", "full check"]
    yield Table("forwards", "Locating wrong entries: forward evaluations of the whole fast check", header, rows)


def readme(result: Result) -> str:
    """All rows, without the targets."""
    rows = [
        [wrong, median, worst, full, exactly]
        for wrong, median, worst, _, exactly, full in result.tables["forwards"].rows
    ]
    header = ["wrong entries that are named", "forwards, median", "worst", "a full check", "named exactly, %"]
    return markdown(header, rows)
