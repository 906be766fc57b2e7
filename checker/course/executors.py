"""Where submissions are graded: in processes of this machine, or on the workers of a Dask cluster."""

import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .pool import Processes

#: Seconds to find a cluster.
PATIENCE = 10
#: Bytes of a greeting, which begins with its length.
LONGEST_GREETING = 1 << 20
_ADDRESS = re.compile(r"dask://(?P<host>\[[0-9a-fA-F:]+\]|[^\s/:@]+):(?P<port>\d{1,5})/?")
_ALONE = threading.Lock()


@dataclass(frozen=True)
class Place:
    """Where tasks are done: through what, and how many at a time.

    `gone` says why it takes no more tasks, `idle` why nothing has come back for long; "" where there is no reason.
    """

    pool: Executor
    width: int
    gone: Callable[[], str] = lambda: ""
    idle: Callable[[], str] = lambda: ""


@contextlib.contextmanager
def place(where: str = "", jobs: int = 1, limit: float | None = None) -> Iterator[Place]:
    """`jobs` processes here, or the cluster `dask://HOST:PORT`; none of its tasks goes on behind the `with`.

    A task that takes more than `limit` seconds is ended, if it runs here. Raises UsageError where there is no cluster,
    or `where` says neither.
    """
    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}; it is at least 1")
    if not where:
        pool = Processes(jobs, limit)
        try:
            yield Place(pool, jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        pool.shutdown()
        return
    found = _ADDRESS.fullmatch(where)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise UsageError(f"--executor is {where!r}; it is dask://HOST:PORT, the address of a Dask scheduler")
    with _cluster(found, where) as client:
        pool = client.get_executor(pure=False, retries=0)

        def gone() -> str:
            return "" if client.status == "running" else f"the cluster {where} is gone"

        def idle() -> str:
            return gone() or ("" if client.nthreads() else f"the cluster {where} has no worker any more")

        try:
            yield Place(pool, max(jobs, sum(client.nthreads().values())), gone, idle)
        finally:
            with contextlib.suppress(Exception):  # a cluster that is gone has nothing to cancel
                pool.shutdown(wait=False)


@contextlib.contextmanager
def _cluster(found: re.Match[str], where: str) -> Iterator[Any]:
    try:
        from distributed import Client

        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said here
    except ModuleNotFoundError as missing:
        raise UsageError(f"{missing.name} is not installed; pip install -e '.[dask]' installs it") from None
    _knock(found, where)
    try:
        client = Client(f"tcp://{found['host']}:{found['port']}", timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as problem:
        said = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise UsageError(f"there is no Dask scheduler at {where}: {said}") from None
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise UsageError(
                f"the cluster {where} has no worker: start some with dask worker {found['host']}:{found['port']} "
                "--nthreads 1, where the checker and the solutions are installed"
            ) from None
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=PATIENCE)


def _knock(found: re.Match[str], where: str) -> None:
    """See that a scheduler greets us, as they do: for something else that is silent Dask itself waits without end."""
    try:
        with socket.create_connection((found["host"].strip("[]"), int(found["port"])), PATIENCE) as line:
            greeting = line.recv(8, socket.MSG_WAITALL)
    except OSError as problem:
        raise UsageError(f"there is no Dask scheduler at {where}: {problem.strerror or problem}") from None
    if len(greeting) < 8 or int.from_bytes(greeting, "little") > LONGEST_GREETING:
        raise UsageError(f"there is no Dask scheduler at {where}: something else answers there")


def one_at_a_time(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function while no other thread of this process does: a Dask worker may have several.

    Grading draws from NumPy's global generator and catches what is printed, and both are the whole process's.
    """
    with _ALONE:
        return function(*arguments)
