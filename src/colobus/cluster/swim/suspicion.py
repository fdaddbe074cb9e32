"""One suspicion: who accuses, and how long the accused may take to refute (Lifeguard)."""

import math

__all__ = ["Suspicion", "suspicion_timeout_s"]


def suspicion_timeout_s(confirmations: int, wanted: int, least_s: float, most_s: float) -> float:
    """Return how long a suspicion lasts in all after so many confirmations.

    ``most - ln(c + 1) / ln(k + 1) x (most - least)``, cut to milliseconds, at least ``least_s``
    (reference: memberlist §6.3). Without wanted confirmations it is ``least_s`` from the start.
    """
    if wanted < 1:
        return least_s
    part = math.log(confirmations + 1) / math.log(wanted + 1)
    raw_s = most_s - part * (most_s - least_s)
    return max(math.floor(raw_s * 1000) / 1000, least_s)


class Suspicion:
    """The accusation that runs against one node. Owns no timer: the rules arm it anew."""

    __slots__ = ("_accusers", "least_s", "most_s", "started_at", "wanted")

    def __init__(
        self, accuser: str, started_at: float, *, wanted: int, least_s: float, most_s: float
    ) -> None:
        # The one who started it does not count as a confirmation, nor does it confirm later.
        self._accusers = {accuser}
        self.started_at = started_at
        self.wanted = wanted
        self.least_s = least_s
        self.most_s = most_s

    @property
    def confirmations(self) -> int:
        """How many accusers came after the first."""
        return len(self._accusers) - 1

    @property
    def deadline(self) -> float:
        """When the accused counts as dead unless it has refuted."""
        return self.started_at + suspicion_timeout_s(
            self.confirmations, self.wanted, self.least_s, self.most_s
        )

    def confirm(self, accuser: str) -> bool:
        """Count an accuser; return whether that was news worth passing on.

        Beyond the wanted number nothing is new, which also bounds what is remembered.
        """
        if self.confirmations >= self.wanted or accuser in self._accusers:
            return False
        self._accusers.add(accuser)
        return True
