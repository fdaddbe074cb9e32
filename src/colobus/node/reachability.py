"""Who of the live members answers a question, and who does not (reference: clustering §5.7).

The Admin API and the ``cluster reachability`` command show the same report.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colobus.cluster.agent import ClusterAgent
from colobus.cluster.serf.facts import QueryAcked, QueryClosed, QueryKey
from colobus.errors import ClusterError
from colobus.node.member_view import shown_member

__all__ = ["PING_QUERY", "Inquiries", "report"]

PING_QUERY = "_serf_ping"
"""What every Serf member acknowledges, agents included."""

MOST_INQUIRIES = 16
"""At once: each is a message to every node."""

Acks = Sequence[tuple[str, float]]
"""Name and seconds, in the order in which they came."""


@dataclass(slots=True)
class _Inquiry:
    asked_at: float
    live: Mapping[str, str]
    acks: list[tuple[str, float]] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Inquiries:
    """Questions to all live members that wait for answers."""

    def __init__(self) -> None:
        self._open: dict[QueryKey, _Inquiry] = {}

    async def ask_all(self, agent: ClusterAgent, timeout_s: float | None) -> dict[str, Any]:
        """Ask every live member; return the report once all have answered, or time is over.

        Args:
            agent: of this node; its facts about queries go to :meth:`take`.
            timeout_s: how long to wait; None for what suits the size of the cluster.

        Raises:
            ClusterError: too many are asking.
        """
        if len(self._open) >= MOST_INQUIRIES:
            raise ClusterError(f"more than {MOST_INQUIRIES} tests of reachability")
        members = map(shown_member, agent.machine.members())
        live = {shown["name"]: shown["address"] for shown in members if shown["status"] == "alive"}
        inquiry = _Inquiry(agent.now, live)

        def ask(now: float) -> QueryKey:
            key = agent.machine.commands.query(
                PING_QUERY, b"", now, wants_acks=True, timeout_s=timeout_s or 0.0
            )
            # Before the facts that follow from it are told: our own answer is among them.
            self._open[key] = inquiry
            return key

        key = agent.call(ask)
        try:
            await inquiry.done.wait()  # the query is closed at its deadline
        finally:
            del self._open[key]
        return report(live, inquiry.acks, agent.now - inquiry.asked_at)

    def take(self, fact: QueryAcked | QueryClosed, now: float) -> None:
        """Take what came of a query, perhaps of somebody else's."""
        inquiry = self._open.get(fact.query)
        if inquiry is None:
            return
        if isinstance(fact, QueryAcked):
            inquiry.acks.append((fact.member, now - inquiry.asked_at))
        is_complete = inquiry.live.keys() <= {name for name, _ in inquiry.acks}
        if is_complete or isinstance(fact, QueryClosed):
            inquiry.done.set()


def report(live: Mapping[str, str], acks: Acks, duration_s: float) -> dict[str, Any]:
    """Return what programs are told.

    Args:
        live: name -> address of the members that should answer.
        acks: who answered, and when.
        duration_s: how long it took, or was waited.
    """
    names = {name for name, _ in acks}
    return {
        "reachable": live.keys() == names and len(names) == len(acks),
        "live": len(live),
        "duration_ms": round(duration_s * 1e3, 3),
        "answered": [
            {"name": name, "address": live.get(name), "ms": round(seconds * 1e3, 3)}
            for name, seconds in acks
        ],
        "missing": [
            {"name": name, "address": address}
            for name, address in sorted(live.items())
            if name not in names
        ],
    }
