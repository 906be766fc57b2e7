"""Frames over a stream of bytes, each in its time, and the shared memory that large arrays go through."""

import math
import mmap
import os
import select
import socket
import struct
import time
from contextlib import suppress

from .wire import MAX_BYTES, WireError

__all__ = ["LENGTH", "Arena", "Channel", "ClosedError", "new_arena"]

#: Comes before what it is the length of: a stream does not keep together what was sent at once.
LENGTH = struct.Struct("<I")
#: Bytes asked for at once: a length that lies reserves no more than this.
_PIECE = 1 << 20


class ClosedError(ConnectionError):
    """The other end is gone, or this one is closed."""


class Channel:
    """Frames both ways over a socket, or over two descriptors: one to read from and one to write to.

    It owns them: `close` closes them. No byte is read beyond a frame, so that another may go on reading where it
    stopped. Whatever stops within a frame (its time, an interrupt) leaves no place to go on from: the channel closes.
    """

    def __init__(self, reading: socket.socket | int, writing: int | None = None) -> None:
        self._reading = reading.detach() if isinstance(reading, socket.socket) else reading
        self._writing = self._reading if writing is None else writing
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self._reading, select.POLLIN)
        self._writable.register(self._writing, select.POLLOUT)
        self._open = True
        for each in self.descriptors:
            os.set_blocking(each, False)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that it uses, the one that it reads from first."""
        return tuple(dict.fromkeys((self._reading, self._writing)))

    def fileno(self) -> int:
        """The descriptor that becomes readable when a frame arrives."""
        return self._reading

    def send(self, frame: bytes, timeout: float | None = None) -> None:
        """Send a frame within `timeout` seconds.

        Raises:
            ClosedError: The other end is gone.
            TimeoutError: The other end does not read.
            WireError: The frame is longer than MAX_BYTES.
        """
        if len(frame) > MAX_BYTES:
            raise WireError(_too_long(len(frame)))
        until = _until(timeout)
        left = [memoryview(LENGTH.pack(len(frame))), memoryview(frame)]
        begun = False
        try:
            while left:
                sent = self._write(left)
                if sent:
                    begun = True
                    left = _behind(left, sent)
                    if left:
                        _in_time(until, "was not read")
                else:
                    self._wait(self._writable, until, "was not read")
        except BaseException:
            if begun:
                self.close()
            raise

    def receive(self, timeout: float | None = None) -> bytes:
        """The next frame, all of it within `timeout` seconds, however it drips.

        Raises:
            ClosedError: The other end is gone, be it within a frame.
            TimeoutError: It did not come, or not all of it.
            WireError: It would be longer than MAX_BYTES.
        """
        until = _until(timeout)
        self._wait(self._readable, until, "did not come")
        try:
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size, until))
            if length > MAX_BYTES:
                raise WireError(_too_long(length))
            return self._exactly(length, until)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close both ways. What is sent or received afterwards raises ClosedError."""
        if self._open:
            self._open = False
            for each in self.descriptors:
                with suppress(OSError):
                    os.close(each)

    def _exactly(self, size: int, until: float | None) -> bytes:
        found = bytearray()
        while len(found) < size:
            try:
                piece = os.read(self._reading, min(size - len(found), _PIECE))
            except BlockingIOError:
                self._wait(self._readable, until, "did not come")
                continue
            except OSError as error:
                raise ClosedError(f"the other end is gone: {error.strerror}") from None
            if not piece:
                raise ClosedError("the other end is gone")
            if len(piece) == size:
                return piece
            found += piece
            if len(found) < size:
                _in_time(until, "did not come")
        return bytes(found)

    def _write(self, left: list[memoryview]) -> int:
        if not self._open:
            raise ClosedError("this channel is closed")
        try:
            return os.writev(self._writing, left)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ClosedError(f"the other end is gone: {error.strerror}") from None

    def _wait(self, ready: "select.poll", until: float | None, what: str) -> None:
        """Wait until there is something to be had, or room."""
        if not self._open:
            raise ClosedError("this channel is closed")
        left = None if until is None else math.ceil(1000 * max(0.0, until - time.monotonic()))
        if not ready.poll(left):
            raise TimeoutError(_late(what))


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _in_time(until: float | None, what: str) -> None:
    """Raise TimeoutError when the time is up, though there is something to be had or room: it may come in drips."""
    if until is not None and time.monotonic() > until:
        raise TimeoutError(_late(what))


def _late(what: str) -> str:
    return f"a frame {what} in time"


def _behind(left: list[memoryview], sent: int) -> list[memoryview]:
    """What is left after so many bytes."""
    rest = []
    for each in left:
        if sent < len(each):
            rest.append(each[sent:])
        sent = max(0, sent - len(each))
    return rest


def _too_long(length: int) -> str:
    return f"a frame of {length:,} bytes cannot cross: {MAX_BYTES:,} are the most"


class Arena:
    """Memory that two processes share, of a size that neither can change. Each worker has one of its own.

    What one end reads the other may be changing: copy first, then look.
    """

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self._map = mmap.mmap(fd, size)
        self.view = memoryview(self._map)

    @staticmethod
    def create(size: int) -> "Arena":
        """A new one of so many bytes, zeroed, behind a descriptor that can be handed to another process.

        Raises OSError where the system refuses it, AttributeError where it knows no such memory: see `new_arena`.
        """
        import fcntl

        fd = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            return Arena(fd, size)
        except BaseException:
            os.close(fd)
            raise

    @staticmethod
    def attach(fd: int) -> "Arena":
        """The one behind a descriptor. Raises ValueError where it could shrink, which would end whoever reads it."""
        import fcntl

        if not fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
            raise ValueError("a piece of shared memory that is not sealed against shrinking")
        return Arena(fd, os.fstat(fd).st_size)

    def close(self) -> None:
        """Let go of the memory and close the descriptor."""
        self.view.release()
        self._map.close()
        with suppress(OSError):
            os.close(self.fd)


def new_arena(size: int) -> Arena | None:
    """Shared memory of so many bytes, or None where the system has none that can be sealed: arrays go inline then."""
    try:
        return Arena.create(size)
    except (AttributeError, OSError):
        return None
