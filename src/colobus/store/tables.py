"""Tables, derived from the kinds: a field is a column, a parent a foreign key.

What is declared here is what the migrations made; a test compares the two. Migrations are frozen
and do not read this module, except for the column types at its top, which never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from colobus.errors import PluginError
from colobus.model.kind import Catalog, Kind
from colobus.store.migrate import REVISIONS
from colobus.store.values import column_types

__all__ = ["EXPIRES_AT", "Number", "Tables", "column_type", "declare"]

EXPIRES_AT = "expires_at"
"""The hidden column of kinds whose rows may expire: milliseconds since the epoch, or NULL."""

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}
"""Every constraint has a name of its own, so that a later migration can drop it."""


class Number(TypeDecorator[float]):
    """A number that may have a fraction; whole ones come back as integers, as they went in."""

    impl = Float(53)
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002  (a hook of SQLAlchemy)
        """Return a whole number as an integer."""
        return int(value) if value is not None and value == int(value) else value


def column_type(name: str) -> TypeEngine[Any]:
    """Return the column type of a field type (:func:`colobus.store.values.column_types`).

    Ids travel as text. Lists and objects compare by value: on SQLite the engine writes them in one
    canonical form, on PostgreSQL they are ``jsonb``.
    """
    types: Mapping[str, TypeEngine[Any]] = {
        "id": Uuid(as_uuid=False),
        "string": Text(),
        "url": Text(),
        "integer": BigInteger(),
        "timestamp": BigInteger(),
        "number": Number(),
        "boolean": Boolean(),
        "array": _json(),
        "table": _json(),
    }
    return types[name]


def _json() -> TypeEngine[Any]:
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


@dataclass(frozen=True, slots=True)
class Tables:
    """Every table of the datastore.

    Attributes:
        datastore: one row: id, salt, and the revision, which is the lock of all writers.
        changes: the log.
        entities: kind name -> its table.
    """

    metadata: MetaData
    datastore: Table
    changes: Table
    entities: Mapping[str, Table]


def declare(catalog: Catalog) -> Tables:
    """Return the tables of a datastore that holds the kinds of ``catalog``.

    Raises:
        PluginError: a kind uses a name that is taken by the datastore itself.
    """
    metadata = MetaData(naming_convention=NAMING)
    datastore = Table(
        "datastore",
        metadata,
        Column("id", Uuid(as_uuid=False), primary_key=True),
        Column("salt", LargeBinary(), nullable=False),
        Column("revision", BigInteger(), nullable=False),
    )
    changes = Table(
        "changes",
        metadata,
        Column("revision", BigInteger(), primary_key=True, autoincrement=False),
        Column("position", Integer(), primary_key=True, autoincrement=False),
        Column("kind", Text(), nullable=False),
        Column("operation", Text(), nullable=False),
        Column("key", Text(), nullable=False),
        Column("old_index", _json(), nullable=False),
        Column("new_index", _json(), nullable=False),
        Column("row", _json()),
        Column("origin", Text(), nullable=False),
        Column("at_ms", BigInteger(), nullable=False),
    )
    entities: dict[str, Table] = {}
    for kind in catalog.values():
        if kind.name in (*metadata.tables, REVISIONS.name):
            raise PluginError(f"entity '{kind.name}' has the name of a table of the datastore")
        entities[kind.name] = _entity(metadata, catalog, kind)
    return Tables(metadata, datastore, changes, entities)


def _entity(metadata: MetaData, catalog: Catalog, kind: Kind) -> Table:
    columns = [_column(catalog, kind, name) for name in kind.model.model_fields]
    if kind.expires:
        columns.append(Column(EXPIRES_AT, BigInteger()))
    unique = [UniqueConstraint(*group) for group in kind.unique]
    table = Table(kind.name, metadata, *columns, *unique)
    leading = {group[0] for group in kind.unique} | {kind.key}
    for name in _searched(kind):
        if name not in leading:
            Index(None, table.c[name])
    return table


def _searched(kind: Kind) -> tuple[str, ...]:
    """Return the columns that rows are found by, which an index makes cheap."""
    expiry = (EXPIRES_AT,) if kind.expires else ()
    alternate = (kind.alternate,) if kind.alternate is not None else ()
    return tuple(dict.fromkeys((*alternate, *kind.lookups, *kind.parents, *expiry)))


def _column(catalog: Catalog, kind: Kind, name: str) -> Column[Any]:
    parent = kind.parents.get(name)
    # Children are deleted row by row, each with its change; the database's own cascade only sees
    # to it that a row added by hand cannot outlive its parent.
    references = (
        (ForeignKey(f"{parent}.{catalog[parent].key}", ondelete="CASCADE"),) if parent else ()
    )
    is_key = name == kind.key
    return Column(
        name,
        column_type(column_types(kind)[name]),
        *references,
        primary_key=is_key,
        nullable=not (is_key or kind.model.model_fields[name].is_required()),
    )
