"""What must hold between settings, checked together before any port opens."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from colobus.config.addresses import Address
from colobus.config.settings import Settings

__all__ = ["Problem", "problems_of"]

SUPPORTED_DATABASES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold, and the settings that it lies in, the first to blame first."""

    settings: tuple[str, ...]
    text: str


def problems_of(settings: Settings) -> Iterator[Problem]:
    """Yield everything that keeps a node from starting with these settings."""
    yield from _certificates(settings)
    yield from _listeners(settings)
    yield from _database(settings)
    yield from _encryption(settings)


def _certificates(settings: Settings) -> Iterator[Problem]:
    yield from _pair(settings, settings.ssl, "ssl_cert")
    yield from _pair(settings, settings.client_ssl, "client_ssl_cert")
    yield from _pair(settings, settings.admin_ssl, "admin_ssl_cert")
    if settings.upstream_ssl_verify and settings.upstream_ssl_trusted_certificate is not None:
        name = "upstream_ssl_trusted_certificate"
        yield from _file(name, settings.upstream_ssl_trusted_certificate)


def _pair(settings: Settings, is_used: bool, certificate: str) -> Iterator[Problem]:
    """Check a certificate and its key: both or none, and both exist. Unused ones are free."""
    if not is_used:
        return
    names = (certificate, f"{certificate}_key")
    given = {name: getattr(settings, name) for name in names if settings.has(name)}
    if len(given) == 1:
        (missing,) = set(names) - set(given)
        yield Problem(tuple(given), f"{missing} must be specified")
    for name, path in given.items():
        yield from _file(name, path)


def _file(name: str, path: Path) -> Iterator[Problem]:
    if not path.is_file():
        yield Problem((name,), f"{name}: no such file at {path}")


def _listeners(settings: Settings) -> Iterator[Problem]:
    """Check that no two listeners of the node want one address."""
    listeners: dict[str, Address] = {
        "proxy_listen": settings.proxy_listen,
        "admin_listen": settings.admin_listen,
        "cluster_listen": settings.cluster_listen,
        "cluster_listen_rpc": settings.cluster_listen_rpc,
    }
    if settings.ssl:
        listeners["proxy_listen_ssl"] = settings.proxy_listen_ssl
    if settings.admin_ssl:
        listeners["admin_listen_ssl"] = settings.admin_listen_ssl
    for (first, one), (second, other) in combinations(listeners.items(), 2):
        if one.overlaps(other):
            text = f"{first} ({one}) and {second} ({other}) cannot listen on the same port"
            yield Problem((first, second), text)


def _database(settings: Settings) -> Iterator[Problem]:
    if settings.database == "postgres" and settings.pg_ssl:
        yield from _pair(settings, True, "pg_ssl_cert")
        if settings.pg_ssl_verify and settings.lua_ssl_trusted_certificate is not None:
            name = "lua_ssl_trusted_certificate"
            yield from _file(name, settings.lua_ssl_trusted_certificate)
    if settings.database in SUPPORTED_DATABASES:
        return
    yield from _cassandra(settings)
    names = " or ".join(SUPPORTED_DATABASES)
    text = f"database = {settings.database} is not supported by Colobus; use database = {names}"
    yield Problem(("database",), text)


def _cassandra(settings: Settings) -> Iterator[Problem]:
    """Say what 0.10.4 says; whoever moves a file here should see its own mistakes as well."""
    for point in settings.cassandra_contact_points or ():
        if ":" in point:
            name = "cassandra_contact_points"
            reason = "port must be specified in cassandra_port"
            yield Problem((name,), f"bad cassandra contact point '{point}': {reason}")
    is_aware = settings.cassandra_lb_policy == "DCAwareRoundRobin"
    if is_aware and settings.cassandra_local_datacenter is None:
        yield Problem(
            ("cassandra_lb_policy",),
            "must specify 'cassandra_local_datacenter' when DCAwareRoundRobin policy is in use",
        )


def _encryption(settings: Settings) -> Iterator[Problem]:
    if settings.cluster_keyring_file is None:
        return
    yield from _file("cluster_keyring_file", settings.cluster_keyring_file)
    if settings.cluster_encrypt_key is not None:
        names = ("cluster_encrypt_key", "cluster_keyring_file")
        yield Problem(names, "cluster_encrypt_key and cluster_keyring_file exclude each other")
