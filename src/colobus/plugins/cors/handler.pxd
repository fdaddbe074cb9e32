# C types for the compiled build of handler.py.

cdef dict _origin_headers(exchange, config)
cdef bint _varies(list values) except -1
