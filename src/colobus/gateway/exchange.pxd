# C types for the compiled build of exchange.py.

from colobus.gateway.body cimport RequestBody
from colobus.gateway.chain cimport ChainedExchange
from colobus.gateway.client_end cimport ClientEnd
from colobus.gateway.delivery cimport Delivery
from colobus.gateway.environment cimport Environment
from colobus.gateway.request cimport Request
from colobus.gateway.response cimport Response
from colobus.gateway.route cimport Match, Route
from colobus.gateway.wire cimport RequestHead

cdef class Exchange(ChainedExchange):
    cdef public ClientEnd client
    cdef public Environment environment
    cdef public RequestHead head
    cdef public RequestBody body
    cdef public Match match
    cdef public Route route
    cdef public Delivery delivery
    cdef public Request request_view
    cdef public Response response_view
    cdef public object addresses, task, transform
    cdef public list tries
    cdef public tuple upstream_key
    cdef public dict context, credential
    cdef public bytes host, method, path, protocol, query, raw_path, sent_head
    cdef public bint is_begun, is_debugged, is_head, is_over, keep_alive, wants_tunnel
    cdef public long long head_bytes, request_serial, sent_bytes
    cdef public int status
    cdef public double answered_at, ended_at, forwarded_at, received_at, started_at
