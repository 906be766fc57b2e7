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

    `package` is None where it cannot be imported itself, and `whole` says that no topics were named.
    """

    root: Path
    package: ModuleType | None
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
        return Contents(root, None, {}, {}, (broken(listing, problem, f"mend that line, then: {AGAIN}"),), not names)
    files = [path.stem for path in sorted((root / KEYS).glob("*.py")) if path.stem not in ("__init__", LECTURES)]
    known = list(dict.fromkeys([*listed, *files]))
    for name in names:
        if name not in known:
            raise UsageError(f"{KEYS}/ has no topic {name!r}{near(name, known)}")
    modules, complaints = {}, []
    for topic in known:
        if topic not in files:
            said = f"TOPICS names {topic}, and there is no {KEYS}/{topic}.py"
            where = place(listing, line_of(listing, topic))
            found: ModuleType | Finding = Finding(where, said, "take the name out, or write the file")
        else:
            found = _module(root / KEYS / f"{topic}.py")
        if isinstance(found, ModuleType) and topic not in listed:
            if not exercises_in(found):  # it helps others
                continue
            said = f"{place(found.__file__ or topic)} declares exercises, and is not in TOPICS"
            mend = f'put "{topic}" into TOPICS, in the order of learning, then: {BUILD}'
            found = Finding(place(listing, line_of(listing, "TOPICS")), said, mend)
        if isinstance(found, ModuleType):
            modules[topic] = found
        elif not names or topic in names:
            complaints.append(found)
    chosen = {topic: module for topic, module in modules.items() if not names or topic in names}
    return Contents(root, package, modules, chosen, tuple(complaints), not names)


def _module(path: Path) -> ModuleType | Finding:
    """A topic's module, or what its import raised."""
    try:
        return importlib.import_module(f"{KEYS}.{path.stem}")
    except (Exception, SystemExit) as problem:
        return broken(path, problem, f"mend that line, then: {AGAIN} {path.stem}")
