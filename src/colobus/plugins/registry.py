"""The plugins of this node: found, loaded, put in order (plugin-framework §1).

Every bundled plugin is enabled, and each name in ``custom_plugins``. A custom name is resolved
through the entry points of the group ``colobus.plugins``, by which an installed package offers
plugins, else as the module of the same name, hyphens as underscores, below ``colobus.plugins``.
Bundled plugins are listed here, so a source tree runs as it is and no installed package can take
the place of one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from colobus.errors import PluginError
from colobus.model import CORE_KINDS
from colobus.model.kind import Catalog, PluginSchema
from colobus.model.schema import Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Capabilities

__all__ = ["BUNDLED", "ENTRY_POINT_GROUP", "Registry", "load"]

ENTRY_POINT_GROUP = "colobus.plugins"

BUNDLED: Mapping[str, str] = {
    "acl": "colobus.plugins.acl:Acl",
    "basic-auth": "colobus.plugins.basic_auth:BasicAuth",
    "bot-detection": "colobus.plugins.bot_detection:BotDetection",
    "correlation-id": "colobus.plugins.correlation_id:CorrelationId",
    "cors": "colobus.plugins.cors:Cors",
    "file-log": "colobus.plugins.file_log:FileLog",
    "hmac-auth": "colobus.plugins.hmac_auth:HmacAuth",
    "ip-restriction": "colobus.plugins.ip_restriction:IpRestriction",
    "jwt": "colobus.plugins.jwt:Jwt",
    "key-auth": "colobus.plugins.key_auth:KeyAuth",
    "oauth2": "colobus.plugins.oauth2:OAuth2",
    "rate-limiting": "colobus.plugins.rate_limiting:RateLimiting",
    "request-size-limiting": "colobus.plugins.request_size_limiting:RequestSizeLimiting",
    "request-termination": "colobus.plugins.request_termination:RequestTermination",
    "request-transformer": "colobus.plugins.request_transformer:RequestTransformer",
    "response-ratelimiting": "colobus.plugins.response_ratelimiting:ResponseRateLimiting",
    "response-transformer": "colobus.plugins.response_transformer:ResponseTransformer",
}
"""Name -> ``module:class``; the same as the entry points in pyproject.toml."""


class Registry(Mapping[str, type[Plugin]]):
    """Plugin classes by name, in the order in which their phases run."""

    def __init__(self, plugins: Iterable[type[Plugin]]) -> None:
        ordered = sorted(plugins, key=lambda plugin: (-plugin.priority, plugin.name))
        self._plugins = {plugin.name: plugin for plugin in ordered}

    def __getitem__(self, name: str) -> type[Plugin]:
        return self._plugins[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __len__(self) -> int:
        return len(self._plugins)

    def catalog(self) -> Catalog:
        """Return every kind of the gateway and of the plugins.

        Raises:
            PluginError: two kinds have one name, or a parent is missing.
        """
        # By name, so that the order of priorities does not decide which tables come first.
        owned = [kind for name in sorted(self._plugins) for kind in self._plugins[name].kinds]
        return Catalog((*CORE_KINDS, *owned))

    def schemas(self) -> Mapping[str, PluginSchema]:
        """Return what validating plugin rows needs to know."""
        return {name: plugin.schema() for name, plugin in self._plugins.items()}

    def migrations(self) -> tuple[str, ...]:
        """Return the packages of scripts that make the plugins' tables, as dotted names."""
        found = (self._plugins[name].migrations for name in sorted(self._plugins))
        return tuple(package for package in found if package is not None)

    def instantiate(self, capabilities_for: Callable[[str], Capabilities]) -> list[Plugin]:
        """Make each plugin's instance for this worker, and let each start (``init_worker``).

        Args:
            capabilities_for: makes the capabilities of the plugin with that name.
        """
        instances = [plugin(capabilities_for(name)) for name, plugin in self._plugins.items()]
        for instance in instances:
            start = getattr(instance, "init_worker", None)
            if start is not None:
                start()
        return instances

    def check_in_use(self, names: Iterable[str]) -> None:
        """Check that every plugin that rows name is enabled on this node.

        Raises:
            PluginError: one is not; of several, the first by name is named.
        """
        missing = sorted(set(names) - set(self._plugins))
        if missing:
            raise PluginError(f"{missing[0]} plugin is in use but not enabled")


def load(custom: Sequence[str] = ()) -> Registry:
    """Return the bundled plugins and those named in ``custom``.

    Raises:
        PluginError: a name has no plugin, or one that cannot be used.
    """
    names = dict.fromkeys((*BUNDLED, *custom))
    return Registry(_load(name) for name in names)


def _load(name: str) -> type[Plugin]:
    try:
        found = _plugin_in(_entry_point(name).load(), name)
    except Exception as exc:  # foreign code can fail in any way while it is imported
        raise PluginError(f"{name} plugin is enabled but not installed;\n{exc}") from exc
    config = getattr(found, "Config", None)
    if not (isinstance(config, type) and issubclass(config, Schema)):
        raise PluginError(f"no configuration schema found for plugin: {name}")
    return found


def _entry_point(name: str) -> EntryPoint:
    """Return where the plugin is to be found."""
    if name in BUNDLED:
        return EntryPoint(name, BUNDLED[name], ENTRY_POINT_GROUP)
    installed = {point.value: point for point in entry_points(group=ENTRY_POINT_GROUP, name=name)}
    if len(installed) > 1:
        raise PluginError(f"it is offered more than once: {', '.join(sorted(installed))}")
    for point in installed.values():
        return point
    return EntryPoint(name, f"colobus.plugins.{name.replace('-', '_')}", ENTRY_POINT_GROUP)


def _plugin_in(found: object, name: str) -> type[Plugin]:
    """Return ``found``, or what it holds if it is a module: the plugin class of that name."""
    candidates = vars(found).values() if isinstance(found, ModuleType) else (found,)
    for candidate in candidates:
        if not (isinstance(candidate, type) and issubclass(candidate, Plugin)):
            continue
        if getattr(candidate, "name", None) == name:
            return candidate
    raise PluginError(f"{found!r} is no plugin with the name '{name}'")
