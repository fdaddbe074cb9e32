"""Settings of the datastore."""

from dataclasses import dataclass
from pathlib import Path

from colobus.config.declaration import Effect, optional, setting
from colobus.config.kinds import BOOLEAN, PREFIX_PATH, STRING, number_between, one_of

__all__ = ["DATABASES", "DatastoreSettings"]

DATABASES = ("sqlite", "postgres", "cassandra")
"""Words that ``database`` knows; :mod:`colobus.config.checks` says which of them work."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DatastoreSettings:
    """The datastore: where the configuration is. Nodes with the same one form a cluster."""

    database: str = setting(
        one_of(*DATABASES),
        "sqlite",
        "The kind of datastore. `sqlite` is a file that the nodes of one machine share and needs"
        " no server. `postgres` is accepted by name and refused until this version supports it;"
        " `cassandra` is not supported.",
        difference="`postgres` in 0.10.4, which needs a server before the first start",
    )
    sqlite_path: Path = setting(
        PREFIX_PATH,
        Path("colobus.db"),
        "The file of database = sqlite, a path relative to the prefix. It must be on a local disk.",
    )
    pg_host: str = setting(
        STRING,
        "127.0.0.1",
        "Host of the PostgreSQL server.",
        effect=Effect.PENDING,
        old_names=("postgres.host",),
    )
    pg_port: int = setting(
        number_between(1, 65_535),
        5432,
        "Port of the PostgreSQL server.",
        effect=Effect.PENDING,
        old_names=("postgres.port",),
    )
    pg_user: str = setting(
        STRING,
        "kong",
        "User to log in as.",
        effect=Effect.PENDING,
        old_names=("postgres.user",),
    )
    pg_password: str | None = optional(
        STRING,
        "Password of that user.",
        is_secret=True,
        effect=Effect.PENDING,
        old_names=("postgres.password",),
    )
    pg_database: str = setting(
        STRING,
        "kong",
        "Name of the database.",
        effect=Effect.PENDING,
        old_names=("postgres.database",),
    )
    pg_ssl: bool = setting(
        BOOLEAN, False, "Whether the connection to the server uses TLS.", effect=Effect.PENDING
    )
    pg_ssl_verify: bool = setting(
        BOOLEAN,
        False,
        "Whether the certificate of the server is verified.",
        effect=Effect.PENDING,
    )
