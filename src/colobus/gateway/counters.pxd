# What other compiled modules may use of counters.pyx without going through Python.

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t

cdef class SharedCounters:
    cdef readonly object _memory
    cdef readonly dict _groups, _window_names
    cdef public long long lock_timeouts
    cdef Py_buffer _view
    cdef char *_start
    cdef int64_t _process_id
    cdef Py_ssize_t _buckets
    cdef int _fd

    cpdef list consume(self, str group, windows, double now)
    cpdef list read(self, str group, windows, double now)
    cpdef add(self, str group, windows, amount, double now)
    cdef list _change(self, str group, windows, int64_t amount, double now, bint is_bound)
    cpdef count(self, str group, str key, double now)
    cpdef tuple _locate(self, str group)
    cdef bytes _window_name(self, str key)
    cdef char *_bucket(self, Py_ssize_t start) except NULL
    cdef int _lock_bucket(self, char *bucket) except -1
    cdef int _wait(self, int64_t *lock) except -1
    cdef void _unlock_bucket(self, char *bucket) noexcept
