"""The same once more around the server that forks the workers: bubblewrap gives it a file system that holds nothing but
what is readable, and processes, a network and shared memory of its own. Each worker still locks itself up within.
"""  # fmt: skip

import functools
import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

from .paths import holds, interpreter
from .policy import Policy

NAME = "bubblewrap"
# The loader is named by one of these, which are links where all that is installed lies in /usr.
_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
_TEST = Policy(scratch="/tmp", disk=1 << 20)


@functools.cache
def available() -> str:
    """Why no program can be started in bubblewrap here; "" where one can. It is found out by starting one."""
    if not sys.platform.startswith("linux"):
        return f"this system is {sys.platform}, and bubblewrap is for Linux"
    if shutil.which("bwrap") is None:
        return "the program bwrap is not installed (apt install bubblewrap)"
    probe = command(_TEST, [sys.executable, "-S", "-c", "print('ready')"])
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap does not start: {error}"
    if done.stdout.strip() != "ready":
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        return f"this system does not let bwrap do its work: {said[-1]}"
    return ""


def command(policy: Policy, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` within bubblewrap; the descriptors that it is handed stay open.

    Its scratch folder is empty, in memory, and bounded by the policy's disk for all workers together. What the
    interpreter needs is readable without being named in the policy. It ends when the process that started it does.
    """
    bound = [*interpreter(), *policy.readable]
    bound += [name for name in _names() if not any(holds(path, name) for path in bound)]
    mounts = {path: ["--ro-bind-try", path, path] for path in bound}
    mounts["/dev"], mounts["/proc"] = ["--dev", "/dev"], ["--proc", "/proc"]
    mounts[policy.scratch] = ["--size", str(policy.disk), "--tmpfs", policy.scratch]
    return [
        shutil.which("bwrap") or "bwrap",
        *("--unshare-user", "--uid", "65534", "--gid", "65534", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL"),
        *_links(),
        # In the order of their paths, so that none hides another.
        *(word for path in sorted(mounts) for word in mounts[path]),
        *("--chdir", policy.scratch, "--", *argv),
    ]


def _names() -> Iterator[str]:
    """The names that starting the interpreter goes by: those of the loader of shared libraries, and its own, which is
    a link in a virtual environment, and often one to another link.
    """  # fmt: skip
    yield from map(_placed, glob.glob("/lib*/ld-*.so*"))
    path = sys.executable
    while os.path.islink(path):
        path = _placed(os.path.join(os.path.dirname(path), os.readlink(path)))
        yield path


def _placed(path: str) -> str:
    """The path with all links followed but the last."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _links() -> Iterator[str]:
    for path in _LINKS:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
