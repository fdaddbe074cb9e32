"""The node's own row in the registry: written at start, kept alive, removed on a graceful leave."""

import asyncio
import logging

from colobus.clock import Clock
from colobus.errors import StoreError
from colobus.model.nodes import NODES
from colobus.model.schema import Row
from colobus.store.interface import Store

__all__ = ["Registration"]

KEEPALIVE_S = 30.0
"""Seconds between two rewrites of the row (clustering §5.2)."""

MEMBER_LIMIT = 10_000
"""Rows read when other nodes are looked for."""

logger = logging.getLogger(__name__)


class Registration:
    """This node in the ``nodes`` table.

    Args:
        ttl_s: how long the row outlives its last keepalive (``cluster_ttl_on_failure``).
    """

    def __init__(
        self, store: Store, clock: Clock, *, name: str, address: tuple[str, int], ttl_s: float
    ) -> None:
        self.name = name
        self.advertised = address
        self.address = f"{address[0]}:{address[1]}"
        self._store = store
        self._ttl_s = ttl_s
        self._created_at = int(clock.time()) * 1000

    async def register(self) -> None:
        """Write the row, whether or not it was there."""
        row: Row = {
            "name": self.name,
            "cluster_listening_address": self.address,
            "created_at": self._created_at,
        }
        await self._store.register(NODES, row, ttl_s=self._ttl_s)

    async def unregister(self) -> None:
        """Remove the row; an unreachable datastore only delays that until the row expires."""
        try:
            await self._store.unregister(NODES, self.name)
        except StoreError as exc:
            logger.warning("could not remove this node from the registry: %s", exc)

    async def remove(self, name: str) -> None:
        """Remove the row of a node that is gone; one that lives writes its own again."""
        await self._store.unregister(NODES, name)

    async def keep_alive(self) -> None:
        """Rewrite the row until cancelled; a missing one is made again (§5.13, item 25)."""
        while True:
            await asyncio.sleep(KEEPALIVE_S)
            try:
                await self.register()
                await self._store.expire(self.name)
            except StoreError as exc:
                logger.warning("could not renew this node in the registry: %s", exc)

    async def addresses(self) -> list[tuple[str, int]]:
        """Return where the other registered nodes are, those registered last first."""
        rows = await self._store.select(NODES, {}, limit=MEMBER_LIMIT)
        rows = sorted(rows, key=lambda row: row.get("created_at", 0), reverse=True)
        found = []
        for row in rows:
            host, _, port = str(row["cluster_listening_address"]).rpartition(":")
            if row["name"] != self.name and host and port.isdecimal():
                found.append((host, int(port)))
        return found
