"""What was refused of other nodes: counted by kind, logged at most once per peer and minute.

A peer chooses how often it is refused, so neither the log nor what is remembered of peers may grow
with it. Held by one machine, which everything that refuses is given.
"""

import logging
from enum import Enum

from colobus.errors import ClusterError, UnsealedError

__all__ = ["Refusal", "Refusals"]

LOG_INTERVAL_S = 60.0

MOST_PEERS = 1024
"""Peers whose last line is remembered; a flood from more addresses may repeat a line early."""

MOST_LINES = 64
"""Lines per minute about all peers together: source addresses can be invented."""

logger = logging.getLogger(__name__)


class Refusal(Enum):
    """The kinds, by their names in metrics."""

    UNAUTHENTICATED = "unauthenticated"
    """No key of ours opens it, or it is not sealed where it must be, or the other way round."""
    MALFORMED_DATAGRAM = "malformed_datagram"
    MALFORMED_STREAM = "malformed_stream"
    MALFORMED_MESSAGE = "malformed_message"
    """A message of Serf within a datagram or a stream that was in order."""
    INCOMPATIBLE = "incompatible"
    """A push/pull that cannot be merged: versions that nobody shares, or an error of the peer."""
    STREAM_TIMED_OUT = "stream_timed_out"
    """A peer connected and did not say in time what it wanted."""
    STREAM_TURNED_AWAY = "stream_turned_away"
    """More connections at once than are served."""


class Refusals:
    """The counters."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Refusal, 0)
        self._logged: dict[str, float] = {}
        self._unlogged = 0
        self._minute = 0.0
        self._lines = 0

    def __repr__(self) -> str:
        counts = ", ".join(f"{kind.value}={n}" for kind, n in self.counts.items() if n)
        return f"Refusals({counts})"

    def note(self, kind: Refusal, peer: str, reason: str, now: float) -> None:
        """Count a refusal, and log it unless one of this peer was in the last minute.

        Args:
            kind: under which it counts.
            peer: its IP address, or name; empty where it is not known.
            reason: for the log; may quote the peer, never a key.
            now: the time.
        """
        self.counts[kind] += 1
        if not self._may_log(peer, now):
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more since the last line)" if self._unlogged else ""
        self._unlogged = 0
        logger.warning("refused from %s: %s%s", peer or "a peer", reason, more)

    def note_error(self, kind: Refusal, peer: str, error: ClusterError, now: float) -> None:
        """Count what raised ``error``: as not authenticated if that is what is wrong."""
        is_unsealed = isinstance(error, UnsealedError)
        self.note(Refusal.UNAUTHENTICATED if is_unsealed else kind, peer, str(error), now)

    def _may_log(self, peer: str, now: float) -> bool:
        logged_at = self._logged.get(peer)
        if logged_at is not None and now - logged_at < LOG_INTERVAL_S:
            return False
        if now - self._minute >= LOG_INTERVAL_S:
            self._minute, self._lines = now, 0
        if self._lines >= MOST_LINES:
            return False
        self._lines += 1
        self._logged.pop(peer, None)
        if len(self._logged) >= MOST_PEERS:
            del self._logged[next(iter(self._logged))]
        self._logged[peer] = now
        return True
