"""What the process may use: memory, computing time, files, descriptors, threads (setrlimit(2))."""

import ctypes
import errno
import mmap
import os
import sys
from collections.abc import Iterator
from functools import partial

from .policy import Policy
from .syscalls import call
from .trial import Try

if sys.platform != "win32":
    import fcntl
    import resource

NAME = "limits"
# NumPy's first use of LAPACK and a few threads take that much address space.
HEADROOM = 256 << 20
# asm-generic/mman-common.h; Python has had it since 3.12 only
_MAP_NORESERVE = 0x4000


def available() -> str:
    """Why there are no limits on this system; "" where there are."""
    return "this system has no limits of the POSIX kind" if sys.platform == "win32" else ""


def apply(policy: Policy) -> None:
    """Set them, for good: the hard limits too. Raises OSError, also where the process is larger already."""
    mapped = _mapped()
    if mapped + HEADROOM > policy.memory:
        raise OSError(
            errno.ENOMEM,
            f"the memory limit of {policy.memory >> 20} MiB leaves less than {HEADROOM >> 20} MiB: "
            f"{mapped >> 20} MiB of address space are mapped before anything runs; give a higher limit",
        )
    for limit, value in _values(policy).items():
        _tighten(limit, value)
    if resource.getrlimit(resource.RLIMIT_NPROC)[1] != policy.processes:
        # Without a user namespace of its own a process is counted with all others of its user; those of the whole
        # system are the cheapest number that is no smaller.
        limit_threads(_system_threads() + policy.processes)


def limit_threads(count: int) -> None:
    """Let the user of this process, as its user namespace counts, have no more threads. Root's are not counted."""
    _tighten(resource.RLIMIT_NPROC, count)


def tries(policy: Policy) -> Iterator[Try]:
    """More memory, a longer file, another descriptor, and every limit raised."""
    yield Try("map more memory than the limit", partial(_map, policy.memory), frozenset({errno.ENOMEM}))
    yield Try("write a file longer than the limit", partial(_lengthen, policy), frozenset({errno.EFBIG}))
    yield Try("open more files than the limit", partial(_duplicate, policy), frozenset({errno.EINVAL}))
    for limit, value in _values(policy).items():
        yield Try(f"raise limit {limit}", partial(_raise, limit, value))


def _tighten(limit: int, value: int) -> None:
    """Lower a limit, soft and hard, unless it is lower already."""
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _values(policy: Policy) -> dict[int, int]:
    return {
        resource.RLIMIT_AS: policy.memory,
        resource.RLIMIT_CPU: policy.cpu,
        resource.RLIMIT_FSIZE: policy.file_size,
        resource.RLIMIT_NOFILE: policy.open_files,
        resource.RLIMIT_CORE: 0,
    }


def _mapped() -> int:
    """Bytes of address space that are mapped; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * mmap.PAGESIZE
    except FileNotFoundError:
        return 0


def _system_threads() -> int:
    with open("/proc/loadavg") as file:
        return int(file.read().split()[3].split("/")[1])


def _map(size: int) -> None:
    # Not reserved, so that it is the limit that says no, and not the machine's own size.
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE).close()


def _lengthen(policy: Policy) -> None:
    path = os.path.join(policy.scratch, ".long")
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.ftruncate(file, policy.file_size + 1)
    finally:
        os.close(file)
        os.unlink(path)


def _duplicate(policy: Policy) -> None:
    file = os.open(policy.scratch, os.O_RDONLY)
    try:
        os.close(fcntl.fcntl(file, fcntl.F_DUPFD, policy.open_files))
    finally:
        os.close(file)


def _raise(limit: int, value: int) -> None:
    call("prlimit64", 0, limit, (ctypes.c_uint64 * 2)(value + 1, value + 1), None)
