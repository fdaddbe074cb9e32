"""file-log: writes the record of each request to a file, one JSON object a line.

Reference: plugins.md, file-log. A thread of the worker writes the files; what waits is bounded,
and a file that cannot be written costs no request anything. With ``reopen`` a file is opened anew
for each write; without, it stays open until the node is told to reopen its logs (SIGUSR1).
"""

import os
from pathlib import Path
from typing import Annotated

from colobus.logs.file import LogWriter, append_to
from colobus.model.kind import ValidationContext
from colobus.model.schema import Boolean, Check, Schema, String
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange
from colobus.plugins.log_record import encoded_record

__all__ = ["FileLog", "FileLogConfig"]

MODE = 0o644
"""Of a file that is created: whoever ships logs can read it."""


def create(path: str, context: object) -> str:
    """Create a file that is missing, when a configuration is written.

    A worker that loads one does not: a file this node cannot write must not stop its requests.
    """
    if isinstance(context, ValidationContext):
        try:
            os.close(append_to(Path(path), MODE))
        except OSError as error:
            raise ValueError(f"Cannot create file: {error.strerror}: {path}") from None
    return path


class FileLogConfig(Schema):
    """``config`` of file-log."""

    path: Annotated[String, Check(create, asks_context=True)]
    reopen: Boolean = False


class FileLog(Plugin):
    """Writes records to files."""

    name = "file-log"
    priority = 1
    Config = FileLogConfig

    def init_worker(self) -> None:
        """Get ready to write; a thread starts with the first record."""
        self._writer = LogWriter("file-log")

    def log(self, exchange: Exchange, config: FileLogConfig) -> None:
        """Hand the record to the thread."""
        file = self._writer.open(Path(config.path), mode=MODE, reopens=config.reopen)
        file.write(encoded_record(exchange) + b"\n")

    def reopen_logs(self) -> None:
        """Open every file anew."""
        self._writer.reopen()

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()
