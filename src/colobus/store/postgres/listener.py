"""Hears what commits are told by NOTIFY, on a connection of its own.

Each time it has connected, it sends a message to itself by another session; only when that arrives
it counts as listening, since a pooler in between may take LISTEN and never deliver anything. A
connection that is lost is made anew, after pauses that double up to :data:`LONGEST_PAUSE_S`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

import asyncpg

from colobus.errors import StoreError
from colobus.store.postgres.connector import Connector
from colobus.store.postgres.errors import DRIVER_ERRORS

__all__ = ["CHANNEL", "Listener"]

CHANNEL = "colobus"

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

ARRIVAL_S = 5.0
"""How long the message to itself may take."""

UNSUPPORTED = ("0A000", "42601", "42883")
"""SQLSTATEs of databases that have no notifications: not supported, syntax, no such function."""

logger = logging.getLogger(__name__)


class Listener:
    """One listening session, kept up.

    Args:
        connector: makes the connection.
        notify: sends a message by another session.
        rng: spreads the attempts of many nodes.

    Attributes:
        is_listening: messages arrive now.
        is_heard: they did at least once, so that sending some makes sense.
    """

    def __init__(
        self, connector: Connector, notify: Callable[[str], Awaitable[None]], rng: Random
    ) -> None:
        self.is_listening = False
        self.is_heard = False
        self._connector = connector
        self._notify = notify
        self._rng = rng
        self._pause_s = FIRST_PAUSE_S
        self._is_failing = False

    async def run(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Listen until cancelled, or until it is clear that the database has no notifications.

        Args:
            heard: takes each message.
            connected: called when messages begin to arrive, again after each outage; what was sent
                before is lost.
        """
        while True:
            try:
                await self._session(heard, connected)
            except (StoreError, *DRIVER_ERRORS) as exc:
                if getattr(exc, "sqlstate", None) in UNSUPPORTED:
                    logger.info("this database has no notifications; changes are polled for")
                    return
                self._remark(exc)
            finally:
                self.is_listening = False
            await asyncio.sleep(self._pause_s * self._rng.uniform(0.5, 1.0))
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _session(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Listen on one connection until it is lost."""
        connection = await self._connector.connect()
        lost = asyncio.Event()
        arrived = asyncio.Event()
        own = f"hello {self._rng.getrandbits(64):016x}"

        def take(
            _connection: asyncpg.Connection, _process: int, _channel: str, payload: str
        ) -> None:
            if payload == own:
                arrived.set()
            elif not payload.startswith("hello "):
                heard(payload)

        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(CHANNEL, take)
            await self._notify(own)
            async with asyncio.timeout(ARRIVAL_S):
                await arrived.wait()
            self._listens()
            connected()
            await lost.wait()
        finally:
            connection.terminate()
        raise ConnectionResetError("the connection was lost")

    def _listens(self) -> None:
        self.is_listening = self.is_heard = True
        self._pause_s = FIRST_PAUSE_S
        if self._is_failing:
            logger.info("listening for notifications of the datastore again")
        self._is_failing = False

    def _remark(self, error: Exception) -> None:
        """Log the first failure of an outage."""
        if not self._is_failing:
            reason = (
                "notifications do not arrive, as behind a pooler of transactions"
                if isinstance(error, TimeoutError)
                else f"not listening for notifications: {error}"
            )
            logger.warning("%s; changes are polled for meanwhile", reason)
        self._is_failing = True
