"""``colobus migrations`` on both databases: what it prints, and what it leaves (reference 4.4)."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.commands import run_command
from support.postgres import PostgresServer

pytestmark = pytest.mark.integration

PROMPT = "> Are you sure? This operation is irreversible. [Y/n] "


class Schema:
    """The command, on one datastore."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = environ

    def run(self, *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        return run_command("colobus", "migrations", *arguments, environ=self.environ, typed=typed)

    def says(self, *arguments: str, typed: str = "") -> str:
        ended = self.run(*arguments, typed=typed)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout


@pytest.fixture(params=["sqlite", "postgres"])
def schema(request: pytest.FixtureRequest, tmp_path: Path) -> Schema:
    if request.param == "sqlite":
        path = tmp_path / "colobus.db"
        environ = {"COLOBUS_SQLITE_PATH": str(path), "COLOBUS_PREFIX": str(tmp_path)}
        return Schema(str(path), environ)
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create()
    settings = {**server.settings(name), "prefix": tmp_path}
    environ = {f"COLOBUS_{key.upper()}": str(value) for key, value in settings.items()}
    return Schema(name, environ)


def test_migrations_are_run_listed_and_undone(schema: Schema) -> None:
    none = f"No migrations have been run yet for database '{schema.name}'\n"
    assert schema.says("list") == none
    lines = schema.says("up").splitlines()
    assert lines[:2] == [
        f"migrating core for database {schema.name}",
        "core migrated up to: core_0001",
    ]
    assert f"migrating key_auth for database {schema.name}" in lines
    steps = [line for line in lines if " migrated up to: " in line]
    assert lines[-1] == f"{len(steps)} migrations ran"
    assert schema.says("up") == ""
    assert "migrations up to date" in schema.says("up", "--v")
    listed = schema.says("list").splitlines()
    assert listed[0] == f"Executed migrations for database '{schema.name}':"
    assert listed[1].startswith("core: core_0001")
    assert len(listed) == 1 + len([line for line in lines if line.startswith("migrating ")])
    assert (
        schema.says("reset", typed="maybe\n\nYES\n") == PROMPT * 3 + "Schema successfully reset\n"
    )
    assert schema.says("list") == none
    assert schema.says("up").splitlines() == lines  # nothing was left over


def test_a_reset_that_is_not_wanted_changes_nothing(schema: Schema) -> None:
    schema.says("up")
    before = schema.says("list")
    assert schema.says("reset", typed="n\n") == PROMPT + "Canceled\n"
    for typed in ("", "a\nb\nc\nyes\n"):
        ended = schema.run("reset", typed=typed)
        assert ended.returncode == 1
        assert ended.stdout.endswith(PROMPT + "Canceled\n")
    assert schema.says("list") == before
    assert schema.says("reset", "--yes") == "Schema successfully reset\n"


def test_a_database_that_cannot_be_reached_is_an_error(postgres: PostgresServer) -> None:
    settings = {**postgres.settings("no_such"), "pg_user": "kong"}
    environ = {f"COLOBUS_{key.upper()}": str(value) for key, value in settings.items()}
    ended = Schema("no_such", environ).run("list")
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"Error: cannot connect to PostgreSQL database 'no_such': 127.0.0.1:{postgres.port}:"
        " the database does not exist: create it, or check pg_database (3D000)\n"
    )


def test_listing_makes_no_file(tmp_path: Path) -> None:
    environ = {"COLOBUS_PREFIX": str(tmp_path)}
    Schema("", environ).says("list")
    assert list(tmp_path.iterdir()) == []
