"""What the data path of a worker can be told, and the limits it keeps. Pure."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from colobus.gateway.wire import HeadLimits

__all__ = ["GatewaySettings", "Network", "ServerTls", "UpstreamTls"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS towards clients.

    Attributes:
        certificate: path of a PEM file, the certificate followed by its chain.
        key: path of a PEM file with its private key.
        ciphers: of TLS 1.2, in OpenSSL's notation; those of TLS 1.3 are always OpenSSL's own.
        http2: offer HTTP/2 beside HTTP/1.1.
    """

    certificate: str
    key: str
    ciphers: str
    http2: bool = True


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS towards upstreams.

    Attributes:
        certificate: path of what is shown to upstreams that ask for it; None for nothing.
        key: path of its private key.
        is_verified: an upstream must show a certificate of its name that a trusted one signed.
        trusted: path of a PEM file with the trusted certificates; the system's if None.
    """

    certificate: str | None = None
    key: str | None = None
    is_verified: bool = False
    trusted: str | None = None


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Settings of the proxy ports. Times are seconds.

    Attributes:
        server_tokens: name the gateway in ``Server`` (own answers) and ``Via`` (proxied ones).
        latency_tokens: send ``X-Kong-Upstream-Latency`` and ``X-Kong-Proxy-Latency``.
        upstream_keepalive: idle upstream connections kept in this worker, over all services.
        upstream_idle_timeout: how long one of them is kept (nginx's default).
        trusted_ips: peers whose ``X-Forwarded-For`` and ``-Proto`` are believed.
        path_handling: ``resolve`` matches and forwards paths without dot segments, ``raw`` as
            they came.
        head_limits: of requests and of answers.
        idle_timeout: of a kept-alive client connection between two requests (nginx's default).
        head_timeout: from the first byte of a request to the end of its head.
        body_timeout: between two reads of a request body.
        send_timeout: of a client that takes nothing of its answer.
        max_connections: client connections of this worker; more are closed at once.
        upstream_tls: TLS towards upstreams.
        http2: take HTTP/2 on a connection without TLS whose client just begins with it.
    """

    server_tokens: bool = True
    latency_tokens: bool = True
    upstream_keepalive: int = 60
    upstream_idle_timeout: float = 60.0
    trusted_ips: tuple[Network, ...] = ()
    path_handling: str = "resolve"
    head_limits: HeadLimits = field(default_factory=HeadLimits)
    idle_timeout: float = 75.0
    head_timeout: float = 60.0
    body_timeout: float = 60.0
    send_timeout: float = 60.0
    max_connections: int = 16_384
    upstream_tls: UpstreamTls = field(default_factory=UpstreamTls)
    http2: bool = True
