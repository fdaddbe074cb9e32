"""What a cluster has to keep: every figure that is measured, and its bound, in one place."""

from dataclasses import dataclass

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """One figure.

    Attributes:
        step: which step measures it.
        what: as it stands in the table.
        unit: of value and bound.
        most: the figure must not be above this; None: it is only told.
    """

    step: str
    what: str
    unit: str
    most: float | None


TARGETS: dict[str, Target] = {
    "sim_spread": Target("dissemination", "event to all of 1 000, gossip alone", "s", 2.0),
    "sim_spread_lossy": Target("dissemination", "the same at 10 % loss", "s", 2.0),
    "sim_spread_direct_lossy": Target("dissemination", "sent direct too, 10 % loss", "s", 2.0),
    "sim_traffic": Target("traffic", "datagrams per node and second at 1 000", "/s", 4.2),
    "sim_traffic_growth": Target("traffic", "largest over smallest, 32 to 1 000 nodes", "x", 1.2),
    "sim_heal": Target("healing", "halves agree after the cut heals, slowest", "s", 60.0),
    "sim_false_failed": Target("patience", "false failed at 10 % loss, 32 nodes", "", 0),
    "sim_replay": Target("replay", "facts that differ when a seed is replayed", "", 0),
    "sim_crash_p99": Target("detection", "crashed process failed everywhere, p99", "s", 3.0),
    "sim_silent_p99": Target("detection", "silent host failed everywhere, p99", "s", 8.0),
    "join": Target("join", "second row exists until both see both, worst", "s", 1.0),
    "crash_p50": Target("crash", "kill -9 until the last of four knows, p50", "s", None),
    "crash_p99": Target("crash", "kill -9 until the last of four knows, p99", "s", 3.0),
    "hint_p50": Target("changes", "commit on A until the hint on B, p50", "ms", 2.0),
    "hint_p99": Target("changes", "commit on A until the hint on B, p99", "ms", 20.0),
    "change_p50": Target("changes", "commit until every worker answers by it, p50", "ms", 5.0),
    "change_p99": Target("changes", "commit until every worker answers by it, p99", "ms", 50.0),
    "write_p50": Target("changes", "Admin write, sent until answered, p50", "ms", 10.0),
    "lossy_p99": Target("changes at 30 % loss", "commit until every worker, p99", "ms", 1000.0),
    "cut_p99": Target("changes without gossip", "commit until every worker, p99", "ms", 1500.0),
    "idle_cpu": Target("idle", "CPU of an idle node, % of a core", "%", 0.5),
    "members_memory": Target("memory", "memory for 1 000 members", "MiB", 10.0),
    "false_failed": Target("saturation", "false failed, both cores saturated", "", 0),
}
