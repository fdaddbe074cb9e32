"""Settings of name resolution."""

from dataclasses import dataclass
from pathlib import Path

from colobus.config.addresses import Address
from colobus.config.declaration import Effect, setting
from colobus.config.kinds import NAMESERVERS, PATH

__all__ = ["DnsSettings"]


@dataclass(frozen=True, kw_only=True, repr=False)
class DnsSettings:
    """Name resolution: how the names of upstream services become addresses."""

    dns_resolver: tuple[Address, ...] = setting(
        NAMESERVERS,
        (),
        "Name servers, as IPv4 or IPv4:port. Without any, those of `/etc/resolv.conf`.",
        effect=Effect.PENDING,
    )
    dns_hostsfile: Path = setting(
        PATH, Path("/etc/hosts"), "File of fixed names, read once.", effect=Effect.PENDING
    )
