"""Bundled plugins at work in a gateway of the test, by name and configuration."""

from collections.abc import Mapping
from typing import Any

from colobus.model.schema import Row, validate
from colobus.plugins.registry import load
from colobus.testing.capabilities import MemoryWorker

__all__ = ["API_ID", "configured"]

API_ID = "5e0c1f4e-0000-4000-8000-000000000001"
"""The id of the API of :func:`support.proxying.proxied`."""


def configured(
    configs: Mapping[str, Mapping[str, Any]],
    *,
    is_global: bool = False,
    worker: MemoryWorker | None = None,
) -> dict[str, Any]:
    """Return the arguments of ``proxied`` for these plugins, of its API or of every request."""
    registry = load()
    capabilities = (worker or MemoryWorker()).capabilities
    plugins = registry.instantiate(lambda _name: capabilities)
    rows: list[Row] = []
    for name, config in configs.items():
        validate(registry[name].Config, config)
        row: Row = {"id": f"row-{name}", "name": name, "config": dict(config), "enabled": True}
        rows.append(row if is_global else {**row, "api_id": API_ID})
    return {"plugins": [each for each in plugins if each.name in configs], "plugin_rows": rows}
