"""``start`` and ``restart``: a node into being."""

import dataclasses
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colobus.cli.command import Command, conf_option, nginx_conf_option, prefix_option
from colobus.cli.console import Console
from colobus.errors import GatewayError, NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from colobus.config.settings import Settings

__all__ = ["restart", "start", "start_node", "stop_if_running"]

foreground_option = click.option(
    "--foreground",
    is_flag=True,
    help="Stay in the foreground, log to standard error, end with the node; as daemon = off does.",
)


@click.command(cls=Command)
@conf_option
@prefix_option
@nginx_conf_option
@foreground_option
@click.pass_obj
def start(console: Console, conf: Path | None, prefix: str | None, foreground: bool) -> int:
    """Start a node.

    Returns once it answers requests. Settings are checked before anything is started. The prefix
    is created when it is missing.
    """
    from colobus.cli.loading import load_settings

    settings = load_settings(console, conf, prefix).settings
    return start_node(console, settings, is_foreground=foreground)


@click.command(cls=Command)
@conf_option
@prefix_option
@nginx_conf_option
@foreground_option
@click.pass_obj
def restart(console: Console, conf: Path | None, prefix: str | None, foreground: bool) -> int:
    """Stop a node, if it runs, and start it.

    It takes the settings as they are now; if those cannot be used, the node is not stopped.
    """
    from colobus.cli.loading import load_settings

    settings = load_settings(console, conf, prefix).settings
    stop_if_running(console, settings.prefix)
    return start_node(console, settings, is_foreground=foreground)


def stop_if_running(console: Console, prefix: Path) -> None:
    """Stop the node of this prefix; what keeps it from stopping will keep the next from starting."""
    from colobus.node import control

    try:
        process = control.find(prefix)
        if process is not None:
            with process:
                console.verbose(f"stopping process {process.pid}")
                control.stop(process)
    except GatewayError as exc:
        console.verbose(f"not stopped: {exc}")


def start_node(
    console: Console,
    settings: "Settings",
    *,
    is_foreground: bool,
    command: "Sequence[str] | None" = None,
) -> int:
    """Start a node and tell so; return the exit code, in the foreground when the node has ended.

    Args:
        console: where to tell.
        settings: checked settings.
        is_foreground: whether to become the node, whatever the settings say.
        command: the program of a node in the background, if not ours.

    Raises:
        GatewayError: one runs in this prefix already, or it does not come up.
    """
    from colobus.config.dump import write_dump
    from colobus.node import control
    from colobus.node.prefix import prepare_prefix, starting

    product = console.program.product
    prefix = settings.prefix
    if is_foreground:
        settings = dataclasses.replace(settings, daemon=False)
    prepare_prefix(prefix, console.say)
    with ExitStack() as stack:
        stack.enter_context(starting(prefix))
        running = control.find(prefix)
        if running is not None:
            running.close()
            raise NodeError(f"{product} is already running in {prefix}")
        write_dump(settings)
        if settings.daemon:
            pid = control.start_daemon(settings, command)
            console.verbose(f"process {pid}, log {settings.proxy_error_log}")
            console.say(f"{product} started")
            return 0

        def ready() -> None:
            stack.close()
            console.say(f"{product} started")

        return _run(settings, ready)


def _run(settings: "Settings", ready: "Callable[[], None]") -> int:
    from colobus.node.main import run

    os.umask(0o077)  # the datastore holds credentials
    return run(settings, ready)
