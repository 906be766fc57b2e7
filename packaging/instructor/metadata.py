"""What the instructor's wheel says of itself as the student's does: its version, and that it needs the same one."""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

SHARED = ("version", "license", "authors", "requires-python")
#: In the place of what the student's wheel says of such things.
OWN = ("Framework :: Jupyter", "Operating System :: POSIX :: Linux")


class Shared(MetadataHookInterface):
    """What both wheels have in common, read when the instructor's is built."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the fields that pyproject.toml calls dynamic."""
        project = Path(self.root).parents[1] / "pyproject.toml"
        main = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        metadata.update({name: main[name] for name in SHARED})
        kinds = tuple(each.partition(" :: ")[0] for each in OWN)
        metadata["classifiers"] = sorted([*OWN, *(each for each in main["classifiers"] if not each.startswith(kinds))])
        metadata["dependencies"] = [f"{main['name']}[course]=={main['version']}"]
