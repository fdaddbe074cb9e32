"""Listening sockets, owned by the supervisor for the life of the node.

A worker inherits the socket of its slot. It may crash and come back, or be replaced by a reload:
the socket stays open, and connections wait in its backlog meanwhile.
"""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from colobus.config.settings import Settings
from colobus.errors import NodeError

__all__ = ["ProxyListeners", "bind", "bind_group", "bind_proxy"]

BACKLOG = 4096
"""Connections waiting to be accepted, per socket; the kernel caps it at net.core.somaxconn."""


@dataclass(frozen=True, slots=True)
class ProxyListeners:
    """The sockets of the proxy, one for each worker's slot.

    Attributes:
        plain: of ``proxy_listen``.
        secure: of ``proxy_listen_ssl``; empty without ``ssl``.
    """

    plain: list[socket.socket]
    secure: list[socket.socket]


def bind_proxy(settings: Settings, sockets: ExitStack) -> ProxyListeners:
    """Return the sockets of the proxy; ``sockets`` closes them.

    Raises:
        NodeError: an address cannot be bound.
    """
    count = settings.worker_count()
    plain = bind_group(settings.proxy_listen, count, "proxy_listen")
    for sock in plain:
        sockets.enter_context(sock)
    secure = []
    if settings.ssl:
        secure = bind_group(settings.proxy_listen_ssl, count, "proxy_listen_ssl")
    for sock in secure:
        sockets.enter_context(sock)
    return ProxyListeners(plain, secure)


def bind(address: tuple[str, int], setting: str) -> socket.socket:
    """Return a listening TCP socket.

    Raises:
        NodeError: the address cannot be bound; the text names the ``setting``.
    """
    return _listening(address, setting, reuse_port=False)


def bind_group(address: tuple[str, int], count: int, setting: str) -> list[socket.socket]:
    """Return ``count`` sockets on one address among which the kernel spreads connections.

    Port 0 takes one free port for all of them.

    Raises:
        NodeError: the address cannot be bound, also when the sockets of another node hold it.
    """
    # SO_REUSEPORT would let a second node of the same user join the group unnoticed, so a socket
    # without it asks first whether the address is free.
    probe = _listening(address, setting, reuse_port=False)
    host, port = probe.getsockname()[:2]
    probe.close()
    group: list[socket.socket] = []
    try:
        group.extend(_listening((host, port), setting, reuse_port=True) for _ in range(count))
    except NodeError:
        for bound in group:
            bound.close()
        raise
    return group


def _listening(address: tuple[str, int], setting: str, *, reuse_port: bool) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Inherited by accepted connections, also by those that come before anybody accepts.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError) as exc:
        sock.close()
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise NodeError(f"cannot listen on {host}:{port} ({setting}): {reason}") from exc
    return sock
