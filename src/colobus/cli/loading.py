"""Loads settings for a command, and tells what is remarkable about them."""

import os
from pathlib import Path

from colobus.cli.console import Console
from colobus.config.loader import Loaded, load, load_prefix

__all__ = ["load_node_prefix", "load_settings", "tell_remarks"]


def load_settings(console: Console, conf: Path | None, prefix: str | None) -> Loaded:
    """Return the settings of a node to start.

    Raises:
        ConfigError: they cannot be used.
    """
    loaded = load(conf, os.environ, _flags(prefix))
    tell_remarks(console, loaded)
    return loaded


def load_node_prefix(prefix: str | None) -> Path:
    """Return the prefix of a node that runs; nothing else of its settings has to be right.

    Raises:
        ConfigError: the prefix cannot be told.
    """
    return load_prefix(os.environ, _flags(prefix))


def tell_remarks(console: Console, loaded: Loaded) -> None:
    """Tell warnings; notices with ``--v``; every setting with ``--vv``."""
    for line in loaded.warnings:
        console.warn(line)
    source = "no configuration file" if loaded.file is None else f"file {loaded.file}"
    for line in (f"settings from {source}", *loaded.notices):
        console.verbose(line)
    settings = loaded.settings
    for name, origin in sorted(loaded.origins.items()):
        if origin.startswith("environment "):
            variable = origin.removeprefix("environment ")
            console.debug(f'{variable} ENV found with "{settings.text(name)}"')
    for name in sorted(loaded.origins):
        if settings.has(name):
            console.debug(f"{name} = {settings.text(name)}")


def _flags(prefix: str | None) -> dict[str, str]:
    return {} if prefix is None else {"prefix": prefix}
