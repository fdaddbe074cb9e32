# C types for the compiled build of reply.py.

from colobus.gateway.chain cimport log_steps
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.relay cimport proxied_head
from colobus.gateway.wire cimport ResponseHead

cpdef bytes begin_answer(Exchange exchange, ResponseHead head, bint until_close)
cpdef bint pass_on(Exchange exchange, bytes out, bytes piece, bint is_last) except -1
cpdef finish(Exchange exchange)
cpdef log(Exchange exchange)
cpdef let_go(Exchange exchange)
