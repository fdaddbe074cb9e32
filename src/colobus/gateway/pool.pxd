# C types for the compiled build of pool.py.

from colobus.gateway.loop cimport Protocol

cdef class Poolable(Protocol):
    cdef public tuple key
    cdef public double idle_since

    cpdef close(self)

cdef class UpstreamPool:
    cdef public dict by_key, by_age
    cdef public Py_ssize_t limit
    cdef public double idle_timeout

    cpdef Poolable take(self, tuple key)
    cpdef Poolable put(self, Poolable connection, double now)
    cpdef discard(self, Poolable connection)
