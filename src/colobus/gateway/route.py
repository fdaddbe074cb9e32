"""One API, prepared for the data path: its rules as bytes, its upstream taken apart."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from colobus.model.schema import Row

__all__ = ["Match", "Route"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MILLISECONDS = 1000


class Route:
    """Where requests of one API go, and how. Never changed after it was made.

    Attributes:
        api: the row.
        hosts: lower-case host rules, each plain, ``*.x`` or ``x.*``; empty when not defined.
        uris: path prefixes; empty when not defined.
        methods: upper-case methods; empty when not defined.
        age: ``(created_at, id)``; of two equal APIs the smaller wins.
        scheme: of the upstream, ``http`` or ``https``.
        host: name or IP address of the upstream, as written, without brackets. Empty when the
            row's ``upstream_url`` cannot be read: no name resolves to it, so requests get a 503
            instead of falling through to another API.
        port: of the upstream.
        base_path: path of ``upstream_url``; may be empty.
        host_header: ``host:port`` for the upstream, the port always present.
        address: host and port when the host is an IP address, else None.
        key: what upstream connections are pooled by, where every request has the same.
        connect_timeout: seconds, as the two others.
    """

    __slots__ = (
        "address", "age", "api", "base_path", "connect_timeout", "host", "host_header", "hosts",
        "http_if_terminated", "https_only", "id", "key", "methods", "name", "port", "preserve_host",
        "read_timeout", "retries", "scheme", "send_timeout", "strip_uri", "uris",
    )  # fmt: skip

    def __init__(self, api: Row) -> None:
        self.api = api
        self.id: str = api["id"]
        self.name: str = api.get("name", "")
        self.age: tuple[int, str] = (api.get("created_at", 0), self.id)
        self.hosts = _rules(host.lower() for host in api.get("hosts", ()))
        self.uris = _rules(api.get("uris", ()))
        self.methods = _rules(method.upper() for method in api.get("methods", ()))
        self.retries: int = api.get("retries", 5)
        self.connect_timeout: float = api.get("upstream_connect_timeout", 60_000) / _MILLISECONDS
        self.send_timeout: float = api.get("upstream_send_timeout", 60_000) / _MILLISECONDS
        self.read_timeout: float = api.get("upstream_read_timeout", 60_000) / _MILLISECONDS
        self.preserve_host: bool = api.get("preserve_host", False)
        self.strip_uri: bool = api.get("strip_uri", True)
        self.https_only: bool = api.get("https_only", False)
        self.http_if_terminated: bool = api.get("http_if_terminated", True)
        self._read_upstream(api["upstream_url"])

    def __repr__(self) -> str:
        return f"<Route {self.name or self.id} to {self.scheme}://{self.host}:{self.port}>"

    def _read_upstream(self, url: str) -> None:
        self.scheme, self.host, self.port, path = _upstream_parts(url)
        self.base_path: bytes = path.encode()
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.host_header: bytes = f"{shown}:{self.port}".encode()
        self.address: tuple[str, int] | None = (
            (self.host, self.port) if _is_ip_address(self.host) else None
        )
        is_constant = self.address is not None and self.scheme == "http"
        self.key: tuple[str, str, int, str] | None = (
            (self.scheme, self.host, self.port, "") if is_constant else None
        )


class Match:
    """A route, and the registered uri by which it was found (None when it has no uris)."""

    __slots__ = ("route", "uri")

    def __init__(self, route: Route, uri: bytes | None) -> None:
        self.route = route
        self.uri = uri

    def __repr__(self) -> str:
        return f"<Match {self.route!r} by {self.uri!r}>"


def _rules(values: Iterable[str]) -> tuple[bytes, ...]:
    """Return each value once, in order, as bytes."""
    return tuple(dict.fromkeys(value.encode() for value in values))


def _upstream_parts(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host (in its own letter case, without brackets), port and path."""
    try:
        parts = urlsplit(url)
        port = parts.port
        readable = bool(parts.hostname)
    except ValueError:
        return "http", "", 80, ""
    if not readable:
        return "http", "", 80, ""
    default = _DEFAULT_PORTS.get(parts.scheme, 80)
    # ``hostname`` is in lower case; an upstream entity is found by the name as written.
    host = parts.netloc.rpartition("@")[2]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    else:
        host = host.partition(":")[0]
    return parts.scheme, host, default if port is None else port, parts.path


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
