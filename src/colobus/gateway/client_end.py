"""The client's end of an exchange: what an exchange needs of whoever brought it.

Two kinds of it exist: a connection of HTTP/1 (``client.py``), which serves one exchange after the
other, and a stream of HTTP/2 (``http2_stream.py``), which serves one. An exchange hands its answer
over as a message of HTTP/1.1; what becomes of it on the wire is the end's affair.
"""

from typing import TYPE_CHECKING

from colobus.gateway.environment import Environment
from colobus.gateway.loop import Protocol

if TYPE_CHECKING:
    from colobus.gateway.upstream import UpstreamConnection

__all__ = ["ClientEnd"]


class ClientEnd(Protocol):
    """See the module. Abstract: each method is for both kinds to override; no compiled class is an ABC.

    Args:
        environment: what all connections share.
        serial: see below.

    Attributes:
        serial: the number of the connection in this worker, from 1.
        requests: heads read over the connection so far.
        peer: the client's IP address.
        is_trusted: the peer may speak for others (``trusted_ips``).
        scheme: ``http`` or ``https``.
        forwarded: what every request over it tells the upstream about the client.
    """

    __slots__ = (
        "environment",
        "forwarded",
        "is_trusted",
        "peer",
        "requests",
        "scheme",
        "serial",
    )

    def __init__(self, environment: Environment, serial: int) -> None:
        self.environment = environment
        self.serial = serial
        self.requests = 0
        self.peer = ""
        self.is_trusted = False
        self.scheme = "http"
        self.forwarded = b""

    @property
    def server_address(self) -> tuple[str, int]:
        """Address and port the client connected to."""
        raise NotImplementedError

    @property
    def can_read_on(self) -> bool:
        """Whether an answer that leaves some of the request unread need not be the last one."""
        raise NotImplementedError

    def want_body(self) -> None:
        """Let more of the request's body come: somebody waits for it."""
        raise NotImplementedError

    def hold_for_upstream(self) -> None:
        """Let no more of it come until the upstream has taken what is there."""
        raise NotImplementedError

    def release_for_upstream(self) -> None:
        """Let it come again: the upstream has taken most of it."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """Send a piece of the answer; the first one holds the whole head."""
        raise NotImplementedError

    def exchange_ended(self, keep_alive: bool) -> None:
        """Note that the answer is complete."""
        raise NotImplementedError

    def begin_tunnel(self, data: bytes, upstream: "UpstreamConnection") -> None:
        """Let a tunnel take the connection over, after ``data``."""
        raise NotImplementedError

    def abort(self) -> None:
        """End now; a client in the middle of an answer sees that it is not whole."""
        raise NotImplementedError
