"""Mutation testing of the numerics: which slips in them do the quick tests notice?

mutmut makes the mutants, copies of a function with one operator, number, string or argument changed, and the tests run
against each of them. [tool.mutmut] in pyproject.toml says which modules are mutated, and which tests run. Every mutant
that survives must stand in survivors.toml, with the reason why no test need notice it.
"""

import argparse
import ast
import difflib
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parent.parent
KEPT = Path(__file__).with_name("survivors.toml")
#: Of the tests that call a mutant's function, the quickest that take so long together run against it. (In a sample, of
#: mutants that are expected to be noticed, all of them do.)
SECONDS = 2.0


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a function. `name` is mutmut's, whose numbers move with every change of the source."""

    name: str
    module: str
    function: str
    change: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every survivor is a known one, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="these modules only, as in numerical")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants, none of them a known survivor")
    parser.add_argument("--seed", default="0", help="which sample (any text, as a commit's name)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    given = parser.parse_args(arguments)
    os.chdir(ROOT)
    kept = known_survivors()
    with tempfile.TemporaryDirectory() as folder:
        mutants = mutated_copy(Path(folder), given.modules)
        if given.sample is not None:
            fresh = [m for m in mutants if key(m) not in kept]
            mutants = random.Random(given.seed).sample(fresh, min(given.sample, len(fresh)))
        answers = run(Path(folder), mutants, given.workers, SECONDS if given.sample is None else math.inf)
    print(table(mutants, answers, kept))
    survivors = [m for m in mutants if answers[m.name] == "survived"]
    unknown = [m for m in survivors if key(m) not in kept]
    if unknown:
        print(f"\n{len(unknown)} survive and are not in {KEPT.name}: let a test notice each, or keep it there:")
        print(listing(unknown))
    noticed = [m for m in mutants if key(m) in kept and m not in survivors]
    if noticed:
        print(f"\n{len(noticed)} are in {KEPT.name} and do not survive here:")
        print(listing(noticed))
    gone = {k for k in kept if k[0] in given.modules or not given.modules} - {key(m) for m in mutants}
    if gone and given.sample is None:
        print(f"\n{len(gone)} are in {KEPT.name} and are no mutants any more:")
        print("\n".join(f"  {module}.{function}: {change}" for module, function, change in sorted(gone)))
    return 1 if unknown else 0


def key(mutant: Mutant) -> tuple[str, str, str]:
    """What a kept survivor is known by."""
    return mutant.module, mutant.function, mutant.change


def known_survivors() -> dict[tuple[str, str, str], str]:
    """The reason for each survivor that was looked at."""
    groups = tomllib.loads(KEPT.read_text(encoding="utf-8"))["survivors"] if KEPT.exists() else []
    return {(g["module"], g["function"], change): g["reason"] for g in groups for change in g["changes"]}


def mutated_copy(folder: Path, modules: Sequence[str] = ()) -> list[Mutant]:
    """Copy what the tests need into the folder, with all mutants of these modules (by default of all that are mutated).

    Returns the mutants.
    """
    from mutmut.configuration import config
    from mutmut.mutation.file_mutation import mutate_file_contents

    for path in (*config().source_paths, *config().also_copy):
        if path.is_dir():
            shutil.copytree(path, folder / path, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            shutil.copy(path, folder / path)
    mutants: list[Mutant] = []
    for path in config().only_mutate:
        if modules and Path(path).stem not in modules:
            continue
        mutated = mutate_file_contents(path, (ROOT / path).read_text(encoding="utf-8"))
        (folder / path).write_text(mutated.code, encoding="utf-8")
        mutants += _described(Path(path).stem, path.removesuffix(".py").replace("/", "."), mutated.code)
    return mutants


def _described(module: str, dotted: str, code: str) -> Iterator[Mutant]:
    """The mutants in the code, each with what differs from the function that it is a copy of."""
    lines, tree = code.splitlines(), ast.parse(code)
    bodies = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            mangled, _, number = node.name.partition("__mutmut_")
            text = [line.strip() for line in lines[node.lineno - 1 : node.end_lineno]]
            bodies[mangled, number] = [line.replace(node.name, mangled.removeprefix("x_")) for line in text]
    for (mangled, number), body in bodies.items():
        if number != "orig":
            differ = [d for d in difflib.ndiff(bodies[mangled, "orig"], body) if d[0] in "-+"]
            old, new = (" ".join(d[2:] for d in differ if d[0] == sign) for sign in "-+")
            function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            yield Mutant(f"{dotted}.{mangled}__mutmut_{number}", module, function, marked(old, new))


def marked(old: str, new: str) -> str:
    """The old text, with what differs in braces: `if a {< -> <=} b:`."""
    before, after = (re.findall(r"\s+|[\d.]+(?:e[-+]?\d+)?|\w+|[()]|[^\w\s()]+", text) for text in (old, new))
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    stop, until = len(before) - end, len(after) - end
    parts = before[:start], before[start:stop], after[start:until], before[stop:]
    return "{}{{{} -> {}}}{}".format(*("".join(part) for part in parts))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items the two have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other)))


def run(folder: Path, mutants: Iterable[Mutant], workers: int, seconds: float) -> dict[str, str]:
    """For each mutant: killed, timeout (which is noticed too), or survived so many seconds of tests.

    Raises SystemExit if the tests fail without a mutant.
    """
    from mutmut.configuration import config

    names, answers = folder / "mutants.txt", folder / "answers.jsonl"
    names.write_text("\n".join(mutant.name for mutant in mutants), encoding="utf-8")
    given = {"MUTATION_MUTANTS": names, "MUTATION_ANSWERS": answers}
    given |= {"MUTATION_WORKERS": workers, "MUTATION_SECONDS": seconds}
    environment = os.environ | {name: str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation_loop", *config().pytest_add_cli_args]
    command += config().pytest_add_cli_args_test_selection
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 5):
        raise SystemExit(f"the tests do not run:\n{done.stdout}")
    found = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    return {one["mutant"]: one["answer"] for one in found}


def table(mutants: Iterable[Mutant], answers: dict[str, str], kept: Iterable[tuple[str, str, str]]) -> str:
    """A line for each module, and one for all."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        for row in (mutant.module, "all"):
            counts[row]["mutants"] += 1
            counts[row][answers[mutant.name]] += 1
            counts[row]["kept"] += answers[mutant.name] == "survived" and key(mutant) in kept
    text = [f"{'module':14}{'mutants':>8}{'killed':>8}{'timeouts':>10}{'survived':>10}{'kept':>6}{'score':>8}"]
    for module in [row for row in counts if row != "all"] + ["all"]:
        of = counts[module]
        score = (of["killed"] + of["timeout"]) / max(of["mutants"], 1)
        text.append(
            f"{module:14}{of['mutants']:>8}{of['killed']:>8}{of['timeout']:>10}{of['survived']:>10}{of['kept']:>6}"
            f"{score:>8.1%}"
        )
    return "\n".join(text)


def listing(mutants: Iterable[Mutant]) -> str:
    """Each mutant on a line of its own."""
    return "\n".join(f"  {m.module}.{m.function}: {m.change}" for m in mutants)


if __name__ == "__main__":
    sys.exit(main())
