"""What is asked of every proxy: how it is set up, and the requests it meets."""

from dataclasses import dataclass
from typing import Any

__all__ = ["KEY", "PLUGINS_BY_NAME", "Setup", "Traffic"]

KEY = "key-00001-abcdefabcdef"

PLUGINS_BY_NAME: dict[str, dict[str, Any]] = {
    "key-auth": {},
    "rate-limiting": {"hour": 1_000_000_000, "policy": "local"},
}
"""The configuration of each plugin: a limit that no benchmark reaches."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a proxy is configured; proxies of equal setup are one and the same process.

    Attributes:
        apis: how many APIs are configured; the last one is called. Proxies other than Colobus
            have one route whatever the number, which favours them.
        plugins: what runs on the API that is called, by name; Colobus only.
        access_log: whether the proxy writes one.
        purpose: sets a process apart that must not have served anything else.
    """

    apis: int = 100
    plugins: tuple[str, ...] = ()
    access_log: bool = False
    purpose: str = ""

    @property
    def uri(self) -> str:
        """The URI of the API that is called."""
        return f"/api-{self.apis - 1}"

    @property
    def slug(self) -> str:
        """The setup as a folder's name."""
        parts = [str(self.apis), *self.plugins, "log" if self.access_log else "", self.purpose]
        return "-".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests.

    Attributes:
        size: bytes of each answer, one of those the upstream has.
        close: a new connection for each request.
        connections: kept open by the load generator.
        scheme: ``http``, ``https``, or ``h2`` for HTTP/2 over TLS.
        streams: requests in flight on each connection (HTTP/2).
    """

    size: int = 100
    close: bool = False
    connections: int = 48
    scheme: str = "http"
    streams: int = 1

    def url(self, setup: Setup, port: int) -> str:
        """Return what is called at a proxy of that setup."""
        scheme = "http" if self.scheme == "http" else "https"
        return f"{scheme}://127.0.0.1:{port}{setup.uri}/{self.size}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the request's headers beside Host, eight in all as a browser sends."""
        sent = {
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) benchmark",
            "Accept": "application/json, text/plain, */*",
            "Accept-Language": "en-US,en;q=0.9",
            "Accept-Encoding": "gzip, deflate",
            "Cookie": "session=0123456789abcdef0123456789abcdef",
            "X-Request-Source": "benchmark",
            "apikey": KEY,
        }
        return sent | ({"Connection": "close"} if self.close else {})
