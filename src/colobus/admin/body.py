"""Reading a request's body within limits, and dropping what is beyond them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request

from colobus.admin.answer import Refused, html_page, message

__all__ = ["Limits", "check_length", "drop_rest", "read_body"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the Admin API takes from a client.

    Attributes:
        body_bytes: the largest body (admin-api §1.1: 10 MiB).
        body_timeout_s: how long a client may take to send a body; 10 MiB fit through 300 kbit/s.
        linger_s: how long the rest of a refused body is read and dropped, so that the client sees
            the answer instead of a reset (nginx: lingering_time 30s).
    """

    body_bytes: int = 10 * 1024 * 1024
    body_timeout_s: float = 300.0
    linger_s: float = 30.0


def check_length(request: Request, limits: Limits) -> None:
    """Refuse a body that is declared too large before any of it is read.

    Raises:
        Refused: 413.
    """
    declared = request.headers.get("content-length", "")
    # Longer digits than int() takes cannot be a length that anybody means.
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limits.body_bytes):
        raise _too_large(limits)


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the whole body.

    Raises:
        Refused: 413, it is larger than its limit; 408, it took longer than its time.
        ClientDisconnect: the client is gone.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            async for piece in request.stream():
                size += len(piece)
                if size > limits.body_bytes:
                    raise _too_large(limits)
                pieces.append(piece)
    except TimeoutError:
        raise Refused(replace(message(408, "Request timeout"), is_early=True)) from None
    return b"".join(pieces)


async def drop_rest(request: Request, limits: Limits) -> None:
    """Read and drop what a client still sends of a refused body, for a bounded time."""
    if "expect" in request.headers:
        return  # the client waits for our word before it sends anything
    with suppress(TimeoutError):
        async with asyncio.timeout(limits.linger_s):
            while (event := await request.receive())["type"] == "http.request":
                if not event.get("more_body", False):
                    return


def _too_large(limits: Limits) -> Refused:
    page = html_page(413, f"A request body may have {limits.body_bytes} bytes.")
    return Refused(replace(page, is_early=True))
