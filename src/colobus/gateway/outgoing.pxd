# C types for the compiled build of outgoing.py.

from colobus.gateway.exchange cimport Exchange
from colobus.gateway.request cimport Request
from colobus.gateway.route cimport Match

cpdef tuple outgoing(Exchange exchange, Match match)
cpdef bytes target_of(Exchange exchange, Match match)
cpdef bytes host_of(Exchange exchange, Match match)
cpdef bytes forwarded_of(Exchange exchange)
