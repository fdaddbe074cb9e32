"""The hosts of a simulated network: what they run, what they have told and sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from colobus.cluster.machine import Datagram
from colobus.cluster.serf.facts import Fact
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.streams import OpenStream, StreamWrite

__all__ = ["SimHost", "SimMachine", "StreamEnd"]


class SimMachine(Protocol):
    """What a host runs: the border of ``colobus.cluster.machine.ClusterMachine``."""

    def receive_datagram(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram."""

    def accept_stream(self, now: float) -> int | None:
        """Take a connection."""

    def receive_stream(self, stream: int, data: bytes, now: float) -> None:
        """Take bytes of a stream."""

    def stream_ended(self, stream: int, now: float, reason: str = ...) -> None:
        """Learn of the end of a stream."""

    def handle_timer(self, now: float) -> None:
        """Do what is due."""

    def next_deadline(self) -> float | None:
        """Return when something is due."""

    def datagrams_to_send(self) -> list[Datagram]:
        """Return datagrams."""

    def streams_to_open(self) -> list[OpenStream]:
        """Return connections."""

    def stream_writes(self) -> list[StreamWrite]:
        """Return bytes for streams."""

    def next_event(self) -> Fact | None:
        """Return a fact."""


class SimHost:
    """One machine on the network, and what has been seen of it.

    Attributes:
        machine: what runs here.
        facts: what it told, with the time.
        datagrams_sent: how many.
        bytes_sent: in datagrams.
        streams_opened: how many.
    """

    def __init__(self, address: Address, machine: SimMachine) -> None:
        self.address = address
        self.machine = machine
        self.facts: list[tuple[float, Fact]] = []
        self.datagrams_sent = 0
        self.bytes_sent = 0
        self.streams_opened = 0
        self.is_up = True
        self.is_stopped = False
        self.wakes_at: float | None = None
        self.backlog: list[Callable[[], None]] = []
        self.streams: dict[int, StreamEnd] = {}

    def __repr__(self) -> str:
        return f"<SimHost {self.address[0]}:{self.address[1]} {self.machine!r}>"

    def take_backlog(self) -> list[Callable[[], None]]:
        """Return what came while the host was stopped, and forget it."""
        backlog, self.backlog = self.backlog, []
        return backlog


@dataclass(slots=True)
class StreamEnd:
    """Where the other end of a stream is, and when the last bytes sent there arrive."""

    peer: SimHost
    number: int
    arrives_at: float = 0.0
