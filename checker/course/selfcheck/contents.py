"""What there is to look at: the topics of solutions/ that can be imported, and what is amiss with their list."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ...errors import UsageError
from ...exercises import Exercise, exercises_in
from ...resolve import near
from ..build import demand_solutions
from ..key import KEYS
from .findings import AGAIN, BUILD, Finding, broken, line_of, place

LECTURES = "lectures"


@dataclass(frozen=True)
class Contents:
    """A course's topics: the modules of those that can be imported, which of them are `chosen`, and complaints.

    `package` and `lectures` are None where they cannot be imported, and `whole` says that no topics were named.
    """

    root: Path
    package: ModuleType | None
    lectures: ModuleType | None
    topics: dict[str, ModuleType]
    chosen: dict[str, ModuleType]
    complaints: tuple[Finding, ...]
    whole: bool

    @property
    def exercises(self) -> list[Exercise]:
        """The exercises of the chosen topics."""
        return [task for module in self.chosen.values() for task in exercises_in(module)]


def contents(root: Path, names: Sequence[str]) -> Contents:
    """What there is in a project's folder, of which the topics `names` are to be looked at, by default all.

    Call it inside `workspace()`. Raises UsageError where there are no solutions, or no topic of such a name.
    """
    demand_solutions(root, "selfcheck")
    listing = root / KEYS / "__init__.py"
    try:
        package = importlib.import_module(KEYS)
        listed = tuple(package.TOPICS)
    except (Exception, SystemExit) as problem:
        complaint = broken(listing, problem, f"mend that line, then: {AGAIN}")
        return Contents(root, None, None, {}, {}, (complaint,), not names)
    files = [path.stem for path in sorted((root / KEYS).glob("*.py")) if path.stem not in ("__init__", LECTURES)]
    known = list(dict.fromkeys([*listed, *files]))
    for name in names:
        if name not in known:
            raise UsageError(f"{KEYS}/ has no topic {name!r}{near(name, known)}")
    lectures = _module(root / KEYS / f"{LECTURES}.py", "")
    found = {topic: _topic(root, topic, listed) for topic in known}
    modules = {topic: each for topic, each in found.items() if isinstance(each, ModuleType)}
    wanted = names or known
    complaints = [found[topic] for topic in known if topic in wanted] + [lectures]
    return Contents(
        root,
        package,
        lectures if isinstance(lectures, ModuleType) else None,
        modules,
        {topic: module for topic, module in modules.items() if topic in wanted},
        tuple(each for each in complaints if isinstance(each, Finding)),
        not names,
    )


def _topic(root: Path, topic: str, listed: Sequence[str]) -> ModuleType | Finding | None:
    """A topic's module, or what is amiss with it; None for a file without exercises, which others use."""
    path, listing = root / KEYS / f"{topic}.py", root / KEYS / "__init__.py"
    if not path.is_file():
        said = f"TOPICS names {topic}, and there is no {KEYS}/{topic}.py"
        return Finding(place(listing, line_of(listing, topic)), said, "take the name out, or write the file")
    module = _module(path, topic)
    if isinstance(module, Finding) or topic in listed:
        return module
    if not exercises_in(module):
        return None
    said = f"{KEYS}/{topic}.py declares exercises, and is not in TOPICS"
    mend = f'put "{topic}" into TOPICS, in the order of learning, then: {BUILD}'
    return Finding(place(listing, line_of(listing, "TOPICS")), said, mend)


def _module(path: Path, topic: str) -> ModuleType | Finding:
    """A file's module, or what its import raised."""
    try:
        return importlib.import_module(f"{KEYS}.{path.stem}")
    except (Exception, SystemExit) as problem:
        return broken(path, problem, f"mend that line, then: {AGAIN} {topic}".rstrip())
