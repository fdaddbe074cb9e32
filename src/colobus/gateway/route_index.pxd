# C types for the compiled build of route_index.py.

cimport cython

from colobus.gateway.route cimport Match
from colobus.gateway.wire cimport find_byte

cdef class _Lengths:
    cdef public dict _counts
    cdef public tuple longest_first

cdef class RouteIndex:
    cdef public dict _best, _others, _directories
    cdef public Py_ssize_t _deepest

    cpdef Match without_uri(self, bytes verb)
    @cython.locals(starts=list, start=Py_ssize_t, end=Py_ssize_t, lengths=_Lengths, length=Py_ssize_t)
    cpdef Match longest(self, bytes verb, bytes path)
