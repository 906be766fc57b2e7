"""The system calls that a process of NumPy's and IPython's makes, and no others: a filter in the kernel, seccomp(2).

What is not listed is refused with EPERM, and what is younger than the list with ENOSYS, as on an older kernel, so that
the C library falls back. A call of another architecture's numbering (i386, x32) ends the process.
"""

import ctypes
import errno
import functools
import os
import struct
from collections.abc import Iterator, Sequence

from . import syscalls
from .forbidden import plain_calls
from .forbidden import tries as tries
from .policy import Policy
from .syscalls import call, numbers

NAME = "seccomp"

_FILES = """
    read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3
    creat stat fstat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat
    getdents getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink unlinkat
    symlink symlinkat umask ftruncate fallocate fsync fdatasync sync_file_range flock fadvise64 readahead sendfile
    copy_file_range statfs fstatfs pipe pipe2 poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl
    epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime
    timerfd_gettime
"""
# On the socket that it was given: it can make, name and connect none.
_CHANNEL = "sendto recvfrom sendmsg recvmsg shutdown getsockname getpeername getsockopt"
_MEMORY = "mmap munmap mremap mprotect madvise brk msync mincore mbind get_mempolicy set_mempolicy mseal"
_THREADS = """
    futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list set_tid_address rseq membarrier sched_yield
    getcpu exit exit_group wait4 waitid restart_syscall sched_getaffinity sched_getscheduler sched_getparam
    sched_getattr sched_get_priority_max sched_get_priority_min sched_rr_get_interval
"""
_SIGNALS = """
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm
    getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
"""
_ASKING = """
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times getrusage sysinfo uname getrandom
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid capget
    getpriority getrlimit arch_prctl
"""
_ALLOWED = " ".join((_FILES, _CHANNEL, _MEMORY, _THREADS, _SIGNALS, _ASKING)).split()
# Landlock does not guard a file's mode and owner. Answered as if they were done, so that shutil.copy() works.
_IGNORED = ["chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"]
# Neither does it guard these; shutil.copy2() is content with a file system that has no such thing.
_UNSUPPORTED = [f"{which}{what}xattr" for which in ("", "l", "f") for what in ("get", "set", "list", "remove")]

# What is asked of a file (asm-generic/ioctls.h, linux/fcntl.h) or of the process (linux/prctl.h) without any harm.
# Not among them: pushing characters into the terminal (TIOCSTI), having a signal sent to whom one likes (F_SETOWN).
_IOCTLS = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS(2), TIOCGWINSZ, FIONREAD, FION/CLEX
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 36, 37, 38, 1030, 1032, 1034)  # duplicates, flags, locks, questions
_PRCTLS = (2, 3, 15, 16, 21, 23, 29, 30, 39, 0x53564D41)  # questions, the thread's name and slack, a mapping's name
_CLONE_THREAD = 0x00010000
# asm-generic/fcntl.h: a file emptied as it is opened, and how it is opened: 0 to read, 3 for neither
_EMPTIED, _MODE = 0o1000, 3

# linux/seccomp.h: what a filter answers
_KILL, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_SET_FILTER, _ACTION_AVAILABLE = 1, 2
# linux/bpf_common.h: load a word, keep some of its bits; jump on equal, greater or equal, any bit set; jump; answer
_LOAD, _KEEP, _EQUAL, _AT_LEAST, _ANY, _JUMP, _ANSWER = 0x20, 0x54, 0x15, 0x35, 0x45, 0x05, 0x06
# struct seccomp_data: number, architecture, instruction pointer, six arguments as words of 64 bits
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

# An instruction: code, jump if true, jump if false, operand. None stands for the number of the process.
_Instruction = tuple[int, int, int, int | None]


def available() -> str:
    """Why no filter can be set on this system; "" where one can."""
    absent = syscalls.available()
    if absent:
        return absent
    try:
        call("seccomp", _ACTION_AVAILABLE, 0, struct.pack("I", _KILL))
    except OSError as error:
        return f"the kernel has no seccomp filters, which are in Linux since 4.14 ({error})"
    # Made here, they need not be made in each process that is forked.
    _assembled(syscalls.machine())
    plain_calls(os.getpid())
    return ""


def apply(policy: Policy) -> None:
    """Set the filter, for good. Raises OSError. The process must not gain privileges any more (no_new_privs)."""
    code, places = _assembled(syscalls.machine())
    instructions = ctypes.create_string_buffer(code, len(code))
    for place in places:
        struct.pack_into("I", instructions, place, os.getpid())
    header = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(instructions))
    call("seccomp", _SET_FILTER, 0, header)


@functools.cache
def _assembled(processor: str) -> tuple[bytes, tuple[int, ...]]:
    """The filter as the kernel reads it, and where the number of the process belongs in it."""
    instructions = program(processor)
    code = b"".join(struct.pack("HBBI", code, yes, no, operand or 0) for code, yes, no, operand in instructions)
    return code, tuple(8 * place + 4 for place, (*_, operand) in enumerate(instructions) if operand is None)


def program(processor: str) -> tuple[_Instruction, ...]:
    """The filter for a processor ("x86_64" or "aarch64")."""
    known = numbers(processor)
    answers: dict[int, Sequence[_Instruction]] = {}
    simple = ((_ALLOWED, _ALLOW), (_IGNORED, _ERROR), (_UNSUPPORTED, _ERROR | errno.EOPNOTSUPP))
    for names, answer in (*_by_arguments(), *((names, _return(answer)) for names, answer in simple)):
        answers |= {known[name]: answer for name in names if name in known}
    # What these are asked for lies in memory, where the filter cannot look.
    answers |= {known[name]: _return(_ERROR | errno.ENOSYS) for name in ("clone3", "openat2")}
    return (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, syscalls.AUDIT[processor]),
        (_ANSWER, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_search(_pieces(answers)),
    )


def _by_arguments() -> Iterator[tuple[Sequence[str], Sequence[_Instruction]]]:
    """The calls that are allowed with some arguments only."""
    own, this = None, 0
    yield ["open"], _no_emptying(1)
    yield ["openat"], _no_emptying(2)
    yield ["clone"], [_load(0), (_ANY, 1, 0, _CLONE_THREAD), _refusal(), *_return(_ALLOW)]
    yield ["kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"], _only(0, [own])
    yield ["sched_setaffinity"], _only(0, [this])
    yield ["prlimit64"], [*_unless(0, [this, own]), *_unless(2, [0]), *_unless_high(2), *_return(_ALLOW)]
    yield ["ioctl"], _only(1, _IOCTLS)
    yield ["fcntl"], _only(1, _FCNTLS)
    yield ["prctl"], _only(0, _PRCTLS)
    yield ["utimensat"], _ignored_unless_null(2)


def _no_emptying(argument: int) -> list[_Instruction]:
    """Landlock guards a file against being emptied from Linux 6.2 on, and before that only if it is opened to write."""
    bits = _load(argument), (_KEEP, 0, 0, _EMPTIED | _MODE)
    return [*bits, (_EQUAL, 1, 0, _EMPTIED), (_EQUAL, 0, 1, _EMPTIED | _MODE), _refusal(), *_return(_ALLOW)]


def _only(argument: int, values: Sequence[int | None]) -> list[_Instruction]:
    return [*_unless(argument, values), *_return(_ALLOW)]


def _unless(argument: int, values: Sequence[int | None], offset: int = 0) -> list[_Instruction]:
    """Refuse, unless the argument's lower word is among the values."""
    found = ((_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values))
    return [_load(argument, offset), *found, _refusal()]


def _unless_high(argument: int) -> list[_Instruction]:
    return _unless(argument, [0], offset=4)


def _ignored_unless_null(argument: int) -> list[_Instruction]:
    """A file's times are set as little as its mode is. No times stand for now: Path.touch() takes that being done for
    the file being there, and makes it only if it is refused.
    """  # fmt: skip
    low, high = _load(argument), _load(argument, offset=4)
    return [low, (_EQUAL, 0, 3, 0), high, (_EQUAL, 0, 1, 0), _refusal(), *_return(_ERROR)]


def _load(argument: int, offset: int = 0) -> _Instruction:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * argument + offset


def _refusal() -> _Instruction:
    return _ANSWER, 0, 0, _ERROR | errno.EPERM


def _return(answer: int) -> list[_Instruction]:
    return [(_ANSWER, 0, 0, answer)]


def _pieces(answers: dict[int, Sequence[_Instruction]]) -> list[tuple[int, Sequence[_Instruction]]]:
    """Where the answer changes as the number of the call grows."""
    every = [answers.get(number, [_refusal()]) for number in range(syscalls.NEWEST + 1)]
    every.append(_return(_ERROR | errno.ENOSYS))
    starts = [number for number, answer in enumerate(every) if number == 0 or answer != every[number - 1]]
    return [(number, every[number]) for number in starts] + [(_X32, _return(_KILL))]


def _search(pieces: list[tuple[int, Sequence[_Instruction]]]) -> list[_Instruction]:
    """Find the piece by bisection: the kernel runs the filter for every call."""
    if len(pieces) == 1:
        return list(pieces[0][1])
    middle = len(pieces) // 2
    low, high = _search(pieces[:middle]), _search(pieces[middle:])
    # A conditional jump reaches 255 instructions only.
    return [(_AT_LEAST, 0, 1, pieces[middle][0]), (_JUMP, 0, 0, len(low)), *low, *high]
