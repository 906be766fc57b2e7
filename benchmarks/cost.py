"""What a full check costs, in forward evaluations: 2 for each of n inputs is what central differences need."""

import time
from collections.abc import Callable, Iterator

from .functions import Function, batches, layers
from .peers import FULL, LABELS, Box, Peer, accepts, installed
from .results import Result
from .table import Table, markdown, span

PEERS = ("numdifftools", "scipy", "torch")
#: What a full check may cost, over 2n: where every entry is moved by itself, and where rows are independent.
TARGET, TARGET_ROWS = 1.15, 0.1


def measure(quick: bool = False) -> Iterator[Table]:
    """Forwards over 2n, and processor time over that of 2n forwards, for all who check every entry."""
    peers = installed(FULL)
    forwards, times = [], []
    for function in layers() + batches():
        twice = 2 * function.size
        least = twice * forward_seconds(function)
        alone = timed(lambda function=function: function.check(mode="full", trials=0)[1])
        whole = timed(lambda function=function: function.check(mode="full")[1])
        asked = [timed(lambda peer=peer, box=box: ask(peer, box)) for peer, box in boxes(function, peers)]
        forwards.append([function.name, twice, *(count / twice for count, _ in (alone, whole, *asked))])
        times.append([function.name, least, *(seconds / least for _, seconds in (alone, whole, *asked))])
        if quick:
            break
    names = ["checker", "+ 8 other points", *peers]
    note = f"Targets for the checker: at most {TARGET}, and under {TARGET_ROWS} for the layers with rows."
    yield Table("forwards", "Full check: forward evaluations / 2n", ["function", "2n", *names], forwards, note)
    title = "Full check: processor time / that of 2n forward evaluations"
    yield Table("times", title, ["function", "seconds", *names], times)


def readme(result: Result) -> str:
    """What a full check takes, from the cheapest function to the dearest."""
    table = result.tables["forwards"]
    kinds = [[function.name for function in functions] for functions in (layers(), batches())]
    labels = {
        **LABELS,
        "+ 8 other points": "this checker, with eight other points and shapes",
        "scipy": "scipy (one-sided differences)",
    }
    rows = []
    for name in table.header[2:]:
        shares = table.column(name)
        rows.append([labels.get(name, name), *(span(shares[function] for function in kind) for kind in kinds)])
    return markdown(["full check: forwards / 2n", "layers", "where rows are independent"], rows)


def boxes(function: Function, peers: dict[str, Peer]) -> list[tuple[Peer, Box]]:
    """Each peer with a box of its own, made before the clock runs."""
    return [(peer, function.box()) for peer in peers.values()]


def ask(peer: Peer, box: Box) -> int:
    """How often a peer runs the forward."""
    accepts(peer, box)
    return box.forwards


def timed(count: Callable[[], int]) -> tuple[int, float]:
    """What `count()` returns, and the seconds of processor time that it took."""
    start = time.process_time()
    counted = count()
    return counted, time.process_time() - start


def forward_seconds(function: Function, repeats: int = 50) -> float:
    """The processor time of one forward evaluation."""
    function.forward(*function.inputs)
    start = time.process_time()
    for _ in range(repeats):
        function.forward(*function.inputs)
    return (time.process_time() - start) / repeats
