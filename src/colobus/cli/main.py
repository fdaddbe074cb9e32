"""The command line, and the one place that turns errors into its messages and exit codes."""

import sys
from collections.abc import Sequence

import click

from colobus.cli.command import group, show_usage
from colobus.cli.commands.check import check
from colobus.cli.commands.cluster import cluster
from colobus.cli.commands.health import health
from colobus.cli.commands.migrations import migrations
from colobus.cli.commands.start import restart, start
from colobus.cli.commands.stop import quit_command, stop
from colobus.cli.commands.version import version
from colobus.cli.console import Console, Program
from colobus.errors import ConfigError, GatewayError

__all__ = ["commands", "main"]

INTERRUPTED = 130
"""What a shell reports of a command that SIGINT ended."""


@group
def commands() -> None:
    """A clustered API gateway."""


for _command in (check, cluster, health, migrations, quit_command, restart, start, stop, version):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0, or 1 for any failure.

    Args:
        arguments: without the name of the command; those of this process if None.
    """
    program = Program.called(sys.argv[0])
    console = Console(program)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = commands.main(given, prog_name=program.name, obj=console, standalone_mode=False)
    except click.UsageError as exc:
        show_usage(exc.ctx or click.Context(commands), exc.format_message())
        return 1
    except click.Abort:
        return INTERRUPTED
    except ConfigError as exc:
        console.fail(exc.problems, exc)
        return 1
    except GatewayError as exc:
        console.fail(str(exc).splitlines(), exc)
        return 1
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
