"""TLS towards an upstream, as bytes in and bytes out: no sockets here.

The certificate of an upstream is not verified (reference: proxying §2.7): what is encrypted is
safe from eavesdroppers, not from somebody who can answer in the upstream's place.
"""

import ssl
from ipaddress import ip_address
from typing import Final

__all__ = ["TlsSession", "server_name", "upstream_context"]

READ_BYTES: Final = 65_536


def upstream_context() -> ssl.SSLContext:
    """Return what all sessions towards upstreams share."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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
    """One session with an upstream.

    Attributes:
        is_established: the handshake is complete.
        is_ended: the upstream said that nothing more will come.
    """

    __slots__ = ("incoming", "is_ended", "is_established", "outgoing", "tls")

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        try:
            self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name or None)
        except ValueError:  # a Host that is no name: the upstream will choose a certificate
            self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.is_established = False
        self.is_ended = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the connection; return the plain ones they make.

        Call :meth:`take` afterwards, and once with nothing received to begin.

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
