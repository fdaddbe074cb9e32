"""Connections to the server that can be written to, one of several perhaps.

Hosts are tried one after the other, the one that worked last first, each with a bound of its own:
a machine that does not answer costs its bound and hides no other. One that answers and is
read-only, such as a standby, is passed over, so that after a failover the promoted one is found.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError
from colobus.store.postgres.errors import DRIVER_ERRORS, connect_failure

__all__ = ["Connector", "Target"]

APPLICATION_NAME = "colobus"

KEEPALIVE_IDLE_S = 10
KEEPALIVE_INTERVAL_S = 3
KEEPALIVE_PROBES = 3
"""A server that is gone without a word is noticed on an idle connection after about 20 s."""

DEAD_AFTER_MS = 20_000
"""…and on one with unacknowledged data after as long (tcp(7), TCP_USER_TIMEOUT)."""

ANSWER_GRACE_S = 1.0
"""How much longer than the server itself we wait for a statement that it should have ended."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and as whom. Its text form shows no password.

    Attributes:
        hosts: (host, port) each; a host that starts with ``/`` is a folder of a local socket.
        password: None takes ``PGPASSWORD`` or ``~/.pgpass``, as other clients do.
        tls: None never encrypts; else a server that does not is refused.
        connect_timeout_s: for each host.
        statement_timeout_s: after which the server ends a statement, or a transaction that idles.
    """

    hosts: Sequence[tuple[str, int]]
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 10.0

    def __str__(self) -> str:
        hosts = ", ".join(_address(*host) for host in self.hosts)
        return f"PostgreSQL database '{self.database}' at {hosts}"


class Connector:
    """Makes connections to the writable host of ``target``.

    Args:
        statement_timeout_s: in place of the target's.
    """

    def __init__(self, target: Target, *, statement_timeout_s: float | None = None) -> None:
        self.target = target
        self._statement_timeout_s = statement_timeout_s or target.statement_timeout_s
        self._preferred = 0

    async def connect(self) -> asyncpg.Connection:
        """Return a new :class:`asyncpg.Connection` to a server that can be written to.

        Raises:
            StoreUnavailableError: there is none now; the text says why, host by host.
            StoreUnusableError: the login is refused, or the database is not there, on every host.
        """
        failures: list[StoreError] = []
        count = len(self.target.hosts)
        for number in range(count):
            index = (self._preferred + number) % count
            host, port = self.target.hosts[index]
            try:
                connection = await self._connect_to(host, port)
            except DRIVER_ERRORS as exc:
                failures.append(connect_failure(_address(host, port), exc))
            else:
                self._preferred = index
                return connection
        reasons = "; ".join(map(str, failures))
        text = f"cannot connect to PostgreSQL database '{self.target.database}': {reasons}"
        if all(isinstance(failure, StoreUnusableError) for failure in failures):
            raise StoreUnusableError(text)
        raise StoreUnavailableError(text)

    async def _connect_to(self, host: str, port: int) -> asyncpg.Connection:
        target = self.target
        statement_ms = str(int(self._statement_timeout_s * 1000))
        async with asyncio.timeout(target.connect_timeout_s):
            connection = await asyncpg.connect(
                host=host,
                port=port,
                user=target.user,
                password=target.password,
                database=target.database,
                ssl=target.tls if target.tls is not None else False,
                target_session_attrs="read-write",
                timeout=target.connect_timeout_s,
                command_timeout=self._statement_timeout_s + ANSWER_GRACE_S,
                server_settings={
                    "application_name": APPLICATION_NAME,
                    "statement_timeout": statement_ms,
                    # A node that is stopped amid a write must not keep the lock of all writers.
                    "idle_in_transaction_session_timeout": statement_ms,
                },
            )
        _keep_alive(connection)
        return connection


def _address(host: str, port: int) -> str:
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _keep_alive(connection: asyncpg.Connection) -> None:
    """Let the kernel find out that the server is gone; the driver has no setting for it."""
    sock = connection._transport.get_extra_info("socket")  # noqa: SLF001  (no other way to it)
    if sock is None or sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_MS)
