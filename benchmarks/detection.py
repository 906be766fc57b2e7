"""What is caught and what is accepted, over the labelled pairs of `tests/bank`, everybody at default settings."""

import functools
from collections import Counter
from collections.abc import Iterator

import numpy as np

from tests.bank import CASES, Case
from tests.bank.__main__ import attempt
from tests.bank.judge import named
from tests.bank.oracle import claim, differentiated, get, put, values

from .peers import FAST, FULL, LABELS, Box, Peer, accepts, course_loop, installed
from .results import Result
from .table import Cell, Table, markdown, percent

PEERS = ("autograd", "jax", "numdifftools", "scipy", "torch")
#: Column -> the labels it takes together, and whether a refusal or an acceptance is right.
COLUMNS = {
    "wrong caught": (("wrong",), False),
    "plain accepted": (("right",), True),
    "nasty accepted": (("nasty",), True),
    "contract caught": (("contract", "shape"), False),
    "hidden caught": (("elsewhere", "edge"), False),
}


def measure(quick: bool = False) -> Iterator[Table]:
    """Percentages for the checker and for each peer, and what the checker says where there is more to say."""
    peers = {
        "course loop, 1e-7": course_loop,
        "course loop, 1e-4": functools.partial(course_loop, tolerance=1e-4),
        **{name: peer for name, peer in (FULL | FAST).items() if name not in ("course loop", "scipy random")},
    }
    labels = {label for group, _ in COLUMNS.values() for label in group}
    cases = [case for case in CASES if case.label in labels][:: 20 if quick else 1]
    counts = Counter(case.label for case in cases)
    sizes = {column: sum(counts[label] for label in group) for column, (group, _) in COLUMNS.items()}

    reports = {case.name: attempt(case) for case in cases}
    rows = [["checker", *percentages(cases, {name: report.verdict == "right" for name, report in reports.items()})]]
    for name, peer in installed(peers).items():
        rows.append([name, *percentages(cases, {case.name: ask(case, peer) for case in cases})])
    header = ["percent of", *(f"{column} ({sizes[column]})" for column in COLUMNS)]
    yield Table("pairs", "The labelled pairs, everybody at default settings", header, rows)

    nasty = [reports[case.name].verdict for case in cases if case.label == "nasty"]
    reasons = [named(case, reports[case.name]) for case in cases if case.label == "wrong" and case.cause]
    rows = [
        ["nasty: cannot tell", nasty.count("cannot tell"), len(nasty)],
        ["nasty: called wrong", nasty.count("wrong"), len(nasty)],
        ["wrong, with a cause: the cause is named", sum(map(bool, reasons)), len(reasons)],
    ]
    yield Table("more", "What the checker says of them", ["pairs", "so many", "of"], rows)


def readme(result: Result) -> str:
    """The percentages, and what was measured with what."""
    pairs, more = result.tables["pairs"], result.tables["more"]
    rows = [[LABELS.get(name, name), *map(percent, shares)] for name, *shares in pairs.rows]
    unsure, refused, named_ = more.column("so many").values()
    reasons = more.column("of")["wrong, with a cause: the cause is named"]
    words = (
        f"The checker calls {refused} of the nasty points wrong and cannot tell at {unsure}. It names the cause of "
        f"{percent(100 * named_ / reasons)} % of the {reasons} wrong ones that have one."
    )
    return "\n\n".join((markdown(pairs.header, rows), words, result.setting()))


def percentages(cases: list[Case], accepted: dict[str, bool | None]) -> list[Cell]:
    """The share of right decisions in each column, over the cases that could be put to the checker."""
    shares: list[Cell] = []
    for labels, wanted in COLUMNS.values():
        decisions = [accepted[case.name] for case in cases if case.label in labels]
        decisions = [decision == wanted for decision in decisions if decision is not None]
        shares.append(100 * float(np.mean(decisions)) if decisions else None)
    return shares


def ask(case: Case, peer: Peer) -> bool | None:
    """Whether the peer accepts a case; None if that is no question of a vector-Jacobian product of a plain function."""
    if case.style in ("hessian", "jvp", "layer"):
        return None
    try:
        box = boxed(case)
    except Exception:
        return False
    return accepts(peer, box)


def boxed(case: Case) -> Box:
    """The case as outputs and gradients of its flat list of differentiable inputs."""
    inputs = case.inputs()
    where = differentiated(case, inputs)

    def filled(leaves: tuple[np.ndarray, ...]) -> tuple:
        result = inputs
        for path, leaf in zip(where, leaves):
            result = put(result, path, leaf)
        return result

    def outs(*leaves: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(values(case, filled(leaves)))

    def vjp(douts: tuple[np.ndarray, ...], *leaves: np.ndarray) -> tuple[np.ndarray, ...]:
        gradients = claim(case, filled(leaves), list(douts))
        if case.style == "jacobian":  # in denominator layout: the output's axes come last
            (jacobian,), (dout,) = gradients, douts
            return (np.tensordot(jacobian, dout, axes=dout.ndim),)
        return tuple(gradients)

    return Box(outs, vjp, tuple(np.array(get(inputs, path)) for path in where))
