# C types for the compiled build of handler.py.

from colobus.plugins.quotas cimport identifier_of
from colobus.plugins.rate_limiting.quota cimport Quota

cimport cython

@cython.locals(this_call=int, shown=tuple)
cdef bint _show(exchange, Quota quota, list usage) except -1
