"""The end of a client connection that cannot simply be closed. Takes it over from its protocol.

Closing while bytes of the client are unread makes the kernel reset the connection, and the client
may lose the answer it was just sent. So the sending side is shut, and what still comes is read
and thrown away until the client has noticed. All of it is bounded in time.
"""

from collections.abc import Callable
from typing import Final

from colobus.gateway.loop import Loop, Protocol, Transport

__all__ = ["Closing"]

# nginx's lingering_timeout; most clients notice within one round trip.
LINGER_S: Final = 5.0


class Closing(Protocol):
    """Ends one connection.

    Args:
        loop: time.
        transport: the connection; this becomes its protocol.
        lost: called at the end.
        send_timeout: seconds for a client that does not take the rest of its answer.
        linger: read on for a while; without it, only what is unsent is waited for.
    """

    __slots__ = ("loop", "lost", "send_timeout", "timer", "transport", "unsent")

    def __init__(
        self,
        loop: Loop,
        transport: Transport,
        lost: Callable[[OSError | None], None],
        send_timeout: float,
        *,
        linger: bool,
    ) -> None:
        self.loop = loop
        self.transport = transport
        self.lost = lost
        self.send_timeout = send_timeout
        self.unsent = transport.buffered
        transport.protocol = self
        if linger:
            transport.resume_reading()
            transport.write_eof()
            self.timer = loop.timers.schedule(loop.now + LINGER_S, self.on_timer)
        else:
            transport.close()
            self.timer = loop.timers.schedule(loop.now + send_timeout, self.on_timer)

    def eof_received(self) -> None:
        """The client has noticed."""
        self.transport.close()

    def on_timer(self) -> None:
        """Go on waiting only for a client that takes what is left."""
        buffered = self.transport.buffered
        if buffered and (buffered < self.unsent or not self.transport.closing):
            self.unsent = buffered
            self.transport.close()
            self.timer.move(self.loop.now + self.send_timeout)
        else:
            self.transport.abort()

    def connection_lost(self, error: OSError | None) -> None:
        """Tell whoever had the connection before."""
        self.timer.cancel()
        self.lost(error)
