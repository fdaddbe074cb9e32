# C types for the compiled build of pipeline.py.

from colobus.gateway.chain cimport run_access, run_rewrite
from colobus.gateway.delivery cimport Delivery
from colobus.gateway.exchange cimport Exchange
from colobus.gateway.outgoing cimport outgoing
from colobus.gateway.route cimport Match, Route
from colobus.gateway.target cimport Target, read_target
from colobus.gateway.uri cimport resolve_dots
from colobus.gateway.wire cimport drop_lines, find

cimport cython

@cython.locals(target=Target)
cpdef start(Exchange exchange)
cpdef rewrite(Exchange exchange)
cpdef access(Exchange exchange)
@cython.locals(match=Match, route=Route)
cpdef find_route(Exchange exchange)
cpdef resolved(Exchange exchange)
@cython.locals(match=Match)
cpdef forward(Exchange exchange)
