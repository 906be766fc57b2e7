"""What a fast check costs at any size, and what it notices: one wrong entry among ten thousand."""

import numpy as np

from .functions import Function, sized
from .peers import FAST, Peer, accepts, installed
from .table import show

#: What a fast check may cost, in forward evaluations.
TARGET = 10
MISTAKES = {"sign": -1.0, "off by 1e-3": 1 + 1e-3, "off by 1e-4": 1 + 1e-4}


def main(quick: bool = False) -> None:
    """Print forward evaluations by size, then the share of seeds for which a mistake is noticed."""
    peers = installed(FAST)
    rows = []
    for size in (10**4, 10**5) if quick else (10**4, 10**5, 10**6):
        function = sized(size)
        counts = []
        for peer in peers.values():
            box = function.box()
            accepts(peer, box)
            counts.append(box.forwards)
        rows.append([f"{function.size}", function.check(mode="fast")[1], *counts])
    note = f"Target for the checker: at most {TARGET}."
    show("Fast check of a right backward: forward evaluations", ["n", "checker", *peers], rows, note)

    function, seeds = sized(10**4), range(3 if quick else 50)
    rows = []
    for mistake, factor in MISTAKES.items():
        spoiled = [function.spoiled({entry(function, seed): factor}) for seed in seeds]
        rows.append([f"one entry: {mistake}", *refused(spoiled, peers)])
    rows.append(["a right backward", *refused([function for _ in seeds], peers)])
    title = f"Fast check of n = {function.size}: called wrong, percent of {len(seeds)} seeds"
    show(title, ["backward", "checker", *peers], rows)


def refused(functions: list[Function], peers: dict[str, Peer]) -> list[str]:
    """How often each checker refuses, the seed counted up."""
    ours = [function.check(mode="fast", seed=seed)[0].verdict == "wrong" for seed, function in enumerate(functions)]
    theirs = [
        [accepts(peer, function.box(), seed) is False for seed, function in enumerate(functions)]
        for peer in peers.values()
    ]
    return [f"{100 * np.mean(outcomes):.0f}" for outcomes in (ours, *theirs)]


def entry(function: Function, seed: int) -> int:
    """One entry of all gradients, drawn evenly."""
    return int(np.random.default_rng(seed).integers(function.size))
