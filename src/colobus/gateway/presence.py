"""What a client connection counts as in ``GET /status``. Pure."""

from typing import Final

from colobus.gateway.environment import Stats

__all__ = ["ABSENT", "READING", "WAITING", "WRITING", "recount"]

ABSENT: Final = 0
READING: Final = 1
"""It is sending the head of a request, or has not sent anything yet."""
WRITING: Final = 2
"""A request is being served."""
WAITING: Final = 3
"""It is open between two requests."""


def recount(stats: Stats, before: int, after: int) -> None:
    """Count a connection under ``after``, no longer under ``before``."""
    if before == WAITING:
        stats.connections_waiting -= 1
    elif before == READING:
        stats.connections_reading -= 1
    elif before == WRITING:
        stats.connections_writing -= 1
    if after == WAITING:
        stats.connections_waiting += 1
    elif after == READING:
        stats.connections_reading += 1
    elif after == WRITING:
        stats.connections_writing += 1
