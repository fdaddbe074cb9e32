# C types for the compiled build of relay.py.

from colobus.gateway.chain cimport body_filter_steps, header_filter_steps, log_steps
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.wire cimport ResponseHead, drop_lines, find, length_line

cpdef bytes proxied_head(Exchange exchange, ResponseHead head, bint until_close)
cpdef bytes proxied_framing(Exchange exchange, ResponseHead head, bint until_close)
cdef bytes ending(Exchange exchange)
cdef bytes status_line(int status, bytes reason=*)
cdef bytes milliseconds(double seconds)
