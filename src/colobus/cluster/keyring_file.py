"""Keeps a keyring in its file. Blocks: call it in a thread, or before the loop runs."""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from colobus.cluster.keyring import Keyring, format_keyring, parse_keyring
from colobus.errors import KeyringError

__all__ = ["load_keyring", "save_keyring"]

# 64 keys take 3 kB; whatever is larger is another file.
_MAX_SIZE: Final = 65536


def load_keyring(path: Path) -> Keyring:
    """Return the keyring kept in ``path``.

    Raises:
        KeyringError: the file cannot be read, or is no keyring.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_SIZE + 1)
    except OSError as exc:
        raise KeyringError(f"keyring file {path} cannot be read: {exc.strerror}") from exc
    if len(content) > _MAX_SIZE:
        raise KeyringError(f"keyring file {path} exceeds {_MAX_SIZE} bytes")
    try:
        return parse_keyring(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise KeyringError(f"keyring file {path} is not JSON") from None
    except KeyringError as exc:
        raise KeyringError(f"{path}: {exc}") from None


def save_keyring(path: Path, keys: Sequence[bytes]) -> None:
    """Replace the file ``path`` by one with ``keys``, the primary first, readable by its owner.

    A reader, or a node that starts after a power failure, finds the old file or the new one.

    Raises:
        KeyringError: the file cannot be written; the old one is as it was.
    """
    try:
        _replace(path, format_keyring(keys).encode())
    except OSError as exc:
        raise KeyringError(f"keyring file {path} cannot be written: {exc.strerror}") from exc


def _replace(path: Path, content: bytes) -> None:
    target = path.resolve()  # a link stays a link to the file it names
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)  # made by mkstemp with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Write the folder's new entry to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
