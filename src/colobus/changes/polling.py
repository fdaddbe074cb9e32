"""How often a node polls for changes, by what else would tell it of them. Pure.

A poll each second finds what no hint told, at the price of a query each second and node. It is
stretched only while *two* independent sources of hints are known to work: the datastore's own
notifications, and gossip confirmed by the other nodes. Whichever fails, the other still tells at
once, and a second later the poll does:

====================================  ======================================  ============
notifications of the datastore        gossip                                  poll
====================================  ======================================  ============
arrive                                confirmed, or there is no other node    every 120 s
arrive                                not confirmed                           each second
none, or not now                      any                                     each second
====================================  ======================================  ============

Gossip is confirmed while every node that the registry names is alive in it, our own probes are
answered, and one answer came lately; answers carry the revision that the peer has applied.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

__all__ = ["CALM_POLL_S", "POLL_S", "Gossip", "is_confirmed", "poll_s"]

POLL_S = 1.0
"""Between two looks at the revision; what a change takes whose hint was lost."""

CALM_POLL_S = 120.0
"""…while two sources of hints work; with the node's keepalive, its look at the registry (30 s each),
its sweep and the check of its name (90 s each) that stays below one query in ten seconds."""

QUIET_S = 30.0
"""How old the newest answer of a peer may be: six probes of the slowest profile."""


@dataclass(frozen=True, slots=True)
class Gossip:
    """What a node knows of how well gossip works.

    Attributes:
        registered: where the other nodes are by the registry (``ip:port``); None when the last
            look at it failed, or there was none.
        alive: where the members are that gossip holds for alive.
        health: of our own probes; 0 while they are answered (Lifeguard's score).
        answered_at: monotonic time of the newest report of a peer; None never.
    """

    registered: AbstractSet[str] | None
    alive: AbstractSet[str]
    health: int
    answered_at: float | None


def is_confirmed(gossip: Gossip, now: float) -> bool:
    """Say whether what another node commits would reach us by gossip."""
    if gossip.registered is None or gossip.health > 0 or not gossip.registered <= gossip.alive:
        return False
    if not gossip.registered:
        return True
    return gossip.answered_at is not None and now - gossip.answered_at <= QUIET_S


def poll_s(gossip: Gossip, now: float, *, is_told: bool) -> float:
    """Return the seconds between two polls.

    Args:
        gossip: how well it works.
        now: monotonic time.
        is_told: whether the datastore tells of commits, and it arrives.
    """
    return CALM_POLL_S if is_told and is_confirmed(gossip, now) else POLL_S
