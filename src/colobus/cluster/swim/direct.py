"""Telling the members something directly: within milliseconds, where gossip takes some ticks.

One datagram to each of up to 64 live members; gossip is the repair path, and the only one to the
members beyond. A telling can be confirmed: a ping rides behind the messages, and its ack proves
that the datagram arrived, since a receiver takes the parts of a datagram in their order and acks
the ping in between (reference: memberlist §6.2).
"""

from collections.abc import Callable, Collection

from colobus.cluster.messages import Message
from colobus.cluster.swim.acknowledgements import Acknowledgements
from colobus.cluster.swim.answering import ping_of
from colobus.cluster.swim.gossip import Gossip
from colobus.cluster.swim.table import Node, NodeTable

__all__ = ["FAN_OUT", "Direct", "Telling"]

# Members told at once; the rest hear of it by gossip, from 64 sources.
FAN_OUT = 64


class Telling:
    """One message on its way to everybody, until all have acknowledged it or nobody waits."""

    def __init__(self, acknowledgements: Acknowledgements) -> None:
        self._acknowledgements = acknowledgements
        self._awaited: set[int] = set()

    def add(self, confirmed: Callable[[float], None]) -> int:
        """Return the sequence number of one more ping; ``confirmed`` follows the last ack."""

        def acked(_payload: bytes, now: float) -> None:
            self._awaited.discard(sequence)
            if not self._awaited:
                confirmed(now)

        sequence = self._acknowledgements.expect(acked)
        self._awaited.add(sequence)
        return sequence

    def give_up(self) -> None:
        """Wait for no more acks."""
        for sequence in self._awaited:
            self._acknowledgements.forget(sequence)
        self._awaited.clear()


class Direct:
    """Sends to the live members other than ourselves."""

    def __init__(
        self, own: Node, *, table: NodeTable, gossip: Gossip, acknowledgements: Acknowledgements
    ) -> None:
        self._own = own
        self._table = table
        self._gossip = gossip
        self._acknowledgements = acknowledgements

    def tell(self, *messages: Message, told: Collection[str] = ()) -> list[str]:
        """Send to those who are not among ``told``; return whom, so few that all are 64 at most."""
        peers = self._peers(FAN_OUT - len(told), told)
        for node in peers:
            self._gossip.send_alone(node.endpoint, *messages)
        return [node.name for node in peers]

    def confirm(self, *messages: Message, confirmed: Callable[[float], None]) -> Telling:
        """Send to all, if they are few enough to be told directly, and call back once all acked.

        More than 64 are told as far as may be and never confirm. Without anybody to tell there is
        nothing to confirm either; see ``Swim.has_live_peers``.
        """
        telling = Telling(self._acknowledgements)
        peers = self._peers(FAN_OUT)
        is_complete = self._count_peers() <= FAN_OUT
        for node in peers:
            sequence = telling.add(confirmed) if is_complete else None
            ping = () if sequence is None else (ping_of(self._own, sequence, node.name),)
            self._gossip.send_alone(node.endpoint, *messages, *ping)
        return telling

    def _count_peers(self) -> int:
        return self._table.live_count - self._own.is_live

    def _peers(self, most: int, told: Collection[str] = ()) -> list[Node]:
        def is_peer(node: Node) -> bool:
            return node.is_live and node is not self._own and node.name not in told

        if most <= 0:
            return []
        if self._count_peers() <= FAN_OUT:
            return list(filter(is_peer, self._table))[:most]
        return self._table.pick(most, is_peer)
