"""Settings of the proxy and of the Admin API: where they listen, whom they believe."""

from dataclasses import dataclass

from colobus.config.addresses import Address
from colobus.config.declaration import setting
from colobus.config.kinds import (
    ADDRESS,
    BOOLEAN,
    NETWORKS,
    ORIGINS,
    number_between,
    one_of,
)

__all__ = ["TrafficSettings"]

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True, repr=False)
class TrafficSettings:
    """The proxy and the Admin API: where they listen, whom they believe, what they allow."""

    proxy_listen: Address = setting(
        ADDRESS,
        Address("0.0.0.0", 8000),  # noqa: S104 (a proxy is for everybody)
        "Where clients reach the proxy. An IPv6 address stands in brackets.",
    )
    admin_listen: Address = setting(
        ADDRESS,
        Address("127.0.0.1", 8001),
        "Where the Admin API is reached. It asks for no password: whoever reaches it controls the"
        " cluster. Open it to a private network only.",
        old_names=("admin_api_listen",),
        difference="`0.0.0.0:8001` in 0.10.4, which gives the cluster to everybody",
    )
    admin_cors_origins: tuple[str, ...] = setting(
        ORIGINS,
        (),
        "Origins whose web pages may call the Admin API, such as `https://dashboard.example.com`;"
        " `*` allows every page, as 0.10.4 did.",
    )
    trusted_ips: tuple[str, ...] = setting(
        NETWORKS,
        (),
        "Load balancers in front of the node, as IP addresses or CIDR blocks. `X-Forwarded-*`"
        " headers are believed from these and nobody else.",
    )
    path_handling: str = setting(
        one_of("resolve", "raw"),
        "resolve",
        "`resolve` removes dot segments from request paths before they are matched and forwarded,"
        " so that `/public/../admin` does not pass as `/public`; `raw` leaves them, as 0.10.4 did.",
    )
    http2: bool = setting(
        BOOLEAN,
        True,
        "Whether clients may speak HTTP/2: chosen in the TLS handshake on `proxy_listen_ssl`, by"
        " prior knowledge on `proxy_listen`. Upstream services are spoken to in HTTP/1.1.",
    )
    max_connections: int = setting(
        number_between(1, 1_000_000),
        16_384,
        "Client connections that one worker serves at a time; more are closed at once. Each takes a"
        " file descriptor, and its upstream connection another.",
    )
    client_idle_timeout: int = setting(
        number_between(1, DAY_S),
        75,
        "Seconds that a client connection stays open between two requests.",
    )
    client_head_timeout: int = setting(
        number_between(1, DAY_S),
        60,
        "Seconds within which a client must have sent the whole head of a request.",
    )
    client_body_timeout: int = setting(
        number_between(1, DAY_S),
        60,
        "Seconds that a client may pause while it sends a body or receives an answer.",
    )
    upstream_keepalive: int = setting(
        number_between(0, 1_000_000),
        60,
        "Idle connections to upstream services that each worker keeps for the next request.",
    )
    server_tokens: bool = setting(
        BOOLEAN, True, "Whether answers tell `Server` or `Via: 1.1 colobus/<version>`."
    )
    latency_tokens: bool = setting(
        BOOLEAN,
        True,
        "Whether answers carry `X-Kong-Proxy-Latency` and `X-Kong-Upstream-Latency`.",
    )
