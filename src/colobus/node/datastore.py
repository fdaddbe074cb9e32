"""The datastore that the settings name, with the tables of this node's plugins."""

import ssl
from pathlib import Path
from random import Random

from colobus.clock import Clock
from colobus.config.sections.datastore import DatastoreSettings
from colobus.errors import StoreUnusableError
from colobus.plugins.registry import Registry
from colobus.store.database import Database
from colobus.store.migrate import package_folder
from colobus.store.sql import SqlStore
from colobus.store.sqlite import SqliteDatabase
from colobus.store.upkeep import Upkeep

__all__ = ["make_store", "make_upkeep", "postgres_tls"]


def make_store(
    settings: DatastoreSettings, registry: Registry, clock: Clock, rng: Random
) -> SqlStore:
    """Return the store, not yet opened.

    Raises:
        PluginError: a plugin names migrations that cannot be found.
        StoreUnusableError: a file of TLS cannot be used.
    """
    return SqlStore(
        _database(settings, rng), registry.catalog(), clock, version_locations=_folders(registry)
    )


def make_upkeep(settings: DatastoreSettings, registry: Registry) -> Upkeep:
    """Return the datastore for who looks after its schema.

    Raises:
        PluginError: a plugin names migrations that cannot be found.
        StoreUnusableError: a file of TLS cannot be used.
    """
    rng = Random(0)  # noqa: S311  (nothing listens)
    return Upkeep(_database(settings, rng), registry.catalog(), _folders(registry))


def _folders(registry: Registry) -> list[Path]:
    packages = [plugin.migrations for plugin in registry.values() if plugin.migrations is not None]
    return [package_folder(package) for package in packages]


def _database(settings: DatastoreSettings, rng: Random) -> Database:
    if settings.database == "sqlite":
        return SqliteDatabase(settings.sqlite_path)
    # Only here: who uses a file needs no driver of a server in memory.
    from colobus.store.postgres.connector import Target
    from colobus.store.postgres.database import PostgresDatabase

    target = Target(
        hosts=settings.pg_addresses(),
        user=settings.pg_user,
        database=settings.pg_database,
        password=settings.pg_password,
        tls=postgres_tls(settings),
        connect_timeout_s=settings.pg_connect_timeout / 1000,
        statement_timeout_s=settings.pg_statement_timeout / 1000,
    )
    return PostgresDatabase(
        target, rng, readers=settings.pg_pool_size, uses_notifications=settings.pg_notify
    )


def postgres_tls(settings: DatastoreSettings) -> ssl.SSLContext | None:
    """Return how connections to PostgreSQL are encrypted; None if they are not.

    Raises:
        StoreUnusableError: a file cannot be used; the text names the settings.
    """
    if not settings.pg_ssl:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if settings.pg_ssl_verify:
            if settings.lua_ssl_trusted_certificate is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(settings.lua_ssl_trusted_certificate)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.pg_ssl_cert is not None:
            context.load_cert_chain(settings.pg_ssl_cert, settings.pg_ssl_cert_key)
    except (OSError, ssl.SSLError) as exc:
        names = "lua_ssl_trusted_certificate, pg_ssl_cert, pg_ssl_cert_key"
        raise StoreUnusableError(f"{names}: {exc.strerror or exc}") from exc
    return context
