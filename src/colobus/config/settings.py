"""The settings of a node, all of them, as one frozen object.

Every setting is declared once, in the sections; this module only puts the sections together and
tells what they hold. It knows nothing of files and environments (:mod:`colobus.config.loader`).
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from colobus.config.declaration import Declaration, declarations
from colobus.config.kinds import MASK, Shown
from colobus.config.layout import Layout
from colobus.config.sections.cluster import ClusterSettings
from colobus.config.sections.datastore import DatastoreSettings
from colobus.config.sections.dns import DnsSettings
from colobus.config.sections.node import NodeSettings
from colobus.config.sections.tls import TlsSettings
from colobus.config.sections.traffic import TrafficSettings
from colobus.config.sections.without_effect import WithoutEffectSettings

__all__ = ["DECLARATIONS", "OLD_NAMES", "SECTIONS", "Settings"]

SECTIONS: tuple[type, ...] = (
    NodeSettings,
    TrafficSettings,
    TlsSettings,
    DatastoreSettings,
    ClusterSettings,
    DnsSettings,
    WithoutEffectSettings,
)
"""In the order of the documents."""

DECLARATIONS: Mapping[str, Declaration] = MappingProxyType(
    {declared.name: declared for section in SECTIONS for declared in declarations(section)}
)
"""Setting name -> its declaration, in the order of the documents."""

OLD_NAMES: Mapping[str, str] = MappingProxyType(
    {old: declared.name for declared in DECLARATIONS.values() for old in declared.old_names}
)
"""Name in an older file -> name now."""

_BELOW_PREFIX = (
    "proxy_access_log",
    "proxy_error_log",
    "admin_access_log",
    "admin_error_log",
    "sqlite_path",
)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Settings(
    NodeSettings,
    TrafficSettings,
    TlsSettings,
    DatastoreSettings,
    ClusterSettings,
    DnsSettings,
    WithoutEffectSettings,
):
    """What a node was told; every path in it is absolute.

    One object for all parts of a node: each takes the section class it needs. Its text form never
    shows a secret.
    """

    def __post_init__(self) -> None:
        for name in _BELOW_PREFIX:
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, self.prefix / path)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={self.text(name)}" for name in DECLARATIONS if self.has(name))
        return f"Settings({given})"

    @property
    def layout(self) -> Layout:
        """Where the node keeps its files."""
        return Layout(self.prefix)

    @property
    def serf_node_id(self) -> Path:
        """The file that keeps the node's name in the cluster (0.10's name for it)."""
        return self.layout.node_name_file

    def worker_count(self) -> int:
        """Return how many workers to start: for `auto` one per processor this process may use."""
        return self.worker_processes or len(os.sched_getaffinity(0))

    def has(self, name: str) -> bool:
        """Tell whether the setting has a value."""
        return not DECLARATIONS[name].is_unset(getattr(self, name))

    def text(self, name: str, *, reveal: bool = False) -> str:
        """Return the value as a file would spell it, a secret masked unless ``reveal``."""
        declared = DECLARATIONS[name]
        if not self.has(name):
            return ""
        if declared.is_secret and not reveal:
            return MASK
        return declared.kind.text(getattr(self, name))

    def shown(self, plugins: Iterable[str]) -> dict[str, object]:
        """Return the ``configuration`` member of ``GET /``: all that is set, and what follows.

        Args:
            plugins: names of the plugins this node has.
        """
        configuration: dict[str, object] = {
            name: self._shown_value(declared)
            for name, declared in DECLARATIONS.items()
            if self.has(name)
        }
        # The names of 0.10 for these two.
        configuration["nginx_daemon"] = configuration["daemon"]
        configuration["nginx_worker_processes"] = configuration["worker_processes"]
        configuration["plugins"] = dict.fromkeys(plugins, True)
        for listener in ("proxy", "admin"):
            for suffix in ("", "_ssl"):
                address = getattr(self, f"{listener}_listen{suffix}")
                configuration[f"{listener}{suffix}_ip"] = address.host
                configuration[f"{listener}{suffix}_port"] = address.port
        return configuration | self._shown_paths()

    def _shown_value(self, declared: Declaration) -> Shown:
        value: Any = getattr(self, declared.name)
        if declared.is_secret or declared.kind.shown is None:
            return self.text(declared.name)
        return declared.kind.shown(value)

    def _shown_paths(self) -> dict[str, str]:
        """Return the files of the node, under the names that clients of 0.10 know."""
        layout = self.layout
        paths = {
            "kong_env": layout.environment_file,
            "nginx_pid": layout.pid_link,
            "nginx_err_logs": self.proxy_error_log,
            "nginx_acc_logs": self.proxy_access_log,
            "nginx_admin_acc_logs": self.admin_access_log,
            "serf_node_id": self.serf_node_id,
            "ssl_cert_default": layout.default_certificate,
            "ssl_cert_key_default": layout.default_key,
            "client_ssl_cert_default": layout.default_certificate,
            "client_ssl_cert_key_default": layout.default_key,
        }
        return {name: str(path) for name, path in paths.items() if path is not None}
