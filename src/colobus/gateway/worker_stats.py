"""The numbers of one worker, in memory that others read. Pure.

``worker_stats.pyx`` is its compiled twin.
"""

__all__ = ["GAUGES", "SLOT_BYTES", "TOTALS", "WorkerStats"]

GAUGES = (
    "connections_active",
    "connections_reading",
    "connections_writing",
    "connections_waiting",
)
"""What is now; starts from zero with each worker. Everything else only grows."""

TOTALS = ("connections_accepted", "connections_handled", "total_requests")

PLACES = {name: place for place, name in enumerate((*GAUGES, *TOTALS))}
"""Name -> place, counted in int64; those of the gauges are also the kinds of ``presence.py``."""

SLOT_BYTES = 8 * len(PLACES)

TOTAL_REQUESTS = PLACES["total_requests"]


class WorkerStats:
    """The numbers of one worker, named as in ``GET /status``.

    What every request changes has a method, the rest are attributes. No lock: one worker writes,
    and readers see each number whole.

    Args:
        memory: of :data:`SLOT_BYTES` bytes, writable.
    """

    __slots__ = ("_numbers",)

    connections_active: int
    connections_reading: int
    connections_writing: int
    connections_waiting: int
    connections_accepted: int
    connections_handled: int
    total_requests: int

    _numbers: memoryview

    def __init__(self, memory: memoryview) -> None:
        object.__setattr__(self, "_numbers", memory.cast("B").cast("q"))

    def __getattr__(self, name: str) -> int:
        place = PLACES.get(name)
        if place is None:
            raise AttributeError(name)
        return self._numbers[place]

    def __setattr__(self, name: str, value: int) -> None:
        place = PLACES.get(name)
        if place is None:
            raise AttributeError(name)
        self._numbers[place] = value

    def request_begun(self) -> None:
        """Count a request."""
        self._numbers[TOTAL_REQUESTS] += 1

    def moved(self, before: int, after: int) -> None:
        """Count a connection under ``after``, no longer under ``before`` (see ``presence.py``)."""
        numbers = self._numbers
        if before:
            numbers[before] -= 1
        if after:
            numbers[after] += 1

    def reset_gauges(self) -> None:
        """Set to zero what a dead worker left behind; for the worker that takes over its slot."""
        for name in GAUGES:
            setattr(self, name, 0)
