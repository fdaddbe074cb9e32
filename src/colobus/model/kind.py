"""Kinds: what an entity is, declared once.

A :class:`Kind` says how rows of one table look, which fields they are unique and looked up by, to
which parents they belong and where the Admin API serves them. The store makes tables and checks
from it, the change log index values, workers cache keys, the Admin API routes. A plugin adds its
own entities by declaring kinds, and writes no invalidation code.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from colobus.errors import PluginError
from colobus.model.schema import Id, Row, Schema, Timestamp

__all__ = [
    "Catalog",
    "Collection",
    "Entity",
    "Kind",
    "Operation",
    "PluginSchema",
    "ValidationContext",
]

Operation = Literal["insert", "update", "replace"]


class Entity(Schema):
    """Base of entities keyed by ``id``; the store fills both fields when they are absent."""

    id: Id | None = None
    created_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class PluginSchema:
    """What validating a plugin row needs to know of the plugin it names."""

    config: type[Schema]
    no_consumer: bool = False


@dataclass(frozen=True, slots=True)
class ValidationContext:
    """What an entity's checks may ask about: the operation, and the known plugins by name."""

    operation: Operation
    plugins: Mapping[str, PluginSchema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collection:
    """A place in the Admin API where rows of a kind are listed and written.

    ``path`` is ``/apis`` or, below a parent, ``/apis/{api_id}/plugins``: the variable is the field
    that holds the parent's key, and is forced on every row written there. A ``read_only`` one lists
    rows that are written elsewhere, and has no items.
    """

    path: str
    read_only: bool = False

    @property
    def parent_field(self) -> str | None:
        """The forced field, or None for a collection of the root."""
        start = self.path.find("{")
        return self.path[start + 1 : self.path.index("}")] if start >= 0 else None


def _unchanged(row: Row, before: Row | None) -> Row:  # noqa: ARG001  (the interface)
    return row


def _nothing(row: Row) -> Sequence[str]:  # noqa: ARG001  (the interface)
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One table of entities.

    Attributes:
        name: the table, and Kong's ``collection``: ``apis``, ``keyauth_credentials``.
        model: the entity's schema; its fields are the columns.
        key: the primary key, one column.
        replace_key: the fields whose presence in a PUT body makes it a replace.
        alternate: a second field by which a path segment may name a row.
        parents: field -> name of the kind whose key it holds; deletes cascade.
        unique: groups of fields whose values (absent counts as one) no two rows share; a group
            of which a row has nothing is not looked at.
        lookups: fields that workers look rows up by, besides the key.
        secrets: fields that logs, change rows and listings of settings must not show.
        resident: workers hold every row in memory (routes, plugins) instead of a cache.
        logged: writes make a revision; False for the registry of nodes.
        expires: rows may carry an expiry, after which they are not seen.
        created_at_ms: the precision of ``created_at``, in milliseconds.
        collections: the places in the Admin API.
        old_names: a field's name in older versions -> its name; writes and filters take either.
        patch_needs_field: a PATCH without any field is refused, instead of changing nothing.
        taken: first field of a unique group -> what a row is refused with whose values are taken;
            without an entry, that the value already exists.
        prepare: completes a validated row before it is written, given also the row that it takes
            the place of (None: it is a new one); may raise SchemaError. It may be called
            inside the transaction, and must neither wait nor take long.
        notes: what a client is warned of about a row it wrote.
    """

    name: str
    model: type[Schema]
    key: str = "id"
    replace_key: tuple[str, ...] = ("id",)
    alternate: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[tuple[str, ...], ...] = ()
    lookups: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    resident: bool = False
    logged: bool = True
    expires: bool = False
    created_at_ms: int = 1000
    collections: tuple[Collection, ...] = ()
    old_names: Mapping[str, str] = field(default_factory=dict)
    patch_needs_field: bool = False
    taken: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Row, Row | None], Row] = _unchanged
    notes: Callable[[Row], Sequence[str]] = _nothing

    @property
    def indexed(self) -> tuple[str, ...]:
        """The fields whose values a change row names: key, look-ups and parents."""
        return tuple(dict.fromkeys((self.key, *self.lookups, *self.parents)))

    def index_values(self, row: Row, salt: bytes) -> dict[str, str]:
        """Return field -> value of the indexed fields, secrets as :meth:`token`."""
        return {name: self.token(name, row[name], salt) for name in self.indexed if name in row}

    def token(self, name: str, value: object, salt: bytes) -> str:
        """Return how ``value`` of the field ``name`` is written in the change log.

        A secret becomes a digest keyed with the datastore's ``salt`` (1 to 64 bytes), so that the
        log says which cached answers fall without saying what the secret was.
        """
        text = str(value)
        if name not in self.secrets:
            return text
        return hashlib.blake2b(text.encode(), key=salt, digest_size=16).hexdigest()

    def without_secrets(self, row: Row, salt: bytes) -> Row:
        """Return ``row`` with each secret replaced by its token."""
        return {
            name: self.token(name, value, salt) if name in self.secrets else value
            for name, value in row.items()
        }


class Catalog(Mapping[str, Kind]):
    """Every kind of this node, by name, parents before children."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds: dict[str, Kind] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise PluginError(f"entity '{kind.name}' is declared twice")
            missing = [parent for parent in kind.parents.values() if parent not in self._kinds]
            if missing:
                raise PluginError(f"entity '{kind.name}' belongs to unknown '{missing[0]}'")
            self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> Kind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def children(self, kind: Kind) -> Iterator[tuple[Kind, str]]:
        """Yield each kind whose rows belong to ``kind``, with the field that says so."""
        for child in self._kinds.values():
            for name, parent in child.parents.items():
                if parent == kind.name:
                    yield child, name

    def resident(self) -> tuple[Kind, ...]:
        """Return the kinds that workers hold whole."""
        return tuple(kind for kind in self._kinds.values() if kind.resident)
