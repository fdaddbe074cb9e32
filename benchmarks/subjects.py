"""The proxies that are compared, each on CPU 0, alone, with one worker."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from benchmarks.workload import Workload, populate

__all__ = ["Colobus", "HAProxy", "Nginx", "Subject", "Upstream"]

PROXY_CPU = 0
UPSTREAM_CPU = 1


class Subject(Protocol):
    """A proxy under test."""

    name: str

    def start(self, workload: Workload, upstream_port: int) -> None:
        """Start, and return once it answers."""

    def pids(self) -> Sequence[int]:
        """Return the processes whose CPU time counts."""

    @property
    def port(self) -> int:
        """The port it listens on."""

    def stop(self) -> None:
        """End it."""


def _on_cpu(cpu: int, command: Sequence[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", str(cpu), *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _wait(url: str, headers: dict[str, str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=2).close()
        except OSError as exc:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer: {exc}") from exc
            time.sleep(0.05)
        else:
            return


def _children(pid: int) -> list[int]:
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found.extend(_children(int(child)))
    return found


class _Process:
    """A server started from a configuration file in a folder of its own."""

    name = ""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._port = port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    def pids(self) -> Sequence[int]:
        assert self.process is not None
        return _children(self.process.pid)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def run(self, cpu: int, command: Sequence[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output.log").open("wb") as log:
            self.process = _on_cpu(cpu, command, log)


NGINX_COMMON = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8000; }}

http {{
  access_log {access_log}; keepalive_requests 100000000; keepalive_timeout 3600s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nodelay on;
"""


class Upstream(_Process):
    """nginx as the upstream service, on CPU 1: answers of fixed sizes from memory and files."""

    name = "upstream"
    SIZES = (100, 16 * 1024, 1024 * 1024)

    def launch(self) -> None:
        """Start, and return once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for size in self.SIZES:
            (self.folder / f"{size}").write_bytes(b"x" * size)
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX_COMMON.format(folder=self.folder, access_log="off")
            + f"""
  open_file_cache max=100;
  server {{ listen 127.0.0.1:{self.port} backlog=8192; root {self.folder};
    location = /100 {{ default_type text/plain; return 200 "{"x" * 100}"; }} }}
}}"""
        )
        self.run(UPSTREAM_CPU, ["nginx", "-p", str(self.folder), "-c", str(config)])
        _wait(f"http://127.0.0.1:{self.port}/100", {})


class Nginx(_Process):
    """nginx with ``proxy_pass``, keep-alive to the upstream, the headers a gateway sets."""

    name = "nginx"

    def start(self, workload: Workload, upstream_port: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nginx.conf"
        access_log = (
            f"{self.folder}/access.log combined buffer=64k" if workload.access_log else "off"
        )
        config.write_text(
            NGINX_COMMON.format(folder=self.folder, access_log=access_log)
            + f"""
  upstream service {{ server 127.0.0.1:{upstream_port}; keepalive 100; }}
  server {{ listen 127.0.0.1:{self.port} backlog=8192;
    location {workload.uri}/ {{
      proxy_pass http://service/; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}
}}"""
        )
        self.run(PROXY_CPU, ["nginx", "-p", str(self.folder), "-c", str(config)])
        _wait(f"http://127.0.0.1:{self.port}{workload.path}", workload.headers)


class HAProxy(_Process):
    """HAProxy with one thread."""

    name = "haproxy"

    def start(self, workload: Workload, upstream_port: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "haproxy.cfg"
        config.write_text(
            f"""
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option forwardfor
  http-reuse always
frontend proxy
  bind 127.0.0.1:{self.port} backlog 8192
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto http
  http-request replace-path {workload.uri}/(.*) /\\1
  default_backend service
backend service
  server one 127.0.0.1:{upstream_port} pool-max-conn 100
"""
        )
        self.run(PROXY_CPU, ["haproxy", "-db", "-f", str(config)])
        _wait(f"http://127.0.0.1:{self.port}{workload.path}", workload.headers)


class Colobus(_Process):
    """A node with one worker; only the worker's CPU time counts, its supervisor is idle.

    Args:
        pure: force the pure build.
    """

    def __init__(self, folder: Path, port: int, admin_port: int, *, pure: bool) -> None:
        super().__init__(folder, port)
        self.name = "colobus pure" if pure else "colobus"
        self.pure = pure
        self.admin_port = admin_port

    def start(self, workload: Workload, upstream_port: int) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        database = self.folder / "colobus.db"
        populate(database, workload, upstream_port)
        os.environ["COLOBUS_PURE"] = "1" if self.pure else "0"
        settings = {
            "prefix": self.folder,
            "sqlite_path": database,
            "proxy_listen": f"127.0.0.1:{self.port}",
            "ssl": "off",
            "admin_listen": f"127.0.0.1:{self.admin_port}",
            "worker_processes": 1,
            "upstream_keepalive": 100,
            "proxy_access_log": "logs/access.log" if workload.access_log else "off",
        }
        os.environ.update({f"COLOBUS_{key.upper()}": str(value) for key, value in settings.items()})
        self.run(PROXY_CPU, [sys.executable, "-m", "colobus.cli.main", "start", "--foreground"])
        _wait(f"http://127.0.0.1:{self.port}{workload.path}", workload.headers)

    def pids(self) -> Sequence[int]:
        return super().pids()[1:]
