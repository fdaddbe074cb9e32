# C types for the compiled build of authentication.py.

cimport cython

cpdef bint is_identified(exchange, str anonymous) except -1
cpdef set_consumer(exchange, dict consumer, dict credential)
cpdef set_anonymous(exchange, dict consumer)
@cython.locals(known=tuple)
cdef _headers_of(dict consumer, dict credential)
