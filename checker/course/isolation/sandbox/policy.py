"""What a sandboxed process may use, and the error where it cannot be held to it."""

from dataclasses import dataclass


class SandboxError(RuntimeError):
    """A layer that should hold does not: nothing of a student's may run in this process."""


@dataclass(frozen=True)
class Policy:
    """What is left to a process that runs a student's work.

    Args:
        scratch: an existing, empty folder: the one place to write in, and the working folder from then on. Where the
            process gets a file system of its own, what lay in the folder is out of its sight; so is what it writes
            out of everyone else's.
        readable: files and folders (with all that is below them) that may be read, as `readable()` lists them.
        secrets: paths that have to be out of reach; each is tried.
        descriptors: the open files that it keeps: every other one becomes the null device, so that none that was
            inherited leads out. With None, it is the caller who has closed what leads out.
        parent: the process with which it ends; 0 leaves it unchecked that it has not ended before.
        memory: bytes of address space, with all that the process has mapped already.
        cpu: seconds of computing, of all threads together.
        file_size: bytes of one file.
        disk: bytes of all files in scratch, and
        files: how many, where the process gets a file system of its own.
        open_files: the descriptors that may be open.
        processes: how many threads it may have. The kernel does not count root's.
    """

    scratch: str
    readable: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    descriptors: tuple[int, ...] | None = None
    parent: int = 0
    memory: int = 3 << 30
    cpu: int = 600
    file_size: int = 64 << 20
    disk: int = 64 << 20
    files: int = 4096
    open_files: int = 256
    processes: int = 64
