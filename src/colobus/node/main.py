"""Runs a node in this process: in the foreground, or as the daemon that ``start`` spawned."""

import argparse
import asyncio
import logging
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from colobus.clock import SystemClock
from colobus.config.dump import restore
from colobus.config.settings import Settings
from colobus.errors import GatewayError
from colobus.node.control import pid_file
from colobus.node.datastore import make_store
from colobus.node.logs import configure_logging
from colobus.node.supervisor import Supervisor
from colobus.plugins.registry import load

__all__ = ["main", "run"]

logger = logging.getLogger(__name__)


def run(settings: Settings, ready: Callable[[], None]) -> int:
    """Run a node until it is told to stop, and return its exit status.

    Args:
        settings: checked settings, whose prefix is prepared.
        ready: called once requests are answered.

    Raises:
        GatewayError: it cannot start; the text is for the person who tried.
    """
    configure_logging(settings.log_level)
    clock = SystemClock()
    held = pid_file(settings.prefix)
    held.acquire()
    try:
        registry = load(settings.custom_plugins)
        store = make_store(settings, registry, clock, Random(secrets.randbits(64)))  # noqa: S311  (jitter)
        asyncio.run(_run(Supervisor(settings, registry, store, clock), ready))
    finally:
        held.release()
    return 0


async def _run(supervisor: Supervisor, ready: Callable[[], None]) -> None:
    try:
        await supervisor.run(ready)
    except* GatewayError as errors:
        # Tasks report in groups; the first reason is the one that a person can act on.
        raise _first(errors) from errors


def _first(errors: BaseExceptionGroup[GatewayError]) -> GatewayError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def main(arguments: Sequence[str]) -> int:
    """Run the daemon: settings from its prefix, its report on a descriptor."""
    parser = argparse.ArgumentParser(prog="colobus.node.main", description=__doc__)
    parser.add_argument("--env", type=Path, required=True, help="the file that start wrote")
    parser.add_argument("--ready-fd", type=int, required=True, help="where to report")
    options = parser.parse_args(arguments)
    report = _Report(options.ready_fd)
    try:
        return run(restore(options.env), report.ready)
    except GatewayError as exc:
        logger.critical("%s", exc)
        report.failed(str(exc))
        return 1


class _Report:
    """The start's outcome, told once to whoever waits for it."""

    def __init__(self, descriptor: int) -> None:
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8")

    def ready(self) -> None:
        self._tell("ready\n")

    def failed(self, text: str) -> None:
        self._tell("".join(f"error {line}\n" for line in text.splitlines()))

    def _tell(self, text: str) -> None:
        if self._stream.closed:
            return
        try:
            self._stream.write(text)
            self._stream.close()
        except BrokenPipeError:
            logger.warning("nobody waited for the node to start")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
