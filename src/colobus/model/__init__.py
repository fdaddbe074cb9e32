"""Entities: schemas, kinds and changes. Knows nothing of stores, sockets or routes."""

from colobus.model.apis import APIS
from colobus.model.change import Change, Snapshot
from colobus.model.consumers import CONSUMERS
from colobus.model.kind import Catalog, Collection, Entity, Kind, PluginSchema, ValidationContext
from colobus.model.nodes import NODES
from colobus.model.plugins import PLUGINS
from colobus.model.schema import Row, Schema, validate

__all__ = [
    "APIS",
    "CONSUMERS",
    "CORE_KINDS",
    "NODES",
    "PLUGINS",
    "Catalog",
    "Change",
    "Collection",
    "Entity",
    "Kind",
    "PluginSchema",
    "Row",
    "Schema",
    "Snapshot",
    "ValidationContext",
    "validate",
]

CORE_KINDS = (APIS, CONSUMERS, PLUGINS, NODES)
"""The kinds of the gateway itself; plugins add theirs behind them."""
