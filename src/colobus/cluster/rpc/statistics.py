"""The agent's numbers as ``stats`` tells them: all of them text (reference: rpc §6)."""

from collections.abc import Mapping

from colobus.cluster.machine import ClusterMachine
from colobus.cluster.rpc.replies import StatsReport

__all__ = ["stats_of"]


def stats_of(machine: ClusterMachine, runtime: Mapping[str, str]) -> StatsReport:
    """Return the report of ``machine``; ``runtime`` says what it runs on."""
    now = machine.statistics()
    serf = {
        "members": now.members,
        "failed": now.failed,
        "left": now.left,
        "health_score": now.health_score,
        "member_time": now.member_time,
        "event_time": now.event_time,
        "query_time": now.query_time,
        "intent_queue": now.intent_queue,
        "event_queue": now.event_queue,
        "query_queue": now.query_queue,
        "coordinate_resets": now.coordinate_resets,
    }
    sections: dict[str, Mapping[str, str]] = {
        "agent": {"name": machine.name},
        "runtime": runtime,
        "serf": {name: str(number) for name, number in serf.items()}
        | {"encrypted": "true" if now.is_encrypted else "false"},
        "refused": {kind.value: str(n) for kind, n in machine.refusals.counts.items() if n},
        "tags": dict(machine.tags),
        "event_handlers": {},
    }
    return StatsReport(sections)
