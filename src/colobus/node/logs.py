"""The error log of the node's processes, in the levels and the line shape operators know.

A node in the background has its error log as standard output and error, so that also what the
interpreter says of a crash is in it; reopening it puts the new file in the place of both.
"""

import logging
import logging.handlers
import os
import sys
from pathlib import Path

from colobus.errors import NodeError
from colobus.logs.file import append_to
from colobus.logs.levels import ALERT, EMERG, NOTICE

__all__ = ["check_log", "configure_logging", "divert", "level_number", "reopen_error_log"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": NOTICE,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "crit": logging.CRITICAL,
    "alert": ALERT,
    "emerg": EMERG,
}
"""Kong's ``log_level`` -> ours."""

_NAMES = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    NOTICE: "notice",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "crit",
}


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.level = _NAMES.get(record.levelno, record.levelname.lower())
        return super().format(record)


def level_number(log_level: str) -> int:
    """Return the logging level of one of Kong's names."""
    return _LEVELS[log_level]


def configure_logging(log_level: str) -> None:
    """Send every log line of this process to standard error, which the node's log file is."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter())
    # A full disk under the error log must not cost a traceback for each line it does not take.
    logging.raiseExceptions = False
    logging.basicConfig(level=level_number(log_level), handlers=[handler], force=True)
    for chatty in ("alembic", "aiosqlite", "sqlalchemy", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, level_number(log_level)))


def _formatter() -> logging.Formatter:
    return _Formatter(
        "%(asctime)s [%(level)s] %(process)d %(name)s: %(message)s", "%Y/%m/%d %H:%M:%S"
    )


def divert(loggers: tuple[str, ...], path: Path) -> None:
    """Send what these loggers say to a file of their own, followed when it is rotated."""
    handler = logging.handlers.WatchedFileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(_formatter())
    for name in loggers:
        diverted = logging.getLogger(name)
        diverted.addHandler(handler)
        diverted.propagate = False


def check_log(path: Path | None, setting: str) -> None:
    """Create a log file if it is missing, so that one that cannot be written stops the start.

    Raises:
        NodeError: it cannot be opened; the text names the ``setting``.
    """
    if path is None:
        return
    try:
        os.close(append_to(path, 0o640))
    except OSError as exc:
        raise NodeError(f"cannot open {path} ({setting}): {exc.strerror}") from exc


def reopen_error_log(path: Path) -> None:
    """Put the file that has this name now in the place of standard output and error.

    A device, or a file that cannot be opened, leaves them as they are.
    """
    if path.is_char_device() or path.is_fifo():
        return
    try:
        descriptor = append_to(path, 0o640)
    except OSError as exc:
        logging.getLogger(__name__).error("cannot reopen %s: %s", path, exc.strerror)
        return
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
