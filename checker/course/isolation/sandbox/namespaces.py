"""A network with nothing in it, shared memory of its own, and a file system of its own over the scratch folder.

An ordinary user is given these by a user namespace, which not every system allows (Ubuntu's AppArmor, containers): it
is asked for once, by doing it in a process that is then thrown away.
"""

import contextlib
import ctypes
import errno
import functools
import mmap
import os
import socket
import tempfile
from collections.abc import Iterator
from functools import partial

from . import limits, privileges, syscalls
from .policy import Policy
from .syscalls import call, checked, libc, prctl
from .trial import REFUSED, Try, stands

NAME = "namespaces"

# linux/sched.h, linux/mount.h
_NEWNS, _NEWIPC, _NEWUSER, _NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x40000000
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_SET_DUMPABLE = 4
# The number of nobody: what the process is called inside. Outside it is the user that it was.
_NOBODY = 65534


@functools.cache
def available() -> str:
    """Why a process may not have namespaces of its own here; "" where it may. Forks once: ask before threads are."""
    absent = syscalls.available()
    if absent:
        return absent
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            apply(Policy(tempfile.gettempdir()))
        except BaseException as error:
            os.write(writing, str(error).encode()[:1000] or b"unknown")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    # Where ended children are ignored, none is left to wait for.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    return said and f"this system allows a user no namespaces: {said}"


def apply(policy: Policy) -> None:
    """Enter them. Raises OSError; what was done by then cannot be undone."""
    uid, gid = os.geteuid(), os.getegid()
    checked(libc().unshare(_NEWUSER | _NEWNS | _NEWNET | _NEWIPC), "unshare")
    # The files below are root's while the process may not be dumped, and it may have been forked from such a one.
    prctl(_SET_DUMPABLE, 1)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_NOBODY} {uid} 1")
    _write("/proc/self/gid_map", f"{_NOBODY} {gid} 1")
    # Nothing is mounted beyond this namespace: one that belongs to a new user namespace passes nothing on.
    options = f"size={policy.disk},nr_inodes={policy.files},mode=700"
    flags = ctypes.c_ulong(_NOSUID | _NODEV | _NOEXEC)
    scratch = os.fsencode(policy.scratch)
    checked(libc().mount(b"tmpfs", scratch, b"tmpfs", flags, options.encode()), f"mount on {policy.scratch}")
    # In a user namespace of its own its threads are the only ones that are counted.
    limits.limit_threads(policy.processes)
    privileges.drop_capabilities()


def tries(policy: Policy) -> Iterator[Try]:
    """Reach the network, fill the disk, make files without end, take the file system off again."""
    yield Try("reach the network", _reach_network, REFUSED | {errno.ENETUNREACH})
    yield Try("fill the disk", partial(_is_bounded, policy))
    yield Try("unmount the scratch folder", partial(call, "umount2", os.fsencode(policy.scratch), 0))


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _reach_network() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # Looks for a way there (an address that is nobody's, RFC 5737), and sends nothing.
        sender.connect(("192.0.2.1", 9))


def _is_bounded(policy: Policy) -> None:
    # Really filling it would take longer than all the rest.
    system = os.statvfs(policy.scratch)
    stands(system.f_blocks * system.f_frsize < policy.disk + mmap.PAGESIZE and system.f_files <= policy.files)
