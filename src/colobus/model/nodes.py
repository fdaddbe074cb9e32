"""Nodes: the registry by which nodes of one datastore find each other (clustering §5.2)."""

from colobus.model.kind import Kind
from colobus.model.schema import Schema, String, Timestamp

__all__ = ["NODES", "Node"]


class Node(Schema):
    """One node: its name, and ``ip:port`` of its cluster listener."""

    name: String
    cluster_listening_address: String
    created_at: Timestamp | None = None


NODES = Kind(
    name="nodes", model=Node, key="name", replace_key=("name",), logged=False, expires=True
)
