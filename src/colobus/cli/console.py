"""What commands print, and where: messages to standard output, warnings and errors to the other.

Messages are bare text. With ``--v`` and ``--vv`` more of them are written, and all as log lines;
warnings and errors always are.
"""

import enum
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colobus.clock import Clock, SystemClock

__all__ = ["Console", "Program", "Verbosity"]


class Verbosity(enum.IntEnum):
    """How much a command tells."""

    NORMAL = 0
    VERBOSE = 1  # --v
    DEBUG = 2  # --vv


@dataclass(frozen=True, slots=True)
class Program:
    """The words that depend on the name the command was called by.

    Attributes:
        name: of the command.
        product: as messages call the gateway.
        cluster: the service that speaks for the node in the cluster.
        gateway: the service that proxies.
    """

    name: str
    product: str
    cluster: str
    gateway: str

    @classmethod
    def called(cls, path: str) -> "Program":
        """Return the program of an argument 0: under the name of 0.10 its messages are 0.10's."""
        if Path(path).name == "kong":
            return cls("kong", "Kong", "serf", "nginx")
        return cls("colobus", "Colobus", "cluster", "gateway")


class Console:
    """The standard streams of one command."""

    def __init__(self, program: Program, clock: Clock | None = None) -> None:
        self.program = program
        self.verbosity = Verbosity.NORMAL
        self._clock = clock or SystemClock()

    def say(self, text: str) -> None:
        """Tell the result of a command."""
        print(text if self.verbosity is Verbosity.NORMAL else self._line("info", text))
        sys.stdout.flush()

    def verbose(self, text: str) -> None:
        """Tell a step, if asked to."""
        if self.verbosity >= Verbosity.VERBOSE:
            print(self._line("verbose", text))

    def debug(self, text: str) -> None:
        """Tell a detail, if asked to."""
        if self.verbosity >= Verbosity.DEBUG:
            print(self._line("debug", text))

    def warn(self, text: str) -> None:
        """Tell what a person should look at, although the command goes on."""
        print(self._line("warn", text), file=sys.stderr)

    def error(self, text: str) -> None:
        """Tell one of the things that are wrong."""
        print(self._line("error", text), file=sys.stderr)

    def fail(self, lines: Sequence[str], error: BaseException) -> None:
        """Tell why the command failed; with ``--v`` or ``--vv`` also where."""
        for line in lines:
            print(f"Error: {line}", file=sys.stderr)
        print(file=sys.stderr)
        if self.verbosity is Verbosity.NORMAL:
            hint = "  Run with --v (verbose) or --vv (debug) for more details"
            print(hint, file=sys.stderr)
        else:
            traceback.print_exception(error, file=sys.stderr)

    def _line(self, level: str, text: str) -> str:
        written = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(self._clock.time()))
        return f"{written} [{level}] {text}"
