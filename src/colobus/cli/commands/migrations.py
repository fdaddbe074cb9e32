"""``migrations``: the schema of the datastore, seen and changed without starting a node."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from colobus.cli.command import conf_option, group, prefix_option
from colobus.cli.console import Console

if TYPE_CHECKING:
    from colobus.config.settings import Settings
    from colobus.store.upkeep import Upkeep

__all__ = ["confirmed", "migrations"]

T = TypeVar("T")

PROMPT = "> Are you sure? This operation is irreversible. [Y/n] "
ANSWERS = {"y": True, "Y": True, "yes": True, "YES": True} | {
    "n": False, "N": False, "no": False, "NO": False
}  # fmt: skip
TRIES = 3


@group
def migrations() -> None:
    """See and change the schema of the datastore."""


@migrations.command("list")
@conf_option
@prefix_option
@click.pass_obj
def list_command(console: Console, conf: Path | None, prefix: str | None) -> None:
    """List the migrations that ran, one line for each module."""
    settings = _settings(console, conf, prefix)
    is_missing = settings.database == "sqlite" and not settings.sqlite_path.exists()
    executed = {} if is_missing else _run(settings, lambda upkeep: upkeep.executed())
    name = _database_name(settings)
    if not executed:
        console.say(f"No migrations have been run yet for database '{name}'")
        return
    console.say(f"Executed migrations for database '{name}':")
    for module, revisions in executed.items():
        console.say(f"{module}: {', '.join(revisions)}")


@migrations.command()
@conf_option
@prefix_option
@click.pass_obj
def up(console: Console, conf: Path | None, prefix: str | None) -> None:
    """Run the migrations that are missing.

    `start` does so as well. All of them run in one transaction, and in one node at a time: others
    wait.
    """
    from colobus.node.prefix import prepare_prefix

    settings = _settings(console, conf, prefix)
    if settings.database == "sqlite":
        prepare_prefix(settings.prefix, console.say)
    ran = 0

    def told(module: str, revision: str | None) -> None:
        nonlocal ran
        if revision is None:
            console.say(f"migrating {module} for database {_database_name(settings)}")
        else:
            ran += 1
            console.say(f"{module} migrated up to: {revision}")

    _run(settings, lambda upkeep: upkeep.migrate(told))
    if ran:
        console.say(f"{ran} migrations ran")
    else:
        console.verbose("migrations up to date")


@migrations.command()
@conf_option
@prefix_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def reset(console: Console, conf: Path | None, prefix: str | None, yes: bool) -> int:
    """Drop every table, with all that is in it.

    Stop all nodes first. It asks whether you are sure, unless told not to.
    """
    settings = _settings(console, conf, prefix)
    if not yes:
        answer = confirmed()
        if not answer:
            console.say("Canceled")
            return 0 if answer is False else 1
    if settings.database != "sqlite" or settings.sqlite_path.exists():
        _run(settings, lambda upkeep: upkeep.reset())
    console.say("Schema successfully reset")
    return 0


def confirmed() -> bool | None:
    """Ask, three times at most; None without an answer that can be understood."""
    for _ in range(TRIES):
        sys.stdout.write(PROMPT)
        sys.stdout.flush()
        line = sys.stdin.readline()
        answer = ANSWERS.get(line.strip())
        if answer is not None or not line:
            return answer
    return None


def _settings(console: Console, conf: Path | None, prefix: str | None) -> "Settings":
    from colobus.cli.loading import load_settings

    return load_settings(console, conf, prefix).settings


def _database_name(settings: "Settings") -> str:
    return str(settings.sqlite_path) if settings.database == "sqlite" else settings.pg_database


def _run(settings: "Settings", act: "Callable[[Upkeep], Awaitable[T]]") -> T:
    """Act on the datastore, and release it."""
    import asyncio

    from colobus.node.datastore import make_upkeep
    from colobus.plugins.registry import load

    async def work() -> T:
        upkeep = make_upkeep(settings, load(settings.custom_plugins))
        try:
            return await act(upkeep)
        finally:
            await upkeep.close()

    return asyncio.run(work())
