"""The datastore as the rest of the node sees it: rows by kind, transactions, the change log.

One interface, two implementations: :class:`colobus.store.sql.SqlStore` and the shipped fake
:class:`colobus.testing.store.MemoryStore`; ``tests/contract/test_store.py`` runs over both.

Rows are plain dicts (:data:`~colobus.model.schema.Row`): field -> JSON value, absent instead of
None. They come in validated; the store checks what only it can know: uniqueness and parents.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from colobus.model.change import Change, Snapshot
from colobus.model.kind import Kind
from colobus.model.schema import Row

__all__ = ["ChangeBatch", "LookupAnswer", "LookupKey", "Page", "Store", "Transaction"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; ``offset`` is the token of the next page, None on the last one."""

    rows: Sequence[Row]
    total: int
    offset: str | None


@dataclass(frozen=True, slots=True)
class LookupKey:
    """A question of the data path: the rows of ``kind`` whose ``field`` equals ``value``."""

    kind: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """Answers, in the order of the questions, true at ``revision`` (one snapshot)."""

    revision: int
    rows: Sequence[Sequence[Row]]


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """What followed a revision.

    Attributes:
        revision: the newest revision of the datastore in the same snapshot.
        changes: the changes, oldest first, only whole transactions; may end before ``revision``
            when the limit was reached.
        complete: False when the log no longer reaches back to the revision asked for; the
            reader must load everything anew.
    """

    revision: int
    changes: Sequence[Change]
    complete: bool


class Transaction(Protocol):
    """Writes that become visible together, as one revision, or not at all.

    ``revision`` is known when the transaction's context is left without an error: the new
    revision, or the unchanged current one when nothing was changed.
    """

    revision: int

    async def get(self, kind: Kind, key: str) -> Row | None:
        """Return the row as this transaction sees it."""

    async def insert(self, kind: Kind, row: Row, *, ttl_s: float | None = None) -> Row:
        """Insert ``row``; a missing ``id`` and ``created_at`` are filled in.

        Raises:
            UniqueError: the key or a unique group is taken.
            ForeignKeyError: a parent does not exist.
        """

    async def update(self, kind: Kind, row: Row, *, ttl_s: float | None = None) -> Row | None:
        """Replace the row of the same key by ``row``, whole; None when there is none.

        An equal row is no change. Without ``ttl_s`` an expiry stays as it is.

        Raises:
            UniqueError: a unique group is taken by another row.
            ForeignKeyError: a parent does not exist.
        """

    async def delete(self, kind: Kind, key: str) -> Row | None:
        """Delete the row and, row by row, everything that belongs to it; None when there is none.

        Each deleted row has its change in the log, children before parents.
        """


class Store(Protocol):
    """A datastore. Every method raises StoreUnavailableError when it cannot be reached."""

    @property
    def salt(self) -> bytes:
        """The datastore's salt for tokens of secrets (:meth:`Kind.token`), 16 bytes."""

    @property
    def datastore_id(self) -> str:
        """The UUID made when the datastore was created."""

    async def open(self) -> None:
        """Connect, migrate the schema under a lock, read id and salt.

        Raises:
            StoreUnusableError: corrupt, or of a newer schema than this version knows.
        """

    async def close(self) -> None:
        """Release every connection."""

    async def revision(self) -> int:
        """Return the newest revision; 0 when nothing was ever written."""

    async def get(self, kind: Kind, key: str) -> Row | None:
        """Return the row with this primary key."""

    async def select(self, kind: Kind, where: Mapping[str, Any], *, limit: int) -> Sequence[Row]:
        """Return at most ``limit`` rows whose fields equal ``where``, in no promised order."""

    async def page(
        self, kind: Kind, where: Mapping[str, Any], *, size: int, offset: str | None
    ) -> Page:
        """Return a page of the rows whose fields equal ``where``; ``offset`` as from Page.

        An offset that no page gave starts from the beginning.
        """

    async def count(self, kind: Kind) -> int:
        """Return the number of rows."""

    async def look_up(self, keys: Sequence[LookupKey]) -> LookupAnswer:
        """Answer many questions of the data path in one snapshot."""

    async def load(self, kinds: Sequence[Kind]) -> Snapshot:
        """Return every row of ``kinds`` in one snapshot."""

    async def changes_since(self, revision: int, *, limit: int) -> ChangeBatch:
        """Return the changes behind ``revision``, about ``limit`` of them at most."""

    @property
    def is_telling(self) -> bool:
        """Whether :meth:`listen` hears of every commit now; without it, changes are polled for."""

    async def listen(self, heard: Callable[[int], None], look: Callable[[], None]) -> None:
        """Take hints of the datastore itself, until cancelled; return where it gives none.

        No failure ends it. Both functions are called in the event loop.

        Args:
            heard: takes the revision of a commit, of any node; a hint, never a proof.
            look: called when hints begin to arrive, again after each outage: some were missed.
        """

    def transaction(self, origin: str) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction on behalf of the node ``origin``.

        Leaving the context commits; leaving it with an error undoes everything.
        """

    async def register(self, kind: Kind, row: Row, *, ttl_s: float) -> None:
        """Insert or replace a row of a kind that is not logged, seen for ``ttl_s`` seconds."""

    async def unregister(self, kind: Kind, key: str) -> None:
        """Delete a row of a kind that is not logged; nothing happens when there is none."""

    async def expire(self, origin: str) -> int:
        """Delete rows whose expiry has passed, with their changes; return how many.

        Also forgets the oldest part of the log, when it is longer than the store keeps it.
        """
