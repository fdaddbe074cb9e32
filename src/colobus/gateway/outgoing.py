"""The request as the upstream gets it, after all that plugins did to it. No I/O."""

from colobus.gateway.body import RequestBody
from colobus.gateway.exchange import Exchange
from colobus.gateway.forwarding import with_client_chain
from colobus.gateway.route import Match
from colobus.gateway.uri import upstream_path

__all__ = ["outgoing"]


def outgoing(exchange: Exchange, match: Match) -> tuple[bytes, RequestBody | None]:
    """Return the head, and the body that follows it."""
    head = exchange.head
    view = exchange.request_view
    body = exchange.body if view is None else view.body_source
    forwarded = forwarded_of(exchange)
    if body is not None:
        ending = body.framing()
    elif exchange.wants_tunnel:
        forwarded = forwarded.replace(b"keep-alive", b"upgrade", 1)
        ending = b"Upgrade: websocket\r\n\r\n"
    else:
        ending = b"Content-Length: 0\r\n\r\n" if head.content_length == 0 else b"\r\n"
    return b"".join(
        (
            head.method,
            b" ",
            target_of(exchange, match),
            b" HTTP/1.1\r\nHost: ",
            host_of(exchange, match),
            forwarded,
            head.lines,
            ending,
        )
    ), body


def target_of(exchange: Exchange, match: Match) -> bytes:
    """Return path and query to ask the upstream for."""
    view = exchange.request_view
    query = exchange.query if view is None else view.query.raw
    path = exchange.path
    # The target "*" names the server, not a path on it (RFC 9112 §3.2.4).
    target = path if path == b"*" else upstream_path(match, path)
    return target if query is None else b"%b?%b" % (target, query)


def host_of(exchange: Exchange, match: Match) -> bytes:
    """Return the value of Host: a plugin's, the client's, or the upstream's own."""
    view = exchange.request_view
    if view is not None and view.host is not None:
        return view.host
    if match.route.preserve_host and exchange.host is not None:
        return exchange.host
    return match.route.host_header


def forwarded_of(exchange: Exchange) -> bytes:
    """Return the lines about the client; they are made once per connection."""
    client = exchange.client
    chain = exchange.head.forwarded_for
    if chain is None:
        return client.forwarded
    networks = exchange.environment.settings.trusted_ips
    return with_client_chain(client.peer, client.scheme, chain, networks)
