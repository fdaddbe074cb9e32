"""What the ``cluster`` commands print: as Kong 0.10 and the ``serf`` command do, or as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from colobus.cluster.coordinates import estimate_rtt
from colobus.cluster.rpc.replies import CoordinateFound, KeyReport, Member
from colobus.cluster.swim.addresses import host_of_bytes
from colobus.errors import ClusterError

__all__ = [
    "as_json",
    "estimate_ms",
    "key_lines",
    "key_messages",
    "keys_shown",
    "live_addresses",
    "member_line",
    "member_shown",
    "missing_answers",
]


def as_json(value: Mapping[str, Any]) -> str:
    """Return the text of a report for programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def member_line(member: Member) -> str:
    """Return name, address and status, with tabs between (reference: configuration-and-cli §4.4)."""
    return f"{member.name}\t{_address(member)}\t{member.status}"


def member_shown(member: Member) -> dict[str, Any]:
    """Return a member in the shape of ``serf members -format=json``."""
    return {
        "name": member.name,
        "addr": _address(member),
        "port": member.port,
        "tags": dict(member.tags),
        "status": member.status,
        "protocol": {
            "max": member.delegate_max,
            "min": member.delegate_min,
            "version": member.delegate_current,
        },
    }


def live_addresses(members: Iterable[Member]) -> dict[str, str]:
    """Return name -> address of those that are alive."""
    return {member.name: _address(member) for member in members if member.status == "alive"}


def _address(member: Member) -> str:
    return f"{host_of_bytes(member.address)}:{member.port}"


def key_lines(report: KeyReport) -> list[str]:
    """Return each key, and how many of the members have it."""
    keys = report.keys or {}
    return [f"{key}  [{count}/{report.members}]" for key, count in sorted(keys.items())]


def key_messages(report: KeyReport) -> list[str]:
    """Return what members said who did not do as they were asked."""
    return [f"failed:  {member}  {text}" for member, text in sorted(report.messages.items())]


def keys_shown(report: KeyReport) -> dict[str, Any]:
    """Return the report of a key command for programs."""
    return {
        "keys": dict(report.keys or {}),
        "messages": dict(report.messages),
        "members": report.members,
        "responses": report.responses,
        "failures": report.failures,
    }


def missing_answers(members: Iterable[Member], acks: Sequence[str]) -> Iterator[str]:
    """Yield a line for each live member that did not answer once (reference: clustering §5.7)."""
    live = {member.name for member in members if member.status == "alive"}
    for name in sorted(live - set(acks)):
        yield f"no answer from {name}"
    for name in sorted({name for name in acks if acks.count(name) > 1}):
        yield f"more than one answer from {name}: two nodes may have this name"
    for name in sorted(set(acks) - live):
        yield f"answer from {name}, which is not listed as alive"


def estimate_ms(one: CoordinateFound, other: CoordinateFound) -> float:
    """Return the estimated round trip in milliseconds.

    Raises:
        ClusterError: coordinates that are not of one space.
    """
    if not (one.coordinate.is_valid and other.coordinate.is_valid):
        raise ClusterError("a coordinate cannot be used")
    return estimate_rtt(one.coordinate, other.coordinate) * 1e3
