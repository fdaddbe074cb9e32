"""``check``: whether a configuration file can be used."""

import os
from pathlib import Path

import click

from colobus.cli.command import Command
from colobus.cli.console import Console
from colobus.errors import ConfigError

__all__ = ["check"]


@click.command(cls=Command)
@click.argument("conf", type=click.Path(path_type=Path), required=False)
@click.pass_context
def check(context: click.Context, conf: Path | None) -> None:
    """Tell what is wrong with a configuration file.

    Nothing is started. Without CONF, the file is checked that `start` would read. The environment counts, as it does
    at start.
    """
    from colobus.cli.loading import tell_remarks
    from colobus.config.loader import DEFAULT_FILES, load

    console: Console = context.obj
    file = conf or next((path for path in DEFAULT_FILES if path.is_file()), DEFAULT_FILES[0])
    try:
        loaded = load(file, os.environ)
    except ConfigError as exc:
        for problem in exc.problems:
            console.error(problem)
        context.exit(1)
    tell_remarks(console, loaded)
    console.say(f"configuration at {file} is valid")
