"""A tunnel: bytes pass both ways between a client and an upstream that switched protocols.

It takes both connections over from their protocols. Each side's end is passed on to the other;
the tunnel is over when both have ended, when one is gone, or when nothing passed for too long.
"""

import ssl
from collections.abc import Callable

from colobus.gateway.loop import Loop, Protocol, Transport
from colobus.gateway.secure import TlsSession

__all__ = ["Tunnel"]


class TunnelEnd(Protocol):
    """One of the two connections.

    Attributes:
        is_eof: its peer will send no more.
        is_lost: it is gone.
        sent: bytes passed on to it.
    """

    __slots__ = ("is_eof", "is_lost", "sent", "session", "transport", "tunnel")

    def __init__(self, tunnel: "Tunnel", transport: Transport, session: TlsSession | None) -> None:
        self.tunnel = tunnel
        self.transport = transport
        self.session = session
        self.is_eof = False
        self.is_lost = False
        self.sent = 0
        transport.protocol = self
        transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        self.tunnel.touch()
        session = self.session
        if session is None:
            self.tunnel.other(self).write(data)
            return
        try:
            data = session.receive(data)
        except ssl.SSLError:
            self.transport.abort()
            return
        self.transport.write(session.take())
        self.tunnel.other(self).write(data)
        if session.is_ended:
            self.eof_received()

    def write(self, data: bytes) -> None:
        """Send what the other side sent."""
        self.sent += len(data)
        if self.session is None:
            self.transport.write(data)
            return
        try:
            self.transport.write(self.session.encrypt(data))
        except ssl.SSLError:
            self.transport.abort()

    def end(self) -> None:
        """Say that the other side will send no more."""
        if self.session is not None:
            self.transport.write(self.session.end())
        self.transport.write_eof()

    def eof_received(self) -> None:
        """Pass the end on; the other direction may go on."""
        if self.is_eof:
            return
        self.is_eof = True
        self.tunnel.touch()
        self.tunnel.other(self).end()
        if self.tunnel.other(self).is_eof:
            self.tunnel.close()

    def pause_writing(self) -> None:
        """Hold the other side back."""
        self.tunnel.other(self).transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other side go on."""
        self.tunnel.other(self).transport.resume_reading()

    def connection_lost(self, error: OSError | None) -> None:
        """End the other side too."""
        self.is_lost = True
        self.tunnel.end_lost(error)


class Tunnel:
    """Two connections made one.

    Args:
        loop: time.
        client: the connection of the client.
        upstream: the connection of the upstream.
        session: its TLS session, if it has one.
        timeout: seconds without a byte in either direction after which it ends.
        lost: called once, when both connections are gone, with the bytes passed to the client.
    """

    __slots__ = ("client", "loop", "lost", "timeout", "timer", "upstream")

    def __init__(
        self,
        loop: Loop,
        client: Transport,
        upstream: Transport,
        session: TlsSession | None,
        timeout: float,
        lost: Callable[[OSError | None, int], None],
    ) -> None:
        self.loop = loop
        self.timeout = timeout
        self.lost = lost
        self.timer = loop.timers.schedule(loop.now + timeout, self.on_timer)
        self.client = TunnelEnd(self, client, None)
        self.upstream = TunnelEnd(self, upstream, session)

    def other(self, end: TunnelEnd) -> TunnelEnd:
        """Return the other side."""
        return self.upstream if end is self.client else self.client

    def open(self, opening: bytes, held: bytes) -> None:
        """Send on what came before there was a tunnel, now that each side can hold the other back.

        Args:
            opening: for the client.
            held: for the upstream.
        """
        self.client.write(opening)
        self.upstream.write(held)

    def touch(self) -> None:
        """Note that the tunnel is used."""
        self.timer.move(self.loop.now + self.timeout)

    def close(self) -> None:
        """End both sides once what is buffered is sent; the idle timeout bounds that too."""
        self.client.transport.close()
        self.upstream.transport.close()

    def on_timer(self) -> None:
        """End both sides now."""
        self.client.transport.abort()
        self.upstream.transport.abort()

    def end_lost(self, error: OSError | None) -> None:
        """Act on the loss of one side."""
        if self.client.is_lost and self.upstream.is_lost:
            self.timer.cancel()
            self.lost(error, self.client.sent)
        else:
            self.close()
