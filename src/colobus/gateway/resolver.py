"""Names of upstream services to IP addresses, remembered for a few seconds.

While an answer is fresh it is used as it is. An old one is still used at once, and renewed beside
that: a slow or absent name server never holds up requests to a service that was known before.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Final, Protocol

from colobus.clock import Clock
from colobus.plugins.context import Spawn

__all__ = ["CachingResolver", "Resolver", "SystemLookup"]

FRESH_S: Final = 5.0
"""The system's look-up tells no lifetime; this is how late a change of address may be noticed."""
FAILED_S: Final = 1.0
"""How long a failure is remembered, and an old answer not asked about again."""
STALE_S: Final = 300.0
"""How long an old answer is used while no new one can be had."""
WAIT_S: Final = 5.0
"""How long a request waits for a name (one try of the system's resolver)."""
NAME_LIMIT: Final = 4096
FLIGHT_LIMIT: Final = 256
"""Names being asked for; beyond, names count as unknown instead of queueing up."""

logger = logging.getLogger(__name__)


class Resolver(Protocol):
    """Where addresses come from; ``colobus.testing.StaticResolver`` is the shipped fake."""

    def cached(self, name: str) -> Sequence[str] | None:
        """Return the addresses if they are known now: none for a name that does not exist."""

    async def resolve(self, name: str) -> Sequence[str]:
        """Return the addresses; none if the name does not exist or nobody can tell."""


class SystemLookup:
    """Asks the system's resolver, in a thread of ``executor``."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    async def __call__(self, name: str) -> Sequence[str]:
        """Return the IPv4 addresses of ``name``, or its IPv6 ones if it has no others.

        Raises:
            OSError: there are none, or nobody answers.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, addresses_of, name)


def addresses_of(name: str) -> Sequence[str]:
    """Ask the system; blocks."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except ValueError as error:  # a label too long for IDNA, a NUL
        raise OSError(f"{name!r} cannot be a host name") from error
    # Kong 0.10 asks for IPv4 alone; a service that has both is usually reached by that.
    for family in (socket.AF_INET, socket.AF_INET6):
        addresses = [str(entry[4][0]) for entry in found if entry[0] == family]
        if addresses:
            return tuple(dict.fromkeys(addresses))
    raise OSError(f"{name!r} has no address")


class Entry:
    """What is known of one name."""

    __slots__ = ("addresses", "answered_at", "renew_at")

    def __init__(self, addresses: Sequence[str], answered_at: float, renew_at: float) -> None:
        self.addresses = addresses
        self.answered_at = answered_at
        self.renew_at = renew_at


class CachingResolver:
    """Implements :class:`Resolver` over any look-up.

    Args:
        lookup: asks once; raises OSError when there is no address.
        clock: time.
        spawn: starts the look-ups.
    """

    def __init__(
        self, lookup: Callable[[str], Awaitable[Sequence[str]]], clock: Clock, spawn: Spawn
    ) -> None:
        self.lookup = lookup
        self.clock = clock
        self.spawn = spawn
        self.entries: dict[str, Entry] = {}
        self.flights: dict[str, asyncio.Future[Sequence[str]]] = {}

    def cached(self, name: str) -> Sequence[str] | None:
        """Return the addresses if they are known, old ones too; none if there are none."""
        if is_hopeless(name):
            return ()
        entry = self.entries.get(name)
        if entry is None:
            return None
        now = self.clock.monotonic()
        if now < entry.renew_at:
            return entry.addresses
        if not entry.addresses or now >= entry.answered_at + STALE_S:
            return None
        self.start(name)
        return entry.addresses

    async def resolve(self, name: str) -> Sequence[str]:
        """Return the addresses; none if there are none within :data:`WAIT_S`. Single flight."""
        known = self.cached(name)
        if known is not None:
            return known
        flight = self.start(name)
        if flight is None:
            return ()
        try:
            async with asyncio.timeout(WAIT_S):
                return await asyncio.shield(flight)
        except TimeoutError:
            return ()

    def start(self, name: str) -> asyncio.Future[Sequence[str]] | None:
        """Return the flight for ``name``, starting one if there is none; None if too many are."""
        flight = self.flights.get(name)
        if flight is None and len(self.flights) < FLIGHT_LIMIT:
            flight = self.flights[name] = asyncio.get_running_loop().create_future()
            self.spawn(self.fly(name, flight), f"resolve {name}")
        return flight

    async def fly(self, name: str, flight: asyncio.Future[Sequence[str]]) -> None:
        """Ask, remember the answer, and land the flight."""
        addresses: Sequence[str] = ()
        try:
            addresses = await self.lookup(name)
        except OSError as error:
            logger.warning("cannot resolve %s: %s", name, error)
        finally:
            del self.flights[name]
            if not flight.done():
                flight.set_result(self.remember(name, addresses))

    def remember(self, name: str, addresses: Sequence[str]) -> Sequence[str]:
        """Keep an answer, or on a failure what was known before; return what is to be used."""
        now = self.clock.monotonic()
        before = self.entries.pop(name, None)
        if addresses:
            self.entries[name] = Entry(addresses, now, now + FRESH_S)
        elif before is not None and before.addresses and now < before.answered_at + STALE_S:
            before.renew_at = now + FAILED_S
            self.entries[name] = before
        else:
            self.entries[name] = Entry((), now, now + FAILED_S)
        if len(self.entries) > NAME_LIMIT:
            del self.entries[next(iter(self.entries))]
        return self.entries[name].addresses


def is_hopeless(name: str) -> bool:
    """Say whether no server needs to be asked: empty, or reserved for names without address."""
    folded = name.lower().removesuffix(".")
    return not folded or folded == "invalid" or folded.endswith(".invalid")
