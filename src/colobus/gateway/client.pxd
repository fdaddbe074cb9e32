# C types for the compiled build of client.py.

from colobus.gateway.body cimport RequestBody
from colobus.gateway.client_end cimport ClientEnd
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.loop cimport Transport
from colobus.gateway.timers cimport Timer
from colobus.gateway.upstream cimport UpstreamConnection
from colobus.gateway.wire cimport RequestHead, parse_request

cdef class ClientConnection(ClientEnd):
    cdef public Exchange exchange
    cdef public RequestBody body
    cdef public Transport transport
    cdef public Timer timer
    cdef public bytes buffer
    cdef public int counted, paused, state
    cdef public long long discarded, unsent
    cdef public double head_began_at
    cdef public bint is_eof, is_expecting, write_paused

    cpdef read_on(self)
    cpdef read_head(self, bytes data)
    cpdef begin(self, RequestHead head, bytes data)
    cpdef read_body(self, bytes data, RequestBody body)
    cpdef watch_body(self, RequestBody body)
    cpdef hold(self, bytes data)
    cpdef become_idle(self)
    cpdef pause(self, int reason)
    cpdef release(self, int reasons)
    cpdef UpstreamConnection upstream(self)
    cpdef arm(self, double seconds)
    cpdef close_gently(self)
    cpdef close(self)
    cpdef linger(self)
    cpdef count_as(self, int kind)
