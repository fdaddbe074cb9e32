"""What the node tells about itself: ``/``, ``/status``, its plugins (reference: admin-api §1.7)."""

import platform
from collections.abc import Iterator
from typing import Any

from colobus.admin.answer import Answer, json_answer, message
from colobus.admin.call import Call
from colobus.admin.routes import Route
from colobus.admin.services import Services
from colobus.model.plugins import PLUGINS
from colobus.model.schema import describe
from colobus.version import ADMIN_API_VERSION, VERSION

__all__ = ["Information"]


class Information:
    """The routes that only tell."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._catalog = services.catalog
        self._plugins = services.plugins
        self._node = services.node

    def routes(self) -> Iterator[Route]:
        """Yield the routes."""
        yield Route("/", {"GET": self.node})
        yield Route("/status", {"GET": self.status})
        yield Route("/plugins/enabled", {"GET": self.enabled_plugins})
        yield Route("/plugins/schema/{name}", {"GET": self.plugin_schema})
        yield Route("/robots.txt", {"GET": self.robots})

    async def node(self, _call: Call) -> Answer:
        """Answer what this node is and how it is configured.

        The members that only a Lua gateway can fill stay, because clients read them.
        """
        return json_answer(
            200,
            {
                "tagline": "Welcome to kong",
                "version": ADMIN_API_VERSION,
                "colobus_version": VERSION,
                "hostname": self._node.hostname,
                "timers": {"running": 0, "pending": 0},
                "plugins": {
                    "available_on_server": dict.fromkeys(self._plugins, True),
                    "enabled_in_cluster": await self._plugins_in_use(),
                },
                "lua_version": f"none: Python {platform.python_version()}",
                "configuration": self._node.configuration(),
                "prng_seeds": {},
            },
        )

    async def status(self, _call: Call) -> Answer:
        """Answer counters of the node, and how many rows of each kind there are."""
        counts = {kind.name: await self._store.count(kind) for kind in self._catalog.values()}
        return json_answer(200, {"server": dict(self._node.server_counters()), "database": counts})

    async def enabled_plugins(self, _call: Call) -> Answer:
        """Answer the plugins that this node has."""
        return json_answer(200, {"enabled_plugins": list(self._plugins)})

    async def plugin_schema(self, call: Call) -> Answer:
        """Answer the configuration schema of a plugin (plugins.md, Appendix C)."""
        name = call.variables["name"]
        plugin = self._plugins.get(name)
        if plugin is None:
            return message(404, f"No plugin named '{name}'")
        shown: dict[str, Any] = describe(plugin.config)
        if plugin.no_consumer:
            shown["no_consumer"] = True
        return json_answer(200, shown)

    async def robots(self, _call: Call) -> Answer:
        """Keep crawlers away."""
        return Answer(200, b"User-agent: *\nDisallow: /", "text/plain")

    async def _plugins_in_use(self) -> list[str]:
        # One question per plugin, answered by an index, however many rows there are. A row of a
        # plugin that this node does not have is not seen; no node starts with one.
        return [
            name
            for name in self._plugins
            if await self._store.select(PLUGINS, {"name": name}, limit=1)
        ]
