"""TLS as bytes in and bytes out, of either side: no sockets here."""

import contextlib
import ssl
from ipaddress import ip_address
from typing import Final

__all__ = ["TlsSession", "server_name"]

READ_BYTES: Final = 65_536


def server_name(host: bytes) -> str:
    """Return the name to ask an upstream for: Host without port, nothing for an IP address."""
    name = host.decode("latin-1")
    if name.startswith("["):
        return ""
    name = name.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return name
    return ""


class TlsSession:
    """One session.

    Args:
        context: what it goes by.
        name: of the server this is the client of: a name or an address; empty for none.
        is_server: this side waits for the other to begin.

    Attributes:
        is_established: the handshake is complete.
        is_ended: the other side said that nothing more will come.

    Raises:
        ssl.SSLError: the context wants the server's name verified, and ``name`` is none.
    """

    __slots__ = ("incoming", "is_ended", "is_established", "outgoing", "tls")

    def __init__(self, context: ssl.SSLContext, name: str = "", *, is_server: bool = False) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        try:
            self.tls = context.wrap_bio(
                self.incoming, self.outgoing, is_server, server_hostname=name or None
            )
        except ValueError:  # a Host that is no name: the upstream will choose a certificate
            if context.check_hostname:
                raise ssl.SSLError(f"{name!r} is no name of a server") from None
            self.tls = context.wrap_bio(self.incoming, self.outgoing, is_server)
        self.is_established = False
        self.is_ended = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the connection; return the plain ones they make.

        Call :meth:`take` afterwards, also when it raises; a client does so once with nothing
        received, to begin.

        Raises:
            ssl.SSLError: the session cannot go on.
        """
        self.incoming.write(data)
        if not self.is_established:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.is_established = True
        pieces = []
        try:
            while piece := self.tls.read(READ_BYTES):
                pieces.append(piece)
            self.is_ended = True  # close_notify reads as nothing
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return b"".join(pieces)

    @property
    def protocol(self) -> str | None:
        """What both sides chose to speak inside (ALPN); None when they did not choose."""
        return self.tls.selected_alpn_protocol()

    def take(self) -> bytes:
        """Return the bytes that the session itself wants sent."""
        return self.outgoing.read()

    def encrypt(self, data: bytes) -> bytes:
        """Return what to send for ``data``; only once established.

        Raises:
            ssl.SSLError: the session cannot go on.
        """
        if data:
            self.tls.write(data)
        return self.outgoing.read()

    def end(self) -> bytes:
        """Return what tells the other side that nothing more will come; it may go on sending."""
        if self.is_established:
            with contextlib.suppress(ssl.SSLError):  # it waits for the other side's, we do not
                self.tls.unwrap()
        return self.outgoing.read()
