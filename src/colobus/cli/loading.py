"""Loads settings for a command, and tells what is remarkable about them."""

import os
from pathlib import Path

from colobus.cli.console import Console
from colobus.config.dump import restore
from colobus.config.layout import Layout
from colobus.config.loader import Loaded, load, load_prefix
from colobus.config.settings import Settings
from colobus.errors import NodeError

__all__ = ["load_node_prefix", "load_running", "load_settings", "tell_remarks"]


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


def load_running(console: Console, conf: Path | None, prefix: str | None) -> Settings:
    """Return the settings that a node was started with, as its prefix keeps them.

    Args:
        console: told what is remarkable about ``conf``.
        conf: the file that names the prefix, if any.
        prefix: the prefix itself, which goes before.

    Raises:
        ConfigError: the prefix cannot be told, or what it keeps cannot be used.
        NodeError: no node was started there.
    """
    if conf is None:
        folder = load_node_prefix(prefix)
    else:
        folder = load_settings(console, conf, prefix).settings.prefix
    dump = Layout(folder).environment_file
    if not dump.is_file():
        raise NodeError(f"Error connecting to Serf agent: no node was started in {folder}")
    return restore(dump)


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
