"""The error tree. Each surface (proxy, Admin API, CLI) translates it in exactly one place.

::

    GatewayError
    ├── ConfigError             settings that cannot be used, all of them at once
    ├── SchemaError             an entity that breaks its schema: field -> message(s)
    ├── StoreError
    │   ├── NotFoundError       a row that was to be deleted is not there
    │   ├── UniqueError         a unique value is taken
    │   ├── ForeignKeyError     a parent does not exist
    │   ├── StoreUnavailableError   cannot be reached now; may succeed later
    │   └── StoreUnusableError  corrupt, or of a newer version; a person must act
    ├── ProtocolError           bytes that break HTTP, with the status to answer
    │   ├── MalformedError      an HTTP/2 message that is none; its stream alone ends
    │   └── AbuseError          an HTTP/2 peer that makes work for nothing; its connection ends
    ├── UpstreamError
    │   ├── ConnectError
    │   ├── UpstreamTimeoutError
    │   ├── UpstreamClosedError
    │   └── UpstreamProtocolError
    ├── TlsError                a certificate, key or set of ciphers that cannot be used
    ├── ClusterError
    │   ├── ClusterProtocolError    bytes of a gossip peer or RPC client that break the protocol
    │   │   └── UnsealedError       that no key of ours opens, or are not sealed as ours are
    │   └── KeyringError        a key or keyring file that cannot be used
    ├── PluginError             a plugin that cannot be loaded or misbehaves
    └── NodeError               a node that cannot be started, stopped or found
"""

from collections.abc import Mapping, Sequence

__all__ = [
    "AbuseError",
    "ClusterError",
    "ClusterProtocolError",
    "ConfigError",
    "ConnectError",
    "ForeignKeyError",
    "GatewayError",
    "KeyringError",
    "MalformedError",
    "NodeError",
    "NotFoundError",
    "PluginError",
    "ProtocolError",
    "SchemaError",
    "StoreError",
    "StoreUnavailableError",
    "StoreUnusableError",
    "TlsError",
    "UniqueError",
    "UnsealedError",
    "UpstreamClosedError",
    "UpstreamError",
    "UpstreamProtocolError",
    "UpstreamTimeoutError",
]


class GatewayError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(GatewayError):
    """One or more settings cannot be used; ``problems`` holds a readable line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class SchemaError(GatewayError):
    """An entity breaks its schema.

    ``fields`` maps a dotted field path to its message, or to the list of them; the path
    ``message`` carries what concerns the entity as a whole (reference: admin-api §1.2).
    """

    def __init__(self, fields: Mapping[str, str | list[str]]) -> None:
        super().__init__(", ".join(f"{field}: {text}" for field, text in fields.items()))
        self.fields = dict(fields)


class StoreError(GatewayError):
    """The datastore refused or failed."""


class NotFoundError(StoreError):
    """A row that was to be deleted is not there, or not any more."""


class UniqueError(StoreError):
    """``value`` of ``field`` is taken by another row; ``reason`` is what its kind says to that."""

    def __init__(self, field: str, value: object, reason: str | None = None) -> None:
        super().__init__(reason or f"{field} already exists with value '{value}'")
        self.field = field
        self.value = value
        self.reason = reason


class ForeignKeyError(StoreError):
    """``field`` names a parent, ``value``, that does not exist."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"{field} does not exist with value '{value}'")
        self.field = field
        self.value = value


class StoreUnavailableError(StoreError):
    """The datastore cannot be reached now; the same call may succeed later."""


class StoreUnusableError(StoreError):
    """The datastore is corrupt or of a newer schema; the text says what a person can do."""


class ProtocolError(GatewayError):
    """A peer broke HTTP; ``status`` is what to answer (RFC 9110 §15)."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class MalformedError(ProtocolError):
    """A message of HTTP/2 breaks RFC 9113 §8: its stream ends, the connection goes on."""


class AbuseError(ProtocolError):
    """A peer of HTTP/2 makes work for nothing: its connection ends."""


class UpstreamError(GatewayError):
    """The upstream service gave no usable answer."""


class ConnectError(UpstreamError):
    """No connection to the upstream service could be made."""


class UpstreamTimeoutError(UpstreamError):
    """The upstream service took longer than a timeout of its API."""


class UpstreamClosedError(UpstreamError):
    """The upstream service closed before its answer was complete."""


class UpstreamProtocolError(UpstreamError):
    """The upstream service answered with bytes that are not one clear HTTP message."""


class TlsError(GatewayError):
    """A certificate, its key or a set of ciphers cannot be used; the text never holds a key."""


class ClusterError(GatewayError):
    """The cluster agent refused or failed."""


class ClusterProtocolError(ClusterError):
    """Bytes of a gossip peer or of an RPC client break the protocol or its limits."""


class UnsealedError(ClusterProtocolError):
    """Bytes of a gossip peer that no key of ours opens, or that are not sealed as ours are."""


class KeyringError(ClusterError):
    """A key, or a keyring file, cannot be used; the text never holds a key."""


class PluginError(GatewayError):
    """A plugin cannot be loaded, or a row names one that is not enabled."""


class NodeError(GatewayError):
    """A node cannot be started, stopped or found."""
