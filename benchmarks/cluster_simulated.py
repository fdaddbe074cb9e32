"""Clusters in virtual time: what holds for a thousand members, and what chance does to a few."""

import contextlib
import io
import statistics
from dataclasses import dataclass

from benchmarks.cluster_report import Report, percentile
from benchmarks.cluster_support import SimCluster, preformed
from colobus.cluster.serf.facts import Fact, MemberFailed, UserEventReceived
from colobus.testing.network import LinkConditions

__all__ = ["Sizes", "detection", "dissemination", "healing", "patience", "replay", "traffic"]

SPREAD_WITHIN_S = 30.0
LOSSY = LinkConditions(loss=0.1)
CRASHED = "n3"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is simulated.

    Attributes:
        large: members of the largest cluster. ``sizes``: of those whose traffic is compared.
        spreads: events that are spread per condition.
        cuts: clusters that are cut in halves.
        patience_minutes: virtual time of the cluster that must not fail anybody.
        crashes: clusters in which one member crashes.
    """

    large: int = 1000
    sizes: tuple[int, ...] = (32, 100, 320, 1000)
    spreads: int = 2
    cuts: int = 10
    patience_minutes: float = 10.0
    crashes: int = 200


def _preformed(size: int, seed: int = 1) -> SimCluster:
    """Return a cluster in which everybody has long known everybody."""
    with contextlib.redirect_stdout(io.StringIO()):  # the seed, which a failing test shows
        cluster = SimCluster(seed)
    preformed(cluster, size)
    cluster.network.run_for(1.0)
    return cluster


# Dissemination.


def dissemination(report: Report, sizes: Sizes) -> None:
    """Spread user events over a large cluster, with and without loss."""
    pool = _preformed(sizes.large)
    for key, conditions, is_direct in (
        ("sim_spread", LinkConditions(), False),
        ("sim_spread_lossy", LOSSY, False),
        ("sim_spread_direct_lossy", LOSSY, True),
    ):
        pool.network.conditions = conditions
        arrivals = [_spread(pool, f"{key} {n}", is_direct=is_direct) for n in range(sizes.spreads)]
        last = [max(times) for times in arrivals]
        report.add(key, max(last), [time for times in arrivals for time in times])
        report.curves[key] = [time for times in arrivals for time in times]


def _spread(pool: SimCluster, event: str, *, is_direct: bool) -> list[float]:
    """Return how long each member waited for an event of the first one."""
    for host in pool.hosts.values():
        host.facts.clear()
    start = pool.now
    pool.do("n1", lambda m, now: m.commands.user_event(event, b"42", now, is_direct=is_direct))
    pool.wait_until(
        lambda: len(_arrivals(pool, event)) >= len(pool.hosts),
        within_s=SPREAD_WITHIN_S,
        what=event,
    )
    times = [at - start for at in _arrivals(pool, event)]
    pool.network.run_for(2.0)  # until nobody passes it on any more
    return times


def _arrivals(pool: SimCluster, event: str) -> list[float]:
    return [
        at
        for host in pool.hosts.values()
        for at, fact in host.facts
        if isinstance(fact, UserEventReceived) and fact.name == event
    ]


def traffic(report: Report, sizes: Sizes) -> None:
    """Count the datagrams of members that have nothing to tell."""
    rates = {}
    for size in sizes.sizes:
        pool = _preformed(size)
        pool.network.run_for(2.0)
        before = _datagrams(pool)
        pool.network.run_for(3.0)
        rates[size] = (_datagrams(pool) - before) / size / 3.0
    report.add("sim_traffic", rates[max(rates)])
    report.add("sim_traffic_growth", max(rates.values()) / min(rates.values()))
    report.notes["datagrams per node and second"] = rates


def _datagrams(pool: SimCluster) -> int:
    return sum(host.datagrams_sent for host in pool.hosts.values())


# Misfortune.


def healing(report: Report, sizes: Sizes) -> None:
    """Cut a cluster of 16 in halves until each has given the other up, then undo it."""
    times = []
    for seed in range(sizes.cuts):
        cluster = _preformed(16, seed)
        names = list(cluster.hosts)
        halves = names[:8], names[8:]
        cluster.network.partition(*([cluster.hosts[name] for name in half] for half in halves))
        cluster.network.run_for(60.0)
        assert cluster.view("n1")[halves[1][0]] == "failed", "the halves have given each other up"
        cluster.network.heal()
        times.append(_agreed_after_s(cluster))
    report.add("sim_heal", max(times), times)


def _agreed_after_s(cluster: SimCluster) -> float:
    everybody = dict.fromkeys(cluster.hosts, "alive")
    return cluster.wait_until(lambda: cluster.agree(everybody), within_s=600, what="agreement")


def patience(report: Report, sizes: Sizes) -> None:
    """Lose a tenth of all datagrams for a while; nobody may fail."""
    cluster = _preformed(32)
    cluster.network.conditions = LOSSY
    cluster.network.run_for(sizes.patience_minutes * 60)
    report.add("sim_false_failed", len(_failures(cluster)))
    report.notes["virtual minutes of patience"] = sizes.patience_minutes


def _failures(cluster: SimCluster) -> list[tuple[float, Fact]]:
    return [failure for name in cluster.hosts for failure in cluster.facts(name, MemberFailed)]


def replay(report: Report, _sizes: Sizes) -> None:
    """Run one misfortune twice; every fact must be the same, at the same time."""
    first, second = _history(), _history()
    differing = sum(one != other for one, other in zip(first, second, strict=False))
    report.add("sim_replay", differing + abs(len(first) - len(second)))
    report.notes["facts replayed"] = len(first)


def _history() -> list[str]:
    cluster = _preformed(20, seed=7)
    cluster.network.conditions = LinkConditions(loss=0.2, duplication=0.05, reordering=0.2)
    cluster.crash(CRASHED)
    cluster.do("n1", lambda m, now: m.commands.user_event("told", b"", now, is_direct=True))
    cluster.network.run_for(20.0)
    cluster.restart(CRASHED)
    cluster.join(CRASHED, "n1")
    cluster.network.run_for(20.0)
    facts = [
        f"{name} {at!r} {fact!r}"
        for name in cluster.hosts
        for at, fact in cluster.hosts[name].facts
    ]
    sent = [
        f"{name} {host.datagrams_sent} {host.bytes_sent}" for name, host in cluster.hosts.items()
    ]
    return facts + sent


def detection(report: Report, sizes: Sizes) -> None:
    """Crash one of five, or cut it off without a word, until the last of the others knows."""
    for key, is_crash in (("sim_crash", True), ("sim_silent", False)):
        times = [_detect(seed, is_crash=is_crash) for seed in range(sizes.crashes)]
        report.add(f"{key}_p99", percentile(times, 99), times)
        report.curves[key] = times
    report.notes["simulated crash p50"] = statistics.median(report.curves["sim_crash"])


def _detect(seed: int, *, is_crash: bool) -> float:
    cluster = _preformed(5, seed)
    cluster.network.run_for(cluster.network.rng.random() * 3)
    start, others = cluster.now, [name for name in cluster.hosts if name != CRASHED]
    if is_crash:
        cluster.crash(CRASHED)
    else:
        cluster.network.partition([cluster.hosts[CRASHED]])
    cluster.wait_until(
        lambda: all(cluster.view(name)[CRASHED] == "failed" for name in others),
        within_s=60,
        what=f"failed {CRASHED}",
    )
    found = [
        at - start
        for name in others
        for at, fact in cluster.facts(name, MemberFailed, since=start)
        if isinstance(fact, MemberFailed) and fact.member.name == CRASHED
    ]
    return max(found)
