"""A client of the RPC endpoint, for commands: one connection, one request at a time."""

import os
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from colobus.cluster.rpc.protocol import Reply, ReplyReader, encode_request
from colobus.cluster.rpc.requests import Authenticate, Handshake, Request
from colobus.errors import ClusterError

__all__ = ["RpcClient", "connect"]

CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
"""Beyond any command: a leave takes eleven seconds, a key operation a query's timeout, eight."""

READ_BYTES: Final = 65_536


class RpcClient:
    """A connection that has shaken hands; made by :func:`connect`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader = ReplyReader()
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self, request: Request) -> Reply:
        """Return the answer to ``request``, which may be an error (``Reply.error``).

        Raises:
            ClusterError: the connection ended, or nothing came for 30 seconds.
        """
        self.post(request)
        return self._next()

    def post(self, request: Request) -> None:
        """Send a request whose answer will be among the :meth:`records`.

        Raises:
            ClusterError: the connection ended.
        """
        self._sequence += 1
        self._reader.expect(self._sequence, request)
        try:
            self._socket.sendall(encode_request(self._sequence, request))
        except OSError as exc:
            raise ClusterError(f"the Serf agent does not listen any more: {_reason(exc)}") from exc

    def records(self) -> Iterator[Reply]:
        """Yield what follows the answer to a streaming request, without end.

        Raises:
            ClusterError: the connection ended, or nothing came for 30 seconds.
        """
        while True:
            yield self._next()

    def _next(self) -> Reply:
        while (reply := self._reader.next_reply()) is None:
            try:
                data = self._socket.recv(READ_BYTES)
            except OSError as exc:
                raise ClusterError(f"no answer from the Serf agent: {_reason(exc)}") from exc
            if not data:
                raise ClusterError("the Serf agent closed the connection")
            self._reader.receive(data)
        return reply


def connect(address: tuple[str, int], auth_key: str = "") -> RpcClient:
    """Return a client of the agent at ``address``, which is shown ``auth_key`` unless it is empty.

    Raises:
        ClusterError: nothing listens there, or something that is no agent, or has another key.
    """
    try:
        sock = socket.create_connection(address, CONNECT_S)
    except OSError as exc:
        where = f"{address[0]}:{address[1]}"
        raise ClusterError(f"Error connecting to Serf agent: {where}: {_reason(exc)}") from exc
    client = RpcClient(sock)
    try:
        sock.settimeout(ANSWER_S)
        for request in (Handshake(), *((Authenticate(auth_key),) if auth_key else ())):
            answer = client.ask(request)
            if answer.error:
                raise ClusterError(answer.error)
    except ClusterError as exc:
        sock.close()
        raise ClusterError(f"Error connecting to Serf agent: {exc}") from exc
    return client


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    return os.strerror(error.errno).lower() if error.errno else str(error)
