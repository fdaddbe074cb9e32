"""The log files of a node, as its supervisor sees to them: checked, written, reopened.

SIGUSR1 reopens them all: the supervisor's own at once, those of the workers through the node bus,
where the message has its place among the others and finds no worker that is still starting.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping

from colobus.admin.access import AdminAccessLog
from colobus.clock import Clock
from colobus.config.settings import Settings
from colobus.logs.file import LogWriter
from colobus.node.logs import check_log, divert, reopen_error_log

__all__ = ["SupervisorLogs"]

ADMIN_LOGGERS = ("colobus.admin", "uvicorn")


class SupervisorLogs:
    """See the module.

    Args:
        settings: of the node.

    Attributes:
        rotated: called after the supervisor reopened its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = LogWriter("admin access log")
        self.rotated: Callable[[], None] = lambda: None

    def listen(self) -> None:
        """Check that every file can be written, and take over SIGUSR1.

        Raises:
            NodeError: a file cannot be opened.
        """
        settings = self._settings
        check_log(settings.proxy_access_log, "proxy_access_log")
        check_log(settings.admin_access_log, "admin_access_log")
        if settings.admin_error_log != settings.proxy_error_log:
            check_log(settings.admin_error_log, "admin_error_log")
            divert(ADMIN_LOGGERS, settings.admin_error_log)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._reopen)

    def admin_access_log(self, clock: Clock) -> AdminAccessLog | None:
        """Return what the Admin API logs its requests with."""
        path = self._settings.admin_access_log
        return None if path is None else AdminAccessLog(clock, self._writer.open(path).write)

    def of_workers(self) -> Mapping[str, str | None]:
        """Return what a worker is told of its log files."""
        access_log = self._settings.proxy_access_log
        return {
            "access_log": None if access_log is None else str(access_log),
            # In the foreground, standard error belongs to whoever started the node.
            "error_log": str(self._settings.proxy_error_log) if self._settings.daemon else None,
        }

    def close(self) -> None:
        """Write what waits to be written."""
        self._writer.close()

    def _reopen(self) -> None:
        if self._settings.daemon:
            reopen_error_log(self._settings.proxy_error_log)
        self._writer.reopen()
        self.rotated()
