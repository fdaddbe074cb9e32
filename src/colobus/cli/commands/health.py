"""``health``: which services of a node run."""

import click

from colobus.cli.command import Command, prefix_option
from colobus.cli.console import Console
from colobus.errors import NodeError

__all__ = ["health"]

COLUMNS = 12


@click.command(cls=Command)
@prefix_option
@click.pass_obj
def health(console: Console, prefix: str | None) -> None:
    """Tell which services of a node run.

    Fails unless all of them do.
    """
    from colobus.cli.loading import load_node_prefix
    from colobus.node import control

    program = console.program
    folder = load_node_prefix(prefix)
    found = control.health(folder)
    services = {program.cluster: found.cluster, program.gateway: found.gateway}
    for name, is_running in services.items():
        console.say(f"{name:.<{COLUMNS}}{'running' if is_running else 'not running'}")
    console.say("")
    if not any(services.values()):
        raise NodeError(f"{program.product} is not running at {folder}")
    if not all(services.values()):
        raise NodeError(f"some services are not running at {folder}")
    console.say(f"{program.product} is healthy at {folder}")
