"""The kept survivors of the mutation tests stand for code that is there, each with a reason; what the table counts."""

import re

from tests.mutation import KEPT, ROOT, Mutant, known_survivors, listing, marked, table


def olds(change: str) -> set[str]:
    """What the text may have been before the change: `a {< -> <=} b` was `a < b`."""
    before, after = change.split(" -> ", 1)
    start = before.rindex("{")
    ends = [place.start() for place in re.finditer("}", after)]
    return {before[:start] + before[start + 1 :] + after[end + 1 :] for end in ends}


def test_every_kept_survivor_is_a_change_of_code_that_is_there():
    sources = {
        path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in (ROOT / "checker").glob("*.py")
    }
    gone = [
        f"{module}.{function}: {change}"
        for module, function, change in known_survivors()
        if not any(" ".join(old.split()) in sources[module] for old in olds(change))
    ]
    assert not gone, f"take these out of {KEPT.name}, or run python -m tests.mutation: {gone}"


def test_every_kept_survivor_has_a_reason():
    assert all(len(reason.split()) >= 3 for reason in known_survivors().values())


def test_a_change_is_marked_where_it_is():
    assert marked("if a < b:", "if a <= b:") == "if a {< -> <=} b:"
    assert marked("f(x, 1e-3)", "f(x, )") == "f(x, {1e-3 -> })"
    assert marked("x = 2", "x = None") == "x = {2 -> None}"
    assert marked("a + a", "a + a + a") == "a + a{ ->  + a}"


def test_the_table_counts_what_became_of_the_mutants():
    mutants = [Mutant(str(k), module, "f", f"x {{1 -> {k}}}") for k, module in enumerate(["one", "one", "one", "two"])]
    answers = {"0": "killed", "1": "survived", "2": "timeout", "3": "survived"}
    lines = [line.split() for line in table(mutants, answers, {("one", "f", "x {1 -> 1}")}).splitlines()]
    assert lines[1:] == [
        ["one", "3", "1", "1", "1", "1", "66.7%"],
        ["two", "1", "0", "0", "1", "0", "0.0%"],
        ["all", "4", "1", "1", "2", "1", "50.0%"],
    ]
    assert listing(mutants[:1]) == "  one.f: x {1 -> 0}"
