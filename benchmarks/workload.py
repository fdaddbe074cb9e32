"""What is asked of every proxy: the request, and the configuration it meets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colobus.clock import SystemClock
from colobus.model import APIS, CONSUMERS, PLUGINS
from colobus.plugins.registry import load

__all__ = ["Workload", "populate"]

KEY = "key-00001-abcdefabcdef"


@dataclass(frozen=True, slots=True)
class Workload:
    """One case.

    Attributes:
        name: as it stands in the table.
        size: bytes of each answer: 100, 16384 or 1048576.
        apis: how many APIs are configured; the last one is called.
        plugins: what runs on the API that is called: name -> config.
        close: a new connection for each request.
        access_log: whether every proxy writes one.
        connections: kept open by the load generator.
    """

    name: str
    size: int = 100
    apis: int = 100
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    close: bool = False
    access_log: bool = False
    connections: int = 48

    @property
    def uri(self) -> str:
        """The URI of the API that is called."""
        return f"/api-{self.apis - 1}"

    @property
    def path(self) -> str:
        """The path that is called."""
        return f"{self.uri}/{self.size}"

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers beside Host, eight in all as a browser sends."""
        sent = {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) benchmark",
            "Accept": "application/json, text/plain, */*",
            "Accept-Language": "en-US,en;q=0.9",
            "Accept-Encoding": "gzip, deflate",
            "Cookie": "session=0123456789abcdef0123456789abcdef",
            "X-Request-Source": "benchmark",
            "apikey": KEY,
        }
        return sent | ({"Connection": "close"} if self.close else {})


def _rows(workload: Workload, upstream_port: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    for number in range(workload.apis):
        yield APIS, {
            "name": f"api-{number}", "uris": [f"/api-{number}"], "strip_uri": True,
            "upstream_url": f"http://127.0.0.1:{upstream_port}", "https_only": False,
            "http_if_terminated": True, "preserve_host": False, "retries": 5,
            "upstream_connect_timeout": 60000, "upstream_send_timeout": 60000,
            "upstream_read_timeout": 60000,
        }  # fmt: skip


def populate(database: Path, workload: Workload, upstream_port: int) -> None:
    """Write the workload's configuration into a new datastore, as one revision."""
    asyncio.run(_populate(database, workload, upstream_port))


async def _populate(database: Path, workload: Workload, upstream_port: int) -> None:
    from colobus.node.datastore import sqlite_store

    registry = load(())
    store = sqlite_store(database, registry, SystemClock())
    await store.open()
    try:
        async with store.transaction("benchmark") as transaction:
            called: dict[str, Any] = {}
            for kind, row in _rows(workload, upstream_port):
                called = await transaction.insert(kind, row)
            for name, config in workload.plugins.items():
                checked = registry[name].Config.model_validate(config).model_dump(exclude_none=True)
                await transaction.insert(
                    PLUGINS,
                    {"name": name, "api_id": called["id"], "config": checked, "enabled": True},
                )
            if "key-auth" in workload.plugins:
                consumer = await transaction.insert(CONSUMERS, {"username": "benchmark"})
                credentials = registry.catalog()["keyauth_credentials"]
                await transaction.insert(credentials, {"consumer_id": consumer["id"], "key": KEY})
    finally:
        await store.close()
