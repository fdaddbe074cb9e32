# C types for the compiled build of delivery.py.

from colobus.gateway.body cimport RequestBody
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.route cimport Route
from colobus.gateway.upstream cimport UpstreamConnection

cdef class Delivery:
    cdef public Exchange exchange
    cdef public Route route
    cdef public RequestBody body
    cdef public UpstreamConnection upstream
    cdef public object addresses
    cdef public bytes head
    cdef public str server_name
    cdef public long long attempts_left, turn
    cdef public bint is_sent, renewed, was_sent

    cpdef start(self)
    cpdef tuple next_key(self)
    cpdef connect(self, tuple key)
    cpdef send(self, UpstreamConnection upstream)
    cpdef body_arrived(self)
    cpdef cancel(self)
