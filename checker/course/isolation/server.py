"""The warm server: a process with NumPy, IPython and the checker loaded, which forks a worker for each notebook.

It is started afresh and is handed nothing but module names to load. `python -m checker.course.isolation.server FD`
serves on a socket: each request is a JSON object with the worker's socket (and the arena) as file descriptors beside
it; the answer is the worker's process id, with a descriptor of the process where the system has such.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import sys
import warnings
from typing import Any

import checker

from . import worker
from .channel import LENGTH, Arena, Channel
from .sandbox import Policy, missing
from .shell import Shell, started

#: What every worker has loaded beside the checker's core.
CORE = ("numpy.testing", "numpy.linalg", "numpy.random")


def main(arguments: list[str]) -> None:
    """Serve on the socket of that number; the other arguments are modules to load if they are installed."""
    control = socket.socket(fileno=int(arguments[0]))
    warnings.simplefilter("ignore")
    shell = warmed(arguments[1:])
    missing()  # asked once, and known to every worker
    gc.collect()
    gc.freeze()  # a worker's collections leave what it shares with this process alone
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    control.sendall(b"ready")
    while True:
        length, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 2)
        message = control.recv(LENGTH.unpack(length)[0], socket.MSG_WAITALL) if length else b""
        if not message:  # whoever started this is gone, perhaps without a chance to clear up
            shutil.rmtree(os.getcwd(), ignore_errors=True)
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _begin(shell, json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _answer(control, pid)


def warmed(modules: list[str]) -> Shell:
    """The shell, with everything loaded that a notebook is likely to want."""
    shell = started(limit=100_000)  # each worker has its own
    for name in (*CORE, *_checker(), *modules):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    shell.cell("1 / 0")  # tracebacks load much when they are first made
    if "matplotlib" in sys.modules:
        shell.cell("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show(); plt.close('all')")
    shell.reset(new_session=True)
    return shell


def _checker() -> list[str]:
    """Every module of the checker's core: a worker cannot look for what is not loaded, and knows measurements by it."""
    found = [name for _, name, _ in pkgutil.walk_packages(checker.__path__, "checker.") if "." in name]
    return [name for name in found if not name.startswith(("checker.course", "checker.__main__"))]


def _begin(shell: Shell, request: dict[str, Any], descriptors: list[int]) -> None:
    """Be the worker; never return."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator
        channel = Channel(socket.socket(fileno=descriptors[0]))
        arena = Arena.attach(descriptors[1]) if len(descriptors) > 1 else None
        policy = request["policy"] and _policy(request["policy"], descriptors)
        shell.outputs.limit = int(request["output"])
        os.makedirs(request["scratch"], exist_ok=True)  # bubblewrap shows the server a folder of its own
        worker.prepare(str(request["scratch"]))
        worker.run(shell, channel, arena, policy)
    finally:
        os._exit(0)


def _policy(told: dict[str, Any], descriptors: list[int]) -> Policy:
    """The policy of a request, for this process."""
    for name in ("readable", "secrets"):
        told[name] = tuple(told[name])
    return Policy(**told | {"descriptors": (0, 1, 2, *descriptors), "parent": os.getppid()})


def _answer(control: socket.socket, pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # no Linux, or it has ended already
        control.sendall(b"%d" % pid)
        return
    socket.send_fds(control, [b"%d" % pid], [descriptor])
    os.close(descriptor)


if __name__ == "__main__":
    main(sys.argv[1:])
