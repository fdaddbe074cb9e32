"""The pid file: says which process a node is, and proves that it lives.

The supervisor holds an exclusive lock (``flock``) on it for its whole life. The kernel drops the
lock with the process, whatever ends it, so a file that nobody locks is stale: the number in it may
by now be somebody else's and is never used.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from colobus.errors import NodeError

__all__ = ["PidFile"]

ATTEMPTS = 25
PAUSE_S = 0.02
"""Looking at a lock takes it for a moment, and writing the number comes just after locking: both
are waited out, for half a second in all."""

MAX_DIGITS = 20


class PidFile:
    """The pid file of one node.

    The process that holds it must not fork without executing another program: a child would share
    the lock, and outlive it. Programs it executes do not (the descriptor closes on exec).

    Args:
        path: the file, in an existing folder.
        link: a second name to give it, a symbolic link in the same folder.
    """

    def __init__(self, path: Path, link: Path | None = None) -> None:
        self.path = path
        self._link = link
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Lock the file for this process and write its number there; a stale file is taken over.

        Raises:
            NodeError: another process holds it, or it cannot be written.
        """
        try:
            descriptor = self._lock()
        except OSError as exc:
            raise NodeError(f"cannot write {self.path}: {exc.strerror}") from exc
        if descriptor is None:
            raise NodeError(f"another node holds {self.path}")
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            if self._link is not None:
                self._link.unlink(missing_ok=True)
                self._link.symlink_to(self.path.name)
        except OSError as exc:
            self.release()
            raise NodeError(f"cannot write {self.path}: {exc.strerror}") from exc

    def release(self) -> None:
        """Remove the file and give up the lock; does nothing when it is not held."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        for path in (self._link, self.path):
            if path is not None:
                with suppress(OSError):  # on a file system that went read-only: the lock decides
                    path.unlink(missing_ok=True)
        os.close(descriptor)

    def owner(self) -> int | None:
        """Return the process id of the node that holds the file, or None if no process does.

        Raises:
            NodeError: a process holds it and cannot be told, or the file cannot be read.
        """
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_S)
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            except OSError as exc:
                raise NodeError(f"cannot read {self.path}: {exc.strerror}") from exc
            try:
                if not _is_locked(descriptor):
                    return None
                pid = _number(os.read(descriptor, MAX_DIGITS))
                if pid is not None and _has_open(pid, os.fstat(descriptor)):
                    return pid
            finally:
                os.close(descriptor)
        raise NodeError(f"a process holds {self.path}, but not the one whose number is in it")

    def _lock(self) -> int | None:
        """Return the locked file's descriptor, or None if another process keeps the lock."""
        for _ in range(ATTEMPTS):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The holder before may have removed the file between our opening and our locking.
                if _is_same(os.fstat(descriptor), self.path):
                    return descriptor
            except BlockingIOError:
                time.sleep(PAUSE_S)
            except OSError:
                os.close(descriptor)
                raise
            os.close(descriptor)
        return None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _number(raw: bytes) -> int | None:
    text = raw.decode("ascii", errors="replace").strip()
    return int(text) if text.isdecimal() else None


def _is_same(opened: os.stat_result, path: Path) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (opened.st_dev, opened.st_ino) == (now.st_dev, now.st_ino)


def _has_open(pid: int, file: os.stat_result) -> bool:
    """Tell whether the process has the file open.

    Between locking and writing, a file taken over still holds the number of its dead owner. Where
    the descriptors of the process cannot be listed, that moment goes unnoticed.
    """
    descriptors = Path(f"/proc/{pid}/fd")
    try:
        times_open = sum(_is_same(file, descriptor) for descriptor in descriptors.iterdir())
    except FileNotFoundError:
        return not Path("/proc/self/fd").exists()
    except PermissionError:
        return True
    # This process has it open at least to look at it.
    return times_open > (1 if pid == os.getpid() else 0)
