"""Starts a node in the background and waits until it answers, or says why it does not."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from colobus.clock import Clock, SystemClock
from colobus.config.settings import Settings
from colobus.errors import NodeError

__all__ = ["READY_TIMEOUT_S", "start_daemon"]

# -P: a file of the working directory must not take the place of a module.
COMMAND = (sys.executable, "-P", "-m", "colobus.node.main")

READY_TIMEOUT_S = 60.0
"""Twice what the node allows its workers, so that its own message comes first."""

END_TIMEOUT_S = 10.0
MAX_REPORT_BYTES = 64 * 1024
TAIL_BYTES = 4096
TAIL_LINES = 5


def start_daemon(
    settings: Settings,
    command: Sequence[str] | None = None,
    *,
    timeout_s: float = READY_TIMEOUT_S,
    clock: Clock | None = None,
) -> int:
    """Start a node that outlives this process; return its process id once it answers requests.

    The settings must lie in the prefix already (:func:`colobus.config.dump.write_dump`). The node
    gets a session of its own, no input, and its error log as output. It reports on a pipe: a line
    ``ready``, or lines ``error <text>``. When it fails, and when this function is interrupted,
    nothing of it is left running.

    Raises:
        NodeError: it could not be started, with its own message where it has one, one line each.
    """
    reader, writer = os.pipe()
    try:
        process, log_size = _spawn(settings, command or COMMAND, writer)
    except OSError as exc:
        os.close(reader)
        raise NodeError(f"cannot start the node: {exc}") from exc
    finally:
        os.close(writer)
    try:
        lines = _report(reader, timeout_s, clock or SystemClock())
        if lines is not None and "ready" in lines:
            process.returncode = 0  # it lives on; nobody here is going to wait for it
            return process.pid
        raise NodeError(_failure(process, lines, settings.proxy_error_log, log_size, timeout_s))
    except BaseException:
        _end(process)
        raise
    finally:
        os.close(reader)


def _spawn(
    settings: Settings, command: Sequence[str], writer: int
) -> "tuple[subprocess.Popen[bytes], int]":
    """Return the process, and how long its log was before."""
    path = settings.proxy_error_log
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    environment_file = str(settings.layout.environment_file)
    try:
        size = os.fstat(log).st_size
        process = subprocess.Popen(  # noqa: S603 (our own program)
            [*command, "--env", environment_file, "--ready-fd", str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            umask=0o077,  # the datastore holds credentials
        )
    finally:
        os.close(log)
    return process, size


def _report(reader: int, timeout_s: float, clock: Clock) -> list[str] | None:
    """Return the lines of the report, up to ``ready`` or its end; None if it took too long."""
    deadline = clock.monotonic() + timeout_s
    raw = b""
    while len(raw) < MAX_REPORT_BYTES:
        left_s = deadline - clock.monotonic()
        readable, _, _ = select.select([reader], [], [], max(0.0, left_s))
        if not readable:
            return None
        piece = os.read(reader, 4096)
        raw += piece
        lines = raw.decode("utf-8", "replace").splitlines()
        if not piece or ("ready" in lines and raw.endswith(b"\n")):
            return lines
    return raw.decode("utf-8", "replace").splitlines()


def _failure(
    process: "subprocess.Popen[bytes]",
    lines: list[str] | None,
    log: Path,
    log_size: int,
    timeout_s: float,
) -> str:
    if lines is None:
        return f"the node was not ready within {timeout_s:g} s; see {log}"
    errors = [line.removeprefix("error ") for line in lines if line.startswith("error ")]
    if errors:
        return "\n".join(errors)
    try:
        status = process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"the node gave up its report before it was ready; see {log}"
    how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
    return "\n".join(
        [f"the node ended {how} before it was ready; see {log}", *_tail(log, log_size)]
    )


def _tail(log: Path, start: int) -> list[str]:
    """Return the last lines that were written to a log since it had ``start`` bytes."""
    if not log.is_file():
        return []
    try:
        with log.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(start, end - TAIL_BYTES))
            text = stream.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-TAIL_LINES:]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a node that did not come up, and what it has started."""
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_TIMEOUT_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
