"""What the data path of a worker can be told, and the limits it keeps. Pure."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from colobus.gateway.wire import HeadLimits

__all__ = ["GatewaySettings", "Network"]

Network = IPv4Network | IPv6Network


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
