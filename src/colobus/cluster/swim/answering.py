"""Answering pings, our own and those we are asked to relay (reference: memberlist §6.2)."""

import logging

from colobus.cluster.messages import Ack, IndirectPing, Nack, Ping
from colobus.cluster.swim.acknowledgements import Acknowledgements
from colobus.cluster.swim.addresses import Address, host_of_bytes
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.gossip import Gossip
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.table import Node

__all__ = ["PingAnswerer"]

logger = logging.getLogger(__name__)


class PingAnswerer:
    """Answers pings by datagram."""

    def __init__(
        self,
        own: Node,
        *,
        gossip: Gossip,
        acknowledgements: Acknowledgements,
        schedule: Schedule,
        delegate: Delegate,
        probe_timeout_s: float,
    ) -> None:
        self._own = own
        self._gossip = gossip
        self._acknowledgements = acknowledgements
        self._schedule = schedule
        self._delegate = delegate
        self._probe_timeout_s = probe_timeout_s

    def is_for_us(self, ping: Ping) -> bool:
        """Whether to answer: a ping for another name must stay unanswered (serf pitfalls 19)."""
        if ping.node in ("", self._own.name):
            return True
        logger.debug("ping for another node name: %r", ping.node)
        return False

    def ping(self, message: Ping, source: Address, now: float) -> None:
        """Acknowledge a ping, with our coordinate."""
        if self.is_for_us(message):
            answer = Ack(message.sequence, self._delegate.ack_payload())
            self._gossip.send(reply_address(message, source), answer, now)

    def indirect_ping(self, message: IndirectPing, source: Address, now: float) -> None:
        """Ping for another node, and tell it of an ack, or of none if it wants to know."""
        target = host_of_bytes(message.target), message.port or self._own.port
        if not target[0] or self._acknowledgements.is_full:
            return
        requester = reply_address(message, source)

        def acked(_payload: bytes, at: float) -> None:
            self._schedule.cancel(timer)
            self._gossip.send(requester, Ack(message.sequence), at)

        def timed_out(at: float) -> None:
            self._acknowledgements.forget(sequence)
            if message.wants_nack:
                self._gossip.send(requester, Nack(message.sequence), at)

        sequence = self._acknowledgements.expect(acked)
        timer = self._schedule.call_at(now + self._probe_timeout_s, timed_out)
        self._gossip.send(target, ping_of(self._own, sequence, message.node), now)


def ping_of(own: Node, sequence: int, name: str) -> Ping:
    """Return a ping for ``name`` that is to be answered to ``own``."""
    return Ping(sequence, name, own.address, own.port, own.name)


def reply_address(message: Ping | IndirectPing, source: Address) -> Address:
    """Return where an answer goes: where the message says, else where it came from (§6.2)."""
    host = host_of_bytes(message.source_address)
    return (host, message.source_port) if host and message.source_port else source
