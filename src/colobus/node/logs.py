"""Logging of the node's processes, in the levels and the line shape operators know."""

import logging
import sys

__all__ = ["configure_logging", "level_number"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "crit": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "emerg": logging.CRITICAL,
}
"""Kong's ``log_level`` -> ours. Notices are written at INFO, which stays readable by default."""

_NAMES = {
    logging.DEBUG: "debug",
    logging.INFO: "notice",
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
    handler.setFormatter(
        _Formatter("%(asctime)s [%(level)s] %(process)d %(name)s: %(message)s", "%Y/%m/%d %H:%M:%S")
    )
    logging.basicConfig(level=level_number(log_level), handlers=[handler], force=True)
    for chatty in ("alembic", "aiosqlite", "sqlalchemy", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, level_number(log_level)))
