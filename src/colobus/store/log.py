"""Rules of the change log that do not depend on where it is stored. Pure."""

from collections.abc import Sequence

from colobus.model.change import Change

__all__ = ["LOG_LIMIT", "message_of", "reaches_back", "revision_of", "whole_transactions"]

LOG_LIMIT = 100_000
"""Revisions that the log keeps. A node that was away for more loads everything anew, which is
cheaper than replaying them; at a few hundred bytes each the log stays within tens of megabytes."""

MOST_DIGITS = 18
"""Of a revision in a message; a 64-bit counter never gets there."""


def reaches_back(asked: int, newest: int, oldest: int | None) -> bool:
    """Say whether the log holds everything behind the revision ``asked``.

    Args:
        asked: what the reader has.
        newest: the datastore's revision.
        oldest: the first revision in the log, or the first behind ``asked``; None when there is
            none.

    A reader ahead of the datastore is told no: the datastore went backwards (a restored backup).
    """
    if asked >= newest:
        return asked == newest
    return oldest is not None and oldest <= asked + 1


def whole_transactions(changes: Sequence[Change], limit: int) -> Sequence[Change]:
    """Return ``changes`` without the transaction that does not fit into ``limit`` of them.

    ``changes`` holds one more than the limit when there are more. The result is empty when the
    first transaction alone does not fit; the reader then takes that one whole.
    """
    if len(changes) <= limit:
        return changes
    cut = changes[limit].revision
    return [change for change in changes[:limit] if change.revision < cut]


def message_of(datastore_id: str, revision: int) -> str:
    """Return the message that ``revision`` of the datastore exists."""
    return f"{datastore_id}:{revision}"


def revision_of(datastore_id: str, message: str) -> int | None:
    """Return the revision that ``message`` is of; None if it is no such message of the datastore."""
    datastore, _, number = message.partition(":")
    if datastore != datastore_id or not (number.isascii() and number.isdecimal()):
        return None
    return int(number) if len(number) <= MOST_DIGITS else None
