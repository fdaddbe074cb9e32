"""The reference of the command line, made of the commands themselves.

``python -m colobus.cli.documents`` writes every generated document into the current project folder.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from colobus.cli.main import commands
from colobus.config import documents

__all__ = ["DOCUMENTS", "command_reference", "main"]

HEADER = """\
# Command line

This page is generated from the commands; `make docs` writes it anew.

The command is `colobus COMMAND [OPTIONS]`. It is installed as `kong` too, and then speaks as 0.10.4
does:

| called as | `colobus` | `kong` |
|---|---|---|
| messages | `Colobus started` | `Kong started` |
| services that `health` lists | `cluster`, `gateway` | `serf`, `nginx` |
| `version` | the version of Colobus | 0.10.4, the level of its interfaces |

`--help`, `--v` and `--vv` stand before or after the command.

* Messages go to standard output as bare text; with `--v` and `--vv` there are more of them, each as
  a log line (`2017/01/31 12:00:00 [info] text`). `--vv` lists every setting, secret ones masked.
* Usage, warnings and errors go to standard error.
* The exit code is 0, or 1 after any failure: `Error: <message>`, one line for each thing that is
  wrong. With `--v` or `--vv` a stack trace follows. A command ended by Control-C exits with 130.

A node is addressed by its prefix: `-p`, else the settings `prefix` of the environment or of the
configuration file in its usual place.
"""


def command_reference() -> str:
    """Return the reference page of the command line."""
    return "\n".join([HEADER, *_sections(commands, "colobus")])


def _sections(group: click.Group, path: str) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        own_path = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from _sections(command, own_path)
        else:
            yield _section(command, own_path)


def _section(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path}", "", f"`{usage}`", "", _paragraphs(command.help or ""), ""]
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        lines += ["| Option | Meaning |", "|---|---|"]
        lines += [f"| {_option_names(option)} | {_option_help(option)} |" for option in options]
        lines.append("")
    return "\n".join(lines)


def _paragraphs(text: str) -> str:
    """Return a help text with one line for each paragraph."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def _option_names(option: click.Option) -> str:
    argument = "" if option.is_flag or option.metavar is None else f" {option.metavar}"
    return ", ".join(f"`{name}{argument}`" for name in option.opts)


def _option_help(option: click.Option) -> str:
    default = f" Default: {option.default}." if option.show_default else ""
    return f"{option.help}{default}"


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    **documents.DOCUMENTS,
    "docs/reference/cli.md": command_reference,
}
"""Every generated document: path in the project -> the function that makes its text."""


def main() -> int:
    """Write every generated document below the current folder."""
    for name, make in DOCUMENTS.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
