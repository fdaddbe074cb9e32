"""Which answer belongs to which ping: sequence numbers and who waits for them."""

from collections.abc import Callable
from dataclasses import dataclass

from colobus.cluster.messages import Ack, Nack

__all__ = ["Acknowledgements"]

# A node waits for one ping of its own and those it relays; beyond this many, requests to relay
# are not served, since a peer chooses how many it sends.
MOST_AWAITED = 1024
SEQUENCE_MASK = (1 << 32) - 1


@dataclass(slots=True)
class _Awaited:
    acked: Callable[[bytes, float], None]
    nacked: Callable[[], None] | None


class Acknowledgements:
    """Handlers by sequence number, one counter for all pings (memberlist §4, §6.2)."""

    def __init__(self) -> None:
        self._awaited: dict[int, _Awaited] = {}
        self._sequence = 0

    def __len__(self) -> int:
        """Return how many answers are awaited."""
        return len(self._awaited)

    @property
    def is_full(self) -> bool:
        """Whether no further ping may be relayed."""
        return len(self._awaited) >= MOST_AWAITED

    def expect(
        self, acked: Callable[[bytes, float], None], nacked: Callable[[], None] | None = None
    ) -> int:
        """Return a new sequence number whose answers go to the callbacks until ``forget``."""
        self._sequence = (self._sequence + 1) & SEQUENCE_MASK
        self._awaited[self._sequence] = _Awaited(acked, nacked)
        return self._sequence

    def hand_over(
        self, sequence: int, acked: Callable[[bytes, float], None], nacked: Callable[[], None]
    ) -> None:
        """Give the answers to a ping that is still awaited to other callbacks."""
        self._awaited[sequence] = _Awaited(acked, nacked)

    def forget(self, sequence: int) -> None:
        """Ignore answers that come from now on."""
        self._awaited.pop(sequence, None)

    def ack(self, message: Ack, now: float) -> None:
        """Hand over an ack, once: it ends the wait. Late and unknown ones are dropped."""
        awaited = self._awaited.pop(message.sequence, None)
        if awaited is not None:
            awaited.acked(message.payload, now)

    def nack(self, message: Nack) -> None:
        """Hand over a nack; the wait goes on."""
        awaited = self._awaited.get(message.sequence)
        if awaited is not None and awaited.nacked is not None:
            awaited.nacked()
