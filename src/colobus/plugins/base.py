"""The base of every plugin.

A plugin is a class: its name, priority and configuration are declared, its phases are methods.

======================  ===========================================================================
``init_worker()``       once in every worker, configured or not
``rewrite(x, c)``       before routing; only global configurations apply
``access(x, c)``        after routing, before the upstream is contacted
``header_filter(x, c)`` the head of the answer is known, whoever made it
``body_filter(x, c, chunk, last)``  each piece of the answer's body; returns what goes out
``filters_body(x, c)``  whether ``body_filter`` is to see this answer; always, if left out
``log(x, c)``           the last byte went to the client, or the exchange failed
``reopen_logs()``       log files were rotated (SIGUSR1 to the node)
``close()``             once, at the end of every worker, when no request is left
======================  ===========================================================================

A phase is a plain method, which costs nothing but its call. One that must wait is a coroutine
method, or a plain one that *returns* a coroutine in the case where it must: a cache hit is then
answered without a task. ``header_filter``, ``body_filter`` and ``log`` never wait; work that
takes time is handed to ``self.capabilities.spawn``. A phase a plugin does not define costs
nothing. To answer a request, raise :class:`~colobus.plugins.context.ShortCircuit`.
"""

from typing import ClassVar

from colobus.model.kind import Kind, PluginSchema
from colobus.model.schema import Schema
from colobus.plugins.context import Capabilities

__all__ = ["Plugin"]


class Plugin:
    """One plugin; each worker makes one instance.

    Attributes:
        name: Kong's name of it, as in the Admin API.
        priority: phases run in descending priority, among equals by name.
        no_consumer: a configuration may not name a consumer.
        Config: the schema of ``config``; phases get an instance of it.
        kinds: the entities the plugin owns.
        migrations: the package of the scripts that make their tables, by its dotted name
            (:mod:`colobus.store.migrations` says how to write one); needed where there are kinds.
    """

    name: ClassVar[str]
    priority: ClassVar[int] = 0
    no_consumer: ClassVar[bool] = False
    Config: ClassVar[type[Schema]]
    kinds: ClassVar[tuple[Kind, ...]] = ()
    migrations: ClassVar[str | None] = None

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    def reopen_logs(self) -> None:
        """Open anew what log files the plugin keeps open; it returns at once."""

    def close(self) -> None:
        """Let go of what the plugin holds, and write what is still to be written."""

    @classmethod
    def schema(cls) -> PluginSchema:
        """Return what validating a plugin row needs to know."""
        return PluginSchema(cls.Config, cls.no_consumer)
