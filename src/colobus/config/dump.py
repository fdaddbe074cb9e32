"""The settings of a running node, kept in its prefix for the commands that act on it."""

import os
from pathlib import Path

from colobus.config.conffile import format_line
from colobus.config.loader import load
from colobus.config.settings import DECLARATIONS, Settings
from colobus.errors import ConfigError, NodeError

__all__ = ["restore", "write_dump"]

HEADER = "# The settings this node was started with. Written by `start`; holds secrets."


def write_dump(settings: Settings) -> None:
    """Write every setting that has a value to the node's environment file.

    Only the owner may read it. A reader sees the old content or the new, never a part.

    Raises:
        NodeError: it cannot be written.
    """
    lines = [HEADER]
    lines += [
        format_line(name, settings.text(name, reveal=True))
        for name in sorted(DECLARATIONS)
        if settings.has(name)
    ]
    path = settings.layout.environment_file
    written = path.with_name(f"{path.name}.new")
    try:
        written.unlink(missing_ok=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n")
        written.replace(path)
    except OSError as exc:
        raise NodeError(f"cannot write {path}: {exc.strerror}") from exc


def restore(path: Path) -> Settings:
    """Return the settings that :func:`write_dump` wrote; the environment has no say.

    Raises:
        ConfigError: the file cannot be read, or its settings cannot be used.
    """
    if not path.is_file():
        raise ConfigError([f"no file at: {path}"])
    return load(path, {}).settings
