"""Taking in the node table of a peer, after checking that both can speak with each other."""

from collections.abc import Iterable

from colobus.cluster.messages import Alive, Dead, NodeRecord, NodeState, Suspect
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.table import NodeTable
from colobus.errors import ClusterProtocolError

__all__ = ["check_versions", "merge_nodes", "node_records"]

NO_VERSIONS = bytes(6)


def check_versions(remote: Iterable[NodeRecord], table: NodeTable) -> None:
    """See that all live nodes of both sides share versions that everybody speaks.

    Over live nodes that say their versions, P = [max pmin, min pmax] and D = [max dmin, min dmax];
    every node of both sides must have its current versions within (memberlist §3 rule 2).

    Raises:
        ClusterProtocolError: somebody does not; nothing may be merged then.
    """
    records = tuple(remote)
    everybody = {node.versions or NO_VERSIONS for node in (*records, *table)}
    live = {node.versions for node in records if node.state == NodeState.ALIVE and node.versions}
    live |= {node.versions for node in table if node.state == NodeState.ALIVE}
    if not live:
        return
    for name, lowest, highest, current in (("protocol", 0, 1, 2), ("Serf protocol", 3, 4, 5)):
        least = max(versions[lowest] for versions in live)
        most = min(versions[highest] for versions in live)
        for versions in everybody:
            if not least <= versions[current] <= most:
                raise ClusterProtocolError(
                    f"{name} version {versions[current]} of a node is incompatible: "
                    f"[{least}, {most}]"
                )


def merge_nodes(remote: Iterable[NodeRecord], rules: MembershipRules, now: float) -> None:
    """Apply a peer's records as if each were a message (memberlist §4.5).

    A remote "dead" is only ever a suspicion, by us, so that the node may refute; and so may we:
    a restarted node comes back by hearing here that it is dead (§4.4).
    """
    own = rules.own
    for record in remote:
        if record.state == NodeState.ALIVE:
            rules.alive(
                Alive(
                    record.incarnation,
                    record.name,
                    record.address,
                    record.port or own.port,
                    record.meta,
                    record.versions,
                ),
                now,
            )
        elif record.state == NodeState.LEFT:
            rules.dead(Dead(record.incarnation, record.name, record.name), now)
        elif record.state in (NodeState.SUSPECT, NodeState.DEAD):
            rules.suspect(Suspect(record.incarnation, record.name, own.name), now)


def node_records(table: NodeTable) -> tuple[NodeRecord, ...]:
    """Return the own table as a push/pull carries it."""
    return tuple(
        NodeRecord(
            node.name,
            node.address,
            node.port,
            node.meta,
            node.incarnation,
            node.state,
            node.versions,
        )
        for node in table
    )
