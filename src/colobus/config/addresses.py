"""Network addresses as settings write them: ``host:port``, IPv6 in brackets."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

__all__ = ["Address", "Network", "parse_address", "parse_ipv4_address", "parse_network"]

Network = IPv4Network | IPv6Network

MAX_PORT = 65535
_FORM = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")


class Address(NamedTuple):
    """Where a socket listens or connects to; the host carries no brackets.

    Port 0 lets the kernel choose one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def overlaps(self, other: "Address") -> bool:
        """Tell whether one socket cannot listen at each of the two.

        ``::`` takes the port of every IPv4 address as well (Linux: IPV6_V6ONLY is off).
        """
        if self.port != other.port or self.port == 0:
            return False
        hosts = {self.host, other.host}
        if len(hosts) == 1 or "::" in hosts:
            return True
        return "0.0.0.0" in hosts and not any(":" in host for host in hosts)  # noqa: S104 (compared)


def parse_address(text: str) -> Address:
    """Return the address written as ``host:port`` or ``[ipv6]:port``.

    Raises:
        ValueError: the text has another form, or the port is above 65535.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"not of the form host:port: {text}")
    ipv6, host, port = match.groups()
    number = int(port)
    if number > MAX_PORT:
        raise ValueError(f"a port is at most {MAX_PORT}: {text}")
    return Address(str(IPv6Address(ipv6)) if ipv6 is not None else host, number)


def parse_ipv4_address(text: str, default_port: int | None = None) -> Address:
    """Return the address written as ``ipv4:port``, or as ``ipv4`` where a port is given here.

    Raises:
        ValueError: the text has another form.
    """
    if default_port is not None and ":" not in text:
        return Address(str(IPv4Address(text)), default_port)
    host, port = parse_address(text)
    return Address(str(IPv4Address(host)), port)


def parse_network(text: str) -> Network:
    """Return the network written as an IP address or a CIDR block; host bits may be set.

    Raises:
        ValueError: the text is neither.
    """
    if "/" in text:
        return ip_network(text, strict=False)
    return ip_network(ip_address(text))
