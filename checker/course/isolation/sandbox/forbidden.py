"""The system calls that seccomp's filter has to refuse, each made."""

import ctypes
import errno
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

from .policy import Policy
from .syscalls import bound, call, numbers
from .trial import REFUSED, Try, stands

if sys.platform != "win32":
    import fcntl

_NO_PROGRAM = "/no/such/program"
# linux/sched.h, linux/ptrace.h, asm-generic/ioctls.h, asm-generic/sockios.h, linux/prctl.h
_CLONE_SIGHAND, _PTRACE_SEIZE, _TIOCSTI, _SIOCSPGRP = 0x00000800, 0x4206, 0x5412, 0x8902
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _SET_PTRACER = 1, 4, 22, 0x59616D61


def tries(policy: Policy) -> Iterator[Try]:
    """Sockets, processes, programs; others' signals, memory and limits; what lies beside the files' contents; and what
    the administrator of a machine does.
    """  # fmt: skip
    parent = os.getppid()
    for family, kind in (("AF_INET", "SOCK_STREAM"), ("AF_INET", "SOCK_DGRAM"), ("AF_UNIX", "SOCK_STREAM")):
        yield Try(f"open a socket, {family}, {kind}", partial(_open_socket, family, kind))
    yield Try("open a pair of sockets", _open_sockets)
    yield Try("fork", _fork)
    yield Try("spawn a program", partial(os.posix_spawn, _NO_PROGRAM, [_NO_PROGRAM], {}))
    yield Try("start a subprocess", partial(subprocess.call, [_NO_PROGRAM]))
    yield Try("turn into a program", partial(os.execve, _NO_PROGRAM, [_NO_PROGRAM], {}))
    yield Try("start a process by clone3", partial(call, "clone3", None, 0), frozenset({errno.ENOSYS}))
    yield Try("open a file by openat2", partial(call, "openat2", -1, None, None, 0), frozenset({errno.ENOSYS}))
    for whom, number in (("the parent", parent), ("process 1", 1), ("its group", 0), ("all processes", -1)):
        yield Try(f"signal {whom}", partial(os.kill, number, 0))
    yield from plain_calls(parent)


@functools.cache
def plain_calls(parent: int) -> tuple[Try, ...]:
    """Those that are one call each, for processes of that parent. There are many: they are best made before it forks,
    once for all.
    """  # fmt: skip
    known = numbers()
    return tuple(
        Try(f"call {name}{tuple(arguments)}", partial(_make, bound(str(name), *arguments), answer), errors)
        for calls, answer, errors in (
            (_calls(parent), None, REFUSED),
            (_IGNORED, 0, REFUSED),
            (_UNSUPPORTED, None, frozenset({errno.EOPNOTSUPP})),
        )
        for name, *arguments in calls
        if name in known
    )


def _make(made: Callable[[], int], ignored: int | None) -> None:
    """Raise OSError where it is refused, and where it is answered as an ignored one is."""
    answer = made()
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
    stands(answer == ignored)


def _calls(parent: int) -> Iterator[tuple[object, ...]]:
    """A call and its arguments: such that it can do nothing, should it get through."""
    nothing, file = b"", -1
    # Processes and programs; others' signals, memory and limits.
    yield "clone", signal.SIGCHLD | _CLONE_SIGHAND, 0, 0, 0, 0
    yield from (("execveat", file, nothing, None, None, 0), ("execve", nothing, None, None))
    yield from (("tkill", parent, 0), ("tgkill", parent, parent, 0), ("rt_sigqueueinfo", parent, 0, None))
    yield from (("rt_tgsigqueueinfo", parent, parent, 0, None), ("ioctl", file, _SIOCSPGRP, 0))
    yield from (("fcntl", file, fcntl.F_SETOWN, parent), ("fcntl", file, fcntl.F_SETSIG, 9))
    yield from (("pidfd_open", parent, -1), ("pidfd_send_signal", file, 0, None, 0), ("pidfd_getfd", file, 0, 0))
    yield from (("ptrace", _PTRACE_SEIZE, parent, 0, 0), ("kcmp", parent, parent, -1, 0, 0))
    yield from ((name, parent, None, 0, None, 0, 0) for name in ("process_vm_readv", "process_vm_writev"))
    yield from (("process_madvise", file, None, 0, 0, 0), ("process_mrelease", file, -1))
    yield from (("migrate_pages", parent, 0, None, None), ("move_pages", parent, 0, None))
    yield from (("prlimit64", parent, 0, None, None), ("prlimit64", 0, -1, 8, None), ("setrlimit", -1, None))
    yield from (("setpriority", -1, 0, 0), ("ioprio_set", -1, 0, 0), ("sched_setaffinity", parent, 0, None))
    yield from (("sched_setscheduler", parent, -1, None), ("sched_setattr", parent, None, 0), ("mlockall", -1))
    yield from (("setsid",), ("setpgid", -1, 0), ("ioctl", file, _TIOCSTI, None))
    yield from (("prctl", option, 0, 0, 0, 0) for option in (_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SECCOMP, _SET_PTRACER))
    # Ways to others: sockets, shared memory, queues.
    yield from (("connect", file, None, 0), ("bind", file, None, 0), ("listen", file, 0))
    yield from (("accept", file, None, None), ("accept4", file, None, None, 0), ("setsockopt", file, 0, 0, None, 0))
    yield from (("shmget", 0, 0, 0), ("shmat", -1, None, 0), ("semget", 0, 0, 0), ("msgget", 1, 0))
    yield from (("mq_open", nothing, 0, 0, None), ("memfd_create", None, 0))
    # Files emptied by opening them to read, or to neither read nor write; and what can be done without opening them.
    for mode in (os.O_RDONLY, 3):
        yield from (("open", nothing, os.O_TRUNC | mode, 0), ("openat", file, nothing, os.O_TRUNC | mode, 0))
    yield from (("inotify_init", -1), ("inotify_init1", -1), ("fanotify_init", -1, 0), ("syncfs", file))
    yield from (("name_to_handle_at", file, nothing, None, None, 0), ("open_by_handle_at", file, None, 0))
    yield from (("truncate", nothing, 0), ("mknod", nothing, 0, 0), ("mknodat", file, nothing, 0, 0))
    yield from (("utimensat", file, nothing, None, 0), ("utimes", nothing, None), ("utime", nothing, None))
    yield from (("vmsplice", file, None, 0, 0), ("splice", file, None, file, None, 0, 0), ("tee", file, file, 0, 0))
    # Another view of the system, another user.
    yield from (("mount", None, None, None, 0, None), ("umount2", nothing, 0), ("pivot_root", nothing, nothing))
    yield from (("chroot", nothing), ("unshare", 0), ("setns", file, 0), ("open_tree", file, nothing, 0))
    yield from (("move_mount", file, nothing, file, nothing, 0), ("fsopen", None, 0), ("fsmount", file, 0, 0))
    yield from (("mount_setattr", file, nothing, 0, None, 0), ("personality", 0xFFFFFFFF), ("capset", None, None))
    yield from (("setuid", -1), ("setgid", -1), ("setresuid", -1, -1, -1), ("setgroups", -1, None), ("setfsuid", -1))
    # Parts of the kernel with a history.
    yield from (("seccomp", -1, 0, None), ("bpf", -1, None, 0), ("perf_event_open", None, 0, -1, file, 0))
    yield from (("landlock_create_ruleset", None, 0, 0), ("landlock_add_rule", file, 0, None, 0))
    yield from (("landlock_restrict_self", file, 0), ("io_uring_setup", 0, None), ("io_setup", 0, None))
    yield from (("userfaultfd", -1), ("modify_ldt", -1, None, 0), ("lookup_dcookie", 0, None, 0))
    yield from (("add_key", None, None, None, 0, 0), ("request_key", None, None, None, 0), ("keyctl", -1, 0, 0, 0, 0))
    # The machine itself.
    yield from (("quotactl", -1, None, 0, None), ("swapon", None, 0), ("reboot", 0, 0, 0, None))
    yield from (("syslog", -1, None, 0), ("sethostname", None, -1), ("iopl", -1), ("kexec_load", 0, -1, None, 0))
    yield from (("settimeofday", None, None), ("clock_settime", -1, None), ("adjtimex", None))
    yield from (("init_module", None, 0, None), ("finit_module", file, None, 0), ("delete_module", None, 0))


# These are answered as if they were done. The file does not exist: an answer of the kernel's own would say so.
_IGNORED: tuple[tuple[object, ...], ...] = (
    ("fchmodat", -1, b"", 0),
    ("fchmod", -1, 0),
    ("fchownat", -1, b"", 0, 0, 0),
    ("fchown", -1, 0, 0),
    ("utimensat", -1, b"", b" " * 32, 0),
)
_UNSUPPORTED: tuple[tuple[object, ...], ...] = (
    ("setxattr", b"", b"", None, 0, 0),
    ("lsetxattr", b"", b"", None, 0, 0),
    ("fsetxattr", -1, b"", None, 0, 0),
    ("removexattr", b"", b""),
)


def _open_socket(family: str, kind: str) -> None:
    socket.socket(getattr(socket, family), getattr(socket, kind)).close()


def _open_sockets() -> None:
    for end in socket.socketpair():
        end.close()


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
