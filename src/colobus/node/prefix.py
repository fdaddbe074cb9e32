"""Prepares the folder a node lives in, and keeps two commands from starting there at once."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from colobus.config.layout import Layout
from colobus.errors import NodeError

__all__ = ["prepare_prefix", "starting"]

PRIVATE = 0o700
"""The datastore, the settings and keys lie in the prefix: nobody else looks in."""


def prepare_prefix(prefix: Path, say: Callable[[str], None]) -> None:
    """Create what is missing of the node's folder; what exists keeps its permissions.

    Args:
        prefix: the folder.
        say: told when it has to be created.

    Raises:
        NodeError: it is no folder, or cannot be created.
    """
    layout = Layout(prefix)
    try:
        if not prefix.exists():
            say(f"prefix directory {prefix} not found, trying to create it")
            prefix.parent.mkdir(parents=True, exist_ok=True)
            prefix.mkdir(mode=PRIVATE, exist_ok=True)
        if not prefix.is_dir():
            raise NodeError(f"{prefix} is not a directory")
        layout.logs.mkdir(exist_ok=True)
        layout.pid_file.parent.mkdir(exist_ok=True)
        layout.node_name_file.parent.mkdir(mode=PRIVATE, exist_ok=True)
    except OSError as exc:
        raise NodeError(f"cannot prepare {exc.filename or prefix}: {exc.strerror}") from exc


@contextmanager
def starting(prefix: Path) -> Iterator[None]:
    """Keep other commands from starting a node in this prefix meanwhile.

    Raises:
        NodeError: another command is about to.
    """
    try:
        descriptor = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise NodeError(f"cannot open {prefix}: {exc.strerror}") from exc
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NodeError(f"another command is starting a node in {prefix}") from None
        yield
    finally:
        os.close(descriptor)
