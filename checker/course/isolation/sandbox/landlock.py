"""Which files may be read and written, by the path; no TCP; no signals and abstract sockets beyond the process.

Landlock can only be allowed things: what no rule names is refused, beginning with what is there when it is switched on.
It says nothing about changing a file's mode, owner or times, or watching a folder: seccomp does.
"""

import errno
import functools
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from functools import partial

from . import syscalls
from .policy import Policy
from .syscalls import call
from .trial import UNREADABLE, UNWRITABLE, Try

if sys.platform != "win32":
    import pwd

NAME = "landlock"

# linux/landlock.h: what there is to handle, by the version of Landlock that knows it.
_READ_FILE, _READ_DIR, _WRITE_FILE, _TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 14
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM, _REFER = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12, 1 << 13
_FILES_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP, _TCP_VERSION = 0b11, 4
_SCOPES, _SCOPES_VERSION = 0b11, 6
_NO_LOG, _LOG_VERSION = 1 << 0, 7
_ONLY_VERSION, _PATH_BENEATH = 1, 1

_READ = _READ_FILE | _READ_DIR
_USE = _READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER
_OF_A_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_DEVICES = {"/dev/null": _READ_FILE | _WRITE_FILE, "/dev/zero": _READ_FILE, "/dev/urandom": _READ_FILE}


def available() -> str:
    """Why there is no Landlock on this system; "" where there is."""
    absent = syscalls.available()
    if absent:
        return absent
    try:
        version()
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return "the kernel has Landlock and was started without it (its parameter lsm=)"
        return f"the kernel is without Landlock, which is in Linux since 5.13 ({error})"
    # Once it is applied, where that is cannot be read any more.
    _home()
    return ""


@functools.cache
def version() -> int:
    """The version of Landlock that the kernel has. Raises OSError where it has none."""
    return call("landlock_create_ruleset", None, 0, _ONLY_VERSION)


def apply(policy: Policy) -> None:
    """Allow reading what is readable, all but special files in the scratch folder, and nothing else. Raises OSError."""
    known = version()
    handled = (1 << _FILES_BITS[min(known, max(_FILES_BITS))]) - 1
    tcp = _TCP if known >= _TCP_VERSION else 0
    scopes = _SCOPES if known >= _SCOPES_VERSION else 0
    # An older kernel takes the longer structure as long as what it does not know is zero.
    attributes = struct.pack("QQQ", handled, tcp, scopes)
    rules = call("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path in policy.readable:
            _allow(rules, path, _READ & handled)
        for path, access in _DEVICES.items():
            _allow(rules, path, access & handled)
        _allow(rules, policy.scratch, _USE & handled)
        # Students try things; the machine's log is not the place to tell.
        call("landlock_restrict_self", rules, _NO_LOG if known >= _LOG_VERSION else 0)
    finally:
        os.close(rules)


def tries(policy: Policy) -> Iterator[Try]:
    """Read and write what is not this process's to read and write, its parent's memory included; use TCP; signal."""
    beside = os.path.dirname(policy.scratch)
    parent = os.getppid()
    for path in ("/", beside, *_home()):
        yield Try(f"list {path}", partial(os.listdir, path), UNREADABLE)
    for path in ("/etc/passwd", f"/proc/{parent}/environ", f"/proc/{parent}/mem", *policy.secrets):
        yield Try(f"read {path}", partial(_read, path), UNREADABLE)
    shared = [path for path in policy.readable if os.path.isdir(path)]
    for folder in dict.fromkeys((beside, "/tmp", "/var/tmp", "/dev/shm", *_home(), *shared)):
        yield Try(f"write in {folder}", partial(_write, folder), UNWRITABLE)
    yield Try(f"make a folder in {beside}", partial(_make_folder, beside), UNWRITABLE)
    yield Try(f"make a link in {beside}", partial(_link, beside), UNWRITABLE)
    # It is not empty, so that it would stay.
    yield Try(f"remove {beside}", partial(os.rmdir, beside), UNWRITABLE)
    if version() >= _TCP_VERSION:
        yield Try("listen on a TCP port", _bind)
    if version() >= _SCOPES_VERSION:
        yield Try("signal the parent", partial(os.kill, parent, 0))


@functools.cache
def _home() -> tuple[str, ...]:
    """The user's home folder, if it has one."""
    try:
        return (pwd.getpwuid(os.getuid()).pw_dir,)
    except KeyError:
        return ()


def _allow(rules: int, path: str, access: int) -> None:
    """Add a rule for a path and all that is below it; what this process cannot reach needs none."""
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            access &= _OF_A_FILE
        call("landlock_add_rule", rules, _PATH_BENEATH, struct.pack("=Qi", access, file), 0)
    finally:
        os.close(file)


def _read(path: str) -> None:
    if os.path.isdir(path):
        os.listdir(path)
    else:
        os.close(os.open(path, os.O_RDONLY))


def _name(folder: str) -> str:
    return os.path.join(folder, f".checker-{os.getpid()}")


def _write(folder: str) -> None:
    path = _name(folder)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    os.unlink(path)


def _make_folder(folder: str) -> None:
    os.mkdir(_name(folder))
    os.rmdir(_name(folder))


def _link(folder: str) -> None:
    os.symlink("nowhere", _name(folder))
    os.unlink(_name(folder))


def _bind() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
