"""Serf messages to one member, as one datagram without company (reference: serf §3)."""

from collections.abc import Callable

from colobus.cluster.messages import UserMessage
from colobus.cluster.swim.addresses import host_of_bytes
from colobus.cluster.swim.gossip import Gossip
from colobus.cluster.swim.table import Node

__all__ = ["Post"]


class Post:
    """Sends directly; what is for ourselves does not take the way over the network.

    Args:
        own: this node.
        gossip: where packets go.
        receive: takes a Serf message for ourselves, and the time.
    """

    def __init__(self, own: Node, gossip: Gossip, receive: Callable[[bytes, float], None]) -> None:
        self._own = own
        self._gossip = gossip
        self._receive = receive

    def send(self, address: bytes, port: int, payload: bytes, now: float) -> None:
        """Send a Serf message, type byte first; an unusable address loses it."""
        endpoint = host_of_bytes(address), port
        if endpoint == self._own.endpoint:
            self._receive(payload, now)
        elif endpoint[0] and port:
            self._gossip.send_alone(endpoint, UserMessage(payload))
