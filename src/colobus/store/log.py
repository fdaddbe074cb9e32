"""Rules of the change log that do not depend on where it is stored. Pure."""

from collections.abc import Sequence

from colobus.model.change import Change

__all__ = ["LOG_LIMIT", "reaches_back", "whole_transactions"]

LOG_LIMIT = 100_000
"""Revisions that the log keeps. A node that was away for more loads everything anew, which is
cheaper than replaying them; at a few hundred bytes each the log stays within tens of megabytes."""


def reaches_back(asked: int, newest: int, oldest: int | None) -> bool:
    """Say whether the log holds everything behind the revision ``asked``.

    Args:
        asked: what the reader has.
        newest: the datastore's revision.
        oldest: the first revision in the log, None when the log is empty.

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
