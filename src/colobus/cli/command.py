"""The form of our commands: ``--v`` and ``--vv`` anywhere, help and usage on standard error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from colobus.cli.console import Console, Verbosity

__all__ = [
    "Command",
    "Group",
    "conf_option",
    "group",
    "nginx_conf_option",
    "prefix_option",
    "show_usage",
]


def show_usage(context: click.Context, message: str = "") -> None:
    """Write the help of a command, and what was wrong with its arguments, to standard error."""
    click.echo(context.get_help(), err=True)
    if message:
        click.echo(f"\n{message}", err=True)


def _show_help(context: click.Context, _option: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        show_usage(context)
        context.exit()


def _set_verbosity(context: click.Context, option: click.Parameter, value: object) -> None:
    console = context.find_object(Console)
    if value and console is not None:
        asked = Verbosity.DEBUG if option.name == "vv" else Verbosity.VERBOSE
        console.verbosity = max(asked, console.verbosity)


def _flag(name: str, help_text: str, callback: Callable[..., None]) -> click.Option:
    return click.Option(
        [name],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        help=help_text,
        callback=callback,
    )


_HELP = _flag("--help", "Show this text.", _show_help)
_VERBOSITY = (
    _flag("--v", "Tell every step.", _set_verbosity),
    _flag("--vv", "Tell every detail.", _set_verbosity),
)


class Command(click.Command):
    """A command with our common options."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters of the command, and those that all have."""
        return [*super().get_params(ctx), *_VERBOSITY]

    def get_help_option(self, ctx: click.Context) -> click.Option:  # noqa: ARG002 (overrides)
        """Return the option that shows the help on standard error."""
        return _HELP


class Group(Command, click.Group):
    """A command with sub-commands, which must be named."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command.

        Raises:
            click.UsageError: there is no such one.
        """
        if self.get_command(ctx, args[0]) is None:
            owner = "" if ctx.parent is None else f" for {ctx.info_name}"
            raise click.UsageError(f"No such command{owner}: {args[0]}", ctx)
        return super().resolve_command(ctx, args)


def group(function: Callable[..., None]) -> Group:
    """Turn a function into a group of commands; it runs before each of them.

    Without the name of a sub-command, the group shows its usage and fails.
    """

    @click.pass_context
    def require_command(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            show_usage(context)
            context.exit(1)
        function()

    return Group(
        function.__name__,
        callback=require_command,
        help=function.__doc__,
        invoke_without_command=True,
        options_metavar="",
        subcommand_metavar="COMMAND [OPTIONS]",
    )


def conf_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-c``/``--conf`` to a command."""
    return click.option(
        "-c", "--conf", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file."
    )(command)


def prefix_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-p``/``--prefix`` to a command."""
    return click.option(
        "-p",
        "--prefix",
        metavar="FOLDER",
        help="Working directory of the node; overrules settings.",
    )(command)


def nginx_conf_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--nginx-conf`` to a command, which says that it does nothing."""
    return click.option(
        "--nginx-conf",
        metavar="FILE",
        expose_value=False,
        callback=_remark_nginx_conf,
        help="Accepted, without effect: there is no nginx.",
    )(command)


def _remark_nginx_conf(context: click.Context, _option: click.Parameter, value: object) -> None:
    console = context.find_object(Console)
    if value is not None and console is not None:
        console.warn("--nginx-conf has no effect in Colobus")
