"""Serves the Admin API over HTTP/1.1 inside a running event loop, on a socket already bound.

uvicorn does the work, with h11 because that takes any token for a method: an invented one reaches
the application and is answered with 405. What uvicorn leaves open is closed here: a head that
never ends is cut off, so is a client that takes nothing of its answer, and what is no HTTP is
answered as the rest of the Admin API answers.
"""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from colobus.admin.access import AdminAccessLog
from colobus.admin.answer import message
from colobus.version import VERSION

__all__ = ["HEAD_TIMEOUT_S", "serve"]

HEAD_TIMEOUT_S = 60.0
"""Within this a client must have sent the head of a request (nginx: client_header_timeout)."""

SEND_TIMEOUT_S = 60.0
"""Within this a client must take something of its answer (nginx: send_timeout)."""

KEEP_ALIVE_S = 75
"""How long a connection may be idle between two requests (nginx: keepalive_timeout)."""

SHUTDOWN_S = 10
"""How long requests under way may take to end once the server is told to stop."""

MAX_HEAD_BYTES = 64 * 1024
"""Of a request's head; the web server under kong 0.10 took 4 lines of 8 KiB."""

MAX_CONNECTIONS = 1024
"""More are answered with 503: each may hold a body of 10 MiB."""


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    stop: asyncio.Event,
    access_log: AdminAccessLog | None = None,
    head_timeout_s: float = HEAD_TIMEOUT_S,
    send_timeout_s: float = SEND_TIMEOUT_S,
) -> None:
    """Serve ``app`` on ``sock`` until ``stop`` is set, then let requests end and close the socket.

    No signal handler is installed. When this returns, or is cancelled, nothing is left open.

    Args:
        app: the application; it gets no lifespan events.
        sock: a listening socket.
        stop: set by the owner when it is time to end; returning takes :data:`SHUTDOWN_S` at most.
        access_log: takes a line for what is no request; ``app`` logs the requests.
        head_timeout_s: how long a client may take to send the head of a request.
        send_timeout_s: how long a client may take nothing of an answer.
    """
    config = uvicorn.Config(
        app,
        http=_protocol(head_timeout_s, send_timeout_s, access_log),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    )
    # Head and body leave in two writes; Nagle's algorithm would hold the second one for 40 ms.
    # Connections inherit the option, which asyncio sets only where the protocol number is not 0.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(config, stop)
    try:
        await server.serve(sockets=[sock])
    finally:
        server.close_now()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: signals belong to the process, which is not its own.

    Without its ten looks a second at whether it is to stop, too.
    """

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def main_loop(self) -> None:
        """Wait for the order to stop; of what uvicorn does meanwhile nothing is configured."""
        await self._stop.wait()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    def close_now(self) -> None:
        """Close the listener and drop the connections that graceful shutdown left open."""
        for listener in getattr(self, "servers", ()):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _protocol(
    head_timeout_s: float, send_timeout_s: float, log: AdminAccessLog | None = None
) -> type[H11Protocol]:
    """Return the protocol of connections that wait so long for a head, and for a reader."""

    class AdminProtocol(_AdminProtocol):
        timeout_s = head_timeout_s
        stall_s = send_timeout_s
        refusals = log

    return AdminProtocol


class _AdminProtocol(H11Protocol):
    """A connection that waits a bounded time for its client, and answers what is no HTTP with JSON."""

    timeout_s: float
    stall_s: float
    refusals: AdminAccessLog | None = None  # takes their lines
    _waiting: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and go on waiting if they did not complete a head."""
        super().data_received(data)
        if self._is_between_requests():
            self._wait_for_head()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._stop_stalling()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._await_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Go on: it has read."""
        super().resume_writing()
        self._stop_stalling()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close."""
        answer = message(400, msg)
        headers = [
            ("content-type", str(answer.content_type)),
            ("server", f"colobus/{VERSION}"),
            ("content-length", str(len(answer.body))),
            ("connection", "close"),
        ]
        # After an answer has begun there is nothing to say any more.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
            if self.refusals is not None:
                peer = self.client[0] if self.client is not None else "-"
                self.refusals.add_refused(peer, 400, len(answer.body))
        self.transport.close()

    def _await_reader(self, unread: int) -> None:
        self._stop_stalling()
        self._stalled = self.loop.call_later(self.stall_s, self._check_reader, unread)

    def _check_reader(self, unread: int) -> None:
        """Go on waiting for a client that has read some of what there was, and cut any other."""
        left = self.transport.get_write_buffer_size()
        if left >= unread:
            self.transport.abort()
        else:
            self._await_reader(left)

    def _stop_stalling(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _wait_for_head(self) -> None:
        """Arm the timer, once, so that a slow trickle does not put it off."""
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.timeout_s, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _head_is_late(self) -> None:
        self._waiting = None
        if self._is_between_requests():
            self.transport.close()

    def _is_between_requests(self) -> bool:
        """Say whether nothing is under way and uvicorn's own keep-alive timer does not run."""
        # uvicorn declares the cycle as always there, and sets None before the first request.
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]
        return idle and self.timeout_keep_alive_task is None and not self.transport.is_closing()
