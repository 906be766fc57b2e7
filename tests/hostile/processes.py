"""Processes, threads and signals: what outlives its cell, reaches for the grader, or will not be stopped."""

from .submission import LEFT, SEEN, Group

group = Group("process")

#: A process that is known by its name, and ends by itself.
CHILD = """
import ctypes, os, signal, subprocess, sys, threading, time
def known():
    ctypes.CDLL(None).prctl(15, b"@TOKEN@", 0, 0, 0)
def child(seconds=15):
    known()
    time.sleep(seconds)
    os._exit(0)
SLEEP = [sys.executable, "-c", "import sys, time; time.sleep(15)", "@TOKEN@"]
"""

group.code(
    "a bomb of fifty children",
    LEFT,
    top=CHILD
    + """
made = 0
while made < 50:
    made += 1
    try:
        if os.fork() == 0:
            os.setsid()
            child(10)
    except OSError:
        pass
""",
)

group.code(
    "a daemon by two forks",
    LEFT,
    top=CHILD,
    last="""
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            child()
        os._exit(0)
except OSError:
    pass
""",
)

group.code(
    "a background process",
    LEFT,
    top=CHILD,
    first="""
try:
    subprocess.Popen(SLEEP, start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
except OSError:
    pass
""",
)

group.code(
    "shells and magics",
    LEFT,
    top=CHILD,
    last="""
command = " ".join(f"'{each}'" for each in SLEEP) + " &"
for run in (os.system, lambda text: os.popen(text).close(), get_ipython().system, get_ipython().getoutput,
            lambda text: get_ipython().run_cell_magic("bash", "--bg", text),
            lambda text: get_ipython().run_cell_magic("script", "sh", text)):
    try:
        run(command)
    except BaseException:
        pass
""",
)

group.code(
    "spawn, vfork and raw calls",
    LEFT,
    top=CHILD
    + """
for run in (lambda: os.posix_spawn(sys.executable, SLEEP, {}), lambda: os.spawnv(os.P_NOWAIT, sys.executable, SLEEP),
            lambda: __import__("multiprocessing").Process(target=child).start(),
            lambda: __import__("pty").fork()[0] or child()):
    try:
        run()
    except BaseException:
        pass
if sys.platform == "linux" and os.uname().machine == "x86_64":
    libc = ctypes.CDLL(None, use_errno=True)
    for number, flags in ((56, 17), (57, 0), (56, 17 | 0x20000000), (435, 0)):
        if libc.syscall(number, flags, 0, 0, 0, 0) == 0:
            child()
""",
)

group.code(
    "another program in the worker's place",
    first="""
import os, sys
sys.stdout.flush()
for path in (sys.executable, "/bin/true", "/usr/bin/env"):
    try:
        os.execv(path, [path, "-c", "import time; time.sleep(20)", "@TOKEN@"])
    except OSError:
        pass
""",
    last="""
import ctypes, os
made = os.memfd_create("x", 0)
os.write(made, open("/bin/true", "rb").read() if os.access("/bin/true", os.R_OK) else b"#!/bin/true\\n")
if hasattr(os, "posix_spawn"):
    try:
        loot(os.posix_spawn(f"/proc/self/fd/{made}", ["x"], {}))
    except OSError:
        pass
""",
)

group.code(
    "signals to the grader",
    SEEN,
    top="""
import os, signal
for target in (os.getppid(), 1, 0):
    try:
        if target:
            os.kill(target, signal.SIGURG)
        else:
            os.kill(target, 0)
        loot("signal", target)
    except OSError:
        pass
try:
    signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGURG)
    loot("pidfd")
except OSError:
    pass
try:
    import fcntl
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())
except OSError:
    pass
""",
)

group.code(
    "settings of the grader's process",
    SEEN,
    top="""
import os, resource
parent = os.getppid()
tries = [
    lambda: os.sched_setaffinity(parent, os.sched_getaffinity(parent)),
    lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, resource.prlimit(parent, resource.RLIMIT_NOFILE)),
    lambda: os.setpriority(os.PRIO_PROCESS, parent, os.getpriority(os.PRIO_PROCESS, parent)),
]
for way in tries:
    try:
        way()
        loot("reached")
    except OSError:
        pass
""",
)

group.code(
    "tracing the grader",
    top="""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
if libc.ptrace(0x4206, os.getppid(), 0, 0) == 0:
    loot("seized")
if libc.prctl(0x59616D61, -1, 0, 0, 0) == 0 and libc.prctl(4, 1, 0, 0, 0) == 0:
    print("traceable")
""",
)

group.code(
    "privileges and namespaces",
    top="""
import ctypes, os, resource, sys
libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000):
    if libc.unshare(flag) == 0:
        loot("unshare", hex(flag))
        break
else:
    if libc.mount(b"none", b"@OUTSIDE@", b"tmpfs", 0, None) == 0:
        loot("mount")
        libc.umount2(b"@OUTSIDE@", 2)
for way in (lambda: os.chroot("."), lambda: os.setuid(0) if os.getuid() else os.chroot("."), lambda: os.nice(-5)):
    try:
        way()
        loot("privilege")
    except OSError:
        pass
for name in ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE"):
    which = getattr(resource, name)
    soft, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        try:
            resource.setrlimit(which, (hard, hard * 2))
            loot(name)
        except (OSError, ValueError):
            pass
""",
)

group.code(
    "system calls that are rarely needed",
    top="""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine == "x86_64":
    room = ctypes.create_string_buffer(256)
    calls = {"bpf": (321, 0, room, 72), "perf": (298, room, 0, -1, -1, 0), "io_uring": (425, 1, room),
             "userfaultfd": (323, 0), "keyctl": (250, 0, -3, 1), "add_key": (248, b"user", b"x", b"y", 1, -3),
             "shmget": (29, 0, 4096, 0o1600), "msgget": (68, 0, 0o1600), "semget": (64, 0, 1, 0o1600),
             "quotactl": (179, 0, 0, 0, 0), "open_by_handle_at": (304, -100, room, 0)}
    for name, (number, *given) in calls.items():
        got = libc.syscall(number, *given)
        if got >= 0:
            print(name, got)
            for made, remove in (("shmget", 31), ("msgget", 71), ("semget", 66)):
                if name == made:
                    libc.syscall(remove, got, 0, 0, 0)
            if name in ("bpf", "perf", "io_uring", "userfaultfd", "open_by_handle_at"):
                loot(name)
""",
)

group.code(
    "hundreds of threads",
    top="""
import threading, time
def work():
    end = time.time() + 60
    while time.time() < end:
        time.sleep(0.5)
for _ in range(500):
    try:
        threading.Thread(target=work, daemon=False).start()
    except (RuntimeError, MemoryError):
        break
""",
)

group.code(
    "threads that work when nobody asked",
    first="""
import threading, time
result = [0.0, 0.0]
def later():
    end = time.time() + 60
    while time.time() < end:
        result[:] = [cache[1], cache[0]]
threading.Thread(target=later, daemon=True).start()
return result
""",
    second="""
import threading, time
result = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[0])
def later():
    end = time.time() + 60
    while time.time() < end:
        for each in (*result, dout, x, w):
            each += 1
threading.Thread(target=later, daemon=True).start()
return result
""",
)

group.code(
    "no signal is minded",
    top="""
import ctypes, faulthandler, signal, threading
def ignore(*given):
    pass
for number in signal.valid_signals():
    try:
        signal.signal(number, ignore)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
faulthandler.disable()
""",
    first="""
import time
end = time.time() + 90
while time.time() < end:
    try:
        while time.time() < end:
            pass
    except BaseException:
        pass
""",
)

group.code(
    "an alarm within the grader's own work",
    top="""
import signal
def ring(*given):
    raise RuntimeError("rung")
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.003)
""",
)

group.code(
    "the worker outlives its grader",
    top=CHILD
    + """
known()
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
for way in (os.setsid, lambda: os.setpgid(0, 0), lambda: os.nice(5)):
    try:
        way()
    except OSError:
        pass
def stay():
    end = time.time() + 25
    while time.time() < end:
        time.sleep(0.1)
threading.Thread(target=stay, daemon=False).start()
sys.exit = os._exit = lambda *given: stay()
""",
)

group.code(
    "work at the end of the process",
    top="""
import atexit, sys, threading, weakref
def at_end(*given):
    for way in (lambda: open("@OUTSIDE@/at-exit", "w"), lambda: __import__("time").sleep(20)):
        try:
            way()
        except BaseException:
            pass
atexit.register(at_end)
threading._register_atexit(at_end)
weakref.finalize(np, at_end)
class Last:
    __del__ = at_end
sys.last = Last()
get_ipython().atexit_operations = at_end
""",
)

for words, how in {
    "the process ends": "import os; os._exit(0)",
    "the process is killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL); os.abort()",
    "the process crashes": "import ctypes; ctypes.string_at(0)",
}.items():
    group.code(f"{words} in a cell", top=how)
    group.code(f"{words} in every call", first=how, second=how, last=how)

group.code(
    "a crash at every third call",
    top="""
import os
def counted():
    try:
        seen = int(open("seen.txt").read())
    except (OSError, ValueError):
        seen = 0
    open("seen.txt", "w").write(str(seen + 1))
    if seen % 3 == 2:
        os._exit(1)
""",
    first="counted()",
    second="counted()",
)

group.code(
    "slow cells again and again",
    top="import time; time.sleep(3)",
    first="import os; os._exit(1)",
    second="import os; os._exit(1)",
    last="import time; time.sleep(3); import os; os._exit(1)",
)

group.code(
    "frozen",
    first="""
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
""",
    second="import signal; signal.raise_signal(signal.SIGSTOP)",
)
