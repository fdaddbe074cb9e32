"""The compiled twin of worker_stats.py."""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t

__all__ = ["GAUGES", "SLOT_BYTES", "TOTALS", "WorkerStats"]

GAUGES = (
    "connections_active",
    "connections_reading",
    "connections_writing",
    "connections_waiting",
)
TOTALS = ("connections_accepted", "connections_handled", "total_requests")
PLACES = {name: place for place, name in enumerate((*GAUGES, *TOTALS))}

cdef enum:
    GAUGE_COUNT = 4
    TOTAL_REQUESTS = 6
    PLACE_COUNT = 7

SLOT_BYTES = 8 * PLACE_COUNT


cdef class WorkerStats:
    """See ``worker_stats.py``."""

    def __init__(self, memory):
        if self._numbers != NULL:
            raise RuntimeError("made already")
        PyObject_GetBuffer(memory, &self._view, PyBUF_WRITABLE)
        if self._view.len < SLOT_BYTES:
            PyBuffer_Release(&self._view)
            raise ValueError(f"{SLOT_BYTES} bytes are needed")
        self._numbers = <int64_t *>self._view.buf

    def __dealloc__(self):
        if self._numbers != NULL:
            PyBuffer_Release(&self._view)

    def __getattr__(self, name):
        place = PLACES.get(name)
        if place is None:
            raise AttributeError(name)
        return self._numbers[<int>place]

    def __setattr__(self, name, value):
        place = PLACES.get(name)
        if place is None:
            raise AttributeError(name)
        self._numbers[<int>place] = value

    cpdef request_begun(self):
        """See ``worker_stats.py``."""
        self._numbers[TOTAL_REQUESTS] += 1

    cpdef moved(self, int before, int after):
        """See ``worker_stats.py``."""
        if not (0 <= before < GAUGE_COUNT and 0 <= after < GAUGE_COUNT):
            raise IndexError("no kind of presence")
        if before:
            self._numbers[before] -= 1
        if after:
            self._numbers[after] += 1

    def reset_gauges(self):
        """See ``worker_stats.py``."""
        cdef int place
        for place in range(GAUGE_COUNT):
            self._numbers[place] = 0
