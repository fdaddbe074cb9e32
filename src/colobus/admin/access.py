"""The access log of the Admin API: one line per request, without secrets.

The format is the proxy's (:mod:`colobus.logs.line`), without an upstream. Queries are left out,
since filters and parameters may be credentials; so are path segments that name a row by its secret
(``/consumers/alice/key-auth/******``).
"""

from collections.abc import Callable

from starlette.requests import Request

from colobus.admin.call import path_of
from colobus.admin.routes import Match
from colobus.clock import Clock
from colobus.logs.escaping import escaped
from colobus.logs.line import TimeStamp, combined_line, request_line

__all__ = ["AdminAccessLog"]


class AdminAccessLog:
    """Makes the lines.

    Args:
        clock: time.
        sink: takes lines, and returns at once.
    """

    def __init__(self, clock: Clock, sink: Callable[[bytes], object]) -> None:
        self._clock = clock
        self._sink = sink
        self._stamp = TimeStamp(clock)

    def add(
        self, request: Request, match: Match | None, status: int, sent_bytes: int, duration_s: float
    ) -> None:
        """Write the line of one request; ``sent_bytes`` are those of the answer's body."""
        path = path_of(request)
        line = request_line(
            escaped(request.method.encode("latin-1", "replace")),
            escaped((path if match is None else match.shown_path(path)).encode()),
            f"HTTP/{request.scope['http_version']}".encode(),
        )
        peer = request.client.host if request.client is not None else "-"
        referer, agent = _header(request, "referer"), _header(request, "user-agent")
        self._write(peer, line, status, sent_bytes, duration_s, referer, agent)

    def add_refused(self, peer: str, status: int, sent_bytes: int) -> None:
        """Write the line of bytes that are no request; what they say is not repeated."""
        self._write(peer, b"", status, sent_bytes, 0.0, b"-", b"-")

    def _write(
        self,
        peer: str,
        request: bytes,
        status: int,
        sent_bytes: int,
        duration_s: float,
        referer: bytes,
        agent: bytes,
    ) -> None:
        stamp = self._stamp.at(self._clock.monotonic())
        self._sink(
            combined_line(
                peer.encode(), b"-", stamp, request, status, sent_bytes, referer, agent,
                duration_s, -1.0,
            )
        )  # fmt: skip


def _header(request: Request, name: str) -> bytes:
    value = request.headers.get(name)
    return escaped(None if value is None else value.encode("latin-1"))
