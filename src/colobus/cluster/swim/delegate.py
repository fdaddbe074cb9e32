"""What SWIM asks of the layer above it, and tells it. Serf is the one implementation.

Every method is called while a message or a timer is handled and must return at once; it may queue
broadcasts and send datagrams, but must not call back into the rules for the same node.
"""

from typing import Protocol

from colobus.cluster.messages import Alive
from colobus.cluster.swim.table import Node

__all__ = ["Delegate"]


class Delegate(Protocol):
    """The layer above (reference: serf, head of the page)."""

    def node_joined(self, node: Node, now: float) -> None:
        """Learn of a node that is new, or back."""

    def node_left(self, node: Node, now: float) -> None:
        """Learn of a node that is dead or left; the state says which."""

    def node_updated(self, node: Node, now: float) -> None:
        """Learn that the meta of a live node changed."""

    def name_conflict(self, known: Node, other: Alive, now: float) -> None:
        """Learn that ``other`` uses the name of ``known`` at another address."""

    def user_message(self, payload: bytes, now: float) -> None:
        """Take a message of the layer's own, type byte first."""

    def take_broadcasts(self, room: int, overhead: int, now: float) -> list[bytes]:
        """Return own messages that fit; each costs ``overhead`` more than its length."""

    def user_state(self) -> bytes:
        """Return what a push/pull carries for the layer; empty for nothing."""

    def merge_user_state(self, state: bytes, now: float, *, ignores_old_events: bool) -> None:
        """Take in a peer's state; ``ignores_old_events`` for our own join (serf §4)."""

    def ack_payload(self) -> bytes:
        """Return what an ack to a direct ping carries."""

    def ping_completed(self, node: Node, rtt_s: float, payload: bytes, now: float) -> None:
        """Learn the round trip of a direct ping of ours, and what the ack carried."""
