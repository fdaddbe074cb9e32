"""A real node as a process, and a real upstream service, for integration tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import httpx

from support.ports import free_port
from support.waiting import wait_until

COLOBUS = [sys.executable, "-m", "colobus.cli.main"]


class RunningNode:
    """A node in the foreground of a child process, with its own prefix and ports.

    Args:
        prefix: its folder.
        settings: further settings, by name.
    """

    def __init__(self, prefix: Path, **settings: object) -> None:
        self.prefix = prefix
        self.proxy_port = free_port()
        self.secure_port = free_port()
        self.admin_port = free_port()
        self.settings: dict[str, object] = {
            "prefix": prefix,
            "proxy_listen": f"127.0.0.1:{self.proxy_port}",
            "proxy_listen_ssl": f"127.0.0.1:{self.secure_port}",
            "admin_listen": f"127.0.0.1:{self.admin_port}",
            "cluster_listen": f"127.0.0.1:{free_port()}",
            "cluster_listen_rpc": f"127.0.0.1:{free_port()}",
            "cluster_profile": "local",
            "worker_processes": 2,
            **settings,
        }
        self.admin = httpx.Client(base_url=f"http://127.0.0.1:{self.admin_port}", timeout=15)
        self.proxy = httpx.Client(base_url=f"http://127.0.0.1:{self.proxy_port}", timeout=15)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.admin.close()
        self.proxy.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment that configures this node and nothing else."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COLOBUS_", "KONG_")) or name == "COLOBUS_PURE"
        }
        return inherited | {
            f"COLOBUS_{name.upper()}": str(value) for name, value in self.settings.items()
        }

    @property
    def log(self) -> str:
        """What the node wrote so far."""
        return (self.prefix / "foreground.log").read_text()

    def start(self) -> None:
        """Start, and return once requests are answered."""
        self.launch()
        wait_until(self._answers, what=f"the node in {self.prefix}")

    def launch(self) -> None:
        """Start without waiting."""
        self.prefix.mkdir(parents=True, exist_ok=True)
        with (self.prefix / "foreground.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*COLOBUS, "start", "--foreground"], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the node ended:\n{self.log}"
        try:
            return self.admin.get("/status").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 20) -> int:
        """Ask the node to stop and return its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End the node the hard way; its workers end with their bus."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def command(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run ``colobus`` with this node's settings in the environment."""
        return subprocess.run(
            [*COLOBUS, *arguments], env=self.environment, timeout=timeout_s, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers, from the kernel."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return sorted(int(pid) for path in children for pid in path.read_text().split())

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST to the Admin API and return the created entity."""
        answer = self.admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


class EchoUpstream:
    """A real HTTP server that tells what it was asked, as JSON.

    A request whose path contains ``wait`` is answered once ``gate`` is set.
    """

    def __init__(self) -> None:
        self.gate = Event()
        self.waiting = Event()
        self.server = _Server(self)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: EchoUpstream) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.upstream = upstream


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or head and body wait for each other's acknowledgement

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        if "wait" in self.path:
            self.server.upstream.waiting.set()
            self.server.upstream.gate.wait(30)
        length = int(self.headers.get("Content-Length", 0))
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode("latin-1"),
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815  (names of the base class)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (of the base class)
        """Keep test output quiet."""
