# What other compiled modules may use of worker_stats.pyx without going through Python.

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t

cdef class WorkerStats:
    cdef Py_buffer _view
    cdef int64_t *_numbers

    cpdef request_begun(self)
    cpdef moved(self, int before, int after)
