"""The rules of writing, once for every implementation of the store.

:class:`Writer` is a transaction over :class:`Rows`: it fills in ids and times, checks keys, unique
groups and parents in that order, walks what belongs to a deleted row, and collects one change for
each row it touches. Where rows are kept is not its business.

A row past its expiry is there until it is swept, but nobody sees it: it is no parent, takes no
name, and makes room for a row that needs its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from colobus.clock import Clock
from colobus.errors import ForeignKeyError, SchemaError, UniqueError
from colobus.model.change import Change, ChangeOperation
from colobus.model.kind import Catalog, Kind
from colobus.model.schema import Row
from colobus.store.values import (
    MOST_INDEXED_BYTES,
    is_storable,
    is_too_long_for_an_index,
)

__all__ = ["Rows", "Stored", "Writer"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A row with its expiry, in milliseconds since the epoch; None never expires."""

    row: Row
    expires_at_ms: int | None = None

    def is_seen(self, now_ms: int) -> bool:
        """Say whether the row has not expired."""
        return self.expires_at_ms is None or self.expires_at_ms > now_ms


class Rows(Protocol):
    """The rows as one transaction sees them, expired ones included."""

    async def find(self, kind: Kind, where: Mapping[str, Any]) -> Sequence[Stored]:
        """Return the rows whose fields equal ``where``; None means an absent field."""

    async def belonging(self, kind: Kind, field: str, parents: Sequence[str]) -> Sequence[Stored]:
        """Return the rows whose ``field`` is one of ``parents``."""

    async def expired(self, kind: Kind, now_ms: int, limit: int) -> Sequence[Stored]:
        """Return at most ``limit`` rows whose expiry has passed."""

    async def add(self, kind: Kind, stored: Stored) -> None:
        """Add a row."""

    async def replace(self, kind: Kind, stored: Stored) -> None:
        """Replace the row of the same key."""

    async def remove(self, kind: Kind, keys: Sequence[str]) -> None:
        """Remove the rows of these keys."""


class Writer:
    """Implements :class:`colobus.store.interface.Transaction`.

    Args:
        rows: where the rows are.
        catalog: every kind of this node.
        clock: time.
        salt: of the datastore, for tokens of secrets.
        revision: the datastore's, which no one else can move during this transaction.
        origin: the node that writes.
    """

    def __init__(
        self,
        rows: Rows,
        catalog: Catalog,
        clock: Clock,
        *,
        salt: bytes,
        revision: int,
        origin: str,
    ) -> None:
        self.revision = revision
        self.changes: list[Change] = []
        self._rows = rows
        self._catalog = catalog
        self._salt = salt
        self._origin = origin
        self._clock = clock
        self._next_revision = revision + 1

    def seal(self) -> None:
        """Make ``revision`` the one that committing this transaction makes."""
        if self.changes:
            self.revision = self._next_revision

    async def get(self, kind: Kind, key: str) -> Row | None:
        """Return the row as this transaction sees it."""
        stored = await self._find_seen(kind, key)
        return stored.row if stored is not None else None

    async def insert(self, kind: Kind, row: Row, *, ttl_s: float | None = None) -> Row:
        """Insert ``row``; see :meth:`colobus.store.interface.Transaction.insert`."""
        filled = self._in_order(kind, self._filled(kind, row))
        if row.get(kind.key) is not None:  # a key made here is random: nobody has it
            await self._claim(kind, filled, (kind.key,), own_key=None)
        await self._check(kind, filled, before=None)
        await self._rows.add(kind, Stored(filled, self._expiry(kind, ttl_s)))
        self._log(kind, "insert", None, filled)
        return filled

    async def update(self, kind: Kind, row: Row, *, ttl_s: float | None = None) -> Row | None:
        """Replace the row of the same key; see :class:`~colobus.store.interface.Transaction`."""
        key = row[kind.key]
        before = await self._find_seen(kind, key)
        if before is None:
            return None
        after = self._in_order(kind, row)
        stored = Stored(after, before.expires_at_ms if ttl_s is None else self._expiry(kind, ttl_s))
        if stored == before:
            return after
        await self._check(kind, after, before.row)
        await self._rows.replace(kind, stored)
        if after != before.row:  # where only the expiry moved, what readers hold is still right
            self._log(kind, "update", before.row, after)
        return after

    async def delete(self, kind: Kind, key: str) -> Row | None:
        """Delete the row and everything that belongs to it, children first."""
        stored = await self._find_seen(kind, key)
        if stored is None:
            return None
        await self._remove(kind, [stored])
        return stored.row

    async def sweep(self, kind: Kind, limit: int) -> int:
        """Delete at most ``limit`` expired rows and what belongs to them; return how many."""
        expired = await self._rows.expired(kind, self._now_ms(), limit)
        await self._remove(kind, expired)
        return len(expired)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)

    def _expiry(self, kind: Kind, ttl_s: float | None) -> int | None:
        if ttl_s is None:
            return None
        if not kind.expires:
            raise ValueError(f"rows of '{kind.name}' do not expire")
        return self._now_ms() + int(ttl_s * 1000)

    def _filled(self, kind: Kind, row: Row) -> Row:
        """Return ``row`` with the id and the time that the store gives."""
        fields = kind.model.model_fields
        filled = {name: value for name, value in row.items() if value is not None}
        if kind.key == "id":
            filled.setdefault("id", str(uuid4()))
        if "created_at" in fields:
            step = kind.created_at_ms
            filled.setdefault("created_at", self._now_ms() // step * step)
        return filled

    @staticmethod
    def _in_order(kind: Kind, row: Row) -> Row:
        """Return ``row`` with its fields in the order of the model, None as absent."""
        fields = kind.model.model_fields
        unknown = row.keys() - fields.keys()
        if unknown:
            raise ValueError(f"'{kind.name}' has no field {', '.join(sorted(unknown))}")
        searched = _searched(kind)
        for name, value in row.items():
            if not is_storable(value):
                raise SchemaError({name: f"{name} has a character that cannot be stored"})
            if name in searched and is_too_long_for_an_index(value):
                raise SchemaError({name: f"{name} is longer than {MOST_INDEXED_BYTES} bytes"})
        return {name: row[name] for name in fields if row.get(name) is not None}

    async def _find_seen(self, kind: Kind, key: str) -> Stored | None:
        now_ms = self._now_ms()
        found = await self._rows.find(kind, {kind.key: key})
        return next((stored for stored in found if stored.is_seen(now_ms)), None)

    async def _check(self, kind: Kind, row: Row, before: Row | None) -> None:
        """Check a row against the others; what it was unique by ``before`` it still is."""
        own_key = None if before is None else before[kind.key]
        for group in kind.unique:
            if before is None or any(row.get(name) != before.get(name) for name in group):
                await self._claim(kind, row, group, own_key)
        for field, parent in kind.parents.items():
            if field in row and await self._find_seen(self._catalog[parent], row[field]) is None:
                raise ForeignKeyError(field, row[field])

    async def _claim(self, kind: Kind, row: Row, group: Sequence[str], own_key: str | None) -> None:
        """Make sure that no other row has the values of ``group``; nothing at all is no value."""
        named = next((field for field in group if field in row), None)
        if named is None:
            return
        now_ms = self._now_ms()
        found = await self._rows.find(kind, {field: row.get(field) for field in group})
        others = [stored for stored in found if stored.row[kind.key] != own_key]
        if any(stored.is_seen(now_ms) for stored in others):
            raise UniqueError(named, row[named], kind.taken.get(named))
        await self._remove(kind, others)

    async def _remove(self, kind: Kind, stored: Sequence[Stored]) -> None:
        if not stored:
            return
        keys = [str(each.row[kind.key]) for each in stored]
        for child, field in self._catalog.children(kind):
            await self._remove(child, await self._rows.belonging(child, field, keys))
        await self._rows.remove(kind, keys)
        for each in stored:
            self._log(kind, "delete", each.row, None)

    def _log(
        self, kind: Kind, operation: ChangeOperation, before: Row | None, after: Row | None
    ) -> None:
        row = after if after is not None else before
        if not kind.logged or row is None:
            return
        salt = self._salt
        self.changes.append(
            Change(
                revision=self._next_revision,
                position=len(self.changes),
                kind=kind.name,
                operation=operation,
                key=str(row[kind.key]),
                old_index=kind.index_values(before, salt) if before is not None else {},
                new_index=kind.index_values(after, salt) if after is not None else {},
                row=kind.without_secrets(after, salt) if after is not None else None,
                origin=self._origin,
                at_ms=self._now_ms(),
            )
        )


def _searched(kind: Kind) -> set[str]:
    """Return the fields that have an index of their own, or a part of one."""
    alternate = () if kind.alternate is None else (kind.alternate,)
    grouped = (name for group in kind.unique for name in group)
    return {kind.key, *alternate, *kind.lookups, *kind.parents, *grouped}
