"""ip-restriction: lets only some addresses pass, or all but some.

Reference: plugins.md, ip-restriction. Ranges of IPv6 are taken too, which kong 0.10 refuses.
"""

import socket
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Any

from pydantic import model_validator

from colobus.model.schema import Array, Check, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit

__all__ = ["IpRestriction", "IpRestrictionConfig", "Ranges", "parse_range"]

MAPPED = bytes(10) + b"\xff\xff"
"""What an IPv4 address begins with when it is written as one of IPv6 (RFC 4291 §2.5.5.2)."""


class Ranges:
    """Addresses of both families, as ranges that neither overlap nor touch.

    A look-up is one search in a sorted list, whatever the number of entries.

    Args:
        ranges: first and last address of each, both of 4 bytes or both of 16.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[tuple[bytes, bytes]]) -> None:
        self._firsts: dict[int, list[bytes]] = {4: [], 16: []}
        self._lasts: dict[int, list[bytes]] = {4: [], 16: []}
        for first, last in sorted(ranges):
            firsts, lasts = self._firsts[len(first)], self._lasts[len(first)]
            if lasts and first <= lasts[-1]:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)

    def holds(self, address: str) -> bool | None:
        """Say whether ``address`` is in one of the ranges; None when it is no address."""
        packed = pack(address)
        if packed is None:
            return None
        size = len(packed)
        position = bisect_right(self._firsts[size], packed)
        return position > 0 and packed <= self._lasts[size][position - 1]


def pack(address: str) -> bytes | None:
    """Return the bytes of an address, those of IPv4 also when it is written as one of IPv6."""
    try:
        if ":" not in address:
            return socket.inet_pton(socket.AF_INET, address)
        packed = socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(MAPPED) else packed


def parse_range(entry: object) -> tuple[bytes, bytes]:
    """Return the first and the last address of an entry: an address, or one with a prefix length.

    Raises:
        ValueError: it is neither; the text is the reference's.
    """
    address, slash, prefix = str(entry).partition("/")
    try:
        bits = 128 if ":" in address else 32
        length = _prefix_length(prefix, bits) if slash else bits
        packed = pack_entry(address)
    except ValueError as exc:
        raise ValueError(f"cannot parse '{entry}': {exc}") from None
    if packed.startswith(MAPPED) and length >= 96:
        packed, bits, length = packed[12:], 32, length - 96
    free = (1 << (bits - length)) - 1
    number = int.from_bytes(packed) & ~free
    return number.to_bytes(bits // 8), (number | free).to_bytes(bits // 8)


def pack_entry(address: str) -> bytes:
    """Return the bytes of an address in a list.

    Raises:
        ValueError: it is none; the text says why.
    """
    if ":" in address:
        try:
            return socket.inet_pton(socket.AF_INET6, address)
        except (OSError, ValueError):
            raise ValueError("Invalid IP") from None
    octets = address.split(".")
    if len(octets) != 4 or not all(octets):
        raise ValueError("Invalid IP")
    for octet in octets:
        # A zero in front makes the number octal for some readers, so it is refused.
        if not _is_number(octet) or int(octet) > 255 or str(int(octet)) != octet:
            raise ValueError(f"Invalid octet: {octet}")
    return bytes(int(octet) for octet in octets)


def _prefix_length(prefix: str, most: int) -> int:
    if not _is_number(prefix) or int(prefix) > most:
        raise ValueError(f"Invalid prefix: /{prefix}")
    return int(prefix)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


def _check_entries(entries: Sequence[Any]) -> Sequence[Any]:
    for entry in entries:
        parse_range(entry)
    return entries


Entries = Annotated[Array[Any], Check(_check_entries)]


class IpRestrictionConfig(Schema):
    """``config`` of ip-restriction."""

    whitelist: Entries | None = None
    blacklist: Entries | None = None

    @model_validator(mode="after")
    def _self_check(self) -> "IpRestrictionConfig":
        if self.whitelist and self.blacklist:
            raise ValueError("you cannot set both a whitelist and a blacklist")
        if not self.whitelist and not self.blacklist:
            raise ValueError("you must set at least a whitelist or blacklist")
        return self

    @cached_property
    def ranges(self) -> Ranges:
        """The list that is set, prepared."""
        return Ranges(parse_range(entry) for entry in self.whitelist or self.blacklist or ())

    @cached_property
    def passes(self) -> bool:
        """Whether being listed lets a client pass."""
        return bool(self.whitelist)


class IpRestriction(Plugin):
    """Refuses clients by their address."""

    name = "ip-restriction"
    priority = 990
    Config = IpRestrictionConfig

    def access(self, exchange: Exchange, config: IpRestrictionConfig) -> None:
        """Refuse a client that is on the blacklist, or not on the whitelist."""
        is_listed = config.ranges.holds(exchange.client_ip)
        if is_listed is config.passes:
            return
        if is_listed is None:
            raise ShortCircuit(
                403,
                "Cannot identify the client IP address, unix domain sockets are not supported.",
            )
        raise ShortCircuit(403, "Your IP address is not allowed")
