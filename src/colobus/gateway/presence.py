"""What a client connection counts as in ``GET /status`` (:class:`WorkerStats` counts). Pure."""

from typing import Final

__all__ = ["ABSENT", "READING", "WAITING", "WRITING"]

ABSENT: Final = 0
READING: Final = 1
"""It is sending the head of a request, or has not sent anything yet."""
WRITING: Final = 2
"""A request is being served."""
WAITING: Final = 3
"""It is open between two requests."""
