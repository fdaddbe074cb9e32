"""A server under test or beside it: started, waited for, kept on one CPU, ended."""

import contextlib
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import children

__all__ = ["LOAD_CPU", "PROXY_CPU", "UPSTREAM_CPU", "Ports", "Server", "raise_file_limit"]

PROXY_CPU, UPSTREAM_CPU, LOAD_CPU = (0, 1, 1) if (os.cpu_count() or 1) < 3 else (0, 1, 2)
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
WANTED_FILES = 32_768


def raise_file_limit() -> int:
    """Let this process and those it starts open many files; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    try:  # only root may raise the hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (WANTED_FILES, max(WANTED_FILES, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Ports:
    """Free ports of 127.0.0.1 below the ephemeral ones, each given once."""

    def __init__(self, first: int = 21_000, last: int = 32_000) -> None:
        self._numbers = iter(range(first, last))

    def take(self) -> int:
        """Return a port nobody listens on.

        Raises:
            RuntimeError: there is none left.
        """
        for number in self._numbers:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", number))
                except OSError:
                    continue
                return number
        raise RuntimeError("no free port between 21000 and 32000")


class Server:
    """A process with a folder of its own.

    Args:
        folder: for its configuration, its log and what it writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str], environment: Mapping[str, str] = {}) -> None:
        """Start ``command``; what it prints goes to ``output.log``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **environment},
            )  # fmt: skip

    def wait_for(self, url: str, headers: Mapping[str, str]) -> None:
        """Return once ``url`` answers.

        Raises:
            RuntimeError: it does not in time, or the process ended; with the end of its log.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        request = urllib.request.Request(url, headers=dict(headers))
        while True:
            try:
                urllib.request.urlopen(request, timeout=2, context=unverified()).close()
            except OSError as exc:
                if self.has_ended or time.monotonic() > deadline:
                    raise RuntimeError(f"{url}: {exc}; {self.last_words()}") from exc
                time.sleep(0.05)
            else:
                return

    def pin(self, cpu: int) -> None:
        """Keep every thread there is, and those that come of them, on ``cpu``."""
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):  # a thread that just ended
                    os.sched_setaffinity(int(task.name), {cpu})

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, or never was."""
        return self._process is None or self._process.poll() is not None

    def pids(self) -> list[int]:
        """Return every process of the server."""
        return children(self.pid)

    def last_words(self) -> str:
        """Return the last line of its log."""
        log = self.folder / "output.log"
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "nothing logged")

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it, with force if it does not follow."""
        if self._process is None or self._process.poll() is not None:
            return
        self.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()


def unverified() -> ssl.SSLContext:
    """Return a client's TLS context that takes the benchmark's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
