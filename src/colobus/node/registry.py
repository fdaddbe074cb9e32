"""The node's own row in the registry: written at start, kept alive, removed on a graceful leave.

The row says "join the cluster through me". A node that was asked to leave (``serf leave``) but goes
on proxying therefore has none until it is started again: nobody is to be led back to it.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable

from colobus.clock import Clock
from colobus.errors import StoreError
from colobus.model.nodes import NODES
from colobus.model.schema import Row
from colobus.store.interface import Store

__all__ = ["Registration"]

KEEPALIVE_S = 30.0
"""Seconds between two rewrites of the row (clustering §5.2)."""

SWEEP_EVERY = 3
"""Keepalives between two looks for expired rows, of which nobody sees any, and for a copy of this
node, which is as well known to the cluster by its name."""

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

    async def keep_alive(
        self,
        is_member: Callable[[], bool],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Rewrite the row until cancelled; a missing one is made again (§5.13, item 25).

        Args:
            is_member: whether this node takes part in the cluster; one that left has no row.
            sleep: waits so many seconds.
        """
        for beat in itertools.count():
            await sleep(KEEPALIVE_S)
            try:
                if is_member() and beat % SWEEP_EVERY == 0:
                    await self._renew()
                elif is_member():
                    await self.register()
                if beat % SWEEP_EVERY == 0:
                    await self._store.expire(self.name)
            except StoreError as exc:
                logger.warning("could not renew this node in the registry: %s", exc)

    async def _renew(self) -> None:
        claimed_by = await self.other_address()
        if claimed_by is not None:
            logger.error(
                "a node at %s:%d is registered under the name of this one, %s: its prefix is a copy;"
                " restart one of them, and it will take a name of its own",
                *claimed_by, self.name,
            )  # fmt: skip
        await self.register()

    async def other_address(self) -> tuple[str, int] | None:
        """Return the address of the row of our name, if that is not ours."""
        row = await self._store.get(NODES, self.name)
        found = None if row is None else _address_of(row)
        return None if found == self.advertised else found

    async def addresses(self) -> list[tuple[str, int]]:
        """Return where the other registered nodes are, those registered last first."""
        rows = await self._store.select(NODES, {}, limit=MEMBER_LIMIT)
        rows = sorted(rows, key=lambda row: row.get("created_at", 0), reverse=True)
        found: list[tuple[str, int]] = []
        for row in rows:
            address = _address_of(row)
            # A row of our address under another name is of an earlier life of ours.
            if row["name"] != self.name and address and address != self.advertised:
                found.append(address)
        return found


def _address_of(row: Row) -> tuple[str, int] | None:
    host, _, port = str(row["cluster_listening_address"]).rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else None
