"""What a fast check costs at any size, and what it notices: one wrong entry among ten thousand."""

from collections.abc import Iterator

import numpy as np

from .functions import Function, sized
from .peers import FAST, LABELS, Peer, accepts, installed
from .results import Result
from .table import Table, markdown, percent, span

PEERS = ("autograd", "jax", "scipy", "torch")
#: What a fast check may cost, in forward evaluations.
TARGET = 10
MISTAKES = {"sign": -1.0, "off by 1e-3": 1 + 1e-3, "off by 1e-4": 1 + 1e-4}


def measure(quick: bool = False) -> Iterator[Table]:
    """Forward evaluations by size, then the share of seeds for which a mistake is noticed."""
    peers = installed(FAST)
    rows = []
    for size in (10**4, 10**5) if quick else (10**4, 10**5, 10**6):
        function = sized(size)
        counts = []
        for peer in peers.values():
            box = function.box()
            accepts(peer, box)
            counts.append(box.forwards)
        rows.append([f"{function.size:,}", function.check(mode="fast")[1], *counts])
    note = f"Target for the checker: at most {TARGET}."
    title = "Fast check of a right backward: forward evaluations"
    yield Table("forwards", title, ["n", "checker", *peers], rows, note)

    function, seeds = sized(10**4), range(3 if quick else 50)
    rows = []
    for mistake, factor in MISTAKES.items():
        spoiled = [function.spoiled({entry(function, seed): factor}) for seed in seeds]
        rows.append([f"one entry: {mistake}", *refused(spoiled, peers)])
    rows.append(["a right backward", *refused([function for _ in seeds], peers)])
    title = f"How often a fast check calls a backward of {function.size:,} numbers wrong, percent of {len(seeds)} seeds"
    yield Table("needle", title, ["backward", "checker", *peers], rows)


def readme(result: Result) -> str:
    """A line for each checker: what it takes, and how often it calls what wrong."""
    forwards, needle = result.tables["forwards"], result.tables["needle"]
    rows = []
    for name in needle.header[1:]:
        shares = map(percent, needle.column(name).values())
        rows.append([LABELS.get(name, name), span(forwards.column(name).values(), ".0f"), *shares])
    header = ["", f"forwards, for {' or '.join(forwards.column('n'))} numbers", *needle.column("backward")]
    return f"{markdown(header, rows)}\n\n{needle.title}."


def refused(functions: list[Function], peers: dict[str, Peer]) -> list[float]:
    """How often each checker refuses, in percent, the seed counted up."""
    ours = [function.check(mode="fast", seed=seed)[0].verdict == "wrong" for seed, function in enumerate(functions)]
    theirs = [
        [accepts(peer, function.box(), seed) is False for seed, function in enumerate(functions)]
        for peer in peers.values()
    ]
    return [100 * float(np.mean(outcomes)) for outcomes in (ours, *theirs)]


def entry(function: Function, seed: int) -> int:
    """One entry of all gradients, drawn evenly."""
    return int(np.random.default_rng(seed).integers(function.size))
