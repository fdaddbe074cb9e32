"""``stop`` and ``quit``: a node out of being."""

from typing import TYPE_CHECKING

import click

from colobus.cli.command import Command, prefix_option
from colobus.cli.console import Console
from colobus.errors import NodeError

if TYPE_CHECKING:
    from colobus.node.process import Process

__all__ = ["quit_command", "stop"]

LEAST_DRAIN_S = 1


@click.command(cls=Command)
@prefix_option
@click.pass_obj
def stop(console: Console, prefix: str | None) -> None:
    """Stop a node at once.

    Requests in progress are cut off.
    """
    from colobus.node import control

    with _running(console, prefix) as process:
        console.verbose(f"stopping process {process.pid}")
        control.stop(process)
    console.say(f"{console.program.product} stopped")


@click.command("quit", cls=Command)
@prefix_option
@click.option(
    "-t",
    "--timeout",
    type=int,
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long requests may take to finish, at least 1; then the node is stopped.",
)
@click.pass_obj
def quit_command(console: Console, prefix: str | None, timeout: int) -> None:
    """Stop a node gracefully.

    It takes no new requests and finishes those in progress.
    """
    from colobus.node import control

    drain_s = max(LEAST_DRAIN_S, timeout)
    with _running(console, prefix) as process:
        console.verbose(f"draining process {process.pid} for at most {drain_s} s")
        is_drained = control.quit_node(process, drain_s)
    how = "gracefully" if is_drained else f"forced, not drained after {drain_s} s"
    console.say(f"{console.program.product} stopped ({how})")


def _running(console: Console, prefix: str | None) -> "Process":
    """Return a hold on the node.

    Raises:
        NodeError: there is no such prefix, or no node runs in it.
    """
    from colobus.cli.loading import load_node_prefix
    from colobus.node import control

    folder = load_node_prefix(prefix)
    process = control.find(folder)
    if process is None:
        raise NodeError(f"{console.program.gateway} not running in prefix: {folder}")
    return process
