"""The last lines of the log, kept for ``monitor`` (reference: rpc §7)."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from colobus.errors import ClusterError
from colobus.logs.levels import NOTICE

__all__ = ["LogTail", "monitor_level"]

KEPT_LINES: Final = 512
_LEVELS: Final = {
    "TRACE": logging.NOTSET,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERR": logging.ERROR,
}
_WORDS: Final = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    NOTICE: "INFO",
    logging.WARNING: "WARN",
    logging.ERROR: "ERR",
    logging.CRITICAL: "ERR",
}


def monitor_level(word: str) -> int:
    """Return the level that a client named.

    Raises:
        ClusterError: there is no such level.
    """
    level = _LEVELS.get(word.upper())
    if level is None:
        raise ClusterError(f"Unknown log level: {word.upper()}")
    return level


class _AgentFormatter(logging.Formatter):
    """Lines as agents write them: date, level in brackets, who speaks, text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(word)s] %(name)s: %(message)s", "%Y/%m/%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        record.word = _WORDS.get(record.levelno, record.levelname)
        return super().format(record)


class LogTail(logging.Handler):
    """Keeps the last lines that the log level lets through, and passes new ones on.

    Attributes:
        sink: told level and text of each new line, in whichever thread writes it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_AgentFormatter())
        self.sink: Callable[[int, str], None] | None = None
        self._lines: deque[tuple[int, str]] = deque(maxlen=KEPT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        line = self.format(record)
        self._lines.append((record.levelno, line))
        if self.sink is not None:
            self.sink(record.levelno, line)

    def recent(self, level: int) -> list[str]:
        """Return the lines kept that are of ``level`` or above, oldest first."""
        return [line for written, line in tuple(self._lines) if written >= level]
