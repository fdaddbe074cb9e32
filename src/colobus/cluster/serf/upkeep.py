"""What a member does by and by: forget who is long gone, look for who failed (serf §5.5)."""

from collections.abc import Callable
from random import Random

from colobus.cluster.serf.members import Member, MemberTable
from colobus.cluster.swim.addresses import Address, host_of_bytes
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.timing import ClusterTiming

__all__ = ["Upkeep"]


class Upkeep:
    """Two ticks.

    Args:
        members: whom to look at.
        schedule: for the ticks.
        timing: their intervals and timeouts.
        rng: for whom to reconnect to.
        reap: forgets a member.
        expire: forgets what else is too old, given the time.
        reconnect: tries to exchange with an address.
    """

    def __init__(
        self,
        members: MemberTable,
        *,
        schedule: Schedule,
        timing: ClusterTiming,
        rng: Random,
        reap: Callable[[Member], None],
        expire: Callable[[float], None],
        reconnect: Callable[[Address, float], None],
    ) -> None:
        self._members = members
        self._schedule = schedule
        self._timing = timing
        self._rng = rng
        self._reap = reap
        self._expire = expire
        self._reconnect = reconnect

    def start(self, now: float) -> None:
        """Begin both ticks."""
        self._schedule.call_at(now + self._timing.reap_interval_s, self._reap_tick)
        self._schedule.call_at(now + self._timing.reconnect_interval_s, self._reconnect_tick)

    def _reap_tick(self, now: float) -> None:
        self._schedule.call_at(now + self._timing.reap_interval_s, self._reap_tick)
        timing = self._timing
        for gone, timeout_s in (
            (self._members.failed, timing.reconnect_timeout_s),
            (self._members.left, timing.tombstone_timeout_s),
        ):
            expired = [member for member in gone.values() if now - member.gone_at > timeout_s]
            for member in expired:
                self._reap(member)
        self._expire(now)

    def _reconnect_tick(self, now: float) -> None:
        """Try one failed member, the more likely the more there are per member that is there.

        So all members together try each failed one about once per interval.
        """
        self._schedule.call_at(now + self._timing.reconnect_interval_s, self._reconnect_tick)
        failed = list(self._members.failed.values())
        remaining = len(self._members) - len(failed) - len(self._members.left)
        if failed and self._rng.random() < len(failed) / max(1, remaining):
            member = self._rng.choice(failed)
            self._reconnect((host_of_bytes(member.address), member.port), now)
