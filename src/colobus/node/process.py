"""A process that is not ours to wait for: signalled and watched without mixing up numbers."""

import errno
import os
import select
import signal
import time
from pathlib import Path
from types import TracebackType

__all__ = ["Process", "children_of"]


POLL_S = 0.2


class Process:
    """A hold on one process: its number cannot come to mean another one meanwhile.

    Kernels without pidfds (before Linux 5.3, and some sandboxes) leave only the number; then a
    process that ended and whose number was given again within a poll goes unnoticed.

    Raises:
        OSError: there is no such process (ProcessLookupError), or it cannot be watched.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError as exc:
            if exc.errno not in {errno.ENOSYS, errno.EPERM}:
                raise
            os.kill(pid, 0)

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the process."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def send(self, number: signal.Signals) -> None:
        """Signal the process; one that has ended takes no notice.

        Raises:
            PermissionError: it belongs to another user.
        """
        try:
            if self._pidfd is None:
                os.kill(self.pid, number)
            else:
                signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; return False if it lives on after ``timeout_s`` seconds."""
        if self._pidfd is None:
            return self._poll(timeout_s)
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        return bool(poller.poll(timeout_s * 1000))

    def _poll(self, timeout_s: float) -> bool:
        for _ in range(max(1, round(timeout_s / POLL_S))):
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(POLL_S)
        return False


def children_of(pid: int) -> list[str]:
    """Return the command lines of the children of a process, arguments separated by blanks.

    Empty also where the kernel does not tell.
    """
    commands = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Fields after the name, which stands in parentheses and may hold anything.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                raw = stat.with_name("cmdline").read_bytes()
                commands.append(raw.replace(b"\0", b" ").decode("utf-8", "replace").strip())
        except (OSError, IndexError):  # it ended while we looked
            continue
    return commands
