"""What a process that runs NumPy has to be able to read, and how a folder is shared without the secrets in it."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator


def interpreter() -> list[str]:
    """What Python reads to go on importing: itself, its library, the installed packages, and the shared libraries."""
    base = {"base": sys.base_prefix, "platbase": sys.base_prefix}
    libraries = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = {sysconfig.get_path(name, vars=variables) for name in libraries for variables in (None, base)}
    # A user's own packages, and Debian's, lie elsewhere.
    paths |= {path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")}
    paths |= {os.path.realpath(sys.executable), "/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"}
    if sys.prefix != sys.base_prefix:
        paths.add(sys.prefix)
    paths |= set(_library_folders())
    return _roots(path for path in paths if os.path.exists(path))


def readable(roots: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """The roots without the secrets: Landlock allows a folder with all that is below it, and can except nothing.

    A root with a secret in it is replaced by what else it holds, and so on down to the secret. What is a link in there
    is left out: a link to a place within is reached at that place, and one to a place without is not in the folder.
    The folder itself can then not be listed, nor a module be found in it that has not been imported.

    Returns:
        Real paths, sorted, none of them within another.
    """
    hidden = [os.path.realpath(secret) for secret in secrets]
    return _roots(part for root in roots for part in _without(os.path.realpath(root), hidden))


def _without(path: str, hidden: list[str]) -> Iterator[str]:
    if any(holds(secret, path) for secret in hidden):
        return
    within = [secret for secret in hidden if holds(path, secret)]
    if not within:
        yield path
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_symlink():
                yield from _without(entry.path, within)


def holds(folder: str, path: str) -> bool:
    """Whether the path is the folder, or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _roots(paths: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted({os.path.realpath(path) for path in paths}):
        # In the order of their characters a folder comes before what it holds, but not right before.
        if not any(holds(folder, path) for folder in kept):
            kept.append(path)
    return kept


def _library_folders() -> Iterator[str]:
    """Where the shared libraries lie that this process has loaded: an extension yet to be imported may need more."""
    try:
        with open("/proc/self/maps") as file:
            mapped = {line.split(maxsplit=5)[-1].strip() for line in file if ".so" in line}
    except FileNotFoundError:
        return
    yield from {os.path.dirname(path) for path in mapped if path.startswith("/")}
