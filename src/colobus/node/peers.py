"""What nodes tell each other on the acknowledgements of pings, besides that they live.

A report is a MessagePack map: ``c`` the datastore's id, ``r`` the revision the node routes by, ``f``
the age of its freshness in ms, ``u`` its uptime in s. It is renewed each second and arrives with the
next probe. Ages are counted on by the clock of the receiver, so that clocks need not agree.
"""

from dataclasses import dataclass

import msgpack

__all__ = ["PeerReports", "own_report"]

MOST_NUMBER = 2**63


@dataclass(frozen=True, slots=True)
class _Report:
    revision: int
    fresh_ms: int | None
    uptime_s: int | None
    received_at: float


def own_report(
    datastore_id: str, revision: int, *, fresh_s: float | None, uptime_s: float
) -> bytes:
    """Return what a node tells.

    Args:
        datastore_id: tells this cluster's revisions from another's.
        revision: what it routes by.
        fresh_s: seconds since it knew that nothing newer existed; None: it never did.
        uptime_s: since its start.
    """
    report: dict[str, object] = {"c": datastore_id, "r": revision, "u": int(uptime_s)}
    if fresh_s is not None:
        report["f"] = int(fresh_s * 1e3)
    packed: bytes = msgpack.packb(report)
    return packed


class PeerReports:
    """The last report of each peer that follows the same datastore."""

    def __init__(self, datastore_id: str) -> None:
        self._datastore_id = datastore_id
        self._reports: dict[str, _Report] = {}

    def take(self, member: str, extension: bytes, now: float) -> int | None:
        """Keep a report and return its revision; None of what is no report for us."""
        try:
            told = msgpack.unpackb(extension)
        except (ValueError, msgpack.exceptions.UnpackException):
            return None  # of a peer that says something else behind its coordinate
        if not isinstance(told, dict) or told.get("c") != self._datastore_id:
            return None
        revision = _number(told.get("r"))
        if revision is None:
            return None
        fresh_ms, uptime_s = _number(told.get("f")), _number(told.get("u"))
        self._reports[member] = _Report(revision, fresh_ms, uptime_s, now)
        return revision

    def revision(self, member: str) -> int | None:
        """Return the revision that a member last told."""
        report = self._reports.get(member)
        return None if report is None else report.revision

    def forget(self, member: str) -> None:
        """Drop the report of a member that is gone."""
        self._reports.pop(member, None)

    def shown(self, member: str, now: float, *, is_alive: bool) -> dict[str, object]:
        """Return ``revision`` and, of one that is alive, ``freshness`` and ``uptime`` in s."""
        report = self._reports.get(member)
        if report is None:
            return {}
        shown: dict[str, object] = {"revision": report.revision}
        age_s = now - report.received_at
        if is_alive and report.fresh_ms is not None:
            shown["freshness"] = round(report.fresh_ms / 1e3 + age_s, 3)
        if is_alive and report.uptime_s is not None:
            shown["uptime"] = int(report.uptime_s + age_s)
        return shown


def _number(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_NUMBER:
        return None
    return value
