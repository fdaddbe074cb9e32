"""How long a write through the Admin API takes, until its node routes by it, and another one.

``python -m benchmarks.admin_writes postgres://user:password@host:port/database --writes 300`` with
two nodes on that database; without an address, on a SQLite file. The database should be empty.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from urllib.parse import unquote, urlsplit

import httpx

START_S = 60.0
COMMAND = [sys.executable, "-m", "colobus.cli.main", "start", "--foreground"]


def datastore(address: str | None, folder: Path) -> dict[str, object]:
    """Return the settings of the datastore."""
    if address is None:
        return {"sqlite_path": folder / "colobus.db"}
    parts = urlsplit(address)
    return {
        "database": "postgres", "pg_host": parts.hostname, "pg_port": parts.port or 5432,
        "pg_user": unquote(parts.username or "kong"), "pg_password": unquote(parts.password or ""),
        "pg_database": parts.path.strip("/") or "kong", "pg_ssl": "off",
    }  # fmt: skip


@contextmanager
def node(folder: Path, first_port: int, settings: Mapping[str, object]) -> Iterator[None]:
    """Run a node on four ports from ``first_port`` on."""
    names = ("proxy_listen", "admin_listen", "cluster_listen", "cluster_listen_rpc")
    listen = {name: f"127.0.0.1:{first_port + n}" for n, name in enumerate(names)}
    own = {"prefix": folder, "ssl": "off", "worker_processes": 1, "cluster_profile": "local"}
    environment = {
        f"COLOBUS_{name.upper()}": str(value)
        for name, value in {**settings, **listen, **own}.items()
    }
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            COMMAND, env={**dict(_inherited()), **environment}, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + START_S
        while not _answers(f"http://127.0.0.1:{first_port + 1}/status"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "log").read_text())
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _inherited() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if not name.startswith(("COLOBUS_", "KONG_")) or name == "COLOBUS_PURE":
            yield name, value


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def measure(admin: httpx.Client, writes: int) -> Mapping[str, Sequence[float]]:
    """Return kind of write -> milliseconds of each."""
    admin.post("/apis", json={"name": "b", "uris": "/b", "upstream_url": "http://127.0.0.1:9"})
    taken: dict[str, list[float]] = {"POST a consumer": [], "PATCH an API": []}
    for number in range(writes):
        started = time.perf_counter()
        admin.post("/consumers", json={"username": f"user-{number}"}).raise_for_status()
        taken["POST a consumer"].append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        body = {"upstream_url": f"http://127.0.0.1:9/{number}"}
        admin.patch("/apis/b", json=body).raise_for_status()
        taken["PATCH an API"].append((time.perf_counter() - started) * 1000)
    return taken


def main() -> int:
    """Run two nodes, write through one, print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--writes", type=int, default=300)
    parser.add_argument("--port", type=int, default=21_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = datastore(options.address, folder)
        with (
            node(folder / "a", options.port, settings),
            node(folder / "b", options.port + 10, settings),
            httpx.Client(base_url=f"http://127.0.0.1:{options.port + 1}") as admin,
        ):
            for kind, taken in measure(admin, options.writes).items():
                cut = quantiles(taken, n=100)
                print(f"{kind:16} p50 {cut[49]:6.2f} ms  p90 {cut[89]:6.2f}  p99 {cut[98]:6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
