"""Runs the shell commands of a document, so that what people copy is what was tried."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from support.ports import free_port
from support.waiting import wait_until

TIMEOUT_S = 90
DEFAULT_PORTS = {
    "COLOBUS_CLUSTER_LISTEN": 7946,
    "COLOBUS_CLUSTER_LISTEN_RPC": 7373,
    "COLOBUS_PROXY_LISTEN": 8000,
    "COLOBUS_ADMIN_LISTEN": 8001,
    "COLOBUS_PROXY_LISTEN_SSL": 8443,
}


class Shell:
    """Runs commands in ``folder``; each port that the document names becomes one that is free.

    The document's ports are put back in the output, so that both read alike.
    """

    def __init__(self, folder: Path, ports: Iterable[int]) -> None:
        self.folder = folder
        self.ports = {port: free_port() for port in sorted({*ports, *DEFAULT_PORTS.values()})}
        self._groups: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for prefix in sorted(path.parent for path in self.folder.glob("*/.kong_env")):
            self.run(f"colobus stop --prefix {prefix} || true")
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                continue  # the command left nothing in the background

    def run(self, command: str) -> str:
        """Run a command and return what it printed; servers it leaves behind are ended later.

        Raises:
            AssertionError: it failed.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COLOBUS_", "KONG_")) or name == "COLOBUS_PURE"
        }
        if "--conf" not in command:  # then it means the default ports
            for setting, port in DEFAULT_PORTS.items():
                environment[setting] = f"127.0.0.1:{self.ports[port]}"
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", self._translated(command, self.ports)],
                cwd=self.folder, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
            self._groups.append(process.pid)
            status = process.wait(TIMEOUT_S)
            output.seek(0)
            printed = output.read()
        assert status == 0, f"{command}\nended with {status}:\n{printed}"
        return self._translated(printed, {real: told for told, real in self.ports.items()})

    def wait_for_port(self, port: int) -> None:
        """Wait until something listens on the document's ``port``."""

        def connects() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.ports[port])) == 0

        wait_until(connects, what=f"a server on port {port}")

    @staticmethod
    def _translated(text: str, ports: dict[int, int]) -> str:
        if not ports:
            return text
        found = re.compile(r"(?<!\d)(" + "|".join(str(port) for port in ports) + r")(?!\d)")
        return found.sub(lambda match: str(ports[int(match.group())]), text)
