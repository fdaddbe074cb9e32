"""Settings of 0.10.4 that name something Colobus does not have.

They are accepted, so that an existing file works, and checked for their kind. Setting one brings a
warning; ``GET /`` shows those that are set.
"""

from dataclasses import dataclass
from typing import TypeVar

from colobus.config.declaration import Effect, optional
from colobus.config.kinds import ARRAY, BOOLEAN, NUMBER, ON_OFF, STRING, Kind, one_of

__all__ = ["WithoutEffectSettings"]

T = TypeVar("T")


def _ignored(kind: Kind[T], help_text: str, *old_names: str, is_secret: bool = False) -> T | None:
    return optional(kind, help_text, is_secret=is_secret, effect=Effect.NONE, old_names=old_names)


@dataclass(frozen=True, kw_only=True, repr=False)
class WithoutEffectSettings:
    """Without effect: accepted, so that a file written for 0.10 works, and ignored."""

    anonymous_reports: bool | None = _ignored(
        BOOLEAN, "Colobus sends no reports to anybody.", "send_anonymous_reports"
    )
    nginx_optimizations: bool | None = _ignored(BOOLEAN, "There is no nginx to tune.")
    serf_path: str | None = _ignored(STRING, "The cluster agent is part of the node.")
    lua_code_cache: bool | None = _ignored(ON_OFF, "Plugins are written in Python.")
    lua_ssl_verify_depth: int | None = _ignored(NUMBER, "Length of a chain of certificates.")
    lua_package_path: str | None = _ignored(STRING, "Plugins are found as Python packages.")
    lua_package_cpath: str | None = _ignored(STRING, "Plugins are found as Python packages.")
    lua_socket_pool_size: int | None = _ignored(NUMBER, "Connections a plugin keeps open.")
    cassandra_contact_points: tuple[str, ...] | None = _ignored(
        ARRAY, "Hosts of a Cassandra cluster.", "cassandra.contact_points"
    )
    cassandra_port: int | None = _ignored(NUMBER, "Its port.", "cassandra.port")
    cassandra_keyspace: str | None = _ignored(STRING, "Its keyspace.", "cassandra.keyspace")
    cassandra_timeout: int | None = _ignored(
        NUMBER, "Milliseconds for connecting and reading.", "cassandra.timeout"
    )
    cassandra_ssl: bool | None = _ignored(BOOLEAN, "Whether to use TLS.", "cassandra.ssl.enabled")
    cassandra_ssl_verify: bool | None = _ignored(
        BOOLEAN, "Whether to verify the certificate.", "cassandra.ssl.verify"
    )
    cassandra_username: str | None = _ignored(STRING, "User.", "cassandra.username")
    cassandra_password: str | None = _ignored(
        STRING, "Password.", "cassandra.password", is_secret=True
    )
    cassandra_consistency: str | None = _ignored(
        one_of(
            "ALL", "EACH_QUORUM", "QUORUM", "LOCAL_QUORUM", "ONE", "TWO", "THREE", "LOCAL_ONE"
        ),
        "Consistency of reads and writes.",
        "cassandra.consistency",
    )  # fmt: skip
    cassandra_lb_policy: str | None = _ignored(
        one_of("RoundRobin", "DCAwareRoundRobin"), "How hosts are chosen."
    )
    cassandra_local_datacenter: str | None = _ignored(STRING, "The nearest data centre.")
    cassandra_repl_strategy: str | None = _ignored(
        one_of("SimpleStrategy", "NetworkTopologyStrategy"),
        "Replication of a new keyspace.",
        "cassandra.replication_strategy",
    )
    cassandra_repl_factor: int | None = _ignored(
        NUMBER, "Copies of each row.", "cassandra.replication_factor"
    )
    cassandra_data_centers: tuple[str, ...] | None = _ignored(
        ARRAY, "Copies in each data centre.", "cassandra.data_centers"
    )
    cassandra_schema_consensus_timeout: int | None = _ignored(
        NUMBER, "Milliseconds to wait for a migration."
    )
