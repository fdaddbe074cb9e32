"""Intents about names that are not members yet, kept until the member turns up."""

from dataclasses import dataclass

from colobus.cluster.messages import JoinIntent, LeaveIntent

__all__ = ["IntentBuffer"]

# Longer names are not learnt by SWIM either.
MOST_NAME = 255
# More names than a cluster has members in flight; the oldest are dropped beyond.
MOST_INTENTS = 4096


@dataclass(frozen=True, slots=True)
class _Kept:
    intent: JoinIntent | LeaveIntent
    heard_at: float


class IntentBuffer:
    """The newest intent per unknown name (reference: serf §5.4)."""

    def __init__(self, most_intents: int = MOST_INTENTS) -> None:
        self._most_intents = most_intents
        self._kept: dict[str, _Kept] = {}

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._kept)

    def keep(self, intent: JoinIntent | LeaveIntent, now: float) -> bool:
        """Keep an intent unless one as new is there; return whether it was kept."""
        if len(intent.node) > MOST_NAME:
            return False
        known = self._kept.pop(intent.node, None)
        if known is not None and intent.time <= known.intent.time:
            self._kept[intent.node] = known
            return False
        if len(self._kept) >= self._most_intents:
            del self._kept[next(iter(self._kept))]
        self._kept[intent.node] = _Kept(intent, now)
        return True

    def get(self, name: str) -> JoinIntent | LeaveIntent | None:
        """Return what is known to be intended for ``name``."""
        kept = self._kept.get(name)
        return None if kept is None else kept.intent

    def expire(self, now: float, timeout_s: float) -> None:
        """Drop what is older than ``timeout_s``."""
        expired = [name for name, kept in self._kept.items() if now - kept.heard_at > timeout_s]
        for name in expired:
            del self._kept[name]
