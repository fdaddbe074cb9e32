# C types for the compiled build of relay.py.

from colobus.gateway.exchange cimport Exchange
from colobus.gateway.wire cimport ResponseHead, drop_lines, find, remove

cpdef bytes proxied_head(Exchange exchange, ResponseHead head, bint until_close)
cpdef bytes proxied_framing(Exchange exchange, ResponseHead head, bint until_close)
cdef bytes ending(Exchange exchange)
cdef bytes status_line(int status, bytes reason=*)
cdef bytes milliseconds(double seconds)
