# C types for the compiled build of handler.py.

cdef tuple _find_key(request, names, arguments)
cdef _in_head(request, str name)
cdef bint _needs_body(request, config) except -1
cdef _hide(request, str name, arguments)
cdef bint _is_possible(str key) except -1
