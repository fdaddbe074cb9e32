"""Documents made of the declarations: the sample file and the reference of all settings.

``python -m colobus.config.documents colobus.conf.default`` prints one of them;
``python -m colobus.cli.documents`` writes them into a project folder, with the command line's.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping

from colobus.config.declaration import Declaration, Effect, declarations
from colobus.config.kinds import Kind
from colobus.config.loader import DEFAULT_FILES
from colobus.config.sections.node import SYSTEM_PREFIX
from colobus.config.settings import SECTIONS

__all__ = ["DOCUMENTS", "configuration_reference", "main", "sample_file"]

WIDTH = 80
RULE = "#" + "-" * (WIDTH - 1)

SAMPLE_HEADER = """\
Colobus configuration file.

Every setting stands here with its default, commented out. Remove the `#` in front of a line to \
change it. A value ends at a `#`, unless a backslash stands before it. An empty value means the \
default.

Each setting can also come from the environment, which overrules this file: `log_level` is \
`COLOBUS_LOG_LEVEL`, or `KONG_LOG_LEVEL` where that is not set.\
"""

REFERENCE_HEADER = """\
# Configuration

This page is generated from the declarations of the settings; `make docs` writes it anew.

A node takes its settings from, lowest first:

1. the defaults below;
2. a file: the one named by `-c`, else the first that exists of {files}, else none;
3. the environment: `COLOBUS_<NAME>`, or `KONG_<NAME>` where that is not set, the name in capital
   letters. For a secret, `COLOBUS_<NAME>_FILE` may name a file that holds it;
4. flags of the command line, such as `--prefix`.

A file has one `name = value` per line. `#` starts a comment; `\\#` is a plain `#`. An empty value
means the default, whatever a lower source says. White space around a value is dropped.

Everything that is wrong is told at once, each with the place it comes from, and nothing is started.
Unknown names bring a warning with the known name they resemble most. `colobus check FILE` tells
without starting anything.

Kinds: a *boolean* or *on/off* is `on`, `off`, `true`, `false`, `yes` or `no`; anything else is
refused. An *array* is a comma-separated list. A *size* is a number of bytes, or one with `k`, `m` or
`g` behind it. An *address:port* has an IPv6 address in brackets. A *path* may start with `~`.

`GET /` of the Admin API shows the settings of a running node, and masks the secret ones.

A sample file with every setting: `python -m colobus.config.documents colobus.conf.default`.
"""


def sample_file() -> str:
    """Return the sample file: without its comment signs it sets every default."""
    parts = [RULE, *_comment(SAMPLE_HEADER), RULE]
    for section in SECTIONS:
        parts += ["", "", RULE, *_comment(_about(section)), RULE]
        for declared in declarations(section):
            parts += ["", *_comment(_explanation(declared, _plain)), _sample_line(declared)]
    return "\n".join(parts) + "\n"


def configuration_reference() -> str:
    """Return the reference page of the settings."""
    files = ", ".join(f"`{path}`" for path in DEFAULT_FILES)
    parts = [REFERENCE_HEADER.format(files=files)]
    for section in SECTIONS:
        rows = [_row(declared) for declared in declarations(section)]
        title, more = _about(section).split(": ", 1)
        head = ["| Setting | Kind | Default | Meaning |", "|---|---|---|---|"]
        parts.append(
            "\n".join([f"## {title}", "", more[0].upper() + more[1:], "", *head, *rows, ""])
        )
    return "\n".join(parts)


def _about(section: type) -> str:
    """Return the section's docstring: its title, a colon, and what it is about."""
    return inspect.cleandoc(section.__doc__ or "").replace("\n", " ")


def _comment(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += ["", *textwrap.wrap(paragraph, WIDTH - 2)]
    return [f"# {line}".rstrip() for line in lines[1:]]


def _plain(text: str) -> str:
    return text.replace("`", "")


def _explanation(declared: Declaration, form: Callable[[str], str]) -> str:
    """Return everything there is to say, in sentences."""
    sentences = [declared.help]
    if declared.kind.choices:
        sentences.append(f"One of {', '.join(f'`{choice}`' for choice in declared.kind.choices)}.")
    if declared.default_text:
        sentences.append(f"The default is {declared.default_text}.")
    if declared.is_secret:
        sentences.append("Secret: masked wherever it is shown.")
    if declared.effect is Effect.PENDING:
        sentences.append("Checked, but without effect in this version.")
    elif declared.effect is Effect.NONE:
        sentences.append("No effect in Colobus.")
    if declared.old_names:
        names = ", ".join(f"`{name}`" for name in declared.old_names)
        sentences.append(f"Also known as {names}.")
    if declared.difference:
        sentences.append(f"Differs: {declared.difference}.")
    return form(" ".join(sentences))


def _default(declared: Declaration) -> str:
    """Return the default as a file spells it; empty when the setting is unset without one."""
    if declared.default_text:
        return str(SYSTEM_PREFIX)
    if declared.is_unset(declared.default):
        return ""
    return declared.kind.text(declared.default)


def _sample_line(declared: Declaration) -> str:
    return f"#{declared.name} = {_default(declared)}".rstrip()


def _row(declared: Declaration) -> str:
    default = declared.default_text or f"`{_default(declared)}`".replace("``", "none")
    meaning = _explanation(declared, str).replace(f" The default is {declared.default_text}.", "")
    return f"| `{declared.name}` | {_kind_name(declared.kind)} | {default} | {meaning} |"


def _kind_name(kind: Kind[object]) -> str:
    return kind.name.replace("|", "\\|")


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "colobus.conf.default": sample_file,
    "docs/reference/configuration.md": configuration_reference,
}
"""Path in the project -> the function that makes its text."""


def main(arguments: list[str]) -> int:
    """Print the document that is named."""
    make = DOCUMENTS.get(arguments[0]) if len(arguments) == 1 else None
    if make is None:
        sys.stderr.write(f"name one of {', '.join(DOCUMENTS)}\n")
        return 1
    sys.stdout.write(make())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
