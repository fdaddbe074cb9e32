"""The datastore that a measured Colobus node starts from: made once per setup, then copied."""

import asyncio
import shutil
import sqlite3
import threading
import uuid
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.workload import KEY, PLUGINS_BY_NAME, Setup
from colobus.clock import SystemClock
from colobus.config.settings import Settings
from colobus.model import APIS, CONSUMERS, PLUGINS
from colobus.node.datastore import make_store
from colobus.plugins.registry import load

__all__ = ["Datastores"]


class Datastores:
    """SQLite files by setup; safe to use from several threads.

    Args:
        folder: where the originals are kept.
        upstream_port: what every API points to.
    """

    def __init__(self, folder: Path, upstream_port: int) -> None:
        self.folder = folder
        self.upstream_port = upstream_port
        self._lock = threading.Lock()

    def copy(self, setup: Setup, to: Path) -> None:
        """Put a datastore with the setup's APIs and plugins at ``to``."""
        name = Setup(apis=setup.apis, plugins=setup.plugins).slug
        original = self.folder / f"{name}.db"
        with self._lock:
            if not original.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                asyncio.run(_populate(original, setup, self.upstream_port))
                _multiply(original, setup.apis)
        shutil.copy(original, to)


def api_row(number: int, upstream_port: int) -> dict[str, Any]:
    """Return the API with that number, as the Admin API would store it."""
    return {
        "name": f"api-{number}", "uris": [f"/api-{number}"], "strip_uri": True,
        "upstream_url": f"http://127.0.0.1:{upstream_port}", "https_only": False,
        "http_if_terminated": True, "preserve_host": False, "retries": 5,
        "upstream_connect_timeout": 60000, "upstream_send_timeout": 60000,
        "upstream_read_timeout": 60000,
    }  # fmt: skip


async def _populate(database: Path, setup: Setup, upstream_port: int) -> None:
    """Write the API that is called, with its plugins, through the store."""
    registry = load(())
    settings = Settings(sqlite_path=database)
    store = make_store(settings, registry, SystemClock(), Random(1))  # noqa: S311  (jitter)
    await store.open()
    try:
        async with store.transaction("benchmark") as transaction:
            called = await transaction.insert(APIS, api_row(setup.apis - 1, upstream_port))
            for name in setup.plugins:
                model = registry[name].Config.model_validate(PLUGINS_BY_NAME[name])
                config = model.model_dump(exclude_none=True)
                await transaction.insert(
                    PLUGINS,
                    {"name": name, "api_id": called["id"], "config": config, "enabled": True},
                )
            consumer = await transaction.insert(CONSUMERS, {"username": "benchmark"})
            credentials = registry.catalog()["keyauth_credentials"]
            await transaction.insert(credentials, {"consumer_id": consumer["id"], "key": KEY})
    finally:
        await store.close()


def _multiply(database: Path, apis: int) -> None:
    """Add the other APIs as copies of the one that is there.

    Straight into the table: a hundred thousand checked inserts take minutes. A node that starts
    reads the tables, not the change log, so it cannot tell.
    """
    connection = sqlite3.connect(database)
    try:
        cursor = connection.execute("SELECT * FROM apis")
        columns = [column[0] for column in cursor.description]
        pattern = dict(zip(columns, cursor.fetchone(), strict=True))
        marks = ", ".join("?" * len(columns))
        connection.executemany(
            f"INSERT INTO apis VALUES ({marks})",  # noqa: S608  (marks alone)
            (
                tuple(_numbered(pattern, number)[column] for column in columns)
                for number in range(apis - 1)
            ),
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _numbered(pattern: dict[str, Any], number: int) -> dict[str, Any]:
    return pattern | {
        "id": uuid.UUID(int=number + 1).hex,
        "name": f"api-{number}",
        "uris": f'["/api-{number}"]',
    }
