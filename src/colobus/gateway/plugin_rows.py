"""The rows of ``plugins`` as a worker holds them: validated once, found by API and consumer.

A row that this node cannot use never breaks a worker. One that names an unknown plugin is kept
aside and reported; one whose configuration does not validate answers every request it applies to
with a 500, because a request must not pass a plugin that somebody configured (fail closed).
"""

import logging
from bisect import insort
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from colobus.errors import SchemaError
from colobus.model.schema import Row, Schema, validate
from colobus.plugins.base import Plugin
from colobus.plugins.context import ShortCircuit

__all__ = ["PHASES", "ConfiguredPlugin", "PluginRows", "Scope", "Step"]

PHASES = ("rewrite", "access", "header_filter", "body_filter", "log")

Scope = tuple[str | None, str | None]
"""The API and the consumer that a row names, each None for any."""

logger = logging.getLogger(__name__)


class Step:
    """One phase of one plugin, with the configuration that applies.

    Attributes:
        order: the plugin's position in the node's order.
        name: the plugin's name.
        run: the bound phase method; takes the exchange, ``config`` and what the phase adds.
        config: the validated configuration.
        asks: of a body filter, what says whether it wants to see an answer; None for always.
        is_global: it comes from a row without API and consumer.
    """

    __slots__ = ("asks", "config", "is_global", "name", "order", "run")

    def __init__(
        self, order: int, name: str, run: Callable[..., Any], config: Schema, *, is_global: bool
    ) -> None:
        self.order = order
        self.name = name
        self.run = run
        self.config = config
        self.is_global = is_global
        self.asks: Callable[..., bool] | None = None

    def __repr__(self) -> str:
        return f"<Step {self.order} {self.name}>"


class ConfiguredPlugin:
    """One usable or broken row: where it applies, and its plugin's steps by phase."""

    __slots__ = ("age", "order", "scope", "steps")

    def __init__(self, row: Row, order: int, steps: dict[str, Step]) -> None:
        self.age: tuple[int, str] = (row.get("created_at", 0), row["id"])
        self.order = order
        self.scope: Scope = (row.get("api_id"), row.get("consumer_id"))
        self.steps = steps


class PluginRows:
    """The rows, changed one at a time.

    Attributes:
        names: the names of plugins that enabled rows or disabled ones use, with how many do.
        broken: row id -> the fields of its configuration that cannot be used.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        ordered = sorted(plugins, key=lambda plugin: (-plugin.priority, plugin.name))
        self._plugins = {plugin.name: (order, plugin) for order, plugin in enumerate(ordered)}
        self._names_by_id: dict[str, str] = {}
        self._configured: dict[str, ConfiguredPlugin] = {}
        self._scopes: dict[Scope, dict[int, list[ConfiguredPlugin]]] = {}
        self._apis: dict[str, int] = {}
        self._consumers: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.broken: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._names_by_id)

    @property
    def unknown(self) -> set[str]:
        """The names of plugins that rows use and this node does not have."""
        return set(self.names) - set(self._plugins)

    def names_api(self, api_id: str | None) -> bool:
        """Say whether an enabled row names this API."""
        return api_id in self._apis

    def names_consumer(self, consumer_id: str | None) -> bool:
        """Say whether an enabled row names this consumer."""
        return consumer_id in self._consumers

    def put(self, row: Row) -> list[Scope]:
        """Insert the row, or replace the one with the same id; return the scopes touched."""
        touched = self.remove(row["id"])
        name = row["name"]
        self._names_by_id[row["id"]] = name
        _count(self.names, name, 1)
        order, plugin = self._plugins.get(name, (0, None))
        if plugin is None or not row.get("enabled", True):
            return touched
        if plugin.no_consumer and row.get("consumer_id") is not None:
            return touched  # of such a plugin, rows that name a consumer never apply
        configured = ConfiguredPlugin(row, order, self._steps(row, order, plugin))
        self._configured[row["id"]] = configured
        api_id, consumer_id = scope = configured.scope
        same = self._scopes.setdefault(scope, {}).setdefault(order, [])
        insort(same, configured, key=lambda other: other.age)
        _count(self._apis, api_id, 1)
        _count(self._consumers, consumer_id, 1)
        return [*touched, scope]

    def remove(self, row_id: str) -> list[Scope]:
        """Remove the row; nothing happens when there is none. Return the scopes touched."""
        name = self._names_by_id.pop(row_id, None)
        if name is None:
            return []
        _count(self.names, name, -1)
        self.broken.pop(row_id, None)
        configured = self._configured.pop(row_id, None)
        if configured is None:
            return []
        api_id, consumer_id = scope = configured.scope
        orders = self._scopes[scope]
        orders[configured.order].remove(configured)
        if not orders[configured.order]:
            del orders[configured.order]
            if not orders:
                del self._scopes[scope]
        _count(self._apis, api_id, -1)
        _count(self._consumers, consumer_id, -1)
        return [scope]

    def applying(self, api_id: str | None, consumer_id: str | None) -> list[ConfiguredPlugin]:
        """Return the row that applies of each plugin, in the plugins' order."""
        found: dict[int, ConfiguredPlugin] = {}
        for scope in ((None, None), (api_id, None), (None, consumer_id), (api_id, consumer_id)):
            for order, rows in self._scopes.get(scope, {}).items():
                found[order] = rows[0]  # what is more specific comes later and replaces
        return [found[order] for order in sorted(found)]

    def _steps(self, row: Row, order: int, plugin: Plugin) -> dict[str, Step]:
        is_global = row.get("api_id") is None and row.get("consumer_id") is None
        try:
            config = validate(plugin.Config, row.get("config", {}))
        except SchemaError as exc:
            # The messages quote values, which may be secret: the log names the fields alone.
            self.broken[row["id"]] = ", ".join(sorted(exc.fields))
            logger.error(
                "plugin %s: the configuration of row %s cannot be used (%s);"
                " requests it applies to are answered with 500",
                plugin.name, row["id"], self.broken[row["id"]],
            )  # fmt: skip
            refusal = Step(order, plugin.name, _refuse, Schema(), is_global=is_global)
            return {"access": refusal}
        steps = {
            phase: Step(order, plugin.name, getattr(plugin, phase), config, is_global=is_global)
            for phase in PHASES
            if hasattr(plugin, phase)
        }
        if "body_filter" in steps:
            steps["body_filter"].asks = getattr(plugin, "filters_body", None)
        return steps


def _refuse(_exchange: object, _config: Schema) -> NoReturn:
    """Stands for the access phase of a row whose configuration cannot be used."""
    raise ShortCircuit(500)


def _count(counts: dict[str, int], name: str | None, change: int) -> None:
    if name is not None:
        counts[name] = counts.get(name, 0) + change
        if not counts[name]:
            del counts[name]
