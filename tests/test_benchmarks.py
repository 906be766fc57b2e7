"""The figures that the checker promises, counted; and the peers that it is measured beside are asked what is meant."""

import importlib

import pytest

from benchmarks import cost, fast, locate, peers
from benchmarks.functions import batches, layers, sized

EVERY_ENTRY = [pytest.param(function, id=function.name) for function in layers()]
ROWS = [pytest.param(function, id=function.name) for function in batches()]


@pytest.mark.parametrize("function", EVERY_ENTRY)
def test_a_full_check_costs_little_more_than_two_forwards_for_each_number(function):
    report, forwards = function.check(mode="full", trials=0)
    assert report
    assert forwards <= cost.TARGET * 2 * function.size


@pytest.mark.parametrize("function", ROWS)
def test_independent_rows_are_moved_together(function):
    report, forwards = function.check(mode="full")
    assert report
    assert forwards < cost.TARGET_ROWS * 2 * function.size


@pytest.mark.parametrize("function", EVERY_ENTRY)
def test_the_report_counts_what_was_spent(function):
    report, forwards = function.check(mode="full")
    assert report.forwards == forwards


@pytest.mark.parametrize("size", [10**3, 10**4, pytest.param(10**6, marks=pytest.mark.slow)])
def test_a_fast_check_costs_the_same_at_any_size(size):
    report, forwards = sized(size).check(mode="fast")
    assert report
    assert forwards <= fast.TARGET


@pytest.mark.parametrize("factor", fast.MISTAKES.values(), ids=fast.MISTAKES.keys())
def test_a_fast_check_notices_one_wrong_entry_of_ten_thousand(factor):
    function = sized(10**4)
    verdicts = [
        function.spoiled({fast.entry(function, seed): factor}).check(mode="fast", seed=seed)[0].verdict
        for seed in range(10)
    ]
    assert verdicts.count("wrong") >= 9


@pytest.mark.parametrize("size", [10**4, pytest.param(10**6, marks=pytest.mark.slow)])
def test_a_wrong_entry_is_located_in_few_forwards(size):
    function = sized(size)
    entry = function.inputs[0].size + 17
    report, forwards = function.spoiled({entry: -1.0}).check(mode="fast")
    assert [found.index for finding in report.findings for found in finding.entries] == [(0, 17)]
    assert forwards <= locate.TARGETS[size]


@pytest.mark.peers
@pytest.mark.parametrize("name", sorted(peers.FULL | peers.FAST))
def test_a_peer_tells_right_from_wrong(name):
    peer = (peers.FULL | peers.FAST)[name]
    if not name.startswith("course"):
        importlib.import_module(name.split()[0])
    function = layers()[0]
    assert peer(function.box(), 0) or name == "course loop"  # whose 1e-7 is too strict for a thousand numbers
    wrong = function.spoiled(dict.fromkeys(range(function.size), -1.0))
    assert not peers.accepts(peer, wrong.box())
