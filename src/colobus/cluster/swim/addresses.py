"""Addresses as a socket takes them, and as the wire carries them (reference: memberlist §2.4)."""

import ipaddress
from functools import lru_cache
from typing import TypeAlias

__all__ = ["Address", "bytes_of_host", "host_of_bytes"]

Address: TypeAlias = tuple[str, int]
"""Host as text, an IP address, and port."""

# A node keeps talking to the same peers; the cache spares two microseconds per datagram.
CACHED = 4096


@lru_cache(maxsize=CACHED)
def host_of_bytes(address: bytes) -> str:
    """Return the text of 4 or 16 bytes; IPv4 mapped into IPv6 becomes IPv4. Else ""."""
    if len(address) not in (4, 16):
        return ""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(parsed if mapped is None else mapped)


def bytes_of_host(host: str) -> bytes:
    """Return what to advertise for ``host``: 4 bytes for IPv4, 16 for IPv6.

    Raises:
        ValueError: it is not an IP address.
    """
    return ipaddress.ip_address(host).packed
