"""Are a topic's stubs current, with nothing answered and nothing of an answer in them?"""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from ...exercises import exercises_in
from ...report import NOT_ATTEMPTED
from ..build import EDITED, MISSING, STALE, STUBS, Outcome, stubs_of
from ..key import KEYS
from ..secrets import Secret, leaks
from .findings import BUILD, Finding, at, broken, place

FORCE = f"{BUILD} --force"


def unsolved(root: Path, module: ModuleType, secrets: Iterable[Secret]) -> Iterator[Finding]:
    """What is amiss with the stubs of a topic and the values recorded beside them."""
    outcomes = list(stubs_of(root, module, write=False))
    yield from (complaint(outcome) for outcome in outcomes)
    topic = module.__name__.rpartition(".")[2]
    path = root / STUBS / f"{topic}.py"
    state = {outcome.path: outcome.state for outcome in outcomes}.get(path)
    if not path.is_file() or state not in (None, EDITED):  # `build` makes another one
        return
    try:
        stub = importlib.import_module(f"{STUBS}.{topic}")
    except (Exception, SystemExit) as problem:
        yield broken(path, problem, FORCE)
        return
    mark = f"set it off in {KEYS}/{topic}.py by ### BEGIN SOLUTION and ### END SOLUTION, then: {BUILD}"
    for task in exercises_in(stub):
        verdict = task.check(trials=0).verdict
        if verdict != NOT_ATTEMPTED:
            said = f"{task.name} is no stub: it is judged {verdict}"
            yield Finding(at(task.answer), said, FORCE if state == EDITED else mark)
    texts = {str(file): file.read_text(encoding="utf-8") for file in (path, *path.parent.glob(f"values/{topic}.json"))}
    for leak in leaks(secrets, texts, texts):
        yield Finding(place(leak.file, leak.line), leak.says, FORCE if state == EDITED else mark)


def complaint(outcome: Outcome) -> Finding:
    """What `build` would say of a file, and whether it mends it."""
    where = place(outcome.path)
    if outcome.state == EDITED:
        return Finding(where, f"{EDITED}; what was written there is lost by the command below", FORCE)
    return Finding(where, outcome.state, BUILD if outcome.state in (MISSING, STALE) else f"delete {where}")
