"""What a log plugin tells of an exchange: the record of plugin-framework §9, key by key.

Made in the log phase, so request headers are as they went upstream: with what plugins added, and
without what they took out. Nothing is made for an exchange that no plugin logs. Times are whole
milliseconds, each rounded down, so that ``request`` is never less than ``kong + proxy``.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from colobus.gateway.headers import text
from colobus.gateway.request import OWN
from colobus.gateway.wire import names_and_values
from colobus.model.schema import Row

if TYPE_CHECKING:
    from colobus.gateway.exchange import Exchange

__all__ = ["log_record"]

MAX_ARGUMENTS: Final = 100
NEVER_PROXIED: Final = -1

Values = dict[str, Any]


def log_record(exchange: "Exchange") -> dict[str, Any]:
    """Return the record; it is the caller's to change."""
    now = exchange.environment.clock.time()
    record: dict[str, Any] = {
        "request": request_of(exchange),
        "response": response_of(exchange),
        "latencies": latencies_of(exchange),
        "client_ip": exchange.client_ip,
        "started_at": int((now - (exchange.ended_at - exchange.received_at)) * 1000),
    }
    if exchange.route is not None:
        record["tries"] = tries_of(exchange)
    if exchange.api is not None:
        record["api"] = api_of(exchange.api)
    if exchange.consumer is not None:
        record["consumer"] = present(exchange.consumer)
    credential = exchange.credential
    if credential is not None:
        record["authenticated_entity"] = {
            name: credential[name]
            for name in ("id", "consumer_id")
            if credential.get(name) is not None
        }
    return record


def request_of(exchange: "Exchange") -> dict[str, Any]:
    """Return the member ``request``."""
    head = exchange.head
    body = exchange.body
    uri = text(head.target)
    return {
        "uri": uri,
        "request_uri": address_of(exchange) + (uri if uri.startswith("/") else text(exchange.path)),
        "querystring": arguments(exchange.request.query.raw),
        "method": text(head.method),
        "headers": request_headers(exchange),
        "size": str(head.size + (0 if body is None else body.received)),
    }


def address_of(exchange: "Exchange") -> str:
    """Return scheme, host in small letters and port of this server, as of a URL."""
    own_host, port = exchange.server_address
    host = own_host if exchange.host is None else without_port(text(exchange.host).lower())
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{exchange.client.scheme}://{host}:{port}"


def without_port(authority: str) -> str:
    """Return a host; brackets of an IPv6 address stay."""
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def request_headers(exchange: "Exchange") -> Values:
    """Return the headers on their way upstream, and those the gateway read for itself."""
    pairs = [(text(name), text(value)) for name, value in names_and_values(exchange.head.lines)]
    for key in (b"host", *sorted(OWN)):
        name = text(key)
        pairs.extend((name, value) for value in exchange.request.get_headers(name))
    return by_name(pairs)


def response_of(exchange: "Exchange") -> dict[str, Any]:
    """Return the member ``response``: what the client was sent."""
    lines = exchange.sent_head[: exchange.head_bytes].partition(b"\r\n")[2]
    pairs = names_and_values(lines.removesuffix(b"\r\n"))
    return {
        "status": exchange.status,
        "headers": by_name((text(name), text(value)) for name, value in pairs),
        "size": str(exchange.sent_bytes),
    }


def latencies_of(exchange: "Exchange") -> dict[str, int]:
    """Return the member ``latencies``: ours, the upstream's, and from the client's view."""
    started, forwarded = exchange.started_at, exchange.forwarded_at
    answered, ended = exchange.answered_at, exchange.ended_at
    if not forwarded:
        own, proxy = milliseconds(ended - started), NEVER_PROXIED
    elif not answered:
        own, proxy = milliseconds(forwarded - started), milliseconds(ended - forwarded)
    else:
        own = milliseconds(forwarded - started) + milliseconds(ended - answered)
        proxy = milliseconds(answered - forwarded)
    return {"request": milliseconds(ended - exchange.received_at), "kong": own, "proxy": proxy}


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return max(0, int(seconds * 1000))


def tries_of(exchange: "Exchange") -> list[Row]:
    """Return the attempts at delivery in order; the last one, if it did not fail, without state."""
    tries = [] if exchange.tries is None else list(exchange.tries)
    key = exchange.upstream_key
    if key is not None:
        tries.append({"ip": key[1], "port": key[2]})
    return tries


def api_of(api: Row) -> Row:
    """Return the row of the API, with the hosts once more as a header."""
    shown = present(api)
    if shown.get("hosts"):
        shown["headers"] = {"host": list(shown["hosts"])}
    return shown


def present(row: Mapping[str, Any]) -> Row:
    """Return what a row has values for."""
    return {name: value for name, value in row.items() if value is not None}


def by_name(pairs: Iterable[tuple[str, str]]) -> Values:
    """Return values by name in small letters; a list where a name is repeated."""
    found: Values = {}
    for name, value in pairs:
        add(found, name.lower(), value)
    return found


def arguments(query: bytes | None) -> Values:
    """Return the arguments of a query, decoded; True for a bare name."""
    found: Values = {}
    if not query:
        return found
    for argument in query.split(b"&", MAX_ARGUMENTS)[:MAX_ARGUMENTS]:
        name, equals, value = argument.partition(b"=")
        if argument:
            add(found, decoded(name), decoded(value) if equals else True)
    return found


def add(found: Values, name: str, value: str | bool) -> None:
    """Add a value to those of its name."""
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def decoded(part: bytes) -> str:
    """Undo form encoding."""
    return text(unquote_to_bytes(part.replace(b"+", b" ")))
