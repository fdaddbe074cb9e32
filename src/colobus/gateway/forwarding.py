"""What the gateway believes, and tells the upstream, about the client. Pure.

Reference: proxying §2.8, with forwarded headers believed only from ``trusted_ips``.
"""

from collections.abc import Sequence
from ipaddress import ip_address

from colobus.gateway.settings import Network

__all__ = ["client_address", "forwarded_lines", "is_trusted", "with_client_chain"]


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    """Say whether ``address`` lies in one of ``networks``; what is no address does not."""
    if not networks:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def client_address(peer: str, forwarded_for: bytes | None, networks: Sequence[Network]) -> str:
    """Return the client's address: the right-most one that no trusted peer vouched for.

    Each trusted hop wrote down whom it got the request from, so ``X-Forwarded-For`` is read from
    the right for as long as the address reached is trusted, and not past what is no address.
    """
    if forwarded_for is None or not is_trusted(peer, networks):
        return peer
    client = peer
    for hop in reversed(forwarded_for.decode("latin-1").split(",")):
        try:
            client = str(ip_address(hop.strip()))
        except ValueError:
            return client
        if not is_trusted(client, networks):
            return client
    return client


def forwarded_lines(address: str, scheme: str, chain: bytes) -> bytes:
    """Return the lines about the client, from the end of the Host line on.

    Args:
        address: of the client.
        scheme: of the connection to the gateway.
        chain: the value of ``X-Forwarded-For``.
    """
    return (
        b"\r\nConnection: keep-alive\r\nX-Real-IP: %b\r\nX-Forwarded-Proto: %b\r\n"
        b"X-Forwarded-For: %b\r\n"
    ) % (address.encode(), scheme.encode(), chain)


def with_client_chain(
    peer: str, scheme: str, forwarded_for: bytes, networks: Sequence[Network]
) -> bytes:
    """Return :func:`forwarded_lines` for a request that already has ``X-Forwarded-For``."""
    address = client_address(peer, forwarded_for, networks)
    chain = b"%b, %b" % (forwarded_for, peer.encode()) if forwarded_for else peer.encode()
    return forwarded_lines(address, scheme, chain)
