"""``version``: which Colobus this is, and what it runs on."""

import platform

import click

from colobus.cli.command import Command
from colobus.cli.console import Console
from colobus.version import ADMIN_API_VERSION, VERSION

__all__ = ["version"]


@click.command(cls=Command)
@click.option("-a", "--all", "is_full", is_flag=True, help="Also tell what it runs on.")
@click.pass_obj
def version(console: Console, is_full: bool) -> None:
    """Tell the version.

    Called as `kong`, the command tells the level of the interfaces: 0.10.4.
    """
    if console.program.name == "kong":
        lines = _as_kong() if is_full else [ADMIN_API_VERSION]
    else:
        lines = _as_colobus() if is_full else [f"colobus {VERSION}"]
    for line in lines:
        console.say(line)


def _as_kong() -> list[str]:
    """Return the four lines that scripts expect, naming what is there instead."""
    return [
        f"Kong: {ADMIN_API_VERSION}",
        "ngx_lua: none",
        f"nginx: none (Colobus {VERSION}, {_build()})",
        f"Lua: none ({_python()})",
    ]


def _as_colobus() -> list[str]:
    import sqlite3
    import ssl

    return [
        f"Colobus: {VERSION}",
        f"Admin API: {ADMIN_API_VERSION}",
        f"Build: {_build()}",
        f"Python: {_python()}",
        f"SQLite: {sqlite3.sqlite_version}",
        f"OpenSSL: {ssl.OPENSSL_VERSION.removeprefix('OpenSSL ')}",
    ]


def _build() -> str:
    from colobus.gateway.wire import BUILD

    return BUILD


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
