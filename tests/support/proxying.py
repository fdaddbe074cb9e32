"""A gateway in front of one raw upstream, and short ways to talk to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from colobus.model.schema import Row
from colobus.testing.gateway import GatewayHarness
from support.raw_upstream import Peer, RawUpstream, Serve

__all__ = ["api", "client", "exchange", "get", "proxied"]


def api(upstream_url: str, **fields: object) -> Row:
    """Return the row of an API that takes every path and strips nothing."""
    return {
        "id": "5e0c1f4e-0000-4000-8000-000000000001",
        "name": "shop",
        "uris": ["/"],
        "strip_uri": False,
        "upstream_url": upstream_url,
        **fields,
    }


@contextmanager
def proxied(
    serve: Serve | None = None,
    *,
    answer: bytes | None = None,
    fields: dict[str, object] | None = None,
    path: str = "",
    **harness: Any,
) -> Iterator[tuple[GatewayHarness, RawUpstream]]:
    """Start an upstream and a gateway with one API for it.

    Args:
        serve: serves the upstream's connections.
        answer: what the upstream answers, without ``serve``.
        fields: fields of the API.
        path: of its ``upstream_url``.
        harness: arguments of GatewayHarness.
    """
    with (
        RawUpstream(serve, answer=answer) as upstream,
        GatewayHarness([{**api(upstream.url + path), **(fields or {})}], **harness) as gateway,
    ):
        yield gateway, upstream


@contextmanager
def client(gateway: GatewayHarness, *, timeout: float = 10.0) -> Iterator[Peer]:
    """Connect a client."""
    with gateway.connect(timeout=timeout) as sock:
        yield Peer(sock)


def get(target: bytes = b"/", *lines: bytes, method: bytes = b"GET") -> bytes:
    """Return a request without a body."""
    head = b"".join(line + b"\r\n" for line in lines)
    return b"%b %b HTTP/1.1\r\nHost: shop.test\r\n%b\r\n" % (method, target, head)


def exchange(
    gateway: GatewayHarness, request: bytes, *, is_head: bool = False
) -> tuple[bytes, bytes]:
    """Send one request over a connection of its own; return head and body of the answer."""
    with client(gateway) as peer:
        peer.send(request)
        return peer.read_message(is_head=is_head)
