"""Settings of the datastore."""

import re
from dataclasses import dataclass
from pathlib import Path

from colobus.config.addresses import Address, parse_address
from colobus.config.declaration import optional, setting
from colobus.config.kinds import (
    BOOLEAN,
    PATH,
    PREFIX_PATH,
    STRING,
    Kind,
    UnfitError,
    number_between,
    one_of,
)

__all__ = ["DATABASES", "DatastoreSettings"]

DATABASES = ("sqlite", "postgres", "cassandra")
"""Words that ``database`` knows; :mod:`colobus.config.checks` says which of them work."""

NO_PORT = 0
"""Of a host in ``pg_host`` that takes the port of ``pg_port``."""

MOST_HOSTS = 16
_HOST = re.compile(r"[A-Za-z0-9._-]+|/[^,]*")
_IPV6 = re.compile(r"\[?([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]?")

_MILLISECONDS = number_between(100, 600_000)


def _parse_hosts(text: str) -> tuple[Address, ...]:
    items = [item for item in (piece.strip() for piece in text.split(",")) if item]
    if not 1 <= len(items) <= MOST_HOSTS:
        raise ValueError(text)
    return tuple(_parse_host(item) for item in items)


def _parse_host(text: str) -> Address:
    ipv6 = _IPV6.fullmatch(text)
    if ipv6 is not None:
        return Address(ipv6[1], NO_PORT)
    if _HOST.fullmatch(text):
        return Address(text, NO_PORT)
    try:
        address = parse_address(text)
    except ValueError as exc:
        raise UnfitError(text) from exc
    if address.port == NO_PORT:
        raise UnfitError(text)
    return address


def _host_text(address: Address) -> str:
    return address.host if address.port == NO_PORT else str(address)


def _hosts_text(addresses: tuple[Address, ...]) -> str:
    return ",".join(map(_host_text, addresses))


_HOSTS: Kind[tuple[Address, ...]] = Kind(
    "array of host[:port]",
    _parse_hosts,
    f"{{setting}} must be a comma separated list of 1 to {MOST_HOSTS} hosts, each with or without"
    " a port, got '{value}'",
    text=_hosts_text,
)


@dataclass(frozen=True, kw_only=True, repr=False)
class DatastoreSettings:
    """The datastore: where the configuration is. Nodes with the same one form a cluster."""

    database: str = setting(
        one_of(*DATABASES),
        "sqlite",
        "The kind of datastore. `sqlite` is a file that the nodes of one machine share and needs"
        " no server. `postgres` is a PostgreSQL server. `cassandra` is not supported.",
        difference="`postgres` in 0.10.4, which needs a server before the first start",
    )
    sqlite_path: Path = setting(
        PREFIX_PATH,
        Path("colobus.db"),
        "The file of database = sqlite, a path relative to the prefix. It must be on a local disk.",
    )
    pg_host: tuple[Address, ...] = setting(
        _HOSTS,
        (Address("127.0.0.1", NO_PORT),),
        "Host of the PostgreSQL server. With several, separated by commas, the one that can be"
        " written to is used, also after another has been promoted. A path is a folder with the"
        " server's local socket.",
        old_names=("postgres.host",),
    )
    pg_port: int = setting(
        number_between(1, 65_535),
        5432,
        "Port of the PostgreSQL server, for hosts that are given without one.",
        old_names=("postgres.port",),
    )
    pg_user: str = setting(STRING, "kong", "User to log in as.", old_names=("postgres.user",))
    pg_password: str | None = optional(
        STRING,
        "Password of that user. Without one, `PGPASSWORD` and `~/.pgpass` are looked at, as other"
        " clients of PostgreSQL do.",
        is_secret=True,
        old_names=("postgres.password",),
    )
    pg_database: str = setting(
        STRING,
        "kong",
        "Name of the database, which must exist and have the encoding UTF8.",
        old_names=("postgres.database",),
    )
    pg_ssl: bool = setting(
        BOOLEAN,
        False,
        "Whether connections to the server use TLS. If so, a server without it is refused.",
    )
    pg_ssl_verify: bool = setting(
        BOOLEAN,
        False,
        "Whether the server must show a certificate of its name that an authority of"
        " lua_ssl_trusted_certificate, or of the system, has signed.",
    )
    lua_ssl_trusted_certificate: Path | None = optional(
        PATH,
        "PEM file with the authorities that pg_ssl_verify trusts, instead of the system's.",
        old_names=("cassandra.ssl.certificate_authority",),
    )
    pg_ssl_cert: Path | None = optional(
        PATH, "PEM file with a certificate to show to the PostgreSQL server, and its chain."
    )
    pg_ssl_cert_key: Path | None = optional(PATH, "PEM file with the private key of pg_ssl_cert.")
    pg_connect_timeout: int = setting(
        _MILLISECONDS, 5000, "Milliseconds that a connection to one host may take."
    )
    pg_statement_timeout: int = setting(
        _MILLISECONDS,
        10_000,
        "Milliseconds after which the server ends a statement, or a transaction that does nothing.",
    )
    pg_pool_size: int = setting(
        number_between(1, 100),
        4,
        "Connections of a node that read at once. Two more write and listen.",
    )
    pg_notify: bool = setting(
        BOOLEAN,
        True,
        "Whether changes are also told by `NOTIFY`, and listened for. Off where a pooler of"
        " transactions stands in between; they are polled for each second then.",
    )

    def pg_addresses(self) -> tuple[Address, ...]:
        """Return the hosts of ``pg_host``, each with its port."""
        return tuple(
            Address(host, self.pg_port if port == NO_PORT else port) for host, port in self.pg_host
        )
