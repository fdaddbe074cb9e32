"""What the handlers of the Admin API work with."""

from collections.abc import Mapping
from dataclasses import dataclass

from colobus.admin.node import NodeFacade
from colobus.model.kind import Catalog, PluginSchema
from colobus.store.interface import Store

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a node that handlers use.

    Attributes:
        store: the datastore.
        catalog: every kind of this node.
        plugins: the plugins of this node, by name.
        node: the node itself.
    """

    store: Store
    catalog: Catalog
    plugins: Mapping[str, PluginSchema]
    node: NodeFacade
