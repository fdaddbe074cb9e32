# C types for the compiled build of chain.py.

cdef class Chain:
    cdef public tuple rewrite, access, header_filter, body_filter, log
    cdef public str consumer_id
    cdef public Chain everywhere

cdef class ChainedExchange:
    cdef public dict api, consumer
    cdef public Chain chain
    cdef public long position

    cpdef begin(self)

cdef class ChainTable:
    cdef public object rows
    cdef public long _limit
    cdef public dict _chains, _spliced
    cdef public Chain _everywhere

    cpdef Chain find(self, api_id, consumer_id)
    cpdef Chain switched(self, Chain before, ChainedExchange exchange)

cpdef run_rewrite(ChainTable chains, ChainedExchange exchange)
cpdef run_access(ChainTable chains, ChainedExchange exchange)
cdef _advance(ChainTable chains, ChainedExchange exchange, Chain chain)
cpdef tuple header_filter_steps(ChainedExchange exchange)
cpdef tuple body_filter_steps(ChainedExchange exchange)
cpdef tuple log_steps(ChainedExchange exchange)
cdef tuple _ids(ChainedExchange exchange)
