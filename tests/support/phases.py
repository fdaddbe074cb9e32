"""Small plugins whose phases are functions of the test."""

from collections.abc import Callable
from typing import Any

from colobus.model.schema import Row, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange
from colobus.testing.capabilities import MemoryWorker

__all__ = ["plugin", "plugin_row"]


class NoConfig(Schema):
    """A configuration without fields."""


def plugin(name: str = "probe", *, priority: int = 0, **phases: Callable[..., Any]) -> Plugin:
    """Return an instance of a plugin with these phases; each gets the exchange first.

    ``body_filter`` gets the exchange, a chunk and whether it is the last one.
    """
    methods: dict[str, Any] = {"name": name, "priority": priority, "Config": NoConfig}
    for phase, function in phases.items():
        methods[phase] = _method(function)
    made: type[Plugin] = type(f"Probe_{name}", (Plugin,), methods)
    return made(MemoryWorker().capabilities)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def phase(_self: Plugin, exchange: Exchange, _config: Schema, *rest: object) -> Any:
        return function(exchange, *rest)

    return phase


def plugin_row(name: str = "probe", api_id: str | None = None) -> Row:
    """Return a row of ``plugins``: for one API, or global."""
    row: Row = {"id": f"row-{name}-{api_id}", "name": name, "config": {}, "enabled": True}
    return row if api_id is None else {**row, "api_id": api_id}
