# C types for the compiled build of client_end.py.

from colobus.gateway.environment cimport Environment
from colobus.gateway.loop cimport Protocol

cdef class ClientEnd(Protocol):
    cdef public Environment environment
    cdef public bytes forwarded
    cdef public str peer, scheme
    cdef public long long requests, serial
    cdef public bint is_trusted

    cpdef want_body(self)
    cpdef hold_for_upstream(self)
    cpdef release_for_upstream(self)
    cpdef send(self, bytes data)
    cpdef exchange_ended(self, bint keep_alive)
    cpdef abort(self)
