"""Migrations: where they are, in which order, and what they make."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, insert, select, text

from colobus.errors import PluginError, StoreUnusableError
from colobus.model import Catalog
from colobus.plugins.registry import load
from colobus.store.migrate import CORE, REVISIONS, Module, Schema, package_folder
from colobus.store.tables import declare
from support.samples import CATALOG, MIGRATIONS

KEY_AUTH = package_folder("colobus.plugins.key_auth.migrations")
BUNDLED = load().catalog()
BUNDLED_MIGRATIONS = [package_folder(package) for package in load().migrations()]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path}/test.db", connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("folders", "catalog"), [(BUNDLED_MIGRATIONS, BUNDLED), ([MIGRATIONS], CATALOG)]
)
def test_the_migrated_schema_is_the_declared_one(
    connection: Connection, folders: list[Path], catalog: Catalog
) -> None:
    Schema(folders).upgrade(connection)
    context = MigrationContext.configure(
        connection, opts={"include_name": lambda name, *_: name != REVISIONS.name}
    )
    assert compare_metadata(context, declare(catalog).metadata) == []


@pytest.mark.parametrize("folder", [CORE, *BUNDLED_MIGRATIONS, MIGRATIONS])
def test_scripts_are_named_as_their_revisions_in_one_line(folder: Path) -> None:
    scripts = ScriptDirectory(folder, version_locations=[folder])
    history = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(history)) == Module.read(folder).revisions


def test_each_module_is_recorded_and_run_once(connection: Connection) -> None:
    schema = Schema([KEY_AUTH, MIGRATIONS])
    assert schema.recorded(connection) == {}
    assert not schema.is_current({})
    schema.upgrade(connection)
    recorded = schema.recorded(connection)
    assert recorded == {module.name: module.newest for module in schema.modules}
    assert [module.name for module in schema.modules] == ["core", "key_auth", "samples"]
    assert schema.is_current(recorded)
    schema.upgrade(connection)
    assert schema.recorded(connection) == recorded


def test_a_plugin_that_comes_later_gets_its_tables_then(connection: Connection) -> None:
    Schema([]).upgrade(connection)
    later = Schema([MIGRATIONS])
    assert not later.is_current(later.recorded(connection))
    later.upgrade(connection)
    assert connection.execute(select(declare(CATALOG).entities["samples"])).all() == []


def test_a_module_of_a_plugin_that_is_gone_is_left_alone(connection: Connection) -> None:
    Schema([MIGRATIONS]).upgrade(connection)
    without = Schema([])
    recorded = without.recorded(connection)
    assert without.is_current(recorded)
    without.upgrade(connection)
    assert without.recorded(connection) == recorded


def test_rows_survive_the_scripts_that_follow(connection: Connection, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "samples_0001.py").write_bytes((MIGRATIONS / "samples_0001.py").read_bytes())
    Schema([first]).upgrade(connection)
    key = "0" * 32
    for statement in (
        f"INSERT INTO consumers (id, username) VALUES ('{key}', 'bob')",
        f"INSERT INTO badges (id, consumer_id, secret) VALUES ('{key}', '{key}', 's')",
        f"INSERT INTO stamps (id, badge_id) VALUES ('{key}', '{key}')",
        f"INSERT INTO samples (id, name) VALUES ('{key}', 'one')",
    ):
        connection.execute(text(statement))
    Schema([MIGRATIONS]).upgrade(connection)
    for table in ("consumers", "badges", "stamps", "samples"):
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1
    assert connection.execute(text("SELECT link FROM samples")).scalar_one() is None


@pytest.mark.parametrize(
    ("module", "text_"),
    [
        ("core", "at core_0999, and this node knows only core_0001: upgrade the package that"),
        ("samples", "at samples_0999, and this node knows only samples_0002: upgrade the package"),
    ],
)
def test_a_datastore_that_is_ahead_is_refused_with_both_revisions(
    connection: Connection, module: str, text_: str
) -> None:
    schema = Schema([MIGRATIONS])
    schema.upgrade(connection)
    ahead = {**schema.recorded(connection), module: f"{module}_0999"}
    with pytest.raises(StoreUnusableError, match=text_):
        schema.is_current(ahead)
    connection.execute(REVISIONS.delete())
    rows = [{"module": name, "revision": revision} for name, revision in ahead.items()]
    connection.execute(insert(REVISIONS), rows)
    with pytest.raises(StoreUnusableError, match="restore a backup made before"):
        schema.upgrade(connection)


@pytest.mark.parametrize(
    "names",
    [[], ["first.py"], ["samples_1.py"], ["a_0001.py", "b_0001.py"], ["_0001.py"], ["a_0001.txt"]],
)
def test_a_folder_without_well_named_scripts_is_refused(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "__init__.py").touch()
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(PluginError, match="must hold migrations named"):
        Module.read(tmp_path)


def test_two_folders_of_one_module_are_refused(tmp_path: Path) -> None:
    (tmp_path / "samples_0001.py").touch()
    with pytest.raises(PluginError, match="two plugins bring migrations of the name 'samples'"):
        Schema([MIGRATIONS, tmp_path]).is_current({})


@pytest.mark.parametrize(
    ("histories", "problem"),
    [
        ([("other", None)], "cannot be run"),
        ([("broken_0001", "broken_0000")], "cannot be run"),
        ([("broken_0001", None), ("broken_0002", None)], "not in the order of their names"),
        ([("broken_0001", "broken_0002"), ("broken_0002", None)], "not in the order"),
    ],
)
# Alembic warns of the missing one before it fails.
@pytest.mark.filterwarnings("ignore:Revision .* is not present:UserWarning")
def test_a_broken_history_is_refused_before_anything_is_run(
    connection: Connection, tmp_path: Path, histories: list[tuple[str, str | None]], problem: str
) -> None:
    for number, (revision, before) in enumerate(histories, 1):
        text_ = f"revision = {revision!r}\ndown_revision = {before!r}\n"
        (tmp_path / f"broken_000{number}.py").write_text(text_)
    with pytest.raises(PluginError, match=f"the migrations of 'broken' (are )?{problem}"):
        Schema([tmp_path]).upgrade(connection)


@pytest.mark.parametrize("package", ["colobus.nothing", "no_such_package.at.all", "json.decoder"])
def test_a_package_of_migrations_must_be_there(package: str) -> None:
    with pytest.raises(PluginError, match=f"migrations '{package}'"):
        package_folder(package)


def test_alembic_is_not_imported_before_there_is_something_to_migrate() -> None:
    code = "import sys, colobus.store.sql, colobus.store.sqlite; print('alembic' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert answer.stdout.strip() == "False"
