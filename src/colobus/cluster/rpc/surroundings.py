"""What a session of RPC stands between: the agent, the client, and the machine it runs on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from colobus.cluster.machine import ClusterMachine
from colobus.cluster.rpc.log_tail import LogTail
from colobus.cluster.rpc.replies import Body, StreamRecord
from colobus.cluster.rpc.requests import Request
from colobus.cluster.swim.addresses import Address

__all__ = ["Agent", "Handlers", "Outlet", "Reply", "Resolved", "Surroundings"]

T = TypeVar("T")


class Agent(Protocol):
    """What a session commands: a running machine whose outputs somebody takes."""

    @property
    def machine(self) -> ClusterMachine:
        """The machine."""

    @property
    def now(self) -> float:
        """Its time."""

    def call(self, command: Callable[[float], T]) -> T:
        """Give it a command, and see to what follows; facts come after the session is done."""


class Outlet(Protocol):
    """The client's end of the session."""

    def send(self, data: bytes) -> None:
        """Write an answer."""

    def push(self, sequence: int, record: StreamRecord) -> None:
        """Write a record of a stream, or keep it for a client that does not keep up.

        Raises:
            ClusterProtocolError: it cannot be written.
        """

    def forget(self, sequence: int) -> None:
        """Drop what is kept of a stream that has ended."""

    def close(self) -> None:
        """Close once everything is written."""


class Reply(Protocol):
    """Answers a request."""

    def __call__(
        self, sequence: int, request: Request | None, error: str = "", body: Body | None = None
    ) -> None:
        """Write the answer to request ``sequence``."""


Handlers: TypeAlias = Mapping[type[Request], Callable[[int, Any], None]]
"""What handles each kind of request: told its number, and the request."""

Resolved: TypeAlias = Mapping[str, Address | str]
"""What names stand for: an address, or why there is none."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session needs beside the agent.

    Attributes:
        log: the log to monitor.
        runtime: what the agent runs on, for ``stats``.
        resolve: looks up ``host`` and ``host:port``, and calls back, perhaps at once.
        auth_key: what a client must show before anything else; empty for nothing.
    """

    log: LogTail
    runtime: Callable[[], Mapping[str, str]]
    resolve: Callable[[Sequence[str], Callable[[Resolved], None]], None]
    auth_key: str = field(default="", repr=False)
