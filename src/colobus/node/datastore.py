"""The datastore that the settings name, with the tables of this node's plugins."""

from pathlib import Path

from colobus.clock import Clock
from colobus.plugins.registry import Registry
from colobus.store.interface import Store
from colobus.store.migrate import package_folder
from colobus.store.sql import SqlStore
from colobus.store.sqlite import SqliteDatabase

__all__ = ["sqlite_store"]


def sqlite_store(path: Path, registry: Registry, clock: Clock) -> Store:
    """Return the store over the SQLite file at ``path``, not yet opened.

    Raises:
        PluginError: a plugin names migrations that cannot be found.
    """
    packages = [plugin.migrations for plugin in registry.values() if plugin.migrations is not None]
    return SqlStore(
        SqliteDatabase(path),
        registry.catalog(),
        clock,
        version_locations=[package_folder(package) for package in packages],
    )
