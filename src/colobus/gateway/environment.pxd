# C types for the compiled build of environment.py.

from colobus.gateway.access_log cimport AccessLog
from colobus.gateway.chain cimport ChainTable
from colobus.gateway.loop cimport Loop
from colobus.gateway.pool cimport Poolable, UpstreamPool
from colobus.gateway.router cimport Router
from colobus.gateway.wire cimport HeadLimits
from colobus.gateway.worker_stats cimport WorkerStats

cdef class Environment:
    cdef public AccessLog access_log
    cdef public Loop loop
    cdef public HeadLimits limits
    cdef public ChainTable chains
    cdef public Router router
    cdef public WorkerStats stats
    cdef public UpstreamPool pool
    cdef public object clients, clock, emptied, resolver
    cdef public object settings, spawn, tls
    cdef public bytes date_text, server_line, via_line
    cdef public long long date_second, serial, turn
    cdef public bint is_draining, is_sweeping, latency_tokens, resolves_dots

    cpdef bytes date_line(self)
    cpdef keep(self, Poolable upstream)
