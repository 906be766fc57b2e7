"""No capability, none to come, no inherited file; not to be traced, and to end with its parent."""

import ctypes
import os
import signal
from collections.abc import Iterator
from functools import partial

from . import syscalls
from .policy import Policy
from .syscalls import call, prctl
from .trial import Try, stands

NAME = "privileges"

# linux/prctl.h, linux/capability.h
_SET_PDEATHSIG, _GET_PDEATHSIG, _GET_DUMPABLE, _SET_DUMPABLE = 1, 2, 3, 4
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39
_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522


def available() -> str:
    """Why the layer does not exist on this system; "" where it does."""
    return syscalls.available()


def apply(policy: Policy) -> None:
    """Let go of all privileges. Raises OSError, also where the parent has ended."""
    if policy.descriptors is not None:
        _close_all_but(policy.descriptors)
    drop_capabilities()
    prctl(_SET_NO_NEW_PRIVS, 1)
    # A process that may not be dumped may not be traced or read by another one of the same user.
    prctl(_SET_DUMPABLE, 0)
    prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if policy.parent and os.getppid() != policy.parent:
        raise OSError(f"the parent, process {policy.parent}, has ended")


def drop_capabilities() -> None:
    """Empty every set of this thread that counts: what it cannot execute gives it none back. Raises OSError."""
    prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    call("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def tries(policy: Policy) -> Iterator[Try]:
    """Use a capability, become root by a program, be looked into, live on without the parent."""
    yield Try("change the root folder", partial(os.chroot, "/"))
    yield Try("rename the machine", partial(call, "sethostname", None, -1))
    yield Try("gain privileges from a program", lambda: stands(prctl(_GET_NO_NEW_PRIVS) == 1))
    yield Try("be traced by another process", lambda: stands(prctl(_GET_DUMPABLE) == 0))
    yield Try("outlive the parent", _outlive)


def _close_all_but(kept: tuple[int, ...]) -> None:
    """Put the null device in place of the others: their numbers stay taken, so that whoever still holds one of them,
    and closes it, closes nothing else.
    """  # fmt: skip
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        # The one that listed the folder is closed by now.
        if descriptor not in (*kept, null) and _is_open(descriptor):
            os.dup2(null, descriptor, inheritable=False)
    os.close(null)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _outlive() -> None:
    number = ctypes.c_int(0)
    call("prctl", _GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
    stands(number.value == signal.SIGKILL)
