# C types for the compiled build of access_log.py.

cimport cython

from colobus.gateway.client_end cimport ClientEnd
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.loop cimport Loop
from colobus.gateway.wire cimport RequestHead, find
from colobus.logs.escaping cimport escaped, escaped_word
from colobus.logs.line cimport TimeStamp, combined_line, request_line

cdef class AccessLog:
    cdef public Loop loop
    cdef public object sink
    cdef public list lines
    cdef public long long size
    cdef public bint is_armed
    cdef public TimeStamp stamp

    @cython.locals(
        head=RequestHead, client=ClientEnd, address=str, request=bytes, line=bytes,
        ended_at=double, forwarded_at=double,
    )
    cpdef add(self, Exchange exchange)
    cpdef append(self, bytes line)
    cpdef flush(self)

cdef bytes name_of(dict consumer)
