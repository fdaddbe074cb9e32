"""The schema of a datastore: what is recorded in it, and bringing it up to date.

Scripts are Alembic's, in modules: ``core`` here, one for each plugin that brings tables. A module is
a folder of scripts named as their revisions, ``core_0001.py``, and a linear history of its own;
the table ``schema_revisions`` records how far each one is. (One history with branches would not
do: a branch that depends on another hides how far that one is from a node without the plugin.)

Alembic is imported only when there is something to do, which is seldom; it takes longer than all
the rest of opening a datastore.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, Table, Text, delete, insert, inspect, select

from colobus.errors import PluginError, StoreUnusableError
from colobus.logs.levels import NOTICE

if TYPE_CHECKING:
    from alembic.script import Script

__all__ = ["CORE", "REVISIONS", "Module", "Schema", "Told", "nobody", "package_folder"]

CORE = Path(__file__).parent / "migrations"
"""The scripts of the gateway itself."""

REVISIONS = Table(
    "schema_revisions",
    MetaData(),
    Column("module", Text(), primary_key=True),
    Column("revision", Text(), nullable=False),
)
"""One row for each module that ever ran here, those of plugins no longer enabled included."""

_SCRIPT = re.compile(r"(.+)_\d{4}")

logger = logging.getLogger(__name__)

Told = Callable[[str, str | None], None]
"""Takes the name of a module that is behind, with None, and then with each revision that ran."""


def nobody(module: str, revision: str | None) -> None:
    """Implement :data:`Told` for when nobody wants to know."""


def package_folder(package: str) -> Path:
    """Return the folder of a package of migrations, as a plugin names it.

    Raises:
        PluginError: there is no such package.
    """
    try:
        spec = find_spec(package)
    except ImportError as exc:
        raise PluginError(f"migrations '{package}' cannot be found: {exc}") from exc
    if spec is None or not spec.submodule_search_locations:
        raise PluginError(f"migrations '{package}' are not a package")
    return Path(spec.submodule_search_locations[0])


@dataclass(frozen=True, slots=True)
class Module:
    """A folder of migrations: its name, and its revisions in order."""

    name: str
    folder: Path
    revisions: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The revision of a schema that is up to date."""
        return self.revisions[-1]

    @classmethod
    def read(cls, folder: Path) -> "Module":
        """Return what is in ``folder``, by the names of the files.

        Raises:
            PluginError: there are no scripts, or their names do not agree.
        """
        stems = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
        matches = [_SCRIPT.fullmatch(stem) for stem in stems]
        names = {match.group(1) if match is not None else "" for match in matches}
        if len(names) != 1 or "" in names:
            raise PluginError(
                f"{folder} must hold migrations named NAME_0001.py and so on, NAME being one name"
            )
        return cls(names.pop(), folder, tuple(stems))


class Schema:
    """The schema that this version wants.

    Args:
        folders: the migrations of plugins, besides the gateway's own.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = (CORE, *folders)

    @cached_property
    def modules(self) -> Sequence[Module]:
        """Every module, the gateway's own first.

        Raises:
            PluginError: a folder cannot be used, or two are one module.
        """
        modules = [Module.read(folder) for folder in self._folders]
        names = [module.name for module in modules]
        for name in names:
            if names.count(name) > 1:
                raise PluginError(f"two plugins bring migrations of the name '{name}'")
        return modules

    @staticmethod
    def recorded(connection: Connection) -> Mapping[str, str]:
        """Return module -> revision as recorded in the datastore; nothing in a new one."""
        if not inspect(connection).has_table(REVISIONS.name):
            return {}
        return {row.module: row.revision for row in connection.execute(select(REVISIONS))}

    @staticmethod
    def check_tables(connection: Connection, names: Iterable[str]) -> None:
        """Check that every table that is declared was made.

        Raises:
            PluginError: one was not.
        """
        missing = sorted(set(names) - set(inspect(connection).get_table_names()))
        if missing:
            raise PluginError(
                f"entity '{missing[0]}' has no table: the plugin it belongs to brings no migration"
                " that makes it"
            )

    def is_current(self, recorded: Mapping[str, str]) -> bool:
        """Say whether nothing needs to be done.

        Raises:
            StoreUnusableError: the datastore is ahead of this version.
        """
        return not list(self._behind(recorded))

    def executed(self, recorded: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Return module -> its revisions up to the recorded one, in the order they run in.

        Of a module that this node does not have only the newest revision is known.

        Raises:
            StoreUnusableError: the datastore is ahead of this version.
        """
        list(self._behind(recorded))  # checks
        known = {
            module.name: module.revisions[: module.revisions.index(recorded[module.name]) + 1]
            for module in self.modules
            if module.name in recorded
        }
        return known | {name: (recorded[name],) for name in sorted(set(recorded) - set(known))}

    def upgrade(self, connection: Connection, told: Told = nobody) -> None:
        """Run what is missing, in the caller's transaction, which no other node's runs beside.

        Raises:
            StoreUnusableError: the datastore is ahead of this version.
            PluginError: a script cannot be loaded.
        """
        recorded = self.recorded(connection)
        REVISIONS.create(connection, checkfirst=True)
        for module in self._behind(recorded):
            before = recorded.get(module.name)
            logger.log(
                NOTICE,
                "migrating %s from %s to %s",
                module.name,
                before or "nothing",
                module.newest,
            )
            told(module.name, None)
            _run(connection, module, before, told)
            connection.execute(delete(REVISIONS).where(REVISIONS.c.module == module.name))
            connection.execute(insert(REVISIONS).values(module=module.name, revision=module.newest))

    def _behind(self, recorded: Mapping[str, str]) -> Iterable[Module]:
        for module in self.modules:
            revision = recorded.get(module.name)
            if revision is not None and revision not in module.revisions:
                raise StoreUnusableError(
                    f"the datastore's schema is at {revision}, and this node knows only"
                    f" {module.newest}: upgrade the package that brings '{module.name}' on this"
                    " node, or restore a backup made before the datastore was upgraded"
                )
            if revision != module.newest:
                yield module


def _run(connection: Connection, module: Module, before: str | None, told: Told) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    # It announces which database it found; the line above it says more.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    scripts = _pending(module, before)
    with Operations.context(MigrationContext.configure(connection)):
        for script in scripts:
            script.module.upgrade()
            told(module.name, str(script.revision))


def _pending(module: Module, before: str | None) -> "list[Script]":
    """Load the scripts behind ``before``, oldest first.

    Raises:
        PluginError: their history is not the order of their names.
    """
    from alembic.script import ScriptDirectory
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    directory = ScriptDirectory(module.folder, version_locations=[module.folder])
    try:
        scripts = list(directory.iterate_revisions(module.newest, before or "base"))
    except (CommandError, RevisionError, KeyError) as exc:  # KeyError: down_revision is missing
        raise PluginError(f"the migrations of '{module.name}' cannot be run: {exc}") from exc
    scripts.reverse()
    start = module.revisions.index(before) + 1 if before is not None else 0
    if tuple(script.revision for script in scripts) != module.revisions[start:]:
        raise PluginError(f"the migrations of '{module.name}' are not in the order of their names")
    return scripts
