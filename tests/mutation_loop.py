"""A pytest plugin that runs the collected tests once for each mutant, in place of once.

mutmut's trampolines, in the modules that the tests import, call the mutant that is named in the environment. The tests
are collected once. A first pass tells which tests call which functions, and how long each takes; then each mutant gets
a fork of this process, in which the tests that call its function run, those of its own module and the quickest first,
until one fails or MUTATION_SECONDS of them have passed.

The names of the mutants are read from the file MUTATION_MUTANTS, one a line; the answers, one JSON object a line, go to
the file MUTATION_ANSWERS as they come. MUTATION_WORKERS forks run at a time.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

# The same examples each time; one that fails needs no simpler one.
settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=[Phase.generate])
settings.load_profile("mutation")


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Answer for every mutant; no test is reported."""
    if session.testsfailed:
        raise session.Interrupted("the tests cannot be collected")
    tests = {item.nodeid: item for item in session.items}
    trace = json.loads(_answer_of_a_fork(lambda: _trace(tests)))
    if trace["failed"]:
        pytest.exit(f"without a mutant, there fail: {', '.join(trace['failed'])}", returncode=1)
    mutants = Path(os.environ["MUTATION_MUTANTS"]).read_text().split()
    running: dict[int, str] = {}
    with open(os.environ["MUTATION_ANSWERS"], "a") as answers:

        def wait() -> None:
            pid, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            said = {0: "survived", 1: "killed"}.get(code, "timeout" if code == -signal.SIGVTALRM else "killed")
            print(json.dumps({"mutant": running.pop(pid), "answer": said}), file=answers, flush=True)

        for mutant in mutants:
            while len(running) >= int(os.environ["MUTATION_WORKERS"]):
                wait()
            names = trace["calls"].get(mangled_name_from_mutant_name(mutant), [])
            pid = os.fork()
            if not pid:
                own = f"tests/test_{mutant.split('.')[-2]}.py"
                order = sorted((not name.startswith(own), trace["seconds"][name], name) for name in names)
                os._exit(_notice(mutant, [(tests[name], seconds) for _, seconds, name in order]))
            running[pid] = mutant
        while running:
            wait()
    return True


def _notice(mutant: str, tests: list[tuple[pytest.Item, float]]) -> int:
    """1 if some test fails for the mutant, else 0. A test that takes many times its time is ended by a signal."""
    code = 1
    try:
        set_mutant_under_test(mutant)
        spent, most = 0.0, float(os.environ["MUTATION_SECONDS"])
        for item, seconds in tests:
            spent += seconds
            if spent > most:
                code = 0
                break
            signal.setitimer(signal.ITIMER_VIRTUAL, 3.0 + 20 * seconds)
            if not _passes(item):
                break
        else:
            code = 0
    finally:
        os._exit(code)


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _trace(tests: dict[str, pytest.Item]) -> str:
    """Which tests call each function, the seconds that each takes, and those that fail, as JSON."""
    set_mutant_under_test("stats")
    calls: dict[str, list[str]] = {}
    seconds, failed = {}, []
    for name, item in tests.items():
        state()._stats.clear()
        started = time.process_time()
        if not _passes(item):
            failed.append(name)
        seconds[name] = time.process_time() - started
        for function in state()._stats:
            calls.setdefault(function, []).append(name)
    return json.dumps({"calls": calls, "seconds": seconds, "failed": failed})


def _answer_of_a_fork(ask: Callable[[], str]) -> str:
    """What `ask` says in a fork, so that nothing that it does or keeps is left in this process."""
    receive, send = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with os.fdopen(send, "w") as pipe:
                pipe.write(ask())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer
