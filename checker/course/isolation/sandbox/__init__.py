"""Lock the present process up, for good, before anything of a student's runs in it: layer by layer, each then tried.

No layer is trusted by its version: what it has to refuse is done for real in every process, after it was locked, and
one single thing that gets through ends it there. A layer that this system does not have is an error too, except for
the namespaces, which a system may not allow: the filter and Landlock hold the network without them.

On Linux, on x86_64 and aarch64. The process has to have one thread, and may be root's or anybody's.
"""

import functools
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from . import landlock, limits, namespaces, privileges, seccomp
from .paths import interpreter as interpreter
from .paths import readable as readable
from .policy import Policy as Policy
from .policy import SandboxError as SandboxError

# In the order in which they are applied: each takes away what the later ones do not need.
LAYERS: tuple[ModuleType, ...] = (namespaces, privileges, limits, landlock, seccomp)
OPTIONAL = {namespaces.NAME}


@functools.cache
def missing() -> dict[str, str]:
    """The layers that this system does not have, and why. Forks once: ask in the process that forks the workers, while
    it has one thread, and they need not ask again.
    """  # fmt: skip
    reasons = {layer.NAME: layer.available() for layer in LAYERS}
    return {name: reason for name, reason in reasons.items() if reason}


def lock_down(policy: Policy) -> list[str]:
    """Apply the layers to this process, and try them. Its working folder is the scratch folder from then on.

    Returns:
        The names of the layers that hold: all of them, or all but the namespaces.

    Raises:
        SandboxError: something does not hold, or does not work any more. The process is to be ended.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            f"this system ({sys.platform}) has no sandbox that is known here: "
            "grading without isolation needs --no-isolation"
        )
    absent = {name: reason for name, reason in missing().items() if name not in OPTIONAL}
    if absent:
        told = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
        raise SandboxError(
            f"this system cannot isolate a submission ({told}): grading without isolation needs --no-isolation"
        )
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise SandboxError(f"the process has {threads} threads, and a sandbox is for a process that has one")
    layers = [layer for layer in LAYERS if layer.NAME not in missing()]
    for layer in layers:
        try:
            layer.apply(policy)
        except (OSError, ValueError) as error:
            raise SandboxError(f"the sandbox cannot be set up: {layer.NAME}: {error}") from error
    failures = [*_leaks(layers, policy), *_losses(policy)]
    if failures:
        raise SandboxError(f"the sandbox does not hold: {'; '.join(failures)}")
    return [layer.NAME for layer in layers]


def _leaks(layers: list[ModuleType], policy: Policy) -> Iterator[str]:
    """What got through, of all that each layer has to refuse."""
    for layer in layers:
        through = [each for each in (attempt.got_through() for attempt in layer.tries(policy)) if each]
        if through:
            yield f"{layer.NAME}: not refused: {', '.join(through)}"


def _losses(policy: Policy) -> Iterator[str]:
    """What a student's work needs, and does not find."""
    for name, works in (("writing", _writes), ("NumPy", _computes), ("a thread", _runs_thread)):
        try:
            works(policy)
        except Exception as error:
            yield f"{name} does not work: {type(error).__name__}: {error}"


def _writes(policy: Policy) -> None:
    os.chdir(policy.scratch)
    path = os.path.join(policy.scratch, ".written")
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)


def _computes(policy: Policy) -> None:
    np.linalg.svd(np.eye(4))


def _runs_thread(policy: Policy) -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
