"""Log files, written by a thread, so that a slow or full disk never delays an answer.

A :class:`LogWriter` is one thread and the files it writes; a :class:`LogFile` takes whole lines and
returns at once. Lines leave in the order in which they came, each wholly in one file: reopening,
after a rotation, waits for its turn behind the lines before it. What a file cannot take is counted
and said once; when it works again, that is said too, with the number of lines that are missing.
"""

import logging
import os
import select
import stat
from collections import deque
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

__all__ = ["PENDING_BYTES", "LogFile", "LogWriter", "append_to"]

PENDING_BYTES = 8 * 1024 * 1024
"""Lines of one file that wait to be written; later ones are lost. Some 40,000 requests."""

PIPE_BYTES = 4096
"""What one write puts into a pipe undivided (PIPE_BUF on Linux), with several workers writing."""

FULL_PIPE_S = 5.0
"""How long a non-blocking pipe that nobody reads is waited for before its lines are given up."""

CLOSE_TIMEOUT_S = 2.0

STANDARD_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
"""Duplicated, not opened: as a socket (of a service manager) they could not be opened."""

logger = logging.getLogger(__name__)


def append_to(path: Path, mode: int) -> int:
    """Return a descriptor that appends to ``path``; a file it creates has ``mode``, umask or not.

    Raises:
        OSError: it cannot be opened.
    """
    standard = STANDARD_STREAMS.get(str(path))
    if standard is not None:
        return os.dup(standard)
    # Non-blocking is for a pipe without a reader: opening it fails, and does not wait for one.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        # Another worker may create it meanwhile; then either sets the same mode.
        descriptor = os.open(path, flags | os.O_CREAT, mode)
        os.fchmod(descriptor, mode)
        return descriptor


class LogFile:
    """One file of a writer; made by :meth:`LogWriter.open`.

    Attributes:
        path: where it is.
        lost: lines that could not be written so far.
    """

    def __init__(self, writer: "LogWriter", path: Path, mode: int, *, reopens: bool) -> None:
        self.path = path
        self.lost = 0
        self._writer = writer
        self._mode = mode
        self._reopens = reopens
        # Under the lock: what waits to be written, None for a reopening, and its size.
        self._lock = Lock()
        self._pending: deque[bytes | None] = deque()
        self._pending_bytes = 0
        self._is_queued = False
        # Of the thread alone.
        self._descriptor: int | None = None
        self._is_cut = False  # the file ends in the middle of a line
        self._reported = 0  # `lost` when the trouble was last spoken of
        self._is_in_trouble = False

    def write(self, lines: bytes) -> None:
        """Append whole lines, soon; they are lost if too many wait already."""
        with self._lock:
            if self._pending_bytes + len(lines) > PENDING_BYTES:
                self.lost += lines.count(b"\n")
                return
            self._pending_bytes += len(lines)
            self._post(lines)

    def reopen(self) -> None:
        """Open the file anew by its name, behind the lines given so far."""
        with self._lock:
            self._post(None)

    def _post(self, what: bytes | None) -> None:
        self._pending.append(what)
        if not self._is_queued:
            self._is_queued = True
            self._writer.enqueue(self)

    # -- in the thread ---------------------------------------------------------------------------

    def work(self) -> None:
        """Write what waits."""
        with self._lock:
            self._is_queued = False
            self._pending_bytes = 0
            taken = list(self._pending)
            self._pending.clear()
        lines: list[bytes] = []
        for piece in taken:
            if piece is None:
                self._append(b"".join(lines))
                lines.clear()
                self._open_anew()
            else:
                lines.append(piece)
        self._append(b"".join(lines))
        if self._reopens:
            self.close()

    def close(self) -> None:
        """Close the descriptor; another write would open it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open_anew(self) -> None:
        """Change over to the file that has the name now; keep the old one if that fails."""
        try:
            descriptor = append_to(self.path, self._mode)
        except OSError as error:
            self._complain(error)
            return
        self.close()
        self._descriptor = descriptor
        self._is_cut = False

    def _append(self, lines: bytes) -> None:
        if not lines:
            return
        if self._descriptor is None:
            self._open_anew()
        if self._descriptor is None:
            self._lose(lines)
            return
        if self._is_cut:
            lines = b"\n" + lines
        is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        start = 0
        try:
            while start < len(lines):
                end = len(lines) if is_file else _end_of_piece(lines, start)
                start += _write(self._descriptor, lines[start:end])
        except OSError as error:
            self._lose(lines[start:])
            self._complain(error)
        self._is_cut = start > 0 and lines[start - 1] != ord("\n")
        if start == len(lines):
            self._tell_recovery()

    def _lose(self, lines: bytes) -> None:
        with self._lock:
            self.lost += lines.count(b"\n")

    def _complain(self, error: OSError) -> None:
        if not self._is_in_trouble:
            self._is_in_trouble = True
            logger.error("cannot write to %s: %s; lines are lost", self.path, error.strerror)

    def _tell_recovery(self) -> None:
        missing = self.lost - self._reported
        self._reported = self.lost
        self._is_in_trouble = False
        if missing:
            logger.error("%s: %d lines could not be written and are lost", self.path, missing)


class LogWriter:
    """A thread that writes log files.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._files: dict[tuple[Path, bool], LogFile] = {}
        self._queue: SimpleQueue[LogFile | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._is_started = False

    def open(self, path: Path, *, mode: int = 0o640, reopens: bool = False) -> LogFile:
        """Return the file at ``path``, the same one each time; it is opened for its first line.

        Args:
            path: where it is; ``/dev/stdout`` and ``/dev/stderr`` are those of this process.
            mode: permissions of a file that has to be created.
            reopens: open it anew for each write, instead of when :meth:`reopen` is called.
        """
        key = (path, reopens)
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = LogFile(self, path, mode, reopens=reopens)
        return file

    def enqueue(self, file: LogFile) -> None:
        """Have the thread look at a file; starts it with the first."""
        if not self._is_started:
            self._is_started = True
            self._thread.start()
        self._queue.put(file)

    def reopen(self) -> None:
        """Reopen every file, after a rotation."""
        for file in self._files.values():
            file.reopen()

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what waits, for at most so long, and end."""
        if not self._is_started:
            return
        self._queue.put(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.error("a log file takes no more lines; those still waiting are lost")

    def _run(self) -> None:
        while (file := self._queue.get()) is not None:
            file.work()
        for each in self._files.values():
            each.close()


def _end_of_piece(lines: bytes, start: int) -> int:
    """Return the end of as many whole lines as a pipe takes undivided, or of one longer line."""
    end = lines.rfind(b"\n", start, start + PIPE_BYTES)
    return (end if end >= 0 else lines.index(b"\n", start)) + 1


def _write(descriptor: int, data: bytes) -> int:
    """Write some of ``data``, waiting for a pipe that is full; return how much.

    Raises:
        OSError: it takes no more.
    """
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        poller = select.poll()
        poller.register(descriptor, select.POLLOUT)
        if not poller.poll(FULL_PIPE_S * 1000):
            raise
        return os.write(descriptor, data)
