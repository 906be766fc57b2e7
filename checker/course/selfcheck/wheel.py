"""Does what a student installs hold nothing of the instructor's side, and nothing of the answers?"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..build import STUBS
from ..key import KEYS
from ..secrets import Secret, leaks
from .findings import Finding

PROJECT = "pyproject.toml"
#: What is the instructor's alone.
OURS = (f"{KEYS}/", "checker/course/", "tests/")
#: Files of prose, which show how an exercise is declared.
_PROSE = (".md", "METADATA", "PKG-INFO")
_MEND = "leave it out of [tool.hatch.build.targets.wheel] in pyproject.toml, or take it out of the file"


#: What there is to say where hatchling, which builds it, is not installed.
UNTOLD = Finding(PROJECT, "hatchling, which knows what a wheel holds, is missing", "python -m pip install hatchling")


def built_from(root: Path) -> bool:
    """Whether a student's wheel is built from a folder: a course of one's own may have none."""
    path = root / PROJECT
    declared = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return bool(declared.get("build-system", {}).get("build-backend") == "hatchling.build")


def packed(root: Path) -> dict[str, str]:
    """The texts that go into a student's wheel, by the names that they have there.

    Raises ModuleNotFoundError where hatchling, which builds it, is not installed.
    """
    from hatchling.builders.wheel import WheelBuilder

    files = {str(each.distribution_path): Path(each.path) for each in WheelBuilder(str(root)).recurse_included_files()}
    return {name: file.read_text(encoding="utf-8", errors="replace") for name, file in files.items()}


def given_away(texts: Mapping[str, str], secrets: Iterable[Secret]) -> Iterator[Finding]:
    """What a student's install would show, of its files' texts by name."""
    texts = {name.replace("\\", "/"): text for name, text in texts.items() if not name.endswith(_PROSE)}
    for name in texts:
        if name.startswith(OURS):
            yield Finding(name, "a student's wheel holds this file, which is the instructor's", _MEND)
    made = [name for name in texts if name.startswith(f"{STUBS}/")]
    for leak in leaks(secrets, texts, made):
        yield Finding(f"{leak.file}:{leak.line}", f"a student's wheel {leak.says}", _MEND)
