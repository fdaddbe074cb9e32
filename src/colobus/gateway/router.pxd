# C types for the compiled build of router.py.

from colobus.gateway.route cimport Match
from colobus.gateway.route_index cimport RouteIndex

cdef class _Host:
    cdef public RouteIndex any_method, by_method

cdef class _Wildcards:
    cdef public dict entries, _counts
    cdef public tuple depths

cdef class Router:
    cdef public dict _routes, _plain
    cdef public _Host _anywhere
    cdef public _Wildcards _leading, _trailing

    cpdef Match match(self, bytes method, bytes path, bytes host)
    cdef _hosts_of(self, bytes header)
