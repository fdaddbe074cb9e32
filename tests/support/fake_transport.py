"""The transport of a connection that exists only in the test."""

from colobus.gateway.loop import Protocol

__all__ = ["FakeTransport"]


class FakeTransport:
    """Has what protocols use of :class:`colobus.gateway.loop.Transport`.

    Attributes:
        sent: what was written.
        reading: whether data would be taken from the peer.
        ended: how the connection was ended: ``close``, ``abort``, or not yet.
        is_shut: the sending side was shut.
    """

    def __init__(self, protocol: Protocol, peer: tuple[str, int] = ("127.0.0.1", 1)) -> None:
        self.protocol = protocol
        self.peer = peer
        self.local = ("127.0.0.1", 8000)
        self.buffered = 0
        self.sent = b""
        self.reading = True
        self.ended = ""
        self.is_shut = False

    @property
    def closing(self) -> bool:
        return bool(self.ended)

    def write(self, data: bytes) -> None:
        if not self.ended and not self.is_shut:
            self.sent += data

    def write_eof(self) -> None:
        self.is_shut = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.ended = self.ended or "close"

    def abort(self) -> None:
        self.ended = "abort"

    def lose(self) -> None:
        """Do what the loop does at the end of a connection."""
        self.protocol.connection_lost(None)
