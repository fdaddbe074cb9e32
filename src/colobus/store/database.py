"""What differs between the databases: connections, the start of transactions, their errors.

This is the only seam. A further database is one more module like :mod:`colobus.store.sqlite` and
:mod:`colobus.store.postgres`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from colobus.errors import StoreError

__all__ = ["Database"]


class Database(Protocol):
    """One database, through bounded pools of connections.

    The three contexts begin a transaction, commit it when they are left, and roll it back when
    they are left with an error; that includes cancellation. With ``single`` one statement follows,
    which may be a transaction by itself.
    """

    @property
    def is_telling(self) -> bool:
        """Whether what anybody tells after this moment is heard by :meth:`listen`."""

    async def prepare(self) -> None:
        """Check that the database is there, or make it; nothing in it is read.

        Raises:
            StoreUnusableError: a person must act.
            StoreUnavailableError: it may succeed later.
        """

    def reading(self, *, single: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction whose statements all see the same snapshot."""

    def writing(self, *, single: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction that sees what is committed once it holds the counter row's lock."""

    def migrating(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction that no other node's migration runs beside; foreign keys rest."""

    async def tell(self, connection: AsyncConnection, message: str) -> None:
        """Tell everyone who listens once the transaction of ``connection`` commits, if it can."""

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Take what is told, until cancelled; return where nothing ever is.

        Args:
            heard: takes each message.
            connected: called when messages begin to arrive, again after each outage.
        """

    def explain(self, error: DBAPIError | PoolTimeoutError) -> StoreError:
        """Return what an error of the driver, or no connection in time, means.

        The text holds no value of any row.
        """

    async def close(self) -> None:
        """Release every connection."""
