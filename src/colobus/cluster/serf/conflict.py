"""Two nodes with one name: the members vote who keeps it (reference: serf §11)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import Alive, ConflictResponse
from colobus.cluster.serf.facts import Fact, NameConflict, NameLost, QueryKey
from colobus.cluster.swim.addresses import host_of_bytes
from colobus.cluster.swim.table import Node
from colobus.errors import ClusterError, ClusterProtocolError

__all__ = ["ConflictResolver"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Vote:
    """Counts who holds us for the owner of our name; a ``QueryReceiver``."""

    own: Node
    decided: Callable[[int, int], None]
    responses: int = 0
    votes: int = 0

    def acked(self, key: QueryKey, member: str) -> None:
        """Ignore an ack: none was asked for."""

    def answered(self, _key: QueryKey, _member: str, payload: bytes, _now: float) -> None:
        """Count a vote; the address counts as text, so that 4 and 16 bytes are the same."""
        self.responses += 1
        try:
            known = codec.decode_as(payload, ConflictResponse).member
        except ClusterProtocolError:
            return
        if known is not None:
            self.votes += (host_of_bytes(known.address), known.port) == self.own.endpoint

    def closed(self, _key: QueryKey, _now: float) -> None:
        """Hand over the count."""
        self.decided(self.responses, self.votes)


class ConflictResolver:
    """Reports conflicts, and calls one vote at a time about our own name.

    Args:
        own: this node.
        ask: asks ``_serf_conflict`` about our name, answers to the receiver.
        emit: takes facts.
    """

    def __init__(
        self,
        own: Node,
        *,
        ask: Callable[[_Vote, float], QueryKey],
        emit: Callable[[Fact], None],
    ) -> None:
        self._own = own
        self._ask = ask
        self._emit = emit
        self._is_voting = False

    def conflict(self, known: Node, other: Alive, now: float) -> None:
        """Take notice that ``other`` uses the name of ``known``."""
        is_own = known is self._own
        if is_own and self._is_voting:
            return
        theirs = host_of_bytes(other.address), other.port
        self._emit(NameConflict(known.name, known.endpoint, theirs))
        if not is_own:
            return
        self._is_voting = True
        try:
            self._ask(_Vote(self._own, self._decided), now)
        except ClusterError as exc:
            self._is_voting = False
            logger.warning("no vote on our name: %s", exc)

    def _decided(self, responses: int, votes: int) -> None:
        """Give the name up unless more than half of those who answered say it is ours."""
        self._is_voting = False
        if votes < responses // 2 + 1:
            self._emit(NameLost(responses, votes))
