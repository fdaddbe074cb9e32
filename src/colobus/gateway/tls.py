"""TLS towards clients: a transport that deciphers what it receives and enciphers what it sends.

To its protocol it is a transport like any other: the protocol is told at once that a connection
was made, so that its limits of time and number hold for the handshake too, and gets data once the
handshake is complete. What is written before that is lost, as after the end. Bytes count as
``buffered`` enciphered, on their way to the kernel; nothing is held in front of the cipher, and
behind it never more than one unfinished record of the client (16 KiB).

The client's close_notify and a bare end of the connection both arrive as ``eof_received``: HTTP's
own framing tells a whole message from a broken one.
"""

import logging
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from colobus.errors import TlsError
from colobus.gateway.contexts import ChooseContext
from colobus.gateway.loop import Loop, Protocol, Transport
from colobus.gateway.secure import TlsSession

if TYPE_CHECKING:
    from colobus.gateway.loop import Wrap

__all__ = ["TlsTransport", "secured"]

# nginx answers the same, with its status 497 shown as 400.
PLAIN_REQUEST: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 52\r\n"
    b"Connection: close\r\n\r\nThe plain HTTP request was sent to a port for HTTPS\n"
)

Agreed = Callable[[Protocol, str | None], None]

logger = logging.getLogger(__name__)


class TlsTransport(Transport):
    """One connection with TLS; see the module.

    Attributes:
        session: set before the transport starts.
        agreed: see :func:`secured`.
    """

    __slots__ = ("agreed", "session")

    session: TlsSession
    agreed: Agreed

    def arrived(self, data: bytes) -> None:
        """Decipher, and hand on what that makes."""
        session = self.session
        if session.is_ended:
            return  # nothing may follow close_notify
        was_established = session.is_established
        try:
            data = session.receive(data)
        except ssl.SSLError as error:
            self.refuse(error)
            return
        Transport.write(self, session.take())
        if session.is_established and not was_established:
            self.agreed(self.protocol, session.protocol)
        if data:
            self.protocol.data_received(data)
        if self.session.is_ended and not self.closed:
            self.protocol.eof_received()

    def ended(self) -> None:
        """Hand on that the client has shut its side, unless it said so before."""
        if not self.session.is_established:
            self.abort()
        elif not self.session.is_ended:
            self.protocol.eof_received()

    def refuse(self, error: ssl.SSLError) -> None:
        """End a session that cannot go on, with the reason for the client."""
        reason = error.reason or "protocol error"
        logger.info("TLS with %s:%d: %s", self.peer[0], self.peer[1], reason)
        alert = self.session.take()
        Transport.write(self, PLAIN_REQUEST if reason == "HTTP_REQUEST" else alert)
        Transport.close(self)
        if self.buffered:
            self.abort()  # a client that takes not even this is not waited for

    def write(self, data: bytes) -> None:
        """Send ``data``, as Transport.write does."""
        if self.writable and data and self.session.is_established:
            try:
                data = self.session.encrypt(data)
            except ssl.SSLError:
                self.abort()
                return
            Transport.write(self, data)

    def write_eof(self) -> None:
        """Say that nothing more will come, and shut the sending side; reading goes on."""
        self.say_goodbye()
        Transport.write_eof(self)

    def close(self) -> None:
        """Say that nothing more will come, send what is buffered, then end the connection."""
        self.say_goodbye()
        Transport.close(self)

    def say_goodbye(self) -> None:
        """Send close_notify, once."""
        if self.writable:
            Transport.write(self, self.session.end())


def secured(choose: ChooseContext, agreed: Agreed) -> "Wrap":
    """Return what makes the transports of a listener.

    Args:
        choose: called with None for each connection, and again with the name its client asks for.
        agreed: called once the handshake is complete, before any data, with the protocol of the
            connection and what both sides chose to speak (ALPN), None if they did not.
    """

    def by_name(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        try:
            if name is not None:
                tls.context = choose(name)
        except TlsError as error:
            logger.error("no certificate for %s: %s", name, error)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def make(
        loop: Loop, handle: socket.socket, protocol: Protocol, peer: tuple[str, int]
    ) -> Transport:
        context = choose(None)
        if context.sni_callback is None:
            context.sni_callback = by_name
        session = TlsSession(context, is_server=True)
        transport = TlsTransport(loop, handle, protocol, peer)
        transport.session = session
        transport.agreed = agreed
        return transport

    return make
