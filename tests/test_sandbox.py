"""Every process here that locks itself up is a child: what it does comes back through a pipe."""

import contextlib
import ctypes
import errno
import functools
import glob
import io
import mmap
import multiprocessing
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checker.course.isolation import sandbox
from checker.course.isolation.sandbox import (
    Policy,
    SandboxError,
    bubblewrap,
    forbidden,
    landlock,
    limits,
    lock_down,
    namespaces,
    privileges,
    readable,
    seccomp,
    syscalls,
    trial,
)

NOBODY = 65534
CONTEXT = multiprocessing.get_context("forkserver") if sys.platform.startswith("linux") else None
NAMES = [layer.NAME for layer in sandbox.LAYERS]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")


@pytest.fixture(scope="module", autouse=True)
def _preloaded():
    CONTEXT.set_forkserver_preload(["tests.test_sandbox", "IPython.core.interactiveshell", "matplotlib.pyplot"])


@pytest.fixture
def policy(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Policy(str(scratch), tuple(sandbox.interpreter()), file_size=1 << 20, disk=1 << 20, files=64)


def in_child(function, *arguments):
    """What the function returns, or the error it raises, in a process forked from a server with one thread.

    Where the process ends before it has answered: minus the signal, or its exit code.
    """
    ours, theirs = CONTEXT.Pipe(duplex=False)
    child = CONTEXT.Process(target=_answer, args=(theirs, function, arguments))
    child.start()
    theirs.close()
    with ours:
        try:
            answer = ours.recv()
        except EOFError:
            answer = None
    child.join()
    if answer is None:
        return child.exitcode
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(pipe, function, arguments):
    # No traceback of a child belongs among the tests' output.
    try:
        pipe.send(function(*arguments))
    except Exception as error:
        pipe.send(type(error)(*error.args))
    finally:
        pipe.close()
        os._exit(0)


def _locked(policy, function, *arguments):
    lock_down(policy)
    return function(*arguments)


def locked(policy, function, *arguments):
    """What the function returns in a child that has locked itself up."""
    return in_child(_locked, policy, function, *arguments)


def expected_layers():
    return [name for name in NAMES if name not in in_child(sandbox.missing)]


# -- all layers together, and each by itself


def test_every_layer_of_this_system_holds(policy):
    assert in_child(lock_down, policy) == expected_layers()
    assert [*NAMES[1:]] == [*expected_layers()[-4:]]


def _through(names, policy, applied):
    """Of the layers of those names: what gets through when only the layers `applied` are there."""
    by_name = {layer.NAME: layer for layer in sandbox.LAYERS}
    for name in applied:
        by_name[name].apply(policy)
    tries = [attempt for name in names for attempt in by_name[name].tries(policy)]
    return [attempt.name for attempt in tries], [attempt.name for attempt in tries if attempt.got_through()]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_refused_that_a_layer_is_not_there_to_refuse(name, policy):
    """A thing to try that fails by itself would vouch for a layer that does not exist."""
    if os.geteuid():
        pytest.skip("an ordinary user is refused some of it by the kernel")
    # With a child of its own for a parent: what is tried on it succeeds.
    tried, through = in_child(_through, [name], policy, [])
    unreachable = {"reach the network"} if not _has_route() else set()
    assert set(tried) - set(through) - unreachable == set()
    assert len(tried) >= 3


def _has_route():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.connect(("192.0.2.1", 9))
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_refuses_its_share_without_the_others(name, policy):
    if name not in expected_layers():
        pytest.skip("this system does not have it")
    # A filter needs no_new_privs; root may raise limits until it has no capabilities.
    applied = [name] if name in ("namespaces", "privileges") else ["privileges", name]
    _, through = in_child(_through, [name], policy, applied)
    assert through == []


def _lock_without(policy, name):
    layer = next(layer for layer in sandbox.LAYERS if name == layer.NAME)
    layer.apply = lambda policy: None
    return lock_down(policy)


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_that_does_nothing_is_found_out(name, policy):
    if name not in expected_layers():
        pytest.skip("this system does not have it")
    # Root without no_new_privs and without capabilities is not even given Landlock.
    with pytest.raises(SandboxError, match=f"does not hold: .*{name}: not refused: |cannot be set up: landlock: .*not"):
        in_child(_lock_without, policy, name)


# -- what cannot be set up is an error, with its reason


def _reasons_where_children_are_ignored():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return sandbox.missing()


def test_the_probe_does_not_need_to_be_waited_for():
    assert in_child(_reasons_where_children_are_ignored) == in_child(sandbox.missing)


def _reason_of_a_user_without_namespaces():
    # What a system does that allows none: the limit on their number.
    def refuse(flags):
        ctypes.set_errno(errno.ENOSPC)
        return -1

    syscalls.libc().unshare = refuse
    return sandbox.missing()["namespaces"]


def test_why_there_are_no_namespaces_is_told_by_the_system():
    assert in_child(_reason_of_a_user_without_namespaces) == (
        "this system allows a user no namespaces: [Errno 28] unshare: No space left on device"
    )


def _lock_missing(policy, reasons):
    sandbox.missing = lambda: reasons
    return lock_down(policy)


def test_a_layer_that_the_system_lacks_is_an_error_but_for_namespaces(policy):
    assert in_child(_lock_missing, policy, {"namespaces": "not allowed"}) == NAMES[1:]
    with pytest.raises(SandboxError) as raised:
        in_child(_lock_missing, policy, {"landlock": "too old", "seccomp": "not built"})
    assert str(raised.value) == (
        "this system cannot isolate a submission (landlock: too old; seccomp: not built): "
        "grading without isolation needs --no-isolation"
    )


def test_another_system_is_refused(policy, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError) as raised:
        lock_down(policy)
    assert str(raised.value) == (
        "this system (darwin) has no sandbox that is known here: grading without isolation needs --no-isolation"
    )
    for layer in (namespaces, privileges, landlock, seccomp):
        namespaces.available.cache_clear()
        assert layer.available() == "this system is darwin, not Linux"
    namespaces.available.cache_clear()
    bubblewrap.available.cache_clear()
    assert bubblewrap.available() == "this system is darwin, and bubblewrap is for Linux"
    bubblewrap.available.cache_clear()
    assert limits.available() == ""


def test_another_processor_is_named(monkeypatch):
    monkeypatch.setattr(syscalls, "machine", lambda: "riscv64")
    assert syscalls.available() == "the processor is riscv64, and only x86_64 and aarch64 are known"
    monkeypatch.undo()
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert syscalls.available() == "this Python is a 32-bit one"


@pytest.mark.parametrize(
    ("layer", "number", "said"),
    [
        (landlock, errno.ENOSYS, "the kernel is without Landlock, which is in Linux since 5.13"),
        (landlock, errno.EOPNOTSUPP, "the kernel has Landlock and was started without it (its parameter lsm=)"),
        (seccomp, errno.EINVAL, "the kernel has no seccomp filters, which are in Linux since 4.14"),
    ],
)
def test_a_kernel_without_a_layer_is_told_as_such(layer, number, said, monkeypatch):
    def refuse(*arguments):
        raise OSError(number, "no")

    landlock.version.cache_clear()
    monkeypatch.setattr(layer, "call", refuse)
    assert layer.available().startswith(said)


def _lock_with_thread(policy):
    over = threading.Event()
    threading.Thread(target=over.wait, daemon=True).start()
    return lock_down(policy)


def test_a_process_with_threads_is_refused(policy):
    with pytest.raises(SandboxError, match=r"^the process has 2 threads, and a sandbox is for a process that has one$"):
        in_child(_lock_with_thread, policy)


def test_a_memory_limit_below_what_is_mapped_is_refused(policy):
    with pytest.raises(SandboxError, match=r"limits: .*the memory limit of 100 MiB leaves less than 256 MiB: \d+ MiB"):
        in_child(lock_down, replace(policy, memory=100 << 20))


def test_a_parent_that_has_ended_is_noticed(policy):
    with pytest.raises(SandboxError, match="privileges: the parent, process 1, has ended"):
        in_child(lock_down, replace(policy, parent=1))


def test_a_missing_scratch_folder_is_an_error(policy):
    with pytest.raises(SandboxError, match=r"the sandbox cannot be set up: (namespaces|landlock): .*nowhere|No such"):
        in_child(lock_down, replace(policy, scratch="/nowhere"))


def test_a_readable_path_that_is_gone_is_no_error(policy):
    assert in_child(lock_down, replace(policy, readable=("/nowhere", *policy.readable))) == expected_layers()


def test_a_secret_within_what_is_readable_is_an_error(policy, tmp_path):
    (tmp_path / "key.py").write_text("answer = 42")
    open_to_all = replace(policy, readable=(*policy.readable, str(tmp_path)), secrets=(str(tmp_path / "key.py"),))
    with pytest.raises(SandboxError, match=f"landlock: not refused: list .*, read {tmp_path}/key.py"):
        in_child(lock_down, open_to_all)


# -- what an honest notebook needs


def _honest(folder):
    done = {}
    results = []
    threads = [threading.Thread(target=lambda: results.append(np.linalg.svd(np.ones((60, 60)))[1][0])) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done["threads"] = np.allclose(results, 60)
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        np.savez(f"{temporary}/a.npz", x=np.arange(5))
        shutil.copy2(f"{temporary}/a.npz", f"{temporary}/b.npz")
        os.rename(f"{temporary}/b.npz", f"{temporary}/c.npz")
        with np.load(f"{temporary}/c.npz") as loaded:
            done["files"] = loaded["x"].tolist()
    Path("made").touch()
    Path("made").touch()
    done["folder"] = os.getcwd() == folder and os.listdir(".") == ["made"]
    os.kill(os.getpid(), 0)
    signal.raise_signal(signal.SIGCHLD)
    with open("/dev/urandom", "rb") as source, open(os.devnull, "w") as sink:
        done["random"] = len(source.read(8))
        done["isatty"] = sink.isatty()
    done["still"] = float(np.ones((200, 200)).dot(np.ones(200))[0])
    return done


def test_honest_work_goes_on(policy):
    assert locked(policy, _honest, policy.scratch) == {
        "threads": True, "files": [0, 1, 2, 3, 4], "folder": True, "random": 8, "isatty": False, "still": 200.0,
    }  # fmt: skip


def _cell_with_plot(folder):
    os.environ["IPYTHONDIR"] = folder  # somebody's own history is not to be read
    # These were loaded by the server, and load more when they are first used.
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell

    plt.switch_backend("agg")
    shell = InteractiveShell()
    shell.user_ns |= {"plt": plt, "picture": io.BytesIO()}
    cell = "plt.plot([1, 2]); plt.title('$x^2$')\n%time plt.savefig(picture); plt.savefig('a.svg')"
    return bool(shell.run_cell(cell).success), shell.user_ns["picture"].getvalue()[:4], os.path.getsize("a.svg") > 1000


@pytest.mark.slow
def test_a_cell_with_a_plot_runs(policy):
    assert locked(policy, _cell_with_plot, policy.scratch) == (True, b"\x89PNG", True)


def _import(name):
    assert name not in sys.modules  # so that it has to be read
    return __import__(name, fromlist=["_"]).__name__


@pytest.mark.parametrize("name", ["mailbox", "numpy.f2py.crackfortran", "_lsprof"])
def test_installed_modules_can_still_be_imported(name, policy):
    assert locked(policy, _import, name) == name


# -- bounds


def test_too_much_of_anything_is_an_error_for_the_student_alone(policy):
    assert locked(policy, _errors_of_too_much, policy) == ["memory", "memory", "EFBIG", "EMFILE"]


def _errors_of_too_much(policy):
    errors = []
    for size in (policy.memory, 1 << 45):
        try:
            bytearray(size)
        except MemoryError:
            errors.append("memory")
    for act in (_long_file, _many_files):
        try:
            act(policy)
        except OSError as error:
            errors.append(errno.errorcode[error.errno])
    return errors


def _long_file(policy):
    Path("long").write_bytes(bytes(policy.file_size + 1))


def _many_files(policy):
    with contextlib.ExitStack() as kept:
        for _ in range(policy.open_files):
            kept.enter_context(open(os.devnull))


def _fill(policy):
    errors = []
    try:
        for number in range(4):
            Path(f"large{number}").write_bytes(bytes(policy.disk // 2))
    except OSError as error:
        errors.append((number, errno.errorcode[error.errno]))
    for path in Path().iterdir():
        path.unlink()
    try:
        for number in range(policy.files + 1):
            Path(f"small{number}").touch()
    except OSError as error:
        errors.append(errno.errorcode[error.errno])
    return errors


def test_the_scratch_folder_is_bounded_and_seen_by_nobody_else(policy):
    if "namespaces" not in expected_layers():
        pytest.skip("this system does not have it")
    (number, error), inodes = locked(policy, _fill, policy)
    assert (number, error, inodes) == (2, "ENOSPC", "ENOSPC")
    assert os.listdir(policy.scratch) == []


def _spin():
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass


@pytest.mark.slow
def test_computing_without_end_ends(policy):
    assert locked(replace(policy, cpu=2), _spin) == -signal.SIGKILL


# -- ways around


def _outside(path):
    before = os.stat(path)
    os.chmod(path, 0o777)
    os.utime(path, (1, 1))
    os.chown(path, 1, 1)
    with open(path) as file:
        os.fchmod(file.fileno(), 0o777)
    with contextlib.suppress(OSError):
        os.truncate(path, 0)
    after = os.stat(path)
    return before == after


def test_a_readable_file_keeps_mode_owner_times_and_length(policy, tmp_path):
    path = tmp_path / "handed-out.txt"
    path.write_text("data")
    path.chmod(0o640)
    assert locked(replace(policy, readable=(*policy.readable, str(path))), _outside, str(path))
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("data", 0o640)


def _by_links(secret):
    os.symlink(secret, "link")
    found = []
    for path in ("link", f"/proc/self/cwd/{secret}", f"/proc/self/root{secret}", f"../{Path(secret).name}"):
        with contextlib.suppress(OSError):
            found.append(Path(path).read_text())
    with contextlib.suppress(OSError):
        os.link(secret, "hard")
        found.append(Path("hard").read_text())
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(secret), os.O_PATH)
        found.append(os.read(os.open(Path(secret).name, os.O_RDONLY, dir_fd=folder), 9))
    return found


def test_links_and_handles_lead_nowhere(policy, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    assert locked(replace(policy, secrets=(str(secret),)), _by_links, str(secret)) == []


def _inherited(policy, path):
    writer = os.open(path, os.O_WRONLY)
    lock_down(replace(policy, descriptors=(0, 1, 2, _pipe())))
    return os.write(writer, b"changed"), os.fstat(writer).st_rdev == os.stat(os.devnull).st_rdev


def _pipe():
    """The one descriptor that this child answers on: the highest pipe."""
    pipes = [int(name) for name in os.listdir("/proc/self/fd") if _is_pipe(int(name))]
    return max(pipes)


def _is_pipe(descriptor):
    with contextlib.suppress(OSError):
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    return False


def test_inherited_files_become_the_null_device(policy, tmp_path):
    path = tmp_path / "gradebook.db"
    path.write_text("original")
    assert in_child(_inherited, policy, str(path)) == (7, True)
    assert path.read_text() == "original"


def _call_of_x32():
    syscalls.libc().syscall(ctypes.c_long(0x40000000 + 39))


def _call_of_i386():
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


@pytest.mark.parametrize("call", [_call_of_x32, _call_of_i386])
def test_another_numbering_of_the_calls_ends_the_process(call, policy):
    if syscalls.machine() != "x86_64":
        pytest.skip("only x86_64 has it")
    assert locked(policy, call) == -signal.SIGSYS


def _worker_of_a_parent_that_dies(policy):
    """A pipe that only the worker holds is closed when the worker is gone."""
    reading, writing = os.pipe()
    ready, told = os.pipe()
    parent = os.fork()
    if parent == 0:
        worker = os.fork()
        if worker == 0:
            lock_down(policy)
            os.write(told, b"locked")
            while True:
                time.sleep(60)
        os.close(writing)
        signal.pause()
    os.close(writing)
    locked = os.read(ready, 6)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    return locked, os.read(reading, 1)


def test_a_worker_ends_with_its_parent_however_that_ends(policy):
    assert in_child(_worker_of_a_parent_that_dies, policy) == (b"locked", b"")


# -- an ordinary user


def _as_nobody(function, *arguments):
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return function(*arguments)


@pytest.fixture
def nobodys(policy):
    if os.geteuid():
        pytest.skip("this is an ordinary user")
    for folder in (policy.scratch, *list(Path(policy.scratch).parents)[:-2]):
        if Path(folder).owner() == "root" and not os.stat(folder).st_mode & stat.S_ISVTX:
            os.chmod(folder, 0o755)
    os.chown(policy.scratch, NOBODY, NOBODY)
    return policy


def test_an_ordinary_user_is_locked_up_as_well(nobodys):
    assert in_child(_as_nobody, lock_down, nobodys) == expected_layers()
    assert in_child(_as_nobody, _lock_missing, nobodys, {"namespaces": "not allowed"}) == NAMES[1:]


@pytest.mark.parametrize("name", NAMES[1:])
def test_an_ordinary_users_missing_layer_is_found_out(name, nobodys):
    # Landlock and filters of an ordinary user need no_new_privs: without, they cannot be set up.
    with pytest.raises(SandboxError, match=f"{name}: not refused: |cannot be set up: landlock"):
        in_child(_as_nobody, _lock_without, nobodys, name)


def _bomb():
    over = threading.Event()
    threads = []
    threading.stack_size(1 << 16)
    try:
        for _ in range(200):
            threads.append(threading.Thread(target=over.wait))
            threads[-1].start()
    except RuntimeError:
        return len(threads)
    finally:
        over.set()
    return -1


def _locked_bomb(policy):
    return _locked(policy, _bomb)


def test_an_ordinary_users_threads_are_counted(nobodys):
    if "namespaces" not in expected_layers():
        pytest.skip("without namespaces they are counted with those of the whole system")
    assert in_child(_as_nobody, _locked_bomb, replace(nobodys, processes=20)) == 20


def _tried(policy):
    return [attempt.name for attempt in landlock.tries(policy)]


def test_what_is_tried_is_what_matters(policy, tmp_path):
    home = pwd.getpwuid(os.getuid()).pw_dir
    wanted = {f"list {home}", f"write in {home}", "read /etc/passwd", f"read {tmp_path}", f"list {tmp_path}"}
    wanted |= {"list /", "write in /var/tmp", "write in /dev/shm", "write in /tmp", f"remove {tmp_path}"}
    tried = locked(replace(policy, secrets=(str(tmp_path),)), _tried, replace(policy, secrets=(str(tmp_path),)))
    assert wanted - set(tried) == set()
    parents = [name for name in tried if name.startswith("read /proc/")]
    assert [Path(name).name for name in parents] == ["environ", "mem"]


# -- paths


@pytest.fixture
def course(tmp_path):
    for path in ("checker/a.py", "checker/course/key.py", "checker/course/cells.py", "solutions/x.py", "data.csv"):
        (tmp_path / "c" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / path).write_text(path)
    (tmp_path / "c" / "to-key").symlink_to("checker/course/key.py")
    (tmp_path / "c" / "to-solutions").symlink_to("solutions")
    return tmp_path / "c"


def relative(paths, course):
    return [os.path.relpath(path, course) for path in paths]


def test_a_folder_without_secrets_is_shared_whole(course):
    assert relative(readable([str(course)], []), course) == ["."]
    assert relative(readable([str(course)], [str(course) + "-2", "/elsewhere"]), course) == ["."]


def test_a_folder_with_secrets_is_shared_without_them_and_without_links(course):
    secrets = [str(course / "solutions"), str(course / "checker/course/key.py")]
    assert relative(readable([str(course)], secrets), course) == [
        "checker/a.py", "checker/course/cells.py", "data.csv",
    ]  # fmt: skip


def test_a_secret_named_by_a_link_is_the_one_that_the_link_leads_to(course):
    shared = relative(readable([str(course)], [str(course / "to-solutions")]), course)
    assert shared == ["checker", "data.csv"]


def test_what_lies_in_a_secret_is_not_shared(course):
    inside = [str(course / "solutions/x.py"), str(course / "solutions"), str(course / "to-key")]
    assert readable(inside, [str(course / "solutions"), str(course / "checker")]) == []


def test_a_path_within_another_is_named_once(course):
    paths = [str(course / "checker/a.py"), str(course / "checker"), str(course / "checker/../data.csv")]
    assert relative(readable(paths, []), course) == ["checker", "data.csv"]


def _readings(paths):
    found = []
    for path in paths:
        try:
            found.append(Path(path).read_text())
        except OSError as error:
            found.append(errno.errorcode[error.errno])
    return found


def test_what_is_shared_can_be_read_and_what_is_not_cannot(policy, course):
    secrets = (str(course / "solutions"), str(course / "checker/course/key.py"))
    part = replace(policy, readable=(*policy.readable, *readable([str(course)], secrets)), secrets=secrets)
    paths = [str(course / name) for name in ("checker/a.py", "checker/course/key.py", "to-key", "solutions/x.py")]
    assert locked(part, _readings, paths) == ["checker/a.py", "EACCES", "EACCES", "EACCES"]


def _opened_empty(policy, path):
    landlock.version = lambda: 2  # as on Linux 5.19, which does not see that opening a file may empty it
    for layer in (privileges, landlock, seccomp):
        layer.apply(policy)
    refused = []
    for mode in range(4):
        try:
            os.open(path, mode | os.O_TRUNC)
        except OSError as error:
            refused.append(errno.errorcode[error.errno])
    return refused, Path(path).read_text()


def test_what_is_shared_cannot_be_emptied_on_an_older_kernel_either(policy, course):
    shared = replace(policy, readable=(*policy.readable, str(course)))
    refused = ["EPERM", "EACCES", "EACCES", "EPERM"]
    assert in_child(_opened_empty, shared, str(course / "data.csv")) == (refused, "data.csv")


# -- the filter, followed step by step for both processors


def _followed(program, number, architecture, *arguments):
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(word & 2**64 - 1 for word in words))
    at = value = 0
    while True:
        code, yes, no, operand = program[at]
        operand = 1234 if operand is None else operand
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code == 0x05:
            at += operand
        elif code == 0x06:
            return operand
        else:
            at += yes if {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code] else no


KILL, ALLOW, DONE = 0x80000000, 0x7FFF0000, 0x00050000
REFUSE, UNKNOWN = DONE | errno.EPERM, DONE | errno.ENOSYS


@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_the_filter_answers_every_call(processor):
    program, known = seccomp.program(processor), syscalls.numbers(processor)
    answer = functools.partial(_answer_of, program, known, syscalls.AUDIT[processor])
    assert len(program) < 4096
    by_number = {number: name for name, number in known.items()}
    some = {"clone", "kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sched_setaffinity", "prlimit64"}
    some |= {"ioctl", "fcntl", "prctl", "clone3", "utimensat", "open", "openat", "openat2"}
    for number in range(syscalls.NEWEST + 1):
        name = by_number.get(number, "")
        if name not in some:
            wanted = ALLOW if name in seccomp._ALLOWED else DONE if name in seccomp._IGNORED else REFUSE
            wanted = DONE | errno.EOPNOTSUPP if name.endswith("xattr") else wanted
            assert _followed(program, number, syscalls.AUDIT[processor]) == wanted, name
    assert [answer("clone3"), answer("openat2")] == [UNKNOWN, UNKNOWN]
    for name, flags in (("open", 1), ("openat", 2)):
        if name in known:
            emptied = [answer(name, *[0] * flags, os.O_CLOEXEC | mode | os.O_TRUNC) for mode in range(4)]
            assert emptied == [REFUSE, ALLOW, ALLOW, REFUSE]
            assert [answer(name, *[0] * flags, os.O_CLOEXEC | mode) for mode in range(4)] == [ALLOW] * 4
    assert answer("clone", 0x10000 | 0x800) == ALLOW
    assert answer("clone", signal.SIGCHLD) == REFUSE
    assert [answer("kill", 1234), answer("kill", 1), answer("kill", 0), answer("kill", -1)] == [ALLOW, *[REFUSE] * 3]
    assert [answer("tgkill", 1234, 5), answer("tgkill", 5, 5)] == [ALLOW, REFUSE]
    assert [answer("sched_setaffinity", 0), answer("sched_setaffinity", 1234)] == [ALLOW, REFUSE]
    assert [answer("prlimit64", 0, 7, 0), answer("prlimit64", 1234, 7, 0), answer("prlimit64", 5, 7, 0)] == [
        ALLOW, ALLOW, REFUSE,
    ]  # fmt: skip
    assert [answer("prlimit64", 0, 7, 8), answer("prlimit64", 0, 7, 1 << 40)] == [REFUSE, REFUSE]
    assert [answer("ioctl", 0, 0x5401), answer("ioctl", 0, 0x5412), answer("ioctl", 0, 1 << 32 | 0x5412)] == [
        ALLOW, REFUSE, REFUSE,
    ]  # fmt: skip
    assert [answer("fcntl", 0, 1030), answer("fcntl", 0, 8)] == [ALLOW, REFUSE]
    assert [answer("prctl", 15), answer("prctl", 1)] == [ALLOW, REFUSE]
    assert [answer("utimensat", 0, 0, times) for times in (0, 1, 1 << 40)] == [REFUSE, DONE, DONE]
    for number in (syscalls.NEWEST + 1, 1000, 0x3FFFFFFF):
        assert _followed(program, number, syscalls.AUDIT[processor]) == UNKNOWN
    for number in (0x40000000, 0x40000000 + 39, 0xFFFFFFFF):
        assert _followed(program, number, syscalls.AUDIT[processor]) == KILL
    other = next(value for name, value in syscalls.AUDIT.items() if name != processor)
    assert _followed(program, known["read"], other) == KILL


def _answer_of(program, known, architecture, name, *arguments):
    return _followed(program, known[name], architecture, *arguments)


def test_no_call_is_both_allowed_and_tried():
    tried = {name for name, *_ in forbidden._calls(1)}
    by_arguments = {name for names, _ in seccomp._by_arguments() for name in names}
    assert tried & set(seccomp._ALLOWED) == set()
    assert {*seccomp._ALLOWED, *seccomp._IGNORED, *by_arguments} <= {
        *syscalls.numbers("x86_64"), *syscalls.numbers("aarch64"),
    }  # fmt: skip


def test_the_numbers_are_those_of_the_kernels_headers():
    numbers = syscalls.numbers("x86_64")
    assert (numbers["read"], numbers["clone"], numbers["landlock_add_rule"]) == (0, 56, 445)
    assert (syscalls.numbers("aarch64")["clone"], "fork" in syscalls.numbers("aarch64")) == (220, False)
    for path in glob.glob("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"):
        header = dict(re.findall(r"#define __NR_(\w+) (\d+)", Path(path).read_text()))
        assert {name: number for name, number in numbers.items() if int(header.get(name, number)) != number} == {}
    for path in glob.glob("/usr/include/asm-generic/unistd.h"):
        header = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", Path(path).read_text()))
        known = syscalls.numbers("aarch64")
        assert {name: number for name, number in known.items() if int(header.get(name, number)) != number} == {}


# -- a try by itself


def test_a_try_counts_as_refused_only_with_the_error_that_is_expected():
    def raising(error):
        raise error

    refused = trial.Try("it", lambda: raising(PermissionError(errno.EPERM, "no")))
    assert refused.got_through() == ""
    assert trial.Try("it", lambda: None).got_through() == "it"
    assert trial.Try("it", lambda: raising(OSError(errno.EINVAL, "bad"))).got_through() == "it ([Errno 22] bad)"
    assert trial.Try("it", lambda: raising(ValueError("odd"))).got_through() == "it (ValueError: odd)"


# -- bubblewrap


WITHIN = """
import os, sys
from checker.course.isolation import sandbox
os.mkdir("one")
policy = sandbox.Policy(os.path.abspath("one"), tuple(sandbox.interpreter()), secrets=tuple(sys.argv[1:]))
print(sorted(os.listdir(".")), os.getpid() < 5, os.path.exists(sys.argv[1]), os.path.exists("/etc/passwd"))
print(sandbox.lock_down(policy))
"""


def test_the_server_runs_within_bubblewrap_and_its_workers_lock_themselves_up(policy, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    why = bubblewrap.available()
    if why:
        assert re.match("the program bwrap is not installed|this system does not let bwrap", why)
        return
    package = Path(sandbox.__file__).parents[3]
    part = replace(policy, readable=(str(package),))
    modules = f"{package.parent}:{Path(np.__file__).parents[1]}"
    done = subprocess.run(
        bubblewrap.command(part, [sys.executable, "-c", WITHIN, str(secret)]),
        env={"PYTHONPATH": modules, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    first, second = done.stdout.splitlines()
    assert first == "['one'] True False False"
    assert second in (str(NAMES), str(NAMES[1:]))
    assert os.listdir(policy.scratch) == []


def test_without_bubblewrap_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    bubblewrap.available.cache_clear()
    assert bubblewrap.available() == "the program bwrap is not installed (apt install bubblewrap)"
    bubblewrap.available.cache_clear()


def test_a_bubblewrap_that_may_not_work_is_told_with_its_own_words(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    bubblewrap.available.cache_clear()
    assert bubblewrap.available() == (
        "this system does not let bwrap do its work: bwrap: setting up uid map: Permission denied"
    )
    bubblewrap.available.cache_clear()
